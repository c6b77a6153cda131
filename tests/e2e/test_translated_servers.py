"""REST APIs in front of another's server, with requests and answers that templates make; and what bodies become on their way."""

import base64
import http.server
import json
import threading

import pytest

from conftest import server
from test_servers_behind_gateways import Gateways

TEMPLATE = r"""
Transform: AWS::Serverless-2016-10-31
Parameters: { Server: { Type: String } }
Resources:
  Rest:
    Type: AWS::Serverless::Api
    Properties:
      StageName: v1
      BinaryMediaTypes: [image~1png]
      DefinitionBody:
        swagger: "2.0"
        info: { title: rest, version: "1" }
        paths:
          /orders/{id}:
            x-amazon-apigateway-any-method:
              x-amazon-apigateway-integration:
                type: http
                httpMethod: ANY
                uri: !Sub "http://${Server}/kept/{key}"
                requestParameters:
                  integration.request.path.key: method.request.path.id
                  integration.request.header.X-Who: method.request.header.X-Who
                  integration.request.querystring.q: method.request.querystring.q
                requestTemplates: { application/json: '{"of": "$input.path(''$.name'')"}' }
                responses:
                  default: { statusCode: "200", responseTemplates: { application/json: '$input.json(''$'')' }, responseParameters: { method.response.header.X-By: integration.response.header.X-By } }
                  "4\\d{2}": { statusCode: "409", responseTemplates: { application/json: '{"lost": "$input.path(''$.path'')"}' } }
          /back/text:
            post: { x-amazon-apigateway-integration: { type: http, httpMethod: POST, uri: !Sub "http://${Server}/back", requestParameters: &kind { integration.request.header.Content-Type: method.request.header.X-Kind }, contentHandling: CONVERT_TO_TEXT, responses: { default: { statusCode: "200" } } } }
          /back/bytes:
            post: { x-amazon-apigateway-integration: { type: http, httpMethod: POST, uri: !Sub "http://${Server}/back", requestParameters: *kind, contentHandling: CONVERT_TO_BINARY, responses: { default: { statusCode: "200" } } } }
          /back/texted:
            post: { x-amazon-apigateway-integration: { type: http, httpMethod: POST, uri: !Sub "http://${Server}/back", requestParameters: *kind, responses: { default: { statusCode: "200", contentHandling: CONVERT_TO_TEXT } } } }
          /back/byted:
            post: { x-amazon-apigateway-integration: { type: http, httpMethod: POST, uri: !Sub "http://${Server}/back", requestParameters: *kind, responses: { default: { statusCode: "200", contentHandling: CONVERT_TO_BINARY } } } }
  Piece: { Type: AWS::ApiGateway::RestApi, Properties: { Name: piece } }
  Get:
    Type: AWS::ApiGateway::Method
    Properties:
      RestApiId: !Ref Piece
      ResourceId: !GetAtt Piece.RootResourceId
      HttpMethod: GET
      AuthorizationType: NONE
      Integration:
        Type: HTTP
        IntegrationHttpMethod: POST
        Uri: !Sub "http://${Server}/kept/piece"
        ContentHandling: CONVERT_TO_TEXT
        RequestTemplates: { application/json: "made" }
        IntegrationResponses:
          - { StatusCode: "202", ContentHandling: CONVERT_TO_TEXT, ResponseTemplates: { application/json: "$input.path('$.sent')" } }
          - { StatusCode: "503", SelectionPattern: "5.*" }
      MethodResponses: [{ StatusCode: "202" }, { StatusCode: "503" }]
  Deployed: { Type: AWS::ApiGateway::Deployment, Properties: { RestApiId: !Ref Piece }, DependsOn: Get }
  Live: { Type: AWS::ApiGateway::Stage, Properties: { RestApiId: !Ref Piece, DeploymentId: !Ref Deployed, StageName: live } }
Outputs:
  Rest: { Value: !Ref Rest }
  Piece: { Value: !Ref Piece }
"""

PNG = b"\x89PNG\xff\x00"
CODED = base64.b64encode(PNG)


