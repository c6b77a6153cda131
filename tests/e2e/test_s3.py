"""S3 as boto3, the AWS command line and plain HTTP see it."""

import base64
import hashlib
import http.client
import io
import os
import socket
import threading
import time
import urllib.parse
import uuid
import zlib

import boto3
import botocore
import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest

MB = 1 << 20
KEYS = ["plain.txt", "with space.txt", "a+b.txt", "ünï/çødé 日本.txt", "deep/er/still.txt", "100%/&=?#;,:@$.txt", "~tilde'()*!"]


@pytest.fixture
def bucket(s3):
    name = f"test-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name)
    return name


def failure(call, **arguments):
    """The error's code and status."""
    with pytest.raises(botocore.exceptions.ClientError) as raised:
        call(**arguments)
    response = raised.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def signed(fulmar, method, path, body=b"", headers=None, secret="test", sign=True, send=True):
    """A raw request, signed by botocore, sent as it is."""
    url = fulmar.endpoint + path
    headers = dict(headers or {})
    request = botocore.awsrequest.AWSRequest(method, url, headers=headers, data=body)
    if sign:
        credentials = botocore.credentials.Credentials("test", secret)
        botocore.auth.S3SigV4Auth(credentials, "s3", "us-east-1").add_auth(request)
    if not send:
        return dict(request.headers)
    return plain(url, method, body, dict(request.headers))


