"""DynamoDB as boto3 and the AWS command line see it."""

import decimal
import gzip
import http.client
import json
import threading
import time
import urllib.parse
import uuid
import zlib

import boto3
import botocore
import pytest
from boto3.dynamodb.conditions import Attr, Key
from boto3.dynamodb.types import Binary
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from conftest import eventually

VALUES = {
    "text": {"S": "ünï 日本"},
    "empty": {"S": ""},
    "number": {"N": "-12.5"},
    "long": {"N": "9" * 38},
    "bytes": {"B": bytes(range(256))},
    "truth": {"BOOL": True},
    "null": {"NULL": True},
    "list": {"L": [{"S": "a"}, {"N": "1"}, {"L": []}]},
    "map": {"M": {"deep": {"M": {"er": {"BOOL": False}}}}},
    "strings": {"SS": ["a", "b"]},
    "numbers": {"NS": ["-1", "2.5"]},
    "binaries": {"BS": [b"\x00", b"\x01\x02"]},
}


def name():
    return f"test-{uuid.uuid4().hex[:12]}"


def schema(**keys):
    """What `create_table` wants for these keys, given as name=type in their order."""
    return {
        "KeySchema": [{"AttributeName": key, "KeyType": role} for key, role in zip(keys, ["HASH", "RANGE"])],
        "AttributeDefinitions": [{"AttributeName": key, "AttributeType": code} for key, code in keys.items()],
        "BillingMode": "PAY_PER_REQUEST",
    }


@pytest.fixture
def table(dynamodb):
    """A table with one key, `id`."""
    created = name()
    dynamodb.create_table(TableName=created, **schema(id="S"))
    return created


@pytest.fixture
def log(dynamodb):
    """A table with the keys `id` and `at`: ten items in the partition `a`, one in `b`."""
    created = name()
    dynamodb.create_table(TableName=created, **schema(id="S", at="N"))
    for at in range(10):
        dynamodb.put_item(TableName=created, Item={"id": {"S": "a"}, "at": {"N": str(at)}})
    dynamodb.put_item(TableName=created, Item={"id": {"S": "b"}, "at": {"N": "0"}})
    return created


