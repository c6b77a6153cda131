"""Azure's functions on their vendor's own workers, which speak the vendor's protocol to our host: the worker of PyPI as it
is, with functions that function.json describes; and functions that a worker runs which the application brings along."""

import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import textwrap

import pytest

from conftest import ROOT, eventually, server
from test_azure import ask, free_port, keys_of, write

# One after the other: what is installed for them is installed once.
pytestmark = pytest.mark.xdist_group("azure-workers")

# The vendor's worker as it is on PyPI; what it asks for is older than the Pythons that there are, and newer ones do as well.
OFFICIAL = ["azure-functions-worker==1.1.9", "grpcio", "protobuf<3.21"]
# Beyond it the worker's own package does not start.
NEWEST = (3, 11)

WORKER = """
import os, sys
os.environ["PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION"] = "python"
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "packages"))
from azure_functions_worker import main
main.main()
"""


def install(folder, python, packages, with_dependencies=False):
    """What a worker needs, beside it; or why it cannot be had, which is no fault of ours. It is fetched once."""
    name = hashlib.sha256(json.dumps([python, packages, with_dependencies]).encode()).hexdigest()[:16]
    kept = ROOT / "target/e2e/azure" / name
    if not kept.is_dir():
        kept.parent.mkdir(parents=True, exist_ok=True)
        draft = kept.with_suffix(f".{os.getpid()}")
        alone = [] if with_dependencies else ["--no-deps"]
        command = [python, "-m", "pip", "install", "-q", *alone, "--target", str(draft), *packages]
        done = subprocess.run(command, capture_output=True, text=True, timeout=500)
        if done.returncode:
            pytest.skip(f"{' '.join(packages)} does not install: {done.stderr.strip().splitlines()[-1:]}")
        try:
            draft.rename(kept)
        except OSError:
            # Another process of these tests was faster.
            shutil.rmtree(draft)
    shutil.copytree(kept, folder)


def older_python():
    for minor in range(NEWEST[1], 8, -1):
        program = shutil.which(f"python3.{minor}")
        if program and subprocess.run([program, "-c", "import pip"], capture_output=True).returncode == 0:
            return minor, program
    pytest.skip("the vendor's worker of PyPI runs on Python 3.9 to 3.11, and there is none of them")


