"""Functions over HTTP: REST APIs, HTTP APIs and function URLs, deployed from a template and called by plain HTTP."""

import http.client
import json
import re

import pytest

from conftest import server

TEMPLATE = """\
Transform: AWS::Serverless-2016-10-31
Globals:
  Function: { Runtime: nodejs20.x, CodeUri: src, Handler: index.handler, Timeout: 10 }
  HttpApi:
    CorsConfiguration: { AllowOrigins: ["https://a.example"], AllowMethods: [GET, POST], AllowHeaders: [x-a], MaxAge: 60 }
Resources:
  Front:
    Type: AWS::Serverless::Function
    Properties:
      FunctionUrlConfig: { AuthType: NONE }
      Events:
        List: { Type: Api, Properties: { Path: /items, Method: get } }
        One: { Type: Api, Properties: { Path: "/items/{id}", Method: any } }
        Rest: { Type: Api, Properties: { Path: "/files/{proxy+}", Method: any } }
        Web: { Type: HttpApi, Properties: { Path: "/web/{id}", Method: any } }
        Old: { Type: HttpApi, Properties: { Path: /old, Method: post, PayloadFormatVersion: "1.0" } }
  Slow:
    Type: AWS::Serverless::Function
    Properties:
      Handler: index.slow
      Events:
        Rest: { Type: Api, Properties: { Path: /slow, Method: get, TimeoutInMillis: 500 } }
        Web: { Type: HttpApi, Properties: { Path: /slow, Method: get, TimeoutInMillis: 500 } }
  Twice:
    Type: AWS::Serverless::Function
    Properties:
      Handler: index.twice
      Events:
        Rest: { Type: Api, Properties: { Path: /twice, Method: get } }
        Web: { Type: HttpApi, Properties: { Path: /twice, Method: get } }
Outputs:
  Rest: { Value: !Ref ServerlessRestApi }
  Web: { Value: !Ref ServerlessHttpApi }
  Url: { Value: !GetAtt FrontUrl.FunctionUrl }
"""

HANDLER = """
exports.handler = async (event) => {
  const body = event.body && (event.isBase64Encoded ? Buffer.from(event.body, "base64").toString("latin1") : event.body);
  event.headers["x-trace-of-the-call"] = process.env._X_AMZN_TRACE_ID;
  if (!body?.startsWith("answer ")) return { statusCode: 200, headers: { "content-type": "application/json" }, body: JSON.stringify(event) };
  return eval("(" + body.slice(7) + ")");
};
let count = 0;
exports.twice = (event, context, callback) => {
  const answer = (body) => callback(null, { statusCode: 200, body });
  answer(`first ${++count}`);
  answer("second");
  setTimeout(() => answer("third"), 1);
};
exports.slow = () => new Promise((resolve) => setTimeout(resolve, 3000));
"""


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    folder = tmp_path_factory.mktemp("http") / "web"
    (folder / "src").mkdir(parents=True)
    (folder / "template.yaml").write_text(TEMPLATE)
    (folder / "src/index.js").write_text(HANDLER)
    return folder


class Api:
    def __init__(self, fulmar, outputs):
        self.address = fulmar.endpoint.removeprefix("http://")
        port = self.address.rsplit(":", 1)[1]
        url = re.match(r"https://([^.]+)\.lambda-url\.", outputs["Url"])[1]
        self.hosts = {
            "rest": f"{outputs['Rest']}.execute-api.localhost:{port}",
            "web": f"{outputs['Web']}.execute-api.localhost:{port}",
            "url": f"{url}.lambda-url.localhost:{port}",
        }
        self.ids = outputs

    def __call__(self, kind, path, method="GET", body=None, **headers):
        connection = http.client.HTTPConnection(self.address, timeout=30)
        headers = {"Host": self.hosts.get(kind, self.address), **{k.replace("_", "-"): v for k, v in headers.items()}}
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, answer, body


@pytest.fixture(scope="module")
def api(app):
    with server() as fulmar:
        deployed = json.loads(fulmar.cli("deploy", app, "--json").stdout)
        yield Api(fulmar, {output["name"]: output["value"] for output in deployed["outputs"]})


