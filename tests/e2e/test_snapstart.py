"""SnapStart: what it takes, what it says, and the hooks that the code gets."""

import concurrent.futures
import json

import pytest
from botocore.exceptions import ClientError

from test_runtimes import call, failed, make, package

CODE = """
import os
from snapshot_restore_py import register_before_snapshot, register_after_restore
said = []
register_before_snapshot(said.append, "before, registered first")
@register_before_snapshot
def second():
    said.append("before, registered second")
register_after_restore(said.append, "after, registered first")
register_after_restore(lambda *, word: said.append(word), word="after, registered second")
def handler(event, context):
    return {"said": said, "type": os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]}
"""
BEFORE = "from snapshot_restore_py import register_before_snapshot\ndef no(): raise ValueError('not now')\nregister_before_snapshot(no)\ndef handler(event, context): pass\n"
AFTER = BEFORE.replace("before_snapshot", "after_restore")


def test_published_versions_hear_of_snapshots_and_the_newest_code_does_not(lambda_):
    name = make(lambda_, "snaps", package({"index.py": CODE}), runtime="python3.12", SnapStart={"ApplyOn": "PublishedVersions"})
    found = lambda_.get_function_configuration(FunctionName=name)
    assert found["SnapStart"] == {"ApplyOn": "PublishedVersions", "OptimizationStatus": "Off"}
    assert call(lambda_, name)[1] == {"said": [], "type": "on-demand"}
    version = lambda_.publish_version(FunctionName=name)["Version"]
    lambda_.get_waiter("published_version_active").wait(FunctionName=name, Qualifier=version)
    found = lambda_.get_function_configuration(FunctionName=name, Qualifier=version)
    assert found["SnapStart"] == {"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"} and found["State"] == "Active"
    _, said = call(lambda_, name, Qualifier=version)
    assert said == {
        "said": ["before, registered second", "before, registered first", "after, registered first", "after, registered second"],
        "type": "snap-start",
    }
    lambda_.update_function_configuration(FunctionName=name, SnapStart={"ApplyOn": "None"})
    version = lambda_.publish_version(FunctionName=name)["Version"]
    assert call(lambda_, name, Qualifier=version)[1]["type"] == "on-demand"


@pytest.mark.parametrize("when, code", [("before", BEFORE), ("after", AFTER)])
def test_a_hook_that_fails_fails_the_call(lambda_, when, code):
    name = make(lambda_, f"snaps-{when}", package({"index.py": code}), runtime="python3.12", SnapStart={"ApplyOn": "PublishedVersions"})
    version = lambda_.publish_version(FunctionName=name)["Version"]
    answer, said = call(lambda_, name, Qualifier=version)
    assert answer["FunctionError"] == "Unhandled" and said["errorType"] == "ValueError" and said["errorMessage"] == "not now"
    assert "FunctionError" not in call(lambda_, name)[0]


COUNTED = """
import time, urllib.request, uuid
from snapshot_restore_py import register_before_snapshot, register_after_restore
time.sleep(0.3)
snapshot, restored = str(uuid.uuid4()), []
register_before_snapshot(lambda: restored.clear())
register_after_restore(lambda: restored.append(str(uuid.uuid4())))
def handler(event, context):
    urllib.request.urlopen(event).read()
    return {"snapshot": snapshot, "restored": restored}
"""


def test_all_instances_come_of_one_snapshot(lambda_, gate):
    """Each runs the hooks after it for itself; the code is initialised once, when the version is published."""
    name = make(lambda_, "snaps-one", package({"index.py": COUNTED}), runtime="python3.12", SnapStart={"ApplyOn": "PublishedVersions"})
    version = lambda_.publish_version(FunctionName=name)["Version"]
    with concurrent.futures.ThreadPoolExecutor(3) as threads:
        calls = [threads.submit(call, lambda_, name, gate.url + "/snaps", Qualifier=version) for _ in range(3)]
        gate.wait_for("snaps", 3)
        for _ in calls:
            gate.open("snaps")
        said = [one.result()[1] for one in calls]
    assert len({one["snapshot"] for one in said}) == 1, said
    assert len({one["restored"][0] for one in said}) == 3 and all(len(one["restored"]) == 1 for one in said), said


def refused(make_it):
    with pytest.raises(ClientError) as caught:
        make_it()
    assert caught.value.response["Error"]["Code"] == "InvalidParameterValueException"
    return caught.value.response["Error"]["Message"]


def test_what_does_not_go_with_it_is_refused(lambda_):
    wanted = {"SnapStart": {"ApplyOn": "PublishedVersions"}}
    assert "nodejs20.x is not supported" in refused(lambda: make(lambda_, "no", package({"index.js": ""}), runtime="nodejs20.x", **wanted))
    assert "python3.11 is not supported" in refused(lambda: make(lambda_, "no", package({"index.py": ""}), runtime="python3.11", **wanted))
    assert "512 MB" in refused(lambda: make(lambda_, "no", package({"index.py": ""}), runtime="python3.12", EphemeralStorage={"Size": 600}, **wanted))
    name = make(lambda_, "snaps-not", package({"index.py": CODE}), runtime="python3.12", **wanted)
    assert "512 MB" in refused(lambda: lambda_.update_function_configuration(FunctionName=name, EphemeralStorage={"Size": 600}))
    version = lambda_.publish_version(FunctionName=name)["Version"]
    put = lambda: lambda_.put_provisioned_concurrency_config(FunctionName=name, Qualifier=version, ProvisionedConcurrentExecutions=1)
    assert "SnapStart" in refused(put)


TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: declared
      Runtime: python3.12
      Handler: index.handler
      CodeUri: src
      AutoPublishAlias: live
      SnapStart: {ApplyOn: PublishedVersions}
      LoggingConfig: {LogFormat: JSON, ApplicationLogLevel: WARN, LogGroup: /own/group}
"""


def test_a_template_declares_it_and_the_logs(fulmar, lambda_, tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src/index.py").write_text(CODE.replace("    return", "    import logging\n    logging.info('unheard')\n    logging.warning('heard')\n    return"))
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    fulmar.cli("deploy", str(tmp_path / "template.yaml"), "--stack", "snaps")
    assert call(lambda_, "declared", Qualifier="live")[1]["type"] == "snap-start"
    found = lambda_.get_function_configuration(FunctionName="declared")
    assert found["LoggingConfig"] == {"LogFormat": "JSON", "ApplicationLogLevel": "WARN", "SystemLogLevel": "INFO", "LogGroup": "/own/group"}
    answer, _ = call(lambda_, "declared", LogType="Tail")
    import base64

    lines = [json.loads(line) for line in base64.b64decode(answer["LogResult"]).decode().splitlines()]
    assert [line["message"] for line in lines if "message" in line] == ["heard"]
    assert {line["type"] for line in lines if "type" in line} == {"platform.start", "platform.report"}
