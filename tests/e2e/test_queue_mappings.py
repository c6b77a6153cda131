"""Queues to functions, by boto3 and a template."""

import itertools
import json
import time

import pytest
from botocore.exceptions import ClientError

from conftest import eventually
from test_lambda import ROLE, package

# Tells a queue what it got, and says which messages failed as their bodies ask for.
HANDLER = """
exports.handler = async (event) => {
  console.log("GOT " + JSON.stringify(event));
  const failed = event.Records.filter(({ body, attributes }) => body === "fail" || (body === "once" && attributes.ApproximateReceiveCount === "1"));
  if (event.Records.some(({ body }) => body === "throw")) throw new Error("asked to");
  return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
};
"""

numbers = itertools.count()


@pytest.fixture(scope="module")
def world(fulmar):
    return World(fulmar)


class World:
    def __init__(self, fulmar):
        self.fulmar = fulmar
        self.lambda_, self.sqs, self.logs = map(fulmar.client, ["lambda", "sqs", "lambda"])

    def queue(self, **attributes):
        url = self.sqs.create_queue(QueueName=f"mapped-{next(numbers)}", Attributes=attributes)["QueueUrl"]
        told = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return url, told["Attributes"]["QueueArn"]

    def function(self, timeout=10):
        name = f"consumer-{next(numbers)}"
        self.lambda_.create_function(
            FunctionName=name,
            Runtime="nodejs22.x",
            Handler="index.handler",
            Role=ROLE,
            Timeout=timeout,
            Code={"ZipFile": package(index_js=HANDLER)},
        )
        return name

    def mapped(self, arn, **settings):
        name = self.function()
        made = self.lambda_.create_event_source_mapping(FunctionName=name, EventSourceArn=arn, **settings)
        eventually(lambda: self.lambda_.get_event_source_mapping(UUID=made["UUID"])["State"] == "Enabled")
        return name, made["UUID"]

    def got(self, function):
        """The events that it got."""
        lines = self.fulmar.cli("logs", function).stdout.splitlines()
        return [json.loads(line.split("GOT ", 1)[1]) for line in lines if "GOT " in line]

    def left(self, url):
        told = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return int(told["ApproximateNumberOfMessages"]), int(told["ApproximateNumberOfMessagesNotVisible"])


def test_a_message_runs_a_function(world):
    url, arn = world.queue()
    function, uuid = world.mapped(arn, BatchSize=5)
    world.sqs.send_message(
        QueueUrl=url,
        MessageBody="hello",
        MessageAttributes={"n": {"DataType": "Number", "StringValue": "1"}},
    )
    [event] = eventually(lambda: world.got(function))
    [record] = event["Records"]
    assert record["body"] == "hello"
    assert record["eventSource"] == "aws:sqs"
    assert record["eventSourceARN"] == arn
    assert record["awsRegion"] == "us-east-1"
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert record["messageAttributes"]["n"] == {
        "stringValue": "1",
        "stringListValues": [],
        "binaryListValues": [],
        "dataType": "Number",
    }
    eventually(lambda: world.left(url) == (0, 0))
    told = world.lambda_.get_event_source_mapping(UUID=uuid)
    assert told["BatchSize"] == 5 and "StartingPosition" not in told
    world.lambda_.delete_event_source_mapping(UUID=uuid)


def test_what_fails_is_tried_again_and_ends_among_the_dead_letters(world):
    dead, dead_arn = world.queue()
    redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 2})
    url, arn = world.queue(VisibilityTimeout="600", RedrivePolicy=redrive)
    function, _ = world.mapped(arn, FunctionResponseTypes=["ReportBatchItemFailures"])
    for body in ["good", "once", "fail"]:
        world.sqs.send_message(QueueUrl=url, MessageBody=body)
    eventually(lambda: world.left(url) == (0, 2))
    assert world.left(dead) == (0, 0)
    world.fulmar.cli("clock", "advance", "601s")
    eventually(lambda: world.left(url) == (0, 1))
    world.fulmar.cli("clock", "advance", "601s")
    [buried] = eventually(lambda: world.sqs.receive_message(QueueUrl=dead, WaitTimeSeconds=5).get("Messages"))
    assert buried["Body"] == "fail"
    assert world.left(url) == (0, 0)
    bodies = [record["body"] for event in world.got(function) for record in event["Records"]]
    assert sorted(bodies) == ["fail", "fail", "good", "once", "once"]


def test_what_does_not_fit_is_refused(world):
    url, arn = world.queue(VisibilityTimeout="5")
    slow = world.function(timeout=10)
    create = world.lambda_.create_event_source_mapping
    for settings, message in [
        (
            {"EventSourceArn": arn},
            "Queue visibility timeout: 5 seconds is less than Function timeout: 10 seconds",
        ),
        ({"EventSourceArn": arn, "BatchSize": 11}, "Maximum batch window in seconds must be greater than 0"),
        ({"EventSourceArn": arn, "StartingPosition": "LATEST"}, "Unsupported 'startingPosition' parameter"),
        ({"EventSourceArn": arn + "-gone"}, "The specified queue does not exist"),
    ]:
        with pytest.raises(ClientError) as caught:
            create(FunctionName=slow, **settings)
        error = caught.value.response["Error"]
        assert error["Code"] == "InvalidParameterValueException", settings
        assert message in error["Message"], settings


