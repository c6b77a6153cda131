use super::*;

impl World {
    async fn back_up(&self, name: &str) -> Value {
        let input = json!({ "TableName": "log", "BackupName": name });
        self.ok("CreateBackup", input).await["BackupDetails"].clone()
    }

    async fn backed_up(&self, backup: &Value) -> Value {
        let input = json!({ "BackupArn": backup["BackupArn"] });
        self.ok("DescribeBackup", input).await["BackupDescription"].clone()
    }

    async fn listed(&self, input: Value) -> Vec<String> {
        let listed = self.ok("ListBackups", input).await;
        let names = listed["BackupSummaries"].as_array().unwrap().iter();
        names
            .map(|found| found["BackupName"].as_str().unwrap().to_owned())
            .collect()
    }
}

fn restore(backup: &Value, more: Value) -> Value {
    let input = json!({ "TargetTableName": "restored", "BackupArn": backup["BackupArn"] });
    with(input, more)
}

/// `log` with two indexes, a stream and items that end, paid for by units.
async fn varied() -> World {
    let world = World::new();
    let index = |name: &str, keys: Value| json!({ "IndexName": name, "KeySchema": keys, "Projection": { "ProjectionType": "ALL" } });
    let hash = |name: &str| json!({ "AttributeName": name, "KeyType": "HASH" });
    let range = |name: &str| json!({ "AttributeName": name, "KeyType": "RANGE" });
    let units = json!({ "ReadCapacityUnits": 3, "WriteCapacityUnits": 2 });
    let mut global = index("by-at", json!([hash("at")]));
    global["ProvisionedThroughput"] = units.clone();
    let more = json!({
        "AttributeDefinitions": [
            { "AttributeName": "id", "AttributeType": "S" },
            { "AttributeName": "at", "AttributeType": "N" },
            { "AttributeName": "kind", "AttributeType": "S" },
        ],
        "BillingMode": "PROVISIONED",
        "ProvisionedThroughput": units,
        "GlobalSecondaryIndexes": [global],
        "LocalSecondaryIndexes": [index("by-kind", json!([hash("id"), range("kind")]))],
        "StreamSpecification": { "StreamEnabled": true, "StreamViewType": "NEW_IMAGE" },
        "TableClass": "STANDARD_INFREQUENT_ACCESS",
    });
    let table = with(
        super::super::table("log", json!([["id", "S"], ["at", "N"]])),
        more,
    );
    world.ok("CreateTable", table).await;
    let ends = json!({ "Enabled": true, "AttributeName": "ends" });
    let ends = json!({ "TableName": "log", "TimeToLiveSpecification": ends });
    world.ok("UpdateTimeToLive", ends).await;
    world.fill_log().await;
    world
}

