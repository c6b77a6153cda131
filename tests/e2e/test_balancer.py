"""Functions behind an application load balancer, deployed from a template and called by plain HTTP."""

import collections
import http.client
import json

import pytest

from conftest import server

TEMPLATE = """\
Transform: AWS::Serverless-2016-10-31
Globals:
  Function: { Runtime: nodejs20.x, CodeUri: src, Handler: index.handler, Timeout: 2 }
Resources:
  Front: { Type: AWS::Serverless::Function }
  Other: { Type: AWS::Serverless::Function, Properties: { Handler: index.other } }
  Busy: { Type: AWS::Serverless::Function, Properties: { ReservedConcurrentExecutions: 0 } }
  FrontMayBeCalled:
    Type: AWS::Lambda::Permission
    Properties: { Action: "lambda:InvokeFunction", FunctionName: !GetAtt Front.Arn, Principal: elasticloadbalancing.amazonaws.com }
  Balancer:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties: { Name: Shop, Subnets: [subnet-1, subnet-2] }
  Listener:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !Ref Balancer
      Port: 80
      Protocol: HTTP
      DefaultActions: [{ Type: forward, TargetGroupArn: !Ref FrontGroup }]
  Secure:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !Ref Balancer
      Port: 443
      Protocol: HTTPS
      DefaultActions: [{ Type: forward, TargetGroupArn: !Ref ListsGroup }]
  FrontGroup:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    DependsOn: FrontMayBeCalled
    Properties: { TargetType: lambda, Targets: [{ Id: !GetAtt Front.Arn }] }
  ListsGroup:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties:
      TargetType: lambda
      Targets: [{ Id: !GetAtt Front.Arn }]
      TargetGroupAttributes: [{ Key: lambda.multi_value_headers.enabled, Value: "true" }]
  OtherGroup:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties: { TargetType: lambda, Targets: [{ Id: !GetAtt Other.Arn }] }
  BusyGroup:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties: { TargetType: lambda, Targets: [{ Id: !GetAtt Busy.Arn }] }
  EmptyGroup:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties: { TargetType: lambda }
"""

RULES = [
    ("[{ Field: host-header, HostHeaderConfig: { Values: ['*.example.com'] } }]", "{ Type: forward, TargetGroupArn: !Ref OtherGroup }"),
    ("[{ Field: http-header, HttpHeaderConfig: { HttpHeaderName: X-Kind, Values: ['oth*'] } }]", "{ Type: forward, TargetGroupArn: !Ref OtherGroup }"),
    ("[{ Field: query-string, QueryStringConfig: { Values: [{ Key: kind, Value: other }] } }]", "{ Type: forward, TargetGroupArn: !Ref OtherGroup }"),
    (
        "[{ Field: path-pattern, Values: ['/methods'] }, { Field: http-request-method, HttpRequestMethodConfig: { Values: [PUT] } }]",
        "{ Type: forward, TargetGroupArn: !Ref OtherGroup }",
    ),
    ("[{ Field: path-pattern, Values: ['/near'] }, { Field: source-ip, SourceIpConfig: { Values: ['127.0.0.0/8'] } }]", "{ Type: forward, TargetGroupArn: !Ref OtherGroup }"),
    ("[{ Field: path-pattern, Values: ['/far'] }, { Field: source-ip, SourceIpConfig: { Values: ['10.0.0.0/8'] } }]", "{ Type: forward, TargetGroupArn: !Ref OtherGroup }"),
    ("[{ Field: path-pattern, Values: ['/fixed'] }]", "{ Type: fixed-response, FixedResponseConfig: { StatusCode: '418', ContentType: application/json, MessageBody: '{}' } }"),
    ("[{ Field: path-pattern, Values: ['/old/*'] }]", "{ Type: redirect, RedirectConfig: { StatusCode: HTTP_301, Path: '/new/#{path}', Query: 'from=old&#{query}' } }"),
    (
        "[{ Field: path-pattern, Values: ['/weighted'] }]",
        "{ Type: forward, ForwardConfig: { TargetGroups: [{ TargetGroupArn: !Ref FrontGroup, Weight: 1 }, { TargetGroupArn: !Ref OtherGroup, Weight: 1 }] } }",
    ),
    ("[{ Field: path-pattern, Values: ['/empty'] }]", "{ Type: forward, TargetGroupArn: !Ref EmptyGroup }"),
    ("[{ Field: path-pattern, Values: ['/busy'] }]", "{ Type: forward, TargetGroupArn: !Ref BusyGroup }"),
]