def test_a_mapping_that_has_nothing_to_do_uses_no_time(world):
    url, arn = world.queue()
    world.mapped(arn, ScalingConfig={"MaximumConcurrency": 2})
    pid = world.fulmar.process.pid

    def used():
        fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    time.sleep(2)
    before = used()
    time.sleep(3)
    assert used() - before <= 15, "hundredths of a second, of the whole server"


TEMPLATE = """
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Resources:
  Dead:
    Type: AWS::SQS::Queue
  Work:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 60
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3}
      Tags: [{Key: a, Value: b}]
  Ordered:
    Type: AWS::SQS::Queue
    Properties: {FifoQueue: true, ContentBasedDeduplication: true}
  May:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref Work]
      PolicyDocument: {Statement: [{Effect: Allow, Principal: "*", Action: sqs:SendMessage, Resource: !GetAtt Work.Arn}]}
  Consumer:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: nodejs22.x
      Handler: index.handler
      CodeUri: code
      Timeout: 10
      Environment: {Variables: {NEXT: !Ref Ordered}}
      Policies: [{SQSPollerPolicy: {QueueName: !GetAtt Work.QueueName}}]
      Events:
        Messages:
          Type: SQS
          Properties: {Queue: !GetAtt Work.Arn, BatchSize: 2, ScalingConfig: {MaximumConcurrency: 3}}
Outputs:
  Url: {Value: !Ref Work}
  Ordered: {Value: !GetAtt Ordered.QueueName}
"""


def test_a_template(world, tmp_path):
    (tmp_path / "code").mkdir()
    (tmp_path / "code/index.js").write_text(HANDLER)
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    deploy = ["deploy", str(tmp_path / "template.yaml"), "--stack", "queues"]
    world.fulmar.cli(*deploy)
    urls = world.sqs.list_queues(QueueNamePrefix="queues-")["QueueUrls"]
    assert len(urls) == 3
    [work] = [url for url in urls if "-Work-" in url]
    assert any("Ordered" in url and url.endswith(".fifo") for url in urls)
    told = world.sqs.get_queue_attributes(QueueUrl=work, AttributeNames=["All"])["Attributes"]
    assert told["VisibilityTimeout"] == "60"
    assert world.sqs.list_queue_tags(QueueUrl=work)["Tags"] == {"a": "b"}
    [function] = [f["FunctionName"] for f in world.lambda_.list_functions()["Functions"] if "Consumer" in f["FunctionName"]]
    [mapping] = world.lambda_.list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
    assert (mapping["BatchSize"], mapping["ScalingConfig"]) == (2, {"MaximumConcurrency": 3})
    world.sqs.send_message(QueueUrl=work, MessageBody="hello")
    eventually(lambda: world.got(function))
    (tmp_path / "template.yaml").write_text(TEMPLATE.replace("VisibilityTimeout: 60", "VisibilityTimeout: 70"))
    world.fulmar.cli(*deploy)
    told = world.sqs.get_queue_attributes(QueueUrl=work, AttributeNames=["VisibilityTimeout"])["Attributes"]
    assert told["VisibilityTimeout"] == "70"
    world.fulmar.cli("destroy", "queues")
    assert "QueueUrls" not in world.sqs.list_queues(QueueNamePrefix="queues-")


# Sends on what it got, as a function that is wired to itself does.
ROUND = """
import boto3, os

sqs = boto3.client("sqs")

def handler(event, context):
    for record in event["Records"]:
        sqs.send_message(QueueUrl=os.environ["URL"], MessageBody=record["body"] + ".")
"""


@pytest.mark.parametrize("dead_letters", [True, False])
def test_a_loop_by_way_of_a_queue_is_cut(world, dead_letters):
    dead, dead_arn = world.queue()
    redrive = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 1})} if dead_letters else {}
    url, arn = world.queue(**redrive)
    name = f"round-{next(numbers)}"
    world.lambda_.create_function(
        FunctionName=name, Runtime="python3.12", Handler="index.handler", Role=ROLE, Timeout=30,
        Code={"ZipFile": package(index_py=ROUND)}, Environment={"Variables": {"URL": url}},
    )
    world.lambda_.create_event_source_mapping(FunctionName=name, EventSourceArn=arn)
    world.sqs.send_message(QueueUrl=url, MessageBody="go")
    ran = lambda: json.loads(world.fulmar.cli("invocations", name, "--json").stdout)["invocations"]
    eventually(lambda: [one for one in ran() if one["outcome"] != "ok"], timeout=300)
    # What the last call did is put on record after it.
    runs = lambda: sum(one["outcome"] == "ok" for one in ran())
    if dead_letters:
        world.fulmar.cli("clock", "advance", "31s")
        [buried] = eventually(lambda: world.sqs.receive_message(QueueUrl=dead, WaitTimeSeconds=5).get("Messages"))
        eventually(lambda: buried["Body"] == "go" + "." * runs())
        eventually(lambda: world.left(url) == (0, 0))
    else:
        # It stays, and is refused as often as it is seen; what the last call had is deleted after that.
        eventually(lambda: world.left(url) == (0, 1))
    assert runs() in (16, 17)
