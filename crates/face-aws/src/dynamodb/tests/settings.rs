//! What a table is besides its items.

use super::*;

const ARN: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/music";

#[tokio::test]
async fn a_table_is_paid_and_protected_otherwise() {
    let world = World::with_tables().await;
    let update = |more: Value| with(json!({ "TableName": "music" }), more);
    let units = json!({ "ReadCapacityUnits": 5, "WriteCapacityUnits": 6 });
    for (more, message) in [
        (
            json!({}),
            "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates, SSESpecification, ReplicaUpdates, MultiAccountReplicaReady, ReplicaTransitRoleArn, MultiRegionConsistency, DeletionProtectionEnabled, OnDemandThroughput, WarmThroughput or TableClass is required",
        ),
        (
            json!({ "ProvisionedThroughput": units }),
            "One or more parameter values were invalid: Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
        ),
        (
            json!({ "BillingMode": "PROVISIONED" }),
            "One or more parameter values were invalid: ProvisionedThroughput must be specified when BillingMode is PROVISIONED",
        ),
        (
            json!({ "BillingMode": "PAY_PER_REQUEST", "ProvisionedThroughput": units }),
            "One or more parameter values were invalid: ProvisionedThroughput cannot be specified when BillingMode is PAY_PER_REQUEST",
        ),
    ] {
        world.invalid("UpdateTable", update(more), message).await;
    }
    let provisioned = json!({ "BillingMode": "PROVISIONED", "ProvisionedThroughput": units });
    let altered = world.ok("UpdateTable", update(provisioned)).await;
    let told = &altered["TableDescription"];
    assert_eq!(told["ProvisionedThroughput"]["WriteCapacityUnits"], 6);
    assert_eq!(told["BillingModeSummary"]["BillingMode"], "PROVISIONED");
    for same in [
        json!({ "ProvisionedThroughput": units }),
        json!({ "ProvisionedThroughput": units, "BillingMode": "PROVISIONED" }),
    ] {
        let (_, message) = world.refused("UpdateTable", update(same)).await;
        assert!(message.starts_with("The provisioned throughput for the table will not change."));
    }
    let protect = |on: bool| update(json!({ "DeletionProtectionEnabled": on }));
    let altered = world.ok("UpdateTable", protect(true)).await;
    assert_eq!(
        altered["TableDescription"]["DeletionProtectionEnabled"],
        true
    );
    let message = "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.";
    world
        .invalid("DeleteTable", update(json!({})), message)
        .await;
    world.ok("UpdateTable", protect(false)).await;
    world.ok("DeleteTable", update(json!({}))).await;
    let absent = world.refused("UpdateTable", protect(true)).await;
    assert_eq!(absent.0, "ResourceNotFoundException");
}

#[tokio::test]
async fn some_changes_are_made_alone() {
    let world = World::with_tables().await;
    let update = |more: Value| with(json!({ "TableName": "music" }), more);
    let units = json!({ "ReadCapacityUnits": 5, "WriteCapacityUnits": 6 });
    let drop = json!([{ "Delete": { "IndexName": "any" } }]);
    let most = json!({ "MaxReadRequestUnits": 5 });
    let protect = json!({ "DeletionProtectionEnabled": true });
    let class = json!({ "TableClass": "STANDARD" });
    let encrypt = json!({ "SSESpecification": { "Enabled": true } });
    let bound = json!({ "OnDemandThroughput": most });
    let provision = json!({ "ProvisionedThroughput": units });
    let stream =
        json!({ "StreamSpecification": { "StreamEnabled": true, "StreamViewType": "KEYS_ONLY" } });
    let dropping = json!({ "GlobalSecondaryIndexUpdates": drop });
    let by_request = json!({ "BillingMode": "PAY_PER_REQUEST" });
    for (one, others, message) in [
        (
            &protect,
            &[&stream, &dropping, &by_request][..],
            "DeletionProtection modification must be the only operation in the request",
        ),
        (
            &class,
            &[&protect, &stream, &by_request],
            "TableClass modification must be the only operation in the request",
        ),
        (
            &encrypt,
            &[&protect, &class, &stream, &dropping, &provision],
            "Server-Side Encryption modification must be the only operation in the request",
        ),
        (
            &bound,
            &[&stream, &dropping],
            "OnDemandThroughput can only be combined with BillingMode in an UpdateTable request",
        ),
        (
            &provision,
            &[&dropping],
            "You cannot create or delete index while updating table IOPS",
        ),
    ] {
        for other in others {
            let both = with(update(one.clone()), (*other).clone());
            let message = format!("One or more parameter values were invalid: {message}");
            world.invalid("UpdateTable", both, &message).await;
        }
    }
    world
        .ok("UpdateTable", with(update(bound), by_request))
        .await;
}

