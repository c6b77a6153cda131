"""Fulmar's own command line, as a person or a script uses it."""

import json
import os
import pathlib
import subprocess
import threading
import urllib.error
import urllib.request

import pytest

from conftest import BINARY, eventually, server

TEMPLATE = """\
Transform: AWS::Serverless-2016-10-31
Parameters:
  Greeting: { Type: String, Default: hello }
Resources:
  Inbox:
    Type: AWS::S3::Bucket
    Properties: { BucketName: inbox }
  Greet:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src
      Handler: index.handler
      Runtime: nodejs20.x
      Environment: { Variables: { GREETING: !Ref Greeting } }
      Events:
        Upload:
          Type: S3
          Properties: { Bucket: !Ref Inbox, Events: "s3:ObjectCreated:*" }
Outputs:
  Bucket: { Value: !Ref Inbox }
"""

HANDLER = """
exports.handler = async (event) => {
  console.log("greeting", event.who);
  if (event.fail) throw new TypeError("on purpose");
  return `${process.env.GREETING} ${event.who}`;
};
"""


def application(folder, template=TEMPLATE, handler=HANDLER):
    (folder / "src").mkdir(parents=True)
    (folder / "template.yaml").write_text(template)
    (folder / "src/index.js").write_text(handler)
    (folder / "sample.txt").write_text("to try it with")
    return folder


@pytest.fixture
def app(tmp_path):
    return application(tmp_path / "greeter")


