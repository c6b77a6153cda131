//! How tables and indexes were provisioned, and what they are ready for because of that.

use super::*;

const INVALID: &str = "One or more parameter values were invalid: ";
const LESS: &str =
    "is lower than current WarmThroughput, decreasing WarmThroughput is not supported";

fn warm(read: i64, write: i64) -> Value {
    json!({ "ReadUnitsPerSecond": read, "WriteUnitsPerSecond": write })
}

fn ready(read: i64, write: i64) -> Value {
    with(warm(read, write), json!({ "Status": "ACTIVE" }))
}

fn units(read: u64, write: u64) -> Value {
    json!({ "ReadCapacityUnits": read, "WriteCapacityUnits": write })
}

/// With a global index `by-name`, whose members are these besides.
fn indexed(name: &str, more: Value) -> Value {
    let index = json!({
        "IndexName": "by-name",
        "KeySchema": [{ "AttributeName": "name", "KeyType": "HASH" }],
        "Projection": { "ProjectionType": "ALL" },
    });
    with(
        table(name, json!([["id", "S"]])),
        json!({
            "AttributeDefinitions": [
                { "AttributeName": "id", "AttributeType": "S" },
                { "AttributeName": "name", "AttributeType": "S" },
            ],
            "GlobalSecondaryIndexes": [with(index, more)],
        }),
    )
}

fn of_index(change: Value) -> Value {
    let update = with(json!({ "IndexName": "by-name" }), change);
    json!({ "GlobalSecondaryIndexUpdates": [{ "Update": update }] })
}

async fn described(world: &World, name: &str) -> Value {
    let described = world.ok("DescribeTable", json!({ "TableName": name }));
    described.await["Table"].clone()
}

/// Of the table and of its index.
async fn told(world: &World, name: &str) -> (Value, Value) {
    let described = described(world, name).await;
    let index = &described["GlobalSecondaryIndexes"][0];
    (
        described["WarmThroughput"].clone(),
        index["WarmThroughput"].clone(),
    )
}

#[tokio::test]
async fn what_is_ready_is_told_and_only_becomes_more() {
    let world = World::new();
    let created = world.ok("CreateTable", indexed("ready", json!({}))).await;
    assert_eq!(
        created["TableDescription"].get("WarmThroughput"),
        None,
        "it is told of what is described"
    );
    let usual = ready(12_000, 4_000);
    assert_eq!(told(&world, "ready").await, (usual.clone(), usual));
    let update = |more: Value| with(json!({ "TableName": "ready" }), more);
    for more in [
        json!({ "WarmThroughput": warm(12_240, 4_000) }),
        json!({ "WarmThroughput": { "WriteUnitsPerSecond": 4_080 } }),
        json!({ "WarmThroughput": warm(12_240, 4_080) }),
        of_index(json!({ "WarmThroughput": { "ReadUnitsPerSecond": 13_000 } })),
        // One that says nothing is none.
        json!({ "WarmThroughput": {}, "BillingMode": "PAY_PER_REQUEST" }),
    ] {
        world.ok("UpdateTable", update(more)).await;
    }
    let now = (ready(12_240, 4_080), ready(13_000, 4_000));
    assert_eq!(told(&world, "ready").await, now);
    let both = json!({ "WarmThroughput": warm(13_000, 5_000), "DeletionProtectionEnabled": true });
    let add = json!({
        "WarmThroughput": warm(13_000, 5_000),
        "AttributeDefinitions": [{ "AttributeName": "id", "AttributeType": "S" }],
        "GlobalSecondaryIndexUpdates": [{ "Create": {
            "IndexName": "another",
            "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }],
            "Projection": { "ProjectionType": "ALL" },
        } }],
    });
    for (more, message) in [
        (
            json!({ "WarmThroughput": warm(12_000, 4_080) }),
            format!("Requested ReadUnitsPerSecond for WarmThroughput for table {LESS}"),
        ),
        (
            json!({ "WarmThroughput": { "WriteUnitsPerSecond": -1 } }),
            format!("Requested WriteUnitsPerSecond for WarmThroughput for table {LESS}"),
        ),
        (
            of_index(json!({ "WarmThroughput": warm(12_999, 4_000) })),
            format!("Requested ReadUnitsPerSecond for WarmThroughput for index by-name {LESS}"),
        ),
        (
            of_index(json!({ "WarmThroughput": {} })),
            "WarmThroughput must have at least one of ReadUnitsPerSecond or WriteUnitsPerSecond specified for index: by-name".into(),
        ),
        (
            both,
            "DeletionProtection modification must be the only operation in the request".into(),
        ),
        (
            json!({ "WarmThroughput": warm(13_000, 5_000), "BillingMode": "PAY_PER_REQUEST" }),
            "WarmThroughput must be the only operation in the request".into(),
        ),
        (
            json!({ "WarmThroughput": warm(13_000, 5_000), "OnDemandThroughput": { "MaxReadRequestUnits": 5 } }),
            "OnDemandThroughput can only be combined with BillingMode in an UpdateTable request".into(),
        ),
        (
            add,
            "Create global secondary index cannot be specified when updating WarmThroughput".into(),
        ),
    ] {
        world.invalid("UpdateTable", update(more), &format!("{INVALID}{message}")).await;
    }
    assert_eq!(told(&world, "ready").await, now, "nothing was done");
}