def test_a_rest_api_routes_and_tells_in_detail(api):
    status, answer, body = api("rest", "/Prod/items?a=1&a=2&b=x%20y", accept="text/plain")
    event = json.loads(body)
    assert status == 200 and answer.headers["content-type"] == "application/json"
    assert (event["resource"], event["path"], event["httpMethod"]) == ("/items", "/items", "GET")
    assert event["queryStringParameters"] == {"a": "2", "b": "x y"}
    assert event["multiValueQueryStringParameters"]["a"] == ["1", "2"]
    assert event["headers"]["Accept"] == "text/plain"
    assert event["requestContext"]["stage"] == "Prod" and event["body"] is None
    event = json.loads(api("rest", "/Prod/items/a%2Fb", "PUT", "text")[2])
    assert event["pathParameters"] == {"id": "a/b"} and event["body"] == "text"
    event = json.loads(api("rest", "/Prod/files/x/y.txt", "DELETE")[2])
    assert event["pathParameters"] == {"proxy": "x/y.txt"}


def test_paths_do_where_names_do_not_resolve(api):
    for path in [f"/_aws/execute-api/{api.ids['Rest']}/Prod/items", f"/restapis/{api.ids['Rest']}/Prod/_user_request_/items"]:
        status, _, body = api("plain", path)
        assert status == 200 and json.loads(body)["resource"] == "/items", path


def test_an_http_api_tells_in_short_and_infers(api):
    event = json.loads(api("web", "/web/7?a=1&a=2", "POST", "x", cookie="c=1; d=2")[2])
    assert event["version"] == "2.0" and event["routeKey"] == "ANY /web/{id}" and event["rawPath"] == "/web/7"
    assert event["pathParameters"] == {"id": "7"} and event["queryStringParameters"] == {"a": "1,2"}
    assert event["cookies"] == ["c=1", "d=2"]
    status, answer, body = api("web", "/web/7", "POST", 'answer {hello: "world"}')
    assert (status, answer.headers["content-type"], json.loads(body)) == (200, "application/json", {"hello": "world"})
    status, answer, _ = api("web", "/web/7", "POST", 'answer {statusCode: 201, cookies: ["a=1", "b=2"], headers: {"x-a": "b"}, body: "made"}')
    assert status == 201 and answer.headers.get_all("set-cookie") == ["a=1", "b=2"] and answer.headers["x-a"] == "b"
    event = json.loads(api("web", "/old", "POST", "x")[2])
    assert event["version"] == "1.0" and event["httpMethod"] == "POST"


def test_a_function_url_takes_everything(api):
    for path in ["/", "/any/path"]:
        event = json.loads(api("url", path)[2])
        assert event["routeKey"] == "$default" and event["rawPath"] == path
    assert ".lambda-url." in event["requestContext"]["domainName"]
    assert event["requestContext"]["accountId"] == "anonymous"


@pytest.mark.parametrize("kind, path", [("rest", "/Prod/items"), ("web", "/web/1"), ("url", "/")])
def test_how_a_request_came_is_told(api, kind, path):
    told = lambda **sent: {name.lower(): value for name, value in json.loads(api(kind, path, **sent)[2])["headers"].items()}
    headers = told(x_forwarded_for="1.2.3.4", x_forwarded_proto="http")
    assert (headers["x-forwarded-for"], headers["x-forwarded-proto"]) == ("1.2.3.4, 127.0.0.1", "https")
    assert re.fullmatch("Root=1-[0-9a-f]{8}-[0-9a-f]{24}", headers["x-amzn-trace-id"])
    # Whoever is followed already stays followed, and so does what the function calls.
    headers = told(x_amzn_trace_id="Root=1-5759e988-bd862e3fe1be46a994272793")
    assert re.fullmatch("Self=1-[-0-9a-f]{33};Root=1-5759e988-bd862e3fe1be46a994272793", headers["x-amzn-trace-id"])
    assert headers["x-trace-of-the-call"].startswith("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=")


