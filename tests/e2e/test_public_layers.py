"""Layers of other accounts that hold public packages: they are made of those. Here registries of our own have them, and for
the real ones the examples of the packages' own documentation."""

import base64
import functools
import hashlib
import http.server
import io
import json
import os
import subprocess
import sys
import tarfile
import threading
import zipfile

import botocore.exceptions
import pytest

from conftest import BINARY, server

PYTHON = "017000801446:layer:AWSLambdaPowertoolsPythonV3-python312-x86_64:7"
NODE = "094274105915:layer:AWSLambdaPowertoolsTypeScriptV2:25"
FUNCTION = """\
  {0}:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: {0}
      CodeUri: {0}
      Handler: app.handler
      Runtime: {1}
      Timeout: 20
      Environment: {{ Variables: {{ POWERTOOLS_SERVICE_NAME: shop, POWERTOOLS_METRICS_NAMESPACE: Shop }} }}
      Layers:
        - !Sub arn:aws:lambda:${{AWS::Region}}:{2}
"""
PLAIN = {
    "python": ("python3.12", PYTHON, "app.py", "import aws_lambda_powertools as it\ndef handler(event, context):\n    return [it.SAID, it.__file__]\n"),
    "node": (
        "nodejs20.x",
        NODE,
        "app.js",
        "const it = require('@aws-lambda-powertools/logger');\nexports.handler = async () => [it.SAID, require.resolve('@aws-lambda-powertools/logger')];\n",
    ),
}
REAL = {
    "python": (
        "python3.12",
        PYTHON,
        "app.py",
        """\
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.parser import BaseModel

logger, tracer, metrics = Logger(), Tracer(), Metrics()

class Order(BaseModel):
    id: int

@tracer.capture_method
def read(event):
    return Order(**event).id

@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics
def handler(event, context):
    metrics.add_metric(name="Orders", unit=MetricUnit.Count, value=1)
    logger.info("an order came")
    return read(event)
""",
    ),
    "node": (
        "nodejs20.x",
        NODE,
        "app.js",
        """\
const { Logger } = require("@aws-lambda-powertools/logger");
const { Metrics, MetricUnit } = require("@aws-lambda-powertools/metrics");
const { getParameter } = require("@aws-lambda-powertools/parameters/ssm");
const logger = new Logger(), metrics = new Metrics();

exports.handler = async (event, context) => {
  logger.addContext(context);
  logger.info("an order came");
  metrics.addMetric("Orders", MetricUnit.Count, 1);
  metrics.publishStoredMetrics();
  return event.id;
};
""",
    ),
}


def application(folder, functions):
    template = "Transform: AWS::Serverless-2016-10-31\nResources:\n"
    for name, (runtime, layer, file, text) in functions.items():
        (folder / name).mkdir(parents=True)
        (folder / name / file).write_text(text)
        template += FUNCTION.format(name, runtime, layer)
    (folder / "template.yaml").write_text(template)
    return folder


def wheel():
    out, info = io.BytesIO(), "aws_lambda_powertools-3.9.0.dist-info"
    extras = "Provides-Extra: all\nProvides-Extra: aws-sdk\n"
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("aws_lambda_powertools/__init__.py", "SAID = 'three'\n")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: aws-lambda-powertools\nVersion: 3.9.0\n{extras}")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return out.getvalue()


