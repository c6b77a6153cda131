"""Functions by boto3, in their sandboxes."""

import base64
import concurrent.futures
import io
import json
import zipfile

import pytest
from botocore.exceptions import ClientError

from conftest import eventually

ROLE = "arn:aws:iam::000000000000:role/any"

HANDLERS = """
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

exports.echo = async (event, context) => ({ event, context: {
  ...context,
  remaining: context.getRemainingTimeInMillis(),
  keys: Object.keys(context).sort(),
} });
exports.callback = (event, context, callback) => { setTimeout(() => callback(null, { called: event }), 5); };
exports.callbackError = (event, context, callback) => callback(new RangeError("by callback"));
exports.failsWithNull = (event, context) => context.fail(null);
exports.throwsNull = async () => { throw null; };
exports.throwsNullAtOnce = () => { throw null; };
exports.throwsText = async () => { throw "boom"; };
exports.succeeds = (event, context) => { setTimeout(() => {}, 60_000); context.succeed("at once"); };
exports.failsAtOnce = (event, context, callback) => { setTimeout(() => {}, 60_000); callback(new Error("at once")); };
exports.both = async (event, context, callback) => { callback(null, "called back"); return "returned"; };
exports.lines = async () => { console.log(); console.log("one\\ntwo\\rthree"); };
exports.throws = async () => { throw new TypeError("thrown"); };
exports.sync = () => "not a promise, so nobody waits for it";
exports.slow = async (event) => { await wait(event.ms); return "done"; };
exports.exits = async () => process.exit(3);
exports.environment = async () => process.env;
exports.pid = async () => { await wait(300); return [process.env.AWS_LAMBDA_LOG_STREAM_NAME, process.pid]; };
exports.prints = async () => { console.log("out"); console.error("err"); process.stdout.write("raw\\n"); };
exports.large = async (event) => "x".repeat(event.size);
exports.unhandled = async () => { Promise.reject(new Error("nobody caught it")); await wait(1000); };
exports.count = (() => { let n = 0; return async () => ++n; })();
"""

MODULE = """
import { readFile } from "node:fs/promises";
const loaded = await readFile(new URL("./index.mjs", import.meta.url), "utf8");
export const handler = async (event) => ({ esm: true, length: loaded.length, event });
"""


def package(**files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("_", "."), text)
    return out.getvalue()


@pytest.fixture(scope="module")
def function(lambda_):
    """Makes a function for one of the handlers, once."""
    made = set()
    code = package(index_js=HANDLERS)

    def make(handler, **settings):
        name = "-".join([handler, *(f"{key}-{value}" for key, value in settings.items())])
        if name not in made:
            settings = {"Timeout": 10, "MemorySize": 256, **settings}
            lambda_.create_function(
                FunctionName=name, Runtime="nodejs20.x", Handler=f"index.{handler}", Role=ROLE, Code={"ZipFile": code}, **settings
            )
            made.add(name)
        return name

    return make


def call(lambda_, name, event=None, **options):
    answer = lambda_.invoke(FunctionName=name, Payload=json.dumps(event), **options)
    return answer, json.loads(answer["Payload"].read())


def test_the_event_and_the_context(lambda_, function):
    name = function("echo")
    event = {"text": "ünï ☃", "list": [1, 2.5, None, True], "deep": {"er": {}}}
    context = base64.b64encode(json.dumps({"custom": {"a": "b"}}).encode()).decode()
    answer, said = call(lambda_, name, event, ClientContext=context)
    assert answer["StatusCode"] == 200 and answer["ExecutedVersion"] == "$LATEST" and "FunctionError" not in answer
    assert said["event"] == event
    seen = said["context"]
    assert seen["functionName"] == name and seen["functionVersion"] == "$LATEST"
    assert seen["invokedFunctionArn"] == f"arn:aws:lambda:us-east-1:000000000000:function:{name}"
    assert seen["memoryLimitInMB"] == "256" and seen["awsRequestId"] == answer["ResponseMetadata"]["RequestId"]
    assert seen["logGroupName"] == f"/aws/lambda/{name}" and "[$LATEST]" in seen["logStreamName"]
    assert seen["clientContext"] == {"custom": {"a": "b"}}
    assert seen["callbackWaitsForEmptyEventLoop"] is True
    assert 0 < seen["remaining"] <= 10_000


def test_every_style_of_handler(lambda_, function):
    assert call(lambda_, function("callback"), {"a": 1})[1] == {"called": {"a": 1}}
    assert call(lambda_, function("sync"))[1] is None
    answer, said = call(lambda_, function("callbackError"))
    assert answer["FunctionError"] == "Unhandled"
    assert (said["errorType"], said["errorMessage"]) == ("RangeError", "by callback")
    lambda_.create_function(
        FunctionName="module", Runtime="nodejs22.x", Handler="index.handler", Role=ROLE, Code={"ZipFile": package(index_mjs=MODULE)}
    )
    assert call(lambda_, "module", {"b": 2})[1] == {"esm": True, "length": len(MODULE), "event": {"b": 2}}


