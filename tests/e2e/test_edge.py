"""Distributions with functions at their edge, in front of a bucket, an API of ours and a server elsewhere."""

import base64
import http.client
import http.server
import json
import threading

import pytest

from conftest import server

TEMPLATE = """\
Transform: AWS::Serverless-2016-10-31
Parameters:
  Elsewhere: { Type: Number }
Resources:
  Site: { Type: AWS::S3::Bucket }
  SitePolicy:
    Type: AWS::S3::BucketPolicy
    Properties: { Bucket: !Ref Site, PolicyDocument: { Statement: { Effect: Allow, Principal: { Service: cloudfront.amazonaws.com }, Action: "s3:GetObject", Resource: !Sub "${Site.Arn}/*" } } }
  Control:
    Type: AWS::CloudFront::OriginAccessControl
    Properties: { OriginAccessControlConfig: { Name: site, OriginAccessControlOriginType: s3, SigningBehavior: always, SigningProtocol: sigv4 } }
  Api:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: nodejs20.x
      CodeUri: src
      Handler: index.api
      Events: { Any: { Type: HttpApi } }
  ViewerRequest:
    Type: AWS::Serverless::Function
    Properties: { Runtime: nodejs20.x, CodeUri: src, Handler: index.viewerRequest, Timeout: 5, AutoPublishAlias: live }
  OriginRequest:
    Type: AWS::Serverless::Function
    Properties: { Runtime: nodejs20.x, CodeUri: src, Handler: index.originRequest, Timeout: 5 }
  OriginRequestVersion: { Type: AWS::Lambda::Version, Properties: { FunctionName: !Ref OriginRequest } }
  Responses:
    Type: AWS::Serverless::Function
    Properties: { Runtime: nodejs20.x, CodeUri: src, Handler: index.responses, Timeout: 5, AutoPublishAlias: live }
  Distribution:
    Type: AWS::CloudFront::Distribution
    Properties:
      DistributionConfig:
        Enabled: true
        Comment: tests
        DefaultRootObject: index.html
        Origins:
          - { Id: site, DomainName: !GetAtt Site.RegionalDomainName, OriginAccessControlId: !GetAtt Control.Id, S3OriginConfig: { OriginAccessIdentity: "" } }
          - Id: api
            DomainName: !Sub "${ServerlessHttpApi}.execute-api.${AWS::Region}.amazonaws.com"
            OriginCustomHeaders: [{ HeaderName: X-Secret, HeaderValue: s }]
            CustomOriginConfig: { OriginProtocolPolicy: https-only }
          - { Id: elsewhere, DomainName: localhost, OriginPath: /front, CustomOriginConfig: { OriginProtocolPolicy: http-only, HTTPPort: !Ref Elsewhere } }
        CacheBehaviors:
          - PathPattern: /api/*
            TargetOriginId: api
            ViewerProtocolPolicy: allow-all
            AllowedMethods: [GET, HEAD, OPTIONS, PUT, POST, PATCH, DELETE]
            CachePolicyId: 4135ea2d-6df8-44a3-9df3-4b5a84be39ad
            OriginRequestPolicyId: b689b0a8-53d0-40ab-baf2-68738e2966ac
          - PathPattern: /elsewhere/*
            TargetOriginId: elsewhere
            ViewerProtocolPolicy: allow-all
            AllowedMethods: [GET, HEAD, OPTIONS, PUT, POST, PATCH, DELETE]
            ForwardedValues: { QueryString: true, Headers: [Accept], Cookies: { Forward: whitelist, WhitelistedNames: [kept] } }
          - PathPattern: /edge/*
            TargetOriginId: site
            ViewerProtocolPolicy: allow-all
            AllowedMethods: [GET, HEAD, OPTIONS, PUT, POST, PATCH, DELETE]
            ForwardedValues: { QueryString: true }
            LambdaFunctionAssociations:
              - { EventType: viewer-request, LambdaFunctionARN: !Ref ViewerRequest.Version, IncludeBody: true }
              - { EventType: origin-request, LambdaFunctionARN: !Ref OriginRequestVersion }
              - { EventType: origin-response, LambdaFunctionARN: !Ref Responses.Version }
              - { EventType: viewer-response, LambdaFunctionARN: !Ref Responses.Version }
        DefaultCacheBehavior:
          TargetOriginId: site
          ViewerProtocolPolicy: allow-all
          CachePolicyId: 658327ea-f89d-4fab-a63d-7e88639e58f6
        CustomErrorResponses: [{ ErrorCode: 404, ResponseCode: 200, ResponsePagePath: /fallback.html }]
Outputs:
  Site: { Value: !Ref Site }
  Id: { Value: !Ref Distribution }
  Domain: { Value: !GetAtt Distribution.DomainName }
"""

