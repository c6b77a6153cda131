"""The usual advice about functions, as programs that were written for the real service: each does here what it says."""

import io
import json
import pathlib
import zipfile

import pytest

from conftest import ROOT, eventually
from test_runtimes import call, make, package

STATELESS = """
const AWS = require('aws-sdk');
exports.handler = async (event, context) => {
  const dynamoDB = new AWS.DynamoDB.DocumentClient();
  const userData = await dynamoDB.get({ TableName: 'practice-users', Key: { id: event.userId } }).promise();
  return userData.Item;
};
"""

OUTSIDE = """
import AWS from 'aws-sdk';
const dynamoDB = new AWS.DynamoDB.DocumentClient();
async function loadExpensiveData() {
  const page = await dynamoDB.scan({ TableName: process.env.TABLE_NAME }).promise();
  return page.Items;
}
const cachedData = await loadExpensiveData();
export const handler = async (event) => ({ data: cachedData });
"""

LAZY = """
let heavyModule = null;
exports.handler = async (event) => {
  if (!heavyModule) heavyModule = require('./heavy-module');
  return heavyModule.process(event);
};
"""
HEAVY = "let calls = 0; exports.process = (event) => ({ event, calls: ++calls });"

WARM = """
exports.handler = async () => {
  console.log('Warmup ping at', new Date().toISOString());
  return { statusCode: 200 };
};
"""

PROVISIONS = """
const AWS = require('aws-sdk');
const lambda = new AWS.Lambda();
exports.handler = async () => {
  await lambda.putFunctionConcurrency({ FunctionName: 'practice-lazy', ReservedConcurrentExecutions: 10 }).promise();
  await lambda.putProvisionedConcurrencyConfig({ FunctionName: 'practice-lazy', Qualifier: 'live', ProvisionedConcurrentExecutions: 2 }).promise();
};
"""


@pytest.fixture(scope="module")
def sdk(lambda_):
    """The older SDK as a layer, as far as these need it."""
    modules, out = ROOT / "tests/e2e/node/node_modules", io.BytesIO()
    wanted = ("dynamodb", "lambda", "sts", "metadata", "streams.dynamodb")
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for file in modules.rglob("*"):
            name = file.relative_to(modules)
            if not file.is_file() or file.suffix not in (".js", ".json") or name.parts[0].startswith(("@", ".")):
                continue
            if name.parts[0] == "aws-sdk" and (name.parts[1] == "dist" or name.parts[1] == "apis" and not name.name.startswith(wanted)):
                continue
            archive.write(file, pathlib.Path("nodejs/node_modules") / name)
    layer = lambda_.publish_layer_version(LayerName="aws-sdk", Content={"ZipFile": out.getvalue()})
    return [layer["LayerVersionArn"]]


@pytest.fixture(scope="module")
def table(dynamodb):
    dynamodb.create_table(
        TableName="practice-users",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.put_item(TableName="practice-users", Item={"id": {"S": "u1"}, "name": {"S": "Ada"}})
    return "practice-users"


def test_state_is_kept_outside(lambda_, sdk, table):
    name = make(lambda_, "practice-stateless", package({"index.js": STATELESS}), runtime="nodejs20.x", Layers=sdk)
    assert call(lambda_, name, {"userId": "u1"})[1] == {"id": "u1", "name": "Ada"}


def test_what_is_expensive_is_done_once_outside_of_the_handler(lambda_, dynamodb, sdk, table):
    # An ES module finds what lies beside it, and not what NODE_PATH names.
    code = {"index.mjs": OUTSIDE.replace("import AWS from 'aws-sdk';", "import { createRequire } from 'node:module';\nconst AWS = createRequire(import.meta.url)('aws-sdk');")}
    name = make(lambda_, "practice-outside", package(code), runtime="nodejs20.x", Layers=sdk, Environment={"Variables": {"TABLE_NAME": table}})
    first = call(lambda_, name)[1]
    assert first == {"data": [{"id": "u1", "name": "Ada"}]}
    dynamodb.put_item(TableName=table, Item={"id": {"S": "u1"}, "name": {"S": "Grace"}})
    assert call(lambda_, name)[1] == first, "the same instance has it still"


def test_what_is_heavy_is_loaded_when_it_is_needed_and_instances_are_provisioned(fulmar, lambda_, sdk):
    code = {"index.js": LAZY, "heavy-module.js": HEAVY}
    name = make(lambda_, "practice-lazy", package(code), runtime="nodejs20.x", Publish=True)
    assert [call(lambda_, name, n)[1] for n in range(2)] == [{"event": 0, "calls": 1}, {"event": 1, "calls": 2}]
    lambda_.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    provisions = make(lambda_, "practice-provisions", package({"index.js": PROVISIONS}), runtime="nodejs20.x", Layers=sdk)
    answer, said = call(lambda_, provisions)
    assert "FunctionError" not in answer, said
    status = lambda: lambda_.get_provisioned_concurrency_config(FunctionName=name, Qualifier="live")["Status"]
    eventually(lambda: status() == "READY")
    call(lambda_, name, 1, Qualifier="live")
    shown = json.loads(fulmar.cli("invocations", "--json", name).stdout)["invocations"]
    assert shown[0]["init_ms"] is None, "nothing was initialised for this call"
    assert lambda_.get_function_concurrency(FunctionName=name)["ReservedConcurrentExecutions"] == 10


def test_a_function_is_kept_warm(fulmar, lambda_):
    name = make(lambda_, "practice-warm", package({"index.js": WARM}), runtime="nodejs20.x")
    for pings in (1, 2):
        lambda_.invoke(FunctionName=name, InvocationType="Event", Payload=b"{}")
        # The instance is to be had again when the call is over, not when it has printed.
        eventually(lambda: fulmar.cli("logs", name).stdout.count("REPORT ") == pings)
    answer = lambda_.invoke(FunctionName=name, LogType="Tail")
    import base64

    assert "Init Duration" not in base64.b64decode(answer["LogResult"]).decode()
