"""Python functions by boto3, in their sandboxes."""

import base64
import io
import json
import re
import zipfile

import pytest

from conftest import eventually

ROLE = "arn:aws:iam::000000000000:role/any"

HANDLERS = '''
import collections, datetime, decimal, json, logging, os, sys, threading, time

logger = logging.getLogger("mine")
logging.getLogger().setLevel(logging.INFO)
count = 0

def echo(event, context):
    shown = {name: getattr(context, name) for name in (
        "aws_request_id", "log_group_name", "log_stream_name", "function_name", "memory_limit_in_mb", "function_version",
        "invoked_function_arn", "tenant_id")}
    shown["remaining"] = context.get_remaining_time_in_millis()
    shown["identity"] = [context.identity.cognito_identity_id, context.identity.cognito_identity_pool_id]
    client = context.client_context
    shown["client"] = client and [client.custom, client.env, client.client and client.client.app_title]
    shown["repr"] = repr(context)
    return {"event": event, "context": shown}

def counts(event, context):
    global count
    count += 1
    return count

def raises(event, context):
    def inner():
        raise ValueError("with ünï")
    inner()

def own_error(event, context):
    class Own(Exception):
        pass
    raise Own({"a": 1})

def exits(event, context):
    sys.exit(event)

def exits_hard(event, context):
    os._exit(7)

def returns_set(event, context):
    return {1, 2}

def returns_circle(event, context):
    circle = {}
    circle["circle"] = circle
    return circle

async def returns_coroutine(event, context):
    return 1

def returns_numbers(event, context):
    return {"decimal": decimal.Decimal("1.10"), "large": 2 ** 70, "float": 1.5, "list": [decimal.Decimal(7)]}

def returns_bytes(event, context):
    return b'{"raw": true}'

def returns_no_text(event, context):
    return b'"\\\\xff\\\\xfe"'

def large(event, context):
    return "x" * event

def environment(event, context):
    return dict(os.environ)

def paths(event, context):
    return {"path": sys.path, "cwd": os.getcwd(), "modules": sorted(sys.modules), "exit": str(exit)}

def prints(event, context):
    print("out")
    print("err", file=sys.stderr)
    sys.stdout.write("no end")
    logger.info("one %s\\nand two", "line")
    logger.debug("not shown")
    context.log("by context\\n")
    try:
        1 / 0
    except ZeroDivisionError:
        logger.exception("caught")

def prints_much(event, context):
    line = "x" * 1023
    for _ in range(event << 10):
        print(line)
    return "printed"

def closes(event, context):
    os.close(0)
    sys.stdin.close()
    return "closed"

def closes_all(event, context):
    sys.stdout.close()
    sys.stderr.close()
    return "closed"

def closes_connection(event, context):
    os.close(3)
    return "never told"

def threads(event, context):
    def work():
        raise RuntimeError("in a thread")
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    background = threading.Thread(target=time.sleep, args=(30,), daemon=True)
    background.start()
    return "went on"

def sleeps(event, context):
    print("before it sleeps", end="")
    time.sleep(event)

def surrogate(event, context):
    raise ValueError("\\ud800 is no character")

def uses_sdk(event, context):
    import boto3
    boto3.client("s3").put_object(Bucket=event, Key="from-python", Body=b"hello")
    return [bucket["Name"] for bucket in boto3.client("s3").list_buckets()["Buckets"]]

not_a_function = 3
'''

FILES = {
    "index.py": HANDLERS,
    "pkg/__init__.py": "",
    "pkg/mod.py": "def handler(event, context):\n    return __name__\n",
    "folder/deep/mod.py": "def handler(event, context):\n    return __name__\n",
    "broken.py": "def handler(event, context)\n    return 1\n",
    "missing.py": "import surely_not_installed\n",
    "raising.py": "raise KeyError('at init')\n",
    "exiting.py": "import sys\nsys.exit(4)\n",
    "leaving.py": "import os\nos._exit(0)\n",
    "quiet.py": "def handler(event, context):\n    import sys\n    return 'logging' in sys.modules\n",
}