#[tokio::test]
async fn a_class_encryption_and_a_policy_are_kept_and_told() {
    let world = World::new();
    let policy = super::policies::policy(json!({}));
    let asked = json!({
        "TableClass": "STANDARD_INFREQUENT_ACCESS",
        "SSESpecification": { "Enabled": true },
        "ResourcePolicy": policy.to_string(),
    });
    let made = with(table("music", json!([["id", "S"]])), asked);
    let told = world.ok("CreateTable", made.clone()).await["TableDescription"].clone();
    let class = json!({ "TableClass": "STANDARD_INFREQUENT_ACCESS" });
    let encrypted = json!({
        "Status": "ENABLED",
        "SSEType": "KMS",
        "KMSMasterKeyArn": "arn:aws:kms:us-east-1:000000000000:alias/aws/dynamodb",
    });
    assert_eq!(
        (&told["TableClassSummary"], &told["SSEDescription"]),
        (&class, &encrypted)
    );
    let kept = world
        .ok("GetResourcePolicy", json!({ "ResourceArn": ARN }))
        .await;
    assert_eq!(kept["Policy"], policy.to_string());
    // A change of something else changes nothing of these.
    let update = |more: Value| with(json!({ "TableName": "music" }), more);
    let protected = update(json!({ "DeletionProtectionEnabled": true }));
    let told = world.ok("UpdateTable", protected).await["TableDescription"].clone();
    assert_eq!(
        (&told["TableClassSummary"], &told["SSEDescription"]),
        (&class, &encrypted)
    );
    let plain = update(json!({ "SSESpecification": { "Enabled": false } }));
    let told = world.ok("UpdateTable", plain).await["TableDescription"].clone();
    assert_eq!(told.get("SSEDescription"), None);
    let refused = async |specification: Value, message: &str| {
        let wrong = update(json!({ "SSESpecification": specification }));
        let message = format!("One or more parameter values were invalid: {message}");
        world.invalid("UpdateTable", wrong, &message).await;
    };
    for (specification, message) in [
        (
            json!({ "Enabled": false, "SSEType": "KMS" }),
            "SSEType can not be specified if Enabled is false",
        ),
        (
            json!({ "Enabled": false, "KMSMasterKeyId": "k" }),
            "KMSMasterKeyId can not be specified if Enabled is false",
        ),
        (
            json!({ "Enabled": true, "SSEType": "AES256" }),
            "SSEType AES256 is not supported",
        ),
        (
            json!({ "Enabled": true, "KMSMasterKeyId": "k" }),
            "SSEType KMS is required if KMSMasterKeyId is specified",
        ),
        (
            json!({ "Enabled": false }),
            "Table is already encrypted by default",
        ),
    ] {
        refused(specification, message).await;
    }
    // The same key by another name is no mistake.
    let key = json!({ "Enabled": true, "SSEType": "KMS", "KMSMasterKeyId": "k" });
    for by_default in [json!({ "SSEType": "KMS" }), json!({ "Enabled": true }), key] {
        for _ in 0..2 {
            let encrypt = update(json!({ "SSESpecification": by_default }));
            world.ok("UpdateTable", encrypt).await;
        }
    }
    let arn = "arn:aws:kms:us-east-1:000000000000:key/k";
    let key = json!({ "Enabled": true, "SSEType": "KMS", "KMSMasterKeyId": arn });
    refused(key, "Table is already encrypted with given KMSMasterKeyId. Use KMSMasterKeyId parameter if you want to change Master Key").await;
    let gone = world
        .ok("DeleteResourcePolicy", json!({ "ResourceArn": ARN }))
        .await;
    assert_eq!(gone["RevisionId"], kept["RevisionId"]);
    let (code, _) = world
        .refused("GetResourcePolicy", json!({ "ResourceArn": ARN }))
        .await;
    assert_eq!(code, "PolicyNotFoundException");
}

