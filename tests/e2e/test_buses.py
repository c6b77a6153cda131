"""Buses by boto3: rules, what they send to, archives and replays, with a server of the test's own as the outside."""

import base64
import http.server
import itertools
import json
import threading
import time
import urllib.parse

import pytest
from botocore.exceptions import ClientError

from conftest import eventually, server
from test_lambda import ROLE, package

PRINTS = """exports.handler = async (event) => { console.log("GOT " + JSON.stringify(event)); };"""

numbers = itertools.count()


class Outside:
    """A server that remembers what it was asked, and answers as it is told."""

    def __init__(self):
        self.asked, self.answers = [], {}
        outside = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                path = urllib.parse.urlsplit(self.path).path
                outside.asked.append(
                    {"method": self.command, "url": self.path, "path": path, "headers": self.headers, "body": body}
                )
                answers = outside.answers.get(path, [])
                status, said = answers.pop(0) if answers else (200, b"{}")
                self.send_response(status)
                self.send_header("content-length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            do_GET = do_POST = do_PUT = answer

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def at(self, path):
        return [asked for asked in self.asked if asked["path"] == path]

    def bodies(self, path, count=1, timeout=30):
        eventually(lambda: len(self.at(path)) >= count, timeout=timeout)
        return [json.loads(asked["body"]) for asked in self.at(path)]


@pytest.fixture(scope="module")
def outside():
    outside = Outside()
    yield outside
    outside.server.shutdown()


@pytest.fixture(scope="module")
def world(fulmar, outside):
    return World(fulmar, outside)


class World:
    def __init__(self, fulmar, outside):
        self.fulmar, self.outside = fulmar, outside
        self.events, self.lambda_, self.s3 = map(fulmar.client, ["events", "lambda", "s3"])

    def connection(self):
        made = self.events.create_connection(
            Name=f"connection-{next(numbers)}",
            AuthorizationType="API_KEY",
            AuthParameters={"ApiKeyAuthParameters": {"ApiKeyName": "x-key", "ApiKeyValue": "secret"}},
        )
        return made["ConnectionArn"]

    def address(self, path, connection=None, **settings):
        made = self.events.create_api_destination(
            Name=f"address-{next(numbers)}",
            ConnectionArn=connection or self.connection(),
            InvocationEndpoint=self.outside.url + path,
            HttpMethod="POST",
            **settings,
        )
        return made["ApiDestinationArn"]

    def rule(self, pattern, *targets, bus="default"):
        name = f"rule-{next(numbers)}"
        self.events.put_rule(Name=name, EventPattern=json.dumps(pattern), EventBusName=bus)
        targets = [{"Id": str(n), **target} for n, target in enumerate(targets)]
        put = self.events.put_targets(Rule=name, EventBusName=bus, Targets=targets)
        assert put["FailedEntryCount"] == 0
        return name

    def put(self, *entries, **entry):
        entries = entries or [entry]
        filled = [
            {"Source": "test", "DetailType": "kind", **entry, "Detail": json.dumps(entry.get("Detail", {}))}
            for entry in entries
        ]
        return self.events.put_events(Entries=filled)

    def function(self):
        name = f"function-{next(numbers)}"
        made = self.lambda_.create_function(
            FunctionName=name,
            Runtime="nodejs22.x",
            Handler="index.handler",
            Role=ROLE,
            Timeout=60,
            Code={"ZipFile": package(index_js=PRINTS)},
        )
        return name, made["FunctionArn"]

    def got(self, function):
        lines = self.fulmar.cli("logs", function, "--last", "1000").stdout.splitlines()
        return [json.loads(line.split("GOT ", 1)[1]) for line in lines if "GOT " in line]


def refused(code, call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    assert caught.value.response["Error"]["Code"] == code
    return caught.value.response["Error"]["Message"]


def test_a_function_gets_the_events_that_its_rule_wants(world):
    function, arn = world.function()
    world.rule({"source": ["shop"], "detail": {"price": [{"numeric": [">", 10]}]}}, {"Arn": arn})
    put = world.put(
        {"Source": "shop", "Detail": {"price": 5}},
        {"Source": "shop", "DetailType": "order", "Detail": {"price": 50}, "Resources": ["arn:r"], "Time": 1700000000},
    )
    assert put["FailedEntryCount"] == 0
    (event,) = eventually(lambda: world.got(function))
    assert event == {
        "version": "0",
        "id": put["Entries"][1]["EventId"],
        "detail-type": "order",
        "source": "shop",
        "account": "000000000000",
        "time": "2023-11-14T22:13:20Z",
        "region": "us-east-1",
        "resources": ["arn:r"],
        "detail": {"price": 50},
    }


def test_each_entry_is_taken_or_refused_for_itself(world):
    put = world.events.put_events(
        Entries=[
            {"Source": "a", "DetailType": "t", "Detail": "{}"},
            {"DetailType": "t", "Detail": "{}"},
            {"Source": "a", "DetailType": "t", "Detail": "[1]"},
            {"Source": "aws.s3", "DetailType": "t", "Detail": "{}"},
            {"Source": "a", "DetailType": "t"},
        ]
    )
    assert put["FailedEntryCount"] == 4
    assert [entry.get("ErrorCode") for entry in put["Entries"]] == [
        None,
        "InvalidArgument",
        "MalformedDetail",
        "NotAuthorizedForSourceException",
        "InvalidArgument",
    ]
    assert "EventId" in put["Entries"][0]
    entry = {"Source": "a", "DetailType": "t", "Detail": "{}"}
    message = refused("ValidationException", world.events.put_events, Entries=[entry] * 11)
    assert "less than or equal to 10" in message
    large = {**entry, "Detail": json.dumps({"x": "x" * (1 << 20)})}
    message = refused("ValidationException", world.events.put_events, Entries=[large])
    assert message == "Total size of the entries in the request is over the limit."


def test_inputs_are_made_as_the_target_says(world, outside):
    paths = {"n": "$.detail.n", "who": "$.detail.who"}
    templates = {
        "text": '"<who> has <n>"',
        "object": '{"who": <who>, "n": <n>, "said": "it was \\"<who>\\"", "rule": <aws.events.rule-name>}',
    }
    rule = world.rule(
        {"source": ["inputs"]},
        {"Arn": world.address("/inputs/fixed"), "Input": '{"always": 1}'},
        {"Arn": world.address("/inputs/part"), "InputPath": "$.detail"},
        *(
            {
                "Arn": world.address(f"/inputs/{name}"),
                "InputTransformer": {"InputPathsMap": paths, "InputTemplate": template},
            }
            for name, template in templates.items()
        ),
    )
    world.put(Source="inputs", Detail={"n": 3, "who": "Ann"})
    assert outside.bodies("/inputs/fixed") == [{"always": 1}]
    assert outside.bodies("/inputs/part") == [{"n": 3, "who": "Ann"}]
    assert outside.bodies("/inputs/text") == ["Ann has 3"]
    assert outside.bodies("/inputs/object") == [{"who": "Ann", "n": 3, "said": 'it was "Ann"', "rule": rule}]
    listed = world.events.list_targets_by_rule(Rule=rule)["Targets"]
    assert [target["Id"] for target in listed] == ["0", "1", "2", "3"]
    assert listed[3]["InputTransformer"] == {"InputPathsMap": paths, "InputTemplate": templates["object"]}


def test_an_input_can_hold_the_event_with_or_without_its_detail(world, outside):
    names = ["aws.events.event", "aws.events.event.json"]
    targets = [
        {"Arn": world.address(f"/events/{name}"), "InputTransformer": {"InputTemplate": f'{{"event": <{name}>}}'}}
        for name in names
    ]
    world.rule({"source": ["whole"]}, *targets)
    world.put(Source="whole", Detail={"n": 3})
    [without], [whole] = [outside.bodies(f"/events/{name}") for name in names]
    rest = {"version", "id", "source", "account", "time", "region", "resources"}
    assert without["event"].keys() == rest | {"detailType"}
    assert whole["event"].keys() == rest | {"detail-type", "detail"}
    assert without["event"]["detailType"] == whole["event"]["detail-type"] == "kind"


def test_a_dead_letter_says_what_is_not_there(world):
    sqs, sns = map(world.fulmar.client, ["sqs", "sns"])
    url = sqs.create_queue(QueueName=f"letters-{next(numbers)}")["QueueUrl"]
    letters = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    missing = letters + "-gone"
    name = missing.rsplit(":", 1)[1]
    world.rule({"source": ["vain"]}, {"Arn": missing, "DeadLetterConfig": {"Arn": letters}})
    topic = sns.create_topic(Name=name)["TopicArn"]
    redrive = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": letters})}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=missing, Attributes=redrive)
    for send, attribute in [
        (lambda: world.put(Source="vain"), "ERROR_MESSAGE"),
        (lambda: sns.publish(TopicArn=topic, Message="x"), "ErrorMessage"),
    ]:
        send()
        ask = {"QueueUrl": url, "WaitTimeSeconds": 20, "MessageAttributeNames": ["All"]}
        [letter] = sqs.receive_message(**ask)["Messages"]
        assert letter["MessageAttributes"][attribute]["StringValue"] == f"there is no queue {name}"


def test_requests_go_out_with_what_the_connection_and_the_target_say(world, outside):
    connection = world.events.create_connection(
        Name=f"connection-{next(numbers)}",
        AuthorizationType="BASIC",
        AuthParameters={
            "BasicAuthParameters": {"Username": "u", "Password": "p"},
            "InvocationHttpParameters": {
                "HeaderParameters": [{"Key": "x-extra", "Value": "h", "IsValueSecret": True}],
                "QueryStringParameters": [{"Key": "q", "Value": "1"}],
                "BodyParameters": [{"Key": "added", "Value": "yes"}],
            },
        },
    )
    described = world.events.describe_connection(Name=connection["ConnectionArn"].split("/")[1])
    assert described["ConnectionState"] == "AUTHORIZED"
    assert described["AuthParameters"]["BasicAuthParameters"] == {"Username": "u"}
    header = described["AuthParameters"]["InvocationHttpParameters"]["HeaderParameters"][0]
    assert header == {"Key": "x-extra", "IsValueSecret": True}
    world.rule(
        {"source": ["requests"]},
        {
            "Arn": world.address("/requests/*/end", connection["ConnectionArn"]),
            "InputPath": "$.detail",
            "HttpParameters": {
                "PathParameterValues": ["$.detail.id"],
                "HeaderParameters": {"X-Kind": "$.detail-type"},
                "QueryStringParameters": {"fixed": "2"},
            },
        },
    )
    world.put(Source="requests", Detail={"id": "seven"})
    assert outside.bodies("/requests/seven/end") == [{"id": "seven", "added": "yes"}]
    (asked,) = outside.at("/requests/seven/end")
    assert asked["method"] == "POST"
    assert asked["url"] == "/requests/seven/end?fixed=2&q=1"
    assert asked["headers"]["authorization"] == "Basic " + base64.b64encode(b"u:p").decode()
    assert asked["headers"]["x-kind"] == "kind"
    assert asked["headers"]["x-extra"] == "h"
    assert asked["headers"]["user-agent"] == "Amazon/EventBridge/ApiDestinations"


def test_a_token_is_fetched_and_shown(world, outside):
    outside.answers["/token"] = [(200, b'{"access_token": "abc", "expires_in": 3600}')]
    connection = world.events.create_connection(
        Name=f"connection-{next(numbers)}",
        AuthorizationType="OAUTH_CLIENT_CREDENTIALS",
        AuthParameters={
            "OAuthParameters": {
                "AuthorizationEndpoint": outside.url + "/token",
                "HttpMethod": "POST",
                "ClientParameters": {"ClientID": "id", "ClientSecret": "secret"},
                "OAuthHttpParameters": {"BodyParameters": [{"Key": "scope", "Value": "all"}]},
            }
        },
    )
    world.rule({"source": ["token"]}, {"Arn": world.address("/with-token", connection["ConnectionArn"])})
    world.put(Source="token")
    outside.bodies("/with-token")
    world.put(Source="token")
    outside.bodies("/with-token", 2)
    assert {asked["headers"]["authorization"] for asked in outside.at("/with-token")} == {"Bearer abc"}
    (token,) = outside.at("/token")
    assert dict(urllib.parse.parse_qsl(token["body"].decode())) == {
        "scope": "all",
        "grant_type": "client_credentials",
    }
    assert token["headers"]["authorization"] == "Basic " + base64.b64encode(b"id:secret").decode()


def test_what_fails_is_tried_again(world, outside):
    outside.answers["/fails"] = [(503, b""), (429, b"")]
    world.rule({"source": ["fails"]}, {"Arn": world.address("/fails")})
    world.put(Source="fails", Detail={"n": 1})
    bodies = outside.bodies("/fails", 3)
    assert [body["detail"] for body in bodies] == [{"n": 1}] * 3


def test_a_bus_sends_to_another_and_no_further(world, outside):
    names = [f"bus-{next(numbers)}" for _ in range(3)]
    arns = [world.events.create_event_bus(Name=name)["EventBusArn"] for name in names]
    for name, next_arn in zip(names, arns[1:]):
        world.rule({"source": ["hop"]}, {"Arn": next_arn, "RoleArn": ROLE}, bus=name)
    for name in names:
        world.rule({"source": ["hop"]}, {"Arn": world.address(f"/hop/{name}")}, bus=name)
    put = world.put(Source="hop", EventBusName=arns[0])
    (event,) = outside.bodies(f"/hop/{names[1]}")
    assert event["id"] == put["Entries"][0]["EventId"]
    # Everything that is due is done when the clock has moved.
    world.fulmar.cli("clock", "advance", "1s")
    assert outside.at(f"/hop/{names[2]}") == []
    message = refused("ValidationException", world.events.delete_event_bus, Name=names[0])
    assert "since it has rules" in message


def test_changes_of_objects_come_by_the_default_bus(world, outside):
    bucket = f"bucket-{next(numbers)}"
    world.s3.create_bucket(Bucket=bucket)
    world.s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    assert "EventBridgeConfiguration" in world.s3.get_bucket_notification_configuration(Bucket=bucket)
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [bucket]}, "object": {"key": [{"suffix": ".txt"}]}}}
    world.rule(pattern, {"Arn": world.address("/objects")})
    world.s3.put_object(Bucket=bucket, Key="a.bin", Body=b"x")
    world.s3.put_object(Bucket=bucket, Key="a b.txt", Body=b"hello")
    world.s3.delete_object(Bucket=bucket, Key="a b.txt")
    # A bus promises no order; the sequencer tells it.
    told = outside.bodies("/objects", 2)
    created, deleted = sorted(told, key=lambda body: body["detail"]["object"]["sequencer"])
    assert created["detail-type"] == "Object Created"
    assert created["resources"] == [f"arn:aws:s3:::{bucket}"]
    detail = created["detail"]
    assert detail["bucket"] == {"name": bucket}
    assert (detail["object"]["key"], detail["object"]["size"], detail["reason"]) == ("a b.txt", 5, "PutObject")
    assert detail["object"]["etag"] == "5d41402abc4b2a76b9719d911017c592"
    assert deleted["detail-type"] == "Object Deleted"
    assert deleted["detail"]["deletion-type"] == "Permanently Deleted"


