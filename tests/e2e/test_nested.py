"""Nested stacks: templates in templates, as SAM, CloudFormation and the CDK write them."""

import json
import pathlib

import pytest
from conftest import eventually, server
from test_node_sdk import Up

HEAD = "Transform: AWS::Serverless-2016-10-31\n"
# Both shops are made of one template, and in each is another one.
PARENT = (
    HEAD
    + """\
Resources:
  North:
    Type: AWS::Serverless::Application
    Properties:
      Location: shop
      Parameters: { Word: north, Topic: !Ref News }
  South:
    Type: AWS::CloudFormation::Stack
    DependsOn: North
    Properties:
      TemplateURL: shop/template.yaml
      Parameters: { Word: !GetAtt North.Outputs.Greeting, Topic: !Ref News }
  News: { Type: AWS::SNS::Topic }
  Front:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: nodejs20.x
      Handler: index.handler
      InlineCode: "exports.handler = async () => process.env.SHOP"
      Environment: { Variables: { SHOP: !GetAtt South.Outputs.Queue } }
Outputs:
  Greeting: { Value: !GetAtt South.Outputs.Greeting }
  Queue: { Value: !GetAtt South.Outputs.Queue }
  Stack: { Value: !Ref North }
"""
)
SHOP = (
    HEAD
    + """\
Parameters:
  Word: { Type: String, NoEcho: true }
  Topic: { Type: String }
Resources:
  Work: { Type: AWS::SQS::Queue }
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: code
      Runtime: nodejs20.x
      Handler: index.handler
      Environment: { Variables: { WORD: !Ref Word, STACK: !Ref AWS::StackName } }
      Events: { News: { Type: SNS, Properties: { Topic: !Ref Topic } } }
  Deep:
    Type: AWS::CloudFormation::Stack
    Properties: { TemplateURL: ../deep.yaml, Parameters: { Word: !Ref Word } }
Outputs:
  Queue: { Value: !GetAtt Work.QueueName }
  Greeting: { Value: !GetAtt Deep.Outputs.Greeting }
"""
)
DEEP = """\
Parameters: { Word: { Type: String } }
Resources:
  Maker:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.13
      Handler: index.handler
      Role: arn:aws:iam::000000000000:role/any
      Code:
        ZipFile: |
          import cfnresponse
          def handler(event, context):
              said = "hello " + event["ResourceProperties"]["Word"]
              cfnresponse.send(event, context, cfnresponse.SUCCESS, {"Said": said, "Of": event["StackId"]}, said)
  Greeting: { Type: Custom::Greeting, Properties: { ServiceToken: !GetAtt Maker.Arn, Word: !Ref Word } }
Outputs:
  Greeting: { Value: !GetAtt Greeting.Said }
"""
HELLO = "exports.handler = async () => [process.env.WORD, process.env.STACK];\n"


@pytest.fixture
def app(tmp_path):
    folder = tmp_path / "app"
    (folder / "shop/code").mkdir(parents=True)
    (folder / "template.yaml").write_text(PARENT)
    (folder / "shop/template.yaml").write_text(SHOP)
    (folder / "shop/code/index.js").write_text(HELLO)
    (folder / "deep.yaml").write_text(DEEP)
    return folder


def deployed(fulmar, where, *more):
    done = fulmar.cli("deploy", where, "--json", *more)
    return json.loads(done.stdout.splitlines()[-1])


def outputs(told):
    return {output["name"]: output["value"] for output in told["outputs"]}


def changes(told):
    return {(change["logical_id"], change["action"]) for change in told["changes"]}


def invoke(fulmar, function):
    return json.loads(fulmar.cli("invoke", function).stdout)


def functions(fulmar):
    return {one["FunctionName"] for one in fulmar.client("lambda").list_functions()["Functions"]}