def plain(url, method="GET", body=None, headers=None):
    """Adds no header of its own but the length and the host: others would have to be signed."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=60)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    connection.request(method, path, body, headers or {})
    response = connection.getresponse()
    return response.status, response.read(), response.headers


# ---- objects


@pytest.mark.parametrize("key", KEYS)
def test_keys_of_every_sort(s3, bucket, key):
    body = key.encode()
    etag = s3.put_object(Bucket=bucket, Key=key, Body=body)["ETag"]
    assert etag == f'"{hashlib.md5(body).hexdigest()}"'
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == body
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    s3.copy_object(Bucket=bucket, Key=f"{key}.copy", CopySource={"Bucket": bucket, "Key": key})
    assert s3.get_object(Bucket=bucket, Key=f"{key}.copy")["Body"].read() == body
    s3.delete_object(Bucket=bucket, Key=key)
    assert failure(s3.get_object, Bucket=bucket, Key=key) == ("NoSuchKey", 404)


@pytest.mark.parametrize("size", [0, 1, 1000, 32 << 10, (32 << 10) + 1, 5 * MB + 3])
def test_bodies_of_every_size(s3, bucket, size):
    body = os.urandom(size)
    s3.put_object(Bucket=bucket, Key="k", Body=body)
    found = s3.get_object(Bucket=bucket, Key="k")
    assert found["Body"].read() == body
    assert found["ContentLength"] == size
    s3.put_object(Bucket=bucket, Key="streamed", Body=io.BytesIO(body))
    assert s3.get_object(Bucket=bucket, Key="streamed")["Body"].read() == body


def test_metadata_comes_back(s3, bucket):
    said = {
        "ContentType": "image/png",
        "ContentDisposition": "inline",
        "ContentLanguage": "de",
        "ContentEncoding": "gzip",
        "CacheControl": "max-age=60",
        "Metadata": {"who": "me", "two-words": "a b"},
    }
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", **said)
    for found in (s3.get_object(Bucket=bucket, Key="k"), s3.head_object(Bucket=bucket, Key="k")):
        assert {name: found[name] for name in said} == said
    s3.copy_object(Bucket=bucket, Key="kept", CopySource=f"{bucket}/k")
    assert s3.head_object(Bucket=bucket, Key="kept")["Metadata"] == said["Metadata"]
    s3.copy_object(
        Bucket=bucket, Key="k", CopySource=f"{bucket}/k", MetadataDirective="REPLACE", Metadata={"new": "1"}
    )
    assert s3.head_object(Bucket=bucket, Key="k")["Metadata"] == {"new": "1"}
    assert failure(s3.copy_object, Bucket=bucket, Key="k", CopySource=f"{bucket}/k") == ("InvalidRequest", 400)


def test_ranges(s3, bucket):
    body = bytes(range(256)) * 1000
    s3.put_object(Bucket=bucket, Key="k", Body=body)
    for asked, expected in [
        ("bytes=0-0", body[:1]),
        ("bytes=100-199", body[100:200]),
        ("bytes=255990-", body[255990:]),
        ("bytes=-10", body[-10:]),
        ("bytes=255990-999999", body[255990:]),
    ]:
        found = s3.get_object(Bucket=bucket, Key="k", Range=asked)
        assert found["ResponseMetadata"]["HTTPStatusCode"] == 206
        assert found["Body"].read() == expected, asked
    assert found["ContentRange"] == "bytes 255990-255999/256000"
    assert failure(s3.get_object, Bucket=bucket, Key="k", Range="bytes=256000-") == ("InvalidRange", 416)
    assert s3.get_object(Bucket=bucket, Key="k", Range="nonsense")["Body"].read() == body


def test_conditions(s3, bucket):
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"1", IfNoneMatch="*")["ETag"]
    assert failure(s3.put_object, Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*") == ("PreconditionFailed", 412)
    second = s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfMatch=first)["ETag"]
    assert failure(s3.put_object, Bucket=bucket, Key="k", Body=b"3", IfMatch=first) == ("PreconditionFailed", 412)
    assert failure(s3.put_object, Bucket=bucket, Key="no", Body=b"3", IfMatch=first) == ("NoSuchKey", 404)
    assert failure(s3.get_object, Bucket=bucket, Key="k", IfMatch=first) == ("PreconditionFailed", 412)
    assert failure(s3.get_object, Bucket=bucket, Key="k", IfNoneMatch=second) == ("304", 304)
    modified = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    assert failure(s3.get_object, Bucket=bucket, Key="k", IfModifiedSince=modified) == ("304", 304)
    assert s3.get_object(Bucket=bucket, Key="k", IfUnmodifiedSince=modified)["Body"].read() == b"2"
    source = {"Bucket": bucket, "Key": "k"}
    assert failure(s3.copy_object, Bucket=bucket, Key="c", CopySource=source, CopySourceIfMatch=first) == (
        "PreconditionFailed",
        412,
    )
    assert failure(s3.delete_object, Bucket=bucket, Key="k", IfMatch=first) == ("PreconditionFailed", 412)
    s3.delete_object(Bucket=bucket, Key="k", IfMatch=second)


def test_answers_can_be_overridden(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    found = s3.get_object(
        Bucket=bucket, Key="k", ResponseContentType="text/x-other", ResponseContentDisposition="attachment"
    )
    assert (found["ContentType"], found["ContentDisposition"]) == ("text/x-other", "attachment")


def test_deleting_many(s3, bucket):
    keys = [f"k {number}" for number in range(50)]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    objects = [{"Key": key} for key in [*keys, "never there"]]
    deleted = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects})["Deleted"]
    assert sorted(each["Key"] for each in deleted) == sorted([*keys, "never there"])
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


# ---- buckets


def test_buckets(s3):
    name = f"test-{uuid.uuid4().hex[:12]}"
    assert s3.create_bucket(Bucket=name)["Location"] == f"/{name}"
    s3.create_bucket(Bucket=name)
    assert name in [each["Name"] for each in s3.list_buckets()["Buckets"]]
    assert s3.head_bucket(Bucket=name)["BucketRegion"] == "us-east-1"
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] is None
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    assert failure(s3.delete_bucket, Bucket=name) == ("BucketNotEmpty", 409)
    s3.delete_object(Bucket=name, Key="k")
    s3.delete_bucket(Bucket=name)
    assert failure(s3.head_bucket, Bucket=name) == ("404", 404)
    assert failure(s3.list_objects_v2, Bucket=name) == ("NoSuchBucket", 404)


def test_a_bucket_in_a_region(fulmar):
    there = boto3.client(
        "s3", endpoint_url=fulmar.endpoint, region_name="eu-central-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    name = f"test-{uuid.uuid4().hex[:12]}"
    assert failure(there.create_bucket, Bucket=name) == ("IllegalLocationConstraintException", 400)
    where = {"LocationConstraint": "eu-central-1"}
    there.create_bucket(Bucket=name, CreateBucketConfiguration=where)
    assert failure(there.create_bucket, Bucket=name, CreateBucketConfiguration=where) == ("BucketAlreadyOwnedByYou", 409)
    assert there.get_bucket_location(Bucket=name)["LocationConstraint"] == "eu-central-1"


def test_what_tools_look_at(s3, bucket):
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    assert s3.get_bucket_acl(Bucket=bucket)["Grants"][0]["Permission"] == "FULL_CONTROL"
    assert failure(s3.get_bucket_tagging, Bucket=bucket) == ("NoSuchTagSet", 404)
    assert failure(s3.get_bucket_policy, Bucket=bucket) == ("NoSuchBucketPolicy", 404)
    assert failure(s3.get_bucket_cors, Bucket=bucket) == ("NoSuchCORSConfiguration", 404)
    block = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert list(block.values()) == [True] * 4
    rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules == [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}]
    rules = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
    assert rules == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=block)


def test_emptied_by_its_versions(fulmar, s3, bucket):
    for key in KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, PaginationConfig={"PageSize": 2})
    assert sorted(each["Key"] for page in pages for each in page["Versions"]) == sorted(KEYS)
    resource = boto3.resource(
        "s3", endpoint_url=fulmar.endpoint, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    resource.Bucket(bucket).object_versions.delete()
    s3.delete_bucket(Bucket=bucket)


# ---- listing


def test_listing_pages_and_folds(s3, bucket):
    keys = sorted([f"a/{n:02}" for n in range(20)] + [f"b/c/{n:02}" for n in range(20)] + ["a", "b", "z z", "é"])
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    for version in ("list_objects", "list_objects_v2"):
        pages = s3.get_paginator(version).paginate(Bucket=bucket, PaginationConfig={"PageSize": 7})
        assert [each["Key"] for page in pages for each in page.get("Contents", [])] == keys
        pages = list(s3.get_paginator(version).paginate(Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": 2}))
        assert [each["Key"] for page in pages for each in page.get("Contents", [])] == ["a", "b", "z z", "é"]
        assert [each["Prefix"] for page in pages for each in page.get("CommonPrefixes", [])] == ["a/", "b/"]
    found = s3.list_objects_v2(Bucket=bucket, Prefix="b/", Delimiter="/")
    assert [each["Prefix"] for each in found["CommonPrefixes"]] == ["b/c/"]
    found = s3.list_objects_v2(Bucket=bucket, StartAfter="b/c/18")
    assert [each["Key"] for each in found["Contents"]] == ["b/c/19", "z z", "é"]
    assert "Owner" in s3.list_objects_v2(Bucket=bucket, FetchOwner=True)["Contents"][0]
    empty = s3.list_objects_v2(Bucket=bucket, MaxKeys=0)
    assert (empty["KeyCount"], empty["IsTruncated"]) == (0, False)


# ---- checksums


# Reflected polynomials of those that botocore computes only with a library of its own.
POLYNOMIALS = {"CRC32C": (32, 0x82F63B78), "CRC64NVME": (64, 0x9A6C9329AC4BC9B5)}


def checksum(algorithm, body):
    width, polynomial = POLYNOMIALS[algorithm]
    ones = (1 << width) - 1
    value = ones
    for byte in body:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (polynomial if value & 1 else 0)
    return base64.b64encode((value ^ ones).to_bytes(width // 8, "big")).decode()


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_checksums(s3, bucket, algorithm):
    name = f"Checksum{algorithm}"
    known = algorithm in POLYNOMIALS
    said = {name: checksum(algorithm, b"hello")} if known else {"ChecksumAlgorithm": algorithm}
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"hello", **said)
    if known:
        assert put[name] == said[name]
        assert failure(lambda: s3.put_object(Bucket=bucket, Key="k", Body=b"hallo", **said)) == ("BadDigest", 400)
    assert put["ChecksumType"] == "FULL_OBJECT"
    found = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert found[name] == put[name]
    about = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["Checksum", "ObjectSize", "ETag"])
    assert about["Checksum"][name] == put[name]
    assert about["ObjectSize"] == 5


def test_a_checksum_by_default(fulmar, bucket):
    s3 = fulmar.client("s3", request_checksum_calculation="when_required")
    assert "ChecksumCRC64NVME" in s3.put_object(Bucket=bucket, Key="k", Body=b"123456789")
    assert s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")["ChecksumCRC64NVME"] == "rosUhgp5mIg="


def test_a_wrong_checksum_stores_nothing(fulmar, s3, bucket):
    wrong = base64.b64encode(b"0000").decode()
    assert failure(s3.put_object, Bucket=bucket, Key="k", Body=b"x", ChecksumCRC32=wrong) == ("BadDigest", 400)
    sha = base64.b64encode(bytes(32)).decode()
    assert failure(s3.put_object, Bucket=bucket, Key="k", Body=b"x", ChecksumSHA256=sha) == ("BadDigest", 400)
    md5 = base64.b64encode(bytes(16)).decode()
    assert failure(s3.put_object, Bucket=bucket, Key="k", Body=b"x", ContentMD5=md5) == ("BadDigest", 400)
    assert failure(s3.put_object, Bucket=bucket, Key="k", Body=b"x", ContentMD5="x") == ("InvalidDigest", 400)
    headers = signed(fulmar, "PUT", f"/{bucket}/k", b"good", send=False)
    status, answer, _ = plain(f"{fulmar.endpoint}/{bucket}/k", "PUT", b"evil", headers)
    assert (status, b"<Code>XAmzContentSHA256Mismatch</Code>" in answer) == (400, True)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


# ---- uploads in parts


def test_an_upload_in_parts(s3, bucket, tmp_path):
    body = os.urandom(20 * MB)
    source = tmp_path / "source"
    source.write_bytes(body)
    s3.upload_file(str(source), bucket, "big file")
    assert s3.head_object(Bucket=bucket, Key="big file")["ETag"].endswith('-3"')
    s3.download_file(bucket, "big file", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == body
    part = s3.get_object(Bucket=bucket, Key="big file", PartNumber=2)
    assert part["PartsCount"] == 3
    assert part["Body"].read() == body[8 * MB : 16 * MB]
    about = s3.get_object_attributes(Bucket=bucket, Key="big file", ObjectAttributes=["ObjectParts", "Checksum"])
    assert about["ObjectParts"]["TotalPartsCount"] == 3
    assert about["Checksum"]["ChecksumType"] == "COMPOSITE"
    parts = about["ObjectParts"]
    assert [each["Size"] for each in parts["Parts"]] == [8 * MB, 8 * MB, 4 * MB]
    assert (parts["MaxParts"], parts["IsTruncated"], parts["NextPartNumberMarker"]) == (1000, False, 3)
    part = s3.get_object(Bucket=bucket, Key="big file", PartNumber=3, ChecksumMode="ENABLED")
    assert part["ChecksumCRC32"] == parts["Parts"][2]["ChecksumCRC32"]
    assert part["Body"].read() == body[16 * MB :]
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "big file"})
    assert s3.head_object(Bucket=bucket, Key="copy")["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'


def test_parts_one_by_one(s3, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    which = {"Bucket": bucket, "Key": "k", "UploadId": upload["UploadId"]}
    bodies = [os.urandom(5 * MB), os.urandom(5 * MB), b"end"]
    parts = []
    for number, body in enumerate(bodies, 1):
        sent = s3.upload_part(PartNumber=number, Body=body, ChecksumAlgorithm="CRC32", **which)
        parts.append({"PartNumber": number, "ETag": sent["ETag"], "ChecksumCRC32": sent["ChecksumCRC32"]})
    listed = s3.list_parts(MaxParts=2, **which)
    assert [each["PartNumber"] for each in listed["Parts"]] == [1, 2]
    assert listed["IsTruncated"]
    assert [each["UploadId"] for each in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == [upload["UploadId"]]
    assert failure(s3.complete_multipart_upload, MultipartUpload={"Parts": parts[::-1]}, **which) == (
        "InvalidPartOrder",
        400,
    )
    wrong = [{**parts[0], "ETag": '"0123"'}]
    assert failure(s3.complete_multipart_upload, MultipartUpload={"Parts": wrong}, **which) == ("InvalidPart", 400)
    done = s3.complete_multipart_upload(MultipartUpload={"Parts": parts}, **which)
    whole = b"".join(bodies)
    assert done["ChecksumCRC32"] == base64.b64encode(zlib.crc32(whole).to_bytes(4, "big")).decode()
    assert s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")["Body"].read() == whole
    again = s3.complete_multipart_upload(MultipartUpload={"Parts": parts}, **which)
    assert again["ETag"] == done["ETag"]


def test_parts_that_are_too_small_and_uploads_that_are_not_there(s3, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")
    which = {"Bucket": bucket, "Key": "k", "UploadId": upload["UploadId"]}
    parts = [
        {"PartNumber": number, "ETag": s3.upload_part(PartNumber=number, Body=b"tiny", **which)["ETag"]}
        for number in (1, 2)
    ]
    assert failure(s3.complete_multipart_upload, MultipartUpload={"Parts": parts}, **which) == ("EntityTooSmall", 400)
    assert failure(s3.upload_part, PartNumber=10001, Body=b"x", **which) == ("InvalidArgument", 400)
    s3.abort_multipart_upload(**which)
    assert failure(s3.upload_part, PartNumber=1, Body=b"x", **which) == ("NoSuchUpload", 404)
    assert failure(s3.list_parts, **which) == ("NoSuchUpload", 404)
    assert failure(s3.get_object, Bucket=bucket, Key="k") == ("NoSuchKey", 404)


def test_a_part_copied_from_an_object(s3, bucket):
    body = os.urandom(6 * MB)
    s3.put_object(Bucket=bucket, Key="source", Body=body)
    which = {"Bucket": bucket, "Key": "k", "UploadId": s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]}
    source = {"Bucket": bucket, "Key": "source"}
    first = s3.upload_part_copy(PartNumber=1, CopySource=source, **which)["CopyPartResult"]["ETag"]
    second = s3.upload_part_copy(PartNumber=2, CopySource=source, CopySourceRange="bytes=10-19", **which)
    second = second["CopyPartResult"]["ETag"]
    parts = [{"PartNumber": 1, "ETag": first}, {"PartNumber": 2, "ETag": second}]
    s3.complete_multipart_upload(MultipartUpload={"Parts": parts}, **which)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == body + body[10:20]


# ---- the ways to a bucket


@pytest.fixture(params=["s3", "s3v4"])
def presigner(request, fulmar):
    """boto3 presigns in the old form unless told otherwise."""
    return fulmar.client("s3", signature_version=request.param)


def test_presigned(presigner, s3, bucket):
    where = {"Bucket": bucket, "Key": "a b+ü"}
    put = presigner.generate_presigned_url("put_object", Params=where)
    assert plain(put, "PUT", b"hello")[0] == 200
    get = presigner.generate_presigned_url("get_object", Params={**where, "ResponseContentType": "text/x"})
    status, body, headers = plain(get)
    assert (status, body, headers["content-type"]) == (200, b"hello", "text/x")
    tampered = plain(get.replace("Signature=", "Signature=0"))
    assert (tampered[0], b"<Code>SignatureDoesNotMatch</Code>" in tampered[1]) == (403, True)
    assert plain(get.replace("a%20b", "a%20c"))[0] == 403
    typed = presigner.generate_presigned_url("put_object", Params={**where, "ContentType": "image/png", "Metadata": {"a": "b"}})
    assert plain(typed, "PUT", b"hello", {"content-type": "text/plain"})[0] == 403
    assert plain(typed, "PUT", b"hello", {"content-type": "image/png", "x-amz-meta-a": "b"})[0] == 200
    assert s3.head_object(**where)["Metadata"] == {"a": "b"}


def test_a_presigned_url_expires(presigner, bucket):
    url = presigner.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"}, ExpiresIn=0)
    time.sleep(1.1)
    status, answer, _ = plain(url)
    assert (status, b"Request has expired" in answer) == (403, True)


def test_presigned_by_the_command_line(fulmar, s3, bucket):
    s3.put_object(Bucket=bucket, Key="a b", Body=b"hello")
    url = fulmar.aws("s3", "presign", f"s3://{bucket}/a b").stdout.strip()
    assert plain(url)[:2] == (200, b"hello")


def test_a_form(presigner, s3, bucket):
    form = presigner.generate_presigned_post(bucket, "from a form", Conditions=[["content-length-range", 1, 100]])
    boundary = "xxxx"
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in form["fields"].items()
    ]
    parts.append(
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nhello\r\n--{boundary}--\r\n'
    )
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    status, answer, _ = plain(form["url"], "POST", "".join(parts).encode(), headers)
    assert status == 204, answer
    assert s3.get_object(Bucket=bucket, Key="from a form")["Body"].read() == b"hello"


@pytest.mark.parametrize(
    "suffix", ["s3.localhost", "s3.us-east-1.localhost", "s3.amazonaws.com", "s3.us-east-1.amazonaws.com", "s3.localhost.localstack.cloud"]
)
def test_virtual_hosts(fulmar, s3, bucket, suffix):
    s3.put_object(Bucket=bucket, Key="a b", Body=b"hello")
    host = f"{bucket}.{suffix}"
    url = f"http://{host}/a%20b"
    request = botocore.awsrequest.AWSRequest("GET", url, headers={"host": host})
    credentials = botocore.credentials.Credentials("test", "test")
    botocore.auth.S3SigV4Auth(credentials, "s3", "us-east-1").add_auth(request)
    assert plain(f"{fulmar.endpoint}/a%20b", headers=dict(request.headers))[:2] == (200, b"hello")


# ---- the command line


def test_the_command_line(fulmar, s3, bucket, tmp_path):
    tree = tmp_path / "tree"
    files = {"a.txt": b"1", "with space.txt": b"2", "deep/er/b+c.bin": os.urandom(20 * MB), "deep/ü.txt": b""}
    for name, body in files.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        # The service's times are whole seconds, and a file younger than its copy is sent again.
        os.utime(path, (time.time() - 60,) * 2)
    there = f"s3://{bucket}/up"
    assert fulmar.aws("s3", "sync", tree, there).stdout.count("upload:") == len(files)
    assert "upload:" not in fulmar.aws("s3", "sync", tree, there).stdout
    listed = fulmar.aws("s3", "ls", "--recursive", there).stdout
    assert all(name in listed for name in files)
    assert "PRE deep/" in fulmar.aws("s3", "ls", f"{there}/").stdout
    fulmar.aws("s3", "cp", f"{there}/deep/er/b+c.bin", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == files["deep/er/b+c.bin"]
    fulmar.aws("s3", "cp", f"{there}/deep/er/b+c.bin", f"s3://{bucket}/copy of it")
    assert s3.head_object(Bucket=bucket, Key="copy of it")["ContentLength"] == 20 * MB
    fulmar.aws("s3", "mv", f"{there}/a.txt", f"s3://{bucket}/moved.txt")
    fulmar.aws("s3", "sync", there, tmp_path / "down")
    assert (tmp_path / "down/with space.txt").read_bytes() == b"2"
    assert fulmar.aws("s3", "cp", "-", f"s3://{bucket}/piped", input="from a pipe").returncode == 0
    assert fulmar.aws("s3", "cp", f"s3://{bucket}/piped", "-").stdout == "from a pipe"
    fulmar.aws("s3", "rm", "--recursive", f"s3://{bucket}")
    assert fulmar.aws("s3", "ls", f"s3://{bucket}", check=False).stdout == ""
    fulmar.aws("s3", "rb", f"s3://{bucket}")


# ---- bad input


def test_a_body_that_is_cut_short_stores_nothing(fulmar, s3, bucket):
    for size in (100, 100_000):
        headers = signed(fulmar, "PUT", f"/{bucket}/cut", b"x" * size, send=False)
        host, port = fulmar.endpoint.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as connection:
            lines = [f"PUT /{bucket}/cut HTTP/1.1", f"Host: {host}:{port}", f"Content-Length: {size}"]
            lines += [f"{name}: {value}" for name, value in headers.items() if name.lower() not in ("host", "content-length")]
            connection.sendall("\r\n".join([*lines, "", ""]).encode() + b"x" * (size - 10))
            connection.shutdown(socket.SHUT_WR)
            answer = connection.recv(65536)
        assert not answer or b"400" in answer.split(b"\r\n")[0], answer
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_bad_requests_get_the_services_own_errors(fulmar, s3, bucket):
    def error(method, path, body=b"", **options):
        status, answer, headers = signed(fulmar, method, path, body, **options)
        assert headers["x-amz-request-id"]
        if method == "HEAD":
            return status
        assert f"<RequestId>{headers['x-amz-request-id']}</RequestId>".encode() in answer, answer
        return status, answer.split(b"<Code>")[1].split(b"</Code>")[0].decode()

    assert error("GET", f"/{bucket}/no") == (404, "NoSuchKey")
    assert error("HEAD", f"/{bucket}/no") == 404
    assert error("GET", "/nobody-has-this-bucket/k") == (404, "NoSuchBucket")
    assert error("PUT", f"/{bucket}/{'k' * 1025}", b"x") == (400, "KeyTooLongError")
    assert error("PUT", "/Not_A_Name") == (400, "InvalidBucketName")
    assert error("PUT", "/ab") == (400, "InvalidBucketName")
    assert error("GET", f"/{bucket}?max-keys=many") == (400, "InvalidArgument")
    assert error("GET", f"/{bucket}?max-keys=-1") == (400, "InvalidArgument")
    assert error("GET", f"/{bucket}?list-type=2&continuation-token=%21") == (400, "InvalidArgument")
    assert error("GET", f"/{bucket}/%ff%fe") == (400, "InvalidURI")
    assert error("POST", f"/{bucket}?delete", b"<Delete>") == (400, "InvalidRequest")
    md5 = {"content-md5": base64.b64encode(hashlib.md5(b"<Delete>").digest()).decode()}
    assert error("POST", f"/{bucket}?delete", b"<Delete>", headers=md5) == (400, "MalformedXML")
    assert error("PUT", f"/{bucket}-2", b"no xml") == (400, "MalformedXML")
    assert error("GET", f"/{bucket}/k", secret="wrong") == (403, "SignatureDoesNotMatch")
    assert error("GET", f"/{bucket}/k", sign=False) == (403, "AccessDenied")
    other = {"Authorization": "AWS test:c2lnbmF0dXJl"}
    assert error("GET", f"/{bucket}/k", sign=False, headers=other) == (400, "InvalidRequest")
    other = {"Authorization": "AWS4-HMAC-SHA256 nonsense", "x-amz-content-sha256": "UNSIGNED-PAYLOAD"}
    assert error("GET", f"/{bucket}/k", sign=False, headers=other) == (400, "AuthorizationHeaderMalformed")
    assert error("PUT", f"/{bucket}/k", b"x", headers={"x-amz-storage-class": "GLACIER"}) == (501, "NotImplemented")
    assert error("PUT", f"/{bucket}/k", b"x", headers={"x-amz-tagging": "aws:a=b"}) == (400, "InvalidTag")
    assert error("PUT", f"/{bucket}/k", b"x", headers={"x-amz-server-side-encryption": "aws:kms"}) == (501, "NotImplemented")
    assert error("PUT", f"/{bucket}/k", b"x", headers={"x-amz-meta-big": "x" * 3000}) == (400, "MetadataTooLarge")
    mfa = b"<VersioningConfiguration><Status>Enabled</Status><MfaDelete>Enabled</MfaDelete></VersioningConfiguration>"
    assert error("PUT", f"/{bucket}?versioning", mfa) == (501, "NotImplemented")
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_unknown_and_stale_callers(fulmar, bucket):
    stranger = boto3.client(
        "s3", endpoint_url=fulmar.endpoint, region_name="us-east-1", aws_access_key_id="AKIAUNKNOWN", aws_secret_access_key="x"
    )
    assert failure(stranger.list_buckets) == ("InvalidAccessKeyId", 403)
    headers = signed(fulmar, "GET", f"/{bucket}", send=False)
    headers["X-Amz-Date"] = "20200101T000000Z"
    status, answer, _ = plain(f"{fulmar.endpoint}/{bucket}", headers=headers)
    assert (status, b"<Code>RequestTimeTooSkewed</Code>" in answer) == (403, True)


def test_many_at_once(s3, bucket):
    """Of many who want to be first, one is; the rest learn it."""
    won = []

    def attempt(number):
        try:
            s3.put_object(Bucket=bucket, Key="k", Body=str(number).encode(), IfNoneMatch="*")
            won.append(number)
        except botocore.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] == "PreconditionFailed"

    threads = [threading.Thread(target=attempt, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == str(won[0]).encode()