@pytest.fixture(scope="module")
def resource(fulmar):
    return boto3.resource(
        "dynamodb",
        endpoint_url=fulmar.endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def failure(call, **arguments):
    """The error's code and message."""
    with pytest.raises(botocore.exceptions.ClientError) as raised:
        call(**arguments)
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


def ats(items):
    return [int(item["at"]["N"]) for item in items]


# ---- tables


def test_a_table_from_creation_to_deletion(dynamodb):
    created = name()
    made = dynamodb.create_table(TableName=created, **schema(id="S", at="N"))["TableDescription"]
    assert made["TableArn"] == f"arn:aws:dynamodb:us-east-1:000000000000:table/{created}"
    dynamodb.get_waiter("table_exists").wait(TableName=created)
    described = dynamodb.describe_table(TableName=created)["Table"]
    assert described["TableStatus"] == "ACTIVE"
    assert described["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert described["KeySchema"] == schema(id="S", at="N")["KeySchema"]
    assert described["CreationDateTime"] == made["CreationDateTime"]
    assert described["ItemCount"] == 0
    again = failure(dynamodb.create_table, TableName=created, **schema(id="S"))
    assert again == ("ResourceInUseException", f"Table already exists: {created}")
    dropped = dynamodb.delete_table(TableName=created)["TableDescription"]
    assert dropped["TableStatus"] == "DELETING"
    dynamodb.get_waiter("table_not_exists").wait(TableName=created)
    missing = f"Requested resource not found: Table: {created} not found"
    assert failure(dynamodb.describe_table, TableName=created) == ("ResourceNotFoundException", missing)


def test_provisioned_throughput_is_kept_and_told(dynamodb):
    created = name()
    provisioned = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 6}
    dynamodb.create_table(
        TableName=created, **{**schema(id="S"), "BillingMode": "PROVISIONED"}, ProvisionedThroughput=provisioned
    )
    told = dynamodb.describe_table(TableName=created)["Table"]["ProvisionedThroughput"]
    assert (told["ReadCapacityUnits"], told["WriteCapacityUnits"]) == (5, 6)


def test_tables_are_listed_in_pages(dynamodb):
    prefix = name()
    made = [f"{prefix}-{each}" for each in range(5)]
    for each in made:
        dynamodb.create_table(TableName=each, **schema(id="S"))
    pages = dynamodb.get_paginator("list_tables").paginate(PaginationConfig={"PageSize": 2})
    listed = [each for page in pages for each in page["TableNames"]]
    assert listed == sorted(listed)
    assert [each for each in listed if each.startswith(prefix)] == made


def test_a_table_is_named_by_its_arn_too(dynamodb, table):
    arn = dynamodb.describe_table(TableName=table)["Table"]["TableArn"]
    dynamodb.put_item(TableName=arn, Item={"id": {"S": "a"}})
    assert dynamodb.get_item(TableName=table, Key={"id": {"S": "a"}})["Item"] == {"id": {"S": "a"}}


# ---- items


def test_every_type_of_value_comes_back_as_it_was(dynamodb, table):
    item = {"id": {"S": "a"}, **VALUES}
    dynamodb.put_item(TableName=table, Item=item)
    found = dynamodb.get_item(TableName=table, Key={"id": {"S": "a"}}, ConsistentRead=True)["Item"]
    for sets in ["strings", "numbers", "binaries"]:
        for each in [item, found]:
            ((code, values),) = each[sets].items()
            each[sets] = {code: sorted(values)}
    assert found == item


def test_the_resource_level_speaks_python(resource):
    table = resource.create_table(TableName=name(), **schema(id="S", at="N"))
    table.wait_until_exists()
    item = {
        "id": "a",
        "at": decimal.Decimal("1.5"),
        "bytes": Binary(b"\x00\xff"),
        "numbers": {decimal.Decimal(1), decimal.Decimal("-2.5")},
        "strings": {"x", "y"},
        "nested": {"list": [1, None, True, {"deep": decimal.Decimal("1E+20")}]},
    }
    table.put_item(Item=item)
    assert table.get_item(Key={"id": "a", "at": decimal.Decimal("1.5")})["Item"] == item
    for at in range(2, 6):
        table.put_item(Item={"id": "a", "at": at})
    found = table.query(KeyConditionExpression=Key("id").eq("a") & Key("at").between(2, 4))
    assert [item["at"] for item in found["Items"]] == [2, 3, 4]
    found = table.query(KeyConditionExpression=Key("id").eq("a"), ScanIndexForward=False, Limit=2)
    assert [item["at"] for item in found["Items"]] == [5, 4]
    assert table.scan()["Count"] == 5
    table.delete()
    table.wait_until_not_exists()


def test_writes_tell_what_was_there(dynamodb, table):
    key, item = {"id": {"S": "a"}}, {"id": {"S": "a"}, "v": {"N": "1"}}
    assert "Attributes" not in dynamodb.put_item(TableName=table, Item=item, ReturnValues="ALL_OLD")
    assert dynamodb.put_item(TableName=table, Item=key, ReturnValues="ALL_OLD")["Attributes"] == item
    assert dynamodb.delete_item(TableName=table, Key=key, ReturnValues="ALL_OLD")["Attributes"] == key
    assert "Attributes" not in dynamodb.delete_item(TableName=table, Key=key, ReturnValues="ALL_OLD")
    assert "Item" not in dynamodb.get_item(TableName=table, Key=key)


def test_capacity_is_told_when_asked(dynamodb, table):
    item = {"id": {"S": "a"}, "v": {"S": "x" * 5000}}
    wrote = dynamodb.put_item(TableName=table, Item=item, ReturnConsumedCapacity="TOTAL")
    assert wrote["ConsumedCapacity"] == {"TableName": table, "CapacityUnits": 5.0}
    read = dynamodb.get_item(TableName=table, Key={"id": {"S": "a"}}, ReturnConsumedCapacity="INDEXES")
    assert read["ConsumedCapacity"] == {"TableName": table, "CapacityUnits": 1.0, "Table": {"CapacityUnits": 1.0}}


def test_the_largest_item_fits_and_no_larger(dynamodb, table):
    room = (400 << 10) - len("id") - len("a") - len("v")
    key = {"id": {"S": "a"}}
    dynamodb.put_item(TableName=table, Item={**key, "v": {"B": b"x" * room}})
    assert len(dynamodb.get_item(TableName=table, Key=key)["Item"]["v"]["B"]) == room
    refused = failure(dynamodb.put_item, TableName=table, Item={**key, "v": {"B": b"x" * (room + 1)}})
    assert refused == ("ValidationException", "Item size has exceeded the maximum allowed size")


# ---- scans and queries


def test_a_scan_goes_by_pages(dynamodb, log):
    pages = list(dynamodb.get_paginator("scan").paginate(TableName=log, PaginationConfig={"PageSize": 4}))
    assert [page["Count"] for page in pages] == [4, 4, 3]
    found = {(item["id"]["S"], item["at"]["N"]) for page in pages for item in page["Items"]}
    assert len(found) == 11
    assert dynamodb.scan(TableName=log, Select="COUNT")["Count"] == 11


def test_a_page_ends_at_a_megabyte(dynamodb, table):
    for each in range(5):
        dynamodb.put_item(TableName=table, Item={"id": {"S": str(each)}, "v": {"B": b"x" * (300 << 10)}})
    first = dynamodb.scan(TableName=table)
    assert first["Count"] == 4
    second = dynamodb.scan(TableName=table, ExclusiveStartKey=first["LastEvaluatedKey"])
    assert second["Count"] == 1
    assert "LastEvaluatedKey" not in second


def test_segments_are_scanned_at_once(dynamodb, table):
    for each in range(60):
        dynamodb.put_item(TableName=table, Item={"id": {"S": str(each)}})
    found = [None] * 4

    def scan(segment):
        pages = dynamodb.get_paginator("scan").paginate(
            TableName=table, Segment=segment, TotalSegments=len(found), PaginationConfig={"PageSize": 7}
        )
        found[segment] = [item["id"]["S"] for page in pages for item in page["Items"]]

    scans = [threading.Thread(target=scan, args=(segment,)) for segment in range(len(found))]
    for each in scans:
        each.start()
    for each in scans:
        each.join()
    together = [each for part in found for each in part]
    assert sorted(together) == sorted(map(str, range(60)))


@pytest.mark.parametrize(
    "condition, expected",
    [
        ("id = :a", list(range(10))),
        ("#id = :a AND #at = :3", [3]),
        ("id = :a AND #at < :3", [0, 1, 2]),
        ("id = :a AND #at <= :3", [0, 1, 2, 3]),
        ("id = :a AND #at > :7", [8, 9]),
        ("id = :a AND #at >= :7", [7, 8, 9]),
        ("(id = :a) AND (:7 <= #at)", [7, 8, 9]),
        ("(id = :a AND #at BETWEEN :3 AND :7)", [3, 4, 5, 6, 7]),
    ],
)
def test_a_query_yields_what_its_condition_says(dynamodb, log, condition, expected):
    names = {"#id": "id", "#at": "at"}
    values = {":a": {"S": "a"}, ":3": {"N": "3"}, ":7": {"N": "7"}}
    arguments = {
        "TableName": log,
        "KeyConditionExpression": condition,
        "ExpressionAttributeValues": {key: value for key, value in values.items() if key in condition},
    }
    used = {key: value for key, value in names.items() if key in condition}
    if used:
        arguments["ExpressionAttributeNames"] = used
    assert ats(dynamodb.query(**arguments)["Items"]) == expected
    pages = dynamodb.get_paginator("query").paginate(
        **arguments, ScanIndexForward=False, PaginationConfig={"PageSize": 3}
    )
    assert [at for page in pages for at in ats(page["Items"])] == expected[::-1]


def test_begins_with_is_for_text(dynamodb):
    created = name()
    dynamodb.create_table(TableName=created, **schema(id="S", path="S"))
    for path in ["a/1", "a/2", "b/1"]:
        dynamodb.put_item(TableName=created, Item={"id": {"S": "x"}, "path": {"S": path}})
    found = dynamodb.query(
        TableName=created,
        KeyConditionExpression="id = :x AND begins_with(#path, :a)",
        ExpressionAttributeNames={"#path": "path"},
        ExpressionAttributeValues={":x": {"S": "x"}, ":a": {"S": "a/"}},
    )
    assert [item["path"]["S"] for item in found["Items"]] == ["a/1", "a/2"]


# ---- what is wrong, and what is not built


COUNTED = "1 validation error detected: "
WRONG = "One or more parameter values were invalid: "


@pytest.mark.parametrize(
    "item, message",
    [
        ({"x": {"S": "a"}}, f"{WRONG}Missing the key id in the item"),
        ({"id": {"N": "1"}}, f"{WRONG}Type mismatch for key id expected: S actual: N"),
        (
            {"id": {"S": ""}},
            "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: id",
        ),
        ({"id": {"S": "a"}, "v": {"N": "abc"}}, f"{COUNTED}The parameter cannot be converted to a numeric value: abc"),
        (
            {"id": {"S": "a"}, "v": {"N": "1" * 39}},
            f"{COUNTED}Attempting to store more than 38 significant digits in a Number",
        ),
        ({"id": {"S": "a"}, "v": {"SS": []}}, f"{COUNTED}{WRONG}An string set  may not be empty"),
        ({"id": {"S": "a"}, "v": {"SS": ["a", "a"]}}, f'{COUNTED}{WRONG}Input collection ["a", "a"] contains duplicates.'),
    ],
)
def test_bad_items_are_refused(dynamodb, table, item, message):
    assert failure(dynamodb.put_item, TableName=table, Item=item) == ("ValidationException", message)


def test_bad_requests_are_refused(dynamodb, log):
    invalid = "ValidationException"
    key = {"id": {"S": "a"}}
    mismatch = "The provided key element does not match the schema"
    assert failure(dynamodb.get_item, TableName=log, Key=key) == (invalid, mismatch)
    assert failure(dynamodb.delete_item, TableName=log, Key=key) == (invalid, mismatch)
    missing = ("ResourceNotFoundException", "Requested resource not found")
    assert failure(dynamodb.get_item, TableName="absent", Key=key) == missing
    assert failure(dynamodb.scan, TableName="absent") == missing
    values = {":a": {"S": "a"}, ":x": {"S": "x"}}
    assert failure(
        dynamodb.query, TableName=log, KeyConditionExpression="id = :a", ExpressionAttributeValues=values
    ) == (invalid, "Value provided in ExpressionAttributeValues unused in expressions: keys: {:x}")
    assert failure(
        dynamodb.query, TableName=log, KeyConditionExpression="id = :b", ExpressionAttributeValues=values
    ) == (
        invalid,
        "Invalid KeyConditionExpression: An expression attribute value used in expression is not defined; attribute value: :b",
    )
    code, message = failure(dynamodb.describe_table, TableName="a;b")
    assert code == invalid
    assert message.startswith("1 validation error detected: Value 'a;b' at 'tableName' failed to satisfy constraint")


def test_a_wrong_secret_is_refused(fulmar):
    client = boto3.client(
        "dynamodb",
        endpoint_url=fulmar.endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="wrong",
    )
    assert failure(client.list_tables)[0] == "InvalidSignatureException"


def test_what_is_not_built_says_so(dynamodb, table):
    assert failure(dynamodb.list_global_tables) == (
        "NotImplementedException",
        "Fulmar does not implement DynamoDB.ListGlobalTables yet",
    )
    code, message = failure(
        dynamodb.update_table,
        TableName=table,
        ReplicaUpdates=[{"Create": {"RegionName": "eu-west-1"}}],
    )
    assert (code, "ReplicaUpdates" in message) == ("NotImplementedException", True)


def test_what_a_table_is_ready_for_is_told_and_only_becomes_more(dynamodb, table):
    warm = {"ReadUnitsPerSecond": 12240, "WriteUnitsPerSecond": 4080}
    dynamodb.update_table(TableName=table, WarmThroughput=warm)
    told = dynamodb.describe_table(TableName=table)["Table"]["WarmThroughput"]
    assert told == warm | {"Status": "ACTIVE"}
    code, message = failure(dynamodb.update_table, TableName=table, WarmThroughput={"ReadUnitsPerSecond": 12000})
    assert (code, "lower than current WarmThroughput" in message) == ("ValidationException", True)


# ---- on the wire


def post(fulmar, operation, body, **headers):
    """A request as the SDKs do not make it: these headers are not signed."""
    plain = {
        "X-Amz-Target": f"DynamoDB_20120810.{operation}",
        "Content-Type": "application/x-amz-json-1.0",
    }
    request = AWSRequest("POST", fulmar.endpoint + "/", plain, body)
    SigV4Auth(Credentials("test", "test"), "dynamodb", "us-east-1").add_auth(request)
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(fulmar.endpoint).netloc)
    named = {header.replace("_", "-"): value for header, value in headers.items()}
    connection.request("POST", "/", body, {"Accept-Encoding": "identity", **dict(request.headers), **named})
    answer = connection.getresponse()
    return answer, answer.read()


