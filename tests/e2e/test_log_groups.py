"""Log groups by boto3 and the AWS CLI: what functions printed, and what somebody puts there."""

import json
import time

import pytest
from botocore.exceptions import ClientError
from conftest import eventually, server
from test_runtimes import make as make_function, package

CODE = """
import json

def handler(event, context):
    print("got", json.dumps(event))
    if event.get("fail"):
        raise ValueError("as told")
    return context.log_stream_name
"""
DAY = 24 * 3600 * 1000


@pytest.fixture(scope="module")
def fulmar():
    with server("--sandbox", "off") as running:
        code = package({"index.py": CODE})
        make_function(running.client("lambda"), "told", code, runtime="python3.13", Timeout=60, MemorySize=128)
        yield running


@pytest.fixture(scope="module")
def logs(fulmar):
    return fulmar.client("logs")


def call(fulmar, event):
    answer = fulmar.client("lambda").invoke(FunctionName="told", Payload=json.dumps(event))
    return json.loads(answer["Payload"].read())


def refused(call, **parameters):
    with pytest.raises(ClientError) as error:
        call(**parameters)
    return error.value.response["Error"]["Code"], error.value.response["Error"].get("Message", "")


def now():
    return int(time.time() * 1000)


def put(logs, group, stream, *events):
    events = [{"timestamp": at, "message": text} for at, text in events]
    return logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def made(logs, group, *streams):
    logs.create_log_group(logGroupName=group)
    for stream in streams:
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
    return group


def test_what_a_function_printed_is_found(fulmar, logs):
    stream = call(fulmar, {"mark": "first"})
    call(fulmar, {"mark": "second", "fail": True})
    name = "/aws/lambda/told"
    groups = logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/")["logGroups"]
    arn = "arn:aws:logs:us-east-1:000000000000:log-group:/aws/lambda/told"
    assert [(group["logGroupName"], group["arn"]) for group in groups] == [(name, arn + ":*")]
    assert "retentionInDays" not in groups[0] and groups[0]["logGroupClass"] == "STANDARD"
    streams = logs.describe_log_streams(logGroupName=name, orderBy="LastEventTime", descending=True)["logStreams"]
    assert stream in [one["logStreamName"] for one in streams]
    events = logs.get_log_events(logGroupIdentifier=arn, logStreamName=stream, startFromHead=True)["events"]
    texts = [event["message"] for event in events]
    runs_on = fulmar.client("lambda").get_function_configuration(FunctionName="told")["RuntimeVersionConfig"]["RuntimeVersionArn"]
    version = runs_on.removeprefix("arn:aws:lambda:us-east-1:000000000000:runtime/python3.13/version/")
    assert texts[0] == f"INIT_START Runtime Version: python:{version}\tRuntime Version ARN: {runs_on}"
    assert texts[1].startswith("START RequestId") and any('got {"mark": "first"}' in text for text in texts)
    assert any(text.startswith("REPORT RequestId") for text in texts)
    found = logs.filter_log_events(logGroupName=name, filterPattern='"got" second')["events"]
    assert len(found) == 1 and '"fail": true' in found[0]["message"]
    assert found[0]["logStreamName"] == stream and abs(found[0]["timestamp"] - now()) < 60_000
    found = logs.filter_log_events(logGroupName=name, filterPattern="?ValueError ?KeyError")["events"]
    assert any("as told" in event["message"] for event in found)


def test_the_command_line_reads(fulmar, logs):
    call(fulmar, {"mark": "tailed"})
    since = str(now() - 300_000)
    # What `tail` of its second version asks for, which no registry has.
    told = fulmar.aws("logs", "filter-log-events", "--log-group-name", "/aws/lambda/told", "--interleaved", "--start-time", since)
    texts = [event["message"] for event in json.loads(told.stdout)["events"]]
    assert any('got {"mark": "tailed"}' in text for text in texts)
    told = fulmar.aws("logs", "describe-log-groups", "--query", "logGroups[].logGroupName", "--output", "text")
    assert "/aws/lambda/told" in told.stdout.split()