class Up:
    """`fulmar up --json`, and what it has said."""

    def __init__(self, app, *options):
        self.app = app
        self.events = []
        self.process = subprocess.Popen(
            [BINARY, "up", str(app), "--json", "--listen", "127.0.0.1:0", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.events.append(json.loads(line))

    def wait_for(self, event, count=1):
        found = eventually(
            lambda: (self.of(event) if len(self.of(event)) >= count else None)
            or self.process.poll() is not None
        )
        assert found is not True, (self.events, self.process.stderr.read())
        return found[count - 1]

    def of(self, event):
        return [found for found in self.events if found["event"] == event]

    def cli(self, *arguments, check=True):
        done = subprocess.run(
            [BINARY, *arguments, "--data-dir", str(self.app / ".fulmar")], capture_output=True, text=True, timeout=60
        )
        if check:
            assert done.returncode == 0, done.stdout + done.stderr
        return done

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=20)


def test_up_deploys_and_reloads_code_and_template_without_a_restart(app):
    with Up(app) as up:
        deployed = up.wait_for("deployed")
        assert {change["action"] for change in deployed["changes"]} == {"create"}
        assert deployed["outputs"][0]["value"] == "inbox"
        answer = up.cli("invoke", "Greet", "--payload", '{"who": "Ann"}').stdout
        assert json.loads(answer) == "hello Ann"

        (app / "src/index.js").write_text(HANDLER.replace("greeting", "a new greeting").replace("} ${event", "}, ${event"))
        up.wait_for("reloaded")
        answer = up.cli("invoke", "Greet", "--payload", '{"who": "Ben"}').stdout
        assert json.loads(answer) == "hello, Ben"

        (app / "template.yaml").write_text(TEMPLATE.replace("Default: hello", "Default: goodbye"))
        changed = up.wait_for("deployed", 2)
        assert [(change["action"], change["logical_id"]) for change in changed["changes"]] == [("update", "Greet")]
        assert json.loads(up.cli("invoke", "Greet", "--payload", '{"who": "Cy"}').stdout) == "goodbye, Cy"

        # One that is wrong changes nothing, and the server goes on.
        (app / "template.yaml").write_text(TEMPLATE.replace("Handler:", "Handel:"))
        refused = up.wait_for("error")
        assert refused["error"]["kind"] == "invalid"
        assert json.loads(up.cli("invoke", "Greet", "--payload", '{"who": "Di"}').stdout) == "goodbye, Di"
        eventually(lambda: any("a new greeting" in log["text"] for log in up.of("log")))
    assert up.process.returncode == 0


def test_up_prints_a_line_that_works_when_it_is_pasted(app):
    process = subprocess.Popen(
        [BINARY, "up", str(app), "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "following" in line:
                break
        (pasted,) = [line.strip() for line in lines if line.strip().startswith("curl -T")]
        done = subprocess.run(["bash", "-c", pasted.replace("curl ", "curl -sS --fail-with-body ", 1)], capture_output=True, text=True)
        assert done.returncode == 0, done
        for line in process.stdout:
            if "greeting undefined" in line:
                break
    finally:
        process.terminate()
        process.wait(timeout=20)


def test_deploying_again_changes_only_what_changed(app, tmp_path):
    with server() as fulmar:
        first = json.loads(fulmar.cli("deploy", app, "--json").stdout)
        assert len(first["changes"]) == 3
        assert json.loads(fulmar.cli("deploy", app, "--json").stdout)["changes"] == []
        again = json.loads(fulmar.cli("deploy", app, "--json", "--parameter", "Greeting=hi").stdout)
        assert [change["action"] for change in again["changes"]] == ["update"]
        assert json.loads(fulmar.cli("invoke", "Greet", "--payload", '{"who": "E"}').stdout) == "hi E"
        gone = fulmar.cli("destroy", "greeter").stdout
        assert "inbox" in gone
        assert fulmar.client("s3").list_buckets()["Buckets"] == []


def test_what_is_not_supported_is_refused_before_anything_is_made(app):
    wrong = TEMPLATE.replace(
        "Outputs:",
        """\
  Queue: { Type: AWS::IoT::Thing }
  Other:
    Type: AWS::S3::Bucket
    Properties: { BucketNam: other }
Outputs:""",
    ).replace("Runtime: nodejs20.x", "Runtime: nodejs20.x\n      Timeout: soon")
    (app / "template.yaml").write_text(wrong)
    with server() as fulmar:
        done = fulmar.cli("deploy", app, check=False)
        assert done.returncode == 3
        lines = wrong.splitlines()
        for needle in ["Timeout: soon", "AWS::IoT::Thing", "BucketNam:"]:
            (at,) = [number for number, line in enumerate(lines, 1) if needle in line]
            assert f"template.yaml:{at}:" in done.stderr, (needle, done.stderr)
        found = json.loads(fulmar.cli("deploy", app, "--json", check=False).stdout)
        assert len(found["error"]["diagnostics"]) == 3
        assert all(item["place"]["column"] >= 1 for item in found["error"]["diagnostics"])
        assert fulmar.client("s3").list_buckets()["Buckets"] == []
        assert fulmar.client("lambda").list_functions()["Functions"] == []


def test_up_says_what_is_wrong_and_starts_nothing(tmp_path):
    done = subprocess.run([BINARY, "up", str(tmp_path)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 3
    assert "there is no template in" in done.stderr and "template.yaml" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_exit_codes_and_what_is_said(app):
    with server() as fulmar:
        fulmar.cli("deploy", app)
        failed = fulmar.cli("invoke", "Greet", "--payload", '{"fail": true}', check=False)
        assert failed.returncode == 5
        assert json.loads(failed.stdout)["errorMessage"] == "on purpose"
        missing = fulmar.cli("invoke", "Nobody", check=False)
        assert missing.returncode == 4
        assert "there is no function Nobody" in missing.stderr and "greeter-Greet-" in missing.stderr
        assert fulmar.cli("invoke", "Greet", "--payload", "{", check=False).returncode == 3
        assert fulmar.cli("frobnicate", check=False).returncode == 2
        assert fulmar.cli("logs", "Nobody", check=False).returncode == 4
        # The port, and the data, are somebody's already.
        port = fulmar.endpoint.rsplit(":", 1)[1]
        again = subprocess.run(
            [BINARY, "serve", "--listen", f"127.0.0.1:{port}", "--data-dir", str(app / "other")], capture_output=True, text=True
        )
        assert again.returncode == 6 and "already listens" in again.stderr
        again = fulmar.cli("serve", "--listen", "127.0.0.1:0", check=False)
        assert again.returncode == 6 and "another server works with the data" in again.stderr
    nobody = fulmar.cli("logs", check=False)
    assert nobody.returncode == 4 and "no server runs on the data" in nobody.stderr


def test_logs_and_invocations(app):
    with server() as fulmar:
        fulmar.cli("deploy", app)
        following = subprocess.Popen(
            [BINARY, "logs", "Greet", "--follow", "--data-dir", str(fulmar.data_dir)], stdout=subprocess.PIPE, text=True
        )
        try:
            fulmar.cli("invoke", "Greet", "--payload", '{"who": "F"}')
            for line in following.stdout:
                if "greeting F" in line:
                    break
            fulmar.cli("invoke", "Greet", "--asynchronous", "--payload", '{"who": "G"}')
            for line in following.stdout:
                if "greeting G" in line:
                    break
        finally:
            following.terminate()
            following.wait(timeout=10)
        assert fulmar.cli("logs", "--last", "1").stdout.count("\n") == 1

        def both():
            found = json.loads(fulmar.cli("invocations", "--json", "Greet").stdout)["invocations"]
            return len(found) == 2 and found

        # A line is told before its call has ended.
        ran = eventually(both)
        assert [found["outcome"] for found in ran] == ["ok", "ok"]
        assert ran[1]["init_ms"] > 0 and ran[0]["init_ms"] is None
        assert "ok" in fulmar.cli("invocations").stdout


def test_the_admin_api_wants_its_token_and_health_does_not(app):
    with server() as fulmar:
        health = json.load(urllib.request.urlopen(f"{fulmar.endpoint}/_fulmar/health"))
        assert health["status"] == "ok"
        for headers in [{}, {"Authorization": "Bearer wrong"}]:
            request = urllib.request.Request(f"{fulmar.endpoint}/_fulmar/logs", headers=headers)
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(request)
            assert refused.value.code == 403
        written = pathlib.Path(fulmar.data_dir) / "server.json"
        assert written.stat().st_mode & 0o777 == 0o600


def test_doctor():
    done = subprocess.run([BINARY, "doctor", "--json"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    found = {finding["what"]: finding for finding in json.loads(done.stdout)["findings"]}
    assert found["Node.js"]["ok"] and found["npm"]["ok"]
    assert set(found) >= {"limits", "user"}
    assert found["sandbox"]["ok"], found["sandbox"]["found"]
    assert found["Python forks"]["ok"] and found["Node forks"]["ok"], found


def test_an_ephemeral_server_keeps_nothing(tmp_path):
    with server("--ephemeral") as fulmar:
        fulmar.client("s3").create_bucket(Bucket="gone")
        fulmar.stop()
        fulmar.restart()
        assert fulmar.client("s3").list_buckets()["Buckets"] == []
        assert not (pathlib.Path(fulmar.data_dir) / "store").exists()
