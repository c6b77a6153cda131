"""Lines of JSON and their levels, the function's own and the platform's."""

import base64
import json

import pytest

from conftest import eventually
from test_runtimes import call, make, package

CODE = """
exports.handler = async (event) => {
  console.trace("at trace"); console.debug("at debug"); console.log("at %s", "info"); console.warn("at warn");
  console.error("at error", new RangeError("shown"));
  console.info({ structured: true });
  if (event === "errors") errors();
  if (event === "uncaught") { setImmediate(() => { throw new TypeError("uncaught"); }); await new Promise(() => {}); }
  if (event === "text") throw "text";
  if (event === "rejected") { Promise.reject(new TypeError("rejected")); await new Promise((done) => setTimeout(done, 1000)); }
  if (event === "fail") throw new RangeError("as told");
};
class Own extends Error { constructor() { super("own"); this.name = "Other"; this.more = { cause: new TypeError("deeper") }; } }
function errors() {
  const circle = { text: "round" };
  circle.circle = circle;
  console.error({ err: new TypeError("nested") });
  console.error(new RangeError("only"));
  console.error("e", new RangeError("r1"), new TypeError("r2"));
  console.error(new Own());
  console.error(Object.assign(new Error("circular"), { circle }));
  console.error(circle);
  console.error(1n);
  console.error();
  console.error("100%%");
  console.error("one\\ntwo\\r");
}
"""


def lines(lambda_, name, event=None):
    answer, _ = call(lambda_, name, event, LogType="Tail")
    return [json.loads(line) for line in base64.b64decode(answer["LogResult"]).decode().splitlines()], answer


@pytest.mark.parametrize(
    "level, heard",
    [
        ("TRACE", ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "INFO"]),
        ("INFO", ["INFO", "WARN", "ERROR", "INFO"]),
        (None, ["INFO", "WARN", "ERROR", "INFO"]),
        ("ERROR", ["ERROR"]),
        ("FATAL", []),
    ],
)
def test_the_functions_own_level(lambda_, level, heard):
    logging = {"LogFormat": "JSON", **({"ApplicationLogLevel": level} if level else {})}
    name = make(lambda_, f"own-{level}", package({"index.js": CODE}), runtime="nodejs20.x", LoggingConfig=logging)
    found, answer = lines(lambda_, name)
    own = [line for line in found if "level" in line]
    assert [line["level"] for line in own] == heard
    request_id = answer["ResponseMetadata"]["RequestId"]
    assert all(line["requestId"] == request_id and line["timestamp"].endswith("Z") for line in own)
    messages = [line["message"] for line in own]
    if level == "INFO":
        assert messages[0] == "at info" and messages[3] == {"structured": True}


@pytest.mark.parametrize(
    "level, well, badly",
    [
        ("DEBUG", ["start", "runtimeDone", "report"], ["start", "runtimeDone", "report"]),
        ("INFO", ["start", "report"], ["start", "runtimeDone", "report"]),
        ("WARN", [], ["runtimeDone", "report"]),
    ],
)
def test_the_platforms_level(fulmar, lambda_, level, well, badly):
    logging = {"LogFormat": "JSON", "ApplicationLogLevel": "FATAL", "SystemLogLevel": level}
    name = make(lambda_, f"system-{level}", package({"index.js": CODE}), runtime="nodejs20.x", LoggingConfig=logging)
    kinds = lambda event: [line["type"].removeprefix("platform.") for line in lines(lambda_, name, event)[0] if "type" in line]
    assert kinds(None) == well
    assert kinds("fail") == badly
    found = [line for line in lines(lambda_, name, "fail")[0] if line.get("type") == "platform.report"]
    assert found[0]["record"]["status"] == "error" and found[0]["record"]["errorType"] == "RangeError"
    # What came before the first call is in the log, and in no call's tail.
    group = {"logGroupName": f"/aws/lambda/{name}"}
    first = lambda: fulmar.client("logs").filter_log_events(**group)["events"]
    begun = [record for event in eventually(first) if (record := json.loads(event["message"]))["type"] == "platform.initStart"]
    arn = lambda_.get_function_configuration(FunctionName=name)["RuntimeVersionConfig"]["RuntimeVersionArn"]
    told = [(one["record"]["phase"], one["record"]["runtimeVersion"], one["record"]["runtimeVersionArn"]) for one in begun]
    assert told == ([] if level == "WARN" else [("init", "nodejs:" + arn.rpartition("/")[2], arn)])


