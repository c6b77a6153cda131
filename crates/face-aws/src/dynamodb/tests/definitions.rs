//! How tables and their indexes may be defined, and what is said of definitions that are wrong.

use super::*;

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
