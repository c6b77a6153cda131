"""Versions of objects, as boto3 and the command line see them."""

import json
import os

import boto3
import pytest
from conftest import eventually
from test_s3 import KEYS, MB, bucket, failure, plain  # noqa: F401
from test_s3_settings import messages


@pytest.fixture
def versioned(s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return bucket


def empty(fulmar, bucket):
    """As scripts that empty buckets do."""
    resource = boto3.resource(
        "s3", endpoint_url=fulmar.endpoint, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    return resource.Bucket(bucket).object_versions.delete()


def bodies(fulmar):
    return len(list(fulmar.data_dir.glob("store/blobs/*/*")))


def test_whatever_stores_an_object_makes_a_version(s3, versioned, tmp_path):
    large = tmp_path / "large"
    large.write_bytes(os.urandom(9 * MB))
    s3.upload_file(str(large), versioned, "k")
    assert s3.head_object(Bucket=versioned, Key="k")["ETag"].endswith('-2"')
    first = s3.head_object(Bucket=versioned, Key="k")["VersionId"]
    put = s3.put_object(Bucket=versioned, Key="k", Body=b"put")["VersionId"]
    source = {"Bucket": versioned, "Key": "k", "VersionId": first}
    copied = s3.copy_object(Bucket=versioned, Key="k", CopySource=source)
    assert copied["CopySourceVersionId"] == first
    upload = s3.create_multipart_upload(Bucket=versioned, Key="k")["UploadId"]
    part = s3.upload_part_copy(
        Bucket=versioned, Key="k", UploadId=upload, PartNumber=1, CopySource={**source, "VersionId": put}
    )
    assert part["CopySourceVersionId"] == put
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["CopyPartResult"]["ETag"]}]}
    completed = s3.complete_multipart_upload(Bucket=versioned, Key="k", UploadId=upload, MultipartUpload=parts)
    post = s3.generate_presigned_post(versioned, "k")
    edge = "edge"
    fields = [*post["fields"].items(), ("file", "posted")]
    body = "".join(f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields)
    headers = {"Content-Type": f"multipart/form-data; boundary={edge}"}
    _, _, answered = plain(post["url"], "POST", f"{body}--{edge}--\r\n", headers)
    expected = [
        (answered["x-amz-version-id"], b"posted"),
        (completed["VersionId"], b"put"),
        (copied["VersionId"], large.read_bytes()),
        (put, b"put"),
        (first, large.read_bytes()),
    ]
    listed = s3.list_object_versions(Bucket=versioned)["Versions"]
    assert [each["VersionId"] for each in listed] == [version for version, _ in expected]
    assert [each["IsLatest"] for each in listed] == [True] + [False] * 4
    for version, body in expected:
        found = s3.get_object(Bucket=versioned, Key="k", VersionId=version)
        assert (found["VersionId"], found["Body"].read()) == (version, body)
    attributes = s3.get_object_attributes(Bucket=versioned, Key="k", VersionId=put, ObjectAttributes=["ObjectSize"])
    assert (attributes["VersionId"], attributes["ObjectSize"]) == (put, 3)
    url = s3.generate_presigned_url("get_object", {"Bucket": versioned, "Key": "k", "VersionId": put})
    assert plain(url)[1] == b"put"


def test_many_are_deleted_and_brought_back(s3, versioned):
    made = {key: s3.put_object(Bucket=versioned, Key=key, Body=b"x")["VersionId"] for key in KEYS}
    asked = [{"Key": key} for key in KEYS]
    deleted = s3.delete_objects(Bucket=versioned, Delete={"Objects": asked})["Deleted"]
    assert all(each["DeleteMarker"] and "VersionId" not in each for each in deleted)
    assert "Contents" not in s3.list_objects_v2(Bucket=versioned)
    markers = [{"Key": each["Key"], "VersionId": each["DeleteMarkerVersionId"]} for each in deleted]
    listed = s3.list_object_versions(Bucket=versioned)
    assert sorted((each["Key"], each["VersionId"]) for each in listed["DeleteMarkers"]) == sorted(
        (each["Key"], each["VersionId"]) for each in markers
    )
    undone = s3.delete_objects(Bucket=versioned, Delete={"Objects": markers})["Deleted"]
    assert all(each["DeleteMarkerVersionId"] == each["VersionId"] for each in undone)
    assert {each["Key"] for each in s3.list_objects_v2(Bucket=versioned)["Contents"]} == set(KEYS)
    wrong = [{"Key": KEYS[0], "VersionId": "HPniJFCxqTsMuIH9KX8K8wEjNUgmABCD"}, {"Key": KEYS[1], "VersionId": made[KEYS[1]]}]
    answer = s3.delete_objects(Bucket=versioned, Delete={"Objects": wrong})
    assert [each["Code"] for each in answer["Errors"]] == ["NoSuchVersion"]
    assert answer["Deleted"] == [{"Key": KEYS[1], "VersionId": made[KEYS[1]]}]


