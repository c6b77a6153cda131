"""Lines of JSON and their levels, the function's own and the platform's."""

import base64
import json

import pytest

from test_runtimes import call, make, package

CODE = """
exports.handler = async (event) => {
  console.trace("at trace"); console.debug("at debug"); console.log("at %s", "info"); console.warn("at warn");
  console.error("at error", new RangeError("shown"));
  console.info({ structured: true });
  if (event === "fail") throw new RangeError("as told");
};
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
        ("DEBUG", ["initStart", "start", "runtimeDone", "report"], ["start", "runtimeDone", "report"]),
        ("INFO", ["initStart", "start", "report"], ["start", "runtimeDone", "report"]),
        ("WARN", [], ["runtimeDone", "report"]),
    ],
)
def test_the_platforms_level(lambda_, level, well, badly):
    logging = {"LogFormat": "JSON", "ApplicationLogLevel": "FATAL", "SystemLogLevel": level}
    name = make(lambda_, f"system-{level}", package({"index.js": CODE}), runtime="nodejs20.x", LoggingConfig=logging)
    kinds = lambda event: [line["type"].removeprefix("platform.") for line in lines(lambda_, name, event)[0] if "type" in line]
    assert kinds(None) == well
    assert kinds("fail") == badly
    found = [line for line in lines(lambda_, name, "fail")[0] if line.get("type") == "platform.report"]
    assert found[0]["record"]["status"] == "error" and found[0]["record"]["errorType"] == "RangeError"


def test_an_error_in_json(lambda_):
    name = make(lambda_, "json-error", package({"index.js": CODE}), runtime="nodejs20.x", LoggingConfig={"LogFormat": "JSON", "ApplicationLogLevel": "ERROR"})
    found, _ = lines(lambda_, name, "fail")
    (error,) = [line for line in found if line.get("errorMessage") == "as told"]
    assert error["level"] == "ERROR" and error["errorType"] == "RangeError" and error["stackTrace"]
    assert error["message"] == "Invoke Error"


def test_a_group_of_its_own(fulmar, lambda_):
    name = make(lambda_, "grouped", package({"index.js": CODE}), runtime="nodejs20.x", LoggingConfig={"LogGroup": "/own/group"})
    assert lambda_.get_function_configuration(FunctionName=name)["LoggingConfig"] == {"LogFormat": "Text", "LogGroup": "/own/group"}
    call(lambda_, name)
    assert "at info" in fulmar.cli("logs", name).stdout
