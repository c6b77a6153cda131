"""Programs that run beside a function: the Extensions, Telemetry and Logs APIs, spoken by extensions in a layer."""

import json
import time

import pytest

from conftest import eventually, server
from test_runtimes import LOOP, RESPOND, call, failed, make, package

# A small extension of the usual kind: registers, subscribes to what it is told to, and follows the events.
EXTENSION = '''#!/usr/bin/env python3
import http.server, json, os, socketserver, sys, threading, time, urllib.request, urllib.error

API = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"]
NAME = os.path.basename(sys.argv[0])
WANTED = json.loads(os.environ.get("EXTENSION", "{}"))
FILE = "/tmp/" + NAME

def note(**what):
    with open(FILE, "a") as file:
        file.write(json.dumps(what) + "\\n")

def ask(method, path, body=None, **headers):
    data = None if body is None else json.dumps(body).encode()
    headers = {key.replace("_", "-"): value for key, value in headers.items()}
    request = urllib.request.Request(API + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, dict(answer.headers), json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), json.loads(error.read() or b"null")

def listen(tcp):
    class Http(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            batch = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            for event in batch:
                note(heard=event)
            self.send_response(200)
            self.end_headers()
        def log_message(self, *words):
            pass
    class Lines(socketserver.StreamRequestHandler):
        def handle(self):
            for line in self.rfile:
                note(heard=json.loads(line))
    made = socketserver.TCPServer(("sandbox", 0), Lines) if tcp else http.server.HTTPServer(("sandbox.localdomain", 0), Http)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    return made.server_address[1]

print("extension starts", flush=True)
if WANTED.get("crash") == "at once":
    sys.exit(7)
status, headers, told = ask("POST", "/2020-01-01/extension/register", {"events": ["INVOKE", "SHUTDOWN"]},
    Lambda_Extension_Name=NAME, Lambda_Extension_Accept_Feature="accountId")
note(status=status, told=told)
ID = headers["Lambda-Extension-Identifier"]
if WANTED.get("subscribe"):
    tcp = WANTED["subscribe"] == "logs"
    port = listen(tcp)
    destination = {"protocol": "TCP", "port": port} if tcp else {"protocol": "HTTP", "URI": "http://sandbox.localdomain:%d/in" % port}
    path = "/2020-08-15/logs" if tcp else "/2022-07-01/telemetry"
    body = {"types": ["platform", "function", "extension"], "buffering": {"maxItems": 1000, "maxBytes": 262144, "timeoutMs": 25}, "destination": destination}
    body["schemaVersion"] = "2021-03-18" if tcp else "2022-12-13"
    note(subscribed=ask("PUT", path, body, Lambda_Extension_Identifier=ID)[::2])
if WANTED.get("refused"):
    note(refused=[
        ask("POST", "/2020-01-01/extension/register", {"events": ["INVOKE"]}, Lambda_Extension_Name=NAME)[0::2],
        ask("POST", "/2020-01-01/extension/register", {"events": ["NONSENSE"]}, Lambda_Extension_Name="inner")[0::2],
        ask("POST", "/2020-01-01/extension/register", {"events": ["SHUTDOWN"]}, Lambda_Extension_Name="inner")[0::2],
        ask("GET", "/2020-01-01/extension/event/next")[0::2],
        ask("GET", "/2020-01-01/extension/event/next", Lambda_Extension_Identifier="nonsense")[0::2],
        ask("PUT", "/2022-07-01/telemetry", {"types": [], "destination": {}}, Lambda_Extension_Identifier=ID)[0::2],
        ask("PUT", "/2022-07-01/telemetry", {"types": ["platform"], "destination": {"protocol": "HTTP", "URI": "http://example.com:80"}}, Lambda_Extension_Identifier=ID)[0::2],
        ask("GET", "/2018-06-01/runtime/invocation/next")[0],
    ])
if WANTED.get("crash") == "init error":
    ask("POST", "/2020-01-01/extension/init/error", {"errorMessage": "as told"}, Lambda_Extension_Identifier=ID, Lambda_Extension_Function_Error_Type="Own.Init")
    sys.exit(1)
while True:
    status, headers, event = ask("GET", "/2020-01-01/extension/event/next", Lambda_Extension_Identifier=ID)
    note(event=event, at=time.time())
    if event["eventType"] == "SHUTDOWN":
        with open(WANTED.get("farewell", "/dev/null"), "a") as file:
            file.write(json.dumps(event) + "\\n")
        print("extension ends " + event["shutdownReason"], flush=True)
        sys.exit(0)
    if WANTED.get("crash") == "in a call":
        sys.exit(9)
    if WANTED.get("crash") == "exit error":
        ask("POST", "/2020-01-01/extension/exit/error", {"errorMessage": "as told"}, Lambda_Extension_Identifier=ID, Lambda_Extension_Function_Error_Type="Own.Exit")
        sys.exit(1)
    if WANTED.get("gate"):
        urllib.request.urlopen(WANTED["gate"]).read()
'''

