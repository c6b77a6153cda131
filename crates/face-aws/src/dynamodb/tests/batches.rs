//! Batches and transactions.

use super::*;

fn key(id: &str) -> Value {
    json!({ "id": { "S": id } })
}

fn put_request(id: &str) -> Value {
    json!({ "PutRequest": { "Item": key(id) } })
}

#[tokio::test]
async fn batches_write_and_read_many_items() {
    let world = World::with_tables().await;
    let requests: Vec<Value> = (0..24).map(|n| put_request(&n.to_string())).collect();
    let write = json!({
        "RequestItems": { "music": requests, "log": [{ "PutRequest": { "Item": entry("a", 1) } }] },
        "ReturnConsumedCapacity": "TOTAL",
    });
    let written = world.ok("BatchWriteItem", write).await;
    assert_eq!(
        written,
        json!({
            "UnprocessedItems": {},
            "ConsumedCapacity": [
                { "TableName": "log", "CapacityUnits": 1.0 },
                { "TableName": "music", "CapacityUnits": 24.0 },
            ],
        })
    );
    let delete = json!({ "RequestItems": { "music": [{ "DeleteRequest": { "Key": key("0") } }] } });
    world.ok("BatchWriteItem", delete).await;
    let get = json!({
        "RequestItems": {
            "music": { "Keys": [key("0"), key("1"), key("2")], "ConsistentRead": true },
            "log": { "Keys": [entry("a", 1)], "ProjectionExpression": "#at",
                     "ExpressionAttributeNames": { "#at": "at" } },
        },
        "ReturnConsumedCapacity": "TOTAL",
    });
    let found = world.ok("BatchGetItem", get).await;
    assert_eq!(found["Responses"]["music"].as_array().unwrap().len(), 2);
    assert_eq!(found["Responses"]["log"], json!([{ "at": { "N": "1" } }]));
    assert_eq!(found["UnprocessedKeys"], json!({}));
    let mut units: Vec<f64> = found["ConsumedCapacity"]
        .as_array()
        .unwrap()
        .iter()
        .map(|each| each["CapacityUnits"].as_f64().unwrap())
        .collect();
    units.sort_by(f64::total_cmp);
    assert_eq!(units, [0.5, 3.0]);
}

#[tokio::test]
async fn an_answer_of_sixteen_megabytes_leaves_keys_for_the_next() {
    let world = World::with_tables().await;
    for n in 0..45 {
        let body = "x".repeat(390 << 10);
        world
            .put(
                "music",
                json!({ "id": { "S": n.to_string() }, "v": { "S": body } }),
            )
            .await;
    }
    let keys: Vec<Value> = (0..45).map(|n| key(&n.to_string())).collect();
    let mut asked = json!({ "music": { "Keys": keys, "ConsistentRead": true } });
    let mut found = 0;
    let mut rounds = 0;
    while asked != json!({}) {
        let output = world
            .ok("BatchGetItem", json!({ "RequestItems": asked }))
            .await;
        found += output["Responses"]["music"].as_array().unwrap().len();
        asked = output["UnprocessedKeys"].clone();
        rounds += 1;
    }
    assert_eq!((found, rounds), (45, 2));
}

#[tokio::test]
async fn batches_are_held_to_their_limits() {
    let world = World::with_tables().await;
    let puts =
        |count: u32| -> Vec<Value> { (0..count).map(|n| put_request(&n.to_string())).collect() };
    let keys = |count: u32| -> Vec<Value> { (0..count).map(|n| key(&n.to_string())).collect() };
    let twice = "Provided list of item keys contains duplicates";
    for (operation, items, message) in [
        (
            "BatchWriteItem",
            json!({ "music": puts(20), "log": puts(6) }),
            "Too many items requested for the BatchWriteItem call",
        ),
        (
            "BatchWriteItem",
            json!({ "music": [put_request("a"), put_request("a")] }),
            twice,
        ),
        (
            "BatchWriteItem",
            json!({ "music": [{}] }),
            "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes",
        ),
        (
            "BatchGetItem",
            json!({ "music": { "Keys": keys(60) }, "log": { "Keys": keys(41) } }),
            "Too many items requested for the BatchGetItem call",
        ),
        (
            "BatchGetItem",
            json!({ "music": { "Keys": [key("a"), key("a")] } }),
            twice,
        ),
        (
            "BatchGetItem",
            json!({ "log": { "Keys": [key("a")] } }),
            "The provided key element does not match the schema",
        ),
        (
            "BatchGetItem",
            json!({
                "music": { "Keys": [key("a")], "AttributesToGet": ["id"] },
                "log": { "Keys": [entry("a", 1)], "ProjectionExpression": "id" },
            }),
            "Can not use both expression and non-expression parameters in the same request: Non-expression parameters: {AttributesToGet} Expression parameters: {ProjectionExpression}",
        ),
    ] {
        world
            .invalid(operation, json!({ "RequestItems": items }), message)
            .await;
    }
    let absent = json!({ "RequestItems": { "absent": [put_request("a")] } });
    let (code, _) = world.refused("BatchWriteItem", absent).await;
    assert_eq!(code, "ResourceNotFoundException");
}