def test_what_is_put_is_read_in_order_page_by_page(logs):
    group = made(logs, "put", "a", "b")
    start = now() - 60_000
    put(logs, group, "a", *[(start + 2 * n, f"a {n}") for n in range(50)])
    put(logs, group, "b", *[(start + 2 * n + 1, f"b {n}") for n in range(50)])
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, PaginationConfig={"PageSize": 7})
    texts = [event["message"] for page in pages for event in page["events"]]
    assert texts == [f"{stream} {n}" for n in range(50) for stream in "ab"]
    ids = {event["eventId"] for event in logs.filter_log_events(logGroupName=group)["events"]}
    assert len(ids) == 100
    part = dict(logGroupName=group, logStreamNames=["b"], startTime=start + 11, endTime=start + 15)
    assert [event["message"] for event in logs.filter_log_events(**part)["events"]] == ["b 5", "b 6", "b 7"]
    last = logs.get_log_events(logGroupName=group, logStreamName="a", limit=2)
    assert [event["message"] for event in last["events"]] == ["a 48", "a 49"]
    back = logs.get_log_events(logGroupName=group, logStreamName="a", limit=2, nextToken=last["nextBackwardToken"])
    assert [event["message"] for event in back["events"]] == ["a 46", "a 47"]
    on = logs.get_log_events(logGroupName=group, logStreamName="a", nextToken=last["nextForwardToken"])
    assert on["events"] == [] and on["nextForwardToken"] == last["nextForwardToken"]
    put(logs, group, "a", (now(), "late"))
    on = logs.get_log_events(logGroupName=group, logStreamName="a", nextToken=on["nextForwardToken"])
    assert [event["message"] for event in on["events"]] == ["late"]


def test_lines_that_are_json_are_found_by_what_they_say(logs):
    group = made(logs, "json", "s")
    lines = [{"level": "ERROR", "code": 503}, {"level": "INFO", "code": 200}, {"level": "ERROR", "code": 404}]
    put(logs, group, "s", *[(now(), json.dumps(line)) for line in lines], (now(), "no json"))
    found = logs.filter_log_events(logGroupName=group, filterPattern='{ $.level = "ERR*" && $.code >= 500 }')
    assert [json.loads(event["message"]) for event in found["events"]] == lines[:1]
    code, _ = refused(logs.filter_log_events, logGroupName=group, filterPattern="{ level = 1 }")
    assert code == "InvalidParameterException"
    code, _ = refused(logs.filter_log_events, logGroupName=group, filterPattern="[a, b]")
    assert code == "NotImplementedException"


def test_lines_are_kept_as_long_as_is_said():
    with server("--sandbox", "off") as own:
        logs = own.client("logs")
        group = made(logs, "kept", "s")
        put(logs, group, "s", (now() - 10 * DAY, "old"), (now() - DAY, "young"))
        assert len(logs.filter_log_events(logGroupName=group)["events"]) == 2
        logs.put_retention_policy(logGroupName=group, retentionInDays=7)
        assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["retentionInDays"] == 7
        assert [event["message"] for event in logs.filter_log_events(logGroupName=group)["events"]] == ["young"]
        told = put(logs, group, "s", (now() - 15 * DAY, "older"), (now() - 8 * DAY, "old"), (now(), "new"), (now() + DAY, "newer"))
        rejected = {"expiredLogEventEndIndex": 2, "tooOldLogEventEndIndex": 1, "tooNewLogEventStartIndex": 3}
        assert told["rejectedLogEventsInfo"] == rejected
        own.cli("clock", "advance", "6d")
        assert [event["message"] for event in logs.filter_log_events(logGroupName=group)["events"]] == ["new"]
        logs.delete_retention_policy(logGroupName=group)
        assert "retentionInDays" not in logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]
        assert refused(logs.put_retention_policy, logGroupName=group, retentionInDays=2)[0] == "InvalidParameterException"


def test_groups_and_streams_come_and_go(logs):
    group = made(logs, "gone", "s")
    put(logs, group, "s", (now(), "m"))
    assert refused(logs.create_log_group, logGroupName=group)[0] == "ResourceAlreadyExistsException"
    assert refused(logs.create_log_stream, logGroupName=group, logStreamName="s")[0] == "ResourceAlreadyExistsException"
    arn = logs.describe_log_groups(logGroupNamePattern="GON")["logGroups"][0]["logGroupArn"]
    logs.tag_resource(resourceArn=arn, tags={"a": "1", "b": "2"})
    logs.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"b": "2"}
    logs.delete_log_stream(logGroupName=group, logStreamName="s")
    code, message = refused(logs.get_log_events, logGroupName=group, logStreamName="s")
    assert (code, message) == ("ResourceNotFoundException", "The specified log stream does not exist.")
    logs.delete_log_group(logGroupName=group)
    code, message = refused(logs.delete_log_group, logGroupName=group)
    assert (code, message) == ("ResourceNotFoundException", "The specified log group does not exist.")
    assert refused(logs.filter_log_events, logGroupName=group)[0] == "ResourceNotFoundException"


