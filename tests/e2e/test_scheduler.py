"""Schedules with boto3, and the clock moved to when they are due."""

import json
from datetime import datetime, timedelta, timezone

import pytest
from botocore.exceptions import ClientError
from conftest import server
from test_runtimes import make as make_function, package

ROLE = "arn:aws:iam::000000000000:role/r"
OFF = {"Mode": "OFF"}
CODE = """
import json

def handler(event, context):
    print("got", json.dumps(event))
"""


@pytest.fixture(scope="module")
def fulmar():
    with server("--sandbox", "off") as running:
        code = package({"index.py": CODE})
        make_function(running.client("lambda"), "told", code, runtime="python3.13", Timeout=60, MemorySize=128)
        yield running


@pytest.fixture(scope="module")
def scheduler(fulmar):
    return fulmar.client("scheduler")


def clock(fulmar, *words):
    return json.loads(fulmar.cli("clock", *words, "--json").stdout)


def now(fulmar):
    return datetime.fromisoformat(clock(fulmar, "show")["now"].replace("Z", "+00:00"))


def got(fulmar, mark, function="told"):
    """The events that a function got, those with a mark."""
    lines = fulmar.cli("logs", function, "--last", "1000", "--json").stdout.splitlines()
    texts = [json.loads(line).get("text", "") for line in lines]
    events = [json.loads(text.split("got ", 1)[1]) for text in texts if "got {" in text]
    return [event for event in events if mark in json.dumps(event)]


def target(text=None, **more):
    said = {} if text is None else {"Input": text}
    return {"Arn": "arn:aws:lambda:us-east-1:000000000000:function:told", "RoleArn": ROLE, **said, **more}


def refused(call, **parameters):
    with pytest.raises(ClientError) as error:
        call(**parameters)
    return error.value.response["Error"]["Code"], error.value.response["Error"].get("Message", "")


def test_a_day_of_hours_is_done_in_order(fulmar, scheduler):
    text = '{"mark": "hourly", "at": "<aws.scheduler.scheduled-time>", "who": "<aws.scheduler.schedule-arn>", "id": "<aws.scheduler.execution-id>", "try": "<aws.scheduler.attempt-number>"}'
    made = scheduler.create_schedule(
        Name="hourly", ScheduleExpression="cron(0 * * * ? *)", FlexibleTimeWindow=OFF, Target=target(text)
    )
    assert made["ScheduleArn"] == "arn:aws:scheduler:us-east-1:000000000000:schedule/default/hourly"
    clock(fulmar, "advance", "24h")
    events = got(fulmar, "hourly")
    times = [event["at"] for event in events]
    assert len(times) == 24 and times == sorted(set(times))
    assert {event["who"] for event in events} == {made["ScheduleArn"]}
    assert len({event["id"] for event in events}) == 24
    assert {event["try"] for event in events} == {"1"}
    scheduler.delete_schedule(Name="hourly")
    clock(fulmar, "advance", "2h")
    assert len(got(fulmar, "hourly")) == 24