def function(app, name, code, *, out="$return", auth="anonymous", **trigger):
    bindings = [
        {"type": "httpTrigger", "direction": "in", "name": "req", "authLevel": auth, **trigger},
        {"type": "http", "direction": "out", "name": out},
    ]
    write(app / name / "function.json", {"scriptFile": "__init__.py", "bindings": bindings})
    write(app / name / "__init__.py", "import azure.functions as func\n" + textwrap.dedent(code))


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    minor, python = older_python()
    root = tmp_path_factory.mktemp("official")
    worker = root / "worker"
    write(worker / "worker.py", WORKER)
    write(worker / "worker.config.json", {"description": {
        "language": "python", "extensions": [".py"], "defaultExecutablePath": "python", "defaultWorkerPath": "worker.py"}})
    install(worker / "packages", python, OFFICIAL)
    app = root / "app"
    write(app / "host.json", {"version": "2.0", "functionTimeout": "00:00:03"})
    write(app / ".python-version", f"3.{minor}")
    write(app / "requirements.txt", "azure-functions\n")
    write(app / "local.settings.json", {"Values": {
        "FUNCTIONS_WORKER_RUNTIME": "python", "GREETING": "hello", "languageWorkers__python__workerDirectory": str(worker)}})
    function(app, "Echo", """
        import json, logging, os, sys

        def main(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
            logging.info("seen %s", req.method)
            logging.warning("careful")
            logging.debug("unheard")
            print("printed")
            worker = "azure_functions_worker" in sys.modules
            body = {"method": req.method, "url": req.url, "a": req.params.get("a"), "id": req.route_params.get("id"),
                    "h": req.headers.get("x-b"), "body": req.get_body().decode(), "fn": context.function_name,
                    "trace": context.trace_context.Traceparent[:3], "setting": os.environ["GREETING"], "worker": worker}
            return func.HttpResponse(json.dumps(body), status_code=201, mimetype="application/json", headers={"x-a": "b"})
        """, route="echo/{id:int?}", methods=["get", "post"])
    function(app, "Later", """
        import asyncio

        async def main(req: func.HttpRequest) -> str:
            await asyncio.sleep(0.01)
            return "later " + str(len(req.get_body()))
        """, route="later", auth="function")
    function(app, "Out", "def main(req: func.HttpRequest, res: func.Out[func.HttpResponse]):\n    res.set(func.HttpResponse(b'\\x00\\xff', status_code=203))\n", out="res")
    function(app, "Throws", "def main(req):\n    raise ValueError('on purpose')\n")
    function(app, "Dies", "import os\n\ndef main(req):\n    os._exit(3)\n")
    function(app, "Hangs", "import time\n\ndef main(req):\n    time.sleep(60)\n")
    function(app, "Nothing", "def main(req: func.HttpRequest, res: func.Out[func.HttpResponse]):\n    pass\n", out="res")
    function(app, "Large", "def main(req):\n    return func.HttpResponse(b'x' * int(req.params['n']))\n")
    function(app, "Looks", """
        import os

        def main(req):
            seen = [name for name in os.listdir("/proc") if name.isdigit()]
            return f"{len(seen) < 10} {os.access('/etc/shadow', os.R_OK)} {os.access(os.environ['FUNCTIONS_WORKER_DIRECTORY'], os.W_OK)}"
        """)
    port = free_port()
    with server("--azure-listen", f"127.0.0.1:{port}") as fulmar:
        fulmar.azure = f"http://127.0.0.1:{port}"
        fulmar.app = app
        fulmar.cli("deploy", str(app))
        eventually(lambda: ask(fulmar, "/admin/host/ping")[0] == 200)
        yield fulmar


def test_the_vendors_worker_runs_the_functions(host):
    status, headers, body = ask(host, "/api/echo/7?a=1&a=2", b"hi", "POST", x_b="2", content_type="text/plain")
    assert (status, headers["x-a"], headers["content-type"]) == (201, "b", "application/json")
    assert json.loads(body) == {
        "method": "POST", "url": f"{host.azure}/api/echo/7?a=1&a=2", "a": "1,2", "id": "7", "h": "2", "body": "hi", "fn": "Echo",
        "trace": "00-", "setting": "hello", "worker": True}
    said = host.cli("logs", "Echo").stdout
    assert "[Information] seen POST" in said and "[Warning] careful" in said and "printed" in said and "unheard" not in said


@pytest.mark.parametrize("path, status, body", [
    ("/api/echo/x", 404, b""),
    ("/api/later", 401, b""),
    ("/api/out", 203, b"\x00\xff"),
    ("/api/throws", 500, b""),
    ("/api/nothing", 204, b""),
])
def test_how_a_function_answers(host, path, status, body):
    assert ask(host, path)[::2] == (status, body)


def test_keys_and_bodies(host):
    key = keys_of(host)["function/later", "default"]
    for size in [0, 1, 5 << 20]:
        assert ask(host, f"/api/later?code={key}", b"\xff" * size, "POST")[2] == b"later %d" % size


def test_large_answers(host):
    size = 20 << 20
    assert len(ask(host, f"/api/large?n={size}")[2]) == size


def test_a_failure_is_in_the_log(host):
    ask(host, "/api/throws")
    said = host.cli("logs", "Throws").stdout
    assert "ValueError: on purpose" in said and "Executed 'Functions.Throws' (Failed" in said


def test_a_worker_that_dies_or_hangs_is_replaced(host):
    for _ in range(2):
        assert ask(host, "/api/dies")[::2] == (500, b"")
    assert "exited with code 3" in host.cli("logs", "Dies").stdout
    assert ask(host, "/api/hangs")[::2] == (500, b"")
    assert "Timeout value of 00:00:03 exceeded" in host.cli("logs", "Hangs").stdout


