"""What else there is of the API: policies as documents, the older asynchronous call, waiters, limits."""

import base64
import http.client
import json
import os
import urllib.parse

import pytest
from botocore.exceptions import ClientError

from conftest import eventually
from test_runtimes import ROLE, call, make, package

CODE = {"index.js": "exports.handler = async (event) => { console.log('called with', JSON.stringify(event)); return event; };"}


@pytest.fixture(scope="module")
def name(lambda_):
    return make(lambda_, "api", package(CODE), runtime="nodejs20.x")


def test_the_waiters(lambda_, name):
    for waiter in ["function_exists", "function_active", "function_active_v2", "function_updated", "function_updated_v2"]:
        lambda_.get_waiter(waiter).wait(FunctionName=name)
    version = lambda_.publish_version(FunctionName=name)["Version"]
    lambda_.get_waiter("published_version_active").wait(FunctionName=name, Qualifier=version)


def test_a_policy_as_a_document(lambda_, name):
    arn = lambda_.get_function_configuration(FunctionName=name)["FunctionArn"]
    with pytest.raises(lambda_.exceptions.ResourceNotFoundException):
        lambda_.get_resource_policy(ResourceArn=arn)
    statement = {"Sid": "one", "Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "lambda:InvokeFunction", "Resource": arn}
    put = lambda_.put_resource_policy(ResourceArn=arn, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    assert json.loads(put["Policy"])["Statement"] == [statement]
    assert json.loads(lambda_.get_policy(FunctionName=name)["Policy"])["Statement"] == [statement]
    lambda_.add_permission(FunctionName=name, StatementId="two", Action="lambda:InvokeFunction", Principal="events.amazonaws.com")
    got = lambda_.get_resource_policy(ResourceArn=arn)
    assert [one["Sid"] for one in json.loads(got["Policy"])["Statement"]] == ["one", "two"]
    with pytest.raises(ClientError) as stale:
        lambda_.delete_resource_policy(ResourceArn=arn, RevisionId=put["RevisionId"])
    assert stale.value.response["Error"]["Code"] == "PreconditionFailedException"
    for bad in ["{", "{}", '{"Statement": [{}]}', json.dumps({"Statement": [statement, statement]})]:
        with pytest.raises(ClientError) as malformed:
            lambda_.put_resource_policy(ResourceArn=arn, Policy=bad)
        assert malformed.value.response["Error"]["Code"] == "InvalidParameterValueException", bad
    lambda_.delete_resource_policy(ResourceArn=arn, RevisionId=got["RevisionId"])
    with pytest.raises(lambda_.exceptions.ResourceNotFoundException):
        lambda_.get_policy(FunctionName=name)


def refusal(operation, **arguments):
    with pytest.raises(ClientError) as refused:
        operation(**arguments)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def test_permissions_that_are_refused(lambda_, name):
    add = {"FunctionName": name, "StatementId": "no", "Action": "lambda:InvokeFunction", "Principal": "*"}
    code, text = refusal(lambda_.add_permission, **{**add, "Principal": "invalid.nonaws.com"})
    assert (code, text) == ("InvalidParameterValueException", "The provided principal was invalid. Please check the principal and try again.")
    code, text = refusal(lambda_.add_permission, **add, FunctionUrlAuthType="NONE")
    assert (code, text) == ("InvalidParameterValueException", "FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action")
    assert "Cannot find alias arn" in refusal(lambda_.add_permission, **add, Qualifier="nope")[1]
    remove = lambda function: refusal(lambda_.remove_permission, FunctionName=function, StatementId="no")
    assert remove(name) == ("ResourceNotFoundException", "No policy is associated with the given resource.")
    code, text = remove("nope")
    assert code == "ResourceNotFoundException" and text.startswith("No policy found for: arn:")


def test_a_permission_for_calls_by_url_only(lambda_, name):
    added = lambda_.add_permission(FunctionName=name, StatementId="url", Action="lambda:InvokeFunction", Principal="*", InvokedViaFunctionUrl=True)
    assert json.loads(added["Statement"])["Condition"] == {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}
    lambda_.remove_permission(FunctionName=name, StatementId="url")


def test_asynchronous_settings_that_are_refused(lambda_, name):
    put = lambda config: refusal(lambda_.put_function_event_invoke_config, FunctionName=name, DestinationConfig={"OnFailure": {"Destination": config}})
    own = lambda_.get_function_configuration(FunctionName=name)["FunctionArn"]
    assert put(own)[1] == "You can't specify the function as a destination for itself."
    for missing in [own + "zz", own.replace(":lambda:", ":sqs:").replace("function:", ""), own.replace(":lambda:", ":sns:").replace("function:", "")]:
        assert put(missing) == ("InvalidParameterValueException", f"The destination ARN {missing} is invalid.")
    other = "arn:aws:kinesis:us-east-1:000000000000:stream/s"
    assert put(other)[1] == f"The provided destination config DestinationConfig(onSuccess=null, onFailure=OnFailure(destination={other})) is invalid."
    nothing = refusal(lambda_.put_function_event_invoke_config, FunctionName=name)
    assert nothing == ("InvalidParameterValueException", "You must specify at least one of error handling or destination setting.")
    missing = refusal(lambda_.put_function_event_invoke_config, FunctionName="nope", MaximumRetryAttempts=1)
    assert missing == ("ResourceNotFoundException", "The function doesn't exist.")
    assert refusal(lambda_.list_function_event_invoke_configs, FunctionName="nope") == missing
    code, text = refusal(lambda_.get_function_event_invoke_config, FunctionName="nope")
    assert code == "ResourceNotFoundException" and text.endswith(":nope:$LATEST doesn't have an EventInvokeConfig")


def test_what_is_missed_by_its_own_name(lambda_, name):
    none = "The resource you requested does not exist."
    assert refusal(lambda_.delete_function_url_config, FunctionName="nope")[1] == none
    assert refusal(lambda_.update_function_url_config, FunctionName="nope", AuthType="NONE")[1] == "Function does not exist"
    assert refusal(lambda_.update_function_url_config, FunctionName=name, AuthType="NONE")[1] == none
    for operation in [lambda_.get_layer_version, lambda_.delete_layer_version]:
        assert refusal(operation, LayerName="nope", VersionNumber=0) == ("InvalidParameterValueException", "Layer Version Cannot be less than 1")


def test_publishing_changes_the_revision(lambda_, name):
    before = lambda_.get_function_configuration(FunctionName=name)["RevisionId"]
    lambda_.update_function_configuration(FunctionName=name, Timeout=9)
    changed = lambda_.get_function_configuration(FunctionName=name)["RevisionId"]
    lambda_.publish_version(FunctionName=name, RevisionId=changed)
    after = lambda_.get_function_configuration(FunctionName=name)["RevisionId"]
    assert len({before, changed, after}) == 3
    # With nothing to publish, nothing changes.
    lambda_.publish_version(FunctionName=name, RevisionId=after)
    assert lambda_.get_function_configuration(FunctionName=name)["RevisionId"] == after


def test_an_environment_is_shown_as_it_was_said(lambda_):
    shown = lambda found: found.get("Environment", {}).get("Variables")
    make(lambda_, "surroundings", package(CODE), runtime="nodejs20.x")
    assert "Environment" not in lambda_.get_function_configuration(FunctionName="surroundings")
    for said in [{"COLOUR": "red"}, {}]:
        changed = lambda_.update_function_configuration(FunctionName="surroundings", Environment={"Variables": said})
        assert shown(changed) == shown(lambda_.get_function_configuration(FunctionName="surroundings")) == said
        assert shown(lambda_.update_function_configuration(FunctionName="surroundings", Timeout=5)) == said
    make(lambda_, "none-around", package(CODE), runtime="nodejs20.x", Environment={"Variables": {}})
    assert shown(lambda_.publish_version(FunctionName="none-around")) == {}


def test_the_handler_is_told_how_it_was_called(lambda_):
    code = {"index.js": "exports.handler = async (event, context) => context.invokedFunctionArn.split(':').slice(6).join(':');"}
    make(lambda_, "told", package(code), runtime="nodejs20.x")
    assert json.load(lambda_.invoke(FunctionName="told")["Payload"]) == "told"
    told = lambda_.invoke(FunctionName="told", Qualifier="$LATEST")
    assert (json.load(told["Payload"]), told["ExecutedVersion"]) == ("told:$LATEST", "$LATEST")


@pytest.mark.parametrize("runtime, files", [
    ("nodejs20.x", {"index.js": "throw new RangeError('at init');"}),
    ("python3.11", {"index.py": "raise RuntimeError('at init')"}),
])
def test_the_end_of_the_log_says_why_there_is_no_instance(lambda_, runtime, files):
    name = make(lambda_, f"unready-{runtime[:4]}", package(files), runtime=runtime)
    answer = lambda_.invoke(FunctionName=name, LogType="Tail")
    error = json.load(answer["Payload"])["errorType"]
    lines = base64.b64decode(answer["LogResult"]).decode().splitlines()
    kinds = [line.split(" ")[0] for line in lines if line.split(" ")[0] in ("INIT_REPORT", "START", "END", "REPORT")]
    assert kinds == ["INIT_REPORT", "START", "END", "REPORT"]
    assert any("at init" in line for line in lines[: lines.index(next(line for line in lines if line.startswith("START")))])
    assert next(line for line in lines if line.startswith("INIT_REPORT")).endswith(f"Phase: invoke\tStatus: error\tError Type: {error}")
    assert lines[-1].endswith(f"Status: error\tError Type: {error}")


def test_the_older_call_without_waiting(fulmar, lambda_, name):
    assert lambda_.invoke_async(FunctionName=name, InvokeArgs=b'{"older": true}')["Status"] == 202
    eventually(lambda: "called with {\"older\":true}" in fulmar.cli("logs", name).stdout)


def fetch(url, headers=None):
    """Without a resolver: not every machine knows names under `localhost`."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=30)
    connection.request("GET", parts.path, headers={"host": parts.netloc, **(headers or {})})
    response = connection.getresponse()
    return response.status, response.headers, response.read()


def test_urls(lambda_):
    code = {"index.js": "exports.handler = async (event, context) => ({ version: context.functionVersion, path: event.rawPath });"}
    name = make(lambda_, "with-url", package(code), runtime="nodejs20.x")
    arn = lambda_.get_function_configuration(FunctionName=name)["FunctionArn"]
    cors = {"AllowOrigins": ["https://page.example"], "AllowMethods": ["GET"], "MaxAge": 60}
    made = lambda_.create_function_url_config(FunctionName=name, AuthType="NONE", Cors=cors)
    assert (made["FunctionArn"], made["AuthType"], made["InvokeMode"], made["Cors"]) == (arn, "NONE", "BUFFERED", cors)
    status, headers, body = fetch(made["FunctionUrl"], {"origin": "https://page.example"})
    assert (status, json.loads(body)) == (200, {"version": "$LATEST", "path": "/"})
    assert headers["access-control-allow-origin"] == "https://page.example"
    with pytest.raises(lambda_.exceptions.ResourceConflictException, match="FunctionUrlConfig exists for this Lambda function"):
        lambda_.create_function_url_config(FunctionName=name, AuthType="NONE")

    changed = lambda_.update_function_url_config(FunctionName=name, AuthType="AWS_IAM", InvokeMode="RESPONSE_STREAM")
    assert (changed["FunctionUrl"], changed["InvokeMode"], changed["Cors"]) == (made["FunctionUrl"], "RESPONSE_STREAM", cors)
    assert changed["CreationTime"] == made["CreationTime"] <= changed["LastModifiedTime"]
    assert fetch(made["FunctionUrl"])[0] == 403
    assert lambda_.get_function_url_config(FunctionName=name)["AuthType"] == "AWS_IAM"

    version = lambda_.publish_version(FunctionName=name)["Version"]
    with pytest.raises(ClientError):
        lambda_.create_function_url_config(FunctionName=name, Qualifier="nobody", AuthType="NONE")
    lambda_.create_alias(FunctionName=name, Name="live", FunctionVersion=version)
    alias = lambda_.create_function_url_config(FunctionName=name, Qualifier="live", AuthType="NONE")
    assert json.loads(fetch(alias["FunctionUrl"])[2])["version"] == version
    listed = lambda_.list_function_url_configs(FunctionName=name)["FunctionUrlConfigs"]
    assert sorted(one["FunctionArn"] for one in listed) == [arn, arn + ":live"]

    lambda_.delete_function_url_config(FunctionName=name, Qualifier="live")
    assert fetch(alias["FunctionUrl"])[0] in (403, 404)
    with pytest.raises(lambda_.exceptions.ResourceNotFoundException):
        lambda_.get_function_url_config(FunctionName=name, Qualifier="live")
    lambda_.delete_function(FunctionName=name)
    assert fetch(made["FunctionUrl"])[0] in (403, 404)


URLS = """
Transform: AWS::Serverless-2016-10-31
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: apart, Runtime: nodejs20.x, Handler: index.handler, CodeUri: src, AutoPublishAlias: live, Role: !GetAtt Role.Arn}
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: 'sts:AssumeRole'}]}
  Url:
    Type: AWS::Lambda::Url
    Properties: {AuthType: NONE, TargetFunctionArn: !GetAtt F.Arn, Qualifier: live, Cors: {AllowOrigins: ['https://page.example']}}
  Everybody:
    Type: AWS::Lambda::Permission
    Properties: {Action: 'lambda:InvokeFunctionUrl', FunctionName: !GetAtt F.Arn, FunctionUrlAuthType: NONE, Principal: '*'}