HANDLER = """
exports.handler = async (event) => {
  const body = event.body && (event.isBase64Encoded ? Buffer.from(event.body, "base64").toString("latin1") : event.body);
  if (body?.startsWith("answer ")) return await eval("(" + body.slice(7) + ")");
  const type = { "content-type": "application/json" };
  return { statusCode: 200, statusDescription: "200 Fine", headers: type, multiValueHeaders: { "content-type": ["application/json"], "set-cookie": ["a=1", "b=2"] }, body: JSON.stringify(event) };
};
exports.other = async () => ({ statusCode: 200, headers: { "content-type": "text/plain" }, body: "other" });
"""


class Balancer:
    def __init__(self, fulmar):
        self.address = fulmar.endpoint.removeprefix("http://")
        self.port = self.address.rsplit(":", 1)[1]
        self.host = f"shop.elb.localhost:{self.port}"

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
    folder = tmp_path_factory.mktemp("balancer") / "web"
    (folder / "src").mkdir(parents=True)
    (folder / "src/index.js").write_text(HANDLER)
    rules = ""
    for number, (conditions, action) in enumerate(RULES, 1):
        rules += f"  Rule{number}:\n    Type: AWS::ElasticLoadBalancingV2::ListenerRule\n    Properties:\n"
        rules += f"      ListenerArn: !Ref Listener\n      Priority: {number}\n      Conditions: {conditions}\n      Actions: [{action}]\n"
    (folder / "template.yaml").write_text(TEMPLATE + rules + "Outputs: { Name: { Value: !GetAtt Balancer.DNSName }, Group: { Value: !Ref FrontGroup } }\n")
    return folder


@pytest.fixture(scope="module")
def deployed(app):
    with server() as fulmar:
        shown = fulmar.cli("deploy", app).stdout
        again = json.loads(fulmar.cli("deploy", app, "--json").stdout)
        yield Balancer(fulmar), shown, again


@pytest.fixture(scope="module")
def balancer(deployed):
    return deployed[0]


def outputs(deployed):
    return {output["name"]: output["value"] for output in deployed[2]["outputs"]}


def test_it_is_deployed_once_and_says_where(deployed):
    balancer, shown, again = deployed
    assert again["changes"] == []
    assert f"http://shop.80.elb.localhost:{balancer.port}/" in shown
    assert "`Subnets` has no effect here" in shown


def test_the_event_is_the_services_own(deployed):
    balancer = deployed[0]
    answer, body = balancer("/a%20b?x=1&x=a%20b&empty", "POST", '{"n":1}', content_type="application/json", X_Some_Header="1", x_forwarded_for="9.9.9.9")
    event = json.loads(body)
    assert event["requestContext"] == {"elb": {"targetGroupArn": outputs(deployed)["Group"]}}
    assert (event["httpMethod"], event["path"]) == ("POST", "/a%20b")
    assert event["queryStringParameters"] == {"x": "a%20b", "empty": ""}
    assert (event["body"], event["isBase64Encoded"]) == ('{"n":1}', False)
    headers = event["headers"]
    assert headers["x-some-header"] == "1" and headers["host"] == balancer.host
    assert headers["x-forwarded-for"] == "9.9.9.9, 127.0.0.1"
    assert (headers["x-forwarded-port"], headers["x-forwarded-proto"]) == ("80", "http")
    assert headers["x-amzn-trace-id"].startswith("Root=1-")
    assert set(event) == {"requestContext", "httpMethod", "path", "queryStringParameters", "headers", "body", "isBase64Encoded"}
    assert answer.headers["server"] == "awselb/2.0" and answer.reason == "Fine" and "set-cookie" not in answer.headers


def test_a_group_may_want_lists(balancer):
    host = f"shop.443.elb.localhost:{balancer.port}"
    answer, body = balancer("/?x=1&x=2", host=host)
    event = json.loads(body)
    assert event["multiValueQueryStringParameters"] == {"x": ["1", "2"]}
    assert event["multiValueHeaders"]["x-forwarded-proto"] == ["https"] and "headers" not in event
    assert (event["body"], event["isBase64Encoded"]) == ("", False)
    assert answer.headers.get_all("set-cookie") == ["a=1", "b=2"]


def test_bytes_both_ways(balancer):
    event = json.loads(balancer("/", "POST", b"\x00\xff", content_type="image/png")[1])
    assert (event["body"], event["isBase64Encoded"]) == ("AP8=", True)
    text = json.loads(balancer("/", "POST", b"zip", content_type="text/plain", content_encoding="gzip")[1])
    assert text["isBase64Encoded"] is True
    answer, body = balancer("/", "POST", 'answer {statusCode: 200, body: "AP8=", isBase64Encoded: true}')
    assert body == b"\x00\xff" and answer.headers["content-type"] == "application/octet-stream"


