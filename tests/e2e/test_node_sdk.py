"""Functions in Node that leave the SDK to their runtime, as on the real service. A registry of our own has the packages."""

import base64
import hashlib
import http.server
import io
import json
import os
import subprocess
import tarfile
import threading

import boto3
import pytest

from conftest import BINARY, eventually
from test_lambda import ROLE, package

PACKAGES = {
    "aws-sdk": {"index.js": "exports.WORD = 'second ' + require('helper');"},
    "@aws-sdk/client-words": {"index.js": "exports.WORD = 'third ' + require('helper');"},
    "helper": {"index.js": "module.exports = 'SDK';"},
}
ASKING = {"aws-sdk": {"helper": "1"}, "@aws-sdk/client-words": {"helper": "1"}}
VERSIONS = {"aws-sdk": "2.1.0", "@aws-sdk/client-words": "3.1.0", "helper": "1.0.0"}

FUNCTION = """\
  {0}:
    Type: AWS::Serverless::Function
    Properties: {{ CodeUri: {0}, Handler: index.handler, Runtime: {1} }}
"""
CODE = {
    "Common": ("nodejs20.x", "index.js", "const { WORD } = require('@aws-sdk/client-words');\nexports.handler = async () => WORD;"),
    "Module": ("nodejs20.x", "index.mjs", "import { WORD } from '@aws-sdk/client-words';\nexport const handler = async () => WORD;"),
    "Older": ("nodejs16.x", "index.js", "const { WORD } = require('aws-sdk');\nexports.handler = async () => WORD;"),
    # What the SDK needs for itself is not in sight.
    "Plain": ("nodejs20.x", "index.js", "exports.handler = async () => { try { return require('helper'); } catch (error) { return error.code; } };"),
}
WANTED = {"Common": "third SDK", "Module": "third SDK", "Older": "second SDK", "Plain": "MODULE_NOT_FOUND"}


