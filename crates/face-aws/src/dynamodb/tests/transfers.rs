use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use futures_util::TryStreamExt;
use objects::{ChangeKind, Condition, List, Metadata, NewBucket, Origin, Put, Versioning};
use serde_json::{Value, json};

use super::*;

mod backups;
mod moments;
mod names;

const ARN: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/log";

impl World {
    async fn with_bucket() -> Self {
        let world = Self::with_tables().await;
        let bucket = NewBucket {
            name: "copies".into(),
            space: world.context.space.clone(),
            tags: BTreeMap::new(),
            versioning: Versioning::Never,
        };
        world.objects.create_bucket(bucket).await.unwrap();
        world
    }

    async fn store(&self, key: &str, body: &[u8]) {
        let mut receiver = self.objects.receive(&[]);
        receiver.write(body.to_vec().into()).await.unwrap();
        let put = Put {
            bucket: "copies".into(),
            key: key.into(),
            metadata: Metadata::default(),
            tags: BTreeMap::new(),
            condition: Condition::default(),
            checksum: None,
            kind: ChangeKind::Put,
            origin: Origin::default(),
        };
        self.objects.put(put, receiver.end()).await.unwrap();
    }

    async fn body(&self, key: &str) -> Vec<u8> {
        let found = self.objects.get("copies", key, None).await.unwrap();
        let size = found.object.size;
        let pieces: Vec<bytes::Bytes> = found.body.stream(0..size).try_collect().await.unwrap();
        pieces.concat()
    }

    fn keys(&self) -> Vec<String> {
        let list = List {
            limit: 100,
            ..List::default()
        };
        let listed = self.objects.list("copies", &list).unwrap();
        listed.entries.into_iter().map(|entry| entry.key).collect()
    }

    async fn recoverable(&self, enabled: bool) -> Value {
        let wanted = json!({
            "TableName": "log",
            "PointInTimeRecoverySpecification": { "PointInTimeRecoveryEnabled": enabled },
        });
        let told = self.ok("UpdateContinuousBackups", wanted).await;
        told["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"].clone()
    }

    async fn export(&self, more: Value) -> Value {
        let input = with(json!({ "TableArn": ARN, "S3Bucket": "copies" }), more);
        self.ok("ExportTableToPointInTime", input).await["ExportDescription"].clone()
    }

    async fn exported(&self, begun: &Value) -> Value {
        let input = json!({ "ExportArn": begun["ExportArn"] });
        self.ok("DescribeExport", input).await["ExportDescription"].clone()
    }

    async fn import(&self, more: Value) -> Value {
        let begun = self.ok("ImportTable", import(more)).await;
        begun["ImportTableDescription"].clone()
    }

    async fn imported(&self, begun: &Value) -> Value {
        let input = json!({ "ImportArn": begun["ImportArn"] });
        self.ok("DescribeImport", input).await["ImportTableDescription"].clone()
    }

    async fn make(&self) {
        self.dynamodb.transfers().make_all().await;
    }

    async fn status(&self, table: &str) -> Value {
        let described = self
            .ok("DescribeTable", json!({ "TableName": table }))
            .await;
        described["Table"]["TableStatus"].clone()
    }

    async fn items(&self, table: &str) -> Value {
        self.ok("Scan", json!({ "TableName": table })).await["Items"].clone()
    }
}

fn import(more: Value) -> Value {
    let table = super::table("filled", json!([["id", "S"], ["at", "N"]]));
    let input = json!({
        "S3BucketSource": { "S3Bucket": "copies" },
        "InputFormat": "DYNAMODB_JSON",
        "TableCreationParameters": table,
        "ClientToken": "token",
    });
    with(input, more)
}

fn gzip(text: &str) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    gzip.finish().unwrap()
}

fn gunzip(bytes: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(bytes).read_to_string(&mut text).unwrap();
    text
}

