"""Custom runtimes: the official clients for Rust and Python, and a shell script; and bad input of every kind."""

import base64
import io
import json
import os
import pathlib
import stat
import subprocess
import sys
import zipfile

import pytest
from botocore.exceptions import ClientError

from conftest import ROOT

ROLE = "arn:aws:iam::000000000000:role/any"


def package(files, mode=0o755):
    """An archive; what begins as a script or a program is executable."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (stat.S_IFREG | mode) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return out.getvalue()


def make(lambda_, name, code, handler="index.handler", runtime="provided.al2023", **settings):
    settings = {"Timeout": 10, "MemorySize": 256, **settings}
    lambda_.create_function(FunctionName=name, Runtime=runtime, Handler=handler, Role=ROLE, Code={"ZipFile": code}, **settings)
    return name


def call(lambda_, name, event=None, **options):
    answer = lambda_.invoke(FunctionName=name, Payload=json.dumps(event), **options)
    return answer, json.loads(answer["Payload"].read() or b"null")


def failed(lambda_, name, event=None):
    answer, said = call(lambda_, name, event)
    assert answer["StatusCode"] == 200 and answer["FunctionError"] == "Unhandled", said
    return said, answer["ResponseMetadata"]["RequestId"]


def tail(answer):
    return base64.b64decode(answer["LogResult"]).decode()


# The official client for Rust.


@pytest.fixture(scope="module")
def rust():
    target = ROOT / "target/e2e/rust-function"
    built = subprocess.run(
        ["cargo", "build", "--quiet", "--locked", "--manifest-path", str(ROOT / "tests/e2e/rust-function/Cargo.toml")],
        env={**os.environ, "CARGO_TARGET_DIR": str(target)},
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    return package({"bootstrap": (target / "debug/bootstrap").read_bytes()})


def test_a_rust_function_on_the_official_client(lambda_, rust):
    name = make(lambda_, "rust", rust, handler="any", runtime="provided.al2023")
    context = base64.b64encode(json.dumps({"custom": {"a": "b"}}).encode()).decode()
    answer, said = call(lambda_, name, {"text": "ünï"}, ClientContext=context)
    assert "FunctionError" not in answer, said
    assert said["event"] == {"text": "ünï"} and said["id"] == answer["ResponseMetadata"]["RequestId"]
    assert said["arn"].endswith(":function:rust") and said["function"] == "rust" and said["task"] == "/var/task"
    assert said["client"] == {"a": "b"}
    for _ in range(3):
        assert call(lambda_, name, 1)[1]["event"] == 1

    said, _ = failed(lambda_, name, {"do": "fail"})
    assert said["errorMessage"] == "as told"
    said, _ = failed(lambda_, name, {"do": "panic"})
    assert "as told" in said["errorMessage"]
    said, _ = failed(lambda_, name, {"do": "large"})
    assert said["errorType"] == "Function.ResponseSizeTooLarge"
    assert call(lambda_, name, 2)[1]["event"] == 2
    said, request_id = failed(lambda_, name, {"do": "exit"})
    assert said == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {request_id} Error: Runtime exited with error: exit status 5",
    }
    assert call(lambda_, name, 3)[1]["event"] == 3


def test_a_rust_function_that_streams_is_collected(lambda_, rust):
    name = make(lambda_, "rust-stream", rust, handler="stream")
    answer = lambda_.invoke(FunctionName=name, Payload=b"{}")
    assert "FunctionError" not in answer and b"one two three" in answer["Payload"].read()
    answer = lambda_.invoke(FunctionName=name, Payload=b"{}")
    assert b"one two three" in answer["Payload"].read()


def test_a_rust_function_that_does_not_start(lambda_, rust):
    said, _ = failed(lambda_, make(lambda_, "rust-start", rust, handler="fails-to-start"))
    assert said["errorType"] == "Runtime.ExitError" and "exit status 1" in said["errorMessage"]


# The official client for Python.


@pytest.fixture(scope="module")
def official_python():
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    python = f"/usr/bin/python{version}"
    if not os.path.exists(python):
        pytest.skip(f"a function sees the system's programs only, and there is no {python}")
    import simplejson

    site = pathlib.Path(simplejson.__file__).parents[1]
    files = {"bootstrap": f"#!/bin/sh\nexec {python} -m awslambdaric \"$_HANDLER\"\n"}
    for part in ["awslambdaric", "simplejson", "snapshot_restore_py"]:
        for file in (site / part).rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts:
                files[str(file.relative_to(site))] = file.read_bytes()
    for file in site.glob("runtime_client*.so"):
        files[file.name] = file.read_bytes()
    files["index.py"] = """