#[tokio::test]
async fn tags_are_kept() {
    let world = World::new();
    let tag = |key: &str, value: &str| json!({ "Key": key, "Value": value });
    let made = with(
        table("music", json!([["id", "S"]])),
        json!({ "Tags": [tag("a", "1")] }),
    );
    world.ok("CreateTable", made).await;
    let tags = json!([tag("b", "2"), tag("c", "3")]);
    let tagged = json!({ "ResourceArn": ARN, "Tags": tags });
    assert_eq!(world.ok("TagResource", tagged).await, Value::Null);
    let untagged = json!({ "ResourceArn": ARN, "TagKeys": ["a", "x"] });
    assert_eq!(world.ok("UntagResource", untagged).await, Value::Null);
    let listed = world
        .ok("ListTagsOfResource", json!({ "ResourceArn": ARN }))
        .await;
    assert_eq!(listed, json!({ "Tags": tags }));
    let many = |count: u32| -> Value { (0..count).map(|n| tag(&n.to_string(), "v")).collect() };
    for (tags, message) in [
        (json!([]), "Atleast one Tag needs to be provided as Input."),
        (
            json!([tag("a", "1"), tag("a", "2")]),
            "Duplicate Tag Keys provided as input: Duplicate Tag Key found a",
        ),
        (
            json!([tag("aws:x", "1")]),
            "Tag Key cannot be prefixed with aws:, Key: aws:x",
        ),
        (
            json!([tag("d%g", "1")]),
            "The Tag Key provided is invalid, Key: d%g",
        ),
        (
            json!([tag("dog", "hi!")]),
            "The Tag Value provided is invalid, Value: hi!",
        ),
        (
            json!([tag("", "1")]),
            "The Tag Key provided is invalid, Key: ",
        ),
        (
            json!([{ "Key": "dog" }]),
            "The Tag Value provided is invalid, Value: null",
        ),
        (
            json!([{ "Value": "dog" }]),
            "The Tag Key provided is invalid, Key: null",
        ),
        (
            many(49),
            "Number of Tags exceed the current limit for the provided ResourceArn",
        ),
    ] {
        let tagged = json!({ "ResourceArn": ARN, "Tags": tags });
        world.invalid("TagResource", tagged, message).await;
    }
    // In characters of any script.
    let longest = tag(&"א".repeat(128), &"Ѯ ".repeat(128));
    let tagged = json!({ "ResourceArn": ARN, "Tags": [longest, tag("empty", "")] });
    world.ok("TagResource", tagged).await;
    let index = format!("{ARN}/index/any");
    for (arn, message) in [
        (
            "I_am_none",
            "ARNs must start with 'arn:': I_am_none".to_owned(),
        ),
        (
            &index,
            format!(
                "Invalid resource arn provided, only table or stream is accepted. Provided resource arn: {index}"
            ),
        ),
    ] {
        let message = format!("One or more parameter values were invalid: {message}");
        let list = json!({ "ResourceArn": arn });
        world.invalid("ListTagsOfResource", list, &message).await;
    }
    let too_many = with(
        table("other", json!([["id", "S"]])),
        json!({ "Tags": many(51) }),
    );
    let message = "Number of Tags exceed the current limit for the provided ResourceArn";
    world.invalid("CreateTable", too_many, message).await;
    let nothing = json!({ "ResourceArn": ARN, "TagKeys": [] });
    let message = "Atleast one Tag Key needs to be provided as Input.";
    world.invalid("UntagResource", nothing, message).await;
    let absent = ARN.replace("music", "absent");
    let refused = world
        .refused("ListTagsOfResource", json!({ "ResourceArn": absent }))
        .await;
    assert_eq!(
        refused,
        (
            "ResourceNotFoundException".into(),
            format!("Requested resource not found: ResourcArn: {absent} not found")
        )
    );
}