fn lines(text: &str) -> Vec<Value> {
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test]
async fn what_is_to_be_recoverable_is_told() {
    let world = World::with_tables().await;
    let told = world.recoverable(true).await;
    assert_eq!(told["PointInTimeRecoveryStatus"], "ENABLED");
    assert_eq!(told["RecoveryPeriodInDays"], 35);
    let described = world
        .ok("DescribeContinuousBackups", json!({ "TableName": "log" }))
        .await;
    let described = &described["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"];
    assert_eq!(*described, told);
    let told = world.recoverable(false).await;
    assert_eq!(told, json!({ "PointInTimeRecoveryStatus": "DISABLED" }));
    let refused = world
        .refused("DescribeContinuousBackups", json!({ "TableName": "none" }))
        .await;
    let expected = (
        "TableNotFoundException".to_owned(),
        "Table not found: none".to_owned(),
    );
    assert_eq!(refused, expected);
}

#[tokio::test]
async fn only_a_recoverable_table_is_exported() {
    let world = World::with_bucket().await;
    let input = json!({ "TableArn": ARN, "S3Bucket": "copies" });
    let refused = world
        .refused("ExportTableToPointInTime", input.clone())
        .await;
    let expected = (
        "PointInTimeRecoveryUnavailableException".to_owned(),
        "Point in time recovery is not enabled for table 'log'".to_owned(),
    );
    assert_eq!(refused, expected);
    world.recoverable(true).await;
    for (more, parameter) in [
        (json!({ "ExportFormat": "ION" }), "ExportFormat=ION"),
        (
            json!({ "ExportType": "INCREMENTAL_EXPORT" }),
            "ExportType=INCREMENTAL_EXPORT",
        ),
        (json!({ "S3SseAlgorithm": "KMS" }), "S3SseAlgorithm=KMS"),
        (json!({ "ExportTime": 5.0 }), "ExportTime"),
        (
            json!({ "IncrementalExportSpecification": {} }),
            "IncrementalExportSpecification",
        ),
    ] {
        let input = with(input.clone(), more);
        world
            .not_built("ExportTableToPointInTime", input, parameter)
            .await;
    }
    assert_eq!(world.keys(), Vec::<String>::new());
}

#[tokio::test]
async fn an_export_is_the_table_as_it_was_when_it_was_asked_for() {
    let world = World::with_bucket().await;
    world.fill_log().await;
    world.recoverable(true).await;
    let begun = world.export(json!({ "S3Prefix": "of/logs/" })).await;
    assert_eq!(begun["ExportStatus"], "IN_PROGRESS");
    assert!(begun.get("ExportManifest").is_none());
    // Too late to be in it.
    world.put("log", entry("c", 1)).await;
    world.make().await;

    let ended = world.exported(&begun).await;
    assert_eq!(ended["ExportStatus"], "COMPLETED", "{ended}");
    assert_eq!(ended["ItemCount"], 11);
    assert_eq!(ended["ExportTime"], begun["ExportTime"]);
    let manifest = ended["ExportManifest"].as_str().unwrap();
    let id = begun["ExportArn"]
        .as_str()
        .unwrap()
        .rsplit('/')
        .next()
        .unwrap();
    let folder = format!("of/logs/AWSDynamoDB/{id}");
    assert_eq!(manifest, format!("{folder}/manifest-summary.json"));
    let summary = world.body(manifest).await;
    let checksum = world.body(&format!("{folder}/manifest-summary.md5")).await;
    assert_eq!(checksum.len(), 24);
    let summary: Value = serde_json::from_slice(&summary).unwrap();
    assert_eq!(summary["itemCount"], 11);
    assert_eq!(summary["tableArn"], ARN);
    assert_eq!(summary["exportTime"], "1970-01-01T00:16:40.500Z");
    let files = world
        .body(summary["manifestFilesS3Key"].as_str().unwrap())
        .await;
    let files = lines(std::str::from_utf8(&files).unwrap());
    assert_eq!(files.len(), 1);
    assert_eq!(files[0]["itemCount"], 11);
    let key = files[0]["dataFileS3Key"].as_str().unwrap();
    let object = world.objects.head("copies", key, None).unwrap();
    assert_eq!(files[0]["etag"], object.etag.to_string());
    assert_eq!(files[0]["md5Checksum"], STANDARD.encode(object.etag.md5));
    let mut items = lines(&gunzip(&world.body(key).await));
    items.sort_by_key(|line| line["Item"]["at"]["N"].as_str().unwrap().to_owned());
    assert!(items.contains(&json!({ "Item": entry("b", 0) })));
    assert_eq!(items.len(), 11);
    assert_eq!(world.keys().len(), 6, "{:?}", world.keys());

    let listed = world.ok("ListExports", json!({ "TableArn": ARN })).await;
    assert_eq!(
        listed,
        json!({ "ExportSummaries": [{
            "ExportArn": begun["ExportArn"],
            "ExportStatus": "COMPLETED",
            "ExportType": "FULL_EXPORT",
        }] })
    );
}

