"""Queues as the places that topics, rules, functions, mappings and buckets send to, as boto3 sees them."""

import json
import urllib.parse
import uuid

import pytest
from botocore.exceptions import ClientError
from conftest import eventually, server
from test_lambda import ROLE, package

FAILS = "exports.handler = async () => { throw new RangeError('no'); };"
ANSWERS = "exports.handler = async (event) => ({ seen: event.n });"


@pytest.fixture(scope="module")
def world():
    # A server of its own, for its clock is moved.
    with server() as running:
        yield World(running)


class World:
    def __init__(self, fulmar):
        self.fulmar = fulmar
        names = ["sns", "sqs", "events", "lambda", "s3", "dynamodb"]
        self.sns, self.sqs, self.events, self.lambda_, self.s3, self.dynamodb = map(fulmar.client, names)

    def queue(self, suffix="", **attributes):
        url = self.sqs.create_queue(QueueName=name(suffix), Attributes=attributes)["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        return url, arn

    def topic(self, suffix="", **attributes):
        return self.sns.create_topic(Name=name(suffix), Attributes=attributes)["TopicArn"]

    def subscribed(self, topic, arn, **attributes):
        return self.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=attributes)["SubscriptionArn"]

    def function(self, code, **settings):
        made = self.lambda_.create_function(
            FunctionName=name(), Runtime="nodejs22.x", Handler="index.handler", Role=ROLE,
            Code={"ZipFile": package(index_js=code)}, **{"Timeout": 60, **settings},
        )
        return made["FunctionName"], made["FunctionArn"]

    def received(self, url, count=1):
        """Takes messages out until there are so many."""
        got = []

        def some():
            asked = self.sqs.receive_message(
                QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1,
                MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"],
            )
            for message in asked.get("Messages", []):
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                got.append(message)
            return len(got) >= count

        eventually(some, timeout=30)
        assert len(got) == count
        return got

    def is_empty(self, url):
        return "Messages" not in self.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1)

    def advance(self, by):
        self.fulmar.cli("clock", "advance", by)


def name(suffix=""):
    return f"test-{uuid.uuid4().hex[:12]}{suffix}"


def refused(call, **parameters):
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_queue_gets_what_is_published_in_an_envelope(world):
    topic, (url, arn) = world.topic(), world.queue()
    made = world.subscribed(topic, arn)
    assert made.startswith(topic)
    published = world.sns.publish(
        TopicArn=topic, Message="hello", Subject="greeting",
        MessageAttributes={"colour": {"DataType": "String", "StringValue": "red"}},
    )
    (message,) = world.received(url)
    envelope = json.loads(message["Body"])
    assert envelope["Type"] == "Notification" and envelope["MessageId"] == published["MessageId"]
    assert (envelope["TopicArn"], envelope["Subject"], envelope["Message"]) == (topic, "greeting", "hello")
    assert envelope["MessageAttributes"] == {"colour": {"Type": "String", "Value": "red"}}
    assert envelope["SignatureVersion"] == "1" and made in urllib.parse.unquote(envelope["UnsubscribeURL"])
    assert "MessageAttributes" not in message


def test_raw_delivery_keeps_the_attributes(world):
    topic, (url, arn) = world.topic(), world.queue()
    world.subscribed(topic, arn, RawMessageDelivery="true", FilterPolicy=json.dumps({"colour": ["red"]}))
    attributes = {
        "colour": {"DataType": "String", "StringValue": "red"},
        "size": {"DataType": "Number", "StringValue": "7"},
        "bytes": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
        "list": {"DataType": "String.Array", "StringValue": '["a", 1]'},
    }
    world.sns.publish(TopicArn=topic, Message="blue", MessageAttributes={"colour": {"DataType": "String", "StringValue": "blue"}})
    world.sns.publish(TopicArn=topic, Message="red", MessageAttributes=attributes)
    (message,) = world.received(url)
    assert message["Body"] == "red" and message["MessageAttributes"] == attributes


def test_a_bare_message_with_more_attributes_than_a_queue_takes_is_a_dead_letter(world):
    topic, (url, arn), (dead, dead_arn), (other, other_arn) = world.topic(), world.queue(), world.queue(), world.queue()
    world.subscribed(topic, arn, RawMessageDelivery="true", RedrivePolicy=json.dumps({"deadLetterTargetArn": dead_arn}))
    world.subscribed(topic, other_arn)
    for count in [11, 10]:
        attributes = {f"a{n}": {"DataType": "String", "StringValue": "x"} for n in range(count)}
        world.sns.publish(TopicArn=topic, Message=f"with {count}", MessageAttributes=attributes)
    (message,) = world.received(url)
    assert message["Body"] == "with 10"
    (message,) = world.received(dead)
    told = {key: value["StringValue"] for key, value in message["MessageAttributes"].items()}
    assert (message["Body"], told["ErrorCode"]) == ("with 11", "400")
    assert told["ErrorMessage"] == "Number of message attributes [11] exceeds the allowed maximum [10]."
    # In an envelope there may be more.
    assert {json.loads(one["Body"])["Message"] for one in world.received(other, 2)} == {"with 10", "with 11"}


