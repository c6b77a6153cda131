"""What the conformance client of the functions frameworks checks: a function of each signature writes down what it got, the
client sends requests, CloudEvents and legacy events, and compares. The events are ours; the rules are those of the
conformance tests' own page on mapping between the two kinds."""

import concurrent.futures
import json

import pytest

from conftest import eventually, server
from test_google import ask, free_port, write

NODE = """
const functions = require('@google-cloud/functions-framework');
const written = (what, value) => console.log(`WRITTEN ${what} ${JSON.stringify(value)}`);
functions.http('node_http', (req, res) => { written('node_http', req.body); res.sendStatus(200); });
functions.cloudEvent('node_ce', (event) => { written('node_ce', event); });
functions.http('node_waits', async (req, res) => { await fetch(process.env.GATE + '/node_waits'); res.send('done'); });
functions.http('node_method', (req, res) => res.send(req.method));
functions.http('node_null', (req, res) => res.send(null));
functions.http('node_throws', () => { throw new Error('on purpose'); });
functions.cloudEvent('node_object', () => ({ a: 1 }));
functions.cloudEvent('node_number', () => 7);
functions.cloudEvent('node_rejects', async () => { throw new Error('on purpose'); });
"""

NODE_LEGACY = """
exports.node_le = (data, context, callback) => {
  console.log(`WRITTEN node_le ${JSON.stringify({ data, context })}`);
  callback();
};
"""

PYTHON = """
import json, os, urllib.request
import functions_framework
from cloudevents.http import to_json

def written(what, value):
    print("WRITTEN", what, value, flush=True)

@functions_framework.http
def python_http(request):
    written("python_http", json.dumps(request.json))
    return "OK", 200

@functions_framework.cloud_event
def python_ce(event):
    written("python_ce", to_json(event).decode())

class Given:
    def __init__(self, given): self.given = given
    @staticmethod
    def from_dict(given): return Given(given)
    def to_dict(self): return {"payload": self.given}

@functions_framework.typed(Given)
def python_typed(given):
    return given

@functions_framework.http
def python_waits(request):
    urllib.request.urlopen(os.environ["GATE"] + "/python_waits").read()
    return "done"

@functions_framework.http
def python_method(request):
    return request.method

@functions_framework.http
def python_none(request):
    return None

@functions_framework.http
def python_object(request):
    return {"a": 1}

@functions_framework.http
def python_throws(request):
    raise RuntimeError("on purpose")
"""

PYTHON_LEGACY = """
import json

def python_le(data, context):
    resource = context.resource
    told = {"eventId": context.event_id, "eventType": context.event_type, "resource": resource, "timestamp": context.timestamp}
    print("WRITTEN", "python_le", json.dumps({"data": data, "context": told}), flush=True)
"""


@pytest.fixture(scope="module")
def google(tmp_path_factory, gate):
    folder = tmp_path_factory.mktemp("conformance")
    framework = {"dependencies": {"@google-cloud/functions-framework": "^5.0.5"}}
    write(folder / "node/index.js", NODE)
    write(folder / "node/package.json", json.dumps({"name": "n", "private": True, **framework}))
    write(folder / "node-legacy/index.js", NODE_LEGACY)
    start = {"scripts": {"start": "functions-framework --target=node_le --signature-type=event"}}
    write(folder / "node-legacy/package.json", json.dumps({"name": "l", "private": True, **framework, **start}))
    for name, code in (("python", PYTHON), ("python-legacy", PYTHON_LEGACY)):
        write(folder / name / "main.py", code)
        write(folder / name / "requirements.txt", "functions-framework>=3.10\n")
    for name in ("node", "python"):
        write(folder / name / ".env.yaml", f"GATE: {gate.url}\n")
    port = free_port()
    with server("--google-listen", f"127.0.0.1:{port}") as fulmar:
        fulmar.google = f"http://127.0.0.1:{port}"
        fulmar.cli("deploy", str(folder))
        eventually(lambda: ask(fulmar, "/node_method")[0] == 200)
        yield fulmar


