"""Streams of tables to functions, by boto3: what each setting of a mapping does to a real function."""

import itertools
import json
import time

import pytest
from botocore.exceptions import ClientError

from conftest import Gate, eventually, server
from test_lambda import ROLE, package

# Prints every event, and does with it what the last of its records that says something asks for.
HANDLER = """
exports.handler = async (event) => {
  // What is large has been seen.
  const state = event.state?.large ? { large: event.state.large.length } : event.state;
  console.log("GOT " + JSON.stringify({ ...event, state, started: Date.now() }));
  const asked = event.Records.map((record) => [record, record.dynamodb.NewImage?.ask?.S]).filter(([, ask]) => ask);
  const sum = event.Records.reduce((sum, record) => sum + Number(record.dynamodb.NewImage?.n?.N ?? 0), event.state?.sum ?? 0);
  const answer = event.window ? { state: { sum } } : {};
  for (const [record, ask] of asked) {
    if (ask === "throw") throw new TypeError("asked to");
    if (ask === "once" && !globalThis[record.eventID]) {
      globalThis[record.eventID] = true;
      throw new TypeError("asked to, once");
    }
    if (ask === "item") answer.batchItemFailures = [{ itemIdentifier: record.dynamodb.SequenceNumber }];
    if (ask === "null") answer.batchItemFailures = [{ itemIdentifier: null }];
    if (ask === "stateless") delete answer.state;
    if (ask === "large") answer.state = { sum, large: "x".repeat(1100000) };
    if (ask?.startsWith("http")) await fetch(ask);
  }
  return answer;
};
"""

numbers = itertools.count()


@pytest.fixture(scope="module")
def world(fulmar):
    return World(fulmar)


class World:
    def __init__(self, fulmar):
        self.fulmar = fulmar
        self.lambda_, self.dynamodb, self.s3 = map(fulmar.client, ["lambda", "dynamodb", "s3"])

    def clock(self, *words):
        """Moves the clock: when that is done, so is everything that was due."""
        self.fulmar.cli("clock", *words)

    def table(self, **settings):
        name = f"table-{next(numbers)}"
        made = self.dynamodb.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            # One partition, so that there is one shard and batches are what the settings make them.
            BillingMode="PROVISIONED",
            ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
            **settings,
        )
        return name, made["TableDescription"]["LatestStreamArn"]

    def function(self):
        name = f"function-{next(numbers)}"
        self.lambda_.create_function(
            FunctionName=name,
            Runtime="nodejs22.x",
            Handler="index.handler",
            Role=ROLE,
            Timeout=10,
            Code={"ZipFile": package(index_js=HANDLER)},
        )
        return name

    def put(self, table, id, n=0, **more):
        item = {"id": {"S": id}, "n": {"N": str(n)}, **{key: {"S": value} for key, value in more.items()}}
        self.dynamodb.put_item(TableName=table, Item=item)

    def settled(self, uuid, state="Enabled"):
        eventually(lambda: self.lambda_.get_event_source_mapping(UUID=uuid)["State"] == state)

    def mapped(self, before=(), **settings):
        """A table, a function, and a mapping between them; `before` is put into the table first."""
        table, arn = self.table()
        for item in before:
            self.put(table, **item)
        function = self.function()
        made = self.lambda_.create_event_source_mapping(
            FunctionName=function,
            EventSourceArn=arn,
            **{"StartingPosition": "TRIM_HORIZON", **settings},
        )
        self.settled(made["UUID"])
        return Mapped(self, table, function, made)


class Mapped:
    def __init__(self, world, table, function, made):
        self.world, self.table, self.function, self.made = world, table, function, made
        self.uuid = made["UUID"]

    def put(self, id, n=0, **more):
        self.world.put(self.table, id, n, **more)

    def events(self):
        lines = self.world.fulmar.cli("logs", self.function, "--last", "10000").stdout.splitlines()
        return [json.loads(line.split("GOT ", 1)[1]) for line in lines if "GOT " in line]

    def batches(self):
        """The ids of each batch."""
        return [[record["dynamodb"]["Keys"]["id"]["S"] for record in event["Records"]] for event in self.events()]

    def delivered(self, *ids):
        """Waits for records that come last, and gives all batches."""
        eventually(lambda: set(ids) <= {id for batch in self.batches() for id in batch})
        return self.batches()

    def get(self):
        return self.world.lambda_.get_event_source_mapping(UUID=self.uuid)