def test_requests_may_be_compressed(fulmar, dynamodb, table):
    def put(item, encoding, pack):
        body = json.dumps({"TableName": table, "Item": {"id": {"S": item}}}).encode()
        answer, _ = post(fulmar, "PutItem", pack(body), Content_Encoding=encoding)
        found = dynamodb.get_item(TableName=table, Key={"id": {"S": item}})
        return answer.status, "Item" in found

    assert put("whole", "gzip", gzip.compress) == (200, True)
    assert put("parts", "gzip", lambda body: gzip.compress(body[:9]) + gzip.compress(body[9:])) == (200, True)
    assert put("wrong", "gzip", lambda body: body) == (500, False)
    assert put("short", "gzip", lambda body: gzip.compress(body)[:-1]) == (500, False)
    assert put("other", "garbage", lambda body: body) == (500, False)
    bomb = gzip.compress(b" " * (20 << 20))
    assert put("large", "gzip", lambda body: bomb) == (413, False)


def test_answers_may_be_compressed(fulmar, dynamodb, table):
    text = "x" * 4096
    dynamodb.put_item(TableName=table, Item={"id": {"S": "a"}, "text": {"S": text}, "short": {"S": text[:4000]}})

    def get(attribute, accepted):
        query = {"TableName": table, "Key": {"id": {"S": "a"}}, "ProjectionExpression": "#a"}
        query["ExpressionAttributeNames"] = {"#a": attribute}
        answer, body = post(fulmar, "GetItem", json.dumps(query), Accept_Encoding=accepted)
        assert int(answer.headers["x-amz-crc32"]) == zlib.crc32(body)
        return answer.headers["content-encoding"], body

    whole = {"Item": {"text": {"S": text}}}
    coding, body = get("text", "gzip")
    assert (coding, json.loads(gzip.decompress(body))) == ("gzip", whole)
    coding, body = get("text", "gzip;q=0.5, deflate")
    assert (coding, json.loads(zlib.decompress(body))) == ("deflate", whole)
    coding, body = get("text", "br, identity")
    assert (coding, json.loads(body)) == (None, whole)
    assert get("short", "gzip")[0] is None