#[tokio::test]
async fn what_is_new_is_ready_for_what_was_asked() {
    let world = World::new();
    let wanted = json!({ "WarmThroughput": { "ReadUnitsPerSecond": 12_001 } });
    let new = with(
        indexed("asked", json!({ "WarmThroughput": warm(13_000, 5_000) })),
        wanted,
    );
    let created = world.ok("CreateTable", new).await;
    assert_eq!(
        created["TableDescription"]["WarmThroughput"],
        ready(12_001, 4_000)
    );
    assert_eq!(
        told(&world, "asked").await,
        (ready(12_001, 4_000), ready(13_000, 5_000))
    );
    let least = "is lower than initial throughput for OnDemand. See: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html#on-demand-capacity-mode-initial";
    let provisioned =
        json!({ "BillingMode": "PROVISIONED", "ProvisionedThroughput": units(10, 10) });
    for (new, message) in [
        (
            with(indexed("other", json!({})), json!({ "WarmThroughput": warm(11_999, 4_000) })),
            format!("ReadUnitsPerSecond for WarmThroughput for table {least}"),
        ),
        (
            indexed("other", json!({ "WarmThroughput": warm(12_000, 0) })),
            format!("WriteUnitsPerSecond for WarmThroughput for index by-name {least}"),
        ),
        (
            with(
                with(table("other", json!([["id", "S"]])), provisioned),
                json!({ "WarmThroughput": warm(5, 5) }),
            ),
            "ReadUnitsPerSecond for WarmThroughput for table is lower than ReadCapacityUnits of ProvisionedThroughput".into(),
        ),
    ] {
        let message = format!("{INVALID}Requested {message}");
        world.invalid("CreateTable", new, &message).await;
    }
}

#[tokio::test]
async fn how_a_table_was_provisioned_is_remembered() {
    let world = World::new();
    let provisioned = json!({ "BillingMode": "PROVISIONED", "ProvisionedThroughput": units(2, 3) });
    let index = json!({ "ProvisionedThroughput": units(1, 1) });
    let new = with(indexed("paid", index), provisioned.clone());
    world.ok("CreateTable", new).await;
    let before = described(&world, "paid").await;
    assert_eq!(before.get("BillingModeSummary"), None);
    assert_eq!(
        before["ProvisionedThroughput"],
        with(units(2, 3), json!({ "NumberOfDecreasesToday": 0 }))
    );
    let update = |more: Value| with(json!({ "TableName": "paid" }), more);
    let provision =
        |read: u64, write: u64| update(json!({ "ProvisionedThroughput": units(read, write) }));
    world.ok("UpdateTable", provision(9, 3)).await;
    world.clock.advance(Duration::from_secs(1));
    for (read, write) in [(8, 3), (1, 3)] {
        world.ok("UpdateTable", provision(read, write)).await;
    }
    let now = json!({
        "NumberOfDecreasesToday": 2,
        "LastIncreaseDateTime": 1_000.5,
        "LastDecreaseDateTime": 1_001.5,
    });
    assert_eq!(
        described(&world, "paid").await["ProvisionedThroughput"],
        with(units(1, 3), now)
    );
    // As much as it ever was provisioned with.
    assert_eq!(told(&world, "paid").await, (ready(9, 3), ready(1, 1)));
    world.clock.advance(Duration::from_secs(86_400));
    let next_day = described(&world, "paid").await;
    assert_eq!(
        next_day["ProvisionedThroughput"]["NumberOfDecreasesToday"],
        0
    );

    let by_request = json!({ "BillingMode": "PAY_PER_REQUEST" });
    world.ok("UpdateTable", update(by_request)).await;
    world.clock.advance(Duration::from_secs(1));
    let again = with(
        with(
            provisioned,
            of_index(json!({ "ProvisionedThroughput": units(1, 1) })),
        ),
        json!({ "TableName": "paid" }),
    );
    world.ok("UpdateTable", again).await;
    assert_eq!(
        described(&world, "paid").await["BillingModeSummary"],
        json!({
            "BillingMode": "PROVISIONED",
            "LastUpdateToPayPerRequestDateTime": 87_401.5,
        })
    );
    let usual = ready(12_000, 4_000);
    assert_eq!(told(&world, "paid").await, (usual.clone(), usual));
}
