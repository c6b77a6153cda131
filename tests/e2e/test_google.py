"""Google's functions, unchanged, with the real functions-framework packages: called as the conformance tests of the
framework call them."""

import json
import shutil
import urllib.error
import urllib.request

import pytest

from conftest import ROOT, free_port, server

SAMPLES = ROOT.parent / "shared/samples"

NODE = """
const functions = require('@google-cloud/functions-framework');
functions.http('echo', (req, res) => {
  res.set('x-seen', [req.method, req.path, req.query.a, req.get('x-b')].join(' '));
  res.status(201).json({ body: req.body, raw: req.rawBody && req.rawBody.length });
});
functions.http('env', (req, res) => res.send([process.env.K_SERVICE, process.env.FUNCTION_TARGET, process.env.PLACE].join(' ')));
functions.http('crash', () => { throw new Error('on purpose'); });
functions.http('later', async () => { throw new Error('rejected'); });
functions.http('leaves', () => process.exit(3));
functions.http('pieces', (req, res) => { res.write('one '); setTimeout(() => res.end('two'), 5); });
functions.cloudEvent('seen', (event) => event);
functions.cloudEvent('nothing', () => null);
functions.cloudEvent('fails', () => { throw new Error('no'); });
"""

PYTHON = """
import functions_framework

@functions_framework.http
def echo(request):
    return {"method": request.method, "path": request.path, "a": request.args.get("a"), "body": request.get_data(as_text=True)}, 201, {"x-seen": "yes"}

@functions_framework.http
def crash(request):
    raise RuntimeError("on purpose")

@functions_framework.cloud_event
def seen(event):
    print("saw", event["type"], event.data)

class Name:
    def __init__(self, name): self.name = name
    @staticmethod
    def from_dict(data): return Name(data["name"])
    def to_dict(self): return {"name": self.name.upper()}

@functions_framework.typed(Name)
def shout(name):
    return name
"""


@pytest.fixture(scope="module")
def google(tmp_path_factory):
    folder = tmp_path_factory.mktemp("google")
    write(folder / "node/index.js", NODE)
    write(folder / "node/.env.yaml", "PLACE: here\n")
    package = {"name": "g", "private": True, "dependencies": {"@google-cloud/functions-framework": "^5.0.5"}}
    write(folder / "node/package.json", json.dumps(package))
    write(folder / "python/main.py", PYTHON)
    write(folder / "python/requirements.txt", "functions-framework>=3.10\n")
    port = free_port()
    with server("--google-listen", f"127.0.0.1:{port}") as fulmar:
        # Names are one cloud's, so each language has its own application.
        rename(folder / "python/main.py", {"def echo": "def py_echo", "def crash": "def py_crash", "def seen": "def py_seen"})
        said = fulmar.cli("deploy", str(folder)).stdout
        assert f"http://127.0.0.1:{port}/echo" in said, said
        fulmar.google = f"http://127.0.0.1:{port}"
        yield fulmar


def write(file, text):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def rename(file, names):
    text = file.read_text()
    for old, new in names.items():
        text = text.replace(old, new)
    file.write_text(text)


