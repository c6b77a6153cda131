"""Gateways in front of another's server: requests that are passed on, and answers that come back."""

import http.client
import http.server
import json
import socket
import threading

import pytest

from conftest import server

TEMPLATE = r"""
Transform: AWS::Serverless-2016-10-31
Parameters: { Server: { Type: String }, Closed: { Type: String } }
Resources:
  Rest:
    Type: AWS::Serverless::Api
    Properties:
      StageName: v1
      Variables: { server: !Ref Server }
      DefinitionBody:
        swagger: "2.0"
        info: { title: rest, version: "1" }
        paths:
          /all/{proxy+}:
            x-amazon-apigateway-any-method:
              x-amazon-apigateway-integration:
                type: http_proxy
                httpMethod: ANY
                uri: "http://${stageVariables.server}/base/{proxy}"
                requestParameters:
                  integration.request.path.proxy: method.request.path.proxy
                  integration.request.header.X-Literal: "'said'"
                  integration.request.header.X-Stage: context.stage
                  integration.request.querystring.who: method.request.header.X-Who
          /posted:
            get:
              x-amazon-apigateway-integration: { type: http_proxy, httpMethod: POST, uri: !Sub "http://${Server}/posted?own=1" }
          /slow:
            get:
              x-amazon-apigateway-integration: { type: http_proxy, httpMethod: GET, uri: !Sub "http://${Server}/slow", timeoutInMillis: 100 }
          /closed:
            get:
              x-amazon-apigateway-integration: { type: http_proxy, httpMethod: GET, uri: !Sub "http://${Closed}/" }
          /unfilled:
            get:
              x-amazon-apigateway-integration: { type: http_proxy, httpMethod: GET, uri: !Sub "http://${Server}/{id}" }
  Piece: { Type: AWS::ApiGateway::RestApi, Properties: { Name: piece } }
  Item: { Type: AWS::ApiGateway::Resource, Properties: { RestApiId: !Ref Piece, ParentId: !GetAtt Piece.RootResourceId, PathPart: "{id}" } }
  Get:
    Type: AWS::ApiGateway::Method
    Properties:
      RestApiId: !Ref Piece
      ResourceId: !Ref Item
      HttpMethod: GET
      AuthorizationType: NONE
      RequestParameters: { method.request.path.id: true }
      Integration:
        Type: HTTP_PROXY
        IntegrationHttpMethod: GET
        Uri: !Sub "http://${Server}/items/{item}"
        RequestParameters: { integration.request.path.item: method.request.path.id }
  Deployed: { Type: AWS::ApiGateway::Deployment, Properties: { RestApiId: !Ref Piece }, DependsOn: Get }
  Live: { Type: AWS::ApiGateway::Stage, Properties: { RestApiId: !Ref Piece, DeploymentId: !Ref Deployed, StageName: live } }
  Plain:
    Type: AWS::ApiGatewayV2::Api
    Properties: { Name: plain, ProtocolType: HTTP, Target: !Sub "http://${Server}/base/" }
  Web:
    Type: AWS::ApiGatewayV2::Api
    Properties: { Name: web, ProtocolType: HTTP, CorsConfiguration: { AllowOrigins: ["https://a.example"] } }
  Stage: { Type: AWS::ApiGatewayV2::Stage, Properties: { ApiId: !Ref Web, StageName: $default, AutoDeploy: true } }
  ToPets:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Web
      IntegrationType: HTTP_PROXY
      IntegrationMethod: ANY
      IntegrationUri: !Sub "http://${Server}/pets/{id}"
      PayloadFormatVersion: "1.0"
      RequestParameters:
        "append:header.X-Id": $request.path.id
        "overwrite:header.X-Who": "${request.header.x-who}-${context.stage}"
        "remove:header.X-Gone": "''"
        "append:querystring.more": $request.querystring.a
        "remove:querystring.b": "''"
      ResponseParameters:
        "418": { ResponseParameters: [{ Destination: "overwrite:statuscode", Source: "403" }, { Destination: "append:header.x-why", Source: $response.body.path }] }
  Pets: { Type: AWS::ApiGatewayV2::Route, Properties: { ApiId: !Ref Web, RouteKey: "ANY /pets/{id}", Target: !Sub "integrations/${ToPets}" } }
  ToPath:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Web
      IntegrationType: HTTP_PROXY
      IntegrationMethod: PUT
      IntegrationUri: !Sub "http://${Server}/never"
      PayloadFormatVersion: "1.0"
      RequestParameters: { "overwrite:path": "/moved/$request.path.proxy" }
  Moved: { Type: AWS::ApiGatewayV2::Route, Properties: { ApiId: !Ref Web, RouteKey: "GET /moved/{proxy+}", Target: !Sub "integrations/${ToPath}" } }
  ToClosed:
    Type: AWS::ApiGatewayV2::Integration
    Properties: { ApiId: !Ref Web, IntegrationType: HTTP_PROXY, IntegrationMethod: GET, IntegrationUri: !Sub "http://${Closed}/", PayloadFormatVersion: "1.0" }
  Closed: { Type: AWS::ApiGatewayV2::Route, Properties: { ApiId: !Ref Web, RouteKey: "GET /closed", Target: !Sub "integrations/${ToClosed}" } }
  ToSlow:
    Type: AWS::ApiGatewayV2::Integration
    Properties: { ApiId: !Ref Web, IntegrationType: HTTP_PROXY, IntegrationMethod: GET, IntegrationUri: !Sub "http://${Server}/slow", PayloadFormatVersion: "1.0", TimeoutInMillis: 100 }
  Slow: { Type: AWS::ApiGatewayV2::Route, Properties: { ApiId: !Ref Web, RouteKey: "GET /slow", Target: !Sub "integrations/${ToSlow}" } }
Outputs:
  Rest: { Value: !Ref Rest }
  Piece: { Value: !Ref Piece }
  Plain: { Value: !Ref Plain }
  Web: { Value: !Ref Web }
"""

