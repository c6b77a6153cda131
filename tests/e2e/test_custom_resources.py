"""Custom resources: functions of the template are asked as CloudFormation asks, and answer as they answer there."""

import json
import subprocess
import textwrap
import urllib.error
import urllib.request

import pytest
from conftest import BINARY, eventually, server


@pytest.fixture(scope="module", params=["open", "isolated"])
def fulmar(request):
    with server("--network", request.param) as running:
        yield running
        assert running.process.poll() is None, "the server died:\n" + "".join(running.log)


def template(tmp_path, text):
    file = tmp_path / "template.yaml"
    file.write_text("Transform: AWS::Serverless-2016-10-31\n" + textwrap.dedent(text))
    return tmp_path


def function(runtime, handler, code):
    """A function's declaration, to stand under `Resources` with two spaces before it."""
    body = textwrap.indent(textwrap.dedent(code), " " * 8)
    return f"""Type: AWS::Serverless::Function
    Properties:
      Runtime: {runtime}
      Handler: {handler}
      Timeout: 20
      InlineCode: |
{body}"""


def deploy(fulmar, where, stack, *more, check=True):
    done = fulmar.cli("deploy", where, "--stack", stack, "--json", *more, check=check)
    return done if not check else json.loads(done.stdout.splitlines()[-1])


def outputs(told):
    return {output["name"]: output["value"] for output in told["outputs"]}


def function_name(fulmar, stack):
    functions = fulmar.client("lambda").list_functions()["Functions"]
    return next(one["FunctionName"] for one in functions if one["FunctionName"].startswith(f"{stack}-"))


def asked(fulmar, stack):
    """The requests that a stack's function printed, in their order."""
    name = function_name(fulmar, stack)
    events = fulmar.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    lines = [event["message"] for event in events if event["message"].startswith("REQUEST ")]
    return [json.loads(line.removeprefix("REQUEST ")) for line in lines]


PYTHON = function(
    "python3.13",
    "index.handler",
    """
    import json, cfnresponse

    def handler(event, context):
        print("REQUEST " + json.dumps(event))
        given = event["ResourceProperties"]
        if given.get("Fails") == event["RequestType"]:
            cfnresponse.send(event, context, cfnresponse.FAILED, {}, reason="as it was told")
            return
        data = {"Greeting": "hello " + given.get("Name", ""), "dotted.key": "deep", "Parts": ["a", "b"], "Count": 3}
        cfnresponse.send(event, context, cfnresponse.SUCCESS, data, "thing-" + given.get("Name", ""))
    """,
)


def greeter(name, more=""):
    return f"""
Resources:
  Maker:
    {PYTHON}
  Thing:
    Type: Custom::Thing
    Properties:
      ServiceToken: !GetAtt Maker.Arn
      Name: {name}
      Number: 7
      Truth: true
      Nested: {{List: [1, two, {{Deep: false}}], None: !Ref AWS::NoValue}}
      {more}
  After:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: !Sub "after-${{Thing}}"
      Tags:
        - {{Key: greeting, Value: !GetAtt Thing.Greeting}}
        - {{Key: deep, Value: !Sub "${{Thing.dotted.key}}"}}
        - {{Key: parts, Value: !Join ["-", !GetAtt Thing.Parts]}}
Outputs:
  Id: {{Value: !Ref Thing}}
  Greeting: {{Value: !GetAtt Thing.Greeting}}
  Count: {{Value: !GetAtt Thing.Count}}
"""


