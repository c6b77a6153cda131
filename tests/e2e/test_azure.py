"""Azure's functions in JavaScript, unchanged: those that a function.json describes, and those that register themselves with
the real @azure/functions package; their host's routes, keys and admin API."""

import http.client
import json
import shutil
import socket
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request

import pytest

from conftest import ROOT, eventually, free_port, server
from test_cli import Up

SAMPLES = ROOT.parent / "shared/samples"


def write(file, content):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content if isinstance(content, str) else json.dumps(content))


def ask(host, path, data=None, method=None, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(host.azure + path, data=data, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def keys_of(host):
    """What the command line lists: by what each opens, and its name."""
    listed = json.loads(host.cli("keys", "--json").stdout)["keys"]
    return {(key["opens"], key["name"]): key["value"] for key in listed}


def http_function(folder, name, code, route=None, auth="anonymous", methods=None, output="res"):
    trigger = {"type": "httpTrigger", "direction": "in", "name": "req", "authLevel": auth}
    if route:
        trigger["route"] = route
    if methods:
        trigger["methods"] = methods
    write(folder / name / "function.json", {"bindings": [trigger, {"type": "http", "direction": "out", "name": output}]})
    write(folder / name / "index.js", code)


DESCRIBED = {
    "Echo": "module.exports = async (context, req) => { context.res = { status: 201, headers: { 'X-Seen': req.headers['x-b'] },"
    " body: { method: req.method, url: req.url, query: req.query, params: req.params, body: req.body, raw: req.rawBody,"
    " bytes: req.bufferBody && req.bufferBody.length, id: context.invocationId, fn: context.executionContext.functionName } } };",
    "Done": "module.exports = function (context, req) { context.res = 'x'; context.res = { body: 'done' }; context.done(); };",
    "DoneError": "module.exports = function (context) { context.done(new Error('no')); };",
    "Bindings": "exports.run = async (context) => { context.bindings.res = { status: 202, body: 'bound' }; }; exports.other = 1;",
    "Express": "module.exports = async (context) => { context.res.status(203).set('x-a', 'b').type('text/html').send('<p>'); };",
    "Throws": "module.exports = async () => { throw new Error('on purpose'); };",
    "Malformed": "module.exports = async (context) => { context.res = ['no']; };",
    "Circular": "module.exports = async (context) => { const a = {}; a.a = a; context.res = { body: a }; };",
    "Exits": "module.exports = async () => process.exit(3);",
    "Nothing": "module.exports = async () => {};",
    "Logs": "module.exports = async (context) => { context.log('said', { a: 1 }); context.log.warn('careful'); context.log.error('bad\\r\\nand worse');"
    " context.log.verbose('unheard'); context.res = { body: process.env.GREETING + ' ' + process.env.FUNCTIONS_WORKER_RUNTIME + ' ' + __dirname.startsWith(process.env.AzureWebJobsScriptRoot) }; };",
    "Cookies": "module.exports = async (context) => { context.res = { cookies: [{ name: 'a', value: 'b c', maxAge: 60, path: '/p', secure: true, httpOnly: true, sameSite: 'Strict' }, { name: 'd', value: 'e' }], body: Buffer.from([0, 255]) }; };",
    "Form": "module.exports = async (context, req) => { const form = req.parseFormBody(); context.res = { body: form.get('file').value.toString() + form.get('file').fileName + form.get('n').value + form.length }; };",
    "Hangs": "module.exports = () => new Promise(() => setTimeout(() => {}, 1e6));",
    "Length": "module.exports = async (context, req) => { context.res = { body: req.bufferBody.length }; };",
    "Large": "module.exports = async (context, req) => { context.res = { body: 'x'.repeat(Number(req.query.n)) }; };",
}


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    folder = tmp_path_factory.mktemp("described") / "app"
    write(folder / "host.json", {"version": "2.0", "functionTimeout": "00:00:03", "extensions": {"http": {"customHeaders": {"X-Host": "ours"}}}})
    write(folder / "local.settings.json", {"Values": {"GREETING": "hello", "AzureWebJobs.Off.Disabled": "true"}, "Host": {"CORS": "https://page.example"}})
    for name, code in DESCRIBED.items():
        http_function(folder, name, code)
    http_function(folder, "Off", DESCRIBED["Done"])
    http_function(folder, "Returned", "module.exports = async (context, req) => ({ status: 200, body: 'returned ' + req.query.a });", output="$return")
    http_function(folder, "Item", "module.exports = async (context, req) => { context.res = { body: 'item ' + req.params.id }; };", route="items/{id:int?}", methods=["get"])
    http_function(folder, "Named", "module.exports = async (context, req) => { context.res = { body: 'named ' + req.params.id }; };", route="items/{id:alpha}", methods=["get"])
    http_function(folder, "Rest", "module.exports = async (context, req) => { context.res = { body: 'rest ' + req.params.rest }; };", route="items/{*rest}")
    http_function(folder, "Keyed", "module.exports = async (context) => { context.res = { body: 'in' }; };", auth="function")
    http_function(folder, "Mastered", "module.exports = async (context) => { context.res = { body: 'in' }; };", auth="admin")
    port = free_port()
    with server("--azure-listen", f"127.0.0.1:{port}") as fulmar:
        fulmar.azure = f"http://127.0.0.1:{port}"
        fulmar.folder = folder
        said = fulmar.cli("deploy", str(folder)).stdout
        assert f"http://127.0.0.1:{port}/api/Echo" in said and "Off is disabled" in said, said
        eventually(lambda: ask(fulmar, "/admin/host/ping")[0] == 200)
        yield fulmar


def test_what_a_described_function_sees(host):
    status, headers, body = ask(host, "/api/echo?a=1&a=2&b=%20", b'{"k": [1]}', "PUT", content_type="application/json", x_b="2")
    assert (status, headers["x-seen"], headers["x-host"]) == (201, "2", "ours")
    assert headers["content-type"] == "text/plain; charset=utf-8"
    seen = json.loads(body)
    assert seen["method"] == "PUT" and seen["url"] == f"{host.azure}/api/echo?a=1&a=2&b=%20"
    assert seen["query"] == {"a": "1,2", "b": " "} and seen["params"] == {}
    assert seen["body"] == {"k": [1]} and seen["raw"] == '{"k": [1]}' and seen["bytes"] == 10
    assert seen["fn"] == "Echo" and len(seen["id"]) == 36
    # Objects are printed as the host prints them.
    assert body.startswith(b'{\n  "method"')
    _, _, body = ask(host, "/api/Echo", b"\xffbytes", content_type="application/octet-stream")
    assert json.loads(body)["body"]["type"] == "Buffer"
    _, _, body = ask(host, "/api/Echo", b"plain", content_type="text/plain")
    assert json.loads(body)["body"] == "plain"


@pytest.mark.parametrize(
    "name, status, body",
    [
        ("Done", 200, b"done"),
        ("Bindings", 202, b"bound"),
        ("Express", 203, b"<p>"),
        ("Returned?a=x", 200, b"returned x"),
        ("Nothing", 200, b""),
        ("Throws", 500, b""),
        ("DoneError", 500, b""),
        ("Malformed", 500, b""),
        ("Circular", 500, b""),
        ("Exits", 500, b""),
        ("Off", 404, b""),
    ],
)
def test_how_a_described_function_answers(host, name, status, body):
    assert ask(host, f"/api/{name}")[::2] == (status, body)


def test_a_failure_is_in_the_log(host):
    assert ask(host, "/api/Throws")[0] == 500
    said = host.cli("logs", "Throws").stdout
    assert "[Error] Error: on purpose" in said and "Executed 'Functions.Throws' (Failed" in said
    assert ask(host, "/api/Exits")[0] == 500
    assert "exited with code 3" in host.cli("logs", "Exits").stdout


def test_a_function_that_hangs_is_ended(host):
    assert ask(host, "/api/Hangs")[0] == 500
    [call] = json.loads(host.cli("invocations", "Hangs", "--json").stdout)["invocations"]
    assert call["outcome"] == "timeout" and call["duration_ms"] == 3000, call
    assert "Timeout value of 00:00:03 exceeded" in host.cli("logs", "Hangs").stdout


def test_levels_and_the_environment(host):
    assert ask(host, "/api/Logs")[2] == b"hello node true"
    said = host.cli("logs", "Logs").stdout
    for line in ("[Information] said { a: 1 }", "[Warning] careful", "[Error] bad\n    and worse", "Executing 'Functions.Logs'"):
        assert line in said, said
    assert "unheard" not in said


def test_cookies_and_bytes(host):
    _, headers, body = ask(host, "/api/Cookies")
    assert body == b"\x00\xff" and headers["content-type"] == "application/octet-stream"
    assert headers.get_all("set-cookie") == ["a=b%20c; max-age=60; path=/p; secure; samesite=strict; httponly", "d=e; path=/"]


def test_forms(host):
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\nhi\r\nyou\r\n--x\r\nContent-Disposition: form-data; name="n"\r\n\r\n7\r\n--x--\r\n'
    assert ask(host, "/api/Form", body, content_type="multipart/form-data; boundary=x")[2] == b"hi\r\nyoua.txt72"


def test_routes(host):
    found = {"/api/items/7": b"item 7", "/API/ITEMS/7/": b"item 7", "/api/items": b"item undefined", "/api/items/ab": b"named ab", "/api/items/a1/b%20c": b"rest a1/b c"}
    for path, body in found.items():
        assert ask(host, path)[::2] == (200, body), path
    # A method that the route does not take leaves the others.
    assert ask(host, "/api/items/7", b"", "POST")[2] == b"rest 7"
    for path in ("/api/unknown", "/items/7", "/api/Echo/more"):
        assert ask(host, path)[::2] == (404, b""), path
    assert ask(host, "/")[0] == 200


def test_a_head_request_has_no_body(host):
    status, headers, body = ask(host, "/api/Done", method="HEAD")
    assert (status, body, headers["content-length"]) == (200, b"", "4")


def test_keys(host):
    keys = keys_of(host)
    own, shared, master = keys["function/keyed", "default"], keys["host", "default"], keys["master", "_master"]
    assert ask(host, "/api/Keyed")[::2] == (401, b"")
    assert ask(host, "/api/Keyed?code=wrong")[0] == 401
    for key in (own, shared, master):
        assert ask(host, f"/api/Keyed?code={key}")[2] == b"in"
        assert ask(host, "/api/Keyed", x_functions_key=key)[2] == b"in"
    assert ask(host, f"/api/Keyed?code={keys['function/echo', 'default']}")[0] == 401
    for key, status in ((own, 401), (shared, 401), (keys["function/mastered", "default"], 401), (master, 200)):
        assert ask(host, f"/api/Mastered?code={key}")[0] == status
    listed = host.cli("keys", "Keyed").stdout
    assert own in listed and shared in listed and keys["function/echo", "default"] not in listed


def test_the_admin_api(host):
    master = {"x_functions_key": keys_of(host)["master", "_master"]}
    assert ask(host, "/admin/host/status")[0] == 401
    status, _, body = ask(host, "/admin/host/status", **master)
    assert status == 200 and json.loads(body)["state"] == "Running"
    names = [function["name"] for function in json.loads(ask(host, "/admin/functions", **master)[2])]
    assert "Echo" in names and "Off" not in names and names == sorted(names)
    function = json.loads(ask(host, "/admin/functions/item", **master)[2])
    assert function["invoke_url_template"] == f"{host.azure}/api/items/{{id:int?}}"
    assert function["config"]["bindings"][0]["type"] == "httpTrigger"
    assert ask(host, "/admin/functions/nobody", **master)[0] == 404
    assert ask(host, "/admin/functions/Logs", b'{"input": "{}"}', "POST", **master)[::2] == (202, b"")
    assert ask(host, "/admin/functions/Logs", b"nonsense", "POST", **master)[0] == 400
    status, _, body = ask(host, "/admin/host/restart", b"", "POST", **master)
    assert status == 501 and b"POST /admin/host/restart is not implemented" in body
    runs = lambda: [run for run in json.loads(host.cli("invocations", "Logs", "--json").stdout)["invocations"] if run["trigger"] == "admin"]
    eventually(runs)


def test_keys_are_managed(host):
    master = {"x_functions_key": keys_of(host)["master", "_master"]}
    status, _, body = ask(host, "/admin/functions/Keyed/keys/mine", b"", "POST", **master)
    made = json.loads(body)
    assert status == 201 and made["name"] == "mine"
    assert ask(host, f"/api/Keyed?code={made['value']}")[0] == 200
    status, _, body = ask(host, "/admin/functions/Keyed/keys/mine", b'{"name": "mine", "value": "chosen value"}', "PUT", content_type="application/json", **master)
    assert (status, json.loads(body)["value"]) == (200, "chosen value")
    assert ask(host, f"/api/Keyed?code={made['value']}")[0] == 401
    assert ask(host, "/api/Keyed?code=chosen%20value")[0] == 200
    names = [key["name"] for key in json.loads(ask(host, "/admin/functions/Keyed/keys", **master)[2])["keys"]]
    assert names == ["default", "mine"]
    assert ask(host, "/admin/functions/Keyed/keys/mine", method="DELETE", **master)[0] == 204
    assert ask(host, "/admin/functions/Keyed/keys/mine", method="DELETE", **master)[0] == 404
    assert ask(host, "/admin/functions/Keyed/keys/mine", b"{}", "PUT", **master)[0] == 400
    assert json.loads(ask(host, "/admin/host/functionkeys/default", **master)[2])["value"] == keys_of(host)["host", "default"]
    assert json.loads(ask(host, "/admin/host/systemkeys/_master", **master)[2])["value"] == master["x_functions_key"]
    assert ask(host, "/admin/host/keys/_master", method="DELETE", **master)[0] == 400


def test_pages_may_call_that_are_named(host):
    page = {"origin": "https://page.example"}
    asked = {"access_control_request_method": "GET", "access_control_request_headers": "x-b"}
    status, headers, _ = ask(host, "/api/Keyed", method="OPTIONS", **page, **asked)
    assert (status, headers["access-control-allow-origin"], headers["access-control-allow-headers"]) == (204, "https://page.example", "x-b")
    assert ask(host, "/api/Done", **page)[1]["access-control-allow-origin"] == "https://page.example"
    assert "access-control-allow-origin" not in ask(host, "/api/Done", origin="https://other.example")[1]


def test_bodies_up_to_the_limit_and_large_answers(host):
    size = 20 << 20
    assert ask(host, "/api/Length", b"x" * size, content_type="application/octet-stream")[2] == b"%d" % size
    assert len(ask(host, f"/api/Large?n={size}")[2]) == size
    # Only said to be larger: nothing of it needs to be sent.
    connection = http.client.HTTPConnection(host.azure.removeprefix("http://"), timeout=60)
    connection.putrequest("POST", "/api/Echo")
    connection.putheader("content-length", str((100 << 20) + 1))
    connection.endheaders()
    assert connection.getresponse().status == 413


def test_functions_and_keys_are_there_again_after_a_crash(host):
    before = keys_of(host)
    host.kill()
    host.restart()
    # Who is ready has every port open.
    assert ask(host, f"/api/Keyed?code={before['host', 'default']}")[2] == b"in"
    assert keys_of(host) == before


def test_what_is_not_built_is_refused_as_a_whole(host, tmp_path):
    tmp_path = tmp_path / "app"
    write(tmp_path / "host.json", {"version": "2.0"})
    http_function(tmp_path, "Fine", DESCRIBED["Done"])
    write(tmp_path / "Tick/function.json", {"bindings": [{"type": "timerTrigger", "name": "t", "schedule": "0 * * * * *"}]})
    write(tmp_path / "Store/function.json", {"bindings": [{"type": "httpTrigger", "name": "req"}, {"type": "blob", "direction": "out", "name": "b"}]})
    refused = host.cli("deploy", str(tmp_path), check=False)
    said = refused.stdout + refused.stderr
    assert refused.returncode != 0
    assert "Tick has a trigger of type timerTrigger" in said and "Store has a binding of type blob (direction out)" in said
    assert ask(host, "/api/Fine")[0] == 404


def test_what_answers_to_the_same_as_another_application_is_refused(host, tmp_path):
    app = tmp_path / "other"
    write(app / "host.json", {"version": "2.0"})
    http_function(app, "Thief", DESCRIBED["Done"], route="items/{other:int?}", methods=["get", "put"])
    refused = host.cli("deploy", str(app), check=False)
    assert refused.returncode != 0 and "is that of Item of another stack" in refused.stdout + refused.stderr
    http_function(app, "Thief", DESCRIBED["Done"], route="items/{other:int?}", methods=["put"])
    host.cli("deploy", str(app))
    eventually(lambda: ask(host, "/api/items/7", b"", "PUT")[2] == b"done")
    host.cli("deploy", str(host.folder))  # What is its own is no stranger.


# ---- functions that register themselves

REGISTERED = """
const { app, HttpResponse } = require('@azure/functions');

app.hook.appStart((context) => { globalThis.started = true; });
app.hook.preInvocation((context) => {
  context.hookData.began = true;
  if (context.invocationContext.functionName === 'hooked') context.inputs.push('from the hook');
});
app.hook.postInvocation((context) => {
  if (context.invocationContext.functionName === 'hooked') context.result = { ...context.result, headers: { 'x-hooked': String(context.hookData.began) } };
});
app.hook.log((context) => { context.message = context.message.replace('secret', '***'); });

app.http('echo', {
  methods: ['GET', 'POST'], authLevel: 'anonymous', route: 'echo/{who?}',
  handler: async (request, context) => {
    context.log('a secret');
    context.warn('careful');
    return { status: 201, jsonBody: {
      url: request.url, method: request.method, q: [...request.query], who: request.params.who,
      h: request.headers.get('x-b'), body: await request.text(), started: globalThis.started, fn: context.functionName,
    }, cookies: [{ name: 'a', value: 'b', sameSite: 'Lax' }] };
  },
});
app.get('plain', () => ({ body: 'plain' }));
app.post('posted', async (request) => ({ jsonBody: await request.json() }));
app.get('response', () => new HttpResponse({ status: 202, body: 'made', headers: { 'x-a': 'b' } }));
app.get('hooked', (request, more, context) => ({ body: `${more} of ${context.functionName}` }));
app.get('throws', () => { throw new TypeError('on purpose'); });
app.get('nothing', () => {});
app.get('wrong', () => 'a text');
app.http('keyed', { authLevel: 'function', handler: () => ({ body: 'in' }) });
"""

STREAMS = """
import { app } from '@azure/functions';
import { Readable } from 'node:stream';
app.setup({ enableHttpStream: true });
app.post('upper', { authLevel: 'anonymous', handler: async (request) => {
  let size = 0;
  for await (const chunk of request.body) size += chunk.length;
  return { body: `${size} ${request.url} ${request.query.get('a')}` };
} });
app.get('slow', async (request) => ({ headers: { 'content-type': 'text/event-stream' }, body: Readable.from((async function* () {
  yield 'first\\n';
  await fetch(`${process.env.GATE}/slow`);
  yield 'second\\n';
})()) }));
app.get('breaks', async () => ({ body: Readable.from((async function* () { yield 'first'; throw new Error('no more'); })()) }));
app.get('fails', async () => { throw new Error('at once'); });
app.get('silent', async () => {});
app.get('item', { route: 'item/{id:int}', handler: async (request) => ({ status: 203, body: request.params.id, cookies: [{ name: 'a', value: 'b' }] }) });
"""


@pytest.fixture(scope="module")
def coded(tmp_path_factory, gate):
    folder = tmp_path_factory.mktemp("registered")
    needs = {"dependencies": {"@azure/functions": "^4.16.0"}}
    write(folder / "plain/host.json", {"version": "2.0", "extensions": {"http": {"routePrefix": ""}}})
    write(folder / "plain/package.json", {"name": "plain", "main": "src/{index.js,functions/*.js}", **needs})
    write(folder / "plain/src/functions/all.js", REGISTERED)
    write(folder / "streams/host.json", {"version": "2.0", "extensions": {"http": {"routePrefix": "s"}}})
    write(folder / "streams/package.json", {"name": "streams", "type": "module", "main": "index.js", **needs})
    write(folder / "streams/index.js", STREAMS)
    write(folder / "streams/local.settings.json", {"Values": {"GATE": gate.url}})
    port = free_port()
    with server("--azure-listen", f"127.0.0.1:{port}") as fulmar:
        fulmar.azure = f"http://127.0.0.1:{port}"
        fulmar.folder = folder
        fulmar.cli("deploy", str(folder))
        eventually(lambda: ask(fulmar, "/admin/host/ping")[0] == 200)
        yield fulmar


def test_what_a_registered_function_sees(coded):
    status, headers, body = ask(coded, "/echo/ann?a=1", b"hello", "POST", x_b="2", content_type="text/plain")
    assert (status, headers["content-type"], headers["set-cookie"]) == (201, "application/json", "a=b; path=/; samesite=lax")
    assert json.loads(body) == {
        "url": f"{coded.azure}/echo/ann?a=1", "method": "POST", "q": [["a", "1"]], "who": "ann", "h": "2",
        "body": "hello", "started": True, "fn": "echo",
    }
    said = coded.cli("logs", "echo").stdout
    assert "[Information] a ***" in said and "[Warning] careful" in said


@pytest.mark.parametrize(
    "path, data, status, body",
    [
        ("/plain", None, 200, b"plain"),
        ("/posted", b'{"a":1}', 200, b'{"a":1}'),
        ("/response", None, 202, b"made"),
        ("/hooked", None, 200, b"from the hook of hooked"),
        ("/throws", None, 500, b""),
        ("/nothing", None, 204, b""),
        ("/wrong", None, 500, b""),
        ("/keyed", None, 401, b""),
        ("/plain", b"", 404, b""),
    ],
)
def test_how_a_registered_function_answers(coded, path, data, status, body):
    assert ask(coded, path, data)[::2] == (status, body)


def test_hooks_change_what_a_function_gets_and_answers(coded):
    assert ask(coded, "/hooked")[1]["x-hooked"] == "true"


def test_streams(coded):
    size = 5 << 20
    assert ask(coded, "/s/upper?a=1", b"x" * size)[2] == f"{size} {coded.azure}/s/upper?a=1 1".encode()
    status, headers, body = ask(coded, "/s/item/7")
    assert (status, headers["set-cookie"], body) == (203, "a=b", b"7")
    assert ask(coded, "/s/item/x")[0] == 404
    assert ask(coded, "/s/fails")[0] == 500
    assert ask(coded, "/s/silent")[0] == 204


def test_an_answer_reaches_the_caller_while_it_is_made(coded, gate):
    with urllib.request.urlopen(coded.azure + "/s/slow", timeout=60) as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        assert answer.readline() == b"first\n"
        # The function waits for this, so the first line came while it ran.
        gate.open("slow")
        assert answer.readline() == b"second\n"


def test_an_answer_that_breaks_off_does_not_look_whole(coded):
    with pytest.raises(http.client.IncompleteRead):
        with urllib.request.urlopen(coded.azure + "/s/breaks", timeout=60) as answer:
            answer.read()


def test_code_that_does_not_start_says_why(coded, tmp_path):
    tmp_path = tmp_path / "app"
    write(tmp_path / "host.json", {"version": "2.0"})
    write(tmp_path / "package.json", {"name": "x", "main": "index.js"})
    write(tmp_path / "index.js", "require('not-there');")
    refused = coded.cli("deploy", str(tmp_path), check=False)
    assert refused.returncode != 0 and "Cannot find module 'not-there'" in refused.stdout + refused.stderr
    write(tmp_path / "package.json", {"name": "x", "main": "dist/*.js"})
    refused = coded.cli("deploy", str(tmp_path), check=False)
    assert "build it first: npm run build" in refused.stdout + refused.stderr


def test_triggers_that_code_registers_are_refused_before_anything_is_made(coded, tmp_path):
    tmp_path = tmp_path / "app"
    shutil.copytree(coded.folder / "plain/node_modules", tmp_path / "node_modules")
    write(tmp_path / "host.json", {"version": "2.0"})
    write(tmp_path / "package.json", {"name": "x", "main": "index.js"})
    write(tmp_path / "index.js", "const { app } = require('@azure/functions'); app.get('fine', () => ({})); app.timer('tick', { schedule: '0 * * * * *', handler: () => {} });")
    refused = coded.cli("deploy", str(tmp_path), check=False)
    assert "tick has a trigger of type timerTrigger" in refused.stdout + refused.stderr
    assert ask(coded, "/api/fine")[0] == 404


def test_up_reloads_code_and_finds_new_functions(tmp_path):
    app = tmp_path / "app"
    write(app / "host.json", {"version": "2.0"})
    http_function(app, "First", "module.exports = async (context) => { context.res = { body: 'one' }; };")
    port = free_port()
    with Up(app, "--azure-listen", f"127.0.0.1:{port}") as up:
        up.azure = f"http://127.0.0.1:{port}"
        up.wait_for("deployed")
        eventually(lambda: ask(up, "/api/First")[2] == b"one")
        (app / "First/index.js").write_text("module.exports = async (context) => { context.res = { body: 'two' }; };")
        eventually(lambda: ask(up, "/api/First")[2] == b"two")
        http_function(app, "Second", "module.exports = async (context) => { context.res = { body: 'new' }; };")
        eventually(lambda: ask(up, "/api/Second")[2] == b"new")
        # One that cannot be changes nothing, and the others go on.
        write(app / "Second/function.json", {"bindings": [{"type": "timerTrigger", "name": "t"}]})
        assert "timerTrigger" in json.dumps(up.wait_for("error"))
        assert ask(up, "/api/First")[2] == b"two"
        shutil.rmtree(app / "Second")
        eventually(lambda: ask(up, "/api/Second")[0] == 404)


def test_a_caller_that_leaves_frees_the_instance(host):
    def leave():
        with socket.create_connection(("127.0.0.1", int(host.azure.rsplit(":", 1)[1]))) as caller:
            caller.sendall(b"GET /api/Done HTTP/1.1\r\nhost: x\r\n\r\n")

    for _ in range(20):
        leave()
    assert ask(host, "/api/Done")[::2] == (200, b"done")


def test_requests_wait_and_then_are_too_many(tmp_path, gate):
    app = tmp_path / "app"
    limits = {"maxOutstandingRequests": 2, "maxConcurrentRequests": 1}
    write(app / "host.json", {"version": "2.0", "extensions": {"http": limits}})
    write(app / "local.settings.json", {"Values": {"GATE": gate.url}})
    http_function(app, "Waits", "module.exports = async (context, req) => { await fetch(`${process.env.GATE}/${req.query.at}`); context.res = { body: req.query.at }; };")
    http_function(app, "Quick", DESCRIBED["Done"])
    port = free_port()
    with server("--azure-listen", f"127.0.0.1:{port}") as fulmar:
        fulmar.azure = f"http://127.0.0.1:{port}"
        fulmar.cli("deploy", str(app))
        eventually(lambda: ask(fulmar, "/admin/host/ping")[0] == 200)
        answers = []

        def call(path):
            caller = threading.Thread(target=lambda: answers.append(ask(fulmar, path)[::2]))
            caller.start()
            return caller

        callers = [call("/api/Waits?at=crowd-one")]
        gate.wait_for("crowd-one", 1)
        # One more waits for its turn. Two are too many, whichever functions they are for.
        callers += [call("/api/Waits?at=crowd-two") for _ in range(3)]
        eventually(lambda: len(answers) == 2)
        assert answers == [(429, b"")] * 2 and gate.came("crowd-two") == 0
        assert ask(fulmar, "/api/Quick")[::2] == (429, b"")
        gate.open("crowd-one")
        gate.open("crowd-two")
        for caller in callers:
            caller.join()
        assert sorted(answers) == [(200, b"crowd-one"), (200, b"crowd-two")] + [(429, b"")] * 2
        eventually(lambda: ask(fulmar, "/api/Quick")[::2] == (200, b"done"))
    write(app / "host.json", {"version": "2.0", "extensions": {"http": {"maxConcurrentRequests": 0}}})
    with server() as fulmar:
        refused = fulmar.cli("deploy", str(app), check=False)
        assert refused.returncode != 0 and "maxConcurrentRequests in host.json cannot be 0" in refused.stderr, refused.stderr


def test_http2_and_encrypted_connections(tmp_path):
    curl = shutil.which("curl")
    if not curl:
        pytest.skip("curl is not installed")
    app = tmp_path / "app"
    write(app / "host.json", {"version": "2.0"})
    http_function(app, "Url", "module.exports = async (context, req) => { context.res = { body: req.url }; };")
    port = free_port()
    with server("--tls", "--azure-listen", f"127.0.0.1:{port}") as fulmar:
        fulmar.azure = f"http://127.0.0.1:{port}"
        fulmar.cli("deploy", str(app))
        eventually(lambda: ask(fulmar, "/admin/host/ping")[0] == 200)
        for scheme, options in (("http", ["--http2-prior-knowledge"]), ("https", ["--http2", "-k"]), ("https", ["--http1.1", "-k"])):
            url = f"{scheme}://127.0.0.1:{port}/api/Url?a=1"
            said = subprocess.run([curl, "-s", *options, url], capture_output=True, text=True).stdout
            assert said == url


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the samples are not here")
def test_the_guides_own_function(tmp_path):
    port = free_port()
    shutil.copytree(SAMPLES / "azure-js", tmp_path / "azure-js")
    # A template beside it is another stack, and both run.
    write(tmp_path / "azure-js/template.yaml", "Transform: AWS::Serverless-2016-10-31\nResources:\n  Bucket:\n    Type: AWS::S3::Bucket\n")
    with server("--azure-listen", f"127.0.0.1:{port}") as fulmar:
        fulmar.azure = f"http://127.0.0.1:{port}"
        said = fulmar.cli("deploy", str(tmp_path / "azure-js")).stdout
        assert "stack azure-js:" in said and "stack azure-js-azure:" in said, said
        key = keys_of(fulmar)["function/httptrigger", "default"]
        path = f"/api/HttpTrigger?code={key}"
        eventually(lambda: ask(fulmar, "/admin/host/ping")[0] == 200)
        assert ask(fulmar, "/api/HttpTrigger?name=Ann")[0] == 401
        assert ask(fulmar, f"{path}&name=Ann")[::2] == (200, b"Hello, Ann!")
        assert ask(fulmar, path, b'{"name": "Ann"}', content_type="application/json")[::2] == (200, b"Hello, Ann!")
        status, _, body = ask(fulmar, path)
        assert (status, body) == (400, b"Please pass a name on the query string or in the request body")
        assert "[Information] JavaScript HTTP trigger function processed a request." in fulmar.cli("logs", "HttpTrigger").stdout
        fulmar.cli("destroy", "azure-js-azure")
        eventually(lambda: ask(fulmar, path)[0] == 404)
