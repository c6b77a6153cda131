"""WebSocket APIs with the clients that others wrote: the `websockets` package, and boto3 for @connections."""

import json

import boto3
import botocore.exceptions
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from conftest import REGION, eventually, server

TEMPLATE = """\
Transform: AWS::Serverless-2016-10-31
Globals: { Function: { Runtime: nodejs20.x, CodeUri: src, Timeout: 10 } }
Resources:
  Chat:
    Type: AWS::ApiGatewayV2::Api
    Properties: { Name: chat, ProtocolType: WEBSOCKET, RouteSelectionExpression: $request.body.action }
  Handler: { Type: AWS::Serverless::Function, Properties: { Handler: index.handler } }
  Guard: { Type: AWS::Serverless::Function, Properties: { Handler: index.guard } }
  Authorizer:
    Type: AWS::ApiGatewayV2::Authorizer
    Properties:
      ApiId: !Ref Chat
      Name: guard
      AuthorizerType: REQUEST
      IdentitySource: [route.request.querystring.who]
      AuthorizerUri: !Sub arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Guard.Arn}/invocations
  Integration:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Chat
      IntegrationType: AWS_PROXY
      IntegrationUri: !Sub arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Handler.Arn}/invocations
  Connect:
    Type: AWS::ApiGatewayV2::Route
    Properties: { ApiId: !Ref Chat, RouteKey: $connect, AuthorizationType: CUSTOM, AuthorizerId: !Ref Authorizer, Target: !Sub "integrations/${Integration}" }
  Disconnect:
    Type: AWS::ApiGatewayV2::Route
    Properties: { ApiId: !Ref Chat, RouteKey: $disconnect, Target: !Sub "integrations/${Integration}" }
  Echo:
    Type: AWS::ApiGatewayV2::Route
    Properties: { ApiId: !Ref Chat, RouteKey: echo, RouteResponseSelectionExpression: $default, Target: !Sub "integrations/${Integration}" }
  EchoResponse:
    Type: AWS::ApiGatewayV2::RouteResponse
    Properties: { ApiId: !Ref Chat, RouteId: !Ref Echo, RouteResponseKey: $default }
  Quiet:
    Type: AWS::ApiGatewayV2::Route
    Properties: { ApiId: !Ref Chat, RouteKey: quiet, Target: !Sub "integrations/${Integration}" }
  Stage:
    Type: AWS::ApiGatewayV2::Stage
    Properties: { ApiId: !Ref Chat, StageName: live, AutoDeploy: true, StageVariables: { a: b } }
  All: { Type: AWS::ApiGatewayV2::Api, Properties: { Name: all, ProtocolType: WEBSOCKET, RouteSelectionExpression: $request.body.action } }
  Rest: { Type: AWS::Serverless::Function, Properties: { Handler: index.rest } }
  AllIntegration:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref All
      IntegrationType: AWS_PROXY
      IntegrationUri: !Sub arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Rest.Arn}/invocations
  Default:
    Type: AWS::ApiGatewayV2::Route
    Properties: { ApiId: !Ref All, RouteKey: $default, RouteResponseSelectionExpression: $default, Target: !Sub "integrations/${AllIntegration}" }
  DefaultResponse:
    Type: AWS::ApiGatewayV2::RouteResponse
    Properties: { ApiId: !Ref All, RouteId: !Ref Default, RouteResponseKey: $default }
  AllDeployment: { Type: AWS::ApiGatewayV2::Deployment, DependsOn: Default, Properties: { ApiId: !Ref All } }
  AllStage: { Type: AWS::ApiGatewayV2::Stage, Properties: { ApiId: !Ref All, StageName: live, DeploymentId: !Ref AllDeployment } }
Outputs:
  Chat: { Value: !Ref Chat }
  All: { Value: !Ref All }
  Address: { Value: !Sub "${Chat.ApiEndpoint}/${Stage}" }
"""