LOGGED = """
Resources:
  Orders: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: /aws/events/orders, RetentionInDays: 7}}
  Policy:
    Type: AWS::Logs::ResourcePolicy
    Properties:
      PolicyName: rules
      PolicyDocument: !Sub '{"Version": "2012-10-17", "Statement": []}'
  Rule:
    Type: AWS::Events::Rule
    Properties:
      EventPattern: {source: [orders]}
      Targets: [{Id: log, Arn: !GetAtt Orders.Arn}]
"""


def test_a_log_group_shows_what_a_rule_sends_to_it(world, tmp_path):
    (tmp_path / "template.yaml").write_text(LOGGED)
    said = world.fulmar.cli("deploy", tmp_path / "template.yaml", "--stack", "logged")
    assert "RetentionInDays" not in said.stdout
    logs = world.fulmar.client("logs")
    [group] = logs.describe_log_groups(logGroupNamePrefix="/aws/events/orders")["logGroups"]
    assert group["retentionInDays"] == 7
    assert world.fulmar.cli("logs", "/aws/events/orders").stdout == ""
    group = "arn:aws:logs:us-east-1:000000000000:log-group:/aws/events/orders"
    transformer = {"InputPathsMap": {"n": "$.detail.n"}, "InputTemplate": '{"timestamp": 1600000000000, "message": "order <n>"}'}
    rule = world.rule({"source": ["orders"], "detail-type": ["told"]}, {"Arn": group, "InputTransformer": transformer})
    world.put(Source="orders", DetailType="told", Detail={"n": 7})

    def lines():
        shown = world.fulmar.cli("logs", "/aws/events/orders", "--json", check=False).stdout.splitlines()
        return {line["stream"]: line for line in map(json.loads, shown)}

    shown = eventually(lambda: lines() if len(lines()) == 2 else None)
    assert (shown[rule]["text"], shown[rule]["at"][:10]) == ("order 7", "2020-09-13")
    [whole] = [line for stream, line in shown.items() if stream != rule]
    event = json.loads(whole["text"])
    assert (event["source"], event["detail-type"], event["detail"]) == ("orders", "told", {"n": 7})