BYTES = bytes(range(256)) * 400


class Echo(http.server.BaseHTTPRequestHandler):
    """Says what it was asked; what is sent to `/base/bytes` it sends back."""

    protocol_version = "HTTP/1.1"
    ended = threading.Event()

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/slow":
            self.ended.wait()
            return
        headers = [(name.lower(), value) for name, value in self.headers.items()]
        said = {"method": self.command, "path": self.path, "headers": dict(headers), "length": len(body)}
        said = body if self.path == "/base/bytes" else json.dumps(said).encode()
        self.send_response(418 if self.path.startswith("/pets/teapot") else 201)
        self.send_header("Content-Type", "application/octet-stream" if said is body else "application/json")
        self.send_header("Content-Length", str(len(said)))
        self.send_header("X-Twice", "1")
        self.send_header("X-Twice", "2")
        self.send_header("X-Amzn-RequestId", "theirs")
        self.send_header("Access-Control-Allow-Origin", "https://theirs.example")
        self.end_headers()
        self.wfile.write(said)

    do_GET = do_POST = do_PUT = do_PATCH = answer

    def log_message(self, *_):
        pass


class Gateways:
    def __init__(self, running, outputs, echo):
        self.running, self.outputs, self.echo = running, outputs, echo

    def ask(self, api, method, path, body=None, **headers):
        host, port = self.running.endpoint.split("//")[1].split(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=60)
        name = f"{self.outputs[api]}.execute-api.localhost:{port}"
        connection.request(method, path, body, {"Host": name, **headers})
        response = connection.getresponse()
        return response, response.read()

    def told(self, *args, **headers):
        response, body = self.ask(*args, **headers)
        assert response.status == 201, body
        return json.loads(body)


@pytest.fixture(scope="module")
def gateways(tmp_path_factory):
    folder = tmp_path_factory.mktemp("servers")
    (folder / "template.yaml").write_text(TEMPLATE)
    echo = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    # A port that nobody listens at, and nobody else gets.
    closed = socket.socket()
    closed.bind(("127.0.0.1", 0))
    threading.Thread(target=echo.serve_forever, daemon=True).start()
    at = f"127.0.0.1:{echo.server_port}"
    ports = [f"Server={at}", f"Closed=127.0.0.1:{closed.getsockname()[1]}"]
    with server() as running:
        parameters = [word for port in ports for word in ("--parameter", port)]
        deployed = json.loads(running.cli("deploy", folder, *parameters, "--json").stdout)
        yield Gateways(running, {output["name"]: output["value"] for output in deployed["outputs"]}, at)
    Echo.ended.set()
    echo.shutdown()
    closed.close()