STORAGE = {"bucket": "shelf", "name": "a/b.txt", "size": "3", "kind": "storage#object"}
MESSAGE = {"@type": "type.googleapis.com/google.pubsub.v1.PubsubMessage", "attributes": {"k": "v"}, "data": "aGVsbG8="}
DOCUMENT = {"oldValue": {}, "value": {"fields": {"n": {"integerValue": "4"}}, "name": "projects/p/databases/(default)/documents/c/d"}, "updateMask": {"fieldPaths": ["n"]}}
AT = "2026-03-04T05:06:07.089Z"

# By name: a legacy event as it is sent, the same as a CloudEvent, and the data and context of a legacy function that gets
# that CloudEvent. The first is told apart by its id.
EVENTS = {
    "storage": (
        {"context": {"eventId": "1", "timestamp": AT, "eventType": "google.storage.object.finalize", "resource": {"service": "storage.googleapis.com", "name": "projects/_/buckets/shelf/objects/a/b.txt", "type": "storage#object"}}, "data": STORAGE},
        {"specversion": "1.0", "id": "1", "type": "google.cloud.storage.object.v1.finalized", "source": "//storage.googleapis.com/projects/_/buckets/shelf", "subject": "objects/a/b.txt", "time": AT, "datacontenttype": "application/json", "data": STORAGE},
        {"data": STORAGE, "context": {"eventId": "1", "timestamp": AT, "eventType": "google.storage.object.finalize", "resource": {"service": "storage.googleapis.com", "name": "projects/_/buckets/shelf/objects/a/b.txt", "type": "storage#object"}}},
    ),
    "message": (
        {"context": {"eventId": "2", "timestamp": AT, "eventType": "google.pubsub.topic.publish", "resource": {"service": "pubsub.googleapis.com", "name": "projects/p/topics/t", "type": MESSAGE["@type"]}}, "data": MESSAGE},
        {"specversion": "1.0", "id": "2", "type": "google.cloud.pubsub.topic.v1.messagePublished", "source": "//pubsub.googleapis.com/projects/p/topics/t", "time": AT, "datacontenttype": "application/json", "data": {"message": {**MESSAGE, "messageId": "2", "publishTime": AT}}},
        {"data": MESSAGE, "context": {"eventId": "2", "timestamp": AT, "eventType": "google.pubsub.topic.publish", "resource": {"service": "pubsub.googleapis.com", "name": "projects/p/topics/t", "type": MESSAGE["@type"]}}},
    ),
    "older message": (
        {"eventId": "3", "timestamp": AT, "eventType": "providers/cloud.pubsub/eventTypes/topic.publish", "resource": "projects/p/topics/t", "data": MESSAGE},
        {"specversion": "1.0", "id": "3", "type": "google.cloud.pubsub.topic.v1.messagePublished", "source": "//pubsub.googleapis.com/projects/p/topics/t", "time": AT, "datacontenttype": "application/json", "data": {"message": {**MESSAGE, "messageId": "3", "publishTime": AT}}},
        {"data": MESSAGE, "context": {"eventId": "3", "timestamp": AT, "eventType": "google.pubsub.topic.publish", "resource": {"service": "pubsub.googleapis.com", "name": "projects/p/topics/t", "type": MESSAGE["@type"]}}},
    ),
    "document": (
        {"eventId": "4", "timestamp": AT, "eventType": "providers/cloud.firestore/eventTypes/document.write", "resource": "projects/p/databases/(default)/documents/c/d", "params": {"doc": "d"}, "data": DOCUMENT},
        {"specversion": "1.0", "id": "4", "type": "google.cloud.firestore.document.v1.written", "source": "//firestore.googleapis.com/projects/p/databases/(default)", "subject": "documents/c/d", "time": AT, "datacontenttype": "application/json", "data": DOCUMENT},
        {"data": DOCUMENT, "context": {"eventId": "4", "timestamp": AT, "eventType": "providers/cloud.firestore/eventTypes/document.write", "resource": "projects/p/databases/(default)/documents/c/d"}},
    ),
    "person": (
        {"eventId": "5", "timestamp": AT, "eventType": "providers/firebase.auth/eventTypes/user.create", "resource": "projects/p", "data": {"uid": "u", "email": "a@b.example", "metadata": {"createdAt": AT, "lastSignedInAt": AT}}},
        {"specversion": "1.0", "id": "5", "type": "google.firebase.auth.user.v1.created", "source": "//firebaseauth.googleapis.com/projects/p", "subject": "users/u", "time": AT, "datacontenttype": "application/json", "data": {"uid": "u", "email": "a@b.example", "metadata": {"createTime": AT, "lastSignInTime": AT}}},
        {"data": {"uid": "u", "email": "a@b.example", "metadata": {"createdAt": AT, "lastSignedInAt": AT}}, "context": {"eventId": "5", "timestamp": AT, "eventType": "providers/firebase.auth/eventTypes/user.create", "resource": "projects/p"}},
    ),
    "reference": (
        {"eventId": "6", "timestamp": AT, "eventType": "providers/google.firebase.database/eventTypes/ref.write", "resource": "projects/_/instances/i/refs/r/s", "domain": "europe-west1.firebasedatabase.app", "params": {"child": "s"}, "data": {"data": None, "delta": {"x": 1}}},
        {"specversion": "1.0", "id": "6", "type": "google.firebase.database.ref.v1.written", "source": "//firebasedatabase.googleapis.com/projects/_/locations/europe-west1/instances/i", "subject": "refs/r/s", "time": AT, "datacontenttype": "application/json", "data": {"data": None, "delta": {"x": 1}}},
        {"data": {"data": None, "delta": {"x": 1}}, "context": {"eventId": "6", "timestamp": AT, "eventType": "providers/google.firebase.database/eventTypes/ref.write", "resource": "projects/_/instances/i/refs/r/s"}},
    ),
}