def test_an_archive_is_seen_as_a_rule_that_nobody_changes(world):
    events, bus, archive = world.events, f"bus-{next(numbers)}", f"archive-{next(numbers)}"
    rule = f"Events-Archive-{archive}"
    arn = events.create_event_bus(Name=bus)["EventBusArn"]
    made = events.create_archive(ArchiveName=archive, EventSourceArn=arn, EventPattern='{"source": ["s"]}')
    for name in ["A", "Z"]:
        events.put_rule(Name=name, EventBusName=bus, EventPattern='{"source": ["s"]}')
    described = events.describe_rule(Name=rule, EventBusName=bus)
    assert json.loads(described["EventPattern"]) == {"source": ["s"], "replay-name": [{"exists": False}]}
    assert (described["ManagedBy"], described["CreatedBy"]) == ("prod.vhs.events.aws.internal", "000000000000")
    listed, token = [], {}
    while token is not None:
        page = events.list_rules(EventBusName=bus, Limit=1, **token)
        listed += page["Rules"]
        token = {"NextToken": page["NextToken"]} if "NextToken" in page else None
    assert [(one["Name"], "ManagedBy" in one) for one in listed] == [("A", False), (rule, True), ("Z", False)]
    assert listed[1]["EventPattern"] == described["EventPattern"]
    assert events.list_rules(EventBusName=bus, NamePrefix="B")["Rules"] == []
    # On its own bus only.
    assert rule not in [one["Name"] for one in events.list_rules()["Rules"]]
    [target] = events.list_targets_by_rule(Rule=rule, EventBusName=bus)["Targets"]
    assert target["Arn"] == "arn:aws:events:us-east-1:::" and made["ArchiveArn"] in target["InputTransformer"]["InputTemplate"]
    assert events.list_rule_names_by_target(TargetArn=target["Arn"], EventBusName=bus)["RuleNames"] == [rule]
    named, of = {"Name": rule, "EventBusName": bus}, {"Rule": rule, "EventBusName": bus}
    tagged = {"ResourceARN": described["Arn"]}
    for call, arguments in [
        (events.delete_rule, named),
        (events.disable_rule, named),
        (events.enable_rule, named),
        (events.put_rule, named | {"EventPattern": '{"source": ["t"]}'}),
        (events.put_targets, of | {"Targets": [{"Id": "1", "Arn": arn}]}),
        (events.remove_targets, of | {"Ids": [target["Id"]]}),
        (events.tag_resource, tagged | {"Tags": [{"Key": "a", "Value": "b"}]}),
        (events.untag_resource, tagged | {"TagKeys": ["a"]}),
    ]:
        message = f"{rule} is a managed rule. Set 'force' parameter to true to override."
        assert refused("ManagedRuleException", call, **arguments) == message
    refused("NotImplementedException", events.delete_rule, **named, Force=True)
    events.delete_archive(ArchiveName=archive)
    refused("ResourceNotFoundException", events.describe_rule, **named)