def test_the_worker_is_confined_as_any_function(host):
    assert ask(host, "/api/looks")[2] == b"True False False"


def test_the_host_tells_the_language(host):
    key = keys_of(host)["master", "_master"]
    status, _, body = ask(host, "/admin/functions/Echo", x_functions_key=key)
    assert status == 200 and json.loads(body)["language"] == "python"


def test_a_worker_that_is_not_there_is_refused(host, tmp_path):
    app = tmp_path / "broken"
    write(app / "host.json", {"version": "2.0"})
    write(app / "local.settings.json", {"Values": {"FUNCTIONS_WORKER_RUNTIME": "python", "languageWorkers__python__workerDirectory": "nowhere"}})
    function(app, "Hello", "def main(req):\n    return 'x'\n")
    refused = host.cli("deploy", str(app), check=False)
    assert refused.returncode and "there is no worker.config.json in" in refused.stderr + refused.stdout


# -- The vendor's library for newer Pythons, in a worker that does nothing but hand on what is asked.

LIBRARY = ["azure-functions-runtime", "grpcio", "grpcio-tools"]

DECORATED = '''
import json, logging, os, sys
import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

@app.route(route="echo/{id?}", methods=["GET", "POST"])
def echo(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    logging.info("seen %s", req.method)
    body = {"a": req.params.get("a"), "id": req.route_params.get("id"), "body": req.get_body().decode(), "fn": context.function_name,
            "library": "azure_functions_runtime" in sys.modules, "setting": os.environ["GREETING"], "id_known": bool(context.invocation_id)}
    response = func.HttpResponse(json.dumps(body), status_code=201, mimetype="application/json")
    response.headers.add("Set-Cookie", "a=1; Path=/; Max-Age=60; HttpOnly")
    response.headers.add("Set-Cookie", "b=2; Secure; SameSite=Strict")
    return response

@app.function_name(name="later")
@app.route(route="later", auth_level=func.AuthLevel.FUNCTION)
async def anything(req: func.HttpRequest) -> str:
    return "later"

@app.route(route="throws")
def throws(req):
    raise ValueError("on purpose")
'''

STREAMING = '''
import asyncio
import azure.functions as func
from azurefunctions.extensions.http.fastapi import Request, StreamingResponse, JSONResponse

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

@app.route(route="counts/{n}", methods=["GET"])
async def counts(req: Request) -> StreamingResponse:
    async def numbers():
        for number in range(int(req.path_params["n"])):
            yield f"{number}\\n"
            await asyncio.sleep(float(req.query_params.get("wait", "0")))
    return StreamingResponse(numbers(), media_type="text/plain", status_code=203)

@app.route(route="size", methods=["POST"])
async def size(req: Request) -> JSONResponse:
    length = 0
    async for piece in req.stream():
        length += len(piece)
    return JSONResponse({"length": length}, headers={"x-a": "b"})
'''


def newer_python():
    places = [shutil.which(f"python3.{minor}") for minor in range(13, 16)]
    places += sorted(map(str, (pathlib.Path.home() / ".pyenv/versions").glob("3.1[3-9]*/bin/python3")))
    for place in filter(None, places):
        asked = subprocess.run([place, "-c", "import pip, sys; print(sys.version_info[1])"], capture_output=True, text=True)
        if asked.returncode == 0 and int(asked.stdout) >= 13:
            return int(asked.stdout), place
    pytest.skip("the vendor's library runs on Python 3.13 and newer, and there is none")


