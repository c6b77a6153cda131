"""Rules of buckets, as boto3, the AWS CLI and templates set them: who may do what, and what ends with time."""

import json
import uuid

import pytest
from conftest import server
from test_clock import clock
from test_s3 import failure
from test_s3_settings import messages

TEMPLATE = """
Resources:
  Files:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: ruled
      PublicAccessBlockConfiguration: { BlockPublicPolicy: false, RestrictPublicBuckets: false }
      OwnershipControls: { Rules: [{ ObjectOwnership: BucketOwnerEnforced }] }
      BucketEncryption:
        ServerSideEncryptionConfiguration:
          - ServerSideEncryptionByDefault: { SSEAlgorithm: AES256 }
            BucketKeyEnabled: true
      VersioningConfiguration: { Status: Enabled }
      LifecycleConfiguration:
        Rules:
          - Id: temporary
            Status: Enabled
            Prefix: tmp/
            ExpirationInDays: 1
            NoncurrentVersionExpiration: { NoncurrentDays: 1, NewerNoncurrentVersions: 1 }
            AbortIncompleteMultipartUpload: { DaysAfterInitiation: 3 }
            Transitions: [{ TransitionInDays: 30, StorageClass: STANDARD_IA }]
  Policy:
    Type: AWS::S3::BucketPolicy
    Properties:
      Bucket: !Ref Files
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - { Effect: Allow, Principal: "*", Action: "s3:GetObject", Resource: !Sub "${Files.Arn}/*" }
"""


@pytest.fixture(scope="module")
def fulmar():
    with server("--sandbox", "off") as running:
        yield running


@pytest.fixture(scope="module")
def s3(fulmar):
    return fulmar.client("s3")


@pytest.fixture
def bucket(s3):
    name = f"test-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name)
    return name


def policy(bucket, **more):
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement | more]})


def test_a_script_opens_a_bucket_to_everybody(fulmar, s3, bucket, tmp_path):
    """The order of the words is that of the cloud: the policy is not taken before the block is gone."""
    file = tmp_path / "policy.json"
    file.write_text(policy(bucket))
    put = ("s3api", "put-bucket-policy", "--bucket", bucket, "--policy", f"file://{file}")
    refused = fulmar.aws(*put, check=False)
    assert "AccessDenied" in refused.stderr and "BlockPublicPolicy" in refused.stderr
    block = "BlockPublicAcls=false,IgnorePublicAcls=false,BlockPublicPolicy=false,RestrictPublicBuckets=false"
    fulmar.aws("s3api", "put-public-access-block", "--bucket", bucket, "--public-access-block-configuration", block)
    fulmar.aws(*put)
    fulmar.aws("s3", "website", f"s3://{bucket}/", "--index-document", "index.html")
    assert json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"]) == json.loads(policy(bucket))
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"] == {"IsPublic": True}
    assert failure(s3.put_bucket_policy, Bucket=bucket, Policy=policy("other")) == ("MalformedPolicy", 400)
    s3.delete_bucket_policy(Bucket=bucket)
    assert failure(s3.get_bucket_policy, Bucket=bucket) == ("NoSuchBucketPolicy", 404)


def test_a_bucket_is_its_owner_s_and_encrypted_as_ever(s3, bucket):
    enforced = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=enforced)
    assert s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"] == enforced
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ACL="bucket-owner-full-control")
    for call, arguments in [
        (s3.put_bucket_acl, {"ACL": "private"}),
        (s3.put_object_acl, {"Key": "k", "ACL": "public-read"}),
        (s3.put_object, {"Key": "k", "ACL": "public-read"}),
    ]:
        assert failure(call, Bucket=bucket, **arguments) == ("AccessControlListNotSupported", 400)
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": True}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    found = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert found == rule
    rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] = "aws:kms"
    put = {"Bucket": bucket, "ServerSideEncryptionConfiguration": {"Rules": [rule]}}
    assert failure(s3.put_bucket_encryption, **put) == ("NotImplemented", 501)


def test_objects_end_when_the_clock_passes_their_midnight(fulmar, s3, bucket):
    sqs = fulmar.client("sqs")
    queue = sqs.create_queue(QueueName=bucket)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    wiring = {"QueueConfigurations": [{"Id": "q", "QueueArn": arn, "Events": ["s3:LifecycleExpiration:*"]}]}
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=wiring)
    rule = {"ID": "logs", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 3}}
    put = s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    assert put["TransitionDefaultMinimumObjectSize"] == "all_storage_classes_128K"
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == [rule]
    told = s3.put_object(Bucket=bucket, Key="logs/a", Body=b"x")["Expiration"]
    assert told.endswith('00:00:00 GMT", rule-id="logs"')
    assert s3.head_object(Bucket=bucket, Key="logs/a")["Expiration"] == told
    assert "Expiration" not in s3.put_object(Bucket=bucket, Key="kept", Body=b"x")
    clock(fulmar, "advance", "3d")
    keys = lambda: [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert keys() == ["kept", "logs/a"]
    clock(fulmar, "advance", "1d")
    assert keys() == ["kept"]
    record = messages(sqs, queue, 1)[0]["Records"][0]
    assert record["eventName"] == "LifecycleExpiration:Delete"
    assert record["s3"]["object"]["key"] == "logs/a"
    assert record["userIdentity"] == {"principalId": "s3.amazonaws.com"}


def test_a_template_s_rules_count(fulmar, s3, tmp_path):
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    shown = fulmar.cli("deploy", tmp_path, "--stack", "ruled").stdout
    assert "`Transitions` has no effect here" in shown
    rules = s3.get_bucket_lifecycle_configuration(Bucket="ruled")["Rules"]
    assert rules == [
        {
            "ID": "temporary",
            "Status": "Enabled",
            "Filter": {"Prefix": "tmp/"},
            "Expiration": {"Days": 1},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 1, "NewerNoncurrentVersions": 1},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 3},
        }
    ]
    assert s3.get_bucket_policy_status(Bucket="ruled")["PolicyStatus"] == {"IsPublic": True}
    block = s3.get_public_access_block(Bucket="ruled")["PublicAccessBlockConfiguration"]
    assert list(block.values()) == [False] * 4
    assert s3.get_bucket_encryption(Bucket="ruled")["ServerSideEncryptionConfiguration"]["Rules"][0]["BucketKeyEnabled"]
    for body in (b"1", b"2", b"3"):
        s3.put_object(Bucket="ruled", Key="tmp/a", Body=body)
    upload = s3.create_multipart_upload(Bucket="ruled", Key="tmp/b")
    assert upload["AbortRuleId"] == "temporary"
    clock(fulmar, "advance", "4d")
    found = s3.list_object_versions(Bucket="ruled")
    assert [one["IsLatest"] for one in found["DeleteMarkers"]] == [True]
    assert len(found["Versions"]) == 1
    assert "Uploads" not in s3.list_multipart_uploads(Bucket="ruled")
    bare = TEMPLATE[: TEMPLATE.index("      PublicAccessBlock")]
    (tmp_path / "template.yaml").write_text(bare)
    fulmar.cli("deploy", tmp_path, "--stack", "ruled")
    assert failure(s3.get_bucket_policy, Bucket="ruled") == ("NoSuchBucketPolicy", 404)
    assert failure(s3.get_bucket_lifecycle_configuration, Bucket="ruled") == ("NoSuchLifecycleConfiguration", 404)
    block = s3.get_public_access_block(Bucket="ruled")["PublicAccessBlockConfiguration"]
    assert list(block.values()) == [True] * 4