# ---- expressions, updates and conditions


def test_conditions_and_updates(resource, table):
    table = resource.Table(table)
    counter = {"id": "counter"}
    for expected in range(1, 4):
        updated = table.update_item(
            Key=counter,
            UpdateExpression="SET n = if_not_exists(n, :zero) + :one, tags = list_append(if_not_exists(tags, :none), :tag)",
            ExpressionAttributeValues={":zero": 0, ":one": 1, ":none": [], ":tag": [str(expected)]},
            ReturnValues="UPDATED_NEW",
        )
        assert updated["Attributes"]["n"] == expected
    assert table.get_item(Key=counter)["Item"]["tags"] == ["1", "2", "3"]
    with pytest.raises(resource.meta.client.exceptions.ConditionalCheckFailedException) as failed:
        table.put_item(
            Item=counter,
            ConditionExpression=Attr("id").not_exists() | Attr("n").lt(3),
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    assert failed.value.response["Item"]["n"] == {"N": "3"}
    table.put_item(Item=counter, ConditionExpression=Attr("n").eq(3) & Attr("tags").contains("2"))
    assert table.get_item(Key=counter)["Item"] == counter
    table.update_item(
        Key=counter,
        UpdateExpression="SET m = :m ADD s :s",
        ExpressionAttributeValues={":m": {"a": {"b": [1, 2]}}, ":s": {"x", "y"}},
    )
    told = table.update_item(
        Key=counter,
        UpdateExpression="SET m.a.b[0] = :v REMOVE m.a.b[1] DELETE s :x",
        ExpressionAttributeValues={":v": "new", ":x": {"x"}},
        ReturnValues="ALL_NEW",
    )
    assert told["Attributes"] == {"id": "counter", "m": {"a": {"b": ["new"]}}, "s": {"y"}}


def test_filters_and_projections(resource, log):
    table = resource.Table(log)
    condition = Attr("at").gte(3) & Attr("at").lt(6) & Attr("none").not_exists()
    for _ in range(60):
        condition = condition & Attr("id").begins_with("a")
    found = table.scan(FilterExpression=condition, ProjectionExpression="#at", ExpressionAttributeNames={"#at": "at"})
    assert sorted(item["at"] for item in found["Items"]) == [3, 4, 5]
    assert (found["Count"], found["ScannedCount"]) == (3, 11)
    assert found["Items"][0].keys() == {"at"}


@pytest.mark.parametrize(
    "arguments, message",
    [
        (
            {"UpdateExpression": "SET status = :v"},
            f"{COUNTED}Invalid UpdateExpression: Attribute name is a reserved keyword; reserved keyword: status",
        ),
        (
            {"UpdateExpression": "SET a = :v, a.b = :v"},
            f"{COUNTED}Invalid UpdateExpression: Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [a], path two: [a, b]",
        ),
        (
            {"UpdateExpression": "SET _a = :v"},
            f'{COUNTED}Invalid UpdateExpression: Syntax error; token: "_", near: "SET _a"',
        ),
        (
            {"UpdateExpression": "SET a = list_append(list_append(b, c), :v)"},
            f"{COUNTED}Invalid UpdateExpression: The function is not allowed to be used this way in an expression; function: list_append",
        ),
        (
            {"UpdateExpression": "SET a = :v", "ConditionExpression": "a > "},
            f'{COUNTED}Invalid ConditionExpression: Syntax error; token: "<EOF>", near: ">"',
        ),
        (
            {"UpdateExpression": "SET id = :v"},
            "One or more parameter values were invalid: Cannot update attribute id. This attribute is part of the key",
        ),
        (
            {"UpdateExpression": "SET a.b = :v"},
            "The document path provided in the update expression is invalid for update",
        ),
    ],
)
def test_wrong_expressions_are_refused(dynamodb, table, arguments, message):
    found = failure(
        dynamodb.update_item,
        TableName=table,
        Key={"id": {"S": "a"}},
        ExpressionAttributeValues={":v": {"S": "v"}},
        **arguments,
    )
    assert found == ("ValidationException", message)


# ---- many items at once


def test_batches(resource, table):
    table = resource.Table(table)
    with table.batch_writer() as batch:
        for each in range(60):
            batch.put_item(Item={"id": str(each), "v": each})
    assert table.scan(Select="COUNT")["Count"] == 60
    keys = [{"id": str(each)} for each in range(0, 100, 2)]
    found = resource.batch_get_item(RequestItems={table.name: {"Keys": keys, "ProjectionExpression": "v"}})
    assert sorted(item["v"] for item in found["Responses"][table.name]) == list(range(0, 60, 2))
    assert found["UnprocessedKeys"] == {}


def test_transactions(dynamodb, table):
    def add(account, amount):
        return {
            "Update": {
                "TableName": table,
                "Key": {"id": {"S": account}},
                "UpdateExpression": "ADD v :v",
                "ConditionExpression": "v >= :least",
                "ExpressionAttributeValues": {":v": {"N": str(amount)}, ":least": {"N": str(-amount)}},
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }

    for account in ["a", "b"]:
        dynamodb.put_item(TableName=table, Item={"id": {"S": account}, "v": {"N": "10"}})
    token = str(uuid.uuid4())
    for _ in range(3):
        dynamodb.transact_write_items(TransactItems=[add("a", -7), add("b", 7)], ClientRequestToken=token)
    gets = [{"Get": {"TableName": table, "Key": {"id": {"S": account}}}} for account in ["a", "b"]]
    read = dynamodb.transact_get_items(TransactItems=gets)["Responses"]
    assert [each["Item"]["v"]["N"] for each in read] == ["3", "17"]
    with pytest.raises(dynamodb.exceptions.TransactionCanceledException) as cancelled:
        dynamodb.transact_write_items(TransactItems=[add("b", 7), add("a", -7)])
    reasons = cancelled.value.response["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["None", "ConditionalCheckFailed"]
    assert reasons[1]["Item"]["v"] == {"N": "3"}


def test_writers_at_once_count_exactly(dynamodb, table):
    def count():
        for _ in range(25):
            dynamodb.update_item(
                TableName=table,
                Key={"id": {"S": "n"}},
                UpdateExpression="ADD n :one",
                ExpressionAttributeValues={":one": {"N": "1"}},
            )

    writers = [threading.Thread(target=count) for _ in range(8)]
    for each in writers:
        each.start()
    for each in writers:
        each.join()
    assert dynamodb.get_item(TableName=table, Key={"id": {"S": "n"}})["Item"]["n"] == {"N": "200"}


def test_statements(dynamodb, table):
    def run(statement, *parameters):
        more = {"Parameters": list(parameters)} if parameters else {}
        return dynamodb.execute_statement(Statement=statement, **more)["Items"]

    for each in range(3):
        run(f"INSERT INTO \"{table}\" VALUE {{'id': ?, 'n': {each}}}", {"S": str(each)})
    with pytest.raises(dynamodb.exceptions.DuplicateItemException):
        run(f"INSERT INTO \"{table}\" VALUE {{'id': '1'}}")
    updated = run(f"UPDATE \"{table}\" SET n = n + 10 WHERE id = '1' RETURNING ALL NEW *")
    assert updated == [{"id": {"S": "1"}, "n": {"N": "11"}}]
    assert run(f"SELECT id FROM \"{table}\" WHERE n > ?", {"N": "5"}) == [{"id": {"S": "1"}}]
    run(f"DELETE FROM \"{table}\" WHERE id = '0'")
    gets = [{"Statement": f"SELECT n FROM \"{table}\" WHERE id = '{each}'"} for each in range(3)]
    read = dynamodb.execute_transaction(TransactStatements=gets)["Responses"]
    assert read == [{}, {"Item": {"n": {"N": "11"}}}, {"Item": {"n": {"N": "2"}}}]
    batch = dynamodb.batch_execute_statement(Statements=gets)["Responses"]
    assert [each.get("Item", {}).get("n") for each in batch] == [None, {"N": "11"}, {"N": "2"}]
    run(f"FROM \"{table}\" WHERE id = '2' SET m = {{'deep': 'x'}} -- a note")
    assert run(f"SELECT m.deep FROM \"{table}\" WHERE attribute_exists(m.deep)") == [{"deep": {"S": "x"}}]
    duplicate = [{"Statement": f"INSERT INTO \"{table}\" VALUE {{'id': '1'}}"}]
    failed = dynamodb.batch_execute_statement(Statements=duplicate)["Responses"][0]
    assert (failed["Error"]["Code"], failed["TableName"]) == ("DuplicateItem", table)
    update = f"UPDATE \"{table}\" SET n = 5 WHERE id = '2'"
    assert dynamodb.execute_transaction(TransactStatements=[{"Statement": update}])["Responses"] == []
    with pytest.raises(botocore.exceptions.ClientError, match="RETURNING clause is not supported in ExecuteTransaction"):
        dynamodb.execute_transaction(TransactStatements=[{"Statement": f"{update} RETURNING ALL NEW *"}])


# ---- indexes and settings


def by(name, *keys, **projection):
    return {
        "IndexName": name,
        "KeySchema": [{"AttributeName": key, "KeyType": role} for key, role in zip(keys, ["HASH", "RANGE"])],
        "Projection": projection or {"ProjectionType": "ALL"},
    }


def test_indexes_from_the_start_and_later(dynamodb, resource):
    created = name()
    definitions = [{"AttributeName": key, "AttributeType": code} for key, code in dict(id="S", at="N", who="S").items()]
    dynamodb.create_table(
        **{**schema(id="S", at="N"), "AttributeDefinitions": definitions},
        TableName=created,
        GlobalSecondaryIndexes=[by("by-who", "who", "at")],
        LocalSecondaryIndexes=[by("local", "id", "who", ProjectionType="KEYS_ONLY")],
    )
    table = resource.Table(created)
    with table.batch_writer() as batch:
        for at in range(300):
            item = {"id": str(at % 3), "at": at, "team": "t"}
            batch.put_item(Item={**item, "who": "ann" if at % 2 else "bob"} if at % 5 else item)
    ann = [at for at in range(300) if at % 2 and at % 5]
    pages = dynamodb.get_paginator("query").paginate(
        TableName=created,
        IndexName="by-who",
        KeyConditionExpression="who = :ann",
        ExpressionAttributeValues={":ann": {"S": "ann"}},
        PaginationConfig={"PageSize": 17},
    )
    assert [at for page in pages for at in ats(page["Items"])] == ann
    table.update_item(
        Key={"id": "1", "at": 1}, UpdateExpression="SET who = :w", ExpressionAttributeValues={":w": "bob"}
    )
    found = table.query(IndexName="by-who", KeyConditionExpression=Key("who").eq("ann"), Select="COUNT")
    assert found["Count"] == len(ann) - 1
    local = table.query(
        IndexName="local",
        KeyConditionExpression=Key("id").eq("1") & Key("who").begins_with("b"),
        Select="ALL_ATTRIBUTES",
    )
    assert {item["who"] for item in local["Items"]} == {"bob"}
    assert local["Items"][0]["team"] == "t"
    dynamodb.update_table(
        TableName=created,
        AttributeDefinitions=[{"AttributeName": "team", "AttributeType": "S"}],
        GlobalSecondaryIndexUpdates=[{"Create": by("by-team", "team")}],
    )

    def built():
        indexes = dynamodb.describe_table(TableName=created)["Table"]["GlobalSecondaryIndexes"]
        return all(index["IndexStatus"] == "ACTIVE" for index in indexes)

    eventually(built)
    assert table.query(IndexName="by-team", KeyConditionExpression=Key("team").eq("t"))["Count"] == 300
    assert table.scan(IndexName="by-who", Select="COUNT")["Count"] == 240
    dynamodb.update_table(TableName=created, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "by-team"}}])
    described = dynamodb.describe_table(TableName=created)["Table"]
    assert [index["IndexName"] for index in described["GlobalSecondaryIndexes"]] == ["by-who"]