Outputs: {Url: {Value: !GetAtt Url.FunctionUrl}, Function: {Value: !Ref Url}}
"""


def test_a_url_is_declared_apart_from_its_function(fulmar, lambda_, tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src/index.js").write_text("exports.handler = async (event, context) => ({ version: context.functionVersion });")
    template = tmp_path / "template.yaml"
    template.write_text(URLS)
    done = json.loads(fulmar.cli("deploy", template, "--stack", "urls", "--json").stdout)
    outputs = {output["name"]: output["value"] for output in done["outputs"]}
    arn = "arn:aws:lambda:us-east-1:000000000000:function:apart:live"
    assert outputs["Function"] == arn
    made = lambda_.get_function_url_config(FunctionName="apart", Qualifier="live")
    assert (made["FunctionArn"], made["AuthType"], made["InvokeMode"]) == (arn, "NONE", "BUFFERED")
    status, headers, body = fetch(made["FunctionUrl"], {"origin": "https://page.example"})
    assert (status, json.loads(body), headers["access-control-allow-origin"]) == (200, {"version": "1"}, "https://page.example")
    for wrong, why in [("!GetAtt F.Arn, Qualifier: live", "nobody"), ("Qualifier: live", "Qualifier: other")]:
        template.write_text(URLS.replace(wrong, why, 1))
        refused = fulmar.cli("deploy", template, "--stack", "refused", check=False)
        assert refused.returncode and "in th" in refused.stdout + refused.stderr
    fulmar.cli("destroy", "urls")
    with pytest.raises(lambda_.exceptions.ResourceNotFoundException):
        lambda_.get_function_url_config(FunctionName="apart", Qualifier="live")


@pytest.mark.parametrize(
    "settings",
    [
        {"Timeout": 0},
        {"Timeout": 901},
        {"MemorySize": 127},
        {"MemorySize": 10_241},
        {"EphemeralStorage": {"Size": 511}},
        {"EphemeralStorage": {"Size": 10_241}},
        {"Description": "x" * 257},
        {"Handler": "x" * 129},
        {"Runtime": "nodejs1.x"},
        {"Role": "nobody"},
        {"Environment": {"Variables": {"A1": "x" * 5_000}}},
        {"Environment": {"Variables": {"AWS_REGION": "elsewhere"}}},
        {"Environment": {"Variables": {"1": "x"}}},
        {"Layers": ["arn:aws:lambda:us-east-1:000000000000:layer:nowhere:1"]},
        {"LoggingConfig": {"LogFormat": "Text", "SystemLogLevel": "WARN"}},
        {"LoggingConfig": {"LogFormat": "XML"}},
        {"Architectures": ["sparc"]},
        {"Tags": {"aws:own": "x"}},
    ],
    ids=lambda settings: json.dumps(settings)[:40],
)
def test_settings_outside_their_limits(fulmar, settings):
    unchecked = fulmar.client("lambda", parameter_validation=False)
    wanted = {"Runtime": "nodejs20.x", "Handler": "index.handler", "Role": ROLE, **settings}
    try:
        with pytest.raises(ClientError) as refused:
            unchecked.create_function(FunctionName="outside", Code={"ZipFile": package(CODE)}, **wanted)
    except BaseException:
        unchecked.delete_function(FunctionName="outside")
        raise
    response = refused.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert response["Error"]["Code"] in ("ValidationException", "InvalidParameterValueException"), response
    with pytest.raises(ClientError):
        unchecked.get_function(FunctionName="outside")


@pytest.mark.parametrize(
    "operation, arguments",
    [
        ("create_code_signing_config", {"AllowedPublishers": {"SigningProfileVersionArns": ["arn:aws:signer:us-east-1:000000000000:/signing-profiles/a/b"]}}),
        ("put_runtime_management_config", {"FunctionName": "api", "UpdateRuntimeOn": "FunctionUpdate"}),
    ],
)
def test_what_is_not_built_says_so(lambda_, name, operation, arguments):
    with pytest.raises(ClientError) as refused:
        getattr(lambda_, operation)(**arguments)
    assert "does not implement" in str(refused.value) and refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_there_are_no_configurations_for_signed_code(lambda_, name):
    arn = "arn:aws:lambda:us-east-1:000000000000:code-signing-config:csc-0123456789abcdef0"
    assert lambda_.list_code_signing_configs()["CodeSigningConfigs"] == []
    assert lambda_.get_function_code_signing_config(FunctionName=name)["CodeSigningConfigArn"] == ""
    lambda_.delete_function_code_signing_config(FunctionName=name)
    for operation in ["get_code_signing_config", "delete_code_signing_config", "list_functions_by_code_signing_config", "update_code_signing_config"]:
        with pytest.raises(lambda_.exceptions.ResourceNotFoundException):
            getattr(lambda_, operation)(CodeSigningConfigArn=arn)
    with pytest.raises(lambda_.exceptions.CodeSigningConfigNotFoundException):
        lambda_.put_function_code_signing_config(FunctionName=name, CodeSigningConfigArn=arn)
    with pytest.raises(lambda_.exceptions.ResourceNotFoundException):
        lambda_.put_function_code_signing_config(FunctionName="nowhere", CodeSigningConfigArn=arn)


FOLDER = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Closed: { Type: AWS::Serverless::Function, Properties: { FunctionName: closed, CodeUri: code, Handler: index.handler, Runtime: nodejs20.x } }
"""