def sent(google, function, event, structured):
    kind = "application/cloudevents+json" if structured else "application/json"
    status, headers, _ = ask(google, f"/{function}", json.dumps(event).encode(), content_type=kind)
    assert 200 <= status < 300, (function, event, status, dict(headers))


def binary(google, function, event):
    """The event's attributes as headers, its data as the body."""
    headers = {f"ce-{name}": value for name, value in event.items() if name not in ("data", "datacontenttype")}
    status, _, _ = ask(google, f"/{function}", json.dumps(event["data"]).encode(), content_type="application/json", **headers)
    assert 200 <= status < 300, (function, event, status)


def written(google, function, count):
    """All that a function has written down, in order, once it is so much."""

    def lines():
        found = [line.split(f"WRITTEN {function} ", 1)[1] for line in google.cli("logs", function).stdout.splitlines() if "WRITTEN" in line]
        return found if len(found) >= count else None

    return [json.loads(line) for line in eventually(lines)]


@pytest.mark.parametrize("language", ["node", "python"])
def test_a_request(google, language):
    given = {"message": "PASS", "list": [1, None, {"a": "ü"}]}
    assert ask(google, f"/{language}_http", json.dumps(given).encode(), content_type="application/json")[0] == 200
    assert written(google, f"{language}_http", 1) == [given]


def test_a_typed_function(google):
    """Node's framework has no such signature."""
    given = {"message": "PASS", "n": 7}
    status, _, body = ask(google, "/python_typed", json.dumps(given).encode(), content_type="application/json")
    assert (status, json.loads(body)) == (200, {"payload": given})
    status, _, _ = ask(google, "/python_typed", b"{no json", content_type="application/json")
    # The framework's own, for whatever is raised before the function is called.
    assert status == 500