def items(*ids, **more):
    return [{"id": id, **more.get(id, {})} for id in ids]


def test_a_mapping_says_what_it_is_and_a_function_gets_records(world):
    mapped = world.mapped()
    made = mapped.made
    assert made["State"] == "Creating"
    assert made["LastProcessingResult"] == "No records processed"
    for name, value in {
        "BatchSize": 100,
        "MaximumBatchingWindowInSeconds": 0,
        "ParallelizationFactor": 1,
        "MaximumRetryAttempts": -1,
        "MaximumRecordAgeInSeconds": -1,
        "BisectBatchOnFunctionError": False,
        "TumblingWindowInSeconds": 0,
        "FunctionResponseTypes": [],
        "DestinationConfig": {"OnFailure": {}},
        "StartingPosition": "TRIM_HORIZON",
        "StateTransitionReason": "User action",
    }.items():
        assert made[name] == value, name
    assert made["EventSourceMappingArn"].endswith(f":event-source-mapping:{mapped.uuid}")
    assert made["FunctionArn"].endswith(f":function:{mapped.function}")
    mapped.put("a", 1)
    mapped.put("a", 2)
    world.dynamodb.delete_item(TableName=mapped.table, Key={"id": {"S": "a"}})
    records = eventually(lambda: len(r := [r for e in mapped.events() for r in e["Records"]]) == 3 and r)
    assert [record["eventName"] for record in records] == ["INSERT", "MODIFY", "REMOVE"]
    modified = records[1]
    assert modified["eventSource"] == "aws:dynamodb"
    assert modified["eventSourceARN"] == made["EventSourceArn"]
    assert modified["awsRegion"] == "us-east-1"
    assert modified["dynamodb"]["OldImage"] == {"id": {"S": "a"}, "n": {"N": "1"}}
    assert modified["dynamodb"]["NewImage"] == {"id": {"S": "a"}, "n": {"N": "2"}}
    assert modified["dynamodb"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    eventually(lambda: mapped.get()["LastProcessingResult"] == "OK")
    listed = world.lambda_.list_event_source_mappings(FunctionName=mapped.function)["EventSourceMappings"]
    assert [mapping["UUID"] for mapping in listed] == [mapped.uuid]
    listed = world.lambda_.list_event_source_mappings(EventSourceArn=made["EventSourceArn"])["EventSourceMappings"]
    assert [mapping["UUID"] for mapping in listed] == [mapped.uuid]


def test_batch_size(world):
    mapped = world.mapped(items("a", "b", "c", "d", "e"), BatchSize=2)
    assert mapped.delivered("e") == [["a", "b"], ["c", "d"], ["e"]]


def test_batching_window(world):
    mapped = world.mapped(MaximumBatchingWindowInSeconds=200)
    for id in "abc":
        mapped.put(id)
    world.clock("advance", "100s")
    assert mapped.batches() == []
    mapped.put("d")
    world.clock("advance", "101s")
    assert mapped.delivered("d") == [["a", "b", "c", "d"]]


def test_parallelization_factor(world, gate):
    def mapped(name, **settings):
        slow = [{"id": f"k{n}", "ask": f"{gate.url}/{name}"} for n in range(8)]
        return world.mapped(slow, BatchSize=1, **settings)

    several = mapped("several", ParallelizationFactor=8)
    # Eight keys have three lanes at least.
    gate.wait_for("several", 3)
    for _ in range(8):
        gate.open("several")
    several.delivered(*(f"k{n}" for n in range(8)))
    alone = mapped("alone")
    for n in range(1, 9):
        gate.wait_for("alone", n)
        # Nobody else comes while it waits.
        assert gate.came("alone") == n
        gate.open("alone")
    assert alone.delivered("k7") == [[f"k{n}"] for n in range(8)]
    # Order is kept per key all the same.
    for n in range(20):
        several.put("one", n)
    last = lambda: [r for e in several.events() for r in e["Records"] if r["dynamodb"]["Keys"]["id"]["S"] == "one"]
    eventually(lambda: len(last()) == 20)
    assert [int(record["dynamodb"]["NewImage"]["n"]["N"]) for record in last()] == list(range(20))


def test_starting_position(world):
    assert world.mapped(items("a")).delivered("a") == [["a"]]
    latest = world.mapped(items("a"), StartingPosition="LATEST")
    latest.put("b")
    assert latest.delivered("b") == [["b"]]


def test_filters(world):
    patterns = [
        {"eventName": ["MODIFY"]},
        {"dynamodb": {"NewImage": {"colour": {"S": ["red", {"prefix": "blu"}]}}}},
    ]
    criteria = {"Filters": [{"Pattern": json.dumps(pattern)} for pattern in patterns]}
    mapped = world.mapped(FilterCriteria=criteria)
    assert mapped.made["FilterCriteria"] == criteria
    mapped.put("a", colour="green")
    mapped.put("b", colour="red")
    mapped.put("c", colour="blue")
    mapped.put("a", 1, colour="green")
    delivered = mapped.delivered("a", "b", "c")
    assert sum(delivered, []) == ["b", "c", "a"]


def test_maximum_retries_and_the_destination(world):
    bucket = f"failed-{next(numbers)}"
    world.s3.create_bucket(Bucket=bucket)
    mapped = world.mapped(
        [{"id": "a"}, {"id": "bad", "ask": "throw"}],
        MaximumRetryAttempts=1,
        DestinationConfig={"OnFailure": {"Destination": f"arn:aws:s3:::{bucket}"}},
    )
    eventually(lambda: world.s3.list_objects_v2(Bucket=bucket)["KeyCount"])
    eventually(lambda: len(mapped.batches()) == 2)
    assert mapped.batches() == [["a", "bad"], ["a", "bad"]]
    assert mapped.get()["LastProcessingResult"] == "PROBLEM: Function call failed"
    [found] = world.s3.list_objects_v2(Bucket=bucket)["Contents"]
    told = json.loads(world.s3.get_object(Bucket=bucket, Key=found["Key"])["Body"].read())
    events = mapped.events()
    sequences = [record["dynamodb"]["SequenceNumber"] for record in events[0]["Records"]]
    info = told["DDBStreamBatchInfo"]
    assert found["Key"].startswith(f"aws/lambda/{mapped.uuid}/{info['shardId']}/{time.gmtime().tm_year}/")
    assert told["requestContext"].pop("requestId")
    assert told["requestContext"] == {
        "functionArn": mapped.made["FunctionArn"],
        "condition": "RetryAttemptsExhausted",
        "approximateInvokeCount": 2,
    }
    assert told["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"}
    assert told["version"] == "1.0" and told["timestamp"].endswith("Z")
    assert (info["startSequenceNumber"], info["endSequenceNumber"]) == tuple(sequences)
    assert info["batchSize"] == 2 and info["streamArn"] == mapped.made["EventSourceArn"]
    assert info["approximateArrivalOfFirstRecord"].endswith("Z") and info["approximateArrivalOfLastRecord"]
    assert json.loads(told["payload"])["Records"] == events[0]["Records"]
    mapped.put("after")
    assert mapped.delivered("after")[-1] == ["after"]


def test_without_a_limit_it_is_tried_until_it_succeeds(world):
    mapped = world.mapped([{"id": "a", "ask": "once"}, {"id": "b", "ask": "once"}])
    eventually(lambda: mapped.get()["LastProcessingResult"] == "OK")
    eventually(lambda: mapped.batches() == [["a", "b"]] * 3)


def test_bisect(world):
    before = [{"id": id, **({"ask": "throw"} if id == "c" else {})} for id in "abcd"]
    mapped = world.mapped(before, BisectBatchOnFunctionError=True, MaximumRetryAttempts=0)
    assert mapped.delivered("d") and eventually(lambda: mapped.batches()[-1] == ["d"])
    assert mapped.batches() == [["a", "b", "c", "d"], ["a", "b"], ["c", "d"], ["c"], ["d"]]


def test_partial_batch_responses(world):
    before = [{"id": "a"}, {"id": "b", "ask": "item"}, {"id": "c"}]
    report = ["ReportBatchItemFailures"]
    mapped = world.mapped(before, FunctionResponseTypes=report, MaximumRetryAttempts=1)
    eventually(lambda: len(mapped.batches()) == 2)
    assert mapped.batches() == [["a", "b", "c"], ["b", "c"]]
    # Without it, what the function says about items is only an answer.
    plain = world.mapped(before, MaximumRetryAttempts=1)
    plain.delivered("c")
    plain.put("d")
    assert plain.delivered("d") == [["a", "b", "c"], ["d"]]
    malformed = world.mapped([{"id": "a"}, {"id": "b", "ask": "null"}], FunctionResponseTypes=report, MaximumRetryAttempts=1)
    eventually(lambda: len(malformed.batches()) == 2)
    assert malformed.batches() == [["a", "b"]] * 2


def test_tumbling_windows(world):
    mapped = world.mapped(TumblingWindowInSeconds=3, BatchSize=1)
    for n in range(1, 9):
        mapped.put(f"k{n}", n)
        world.clock("advance", "500ms")
    mapped.delivered("k8")
    world.clock("advance", "3s")
    eventually(lambda: mapped.events()[-1]["isFinalInvokeForWindow"])
    events = mapped.events()
    sums, windows = 0, []
    for event in events:
        assert event["shardId"].startswith("shardId-") and event["eventSourceARN"] == mapped.made["EventSourceArn"]
        assert event["isWindowTerminatedEarly"] is False
        assert event["window"]["start"] < event["window"]["end"] and event["window"]["end"].endswith("Z")
        if event["isFinalInvokeForWindow"]:
            assert event["Records"] == []
            sums += event["state"]["sum"]
            windows.append(event["window"]["start"])
    assert sums == sum(range(1, 9))
    assert len(windows) >= 2 and windows == sorted(set(windows))
    first = events[0]
    assert first["state"] == {}


def test_a_windows_state_must_be_there_and_must_not_be_too_large(world):
    mapped = world.mapped([{"id": "a", "ask": "stateless"}], TumblingWindowInSeconds=900, MaximumRetryAttempts=1)
    eventually(lambda: len(mapped.batches()) == 2)
    mapped = world.mapped([{"id": "a", "ask": "large"}, {"id": "b"}], TumblingWindowInSeconds=900, BatchSize=1)
    # The window's end has no records, and tells the state back; the next record begins with nothing again.
    mapped.delivered("b")
    assert mapped.batches() == [["a"], [], ["b"]]
    first, ended, second = mapped.events()
    assert ended["isFinalInvokeForWindow"] and ended["isWindowTerminatedEarly"]
    assert first["state"] == second["state"] == {}


def test_a_mapping_rests_while_it_is_disabled(world):
    mapped = world.mapped(items("a"))
    mapped.delivered("a")
    disabling = world.lambda_.update_event_source_mapping(UUID=mapped.uuid, Enabled=False)
    assert disabling["State"] == "Disabling"
    world.settled(mapped.uuid, "Disabled")
    mapped.put("b")
    world.clock("advance", "1m")
    assert mapped.batches() == [["a"]]
    assert world.lambda_.update_event_source_mapping(UUID=mapped.uuid, Enabled=True)["State"] == "Enabling"
    assert mapped.delivered("b") == [["a"], ["b"]]


def test_what_is_updated_holds(world):
    mapped = world.mapped()
    criteria = {"Filters": [{"Pattern": json.dumps({"dynamodb": {"Keys": {"id": {"S": ["b"]}}}})}]}
    updated = world.lambda_.update_event_source_mapping(
        UUID=mapped.uuid, BatchSize=7, FilterCriteria=criteria, MaximumRetryAttempts=3
    )
    assert (updated["State"], updated["BatchSize"], updated["MaximumRetryAttempts"]) == ("Updating", 7, 3)
    world.settled(mapped.uuid)
    mapped.put("a")
    mapped.put("b")
    assert mapped.delivered("b") == [["b"]]
    other = world.function()
    world.lambda_.update_event_source_mapping(UUID=mapped.uuid, FunctionName=other, FilterCriteria={})
    world.settled(mapped.uuid)
    mapped.function = other
    mapped.put("c")
    assert mapped.delivered("c") == [["c"]]
    assert mapped.get()["FunctionArn"].endswith(other)


def test_an_alias_is_the_target(world):
    table, arn = world.table()
    function = world.function()
    version = world.lambda_.publish_version(FunctionName=function)["Version"]
    world.lambda_.create_alias(FunctionName=function, Name="live", FunctionVersion=version)
    made = world.lambda_.create_event_source_mapping(
        FunctionName=f"{function}:live", EventSourceArn=arn, StartingPosition="LATEST"
    )
    assert made["FunctionArn"].endswith(f":{function}:live")
    mapped = Mapped(world, table, function, made)
    mapped.put("a")
    mapped.delivered("a")


def test_a_mapping_is_deleted(world):
    mapped = world.mapped(items("a"))
    mapped.delivered("a")
    assert world.lambda_.delete_event_source_mapping(UUID=mapped.uuid)["State"] == "Deleting"

    def gone():
        try:
            mapped.get()
        except ClientError as refused:
            return refused.response["Error"]["Code"] == "ResourceNotFoundException"

    eventually(gone)
    mapped.put("b")
    world.clock("advance", "1m")
    assert mapped.batches() == [["a"]]


def test_tags(world):
    mapped = world.mapped(Tags={"team": "blue"})
    arn = mapped.made["EventSourceMappingArn"]
    world.lambda_.tag_resource(Resource=arn, Tags={"more": "yes"})
    world.lambda_.untag_resource(Resource=arn, TagKeys=["team"])
    assert world.lambda_.list_tags(Resource=arn)["Tags"] == {"more": "yes"}


def test_what_is_wrong_is_refused_as_by_the_real_service(world):
    table, arn = world.table()
    function = world.function()
    made = world.lambda_.create_event_source_mapping(FunctionName=function, EventSourceArn=arn, StartingPosition="LATEST")

    def refused(**settings):
        with pytest.raises(ClientError) as error:
            asked = {"FunctionName": function, "EventSourceArn": arn, "StartingPosition": "LATEST", **settings}
            world.lambda_.create_event_source_mapping(**{key: value for key, value in asked.items() if value is not None})
        told = error.value.response["Error"]
        return told["Code"], told["Message"]

    invalid = "InvalidParameterValueException"
    assert refused() == (
        "ResourceConflictException",
        f'The event source arn (" {arn} ") and function (" {function} ") provided mapping already exists. '
        f"Please update or delete the existing mapping with UUID {made['UUID']}",
    )
    assert refused(FunctionName="nobody") == (invalid, "Function does not exist")
    assert refused(FunctionName=f"{function}:nowhere") == (invalid, "Function does not exist")
    gone = arn.rsplit("/", 1)[0] + "/2020-01-01T00:00:00.000"
    assert refused(EventSourceArn=gone) == (invalid, f"Stream not found: {gone}")
    assert refused(EventSourceArn=None) == (invalid, "Unrecognized event source.")
    assert refused(StartingPosition="AT_TIMESTAMP") == (invalid, f"Unsupported starting position for arn type: {arn}")
    code, message = refused(StartingPosition=None)
    assert code == invalid and "Value null at 'startingPosition'" in message
    for pattern in ["{", "{}", '{"a": 1}', '{"a": [{"wildcard": "x*"}]}']:
        criteria = {"Filters": [{"Pattern": pattern}]}
        assert refused(FilterCriteria=criteria) == (invalid, "Invalid filter pattern definition."), pattern
    assert refused(ScalingConfig={"MaximumConcurrency": 5})[0] == invalid
    assert refused(Topics=["t1"]) == (invalid, "Unsupported 'topics' parameter for given event source mapping type.")
    assert refused(MaximumRecordAgeInSeconds=30)[0] == invalid
    for setting, value in [
        ("BatchSize", 10_001),
        ("MaximumBatchingWindowInSeconds", 301),
        ("ParallelizationFactor", 11),
        ("MaximumRetryAttempts", 10_001),
        ("MaximumRecordAgeInSeconds", 604_801),
        ("TumblingWindowInSeconds", 901),
    ]:
        code, message = refused(**{setting: value})
        assert code in ("ValidationException", invalid) and "less than or equal to" in message, setting
    for nobodys in ["arn:aws:s3:::nobody-has-it", "arn:aws:sns:us-east-1:000000000000:nobody-has-it", "arn:aws:sqs:us-east-1:000000000000:nobody-has-it"]:
        assert refused(DestinationConfig={"OnFailure": {"Destination": nobodys}})[0] == invalid
    assert refused(EventSourceArn="arn:aws:sqs:us-east-1:000000000000:nobody-has-it")[0] == invalid
    assert refused(EventSourceArn="arn:aws:kinesis:us-east-1:000000000000:stream/s")[0] == "NotImplementedException"
    assert refused(KMSKeyArn="arn:aws:kms:us-east-1:000000000000:key/k")[0] == "NotImplementedException"
    assert world.lambda_.list_event_source_mappings(FunctionName=function)["EventSourceMappings"][0]["UUID"] == made["UUID"]


TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Items:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      BillingMode: PROVISIONED
      ProvisionedThroughput: {ReadCapacityUnits: 1, WriteCapacityUnits: 1}
      StreamSpecification: {StreamViewType: NEW_AND_OLD_IMAGES}
  Heard:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: nodejs22.x
      Handler: index.handler
      CodeUri: .
      Events:
        Change:
          Type: DynamoDB
          Properties:
            Stream: !GetAtt Items.StreamArn
            StartingPosition: TRIM_HORIZON
            BatchSize: SIZE
            FilterCriteria: {Filters: [{Pattern: '{"dynamodb": {"Keys": {"id": {"S": [{"prefix": "a"}]}}}}'}]}
Outputs:
  Table: {Value: !Ref Items}
  Function: {Value: !Ref Heard}
  Stream: {Value: !GetAtt Items.StreamArn}
"""


def test_a_template_maps_a_table_to_a_function(world, tmp_path):
    app = tmp_path / "app"
    app.mkdir()
    (app / "index.js").write_text(HANDLER)

    def deploy(text):
        (app / "template.yaml").write_text(text)
        done = world.fulmar.cli("deploy", app, "--stack", "mapped", "--json")
        found = [json.loads(line) for line in done.stdout.splitlines()]
        return {output["name"]: output["value"] for event in found for output in event.get("outputs", [])}

    outputs = deploy(TEMPLATE.replace("SIZE", "5"))
    mappings = lambda: world.lambda_.list_event_source_mappings(FunctionName=outputs["Function"])["EventSourceMappings"]
    [made] = mappings()
    assert made["EventSourceArn"] == outputs["Stream"]
    assert (made["BatchSize"], made["StartingPosition"]) == (5, "TRIM_HORIZON")
    mapped = Mapped(world, outputs["Table"], outputs["Function"], made)
    for id in ["b1", "a1", "a2"]:
        mapped.put(id)
    assert sum(mapped.delivered("a2"), []) == ["a1", "a2"]
    # Again: nothing to do. With another setting: the same mapping, changed.
    assert deploy(TEMPLATE.replace("SIZE", "5")) == outputs
    assert mappings()[0]["LastModified"] == mapped.get()["LastModified"]
    deploy(TEMPLATE.replace("SIZE", "7"))
    world.settled(mapped.uuid)
    assert (mapped.get()["UUID"], mapped.get()["BatchSize"]) == (mapped.uuid, 7)
    # Without the event it is gone, and the rest is not.
    without = TEMPLATE[: TEMPLATE.index("      Events:")] + TEMPLATE[TEMPLATE.index("Outputs:") :]
    deploy(without)
    eventually(lambda: mappings() == [])
    mapped.put("a3")
    # What is not built is refused before anything is created.
    refused = TEMPLATE.replace("SIZE", "5\n            DestinationConfig: {OnFailure: {Destination: 'arn:aws:kinesis:us-east-1:000000000000:stream/s'}}")
    (app / "template.yaml").write_text(refused)
    said = world.fulmar.cli("deploy", app, "--stack", "refused", check=False)
    assert said.returncode and "nothing can be sent there" in said.stdout + said.stderr
    world.fulmar.cli("destroy", "mapped")


def test_nothing_is_lost_by_kill():
    # Logs are written behind the calls, so a kill may lose what a function printed of records that it has had.
    told = Gate(holds=False)
    with server() as fulmar:
        world = World(fulmar)
        mapped = world.mapped(BatchSize=3, ParallelizationFactor=2)
        written = []
        for round in range(4):
            for n in range(10):
                id = f"{round}-{n}"
                mapped.put(id, ask=f"{told.url}/{id}")
                written.append(id)
            fulmar.kill()
            fulmar.restart()
        for id in written:
            told.wait_for(id, 1)
    told.close()


def test_an_idle_mapping_uses_no_processor():
    with server() as fulmar:
        world = World(fulmar)
        for _ in range(5):
            world.mapped()

        def ticks():
            fields = open(f"/proc/{fulmar.process.pid}/stat").read().rsplit(")", 1)[1].split()
            return int(fields[11]) + int(fields[12])

        time.sleep(1)
        before = ticks()
        time.sleep(5)
        # A hundredth of a second each: what the server does beside mappings may be a few.
        assert ticks() - before <= 5
