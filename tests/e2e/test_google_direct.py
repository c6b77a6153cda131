"""Requests that take the short way through our own code, beside the very same requests to the framework's own server: the
status, the headers and the body are to be the same, and what the function sees of its request."""

import gzip
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time

import pytest

from conftest import eventually, server
from test_google import ask, free_port, write

NODE = r"""
const http = require('http');
const functions = require('@google-cloud/functions-framework');
const seen = [];
const look = (req, res) => ({
  method: req.method, url: req.url, originalUrl: req.originalUrl, baseUrl: req.baseUrl, path: req.path, query: req.query,
  params: req.params, hostname: req.hostname, host: req.host, protocol: req.protocol, secure: req.secure, ip: req.ip, ips: req.ips,
  subdomains: req.subdomains, xhr: req.xhr, fresh: req.fresh, stale: req.stale, version: req.httpVersion,
  major: req.httpVersionMajor, minor: req.httpVersionMinor,
  body: req.body === undefined ? 'undefined' : req.body, raw: req.rawBody && req.rawBody.toString('base64'),
  json: req.is('json'), html: req.accepts('html'), b: req.get('X-B'), c: req.header('x-c'), distinct: req.headersDistinct['x-b'],
  headers: Object.keys(req.headers).filter((name) => name !== 'function-execution-id' && name !== 'connection').sort(),
  trace: req.spanId, execution: typeof req.executionId, abort: req.abortController?.signal.aborted,
  is: [req instanceof http.IncomingMessage, res instanceof http.ServerResponse, req.res === res, res.req === req, res.app === req.app],
  kinds: [req.constructor.name, res.constructor.name, typeof req.route, Object.keys(res.locals)],
  state: [res.headersSent, res.writableEnded, res.finished, res.statusCode, req.destroyed, req.readableFlowing],
});
const acts = {
  look: (req, res) => res.json(look(req, res)),
  text: (req, res) => res.send('Hällo <b>'),
  long: (req, res) => res.send('ä'.repeat(3000)),
  html: (req, res) => res.type('txt').send('plain'),
  object: (req, res) => res.send({ a: [1, null, 'ü'] }),
  array: (req, res) => res.json([1, 2]),
  bytes: (req, res) => res.send(Buffer.from([0, 1, 255])),
  nothing: (req, res) => res.send(null),
  undefined: (req, res) => res.send(undefined),
  empty: (req, res) => res.send(''),
  boolean: (req, res) => res.send(true),
  status: (req, res) => res.status(418).send('teapot'),
  created: (req, res) => res.status(201).json({ made: true }),
  sendStatus: (req, res) => res.sendStatus(403),
  none: (req, res) => res.status(204).send('gone'),
  reset: (req, res) => res.status(205).send('gone'),
  redirect: (req, res) => res.redirect('/there?x=ü'),
  cookie: (req, res) => res.cookie('a', 'b c', { httpOnly: true }).cookie('d', 'e').send('cookies'),
  headers: (req, res) => res.set({ 'X-One': '1', 'X-Two': ['a', 'b'] }).append('X-One', '2').vary('Accept').links({ next: '/n' }).send('h'),
  attachment: (req, res) => res.attachment('a.json').send('{}'),
  charset: (req, res) => res.set('Content-Type', 'text/plain; charset=latin1').send('é'),
  jsonp: (req, res) => res.jsonp({ a: 1 }),
  etag: (req, res) => res.set('ETag', '"v1"').send('tagged'),
  etagOn: (req, res) => res.set('Last-Modified', 'Wed, 21 Oct 2015 07:28:00 GMT').send('dated'),
  format: (req, res) => res.format({ text: () => res.send('t'), json: () => res.json({ f: 1 }) }),
  end: (req, res) => res.end('ended'),
  endBytes: (req, res) => { res.statusCode = 202; res.end(Buffer.from('bytes')); },
  base64: (req, res) => res.end('aGk=', 'base64'),
  pieces: (req, res) => { res.write('one '); res.write(Buffer.from('two ')); setTimeout(() => res.end('three'), 5); },
  head: (req, res) => { res.writeHead(203, { 'X-Raw': 'r', 'Content-Length': 2 }); res.end('ok'); },
  rawHead: (req, res) => { res.writeHead(200, 'Fine', ['X-R', '1', 'X-S', '2']); res.end('raw'); },
  hooked: (req, res) => { const set = res.setHeader; res.setHeader = function (n, v) { return set.call(this, n, n === 'Content-Type' ? 'text/x-mine' : v); }; res.send('hooked'); },
  chained: (req, res) => { const end = res.end; res.end = function (...rest) { res.end = end; res.setHeader('X-Chained', 'yes'); return end.apply(this, rest); }; res.send('chained'); },
  throws: () => { throw new Error('on purpose'); },
  throwsText: () => { throw 'just text'; },
  throwsObject: () => { throw { message: 'an object' }; },
  rejects: async () => { await null; throw new Error('rejected'); },
  later: () => { setTimeout(() => { throw new Error('later'); }, 2); },
  emits: () => { new (require('events'))().emit('error', new Error('emitted')); },
  afterwards: async (req, res) => { await new Promise((resolve) => setTimeout(resolve, 3)); res.send('afterwards'); },
  twice: (req, res) => { res.send('first'); res.send('second'); },
  circular: (req, res) => { const a = {}; a.a = a; res.json(a); },
  finish: (req, res) => { res.on('finish', () => seen.push(['finish', res.locals.functionExecutionFinished, res.writableFinished])); res.on('close', () => seen.push('close')); res.send('f'); seen.push('sent'); },
  finished: (req, res) => setTimeout(() => res.json(seen.splice(0)), 20),
  stream: (req, res) => { const all = []; req.on('data', (piece) => all.push(piece)); req.on('end', () => res.send(`read ${Buffer.concat(all)}`)); },
  iterate: async (req, res) => { let all = ''; for await (const piece of req) all += piece; res.send(`iterated ${all}`); },
  domain: (req, res) => { const d = process.domain; setTimeout(() => res.send(String(d !== undefined && d !== null && process.domain === d)), 1); },
  nested: (req, res) => { const d = process.domain; require('domain').create().run(() => {}); res.send(String(process.domain === d)); },
};
functions.http('node_act', (req, res) => acts[req.query.do](req, res));
functions.http('node_idle', (req, res) => res.send(new Error('').stack));
"""