FUNCTION = """
const fs = require("fs");
let calls = 0;
exports.handler = async (event) => {
  console.log("the function prints");
  if (event === "exit") process.exit(4);
  if (event === "hang") await new Promise((resolve) => setTimeout(resolve, 60000));
  const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  await wait(120);
  const read = (name) => { try { return fs.readFileSync("/tmp/" + name, "utf8").trim().split("\\n").map((line) => JSON.parse(line)); } catch { return []; } };
  // Until each extension has heard of this call, which may be after its function.
  calls += 1;
  const heard = (name) => !fs.existsSync("/tmp/" + name) || read(name).filter((note) => note.event).length >= calls;
  for (let n = 0; n < 100 && !(heard("watcher") && heard("second")); n++) await wait(50);
  return { notes: read("watcher"), second: read("second"), env: { ...process.env } };
};
"""
PYTHON = """
import json, time
calls = 0
def handler(event, context):
    print("the function prints")
    global calls
    calls += 1
    for _ in range(100):
        notes = [json.loads(line) for line in open("/tmp/watcher") if line.endswith("\\n")]
        if sum("event" in note for note in notes) >= calls:
            break
        time.sleep(0.05)
    return {"notes": notes}
"""


@pytest.fixture(scope="module")
def layer(lambda_):
    def published(*names, mode=0o755):
        files = {f"extensions/{name}": EXTENSION for name in names}
        files["extensions/README"] = ""
        made = package({f"extensions/{name}": EXTENSION for name in names}, mode)
        return lambda_.publish_layer_version(LayerName="ext-" + "-".join(names), Content={"ZipFile": made})["LayerVersionArn"]

    return published


def with_extension(lambda_, layers, name, wanted=None, code=None, runtime="nodejs20.x", **settings):
    # Each its own, so that what is compiled of it is written down while it starts.
    code = code or {"index.js": f"{FUNCTION}// {name}\n"}
    environment = {"Variables": {"EXTENSION": json.dumps(wanted or {})}}
    return make(lambda_, name, package(code), runtime=runtime, Layers=layers, Environment=environment, **settings)


def noted(said, what, who="notes"):
    return [note[what] for note in said[who] if what in note]


def test_extensions_register_and_hear_of_each_call(lambda_, layer):
    name = with_extension(lambda_, [layer("watcher", "second")], "ext-two")
    answer, said = call(lambda_, name)
    assert noted(said, "told")[0] == {"functionName": name, "functionVersion": "$LATEST", "handler": "index.handler", "accountId": "000000000000"}
    for who in ["notes", "second"]:
        (event,) = noted(said, "event", who)
        assert event["eventType"] == "INVOKE" and event["requestId"] == answer["ResponseMetadata"]["RequestId"]
        assert event["invokedFunctionArn"].endswith(f":function:{name}") and event["deadlineMs"] > time.time() * 1000
        assert event["tracing"]["type"] == "X-Amzn-Trace-Id" and event["tracing"]["value"].startswith("Root=1-")
    assert not [key for key in said["env"] if key.startswith("FULMAR")]

    def again():
        # Until extensions have asked for the next call, another instance answers it.
        answer, said = call(lambda_, name)
        events = noted(said, "event")
        return len(events) > 1 and (answer, events)

    answer, events = eventually(again)
    assert events[-1]["requestId"] == answer["ResponseMetadata"]["RequestId"]