def tarball(name):
    package = {"name": name, "version": VERSIONS[name], "dependencies": ASKING.get(name, {})}
    files = {"package.json": json.dumps(package), **PACKAGES[name]}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for file, text in files.items():
            member = tarfile.TarInfo(f"package/{file}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return out.getvalue(), package


@pytest.fixture
def registry():
    """Its address, and what it was asked for."""
    asked = []
    made = {name: tarball(name) for name in PACKAGES}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            path = self.path.replace("%2f", "/").strip("/")
            asked.append(path)
            name = path.removesuffix(".tgz")
            body, package = made.get(name, (None, None))
            if body and name == path:
                version = package["version"]
                digest = base64.b64encode(hashlib.sha512(body).digest()).decode()
                dist = {"tarball": f"http://{self.headers['host']}/{name}.tgz", "integrity": f"sha512-{digest}"}
                facts = {"name": name, "dist-tags": {"latest": version}, "versions": {version: {**package, "dist": dist}}}
                body = json.dumps(facts).encode()
            self.send_response(200 if body else 404)
            self.send_header("content-length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", asked
    server.shutdown()


def application(folder, code=CODE):
    template = "Transform: AWS::Serverless-2016-10-31\nResources:\n"
    for name, (runtime, file, text) in code.items():
        (folder / name).mkdir(parents=True)
        (folder / name / file).write_text(text)
        template += FUNCTION.format(name, runtime)
    (folder / "template.yaml").write_text(template)
    return folder


class Up:
    """`fulmar up`, and what it has printed."""

    def __init__(self, app, registry, *options):
        self.data = str(app / ".fulmar")
        self.lines = []
        settings = {"npm_config_registry": registry, "npm_config_cache": str(app / ".npm"), "NO_COLOR": "1"}
        self.process = subprocess.Popen(
            [BINARY, "up", str(app), "--listen", "127.0.0.1:0", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **settings},
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip())

    def said(self, text, times=1):
        def looked():
            assert self.process.poll() is None, self.lines
            found = [line for line in self.lines if text in line]
            return found[times - 1] if len(found) >= times else None

        return eventually(looked)

    def invoke(self, function):
        done = subprocess.run(
            [BINARY, "invoke", function, "--data-dir", self.data], capture_output=True, text=True, timeout=60
        )
        return json.loads(done.stdout)

    def __enter__(self):
        self.said("following what the functions print")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=20)


@pytest.mark.parametrize("options", [[], ["--sandbox", "off"]], ids=["sandboxed", "open"])
def test_each_runtime_brings_its_sdk(tmp_path, registry, options):
    address, asked = registry
    app = application(tmp_path / "app")
    with Up(app, address, *options) as up:
        up.said("nodejs20.x brings @aws-sdk/client-words@3")
        up.said("nodejs16.x brings aws-sdk@2")
        # No host has one so old that can run our bootstrap.
        assert len([line for line in up.lines if "nodejs16.x runs on Node" in line]) == 1, up.lines
        # Both that ask for the same share it.
        assert len([line for line in up.lines if " brings " in line]) == 2, up.lines
        # Both instances that are booted and those that are forked.
        for _ in range(2):
            assert {name: up.invoke(name) for name in CODE} == WANTED
        # The source stays as it is.
        assert sorted(file.name for file in (app / "Common").iterdir()) == ["index.js"]

        # What is asked for later is installed then.
        (app / "Plain/index.js").write_text(CODE["Common"][2])
        up.said("reloaded")
        assert up.invoke("Plain") == "third SDK"
    with Up(app, address, *options) as up:
        assert up.invoke("Module") == "third SDK"
        assert not any(" brings " in line for line in up.lines), up.lines
    assert asked.count("aws-sdk.tgz") == 1


def test_what_the_package_and_the_registry_have_counts(tmp_path, registry):
    code = {"Own": CODE["Common"], "Lost": (*CODE["Common"][:2], "require('@aws-sdk/client-none')")}
    app = application(tmp_path / "app", code)
    own = app / "Own/node_modules/@aws-sdk/client-words"
    own.mkdir(parents=True)
    (own / "index.js").write_text("exports.WORD = 'own';")
    with Up(app, registry[0]) as up:
        assert "@aws-sdk/client-none@3" in up.said("notice: the code will not find")
        assert up.invoke("Own") == "own"
        assert "client-none" in up.invoke("Lost")["errorMessage"]
        assert not any("client-words" in line for line in up.lines if " brings " in line), up.lines


def test_code_that_is_no_folder_has_it_too(tmp_path, registry):
    app = tmp_path / "app"
    app.mkdir()
    _, _, text = CODE["Common"]
    zipped = package(index_js=text + "\n// zipped")
    (app / "code.zip").write_bytes(zipped)
    (app / "template.yaml").write_text(
        "Transform: AWS::Serverless-2016-10-31\nResources:\n"
        + FUNCTION.format("code.zip", "nodejs20.x").replace("code.zip:", "Zipped:")
        + "  Inline:\n    Type: AWS::Serverless::Function\n    Properties:\n      Handler: index.handler\n"
        + f"      Runtime: nodejs20.x\n      InlineCode: {json.dumps(text)}\n"
    )
    with Up(app, registry[0]) as up:
        assert up.invoke("Zipped") == up.invoke("Inline") == "third SDK"
        address = up.said("serves http://").split("serves ")[1].split(",")[0]
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
        made = boto3.client("lambda", endpoint_url=address, **keys)
        for name, code, want in [
            ("made", text + "\n// by the API", "third SDK"),
            ("lost", "require('@aws-sdk/client-none')", None),
            ("free", "exports.handler = async () => 1", 1),
        ]:
            made.create_function(
                FunctionName=name,
                Runtime="nodejs20.x",
                Handler="index.handler",
                Role=ROLE,
                Code={"ZipFile": package(index_js=code)},
            )
            answer = json.load(made.invoke(FunctionName=name)["Payload"])
            assert answer == want or (want is None and "client-none" in answer["errorMessage"])
