//! How tables and their indexes may be defined, and what is said of definitions that are wrong.

use super::*;

const INVALID: &str = "One or more parameter values were invalid: ";

fn defined(names: &[(&str, &str)]) -> Value {
    let each = names.iter();
    each.map(|(name, code)| json!({ "AttributeName": name, "AttributeType": code }))
        .collect()
}

/// With a partition key.
fn index(name: &str, key: &str) -> Value {
    json!({
        "IndexName": name,
        "KeySchema": [{ "AttributeName": key, "KeyType": "HASH" }],
        "Projection": { "ProjectionType": "ALL" },
    })
}

fn new(name: &str, more: Value) -> Value {
    with(table(name, json!([["id", "S"]])), more)
}

fn update(more: Value) -> Value {
    with(json!({ "TableName": "music" }), more)
}

fn updates(list: impl Into<Value>) -> Value {
    update(json!({
        "AttributeDefinitions": defined(&[("name", "S")]),
        "GlobalSecondaryIndexUpdates": list.into(),
    }))
}

/// With the index `by-name`.
async fn indexed() -> World {
    let world = World::new();
    let made = json!({
        "AttributeDefinitions": defined(&[("id", "S"), ("name", "S")]),
        "GlobalSecondaryIndexes": [index("by-name", "name")],
    });
    world.ok("CreateTable", new("music", made)).await;
    world
}

#[tokio::test]
async fn attributes_are_defined_once_and_used() {
    let world = World::new();
    let unprojected = with(index("by-name", "name"), json!({ "Projection": {} }));
    for (more, message) in [
        (
            json!({ "AttributeDefinitions": defined(&[("id", "S"), ("id", "N")]) }),
            "Attribute Name is duplicated: id".to_owned(),
        ),
        (
            json!({
                "AttributeDefinitions": defined(&[("id", "S"), ("name", "S"), ("other", "S")]),
                "GlobalSecondaryIndexes": [unprojected],
            }),
            format!(
                "{INVALID}Some AttributeDefinitions are not used. AttributeDefinitions: [id, name, other], keys used: [id, name]"
            ),
        ),
    ] {
        world
            .invalid("CreateTable", new("music", more), &message)
            .await;
    }
}

#[tokio::test]
async fn a_class_is_told_if_it_was_asked_for() {
    let world = World::new();
    let message = "Invalid table-class parameter provided. Please try again with a valid table-class value: [STANDARD, STANDARD_INFREQUENT_ACCESS].";
    let classed = |class: &str| new("music", json!({ "TableClass": class }));
    world
        .invalid("CreateTable", classed("standard"), message)
        .await;
    world.ok("CreateTable", classed("STANDARD")).await;
    let described = world
        .ok("DescribeTable", json!({ "TableName": "music" }))
        .await;
    assert_eq!(
        described["Table"]["TableClassSummary"],
        json!({ "TableClass": "STANDARD" })
    );
}

#[tokio::test]
async fn what_is_told_of_a_table_that_goes() {
    let world = indexed().await;
    let dropped = world
        .ok("DeleteTable", json!({ "TableName": "music" }))
        .await;
    let told = dropped["TableDescription"].as_object().unwrap();
    for name in [
        "CreationDateTime",
        "KeySchema",
        "AttributeDefinitions",
        "GlobalSecondaryIndexes",
    ] {
        assert_eq!(told.get(name), None, "{name}");
    }
    assert_eq!(told["TableStatus"], "DELETING");
}

#[tokio::test]
async fn projected_attributes_are_told_by_name() {
    let world = World::new();
    let projected = json!({
        "Projection": { "ProjectionType": "INCLUDE", "NonKeyAttributes": ["z", "a"] },
    });
    let made = json!({
        "AttributeDefinitions": defined(&[("id", "S"), ("name", "S")]),
        "GlobalSecondaryIndexes": [with(index("by-name", "name"), projected)],
    });
    let created = world.ok("CreateTable", new("music", made)).await;
    let index = &created["TableDescription"]["GlobalSecondaryIndexes"][0];
    assert_eq!(index["Projection"]["NonKeyAttributes"], json!(["a", "z"]));
}

