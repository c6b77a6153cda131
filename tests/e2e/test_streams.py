"""Streams of tables as boto3 and the AWS command line read them."""

import json
import random
import threading
import time
import uuid

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from conftest import eventually, server

TABLE = {
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}


def name():
    return f"test-{uuid.uuid4().hex[:12]}"


def enabled(view):
    return {"StreamEnabled": True, "StreamViewType": view}


@pytest.fixture(scope="module")
def streams(fulmar):
    return fulmar.client("dynamodbstreams")


@pytest.fixture
def table(dynamodb):
    """A table's name and its stream's."""
    made = dynamodb.create_table(TableName=name(), StreamSpecification=enabled("NEW_AND_OLD_IMAGES"), **TABLE)
    made = made["TableDescription"]
    return made["TableName"], made["LatestStreamArn"]


def failure(call, **parameters):
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def shards(streams, arn, **parameters):
    """All shards, page by page."""
    found, last = [], {}
    while True:
        page = streams.describe_stream(StreamArn=arn, **last, **parameters)["StreamDescription"]
        found += page["Shards"]
        if "LastEvaluatedShardId" not in page:
            return found
        last = {"ExclusiveStartShardId": page["LastEvaluatedShardId"]}


def iterator(streams, arn, shard, kind="TRIM_HORIZON", **parameters):
    asked = {"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": kind, **parameters}
    return streams.get_shard_iterator(**asked)["ShardIterator"]


def records(streams, arn, limit=1000):
    """Everything that is in the stream now, each shard in its order."""
    found = []
    for shard in shards(streams, arn):
        at = iterator(streams, arn, shard)
        while at:
            page = streams.get_records(ShardIterator=at, Limit=limit)
            at = page.get("NextShardIterator") if page["Records"] else None
            found += page["Records"]
    return found


def replay(changes):
    """The table that these changes make, each checked against the one before."""
    items, last = {}, {}
    for change in changes:
        told = change["dynamodb"]
        key = told["Keys"]["id"]["S"]
        assert int(told["SequenceNumber"]) > last.get(key, -1), "an item's changes are in order"
        last[key] = int(told["SequenceNumber"])
        assert items.get(key) == told.get("OldImage")
        if change["eventName"] == "REMOVE":
            del items[key]
        else:
            items[key] = told["NewImage"]
    return items


def scanned(dynamodb, table):
    pages = dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    return {item["id"]["S"]: item for page in pages for item in page["Items"]}