PYTHON = r"""
import time
import traceback
import flask
import functions_framework
from flask import abort, after_this_request, g, jsonify, make_response, redirect, request as current, session, stream_with_context, url_for

def look(request):
    return {
        "method": request.method, "url": request.url, "path": request.path, "full": request.full_path, "script": request.script_root,
        "query": request.query_string.decode(), "args": request.args.to_dict(flat=False), "form": request.form.to_dict(flat=False),
        "files": {name: [one.filename, one.read().decode()] for name, one in request.files.items()},
        "headers": sorted(name for name, _ in request.headers if name not in ("Function-Execution-Id", "Connection")),
        "b": request.headers.get("x-b"), "data": request.get_data(as_text=True), "mime": request.mimetype, "length": request.content_length,
        "json": request.get_json(silent=True), "is_json": request.is_json, "cookies": request.cookies, "host": request.host,
        "secure": request.is_secure, "scheme": request.scheme, "route": request.access_route, "agent": str(request.user_agent),
        "rule": str(request.url_rule), "view": request.view_args, "endpoint": request.endpoint, "blueprint": request.blueprint,
        "execution": len(request.headers["Function-Execution-Id"]) > 0, "same": current._get_current_object() is request,
        "app": flask.current_app.name, "kind": type(request).__name__, "thread": request.environ["wsgi.multithread"],
    }

def finished(response):
    response.headers["X-After"] = "yes"
    return response

def on_after():
    after_this_request(finished)
    return "after"

def responding():
    response = make_response("made", 202)
    response.set_cookie("a", "b")
    return response

def pieces():
    yield "one "
    yield "two"

def with_g():
    g.x = 1
    return str("x" in g) + str(flask.has_request_context())

acts = {
    "look": lambda r: look(r),
    "text": lambda r: "Hällo",
    "long": lambda r: "ä" * 3000,
    "empty": lambda r: "",
    "bytes": lambda r: b"\x00\xff",
    "status": lambda r: ("teapot", 418),
    "headers": lambda r: ("h", 201, {"X-One": "1", "Content-Type": "text/plain"}),
    "pairs": lambda r: ("h", [("X-Two", "a"), ("X-Two", "b")]),
    "dict": lambda r: {"a": [1, None, "ü"]},
    "list": lambda r: [1, 2],
    "jsonify": lambda r: jsonify(a=1),
    "none": lambda r: None,
    "number": lambda r: 7,
    "nothing": lambda r: ("", 204),
    "made": lambda r: responding(),
    "redirect": lambda r: redirect("/there"),
    "abort": lambda r: abort(403),
    "abortWords": lambda r: abort(400, description="words"),
    "throws": lambda r: 1 / 0,
    "after": lambda r: on_after(),
    "session": lambda r: str(session.get("x")),
    "sessionSet": lambda r: session.__setitem__("x", 1),
    "pieces": lambda r: pieces(),
    "context": lambda r: flask.Response(stream_with_context(current.path for _ in range(2))),
    "g": lambda r: with_g(),
    "url": lambda r: url_for("run", path="x/y"),
    "external": lambda r: url_for("run", path="x", _external=True),
    "need": lambda r: r.get_json(),
    "sent": lambda r: r.json["a"],
    "cache": lambda r: r.stream.read(),
    "response": lambda r: flask.Response("own", status=203, mimetype="text/x-own"),
    "conditional": lambda r: flask.Response("c").make_conditional(r),
    "slow": lambda r: time.sleep(0.05) or "slow",
}

@functions_framework.http
def python_act(request):
    return acts[request.args["do"]](request)

@functions_framework.http
def python_idle(request):
    return " ".join(frame.filename for frame in traceback.extract_stack())
"""