#[tokio::test]
async fn a_table_is_restored_as_it_was_when_its_backup_was_asked_for() {
    let world = varied().await;
    let before = world.items("log").await;
    let backup = world.back_up("one").await;
    assert_eq!(backup["BackupStatus"], "CREATING");
    world.put("log", entry("c", 1)).await;
    let again = world.refused("RestoreTableFromBackup", restore(&backup, json!({})));
    assert_eq!(again.await.0, "BackupInUseException");
    world.make().await;

    let kept = world.backed_up(&backup).await;
    assert_eq!(kept["BackupDetails"]["BackupStatus"], "AVAILABLE");
    let source = &kept["SourceTableDetails"];
    assert_eq!(
        (&source["TableArn"], &source["ItemCount"]),
        (&json!(ARN), &json!(11))
    );
    assert_eq!(
        source["TableSizeBytes"],
        kept["BackupDetails"]["BackupSizeBytes"]
    );
    let units = json!({ "ReadCapacityUnits": 3, "WriteCapacityUnits": 2 });
    assert_eq!(source["ProvisionedThroughput"], units);
    let features = &kept["SourceTableFeatureDetails"];
    assert_eq!(
        features["GlobalSecondaryIndexes"][0]["ProvisionedThroughput"],
        units
    );
    assert_eq!(features["LocalSecondaryIndexes"][0]["IndexName"], "by-kind");
    assert_eq!(features["StreamDescription"]["StreamViewType"], "NEW_IMAGE");
    assert_eq!(features["TimeToLiveDescription"]["AttributeName"], "ends");

    // The table may be gone.
    world.ok("DeleteTable", json!({ "TableName": "log" })).await;
    let made = world
        .ok("RestoreTableFromBackup", restore(&backup, json!({})))
        .await;
    let made = &made["TableDescription"];
    assert_eq!(made["TableStatus"], "CREATING");
    let summary = &made["RestoreSummary"];
    assert_eq!(summary["RestoreInProgress"], true);
    assert_eq!(summary["SourceBackupArn"], backup["BackupArn"]);
    assert_eq!(summary["SourceTableArn"], ARN);
    let arn = backup["BackupArn"].as_str().unwrap();
    let missing = "Table not found: restored".to_owned();
    let using = format!("Backup is being used to restore table: {arn}");
    let taken = format!("Table: restored is already being restored from backup: {arn}");
    for (operation, input, code, message) in [
        (
            "DeleteBackup",
            json!({ "BackupArn": arn }),
            "BackupInUseException",
            using,
        ),
        (
            "CreateBackup",
            json!({ "TableName": "restored", "BackupName": "two" }),
            "TableNotFoundException",
            missing,
        ),
        (
            "RestoreTableFromBackup",
            restore(&backup, json!({})),
            "TableInUseException",
            taken,
        ),
    ] {
        let expected = (code.to_owned(), message);
        assert_eq!(world.refused(operation, input).await, expected);
    }
    world.make().await;
    let described = world
        .ok("DescribeTable", json!({ "TableName": "restored" }))
        .await;
    let described = &described["Table"];
    assert_eq!(described["TableStatus"], "ACTIVE");
    assert_eq!(described.get("RestoreSummary"), None);
    assert_eq!(described["KeySchema"], source["KeySchema"]);
    assert_eq!(described.get("StreamSpecification"), None);
    assert_eq!(described.get("TableClassSummary"), None);
    assert_eq!(world.items("restored").await, before);
    let query = json!({
        "TableName": "restored",
        "IndexName": "by-at",
        "KeyConditionExpression": "#at = :at",
        "ExpressionAttributeNames": { "#at": "at" },
        "ExpressionAttributeValues": { ":at": { "N": "0" } },
    });
    assert_eq!(world.ok("Query", query).await["Count"], 2);
    let exists = world.refused("RestoreTableFromBackup", restore(&backup, json!({})));
    assert_eq!(exists.await.0, "TableAlreadyExistsException");
}

#[tokio::test]
async fn a_restored_table_may_be_paid_for_otherwise_and_have_fewer_indexes() {
    let world = varied().await;
    let backup = world.back_up("one").await;
    world.make().await;
    let more =
        json!({ "BillingModeOverride": "PAY_PER_REQUEST", "LocalSecondaryIndexOverride": [] });
    world
        .ok("RestoreTableFromBackup", restore(&backup, more))
        .await;
    world.make().await;
    let described = world
        .ok("DescribeTable", json!({ "TableName": "restored" }))
        .await;
    let described = &described["Table"];
    assert_eq!(
        described["BillingModeSummary"]["BillingMode"],
        "PAY_PER_REQUEST"
    );
    assert_eq!(described.get("LocalSecondaryIndexes"), None);
    assert_eq!(described["GlobalSecondaryIndexes"][0]["IndexName"], "by-at");
    assert_eq!(described["GlobalSecondaryIndexes"][0]["ItemCount"], 11);
}