import sys
def handler(event, context):
    return {"event": event, "id": context.aws_request_id, "arn": context.invoked_function_arn,
            "left": context.get_remaining_time_in_millis(), "client": context.client_context and context.client_context.custom}
def fails(event, context):
    raise KeyError("as told")
def exits(event, context):
    sys.exit(2)
def large(event, context):
    return "x" * event
def circle(event, context):
    found = []
    found.append(found)
    return found
"""
    files["broken.py"] = "raise RuntimeError('at init')"
    return package(files)


def test_pythons_official_client(lambda_, official_python):
    name = make(lambda_, "ric", official_python)
    context = base64.b64encode(json.dumps({"custom": {"a": "b"}}).encode()).decode()
    for _ in range(3):
        answer, said = call(lambda_, name, {"text": "ünï"}, ClientContext=context)
        assert "FunctionError" not in answer, said
        assert said["event"] == {"text": "ünï"} and said["id"] == answer["ResponseMetadata"]["RequestId"]
        assert 0 < said["left"] <= 10_000 and said["client"] == {"a": "b"}


@pytest.mark.parametrize(
    "handler, event, runtime",
    [
        ("index.fails", None, "python3.11"),
        ("index.circle", None, "python3.11"),
        ("index.nothing", None, "python3.11"),
        ("nowhere.handler", None, "python3.11"),
        ("broken.handler", None, "python3.11"),
        ("sys.exit", None, "python3.11"),
    ],
)
def test_our_python_says_what_the_official_client_says(lambda_, official_python, handler, event, runtime):
    name = handler.replace(".", "-")
    theirs, _ = failed(lambda_, make(lambda_, f"ric-{name}", official_python, handler=handler), event)
    ours, _ = failed(lambda_, make(lambda_, f"own-{name}", official_python, handler=handler, runtime=runtime), event)
    for said in [theirs, ours]:
        assert bool(said.pop("requestId", None)) == (handler in ("index.fails", "index.circle"))
        # The frames of the import machinery stand in different folders.
        said["stackTrace"] = [entry for entry in said["stackTrace"] if "/var/task/index" in entry or "/var/task/broken" in entry]
    assert ours == theirs


def test_the_official_client_with_a_large_answer(lambda_, official_python):
    name = make(lambda_, "ric-large", official_python, handler="index.large")
    assert len(call(lambda_, name, 5 << 20)[1]) == 5 << 20
    said, _ = failed(lambda_, name, 7 << 20)
    assert said["errorType"] == "Function.ResponseSizeTooLarge"


# The official client for Node.


@pytest.fixture(scope="module")
def official_node():
    """It compiles for minutes, so it is tried where somebody has installed it."""
    folder = pathlib.Path(os.environ.get("AWS_LAMBDA_RIC", ROOT / "target/e2e/node-client/node_modules/aws-lambda-ric"))
    if not folder.is_dir():
        pytest.skip("npm install --prefix target/e2e/node-client aws-lambda-ric")
    files = {"bootstrap": "#!/bin/sh\nexec /usr/bin/env node client/bin/index.mjs \"$_HANDLER\"\n"}
    for part in ["bin", "dist", "package.json"]:
        found = [folder / part] if (folder / part).is_file() else (folder / part).rglob("*")
        files |= {f"client/{file.relative_to(folder)}": file.read_bytes() for file in found if file.is_file()}
    files["index.js"] = """
