"""Instances that are forked: from a language that has booted, and from a process that has initialised the function."""

import concurrent.futures
import io
import json
import time
import zipfile

import pytest

from conftest import eventually

ROLE = "arn:aws:iam::000000000000:role/any"
SECONDS = 1.5
SLOW = {
    "python3.12": ("app.py", f"""
import time, uuid, random
time.sleep({SECONDS})
generation = GENERATION
def handler(event, context):
    time.sleep(1)
    return [generation, str(uuid.uuid4()), random.random(), open("/proc/self/status").read().count("CapEff:\\t0000000000000000")]
"""),
    "nodejs20.x": ("app.js", f"""
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, {SECONDS * 1000});
const generation = GENERATION;
exports.handler = async () => {{
  await new Promise((resolve) => setTimeout(resolve, 1000));
  return [generation, require("crypto").randomUUID(), Math.random(), require("fs").readFileSync("/proc/self/status", "utf8").split("CapEff:\\t0000000000000000").length - 1];
}};
"""),
}


def package(runtime, generation):
    name, text = SLOW[runtime]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        entry = zipfile.ZipInfo(name)
        entry.external_attr = 0o100644 << 16
        archive.writestr(entry, text.replace("GENERATION", str(generation)))
    return out.getvalue()


@pytest.mark.parametrize("runtime", SLOW)
def test_long_initialisation_is_run_once_for_many_instances(fulmar, runtime):
    lambda_ = fulmar.client("lambda", max_pool_connections=20, read_timeout=120)
    name = f"slow-{runtime[:4]}"
    lambda_.create_function(
        FunctionName=name, Runtime=runtime, Handler="app.handler", Role=ROLE, Timeout=60, MemorySize=512,
        Code={"ZipFile": package(runtime, 1)},
    )

    def call(_=None):
        return json.loads(lambda_.invoke(FunctionName=name)["Payload"].read())

    assert call()[0] == 1

    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        said = list(threads.map(call, range(8)))
    assert len({uuid for _, uuid, *_ in said}) == len({number for *_, number, _ in said}) == 8, said
    assert all(without == 1 for *_, without in said), said
    # New code has another template.
    lambda_.update_function_code(FunctionName=name, ZipFile=package(runtime, 2))
    lambda_.get_waiter("function_updated_v2").wait(FunctionName=name)
    assert call()[0] == 2

    def is_forked():
        with concurrent.futures.ThreadPoolExecutor(2) as threads:
            busy = [threads.submit(call) for _ in range(count[0])]
            time.sleep(0.2)
            traced = fulmar.cli("invoke", name, "--trace").stderr
            assert all(one.result()[0] == 2 for one in busy)
        count[0] += 1
        return "forked from its template" in traced or None

    # All that are idle are busy, so that the next one is new.
    count = [1]
    assert eventually(is_forked, timeout=60)