#[tokio::test]
async fn backups_are_listed_and_deleted() {
    let world = World::with_bucket().await;
    let none = json!({ "TableName": "nothing", "BackupName": "one" });
    let missing = (
        "TableNotFoundException".into(),
        "Table not found: nothing".into(),
    );
    assert_eq!(world.refused("CreateBackup", none).await, missing);
    let mut backups = Vec::new();
    for name in ["one", "two", "six"] {
        world.clock.advance(std::time::Duration::from_secs(10));
        backups.push(world.back_up(name).await);
    }
    world.make().await;
    assert_eq!(world.listed(json!({})).await, ["six", "two", "one"]);
    assert_eq!(world.listed(json!({ "TableName": "music" })).await, [""; 0]);
    assert_eq!(
        world.listed(json!({ "BackupType": "SYSTEM" })).await,
        [""; 0]
    );
    let upper = json!({ "TimeRangeUpperBound": backups[1]["BackupCreationDateTime"] });
    assert_eq!(world.listed(upper.clone()).await, ["one"]);
    let lower = json!({ "TimeRangeLowerBound": backups[2]["BackupCreationDateTime"] });
    let message = "One or more parameter values were invalid: Time range lower bound must be less than or equal to upper bound";
    world
        .invalid("ListBackups", with(lower, upper), message)
        .await;
    let page = world
        .ok("ListBackups", json!({ "TableName": ARN, "Limit": 2 }))
        .await;
    assert_eq!(page["LastEvaluatedBackupArn"], backups[1]["BackupArn"]);
    let rest = json!({ "ExclusiveStartBackupArn": page["LastEvaluatedBackupArn"] });
    assert_eq!(world.listed(rest).await, ["one"]);

    let arn = json!({ "BackupArn": backups[0]["BackupArn"] });
    let deleted = world.ok("DeleteBackup", arn.clone()).await;
    let details = &deleted["BackupDescription"]["BackupDetails"];
    assert_eq!(details["BackupStatus"], "DELETED");
    assert_eq!(world.listed(json!({})).await, ["six", "two"]);
    let message = format!(
        "Backup not found: {}",
        backups[0]["BackupArn"].as_str().unwrap()
    );
    for operation in ["DescribeBackup", "DeleteBackup"] {
        let missing = ("BackupNotFoundException".into(), message.clone());
        assert_eq!(world.refused(operation, arn.clone()).await, missing);
    }
    let gone = world.refused("RestoreTableFromBackup", restore(&backups[0], json!({})));
    assert_eq!(gone.await.0, "BackupNotFoundException");
}

#[tokio::test]
async fn backups_and_restores_that_a_crash_interrupts_are_made_again() {
    let world = World::with_bucket().await;
    world.fill_log().await;
    let before = world.items("log").await;
    let backup = world.back_up("one").await;
    let world = world.started_again();
    world.make().await;
    let kept = world.backed_up(&backup).await;
    assert_eq!(kept["BackupDetails"]["BackupStatus"], "AVAILABLE");
    world
        .ok("RestoreTableFromBackup", restore(&backup, json!({})))
        .await;
    let world = world.started_again();
    world.make().await;
    assert_eq!(world.status("restored").await, "ACTIVE");
    assert_eq!(world.items("restored").await, before);
}

/// What is overridden must go with how the table is then paid for, and an index with one that the backup has.
#[tokio::test]
async fn what_a_backup_has_not_is_not_restored() {
    let world = varied().await;
    let backup = world.back_up("one").await;
    let of_requests = world.make_by_request().await;
    world.make().await;
    let units = json!({ "ReadCapacityUnits": 5, "WriteCapacityUnits": 5 });
    let index = |name: &str, more: Value| {
        let index = json!({
            "IndexName": name,
            "KeySchema": [{ "AttributeName": "at", "KeyType": "HASH" }],
            "Projection": { "ProjectionType": "ALL" },
        });
        json!({ "GlobalSecondaryIndexOverride": [with(index, more)] })
    };
    let paid = json!({ "ProvisionedThroughput": units });
    let keys_only = with(
        paid.clone(),
        json!({ "Projection": { "ProjectionType": "KEYS_ONLY" } }),
    );
    let by_request = json!({ "BillingModeOverride": "PAY_PER_REQUEST" });
    let by_units = json!({ "BillingModeOverride": "PROVISIONED" });
    let throughput = json!({ "ProvisionedThroughputOverride": units });
    let bounds =
        |most: i64| json!({ "OnDemandThroughputOverride": { "MaxReadRequestUnits": most } });
    const OVERRIDDEN: &str =
        "Cannot override ProvisionedThroughput if BillingMode is overridden to PAY_PER_REQUEST";
    for (of, more, message) in [
        (&backup, index("new", keys_only), "Index new does not match a secondary index that existed in the source table and cannot be created during the restore operation".to_owned()),
        (&backup, index("by-at", json!({})), "Must specify provisioned throughput for index by-at".into()),
        (&backup, with(index("by-at", paid.clone()), by_request.clone()), format!("{OVERRIDDEN} for index by-at")),
        (&backup, with(throughput.clone(), by_request), OVERRIDDEN.into()),
        (&backup, bounds(10), "Cannot override MaxReadRequestUnits for OnDemandThroughput unless BillingModeOverride is PAY_PER_REQUEST".into()),
        (&of_requests, throughput, "Cannot override ProvisionedThroughput unless BillingMode is PROVISIONED".into()),
        (&of_requests, by_units, "Must override ProvisionedThroughput if BillingMode is overridden to PROVISIONED".into()),
        (&of_requests, bounds(0), "Requested MaxReadRequestUnits for OnDemandThroughput is outside of valid range".into()),
    ] {
        let message = format!("Invalid Request: {message}");
        world.invalid("RestoreTableFromBackup", restore(of, more), &message).await;
    }
    let renamed = restore(&backup, index("renamed", paid));
    let made = world.ok("RestoreTableFromBackup", renamed).await;
    let indexes = &made["TableDescription"]["GlobalSecondaryIndexes"];
    assert_eq!(indexes[0]["IndexName"], "renamed");
}