HANDLER = """
exports.handler = async (event) => {
  const { eventType, connectionId, routeKey } = event.requestContext;
  if (eventType === "CONNECT") return { statusCode: event.queryStringParameters.who === "refused" ? 403 : 200 };
  if (eventType === "DISCONNECT") { console.log("ended", connectionId, event.requestContext.disconnectStatusCode); return { statusCode: 200 }; }
  const body = JSON.parse(event.body);
  if (body.fail) throw new Error("broken");
  return { statusCode: 200, body: JSON.stringify(event) };
};
exports.rest = async (event) => ({
  statusCode: 200,
  body: JSON.stringify({ route: event.requestContext.routeKey, body: event.body, bytes: event.isBase64Encoded }),
});
exports.guard = async (event) => ({
  principalId: "ann",
  context: { who: event.queryStringParameters.who },
  policyDocument: { Statement: [{ Action: "execute-api:Invoke", Effect: event.queryStringParameters.who === "no" ? "Deny" : "Allow", Resource: event.methodArn }] },
});
"""


class Chat:
    def __init__(self, fulmar, outputs):
        self.fulmar = fulmar
        self.id = outputs["Chat"]
        self.outputs = outputs
        self.address = fulmar.endpoint.removeprefix("http://")

    def join(self, who="ann", stage="live", **options):
        return connect(f"ws://{self.address}/_aws/execute-api/{self.id}/{stage}?who={who}", **options)

    def management(self, key="test"):
        return boto3.client(
            "apigatewaymanagementapi",
            endpoint_url=f"{self.fulmar.endpoint}/_aws/execute-api/{self.id}/live",
            region_name=REGION,
            aws_access_key_id=key,
            aws_secret_access_key="test",
        )


@pytest.fixture(scope="module")
def chat(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chat") / "app"
    (folder / "src").mkdir(parents=True)
    (folder / "template.yaml").write_text(TEMPLATE)
    (folder / "src/index.js").write_text(HANDLER)
    with server() as fulmar:
        deployed = json.loads(fulmar.cli("deploy", folder, "--json").stdout)
        yield Chat(fulmar, {output["name"]: output["value"] for output in deployed["outputs"]})
        assert not [line for line in fulmar.log if "panicked" in line]


def ask(socket, **body):
    socket.send(json.dumps(body))
    return json.loads(socket.recv(timeout=20))


def test_messages_find_their_routes_and_answers_come_back(chat):
    with chat.join() as socket:
        event = ask(socket, action="echo", n=1)
        context = event["requestContext"]
        assert json.loads(event["body"]) == {"action": "echo", "n": 1} and event["isBase64Encoded"] is False
        assert (context["routeKey"], context["eventType"], context["stage"]) == ("echo", "MESSAGE", "live")
        assert context["apiId"] == chat.id and context["messageDirection"] == "IN" and context["authorizer"]["who"] == "ann"
        assert event["stageVariables"] == {"a": "b"}
        # A route without an answer says nothing; the next message's answer comes first.
        socket.send(json.dumps({"action": "quiet"}))
        again = ask(socket, action="echo")
        assert again["requestContext"]["connectionId"] == context["connectionId"]
        # No route, and none for the rest.
        assert ask(socket, action="nowhere")["message"] == "Forbidden"
        assert ask(socket, action="echo", fail=True)["message"] == "Internal server error"


@pytest.mark.parametrize(
    "message, body, bytes_",
    [
        ('{"action": "unknown"}', '{"action": "unknown"}', False),
        ('{"n": 1}', '{"n": 1}', False),
        ("no json", "no json", False),
        ("", "", False),
        (b"\x00\xff", "AP8=", True),
    ],
)
def test_what_no_other_route_takes_is_the_default_ones(chat, message, body, bytes_):
    with connect(f"ws://{chat.address}/_aws/execute-api/{chat.outputs['All']}/live") as socket:
        socket.send(message)
        assert json.loads(socket.recv(timeout=20)) == {"route": "$default", "body": body, "bytes": bytes_}


@pytest.mark.parametrize("who, status", [("refused", 403), ("no", 403), ("", 401)])
def test_who_may_not_connect(chat, who, status):
    with pytest.raises(InvalidStatus) as refused:
        chat.join(who)
    assert refused.value.response.status_code == status


def test_no_such_stage(chat):
    with pytest.raises(InvalidStatus) as refused:
        chat.join(stage="other")
    assert refused.value.response.status_code == 403


def test_others_write_to_a_connection_ask_about_it_and_end_it(chat):
    management = chat.management()
    with chat.join() as socket:
        connection = ask(socket, action="echo")["requestContext"]["connectionId"]
        management.post_to_connection(ConnectionId=connection, Data=b"hello")
        assert socket.recv(timeout=20) == "hello"
        about = management.get_connection(ConnectionId=connection)
        assert about["Identity"]["SourceIp"] == "127.0.0.1" and about["LastActiveAt"] >= about["ConnectedAt"]
        with pytest.raises(botocore.exceptions.ClientError) as refused:
            chat.management("nobody").post_to_connection(ConnectionId=connection, Data=b"hello")
        assert refused.value.response["Error"]["Code"] == "ForbiddenException"
        with pytest.raises(management.exceptions.PayloadTooLargeException):
            management.post_to_connection(ConnectionId=connection, Data=b"x" * (129 << 10))
        management.delete_connection(ConnectionId=connection)
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=20)

    def gone():
        with pytest.raises(management.exceptions.GoneException):
            management.post_to_connection(ConnectionId=connection, Data=b"x")
        return True

    eventually(gone)