def test_bytes_both_ways(api):
    event = json.loads(api("web", "/web/1", "POST", b"\x00\xff", content_type="application/octet-stream")[2])
    assert event["isBase64Encoded"] is True and event["body"] == "AP8="
    status, answer, body = api(
        "web", "/web/1", "POST", 'answer {statusCode: 200, isBase64Encoded: true, body: "AP8=", headers: {"content-type": "image/png"}}'
    )
    assert (body, answer.headers["content-type"]) == (b"\x00\xff", "image/png")


@pytest.mark.parametrize("kind, path, is_text", [("rest", "/Prod/items/1", True), ("web", "/web/1", False), ("url", "/", False)])
def test_a_form_is_text_to_rest_apis_only(api, kind, path, is_text):
    event = json.loads(api(kind, path, "POST", "a=1&b=2", content_type="application/x-www-form-urlencoded")[2])
    assert (event["body"], event["isBase64Encoded"]) == (("a=1&b=2", False) if is_text else ("YT0xJmI9Mg==", True))


def test_http_apis_alone_decode_paths(api):
    event = json.loads(api("web", "/web/a%2Bb%20c")[2])
    assert event["rawPath"] == event["requestContext"]["http"]["path"] == "/web/a+b c"
    assert json.loads(api("url", "/a%2Bb%20c")[2])["rawPath"] == "/a%2Bb%20c"
    assert json.loads(api("rest", "/Prod/items/a%2Bb%20c")[2])["path"] == "/items/a%2Bb%20c"


def test_headers_that_are_not_a_functions_to_say(api):
    says = 'answer {statusCode: 200, headers: {"www-authenticate": "Basic", "date": "today", "content-length": "99", "x-own": "1"}, body: "made"}'
    for kind, path, prefix in [("rest", "/Prod/items/1", "x-amzn-remapped-"), ("url", "/", "x-amzn-remapped-"), ("web", "/web/1", "")]:
        _, answer, body = api(kind, path, "POST", says)
        headers = answer.headers
        assert (body, headers["x-own"], headers[prefix + "www-authenticate"]) == (b"made", "1", "Basic"), kind
        assert headers["content-length"] == "4" and "today" not in headers.get_all("date")
        assert headers.get("x-amzn-remapped-date") == ("today" if prefix else None)


def test_what_requests_are_called(api):
    short, long = "[-_0-9A-Za-z]{15}=", "[-0-9a-f]{36}"
    _, answer, body = api("rest", "/Prod/items")
    headers, context = answer.headers, json.loads(body)["requestContext"]
    assert re.fullmatch(long, headers["x-amzn-requestid"]) and headers["x-amzn-requestid"] == context["requestId"]
    assert re.fullmatch(short, headers["x-amz-apigw-id"]) and headers["x-amz-apigw-id"] == context["extendedRequestId"]
    _, url, _ = api("url", "/")
    for answer in [answer, url]:
        assert re.match("Root=1-[0-9a-f]{8}-[0-9a-f]{24};", answer.headers["x-amzn-trace-id"])
    _, answer, body = api("web", "/web/1")
    event = json.loads(body)
    assert re.fullmatch(short, answer.headers["apigw-requestid"])
    assert answer.headers["apigw-requestid"] == event["requestContext"]["requestId"]
    assert event["headers"]["content-length"] == "0" and "x-amzn-trace-id" not in answer.headers


@pytest.mark.parametrize("kind, path, expected", [("rest", "/Prod/items", 431), ("web", "/web/1", 431), ("url", "/", 200)])
def test_headers_of_gateways_have_a_limit_together(api, kind, path, expected):
    assert api(kind, path, x_a="a" * 4000, x_b="b" * 4000)[0] == 200
    assert api(kind, path, x_a="a" * 4000, x_b="b" * 4000, x_c="c" * 4000)[0] == expected