def test_a_life_with_the_module_for_python(fulmar, tmp_path):
    told = deploy(fulmar, template(tmp_path, greeter("ada")), "greet")
    assert outputs(told) == {"Id": "thing-ada", "Greeting": "hello ada", "Count": "3"}
    sqs = fulmar.client("sqs")
    queue = sqs.get_queue_url(QueueName="after-thing-ada")["QueueUrl"]
    tags = sqs.list_queue_tags(QueueUrl=queue)["Tags"]
    assert tags == {"greeting": "hello ada", "deep": "deep", "parts": "a-b"}
    [create] = asked(fulmar, "greet")
    assert create["RequestType"] == "Create" and create["ResourceType"] == "Custom::Thing"
    assert create["LogicalResourceId"] == "Thing" and "PhysicalResourceId" not in create
    assert create["StackId"].startswith("arn:aws:cloudformation:us-east-1:") and ":stack/greet/" in create["StackId"]
    assert create["ResourceProperties"] == {
        "ServiceToken": create["ServiceToken"],
        "Name": "ada",
        "Number": "7",
        "Truth": "true",
        "Nested": {"List": ["1", "two", {"Deep": "false"}]},
    }

    # Nothing has changed, so nobody is asked.
    assert deploy(fulmar, tmp_path, "greet")["changes"] == []
    assert len(asked(fulmar, "greet")) == 1

    # Another name is another thing: the old one goes when the new one is there.
    told = deploy(fulmar, template(tmp_path, greeter("bob")), "greet")
    assert outputs(told)["Greeting"] == "hello bob"
    update, delete = asked(fulmar, "greet")[1:]
    assert update["RequestType"] == "Update" and update["PhysicalResourceId"] == "thing-ada"
    assert update["ResourceProperties"]["Name"] == "bob" and update["OldResourceProperties"]["Name"] == "ada"
    assert delete["RequestType"] == "Delete" and delete["PhysicalResourceId"] == "thing-ada"
    assert delete["ResourceProperties"]["Name"] == "ada"

    # Without replacement there is nothing to take away.
    deploy(fulmar, template(tmp_path, greeter("bob", "More: 1")), "greet")
    assert [one["RequestType"] for one in asked(fulmar, "greet")][3:] == ["Update"]

    before = len(asked(fulmar, "greet"))
    name = function_name(fulmar, "greet")
    fulmar.cli("destroy", "greet")
    events = fulmar.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    last = [event["message"] for event in events if event["message"].startswith("REQUEST ")][before:]
    assert [json.loads(line.removeprefix("REQUEST "))["RequestType"] for line in last] == ["Delete"]
    assert "greet" not in fulmar.cli("destroy", "greet", check=False).stdout


def test_the_module_for_node_and_what_was_taken_out_of_the_template(fulmar, tmp_path):
    maker = function(
        "nodejs22.x",
        "index.handler",
        """
        const response = require('cfn-response');
        exports.handler = (event, context) => {
          console.log('asked', event.RequestType);
          response.send(event, context, response.SUCCESS, { Sum: Number(event.ResourceProperties.A) + 1 });
        };
        """,
    )
    text = f"""
Resources:
  Adder:
    {maker}
"""
    more = """
  Two:
    Type: AWS::CloudFormation::CustomResource
    Properties: {ServiceToken: !GetAtt Adder.Arn, A: 1}
  Three:
    Type: Custom::Sum
    Properties: {ServiceToken: !GetAtt Adder.Arn, A: !GetAtt Two.Sum}
Outputs:
  Sum: {Value: !GetAtt Three.Sum}
"""
    told = deploy(fulmar, template(tmp_path, text + more), "sums")
    assert outputs(told)["Sum"] == "3"
    told = deploy(fulmar, template(tmp_path, text), "sums")
    removed = [(one["action"], one["type"]) for one in told["changes"]]
    assert removed == [("remove", "custom resource"), ("remove", "custom resource")]
    fulmar.cli("destroy", "sums")


PLAIN = {
    "urllib": """
        import json, urllib.request
        def put(url, body):
            request = urllib.request.Request(url, data=body, method="PUT", headers={"content-type": ""})
            return urllib.request.urlopen(request).status
    """,
    "http.client": """
        import http.client, urllib.parse
        def put(url, body):
            parts = urllib.parse.urlsplit(url)
            connection = http.client.HTTPSConnection(parts.hostname)
            connection.request("PUT", parts.path + "?" + parts.query, body)
            return connection.getresponse().status
    """,
}


@pytest.mark.parametrize("way", PLAIN)
def test_code_of_a_folder_that_puts_its_answer_itself(fulmar, tmp_path, way):
    code = textwrap.dedent(PLAIN[way]) + textwrap.dedent("""
        import json
        def handler(event, context):
            answer = {key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")}
            answer |= {"Status": "SUCCESS", "PhysicalResourceId": "by-hand", "Data": {"Url": event["ResponseURL"]}}
            print("STATUS", put(event["ResponseURL"], json.dumps(answer).encode()))
    """)
    (tmp_path / "src").mkdir()
    (tmp_path / "src/app.py").write_text(code)
    told = deploy(fulmar, template(tmp_path, """
        Resources:
          Maker:
            Type: AWS::Serverless::Function
            Properties: {Runtime: python3.13, Handler: app.handler, CodeUri: src}
          Thing:
            Type: Custom::Thing
            Properties: {ServiceToken: !GetAtt Maker.Arn}
        Outputs:
          Id: {Value: !Ref Thing}
          Url: {Value: !GetAtt Thing.Url}
    """), "byhand")
    url = outputs(told)["Url"]
    assert outputs(told)["Id"] == "by-hand"
    assert url.startswith("https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/arn%3Aaws%3A")
    # It was good for one answer.
    again = url.replace("https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com",
                        f"{fulmar.endpoint}/cloudformation-custom-resource-response-useast1")
    assert refused(again, b"{}") == 403
    fulmar.cli("destroy", "byhand")