@functools.cache
def tarball(name, version):
    out = io.BytesIO()
    files = {"package.json": json.dumps({"name": name, "version": version}), "index.js": "exports.SAID = 'two';"}
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for file, text in files.items():
            member = tarfile.TarInfo(f"package/{file}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return out.getvalue()


class Registries(http.server.BaseHTTPRequestHandler):
    """That of pip below `/simple`, and npm's, which has every package in every version that is asked for."""

    def do_GET(self):
        path = self.path.replace("%2f", "/").strip("/")
        if path == "simple/aws-lambda-powertools":
            kind, body = "text/html", b'<a href="/aws_lambda_powertools-3.9.0-py3-none-any.whl">wheel</a>'
        elif path.endswith(".whl"):
            kind, body = "application/zip", wheel()
        elif path.endswith(".tgz"):
            kind, body = "application/gzip", tarball(*path.removesuffix(".tgz").rsplit("/", 1))
        else:
            kind, body = "application/json", json.dumps(self.facts(path)).encode()
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def facts(self, name):
        versions = {}
        for version in ["2.7.0", "3.7.0", "4.7.0"]:
            digest = base64.b64encode(hashlib.sha512(tarball(name, version)).digest()).decode()
            dist = {"tarball": f"http://{self.headers['host']}/{name}/{version}.tgz", "integrity": f"sha512-{digest}"}
            versions[version] = {"name": name, "version": version, "dist": dist}
        return {"name": name, "dist-tags": {"latest": "4.7.0"}, "versions": versions}

    def log_message(self, *_):
        pass


@pytest.fixture
def registries():
    both = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registries)
    threading.Thread(target=both.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{both.server_port}"
    both.shutdown()


def deploy(fulmar, app, registry):
    settings = {}
    if registry:
        settings = {
            "PIP_INDEX_URL": f"{registry}/simple",
            "PIP_NO_CACHE_DIR": "1",
            "PIP_RETRIES": "0",
            "npm_config_registry": registry,
            "npm_config_cache": str(app / ".npm"),
            "npm_config_fetch_retries": "0",
        }
    return subprocess.run(
        [BINARY, "deploy", str(app), "--data-dir", str(fulmar.data_dir)],
        capture_output=True,
        text=True,
        env={**os.environ, **settings, "NO_COLOR": "1"},
    )


def call(lambda_, name, event="{}"):
    answer = lambda_.invoke(FunctionName=name, Payload=event, LogType="Tail")
    return json.load(answer["Payload"]), base64.b64decode(answer["LogResult"]).decode()


def test_they_are_made_once_and_functions_have_them_under_their_own_names(fulmar, lambda_, tmp_path, registries):
    app = application(tmp_path / "app", PLAIN)
    done = deploy(fulmar, app, "http://127.0.0.1:9")
    assert done.returncode, done.stdout
    assert "the layer AWSLambdaPowertoolsPythonV3-python312-x86_64 is not here, and cannot be made of its packages" in done.stderr
    assert "pip install failed" in done.stderr and "let npm or pip reach its registry" in done.stderr

    done = deploy(fulmar, app, registries)
    assert not done.returncode, done.stderr
    for line in [
        "making the layer AWSLambdaPowertoolsPythonV3-python312-x86_64",
        "Successfully installed aws-lambda-powertools-3.9.0",
        "making the layer AWSLambdaPowertoolsTypeScriptV2",
        "@aws-lambda-powertools/tracer 2.7.0",
        "the layer `AWSLambdaPowertoolsPythonV3-python312-x86_64:7` is made of packages: aws-lambda-powertools[all,aws-sdk]~=3.0 of PyPI",
        "the layer `AWSLambdaPowertoolsTypeScriptV2:25` is made of packages: @aws-lambda-powertools/*@^2 of npm",
    ]:
        assert line in done.stdout, line
    assert call(lambda_, "python")[0] == ["three", "/opt/python/aws_lambda_powertools/__init__.py"]
    assert call(lambda_, "node")[0] == ["two", "/opt/nodejs/node_modules/@aws-lambda-powertools/logger/index.js"]

    # Once for all applications, whatever is in reach then.
    other = application(tmp_path / "other", {"third": PLAIN["python"]})
    done = deploy(fulmar, other, "http://127.0.0.1:9")
    assert not done.returncode and "making" not in done.stdout, done.stderr
    assert call(lambda_, "third")[0][0] == "three"

    arn = f"arn:aws:lambda:us-east-1:{PYTHON}"
    layers = lambda_.get_function_configuration(FunctionName="python")["Layers"]
    assert [layer["Arn"] for layer in layers] == [arn]
    assert lambda_.get_layer_version_by_arn(Arn=arn)["LayerVersionArn"] == arn
    assert lambda_.list_layers()["Layers"] == [], "it is nobody's here"
    again = lambda_.update_function_configuration(FunctionName="third", Layers=[arn])
    assert again["Layers"][0]["Arn"] == arn
    # What no deployment has made is out of reach, as whatever is of another account.
    for missing in [arn.replace(":7", ":8"), "arn:aws:lambda:us-east-1:580247275435:layer:LambdaInsightsExtension:14"]:
        with pytest.raises(botocore.exceptions.ClientError, match="is not authorized to perform: lambda:GetLayerVersion"):
            lambda_.update_function_configuration(FunctionName="third", Layers=[missing])


def reach(command):
    try:
        return subprocess.run(command, capture_output=True, timeout=60).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def test_the_documentations_examples_run_with_the_real_packages(tmp_path):
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", str(tmp_path), "aws-lambda-powertools"]
    if not (reach(pip) and reach(["npm", "view", "@aws-lambda-powertools/logger", "version"])):
        pytest.skip("the registries are out of reach")
    app = application(tmp_path / "app", REAL)
    with server() as fulmar:
        done = deploy(fulmar, app, None)
        assert not done.returncode, done.stderr
        for name in REAL:
            said, log = call(fulmar.client("lambda"), name, '{"id": 7}')
            assert said == 7, log
            line = next(json.loads(line) for line in log.splitlines() if "an order came" in line)
            assert (line["level"], line["service"], line["function_name"]) == ("INFO", "shop", name)
            assert '"Namespace":"Shop"' in log and "Orders" in log