#[tokio::test]
async fn items_end_when_they_say() {
    let world = World::with_tables().await;
    let asked = json!({ "TableName": "music" });
    let set = |enabled: bool, name: &str| {
        let specification = json!({ "Enabled": enabled, "AttributeName": name });
        with(
            asked.clone(),
            json!({ "TimeToLiveSpecification": specification }),
        )
    };
    let described = world.ok("DescribeTimeToLive", asked.clone()).await;
    assert_eq!(
        described,
        json!({ "TimeToLiveDescription": { "TimeToLiveStatus": "DISABLED" } })
    );
    let message = "TimeToLive is already disabled";
    world
        .invalid("UpdateTimeToLive", set(false, "end"), message)
        .await;
    let enabled = world.ok("UpdateTimeToLive", set(true, "end")).await;
    assert_eq!(
        enabled,
        json!({ "TimeToLiveSpecification": { "Enabled": true, "AttributeName": "end" } })
    );
    let described = world.ok("DescribeTimeToLive", asked.clone()).await;
    assert_eq!(
        described["TimeToLiveDescription"],
        json!({ "TimeToLiveStatus": "ENABLED", "AttributeName": "end" })
    );
    let message = "TimeToLive is already enabled";
    world
        .invalid("UpdateTimeToLive", set(true, "end"), message)
        .await;
    let message = "TimeToLive is active on a different AttributeName: current AttributeName is end";
    for enabled in [true, false] {
        world
            .invalid("UpdateTimeToLive", set(enabled, "x"), message)
            .await;
    }
    // It is the second 1000 here.
    for (id, end) in [("past", "999"), ("future", "1001")] {
        let item = json!({ "id": { "S": id }, "end": { "N": end } });
        world.put("music", item).await;
    }
    let tables = &world.dynamodb.tables;
    while tables.build().await.unwrap() {}
    while tables.expire(&mut Vec::new()).await.unwrap() {}
    let left = world.ok("Scan", asked.clone()).await;
    assert_eq!(left["Items"][0]["id"]["S"], "future");
    assert_eq!(left["Count"], 1);
    world.ok("UpdateTimeToLive", set(false, "end")).await;
}

#[tokio::test]
async fn the_service_tells_about_itself() {
    let world = World::with_tables().await;
    let limits = world.ok("DescribeLimits", json!({})).await;
    assert_eq!(limits["TableMaxReadCapacityUnits"], 40_000);
    let endpoints = world.ok("DescribeEndpoints", json!({})).await;
    assert_eq!(endpoints["Endpoints"][0]["Address"], "localhost");
}

