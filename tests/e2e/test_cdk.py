"""Applications of the CDK: an assembly as the real one wrote it, and a program that writes one each time it runs.

`cdk/cdk.out` is what aws-cdk-lib made of `cdk/app.js`, without what is only for its own tools.
"""

import json
import pathlib
import subprocess
import sys
import urllib.request

from conftest import BINARY, eventually, server
from test_node_sdk import Up

ASSEMBLY = pathlib.Path(__file__).parent / "cdk/cdk.out"
CODE = "7aeebb98477130accca15820ad038521ec38b20985afe408a60c0e6160900118"


def get(fulmar, url):
    """By the name that is told, which is in no name server."""
    host = url.split("/")[2]
    request = urllib.request.Request(url.replace(f"http://{host}", fulmar.endpoint), headers={"host": host})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def deployed(done):
    """By the stacks' names, in the order of their deployment."""
    events = [json.loads(line) for line in done.stdout.splitlines()]
    return {event["stack"]: event for event in events if event.get("event") == "deployed"}


def test_an_assembly_is_deployed_stack_by_stack(tmp_path):
    with server() as fulmar:
        stacks = deployed(fulmar.cli("deploy", ASSEMBLY, "--json"))
        # What the other one takes from it comes first.
        assert list(stacks) == ["Data", "shop"]
        outputs = {output["name"]: output["value"] for output in stacks["shop"]["outputs"]}
        api = next(value for name, value in outputs.items() if name.startswith("ApiEndpoint"))
        gateway = api.split("/")[2].split(".")[0]
        url = f"http://{gateway}.execute-api.localhost:{fulmar.endpoint.rsplit(':')[-1]}/prod/orders"
        (table,) = fulmar.client("dynamodb").list_tables()["TableNames"]
        assert get(fulmar, url) == {
            "words": "from the layer",
            "path": "/orders",
            "table": table,
            "queue": outputs["Queue"],
        }
        fulmar.client("sqs").send_message(QueueUrl=outputs["Queue"], MessageBody="a message")
        eventually(lambda: "worked on a message" in fulmar.cli("logs", "Worker11F36D0F").stdout)

        again = deployed(fulmar.cli("deploy", ASSEMBLY / "Shop.template.json", "--json"))
        assert {stack: one["changes"] for stack, one in again.items()} == {"shop": []}
        anew = deployed(fulmar.cli("deploy", application(tmp_path / "app"), "--json"))
        assert anew["Data"]["changes"] == []
        assert "Handler886CB40B" in [change["logical_id"] for change in anew["shop"]["changes"]]
        kept = fulmar.cli("destroy", "Data", check=False)
        assert "the stack shop uses the export `Data:" in kept.stderr
        for stack in ["shop", "Data"]:
            fulmar.cli("destroy", stack)


# It writes what the CDK would: the template names the code by what is in it.
PROGRAM = f"""\
import hashlib, os, pathlib, shutil

code = pathlib.Path("handler/index.js").read_bytes()
out = pathlib.Path(os.environ["CDK_OUTDIR"])
shutil.copytree({str(ASSEMBLY)!r}, out, dirs_exist_ok=True)
digest = hashlib.sha256(code).hexdigest()
(out / f"asset.{{digest}}").mkdir(exist_ok=True)
(out / f"asset.{{digest}}/index.js").write_bytes(code)
for file in out.glob("Shop.*.json"):
    file.write_text(file.read_text().replace({CODE!r}, digest))
print("for", os.environ["CDK_DEFAULT_ACCOUNT"], os.environ["CDK_DEFAULT_REGION"])
"""
HANDLER = "exports.handler = async () => 'one';\n"


def application(folder, program=PROGRAM):
    (folder / "handler").mkdir(parents=True)
    (folder / "cdk.json").write_text(json.dumps({"app": f"{sys.executable} app.py"}))
    (folder / "app.py").write_text(program)
    (folder / "handler/index.js").write_text(HANDLER)
    return folder


def test_up_runs_the_program_and_runs_it_again_when_it_changes(tmp_path):
    app = application(tmp_path / "app")
    with Up(app, "http://127.0.0.1:9/") as up:
        up.said("for 000000000000 us-east-1")
        assert up.invoke("Handler886CB40B") == "one"
        # What the program has written is no source of it, nor is it to be edited.
        assert not any("Edit the code" in line for line in up.lines), up.lines
        assert not any("nothing to change" in line for line in up.lines), up.lines
        (app / "handler/index.js").write_text(HANDLER.replace("one", "two"))
        eventually(lambda: up.invoke("Handler886CB40B") == "two")
        # What fails is said, and mended by the next change.
        (app / "app.py").write_text("raise SystemExit('no such construct')")
        up.said("no such construct", times=2)
        (app / "app.py").write_text(PROGRAM)
        (app / "handler/index.js").write_text(HANDLER.replace("one", "three"))
        eventually(lambda: up.invoke("Handler886CB40B") == "three")


def test_a_program_that_cannot_run_says_what_to_install(tmp_path):
    app = application(tmp_path / "app")
    (app / "cdk.json").write_text('{"app": "no-such-tool bin/app.ts"}')
    done = subprocess.run([BINARY, "up", str(app)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 7
    assert "`no-such-tool bin/app.ts` failed" in done.stderr
    assert "npm install" in done.stderr
    assert not (app / ".fulmar").exists()
