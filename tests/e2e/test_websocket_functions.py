"""Functions of WebSocket APIs that write to connections as on the real service: the management API's address is made from
the event, and the vendor's own clients send to it, in either kind of network."""

import json
import pathlib
import shutil

import boto3
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from conftest import ROOT, eventually, server

TEMPLATE = """\
Transform: AWS::Serverless-2016-10-31
Globals:
  Function: { Timeout: 30, MemorySize: 512, Environment: { Variables: { ENDPOINT: !Sub "https://${Chat}.execute-api.${AWS::Region}.amazonaws.com/live" } } }
Resources:
  Chat:
    Type: AWS::ApiGatewayV2::Api
    Properties: { Name: chat, ProtocolType: WEBSOCKET, RouteSelectionExpression: $request.body.action }
  Node: { Type: AWS::Serverless::Function, Properties: { CodeUri: node, Handler: index.handler, Runtime: nodejs20.x } }
  Python: { Type: AWS::Serverless::Function, Properties: { CodeUri: python, Handler: index.handler, Runtime: python3.12 } }
  NodeIntegration:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Chat
      IntegrationType: AWS_PROXY
      IntegrationUri: !Sub arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Node.Arn}/invocations
  PythonIntegration:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Chat
      IntegrationType: AWS_PROXY
      IntegrationUri: !Sub arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Python.Arn}/invocations
  NodeRoute: { Type: AWS::ApiGatewayV2::Route, Properties: { ApiId: !Ref Chat, RouteKey: node, Target: !Sub "integrations/${NodeIntegration}" } }
  PythonRoute: { Type: AWS::ApiGatewayV2::Route, Properties: { ApiId: !Ref Chat, RouteKey: python, Target: !Sub "integrations/${PythonIntegration}" } }
  Stage: { Type: AWS::ApiGatewayV2::Stage, Properties: { ApiId: !Ref Chat, StageName: live, AutoDeploy: true } }
Outputs:
  Chat: { Value: !Ref Chat }
"""

NODE = """
const sdk = require("@aws-sdk/client-apigatewaymanagementapi");
const acts = { push: sdk.PostToConnectionCommand, about: sdk.GetConnectionCommand, end: sdk.DeleteConnectionCommand };
exports.handler = async ({ body, requestContext: { domainName, stage, connectionId } }) => {
  const client = new sdk.ApiGatewayManagementApiClient({ endpoint: `https://${domainName}/${stage}` });
  const asked = JSON.parse(body);
  const told = { endpoint: `https://${domainName}/${stage}` === process.env.ENDPOINT, connectionId };
  try {
    const said = await client.send(new acts[asked.act]({ ConnectionId: asked.to ?? connectionId, Data: asked.text }));
    told.status = said.$metadata.httpStatusCode;
    told.ip = said.Identity?.SourceIp;
  } catch (error) {
    Object.assign(told, { status: error.$metadata.httpStatusCode, error: error.name });
  }
  await client.send(new sdk.PostToConnectionCommand({ ConnectionId: connectionId, Data: JSON.stringify(told) }));
  return { statusCode: 200 };
};
"""

PYTHON = """
import json, os
import boto3

def handler(event, context):
    at = event["requestContext"]
    endpoint = "https://" + at["domainName"] + "/" + at["stage"]
    client = boto3.client("apigatewaymanagementapi", endpoint_url=endpoint)
    acts = {"push": client.post_to_connection, "about": client.get_connection, "end": client.delete_connection}
    asked = json.loads(event["body"])
    told = {"endpoint": endpoint == os.environ["ENDPOINT"], "connectionId": at["connectionId"]}
    data = {"Data": asked["text"].encode()} if "text" in asked else {}
    try:
        said = acts[asked["act"]](ConnectionId=asked.get("to", at["connectionId"]), **data)
        told["status"] = said["ResponseMetadata"]["HTTPStatusCode"]
        told["ip"] = said.get("Identity", {}).get("SourceIp")
    except client.exceptions.GoneException as error:
        told.update(status=error.response["ResponseMetadata"]["HTTPStatusCode"], error=error.response["Error"]["Code"])
    client.post_to_connection(ConnectionId=at["connectionId"], Data=json.dumps(told).encode())
    return {"statusCode": 200}
"""


def bring_boto3(folder):
    """What the real service has, as far as these need it."""
    site = pathlib.Path(boto3.__file__).parents[1]

    def others(place, names):
        in_data = pathlib.Path(place) == site / "botocore/data"
        return [name for name in names if in_data and "." not in name and name != "apigatewaymanagementapi"]

    for name in ["boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3"]:
        shutil.copytree(site / name, folder / name, ignore=others)
    shutil.copy(site / "six.py", folder)


def bring_sdk(folder):
    modules, wanted = ROOT / "tests/e2e/node/node_modules", ["@aws-sdk/client-apigatewaymanagementapi"]
    for name in wanted:
        shutil.copytree(modules / name, folder / "node_modules" / name)
        needs = json.loads((modules / name / "package.json").read_text()).get("dependencies", {})
        wanted.extend(need for need in needs if need not in wanted)


class Chat:
    def __init__(self, fulmar, id_):
        self.fulmar = fulmar
        self.address = f"ws://{fulmar.endpoint.removeprefix('http://')}/_aws/execute-api/{id_}/live"

    def join(self):
        return connect(self.address)


@pytest.fixture(scope="module", params=["open", "isolated"])
def chat(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("chat") / "app"
    for language, file, text, bring in [("node", "index.js", NODE, bring_sdk), ("python", "index.py", PYTHON, bring_boto3)]:
        (folder / language).mkdir(parents=True)
        (folder / language / file).write_text(text)
        bring(folder / language)
    (folder / "template.yaml").write_text(TEMPLATE)
    with server("--network", request.param) as fulmar:
        deployed = json.loads(fulmar.cli("deploy", folder, "--json").stdout)
        yield Chat(fulmar, {output["name"]: output["value"] for output in deployed["outputs"]}["Chat"])
        assert not [line for line in fulmar.log if "panicked" in line]


def ask(socket, **body):
    socket.send(json.dumps(body))
    return json.loads(socket.recv(timeout=60))


@pytest.mark.parametrize("language", ["node", "python"])
def test_a_function_writes_to_its_caller_and_to_others(chat, language):
    with chat.join() as caller, chat.join() as other:
        of_other = ask(other, action=language, act="about")
        assert (of_other["status"], of_other["ip"], of_other["endpoint"]) == (200, "127.0.0.1", True)
        to = of_other["connectionId"]
        assert ask(caller, action=language, act="push", to=to, text="hello ü")["status"] == 200
        assert other.recv(timeout=20) == "hello ü"
        assert ask(caller, action=language, act="end", to=to)["status"] == 204
        with pytest.raises(ConnectionClosed):
            other.recv(timeout=20)
        # Whoever has gone is not there for anybody.
        for asked in [{"act": "push", "text": "x"}, {"act": "about"}, {"act": "end"}]:
            gone = lambda: ask(caller, action=language, to=to, **asked)
            eventually(lambda: (told := gone())["status"] == 410 and told["error"] == "GoneException")