def ask(google, path, data=None, method=None, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(google.google + path, data=data, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def test_a_request_and_its_answer_are_the_frameworks(google):
    status, headers, body = ask(google, "/echo/x/y?a=1", b'{"k": [1]}', "PUT", content_type="application/json", x_b="2")
    assert (status, headers["x-seen"]) == (201, "PUT /x/y 1 2")
    assert json.loads(body) == {"body": {"k": [1]}, "raw": 10}
    assert headers["content-type"] == "application/json; charset=utf-8"
    assert "x-powered-by" not in headers and "etag" not in headers
    status, _, body = ask(google, "/echo", b"plain", content_type="text/plain")
    assert json.loads(body)["body"] == "plain"
    status, headers, body = ask(google, "/py_echo/x?a=1", b"b", "POST", content_type="text/plain")
    assert (status, headers["x-seen"]) == (201, "yes")
    assert json.loads(body) == {"method": "POST", "path": "/x", "a": "1", "body": "b"}


def test_the_environment_is_the_platforms(google):
    assert ask(google, "/env")[2] == b"env env here"


def test_a_head_request_has_a_length_and_no_body(google):
    status, headers, body = ask(google, "/env", method="HEAD")
    assert (status, body) == (200, b"")
    assert headers["content-length"] == "12"


def test_what_is_written_in_pieces_comes_whole(google):
    assert ask(google, "/pieces")[2] == b"one two"


def test_a_function_that_throws_crashes(google):
    for name, said in [("crash", b"on purpose"), ("later", b"rejected"), ("py_crash", b"500 Internal")]:
        status, headers, body = ask(google, f"/{name}")
        assert (status, headers["x-google-status"]) == (500, "crash"), name
        assert said in body, (name, body)


def test_a_process_that_ends_answers_and_is_replaced(google):
    for _ in range(2):
        status, headers, body = ask(google, "/leaves")
        assert (status, headers["x-google-status"]) == (500, "crash")
        assert body == b"Process exited with code 3"


def test_browsers_icons_are_not_asked_of_functions(google):
    for path in ("/echo/favicon.ico", "/echo/robots.txt", "/py_echo/favicon.ico"):
        assert ask(google, path)[0] == 404


BINARY = {"ce_id": "1", "ce_source": "//s", "ce_type": "t", "ce_specversion": "1.0", "content_type": "application/json"}


def test_cloud_events_come_in_binary_and_in_structured_form(google):
    status, _, body = ask(google, "/seen", b'{"x": 1}', **BINARY)
    assert (status, json.loads(body)) == (200, {"id": "1", "source": "//s", "type": "t", "specversion": "1.0", "data": {"x": 1}})
    event = {"id": "1", "source": "//s", "type": "t", "specversion": "1.0", "data": {"x": 1}}
    status, _, body = ask(google, "/seen", json.dumps(event).encode(), content_type="application/cloudevents+json")
    assert (status, json.loads(body)) == (200, event)
    assert ask(google, "/py_seen", b'{"x": 1}', **BINARY)[::2] == (200, b"OK")
    assert "saw t {'x': 1}" in google.cli("logs", "py_seen").stdout
    refused = google.cli("invoke", "py_seen", check=False)
    assert "answers requests over HTTP" in refused.stdout + refused.stderr


def test_what_an_event_function_returns(google):
    assert ask(google, "/nothing", b"{}", **BINARY)[0] == 204
    status, headers, body = ask(google, "/fails", b"{}", **BINARY)
    assert (status, headers["x-google-status"], body) == (500, "error", b"no")
    assert ask(google, "/py_seen")[0] == 405, "events are posted"


def test_legacy_events_become_cloud_events(google):
    legacy = {
        "context": {
            "eventId": "7",
            "timestamp": "2026-01-01T00:00:00.000Z",
            "eventType": "google.storage.object.finalize",
            "resource": {"service": "storage.googleapis.com", "name": "projects/_/buckets/b/objects/o", "type": "storage#object"},
        },
        "data": {"name": "o"},
    }
    status, _, body = ask(google, "/seen", json.dumps(legacy).encode(), content_type="application/json")
    event = json.loads(body)
    assert (status, event["type"], event["subject"]) == (200, "google.cloud.storage.object.v1.finalized", "objects/o")


def test_a_typed_function(google):
    assert ask(google, "/shout", b'{"name": "ann"}', content_type="application/json")[2] == b'{"name": "ANN"}'


def test_unknown_names_and_bodies_that_are_too_large(google):
    assert ask(google, "/unknown")[0] == 404
    status, _, body = ask(google, "/echo", b"x" * ((32 << 20) + 1), content_type="text/plain")
    assert (status, body) == (413, b"Request Entity Too Large")


def test_functions_are_there_again_after_a_crash(google):
    google.kill()
    google.restart()
    # Who is ready has every port open.
    assert ask(google, "/env")[2] == b"env env here"


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the samples are not here")
def test_the_guides_own_functions(tmp_path):
    port = free_port()
    for name in ("gcp-node", "gcp-python"):
        shutil.copytree(SAMPLES / name, tmp_path / name)
    write(tmp_path / "gcp-python/.env.yaml", "NAME: Environment\n")
    with server("--google-listen", f"127.0.0.1:{port}") as fulmar:
        fulmar.google = f"http://127.0.0.1:{port}"
        fulmar.cli("deploy", str(tmp_path / "gcp-node"))
        body = json.dumps({"name": "Ann"}).encode()
        kind = {"content_type": "application/json"}
        # The only function needs no name.
        assert ask(fulmar, "/", body, **kind)[2] == b"Hello Ann!"
        assert ask(fulmar, "/", b"{}", **kind)[2] == b"Hello World!"
        fulmar.cli("deploy", str(tmp_path / "gcp-python"))
        assert ask(fulmar, "/hello_world", body, **kind)[2] == b"Hello Ann!"
        assert ask(fulmar, "/hello_world")[2] == b"Hello Environment!"
        assert ask(fulmar, "/helloHttp", body, **kind)[2] == b"Hello Ann!"