def test_an_index_of_several_attributes_made_later(dynamodb, resource):
    created = name()
    dynamodb.create_table(**schema(id="S"), TableName=created)
    table = resource.Table(created)
    with table.batch_writer() as batch:
        for at in range(300):
            match = {"cup": "c", "region": "north" if at % 2 else "south", "round": at % 3, "day": f"{at:03}"}
            batch.put_item(Item={"id": str(at), **(match if at % 5 else {"cup": "c"})})
    keys = [("cup", "HASH", "S"), ("region", "HASH", "S"), ("round", "RANGE", "N"), ("day", "RANGE", "S")]
    several = {
        "IndexName": "several",
        "KeySchema": [{"AttributeName": key, "KeyType": role} for key, role, _ in keys],
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    }
    dynamodb.update_table(
        TableName=created,
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": code} for key, _, code in keys],
        GlobalSecondaryIndexUpdates=[{"Create": several}],
    )

    def described():
        return dynamodb.describe_table(TableName=created)["Table"]["GlobalSecondaryIndexes"][0]

    eventually(lambda: described()["IndexStatus"] == "ACTIVE")
    assert described()["KeySchema"] == several["KeySchema"]
    pages = dynamodb.get_paginator("query").paginate(
        TableName=created,
        IndexName="several",
        KeyConditionExpression="cup = :c AND #r = :r AND round = :one AND #d > :d",
        ExpressionAttributeNames={"#r": "region", "#d": "day"},
        ExpressionAttributeValues={":c": {"S": "c"}, ":r": {"S": "north"}, ":one": {"N": "1"}, ":d": {"S": "100"}},
        PaginationConfig={"PageSize": 7},
    )
    expected = [str(at) for at in range(101, 300) if at % 2 and at % 3 == 1 and at % 5]
    assert [item["id"]["S"] for page in pages for item in page["Items"]] == expected
    assert table.scan(IndexName="several", Select="COUNT")["Count"] == 240