class Theirs(http.server.BaseHTTPRequestHandler):
    """Says what it was asked, or sends it back."""

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        said, kind = body, headers.get("content-type", "")
        if self.path != "/back":
            said = json.dumps({"method": self.command, "path": self.path, "headers": headers, "sent": body.decode()}).encode()
            kind = "application/json"
        self.send_response(404 if self.path.startswith("/kept/none") else 201)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(said)))
        self.send_header("X-By", "theirs")
        self.end_headers()
        self.wfile.write(said)

    do_GET = do_POST = do_PUT = answer

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def gateways(tmp_path_factory):
    folder = tmp_path_factory.mktemp("translated")
    (folder / "template.yaml").write_text(TEMPLATE)
    theirs = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Theirs)
    threading.Thread(target=theirs.serve_forever, daemon=True).start()
    at = f"127.0.0.1:{theirs.server_port}"
    with server() as running:
        deployed = json.loads(running.cli("deploy", folder, "--parameter", f"Server={at}", "--json").stdout)
        yield Gateways(running, {output["name"]: output["value"] for output in deployed["outputs"]}, at)
    theirs.shutdown()


def test_templates_make_the_request_and_the_status_picks_the_answer(gateways):
    sent = {"X-Who": "me", "X-Not-Said": "x", "Content-Type": "application/json", "User-Agent": "mine"}
    response, body = gateways.ask("Rest", "PUT", "/v1/orders/7?q=a%20b&z=1", b'{"name": "Ada"}', **sent)
    told = json.loads(body)
    assert (response.status, response.headers["x-by"]) == (200, "theirs"), body
    assert (told["method"], told["path"], json.loads(told["sent"])) == ("PUT", "/kept/7?q=a%20b", {"of": "Ada"})
    headers, api = told["headers"], gateways.outputs["Rest"]
    assert (headers["x-who"], headers["accept"], headers["content-type"]) == ("me", "application/json", "application/json")
    assert (headers["user-agent"], headers["x-amzn-apigateway-api-id"]) == (f"AmazonAPIGateway_{api}", api)
    assert headers["x-amzn-trace-id"].startswith("Root=") and headers["host"] == gateways.echo
    assert not {"x-not-said", "x-forwarded-for"} & set(headers)
    response, body = gateways.ask("Rest", "GET", "/v1/orders/none")
    assert (response.status, json.loads(body)) == (409, {"lost": "/kept/none"})
    response, body = gateways.ask("Piece", "GET", "/live")
    assert (response.status, body) == (202, b"made")


TEXT, IMAGE = "text/plain", "image/png"


@pytest.mark.parametrize(
    "path, sent, kind, answered, accepted, back",
    [
        # Requests: what is bytes by its type becomes text, what is text becomes bytes.
        ("text", PNG, IMAGE, TEXT, TEXT, CODED),
        ("text", b"text", TEXT, TEXT, TEXT, b"text"),
        ("bytes", CODED, TEXT, IMAGE, IMAGE, PNG),
        ("bytes", PNG, IMAGE, IMAGE, IMAGE, PNG),
        ("bytes", b"no base 64!", TEXT, TEXT, TEXT, None),
        # Answers: likewise.
        ("texted", PNG, IMAGE, IMAGE, IMAGE, CODED),
        ("texted", b"text", TEXT, TEXT, IMAGE, b"text"),
        ("byted", PNG, IMAGE, IMAGE, TEXT, PNG),
        ("byted", CODED, TEXT, TEXT, TEXT, PNG),
        # Where nothing is said of them, they become what the caller wants first.
        ("text", PNG, IMAGE, TEXT, "image/png,text/plain", PNG),
        ("bytes", PNG, IMAGE, IMAGE, "text/plain,image/png", CODED),
    ],
)
def test_what_bodies_become(gateways, path, sent, kind, answered, accepted, back):
    headers = {"Content-Type": kind, "Accept": accepted, "X-Kind": answered}
    response, body = gateways.ask("Rest", "POST", f"/v1/back/{path}", sent, **headers)
    assert (response.status, body) == ((200, back) if back is not None else (500, b'{"message":"Internal server error"}'))
