"""Between calls nothing of an instance runs: what a function left behind goes on when the next call comes."""

import json
import pathlib
import time

import pytest

from conftest import eventually, server
from test_runtimes import call, make, package

BACKGROUND = """
exports.handler = async (event) => {
  if (event.backgroundTask) {
    processBackground(event).catch(err => console.error(err));
    return { statusCode: 202, body: 'Accepted' };
  }
  return { statusCode: 200, body: done };
};
let done = null;
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
async function processBackground(event) {
  await wait(1000);
  done = `${event.backgroundTask} at ${Date.now()}`;
  console.log('background', event.backgroundTask);
}
"""

NODE = """
const state = { ticks: 0, last: 0, longest: 0 };
exports.ticks = async () => {
  if (!state.timer) {
    state.last = performance.now();
    state.timer = setInterval(() => {
      const now = performance.now();
      state.longest = Math.max(state.longest, now - state.last);
      state.last = now;
      state.ticks++;
    }, 5);
  }
  const before = state.ticks;
  await new Promise((resolve) => setTimeout(resolve, 40));
  return { before, ticks: state.ticks, longest: state.longest, now: Date.now() };
};
exports.callback = (event, context, done) => {
  context.callbackWaitsForEmptyEventLoop = event.waits;
  const started = Date.now();
  if (event.waits) setTimeout(() => { state.late = Date.now() - started; }, 150);
  done(null, { late: state.late ?? null });
};
"""

PYTHON = """
import threading, time, subprocess
ticks = 0
child = None
def tick():
    global ticks
    while True:
        time.sleep(0.005)
        ticks += 1
def handler(event, context):
    global child
    if child is None:
        threading.Thread(target=tick, daemon=True).start()
        child = subprocess.Popen(["/bin/sh", "-c", "while true; do echo x >> /tmp/child; sleep 0.01; done"])
    time.sleep(0.05)
    try:
        lines = len(open("/tmp/child").readlines())
    except FileNotFoundError:
        lines = 0
    return {"ticks": ticks, "child": lines, "now": time.time()}
"""

# What went on in it would count to 400, or 200 of the slower ones.
IDLE = 2.0


def test_the_guides_background_task_does_not_run_between_calls(fulmar, lambda_):
    name = make(lambda_, "background", package({"index.js": BACKGROUND}), runtime="nodejs20.x")
    assert call(lambda_, name, {"backgroundTask": "thumbnail"})[1]["statusCode"] == 202
    time.sleep(IDLE)
    assert "background thumbnail" not in fulmar.cli("logs", name).stdout
    # It goes on as soon as the next call comes, and may even be done before the handler of that.
    call(lambda_, name, {"name": "x"})
    after = eventually(lambda: call(lambda_, name, {"name": "x"})[1]["body"])
    assert after.startswith("thumbnail at ")
    assert "thumbnail" in fulmar.cli("logs", name).stdout


def test_timers_and_the_time_after_a_rest(lambda_):
    name = make(lambda_, "ticks", package({"index.js": NODE}), handler="index.ticks", runtime="nodejs20.x")
    first = call(lambda_, name)[1]
    time.sleep(IDLE)
    second = call(lambda_, name)[1]
    # Hardly any while nobody called; the clocks have gone on.
    assert second["before"] - first["ticks"] < 150, (first, second)
    assert second["ticks"] > second["before"]
    assert second["longest"] > IDLE * 900
    assert second["now"] - first["now"] > IDLE * 900
    assert abs(second["now"] / 1000 - time.time()) < 5


def test_a_callback_that_waits_for_the_event_loop_and_one_that_does_not(lambda_):
    name = make(lambda_, "callback", package({"index.js": NODE}), handler="index.callback", runtime="nodejs20.x")
    started = time.monotonic()
    call(lambda_, name, {"waits": True})
    assert time.monotonic() - started > 0.14
    assert call(lambda_, name, {"waits": False})[1]["late"] >= 149


def test_threads_and_children_rest_too(lambda_):
    name = make(lambda_, "threads", package({"index.py": PYTHON}), runtime="python3.11")
    first = call(lambda_, name)[1]
    time.sleep(IDLE)
    second = call(lambda_, name)[1]
    assert 0 < first["ticks"] and 0 < second["ticks"] - first["ticks"] < 150
    assert 0 < second["child"] - first["child"] < 100
    # And whoever rests can be ended.
    lambda_.delete_function(FunctionName=name)


def test_instances_that_rest_are_gone_with_their_server(tmp_path):
    with server() as fulmar:
        lambda_ = fulmar.client("lambda")
        name = make(lambda_, "gone", package({"index.py": PYTHON}), runtime="python3.11")
        call(lambda_, name)
        time.sleep(0.2)
        resting = children_of(fulmar.process.pid)
        assert len(resting) >= 3
        fulmar.kill()
        eventually(lambda: not any(pathlib.Path(f"/proc/{pid}").exists() for pid in resting))


def test_rest_without_walls(tmp_path):
    with server("--sandbox=off") as fulmar:
        lambda_ = fulmar.client("lambda")
        name = make(lambda_, "open", package({"index.js": NODE}), handler="index.ticks", runtime="nodejs20.x")
        first = call(lambda_, name)[1]
        time.sleep(IDLE)
        second = call(lambda_, name)[1]
        assert second["before"] - first["ticks"] < 150, (first, second)


def children_of(pid):
    found = []
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            for child in (task / "children").read_text().split():
                found += [int(child), *children_of(int(child))]
        except OSError:
            pass
    return found