@pytest.mark.parametrize("language", ["node", "python"])
def test_cloud_events_and_what_legacy_events_become(google, language):
    function, expected = f"{language}_ce", []
    for legacy, event, _ in EVENTS.values():
        sent(google, function, event, structured=True)
        binary(google, function, event)
        sent(google, function, legacy, structured=False)
        # What comes in headers says in one of them what the data is, not in an attribute.
        expected += [event, event, event]
    for got, wanted in zip(written(google, function, len(expected)), expected, strict=True):
        got.setdefault("datacontenttype", "application/json")
        assert comparable(got) == comparable(wanted)


def comparable(event):
    """Frameworks add fields that say when and by whom something was read, and write moments in their own way."""
    plain = json.loads(json.dumps(event).replace("+00:00", "Z").replace(".089000Z", ".089Z"))
    return {name: value for name, value in plain.items() if value is not None}


@pytest.mark.parametrize("language", ["node", "python"])
def test_legacy_events_and_what_cloud_events_become(google, language):
    function, expected = f"{language}_le", []
    # The frameworks convert what comes in headers, and leave what is structured as it is.
    for _, event, converted in EVENTS.values():
        binary(google, function, event)
        expected.append(converted)
    for got, wanted in zip(written(google, function, len(expected)), expected, strict=True):
        assert comparable(got) == comparable(wanted)
    for legacy, _, _ in EVENTS.values():
        sent(google, function, legacy, structured=False)
    got = written(google, function, len(expected) + len(EVENTS))[len(expected) :]
    for got, (legacy, _, _) in zip(got, EVENTS.values(), strict=True):
        context = legacy.get("context") or {name: legacy[name] for name in ("eventId", "timestamp", "eventType", "resource")}
        assert got["data"] == legacy["data"]
        assert {name: got["context"][name] for name in context} == context


@pytest.mark.parametrize("language", ["node", "python"])
def test_requests_are_served_at_once(google, gate, language):
    name, count = f"{language}_waits", 6
    with concurrent.futures.ThreadPoolExecutor(count) as callers:
        answers = [callers.submit(ask, google, f"/{name}") for _ in range(count)]
        # All of them are inside before any of them may leave.
        gate.wait_for(name, count)
        for _ in range(count):
            gate.open(name)
        assert [answer.result()[2] for answer in answers] == [b"done"] * count


EVENT = {"ce_id": "1", "ce_source": "//s", "ce_type": "t", "ce_specversion": "1.0", "content_type": "application/json"}


@pytest.mark.parametrize("language", ["node", "python"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_methods(google, language, method):
    assert ask(google, f"/{language}_method", method=method)[::2] == (200, method.encode())


@pytest.mark.parametrize("function, method, status", [("node_ce", "GET", 500), ("node_ce", "PUT", 500), ("python_ce", "GET", 405), ("python_ce", "PUT", 405)])
def test_events_are_posted(google, function, method, status):
    """Node's framework, asked by itself, looks into the body before it looks at the method, and says 500 too."""
    assert ask(google, f"/{function}", method=method)[0] == status


@pytest.mark.parametrize(
    "function, event, status, header, body",
    [
        ("node_null", False, 200, None, b""),
        ("node_throws", False, 500, "crash", b"on purpose"),
        ("node_ce", True, 204, None, b""),
        ("node_object", True, 200, None, b'{"a":1}'),
        ("node_number", True, 200, None, b"7"),
        ("node_rejects", True, 500, "error", b"on purpose"),
        ("python_none", False, 500, "crash", None),
        ("python_object", False, 200, None, b'{"a":1}\n'),
        ("python_throws", False, 500, "crash", None),
        ("python_ce", True, 200, None, b"OK"),
    ],
)
def test_results_and_how_they_are_told(google, function, event, status, header, body):
    got, headers, said = ask(google, f"/{function}", b"{}" if event else None, **(EVENT if event else {}))
    assert (got, headers["x-google-status"]) == (status, header)
    assert body in (None, said), said


@pytest.mark.parametrize("function, status", [("node_ce", 204), ("python_ce", 400)])
def test_what_is_no_event(google, function, status):
    """Node's framework hands it to the function."""
    assert ask(google, f"/{function}", b"{}", content_type="application/json")[0] == status