def test_items_end(dynamodb, table):
    dynamodb.update_time_to_live(
        TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "end"}
    )
    now = int(time.time())
    for each, end in [("past", now - 5), ("soon", now + 2), ("later", now + 3600)]:
        dynamodb.put_item(TableName=table, Item={"id": {"S": each}, "end": {"N": str(end)}})
    eventually(lambda: [item["id"]["S"] for item in dynamodb.scan(TableName=table)["Items"]] == ["later"])
    described = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    assert described == {"TimeToLiveStatus": "ENABLED", "AttributeName": "end"}


def test_a_class_encryption_and_a_policy_are_kept_and_told(dynamodb):
    created = name()
    key = "arn:aws:kms:us-east-1:000000000000:key/k"
    dynamodb.create_table(
        TableName=created,
        **schema(id="S"),
        TableClass="STANDARD_INFREQUENT_ACCESS",
        SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key},
    )
    told = dynamodb.describe_table(TableName=created)["Table"]
    assert told["TableClassSummary"] == {"TableClass": "STANDARD_INFREQUENT_ACCESS"}
    assert told["SSEDescription"] == {"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": key}
    with pytest.raises(botocore.exceptions.ClientError, match="must be the only operation in the request"):
        dynamodb.update_table(TableName=created, TableClass="STANDARD", SSESpecification={"Enabled": False})
    dynamodb.update_table(TableName=created, TableClass="STANDARD")
    told = dynamodb.update_table(TableName=created, SSESpecification={"Enabled": False})["TableDescription"]
    assert told["TableClassSummary"]["TableClass"] == "STANDARD" and "LastUpdateDateTime" in told["TableClassSummary"]
    assert "SSEDescription" not in told
    arn = told["TableArn"]
    root = f"arn:aws:iam::{arn.split(':')[4]}:root"
    statement = {"Effect": "Allow", "Principal": {"AWS": root}, "Action": "dynamodb:GetItem", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    assert failure(dynamodb.get_resource_policy, ResourceArn=arn)[0] == "PolicyNotFoundException"
    assert failure(dynamodb.put_resource_policy, ResourceArn=arn, Policy="{}")[0] == "ValidationException"
    first = dynamodb.put_resource_policy(ResourceArn=arn, Policy=policy, ExpectedRevisionId="NO_POLICY")["RevisionId"]
    kept = dynamodb.get_resource_policy(ResourceArn=arn)
    assert (json.loads(kept["Policy"]), kept["RevisionId"]) == (json.loads(policy), first)
    stale = failure(dynamodb.put_resource_policy, ResourceArn=arn, Policy=policy, ExpectedRevisionId="NO_POLICY")
    assert stale[0] == "PolicyNotFoundException"
    assert dynamodb.delete_resource_policy(ResourceArn=arn, ExpectedRevisionId=first)["RevisionId"] == first
    assert failure(dynamodb.get_resource_policy, ResourceArn=arn)[0] == "PolicyNotFoundException"
    assert "RevisionId" not in dynamodb.delete_resource_policy(ResourceArn=arn)


def test_tags_and_protection(dynamodb, table):
    arn = dynamodb.describe_table(TableName=table)["Table"]["TableArn"]
    dynamodb.tag_resource(ResourceArn=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    dynamodb.untag_resource(ResourceArn=arn, TagKeys=["a"])
    assert dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"] == [{"Key": "b", "Value": "2"}]
    dynamodb.update_table(TableName=table, DeletionProtectionEnabled=True)
    assert failure(dynamodb.delete_table, TableName=table)[0] == "ValidationException"
    dynamodb.update_table(TableName=table, DeletionProtectionEnabled=False)
    dynamodb.delete_table(TableName=table)


def test_what_a_batch_says_of_keys_that_are_wrong(dynamodb, table):
    for item in [{}, {"id": {"N": "1"}}]:
        wrong = failure(dynamodb.batch_write_item, RequestItems={table: [{"PutRequest": {"Item": item}}]})
        assert wrong == ("ValidationException", "The provided key element does not match the schema")


def test_what_is_used_of_an_index_alone_leaves_nothing_for_its_table(dynamodb):
    made = name()
    dynamodb.create_table(
        TableName=made,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ["id", "by"]],
        BillingMode="PAY_PER_REQUEST",
        GlobalSecondaryIndexes=[
            {"IndexName": "by-it", "KeySchema": [{"AttributeName": "by", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}
        ],
    )
    told = dynamodb.scan(TableName=made, IndexName="by-it", ReturnConsumedCapacity="INDEXES")["ConsumedCapacity"]
    # As clients that compare -0 with 0 see it.
    assert str(told["Table"]["CapacityUnits"]) == "0.0"
    assert told["GlobalSecondaryIndexes"]["by-it"]["CapacityUnits"] == 0.5


# ---- the command line


def test_the_command_line(fulmar):
    created = name()
    fulmar.aws(
        *["dynamodb", "create-table", "--table-name", created],
        *["--attribute-definitions", "AttributeName=id,AttributeType=S", "AttributeName=at,AttributeType=N"],
        *["--key-schema", "AttributeName=id,KeyType=HASH", "AttributeName=at,KeyType=RANGE"],
        *["--provisioned-throughput", "ReadCapacityUnits=1,WriteCapacityUnits=1"],
    )
    fulmar.aws("dynamodb", "wait", "table-exists", "--table-name", created)
    for at in range(3):
        item = json.dumps({"id": {"S": "a"}, "at": {"N": str(at)}})
        fulmar.aws("dynamodb", "put-item", "--table-name", created, "--item", item)
    found = fulmar.aws(
        *["dynamodb", "query", "--table-name", created, "--key-condition-expression", "id = :a AND #at > :0"],
        *["--expression-attribute-names", json.dumps({"#at": "at"})],
        *["--expression-attribute-values", json.dumps({":a": {"S": "a"}, ":0": {"N": "0"}})],
    )
    assert ats(json.loads(found.stdout)["Items"]) == [1, 2]
    scanned = json.loads(fulmar.aws("dynamodb", "scan", "--table-name", created, "--page-size", "1").stdout)
    assert ats(scanned["Items"]) == [0, 1, 2]
    assert created in json.loads(fulmar.aws("dynamodb", "list-tables").stdout)["TableNames"]
    refused = fulmar.aws("dynamodb", "list-global-tables", check=False)
    assert refused.returncode
    assert "Fulmar does not implement DynamoDB.ListGlobalTables yet" in refused.stderr
    fulmar.aws("dynamodb", "delete-table", "--table-name", created)
    fulmar.aws("dynamodb", "wait", "table-not-exists", "--table-name", created)
