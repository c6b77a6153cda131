"""`kill -9` at any moment: nothing acknowledged is lost, nothing half is left, and events still arrive."""

import hashlib
import json
import pathlib
import random
import threading
import zipfile
import io

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from conftest import Gate, eventually, server

ROUNDS = 12
WRITERS = 4


@pytest.fixture
def fulmar():
    with server() as running:
        yield running


class Writer(threading.Thread):
    """Writes until the server dies, and remembers what was acknowledged and what was begun."""

    def __init__(self, fulmar, name):
        super().__init__(daemon=True)
        self.s3 = fulmar.client("s3", connect_timeout=5)
        self.dynamodb = fulmar.client("dynamodb", connect_timeout=5)
        self.random = random.Random(name)
        self.label = name
        self.objects, self.items = {}, {}
        self.begun = {}

    def run(self):
        for n in range(10_000):
            key = f"{self.label}-{n}"
            size = self.random.choice([0, 10, 4_000, 70_000, 300_000, 2_000_000])
            body = self.random.randbytes(size)
            self.begun[key] = hashlib.md5(body).hexdigest()
            try:
                self.s3.put_object(Bucket="crash", Key=key, Body=body)
                self.objects[key] = self.begun[key]
                self.dynamodb.put_item(TableName="crash", Item={"id": {"S": key}, "n": {"N": str(n)}})
                self.items[key] = n
            except (BotoCoreError, ClientError):
                return


def kill_while_busy(fulmar, workers, moment):
    """Lets them work for a moment, ends the server under them, and starts it again."""
    for worker in workers:
        worker.start()
    threading.Event().wait(moment.uniform(0.05, 1.2))
    fulmar.kill()
    for worker in workers:
        worker.join(timeout=30)
    fulmar.restart()


def test_no_acknowledged_write_is_lost_and_no_half_object_left(fulmar):
    s3, dynamodb = fulmar.client("s3"), fulmar.client("dynamodb")
    s3.create_bucket(Bucket="crash")
    dynamodb.create_table(
        TableName="crash",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    objects, items, begun = {}, {}, {}
    moment = random.Random(1)
    for round in range(ROUNDS):
        writers = [Writer(fulmar, f"r{round}w{n}") for n in range(WRITERS)]
        kill_while_busy(fulmar, writers, moment)
        for writer in writers:
            objects |= writer.objects
            items |= writer.items
            begun |= writer.begun
    assert len(objects) > ROUNDS, "the test wrote too little to mean anything"

    stored = {}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket="crash"):
        for entry in page.get("Contents", []):
            stored[entry["Key"]] = entry["Size"]
    missing = set(objects) - set(stored)
    assert not missing, f"{len(missing)} acknowledged objects are gone"
    for key in stored:
        body = s3.get_object(Bucket="crash", Key=key)["Body"].read()
        assert hashlib.md5(body).hexdigest() == begun[key], f"{key} is not what was sent"
    rows = {}
    for page in dynamodb.get_paginator("scan").paginate(TableName="crash", ConsistentRead=True):
        for item in page["Items"]:
            rows[item["id"]["S"]] = int(item["n"]["N"])
    assert items.items() <= rows.items(), "acknowledged items are gone"
    # Bodies that were being written when the server died are swept after its start.
    bodies = lambda: len(list(fulmar.data_dir.glob("store/blobs/*/*")))
    eventually(lambda: bodies() <= len(stored))