#[tokio::test]
async fn what_requests_may_use_at_most_is_kept_and_told() {
    let world = World::new();
    let most = |read: i64, write: i64| json!({ "MaxReadRequestUnits": read, "MaxWriteRequestUnits": write });
    let index = json!([{
        "IndexName": "by-name",
        "KeySchema": [{ "AttributeName": "name", "KeyType": "HASH" }],
        "Projection": { "ProjectionType": "ALL" },
        "OnDemandThroughput": { "MaxReadRequestUnits": 7 },
    }]);
    let on_demand = with(
        table("most", json!([["id", "S"]])),
        json!({
            "AttributeDefinitions": [
                { "AttributeName": "id", "AttributeType": "S" },
                { "AttributeName": "name", "AttributeType": "S" },
            ],
            "GlobalSecondaryIndexes": index,
            "OnDemandThroughput": most(5, 6),
        }),
    );
    let told = |described: &Value| {
        (
            described["OnDemandThroughput"].clone(),
            described["GlobalSecondaryIndexes"][0]["OnDemandThroughput"].clone(),
        )
    };
    let created = world.ok("CreateTable", on_demand.clone()).await;
    assert_eq!(
        told(&created["TableDescription"]),
        (most(5, 6), json!({ "MaxReadRequestUnits": 7 }))
    );
    // What is not asked for stays.
    for more in [
        json!({ "MaxWriteRequestUnits": 9 }),
        json!({ "MaxReadRequestUnits": -1 }),
    ] {
        let bound = json!({ "TableName": "most", "OnDemandThroughput": more });
        world.ok("UpdateTable", bound).await;
    }
    let left = json!({ "MaxWriteRequestUnits": 9 });
    let altered = world
        .ok(
            "UpdateTable",
            json!({
                "TableName": "most",
                "GlobalSecondaryIndexUpdates": [{ "Update": { "IndexName": "by-name", "OnDemandThroughput": most(-1, -1) } }],
            }),
        )
        .await;
    assert_eq!(
        told(&altered["TableDescription"]),
        (left.clone(), Value::Null)
    );
    let described = world
        .ok("DescribeTable", json!({ "TableName": "most" }))
        .await;
    assert_eq!(told(&described["Table"]), (left, Value::Null));

    let provisioned = json!({
        "TableName": "other",
        "BillingMode": "PROVISIONED",
        "ProvisionedThroughput": { "ReadCapacityUnits": 1, "WriteCapacityUnits": 1 },
    });
    const FOR: &str = "for OnDemandThroughput";
    const INVALID: &str = "One or more parameter values were invalid: ";
    let message = format!(
        "{INVALID}MaxReadRequestUnits {FOR} cannot be specified when table BillingMode is PROVISIONED."
    );
    let provisioned = with(on_demand.clone(), provisioned);
    world.invalid("CreateTable", provisioned, &message).await;
    let mut indexed = with(on_demand.clone(), json!({ "TableName": "other" }));
    indexed["GlobalSecondaryIndexes"][0]["OnDemandThroughput"] = most(1, -1);
    let message = format!(
        "{INVALID}Requested MaxWriteRequestUnits {FOR} for index : by-name is outside of valid range"
    );
    world.invalid("CreateTable", indexed, &message).await;
    for (most, name) in [
        (most(0, 1), "MaxReadRequestUnits"),
        (most(-1, -2), "MaxWriteRequestUnits"),
    ] {
        let bound = json!({ "TableName": "most", "OnDemandThroughput": most });
        let message =
            format!("{INVALID}Requested {name} {FOR} for table is outside of valid range");
        world.invalid("UpdateTable", bound, &message).await;
    }
}

