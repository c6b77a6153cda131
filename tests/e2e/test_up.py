"""What `fulmar up` does with code that is built from its sources, with data beside it, and when a deployment fails."""

import os
import subprocess
import sys
import zipfile
import urllib.error
import urllib.parse
import urllib.request

import pytest

from test_node_sdk import Up

TEMPLATE = """\
Transform: AWS::Serverless-2016-10-31
Resources:
  Typed:
    Type: AWS::Serverless::Function
    Metadata: { BuildMethod: esbuild, BuildProperties: { EntryPoints: [lib/app.ts], Sourcemap: true } }
    Properties: { CodeUri: typed, Handler: lib/app.handler, Runtime: nodejs20.x }
  Made:
    Type: AWS::Serverless::Function
    Metadata: { BuildMethod: makefile }
    Properties: { CodeUri: made, Handler: app.handler, Runtime: nodejs20.x }
"""
# What it leaves out is what is TypeScript in the source below.
ESBUILD = """\
#!/bin/sh
for option; do case $option in --outdir=*) out=${option#*=};; esac; done
sed 's/: string//' "$1" > "$out/app.js"
"""
SOURCE = "const word: string = 'one';\nexports.handler = async () => [word, process.env.NODE_OPTIONS];\n"


def test_what_is_built_runs_and_is_built_again_when_it_changes(tmp_path):
    app = tmp_path / "app"
    source, input = app / "typed/lib/app.ts", app / "made/input.js"
    program = app / "typed/node_modules/.bin/esbuild"
    for file, text in {
        app / "template.yaml": TEMPLATE,
        source: SOURCE,
        program: ESBUILD,
        input: "exports.handler = async () => 'two';\n",
        app / "made/Makefile": "build-Made:\n\tcp input.js $(ARTIFACTS_DIR)/app.js\n",
    }.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    program.chmod(0o755)
    with Up(app, "http://127.0.0.1:9/") as up:
        assert up.invoke("Typed") == ["one", "--enable-source-maps"]
        assert up.invoke("Made") == "two"
        assert not (app / "made/app.js").exists()
        source.write_text(SOURCE.replace("one", "three"))
        up.said("reloaded app-Typed")
        assert up.invoke("Typed")[0] == "three"
        input.write_text("exports.handler = async () => 'four';\n")
        up.said("reloaded app-Made")
        assert up.invoke("Made") == "four"


# Takes the one source of the package for the program, of which the module's own file says the name.
GO = """\
#!/bin/sh
test "$1 $2 $3 $5 $GOOS" = "build -trimpath -o ./cmd/api linux" || exit 1
sed "s/MODULE/$(sed -n 's/^module //p' go.mod)/" cmd/api/main.go > "$4" && chmod +x "$4"
"""
PROGRAM = """\
#!/usr/bin/env python3
import os, urllib.request
at = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
while True:
    with urllib.request.urlopen(at + "next") as event:
        id = event.headers["Lambda-Runtime-Aws-Request-Id"]
    urllib.request.urlopen(at + id + "/response", b'"MODULE"').close()
"""


def test_go_is_compiled_in_its_module(tmp_path, monkeypatch):
    app, tools = tmp_path / "app", tmp_path / "tools"
    (app / "src/cmd/api").mkdir(parents=True)
    tools.mkdir()
    (tools / "go").write_text(GO)
    (tools / "go").chmod(0o755)
    monkeypatch.setenv("PATH", str(tools), prepend=os.pathsep)
    (app / "template.yaml").write_text(
        "Transform: AWS::Serverless-2016-10-31\nResources:\n"
        "  New:\n    Type: AWS::Serverless::Function\n    Metadata: { BuildMethod: go1.x }\n"
        "    Properties: { CodeUri: src/cmd/api, Handler: bootstrap, Runtime: provided.al2023 }\n"
        "  Old:\n    Type: AWS::Serverless::Function\n"
        "    Properties: { CodeUri: src/cmd/api, Handler: api, Runtime: go1.x }\n"
    )
    module = app / "src/go.mod"
    module.write_text("module one\n")
    (app / "src/cmd/api/main.go").write_text(PROGRAM)
    with Up(app, "http://127.0.0.1:9/") as up:
        assert [up.invoke("New"), up.invoke("Old")] == ["one", "one"]
        module.write_text("module two\n")
        up.said("reloaded app-New")
        assert up.invoke("New") == "two"