exports.handler = async (event, context) => ({
  event, id: context.awsRequestId, left: context.getRemainingTimeInMillis(), arn: context.invokedFunctionArn, client: context.clientContext?.custom,
});
exports.fails = async () => { throw new TypeError("as told"); };
exports.throwsNull = async () => { throw null; };
exports.throwsNothing = async () => { throw undefined; };
exports.throwsText = async () => { throw "boom"; };
exports.failsWithNull = (event, context) => context.fail(null);
exports.failsInError = async () => { throw Object.assign(new Error("no name"), { name: 1 }); };
exports.exits = async () => process.exit(3);
exports.large = async (size) => "x".repeat(size);
exports.stream = awslambda.streamifyResponse(async (event, stream) => { for (const word of ["one ", "two ", "three"]) stream.write(word); stream.end(); });
"""
    files["broken.js"] = "throw new RangeError('at init');"
    files["syntax.js"] = "exports.handler = async () => {"
    files["missing.js"] = "require('surely-not-installed');"
    files["absent.mjs"] = "import 'surely-not-installed'; export const handler = async () => 1;"
    return package(files)


def test_nodes_official_client(lambda_, official_node):
    name = make(lambda_, "node-ric", official_node)
    context = base64.b64encode(json.dumps({"custom": {"a": "b"}}).encode()).decode()
    for _ in range(3):
        answer, said = call(lambda_, name, {"text": "ünï"}, ClientContext=context)
        assert "FunctionError" not in answer, said
        assert said["event"] == {"text": "ünï"} and said["id"] == answer["ResponseMetadata"]["RequestId"]
        assert 0 < said["left"] <= 10_000 and said["client"] == {"a": "b"}
    large = make(lambda_, "node-ric-large", official_node, handler="index.large")
    assert len(call(lambda_, large, 5 << 20)[1]) == 5 << 20
    assert failed(lambda_, large, 7 << 20)[0]["errorType"] == "Function.ResponseSizeTooLarge"
    streams = make(lambda_, "node-ric-stream", official_node, handler="index.stream")
    assert lambda_.invoke(FunctionName=streams)["Payload"].read() == b"one two three"


@pytest.mark.parametrize(
    "handler",
    [
        "index.fails", "index.throwsNull", "index.throwsNothing", "index.throwsText", "index.failsWithNull", "index.failsInError",
        "index.exits", "index.nothing", "nowhere.handler", "broken.handler", "syntax.handler", "missing.handler", "absent.handler",
    ],
)
def test_our_node_says_what_the_official_client_says(lambda_, official_node, handler):
    name = handler.replace(".", "-")
    theirs, _ = failed(lambda_, make(lambda_, f"node-ric-{name}", official_node, handler=handler))
    ours, _ = failed(lambda_, make(lambda_, f"node-own-{name}", official_node, handler=handler, runtime="nodejs20.x"))
    for said in [theirs, ours]:
        # The frames are each client's own.
        if "trace" in said:
            said["trace"] = said["trace"][:1]
        said["errorMessage"] = said["errorMessage"].split("\n")[0].split("Error: ")[-1]
    assert ours == theirs


# A shell script, and what it may do wrong.

API = "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
LOOP = f"""#!/bin/sh
API={API}
while true; do
  HEADERS=$(mktemp)
  EVENT=$(curl -sS -L -D "$HEADERS" "$API/invocation/next")
  ID=$(grep -Fi Lambda-Runtime-Aws-Request-Id "$HEADERS" | tr -d '[:space:]' | cut -d: -f2)
  %s
done
"""
RESPOND = 'curl -sS "$API/invocation/$ID/response" -d "$EVENT" > /dev/null'


def script(lambda_, name, text, **settings):
    return make(lambda_, name, package({"bootstrap": text}), **settings)


@pytest.mark.parametrize("runtime", ["provided.al2", "provided.al2023"])
def test_a_shell_script_with_curl(lambda_, runtime):
    name = script(lambda_, runtime.replace(".", "-"), LOOP % RESPOND, runtime=runtime)
    for event in [{"a": 1}, [2], "three"]:
        assert call(lambda_, name, event)[1] == event


def test_every_way_to_send_an_answer(lambda_):
    chunked = 'printf "%s" "$EVENT" | curl -sS -H "Transfer-Encoding: chunked" -T - -X POST "$API/invocation/$ID/response" > /dev/null'
    closing = 'curl -sS -H "Connection: close" "$API/invocation/$ID/response" -d "$EVENT" > /dev/null'
    waiting = 'curl -sS -H "Expect: 100-continue" "$API/invocation/$ID/response" -d "$EVENT" > /dev/null'
    old = 'curl -sS -0 "$API/invocation/$ID/response" -d "$EVENT" > /dev/null'
    streamed = chunked.replace("-X POST", '-X POST -H "Lambda-Runtime-Function-Response-Mode: streaming"')
    for n, way in enumerate([chunked, closing, waiting, old, streamed]):
        name = script(lambda_, f"way-{n}", LOOP % way.replace("%", "%"))
        for event in [{"way": n}, 1]:
            assert call(lambda_, name, event)[1] == event, way


def test_an_error_that_is_told(lambda_):
    body = """'{"errorMessage":"told","errorType":"Own.Error","stackTrace":[]}'"""
    name = script(lambda_, "told", LOOP % f'curl -sS "$API/invocation/$ID/error" -H "Lambda-Runtime-Function-Error-Type: Own.Error" -d {body} > /dev/null')
    for _ in range(2):
        said, _ = failed(lambda_, name)
        assert said == {"errorMessage": "told", "errorType": "Own.Error", "stackTrace": []}
    init = f"""#!/bin/sh