@pytest.fixture(scope="module")
def newer(tmp_path_factory):
    minor, python = newer_python()
    root = tmp_path_factory.mktemp("library")
    worker = root / "worker"
    shutil.copytree(pathlib.Path(__file__).parent / "azure-worker", worker)
    install(worker / "packages", python, LIBRARY, with_dependencies=True)
    subprocess.run([python, "-m", "grpc_tools.protoc", "-I.", "--python_out=.", "--grpc_python_out=.", "functions.proto"],
                   cwd=worker, check=True, env={**os.environ, "PYTHONPATH": str(worker / "packages")})
    # As the vendor's workers lie in their tools: a folder for each version.
    (worker / f"3.{minor}/LINUX/X64").mkdir(parents=True)
    for name in ["worker.py", "functions_pb2.py", "functions_pb2_grpc.py", "packages"]:
        shutil.move(worker / name, worker / f"3.{minor}/LINUX/X64" / name)
    write(worker / "worker.config.json", {"description": {
        "language": "python", "defaultRuntimeVersion": "3.9", "extensions": [".py"], "defaultExecutablePath": "python",
        "defaultWorkerPath": "%FUNCTIONS_WORKER_RUNTIME_VERSION%/{os}/{architecture}/worker.py", "workerIndexing": "true"}})
    settings = {"FUNCTIONS_WORKER_RUNTIME": "python", "GREETING": "hello", "languageWorkers__python__workerDirectory": "../worker"}
    for name, code, requirements in [
        ("app", DECORATED, "azure-functions\n"),
        ("streams", STREAMING, "azure-functions\nazurefunctions-extensions-http-fastapi\n"),
    ]:
        app = root / name
        write(app / "host.json", {"version": "2.0", "extensions": {"http": {"routePrefix": name}}})
        write(app / ".python-version", f"3.{minor}")
        write(app / "requirements.txt", requirements)
        write(app / "local.settings.json", {"Values": settings})
        write(app / "function_app.py", code)
    port = free_port()
    path = os.environ["PATH"]
    os.environ["PATH"] = f"{pathlib.Path(python).parent}:{path}"
    try:
        with server("--azure-listen", f"127.0.0.1:{port}") as fulmar:
            fulmar.azure = f"http://127.0.0.1:{port}"
            fulmar.root = root
            fulmar.cli("deploy", str(root / "app"))
            eventually(lambda: ask(fulmar, "/admin/host/ping")[0] == 200)
            yield fulmar
    finally:
        os.environ["PATH"] = path


def test_a_worker_that_knows_its_functions_is_asked_for_them(newer):
    status, headers, body = ask(newer, "/app/echo/7?a=1", b"hi", "POST")
    assert (status, headers.get_all("set-cookie")) == (201, ["a=1; max-age=60; path=/; httponly", "b=2; path=/; secure; samesite=strict"])
    assert json.loads(body) == {"a": "1", "id": "7", "body": "hi", "fn": "echo", "library": True, "setting": "hello", "id_known": True}
    assert ask(newer, "/app/later")[0] == 401
    key = keys_of(newer)["function/later", "default"]
    assert ask(newer, f"/app/later?code={key}")[2] == b"later"
    assert ask(newer, "/app/throws")[::2] == (500, b"")
    assert "ValueError: on purpose" in newer.cli("logs", "throws").stdout
    assert "[Information] seen POST" in newer.cli("logs", "echo").stdout


def test_a_worker_that_serves_requests_itself_streams(newer):
    newer.cli("deploy", str(newer.root / "streams"))
    status, headers, body = ask(newer, "/streams/counts/3")
    assert (status, headers["content-type"], body) == (203, "text/plain; charset=utf-8", b"0\n1\n2\n")
    status, headers, body = ask(newer, "/streams/size", b"x" * (3 << 20))
    assert (status, headers["x-a"], json.loads(body)) == (200, "b", {"length": 3 << 20})


def test_code_that_cannot_be_indexed_is_refused(newer, tmp_path):
    app = tmp_path / "broken"
    shutil.copytree(newer.root / "app", app)
    settings = json.loads((app / "local.settings.json").read_text())
    settings["Values"]["languageWorkers__python__workerDirectory"] = str(newer.root / "worker")
    write(app / "local.settings.json", settings)
    write(app / "function_app.py", "import not_there\n")
    refused = newer.cli("deploy", str(app), check=False)
    assert refused.returncode and "No module named 'not_there'" in refused.stdout + refused.stderr
    write(app / "function_app.py", "import azure.functions as func\napp = func.FunctionApp()\n\n@app.timer_trigger(schedule='0 * * * * *', arg_name='t')\ndef tick(t):\n    pass\n")
    refused = newer.cli("deploy", str(app), check=False)
    assert refused.returncode and "tick has a trigger of type timerTrigger" in refused.stdout + refused.stderr