def test_a_topic_and_a_queue_that_keep_order(world):
    topic, (url, arn) = world.topic(".fifo", FifoTopic="true"), world.queue(".fifo", FifoQueue="true")
    world.subscribed(topic, arn, RawMessageDelivery="true")
    for number in range(12):
        for _ in range(2):
            world.sns.publish(
                TopicArn=topic, Message=f"{number}", MessageGroupId=f"group-{number % 2}", MessageDeduplicationId=f"once-{number}",
            )
    got = world.received(url, 12)
    for group in range(2):
        of_group = [one for one in got if one["Attributes"]["MessageGroupId"] == f"group-{group}"]
        assert [one["Body"] for one in of_group] == [f"{number}" for number in range(group, 12, 2)]
        assert [one["Attributes"]["MessageDeduplicationId"] for one in of_group] == [f"once-{one['Body']}" for one in of_group]
    assert world.is_empty(url)


def test_a_topic_that_keeps_order_may_have_a_plain_queue_and_not_the_other_way_round(world):
    ordered, plain = world.topic(".fifo", FifoTopic="true", ContentBasedDeduplication="true"), world.topic()
    (url, arn), (_, fifo) = world.queue(), world.queue(".fifo", FifoQueue="true")
    world.subscribed(ordered, arn)
    world.sns.publish(TopicArn=ordered, Message="m", MessageGroupId="g")
    (message,) = world.received(url)
    assert json.loads(message["Body"])["SequenceNumber"]
    code, told = refused(world.sns.subscribe, TopicArn=plain, Protocol="sqs", Endpoint=fifo)
    assert code == "InvalidParameter" and "FIFO" in told


def test_what_a_queue_that_is_gone_does_not_take_is_a_dead_letter(world):
    topic, (url, arn), (dead, dead_arn) = world.topic(), world.queue(), world.queue()
    world.subscribed(topic, arn, RedrivePolicy=json.dumps({"deadLetterTargetArn": dead_arn}))
    world.sqs.delete_queue(QueueUrl=url)
    world.sns.publish(TopicArn=topic, Message="lost?")
    (message,) = world.received(dead)
    assert json.loads(message["Body"])["Message"] == "lost?"
    assert {"ErrorCode", "ErrorMessage"} <= message["MessageAttributes"].keys()


def test_what_an_address_does_not_take_is_a_dead_letter(world):
    topic, (dead, dead_arn) = world.topic(), world.queue()
    _, arn = world.function(FAILS)
    made = world.sns.subscribe(
        TopicArn=topic, Protocol="lambda", Endpoint=arn, Attributes={"RedrivePolicy": json.dumps({"deadLetterTargetArn": dead_arn})},
    )["SubscriptionArn"]
    assert json.loads(world.sns.get_subscription_attributes(SubscriptionArn=made)["Attributes"]["RedrivePolicy"]) == {"deadLetterTargetArn": dead_arn}
    world.lambda_.delete_function(FunctionName=arn)
    world.sns.publish(TopicArn=topic, Message="for nobody")
    (message,) = world.received(dead)
    assert "for nobody" in message["Body"]


def test_a_rule_sends_to_queues(world):
    (url, arn), (ordered, ordered_arn), (shaped, shaped_arn) = world.queue(), world.queue(".fifo", FifoQueue="true", ContentBasedDeduplication="true"), world.queue()
    rule = name()
    world.events.put_rule(Name=rule, EventPattern=json.dumps({"source": [rule]}))
    transformer = {"InputPathsMap": {"n": "$.detail.n"}, "InputTemplate": '{"number": <n>}'}
    targets = [
        {"Id": "plain", "Arn": arn},
        {"Id": "ordered", "Arn": ordered_arn, "SqsParameters": {"MessageGroupId": "group"}, "InputPath": "$.detail"},
        {"Id": "shaped", "Arn": shaped_arn, "InputTransformer": transformer},
    ]
    assert world.events.put_targets(Rule=rule, Targets=targets)["FailedEntryCount"] == 0
    told = world.events.list_targets_by_rule(Rule=rule)["Targets"]
    assert sorted(told, key=lambda one: one["Id"]) == sorted(targets, key=lambda one: one["Id"])
    for number in range(3):
        world.events.put_events(Entries=[{"Source": rule, "DetailType": "kind", "Detail": json.dumps({"n": number})}])
    whole = [json.loads(one["Body"]) for one in world.received(url, 3)]
    assert {one["source"] for one in whole} == {rule} and sorted(one["detail"]["n"] for one in whole) == [0, 1, 2]
    in_order = world.received(ordered, 3)
    assert [json.loads(one["Body"]) for one in in_order] == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert {one["Attributes"]["MessageGroupId"] for one in in_order} == {"group"}
    assert sorted(json.loads(one["Body"])["number"] for one in world.received(shaped, 3)) == [0, 1, 2]