#[tokio::test]
async fn a_transaction_is_whole_and_says_why_it_is_not() {
    let world = World::with_tables().await;
    let add = json!({ "Update": {
        "TableName": "music", "Key": key("n"),
        "UpdateExpression": "ADD n :one", "ExpressionAttributeValues": { ":one": { "N": "1" } },
    } });
    let put = |id: &str| {
        json!({ "Put": {
        "TableName": "music", "Item": key(id), "ConditionExpression": "attribute_not_exists(id)",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    } })
    };
    let transact = |items: Value, more: Value| with(json!({ "TransactItems": items }), more);
    let first = transact(
        json!([put("a"), add, { "Delete": { "TableName": "log", "Key": entry("a", 1) } }]),
        json!({ "ReturnConsumedCapacity": "TOTAL", "ClientRequestToken": "token" }),
    );
    let done = world.ok("TransactWriteItems", first.clone()).await;
    let writes = |table: &str, units: f64| {
        json!({
            "TableName": table, "CapacityUnits": units, "WriteCapacityUnits": units,
        })
    };
    assert_eq!(
        done["ConsumedCapacity"],
        json!([writes("log", 2.0), writes("music", 4.0)])
    );
    // Again, and nothing happens.
    world.ok("TransactWriteItems", first).await;
    let other = transact(json!([put("b")]), json!({ "ClientRequestToken": "token" }));
    let (code, _) = world.refused("TransactWriteItems", other).await;
    assert_eq!(code, "IdempotentParameterMismatchException");
    let check = json!({ "ConditionCheck": {
        "TableName": "music", "Key": key("n"), "ConditionExpression": "n = :two",
        "ExpressionAttributeValues": { ":two": { "N": "2" } },
    } });
    let wrong = json!({ "Put": { "TableName": "music", "Item": { "id": { "N": "1" } } } });
    let second = transact(json!([put("c"), check, put("a")]), json!({}));
    let (status, refused) = world.send("TransactWriteItems", &second).await;
    assert_eq!(status, 400);
    assert!(
        refused["__type"]
            .as_str()
            .unwrap()
            .ends_with("#TransactionCanceledException")
    );
    assert_eq!(
        refused["Message"],
        "Transaction cancelled, please refer cancellation reasons for specific reasons [None, ConditionalCheckFailed, ConditionalCheckFailed]"
    );
    let failed = "The conditional request failed";
    assert_eq!(
        refused["CancellationReasons"],
        json!([
            { "Code": "None" },
            { "Code": "ConditionalCheckFailed", "Message": failed },
            { "Code": "ConditionalCheckFailed", "Message": failed, "Item": key("a") },
        ])
    );
    // What is wrong in itself is told alone.
    let third = transact(json!([check, wrong, wrong]), json!({}));
    let (_, refused) = world.send("TransactWriteItems", &third).await;
    assert_eq!(
        refused["CancellationReasons"],
        json!([
            { "Code": "None" },
            {
                "Code": "ValidationError",
                "Message": "One or more parameter values were invalid: Type mismatch for key id expected: S actual: N",
            },
            { "Code": "None" },
        ])
    );
    let get = |id: &str| json!({ "Get": { "TableName": "music", "Key": key(id) } });
    let found = transact(
        json!([get("a"), get("c"), get("n")]),
        json!({ "ReturnConsumedCapacity": "TOTAL" }),
    );
    let found = world.ok("TransactGetItems", found).await;
    assert_eq!(
        found["Responses"],
        json!([
            { "Item": key("a") },
            {},
            { "Item": { "id": { "S": "n" }, "n": { "N": "1" } } },
        ])
    );
    assert_eq!(
        found["ConsumedCapacity"],
        json!([{ "TableName": "music", "CapacityUnits": 6.0, "ReadCapacityUnits": 6.0 }])
    );
    let no_key = json!({ "Get": { "TableName": "music", "Key": {} } });
    let no_key = transact(json!([get("a"), no_key]), json!({}));
    let (_, refused) = world.send("TransactGetItems", &no_key).await;
    assert!(
        refused["__type"]
            .as_str()
            .unwrap()
            .ends_with("#TransactionCanceledException")
    );
    assert_eq!(
        refused["CancellationReasons"],
        json!([
            { "Code": "None" },
            { "Code": "ValidationError", "Message": "The provided key element does not match the schema" },
        ])
    );
    let empty = "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: id";
    let twice = "Transaction request cannot include multiple operations on one item";
    for (operation, items, message) in [
        ("TransactWriteItems", json!([put("x"), put("x")]), twice),
        ("TransactGetItems", json!([get("x"), get("x")]), twice),
        ("TransactGetItems", json!([get("")]), empty),
        ("TransactWriteItems", json!([wrong, put("")]), empty),
        (
            "TransactWriteItems",
            json!([{ "Put": put("x")["Put"], "ConditionCheck": check["ConditionCheck"] }]),
            "TransactItems can only contain one of Check, Put, Update or Delete",
        ),
    ] {
        world
            .invalid(operation, transact(items, json!({})), message)
            .await;
    }
}