# -- Servers of the application's own.

HANDLER = '''#!{python}
import http.server, json, os

class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.path == "/Described":
            asked = json.loads(body)
            request = asked["Data"]["req"]
            said = {{"Outputs": {{"res": {{"statusCode": 202, "headers": {{"X-A": "b"}}, "body": {{"body": request["Body"], "id": request["Params"]["id"],
                     "query": request["Query"]["a"], "url": request["Url"], "method": request["Method"], "meta": asked["Metadata"]["id"]}}}}}}, "Logs": ["said so"], "ReturnValue": None}}
        elif self.path == "/Fails":
            return self.send_error(500)
        elif self.path == "/Dies":
            os._exit(4)
        else:
            said = {{"path": self.path, "method": self.command, "body": body.decode(), "id": bool(self.headers["X-Azure-Functions-InvocationId"])}}
        said = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)
    do_GET = do_POST = do_PUT = answer

http.server.HTTPServer(("127.0.0.1", int(os.environ["FUNCTIONS_CUSTOMHANDLER_PORT"])), Handler).serve_forever()
'''


@pytest.fixture(scope="module")
def handlers(tmp_path_factory):
    root = tmp_path_factory.mktemp("handlers")
    for name, forwards in [("plain", False), ("forwarding", True)]:
        app = root / name
        write(app / "host.json", {"version": "2.0", "extensions": {"http": {"routePrefix": name}}, "customHandler": {
            "description": {"defaultExecutablePath": "handler", "arguments": ["-x"]}, "enableForwardingHttpRequest": forwards}})
        write(app / "local.settings.json", {"Values": {"FUNCTIONS_WORKER_RUNTIME": "custom"}})
        write(app / "handler", HANDLER.format(python="/usr/bin/env python3"))
        (app / "handler").chmod(0o755)
        for function_name, route in [("Described", "described/{id}"), ("Fails", "fails"), ("Dies", "dies")]:
            prefix = "" if name == "plain" else "F"
            write(app / f"{prefix}{function_name}/function.json", {"bindings": [
                {"type": "httpTrigger", "direction": "in", "name": "req", "authLevel": "anonymous", "route": route},
                {"type": "http", "direction": "out", "name": "res"}]})
    port = free_port()
    with server("--azure-listen", f"127.0.0.1:{port}") as fulmar:
        fulmar.azure = f"http://127.0.0.1:{port}"
        fulmar.cli("deploy", str(root))
        eventually(lambda: ask(fulmar, "/admin/host/ping")[0] == 200)
        yield fulmar


def test_a_custom_handler_is_told_of_invocations(handlers):
    status, headers, body = ask(handlers, "/plain/described/7?a=1", b"hi", "PUT")
    assert (status, headers["x-a"], headers["content-type"]) == (202, "b", "application/json; charset=utf-8")
    assert json.loads(body) == {"body": "hi", "id": "7", "query": "1", "url": f"{handlers.azure}/plain/described/7?a=1", "method": "PUT", "meta": "7"}
    assert "[Information] said so" in handlers.cli("logs", "Described").stdout
    assert ask(handlers, "/plain/fails")[::2] == (500, b"")
    for _ in range(2):
        assert ask(handlers, "/plain/dies")[::2] == (500, b"")


def test_a_custom_handler_is_handed_requests(handlers):
    status, headers, body = ask(handlers, "/forwarding/described/7?a=1", b"hi", "POST")
    assert (status, headers["content-type"], headers["content-length"]) == (200, "application/json", str(len(body)))
    assert json.loads(body) == {"path": "/forwarding/described/7?a=1", "method": "POST", "body": "hi", "id": True}