def test_an_archive_is_replayed_to_chosen_rules(world, outside):
    name = f"bus-{next(numbers)}"
    bus = world.events.create_event_bus(Name=name)["EventBusArn"]
    archive = f"archive-{next(numbers)}"
    made = world.events.create_archive(
        ArchiveName=archive,
        EventSourceArn=bus,
        EventPattern=json.dumps({"detail": {"keep": [True]}}),
        RetentionDays=1,
    )
    began = time.time() - 60
    for n in range(4):
        world.put(Source="archived", EventBusName=name, Detail={"n": n, "keep": n % 2 == 0})
    eventually(lambda: world.events.describe_archive(ArchiveName=archive)["EventCount"] == 2)
    world.rule({"source": ["archived"]}, {"Arn": world.address("/not-replayed")}, bus=name)
    rule = world.rule({"source": ["archived"]}, {"Arn": world.address("/replayed")}, bus=name)
    rule_arn = world.events.describe_rule(Name=rule, EventBusName=name)["Arn"]
    replay = f"replay-{next(numbers)}"
    asked = {
        "ReplayName": replay,
        "EventSourceArn": made["ArchiveArn"],
        "EventStartTime": began,
        "EventEndTime": time.time() + 60,
        "Destination": {"Arn": bus, "FilterArns": [rule_arn]},
    }
    started = world.events.start_replay(**asked)
    assert started["State"] in ("STARTING", "RUNNING")
    events = outside.bodies("/replayed", 2)
    # Events have no order, and each is a request of its own.
    assert sorted(event["detail"]["n"] for event in events) == [0, 2]
    assert {event["replay-name"] for event in events} == {replay}
    described = eventually(
        lambda: (told := world.events.describe_replay(ReplayName=replay))["State"] == "COMPLETED" and told
    )
    assert described["Destination"] == {"Arn": bus, "FilterArns": [rule_arn]}
    assert outside.at("/not-replayed") == []
    refused("ResourceAlreadyExistsException", world.events.start_replay, **asked)
    refused("IllegalStatusException", world.events.cancel_replay, ReplayName=replay)
    nowhere = {**asked, "ReplayName": "x", "Destination": {"Arn": bus + "-gone"}}
    assert refused("ResourceNotFoundException", world.events.start_replay, **nowhere) == f"Event bus {name}-gone does not exist."
    wrong = {**asked, "ReplayName": "x", "EventEndTime": began - 1}
    assert "EventStartTime must be before" in refused("ValidationException", world.events.start_replay, **wrong)