def test_an_error_in_json(lambda_):
    name = make(lambda_, "json-error", package({"index.js": CODE}), runtime="nodejs20.x", LoggingConfig={"LogFormat": "JSON", "ApplicationLogLevel": "ERROR"})
    found, _ = lines(lambda_, name, "fail")
    error = [line for line in found if "level" in line][-1]
    assert error["level"] == "ERROR" and set(error) == {"timestamp", "level", "requestId", "message"}
    shown = error["message"]
    assert list(shown) == ["errorType", "errorMessage", "stackTrace"]
    assert (shown["errorType"], shown["errorMessage"], shown["stackTrace"][0]) == ("RangeError", "as told", "RangeError: as told")
    for event, kind, message in [
        ("uncaught", "TypeError", "uncaught"),
        ("text", "Error", "text"),
        ("rejected", "UnhandledPromiseRejection", "TypeError: rejected"),
    ]:
        found, _ = lines(lambda_, name, event)
        (shown,) = [line["message"] for line in found if line.get("level") == "ERROR" and isinstance(line["message"], dict)]
        assert (shown["errorType"], shown["errorMessage"]) == (kind, message)
    assert shown["reason"]["errorMessage"] == "rejected" and shown["promise"] == {}
    assert shown["stackTrace"][0] == "Runtime.UnhandledPromiseRejection: TypeError: rejected"


def test_errors_that_are_printed_in_json(fulmar, lambda_):
    name = make(lambda_, "json-errors", package({"index.js": CODE}), runtime="nodejs20.x", LoggingConfig={"LogFormat": "JSON", "ApplicationLogLevel": "ERROR"})
    call(lambda_, name, "errors")
    # More than a tail has.
    events = fulmar.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    found = [json.loads(event["message"]) for event in events]
    nested, only, several, own, circular, circle, number, nothing, percent, long = [line for line in found if "level" in line][1:]

    def shown(error, kind, message, beside=()):
        assert (error["errorType"], error["errorMessage"]) == (kind, message)
        assert "/var/task/index.js" in error["stackTrace"][1]
        assert set(error) == {"errorType", "errorMessage", "stackTrace", *beside}

    assert list(nested["message"]) == ["err"]
    shown(nested["message"]["err"], "TypeError", "nested")
    shown(only["message"], "RangeError", "only")
    # The first of several is beside the message.
    assert several["message"].startswith("e RangeError: r1\n") and "TypeError: r2" in several["message"]
    shown(several, "RangeError", "r1", ["timestamp", "level", "requestId", "message"])
    shown(own["message"], "Own", "own", ["name", "more"])
    shown(own["message"]["more"]["cause"], "TypeError", "deeper")
    # What cannot be JSON is text.
    assert circular["message"].startswith("Error: circular\n") and "[Circular *1]" in circular["message"]
    assert circle["message"].startswith("<ref *1> {") and number["message"] == "1n"
    assert "message" not in nothing
    assert percent["message"] == "100%%" and long["message"] == "one\ntwo\r"
    assert [line for line in found if "errorType" in line][1:] == [several]


def test_a_group_of_its_own(fulmar, lambda_):
    name = make(lambda_, "grouped", package({"index.js": CODE}), runtime="nodejs20.x", LoggingConfig={"LogGroup": "/own/group"})
    assert lambda_.get_function_configuration(FunctionName=name)["LoggingConfig"] == {"LogFormat": "Text", "LogGroup": "/own/group"}
    call(lambda_, name)
    assert "at info" in fulmar.cli("logs", name).stdout