HANDLER = """
exports.api = async (event) => ({ statusCode: 200, headers: { "content-type": "application/json" }, body: JSON.stringify(event) });
exports.viewerRequest = async (event) => {
  const { request } = event.Records[0].cf;
  const asked = new URLSearchParams(request.querystring);
  if (asked.has("eval")) return eval("(" + asked.get("eval") + ")");
  if (asked.has("show")) return { status: "200", headers: { "content-type": [{ key: "Content-Type", value: "application/json" }] }, body: JSON.stringify(event) };
  request.headers["x-viewer"] = [{ key: "X-Viewer", value: "1" }];
  return request;
};
exports.originRequest = async (event) => {
  const { request } = event.Records[0].cf;
  if (request.querystring.includes("origin=show")) return { status: 200, statusDescription: "Shown", body: JSON.stringify(event) };
  request.uri = request.uri.replace("/edge/", "/files/");
  request.querystring = "";
  return request;
};
exports.responses = async (event) => {
  const { config, response } = event.Records[0].cf;
  response.headers["x-" + config.eventType] = [{ key: "X-Seen", value: response.status }].map(({ value }) => ({ value }));
  if (config.eventType === "origin-response" && response.status === "404") Object.assign(response, { status: 410, statusDescription: "Gone", body: "gone" });
  return response;
};
"""


