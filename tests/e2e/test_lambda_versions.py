"""Versions, aliases, layers and provisioned concurrency by boto3, in their sandboxes."""

import collections
import concurrent.futures
import io
import json
import zipfile

import pytest
from botocore.exceptions import ClientError

from conftest import eventually, server

ROLE = "arn:aws:iam::000000000000:role/any"

SAYS = """
exports.handler = async (event, context) => ({
  text: %r,
  version: context.functionVersion,
  arn: context.invokedFunctionArn,
  stream: context.logStreamName,
  why: process.env.AWS_LAMBDA_INITIALIZATION_TYPE,
  environment: process.env.AWS_LAMBDA_FUNCTION_VERSION,
});
"""


def package(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return out.getvalue()


def says(text):
    return package({"index.js": SAYS % text})


def create(lambda_, name, code=None, **settings):
    settings = {"Runtime": "nodejs20.x", "Handler": "index.handler", "Role": ROLE, "Timeout": 10, **settings}
    made = lambda_.create_function(FunctionName=name, Code={"ZipFile": code or says("one")}, **settings)
    lambda_.get_waiter("function_active_v2").wait(FunctionName=name)
    return made


def call(lambda_, name, **options):
    answer = lambda_.invoke(FunctionName=name, **options)
    return answer, json.loads(answer["Payload"].read())


def refused(code, call, **arguments):
    with pytest.raises(ClientError) as error:
        call(**arguments)
    assert error.value.response["Error"]["Code"] == code, error.value
    return error.value.response["Error"]["Message"]


def test_versions(lambda_):
    create(lambda_, "versions")
    first = lambda_.publish_version(FunctionName="versions", Description="the first")
    assert (first["Version"], first["FunctionArn"].split(":")[-1]) == ("1", "1")
    assert lambda_.publish_version(FunctionName="versions")["Version"] == "1"
    lambda_.update_function_code(FunctionName="versions", ZipFile=says("two"))
    lambda_.get_waiter("function_updated_v2").wait(FunctionName="versions")
    lambda_.get_waiter("published_version_active").wait(FunctionName="versions", Qualifier="1")

    answer, said = call(lambda_, "versions", Qualifier="1", LogType="Tail")
    assert answer["ExecutedVersion"] == "1"
    assert (said["text"], said["version"], said["environment"]) == ("one", "1", "1")
    assert "/[1]" in said["stream"]
    answer, said = call(lambda_, "versions")
    assert (answer["ExecutedVersion"], said["text"], said["version"]) == ("$LATEST", "two", "$LATEST")
    second = lambda_.update_function_code(FunctionName="versions", ZipFile=says("three"), Publish=True)
    assert second["Version"] == "2"
    assert call(lambda_, second["FunctionArn"])[1]["text"] == "three"

    pages = lambda_.get_paginator("list_versions_by_function").paginate(
        FunctionName="versions", PaginationConfig={"PageSize": 2}
    )
    assert [one["Version"] for page in pages for one in page["Versions"]] == ["$LATEST", "1", "2"]
    refused("PreconditionFailedException", lambda_.publish_version, FunctionName="versions", RevisionId="no")
    refused("InvalidParameterValueException", lambda_.publish_version, FunctionName="versions", CodeSha256="no")
    assert "versions:9" in refused("ResourceNotFoundException", lambda_.invoke, FunctionName="versions", Qualifier="9")
    lambda_.delete_function(FunctionName="versions", Qualifier="1")
    refused("ResourceNotFoundException", lambda_.get_function, FunctionName="versions", Qualifier="1")
    assert call(lambda_, "versions:2")[1]["text"] == "three"


def test_aliases(lambda_):
    create(lambda_, "aliases", Publish=True)
    lambda_.update_function_code(FunctionName="aliases", ZipFile=says("two"), Publish=True)
    live = lambda_.create_alias(FunctionName="aliases", Name="live", FunctionVersion="1", Description="what runs")
    answer, said = call(lambda_, "aliases", Qualifier="live")
    assert (answer["ExecutedVersion"], said["text"], said["arn"]) == ("1", "one", live["AliasArn"])
    lambda_.update_alias(
        FunctionName="aliases", Name="live", RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}}
    )
    counts = collections.Counter(call(lambda_, live["AliasArn"])[0]["ExecutedVersion"] for _ in range(60))
    assert counts["1"] > 10 and counts["2"] > 10, counts
    message = refused("ResourceConflictException", lambda_.delete_function, FunctionName="aliases", Qualifier="2")
    assert message == "Unable to delete version because the following aliases reference it: [live]"
    moved = lambda_.update_alias(FunctionName="aliases", Name="live", FunctionVersion="2", RoutingConfig={})
    assert moved["FunctionVersion"] == "2" and "RoutingConfig" not in moved
    assert [one["Name"] for one in lambda_.list_aliases(FunctionName="aliases")["Aliases"]] == ["live"]
    assert lambda_.get_alias(FunctionName="aliases", Name="live")["RevisionId"] == moved["RevisionId"]
    refused("ResourceConflictException", lambda_.create_alias, FunctionName="aliases", Name="live", FunctionVersion="1")
    refused("ResourceNotFoundException", lambda_.create_alias, FunctionName="none", Name="live", FunctionVersion="1")
    refused("ResourceNotFoundException", lambda_.create_alias, FunctionName="aliases", Name="x", FunctionVersion="7")

    lambda_.put_function_event_invoke_config(FunctionName="aliases", Qualifier="live", MaximumRetryAttempts=0)
    configs = lambda_.list_function_event_invoke_configs(FunctionName="aliases")["FunctionEventInvokeConfigs"]
    assert [one["FunctionArn"] for one in configs] == [live["AliasArn"]]
    assert lambda_.invoke(FunctionName="aliases", Qualifier="live", InvocationType="Event")["StatusCode"] == 202
    lambda_.add_permission(
        FunctionName="aliases", Qualifier="live", StatementId="s", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com"
    )
    assert live["AliasArn"] in lambda_.get_policy(FunctionName="aliases", Qualifier="live")["Policy"]
    refused("ResourceNotFoundException", lambda_.get_policy, FunctionName="aliases")
    lambda_.delete_alias(FunctionName="aliases", Name="live")
    refused("ResourceNotFoundException", lambda_.get_alias, FunctionName="aliases", Name="live")


