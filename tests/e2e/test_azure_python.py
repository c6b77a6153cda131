"""Azure's functions in Python, unchanged, with the real azure-functions package: decorated ones, and described ones."""

import json

import pytest

from conftest import eventually, server
from test_azure import ask, free_port, keys_of, write

DECORATED = '''
import asyncio, logging, os
import azure.functions as func
from more import blueprint

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
app.register_functions(blueprint)

@app.route(route="echo/{who:alpha}", methods=["GET", "POST"])
def echo(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    logging.info("seen %s", req.method)
    logging.warning("careful\\nindeed")
    logging.debug("unheard")
    print("printed")
    body = {"url": req.url, "a": req.params.get("a"), "who": req.route_params["who"], "h": req.headers["X-B"], "body": req.get_body().decode(),
            "fn": context.function_name, "trace": context.trace_context.trace_parent[:3]}
    return func.HttpResponse(__import__("json").dumps(body), status_code=201, mimetype="application/json", headers={"x-a": "b"})

@app.function_name(name="later")
@app.route()
async def anything(req: func.HttpRequest) -> str:
    await asyncio.sleep(0.01)
    return "later " + os.environ["GREETING"] + " " + str(asyncio.get_running_loop().is_running())

@app.route(route="body", methods=["POST"])
def body(req):
    return func.HttpResponse(str(req.get_json()["n"] + 1))

@app.route(route="cookies")
def cookies(req):
    response = func.HttpResponse("x")
    response.headers.add("Set-Cookie", "a=1; Path=/")
    response.headers.add("Set-Cookie", "b=2")
    return response

@app.route(route="throws")
def throws(req):
    raise ValueError("on purpose")

@app.route(route="wrong")
def wrong(req):
    return 7

@app.route(route="nothing")
def nothing(req):
    return None

@app.route(route="large")
def large(req):
    return func.HttpResponse(b"x" * int(req.params["n"]))

@app.route(route="keyed", auth_level=func.AuthLevel.FUNCTION)
def keyed(req):
    return "in"
'''

BLUEPRINT = '''
import azure.functions as func

blueprint = func.Blueprint()

@blueprint.route(route="blue", methods=["GET"])
def blue(req):
    return "blue"
'''

SERVERS = '''
import azure.functions as func
from fastapi import FastAPI, Request

fast = FastAPI()

@fast.get("/asgi/hello/{name}")
async def hello(name: str, a: int, request: Request):
    return {"hello": name, "a": a, "h": request.headers["x-b"]}

@fast.post("/asgi/size")
async def size(request: Request):
    return len(await request.body())

app = func.AsgiFunctionApp(app=fast, http_auth_level=func.AuthLevel.ANONYMOUS, function_name="fast")
'''

WSGI = '''
import azure.functions as func
from flask import Flask, request

flask = Flask(__name__)

@flask.route("/wsgi/hello/<name>", methods=["GET", "POST"])
def hello(name):
    return {"hello": name, "a": request.args["a"], "body": request.get_data(as_text=True)}, 202, {"x-a": "b"}

app = func.WsgiFunctionApp(app=flask.wsgi_app, http_auth_level=func.AuthLevel.ANONYMOUS, function_name="flask")
'''


def described(name, scripts, **more):
    bindings = [{"type": "httpTrigger", "direction": "in", "name": "req", "authLevel": "anonymous", "route": name}, {"type": "http", "direction": "out", "name": "$return"}]
    return {"bindings": bindings, **more}


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    root = tmp_path_factory.mktemp("python")
    write(root / "decorated/host.json", {"version": "2.0"})
    write(root / "decorated/local.settings.json", {"Values": {"GREETING": "hello", "FUNCTIONS_WORKER_RUNTIME": "python"}})
    write(root / "decorated/function_app.py", DECORATED)
    write(root / "decorated/more.py", BLUEPRINT)
    write(root / "decorated/requirements.txt", "azure-functions\n")
    write(root / "asgi/host.json", {"version": "2.0", "extensions": {"http": {"routePrefix": "asgi"}}})
    write(root / "asgi/function_app.py", SERVERS)
    write(root / "asgi/requirements.txt", "azure-functions\nfastapi\n")
    write(root / "wsgi/host.json", {"version": "2.0", "extensions": {"http": {"routePrefix": "wsgi"}}})
    write(root / "wsgi/function_app.py", WSGI)
    write(root / "wsgi/requirements.txt", "azure-functions\nflask\n")
    old = root / "described"
    write(old / "host.json", {"version": "2.0"})
    write(old / "requirements.txt", "azure-functions\n")
    write(old / "Old/function.json", described("old", "x"))
    write(old / "Old/__init__.py", "import azure.functions as func\nfrom ..shared import words\nfrom __app__.shared.words import WORD\n\n"
          "def main(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:\n"
          "    return func.HttpResponse(words.WORD + WORD + context.function_directory.rsplit('/', 1)[1])\n")
    write(old / "Other/function.json", described("other", "x", scriptFile="code.py", entryPoint="run"))
    write(old / "Other/code.py", "async def run(req):\n    return 'other ' + req.params['a']\n")
    out = described("out", "x")
    out["bindings"][1]["name"] = "res"
    write(old / "Out/function.json", out)
    write(old / "Out/__init__.py", "import azure.functions as func\n\ndef main(req: func.HttpRequest, res: func.Out[func.HttpResponse]):\n    res.set(func.HttpResponse('out', status_code=203))\n")
    write(old / "shared/__init__.py", "")
    write(old / "shared/words.py", "WORD = 'w'\n")
    port = free_port()
    with server("--azure-listen", f"127.0.0.1:{port}") as fulmar:
        fulmar.azure = f"http://127.0.0.1:{port}"
        fulmar.root = root
        fulmar.cli("deploy", str(root))
        eventually(lambda: ask(fulmar, "/admin/host/ping")[0] == 200)
        yield fulmar