def test_a_folder_that_is_closed_to_functions_is_named(fulmar, lambda_, tmp_path):
    tmp_path.chmod(0o755)
    (tmp_path / "code").mkdir(mode=0o700)
    (tmp_path / "code/index.js").write_text(CODE["index.js"])
    (tmp_path / "template.yaml").write_text(FOLDER)
    fulmar.cli("deploy", tmp_path)
    answer, said = call(lambda_, "closed", 1)
    if os.geteuid():
        # Functions are the server's user.
        assert said == 1
        return
    assert said["errorType"] == "Runtime.InvalidEntrypoint" and f"chmod o+rx {tmp_path}/code" in said["errorMessage"], said
    (tmp_path / "code").chmod(0o755)
    assert call(lambda_, "closed", 1)[1] == 1


def test_an_archive_without_the_handler(lambda_):
    name = make(lambda_, "without", package({"other.js": ""}), runtime="nodejs20.x")
    answer, said = call(lambda_, name)
    assert answer["FunctionError"] == "Unhandled" and said["errorType"] == "Runtime.ImportModuleError"


DESCRIPTORS = """
const fs = require("fs");
exports.handler = async (event) => {
  if (event === "output") { fs.closeSync(1); fs.closeSync(2); return "closed"; }
  if (event === "all") { for (let fd = 0; fd < 64; fd++) try { fs.closeSync(fd); } catch {} return "closed"; }
  return "fine";
};
"""


def test_a_function_that_closes_what_it_speaks_by(fulmar, lambda_):
    name = make(lambda_, "closes", package({"index.js": DESCRIPTORS}), runtime="nodejs20.x", Timeout=5)
    for event in ["output", "all"]:
        call(lambda_, name, event)
        assert call(lambda_, name, "fine")[1] == "fine"
    assert fulmar.process.poll() is None
