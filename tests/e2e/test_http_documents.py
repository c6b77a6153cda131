"""APIs as OpenAPI documents and as CloudFormation's own pieces; answers that stream; encrypted connections."""

import http.client
import json
import shutil
import ssl
import subprocess
import time

import pytest

from conftest import server

OPENAPI = """\
swagger: "2.0"
info: { title: pets, version: "1" }
x-amazon-apigateway-request-validators: { all: { validateRequestBody: true, validateRequestParameters: true } }
x-amazon-apigateway-gateway-responses:
  DEFAULT_4XX:
    responseParameters: { gatewayresponse.header.Access-Control-Allow-Origin: "'*'" }
definitions:
  Name: { type: string, minLength: 2 }
  Pet: { type: object, required: [name], properties: { name: { $ref: "#/definitions/Name" } } }
paths:
  /pets/{id}:
    post:
      x-amazon-apigateway-request-validator: all
      parameters: [{ in: body, name: Pet, required: true, schema: { $ref: "#/definitions/Pet" } }]
      x-amazon-apigateway-integration:
        type: aws_proxy
        httpMethod: POST
        uri: { Fn::Sub: "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Front.Arn}/invocations" }
    options:
      x-amazon-apigateway-integration:
        type: mock
        requestTemplates: { application/json: '{"statusCode": 200}' }
        responses:
          default:
            statusCode: "200"
            responseParameters: { method.response.header.Access-Control-Allow-Origin: "'https://a.example'" }
            responseTemplates: { application/json: '{"ok": true}' }
"""

TEMPLATE = """\
Transform: AWS::Serverless-2016-10-31
Globals: { Function: { Runtime: nodejs20.x, CodeUri: src, Timeout: 20 } }
Resources:
  Document:
    Type: AWS::Serverless::Api
    Properties:
      StageName: v1
      DefinitionBody: { Fn::Transform: { Name: AWS::Include, Parameters: { Location: api.yaml } } }
  Staged:
    Type: AWS::Serverless::Api
    Properties:
      StageName: blue
      Variables: { fn: !Ref Front, alias: $LATEST }
      DefinitionBody:
        openapi: 3.0.1
        paths:
          /x:
            get:
              x-amazon-apigateway-integration:
                type: aws_proxy
                httpMethod: POST
                uri: !Sub "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:function:${!stageVariables.fn}:${!stageVariables.alias}/invocations"
            post:
              x-amazon-apigateway-integration:
                type: aws_proxy
                httpMethod: POST
                uri: !Sub "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:function:${!stageVariables.none}/invocations"
  Front:
    Type: AWS::Serverless::Function
    Properties: { Handler: index.handler }
  Streams:
    Type: AWS::Serverless::Function
    Properties: { Handler: index.streams, FunctionUrlConfig: { AuthType: NONE, InvokeMode: RESPONSE_STREAM } }
  Plain: { Type: AWS::ApiGateway::RestApi, Properties: { Name: plain } }
  Items: { Type: AWS::ApiGateway::Resource, Properties: { RestApiId: !Ref Plain, ParentId: !GetAtt Plain.RootResourceId, PathPart: items } }
  Get:
    Type: AWS::ApiGateway::Method
    Properties:
      RestApiId: !Ref Plain
      ResourceId: !Ref Items
      HttpMethod: GET
      AuthorizationType: NONE
      Integration: { Type: AWS_PROXY, IntegrationHttpMethod: POST, Uri: !Sub "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Front.Arn}/invocations" }
  Missing:
    Type: AWS::ApiGateway::GatewayResponse
    Properties: { RestApiId: !Ref Plain, ResponseType: MISSING_AUTHENTICATION_TOKEN, StatusCode: 404, ResponseTemplates: { application/json: '{"message":"nothing at $context.path"}' } }
  Deployment: { Type: AWS::ApiGateway::Deployment, DependsOn: Get, Properties: { RestApiId: !Ref Plain } }
  Live: { Type: AWS::ApiGateway::Stage, Properties: { RestApiId: !Ref Plain, DeploymentId: !Ref Deployment, StageName: live, Variables: { a: b } } }
  Quick: { Type: AWS::ApiGatewayV2::Api, Properties: { Name: quick, ProtocolType: HTTP, Target: !GetAtt Front.Arn } }
Outputs:
  Document: { Value: !Ref Document }
  Plain: { Value: !Ref Plain }
  Staged: { Value: !Ref Staged }
  Quick: { Value: !Ref Quick }
  Streams: { Value: !GetAtt StreamsUrl.FunctionUrl }
"""

HANDLER = """
exports.handler = async (event) => ({ statusCode: 200, headers: { "content-type": "application/json" }, body: JSON.stringify(event) });
exports.streams = awslambda.streamifyResponse(async (event, stream) => {
  if (event.rawPath === "/breaks") { stream.write("begun"); await new Promise((r) => setTimeout(r, 200)); throw new Error("broken"); }
  stream = awslambda.HttpResponseStream.from(stream, { statusCode: 201, headers: { "content-type": "text/event-stream", "x-a": "b" }, cookies: ["c=1"] });
  stream.write("first\\n");
  await new Promise((resolve) => setTimeout(resolve, 3000));
  stream.write("last\\n");
  stream.end();
});
"""