class Keeper(threading.Thread):
    """Stores versions of few keys, deletes some and removes others, and remembers what was acknowledged."""

    def __init__(self, fulmar, name):
        super().__init__(daemon=True)
        self.s3 = fulmar.client("s3", connect_timeout=5)
        self.random = random.Random(name)
        self.key = f"key-{self.random.randrange(3)}"
        self.kept, self.removed = {}, set()

    def run(self):
        for _ in range(10_000):
            body = self.random.randbytes(self.random.choice([10, 70_000, 300_000]))
            try:
                version = self.s3.put_object(Bucket="kept", Key=self.key, Body=body)["VersionId"]
                self.kept[version] = (self.key, hashlib.md5(body).hexdigest())
                if self.random.random() < 0.3:
                    self.s3.delete_object(Bucket="kept", Key=self.key)
                if self.random.random() < 0.5:
                    version = self.random.choice(list(self.kept))
                    del self.kept[version]
                    self.s3.delete_object(Bucket="kept", Key=self.key, VersionId=version)
                    self.removed.add(version)
            except (BotoCoreError, ClientError):
                return


def test_no_acknowledged_version_is_lost_and_none_that_is_gone_comes_back(fulmar):
    s3 = fulmar.client("s3")
    s3.create_bucket(Bucket="kept")
    s3.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
    kept, removed, moment = {}, set(), random.Random(2)
    for round in range(ROUNDS // 2):
        keepers = [Keeper(fulmar, f"r{round}w{n}") for n in range(WRITERS)]
        kill_while_busy(fulmar, keepers, moment)
        for keeper in keepers:
            kept |= keeper.kept
            removed |= keeper.removed
    assert len(kept) > ROUNDS and removed, "the test wrote too little to mean anything"

    stored, newest = {}, {}
    for page in s3.get_paginator("list_object_versions").paginate(Bucket="kept", PaginationConfig={"PageSize": 7}):
        for entry in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
            if entry["IsLatest"]:
                assert newest.setdefault(entry["Key"], entry["VersionId"]) == entry["VersionId"], "two are the newest"
        stored |= {entry["VersionId"]: entry["Size"] for entry in page.get("Versions", [])}
    assert not set(kept) - set(stored), "acknowledged versions are gone"
    assert not removed & set(stored), "versions came back"
    for version, (key, digest) in kept.items():
        body = s3.get_object(Bucket="kept", Key=key, VersionId=version)["Body"].read()
        assert hashlib.md5(body).hexdigest() == digest, f"{version} is not what was sent"
    large = sum(size > 32 << 10 for size in stored.values())
    eventually(lambda: len(list(fulmar.data_dir.glob("store/blobs/*/*"))) == large)


def test_an_upload_just_before_the_crash_is_delivered_after_it(fulmar, tmp_path):
    s3, lambda_, dynamodb = fulmar.client("s3"), fulmar.client("lambda"), fulmar.client("dynamodb")
    s3.create_bucket(Bucket="incoming")
    s3.create_bucket(Bucket="outgoing")
    # Logs are written behind the calls, so a kill may lose what a function printed of a call that it has answered.
    told = Gate(holds=False)
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as package:
        package.writestr(
            "index.js", "exports.handler = async (event) => { await fetch(`${process.env.TOLD}/${event.Records[0].s3.object.key}`) }"
        )
    made = lambda_.create_function(
        FunctionName="seen",
        Runtime="nodejs20.x",
        Handler="index.handler",
        Timeout=60,
        Environment={"Variables": {"TOLD": told.url}},
        Role="arn:aws:iam::000000000000:role/any",
        Code={"ZipFile": code.getvalue()},
    )
    lambda_.add_permission(
        FunctionName="seen", StatementId="s3", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com"
    )
    s3.put_bucket_notification_configuration(
        Bucket="incoming",
        NotificationConfiguration={
            "LambdaFunctionConfigurations": [{"LambdaFunctionArn": made["FunctionArn"], "Events": ["s3:ObjectCreated:*"]}]
        },
    )
    acknowledged = []
    for round in range(6):
        for n in range(5):
            key = f"{round}-{n}"
            s3.put_object(Bucket="incoming", Key=key, Body=b"x")
            acknowledged.append(key)
        fulmar.kill()
        fulmar.restart()
        s3 = fulmar.client("s3")

    for key in acknowledged:
        told.wait_for(key, 1)
    told.close()
