"""Schedules with boto3, and the clock moved to when they are due."""

import io
import json
import zipfile
from datetime import datetime, timedelta, timezone

import pytest
from botocore.exceptions import ClientError
from conftest import server

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
        package = io.BytesIO()
        with zipfile.ZipFile(package, "w") as archive:
            archive.writestr("index.py", CODE)
        running.client("lambda").create_function(
            FunctionName="told",
            Runtime="python3.13",
            Role=ROLE,
            Handler="index.handler",
            Code={"ZipFile": package.getvalue()},
        )
        yield running


@pytest.fixture(scope="module")
def scheduler(fulmar):
    return fulmar.client("scheduler")


def clock(fulmar, *words):
    return json.loads(fulmar.cli("clock", *words, "--json").stdout)


def now(fulmar):
    return datetime.fromisoformat(clock(fulmar, "show")["now"].replace("Z", "+00:00"))


def got(fulmar, mark):
    """The events that the function got, those with a mark."""
    lines = fulmar.cli("logs", "told", "--last", "1000", "--json").stdout.splitlines()
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
    text = '{"mark": "hourly", "at": "<aws.scheduler.scheduled-time>", "who": "<aws.scheduler.schedule-arn>", "id": "<aws.scheduler.execution-id>", "try": <aws.scheduler.attempt-number>}'
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
    assert {event["try"] for event in events} == {1}
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

    for expression in ["rate(1 hours)", "cron(0 12 * * *)", "at(2030-01-01)", "hourly"]:
        assert make(expression) == ("ValidationException", f"Invalid Schedule Expression {expression}.")
    assert make(ScheduleExpressionTimezone="Mars/Olympus")[0] == "ValidationException"
    assert make(FlexibleTimeWindow={"Mode": "FLEXIBLE"})[0] == "ValidationException"
    assert make(Target={"Arn": "nothing", "RoleArn": ROLE}) == (
        "ValidationException",
        "Provided Arn is not in correct format.",
    )
    assert make(GroupName="nowhere") == ("ResourceNotFoundException", "Schedule group nowhere does not exist.")
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


def test_without_an_input_it_is_an_event(fulmar, scheduler):
    scheduler.create_schedule(
        Name="plain", ScheduleExpression="rate(1 hour)", FlexibleTimeWindow=OFF, Target=target()
    )
    clock(fulmar, "advance", "30m")
    [event] = got(fulmar, "schedule/default/plain")
    assert event["source"] == "aws.scheduler" and event["detail-type"] == "Scheduled Event"
    scheduler.delete_schedule(Name="plain")