def test_a_rules_dead_letters(world):
    (dead, dead_arn), (gone, gone_arn) = world.queue(), world.queue()
    rule = name()
    world.events.put_rule(Name=rule, EventPattern=json.dumps({"source": [rule]}))
    targets = [{"Id": "gone", "Arn": gone_arn, "DeadLetterConfig": {"Arn": dead_arn}}]
    assert world.events.put_targets(Rule=rule, Targets=targets)["FailedEntryCount"] == 0
    world.sqs.delete_queue(QueueUrl=gone)
    world.events.put_events(Entries=[{"Source": rule, "DetailType": "kind", "Detail": '{"n": 1}'}])
    (message,) = world.received(dead)
    assert json.loads(message["Body"])["detail"] == {"n": 1}
    told = {key: value["StringValue"] for key, value in message["MessageAttributes"].items()}
    assert told["TARGET_ARN"] == gone_arn and told["RULE_ARN"].endswith(rule) and told["ERROR_CODE"]


def test_how_calls_ended_is_told_to_queues(world):
    (good, good_arn), (bad, bad_arn), (letters, letters_arn) = world.queue(), world.queue(), world.queue()
    config = {"OnSuccess": {"Destination": good_arn}, "OnFailure": {"Destination": bad_arn}}
    answers, _ = world.function(ANSWERS)
    fails, _ = world.function(FAILS, DeadLetterConfig={"TargetArn": letters_arn})
    for function in [answers, fails]:
        world.lambda_.put_function_event_invoke_config(FunctionName=function, DestinationConfig=config)
        world.lambda_.invoke(FunctionName=function, InvocationType="Event", Payload='{"n": 1}')
    (message,) = world.received(good)
    record = json.loads(message["Body"])
    assert record["requestContext"]["condition"] == "Success" and record["responsePayload"] == {"seen": 1}
    assert world.is_empty(bad)
    world.advance("10m")
    (message,) = world.received(bad)
    record = json.loads(message["Body"])
    assert record["requestContext"] | {"condition": "RetriesExhausted", "approximateInvokeCount": 3} == record["requestContext"]
    assert record["requestPayload"] == {"n": 1}
    (letter,) = world.received(letters)
    assert json.loads(letter["Body"]) == {"n": 1}
    attributes = {key: (value["DataType"], value["StringValue"]) for key, value in letter["MessageAttributes"].items()}
    assert attributes.pop("RequestID") == ("String", record["requestContext"]["requestId"])
    assert attributes == {"ErrorCode": ("Number", "200"), "ErrorMessage": ("String", "no")}


def test_how_calls_ended_is_told_to_buses_and_buckets(world):
    (url, arn), bus, bucket = world.queue(), name(), name()
    bus_arn = world.events.create_event_bus(Name=bus)["EventBusArn"]
    world.events.put_rule(Name="all", EventBusName=bus, EventPattern='{"source": ["lambda"]}')
    world.events.put_targets(Rule="all", EventBusName=bus, Targets=[{"Id": "q", "Arn": arn}])
    world.s3.create_bucket(Bucket=bucket)
    called = {}
    for code, config in [
        (ANSWERS, {"OnSuccess": {"Destination": bus_arn}}),
        (FAILS, {"OnFailure": {"Destination": bus_arn}}),
        (FAILS, {"OnFailure": {"Destination": f"arn:aws:s3:::{bucket}"}}),
    ]:
        function, function_arn = world.function(code)
        world.lambda_.put_function_event_invoke_config(FunctionName=function, MaximumRetryAttempts=0, DestinationConfig=config)
        world.lambda_.invoke(FunctionName=function, InvocationType="Event", Payload='{"n": 1}')
        called[f"{function_arn}:$LATEST"] = function
    told = {event["detail"]["requestContext"]["condition"]: event for event in (json.loads(one["Body"]) for one in world.received(url, 2))}
    succeeded, failed = told["Success"], told["RetriesExhausted"]
    assert succeeded["detail-type"] == "Lambda Function Invocation Result - Success"
    assert failed["detail-type"] == "Lambda Function Invocation Result - Failure"
    assert succeeded["detail"]["responsePayload"] == {"seen": 1} and failed["detail"]["responsePayload"]["errorType"] == "RangeError"
    assert bus_arn in failed["resources"] and failed["detail"]["requestContext"]["functionArn"] in failed["resources"]
    (found,) = eventually(lambda: world.s3.list_objects_v2(Bucket=bucket).get("Contents", []))
    record = json.loads(world.s3.get_object(Bucket=bucket, Key=found["Key"])["Body"].read())
    function = called[record["requestContext"]["functionArn"]]
    assert found["Key"].startswith(f"aws/lambda/async/{function}/20")
    assert (record["requestContext"]["condition"], record["requestPayload"]) == ("RetriesExhausted", {"n": 1})