def test_functions_may_walk_their_code_where_the_data_is_in_it(tmp_path):
    app = tmp_path / "app"
    app.mkdir()
    (app / "template.yaml").write_text(
        "Transform: AWS::Serverless-2016-10-31\nResources:\n"
        "  Walk:\n    Type: AWS::Serverless::Function\n"
        "    Properties: { CodeUri: ., Handler: index.handler, Runtime: nodejs20.x }\n"
    )
    walk = "exports.handler = async () => require('fs').readdirSync('.', { recursive: true }).sort();\n"
    (app / "index.js").write_text(walk)
    with Up(app, "http://127.0.0.1:9/") as up:
        for _ in range(2):
            assert up.invoke("Walk") == [".fulmar", "index.js", "template.yaml"]
            # The next one comes to be in another way.
            (app / "index.js").write_text(walk + "// again\n")
            up.said("reloaded app-Walk")


def test_up_waits_for_a_change_after_a_deployment_that_failed(tmp_path):
    app = tmp_path / "app"
    (app / "src").mkdir(parents=True)
    template = (
        "Transform: AWS::Serverless-2016-10-31\nResources:\n"
        "  Late:\n    Type: AWS::Serverless::Function\n"
        "    Properties:\n      CodeUri: src\n      Handler: index.handler\n      Runtime: nodejs20.x\n"
        "      Events:\n        E: { Type: EventBridgeRule, Properties: { EventBusName: BUS, Pattern: { source: [a] } } }\n"
    )
    (app / "template.yaml").write_text(template.replace("BUS", "theirs"))
    (app / "src/index.js").write_text("exports.handler = async () => 1;\n")
    with Up(app, "http://127.0.0.1:9/") as up:
        up.said("there is no bus `theirs`")
        (app / "template.yaml").write_text(template.replace("BUS", "default"))
        up.said("+ function     app-Late")
        assert up.invoke("Late") == 1


def test_up_tells_the_key_that_callers_of_a_gateway_need(tmp_path):
    app = tmp_path / "app"
    (app / "src").mkdir(parents=True)
    (app / "template.yaml").write_text(
        "Transform: AWS::Serverless-2016-10-31\nResources:\n"
        "  Api: { Type: AWS::Serverless::Api, Properties: { StageName: v1, Auth: { ApiKeyRequired: true, UsagePlan: { CreateUsagePlan: PER_API } } } }\n"
        "  Keyed:\n    Type: AWS::Serverless::Function\n"
        "    Properties:\n      CodeUri: src\n      Handler: index.handler\n      Runtime: nodejs20.x\n"
        "      Events: { Get: { Type: Api, Properties: { Path: /it, Method: get, RestApiId: !Ref Api } } }\n"
    )
    (app / "src/index.js").write_text("exports.handler = async () => ({ statusCode: 200, body: 'in' });\n")
    with Up(app, "http://127.0.0.1:9/") as up:
        line = up.said("  curl -H 'x-api-key: ")
        key, address = line.split("x-api-key: ")[1].split("' ")
        assert key in up.said("  GET ")
        host = urllib.parse.urlsplit(address)
        asked = urllib.request.Request(f"http://127.0.0.1:{host.port}{host.path}", headers={"host": host.netloc})
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(asked)
        asked.add_header("x-api-key", key)
        assert urllib.request.urlopen(asked).read() == b"in"


FED = """\
Transform: AWS::Serverless-2016-10-31
Resources:
  Jobs: { Type: AWS::SQS::Queue, Properties: { FifoQueue: true } }
  News: { Type: AWS::SNS::Topic }
  Lines: { Type: AWS::Logs::LogGroup, Properties: { LogGroupName: /shop/lines } }
  Items: { Type: AWS::DynamoDB::Table, Properties: { BillingMode: PAY_PER_REQUEST,
    KeySchema: [{ AttributeName: k, KeyType: HASH }, { AttributeName: n, KeyType: RANGE }],
    AttributeDefinitions: [{ AttributeName: k, AttributeType: S }, { AttributeName: n, AttributeType: N }],
    StreamSpecification: { StreamViewType: KEYS_ONLY } } }
  Fed:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src
      Handler: index.handler
      Runtime: nodejs20.x
      Events:
        Job: { Type: SQS, Properties: { Queue: !GetAtt Jobs.Arn } }
        Item: { Type: DynamoDB, Properties: { Stream: !GetAtt Items.StreamArn, StartingPosition: TRIM_HORIZON } }
        New: { Type: SNS, Properties: { Topic: !Ref News } }
        Sale: { Type: EventBridgeRule, Properties: { Pattern: { source: [shop], detail: { sum: [7] } } } }
        Printed: { Type: CloudWatchLogs, Properties: { LogGroupName: !Ref Lines, FilterPattern: '?WARN ?ERROR' } }
        Daily: { Type: Schedule, Properties: { Schedule: rate(1 day) } }
"""