def refused(url, body):
    try:
        urllib.request.urlopen(urllib.request.Request(url, data=body, method="PUT"))
    except urllib.error.HTTPError as error:
        return error.code
    return None


def test_fetch_of_a_module(fulmar, tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src/app.mjs").write_text("""
        export const handler = async (event) => {
          const { StackId, RequestId, LogicalResourceId } = event;
          const body = JSON.stringify({
            Status: 'SUCCESS', PhysicalResourceId: 'fetched', StackId, RequestId, LogicalResourceId,
          });
          await fetch(event.ResponseURL, { method: 'PUT', body });
        };
    """)
    told = deploy(fulmar, template(tmp_path, """
        Resources:
          Maker:
            Type: AWS::Serverless::Function
            Properties: {Runtime: nodejs22.x, Handler: app.handler, CodeUri: src}
          Thing:
            Type: Custom::Thing
            Properties: {ServiceToken: !GetAtt Maker.Arn}
        Outputs:
          Id: {Value: !Ref Thing}
    """), "fetched")
    assert outputs(told) == {"Id": "fetched"}
    fulmar.cli("destroy", "fetched")


def test_a_failure_is_told_and_the_next_deployment_begins_anew(fulmar, tmp_path):
    done = deploy(fulmar, template(tmp_path, greeter("eve", "Fails: Create")), "fails", check=False)
    assert done.returncode != 0
    assert "Received response status [FAILED] from custom resource. Message returned: as it was told" in done.stderr + done.stdout
    deploy(fulmar, template(tmp_path, greeter("eve")), "fails")
    create, delete, again = asked(fulmar, "fails")
    assert [create["RequestType"], delete["RequestType"], again["RequestType"]] == ["Create", "Delete", "Create"]
    # The failed one is taken away by the name that its answer gave it.
    assert delete["PhysicalResourceId"]
    done = deploy(fulmar, template(tmp_path, greeter("eve", "Fails: Update")), "fails", check=False)
    assert "as it was told" in done.stderr + done.stdout
    deploy(fulmar, template(tmp_path, greeter("eve")), "fails")
    back = asked(fulmar, "fails")[-1]
    assert back["RequestType"] == "Update" and back["OldResourceProperties"]["Fails"] == "Update"
    fulmar.cli("destroy", "fails")


def test_a_bucket_that_is_emptied_when_it_goes(fulmar, tmp_path):
    maker = function(
        "python3.13",
        "index.handler",
        """
        import boto3, cfnresponse

        def handler(event, context):
            bucket = boto3.resource("s3").Bucket(event["ResourceProperties"]["Bucket"])
            if event["RequestType"] == "Delete":
                bucket.objects.all().delete()
            else:
                bucket.put_object(Key="seed", Body=b"seed")
            cfnresponse.send(event, context, cfnresponse.SUCCESS, {})
        """,
    )
    told = deploy(fulmar, template(tmp_path, f"""
Resources:
  Files: {{Type: AWS::S3::Bucket}}
  Maker:
    {maker}
  Emptied:
    Type: Custom::Emptied
    Properties: {{ServiceToken: !GetAtt Maker.Arn, Bucket: !Ref Files}}
Outputs:
  Bucket: {{Value: !Ref Files}}
"""), "emptied")
    s3 = fulmar.client("s3")
    bucket = outputs(told)["Bucket"]
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["seed"]
    fulmar.cli("destroy", "emptied")
    assert bucket not in [one["Name"] for one in s3.list_buckets()["Buckets"]]


def test_a_topic_is_published_to(fulmar, tmp_path):
    maker = function(
        "python3.13",
        "index.handler",
        """
        import json, cfnresponse

        def handler(event, context):
            notice = event["Records"][0]["Sns"]
            request = json.loads(notice["Message"])
            data = {"Subject": notice["Subject"], "Type": request["RequestType"]}
            cfnresponse.send(request, context, cfnresponse.SUCCESS, data, "by-topic")
        """,
    )
    told = deploy(fulmar, template(tmp_path, f"""
Resources:
  Topic: {{Type: AWS::SNS::Topic}}
  Maker:
    {maker}
      Events:
        Asked: {{Type: SNS, Properties: {{Topic: !Ref Topic}}}}
  Thing:
    Type: Custom::Thing
    DependsOn: MakerAsked
    Properties: {{ServiceToken: !Ref Topic}}
Outputs:
  Subject: {{Value: !GetAtt Thing.Subject}}
"""), "topical", check=True)
    assert outputs(told)["Subject"] == "AWS CloudFormation custom resource request"
    fulmar.cli("destroy", "topical")


SILENT = function(
    "python3.13",
    "index.handler",
    """
    import json
    def handler(event, context):
        print("REQUEST " + json.dumps(event))
    """,
)


def silent(properties):
    return f"""
Resources:
  Maker:
    {SILENT}
  Thing:
    Type: Custom::Thing
    Properties: {{ServiceToken: !GetAtt Maker.Arn, {properties}}}
Outputs:
  Id: {{Value: !Ref Thing}}
"""


def answer(fulmar, request, **more):
    """Answers as somebody outside may, by the address of the server."""
    body = {key: request[key] for key in ("StackId", "RequestId", "LogicalResourceId")}
    body |= {"Status": "SUCCESS", "PhysicalResourceId": "from-outside", **more}
    url = request["ResponseURL"].replace(
        "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com",
        f"{fulmar.endpoint}/cloudformation-custom-resource-response-useast1",
    )
    return url, json.dumps(body).encode()


def beginning(fulmar, where, stack):
    """A deployment that waits for its answer, and the request."""
    command = [BINARY, "deploy", str(where), "--stack", stack, "--json", "--data-dir", str(fulmar.data_dir)]
    waiting = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return waiting, eventually(lambda: asked(fulmar, stack)[-1])


def test_an_answer_needs_its_signature_and_counts_once(fulmar, tmp_path):
    waiting, request = beginning(fulmar, template(tmp_path, silent("A: 1")), "signed")
    url, body = answer(fulmar, request)
    assert refused(url[:-4] + "0000", body) == 403
    assert refused(url.split("?")[0], body) == 403
    assert refused(url, body) is None
    assert refused(url, body) == 403
    said, _ = waiting.communicate(timeout=60)
    assert waiting.returncode == 0, said
    assert outputs(json.loads(said.splitlines()[-1])) == {"Id": "from-outside"}


def test_an_answer_that_does_not_come_is_waited_for_by_the_servers_clock(fulmar, tmp_path):
    waiting, request = beginning(fulmar, template(tmp_path, silent("ServiceTimeout: 600")), "late")
    fulmar.cli("clock", "advance", "11m")
    said, _ = waiting.communicate(timeout=60)
    assert waiting.returncode != 0
    assert "did not receive a response from your Custom Resource" in said
    assert refused(*answer(fulmar, request)) == 403


def test_a_deployment_that_was_killed_goes_on_with_the_same_request(tmp_path):
    with server() as fulmar:
        where = template(tmp_path, """
            Resources:
              Maker:
                Type: AWS::Serverless::Function
                Properties: {Runtime: python3.13, Handler: app.handler, CodeUri: src, Timeout: 60}
              Thing:
                Type: Custom::Thing
                Properties: {ServiceToken: !GetAtt Maker.Arn, A: 1}
            Outputs:
              Id: {Value: !Ref Thing}
        """)
        (tmp_path / "src").mkdir()
        (tmp_path / "src/app.py").write_text(textwrap.dedent("""
            import json, threading
            def handler(event, context):
                print("REQUEST " + json.dumps(event))
                threading.Event().wait(50)
        """))
        waiting, request = beginning(fulmar, where, "killed")
        fulmar.kill()
        waiting.communicate(timeout=60)
        fulmar.restart()
        # It comes while nobody deploys.
        assert refused(*answer(fulmar, request)) is None
        assert outputs(deploy(fulmar, where, "killed")) == {"Id": "from-outside"}
        assert {one["RequestId"] for one in asked(fulmar, "killed")} == {request["RequestId"]}
