"""DynamoDB as boto3 and the AWS command line see it."""

import decimal
import json
import threading
import uuid

import boto3
import botocore
import pytest
from boto3.dynamodb.conditions import Key
from boto3.dynamodb.types import Binary

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
        ({"id": {"S": "a"}, "v": {"N": "abc"}}, "The parameter cannot be converted to a numeric value: abc"),
        (
            {"id": {"S": "a"}, "v": {"N": "1" * 39}},
            "Attempting to store more than 38 significant digits in a Number",
        ),
        ({"id": {"S": "a"}, "v": {"SS": []}}, f"{WRONG}An string set  may not be empty"),
        ({"id": {"S": "a"}, "v": {"SS": ["a", "a"]}}, f"{WRONG}Input collection [a, a] contains duplicates."),
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
    key, item = {"id": {"S": "a"}}, {"id": {"S": "a"}}
    code = "NotImplementedException"
    assert failure(
        dynamodb.update_item,
        TableName=table,
        Key=key,
        UpdateExpression="SET v = :v",
        ExpressionAttributeValues={":v": {"S": "x"}},
    ) == (code, "Fulmar does not implement DynamoDB.UpdateItem yet")
    assert failure(
        dynamodb.put_item, TableName=table, Item=item, ConditionExpression="attribute_not_exists(id)"
    ) == (code, "Fulmar does not implement the parameter ConditionExpression of DynamoDB.PutItem yet")
    assert "Item" not in dynamodb.get_item(TableName=table, Key=key)
    assert failure(dynamodb.get_item, TableName=table, Key=key, ProjectionExpression="id") == (
        code,
        "Fulmar does not implement the parameter ProjectionExpression of DynamoDB.GetItem yet",
    )


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
    refused = fulmar.aws("dynamodb", "create-backup", "--table-name", created, "--backup-name", "one", check=False)
    assert refused.returncode
    assert "Fulmar does not implement DynamoDB.CreateBackup yet" in refused.stderr
    fulmar.aws("dynamodb", "delete-table", "--table-name", created)
    fulmar.aws("dynamodb", "wait", "table-not-exists", "--table-name", created)