def test_the_first_way_to_end_a_call_counts(lambda_, function):
    assert call(lambda_, function("both"))[1] == "called back"
    # Only a callback's value waits for the event loop.
    assert call(lambda_, function("succeeds"))[1] == "at once"
    assert call(lambda_, function("failsAtOnce"))[1]["errorMessage"] == "at once"


def test_what_is_thrown_but_no_error(lambda_, function):
    handled = {"errorType": "string", "errorMessage": "handled", "trace": []}
    assert call(lambda_, function("throwsNull"))[1] == handled
    assert call(lambda_, function("failsWithNull"))[1] == handled
    answer, said = call(lambda_, function("throwsNullAtOnce"))
    assert said is None and "FunctionError" not in answer
    answer, said = call(lambda_, function("throwsText"), LogType="Tail")
    assert said == {"errorType": "string", "errorMessage": "boom", "trace": []}
    (line,) = [line for line in base64.b64decode(answer["LogResult"]).decode().splitlines() if "boom" in line]
    head, told = line.split("\tInvoke Error \t")
    told = json.loads(told)
    assert head.endswith("\tERROR") and told["stack"][0] == "Error: boom" and len(told["stack"]) > 1
    assert (told["errorType"], told["errorMessage"]) == ("Error", "boom")


def test_failures_have_the_real_shapes(lambda_, function):
    answer, said = call(lambda_, function("throws"))
    assert answer["FunctionError"] == "Unhandled" and answer["StatusCode"] == 200
    assert (said["errorType"], said["errorMessage"]) == ("TypeError", "thrown")
    assert said["trace"][0] == "TypeError: thrown" and "/var/task/index.js" in said["trace"][1]

    answer, said = call(lambda_, function("slow", Timeout=1), {"ms": 5000})
    request_id = answer["ResponseMetadata"]["RequestId"]
    assert said == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": f"RequestId: {request_id} Error: Task timed out after 1.00 seconds",
    }

    answer, said = call(lambda_, function("exits"))
    request_id = answer["ResponseMetadata"]["RequestId"]
    assert said == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {request_id} Error: Runtime exited with error: exit status 3",
    }

    answer, said = call(lambda_, function("unhandled"))
    assert said["errorType"] == "Runtime.UnhandledPromiseRejection"

    answer, said = call(lambda_, function("large"), {"size": 6 << 20})
    assert len(said) == 6 << 20
    answer, said = call(lambda_, function("large"), {"size": (6 << 20) + 200})
    assert said["errorType"] == "Function.ResponseSizeTooLarge"

    name = function("missing")
    answer, said = call(lambda_, name)
    assert answer["FunctionError"] == "Unhandled"
    assert said["errorType"] == "Runtime.HandlerNotFound"


def test_the_log_tail_has_the_platforms_lines(lambda_, function):
    answer, _ = call(lambda_, function("prints"), LogType="Tail")
    tail = base64.b64decode(answer["LogResult"]).decode()
    request_id = answer["ResponseMetadata"]["RequestId"]
    lines = tail.splitlines()
    assert f"START RequestId: {request_id} Version: $LATEST" in lines
    assert f"END RequestId: {request_id}" in lines
    assert any(line.endswith(f"\t{request_id}\tINFO\tout") for line in lines)
    assert any(line.endswith(f"\t{request_id}\tERROR\terr") for line in lines)
    assert "raw" in lines
    (report,) = [line for line in lines if line.startswith("REPORT")]
    for word in ["Duration: ", "Billed Duration: ", "Memory Size: 256 MB", "Max Memory Used: ", "Init Duration: "]:
        assert word in report
    again, _ = call(lambda_, function("prints"), LogType="Tail")
    assert "Init Duration" not in base64.b64decode(again["LogResult"]).decode()


def test_the_lines_of_one_record_stay_together(fulmar, lambda_, function):
    name = function("lines")
    answer, _ = call(lambda_, name, LogType="Tail")
    request_id = answer["ResponseMetadata"]["RequestId"]
    events = fulmar.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    own = [event["message"] for event in events if "\tINFO\t" in event["message"]]
    head = f"\t{request_id}\tINFO\t"
    assert own[0].endswith(head + "undefined") and own[1].endswith(head + "one\ntwo\rthree")
    assert own[1] + "\n" in base64.b64decode(answer["LogResult"]).decode()
    # Indented, it is nobody else's line.
    assert "one\n    two" in fulmar.cli("logs", name).stdout