def test_the_dead_letters_of_a_bus_are_kept_and_must_be_a_standard_queue(world):
    name, queue = f"bus-{next(numbers)}", "arn:aws:sqs:us-east-1:000000000000:letters"
    made = world.events.create_event_bus(Name=name, DeadLetterConfig={"Arn": queue})
    assert made["DeadLetterConfig"] == {"Arn": queue}
    assert world.events.describe_event_bus(Name=name)["DeadLetterConfig"] == {"Arn": queue}
    for wrong in [queue + ".fifo", queue.replace("sqs", "sns"), "letters"]:
        refused("ValidationException", world.events.update_event_bus, Name=name, DeadLetterConfig={"Arn": wrong})
    assert world.events.update_event_bus(Name=name, Description="d")["DeadLetterConfig"] == {"Arn": queue}
    assert "DeadLetterConfig" not in world.events.update_event_bus(Name=name, DeadLetterConfig={})


def test_rules_are_listed_switched_tagged_and_deleted(world):
    name = f"bus-{next(numbers)}"
    world.events.create_event_bus(Name=name, Tags=[{"Key": "a", "Value": "1"}])
    rules = [world.rule({"source": [str(n)]}, {"Arn": f"arn:aws:events:us-east-1:000000000000:event-bus/{n}"}, bus=name) for n in range(5)]
    pages = world.events.list_rules(EventBusName=name, Limit=3)
    assert [rule["Name"] for rule in pages["Rules"]] == sorted(rules)[:3]
    more = world.events.list_rules(EventBusName=name, Limit=3, NextToken=pages["NextToken"])
    assert [rule["Name"] for rule in more["Rules"]] == sorted(rules)[3:]
    assert "NextToken" not in more
    target = "arn:aws:events:us-east-1:000000000000:event-bus/2"
    assert world.events.list_rule_names_by_target(TargetArn=target, EventBusName=name)["RuleNames"] == [rules[2]]
    world.events.disable_rule(Name=rules[0], EventBusName=name)
    described = world.events.describe_rule(Name=rules[0], EventBusName=name)
    assert (described["State"], described["EventBusName"]) == ("DISABLED", name)
    assert described["Arn"].endswith(f":rule/{name}/{rules[0]}")
    world.events.enable_rule(Name=rules[0], EventBusName=name)
    world.events.tag_resource(ResourceARN=described["Arn"], Tags=[{"Key": "k", "Value": "v"}])
    assert world.events.list_tags_for_resource(ResourceARN=described["Arn"])["Tags"] == [{"Key": "k", "Value": "v"}]
    message = refused("ValidationException", world.events.delete_rule, Name=rules[0], EventBusName=name)
    assert message == "Rule can't be deleted since it has targets."
    removed = world.events.remove_targets(Rule=rules[0], EventBusName=name, Ids=["0", "none"])
    assert [entry["TargetId"] for entry in removed["FailedEntries"]] == ["none"]
    world.events.delete_rule(Name=rules[0], EventBusName=name)
    message = refused("ResourceNotFoundException", world.events.describe_rule, Name=rules[0], EventBusName=name)
    assert message == f"Rule {rules[0]} does not exist on EventBus {name}."