def test_what_a_mapping_gives_up_is_told_to_a_queue(world):
    url, arn = world.queue()
    function, function_arn = world.function(FAILS)
    table = world.dynamodb.create_table(
        TableName=name(), BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )["TableDescription"]
    made = world.lambda_.create_event_source_mapping(
        FunctionName=function, EventSourceArn=table["LatestStreamArn"], StartingPosition="TRIM_HORIZON",
        MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": arn}},
    )
    assert made["DestinationConfig"] == {"OnFailure": {"Destination": arn}}
    world.dynamodb.put_item(TableName=table["TableName"], Item={"id": {"S": "a"}})
    (message,) = world.received(url)
    record = json.loads(message["Body"])
    assert record["requestContext"]["functionArn"].startswith(function_arn)
    assert record["DDBStreamBatchInfo"]["streamArn"] == table["LatestStreamArn"] and record["DDBStreamBatchInfo"]["batchSize"] == 1
    world.lambda_.delete_event_source_mapping(UUID=made["UUID"])


def test_a_bucket_tells_queues_and_topics(world):
    (url, arn), topic, (behind, behind_arn), (_, fifo) = world.queue(), world.topic(), world.queue(), world.queue(".fifo", FifoQueue="true")
    world.subscribed(topic, behind_arn)
    bucket = name()
    world.s3.create_bucket(Bucket=bucket)

    def filtered(prefix):
        return {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}]}}

    def put(**configuration):
        world.s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)

    queues = [{"Id": "to-queue", "QueueArn": arn, "Events": ["s3:ObjectCreated:*"], "Filter": filtered("q/")}]
    topics = [{"Id": "to-topic", "TopicArn": topic, "Events": ["s3:ObjectRemoved:*"], "Filter": filtered("t/")}]
    put(QueueConfigurations=queues, TopicConfigurations=topics)
    told = world.s3.get_bucket_notification_configuration(Bucket=bucket)
    assert [one["QueueArn"] for one in told["QueueConfigurations"]] == [arn] and "LambdaFunctionConfigurations" not in told
    assert [(one["TopicArn"], one["Id"], one["Events"]) for one in told["TopicConfigurations"]] == [(topic, "to-topic", ["s3:ObjectRemoved:*"])]
    test = json.loads(world.received(url)[0]["Body"])
    assert (test["Service"], test["Event"], test["Bucket"]) == ("Amazon S3", "s3:TestEvent", bucket)
    test = json.loads(world.received(behind)[0]["Body"])
    assert test["Subject"] == "Amazon S3 Notification" and json.loads(test["Message"])["Event"] == "s3:TestEvent"

    for key in ["q/1", "t/1"]:
        world.s3.put_object(Bucket=bucket, Key=key, Body=b"four")
        world.s3.delete_object(Bucket=bucket, Key=key)
    (message,) = world.received(url)
    (record,) = json.loads(message["Body"])["Records"]
    assert record["eventName"] == "ObjectCreated:Put" and record["s3"]["configurationId"] == "to-queue"
    assert (record["s3"]["object"]["key"], record["s3"]["object"]["size"]) == ("q/1", 4)
    (message,) = world.received(behind)
    (record,) = json.loads(json.loads(message["Body"])["Message"])["Records"]
    assert (record["eventName"], record["s3"]["object"]["key"]) == ("ObjectRemoved:Delete", "t/1")

    for wrong in [arn + "-not", fifo, topic]:
        code, _ = refused(put, QueueConfigurations=[{"QueueArn": wrong, "Events": ["s3:ObjectCreated:*"]}])
        assert code == "InvalidArgument"
    code, said = refused(put, QueueConfigurations=queues, TopicConfigurations=[{"TopicArn": topic, "Events": ["s3:ObjectCreated:Put"]}])
    assert code == "InvalidArgument" and "overlap" in said