# Says which process it is, while others ask it too.
WHO = """
const functions = require('@google-cloud/functions-framework');
const me = String(Math.random());
functions.http('%s', (req, res) => setTimeout(() => res.send(me), 300));
"""

JSON = {"content-type": "application/json"}
FORM = {"content-type": "application/x-www-form-urlencoded"}
PARTS = {"content-type": "multipart/form-data; boundary=b"}
MULTIPART = b'--b\r\ncontent-disposition: form-data; name="f"; filename="n.txt"\r\n\r\nfile\r\n--b\r\ncontent-disposition: form-data; name="k"\r\n\r\nv\r\n--b--\r\n'

# Of a request: what it does, and its method, path, headers and body where they are not the usual ones.
LOOKS = [
    {},
    {"path": "/a/b/"},
    {"path": "/a%20b"},
    {"path": "/%C3%A4"},
    {"path": "/%zz"},
    {"path": "//x"},
    {"path": "/a//b"},
    {"path": "/favicon.ico"},
    {"path": "/robots.txt"},
    {"path": "/Robots.txt/x"},
    {"query": "&a=1&a=2&b[c]=d&e="},
    {"query": "&a=%20%2B+"},
    {"headers": {"x-b": "one", "X-C": "two"}},
    {"headers": {"x-cloud-trace-context": "abc/17;o=1", "traceparent": "x"}},
    {"headers": {"x-requested-with": "XMLHttpRequest", "accept": "text/html", "cookie": "a=b; c=d", "user-agent": "me"}},
    {"headers": {"if-none-match": '"v1"'}},
    {"method": "POST", "headers": JSON, "body": b'{"a": [1, "\xc3\xa4"]}'},
    {"method": "POST", "headers": JSON, "body": b"  [1]"},
    {"method": "POST", "headers": JSON, "body": b"7"},
    {"method": "POST", "headers": JSON, "body": b"{bad"},
    {"method": "POST", "headers": JSON, "body": b""},
    {"method": "POST", "headers": JSON, "body": b"\xef\xbb\xbf{}"},
    {"method": "POST", "headers": {"content-type": "application/json; charset=UTF-8"}, "body": b'{"a":1}'},
    {"method": "POST", "headers": {"content-type": "application/json; charset=utf-16"}, "body": '{"a":1}'.encode("utf-16")},
    {"method": "POST", "headers": {"content-type": "application/json; charset=nonsense"}, "body": b"{}"},
    {"method": "POST", "headers": {**JSON, "content-encoding": "gzip"}, "body": gzip.compress(b'{"a":1}', mtime=0)},
    {"method": "POST", "headers": {"content-type": "application/problem+json"}, "body": b"{}"},
    {"method": "POST", "headers": {"content-type": "text/plain"}, "body": "ä".encode()},
    {"method": "POST", "headers": {"content-type": "text/plain; charset=latin1"}, "body": b"\xe4"},
    {"method": "POST", "headers": FORM, "body": b"a=1&b[c]=2"},
    {"method": "POST", "headers": PARTS, "body": MULTIPART},
    {"method": "POST", "headers": {"content-type": "application/octet-stream"}, "body": b"\0\xff"},
    {"method": "POST", "body": b"of no type"},
    {"method": "PUT", "headers": JSON, "body": b'{"put":1}'},
    {"method": "DELETE"},
    {"method": "DELETE", "headers": JSON, "body": b"{}"},
    {"method": "OPTIONS"},
    {"method": "HEAD"},
    {"method": "GET", "headers": JSON, "body": b'{"get":1}'},
]