def test_bad_input_gets_the_services_own_words(world):
    events = world.events
    message = refused("InvalidEventPatternException", events.put_rule, Name="x", EventPattern='{"a": "b"}')
    assert message.startswith("Event pattern is not valid. Reason: ")
    message = refused("ValidationException", events.put_rule, Name="x")
    assert message == "Parameter(s) EventPattern or ScheduleExpression must be specified."
    message = refused("ResourceNotFoundException", events.put_rule, Name="x", EventPattern='{"a": ["b"]}', EventBusName="none")
    assert message == "Event bus none does not exist."
    message = refused("ResourceNotFoundException", events.put_targets, Rule="none", Targets=[{"Id": "1", "Arn": "arn:aws:sqs:us-east-1:000000000000:q"}])
    assert message == "Rule none does not exist on EventBus default."
    rule = world.rule({"source": ["bad"]}, {"Arn": "arn:aws:events:us-east-1:000000000000:event-bus/none"})
    def put(**target):
        return refused("ValidationException", events.put_targets, Rule=rule, Targets=[{"Id": "1", **target}])
    assert "SqsParameters must be specified" in put(Arn="arn:aws:sqs:us-east-1:000000000000:q.fifo")
    assert "not in correct format" in put(Arn="nothing")
    # A target that is not built does not hide what is wrong.
    stream = {"Id": "1", "Arn": "arn:aws:kinesis:us-east-1:000000000000:stream/s", "KinesisParameters": {"PartitionKeyPath": "$.id"}}
    missing = refused("ResourceNotFoundException", events.put_targets, Rule="none", Targets=[stream])
    assert missing == "Rule none does not exist on EventBus default."
    ordered = {"Id": "2", "Arn": "arn:aws:sqs:us-east-1:000000000000:q.fifo"}
    unplaced = refused("ValidationException", events.put_targets, Rule="none", Targets=[stream, ordered])
    assert unplaced == "Parameter(s) SqsParameters must be specified for target: 2."
    malformed = refused("ValidationException", events.put_targets, Rule=rule, Targets=[stream, {"Id": "2", "Arn": "nothing"}])
    assert malformed == "Parameter nothing is not valid. Reason: Provided Arn is not in correct format."
    assert refused("ResourceNotFoundException", events.remove_permission, StatementId="s") == "EventBus does not have a policy."
    bus = "arn:aws:events:us-east-1:000000000000:event-bus/none"
    assert "invalid placeholder" in put(Arn=bus, InputTransformer={"InputPathsMap": {"a": "$.a"}, "InputTemplate": '"<b>"'})
    assert "Only one of" in put(Arn=bus, Input="{}", InputPath="$.a")
    # It would refuse them, for they belong to no group.
    letters = {"Arn": "arn:aws:sqs:us-east-1:000000000000:letters.fifo"}
    assert "not that of a standard queue" in put(Arn=bus, DeadLetterConfig=letters)
    for listed, call in [("ListArchives", events.list_archives), ("ListReplays", events.list_replays)]:
        message = refused("ValidationException", call, NamePrefix="a", State="ENABLED" if listed == "ListArchives" else "COMPLETED")
        assert message == f"At most one filter is allowed for {listed}. Use either : State, EventSourceArn, or NamePrefix."
    many = [{"Id": str(n), "Arn": bus} for n in range(6)]
    refused("LimitExceededException", events.put_targets, Rule=rule, Targets=many)
    refused("NotImplementedException", events.put_targets, Rule=rule, Targets=[{"Id": "1", "Arn": "arn:aws:kinesis:us-east-1:000000000000:stream/s"}])
    refused("NotImplementedException", events.list_endpoints)
    assert refused("ValidationException", events.delete_event_bus, Name="default") == "Cannot delete event bus default."
    costly = json.dumps({"a": [{"wildcard": "*:*:*:*:*:event-bus/*"}]})
    message = (
        "Event pattern is not valid. Reason: Rule is too complex - try using fewer wildcard characters or fewer"
        " repeating character sequences after a wildcard character"
    )
    assert refused("InvalidEventPatternException", events.put_rule, Name="x", EventPattern=costly) == message
    assert refused("InvalidEventPatternException", events.test_event_pattern, EventPattern=costly, Event="{}") == message
    nested = "Event pattern is not valid. Reason: \"b\" must be an object or an array"
    assert refused("InvalidEventPatternException", events.put_rule, Name="x", EventPattern='{"a": {"b": "c"}}') == nested
    assert refused("ResourceNotFoundException", events.list_archives, EventSourceArn=bus) == "Event bus none does not exist."
    # What is not said is no reason to refuse it.
    event = {"id": "1", "account": "1", "source": "s", "time": "t", "region": "r", "detail-type": "d", "detail": {"a.b": 1}}
    for pattern, result in [({"source": ["s"]}, True), ({"source": ["x"]}, False), ({"detail": {"a": {"b": [1]}}}, True)]:
        tested = events.test_event_pattern(EventPattern=json.dumps(pattern), Event=json.dumps(event))
        assert tested["Result"] is result