def test_what_a_decorated_function_sees(host):
    status, headers, body = ask(host, "/api/echo/ann?a=1", b"hello", "POST", x_b="2", content_type="text/plain")
    assert (status, headers["x-a"], headers["content-type"]) == (201, "b", "application/json")
    assert json.loads(body) == {"url": f"{host.azure}/api/echo/ann?a=1", "a": "1", "who": "ann", "h": "2", "body": "hello", "fn": "echo", "trace": "00-"}
    said = host.cli("logs", "echo").stdout
    assert "[Information] seen POST" in said and "[Warning] careful\n    indeed" in said and "printed" in said and "unheard" not in said


@pytest.mark.parametrize(
    "path, data, status, body",
    [
        ("/api/later", None, 200, b"later hello True"),
        ("/api/blue", None, 200, b"blue"),
        ("/api/body", b'{"n": 1}', 200, b"2"),
        ("/api/body", b"no json", 500, b""),
        ("/api/throws", None, 500, b""),
        ("/api/wrong", None, 500, b""),
        ("/api/nothing", None, 204, b""),
        ("/api/keyed", None, 401, b""),
        ("/api/blue", b"", 404, b""),
        ("/api/echo/7", None, 404, b""),
        ("/api/old", None, 200, b"wwOld"),
        ("/api/other?a=b", None, 200, b"other b"),
        ("/api/out", None, 203, b"out"),
    ],
)
def test_how_a_function_answers(host, path, data, status, body):
    assert ask(host, path, data)[::2] == (status, body)


def test_a_failure_is_in_the_log(host):
    ask(host, "/api/throws")
    said = host.cli("logs", "throws").stdout
    assert "ValueError: on purpose" in said and "Executed 'Functions.throws' (Failed" in said


def test_keys_and_cookies(host):
    key = keys_of(host)["function/keyed", "default"]
    assert ask(host, f"/api/keyed?code={key}")[2] == b"in"
    assert ask(host, "/api/cookies")[1].get_all("set-cookie") == ["a=1; Path=/", "b=2"]


def test_large_answers(host):
    size = 20 << 20
    assert len(ask(host, f"/api/large?n={size}")[2]) == size


def test_applications_that_are_servers(host):
    status, _, body = ask(host, "/asgi/hello/ann?a=1", x_b="2")
    assert (status, json.loads(body)) == (200, {"hello": "ann", "a": 1, "h": "2"})
    assert ask(host, "/asgi/size", b"x" * 100_000)[2] == b"100000"
    assert ask(host, "/asgi/unknown")[0] == 404
    status, headers, body = ask(host, "/wsgi/hello/ann?a=1", b"b", "POST", content_type="text/plain")
    assert (status, headers["x-a"], json.loads(body)) == (202, "b", {"hello": "ann", "a": "1", "body": "b"})


def test_what_is_not_built_is_refused_as_a_whole(host, tmp_path):
    app = tmp_path / "app"
    write(app / "host.json", {"version": "2.0"})
    write(app / "requirements.txt", "azure-functions\n")
    write(app / "function_app.py", 'import azure.functions as func\napp = func.FunctionApp()\n\n@app.route(route="fine")\ndef fine(req):\n    return ""\n\n'
          '@app.timer_trigger(schedule="0 * * * * *", arg_name="t")\ndef tick(t):\n    pass\n\n'
          '@app.route(route="q")\n@app.queue_output(arg_name="m", queue_name="q", connection="c")\ndef sends(req, m):\n    return ""\n')
    refused = host.cli("deploy", str(app), check=False)
    said = refused.stdout + refused.stderr
    assert "tick has a trigger of type timerTrigger" in said and "sends has a binding of type queue (direction out)" in said
    assert ask(host, "/api/fine")[0] == 404
    write(app / "function_app.py", "import not_there\n")
    refused = host.cli("deploy", str(app), check=False)
    assert "No module named 'not_there'" in refused.stdout + refused.stderr