def test_a_bucket_is_emptied_by_its_versions_and_not_by_its_objects(fulmar, s3, versioned):
    for n in range(1_100):
        s3.put_object(Bucket=versioned, Key="many", Body=str(n))
    s3.put_object(Bucket=versioned, Key="other", Body=b"x")
    refused = fulmar.aws("s3", "rb", f"s3://{versioned}", "--force", check=False)
    assert "BucketNotEmpty" in refused.stderr, "it deletes what is seen, and markers are left"
    assert "Contents" not in s3.list_objects_v2(Bucket=versioned)
    empty(fulmar, versioned)
    s3.delete_bucket(Bucket=versioned)


def test_files_go_with_their_versions_and_versions_outlive_the_server(fulmar, s3, bucket):
    before = bodies(fulmar)
    large = [os.urandom(100_000) for _ in range(5)]
    s3.put_object(Bucket=bucket, Key="k", Body=large[0])
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    named = s3.put_object(Bucket=bucket, Key="k", Body=large[1])["VersionId"]
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    s3.put_object(Bucket=bucket, Key="k", Body=large[2])
    eventually(lambda: bodies(fulmar) == before + 2)
    assert s3.delete_object(Bucket=bucket, Key="k")["VersionId"] == "null"
    eventually(lambda: bodies(fulmar) == before + 1)
    fulmar.kill()
    fulmar.restart()
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Suspended"
    assert failure(s3.get_object, Bucket=bucket, Key="k") == ("NoSuchKey", 404)
    assert s3.get_object(Bucket=bucket, Key="k", VersionId=named)["Body"].read() == large[1]
    s3.delete_object(Bucket=bucket, Key="k", VersionId="null")
    assert s3.get_object(Bucket=bucket, Key="k")["VersionId"] == named
    empty(fulmar, bucket)
    eventually(lambda: bodies(fulmar) == before)
    s3.delete_bucket(Bucket=bucket)


def test_it_is_told_which_version_something_happened_to(fulmar, s3, versioned):
    sqs, events = fulmar.client("sqs"), fulmar.client("events")
    queues = [sqs.create_queue(QueueName=f"{versioned}-{name}")["QueueUrl"] for name in ("plain", "marked", "bus")]
    plain_arn, marked_arn, bus_arn = (
        sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"] for queue in queues
    )
    events.put_rule(Name=versioned, EventPattern=json.dumps({"source": ["aws.s3"], "detail": {"bucket": {"name": [versioned]}}}))
    events.put_targets(Rule=versioned, Targets=[{"Id": "q", "Arn": bus_arn}])
    told = [
        {"QueueArn": plain_arn, "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:Delete"], "Id": "plain"},
        {"QueueArn": marked_arn, "Events": ["s3:ObjectRemoved:DeleteMarkerCreated"], "Id": "marked"},
    ]
    configuration = {"QueueConfigurations": told, "EventBridgeConfiguration": {}}
    s3.put_bucket_notification_configuration(Bucket=versioned, NotificationConfiguration=configuration)
    assert s3.get_bucket_notification_configuration(Bucket=versioned)["QueueConfigurations"] == told
    put = s3.put_object(Bucket=versioned, Key="k", Body=b"x")["VersionId"]
    marker = s3.delete_object(Bucket=versioned, Key="k")["VersionId"]
    s3.delete_object(Bucket=versioned, Key="k", VersionId=put)

    def records(queue, count):
        found = [record for body in messages(sqs, queue, count) for record in body["Records"]]
        return sorted((record["eventName"], record["s3"]["object"]["versionId"]) for record in found)

    assert records(queues[0], 2) == [("ObjectCreated:Put", put), ("ObjectRemoved:Delete", put)]
    assert records(queues[1], 1) == [("ObjectRemoved:DeleteMarkerCreated", marker)]
    details = [body["detail"] for body in messages(sqs, queues[2], 3)]
    assert sorted((each.get("deletion-type", ""), each["object"]["version-id"]) for each in details) == [
        ("", put),
        ("Delete Marker Created", marker),
        ("Permanently Deleted", put),
    ]
