"""The clock, moved under official clients: what falls due happens now, in order, and before the answer."""

import io
import json
import time
import urllib.request
import zipfile

import pytest
from conftest import server

CODE = """
import json, time

def handler(event, context):
    print("ran", event.get("word"), context.get_remaining_time_in_millis() > 0)
    if event.get("fail"):
        raise RuntimeError("as told")
    return event
"""


@pytest.fixture(scope="module")
def fulmar():
    with server("--sandbox", "off") as running:
        yield running


@pytest.fixture(scope="module")
def lambda_(fulmar):
    return fulmar.client("lambda")


def deploy(lambda_, name):
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("index.py", CODE)
    lambda_.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role="arn:aws:iam::000000000000:role/r",
        Handler="index.handler",
        Timeout=60,
        Code={"ZipFile": package.getvalue()},
    )


def clock(fulmar, *words):
    return json.loads(fulmar.cli("clock", *words, "--json").stdout)


def ran(fulmar, name):
    told = json.loads(fulmar.cli("invocations", name, "--json").stdout)
    return list(reversed(told["invocations"]))


def seconds(text):
    from datetime import datetime

    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def test_three_attempts_and_then_given_up_in_no_time(fulmar, lambda_):
    deploy(lambda_, "failing")
    # Warm, so that what is measured is not the start of an interpreter.
    lambda_.invoke(FunctionName="failing", Payload=b"{}")
    lambda_.invoke(FunctionName="failing", InvocationType="Event", Payload=json.dumps({"fail": True}))
    began = time.monotonic()
    moved = clock(fulmar, "advance", "10m")
    took = time.monotonic() - began
    attempts = [one for one in ran(fulmar, "failing") if one["outcome"] != "ok"]
    assert [one["attempt"] for one in attempts] == [1, 2, 3]
    assert attempts[-1]["settlement"] == "retries exhausted" or attempts[-1]["settlement"]
    first, second, third = (seconds(one["started"]) for one in attempts)
    # The clock runs on while they are made, so as long as that takes on a busy machine.
    assert 60 <= second - first < 75 and 120 <= third - second < 135
    assert moved["stops"] >= 2
    # The real wait is three minutes.
    assert took < 120


def test_items_end_and_streams_tell_it(fulmar, lambda_):
    dynamodb = fulmar.client("dynamodb")
    dynamodb.create_table(
        TableName="sessions",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.update_time_to_live(
        TableName="sessions", TimeToLiveSpecification={"Enabled": True, "AttributeName": "until"}
    )
    now = seconds(clock(fulmar, "show")["now"])
    for name, after in [("soon", 3_600), ("late", 3 * 86_400)]:
        item = {"id": {"S": name}, "until": {"N": str(int(now) + after)}}
        dynamodb.put_item(TableName="sessions", Item=item)
    # The index of ends is built behind the answer to update_time_to_live.
    clock(fulmar, "advance", "0s")
    clock(fulmar, "advance", "2h")
    left = {item["id"]["S"] for item in dynamodb.scan(TableName="sessions")["Items"]}
    assert left == {"late"}
    clock(fulmar, "advance", "3d")
    assert dynamodb.scan(TableName="sessions")["Items"] == []


def test_streams_turn_and_forget_on_the_moved_clock(fulmar):
    dynamodb, streams = fulmar.client("dynamodb"), fulmar.client("dynamodbstreams")
    made = dynamodb.create_table(
        TableName="told",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
    )
    arn = made["TableDescription"]["LatestStreamArn"]
    dynamodb.put_item(TableName="told", Item={"id": {"S": "early"}})
    clock(fulmar, "advance", "5h")
    dynamodb.put_item(TableName="told", Item={"id": {"S": "late"}})

    def shards():
        return streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]

    def read():
        found = []
        for shard in shards():
            asked = {"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
            page = streams.get_records(ShardIterator=streams.get_shard_iterator(**asked)["ShardIterator"])
            found += [record["dynamodb"]["Keys"]["id"]["S"] for record in page["Records"]]
        return found

    old, new = shards()[:4], shards()[4:]
    assert len(old) == len(new) == 4
    assert [shard["ParentShardId"] for shard in new] == [shard["ShardId"] for shard in old]
    assert all("EndingSequenceNumber" in shard["SequenceNumberRange"] for shard in old)
    assert read() == ["early", "late"]
    clock(fulmar, "advance", "20h")
    assert read() == ["late"]


def test_clients_that_sign_with_the_real_time_are_still_welcome(fulmar, lambda_):
    s3 = fulmar.client("s3")
    s3.create_bucket(Bucket="kept")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "kept", "Key": "k"}, ExpiresIn=60)
    session = fulmar.client("sts").assume_role(RoleArn="arn:aws:iam::000000000000:role/r", RoleSessionName="session")
    before = clock(fulmar, "advance", "30d")
    lambda_.list_functions()
    s3.put_object(Bucket="kept", Key="k", Body=b"body")
    assert urllib.request.urlopen(url).read() == b"body"
    # So are addresses that the server signs itself.
    deploy(lambda_, "fetched")
    code = urllib.request.urlopen(lambda_.get_function(FunctionName="fetched")["Code"]["Location"]).read()
    assert code.startswith(b"PK")
    written = s3.head_object(Bucket="kept", Key="k")["LastModified"].timestamp()
    assert abs(written - seconds(before["now"])) < 60
    # A session is good for as long as whoever holds it was told.
    import boto3

    credentials = session["Credentials"]
    assumed = boto3.client(
        "sts",
        endpoint_url=fulmar.endpoint,
        region_name="us-east-1",
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )
    assert "assumed-role/r/session" in assumed.get_caller_identity()["Arn"]