def test_layers(lambda_):
    def publish(name, files):
        return lambda_.publish_layer_version(
            LayerName=name, Content={"ZipFile": package(files)}, CompatibleRuntimes=["nodejs20.x"], Description="files"
        )

    words = publish("words", {"nodejs/node_modules/word/index.js": "module.exports = 'below';", "data/below": "1"})
    over = publish(
        "over",
        {
            "nodejs/node_modules/word/index.js": "module.exports = 'above';",
            "nodejs/node20/node_modules/exact/index.js": "module.exports = 'for 20';",
            "data/above": "2",
            "bin/tool": "",
        },
    )
    code = package(
        {
            "index.js": """
const fs = require("node:fs");
exports.handler = async () => {
  let written = "written";
  try { fs.writeFileSync("/opt/data/new", "x"); } catch (error) { written = error.code; }
  return { word: require("word"), data: fs.readdirSync("/opt/data").sort(), written,
    exact: process.env.EXACT ? require("exact") : null, path: process.env.PATH, library: process.env.LD_LIBRARY_PATH };
};
"""
        }
    )
    made = create(lambda_, "layered", code, Layers=[words["LayerVersionArn"]])
    assert made["Layers"] == [{"Arn": words["LayerVersionArn"], "CodeSize": words["Content"]["CodeSize"]}]
    said = call(lambda_, "layered")[1]
    assert (said["word"], said["data"], said["written"]) == ("below", ["below"], "EROFS")
    assert "/opt/bin" in said["path"] and "/opt/lib" in said["library"]
    lambda_.update_function_configuration(
        FunctionName="layered",
        Layers=[words["LayerVersionArn"], over["LayerVersionArn"]],
        Environment={"Variables": {"EXACT": "1"}},
    )
    said = call(lambda_, "layered")[1]
    assert (said["word"], said["data"], said["exact"]) == ("above", ["above", "below"], "for 20")

    listed = lambda_.list_layers()["Layers"]
    assert [one["LayerName"] for one in listed] == ["over", "words"]
    assert lambda_.get_layer_version_by_arn(Arn=over["LayerVersionArn"])["Version"] == 1
    lambda_.add_layer_version_permission(
        LayerName="over", VersionNumber=1, StatementId="all", Action="lambda:GetLayerVersion", Principal="*"
    )
    assert "GetLayerVersion" in lambda_.get_layer_version_policy(LayerName="over", VersionNumber=1)["Policy"]
    lambda_.delete_layer_version(LayerName="over", VersionNumber=1)
    refused("ResourceNotFoundException", lambda_.get_layer_version, LayerName="over", VersionNumber=1)
    message = refused(
        "InvalidParameterValueException",
        lambda_.update_function_configuration,
        FunctionName="layered",
        Layers=[words["LayerVersionArn"], words["LayerVersionArn"].replace("words:1", "words:2")],
    )
    assert message.startswith("Two different versions of the same layer")
    assert call(lambda_, "layered")[1]["word"] == "above", "its function keeps a layer that was deleted"