class Both:
    """Our server and the framework's own, each with its address and what precedes its paths."""

    def __init__(self, ours, theirs, name):
        self.ours, self.theirs, self.name = ours, theirs, name

    def differences(self, case):
        act = case.get("do", "look")
        target = f"{case.get('path', '/')}?do={act}{case.get('query', '')}"
        mine = exchange(self.ours, f"/{self.name}{target}", case)
        framework = exchange(self.theirs, target, case)
        return [] if mine == framework else [{"case": case, "ours": mine, "framework": framework}]


def exchange(port, target, case):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.putrequest(case.get("method", "GET"), target, skip_host=True, skip_accept_encoding=True)
    headers = {"Host": "example.test", "X-Forwarded-For": "9.8.7.6", "X-Forwarded-Proto": "http", **case.get("headers", {})}
    if "body" in case:
        headers["Content-Length"] = str(len(case["body"]))
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders(case.get("body") or None)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    of_the_server = ("date", "connection", "keep-alive", "transfer-encoding", "server")
    told = [(name.lower(), value) for name, value in answer.getheaders() if name.lower() not in of_the_server]
    if answer.getheader("transfer-encoding") or case.get("chunked") or stripped(body) != body:
        # Whether a short answer in pieces has a length is each server's own affair, and so is that of a stack.
        told = [(name, value) for name, value in told if name != "content-length"]
    return answer.status, sorted(told), stripped(body)


def stripped(body):
    """Without what differs from one process to another: places in stacks of errors."""
    return body.split(b"<br> &nbsp; &nbsp;at ")[0]


@pytest.fixture(scope="module")
def google(tmp_path_factory):
    folder = tmp_path_factory.mktemp("direct")
    package = {"name": "n", "private": True, "dependencies": {"@google-cloud/functions-framework": "^5.0.5"}}
    write(folder / "node/index.js", NODE)
    write(folder / "node/package.json", json.dumps(package))
    write(folder / "python/main.py", PYTHON)
    write(folder / "python/requirements.txt", "functions-framework>=3.10\n")
    for name in ("who_together", "who_alone"):
        write(folder / name / "index.js", WHO % name)
        write(folder / name / "package.json", json.dumps(package))
    write(folder / "who_alone/.env.yaml", 'FULMAR_CONCURRENCY: "1"\n')
    port = free_port()
    with server("--google-listen", f"127.0.0.1:{port}") as fulmar:
        fulmar.google, fulmar.google_port = f"http://127.0.0.1:{port}", port
        fulmar.cli("deploy", str(folder))
        eventually(lambda: ask(fulmar, "/node_idle")[0] == 200 and ask(fulmar, "/python_idle")[0] == 200, timeout=120)
        fulmar.folder = folder
        yield fulmar


