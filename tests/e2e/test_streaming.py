"""Answers that reach the caller while the function makes them, through the official clients."""

import base64
import json
import os
import socket
import subprocess
import threading
import time

import pytest
from botocore.exceptions import ClientError

from conftest import ROOT, eventually
from test_runtimes import LOOP, call, make, package, script

NODE = """
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
exports.slow = awslambda.streamifyResponse(async (event, stream) => {
  stream.setContentType("text/plain");
  for (let n = 0; n < 4; n++) {
    stream.write(`piece ${n}\\n`);
    if (event?.gate) await fetch(event.gate);
  }
  stream.end();
});
exports.http = awslambda.streamifyResponse(async (event, stream) => {
  const http = awslambda.HttpResponseStream.from(stream, { statusCode: 201, headers: { "x-own": "yes" } });
  http.write("body");
  http.end();
});
exports.breaks = awslambda.streamifyResponse(async (event, stream) => {
  stream.write("begun");
  await wait(50);
  throw new TypeError("in the middle");
});
exports.breaksFirst = awslambda.streamifyResponse(async () => {
  throw new TypeError("before anything");
});
exports.exits = awslambda.streamifyResponse(async (event, stream) => {
  stream.write("begun");
  await wait(50);
  process.exit(3);
});
exports.hangs = awslambda.streamifyResponse(async (event, stream) => {
  stream.write("begun");
  await wait(60000);
});
exports.large = awslambda.streamifyResponse(async (event, stream) => {
  const piece = Buffer.alloc(1 << 20, "x");
  let sent = 0;
  for (; sent < event.mb; sent++) {
    if (!stream.write(piece)) await new Promise((resolve) => stream.once("drain", resolve));
  }
  console.log("sent", sent);
  stream.end();
});
exports.whole = async (event) => ({ event });
exports.fails = async () => { throw new RangeError("as a whole"); };
"""


@pytest.fixture(scope="module")
def node(lambda_):
    made = {}

    def function(handler, **settings):
        name = f"stream-{handler}"
        if name not in made:
            made[name] = make(lambda_, name, package({"index.js": NODE}), handler=f"index.{handler}", runtime="nodejs20.x", **settings)
        return name

    return function


def stream(lambda_, name, event=None, heard=lambda piece: None, **options):
    """What came, and how it ended."""
    answer = lambda_.invoke_with_response_stream(FunctionName=name, Payload=json.dumps(event), **options)
    assert answer["StatusCode"] == 200 and answer["ExecutedVersion"] == "$LATEST"
    assert answer["ResponseStreamContentType"] == "application/vnd.amazon.eventstream"
    pieces, complete = [], None
    for one in answer["EventStream"]:
        if "PayloadChunk" in one:
            assert complete is None
            pieces.append(one["PayloadChunk"]["Payload"])
            heard(pieces[-1])
        else:
            complete = one["InvokeComplete"]
    assert complete is not None
    return pieces, complete


def body(pieces):
    return b"".join(pieces)


def test_pieces_come_while_the_function_runs(lambda_, node, gate):
    # It goes on when what it wrote has come.
    heard = lambda piece: gate.open("pieces")
    pieces, complete = stream(lambda_, node("slow"), {"gate": gate.url + "/pieces"}, heard, LogType="Tail")
    assert pieces == [b"piece %d\n" % n for n in range(4)]
    assert "ErrorCode" not in complete
    assert "REPORT RequestId" in base64.b64decode(complete["LogResult"]).decode()


def test_a_function_that_does_not_stream_answers_in_one_piece(lambda_, node):
    pieces, complete = stream(lambda_, node("whole"), {"a": 1})
    assert len(pieces) == 1 and json.loads(body(pieces)) == {"event": {"a": 1}} and complete == {}
    pieces, complete = stream(lambda_, node("fails"))
    assert pieces == [] and complete["ErrorCode"] == "Unhandled"
    assert json.loads(complete["ErrorDetails"])["errorMessage"] == "as a whole"


def test_the_head_of_an_http_answer_comes_before_its_body(lambda_, node):
    pieces, _ = stream(lambda_, node("http"))
    head, rest = body(pieces).split(b"\0" * 8)
    assert json.loads(head) == {"statusCode": 201, "headers": {"x-own": "yes"}} and rest == b"body"