@pytest.mark.parametrize("runtime, code", [("python3.11", {"index.py": PYTHON}), ("provided.al2023", {"bootstrap": LOOP % RESPOND})])
def test_in_every_kind_of_runtime(lambda_, layer, runtime, code):
    name = with_extension(lambda_, [layer("watcher")], f"ext-{runtime[:6]}", code=code, runtime=runtime)
    for n in range(3):
        answer, said = call(lambda_, name, n)
        assert "FunctionError" not in answer, said
    if runtime.startswith("python"):
        eventually(lambda: len(noted(call(lambda_, name)[1], "event")) >= 3)
    else:
        assert said == 2


def test_the_answer_does_not_wait_for_what_goes_on_beside(lambda_, layer, gate):
    name = with_extension(lambda_, [layer("watcher")], "ext-after", {"gate": gate.url + "/ext-after"})
    # The extension of the first is still at the gate. The instance is not free before that, but another one is.
    for count in (1, 2):
        assert len(noted(call(lambda_, name)[1], "event")) == 1
        gate.wait_for("ext-after", count)
    for _ in range(2):
        gate.open("ext-after")
    # Then they are.
    eventually(lambda: gate.open("ext-after") or len(noted(call(lambda_, name)[1], "event")) > 1)


@pytest.mark.parametrize("form", ["telemetry", "logs"])
def test_telemetry_is_passed_on(fulmar, lambda_, layer, form):
    name = with_extension(lambda_, [layer("watcher")], f"ext-{form}", {"subscribe": form})
    answer, said = call(lambda_, name)
    request_ids = {answer["ResponseMetadata"]["RequestId"]}
    assert noted(said, "subscribed") == [[200, "OK"]]

    def heard():
        # The first instance may not be at rest yet: then another one answers, and hears of its own calls.
        answer, said = call(lambda_, name)
        request_ids.add(answer["ResponseMetadata"]["RequestId"])
        events = noted(said, "heard")
        kinds = {event["type"] for event in events}
        subscription = "platform.logsSubscription" if form == "logs" else "platform.telemetrySubscription"
        wanted = {"platform.initStart", "platform.initRuntimeDone", "platform.initReport", "platform.start", "platform.runtimeDone"}
        return events if kinds >= wanted | {"platform.report", "platform.extension", "function", "extension", subscription} else None

    events = eventually(heard)
    of = lambda kind: [event["record"] for event in events if event["type"] == kind]
    assert of("platform.start")[0]["requestId"] in request_ids
    done = of("platform.runtimeDone")[0]
    assert done["requestId"] in request_ids and done["status"] == "success" and done["metrics"]["durationMs"] >= 120
    assert done["metrics"]["producedBytes"] > 0
    report = of("platform.report")[0]
    assert report["requestId"] in request_ids and report["metrics"]["memorySizeMB"] == 256
    assert any("the function prints" in record for record in of("function"))
    assert "extension starts" in of("extension")
    assert all(event["time"].endswith("Z") for event in events)
    assert "extension starts" in fulmar.cli("logs", name).stdout


ONCE_MORE = """
import json, time
def heard():
    try:
        notes = [json.loads(line) for line in open("/tmp/watcher") if line.endswith("\\n")]
    except FileNotFoundError:
        return []
    events = [note["heard"] for note in notes if "heard" in note]
    return [event for event in events if event["type"].startswith("platform.init")]
while not heard():
    time.sleep(0.01)
if heard()[0]["record"]["phase"] == "init":
    raise RuntimeError("the first time")
def handler(event, context):
    return heard()
"""


def test_what_is_initialised_once_more_is_told_so(lambda_, layer):
    name = with_extension(lambda_, [layer("watcher")], "ext-again", {"subscribe": "telemetry"}, {"index.py": ONCE_MORE}, "python3.12")

    def told():
        found = call(lambda_, name)[1]
        kinds = {event["type"]: event["record"]["phase"] for event in found}
        return kinds if len(kinds) == 3 else None

    assert eventually(told) == dict.fromkeys(["platform.initStart", "platform.initRuntimeDone", "platform.initReport"], "invoke")