def test_rest_apis_pass_on_what_comes(gateways):
    sent = {"X-Who": "me", "User-Agent": "mine", "Authorization": "Basic eA==", "Max-Forwards": "3", "X-Forwarded-For": "1.2.3.4"}
    told = gateways.told("Rest", "PATCH", "/v1/all/a/b%20c?x=1&x=2", b"body", **sent)
    assert (told["method"], told["path"]) == ("PATCH", "/base/a/b%20c?x=1&x=2&who=me")
    headers = told["headers"]
    assert (headers["host"], headers["user-agent"], headers["authorization"]) == (gateways.echo, "mine", "Basic eA==")
    assert (headers["x-literal"], headers["x-stage"], headers["content-length"]) == ("said", "v1", "4")
    assert headers["x-amzn-apigateway-api-id"] == gateways.outputs["Rest"]
    assert headers["x-forwarded-for"] == "1.2.3.4, 127.0.0.1" and headers["x-amzn-trace-id"].startswith("Root=")
    assert not {"max-forwards", "connection", "via", "forwarded"} & set(headers)
    told = gateways.told("Rest", "GET", "/v1/posted?a=%41&b")
    assert (told["method"], told["path"]) == ("POST", "/posted?own=1&a=%41&b")
    assert told["headers"]["user-agent"] == f"AmazonAPIGateway_{gateways.outputs['Rest']}"
    assert gateways.told("Piece", "GET", "/live/a%2Fb")["path"] == "/items/a/b"


def test_answers_come_back_as_they_are(gateways):
    for api, path in [("Rest", "/v1/all/bytes"), ("Plain", "/bytes")]:
        response, body = gateways.ask(api, "PUT", path, BYTES)
        assert (response.status, response.headers["content-type"]) == (201, "application/octet-stream")
        assert body == BYTES and response.headers.get_all("x-twice") == ["1", "2"], api
        assert ("x-amzn-remapped-date" in response.headers) == (api == "Rest")
    response, _ = gateways.ask("Rest", "GET", "/v1/posted")
    assert response.headers["x-amzn-remapped-x-amzn-requestid"] == "theirs"
    assert response.headers["x-amzn-requestid"] != "theirs" and response.headers["x-amz-apigw-id"]
    assert response.headers["access-control-allow-origin"] == "https://theirs.example"


def test_http_apis_say_what_they_are_told_to(gateways):
    told = gateways.told("Web", "POST", "/pets/7?a=1&b=2&a=3", b"{}", **{"X-Who": "me", "X-Gone": "x", "X-Forwarded-For": "1.2.3.4"})
    assert (told["method"], told["path"], told["length"]) == ("POST", "/pets/7?a=1&a=3&more=1%2C3", 2)
    headers = told["headers"]
    assert (headers["x-id"], headers["x-who"], headers["via"]) == ("7", "me-$default", "HTTP/1.1 AmazonAPIGateway")
    assert headers["forwarded"].startswith("for=1.2.3.4, for=127.0.0.1;host=") and headers["forwarded"].endswith(";proto=https")
    assert headers["host"] == gateways.echo
    assert not {"x-gone", "x-forwarded-for", "x-forwarded-proto", "x-amzn-apigateway-api-id"} & set(headers)
    told = gateways.told("Web", "GET", "/moved/x/y")
    assert (told["method"], told["path"], told["headers"]["content-length"]) == ("PUT", "/moved/x/y", "0")
    assert gateways.told("Plain", "GET", "/any/path?q")["path"] == "/base/any/path?q"
    response, _ = gateways.ask("Web", "GET", "/pets/teapot")
    assert (response.status, response.headers["x-why"]) == (403, "/pets/teapot")
    assert "access-control-allow-origin" not in response.headers and response.headers["apigw-requestid"]


def test_servers_that_do_not_answer(gateways):
    network = "Network error communicating with endpoint"
    for api, path, status, message in [
        ("Rest", "/v1/slow", 504, "Endpoint request timed out"),
        ("Rest", "/v1/closed", 504, network),
        ("Rest", "/v1/unfilled", 500, "Internal server error"),
        ("Web", "/slow", 503, "Service Unavailable"),
        ("Web", "/closed", 503, "Service Unavailable"),
    ]:
        response, body = gateways.ask(api, "GET", path)
        assert (response.status, json.loads(body)) == (status, {"message": message}), path