def test_what_cannot_be_is_refused(logs):
    group = made(logs, "refused", "s")
    stream = dict(logGroupName=group, logStreamName="s")
    late = [{"timestamp": now(), "message": "m"}, {"timestamp": now() - 1000, "message": "m"}]
    code, message = refused(logs.put_log_events, logEvents=late, **stream)
    assert code == "InvalidParameterException" and "chronological" in message
    assert refused(logs.create_log_group, logGroupName="a b")[0] == "InvalidParameterException"
    one = [{"timestamp": now(), "message": "m"}]
    code, _ = refused(logs.put_log_events, logGroupName=group, logStreamName="other", logEvents=one)
    assert code == "ResourceNotFoundException"
    code, message = refused(logs.create_log_group, logGroupName="k", kmsKeyId="arn:aws:kms:us-east-1:000000000000:key/k")
    assert code == "NotImplementedException" and "kmsKeyId" in message
    code, message = refused(logs.start_query, logGroupName=group, startTime=0, endTime=1, queryString="fields @message")
    assert code == "NotImplementedException" and "StartQuery" in message


def test_what_was_acknowledged_outlives_a_crash(fulmar, logs):
    group = made(logs, "crash", "s")
    put(logs, group, "s", (now(), "kept"))
    fulmar.kill()
    fulmar.restart()
    again = fulmar.client("logs")
    assert [event["message"] for event in again.filter_log_events(logGroupName=group)["events"]] == ["kept"]
    assert again.describe_log_streams(logGroupName=group)["logStreams"][0]["logStreamName"] == "s"


FED = """
import base64, gzip, json

def handler(event, context):
    data = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
    print("FED " + json.dumps(data))
"""
ARN = "arn:aws:lambda:us-east-1:000000000000:function:"


@pytest.fixture(scope="module")
def fed(fulmar):
    return make_function(fulmar.client("lambda"), "fed", package({"index.py": FED}), runtime="python3.13", Timeout=60, MemorySize=128)


def got(logs, group, fed="fed"):
    """What the function was called with for the sake of a group, in order."""
    found = logs.filter_log_events(logGroupName=f"/aws/lambda/{fed}", filterPattern='"FED "')["events"]
    told = [json.loads(event["message"].removeprefix("FED ")) for event in found]
    return [one for one in told if one["logGroup"] == group]


def subscribe(logs, group, name="n", pattern="", to="fed"):
    logs.put_subscription_filter(logGroupName=group, filterName=name, filterPattern=pattern, destinationArn=ARN + to)


def messages(told):
    return [event["message"] for one in told for event in one["logEvents"]]


def test_a_function_is_fed_with_what_comes(logs, fed):
    group = made(logs, "feeding", "a", "b")
    put(logs, group, "a", (now(), "ERROR before"))
    subscribe(logs, group, pattern="ERROR")
    put(logs, group, "a", (now(), "ERROR 1"), (now(), "fine"), (now(), "ERROR 2"))
    put(logs, group, "b", (now(), "ERROR 3"))
    told = eventually(lambda: len(messages(got(logs, group))) >= 3 and got(logs, group))
    assert {one["logStream"]: [event["message"] for event in one["logEvents"]] for one in told} == {
        "a": ["ERROR 1", "ERROR 2"],
        "b": ["ERROR 3"],
    }
    for one in told:
        assert one["messageType"] == "DATA_MESSAGE" and one["owner"] == "000000000000"
        assert one["subscriptionFilters"] == ["n"]
    kept = {event["eventId"]: event for event in logs.filter_log_events(logGroupName=group)["events"]}
    for event in (event for one in told for event in one["logEvents"]):
        assert kept[event["id"]]["message"] == event["message"] and kept[event["id"]]["timestamp"] == event["timestamp"]


