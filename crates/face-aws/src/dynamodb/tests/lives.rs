//! Tables: made, listed, named and deleted.

use super::*;

#[tokio::test]
async fn a_table_lives_from_creation_to_deletion() {
    let world = World::new();
    let created = world
        .ok(
            "CreateTable",
            table("music", json!([["id", "S"], ["at", "N"]])),
        )
        .await;
    let described = world
        .ok("DescribeTable", json!({ "TableName": "music" }))
        .await;
    let mut table = described["Table"].clone();
    let ready =
        json!({ "ReadUnitsPerSecond": 12_000, "WriteUnitsPerSecond": 4_000, "Status": "ACTIVE" });
    assert_eq!(table["WarmThroughput"].take(), ready);
    let table_without = with(table.clone(), json!({ "WarmThroughput": null }));
    assert_eq!(table_without, created["TableDescription"]);
    let mut table = table_without;
    assert_eq!(table["TableId"].take().as_str().unwrap().len(), 36);
    assert_eq!(
        table,
        json!({
            "TableName": "music",
            "TableStatus": "ACTIVE",
            "TableArn": "arn:aws:dynamodb:us-east-1:000000000000:table/music",
            "TableId": null,
            "CreationDateTime": 1000.5,
            "KeySchema": [
                { "AttributeName": "id", "KeyType": "HASH" },
                { "AttributeName": "at", "KeyType": "RANGE" },
            ],
            "AttributeDefinitions": [
                { "AttributeName": "at", "AttributeType": "N" },
                { "AttributeName": "id", "AttributeType": "S" },
            ],
            "ProvisionedThroughput": {
                "NumberOfDecreasesToday": 0, "ReadCapacityUnits": 0, "WriteCapacityUnits": 0,
            },
            "ItemCount": 0,
            "TableSizeBytes": 0,
            "DeletionProtectionEnabled": false,
            "BillingModeSummary": {
                "BillingMode": "PAY_PER_REQUEST", "LastUpdateToPayPerRequestDateTime": 1000.5,
            },
        })
    );
    world.put("music", entry("a", 1)).await;
    let dropped = world
        .ok("DeleteTable", json!({ "TableName": "music" }))
        .await;
    assert_eq!(dropped["TableDescription"]["TableStatus"], "DELETING");
    assert_eq!(dropped["TableDescription"]["ItemCount"], 1);
    for operation in ["DescribeTable", "DeleteTable"] {
        let missing = world
            .refused(operation, json!({ "TableName": "music" }))
            .await;
        let message = "Requested resource not found: Table: music not found";
        assert_eq!(
            missing,
            ("ResourceNotFoundException".into(), message.into())
        );
    }
    let missing = world.refused("Scan", json!({ "TableName": "music" })).await;
    let message = "Requested resource not found";
    assert_eq!(
        missing,
        ("ResourceNotFoundException".into(), message.into())
    );
}

#[tokio::test]
async fn tables_are_listed_in_pages() {
    let world = World::new();
    for name in ["ccc", "aaa", "bbb"] {
        world.create(name, json!([["id", "S"]])).await;
    }
    for (input, output) in [
        (json!({}), json!({ "TableNames": ["aaa", "bbb", "ccc"] })),
        (
            json!({ "Limit": 2 }),
            json!({ "TableNames": ["aaa", "bbb"], "LastEvaluatedTableName": "bbb" }),
        ),
        (
            json!({ "ExclusiveStartTableName": "bbb", "Limit": 2 }),
            json!({ "TableNames": ["ccc"] }),
        ),
    ] {
        assert_eq!(world.ok("ListTables", input).await, output);
    }
}

#[tokio::test]
async fn tables_are_made_as_asked_or_not_at_all() {
    const WRONG: &str = "One or more parameter values were invalid: ";
    let world = World::new();
    let base = || table("music", json!([["id", "S"]]));
    let provisioned = json!({
        "BillingMode": null,
        "ProvisionedThroughput": { "ReadCapacityUnits": 5, "WriteCapacityUnits": 6 },
        "StreamSpecification": { "StreamEnabled": false },
        "SSESpecification": { "Enabled": false },
        "TableClass": "STANDARD",
        "DeletionProtectionEnabled": false,
        "Tags": [],
    });
    let created = world.ok("CreateTable", with(base(), provisioned)).await;
    let units = &created["TableDescription"]["ProvisionedThroughput"];
    assert_eq!(
        (&units["ReadCapacityUnits"], &units["WriteCapacityUnits"]),
        (&json!(5), &json!(6))
    );
    assert_eq!(created["TableDescription"].get("BillingModeSummary"), None);
    let again = world.refused("CreateTable", base()).await;
    assert_eq!(
        again,
        (
            "ResourceInUseException".into(),
            "Table already exists: music".into()
        )
    );

    let key = |name, role| json!({ "AttributeName": name, "KeyType": role });
    let defined = |name| json!({ "AttributeName": name, "AttributeType": "S" });
    for (more, message) in [
        (
            json!({ "BillingMode": "PROVISIONED" }),
            format!("{WRONG}ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED"),
        ),
        (
            json!({ "ProvisionedThroughput": { "ReadCapacityUnits": 1, "WriteCapacityUnits": 1 } }),
            format!("{WRONG}Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST"),
        ),
        (
            json!({
                "BillingMode": null,
                "ProvisionedThroughput": { "ReadCapacityUnits": 1_000_000_000_001_u64, "WriteCapacityUnits": 1 },
            }),
            "Given value 1000000000001 for ReadCapacityUnits is out of bounds".into(),
        ),
        (
            json!({ "KeySchema": null }),
            "1 validation error detected: Value null at 'keySchema' failed to satisfy constraint: Member must not be null".into(),
        ),
        (
            json!({ "AttributeDefinitions": null }),
            "1 validation error detected: Value null at 'attributeDefinitions' failed to satisfy constraint: Member must not be null".into(),
        ),
        (
            json!({ "AttributeDefinitions": [] }),
            "Invalid KeySchema: Some index key attribute have no definition".into(),
        ),
        (
            json!({ "AttributeDefinitions": [defined("a"), defined("b")] }),
            format!("{WRONG}Some index key attributes are not defined in AttributeDefinitions. Keys: [id], AttributeDefinitions: [a, b]"),
        ),
        (
            json!({ "AttributeDefinitions": [defined("id"), defined("b")] }),
            format!("{WRONG}Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions"),
        ),
        (
            json!({ "KeySchema": [key("id", "RANGE")] }),
            "Invalid KeySchema: The first KeySchemaElement is not a HASH key type".into(),
        ),
        (
            json!({
                "KeySchema": [key("id", "HASH"), key("b", "HASH")],
                "AttributeDefinitions": [defined("id"), defined("b")],
            }),
            "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type".into(),
        ),
        (
            json!({
                "KeySchema": [key("id", "HASH"), key("id", "RANGE")],
                "AttributeDefinitions": [defined("id"), defined("b")],
            }),
            "Both the Hash Key and the Range Key element in the KeySchema have the same name".into(),
        ),
    ] {
        world.invalid("CreateTable", with(base(), more), &message).await;
    }
}