def test_a_token_where_no_route_is_is_taken_for_a_signature(api):
    status, answer, body = api("rest", "/Prod/nowhere", authorization="Bearer secret")
    assert (status, answer.headers["x-amzn-errortype"]) == (403, "IncompleteSignatureException")
    assert json.loads(body)["message"].startswith("Invalid key=value pair (missing equal-sign) in Authorization header (hashed ")
    assert b"secret" not in body


def test_cors(api):
    asks = {"origin": "https://a.example", "access-control-request-method": "POST"}
    status, answer, _ = api("web", "/web/1", "OPTIONS", **asks)
    assert status == 204
    assert answer.headers["access-control-allow-origin"] == "https://a.example"
    assert answer.headers["access-control-allow-methods"] == "GET,POST" and answer.headers["access-control-max-age"] == "60"
    _, answer, _ = api("web", "/web/1", origin="https://a.example")
    assert answer.headers["access-control-allow-origin"] == "https://a.example"
    # The function is not asked, whoever asks.
    for sent in [{}, {"origin": "https://a.example"}]:
        says = 'answer {statusCode: 200, headers: {"access-control-allow-origin": "*", "access-control-max-age": "1"}}'
        _, answer, _ = api("web", "/web/1", "POST", says, **sent)
        assert answer.headers.get_all("access-control-allow-origin", []) == list(sent.values())
        assert "access-control-max-age" not in answer.headers
    status, answer, _ = api("web", "/web/1", "OPTIONS", **asks | {"origin": "https://b.example"})
    assert status == 204 and not [name for name in answer.headers if name.startswith("access-control")]
    # On refusals too, so that the page can read them.
    status, answer, _ = api("web", "/nowhere", origin="https://a.example")
    assert status == 404 and answer.headers["access-control-allow-origin"] == "https://a.example"
    _, answer, _ = api("web", "/web/1", origin="https://b.example")
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "kind, path, method, body, status, message",
    [
        ("rest", "/Prod/nowhere", "GET", None, 403, "Missing Authentication Token"),
        ("rest", "/Prod/items", "DELETE", None, 403, "Missing Authentication Token"),
        ("rest", "/Nostage/items", "GET", None, 403, "Forbidden"),
        ("rest", "/Prod/items/1", "POST", "answer null.x", 502, "Internal server error"),
        ("rest", "/Prod/items/1", "POST", "answer 'text'", 502, "Internal server error"),
        ("rest", "/Prod/items/1", "POST", "answer {statusCode: 'abc'}", 502, "Internal server error"),
        ("rest", "/Prod/items/1", "POST", "answer process.exit(1)", 502, "Internal server error"),
        ("rest", "/Prod/slow", "GET", None, 504, "Endpoint request timed out"),
        ("rest", "/Prod/items/1", "POST", "x" * (11 << 20), 413, "HTTP content length exceeded 10485760 bytes."),
        ("web", "/nowhere", "GET", None, 404, "Not Found"),
        ("web", "/web/1", "POST", "answer null.x", 500, "Internal Server Error"),
        ("web", "/slow", "GET", None, 503, "Service Unavailable"),
        ("web", "/web/1", "POST", "x" * (11 << 20), 413, "Request Entity Too Large"),
    ],
)
def test_refusals_are_the_gateways_own(api, kind, path, method, body, status, message):
    got, _, said = api(kind, path, method, body)
    assert (got, json.loads(said)) == (status, {"message": message})


@pytest.mark.parametrize("kind, path", [("rest", "/Prod/twice"), ("web", "/twice")])
def test_of_a_function_that_answers_twice_the_first_answer_counts(api, kind, path):
    counts = []
    for _ in range(3):
        status, _, body = api(kind, path)
        assert status == 200 and body.startswith(b"first "), body
        counts.append(int(body.split()[1]))
    # What it says later is nobody else's answer, and costs no instance.
    assert counts == list(range(counts[0], counts[0] + 3))


def test_a_gateway_that_is_not_there(api):
    api.hosts["none"] = "nothinghere.execute-api.localhost"
    status, _, body = api("none", "/Prod/x")
    assert (status, json.loads(body)) == (404, {"message": "Not Found"})