def test_provisioned_concurrency():
    with server() as fulmar:
        lambda_ = fulmar.client("lambda")
        create(lambda_, "ready", Publish=True)
        lambda_.create_alias(FunctionName="ready", Name="live", FunctionVersion="1")
        refused(
            "InvalidParameterValueException",
            lambda_.put_provisioned_concurrency_config,
            FunctionName="ready",
            Qualifier="$LATEST",
            ProvisionedConcurrentExecutions=1,
        )
        begun = lambda_.put_provisioned_concurrency_config(
            FunctionName="ready", Qualifier="live", ProvisionedConcurrentExecutions=3
        )
        assert (begun["Status"], begun["AllocatedProvisionedConcurrentExecutions"]) == ("IN_PROGRESS", 0)

        def status():
            found = lambda_.get_provisioned_concurrency_config(FunctionName="ready", Qualifier="live")
            return found["Status"] == "READY" and found

        found = eventually(status)
        assert found["AllocatedProvisionedConcurrentExecutions"] == 3
        assert call(lambda_, "ready:live")[1]["why"] == "provisioned-concurrency"
        assert call(lambda_, "ready")[1]["why"] == "on-demand"
        limits = lambda_.get_account_settings()["AccountLimit"]
        assert limits["UnreservedConcurrentExecutions"] == limits["ConcurrentExecutions"] - 3

        fulmar.kill()
        fulmar.restart()
        eventually(status)
        assert call(lambda_, "ready:live")[1]["why"] == "provisioned-concurrency"
        listed = lambda_.list_provisioned_concurrency_configs(FunctionName="ready")["ProvisionedConcurrencyConfigs"]
        assert [one["FunctionArn"].split(":")[-1] for one in listed] == ["live"]
        lambda_.delete_provisioned_concurrency_config(FunctionName="ready", Qualifier="live")
        refused(
            "ProvisionedConcurrencyConfigNotFoundException",
            lambda_.get_provisioned_concurrency_config,
            FunctionName="ready",
            Qualifier="live",
        )

        create(lambda_, "broken", package({"index.js": "throw new Error('never');"}), Publish=True)
        lambda_.put_provisioned_concurrency_config(
            FunctionName="broken", Qualifier="1", ProvisionedConcurrentExecutions=1
        )

        def failed():
            found = lambda_.get_provisioned_concurrency_config(FunctionName="broken", Qualifier="1")
            return found["Status"] == "FAILED" and found["StatusReason"]

        assert "FUNCTION_ERROR_INIT_FAILURE" in eventually(failed)


