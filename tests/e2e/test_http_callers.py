"""Who may call a gateway: authorizers, tokens, signatures, keys and plans; what a request must have; how refusals look."""

import base64
import hashlib
import http.client
import http.server
import json
import subprocess
import threading
import time

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest

from conftest import REGION, server

TEMPLATE = """\
Transform: AWS::Serverless-2016-10-31
Parameters: { Issuer: { Type: String } }
Globals:
  Function: { Runtime: nodejs20.x, CodeUri: src, Handler: index.handler, Timeout: 10 }
Resources:
  Guarded:
    Type: AWS::Serverless::Api
    Properties:
      StageName: Prod
      Cors: "'*'"
      Auth:
        DefaultAuthorizer: Token
        AddDefaultAuthorizerToCorsPreflight: false
        Authorizers:
          Token:
            FunctionArn: !GetAtt Guard.Arn
            Identity: { ValidationExpression: "Bearer .+", ReauthorizeEvery: 60 }
          Request:
            FunctionPayloadType: REQUEST
            FunctionArn: !GetAtt Guard.Arn
            Identity: { Headers: [X-Who], QueryStrings: [q], ReauthorizeEvery: 0 }
      GatewayResponses:
        UNAUTHORIZED:
          StatusCode: 418
          ResponseParameters: { Headers: { WWW-Authenticate: "'Bearer realm=x'", Access-Control-Allow-Origin: "'*'" } }
          ResponseTemplates: { application/json: '{"said":$context.error.messageString,"kind":"$context.error.responseType"}' }
        DEFAULT_5XX:
          ResponseParameters: { Headers: { Access-Control-Allow-Origin: "'*'" } }
  Counted:
    Type: AWS::Serverless::Api
    Properties:
      StageName: v1
      Models:
        Pet: { type: object, required: [name], properties: { name: { type: string, minLength: 2 } } }
      Auth:
        ApiKeyRequired: true
        UsagePlan:
          CreateUsagePlan: PER_API
          Quota: { Limit: 5, Period: MONTH }
          Throttle: { RateLimit: 100, BurstLimit: 50 }
  Web:
    Type: AWS::Serverless::HttpApi
    Properties:
      Auth:
        EnableIamAuthorizer: true
        DefaultAuthorizer: Jwt
        Authorizers:
          Jwt:
            AuthorizationScopes: [read]
            IdentitySource: $request.header.Authorization
            JwtConfiguration: { issuer: !Ref Issuer, audience: [app] }
          Simple:
            FunctionArn: !GetAtt Guard.Arn
            AuthorizerPayloadFormatVersion: "2.0"
            EnableSimpleResponses: true
            Identity: { Headers: [X-Who], ReauthorizeEvery: 60 }
          Old:
            FunctionArn: !GetAtt Guard.Arn
            AuthorizerPayloadFormatVersion: "1.0"
            Identity: { Headers: [X-Who] }
  Guard:
    Type: AWS::Serverless::Function
    Properties: { Handler: index.guard }
  Front:
    Type: AWS::Serverless::Function
    Properties:
      FunctionUrlConfig: { AuthType: AWS_IAM }
      Events:
        Any: { Type: Api, Properties: { RestApiId: !Ref Guarded, Path: "/items/{id}", Method: any } }
        Req: { Type: Api, Properties: { RestApiId: !Ref Guarded, Path: /request, Method: get, Auth: { Authorizer: Request } } }
        Open: { Type: Api, Properties: { RestApiId: !Ref Guarded, Path: /open, Method: get, Auth: { Authorizer: NONE } } }
        Iam: { Type: Api, Properties: { RestApiId: !Ref Guarded, Path: /signed, Method: any, Auth: { Authorizer: AWS_IAM } } }
        Pets:
          Type: Api
          Properties:
            RestApiId: !Ref Counted
            Path: /pets
            Method: post
            RequestModel: { Model: Pet, ValidateBody: true, ValidateParameters: true }
            RequestParameters: [method.request.header.X-Trace: { Required: true }, method.request.querystring.kind: { Required: true }]
        Free: { Type: Api, Properties: { RestApiId: !Ref Counted, Path: /free, Method: get, Auth: { ApiKeyRequired: false } } }
        Jwt: { Type: HttpApi, Properties: { ApiId: !Ref Web, Path: /jwt, Method: get } }
        Write: { Type: HttpApi, Properties: { ApiId: !Ref Web, Path: /write, Method: get, Auth: { AuthorizationScopes: [write] } } }
        Simple: { Type: HttpApi, Properties: { ApiId: !Ref Web, Path: /simple, Method: get, Auth: { Authorizer: Simple } } }
        Old: { Type: HttpApi, Properties: { ApiId: !Ref Web, Path: /old, Method: get, Auth: { Authorizer: Old } } }
        WebIam: { Type: HttpApi, Properties: { ApiId: !Ref Web, Path: /signed, Method: get, Auth: { Authorizer: AWS_IAM } } }
        WebOpen: { Type: HttpApi, Properties: { ApiId: !Ref Web, Path: /open, Method: get, Auth: { Authorizer: NONE } } }
Outputs:
  Guarded: { Value: !Ref Guarded }
  Counted: { Value: !Ref Counted }
  Key: { Value: !Ref CountedApiKey }
  Web: { Value: !Ref Web }
  Url: { Value: !GetAtt FrontUrl.FunctionUrl }
"""