def test_the_environment_is_the_real_ones(lambda_, function):
    _, environment = call(lambda_, function("environment"))
    for name in [
        "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR", "_HANDLER",
    ]:
        assert environment.get(name), name
    assert environment["AWS_LAMBDA_INITIALIZATION_TYPE"] == "on-demand" and environment["TZ"] == ":UTC"
    assert not [name for name in environment if name.startswith("FULMAR")]


def test_an_instance_is_used_again_and_many_run_in_parallel(lambda_, function):
    assert [call(lambda_, function("count"))[1] for _ in range(3)] == [1, 2, 3]
    name = function("pid")
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        seen = [said for _, said in threads.map(lambda _: call(lambda_, name), range(8))]
    assert len({stream for stream, _ in seen}) == 8, "each concurrent call has an instance of its own"


def test_a_dry_run_and_an_asynchronous_call(fulmar, lambda_, function):
    name = function("echo")
    assert lambda_.invoke(FunctionName=name, InvocationType="DryRun")["StatusCode"] == 204
    answer = lambda_.invoke(FunctionName=name, InvocationType="Event", Payload=b'{"later": true}')
    assert answer["StatusCode"] == 202 and answer["Payload"].read() == b""
    request_id = answer["ResponseMetadata"]["RequestId"]

    def ran():
        shown = json.loads(fulmar.cli("invocations", "--json", name).stdout)["invocations"]
        return [found for found in shown if found["request_id"] == request_id]

    (found,) = eventually(ran)
    assert found["outcome"] == "ok" and found["settlement"] == "success"


def test_bad_input_gets_the_services_own_errors(fulmar, lambda_, function):
    def refused(code, status, call):
        with pytest.raises(ClientError) as caught:
            call()
        response = caught.value.response
        assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == (code, status), response
        return response["Error"]["Message"]

    assert "Function not found: arn:aws:lambda:us-east-1:000000000000:function:nobody" in refused(
        "ResourceNotFoundException", 404, lambda: lambda_.invoke(FunctionName="nobody")
    )
    assert "Could not parse request body into json" in refused(
        "InvalidRequestContentException", 400, lambda: lambda_.invoke(FunctionName=function("echo"), Payload=b"{")
    )
    good = {"Runtime": "nodejs20.x", "Handler": "index.echo", "Role": ROLE, "Code": {"ZipFile": package(index_js=HANDLERS)}}
    refused("ResourceConflictException", 409, lambda: lambda_.create_function(FunctionName=function("echo"), **good))
    refused(
        "InvalidParameterValueException", 400, lambda: lambda_.create_function(FunctionName="zip", **{**good, "Code": {"ZipFile": b"no zip"}})
    )
    unchecked = fulmar.client("lambda", parameter_validation=False)
    refused("ValidationException", 400, lambda: unchecked.create_function(FunctionName="memory", MemorySize=64, **good))
    refused("RequestEntityTooLargeException", 413, lambda: lambda_.invoke(FunctionName=function("echo"), Payload=b'"' + b"x" * (7 << 20) + b'"'))
    with pytest.raises(ClientError) as caught:
        lambda_.list_capacity_providers()
    assert "does not implement Lambda.ListCapacityProviders yet" in str(caught.value)
    with pytest.raises(ClientError) as caught:
        lambda_.create_function(FunctionName="ruby", **{**good, "Runtime": "ruby3.4"})
    assert "ruby3.4" in str(caught.value)


def test_updating_and_deleting(lambda_):
    lambda_.create_function(
        FunctionName="changing", Runtime="nodejs20.x", Handler="index.handler", Role=ROLE,
        Code={"ZipFile": package(index_js="exports.handler = async () => 1")},
    )
    assert call(lambda_, "changing")[1] == 1
    lambda_.update_function_code(FunctionName="changing", ZipFile=package(index_js="exports.handler = async () => process.env.WHICH"))
    lambda_.update_function_configuration(FunctionName="changing", Environment={"Variables": {"WHICH": "two"}}, Timeout=7)
    assert call(lambda_, "changing")[1] == "two"
    found = lambda_.get_function_configuration(FunctionName="changing")
    assert (found["Timeout"], found["State"], found["LastUpdateStatus"]) == (7, "Active", "Successful")
    names = [entry["FunctionName"] for page in lambda_.get_paginator("list_functions").paginate() for entry in page["Functions"]]
    assert "changing" in names
    lambda_.delete_function(FunctionName="changing")
    with pytest.raises(lambda_.exceptions.ResourceNotFoundException):
        lambda_.get_function(FunctionName="changing")