def test_a_function_is_fed_with_what_another_prints(fulmar, logs, fed):
    call(fulmar, {"mark": "there is a group"})
    group = "/aws/lambda/told"
    subscribe(logs, group, pattern='"got "')
    call(fulmar, {"mark": "printed"})
    told = eventually(lambda: got(logs, group))
    assert 'got {"mark": "printed"}' in messages(told)[0] and len(messages(told)) == 1
    logs.delete_subscription_filter(logGroupName=group, filterName="n")


def test_a_group_has_two_filters_at_most(logs, fed):
    group = made(logs, "limited", "s")
    for name in ("one", "two", "two"):
        subscribe(logs, group, name, pattern="{ $.a = 1 }")
    code, message = refused(subscribe, logs=logs, group=group, name="three")
    assert (code, message) == ("LimitExceededException", "Resource limit exceeded.")
    told = logs.describe_subscription_filters(logGroupName=group, filterNamePrefix="t")["subscriptionFilters"]
    assert abs(told[0].pop("creationTime") - now()) < 60_000
    assert told == [
        {
            "filterName": "two",
            "logGroupName": group,
            "filterPattern": "{ $.a = 1 }",
            "destinationArn": ARN + "fed",
            "distribution": "ByLogStream",
            "applyOnTransformedLogs": False,
        }
    ]
    logs.delete_subscription_filter(logGroupName=group, filterName="two")
    code, _ = refused(logs.delete_subscription_filter, logGroupName=group, filterName="two")
    assert code == "ResourceNotFoundException"
    logs.delete_log_group(logGroupName=group)
    made(logs, group)
    assert logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"] == []
    assert refused(logs.describe_subscription_filters, logGroupName="none")[0] == "ResourceNotFoundException"
    for wrong, code in [
        (dict(pattern="{ a = 1 }"), "InvalidParameterException"),
        (dict(pattern="[a, b]"), "NotImplementedException"),
        (dict(to="none"), "InvalidParameterException"),
    ]:
        assert refused(subscribe, logs=logs, group=group, **wrong)[0] == code, wrong
    made(logs, "/aws/lambda/fed-self")
    code, message = refused(subscribe, logs=logs, group="/aws/lambda/fed-self", to="fed-self")
    assert code == "InvalidParameterException" and "reserved for the function logs" in message


TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Runtime: python3.13, Handler: index.handler, Timeout: 60}}
Resources:
  Group: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: /shop/lines}}
  Printer:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: printer
      LoggingConfig: {LogGroup: !Ref Group}
      InlineCode: |
        def handler(event, context): print("ERROR " + event["mark"])
  Eater:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: eater
      Events: {Errors: {Type: CloudWatchLogs, Properties: {LogGroupName: !Ref Group, FilterPattern: ERROR}}}
      InlineCode: |
%s"""


def test_a_templates_function_is_fed_until_the_stack_goes(fulmar, logs, tmp_path):
    body = "".join(f"        {line}\n" for line in FED.strip().splitlines())
    (tmp_path / "template.yaml").write_text(TEMPLATE % body)
    fulmar.cli("deploy", tmp_path, "--stack", "lines")
    fulmar.client("lambda").invoke(FunctionName="printer", Payload=json.dumps({"mark": "of a stack"}))
    told = eventually(lambda: got(logs, "/shop/lines", "eater"))
    assert [message.strip() for message in messages(told)] == ["ERROR of a stack"]
    fulmar.cli("deploy", tmp_path, "--stack", "lines")
    kept = logs.describe_subscription_filters(logGroupName="/shop/lines")["subscriptionFilters"]
    assert [(one["filterPattern"], one["destinationArn"]) for one in kept] == [("ERROR", ARN + "eater")]
    text = (tmp_path / "template.yaml").read_text()
    (tmp_path / "template.yaml").write_text("\n".join(line for line in text.splitlines() if "Events:" not in line))
    fulmar.cli("deploy", tmp_path, "--stack", "lines")
    assert logs.describe_subscription_filters(logGroupName="/shop/lines")["subscriptionFilters"] == []


def test_feeding_goes_on_after_a_crash(fulmar, logs, fed):
    group = made(logs, "crashing", "s")
    subscribe(logs, group)
    for n in range(20):
        put(logs, group, "s", (now(), f"line {n}"))
    fulmar.kill()
    fulmar.restart()
    again = fulmar.client("logs")
    wanted = {f"line {n}" for n in range(20)}
    eventually(lambda: wanted <= set(messages(got(again, group))))