#[tokio::test]
async fn a_table_is_named_by_its_arn_too() {
    let world = World::with_tables().await;
    let get = |name: &str| json!({ "TableName": name, "Key": { "id": { "S": "a" } } });
    let ours = "arn:aws:dynamodb:us-east-1:000000000000:table/music";
    world.put(ours, json!({ "id": { "S": "a" } })).await;
    assert_eq!(
        world.ok("GetItem", get("music")).await,
        world.ok("GetItem", get(ours)).await
    );
    assert_eq!(
        world
            .ok("DescribeTable", json!({ "TableName": ours }))
            .await["Table"]["ItemCount"],
        1
    );
    for (name, code) in [
        (
            "arn:aws:dynamodb:eu-west-1:000000000000:table/music",
            "ResourceNotFoundException",
        ),
        (
            "arn:aws:dynamodb:us-east-1:111111111111:table/music",
            "AccessDeniedException",
        ),
        (
            "arn:aws:dynamodb:us-east-1:000000000000:table/a b c",
            "ValidationException",
        ),
        (
            "arn:aws:dynamodb:us-east-1:000000000000:stream/music",
            "ValidationException",
        ),
        ("arn:aws:s3:::music", "ValidationException"),
        ("absent", "ResourceNotFoundException"),
    ] {
        assert_eq!(world.refused("GetItem", get(name)).await.0, code, "{name}");
    }
    let (region, account) = (
        "arn:aws:dynamodb:eu-west-1:000000000000:table/music",
        "arn:aws:dynamodb:us-east-1:111111111111:table/music",
    );
    let invalid = counted(&format!("Invalid AWS region in '{region}'"));
    for operation in [
        "DescribeTable",
        "DescribeTimeToLive",
        "DescribeContinuousBackups",
        "DeleteTable",
    ] {
        let named = |name: &str| json!({ "TableName": name });
        world.invalid(operation, named(region), &invalid).await;
        let denied = ("AccessDeniedException".into(), "Access is denied".into());
        assert_eq!(world.refused(operation, named(account)).await, denied);
    }
}

#[tokio::test]
async fn what_is_not_built_says_so() {
    let world = World::with_tables().await;
    let table = json!({ "TableName": "music" });
    let regions = json!([{ "RegionName": "us-east-1" }]);
    let stream = json!({ "TableName": "music", "StreamArn": "arn:aws:kinesis:us-east-1:000000000000:stream/changes" });
    for (operation, input) in [
        (
            "CreateGlobalTable",
            json!({ "GlobalTableName": "music", "ReplicationGroup": regions }),
        ),
        ("DescribeGlobalTable", json!({ "GlobalTableName": "music" })),
        ("ListGlobalTables", json!({})),
        (
            "UpdateGlobalTable",
            json!({ "GlobalTableName": "music", "ReplicaUpdates": [] }),
        ),
        (
            "DescribeGlobalTableSettings",
            json!({ "GlobalTableName": "music" }),
        ),
        (
            "UpdateGlobalTableSettings",
            json!({ "GlobalTableName": "music" }),
        ),
        ("DescribeTableReplicaAutoScaling", table.clone()),
        ("DescribeKinesisStreamingDestination", table.clone()),
        ("EnableKinesisStreamingDestination", stream.clone()),
        ("DisableKinesisStreamingDestination", stream.clone()),
        ("UpdateKinesisStreamingDestination", stream),
        ("DescribeContributorInsights", table.clone()),
        ("ListContributorInsights", json!({})),
        (
            "UpdateContributorInsights",
            with(
                table.clone(),
                json!({ "ContributorInsightsAction": "ENABLE" }),
            ),
        ),
    ] {
        let message = format!("Fulmar does not implement DynamoDB.{operation} yet");
        let expected = ("NotImplementedException".to_owned(), message);
        assert_eq!(world.refused(operation, input).await, expected);
    }
}