def test_what_is_said_comes_back(fulmar, scheduler):
    start = (now(fulmar) + timedelta(days=1)).replace(microsecond=0)
    scheduler.create_schedule_group(Name="team", Tags=[{"Key": "a", "Value": "1"}])
    scheduler.create_schedule(
        Name="whole",
        GroupName="team",
        ScheduleExpression="rate(5 minutes)",
        ScheduleExpressionTimezone="Europe/Berlin",
        StartDate=start,
        EndDate=start + timedelta(days=2),
        Description="all of it",
        State="DISABLED",
        FlexibleTimeWindow={"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15},
        Target=target("{}", RetryPolicy={"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 600}),
        ActionAfterCompletion="DELETE",
    )
    told = scheduler.get_schedule(Name="whole", GroupName="team")
    assert told["StartDate"] == start and told["EndDate"] == start + timedelta(days=2)
    assert told["ScheduleExpressionTimezone"] == "Europe/Berlin" and told["State"] == "DISABLED"
    assert told["FlexibleTimeWindow"] == {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15}
    assert told["Target"]["RetryPolicy"] == {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 600}
    assert told["ActionAfterCompletion"] == "DELETE" and told["Description"] == "all of it"
    scheduler.update_schedule(
        Name="whole", GroupName="team", ScheduleExpression="rate(1 hour)", FlexibleTimeWindow=OFF, Target=target()
    )
    told = scheduler.get_schedule(Name="whole", GroupName="team")
    assert told["State"] == "ENABLED" and "Description" not in told and "StartDate" not in told
    pages = scheduler.get_paginator("list_schedules").paginate(GroupName="team", PaginationConfig={"PageSize": 1})
    assert [one["Name"] for page in pages for one in page["Schedules"]] == ["whole"]
    arn = scheduler.get_schedule_group(Name="team")["Arn"]
    scheduler.tag_resource(ResourceArn=arn, Tags=[{"Key": "b", "Value": "2"}])
    scheduler.untag_resource(ResourceArn=arn, TagKeys=["a"])
    assert scheduler.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "b", "Value": "2"}]
    groups = [one["Name"] for one in scheduler.list_schedule_groups()["ScheduleGroups"]]
    assert groups == ["default", "team"]
    scheduler.delete_schedule_group(Name="team")
    assert refused(scheduler.get_schedule, Name="whole", GroupName="team")[0] == "ResourceNotFoundException"


def test_what_is_wrong_is_refused(scheduler):
    def make(expression="rate(1 hour)", **more):
        return refused(
            scheduler.create_schedule,
            **{"Name": "bad", "ScheduleExpression": expression, "FlexibleTimeWindow": OFF, "Target": target(), **more},
        )

    for expression in ["rate(1 our)", "cron(0 12 * * *)", "at(2030-01-01)", "hourly"]:
        assert make(expression) == ("ValidationException", f"Invalid Schedule Expression {expression}.")
    assert make(ScheduleExpressionTimezone="Mars/Olympus")[0] == "ValidationException"
    assert make(StartDate=datetime.now(timezone.utc) - timedelta(minutes=6)) == (
        "ValidationException",
        "The StartDate you specify cannot be earlier than 5 minutes ago.",
    )
    assert make(FlexibleTimeWindow={"Mode": "FLEXIBLE"})[0] == "ValidationException"
    assert make(Target={"Arn": "nothing", "RoleArn": ROLE}) == (
        "ValidationException",
        "Provided Arn is not in correct format.",
    )
    assert make(GroupName="nowhere") == ("ResourceNotFoundException", "Schedule group nowhere does not exist.")
    assert refused(scheduler.list_schedules, GroupName="nowhere") == (
        "ResourceNotFoundException",
        "Schedule group nowhere does not exist.",
    )
    universal = {"Arn": "arn:aws:scheduler:::aws-sdk:ec2:stopInstances", "RoleArn": ROLE, "Input": "{}"}
    code, message = make(Target=universal)
    assert code == "NotImplementedException" and "ec2:stopInstances" in message
    assert refused(scheduler.delete_schedule, Name="bad") == (
        "ResourceNotFoundException",
        "Schedule bad does not exist.",
    )
    assert refused(scheduler.delete_schedule_group, Name="default")[0] == "ValidationException"


def test_the_same_token_makes_it_once(scheduler):
    asked = {"Name": "t", "ScheduleExpression": "rate(1 day)", "FlexibleTimeWindow": OFF, "Target": target("{}")}
    scheduler.create_schedule(ClientToken="one", **asked)
    scheduler.create_schedule(ClientToken="one", **asked)
    assert refused(scheduler.create_schedule, ClientToken="two", **asked) == (
        "ConflictException",
        "Schedule t already exists.",
    )
    scheduler.delete_schedule(Name="t")


def test_once_in_a_zone_and_then_gone_through_a_kill(fulmar, scheduler):
    from zoneinfo import ZoneInfo

    at = (now(fulmar) + timedelta(days=3)).astimezone(ZoneInfo("Asia/Tokyo")).replace(microsecond=0)
    scheduler.create_schedule(
        Name="once",
        ScheduleExpression=f"at({at:%Y-%m-%dT%H:%M:%S})",
        ScheduleExpressionTimezone="Asia/Tokyo",
        FlexibleTimeWindow=OFF,
        Target={
            "Arn": "arn:aws:scheduler:::aws-sdk:lambda:invoke",
            "RoleArn": ROLE,
            "Input": json.dumps(
                {
                    "FunctionName": "told",
                    "InvocationType": "Event",
                    "Payload": '{"mark": "once", "at": "<aws.scheduler.scheduled-time>"}',
                }
            ),
        },
        ActionAfterCompletion="DELETE",
    )
    clock(fulmar, "advance", "2d")
    fulmar.kill()
    fulmar.restart()
    assert got(fulmar, '"once"') == []
    clock(fulmar, "advance", "2d")
    wanted = at.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert [event["at"] for event in got(fulmar, '"once"')] == [wanted]
    assert refused(scheduler.get_schedule, Name="once")[0] == "ResourceNotFoundException"


def make_queue(fulmar, name, **attributes):
    """Its client, its URL and its ARN."""
    sqs = fulmar.client("sqs")
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return sqs, url, arn


def received(sqs, url):
    messages = []
    while page := sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], AttributeNames=["All"]
    ).get("Messages"):
        messages += page
        for one in page:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
    return messages