def test_what_happens_to_items_is_told_in_order(dynamodb, streams, table):
    table, arn = table
    listed = streams.list_streams(TableName=table)["Streams"]
    assert [(stream["StreamArn"], stream["TableName"]) for stream in listed] == [(arn, table)]
    described = streams.describe_stream(StreamArn=arn)["StreamDescription"]
    assert described["StreamStatus"] == "ENABLED"
    assert described["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    assert arn.endswith("/stream/" + described["StreamLabel"])
    assert len(shards(streams, arn, Limit=3)) == 4, "they come in two pages"

    binary = {"id": {"S": "a"}, "bytes": {"B": b"\x00\xff"}, "set": {"NS": ["1", "2.5"]}}
    dynamodb.put_item(TableName=table, Item=binary)
    key = {"id": {"S": "a"}}
    update = {"UpdateExpression": "SET #n = :n", "ExpressionAttributeNames": {"#n": "n"}}
    dynamodb.update_item(TableName=table, Key=key, ExpressionAttributeValues={":n": {"N": "1"}}, **update)
    dynamodb.update_item(TableName=table, Key=key, ExpressionAttributeValues={":n": {"N": "1.0"}}, **update)
    dynamodb.delete_item(TableName=table, Key=key)
    dynamodb.delete_item(TableName=table, Key=key)
    changes = records(streams, arn, limit=1)
    assert [change["eventName"] for change in changes] == ["INSERT", "MODIFY", "REMOVE"]
    inserted, modified, removed = (change["dynamodb"] for change in changes)
    assert inserted["NewImage"] == binary
    assert modified["OldImage"] == binary
    assert modified["NewImage"] == removed["OldImage"] == {**binary, "n": {"N": "1"}}
    assert abs(inserted["ApproximateCreationDateTime"].timestamp() - time.time()) < 60
    assert len({change["eventID"] for change in changes}) == 3


def test_the_latest_iterator_and_sequence_numbers(dynamodb, streams, table):
    table, arn = table
    latest = [iterator(streams, arn, shard, "LATEST") for shard in shards(streams, arn)]
    for n in range(40):
        dynamodb.put_item(TableName=table, Item={"id": {"S": str(n)}})
    found = [streams.get_records(ShardIterator=at)["Records"] for at in latest]
    assert sum(map(len, found)) == 40
    assert all(found), "forty keys are in all shards"
    for shard, changes in zip(shards(streams, arn), found):
        number = changes[0]["dynamodb"]["SequenceNumber"]
        at = iterator(streams, arn, shard, "AT_SEQUENCE_NUMBER", SequenceNumber=number)
        assert streams.get_records(ShardIterator=at)["Records"] == changes
        after = iterator(streams, arn, shard, "AFTER_SEQUENCE_NUMBER", SequenceNumber=number)
        assert streams.get_records(ShardIterator=after)["Records"] == changes[1:]


def test_an_answer_has_at_most_a_megabyte(dynamodb, streams, table):
    table, arn = table
    for n in range(12):
        item = {"id": {"S": "same"}, "n": {"N": str(n)}, "body": {"S": "x" * 100_000}}
        dynamodb.put_item(TableName=table, Item=item)
    for shard in shards(streams, arn):
        page = streams.get_records(ShardIterator=iterator(streams, arn, shard))
        sizes = [record["dynamodb"]["SizeBytes"] for record in page["Records"]]
        assert sum(sizes) <= 1 << 20
        assert len(sizes) in (0, 5), "the first is half as large as the others"
    assert len(records(streams, arn)) == 12


def test_a_stream_ends_and_is_still_read(dynamodb, streams, table):
    table, arn = table
    dynamodb.put_item(TableName=table, Item={"id": {"S": "within"}})
    again = failure(dynamodb.update_table, TableName=table, StreamSpecification=enabled("KEYS_ONLY"))
    assert again == ("ValidationException", f"Table already has an enabled stream: TableName: {table}")
    off = {"StreamEnabled": False}
    told = dynamodb.update_table(TableName=table, StreamSpecification=off)["TableDescription"]
    assert "StreamSpecification" not in told
    assert told["LatestStreamArn"] == arn
    none = failure(dynamodb.update_table, TableName=table, StreamSpecification=off)
    assert none == ("ValidationException", f"Table has no stream to disable: TableName: {table}")
    dynamodb.put_item(TableName=table, Item={"id": {"S": "after"}})
    dynamodb.delete_table(TableName=table)
    assert streams.describe_stream(StreamArn=arn)["StreamDescription"]["StreamStatus"] == "DISABLED"
    for shard in shards(streams, arn):
        assert "EndingSequenceNumber" in shard["SequenceNumberRange"]
        page = streams.get_records(ShardIterator=iterator(streams, arn, shard))
        assert "NextShardIterator" not in page
    assert [change["dynamodb"]["Keys"]["id"]["S"] for change in records(streams, arn)] == ["within"]


def test_items_that_end_are_removed_by_the_service(dynamodb, streams, table):
    table, arn = table
    expiry = {"Enabled": True, "AttributeName": "ends"}
    dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=expiry)
    dynamodb.put_item(TableName=table, Item={"id": {"S": "a"}, "ends": {"N": str(int(time.time()) - 5)}})
    inserted, removed = eventually(lambda: (found := records(streams, arn)) and len(found) == 2 and found)
    assert "userIdentity" not in inserted
    assert removed["userIdentity"] == {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}


def test_what_is_not_there_is_refused(dynamodb, streams, table):
    table, arn = table
    other = arn[:-1] + ("1" if arn[-1] == "0" else "0")
    code, message = failure(streams.describe_stream, StreamArn=other)
    assert (code, message) == (
        "ResourceNotFoundException",
        f"Requested resource not found: Stream: {other} not found",
    )
    assert failure(streams.get_records, ShardIterator="x" * 40)[0] == "ValidationException"
    shard = {"ShardId": "shardId-00000000000000000000-00000000"}
    code, _ = failure(lambda: iterator(streams, arn, shard))
    assert code == "ResourceNotFoundException"
    elsewhere = arn.replace("us-east-1", "eu-west-1")
    assert failure(streams.describe_stream, StreamArn=elsewhere)[0] == "ResourceNotFoundException"
    destination = "arn:aws:kinesis:us-east-1:000000000000:stream/one"
    assert failure(dynamodb.enable_kinesis_streaming_destination, TableName=table, StreamArn=destination) == (
        "NotImplementedException",
        "Fulmar does not implement DynamoDB.EnableKinesisStreamingDestination yet",
    )