def package(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return out.getvalue()


CODE = package(FILES)


@pytest.fixture(scope="module")
def function(lambda_):
    """Makes a function for one of the handlers, once."""
    made = set()

    def make(handler, runtime="python3.11", **settings):
        path = handler if "." in handler else f"index.{handler}"
        name = re.sub(r"\W", "-", "-".join([handler, runtime, *(f"{key}-{value}" for key, value in settings.items())]))[:64]
        if name not in made:
            settings = {"Timeout": 10, "MemorySize": 256, **settings}
            lambda_.create_function(
                FunctionName=name, Runtime=runtime, Handler=path, Role=ROLE, Code={"ZipFile": CODE}, **settings
            )
            made.add(name)
        return name

    return make


def call(lambda_, name, event=None, **options):
    answer = lambda_.invoke(FunctionName=name, Payload=json.dumps(event), **options)
    return answer, json.loads(answer["Payload"].read())


def tail(answer):
    return base64.b64decode(answer["LogResult"]).decode()


def failed(lambda_, name, event=None):
    answer, said = call(lambda_, name, event)
    assert answer["StatusCode"] == 200 and answer["FunctionError"] == "Unhandled", said
    return said


def test_the_event_and_the_context(lambda_, function):
    name = function("echo")
    event = {"text": "ünï ☃", "list": [1, 2.5, None, True], "deep": {"er": {}}}
    client = {"custom": {"a": "b"}, "env": {"locale": "de"}, "client": {"app_title": "app"}}
    answer, said = call(lambda_, name, event, ClientContext=base64.b64encode(json.dumps(client).encode()).decode())
    assert "FunctionError" not in answer, said
    assert said["event"] == event
    seen = said["context"]
    assert seen["function_name"] == name and seen["function_version"] == "$LATEST"
    assert seen["invoked_function_arn"] == f"arn:aws:lambda:us-east-1:000000000000:function:{name}"
    assert seen["memory_limit_in_mb"] == "256" and seen["aws_request_id"] == answer["ResponseMetadata"]["RequestId"]
    assert seen["log_group_name"] == f"/aws/lambda/{name}" and "[$LATEST]" in seen["log_stream_name"]
    assert seen["client"] == [{"a": "b"}, {"locale": "de"}, "app"]
    assert seen["identity"] == [None, None]
    assert 0 < seen["remaining"] <= 10_000
    assert seen["repr"].startswith("LambdaContext([aws_request_id=")
    assert call(lambda_, name)[1]["context"]["client"] is None


def test_every_form_of_a_handlers_name(lambda_, function):
    assert call(lambda_, function("pkg.mod.handler"))[1] == "pkg.mod"
    assert call(lambda_, function("pkg/mod.handler"))[1] == "pkg.mod"
    assert call(lambda_, function("folder/deep/mod.handler"))[1] == "folder.deep.mod"
    assert [call(lambda_, function("counts"))[1] for _ in range(3)] == [1, 2, 3], "an instance is used again"


@pytest.mark.parametrize("runtime", [f"python3.{minor}" for minor in range(9, 16)])
def test_every_version_is_run_by_what_the_host_has(lambda_, function, runtime):
    assert call(lambda_, function("pkg.mod.handler", runtime=runtime))[1] == "pkg.mod"


def test_an_exception_is_told_with_its_trace(lambda_, function):
    answer, said = call(lambda_, function("raises"), LogType="Tail")
    request_id = answer["ResponseMetadata"]["RequestId"]
    assert list(said) == ["errorMessage", "errorType", "requestId", "stackTrace"]
    assert (said["errorType"], said["errorMessage"], said["requestId"]) == ("ValueError", "with ünï", request_id)
    assert [re.sub(r"line \d+", "line N", entry) for entry in said["stackTrace"]] == [
        '  File "/var/task/index.py", line N, in raises\n    inner()\n',
        '  File "/var/task/index.py", line N, in inner\n    raise ValueError("with ünï")\n',
    ]
    assert "[ERROR] ValueError: with ünï\nTraceback (most recent call last):\n\u00a0\u00a0File" in tail(answer)
    assert failed(lambda_, function("own_error"))["errorType"] == "Own"
    assert failed(lambda_, function("surrogate"))["errorMessage"].endswith("is no character")


@pytest.mark.parametrize(
    "handler, kind, message",
    [
        ("nowhere.handler", "Runtime.ImportModuleError", "Unable to import module 'nowhere': No module named 'nowhere'"),
        ("missing.handler", "Runtime.ImportModuleError", "Unable to import module 'missing': No module named 'surely_not_installed'"),
        ("nothing", "Runtime.HandlerNotFound", "Handler 'nothing' missing on module 'index'"),
        ("broken.handler", "Runtime.UserCodeSyntaxError", "Syntax error in module 'broken': expected ':' (broken.py, line 1)"),
        ("raising.handler", "KeyError", "'at init'"),
        ("sys.exit", "Runtime.BuiltInModuleConflict", "Cannot use built-in module sys as a handler module"),
        ("../index.echo", "TypeError", None),
    ],
)
def test_what_cannot_be_loaded_is_said_in_the_real_words(lambda_, function, handler, kind, message):
    name = function(handler)
    said = failed(lambda_, name)
    assert said["errorType"] == kind and said["requestId"] == ""
    if message:
        assert said["errorMessage"] == message
    assert failed(lambda_, name)["errorType"] == kind, "and again"


def test_a_handlers_name_without_a_function(lambda_):
    lambda_.create_function(FunctionName="malformed", Runtime="python3.11", Handler="index", Role=ROLE, Code={"ZipFile": CODE})
    said = failed(lambda_, "malformed")
    assert said["errorType"] == "Runtime.MalformedHandlerName"
    assert said["errorMessage"] == "Bad handler 'index': not enough values to unpack (expected 2, got 1)"


@pytest.mark.parametrize(
    "handler, event, reason",
    [
        ("exits", 3, "Runtime exited with error: exit status 3"),
        ("exits", None, "Runtime exited without providing a reason"),
        ("exits", "words", "Runtime exited with error: exit status 1"),
        ("exits_hard", None, "Runtime exited with error: exit status 7"),
        ("exiting.handler", None, "Runtime exited with error: exit status 4"),
        ("leaving.handler", None, "Runtime exited without providing a reason"),
    ],
)
def test_a_process_that_ends(lambda_, function, handler, event, reason):
    name = function(handler)
    answer, said = call(lambda_, name, event)
    request_id = answer["ResponseMetadata"]["RequestId"]
    assert said == {"errorType": "Runtime.ExitError", "errorMessage": f"RequestId: {request_id} Error: {reason}"}


@pytest.mark.parametrize(
    "handler, message",
    [
        ("returns_set", "Unable to marshal response: Object of type set is not JSON serializable"),
        ("returns_circle", "Unable to marshal response: Circular reference detected"),
        ("returns_coroutine", "Unable to marshal response: Object of type coroutine is not JSON serializable"),
    ],
)
def test_what_json_cannot_say(lambda_, function, handler, message):
    said = failed(lambda_, function(handler))
    assert (said["errorType"], said["errorMessage"], said["stackTrace"]) == ("Runtime.MarshalError", message, [])


def test_answers_of_every_kind(lambda_, function):
    answer = lambda_.invoke(FunctionName=function("returns_numbers"))
    text = answer["Payload"].read().decode()
    assert text == '{"decimal": 1.10, "large": 1180591620717411303424, "float": 1.5, "list": [7]}'
    assert call(lambda_, function("returns_bytes"))[1] == {"raw": True}
    raw = lambda_.invoke(FunctionName=function("returns_no_text"))
    assert "FunctionError" not in raw and raw["Payload"].read() == b'"\\xff\\xfe"'
    assert len(call(lambda_, function("large"), 6 << 20)[1]) == 6 << 20
    assert failed(lambda_, function("large"), 7 << 20)["errorType"] == "Function.ResponseSizeTooLarge"
    assert call(lambda_, function("large"), 3)[1] == "xxx", "it goes on"
    event = {"large": "y" * (5 << 20)}
    assert call(lambda_, function("echo"), event)[1]["event"] == event


def test_a_time_out_kills_it(lambda_, function):
    answer, said = call(lambda_, function("sleeps", Timeout=1), 20, LogType="Tail")
    assert said["errorType"] == "Sandbox.Timedout"
    assert "before it sleeps" in tail(answer), "what was printed before is there"


def test_the_environment_is_the_real_ones(lambda_, function):
    _, environment = call(lambda_, function("environment", Environment={"Variables": {"PYTHONPATH": "/var/task/pkg", "OWN": "1"}}))
    assert environment["LAMBDA_TASK_ROOT"] == "/var/task" and environment["LAMBDA_RUNTIME_DIR"] == "/var/runtime"
    assert environment["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.11" and environment["OWN"] == "1"
    assert environment["_HANDLER"] == "index.environment" and environment["_X_AMZN_TRACE_ID"].startswith("Root=1-")
    assert not [name for name in environment if name.startswith("FULMAR")]
    _, seen = call(lambda_, function("paths"))
    assert seen["path"][:3] == ["/var/task", "/opt/python/lib/python3.11/site-packages", "/opt/python"]
    assert seen["cwd"] == "/var/task" and "site" not in seen["modules"] and "exit" in seen["exit"]
    assert not [name for name in seen["modules"] if name in ("connection", "answers", "loading", "logs", "runtime")]


def test_what_is_printed(lambda_, function):
    answer, _ = call(lambda_, function("prints"), LogType="Tail")
    request_id = answer["ResponseMetadata"]["RequestId"]
    lines = tail(answer).split("\n")
    assert "out" in lines and "err" in lines and "by context" in lines
    (record,) = re.findall(r"^.*one line\n.*$", tail(answer), re.MULTILINE)
    assert re.fullmatch(r"no end\[INFO\]\t\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\t" + request_id + "\tone line\nand two", record)
    at = next(at for at, line in enumerate(lines) if "caught" in line)
    assert lines[at].startswith("[ERROR]\t") and lines[at + 1] == "Traceback (most recent call last):"
    assert next(line for line in lines[at + 2 :] if not line.startswith(" ")).startswith("ZeroDivisionError")
    assert "\r" not in tail(answer) and "\x1e" not in tail(answer)
    assert "not shown" not in tail(answer)


def test_what_is_printed_as_json(lambda_, function):
    logging = {"LogFormat": "JSON", "ApplicationLogLevel": "ERROR"}
    answer, _ = call(lambda_, function("prints", LoggingConfig=logging), LogType="Tail")
    records = [json.loads(line[line.index("{") :]) for line in tail(answer).split("\n") if '"logger"' in line]
    # The code sets its own level, which goes before the configured one.
    info, error = records
    assert info["level"] == "INFO" and info["message"] == "one line\nand two" and info["logger"] == "mine"
    assert info["requestId"] == answer["ResponseMetadata"]["RequestId"]
    assert error["errorType"] == "ZeroDivisionError" and error["errorMessage"] == "division by zero"
    assert "index.py:prints:" in error["location"] and error["stackTrace"]
    answer, _ = call(lambda_, function("raises", LoggingConfig=logging), LogType="Tail")
    (record,) = [json.loads(line) for line in tail(answer).split("\n") if "stackTrace" in line]
    assert record["level"] == "ERROR" and record["errorType"] == "ValueError"


def test_threads_do_not_end_an_invocation(lambda_, function):
    answer, said = call(lambda_, function("threads"), LogType="Tail")
    assert said == "went on" and "RuntimeError: in a thread" in tail(answer)
    assert call(lambda_, function("threads"))[1] == "went on"


def test_closed_descriptors(lambda_, function):
    assert call(lambda_, function("closes"))[1] == "closed"
    assert call(lambda_, function("closes_all"))[1] == "closed"
    assert call(lambda_, function("closes_all"))[1] == "closed", "or anything else that has an end"
    said = failed(lambda_, function("closes_connection", Timeout=3))
    assert said["errorType"] == "Runtime.ExitError"


def test_fifty_megabytes_of_log(lambda_, function):
    answer, said = call(lambda_, function("prints_much", Timeout=60), 50, LogType="Tail")
    assert said == "printed" and len(tail(answer)) <= 4096


def test_the_sdk_reaches_us(lambda_, function, s3, fulmar):
    """The host's own boto3 stands in for the one that the real service has; where the host has none, it is packaged."""
    import boto3
    import pathlib

    site = pathlib.Path(boto3.__file__).parents[1]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("index.py", HANDLERS)
        for name in ["boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3"]:
            for file in (site / name).rglob("*"):
                inner = file.relative_to(site)
                wanted = "data" not in inner.parts or inner.parts[:3] in [("boto3", "data", "s3"), ("botocore", "data", "s3")]
                if file.is_file() and "__pycache__" not in inner.parts and (wanted or len(inner.parts) == 3):
                    archive.write(file, str(inner))
        archive.write(site / "six.py", "six.py")
    s3.create_bucket(Bucket="python-sdk")
    lambda_.create_function(
        FunctionName="sdk", Runtime="python3.12", Handler="index.uses_sdk", Role=ROLE, Code={"ZipFile": out.getvalue()},
        Timeout=60, MemorySize=1024,
    )
    _, said = call(lambda_, "sdk", "python-sdk")
    assert "python-sdk" in said
    assert s3.get_object(Bucket="python-sdk", Key="from-python")["Body"].read() == b"hello"


TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Words:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: words, Runtime: python3.13, Handler: src/app.handler, CodeUri: code, Timeout: 10}
  Inline:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: inline
      Runtime: python3.12
      Handler: index.handler
      InlineCode: |
        def handler(event, context):
            return "inline"
"""


def wheel(folder, version):
    """A package of ours, so that nothing has to come from anywhere else."""
    name = f"own_words-{version}-py3-none-any.whl"
    info = f"own_words-{version}.dist-info"
    with zipfile.ZipFile(folder / name, "w") as archive:
        archive.writestr("own_words.py", f"VERSION = '{version}'\n")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: own_words\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return name


def test_packages_that_the_code_asks_for_are_installed_apart_from_it(fulmar, lambda_, tmp_path):
    code = tmp_path / "code"
    (code / "src").mkdir(parents=True)
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    (code / "src/app.py").write_text("import own_words\n\ndef handler(event, context):\n    return [own_words.VERSION, own_words.__file__]\n")
    (code / "requirements.txt").write_text(f"./{wheel(code, '1.0')}\n")
    before = sorted(path for path in tmp_path.rglob("*"))
    said = fulmar.cli("deploy", tmp_path).stdout
    assert "installing the packages of" in said
    assert call(lambda_, "words")[1] == ["1.0", "/var/packages/own_words.py"]
    assert call(lambda_, "inline")[1] == "inline"
    assert sorted(path for path in tmp_path.rglob("*")) == before, "the user's source stays as it is"
    assert "installing" not in fulmar.cli("deploy", tmp_path).stdout
    (code / "requirements.txt").write_text(f"./{wheel(code, '2.0')}\n")
    assert "installing" in fulmar.cli("deploy", tmp_path).stdout
    eventually(lambda: call(lambda_, "words")[1][0] == "2.0")
    (code / "requirements.txt").write_text("./nowhere.whl\n")
    failed = fulmar.cli("deploy", tmp_path, check=False)
    assert failed.returncode and "nowhere.whl" in failed.stderr and "pip install failed" in failed.stderr
