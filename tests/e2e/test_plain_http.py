"""Plain HTTP: what curl, browsers and bad networks do, to every kind of address at which functions are reached. Callers are
sockets here, because clients would hide what is asked."""

import json
import re
import socket
import threading
from contextlib import contextmanager

import pytest

from conftest import eventually, server
from test_azure import free_port, http_function, write

TEMPLATE = """\
Transform: AWS::Serverless-2016-10-31
Globals:
  Function: { Runtime: nodejs20.x, CodeUri: src, Handler: index.handler, Timeout: 60, Environment: { Variables: { GATE: '%s' } } }
Resources:
  Front:
    Type: AWS::Serverless::Function
    Properties:
      FunctionUrlConfig: { AuthType: NONE }
      Events:
        Rest: { Type: Api, Properties: { Path: /, Method: any } }
        Web: { Type: HttpApi, Properties: { Path: /, Method: any } }
  Streams:
    Type: AWS::Serverless::Function
    Properties: { Handler: index.streams, FunctionUrlConfig: { AuthType: NONE, InvokeMode: RESPONSE_STREAM } }
  MayBeCalled:
    Type: AWS::Lambda::Permission
    Properties: { Action: "lambda:InvokeFunction", FunctionName: !GetAtt Front.Arn, Principal: elasticloadbalancing.amazonaws.com }
  Balancer:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties: { Name: Plain, Subnets: [subnet-1, subnet-2] }
  Listener:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties: { LoadBalancerArn: !Ref Balancer, Port: 80, Protocol: HTTP, DefaultActions: [{ Type: forward, TargetGroupArn: !Ref Group }] }
  Group:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    DependsOn: MayBeCalled
    Properties: { TargetType: lambda, Targets: [{ Id: !GetAtt Front.Arn }] }
Outputs:
  Rest: { Value: !Ref ServerlessRestApi }
  Web: { Value: !Ref ServerlessHttpApi }
  Url: { Value: !GetAtt FrontUrl.FunctionUrl }
  Streams: { Value: !GetAtt StreamsUrl.FunctionUrl }
"""

# Each function answers `INSTANCE LENGTH`: which instance it is, and how long the body was that it got. Asked with
# `x-wait`, it waits at the gate of that name first.
LAMBDA = """
const instance = Math.random().toString(16).slice(2);
exports.handler = async (event) => {
  const headers = event.headers ?? {};
  const wait = headers['x-wait'] ?? headers['X-Wait'];
  if (wait) await fetch(`${process.env.GATE}/${wait}`);
  const length = event.body ? Buffer.from(event.body, event.isBase64Encoded ? 'base64' : 'utf8').length : 0;
  return { statusCode: 200, headers: { 'content-type': 'text/plain' }, body: `${instance} ${length}` };
};
exports.streams = awslambda.streamifyResponse(async (event, stream) => {
  stream.write('first\\n');
  await fetch(`${process.env.GATE}/${event.headers['x-wait']}`);
  stream.end('last\\n');
});
"""

AZURE = """
const instance = Math.random().toString(16).slice(2);
module.exports = async (context, req) => {
  if (req.headers['x-wait']) await fetch(`${process.env.GATE}/${req.headers['x-wait']}`);
  context.res = { body: `${instance} ${req.bufferBody ? req.bufferBody.length : 0}` };
};
"""

GOOGLE = """
const functions = require('@google-cloud/functions-framework');
const instance = Math.random().toString(16).slice(2);
functions.http('plain', async (req, res) => {
  if (req.get('x-wait')) await fetch(`${process.env.GATE}/${req.get('x-wait')}`);
  res.type('text/plain').send(`${instance} ${req.rawBody ? req.rawBody.length : 0}`);
});
functions.http('streams', async (req, res) => {
  res.write('first\\n');
  await fetch(`${process.env.GATE}/${req.get('x-wait')}`);
  res.end('last\\n');
});
functions.http('large', (req, res) => res.send('x'.repeat(20 << 20)));
functions.http('breaks', (req, res) => { res.write('first'); setTimeout(() => { throw new Error('on purpose'); }, 20); });
"""