@pytest.mark.parametrize(
    "handler, begun, kind, message",
    [
        ("breaks", b"begun", "TypeError", "in the middle"),
        ("breaksFirst", b"", "TypeError", "before anything"),
        ("exits", b"begun", "Runtime.ExitError", "exit status 3"),
        ("hangs", b"begun", "Sandbox.Timedout", "timed out after 3.00 seconds"),
    ],
)
def test_what_fails_on_the_way(lambda_, node, handler, begun, kind, message):
    settings = {"Timeout": 3} if handler == "hangs" else {}
    for _ in range(2):
        pieces, complete = stream(lambda_, node(handler, **settings))
        assert body(pieces) == begun and complete["ErrorCode"] == "Unhandled"
        details = json.loads(complete["ErrorDetails"])
        assert details["errorType"] == kind and message in details["errorMessage"]


def test_more_than_a_whole_answer_may_have_is_streamed_and_200_mb_is_the_end(fulmar, lambda_, node):
    pieces, complete = stream(lambda_, node("large", MemorySize=512, Timeout=60), {"mb": 30})
    assert len(body(pieces)) == 30 << 20 and complete == {}
    pieces, complete = stream(lambda_, node("large"), {"mb": 201})
    assert 190 << 20 < len(body(pieces)) <= 200 << 20
    assert json.loads(complete["ErrorDetails"])["errorType"] == "Function.ResponseSizeTooLarge"
    pieces, complete = stream(lambda_, node("large"), {"mb": 1})
    assert len(body(pieces)) == 1 << 20 and complete == {}


def resident(fulmar):
    with open(f"/proc/{fulmar.process.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) << 10


def test_a_caller_that_reads_nothing_holds_the_function_back_and_one_that_leaves_lets_it_go(fulmar, lambda_, node):
    name = node("large", MemorySize=512, Timeout=60)
    stream(lambda_, name, {"mb": 1})
    before = resident(fulmar)
    answer = lambda_.invoke_with_response_stream(FunctionName=name, Payload=json.dumps({"mb": 190}))
    time.sleep(1)
    # What is ahead of those who take it is 64 MB at most, of all answers.
    assert resident(fulmar) - before < 104 << 20
    logs = lambda: fulmar.cli("logs", name).stdout
    assert "sent 190" not in logs()
    answer["EventStream"].close()
    # It runs to its end unheard, and is there for the next.
    eventually(lambda: "sent 190" in logs())
    assert stream(lambda_, name, {"mb": 1})[1] == {}


def test_a_custom_runtime_streams_by_a_chunked_answer(lambda_, gate):
    way = """(printf one; curl -sS GATE/chunks > /dev/null; printf two) | curl -sS -X POST -H "Transfer-Encoding: chunked" \
-H "Lambda-Runtime-Function-Response-Mode: streaming" -T - "$API/invocation/$ID/response" > /dev/null"""
    name = script(lambda_, "stream-shell", LOOP.replace("%s", way.replace("GATE", gate.url)))
    pieces, complete = stream(lambda_, name, heard=lambda piece: gate.open("chunks"))
    assert pieces == [b"one", b"two"] and complete == {}
    # Whoever wants it whole gets it whole. (The second piece has opened the gate once more.)
    assert lambda_.invoke(FunctionName=name)["Payload"].read() == b"onetwo"


def test_what_cannot_run_is_refused_before_a_stream_begins(lambda_, node):
    with pytest.raises(ClientError) as missing:
        lambda_.invoke_with_response_stream(FunctionName="nowhere")
    assert missing.value.response["Error"]["Code"] == "ResourceNotFoundException"
    name = node("whole")
    assert lambda_.invoke_with_response_stream(FunctionName=name, InvocationType="DryRun")["StatusCode"] == 204
    lambda_.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    with pytest.raises(ClientError) as throttled:
        lambda_.invoke_with_response_stream(FunctionName=name)
    assert throttled.value.response["Error"]["Code"] == "TooManyRequestsException"
    lambda_.delete_function_concurrency(FunctionName=name)


def test_the_sdk_for_javascript_reads_it(fulmar, lambda_, node):
    program = """
import { LambdaClient, InvokeWithResponseStreamCommand } from "@aws-sdk/client-lambda";
const client = new LambdaClient({});
const answer = await client.send(new InvokeWithResponseStreamCommand({ FunctionName: process.argv[2], Payload: "1" }));
let text = "", complete;
for await (const event of answer.EventStream) {
  if (event.PayloadChunk) text += Buffer.from(event.PayloadChunk.Payload).toString();
  if (event.InvokeComplete) complete = event.InvokeComplete;
}
console.log(JSON.stringify({ text, complete }));
"""
    folder = ROOT / "tests/e2e/node"
    done = subprocess.run(
        ["node", "--input-type=module", "-", node("slow")],
        input=program, cwd=folder, env={**fulmar.environment, "AWS_REGION": "us-east-1"}, capture_output=True, text=True, timeout=60,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["text"].startswith("piece 0\npiece 1") and "ErrorCode" not in said["complete"]