def test_what_up_says_to_try_has_each_source_of_events_call_the_function(tmp_path):
    app = tmp_path / "app"
    (app / "src").mkdir(parents=True)
    (app / "template.yaml").write_text(FED)
    (app / "src/index.js").write_text(
        "exports.handler = async (event) => { const one = (event.Records || [event])[0];"
        " console.log('from ' + (one.eventSource || one.EventSource || one.source || (one.awslogs && 'lines'))); };\n"
    )
    with Up(app, "http://127.0.0.1:9/") as up:
        for service, source in [
            ("dynamodb", "aws:dynamodb"),
            ("events", "shop"),
            ("logs create-log-stream", None),
            ("logs put-log-events", "lines"),
            ("sns", "aws:sns"),
            ("sqs", "aws:sqs"),
        ]:
            line = up.said(f" {service} ")
            settings = up.lines[up.lines.index(line) - 1].rstrip("\\\n")
            pasted = settings + line.replace("aws ", f"{sys.executable} -m awscli ", 1)
            subprocess.run(["bash", "-c", pasted], check=True, capture_output=True)
            if source:
                up.said(f"from {source}")
        up.said("  fulmar clock advance 1d")


def test_up_tells_what_a_custom_resource_prints_while_it_waits_for_it(tmp_path):
    app = tmp_path / "app"
    app.mkdir()
    (app / "template.yaml").write_text(
        "Transform: AWS::Serverless-2016-10-31\nResources:\n"
        "  Mute:\n    Type: AWS::Serverless::Function\n"
        "    Properties: { Handler: index.handler, Runtime: nodejs20.x, InlineCode: \"exports.handler = async () => console.log('asked')\" }\n"
        "  Made: { Type: Custom::Thing, Properties: { ServiceToken: !GetAtt Mute.Arn } }\n"
    )
    up = Up(app, "http://127.0.0.1:9/")
    try:
        up.said("INFO\tasked")
        assert not any("stack app" in line for line in up.lines), up.lines
    finally:
        up.__exit__()


LAYERED = """\
Transform: AWS::Serverless-2016-10-31
Resources:
  Wheels:
    Type: AWS::Serverless::LayerVersion
    Metadata: { BuildMethod: python3.11 }
    Properties: { ContentUri: wheels }
  Modules:
    Type: AWS::Serverless::LayerVersion
    Metadata: { BuildMethod: nodejs20.x }
    Properties: { ContentUri: modules }
  Snake:
    Type: AWS::Serverless::Function
    Properties:
      Handler: index.handler
      Runtime: python3.11
      Layers: [!Ref Wheels]
      InlineCode: |
        import own, padded
        def handler(event, context):
            return [own.WORD, padded.WORD]
  Camel:
    Type: AWS::Serverless::Function
    Properties:
      Handler: index.handler
      Runtime: nodejs20.x
      Layers: [!Ref Modules]
      InlineCode: "exports.handler = async () => [require('/opt/nodejs/own'), require('padded')]"
"""


def test_layers_get_the_packages_that_they_ask_for(tmp_path):
    app = tmp_path / "app"
    for file, text in {
        "template.yaml": LAYERED,
        "wheels/requirements.txt": "./padded-1.0-py3-none-any.whl\n",
        "wheels/own.py": "WORD = 'one'\n",
        "modules/package.json": '{"name": "m", "dependencies": {"padded": "file:./padded"}}',
        "modules/padded/package.json": '{"name": "padded", "version": "1.0.0"}',
        "modules/padded/index.js": "module.exports = 'packed';\n",
        "modules/own.js": "module.exports = 'two';\n",
    }.items():
        (app / file).parent.mkdir(parents=True, exist_ok=True)
        (app / file).write_text(text)
    with zipfile.ZipFile(app / "wheels/padded-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("padded.py", "WORD = 'packed'\n")
        wheel.writestr("padded-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: padded\nVersion: 1.0\n")
        wheel.writestr("padded-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("padded-1.0.dist-info/RECORD", "")
    with Up(app, "http://127.0.0.1:9/") as up:
        assert up.invoke("Snake") == ["one", "packed"]
        assert up.invoke("Camel") == ["two", "packed"]
        assert not (app / "modules/node_modules").exists()
        (app / "wheels/own.py").write_text("WORD = 'three'\n")
        up.said("reloaded app-Snake")
        assert up.invoke("Snake") == ["three", "packed"]