def test_addresses(deployed):
    balancer = deployed[0]
    for path, host in [
        ("/_aws/elb/shop/x", balancer.address),
        ("/_aws/elb/shop:80/x", balancer.address),
        ("/x", outputs(deployed)["Name"]),
        ("/x", f"SHOP.elb.localhost:{balancer.port}".replace("SHOP", "Shop")),
    ]:
        answer, body = balancer(path, host=host)
        assert answer.status == 200 and json.loads(body)["path"] == "/x", (path, host)
    assert balancer("/", host=f"nobody.elb.localhost:{balancer.port}")[0].status == 404
    assert balancer("/", host=f"shop.81.elb.localhost:{balancer.port}")[0].status == 404


@pytest.mark.parametrize(
    "path, method, headers, expected",
    [
        ("/", "GET", {}, "front"),
        ("/", "GET", {"x_kind": "OTHER"}, "other"),
        ("/?a=1&KIND=other", "GET", {}, "other"),
        ("/methods", "PUT", {}, "other"),
        ("/methods", "GET", {}, "front"),
        ("/near", "GET", {}, "other"),
        ("/far", "GET", {}, "front"),
        ("/_aws/elb/shop/", "GET", {"host": "a.Example.com"}, "other"),
        ("/_aws/elb/shop/", "GET", {"host": "example.com"}, "front"),
    ],
)
def test_rules_are_tried_in_their_order(balancer, path, method, headers, expected):
    answer, body = balancer(path, method, **headers)
    assert answer.status == 200 and (body == b"other") == (expected == "other")


def test_actions_that_need_no_function(balancer):
    answer, body = balancer("/fixed")
    assert (answer.status, body, answer.headers["content-type"]) == (418, b"{}", "application/json; charset=utf-8")
    answer, body = balancer("/old/a?x=1")
    assert answer.status == 301 and answer.headers["location"] == f"http://shop.elb.localhost:{balancer.port}/new/old/a?from=old&x=1"
    assert b"<center><h1>301 Moved Permanently</h1></center>" in body


def test_weights_share_out(balancer):
    taken = collections.Counter(balancer("/weighted")[1] == b"other" for _ in range(60))
    assert taken[True] > 10 and taken[False] > 10


PAGE = "<html>\r\n<head><title>{0}</title></head>\r\n<body>\r\n<center><h1>{0}</h1></center>\r\n</body>\r\n</html>\r\n"


@pytest.mark.parametrize(
    "path, body, headers, said",
    [
        ("/", "answer null.x", {}, "502 Bad Gateway"),
        ("/", "answer 'text'", {}, "502 Bad Gateway"),
        ("/", "answer {body: 'x'}", {}, "502 Bad Gateway"),
        ("/", "answer {statusCode: 200, body: {}}", {}, "502 Bad Gateway"),
        ("/", "answer {statusCode: 200, body: 'x'.repeat(1 << 20)}", {}, "502 Bad Gateway"),
        ("/", "answer process.exit(1)", {}, "502 Bad Gateway"),
        ("/", "answer new Promise((done) => setTimeout(done, 9000))", {}, "502 Bad Gateway"),
        ("/busy", None, {}, "502 Bad Gateway"),
        ("/empty", None, {}, "503 Service Temporarily Unavailable"),
        ("/", "x" * ((1 << 20) + 1), {}, "413 Request Entity Too Large"),
        ("/", None, {"upgrade": "websocket", "connection": "upgrade"}, "400 Bad Request"),
        ("/", b"\xff", {"content_type": "text/plain"}, "400 Bad Request"),
    ],
)
def test_refusals_are_the_balancers_own_pages(balancer, path, body, headers, said):
    answer, page = balancer(path, "POST" if body else "GET", body, **headers)
    assert f"{answer.status} {answer.reason}" == said
    assert page.decode() == PAGE.format(said) and answer.headers["server"] == "awselb/2.0"


def test_the_largest_request_passes(balancer):
    answer, _ = balancer("/", "POST", "x" * (1 << 20), content_type="text/plain")
    # It comes back in an answer that is larger still.
    assert answer.status == 502
    answer, body = balancer("/", "POST", "answer {statusCode: 200, body: 'fits'}" + " " * ((1 << 20) - 38), content_type="text/plain")
    assert (answer.status, body) == (200, b"fits")


def test_other_targets_are_refused_before_anything_is_made(app, tmp_path):
    folder = tmp_path / "bad"
    folder.mkdir()
    (folder / "template.yaml").write_text(
        "Resources:\n  Group: { Type: AWS::ElasticLoadBalancingV2::TargetGroup, Properties: { Port: 80, Protocol: HTTP, VpcId: vpc-1 } }\n"
    )
    with server() as fulmar:
        refused = fulmar.cli("deploy", folder, check=False)
        assert refused.returncode != 0 and "target groups of type `instance` are not supported yet" in refused.stderr