HANDLER = """
let asked = 0;
exports.handler = async (event) => ({ statusCode: 200, headers: { "content-type": "application/json" }, body: JSON.stringify(event) });
exports.guard = async (event) => {
  asked += 1;
  const token = (event.authorizationToken ?? event.headers?.["X-Who"] ?? event.headers?.["x-who"] ?? "").replace("Bearer ", "");
  if (token === "401") throw new Error("Unauthorized");
  if (token === "fails") throw new Error("broken");
  if (token === "nonsense") return { hello: 1 };
  const context = { asked, token, event: JSON.stringify(event) };
  if (event.version === "2.0") return { isAuthorized: token === "yes", context };
  const all = event.methodArn.replace(/[^/]*$/, "");
  const statement = (Effect, Resource) => ({ Action: "execute-api:Invoke", Effect, Resource });
  const statements = { yes: [statement("Allow", "*")], no: [statement("Deny", "*")], one: [statement("Allow", all + "1")] }[token] ?? [];
  return { principalId: "ann", policyDocument: { Version: "2012-10-17", Statement: statements }, context };
};
"""


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Issuer:
    """An OpenID provider, as far as gateways look at one. Signs with the openssl that every machine has."""

    def __init__(self, folder):
        self.key = folder / "key.pem"
        subprocess.run(["openssl", "genrsa", "-out", self.key, "2048"], check=True, capture_output=True)
        modulus = subprocess.run(["openssl", "rsa", "-in", self.key, "-noout", "-modulus"], check=True, capture_output=True, text=True)
        self.modulus = bytes.fromhex(modulus.stdout.strip().split("=")[1])
        self.asked = []
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.asked.append(self.path)
                jwk = {"kty": "RSA", "kid": "k1", "use": "sig", "alg": "RS256", "n": b64(issuer.modulus), "e": "AQAB"}
                body = {"/.well-known/openid-configuration": {"issuer": issuer.url, "jwks_uri": f"{issuer.url}/keys"}, "/keys": {"keys": [jwk]}}
                data = json.dumps(body[self.path]).encode()
                self.send_response(200)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def token(self, **changes):
        now = int(time.time())
        claims = {"iss": self.url, "aud": "app", "exp": now + 600, "iat": now - 5, "scope": "read", "sub": "ann", "roles": ["a", "b"], **changes}
        signed = b64(json.dumps({"alg": "RS256", "kid": "k1"}).encode()) + "." + b64(json.dumps(claims).encode())
        signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.key], input=signed.encode(), check=True, capture_output=True).stdout
        return f"{signed}.{b64(signature)}"


@pytest.fixture(scope="module")
def issuer(tmp_path_factory):
    issuer = Issuer(tmp_path_factory.mktemp("issuer"))
    yield issuer
    issuer.server.shutdown()


