"""The image pipeline: the guide's own handler, unchanged, driven by three official ways to upload."""

import io
import json
import os
import pathlib
import random
import shutil
import subprocess
import urllib.request

import pytest
from PIL import Image

from conftest import ROOT, eventually, server

WIDTHS = {"large": 1280, "medium": 640, "small": 320}


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """The example as a user has it, in a folder of its own so that tests may edit it."""
    folder = tmp_path_factory.mktemp("app") / "thumbnails"
    shutil.copytree(ROOT / "examples/thumbnails", folder, ignore=shutil.ignore_patterns(".fulmar"))
    return folder


@pytest.fixture(scope="module")
def fulmar(app):
    with server() as running:
        running.cli("deploy", app)
        yield running


def photo(format, at_least=0):
    """The example's photograph, or noise that no codec can make small."""
    if not at_least:
        image = Image.open(ROOT / "examples/thumbnails/photo.jpg")
        image.thumbnail((160, 120))
    else:
        side = int((at_least / 3) ** 0.5) + 64 if format == "PNG" else int((at_least / 2.2) ** 0.5)
        image = Image.frombytes("RGB", (side, side), random.Random(7).randbytes(side * side * 3))
    out = io.BytesIO()
    image.save(out, format, **({"quality": 95} if format == "JPEG" else {}))
    return out.getvalue()


def expect_thumbnails(fulmar, key, timeout=60):
    s3, dynamodb = fulmar.client("s3"), fulmar.client("dynamodb")
    stem = key.rsplit(".", 1)[0]

    def row():
        return dynamodb.get_item(TableName="photos", Key={"id": {"S": key}}).get("Item")

    item = eventually(row, timeout)
    names = {suffix: f"{stem}_{suffix}.jpg" for suffix in WIDTHS}
    for suffix, width in WIDTHS.items():
        answer = s3.get_object(Bucket="thumbnails", Key=names[suffix])
        assert answer["ContentType"] == "image/jpeg"
        image = Image.open(io.BytesIO(answer["Body"].read()))
        assert (image.format, image.width) == ("JPEG", width)
    assert item["originalKey"] == {"S": key}
    assert item["processedAt"]["S"].endswith("Z")
    listed = [(t["M"]["suffix"]["S"], t["M"]["key"]["S"]) for t in item["thumbnails"]["L"]]
    assert listed == list(names.items())
    assert set(item) == {"id", "originalKey", "thumbnails", "processedAt"}


def test_the_handler_is_the_guides_own():
    sample = ROOT.parent / "shared/samples/image-pipeline/index.js"
    if not sample.exists():
        pytest.skip("the guide's samples are not beside this checkout")
    assert (ROOT / "examples/thumbnails/src/index.js").read_bytes() == sample.read_bytes()


def test_an_upload_by_the_command_line(fulmar, app):
    fulmar.aws("s3", "cp", app / "photo.jpg", "s3://uploads/cli/photo.jpg")
    expect_thumbnails(fulmar, "cli/photo.jpg")


def test_an_upload_by_boto3(fulmar):
    fulmar.client("s3").put_object(Bucket="uploads", Key="boto.png", Body=photo("PNG"))
    expect_thumbnails(fulmar, "boto.png")


def test_an_upload_by_curl_with_a_presigned_url(fulmar, app):
    url = fulmar.client("s3").generate_presigned_url("put_object", {"Bucket": "uploads", "Key": "curl.jpg"})
    done = subprocess.run(["curl", "-sS", "--fail-with-body", "-T", str(app / "photo.jpg"), url], capture_output=True)
    assert done.returncode == 0, done
    expect_thumbnails(fulmar, "curl.jpg")


@pytest.mark.parametrize("key", ["with space.jpg", "a+b.jpg", "ünï/cödé 写真.jpg", "deep/er/and deeper/p.jpg", "100%.jpg"])
def test_keys_of_all_kinds(fulmar, app, key):
    fulmar.client("s3").upload_file(str(app / "photo.jpg"), "uploads", key)
    expect_thumbnails(fulmar, key)


@pytest.mark.parametrize("format", ["PNG", "JPEG"])
@pytest.mark.parametrize("size", [10_000, 20_000_000])
def test_small_and_large_inputs(fulmar, format, size):
    body = photo(format, size if size > 10_000 else 0)
    assert len(body) > size * 0.3, len(body)
    key = f"size-{size}.{format.lower()}"
    fulmar.client("s3").upload_fileobj(io.BytesIO(body), "uploads", key)
    expect_thumbnails(fulmar, key, timeout=180)


def test_a_file_that_is_no_image_fails_visibly_and_is_retried(fulmar):
    fulmar.client("s3").put_object(Bucket="uploads", Key="notes.txt", Body=b"no image")

    def failed():
        shown = json.loads(fulmar.cli("invocations", "--json").stdout)
        return [record for record in shown["invocations"] if record["outcome"] == "error"]

    (record, *_) = eventually(failed)
    assert "unsupported image format" in record["error"]["message"]
    logs = fulmar.cli("logs").stdout
    assert "Error processing image" in logs
    assert record["request_id"] in logs
    # The waits are one and two minutes of the server's clock: the engine's own tests run through them.
    assert record["attempt"] == 1 and record["next_attempt"]


def test_whoever_wants_to_know_is_told(fulmar, app):
    fulmar.cli("deploy", app, "--parameter", "NotifyEmail=ann@example.com")
    outbox = lambda: json.loads(fulmar.cli("outbox", "--json").stdout)["sent"]
    [asked] = eventually(lambda: [one for one in outbox() if one["to"] == "ann@example.com"])
    [link] = [word for word in asked["body"].split() if word.startswith("http") and "Action=ConfirmSubscription" in word]
    urllib.request.urlopen(link).read()
    fulmar.client("s3").upload_file(str(app / "photo.jpg"), "uploads", "told.jpg")
    expect_thumbnails(fulmar, "told.jpg")
    [told] = eventually(lambda: [one for one in outbox() if one["to"] == "ann@example.com" and one != asked])
    # What stands below it says how to hear no more.
    assert json.loads(told["body"].splitlines()[0])["requestPayload"]["Records"][0]["s3"]["object"]["key"] == "told.jpg"
    # And no more, when it is not wanted any more.
    fulmar.cli("deploy", app)
    fulmar.client("s3").upload_file(str(app / "photo.jpg"), "uploads", "untold.jpg")
    expect_thumbnails(fulmar, "untold.jpg")
    assert not fulmar.client("sns").list_topics()["Topics"]