impl World {
    /// A backup of a table that is paid for by requests, which are bounded.
    async fn make_by_request(&self) -> Value {
        let table = super::super::table("bounded", json!([["id", "S"]]));
        let bounds = json!({ "OnDemandThroughput": { "MaxReadRequestUnits": 7 } });
        self.ok("CreateTable", with(table, bounds)).await;
        let input = json!({ "TableName": "bounded", "BackupName": "bounded" });
        self.ok("CreateBackup", input).await["BackupDetails"].clone()
    }
}

#[tokio::test]
async fn a_table_whose_requests_are_bounded_may_be_paid_for_by_units() {
    let world = World::new();
    let backup = world.make_by_request().await;
    world.make().await;
    let units = json!({ "ReadCapacityUnits": 5, "WriteCapacityUnits": 5 });
    let more =
        json!({ "BillingModeOverride": "PROVISIONED", "ProvisionedThroughputOverride": units });
    let made = world
        .ok("RestoreTableFromBackup", restore(&backup, more))
        .await;
    assert_eq!(made["TableDescription"].get("OnDemandThroughput"), None);
}

#[tokio::test]
async fn backups_are_named_by_arns_of_this_account() {
    let world = World::with_tables().await;
    let backup = world.back_up("one").await;
    let arn = backup["BackupArn"].as_str().unwrap();
    let elsewhere = arn.replace("us-east-1", "us-west-2");
    let valid = "Invalid Request: BackupArn is not valid";
    let foreign = ("AccessDeniedException".into(), "Access is denied".into());
    let missing = format!("Backup not found: {arn}0");
    let invalid = |message: &str| ("ValidationException".to_owned(), message.to_owned());
    for (named, expected) in [
        (ARN.to_owned(), invalid("Invalid Backup ARN")),
        ("x".repeat(48), invalid("Invalid Backup ARN")),
        (arn.replace("arn:aws:", "arn:aws-cn:"), invalid(valid)),
        (arn.replace(":dynamodb:", ":s3:"), invalid(valid)),
        (arn.replace("000000000000", "999999999999"), foreign),
        (
            format!("{arn}0"),
            ("BackupNotFoundException".into(), missing),
        ),
    ] {
        let named = json!({ "BackupArn": named });
        for operation in ["DescribeBackup", "DeleteBackup", "RestoreTableFromBackup"] {
            let mut input = named.clone();
            if operation == "RestoreTableFromBackup" {
                input["TargetTableName"] = "restored".into();
            }
            assert_eq!(
                world.refused(operation, input).await,
                expected,
                "{operation}"
            );
        }
    }
    let page = json!({ "ExclusiveStartBackupArn": elsewhere });
    let message = "Invalid Request: The supplied ExclusiveStartBackupArn does not match the region";
    world.invalid("ListBackups", page, message).await;
}