#[tokio::test]
async fn wrong_changes_of_indexes_are_told() {
    let world = indexed().await;
    let create = |name: &str| json!({ "Create": index(name, "name") });
    let drop = |name: &str| json!({ "Delete": { "IndexName": name } });
    let change = |more: Value| json!({ "Update": with(json!({ "IndexName": "by-name" }), more) });
    let units = json!({ "ReadCapacityUnits": 1, "WriteCapacityUnits": 1 });
    let only = format!(
        "{INVALID}The only Updates for index: by-name when TableThroughputMode is PAY_PER_REQUEST can be to OnDemandThroughput, WarmThroughput"
    );
    for (input, message) in [
        (
            with(
                updates(json!([])),
                json!({ "BillingMode": "PAY_PER_REQUEST" }),
            ),
            format!("{INVALID}List of GlobalSecondaryIndexUpdates is empty"),
        ),
        (
            with(
                updates(json!([create("another")])),
                json!({ "AttributeDefinitions": null }),
            ),
            format!("{INVALID}AttributeDefinitions is not specified for index: another"),
        ),
        (
            with(
                updates(json!([create("another")])),
                json!({ "AttributeDefinitions": defined(&[("name", "N")]) }),
            ),
            format!(
                "{INVALID}Attributes cannot be redefined. Please check that your attribute has the same type as previously defined. Existing schema: Schema:[SchemaElement: key{{name:S:HASH}}] New schema: Schema:[SchemaElement: key{{name:N:HASH}}]"
            ),
        ),
        (updates(json!([change(json!({}))])), only.clone()),
        (
            updates(json!([change(json!({ "OnDemandThroughput": {} }))])),
            only.clone(),
        ),
        (
            updates(json!([change(json!({ "ProvisionedThroughput": units }))])),
            only,
        ),
    ] {
        world.invalid("UpdateTable", input, &message).await;
    }
    let exceeded = |what: &str| {
        let message = format!("Subscriber limit exceeded: {what}");
        ("LimitExceededException".to_owned(), message)
    };
    // Whether they are there is not looked at.
    for both in [[drop("one"), drop("other")], [create("one"), drop("other")]] {
        let refused = world.refused("UpdateTable", updates(json!(both))).await;
        let message = "Only 1 online index can be created or deleted simultaneously per table";
        assert_eq!(refused, exceeded(message));
    }
    let all: Vec<Value> = (0..20)
        .map(|n| index(&format!("index-{n}"), "name"))
        .collect();
    let full = json!({
        "AttributeDefinitions": defined(&[("id", "S"), ("name", "S")]),
        "GlobalSecondaryIndexes": all,
    });
    world.ok("CreateTable", new("full", full)).await;
    let more = with(
        updates(json!([create("more")])),
        json!({ "TableName": "full" }),
    );
    let message = "Number of global secondary indexes exceeds per-table limit of 20";
    assert_eq!(world.refused("UpdateTable", more).await, exceeded(message));
}

#[tokio::test]
async fn an_index_of_a_provisioned_table_is_provisioned() {
    let world = World::new();
    let units = json!({ "ReadCapacityUnits": 1, "WriteCapacityUnits": 1 });
    let provisioned = json!({ "BillingMode": "PROVISIONED", "ProvisionedThroughput": units });
    world.ok("CreateTable", new("music", provisioned)).await;
    let create = updates(json!([{ "Create": index("by-name", "name") }]));
    let message = format!(
        "{INVALID}Both ReadCapacityUnits and WriteCapacityUnits must be specified for index: by-name"
    );
    world.invalid("UpdateTable", create, &message).await;
}

#[tokio::test]
async fn what_is_a_key_of_an_index_has_no_parts() {
    let world = indexed().await;
    let set = json!({
        "TableName": "music",
        "Key": { "id": { "S": "a" } },
        "UpdateExpression": "SET #n.part = :v",
        "ExpressionAttributeNames": { "#n": "name" },
        "ExpressionAttributeValues": { ":v": { "S": "x" } },
    });
    let message = "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: IndexKey: name";
    world.invalid("UpdateItem", set, message).await;
}

#[tokio::test]
async fn older_key_conditions_know_one_attribute_of_each_role() {
    let world = World::new();
    let keys = json!([
        { "AttributeName": "a", "KeyType": "HASH" },
        { "AttributeName": "b", "KeyType": "HASH" },
    ]);
    let made = json!({
        "AttributeDefinitions": defined(&[("id", "S"), ("a", "S"), ("b", "S")]),
        "GlobalSecondaryIndexes": [with(index("both", "a"), json!({ "KeySchema": keys }))],
    });
    world.ok("CreateTable", new("music", made)).await;
    let is = json!({ "AttributeValueList": [{ "S": "v" }], "ComparisonOperator": "EQ" });
    let query = json!({
        "TableName": "music",
        "IndexName": "both",
        "KeyConditions": { "a": is, "b": is },
    });
    let (code, message) = world.refused("Query", query).await;
    assert_eq!(code, "ValidationException");
    assert!(message.contains("KeyConditions"), "{message}");
}
