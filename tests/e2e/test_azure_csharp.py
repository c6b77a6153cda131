"""Azure's functions in C#, in the model of attributes, from their sources as they stand and from a built assembly, on Mono."""

import json
import pathlib
import shutil
import subprocess

import pytest

from conftest import eventually, server
from test_azure import SAMPLES, ask, free_port, keys_of, write

LIBRARY = next(pathlib.Path("/usr/lib/cli").glob("Newtonsoft.Json-*/Newtonsoft.Json.dll"), None)
pytestmark = pytest.mark.skipif(not (shutil.which("mono") and shutil.which("mcs") and LIBRARY), reason="Mono is not installed")

CODE = """
using System;
using System.Collections.Generic;
using System.IO;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Azure.WebJobs;
using Microsoft.Azure.WebJobs.Extensions.Http;
using Microsoft.Extensions.Logging;

namespace Shop
{
    public class Item { public string Name { get; set; } public int Count { get; set; } }

    public class Functions
    {
        readonly ILogger<Functions> log;
        public Functions(ILogger<Functions> log) { this.log = log; }

        [FunctionName("Echo")]
        public async Task<IActionResult> Echo([HttpTrigger(AuthorizationLevel.Anonymous, "get", "post", Route = "echo/{who:alpha}/{count:int?}")] HttpRequest req, string who, int? count, ExecutionContext context)
        {
            log.LogInformation("seen {Who} {Count:D3}", who, count ?? 0);
            log.LogWarning("careful");
            log.LogDebug("unheard");
            var body = await new StreamReader(req.Body).ReadToEndAsync();
            req.HttpContext.Response.Headers["x-a"] = "b";
            req.HttpContext.Response.Cookies.Append("c", "d e", new CookieOptions { HttpOnly = true });
            return new ObjectResult(new { Method = req.Method, Path = req.Path.Value, A = (string)req.Query["a"], Missing = (string)req.Query["b"], Header = (string)req.Headers["X-B"], Who = who, Count = count, Body = body, context.FunctionName }) { StatusCode = 201 };
        }

        [FunctionName("Made")]
        public static Item Made([HttpTrigger(AuthorizationLevel.Anonymous, "post")] Item item) => new Item { Name = item.Name.ToUpper(), Count = item.Count + 1 };

        [FunctionName("Text")]
        public static Task<string> Text([HttpTrigger(AuthorizationLevel.Anonymous)] HttpRequest req) => Task.FromResult("text " + Environment.GetEnvironmentVariable("GREETING"));

        [FunctionName("Nothing")]
        public static async Task Nothing([HttpTrigger(AuthorizationLevel.Anonymous)] HttpRequest req) { await Task.Delay(1); }

        [FunctionName("Throws")]
        public static async Task<IActionResult> Throws([HttpTrigger(AuthorizationLevel.Anonymous)] HttpRequest req) { await Task.Delay(1); throw new InvalidOperationException("on purpose"); }

        [FunctionName("Large")]
        public static IActionResult Large([HttpTrigger(AuthorizationLevel.Anonymous)] HttpRequest req) => new FileContentResult(new byte[int.Parse(req.Query["n"])], "application/x-zeros");

        [FunctionName("Length")]
        public static IActionResult Length([HttpTrigger(AuthorizationLevel.Anonymous)] HttpRequest req) => new OkObjectResult(req.Body.Length);

        [FunctionName("Form")]
        public static async Task<IActionResult> Form([HttpTrigger(AuthorizationLevel.Anonymous)] HttpRequest req) { var form = await req.ReadFormAsync(); return new ContentResult { Content = form["a"] + form["b"], StatusCode = 202, ContentType = "text/html" }; }

        [FunctionName("Away")]
        public static IActionResult Away([HttpTrigger(AuthorizationLevel.Admin)] HttpRequest req) => new RedirectResult("/there");
    }
}
"""


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    root = tmp_path_factory.mktemp("csharp")
    app = root / "app"
    write(app / "host.json", {"version": "2.0"})
    write(app / "local.settings.json", {"Values": {"GREETING": "hello", "FUNCTIONS_WORKER_RUNTIME": "dotnet"}})
    write(app / "src/Functions.cs", CODE)
    write(app / "obj/Left.cs", "this does not compile")
    port = free_port()
    with server("--azure-listen", f"127.0.0.1:{port}") as fulmar:
        fulmar.azure = f"http://127.0.0.1:{port}"
        fulmar.root = root
        fulmar.cli("deploy", str(app))
        eventually(lambda: ask(fulmar, "/admin/host/ping")[0] == 200)
        yield fulmar


def test_what_a_function_sees(host):
    status, headers, body = ask(host, "/api/echo/ann/7?a=1%202", b"hello", "POST", x_b="2", content_type="text/plain")
    assert (status, headers["content-type"], headers["x-a"], headers["set-cookie"]) == (201, "application/json; charset=utf-8", "b", "c=d%20e; path=/; httponly")
    assert json.loads(body) == {"method": "POST", "path": "/api/echo/ann/7", "a": "1 2", "missing": None, "header": "2", "who": "ann", "count": 7, "body": "hello", "functionName": "Echo"}
    assert json.loads(ask(host, "/api/echo/ann")[2])["count"] is None
    said = host.cli("logs", "Echo").stdout
    assert "[Information] seen ann 007" in said and "[Warning] careful" in said and "unheard" not in said