def test_what_is_out_of_turn_is_refused(lambda_, layer):
    name = with_extension(lambda_, [layer("watcher")], "ext-refused", {"refused": True})
    (refused,) = noted(call(lambda_, name)[1], "refused")
    kinds = [(status, said["errorType"]) for status, said in refused[:-1]]
    assert kinds == [
        (403, "Extension.InvalidExtensionState"),
        (400, "Extension.InvalidEventType"),
        (400, "Extension.InvalidEventType"),
        (403, "Extension.MissingExtensionIdentifier"),
        (403, "Extension.InvalidExtensionIdentifier"),
        (400, "ValidationError"),
        (400, "ValidationError"),
    ]
    assert refused[-1] == 404


@pytest.mark.parametrize(
    "crash, kind",
    [("at once", "Extension.Crash"), ("init error", "Extension.InitError"), ("in a call", "Extension.Crash"), ("exit error", "Extension.ExitError")],
)
def test_an_extension_that_fails_fails_the_call(lambda_, layer, crash, kind):
    name = with_extension(lambda_, [layer("watcher")], "ext-" + crash.replace(" ", "-"), {"crash": crash}, Timeout=60)
    for _ in range(2):
        # The function does not answer by itself: one that did before the extension's end would have answered well.
        said, request_id = failed(lambda_, name, "hang")
        assert said["errorType"] == kind and request_id in said["errorMessage"], said


@pytest.mark.parametrize("event, kind", [("exit", "Runtime.ExitError"), ("hang", "Sandbox.Timedout")])
def test_a_function_that_fails_beside_an_extension(lambda_, layer, event, kind):
    name = with_extension(lambda_, [layer("watcher")], f"ext-f-{event}", Timeout=2)
    call(lambda_, name)
    said, _ = failed(lambda_, name, event)
    assert said["errorType"] == kind
    if event == "exit":
        assert "exit status 4" in said["errorMessage"]
    assert len(noted(call(lambda_, name)[1], "event")) == 1


def test_extensions_hear_of_the_end(tmp_path):
    with server() as fulmar:
        lambda_ = fulmar.client("lambda")
        made = package({"extensions/watcher": EXTENSION})
        arn = lambda_.publish_layer_version(LayerName="ext", Content={"ZipFile": made})["LayerVersionArn"]
        name = with_extension(lambda_, [arn], "ext-end", Timeout=2)
        logs = lambda: fulmar.cli("logs", name).stdout
        call(lambda_, name)
        failed(lambda_, name, "exit")
        eventually(lambda: "extension ends failure" in logs())
        failed(lambda_, name, "hang")
        eventually(lambda: "extension ends timeout" in logs())
        call(lambda_, name)
        lambda_.update_function_configuration(FunctionName=name, Description="another")
        eventually(lambda: "extension ends spindown" in logs())


def test_a_file_that_cannot_be_executed_is_no_extension(lambda_, layer):
    name = with_extension(lambda_, [layer("watcher", mode=0o644)], "ext-plain")
    assert call(lambda_, name)[1]["notes"] == []


INTERNAL = """
import http from "node:http";
const ask = (method, path, body, headers) => new Promise((resolve, reject) => {
  const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
  const request = http.request({ host, port, method, path, headers }, (answer) => {
    let text = "";
    answer.on("data", (piece) => (text += piece));
    answer.on("end", () => resolve({ status: answer.statusCode, headers: answer.headers, text }));
  });
  request.on("error", reject);
  request.end(body);
});
let heard = [];
const { status, headers } = await ask("POST", "/2020-01-01/extension/register", JSON.stringify({ events: ["INVOKE"] }), { "Lambda-Extension-Name": "inner" });
const follow = async () => {
  for (;;) {
    const event = await ask("GET", "/2020-01-01/extension/event/next", undefined, { "Lambda-Extension-Identifier": headers["lambda-extension-identifier"] });
    heard.push(JSON.parse(event.text).requestId);
  }
};
follow();
export const handler = async () => {
  await new Promise((resolve) => setTimeout(resolve, 100));
  return { status, heard };
};
"""


def test_an_extension_in_the_functions_own_process(lambda_):
    name = make(lambda_, "ext-inner", package({"index.mjs": INTERNAL}), runtime="nodejs20.x")
    heard = []
    for _ in range(3):
        answer, said = call(lambda_, name)
        heard.append(answer["ResponseMetadata"]["RequestId"])
        assert said == {"status": 200, "heard": heard}