class App:
    def __init__(self, fulmar, outputs):
        self.fulmar = fulmar
        self.address = fulmar.endpoint.removeprefix("http://")
        self.outputs = outputs

    def open(self, host, path, method="GET", body=None, **headers):
        connection = http.client.HTTPConnection(self.address, timeout=30)
        connection.request(method, path, body, {**headers, "Host": host})
        return connection.getresponse()

    def __call__(self, api, path, method="GET", body=None, **headers):
        answer = self.open(f"{self.outputs[api]}.execute-api.localhost", path, method, body, **headers)
        return answer.status, answer.headers, json.loads(answer.read() or "null")


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    folder = tmp_path_factory.mktemp("documents") / "app"
    (folder / "src").mkdir(parents=True)
    (folder / "template.yaml").write_text(TEMPLATE)
    (folder / "api.yaml").write_text(OPENAPI)
    (folder / "src/index.js").write_text(HANDLER)
    with server("--tls") as fulmar:
        deployed = json.loads(fulmar.cli("deploy", folder, "--json").stdout)
        yield App(fulmar, {output["name"]: output["value"] for output in deployed["outputs"]})


def test_a_document_that_is_included(app):
    status, _, event = app("Document", "/v1/pets/7", "POST", '{"name": "Rex"}')
    assert status == 200 and event["pathParameters"] == {"id": "7"} and event["resource"] == "/pets/{id}"
    status, headers, said = app("Document", "/v1/pets/7", "POST", '{"name": "R"}')
    assert (status, said) == (400, {"message": "Invalid request body"}) and headers["access-control-allow-origin"] == "*"
    status, headers, said = app("Document", "/v1/pets/7", "OPTIONS")
    assert (status, said) == (200, {"ok": True}) and headers["access-control-allow-origin"] == "https://a.example"


def test_pieces(app):
    status, _, event = app("Plain", "/live/items")
    assert status == 200 and event["resource"] == "/items" and event["stageVariables"] == {"a": "b"}
    assert app("Plain", "/live/else")[::2] == (404, {"message": "nothing at /live/else"})
    event = app("Quick", "/any/path")[2]
    assert event["routeKey"] == "$default" and event["version"] == "2.0"


def test_a_stages_variables_name_its_functions(app):
    status, _, event = app("Staged", "/blue/x")
    assert status == 200 and event["stageVariables"]["alias"] == "$LATEST"
    assert app("Staged", "/blue/x", "POST")[::2] == (500, {"message": "Internal server error"})


def test_an_answer_reaches_the_caller_while_its_function_runs(app):
    host = app.outputs["Streams"].removeprefix("https://").split("/")[0]
    began = time.monotonic()
    answer = app.open(host, "/")
    assert (answer.status, answer.headers["content-type"], answer.headers["x-a"]) == (201, "text/event-stream", "b")
    assert answer.headers["set-cookie"] == "c=1"
    assert answer.readline() == b"first\n"
    early = time.monotonic() - began
    assert answer.readline() == b"last\n" and answer.read() == b""
    # The function waits for three seconds between the two.
    assert time.monotonic() - began - early > 0.5
    # What breaks off does not look whole.
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        app.open(host, "/breaks").read()


def test_encrypted_connections(app):
    certificate = app.fulmar.data_dir / "tls/certificate.pem"
    assert (app.fulmar.data_dir / "tls/key.pem").stat().st_mode & 0o077 == 0
    context = ssl.create_default_context(cafile=str(certificate))
    host, port = app.address.split(":")
    connection = http.client.HTTPSConnection("localhost", int(port), context=context, timeout=30)
    connection.request("GET", f"/_aws/execute-api/{app.outputs['Plain']}/live/items")
    assert connection.getresponse().status == 200
    curl = shutil.which("curl")
    asked = [curl, "-sS", "--cacert", str(certificate), "-o", "/dev/null", "-w", "%{http_version} %{response_code}"]
    url = f"https://localhost:{port}/_aws/execute-api/{app.outputs['Plain']}/live/items"
    said = subprocess.run([*asked, "--http2", url], capture_output=True, text=True, check=True).stdout
    assert said == "2 200"


def test_a_certificate_of_ones_own(tmp_path):
    certificate, key = tmp_path / "own.pem", tmp_path / "own.key"
    names = ["-subj", "/CN=fulmar.example", "-addext", "subjectAltName=DNS:fulmar.example,DNS:localhost"]
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", key, "-out", certificate, *names]
    subprocess.run(make, check=True, capture_output=True)
    with server("--tls-cert", str(certificate), "--tls-key", str(key)) as fulmar:
        port = int(fulmar.endpoint.rsplit(":", 1)[1])
        context = ssl.create_default_context(cafile=str(certificate))
        connection = http.client.HTTPSConnection("localhost", port, context=context, timeout=30)
        connection.request("GET", "/_aws/execute-api/nobody/x")
        assert json.loads(connection.getresponse().read()) == {"message": "Not Found"}
        der = connection.sock.getpeercert(binary_form=True)
        assert der == ssl.PEM_cert_to_DER_cert(certificate.read_text())
        connection.close()
        # Without encryption it is the same port.
        connection = http.client.HTTPConnection("localhost", port, timeout=30)
        connection.request("GET", "/_aws/execute-api/nobody/x")
        assert connection.getresponse().status == 404
        # Nobody else's certificate is made beside it.
        assert not (fulmar.data_dir / "tls").exists()
