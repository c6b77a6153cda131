"""What is said of buckets and objects beside what is in them, as boto3 and browsers see it."""

import json
import uuid

import pytest
from test_s3 import MB, failure, plain

PAGE = "https://a.shop.example"
RULES = [
    {
        "AllowedOrigins": ["https://*.shop.example"],
        "AllowedMethods": ["GET", "PUT", "POST"],
        "AllowedHeaders": ["*"],
        "ExposeHeaders": ["ETag"],
        "MaxAgeSeconds": 600,
    }
]


@pytest.fixture
def bucket(s3):
    name = f"test-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name)
    return name


def tags(s3, bucket, key):
    found = s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
    return {tag["Key"]: tag["Value"] for tag in found}


def test_tags_come_with_objects_however_they_are_stored(s3, bucket, tmp_path):
    s3.put_object(Bucket=bucket, Key="small", Body=b"x", Tagging="team=shop&empty=")
    assert tags(s3, bucket, "small") == {"team": "shop", "empty": ""}
    assert s3.get_object(Bucket=bucket, Key="small")["TagCount"] == 2
    large = tmp_path / "large"
    large.write_bytes(bytes(9 * MB))
    s3.upload_file(str(large), bucket, "large", ExtraArgs={"Tagging": "team=shop"})
    assert s3.head_object(Bucket=bucket, Key="large")["ETag"].endswith('-2"')
    assert tags(s3, bucket, "large") == {"team": "shop"}
    source = {"Bucket": bucket, "Key": "large"}
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=source)
    assert tags(s3, bucket, "copy") == {"team": "shop"}
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=source, Tagging="a=b", TaggingDirective="REPLACE")
    assert tags(s3, bucket, "copy") == {"a": "b"}
    post = s3.generate_presigned_post(
        bucket,
        "posted",
        Fields={"tagging": "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"},
        Conditions=[["starts-with", "$tagging", ""]],
    )
    edge = "edge"
    parts = [*post["fields"].items(), ("file", "x")]
    body = "".join(f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in parts)
    headers = {"Content-Type": f"multipart/form-data; boundary={edge}"}
    assert plain(post["url"], "POST", f"{body}--{edge}--\r\n", headers)[0] == 204
    assert tags(s3, bucket, "posted") == {"a": "b"}
    url = s3.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "presigned", "Tagging": "a=b"})
    assert plain(url, "PUT", b"x", {"x-amz-tagging": "a=b"})[0] == 200
    assert tags(s3, bucket, "presigned") == {"a": "b"}


def messages(sqs, queue, count):
    found = []
    while len(found) < count:
        for message in sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20, MaxNumberOfMessages=1)["Messages"]:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            body = json.loads(message["Body"])
            if body.get("Event") != "s3:TestEvent":
                found.append(body)
    return found


def test_what_happens_to_tags_is_told(fulmar, s3, bucket):
    sqs, events = fulmar.client("sqs"), fulmar.client("events")
    queues = [sqs.create_queue(QueueName=f"{bucket}-{name}")["QueueUrl"] for name in ("plain", "bus")]
    plain_arn, bus_arn = (
        sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"] for queue in queues
    )
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [bucket]}}, "detail-type": [{"prefix": "Object Tags"}]}
    events.put_rule(Name=bucket, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=bucket, Targets=[{"Id": "q", "Arn": bus_arn}])
    told = {"QueueArn": plain_arn, "Events": ["s3:ObjectTagging:*"], "Id": "tags"}
    configuration = {"QueueConfigurations": [told], "EventBridgeConfiguration": {}}
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)
    found = s3.get_bucket_notification_configuration(Bucket=bucket)["QueueConfigurations"]
    assert found == [told]
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging="not=told")
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    s3.delete_object_tagging(Bucket=bucket, Key="k")
    records = [record for body in messages(sqs, queues[0], 2) for record in body["Records"]]
    assert sorted(record["eventName"] for record in records) == ["ObjectTagging:Delete", "ObjectTagging:Put"]
    assert all(sorted(record["s3"]["object"]) == ["eTag", "key"] for record in records)
    records = messages(sqs, queues[1], 2)
    assert sorted(record["detail-type"] for record in records) == ["Object Tags Added", "Object Tags Deleted"]
    assert all(sorted(record["detail"]["object"]) == ["etag", "key"] for record in records)
    assert all("reason" not in record["detail"] for record in records)


def test_a_page_from_elsewhere_uploads_as_the_rules_say(s3, bucket):
    url = s3.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "k"})
    asked = {"Origin": PAGE, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "content-type"}
    assert plain(url, "OPTIONS", headers=asked)[0] == 403
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": RULES})
    status, body, headers = plain(url, "OPTIONS", headers=asked)
    assert (status, body) == (200, b"")
    assert headers["Access-Control-Allow-Origin"] == PAGE
    assert headers["Access-Control-Allow-Headers"] == "content-type"
    assert headers["Access-Control-Max-Age"] == "600"
    status, _, headers = plain(url, "PUT", b"x", {"Origin": PAGE})
    assert (status, headers["Access-Control-Expose-Headers"]) == (200, "ETag")
    status, _, headers = plain(url, "PUT", b"x", {"Origin": "https://other.example"})
    assert (status, headers["Access-Control-Allow-Origin"]) == (200, None)
    assert plain(url, "OPTIONS", headers={**asked, "Origin": "https://other.example"})[0] == 403


def test_tags_and_rules_outlive_the_server(fulmar, s3, bucket):
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": RULES})
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": [{"Key": "c", "Value": "d"}]})
    fulmar.kill()
    fulmar.restart()
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == RULES
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == [{"Key": "a", "Value": "b"}]
    assert tags(s3, bucket, "k") == {"c": "d"}
    s3.delete_object(Bucket=bucket, Key="k")
    s3.delete_bucket(Bucket=bucket)
    s3.create_bucket(Bucket=bucket)
    assert failure(s3.get_bucket_cors, Bucket=bucket) == ("NoSuchCORSConfiguration", 404)