#[tokio::test]
async fn changes_of_indexes_must_be_about_global_ones() {
    const INVALID: &str = "One or more parameter values were invalid: ";
    let world = World::new();
    let units = json!({ "ReadCapacityUnits": 2, "WriteCapacityUnits": 3 });
    let mut made = table("music", json!([["id", "S"], ["at", "N"]]));
    let index = |name: &str, keys: Value| json!({ "IndexName": name, "KeySchema": keys, "Projection": { "ProjectionType": "ALL" } });
    let (hash, range) = (
        json!({ "AttributeName": "id", "KeyType": "HASH" }),
        json!({ "AttributeName": "at", "KeyType": "RANGE" }),
    );
    made["BillingMode"] = "PROVISIONED".into();
    made["ProvisionedThroughput"] = units.clone();
    made["LocalSecondaryIndexes"] = json!([index("local", json!([hash, range]))]);
    made["GlobalSecondaryIndexes"] = json!([index("global", json!([hash]))]);
    let message = format!("{INVALID}ProvisionedThroughput is not specified for index: global");
    world.invalid("CreateTable", made.clone(), &message).await;
    made["GlobalSecondaryIndexes"][0]["ProvisionedThroughput"] = units.clone();
    world.ok("CreateTable", made).await;
    let provision =
        |name: &str| json!({ "Update": { "IndexName": name, "ProvisionedThroughput": units } });
    let drop = |name: &str| json!({ "Delete": { "IndexName": name } });
    let local = "an index that is not a GlobalSecondaryIndex: local";
    let same = "The provisioned throughput for the index global will not change. The requested value equals the current value. Current ReadCapacityUnits provisioned for index global: 2. Requested ReadCapacityUnits: 2. Current WriteCapacityUnits provisioned for index global: 3. Requested WriteCapacityUnits: 3. Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher limits.";
    for (change, message) in [
        (provision("local"), format!("Cannot update {local}")),
        (drop("local"), format!("Cannot delete {local}")),
        (provision("global"), same.to_owned()),
        (
            with(drop("global"), provision("global")),
            format!(
                "{INVALID}Only one global secondary index action is allowed per GlobalSecondaryIndexUpdate object"
            ),
        ),
    ] {
        let update = json!({ "TableName": "music", "GlobalSecondaryIndexUpdates": [change] });
        world.invalid("UpdateTable", update, &message).await;
    }
    for change in [provision("none"), drop("none")] {
        let update = json!({ "TableName": "music", "GlobalSecondaryIndexUpdates": [change] });
        let message = "Requested resource not found: Index none for table music".to_owned();
        let expected = ("ResourceNotFoundException".to_owned(), message);
        assert_eq!(world.refused("UpdateTable", update).await, expected);
    }
}

#[tokio::test]
async fn a_table_that_never_said_a_class_has_the_standard_one_already() {
    let world = World::with_tables().await;
    let change = async |class: &str| {
        let update = json!({ "TableName": "music", "TableClass": class });
        let told = world.ok("UpdateTable", update).await["TableDescription"].clone();
        told["TableClassSummary"]["TableClass"].clone()
    };
    assert_eq!(change("STANDARD").await, Value::Null);
    let infrequent = "STANDARD_INFREQUENT_ACCESS";
    assert_eq!(change(infrequent).await, infrequent);
    assert_eq!(change("STANDARD").await, "STANDARD");
}

#[tokio::test]
async fn what_a_word_may_be_is_told_in_the_real_services_order() {
    let world = World::new();
    let enumerated = |value: &str, at: &str, known: &str| {
        counted(&format!(
            "Value '{value}' at '{at}' failed to satisfy constraint: Member must satisfy enum value set: [{known}]"
        ))
    };
    let made = |more: Value| with(table("music", json!([["id", "S"]])), more);
    let stream = json!({ "StreamEnabled": true, "StreamViewType": "new_image" });
    let import = json!({
        "S3BucketSource": { "S3Bucket": "copies" },
        "InputFormat": "CSV",
        "InputCompressionType": "BZIP2",
        "TableCreationParameters": made(json!({})),
        "ClientToken": "t",
    });
    for (operation, input, message) in [
        (
            "CreateTable",
            made(json!({ "StreamSpecification": stream })),
            enumerated(
                "new_image",
                "streamSpecification.streamViewType",
                "OLD_IMAGE, KEYS_ONLY, NEW_AND_OLD_IMAGES, NEW_IMAGE",
            ),
        ),
        (
            "CreateTable",
            made(json!({ "SSESpecification": { "SSEType": "kms" } })),
            enumerated("kms", "sSESpecification.sSEType", "AES256, KMS"),
        ),
        (
            "ImportTable",
            import,
            enumerated("BZIP2", "inputCompressionType", "ZSTD, NONE, GZIP"),
        ),
    ] {
        world.invalid(operation, input, &message).await;
    }
}