def test_messages_that_are_too_large_end_the_connection(chat):
    with chat.join() as socket:
        with pytest.raises(ConnectionClosed) as closed:
            socket.send("x" * (40 << 10))
            socket.recv(timeout=20)
        assert closed.value.rcvd.code == 1009


def pieces(letter, size, of):
    return [letter * min(size, of - at) for at in range(0, of, size)]


def test_messages_up_to_the_limit_come_in_frames(chat):
    most, frame = 128 << 10, 32 << 10
    body = json.dumps({"action": "quiet", "pad": ""})
    padded = body[:-2] + "x" * (most - len(body)) + body[-2:]
    with chat.join() as socket:
        socket.send([padded[at : at + frame] for at in range(0, most, frame)])
        # It was taken: what follows is answered.
        assert ask(socket, action="echo")["requestContext"]["routeKey"] == "echo"
        with pytest.raises(ConnectionClosed) as closed:
            socket.send(pieces("x", frame, most + 1))
            socket.recv(timeout=20)
        assert closed.value.rcvd.code == 1009


def test_the_end_is_told(chat):
    with chat.join() as socket:
        connection = ask(socket, action="echo")["requestContext"]["connectionId"]
    eventually(lambda: f"ended {connection} 1000" in chat.fulmar.cli("logs", "Handler").stdout)


def test_addresses_are_the_clouds(chat):
    assert chat.outputs["Address"] == f"wss://{chat.id}.execute-api.{REGION}.amazonaws.com/live"


def test_connections_end_that_are_idle_or_old(chat):
    advance = lambda by: chat.fulmar.cli("clock", "advance", by)
    with chat.join(ping_interval=None) as idle, chat.join(ping_interval=None) as busy:
        ask(idle, action="echo")
        advance("6m")
        ask(busy, action="echo")
        advance("6m")
        # Nobody has heard of this one for ten minutes, of the other for six.
        with pytest.raises(ConnectionClosed) as closed:
            idle.recv(timeout=20)
        assert closed.value.rcvd.code == 1001
        for _ in range(11):
            ask(busy, action="echo")
            advance("9m")
        # It is nearly two hours old, and was never idle for long.
        ask(busy, action="echo")
        advance("9m 30s")
        with pytest.raises(ConnectionClosed) as closed:
            busy.recv(timeout=20)
        assert closed.value.rcvd.code == 1001
