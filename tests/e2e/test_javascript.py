"""The JavaScript SDKs: their own test scripts, run by Node against a real server."""

import pathlib
import subprocess
import zipfile

import pytest

from conftest import ROOT

SCRIPTS = ROOT / "tests/e2e/node"

HANDLER = """
exports.handler = async (event) => {
  console.log(`asked by ${event.who}`);
  return { hello: event.who };
};
"""


@pytest.mark.parametrize("script", ["v2.cjs", "v3.mjs", "documents.mjs", "events.cjs", "events.mjs"])
def test_the_sdk(fulmar, script, tmp_path):
    package = tmp_path / "package.zip"
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("index.js", HANDLER)
    environment = {**fulmar.environment, "AWS_REGION": "us-east-1", "PACKAGE": str(package)}
    done = subprocess.run(
        ["node", "--test", str(SCRIPTS / script)], env=environment, capture_output=True, text=True, timeout=180
    )
    assert done.returncode == 0, done.stdout + done.stderr