#[tokio::test]
async fn an_export_is_asked_for_once_by_its_token_and_may_fail() {
    let world = World::with_bucket().await;
    world.recoverable(true).await;
    let first = world.export(json!({ "ClientToken": "t" })).await;
    let again = world.export(json!({ "ClientToken": "t" })).await;
    assert_eq!(first["ExportArn"], again["ExportArn"]);
    let other = json!({
        "TableArn": ARN, "S3Bucket": "copies", "S3Prefix": "else", "ClientToken": "t",
    });
    let refused = world.refused("ExportTableToPointInTime", other).await;
    assert_eq!(refused.0, "ExportConflictException");
    let failing = world.export(json!({ "S3Bucket": "nowhere" })).await;
    let strange = world
        .export(json!({ "S3BucketOwner": "111111111111" }))
        .await;
    world.make().await;
    assert_eq!(world.exported(&first).await["ExportStatus"], "COMPLETED");
    let failed = world.exported(&failing).await;
    assert_eq!(failed["ExportStatus"], "FAILED");
    assert_eq!(failed["FailureCode"], "S3NoSuchBucket");
    assert_eq!(
        world.exported(&strange).await["FailureCode"],
        "S3AccessDenied"
    );
    // A page at a time, the latest first.
    let mut found = Vec::new();
    let mut next = json!({ "MaxResults": 1 });
    loop {
        let page = world.ok("ListExports", next).await;
        found.push(page["ExportSummaries"][0]["ExportArn"].clone());
        match page.get("NextToken") {
            Some(token) => next = json!({ "MaxResults": 1, "NextToken": token }),
            None => break,
        }
    }
    let mut all = [&failing, &first, &strange].map(|each| each["ExportArn"].clone());
    found.sort_by_key(Value::to_string);
    all.sort_by_key(Value::to_string);
    assert_eq!(found, all);
    let arn = format!("{ARN}/export/none");
    let missing = world
        .refused("DescribeExport", json!({ "ExportArn": arn }))
        .await;
    assert_eq!(missing.0, "ExportNotFoundException");
}

#[tokio::test]
async fn what_was_exported_can_be_imported() {
    let world = World::with_bucket().await;
    world.fill_log().await;
    world
        .put(
            "log",
            json!({ "id": { "S": "x" }, "at": { "N": "1" }, "deep": { "M": { "l": { "L": [
            { "SS": ["a", "b"] }, { "B": "AAE=" }, { "BOOL": true }, { "NULL": true },
        ] } } } }),
        )
        .await;
    world.recoverable(true).await;
    let exported = world.export(json!({})).await;
    world.make().await;
    let id = exported["ExportArn"]
        .as_str()
        .unwrap()
        .rsplit('/')
        .next()
        .unwrap();
    let begun = world
        .import(json!({
            "S3BucketSource": { "S3Bucket": "copies", "S3KeyPrefix": format!("AWSDynamoDB/{id}/data/") },
            "InputCompressionType": "GZIP",
        }))
        .await;
    assert_eq!(begun["ImportStatus"], "IN_PROGRESS");
    assert_eq!(world.status("filled").await, "CREATING");
    world.make().await;
    let ended = world.imported(&begun).await;
    assert_eq!(ended["ImportStatus"], "COMPLETED", "{ended}");
    assert_eq!(ended["ImportedItemCount"], 12);
    assert_eq!(ended["ProcessedItemCount"], 12);
    assert_eq!(ended["ErrorCount"], 0);
    assert_eq!(world.status("filled").await, "ACTIVE");
    assert_eq!(world.items("filled").await, world.items("log").await);
}