TEMPLATE = """
Resources:
  Queue: {Type: AWS::SQS::Queue}
  Topic: {Type: AWS::SNS::Topic}
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: BUCKET
      NotificationConfiguration:
        QueueConfigurations: [{Event: 's3:ObjectCreated:*', Queue: !GetAtt Queue.Arn}]
        TopicConfigurations: [{Event: 's3:ObjectRemoved:*', Topic: !Ref Topic}]
Outputs:
  Url: {Value: !Ref Queue}
"""


def test_a_template_says_whom_a_bucket_tells(world, tmp_path):
    bucket = name()
    file = tmp_path / "template.yaml"
    file.write_text(TEMPLATE.replace("BUCKET", bucket))
    assert world.fulmar.cli("deploy", str(file), "--stack", bucket).returncode == 0
    told = world.s3.get_bucket_notification_configuration(Bucket=bucket)
    assert len(told["TopicConfigurations"]) == 1
    queue = told["QueueConfigurations"][0]["QueueArn"].rsplit(":", 1)[1]
    url = world.sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    world.s3.put_object(Bucket=bucket, Key="k", Body=b"")
    events = [json.loads(one["Body"]) for one in world.received(url, 2)]
    assert {one.get("Event") or one["Records"][0]["eventName"] for one in events} == {"s3:TestEvent", "ObjectCreated:Put"}


SAM = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Topic: {Type: AWS::SNS::Topic}
  Heard:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: nodejs22.x
      Handler: index.handler
      CodeUri: .
      EventInvokeConfig:
        MaximumRetryAttempts: 0
        DestinationConfig: {OnFailure: {Type: SQS}, OnSuccess: {Type: SNS}}
      Events:
        Published: {Type: SNS, Properties: {Topic: !Ref Topic, SqsSubscription: true}}
        Put:
          Type: EventBridgeRule
          Properties: {Pattern: {source: [SOURCE]}, DeadLetterConfig: {Type: SQS}}
Outputs:
  Topic: {Value: !Ref Topic}
  Failed: {Value: !Ref HeardEventInvokeConfigOnFailureQueue}
  Succeeded: {Value: !Ref HeardEventInvokeConfigOnSuccessTopic}
  Between: {Value: !Ref HeardPublishedQueue}
  Dead: {Value: !GetAtt HeardPutQueue.Arn}
  Rule: {Value: !Ref HeardPut}
  Function: {Value: !Ref Heard}
"""


def test_queues_and_topics_that_sam_makes_by_itself(world, tmp_path):
    stack = name()
    app = tmp_path / "app"
    app.mkdir()
    (app / "template.yaml").write_text(SAM.replace("SOURCE", stack))
    (app / "index.js").write_text("exports.handler = async (event) => { if (event.fail) throw new Error('told to'); return event; };")
    done = world.fulmar.cli("deploy", app, "--stack", stack, "--json")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    outputs = {output["name"]: output["value"] for event in found for output in event.get("outputs", [])}
    function = outputs["Function"]
    url, arn = world.queue()
    world.subscribed(outputs["Succeeded"], arn)
    world.lambda_.invoke(FunctionName=function, InvocationType="Event", Payload='{"n": 1}')
    (message,) = world.received(url)
    assert json.loads(json.loads(message["Body"])["Message"])["responsePayload"] == {"n": 1}
    world.lambda_.invoke(FunctionName=function, InvocationType="Event", Payload='{"fail": true}')
    (message,) = world.received(outputs["Failed"])
    assert json.loads(message["Body"])["requestContext"]["condition"] == "RetriesExhausted"

    world.sns.publish(TopicArn=outputs["Topic"], Message="in between")
    ran = lambda: json.loads(world.fulmar.cli("invocations", function, "--json").stdout)["invocations"]
    eventually(lambda: any(one["trigger"] == "queue" and one["outcome"] == "ok" for one in ran()))
    left = lambda: world.sqs.get_queue_attributes(QueueUrl=outputs["Between"], AttributeNames=["All"])["Attributes"]
    eventually(lambda: {left()[f"ApproximateNumberOfMessages{kind}"] for kind in ["", "NotVisible"]} == {"0"})

    rule = outputs["Rule"]
    (target,) = world.events.list_targets_by_rule(Rule=rule)["Targets"]
    assert target["DeadLetterConfig"] == {"Arn": outputs["Dead"]}
    world.fulmar.cli("destroy", stack)