curl -sS "{API}/init/error" -H "Lambda-Runtime-Function-Error-Type: Own.Init" -d {body}
exit 1
"""
    said, _ = failed(lambda_, script(lambda_, "told-init", init))
    assert said["errorMessage"] == "told"


def test_requests_that_are_out_of_turn_are_refused_as_the_service_refuses_them(lambda_):
    ask = """
  S='-sS -o /dev/null -w %{http_code},'
  A=$(curl $S "$API/invocation/nonsense/response" -d 1)
  B=$(curl $S "$API/init/error" -d '{}')
  C=$(curl $S "$API/nonsense")
  D=$(curl -sS -D - -o /dev/null "$API/invocation/next" | grep -Fi aws-request-id | grep -c "$ID")
  E=$(curl $S "$API/restore/next")
  F=$(curl $S -X DELETE "$API/invocation/next")
  G=$(curl $S -H "Lambda-Runtime-Function-Response-Mode: nonsense" "$API/invocation/$ID/response" -d 1)
  curl -sS "$API/invocation/$ID/response" -d "\\"$A$B$C$D,$E$F$G\\"" > /dev/null
  curl -sS "$API/invocation/$ID/response" -d 2
  curl -sS "$API/init/error" -d 2
"""
    name = script(lambda_, "out-of-turn", LOOP.replace("%s", ask))
    for _ in range(2):
        answer, said = call(lambda_, name, LogType="Tail")
        assert said == "400,403,404,1,403,404,400,"
        assert "State transition from RuntimeResponseSentState to InvocationResponse failed for runtime. Error: State transition is not allowed" in tail(answer)


@pytest.mark.parametrize(
    "name, text, reason",
    [
        ("exit-zero", "#!/bin/sh\nexit 0\n", "Runtime exited without providing a reason"),
        ("exit-nine", "#!/bin/sh\nexit 9\n", "Runtime exited with error: exit status 9"),
        ("exit-busy", LOOP % "exit 0", "Runtime exited without providing a reason"),
        ("killed", LOOP % "kill -9 $$", "Runtime exited with error: signal: killed"),
    ],
)
def test_a_program_that_ends(lambda_, name, text, reason):
    said, request_id = failed(lambda_, script(lambda_, name, text))
    assert said == {"errorType": "Runtime.ExitError", "errorMessage": f"RequestId: {request_id} Error: {reason}"}
    failed(lambda_, name)


def test_a_program_that_never_asks_or_never_answers(lambda_):
    said, request_id = failed(lambda_, script(lambda_, "silent", LOOP % "sleep 100", Timeout=1))
    assert said == {"errorType": "Sandbox.Timedout", "errorMessage": f"RequestId: {request_id} Error: Task timed out after 1.00 seconds"}
    assert failed(lambda_, "silent")[0]["errorType"] == "Sandbox.Timedout"


@pytest.mark.parametrize(
    "name, files, mode, why",
    [
        ("no-program", {"other": "x"}, 0o755, "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"),
        ("not-executable", {"bootstrap": "#!/bin/sh\n"}, 0o644, "fork/exec /var/task/bootstrap: permission denied"),
        ("no-format", {"bootstrap": "echo hello\n"}, 0o755, "fork/exec /var/task/bootstrap: exec format error"),
    ],
)
def test_a_package_without_a_program(lambda_, name, files, mode, why):
    said, request_id = failed(lambda_, make(lambda_, name, package(files, mode)))
    assert said == {"errorType": "Runtime.InvalidEntrypoint", "errorMessage": f"RequestId: {request_id} Error: {why}"}
    failed(lambda_, name)


def test_fifty_megabytes_of_log_and_no_text(lambda_):
    name = script(lambda_, "prints", LOOP % f"head -c 52428800 /dev/urandom; {RESPOND}", Timeout=60)
    answer, said = call(lambda_, name, "ok", LogType="Tail")
    assert said == "ok" and len(tail(answer).encode()) <= 4096


# Node: what has not been tried elsewhere.

NODE = """
exports.circle = async () => { const circle = {}; circle.circle = circle; return circle; };
exports.bigint = async () => 1n;
exports.large = async () => "x".repeat(7 << 20);
exports.exits = async () => process.exit(0);
exports.closes = async () => { require("fs").closeSync(0); return "closed"; };
exports.prints = async () => { for (let n = 0; n < 50; n++) process.stdout.write("x".repeat((1 << 20) - 1) + "\\n"); return "printed"; };
exports.noText = async () => { process.stdout.write(Buffer.from([0xff, 0xfe, 10])); return "\\ud800"; };
exports.nothing = undefined;
exports.number = 3;
exports.a = { b: { c: async () => "nested" } };
exports.twice = async () => require("net").Socket && (await new Promise((resolve) => setTimeout(resolve, 10)), "once");
"""
NODE_FILES = {
    "index.js": NODE,
    "dir/file.js": "exports.handler = async () => __filename;",
    "dir/deep/module.mjs": "export const handler = async () => import.meta.url;",
    "broken.js": "exports.handler = async () => {",
    "raising.js": "throw new RangeError('at init');",
    "rejecting.mjs": "await Promise.reject(new RangeError('at init'));",
    "missing.js": "require('surely-not-installed');",
    "exiting.js": "process.exit(0);",
    "package.json": "{}",
}


@pytest.fixture(scope="module")
def node(lambda_):
    code, made = package(NODE_FILES, 0o644), {}

    def function(handler, runtime="nodejs20.x", **settings):
        name = f"node-{len(made)}"
        return made.setdefault((handler, runtime), name) if (handler, runtime) in made else make(
            lambda_, made.setdefault((handler, runtime), name), code, handler=handler, runtime=runtime, **settings
        )

    return function


@pytest.mark.parametrize(
    "handler, kind, message",
    [
        ("index.circle", "Error", "Unable to stringify response body"),
        ("index.bigint", "Error", "Unable to stringify response body"),
        ("index.nothing", "Runtime.HandlerNotFound", "index.nothing is undefined or not exported"),
        ("index.number", "Runtime.HandlerNotFound", "index.number is not a function"),
        ("index.a.b", "Runtime.HandlerNotFound", "index.a.b is not a function"),
        ("broken.handler", "Runtime.UserCodeSyntaxError", "SyntaxError: Unexpected end of input"),
        ("raising.handler", "RangeError", "at init"),
        ("rejecting.handler", "RangeError", "at init"),
        ("missing.handler", "Runtime.ImportModuleError", None),
        ("nowhere.handler", "Runtime.ImportModuleError", None),
        ("../index.handler", "Runtime.MalformedHandlerName", "'../index.handler' is not a valid handler name. Use absolute paths when specifying root directories in handler names."),
        ("index", "Runtime.MalformedHandlerName", "Bad handler"),
        ("index.large", "Function.ResponseSizeTooLarge", None),
        ("index.exits", "Runtime.ExitError", None),
        ("exiting.handler", "Runtime.ExitError", None),
    ],
)
def test_what_goes_wrong_in_node(lambda_, node, handler, kind, message):
    name = node(handler)
    for _ in range(2):
        said, _ = failed(lambda_, name)
        assert said["errorType"] == kind, said
        if message:
            assert said["errorMessage"] == message


def test_every_form_of_a_node_handlers_name(lambda_, node):
    assert call(lambda_, node("dir/file.handler"))[1] == "/var/task/dir/file.js"
    assert call(lambda_, node("dir/deep/module.handler"))[1] == "file:///var/task/dir/deep/module.mjs"
    assert call(lambda_, node("index.a.b.c"))[1] == "nested"


@pytest.mark.parametrize("runtime", [f"nodejs{major}.x" for major in range(18, 27, 2)])
def test_every_version_of_node_is_run_by_what_the_host_has(lambda_, node, runtime):
    assert call(lambda_, node("index.a.b.c", runtime=runtime))[1] == "nested"


def test_what_node_functions_may_do_to_themselves(lambda_, node):
    assert call(lambda_, node("index.closes"))[1] == "closed"
    assert call(lambda_, node("index.prints", Timeout=60))[1] == "printed"
    assert call(lambda_, node("index.noText"))[1] is not None
    assert call(lambda_, node("index.twice"))[1] == "once"


STREAMS = """
const { pipeline } = require("stream/promises");
const { Readable } = require("stream");
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
exports.writes = awslambda.streamifyResponse(async (event, stream, context) => {
  stream.setContentType("text/plain");
  stream.write("one ");
  await wait(5);
  stream.write(Buffer.from("two "));
  stream.write(new Uint8Array([51, 32]));
  stream.write({ event, left: context.getRemainingTimeInMillis() > 0 });
  stream.end();
});
exports.pipes = awslambda.streamifyResponse(async (event, stream) => {
  await pipeline(Readable.from((function* () { for (let n = 0; n < event; n++) yield "x".repeat(1 << 16); })()), stream);
});
exports.http = awslambda.streamifyResponse(async (event, stream) => {
  stream = awslambda.HttpResponseStream.from(stream, { statusCode: 201, headers: { a: "b" } });
  stream.write("body");
  stream.end();
});
exports.empty = awslambda.streamifyResponse(async (event, stream) => stream.end());
exports.fails = awslambda.streamifyResponse(async (event, stream) => { stream.write("begun"); throw new RangeError("half way"); });
exports.failsFirst = awslambda.streamifyResponse(async () => { throw new RangeError("at once"); });
exports.failsLater = awslambda.streamifyResponse(async (event, stream) => { stream.write("x"); Promise.reject(new Error("nobody")); await wait(500); });
exports.forgets = awslambda.streamifyResponse(async (event, stream) => { stream.write("begun"); });
exports.sync = awslambda.streamifyResponse((event, stream) => { stream.end("x"); });
exports.count = (() => { let n = 0; return awslambda.streamifyResponse(async (event, stream) => { stream.end(String(++n)); }); })();
"""


def test_a_node_function_that_streams_is_collected(lambda_):
    code = package({"index.js": STREAMS}, 0o644)

    def said(handler, event=None):
        name = f"stream-{handler}"
        try:
            lambda_.get_function(FunctionName=name)
        except lambda_.exceptions.ResourceNotFoundException:
            make(lambda_, name, code, handler=f"index.{handler}", runtime="nodejs20.x")
        answer = lambda_.invoke(FunctionName=name, Payload=json.dumps(event))
        return answer.get("FunctionError"), answer["Payload"].read()

    assert said("writes", {"a": 1}) == (None, b'one two 3 {"event":{"a":1},"left":true}')
    assert said("pipes", 80) == (None, b"x" * (80 << 16))
    assert said("http") == (None, b'{"statusCode":201,"headers":{"a":"b"}}' + bytes(8) + b"body")
    assert said("empty") == (None, b"")
    for handler, message in [
        ("fails", "half way"),
        ("failsFirst", "at once"),
        ("forgets", "Response stream is not finished."),
        ("sync", "Streaming does not support non-async handlers."),
        ("failsLater", "Error: nobody"),
    ]:
        for _ in range(2):
            error, body = said(handler)
            assert error == "Unhandled" and json.loads(body)["errorMessage"] == message
    assert [said("count") for _ in range(3)] == [(None, b"1"), (None, b"2"), (None, b"3")], "an instance is used again"
    error, body = said("pipes", 120)
    assert error == "Unhandled" and json.loads(body)["errorType"] == "Function.ResponseSizeTooLarge"


# Archives.


def refused(make_it):
    with pytest.raises(ClientError) as caught:
        make_it()
    response = caught.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400, response
    return response["Error"]


def linked(target):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        info = zipfile.ZipInfo("link")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, target)
        archive.writestr("index.py", "def handler(event, context): return open('/var/task/link').read()")
    return out.getvalue()


def bomb():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        with archive.open("zeros", "w", force_zip64=True) as file:
            for _ in range(300):
                file.write(bytes(1 << 20))
    return out.getvalue()


@pytest.mark.parametrize("what", ["bomb", "../escape", "/absolute", "link-out", "link-absolute", "empty", "nonsense"])
def test_archives_that_were_made_to_hurt(lambda_, what):
    code = {
        "bomb": bomb,
        "../escape": lambda: package({"../escape": "x"}),
        "/absolute": lambda: package({"/absolute": "x"}),
        "link-out": lambda: linked("../../etc/passwd"),
        "link-absolute": lambda: linked("/etc/passwd"),
        "empty": lambda: package({}),
        "nonsense": lambda: b"this is no archive",
    }[what]()
    error = refused(lambda: make(lambda_, "hurts", code, runtime="python3.12"))
    assert error["Code"] in ("InvalidParameterValueException", "ValidationException"), error
    with pytest.raises(lambda_.exceptions.ResourceNotFoundException):
        lambda_.get_function(FunctionName="hurts")


def test_a_link_inside_an_archive_is_kept(lambda_):
    name = make(lambda_, "linked", linked("index.py"), runtime="python3.12")
    assert call(lambda_, name)[1].startswith("def handler")