#[tokio::test]
async fn what_is_no_item_is_counted_and_the_others_imported() {
    let world = World::with_bucket().await;
    let good = |at: u32| json!({ "Item": entry("a", at) }).to_string();
    let text = [
        &(good(0) + &good(1)),
        r#"{"Item":{"id":{"S":"no sort key"}}}"#,
        r#"{"Item":{"id":{"N":"1"},"at":{"N":"1"}}}"#,
        &good(2),
        &good(2),
        // Nothing of this object is looked at after a line that is no item.
        r#"{"NoItem":{}}"#,
        &good(9),
    ]
    .join("\n");
    world.store("in/1.json", text.as_bytes()).await;
    world
        .store("in/2.json", format!("\n{}\n", good(3)).as_bytes())
        .await;
    world.store("other", b"nothing").await;
    let source = json!({ "S3BucketSource": { "S3Bucket": "copies", "S3KeyPrefix": "in/" } });
    let begun = world.import(source.clone()).await;
    assert_eq!(begun.get("ProcessedSizeBytes"), None);
    world.make().await;
    // Its table is there now.
    let again = world.refused("ImportTable", import(source)).await;
    let message = "Table already exists: filled".to_owned();
    assert_eq!(again, ("ResourceInUseException".into(), message));
    let ended = world.imported(&begun).await;
    assert_eq!(ended["ImportStatus"], "FAILED");
    assert_eq!(ended["FailureCode"], "ItemValidationError");
    assert_eq!(ended["ErrorCount"], 3);
    assert_eq!(ended["ProcessedItemCount"], 8);
    assert_eq!(ended["ImportedItemCount"], 5);
    let items = json!([0, 1, 2, 3].map(|at| entry("a", at)));
    assert_eq!(world.items("filled").await, items);
    assert_eq!(world.status("filled").await, "ACTIVE");
}

#[tokio::test]
async fn values_by_commas_are_imported_with_the_types_of_keys() {
    let world = World::with_bucket().await;
    world
        .store("a.csv.gz", &gzip("id,at,count\nx,1,7\n\"y,\"\"z\",2,\n"))
        .await;
    let begun = world
        .import(json!({ "InputFormat": "CSV", "InputCompressionType": "GZIP" }))
        .await;
    world.make().await;
    let ended = world.imported(&begun).await;
    assert_eq!(ended["ImportStatus"], "COMPLETED", "{ended}");
    assert_eq!(ended["ProcessedSizeBytes"], 29, "as they were expanded");
    let item = world
        .ok(
            "GetItem",
            json!({ "TableName": "filled", "Key": { "id": { "S": "y,\"z" }, "at": { "N": "2" } } }),
        )
        .await;
    assert_eq!(item["Item"]["count"], json!({ "S": "" }));
    let item = world
        .ok(
            "GetItem",
            json!({ "TableName": "filled", "Key": { "id": { "S": "x" }, "at": { "N": "1" } } }),
        )
        .await;
    assert_eq!(item["Item"]["count"], json!({ "S": "7" }));
}