def test_the_command_line(fulmar, dynamodb, table):
    table, arn = table
    dynamodb.put_item(TableName=table, Item={"id": {"S": "a"}})
    listed = json.loads(fulmar.aws("dynamodbstreams", "list-streams", "--table-name", table).stdout)
    assert listed["Streams"][0]["StreamArn"] == arn
    described = json.loads(fulmar.aws("dynamodbstreams", "describe-stream", "--stream-arn", arn).stdout)
    assert len(described["StreamDescription"]["Shards"]) == 4


TEMPLATE = """
Resources:
  Orders:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: from-a-template
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      StreamSpecification: {StreamViewType: NEW_IMAGE}
Outputs:
  Stream: {Value: !GetAtt Orders.StreamArn}
"""


def test_a_template(fulmar, dynamodb, streams, tmp_path):
    template = tmp_path / "template.yaml"
    template.write_text(TEMPLATE)

    def deployed():
        done = json.loads(fulmar.cli("deploy", template, "--json").stdout)
        told = dynamodb.describe_table(TableName="from-a-template")["Table"]
        return told, json.dumps(done["outputs"])

    told, outputs = deployed()
    assert told["StreamSpecification"] == enabled("NEW_IMAGE")
    assert told["LatestStreamArn"] in outputs
    assert deployed()[0]["LatestStreamArn"] == told["LatestStreamArn"]
    template.write_text(TEMPLATE.replace("NEW_IMAGE", "KEYS_ONLY"))
    changed, outputs = deployed()
    assert changed["StreamSpecification"] == enabled("KEYS_ONLY")
    assert changed["LatestStreamArn"] in outputs
    assert changed["LatestStreamArn"] != told["LatestStreamArn"]


# ---- crashes


class Writer(threading.Thread):
    """Writes until the server dies, and remembers how often it was answered."""

    def __init__(self, fulmar, table, seed):
        super().__init__(daemon=True)
        self.dynamodb = fulmar.client("dynamodb", connect_timeout=5)
        self.random = random.Random(seed)
        self.table = table
        self.acknowledged = set()
        self.label = seed

    def run(self):
        for n in range(10_000):
            key = {"id": {"S": f"{self.label}-{self.random.randrange(20)}"}}
            try:
                if self.random.random() < 0.2:
                    self.dynamodb.delete_item(TableName=self.table, Key=key)
                else:
                    self.dynamodb.put_item(TableName=self.table, Item={**key, "n": {"N": str(n)}})
                    self.acknowledged.add((key["id"]["S"], n))
            except (BotoCoreError, ClientError):
                return


class Reader(threading.Thread):
    """Reads the stream until the server dies, and remembers what it was told."""

    def __init__(self, fulmar, arn):
        super().__init__(daemon=True)
        self.streams = fulmar.client("dynamodbstreams", connect_timeout=5)
        self.arn = arn
        self.told = {}

    def run(self):
        try:
            at = [iterator(self.streams, self.arn, shard) for shard in shards(self.streams, self.arn)]
            while True:
                for n, one in enumerate(at):
                    page = self.streams.get_records(ShardIterator=one)
                    at[n] = page["NextShardIterator"]
                    for record in page["Records"]:
                        self.told[record["eventID"]] = record
        except (BotoCoreError, ClientError):
            return


def test_after_a_crash_the_stream_still_makes_the_table():
    with server() as fulmar:
        dynamodb, streams = fulmar.client("dynamodb"), fulmar.client("dynamodbstreams")
        made = dynamodb.create_table(TableName="crash", StreamSpecification=enabled("NEW_AND_OLD_IMAGES"), **TABLE)
        arn = made["TableDescription"]["LatestStreamArn"]
        for round in range(4):
            writers = [Writer(fulmar, "crash", f"{round}-{n}") for n in range(4)]
            reader = Reader(fulmar, arn)
            for thread in [*writers, reader]:
                thread.start()
            eventually(lambda: all(len(writer.acknowledged) > 20 for writer in writers) and len(reader.told) > 20)
            fulmar.kill()
            for thread in [*writers, reader]:
                thread.join()
            fulmar.restart()
            changes = records(streams, arn)
            assert replay(changes) == scanned(dynamodb, "crash")
            put = {(c["dynamodb"]["Keys"]["id"]["S"], int(c["dynamodb"]["NewImage"]["n"]["N"]))
                   for c in changes if "NewImage" in c["dynamodb"]}
            for writer in writers:
                assert writer.acknowledged <= put
            by_id = {change["eventID"]: change for change in changes}
            for event, record in reader.told.items():
                assert by_id[event] == record, "what was told before the crash is so after it"
