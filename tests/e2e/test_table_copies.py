"""Tables exported to buckets and imported from them, as boto3 sees it, also when the server is killed meanwhile."""

import base64
import gzip
import hashlib
import json

from conftest import eventually, server
from test_dynamodb import name, schema


def recoverable(dynamodb, table):
    dynamodb.update_continuous_backups(
        TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )


def ended(describe, kind, **arn):
    def look():
        description = describe(**arn)[kind]
        status = description["ExportStatus" if "Export" in kind else "ImportStatus"]
        return description if status != "IN_PROGRESS" else None

    return eventually(look)


def test_a_table_goes_to_a_bucket_and_comes_back(dynamodb, s3):
    table, bucket, copy = name(), name(), name()
    s3.create_bucket(Bucket=bucket)
    dynamodb.create_table(TableName=table, **schema(id="S", at="N"))
    filler = "x" * 1000
    for at in range(0, 200, 25):
        items = [{"id": {"S": f"p{n % 7}"}, "at": {"N": str(n)}, "x": {"S": filler}} for n in range(at, at + 25)]
        dynamodb.batch_write_item(RequestItems={table: [{"PutRequest": {"Item": item}} for item in items]})
    arn = dynamodb.describe_table(TableName=table)["Table"]["TableArn"]
    recoverable(dynamodb, table)
    begun = dynamodb.export_table_to_point_in_time(TableArn=arn, S3Bucket=bucket, S3Prefix="copies")
    export = ended(dynamodb.describe_export, "ExportDescription", ExportArn=begun["ExportDescription"]["ExportArn"])
    assert (export["ExportStatus"], export["ItemCount"]) == ("COMPLETED", 200)

    def body(key):
        return s3.get_object(Bucket=bucket, Key=key)["Body"].read()

    summary = json.loads(body(export["ExportManifest"]))
    checksum = body(export["ExportManifest"].replace(".json", ".md5")).decode()
    assert checksum == base64.b64encode(hashlib.md5(body(export["ExportManifest"])).digest()).decode()
    files = [json.loads(line) for line in body(summary["manifestFilesS3Key"]).splitlines()]
    lines = []
    for file in files:
        data = body(file["dataFileS3Key"])
        assert base64.b64encode(hashlib.md5(data).digest()).decode() == file["md5Checksum"]
        lines += gzip.decompress(data).decode().splitlines()
    assert len({json.loads(line)["Item"]["at"]["N"] for line in lines}) == 200

    prefix = files[0]["dataFileS3Key"].rsplit("/", 1)[0] + "/"
    begun = dynamodb.import_table(
        S3BucketSource={"S3Bucket": bucket, "S3KeyPrefix": prefix},
        InputFormat="DYNAMODB_JSON",
        InputCompressionType="GZIP",
        TableCreationParameters={"TableName": copy, **schema(id="S", at="N")},
    )
    arn = begun["ImportTableDescription"]["ImportArn"]
    done = ended(dynamodb.describe_import, "ImportTableDescription", ImportArn=arn)
    assert (done["ImportStatus"], done["ImportedItemCount"], done["ErrorCount"]) == ("COMPLETED", 200, 0)
    assert dynamodb.describe_table(TableName=copy)["Table"]["TableStatus"] == "ACTIVE"
    assert dynamodb.scan(TableName=copy)["Items"] == dynamodb.scan(TableName=table)["Items"]
    assert [each["ImportArn"] for each in dynamodb.list_imports()["ImportSummaryList"]][:1] == [arn]


def test_a_table_is_made_of_a_backup_although_the_server_is_killed_meanwhile():
    with server() as fulmar:
        dynamodb = fulmar.client("dynamodb")
        dynamodb.create_table(TableName="notes", **schema(id="S", at="N"))
        filler = "x" * 1000
        for at in range(0, 500, 25):
            items = [{"id": {"S": f"p{n % 7}"}, "at": {"N": str(n)}, "x": {"S": filler}} for n in range(at, at + 25)]
            dynamodb.batch_write_item(RequestItems={"notes": [{"PutRequest": {"Item": item}} for item in items]})
        before = dynamodb.scan(TableName="notes")["Items"]
        backup = dynamodb.create_backup(TableName="notes", BackupName="before")["BackupDetails"]["BackupArn"]
        fulmar.kill()
        fulmar.restart()

        def available():
            details = dynamodb.describe_backup(BackupArn=backup)["BackupDescription"]["BackupDetails"]
            return details["BackupStatus"] == "AVAILABLE"

        eventually(available)
        dynamodb.delete_table(TableName="notes")
        dynamodb.restore_table_from_backup(TargetTableName="again", BackupArn=backup)
        fulmar.kill()
        fulmar.restart()
        dynamodb.get_waiter("table_exists").wait(TableName="again", WaiterConfig={"Delay": 1})
        assert dynamodb.scan(TableName="again")["Items"] == before
        assert "RestoreSummary" not in dynamodb.describe_table(TableName="again")["Table"]
        dynamodb.delete_backup(BackupArn=backup)
        assert dynamodb.list_backups()["BackupSummaries"] == []