class Apis:
    def __init__(self, fulmar, outputs):
        self.fulmar = fulmar
        self.address = fulmar.endpoint.removeprefix("http://")
        self.ids = outputs
        port = self.address.rsplit(":", 1)[1]
        self.hosts = {name: f"{outputs[name]}.execute-api.localhost:{port}" for name in ["Guarded", "Counted", "Web"]}
        self.hosts["Url"] = outputs["Url"].removeprefix("https://").split(".")[0] + f".lambda-url.localhost:{port}"

    def __call__(self, api, path, method="GET", body=None, headers=()):
        connection = http.client.HTTPConnection(self.address, timeout=30)
        connection.request(method, path, body, {**dict(headers), "Host": self.hosts[api]})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, answer.headers, json.loads(text) if text else None

    def signed(self, api, path, service, key="test", secret="test", method="GET", body=b""):
        request = botocore.awsrequest.AWSRequest(method, f"http://{self.hosts[api]}{path}", data=body)
        request.headers["x-amz-content-sha256"] = hashlib.sha256(body).hexdigest()
        botocore.auth.SigV4Auth(botocore.credentials.Credentials(key, secret), service, REGION).add_auth(request)
        return self(api, path, method, body or None, dict(request.headers.items()))


@pytest.fixture(scope="module")
def apis(issuer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("callers") / "app"
    (folder / "src").mkdir(parents=True)
    (folder / "template.yaml").write_text(TEMPLATE)
    (folder / "src/index.js").write_text(HANDLER)
    with server() as fulmar:
        deployed = json.loads(fulmar.cli("deploy", folder, "--json", "--parameter", f"Issuer={issuer.url}").stdout)
        yield Apis(fulmar, {output["name"]: output["value"] for output in deployed["outputs"]})


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def test_a_token_authorizer_answers_with_a_policy(apis):
    status, _, event = apis("Guarded", "/Prod/items/1", headers=bearer("yes"))
    authorizer = event["requestContext"]["authorizer"]
    assert status == 200 and authorizer["principalId"] == "ann" and authorizer["token"] == "yes"
    asked = json.loads(authorizer["event"])
    assert asked["type"] == "TOKEN" and asked["authorizationToken"] == "Bearer yes"
    assert asked["methodArn"] == f"arn:aws:execute-api:{REGION}:000000000000:{apis.ids['Guarded']}/Prod/GET/items/1"
    # All that it says is text in the end.
    assert isinstance(authorizer["asked"], str)


def test_what_an_authorizer_has_said_is_remembered_and_held_against_each_request(apis):
    first = apis("Guarded", "/Prod/items/1", headers=bearer("one"))
    again = apis("Guarded", "/Prod/items/1", headers=bearer("one"))
    other = apis("Guarded", "/Prod/items/2", headers=bearer("one"))
    assert first[0] == again[0] == 200
    asked = [answer[2]["requestContext"]["authorizer"]["asked"] for answer in (first, again)]
    assert asked[0] == asked[1]
    assert (other[0], other[2]) == (403, {"Message": "User is not authorized to access this resource"})


@pytest.mark.parametrize(
    "headers, status, body",
    [
        ({}, 418, {"said": "Unauthorized", "kind": "UNAUTHORIZED"}),
        ({"Authorization": "Basic x"}, 418, {"said": "Unauthorized", "kind": "UNAUTHORIZED"}),
        (bearer("401"), 418, {"said": "Unauthorized", "kind": "UNAUTHORIZED"}),
        (bearer("no"), 403, {"Message": "User is not authorized to access this resource with an explicit deny"}),
        (bearer("else"), 403, {"Message": "User is not authorized to access this resource"}),
        (bearer("fails"), 500, {"message": None}),
        (bearer("nonsense"), 500, {"message": None}),
    ],
)
def test_refusals_of_authorizers(apis, headers, status, body):
    got, sent, said = apis("Guarded", "/Prod/items/1", headers=headers)
    assert (got, said) == (status, body)
    if status != 403:
        assert sent["access-control-allow-origin"] == "*"
    if status == 418:
        assert sent["www-authenticate"] == "Bearer realm=x"


def test_a_request_authorizer_sees_the_request(apis):
    status, _, event = apis("Guarded", "/Prod/request?q=1", headers={"X-Who": "yes"})
    asked = json.loads(event["requestContext"]["authorizer"]["event"])
    assert status == 200 and asked["type"] == "REQUEST" and asked["queryStringParameters"] == {"q": "1"}
    assert asked["headers"]["X-Who"] == "yes" and "body" not in asked
    # Every source must be there.
    assert apis("Guarded", "/Prod/request", headers={"X-Who": "yes"})[0] == 418
    # And nothing is remembered.
    again = apis("Guarded", "/Prod/request?q=1", headers={"X-Who": "yes"})[2]
    assert again["requestContext"]["authorizer"]["asked"] != event["requestContext"]["authorizer"]["asked"]


def test_routes_can_be_open_and_so_can_what_browsers_ask(apis):
    status, _, event = apis("Guarded", "/Prod/open")
    assert status == 200 and "authorizer" not in event["requestContext"]
    status, headers, _ = apis("Guarded", "/Prod/items/1", "OPTIONS")
    assert status == 200 and headers["access-control-allow-origin"] == "*"
    assert headers["access-control-allow-methods"] == "DELETE,GET,HEAD,OPTIONS,PATCH,POST,PUT"
    assert apis("Web", "/open")[0] == 200


def test_signed_requests(apis):
    status, _, event = apis.signed("Guarded", "/Prod/signed", "execute-api", method="POST", body=b"hello")
    identity = event["requestContext"]["identity"]
    assert status == 200 and identity["accessKey"] == "test" and identity["userArn"] == "arn:aws:iam::000000000000:root"
    assert apis("Guarded", "/Prod/signed")[2] == {"message": "Missing Authentication Token"}
    status, headers, _ = apis.signed("Guarded", "/Prod/signed", "execute-api", secret="wrong")
    assert status == 403 and headers["x-amzn-errortype"] == "InvalidSignatureException"
    status, _, said = apis.signed("Guarded", "/Prod/signed", "execute-api", key="nobody")
    assert (status, said) == (403, {"message": "The security token included in the request is invalid."})
    status, _, event = apis.signed("Web", "/signed", "execute-api")
    assert status == 200 and event["requestContext"]["authorizer"]["iam"]["accessKey"] == "test"
    assert apis("Web", "/signed")[::2] == (403, {"message": "Forbidden"})
    status, _, event = apis.signed("Url", "/x", "lambda")
    assert status == 200 and event["requestContext"]["authorizer"]["iam"]["accountId"] == "000000000000"
    assert apis("Url", "/x")[::2] == (403, {"Message": "Forbidden"})
    assert apis.signed("Url", "/x", "execute-api")[0] == 403


def test_tokens_of_an_issuer(apis, issuer):
    status, _, event = apis("Web", "/jwt", headers=bearer(issuer.token()))
    jwt = event["requestContext"]["authorizer"]["jwt"]
    assert status == 200 and jwt["scopes"] == ["read"]
    assert jwt["claims"]["sub"] == "ann" and jwt["claims"]["roles"] == "[a b]" and isinstance(jwt["claims"]["exp"], str)
    asked = len(issuer.asked)
    assert apis("Web", "/jwt", headers=bearer(issuer.token(sub="bob")))[0] == 200
    assert len(issuer.asked) == asked, "keys are remembered"
    status, headers, said = apis("Web", "/write", headers=bearer(issuer.token()))
    assert (status, said) == (403, {"message": "Forbidden"}) and 'error="insufficient_scope"' in headers["www-authenticate"]
    assert apis("Web", "/write", headers=bearer(issuer.token(scope="read write")))[0] == 200


@pytest.mark.parametrize(
    "changes, why",
    [
        ({"aud": "other"}, "audience"),
        ({"iss": "http://other"}, "issuer"),
        ({"exp": 1}, "expired"),
        ({"nbf": int(time.time()) + 86_400}, "not valid yet"),
    ],
)
def test_tokens_that_are_not_good(apis, issuer, changes, why):
    status, headers, said = apis("Web", "/jwt", headers=bearer(issuer.token(**changes)))
    assert (status, said) == (401, {"message": "Unauthorized"}) and why in headers["www-authenticate"]


def test_forged_and_missing_tokens(apis, issuer):
    token = issuer.token()
    head, claims, signature = token.split(".")
    forged = f"{head}.{b64(json.dumps({'iss': issuer.url, 'aud': 'app', 'exp': int(time.time()) + 60, 'scope': 'read'}).encode())}.{signature}"
    unsigned = f"{b64(json.dumps({'alg': 'none', 'kid': 'k1'}).encode())}.{claims}."
    for bad in [forged, unsigned, "nonsense"]:
        assert apis("Web", "/jwt", headers=bearer(bad))[0] == 401
    status, headers, _ = apis("Web", "/jwt")
    assert status == 401 and headers["www-authenticate"] == "Bearer"


def test_http_apis_ask_functions_too(apis):
    status, _, event = apis("Web", "/simple", headers={"X-Who": "yes"})
    said = event["requestContext"]["authorizer"]["lambda"]
    asked = json.loads(said["event"])
    assert status == 200 and said["asked"] >= 1, "what it says keeps its type"
    assert asked["version"] == "2.0" and asked["routeKey"] == "GET /simple" and asked["identitySource"] == ["yes"]
    assert asked["routeArn"].endswith("/$default/GET/simple")
    assert apis("Web", "/simple", headers={"X-Who": "yes"})[2]["requestContext"]["authorizer"]["lambda"]["asked"] == said["asked"]
    assert apis("Web", "/simple", headers={"X-Who": "no"})[::2] == (403, {"message": "Forbidden"})
    assert apis("Web", "/simple")[::2] == (401, {"message": "Unauthorized"})
    assert apis("Web", "/simple", headers={"X-Who": "fails"})[::2] == (500, {"message": "Internal Server Error"})
    status, _, event = apis("Web", "/old", headers={"X-Who": "yes"})
    asked = json.loads(event["requestContext"]["authorizer"]["lambda"]["event"])
    assert status == 200 and asked["version"] == "1.0" and asked["identitySource"] == "yes" and asked["type"] == "REQUEST"
    assert apis("Web", "/old", headers={"X-Who": "no"})[0] == 403


def test_keys_plans_and_what_a_request_must_have(apis):
    assert apis("Counted", "/v1/free")[0] == 200
    assert apis("Counted", "/v1/pets", "POST", "{}")[::2] == (403, {"message": "Forbidden"})
    assert apis("Counted", "/v1/pets", "POST", "{}", {"x-api-key": "wrong"})[0] == 403
    key = json.loads(apis.fulmar.aws("apigateway", "get-api-key", "--api-key", apis.ids["Key"], "--include-value").stdout)["value"]
    listed = {name: json.loads(apis.fulmar.aws("apigateway", f"get-{name}").stdout)["items"] for name in ["api-keys", "usage-plans"]}
    assert [found["id"] for found in listed["api-keys"]] == [apis.ids["Key"]]
    assert [(plan["quota"]["limit"], plan["apiStages"][0]["stage"]) for plan in listed["usage-plans"]] == [(5, "v1")]
    sent = {"x-api-key": key, "content-type": "application/json"}
    status, _, said = apis("Counted", "/v1/pets", "POST", "{}", sent)
    assert (status, said) == (400, {"message": "Missing required request parameters: [kind, X-Trace]"})
    sent["X-Trace"] = "1"
    for body in ["{}", '{"name": 1}', '{"name": "x"}', "no json"]:
        assert apis("Counted", "/v1/pets?kind=a", "POST", body, sent)[::2] == (400, {"message": "Invalid request body"}), body
    # Five have been counted, and there are no more.
    assert apis("Counted", "/v1/pets?kind=a", "POST", '{"name": "Rex"}', sent)[::2] == (429, {"message": "Limit Exceeded"})
    assert apis("Counted", "/v1/free")[0] == 200