#[tokio::test]
async fn what_cannot_be_imported_is_refused_or_fails() {
    let world = World::with_bucket().await;
    for (more, parameter) in [
        (json!({ "InputFormat": "ION" }), "InputFormat=ION"),
        (
            json!({ "InputCompressionType": "ZSTD" }),
            "InputCompressionType=ZSTD",
        ),
    ] {
        world
            .not_built("ImportTable", import(more), parameter)
            .await;
    }
    let table = super::table("log", json!([["id", "S"]]));
    let input = import(json!({ "TableCreationParameters": table }));
    assert_eq!(
        world.refused("ImportTable", input).await.0,
        "ResourceInUseException"
    );
    let nowhere = json!({ "S3BucketSource": { "S3Bucket": "nowhere" }, "ClientToken": "t" });
    let begun = world.import(nowhere.clone()).await;
    // Only another table would be another import.
    for more in [json!({}), json!({ "InputFormat": "CSV" })] {
        let again = world.import(with(nowhere.clone(), more)).await;
        assert_eq!(again["ImportArn"], begun["ImportArn"]);
    }
    let mut other = import(nowhere);
    other["TableCreationParameters"]["TableName"] = "other".into();
    let conflict = world.refused("ImportTable", other).await;
    let message =
        "Import conflict: Duplicate request detected with conflicting parameters".to_owned();
    assert_eq!(conflict, ("ImportConflictException".into(), message));
    let message = "1 validation error detected: Value null at 'clientToken' failed to satisfy constraint: Member must not be null";
    let no_token = import(json!({ "ClientToken": null }));
    world.invalid("ImportTable", no_token, message).await;
    let token = json!({ "NextToken": "0".repeat(112) });
    let message = format!(
        "Invalid Request: Provided nextToken is invalid: {}",
        "0".repeat(112)
    );
    world.invalid("ListImports", token, &message).await;
    let none = json!({ "ImportArn": format!("{ARN}/imports/0") });
    world
        .invalid("DescribeImport", none, "Invalid Import ARN")
        .await;
    world.make().await;
    let ended = world.imported(&begun).await;
    assert_eq!(
        (&ended["ImportStatus"], &ended["FailureCode"]),
        (&json!("FAILED"), &json!("S3NoSuchBucket"))
    );
    // Nothing was to come into it.
    let gone = world.refused("DescribeTable", json!({ "TableName": "filled" }));
    assert_eq!(gone.await.0, "ResourceNotFoundException");
    world.store("bad", b"this was never compressed").await;
    // What begins in one millisecond has no order.
    world.clock.advance(Duration::from_secs(1));
    let mut input = import(json!({ "InputCompressionType": "GZIP" }));
    input["TableCreationParameters"]["TableName"] = "other".into();
    let begun = world.ok("ImportTable", input).await["ImportTableDescription"].clone();
    world.make().await;
    let ended = world.imported(&begun).await;
    assert_eq!(
        (&ended["FailureCode"], &ended["ProcessedItemCount"]),
        (&json!("ItemValidationError"), &json!(1))
    );
    assert_eq!(world.status("other").await, "ACTIVE");
    let listed = world.ok("ListImports", json!({})).await;
    assert_eq!(listed["ImportSummaryList"].as_array().unwrap().len(), 2);
    assert_eq!(
        listed["ImportSummaryList"][0]["ImportArn"],
        begun["ImportArn"]
    );
}

#[tokio::test]
async fn copies_that_a_crash_interrupts_are_made_again() {
    let world = World::with_bucket().await;
    world.fill_log().await;
    world.recoverable(true).await;
    world
        .store(
            "in/1",
            json!({ "Item": entry("a", 1) }).to_string().as_bytes(),
        )
        .await;
    let export = world.export(json!({})).await;
    let source = json!({ "S3BucketSource": { "S3Bucket": "copies", "S3KeyPrefix": "in/" } });
    let import = world.import(source).await;
    // What was in memory is gone; the store is not.
    let world = world.started_again();
    world.make().await;
    let exported = world.exported(&export).await;
    assert_eq!(exported["ExportStatus"], "COMPLETED");
    assert_eq!(exported["ItemCount"], 11);
    assert_eq!(world.imported(&import).await["ImportStatus"], "COMPLETED");
    assert_eq!(world.items("filled").await, json!([entry("a", 1)]));
}