def test_permissions_are_kept_and_told(world):
    name = f"bus-{next(numbers)}"
    arn = world.events.create_event_bus(Name=name)["EventBusArn"]
    world.events.put_permission(EventBusName=name, Action="events:PutEvents", Principal="111122223333", StatementId="s")
    policy = json.loads(world.events.describe_event_bus(Name=name)["Policy"])
    assert policy["Statement"] == [
        {
            "Sid": "s",
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
            "Action": "events:PutEvents",
            "Resource": arn,
        }
    ]
    world.events.remove_permission(EventBusName=name, StatementId="s")
    assert "Policy" not in world.events.describe_event_bus(Name=name)
    refused("ResourceNotFoundException", world.events.remove_permission, EventBusName=name, StatementId="s")


class Putter(threading.Thread):
    """Puts events until the server dies, and remembers which were acknowledged."""

    def __init__(self, fulmar, label):
        super().__init__(daemon=True)
        self.events, self.label, self.taken = fulmar.client("events", connect_timeout=5), label, []

    def run(self):
        for n in range(100_000):
            name = f"{self.label}-{n}"
            entry = {"Source": "crash", "DetailType": "t", "Detail": json.dumps({"name": name})}
            try:
                self.events.put_events(Entries=[entry])
            except Exception:
                return
            self.taken.append(name)


def test_no_acknowledged_event_is_lost_to_kill_9(outside):
    with server() as fulmar:
        world = World(fulmar, outside)
        world.rule({"source": ["crash"]}, {"Arn": world.address("/crash")})
        taken = []
        for round in range(4):
            putters = [Putter(fulmar, f"{round}-{n}") for n in range(4)]
            for putter in putters:
                putter.start()
            eventually(lambda: all(len(putter.taken) > 20 for putter in putters), timeout=60, every=0.01)
            fulmar.kill()
            for putter in putters:
                putter.join(timeout=30)
                taken += putter.taken
            fulmar.restart()
        arrived = lambda: {json.loads(asked["body"])["detail"]["name"] for asked in outside.at("/crash")}
        eventually(lambda: set(taken) <= arrived(), timeout=120)