def test_queues_get_what_is_due(fulmar, scheduler):
    sqs, url, arn = make_queue(fulmar, "timed")
    _, ordered_url, ordered = make_queue(fulmar, "timed.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    text = "at <aws.scheduler.scheduled-time>"
    grouped = {"Arn": ordered, "RoleArn": ROLE, "Input": text, "SqsParameters": {"MessageGroupId": "g"}}
    plain = {"Arn": arn, "RoleArn": ROLE, "Input": text}
    for name, to in [("plain-queue", plain), ("ordered-queue", grouped)]:
        scheduler.create_schedule(
            Name=name, ScheduleExpression="cron(0 * * * ? *)", FlexibleTimeWindow=OFF, Target=to
        )
    clock(fulmar, "advance", "5h")
    bodies = [one["Body"] for one in received(sqs, url)]
    assert len(bodies) == 5 and len(set(bodies)) == 5
    in_order = received(sqs, ordered_url)
    assert [one["Body"] for one in in_order] == sorted(bodies)
    assert {one["Attributes"]["MessageGroupId"] for one in in_order} == {"g"}
    for name in ["plain-queue", "ordered-queue"]:
        scheduler.delete_schedule(Name=name)


def test_what_nobody_takes_is_a_dead_letter(fulmar, scheduler):
    sqs, url, arn = make_queue(fulmar, "letters")
    scheduler.create_schedule(
        Name="lost",
        ScheduleExpression="rate(1 day)",
        FlexibleTimeWindow=OFF,
        Target={
            "Arn": "arn:aws:lambda:us-east-1:000000000000:function:nobody",
            "RoleArn": ROLE,
            "Input": '{"mark": "lost"}',
            "RetryPolicy": {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 3600},
            "DeadLetterConfig": {"Arn": arn},
        },
    )
    clock(fulmar, "advance", "2h")
    [letter] = received(sqs, url)
    assert json.loads(letter["Body"]) == {"mark": "lost"}
    told = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    print(told)
    assert told["SCHEDULE_ARN"].endswith(":schedule/default/lost")
    assert told["TARGET_ARN"].endswith(":function:nobody")
    assert told["ERROR_CODE"] and told["ERROR_MESSAGE"]
    scheduler.delete_schedule(Name="lost")


CALLED = "arn:aws:scheduler:::aws-sdk:"


def call_hourly(scheduler, name, operation, parameters, **more):
    scheduler.create_schedule(
        Name=name,
        ScheduleExpression="cron(0 * * * ? *)",
        FlexibleTimeWindow=OFF,
        Target={"Arn": CALLED + operation, "RoleArn": ROLE, "Input": json.dumps(parameters), **more},
    )


def make_table(fulmar, name):
    dynamodb = fulmar.client("dynamodb")
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return dynamodb


def test_operations_are_called_with_what_the_input_holds(fulmar, scheduler):
    dynamodb = make_table(fulmar, "timed")
    item = {"k": {"S": "<aws.scheduler.scheduled-time>"}, "by": {"S": "<aws.scheduler.schedule-arn>"}}
    call_hourly(scheduler, "put-item", "dynamodb:putItem", {"TableName": "timed", "Item": item})
    counted = {
        "TableName": "timed",
        "Key": {"k": {"S": "count"}},
        "UpdateExpression": "ADD n :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }
    call_hourly(scheduler, "count", "dynamodb:updateItem", counted)
    sqs, url, _ = make_queue(fulmar, "called")
    entries = [{"Id": str(n), "MessageBody": f"entry {n}"} for n in range(2)]
    call_hourly(scheduler, "batch", "sqs:sendMessageBatch", {"QueueUrl": url, "Entries": entries})
    clock(fulmar, "advance", "3h")
    for name in ["put-item", "count", "batch"]:
        scheduler.delete_schedule(Name=name)
    items = {item["k"]["S"]: item for item in dynamodb.scan(TableName="timed")["Items"]}
    assert items.pop("count")["n"] == {"N": "3"}
    assert len(items) == 3 and all(item["by"]["S"].endswith("/put-item") for item in items.values())
    assert sorted(one["Body"] for one in received(sqs, url)) == ["entry 0"] * 3 + ["entry 1"] * 3


def test_operations_of_every_service_are_called(fulmar, scheduler):
    """One of each protocol, and what is seen of it afterwards."""
    lambda_, events, sns, s3, logs = map(fulmar.client, ["lambda", "events", "sns", "s3", "logs"])
    events.put_rule(Name="resting", EventPattern='{"source": ["x"]}')
    s3.create_bucket(Bucket="timely")
    logs.create_log_group(logGroupName="timely")
    logs.create_log_stream(logGroupName="timely", logStreamName="s")
    asked = {
        "lambda:putFunctionConcurrency": {"FunctionName": "told", "ReservedConcurrentExecutions": 7},
        "eventbridge:disableRule": {"Name": "resting"},
        "sns:createTopic": {"Name": "timely", "Attributes": {"DisplayName": "At <aws.scheduler.scheduled-time> & on"}},
        "scheduler:createScheduleGroup": {"Name": "timely"},
        "s3:putObject": {"Bucket": "timely", "Key": "by <aws.scheduler.scheduled-time>/a b.txt", "Body": "written", "ContentType": "text/x", "Metadata": {"k": "v"}},
        "cloudwatchlogs:putRetentionPolicy": {"LogGroupName": "timely", "RetentionInDays": 3},
    }
    for number, (operation, parameters) in enumerate(asked.items()):
        call_hourly(scheduler, f"every-{number}", operation, parameters)
    clock(fulmar, "advance", "1h")
    for number in range(len(asked)):
        scheduler.delete_schedule(Name=f"every-{number}")
    assert lambda_.get_function_concurrency(FunctionName="told")["ReservedConcurrentExecutions"] == 7
    lambda_.delete_function_concurrency(FunctionName="told")
    assert events.describe_rule(Name="resting")["State"] == "DISABLED"
    shown = sns.get_topic_attributes(TopicArn="arn:aws:sns:us-east-1:000000000000:timely")["Attributes"]["DisplayName"]
    assert shown.startswith("At 20") and shown.endswith("Z & on")
    assert scheduler.get_schedule_group(Name="timely")["State"] == "ACTIVE"
    [found] = s3.list_objects_v2(Bucket="timely")["Contents"]
    assert found["Key"].startswith("by 20") and found["Key"].endswith("Z/a b.txt")
    got = s3.get_object(Bucket="timely", Key=found["Key"])
    assert (got["Body"].read(), got["ContentType"], got["Metadata"]) == (b"written", "text/x", {"k": "v"})
    [group] = logs.describe_log_groups(logGroupNamePrefix="timely")["logGroups"]
    assert group["retentionInDays"] == 3


def test_an_operation_in_vain_is_a_dead_letter(fulmar, scheduler):
    make_table(fulmar, "strict")
    sqs, url, arn = make_queue(fulmar, "in-vain")
    more = {
        "DeadLetterConfig": {"Arn": arn},
        "RetryPolicy": {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 3600},
    }
    wrong = {"TableName": "strict", "Item": {"k": {"N": "1"}}}
    call_hourly(scheduler, "wrong-key", "dynamodb:putItem", wrong, **more)
    missing = {"TableName": "missing", "Item": {"k": {"S": "1"}}}
    call_hourly(scheduler, "no-table", "dynamodb:putItem", missing, **more)
    # The other protocols say what is wrong elsewhere.
    call_hourly(scheduler, "no-rule", "eventbridge:disableRule", {"Name": "missing"}, **more)
    call_hourly(scheduler, "no-name", "sns:createTopic", {"Name": "not a name"}, **more)
    call_hourly(scheduler, "no-size", "lambda:putFunctionConcurrency", {"FunctionName": "told", "ReservedConcurrentExecutions": 5000}, **more)
    call_hourly(scheduler, "no-bucket", "s3:putObject", {"Bucket": "missing-bucket", "Key": "k"}, **more)
    names = ["wrong-key", "no-table", "no-rule", "no-name", "no-size", "no-bucket"]
    clock(fulmar, "advance", "1h")
    for name in names:
        scheduler.delete_schedule(Name=name)
    clock(fulmar, "advance", "1h")
    letters = {}
    for letter in received(sqs, url):
        told = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
        letters[told["SCHEDULE_ARN"].rsplit("/", 1)[1]] = (json.loads(letter["Body"]), told)
    body, told = letters["wrong-key"]
    assert body == wrong and told["TARGET_ARN"] == CALLED + "dynamodb:putItem"
    assert (told["ERROR_CODE"], told["RETRY_ATTEMPTS"]) == ("ValidationException", "0")
    codes = {name: letters[name][1]["ERROR_CODE"] for name in names[2:]}
    assert codes == {
        "no-rule": "ResourceNotFoundException",
        "no-name": "InvalidParameter",
        "no-size": "InvalidParameterValueException",
        "no-bucket": "NoSuchBucket",
    }
    body, told = letters["no-table"]
    assert body == missing and told["ERROR_CODE"] == "ResourceNotFoundException"
    assert (told["EXHAUSTED_RETRY_CONDITION"], told["RETRY_ATTEMPTS"]) == ("MaximumRetryAttempts", "2")


def test_what_no_operation_would_take_is_refused(scheduler):
    make = lambda operation, text: refused(
        scheduler.create_schedule,
        Name="refused",
        ScheduleExpression="rate(1 hour)",
        FlexibleTimeWindow=OFF,
        Target={"Arn": CALLED + operation, "RoleArn": ROLE, "Input": text},
    )
    code, message = make("dynamodb:putItem", "{}")
    assert code == "ValidationException" and "tableName" in message
    assert make("dynamodb:putItem", "no json")[0] == "ValidationException"
    code, message = make("dynamodb:getItem", "{}")
    assert code == "NotImplementedException" and "dynamodb:getItem" in message


TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Report:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: told-by-template
      Runtime: python3.13
      Handler: index.handler
      Timeout: 60
      CodeUri: src
      Events:
        Hourly:
          Type: ScheduleV2
          Properties: {ScheduleExpression: cron(0 * * * ? *), Input: '{"mark": "template hourly"}'}
        Monthly:
          Type: ScheduleV2
          Properties:
            ScheduleExpression: cron(0 0 1 * ? *)
            ScheduleExpressionTimezone: Europe/Berlin
            Input: '{"mark": "monthly", "at": "<aws.scheduler.scheduled-time>"}'
        Rule:
          Type: Schedule
          Properties: {Schedule: cron(0 12 * * ? *), Input: '{"mark": "by rule"}'}
  Group: {Type: AWS::Scheduler::ScheduleGroup, Properties: {Name: declared}}
  Letters: {Type: AWS::SQS::Queue, Properties: {QueueName: of-template}}
  Apart:
    Type: AWS::Scheduler::Schedule
    Properties:
      Name: apart
      GroupName: !Ref Group
      ScheduleExpression: cron(30 * * * ? *)
      FlexibleTimeWindow: {Mode: 'OFF'}
      Target: {Arn: !GetAtt Letters.Arn, RoleArn: 'arn:aws:iam::000000000000:role/r', Input: 'half past'}
  Items:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: of-template
      KeySchema: [{AttributeName: k, KeyType: HASH}]
      AttributeDefinitions: [{AttributeName: k, AttributeType: S}]
      BillingMode: PAY_PER_REQUEST
  Called:
    Type: AWS::Scheduler::Schedule
    Properties:
      Name: called
      ScheduleExpression: cron(45 * * * ? *)
      FlexibleTimeWindow: {Mode: 'OFF'}
      Target:
        Arn: arn:aws:scheduler:::aws-sdk:dynamodb:putItem
        RoleArn: arn:aws:iam::000000000000:role/r
        Input: !Sub '{"TableName": "${Items}", "Item": {"k": {"S": "<aws.scheduler.scheduled-time>"}}}'
"""


def test_a_template_with_a_scheduled_function(fulmar, scheduler, tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src/index.py").write_text(CODE)
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    fulmar.cli("deploy", str(tmp_path / "template.yaml"))
    begin = now(fulmar)
    clock(fulmar, "advance", "6h")
    assert len(got(fulmar, "template hourly", "told-by-template")) == 6
    sqs = fulmar.client("sqs")
    url = sqs.get_queue_url(QueueName="of-template")["QueueUrl"]
    assert [one["Body"] for one in received(sqs, url)] == ["half past"] * 6
    assert len(fulmar.client("dynamodb").scan(TableName="of-template")["Items"]) == 6
    told = scheduler.get_schedule(Name="ReportMonthly")
    assert told["ScheduleExpressionTimezone"] == "Europe/Berlin"
    # Other schedules would make thousands of calls on the way.
    hourly = "          Properties: {ScheduleExpression: cron(0 * * * ? *),"
    off = hourly.replace("{", "{State: DISABLED, ")
    (tmp_path / "template.yaml").write_text(TEMPLATE.replace(hourly, off).replace("cron(30 *", "cron(30 0").replace("cron(45 *", "cron(45 0"))
    fulmar.cli("deploy", str(tmp_path / "template.yaml"))
    assert scheduler.get_schedule(Name="ReportHourly")["State"] == "DISABLED"
    clock(fulmar, "advance", "62d")
    end = now(fulmar)
    firsts = [event["at"] for event in got(fulmar, "monthly", "told-by-template")]
    assert firsts == firsts_of_months(begin, end) and len(firsts) >= 2
    days = len(got(fulmar, "by rule", "told-by-template"))
    assert 62 <= days <= 63
    assert len(got(fulmar, "template hourly", "told-by-template")) == 6
    bare = TEMPLATE[: TEMPLATE.index("      Events:")]
    (tmp_path / "template.yaml").write_text(bare)
    fulmar.cli("deploy", str(tmp_path / "template.yaml"))
    left = [one["Name"] for one in scheduler.list_schedules()["Schedules"]]
    assert not {"apart", "ReportHourly", "ReportMonthly"} & set(left)
    assert "declared" not in [one["Name"] for one in scheduler.list_schedule_groups()["ScheduleGroups"]]


def firsts_of_months(begin, end):
    """Midnights of Berlin, told in UTC."""
    from zoneinfo import ZoneInfo

    firsts, zone = [], ZoneInfo("Europe/Berlin")
    for month in range(12 * begin.year, 12 * end.year + 12):
        at = datetime(month // 12, month % 12 + 1, 1, tzinfo=zone).astimezone(timezone.utc)
        if begin < at <= end:
            firsts.append(at.strftime("%Y-%m-%dT%H:%M:%SZ"))
    return firsts


def test_without_an_input_it_is_an_event(fulmar, scheduler):
    scheduler.create_schedule(
        Name="plain", ScheduleExpression="rate(1 hour)", FlexibleTimeWindow=OFF, Target=target()
    )
    clock(fulmar, "advance", "30m")
    [event] = got(fulmar, "schedule/default/plain")
    assert event["source"] == "aws.scheduler" and event["detail-type"] == "Scheduled Event"
    scheduler.delete_schedule(Name="plain")
