"""Applications of several clouds in one folder: all run, and one calls the other."""

import json
import urllib.request

import pytest

from conftest import eventually, free_port
from test_azure import http_function, write
from test_cli import Up

TEMPLATE = """\
Transform: AWS::Serverless-2016-10-31
Parameters: { Next: { Type: String } }
Resources:
  First:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: nodejs20.x
      CodeUri: src
      Handler: index.handler
      Timeout: 30
      Environment: { Variables: { NEXT: !Ref Next } }
      FunctionUrlConfig: { AuthType: NONE }
Outputs: { Url: { Value: !GetAtt FirstUrl.FunctionUrl } }
"""

FIRST = """
exports.handler = async (event) => {
  const answer = await fetch(`${process.env.NEXT}/api/Second?name=${event.queryStringParameters.name}`);
  return { statusCode: answer.status, body: `first, ${await answer.text()}` };
};
"""

SECOND = """
module.exports = async (context, req) => {
  const answer = await fetch(`${process.env.NEXT}/third?name=${req.query.name}`);
  context.res = { status: answer.status, body: `second, ${await answer.text()}` };
};
"""

THIRD = """
import functions_framework

@functions_framework.http
def third(request):
    return f"third for {request.args['name']}", 201
"""


@pytest.mark.parametrize("folder", [".", "orders"])
def test_a_chain_through_three_clouds(tmp_path, folder):
    """The template is the folder's own, or in a folder beside the others."""
    app = tmp_path / "shop"
    azure_port, google_port = free_port(), free_port()
    write(app / folder / "template.yaml", TEMPLATE)
    write(app / folder / "src/index.js", FIRST)
    write(app / "azure/host.json", {"version": "2.0"})
    write(app / "azure/local.settings.json", {"Values": {"NEXT": f"http://127.0.0.1:{google_port}"}})
    http_function(app / "azure", "Second", SECOND)
    write(app / "google/main.py", THIRD)
    write(app / "google/requirements.txt", "functions-framework>=3.10\n")
    options = ["--azure-listen", f"127.0.0.1:{azure_port}", "--google-listen", f"127.0.0.1:{google_port}"]
    with Up(app, *options, "--parameter", f"Next=http://127.0.0.1:{azure_port}") as up:
        # Packages are installed first.
        eventually(lambda: up.of("ready"), timeout=300)
        deployed = [up.wait_for("deployed", count) for count in (1, 2, 3)]
        assert [one["stack"] for one in deployed] == (["shop", "azure", "google"] if folder == "." else ["azure", "google", "orders"])
        outputs = [output for one in deployed for output in one["outputs"]]
        url = next(output["value"] for output in outputs if output["name"] == "Url")
        host = url.removeprefix("https://").split(".")[0] + ".lambda-url.localhost"

        def answered():
            request = urllib.request.Request(up.wait_for("ready")["endpoint"] + "/?name=x", headers={"Host": host})
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read()

        assert eventually(answered) == (201, b"first, second, third for x")