def beside(google, command, folder, environment):
    port = free_port()
    environment = {**os.environ, "CLOUD_RUN_TIMEOUT_SECONDS": "60", **environment}
    process = subprocess.Popen([*command, "--port", str(port)], cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def serves():
        assert process.poll() is None, "the framework's own server ended"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    eventually(serves, timeout=60)
    return process, port


@pytest.fixture(scope="module")
def node(google):
    folder = google.folder / "node"
    command = [str(folder / "node_modules/.bin/functions-framework"), "--target", "node_act"]
    process, port = beside(google, command, folder, {})
    yield Both(google.google_port, port, "node_act")
    process.kill()
    process.wait()


@pytest.fixture(scope="module")
def python(google):
    [packages] = [place.parent for place in google.data_dir.glob("runtimes/packages/*/functions_framework")]
    command = [shutil.which("python3") or sys.executable, "-m", "functions_framework", "--target", "python_act"]
    process, port = beside(google, command, google.folder / "python", {"PYTHONPATH": str(packages)})
    yield Both(google.google_port, port, "python_act")
    process.kill()
    process.wait()


def acts(code, after, until):
    """The names of what a function can be told to do."""
    lines = code.split(after, 1)[1].split(until, 1)[0].splitlines()
    found = [line.strip().split(":")[0].strip('"') for line in lines if line.startswith("  ") and ":" in line]
    assert len(found) > 20
    return found


# Once more with what others send, where it matters to them.
COPIES = [{"headers": {"if-none-match": '"v1"'}}, {"headers": {"if-modified-since": "Wed, 21 Oct 2015 07:28:00 GMT"}}, {"method": "HEAD"}]


def test_node(node):
    # In the order of their writing: `finished` tells what `finish` has seen.
    chunked = ("pieces", "rawHead")
    cases = [{"do": do, "chunked": do in chunked} for do in acts(NODE, "const acts = {", "\n};")]
    cases += [{"do": do, **copy} for do in ("text", "etag", "etagOn", "object", "bytes", "end") for copy in COPIES]
    cases += [{"do": "jsonp", "query": "&callback=f"}, {"do": "format", "headers": {"accept": "application/json"}}]
    cases += [{"do": do, "method": "POST", "headers": JSON, "body": b'{"a":1}'} for do in ("iterate", "text", "throws")]
    wrong = [one for case in [*cases, *LOOKS] for one in node.differences(case)]
    assert not wrong, json.dumps(wrong[:5], indent=1, default=str)


def test_python(python):
    chunked = ("pieces", "context")
    cases = [{"do": do, "chunked": do in chunked} for do in acts(PYTHON, "acts = {", "\n}")]
    cases += [{"do": do, **copy} for do in ("text", "conditional", "dict", "bytes") for copy in COPIES]
    cases += [{"do": do, "method": "POST", "headers": JSON, "body": b'{"a":"x"}'} for do in ("need", "sent", "cache", "text", "throws")]
    cases += [{"do": "look", "headers": {"Host": host}} for host in ("a.test:81", "[::1]:80", "no good")]
    wrong = [one for case in [*cases, *LOOKS] for one in python.differences(case)]
    assert not wrong, json.dumps(wrong[:5], indent=1, default=str)


def test_the_short_way_is_taken_and_left(google):
    """Or else the others would show nothing."""
    usual = exchange(google.google_port, "/node_idle", {})[2]
    assert b"google/direct.js" in usual and b"function_wrappers.js" not in usual
    assert b"function_wrappers.js" in exchange(google.google_port, "/node_idle", {"method": "POST", "headers": FORM, "body": b"a=1"})[2]
    exchange(google.google_port, "/python_idle", {})
    usual = exchange(google.google_port, "/python_idle", {})[2]
    assert b"_fulmar/direct.py" in usual and b"flask/app.py" not in usual
    assert b"flask/app.py" in exchange(google.google_port, "/python_idle//x", {})[2]


def test_how_many_an_instance_serves_at_once_is_the_functions_to_say(google):
    from concurrent.futures import ThreadPoolExecutor

    def who(name):
        with ThreadPoolExecutor(4) as pool:
            asked = [pool.submit(exchange, google.google_port, f"/{name}", {}) for _ in range(4)]
            return {one.result()[2] for one in asked}

    assert len(who("who_together")) == 1
    assert len(who("who_alone")) == 4


def test_many_at_once_are_each_given_their_own(google):
    """Slow ones do not hold up the others, and nobody gets another's answer."""
    from concurrent.futures import ThreadPoolExecutor

    def one(number):
        name = "node_act" if number % 2 else "python_act"
        body = json.dumps({"n": number}).encode()
        status, _, said = exchange(google.google_port, f"/{name}/{number}?do=look", {"method": "POST", "headers": JSON, "body": body})
        said = json.loads(said)
        got = said["body"] if number % 2 else said["json"]
        return status == 200 and said["path"] == f"/{number}" and got["n"] == number

    exchange(google.google_port, "/python_act?do=slow", {})
    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(one, range(400)))
        began = time.monotonic()
        slow = [pool.submit(exchange, google.google_port, "/python_act?do=slow", {}) for _ in range(4)]
        assert all(one.result()[2] == b"slow" for one in slow)
        assert time.monotonic() - began < 10