PYTHON = """
import os, urllib.request
import flask, functions_framework

@functions_framework.http
def py_streams(request):
    def pieces():
        yield "first\\n"
        urllib.request.urlopen(os.environ["GATE"] + "/" + request.headers["x-wait"]).read()
        yield "last\\n"
    return flask.Response(pieces(), mimetype="text/plain")

@functions_framework.http
def py_large(request):
    return "x" * (20 << 20)

@functions_framework.http
def py_breaks(request):
    def pieces():
        yield "first"
        raise RuntimeError("on purpose")
    return flask.Response(pieces())
"""

ASYNC = """
import asyncio, os, urllib.request
import functions_framework.aio
from starlette.responses import StreamingResponse

@functions_framework.aio.http
async def aio_streams(request):
    async def pieces():
        yield "first\\n"
        await asyncio.to_thread(lambda: urllib.request.urlopen(os.environ["GATE"] + "/" + request.headers["x-wait"]).read())
        yield "last\\n"
    return StreamingResponse(pieces(), media_type="text/plain")
"""


class Place:
    """An address of one kind: where, under which host's name, at which path."""

    def __init__(self, port, host, path, name):
        self.port, self.host, self.path, self.name = port, host, path, name

    def head(self, method="GET", path=None, **headers):
        lines = [f"{method} {path or self.path} HTTP/1.1", f"host: {self.host}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode()

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    @contextmanager
    def asked(self, *pieces):
        with self.connect() as caller:
            for piece in pieces:
                caller.sendall(piece)
            yield caller, caller.makefile("rb")

    def ask(self, method="GET", body=b"", path=None, **headers):
        """Status, headers, and whatever follows until the server closes."""
        if body:
            headers["content_length"] = len(body)
        with self.asked(self.head(method, path, connection="close", **headers), body) as (_, answer):
            return read_head(answer) + (answer.read(),)


def read_head(answer):
    status = int(answer.readline().split()[1])
    headers = {}
    while (line := answer.readline().strip()) and line:
        name, _, value = line.partition(b":")
        headers[name.decode().lower()] = value.strip().decode()
    return status, headers


@pytest.fixture(scope="module")
def places(tmp_path_factory, gate):
    folder = tmp_path_factory.mktemp("plain")
    write(folder / "aws/template.yaml", TEMPLATE % gate.url)
    write(folder / "aws/src/index.js", LAMBDA)
    azure = folder / "azure"
    write(azure / "host.json", {"version": "2.0"})
    write(azure / "local.settings.json", {"Values": {"GATE": gate.url}})
    http_function(azure, "Plain", AZURE)
    http_function(azure, "Gets", AZURE, methods=["get"])
    google = folder / "google"
    write(google / "index.js", GOOGLE)
    write(google / "package.json", {"name": "g", "private": True, "dependencies": {"@google-cloud/functions-framework": "^5.0.5"}})
    for name, code in (("python", PYTHON), ("aio", ASYNC)):
        write(folder / name / "main.py", code)
        write(folder / name / "requirements.txt", "functions-framework>=3.10\n")
    for name in ("google", "python", "aio"):
        write(folder / name / ".env.yaml", f"GATE: {gate.url}\n")
    azure_port, google_port = free_port(), free_port()
    with server("--azure-listen", f"127.0.0.1:{azure_port}", "--google-listen", f"127.0.0.1:{google_port}") as fulmar:
        outputs = {}
        for name in ("aws", "azure", "google", "python", "aio"):
            said = json.loads(fulmar.cli("deploy", str(folder / name), "--json").stdout.splitlines()[-1])
            outputs.update({output["name"]: output["value"] for output in said.get("outputs", [])})
        port = int(fulmar.endpoint.rsplit(":", 1)[1])
        url = lambda name: re.match(r"https://([^.]+)\.lambda-url\.", outputs[name])[1] + f".lambda-url.localhost:{port}"
        found = {
            "rest": Place(port, f"{outputs['Rest']}.execute-api.localhost:{port}", "/Prod", "rest"),
            "web": Place(port, f"{outputs['Web']}.execute-api.localhost:{port}", "/", "web"),
            "url": Place(port, url("Url"), "/", "url"),
            "streams": Place(port, url("Streams"), "/", "streams"),
            "balancer": Place(port, f"plain.elb.localhost:{port}", "/", "balancer"),
            "azure": Place(azure_port, f"127.0.0.1:{azure_port}", "/api/Plain", "azure"),
            "google": Place(google_port, f"127.0.0.1:{google_port}", "/plain", "google"),
        }
        found["fulmar"] = fulmar
        for name in ("azure", "google"):
            eventually(lambda: found[name].connect().close() is None)
        yield found


EVERYWHERE = ["rest", "web", "url", "balancer", "azure", "google"]


@pytest.fixture(params=EVERYWHERE)
def place(request, places):
    return places[request.param]


def test_an_answer_has_its_length_and_a_head_request_only_that(place):
    status, headers, body = place.ask()
    assert status == 200 and int(headers["content-length"]) == len(body), (headers, body)
    assert "transfer-encoding" not in headers
    status, head, body = place.ask("HEAD")
    assert (status, body) == (200, b"")
    assert head["content-length"] == headers["content-length"] and head["content-type"] == headers["content-type"]


def test_a_connection_is_used_again(place):
    with place.asked(place.head(), place.head("HEAD"), place.head()) as (_, answer):
        for method in ("GET", "HEAD", "GET"):
            status, headers = read_head(answer)
            assert status == 200
            if method == "GET":
                answer.read(int(headers["content-length"]))


def test_a_body_may_come_in_chunks(place):
    chunks = b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
    head = place.head("POST", content_type="text/plain", transfer_encoding="chunked", connection="close")
    with place.asked(head, chunks) as (_, answer):
        assert read_head(answer)[0] == 200
        assert answer.read().split()[1] == b"11"


@pytest.mark.parametrize(
    "name, method, path, status, said",
    [
        ("rest", "GET", "/Prod/nowhere", 403, b'{"message":"Missing Authentication Token"}'),
        ("web", "GET", "/nowhere", 404, b'{"message":"Not Found"}'),
        ("web", "DELETE", "/nowhere", 404, b'{"message":"Not Found"}'),
        ("azure", "GET", "/api/nowhere", 404, b""),
        # No other status tells that a method is not taken there.
        ("azure", "POST", "/api/Gets", 404, b""),
        ("google", "GET", "/nowhere", 404, b"Page not found"),
        ("url", "DELETE", "/anything", 200, None),
        ("google", "DELETE", "/plain/anything", 200, None),
    ],
)
def test_what_is_not_there(places, name, method, path, status, said):
    got, _, body = places[name].ask(method, path=path)
    assert got == status and said in (None, body), (got, body)


MB = 1 << 20
LIMITS = {
    # What a function can be handed is less than what the gateway takes: its event is 6 MB with everything around the body.
    "rest": (10 * MB, 413, b'{"message":"HTTP content length exceeded 10485760 bytes."}'),
    "web": (10 * MB, 413, b'{"message":"Request Entity Too Large"}'),
    "url": (6 * MB, 413, b'{"Message":"Request Entity Too Large"}'),
    "balancer": (1 * MB, 413, b"<center><h1>413 Request Entity Too Large</h1></center>"),
    "azure": (100 * MB, 413, b""),
    "google": (32 * MB, 413, b"Request Entity Too Large"),
}


def test_a_body_over_the_limit_is_refused_in_the_clouds_words(place):
    limit, status, said = LIMITS[place.name]
    # Whoever sends all of it before it listens gets to hear it too.
    got, _, body = place.ask("POST", b"x" * (limit + 1), content_type="text/plain")
    assert (got, said in body) == (status, True), (got, body[:200])
    # Whoever asks first is told before anything is sent.
    head = place.head("POST", content_type="text/plain", content_length=limit + 1, expect="100-continue")
    if place.name in ("azure", "google"):
        with place.asked(head) as (_, answer):
            assert read_head(answer)[0] == status


@pytest.mark.parametrize("name, size", [("web", 4 * MB), ("url", 4 * MB), ("balancer", MB - 1000), ("azure", 100 * MB), ("google", 32 * MB)])
def test_a_body_up_to_the_limit_arrives(places, name, size):
    status, _, body = places[name].ask("POST", b"x" * size, content_type="text/plain")
    assert (status, body.split()[-1]) == (200, str(size).encode()), body[:200]


def peak_kb(fulmar):
    with open(f"/proc/{fulmar.process.pid}/status") as status:
        return int(re.search(r"VmHWM:\s+(\d+)", status.read())[1])


def test_large_uploads_take_no_memory_of_the_server(places):
    place, size = places["azure"], 90 * MB
    place.ask()
    before = peak_kb(places["fulmar"])
    answers = []
    body = b"x" * size
    callers = [threading.Thread(target=lambda: answers.append(place.ask("POST", body, content_type="text/plain"))) for _ in range(3)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert [answer[2].split()[-1] for answer in answers] == [str(size).encode()] * 3
    grown = (peak_kb(places["fulmar"]) - before) / 1024
    assert grown < 64, f"{grown} MB for {3 * size // MB} MB"
    assert list((places["fulmar"].data_dir / "requests").iterdir()) == []


def instance(answer):
    assert answer[0] == 200, answer
    return answer[2].split()[0]


def test_callers_that_leave_in_their_request_cost_no_instance(place):
    first = instance(place.ask())
    half = place.head("POST", content_type="text/plain", content_length=1000) + b"x" * 500
    opened = [place.connect() for _ in range(20)]
    for caller in opened:
        caller.sendall(half)
    # They are still there, and nobody waits for them.
    assert instance(place.ask()) == first
    for caller in opened:
        caller.close()
    assert instance(place.ask()) == first


def test_a_caller_that_leaves_while_its_function_runs_takes_nothing_along(place, gate):
    name = f"leaves-{place.name}"
    with place.asked(place.head(x_wait=name)):
        pass
    gate.open(name)
    assert place.ask()[0] == 200


STREAMED = [("streams", "/"), ("google", "/streams"), ("google", "/py_streams"), ("google", "/aio_streams")]


@pytest.mark.parametrize("name, path", STREAMED)
def test_an_answer_reaches_the_caller_while_its_function_runs(places, gate, name, path):
    place, wait = places[name], f"{name}{path}".replace("/", "-")
    with place.asked(place.head(path=path, x_wait=wait, connection="close")) as (_, answer):
        status, headers = read_head(answer)
        assert (status, headers["transfer-encoding"]) == (200, "chunked")
        assert answer.readline() == b"6\r\n" and answer.readline() == b"first\n"
        gate.open(wait)
        assert b"last\n" in answer.read()
    # The head of such an answer comes without the rest of it.
    gate.open(wait)
    status, _, body = place.ask("HEAD", path=path, x_wait=wait)
    assert (status, body) == (200, b"")


@pytest.mark.parametrize("path", ["/large", "/py_large"])
def test_large_answers_come_whole(places, path):
    status, headers, body = places["google"].ask(path=path)
    assert (status, len(body), headers["content-length"]) == (200, 20 * MB, str(20 * MB))


@pytest.mark.parametrize("path", ["/breaks", "/py_breaks"])
def test_an_answer_that_breaks_off_does_not_look_whole(places, path):
    status, _, body = places["google"].ask(path=path)
    assert status == 200 and body.startswith(b"5\r\nfirst") and not body.endswith(b"0\r\n\r\n")