@pytest.mark.parametrize(
    "path, data, status, body",
    [
        ("/api/Made", b'{"name": "ann", "count": 1}', 200, b'{"name":"ANN","count":2}'),
        ("/api/Text", None, 200, b"text hello"),
        ("/api/Nothing", None, 204, b""),
        ("/api/Throws", None, 500, b""),
        ("/api/Made", b"nonsense", 500, b""),
        ("/api/Form", b"a=1+2&b=%33", 202, b"1 23"),
        ("/api/Away", None, 401, b""),
        ("/api/echo/7", None, 404, b""),
    ],
)
def test_how_a_function_answers(host, path, data, status, body):
    kind = {"content_type": "application/x-www-form-urlencoded"} if "Form" in path else {"content_type": "application/json"} if data else {}
    assert ask(host, path, data, **kind)[::2] == (status, body)


def test_a_failure_is_in_the_log(host):
    ask(host, "/api/Throws")
    said = host.cli("logs", "Throws").stdout
    assert "InvalidOperationException: on purpose" in said and "Executed 'Functions.Throws' (Failed" in said


def test_large_bodies_and_answers(host):
    size = 20 << 20
    status, headers, body = ask(host, f"/api/Large?n={size}")
    assert (len(body), headers["content-type"]) == (size, "application/x-zeros")
    assert ask(host, "/api/Length", b"x" * size)[2] == b"%d" % size


def test_code_that_does_not_compile_says_where(host):
    app = host.root / "broken"
    write(app / "host.json", {"version": "2.0"})
    write(app / "A.cs", "class A { void B() { return 1; } }")
    refused = host.cli("deploy", str(app), check=False)
    said = refused.stdout + refused.stderr
    assert refused.returncode != 0 and "does not compile" in said and "A.cs(1," in said, said
    write(app / "A.cs", 'using Microsoft.Azure.WebJobs; public class A { [FunctionName("Tick")] public static void Run([TimerTrigger("0 * * * * *")] TimerInfo timer) {} }')
    refused = host.cli("deploy", str(app), check=False)
    assert "Tick has a trigger of type timerTrigger" in refused.stdout + refused.stderr


def test_a_built_assembly(host):
    app = host.root / "built"
    types = next((host.data_dir / "runtimes").glob("csharp-*/Fulmar.exe"))
    code = (
        'using Microsoft.AspNetCore.Http; using Microsoft.AspNetCore.Mvc; using Microsoft.Azure.WebJobs; using Microsoft.Azure.WebJobs.Extensions.Http;\n'
        'public static class Built { [FunctionName("Built")] public static IActionResult Run([HttpTrigger(AuthorizationLevel.Anonymous, "get")] HttpRequest req) => new OkObjectResult("built"); }')
    write(app / "elsewhere/Built.txt", code)
    write(app / "host.json", {"version": "2.0"})
    write(app / "Built/function.json", {"bindings": [{"type": "httpTrigger", "name": "req"}], "scriptFile": "../bin/Built.dll", "entryPoint": "Built.Run"})
    (app / "bin").mkdir()
    subprocess.run(["mcs", "-target:library", f"-out:{app}/bin/Built.dll", f"-r:{types}", str(app / "elsewhere/Built.txt")], check=True)
    host.cli("deploy", str(app))
    eventually(lambda: ask(host, "/api/Built")[::2] == (200, b"built"))


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the samples are not here")
def test_the_guides_own_function(tmp_path):
    port = free_port()
    shutil.copytree(SAMPLES / "azure-csharp", tmp_path / "azure-csharp")
    with server("--azure-listen", f"127.0.0.1:{port}") as fulmar:
        fulmar.azure = f"http://127.0.0.1:{port}"
        said = fulmar.cli("deploy", str(tmp_path / "azure-csharp")).stdout
        assert f"http://127.0.0.1:{port}/api/items/{{id?}}" in said, said
        eventually(lambda: ask(fulmar, "/admin/host/ping")[0] == 200)
        key = keys_of(fulmar)["function/httptriggerfunction", "default"]
        assert ask(fulmar, "/api/items?name=Ann")[0] == 401
        for path in ("/api/items", "/api/items/7"):
            assert ask(fulmar, f"{path}?name=Ann&code={key}")[::2] == (200, b"Hello, Ann")
            assert ask(fulmar, f"{path}?code={key}", b'{"name": "Ann"}')[::2] == (200, b"Hello, Ann")
            status, _, body = ask(fulmar, f"{path}?code={key}")
            assert (status, body) == (400, b"Please pass a name on the query string or in the request body")
        assert "[Information] C# HTTP trigger function processed a request." in fulmar.cli("logs", "HttpTriggerFunction").stdout