def test_more_than_provisioned_runs_on_demand(lambda_):
    code = """
exports.handler = async () => {
  await new Promise((resolve) => setTimeout(resolve, 500));
  return process.env.AWS_LAMBDA_INITIALIZATION_TYPE;
};
"""
    create(lambda_, "spills", package({"index.js": code}), Publish=True)
    lambda_.put_provisioned_concurrency_config(FunctionName="spills", Qualifier="1", ProvisionedConcurrentExecutions=2)
    eventually(
        lambda: lambda_.get_provisioned_concurrency_config(FunctionName="spills", Qualifier="1")["Status"] == "READY"
    )
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        kinds = list(pool.map(lambda _: call(lambda_, "spills:1")[1], range(4)))
    assert sorted(kinds) == ["on-demand"] * 2 + ["provisioned-concurrency"] * 2
    lambda_.delete_provisioned_concurrency_config(FunctionName="spills", Qualifier="1")


def test_settings_of_whole_functions(lambda_):
    create(lambda_, "settings")
    (listed,) = [one for one in lambda_.list_functions()["Functions"] if one["FunctionName"] == "settings"]
    whole = lambda_.get_function_configuration(FunctionName="settings")
    assert whole.keys() - listed.keys() == {"State", "LastUpdateStatus", "RuntimeVersionConfig", "ResponseMetadata"}
    assert lambda_.get_function_code_signing_config(FunctionName="settings")["CodeSigningConfigArn"] == ""
    assert lambda_.get_runtime_management_config(FunctionName="settings")["UpdateRuntimeOn"] == "Auto"
    assert lambda_.get_function_recursion_config(FunctionName="settings")["RecursiveLoop"] == "Terminate"
    lambda_.put_function_recursion_config(FunctionName="settings", RecursiveLoop="Allow")
    assert lambda_.get_function_recursion_config(FunctionName="settings")["RecursiveLoop"] == "Allow"
    refused("NotImplementedException", lambda_.list_capacity_providers)
    refused(
        "NotImplementedException",
        lambda_.put_runtime_management_config,
        FunctionName="settings",
        UpdateRuntimeOn="Manual",
        RuntimeVersionArn="arn:aws:lambda:us-east-1::runtime:" + "0" * 64,
    )


TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Words:
    Type: AWS::Serverless::LayerVersion
    Properties:
      ContentUri: ./layer
      CompatibleRuntimes: [nodejs20.x]
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: hello
      CodeUri: ./src
      Handler: index.handler
      Runtime: nodejs20.x
      AutoPublishAlias: live
      ProvisionedConcurrencyConfig:
        ProvisionedConcurrentExecutions: 1
      Layers: [!Ref Words]
Outputs:
  Live:
    Value: !Ref Hello.Alias
"""


def test_a_template_with_a_layer_and_an_alias(fulmar, lambda_, tmp_path):
    modules = tmp_path / "layer/nodejs/node_modules/word"
    modules.mkdir(parents=True)
    (modules / "index.js").write_text("module.exports = 'from the layer';")
    source = tmp_path / "src"
    source.mkdir()

    def write(text):
        (source / "index.js").write_text(
            f"const word = require('word'); exports.handler = async () => [word, {text!r}, process.env.AWS_LAMBDA_INITIALIZATION_TYPE];"
        )

    write("one")
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    fulmar.cli("deploy", tmp_path / "template.yaml")
    assert call(lambda_, "hello:live")[1][:2] == ["from the layer", "one"]
    eventually(
        lambda: lambda_.get_provisioned_concurrency_config(FunctionName="hello", Qualifier="live")["Status"] == "READY"
    )
    assert call(lambda_, "hello:live")[1][2] == "provisioned-concurrency"
    write("another")
    fulmar.cli("deploy", tmp_path / "template.yaml")
    assert lambda_.get_alias(FunctionName="hello", Name="live")["FunctionVersion"] == "2"
    assert call(lambda_, "hello:live")[1][1] == "another"
    assert call(lambda_, "hello:1")[1][1] == "one"

    traced = fulmar.cli("invoke", "hello:1", "--trace")
    assert "run" in traced.stderr and "█" in traced.stderr, traced.stderr
    assert json.loads(traced.stdout)[1] == "one"