def test_a_life(app):
    with server() as fulmar:
        told = outputs(deployed(fulmar, app))
        # What the one greets with is the other's word.
        assert told["Greeting"] == "hello hello north"
        north, south = invoke(fulmar, "North/Hello"), invoke(fulmar, "South/Hello")
        assert (north[0], south[0]) == ("north", "hello north")
        assert north[1].startswith("app-North-") and south[1].startswith("app-South-")
        assert f":stack/{north[1]}/" in told["Stack"]
        assert invoke(fulmar, "Front") == told["Queue"] and told["Queue"].startswith("app-South-")
        (name,) = [one for one in functions(fulmar) if one.startswith(north[1][:20]) and "-Hello-" in one]
        assert invoke(fulmar, name) == north
        eventually(lambda: name in fulmar.cli("logs", "North/Hello").stdout)
        several = fulmar.cli("invoke", "Hello", check=False).stderr
        assert "North/Hello" in several and "South/Hello" in several
        topics = fulmar.client("sns").list_subscriptions()["Subscriptions"]
        assert len(topics) == 2

        # Nothing changes before something does, and the server may die in between.
        assert deployed(fulmar, app)["changes"] == []
        fulmar.kill()
        fulmar.restart()
        assert deployed(fulmar, app)["changes"] == []
        (app / "template.yaml").write_text(PARENT.replace("Word: north", "Word: up"))
        told = deployed(fulmar, app)
        assert outputs(told)["Greeting"] == "hello hello up"
        assert changes(told) == {
            ("North/Deep/Greeting", "update"),
            ("North/Hello", "update"),
            ("South/Deep/Greeting", "update"),
            ("South/Hello", "update"),
        }

        # One goes with all that is in it.
        kept = HEAD + "Resources:\n  North:" + PARENT.split("  North:")[1].split("  South:")[0]
        (app / "template.yaml").write_text(kept + "  News: { Type: AWS::SNS::Topic }\n")
        told = deployed(fulmar, app)
        removed = {one for one, action in changes(told) if action == "remove"}
        assert {"South/Hello", "South/Work", "South/Deep/Maker", "South/Deep/Greeting", "Front"} <= removed
        assert not any(one.startswith("North/") for one in removed)
        assert len(functions(fulmar)) == 2 and len(fulmar.client("sqs").list_queues()["QueueUrls"]) == 1
        fulmar.cli("destroy", "app")
        assert not functions(fulmar) and "QueueUrls" not in fulmar.client("sqs").list_queues()


def test_what_is_retained_stays(app):
    with server() as fulmar:
        kept = "  Kept:\n    Type: AWS::CloudFormation::Stack\n    DeletionPolicy: Retain\n"
        kept += "    Properties: { TemplateURL: q.yaml }\n"
        other = "  Other: { Type: AWS::SQS::Queue }\n"
        (app / "q.yaml").write_text("Resources: { Q: { Type: AWS::SQS::Queue } }\n")
        (app / "template.yaml").write_text("Resources:\n" + other + kept)
        deployed(fulmar, app)
        (app / "template.yaml").write_text("Resources:\n" + other)
        assert changes(deployed(fulmar, app)) == {("Kept/Q", "retain")}
        queues = fulmar.client("sqs").list_queues()["QueueUrls"]
        assert len(queues) == 2 and any("/app-Kept-" in one for one in queues)


def test_what_is_wrong_is_said_before_anything_is_made(app):
    with server() as fulmar:
        (app / "deep.yaml").write_text(DEEP.replace("Custom::Greeting", "AWS::Kinesis::Stream"))
        (app / "shop/template.yaml").write_text(SHOP.replace("CodeUri: code", "CodeUri: nowhere"))
        said = fulmar.cli("deploy", app, check=False).stderr
        assert "deep.yaml:15:" in said and "`AWS::Kinesis::Stream` is not supported yet" in said
        assert "shop/template.yaml:10:" in said and "`nowhere` does not exist" in said
        assert not functions(fulmar) and not fulmar.client("sns").list_topics()["Topics"]


def test_up_follows_nested_templates_and_their_code(app):
    with Up(app, "http://127.0.0.1:9/") as up:
        assert up.invoke("North/Hello")[0] == "north"
        up.said("Edit the code of South/Hello")
        (app / "shop/code/index.js").write_text(HELLO.replace("process.env.WORD", "'new'"))
        up.said("reloaded app-South")
        assert up.invoke("North/Hello")[0] == "new" and up.invoke("South/Hello")[0] == "new"
        (app / "shop/template.yaml").write_text(SHOP.replace("STACK: !Ref AWS::StackName", "STACK: changed"))
        up.said("~ function", times=2)
        assert up.invoke("South/Hello") == ["new", "changed"]
        (app / "deep.yaml").write_text(DEEP.replace("Custom::Greeting", "AWS::Kinesis::Stream"))
        up.said("deep.yaml:15:")


def test_the_cdk_nests_by_assets():
    with server() as fulmar:
        assembly = pathlib.Path(__file__).parent / "cdk/cdk.nested"
        told = outputs(deployed(fulmar, assembly))
        (table,) = fulmar.client("dynamodb").list_tables()["TableNames"]
        (queue,) = fulmar.client("sqs").list_queues()["QueueUrls"]
        assert invoke(fulmar, told["Handler"]) == f"{table} {queue.rsplit('/', 1)[-1]}"
        assert invoke(fulmar, "Handler886CB40B") == invoke(fulmar, told["Handler"])
        assert told["Stack"].startswith("Shop-ComputeNestedStack")
        assert "-InnerNestedStack" in told["Stack"]
        # Templates are read where they are.
        assert fulmar.client("s3").list_buckets()["Buckets"] == []
        fulmar.cli("destroy", "Shop")