def test_what_a_function_may_take_is_real_time(fulmar, lambda_):
    deploy(lambda_, "punctual")
    answer = lambda_.invoke(FunctionName="punctual", Payload=json.dumps({"word": "a"}), LogType="Tail")
    import base64

    assert "ran a True" in base64.b64decode(answer["LogResult"]).decode()


def test_the_admin_api_tells_what_is_wrong(fulmar):
    place = json.loads((fulmar.data_dir / "server.json").read_text())

    def post(path):
        request = urllib.request.Request(
            f"{fulmar.endpoint}/_fulmar/clock/{path}",
            method="POST",
            headers={"Authorization": f"Bearer {place['token']}"},
        )
        try:
            answer = urllib.request.urlopen(request)
        except urllib.error.HTTPError as refused:
            answer = refused
        return answer.status, json.loads(answer.read())

    status, told = post("advance?by=90s")
    assert status == 200 and told["stops"] >= 0 and not told["standing"]
    status, told = post("advance?by=soon")
    assert status == 400 and "is not a duration" in told["error"]["message"] and told["error"]["hint"]
    status, told = post("advance")
    assert status == 400
    status, told = post("set?to=2020-01-01T00:00:00Z")
    assert status == 400 and "cannot go back" in told["error"]["message"]
    assert post("unwind")[0] == 404


def test_a_killed_server_goes_on_at_the_moved_time(fulmar):
    moved = clock(fulmar, "advance", "7d")
    fulmar.kill()
    fulmar.restart()
    shown = clock(fulmar, "show")
    assert seconds(shown["now"]) >= seconds(moved["now"])
    assert shown["ahead_seconds"] == pytest.approx(moved["ahead_seconds"], abs=1)
    # As the last one, for it stands still then.
    stands = clock(fulmar, "set", "2040-01-01")
    assert stands["standing"] and stands["now"] == "2040-01-01T00:00:00.000000Z"
    # Streams that nobody writes to are no reason to stop every four hours.
    assert stands["stops"] < 100
    fulmar.kill()
    fulmar.restart()
    shown = clock(fulmar, "show")
    assert shown["standing"] and shown["now"] == stands["now"]
    assert not clock(fulmar, "resume")["standing"]