class Elsewhere(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        said = json.dumps({"path": self.path, "headers": {k.lower(): v for k, v in self.headers.items()}, "body": body.decode()}).encode()
        self.send_response(201)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def elsewhere():
    serving = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    threading.Thread(target=serving.serve_forever, daemon=True).start()
    yield serving.server_port
    serving.shutdown()


class Distribution:
    def __init__(self, fulmar, deployed):
        self.address = fulmar.endpoint.removeprefix("http://")
        port = self.address.rsplit(":", 1)[1]
        self.outputs = {output["name"]: output["value"] for output in deployed["outputs"]}
        self.host = f"{self.outputs['Id'].lower()}.cloudfront.localhost:{port}"

    def __call__(self, path, method="GET", body=None, host=None, **headers):
        connection = http.client.HTTPConnection(self.address, timeout=30)
        headers = {"Host": host or self.host, **{k.replace("_", "-"): v for k, v in headers.items()}}
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer, body


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    folder = tmp_path_factory.mktemp("edge") / "web"
    (folder / "src").mkdir(parents=True)
    (folder / "src/index.js").write_text(HANDLER)
    (folder / "template.yaml").write_text(TEMPLATE)
    return folder


@pytest.fixture(scope="module")
def deployed(app, elsewhere):
    with server() as fulmar:
        parameter = ["--parameter", f"Elsewhere={elsewhere}"]
        shown = fulmar.cli("deploy", app, *parameter).stdout
        again = json.loads(fulmar.cli("deploy", app, *parameter, "--json").stdout)
        distribution = Distribution(fulmar, again)
        s3 = fulmar.client("s3")
        for key, body in [("index.html", b"home"), ("a b.txt", b"spaced"), ("files/a.txt", b"file"), ("fallback.html", b"fallback")]:
            s3.put_object(Bucket=distribution.outputs["Site"], Key=key, Body=body, ContentType="text/plain")
        yield distribution, shown, again


@pytest.fixture(scope="module")
def distribution(deployed):
    return deployed[0]


def test_it_is_deployed_once_and_says_where(deployed):
    distribution, shown, again = deployed
    assert again["changes"] == []
    assert f"http://{distribution.host}/api/*" in shown


def test_a_bucket_behind_it(distribution):
    answer, body = distribution("/")
    assert (answer.status, body, answer.headers["content-type"]) == (200, b"home", "text/plain")
    assert answer.headers["x-cache"] == "Miss from cloudfront" and answer.headers["x-amz-cf-id"]
    assert distribution("/a%20b.txt")[1] == b"spaced"
    answer, body = distribution("/index.html", range="bytes=1-2")
    assert (answer.status, body) == (206, b"om")
    assert distribution("/index.html", if_none_match=distribution("/index.html")[0].headers["etag"])[0].status == 304
    answer, body = distribution("/index.html", "HEAD")
    assert (answer.status, body, answer.headers["content-length"]) == (200, b"", "4")


def test_addresses(distribution):
    for path, host in [
        ("/", distribution.outputs["Domain"]),
        (f"/_aws/cloudfront/{distribution.outputs['Id']}/", distribution.address),
        (f"/_aws/cloudfront/{distribution.outputs['Id']}/index.html", "www.example.com"),
    ]:
        assert distribution(path, host=host)[1] == b"home", (path, host)
    answer, page = distribution("/", host="enobody.cloudfront.localhost")
    assert answer.status == 403 and b"The request could not be satisfied" in page


def test_pages_for_errors(distribution):
    answer, body = distribution("/nothing")
    assert (answer.status, body, answer.headers["x-cache"]) == (200, b"fallback", "Error from cloudfront")


def test_methods_that_no_behavior_takes(distribution):
    answer, page = distribution("/", "POST", "x")
    assert answer.status == 403
    assert b"This distribution is not configured to allow the HTTP request method that was used for this request. The distribution supports only cachable requests." in page


def test_an_api_behind_it(distribution):
    answer, body = distribution("/api/x?a=1", "POST", "hello", cookie="c=1", content_type="text/plain", x_own="1")
    event = json.loads(body)
    assert answer.status == 200 and event["rawPath"] == "/api/x" and event["body"] == "hello"
    assert event["queryStringParameters"] == {"a": "1"} and event["cookies"] == ["c=1"]
    headers = event["headers"]
    assert headers["x-secret"] == "s" and headers["x-own"] == "1" and ".execute-api." in headers["host"]
    # The caller, and the edge that the API was reached from.
    assert headers["via"] and headers["x-forwarded-for"] == "127.0.0.1, 127.0.0.1"


def test_a_server_elsewhere(distribution):
    answer, body = distribution("/elsewhere/x?a=1", "POST", "hello", accept="text/plain", cookie="kept=1; lost=2", x_own="1", referer="r")
    said = json.loads(body)
    assert answer.status == 201 and said["path"] == "/front/elsewhere/x?a=1" and said["body"] == "hello"
    headers = said["headers"]
    assert headers["accept"] == "text/plain" and headers["cookie"] == "kept=1" and headers["x-own"] == "1"
    assert "referer" not in headers and headers["host"].startswith("localhost")


def test_a_viewer_request_is_told(distribution):
    answer, body = distribution("/edge/x?show&a=%20", "POST", b"\x00\xff", accept="a", user_agent="me")
    assert answer.headers["x-cache"] == "LambdaGeneratedResponse from cloudfront"
    # No other function had a word.
    assert "x-viewer-response" not in answer.headers and "x-origin-response" not in answer.headers
    cf = json.loads(body)["Records"][0]["cf"]
    assert cf["config"] == {
        "distributionDomainName": distribution.outputs["Domain"],
        "distributionId": distribution.outputs["Id"],
        "eventType": "viewer-request",
        "requestId": answer.headers["x-amz-cf-id"],
    }
    request = cf["request"]
    assert (request["clientIp"], request["method"], request["uri"], request["querystring"]) == ("127.0.0.1", "POST", "/edge/x", "show&a=%20")
    assert request["headers"]["user-agent"] == [{"key": "User-Agent", "value": "me"}]
    assert request["headers"]["host"] == [{"key": "Host", "value": distribution.host}]
    assert request["body"] == {"inputTruncated": False, "action": "read-only", "encoding": "base64", "data": base64.b64encode(b"\x00\xff").decode()}
    shown = "({status:200,body:request.body.inputTruncated+String(request.body.data.length)})"
    assert distribution(f"/edge/x?eval={shown}".replace("+", "%2B"), "POST", b"x" * 50_000)[1] == b"true54616"


def test_an_origin_request_is_told_and_may_answer(distribution):
    answer, body = distribution("/edge/x?origin=show", accept="a", cookie="c=1")
    assert (answer.status, answer.reason) == (200, "Shown") and answer.headers["x-viewer-response"] == "200"
    cf = json.loads(body)["Records"][0]["cf"]
    assert cf["config"]["eventType"] == "origin-request"
    request = cf["request"]
    domain = request["origin"]["s3"]["domainName"]
    assert request["origin"]["s3"] == {"authMethod": "none", "customHeaders": {}, "domainName": domain, "path": "", "region": "us-east-1"}
    assert request["headers"]["host"][0]["value"] == domain and "cookie" not in request["headers"]
    assert request["headers"]["x-viewer"] == [{"key": "X-Viewer", "value": "1"}]
    assert "body" not in request


def test_all_four_have_a_word(distribution):
    answer, body = distribution("/edge/a.txt")
    assert (answer.status, body) == (200, b"file")
    assert (answer.headers["x-origin-response"], answer.headers["x-viewer-response"]) == ("200", "200")
    # What the origin has not is another thing behind its function, and the last one is not asked about errors.
    answer, body = distribution("/edge/none.txt")
    assert (answer.status, answer.reason, body) == (410, "Gone", b"gone")
    assert answer.headers["x-origin-response"] == "404" and "x-viewer-response" not in answer.headers


@pytest.mark.parametrize(
    "code, status, said, cause",
    [
        ("null.x", 503, "is invalid or doesn't have the required permissions.", "LambdaExecutionError"),
        ("'text'", 502, "The json output must be an object type.", "LambdaValidationError"),
        ("{status: 'x'}", 502, "The Lambda function result failed validation", "LambdaValidationError"),
        (
            "({...request, headers: {...request.headers, host: [{value: 'x'}]}})",
            502,
            "The Lambda function result failed validation: The function tried to add, delete, or change a read-only header.",
            "LambdaValidationError",
        ),
        ("({...request, headers: {...request.headers, connection: [{value: 'x'}]}})", 502, "blacklisted header", "LambdaValidationError"),
        (
            "({status: 200, headers: {location: {key: 'Location', value: 'x'}}})",
            502,
            "The Lambda function returned an invalid entry in the headers object: Each header entry in the headers object must be an array.",
            "LambdaValidationError",
        ),
        ("({status: 200, body: 'x'.repeat(50000)})", 502, "The body is not a string, is not an object, or exceeds the maximum size.", "LambdaValidationError"),
        ("({...request, method: 'PUT'})", 502, "read-only field method", "LambdaValidationError"),
    ],
)
def test_what_functions_may_not_do(distribution, code, status, said, cause):
    answer, page = distribution(f"/edge/x?eval={code.replace(' ', '%20')}")
    assert answer.status == status and said in page.decode() and "Generated by cloudfront (CloudFront)" in page.decode()
    assert answer.headers["x-cache"] == f"{cause} from cloudfront"


def test_a_new_version_runs_when_it_is_deployed(app, elsewhere):
    with server() as fulmar:
        parameter = ["--parameter", f"Elsewhere={elsewhere}", "--json"]
        source = app / "src/index.js"
        distribution = Distribution(fulmar, json.loads(fulmar.cli("deploy", app, *parameter).stdout))
        try:
            source.write_text(HANDLER.replace('asked.has("show")', 'asked.has("new")'))
            assert distribution("/edge/x?show")[0].headers["x-cache"].startswith("LambdaGenerated")
            fulmar.cli("deploy", app, *parameter)
            assert distribution("/edge/x?new")[0].headers["x-cache"].startswith("LambdaGenerated")
        finally:
            source.write_text(HANDLER)


@pytest.mark.parametrize(
    "change, message",
    [
        ("!Ref ViewerRequest.Version", "must be the ARN of a version"),
        ("Handler: index.viewerRequest, Timeout: 5", "cannot be a function at an edge"),
    ],
)
def test_what_cannot_run_at_an_edge_is_refused(app, tmp_path, change, message):
    folder = tmp_path / "bad"
    (folder / "src").mkdir(parents=True)
    (folder / "src/index.js").write_text(HANDLER)
    other = {"!Ref ViewerRequest.Version": "!Ref ViewerRequest.Alias"}.get(change, change.replace("5", "6"))
    (folder / "template.yaml").write_text(TEMPLATE.replace(change, other, 1))
    with server() as fulmar:
        refused = fulmar.cli("deploy", folder, "--parameter", "Elsewhere=80", check=False)
        assert refused.returncode != 0 and message in refused.stderr, refused.stderr
