//! Writes of single items: what they are held to, their conditions, and what they tell.

use super::*;

const KEY: &str = "a";

fn put(more: Value) -> Value {
    let item = json!({ "id": { "S": KEY }, "n": { "N": "1" } });
    with(json!({ "TableName": "music", "Item": item }), more)
}

fn key(more: Value) -> Value {
    let key = json!({ "id": { "S": KEY } });
    with(json!({ "TableName": "music", "Key": key }), more)
}

#[tokio::test]
async fn writes_are_done_if_their_condition_holds() {
    let world = World::with_tables().await;
    let once = put(json!({ "ConditionExpression": "attribute_not_exists(id)" }));
    world.ok("PutItem", once.clone()).await;
    let failed = (
        "ConditionalCheckFailedException".to_owned(),
        "The conditional request failed".to_owned(),
    );
    assert_eq!(world.refused("PutItem", once.clone()).await, failed);
    let (_, silent) = world.send("PutItem", &once).await;
    assert_eq!(silent.get("Item"), None);
    let telling = with(
        once,
        json!({ "ReturnValuesOnConditionCheckFailure": "ALL_OLD" }),
    );
    let (status, told) = world.send("PutItem", &telling).await;
    assert_eq!(status, 400);
    assert_eq!(
        told["Item"],
        json!({ "id": { "S": "a" }, "n": { "N": "1" } })
    );
    let is = |n: &str| {
        json!({
            "ConditionExpression": "n = :n",
            "ExpressionAttributeValues": { ":n": { "N": n } },
        })
    };
    assert_eq!(world.refused("DeleteItem", key(is("2"))).await, failed);
    world.ok("DeleteItem", key(is("1"))).await;
    assert_eq!(world.refused("DeleteItem", key(is("1"))).await, failed);
    let expected = json!({ "Expected": { "n": { "Value": { "N": "1" } } } });
    assert_eq!(world.refused("PutItem", put(expected)).await, failed);
}

#[tokio::test]
async fn an_update_tells_what_is_asked() {
    let world = World::with_tables().await;
    let update = |returned: &str| {
        key(json!({
            "UpdateExpression": "SET n = if_not_exists(n, :zero) + :one, m.x = :one REMOVE gone",
            "ExpressionAttributeValues": { ":zero": { "N": "0" }, ":one": { "N": "1" } },
            "ReturnValues": returned,
        }))
    };
    let fresh = || {
        put(json!({ "Item": {
        "id": { "S": "a" }, "n": { "N": "1" }, "m": { "M": { "y": { "S": "z" } } }, "gone": { "S": "o" },
    } }))
    };
    let new = json!({
        "id": { "S": "a" }, "n": { "N": "2" }, "m": { "M": { "x": { "N": "1" }, "y": { "S": "z" } } },
    });
    for (returned, told) in [
        ("NONE", None),
        ("ALL_OLD", Some(fresh()["Item"].clone())),
        ("ALL_NEW", Some(new)),
        (
            "UPDATED_OLD",
            Some(json!({ "n": { "N": "1" }, "gone": { "S": "o" } })),
        ),
        (
            "UPDATED_NEW",
            Some(json!({ "n": { "N": "2" }, "m": { "M": { "x": { "N": "1" } } } })),
        ),
    ] {
        world.ok("PutItem", fresh()).await;
        let output = world.ok("UpdateItem", update(returned)).await;
        assert_eq!(output.get("Attributes"), told.as_ref(), "{returned}");
    }
    world.ok("DeleteItem", key(json!({}))).await;
    let made = key(json!({
        "UpdateExpression": "SET n = :n",
        "ExpressionAttributeValues": { ":n": { "S": "x".repeat(2_000) } },
        "ReturnValues": "ALL_OLD",
        "ReturnConsumedCapacity": "TOTAL",
    }));
    let output = world.ok("UpdateItem", made).await;
    assert_eq!(
        output,
        json!({ "ConsumedCapacity": { "TableName": "music", "CapacityUnits": 2.0 } })
    );
    let bare = world
        .ok("UpdateItem", key(json!({ "ReturnValues": "ALL_NEW" })))
        .await;
    assert_eq!(bare["Attributes"]["id"], json!({ "S": "a" }));
    for returned in ["ALL_NEW", "UPDATED_OLD"] {
        let message = "1 validation error detected: ReturnValues can only be ALL_OLD or NONE";
        world
            .invalid("PutItem", put(json!({ "ReturnValues": returned })), message)
            .await;
    }
}

#[tokio::test]
async fn a_page_counts_what_it_read_and_what_it_kept() {
    let world = World::with_tables().await;
    world.fill_log().await;
    let query = json!({
        "TableName": "log",
        "KeyConditionExpression": "id = :a",
        "FilterExpression": "attribute_exists(x)",
        "ExpressionAttributeValues": { ":a": { "S": "a" } },
        "Limit": 4,
    });
    let page = world.ok("Query", query.clone()).await;
    assert_eq!(
        (&page["Count"], &page["ScannedCount"]),
        (&json!(0), &json!(4))
    );
    assert_eq!(page["LastEvaluatedKey"], entry("a", 3));
    let of_key = with(query.clone(), json!({ "FilterExpression": "id <> :a" }));
    let message =
        "Filter Expression can only contain non-primary key attributes: Primary key attribute: id";
    world.invalid("Query", of_key, message).await;
    let projected = with(
        query,
        json!({
            "FilterExpression": null,
            "ProjectionExpression": "#at",
            "ExpressionAttributeNames": { "#at": "at" },
            "Select": "SPECIFIC_ATTRIBUTES",
        }),
    );
    let page = world.ok("Query", projected).await;
    assert_eq!(page["Items"][0], json!({ "at": { "N": "0" } }));
}

#[tokio::test]
async fn writes_tell_what_was_there_when_asked() {
    let world = World::with_tables().await;
    let one = json!({ "id": { "S": "a" }, "v": { "N": "1" } });
    let put = |more| with(json!({ "TableName": "music", "Item": one }), more);
    let delete = |more| {
        with(
            json!({ "TableName": "music", "Key": { "id": { "S": "a" } } }),
            more,
        )
    };
    let old = json!({ "ReturnValues": "ALL_OLD" });
    assert_eq!(world.ok("PutItem", put(old.clone())).await, json!({}));
    assert_eq!(
        world.ok("PutItem", put(old.clone())).await,
        json!({ "Attributes": one })
    );
    let none = json!({
        "ReturnValues": "NONE", "ReturnConsumedCapacity": "NONE", "ReturnItemCollectionMetrics": "NONE",
    });
    assert_eq!(world.ok("PutItem", put(none)).await, json!({}));
    assert_eq!(
        world.ok("DeleteItem", delete(old.clone())).await,
        json!({ "Attributes": one })
    );
    assert_eq!(world.ok("DeleteItem", delete(old)).await, json!({}));
    let key = json!({ "TableName": "music", "Key": { "id": { "S": "a" } } });
    assert_eq!(world.ok("GetItem", key).await, json!({}));
    for value in ["ALL_NEW", "UPDATED_OLD", "UPDATED_NEW"] {
        let asked = || json!({ "ReturnValues": value });
        let message = "1 validation error detected: ReturnValues can only be ALL_OLD or NONE";
        world.invalid("PutItem", put(asked()), message).await;
        world.invalid("DeleteItem", delete(asked()), message).await;
    }
}

/// Writes of one item count what is found before their table is looked at.
#[tokio::test]
async fn writes_of_one_item_count_what_is_wrong_with_them() {
    const EXPECTED: &str = "One or more parameter values were invalid: Value must be provided when Exists is true for Attribute: a";
    const UNUSED: &str =
        "Value provided in ExpressionAttributeNames unused in expressions: keys: {#a}";
    const ONLY: &str = "can only be specified when using expressions";
    let world = World::with_tables().await;
    let key = json!({ "id": { "S": "a" } });
    for (operation, name) in [
        ("PutItem", "Item"),
        ("DeleteItem", "Key"),
        ("UpdateItem", "Key"),
    ] {
        for (more, message) in [
            (
                json!({ "ExpressionAttributeValues": { ":v": { "S": "x" } } }),
                format!("ExpressionAttributeValues {ONLY}"),
            ),
            (
                json!({ "ExpressionAttributeNames": { "#a": "a" } }),
                format!("ExpressionAttributeNames {ONLY}"),
            ),
            (
                json!({
                    "ConditionExpression": "attribute_exists(id)",
                    "ExpressionAttributeNames": { "#a": "a" },
                }),
                UNUSED.to_owned(),
            ),
            (
                json!({
                    "ConditionExpression": "attribute_exists(id)",
                    "ExpressionAttributeValues": {},
                }),
                "ExpressionAttributeValues must not be empty".to_owned(),
            ),
            (
                json!({ "ConditionExpression": "" }),
                "Invalid ConditionExpression: The expression can not be empty;".to_owned(),
            ),
            (
                json!({ "Expected": { "a": { "Exists": true } } }),
                EXPECTED.to_owned(),
            ),
        ] {
            let request = json!({ "TableName": "absent", name: key });
            let request = with(request, more);
            world.invalid(operation, request, &counted(&message)).await;
        }
    }
}

#[tokio::test]
async fn keys_are_held_to_the_table() {
    const WRONG: &str = "One or more parameter values were invalid: ";
    const EMPTY: &str = "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty";
    const MISMATCH: &str = "The provided key element does not match the schema";
    let world = World::with_tables().await;
    world
        .create("bytes", json!([["id", "S"], ["b", "B"]]))
        .await;
    let long = |length| json!({ "S": "x".repeat(length) });
    for (table, item, message) in [
        (
            "music",
            json!({ "x": { "S": "a" } }),
            format!("{WRONG}Missing the key id in the item"),
        ),
        (
            "music",
            json!({ "id": { "N": "1" } }),
            format!("{WRONG}Type mismatch for key id expected: S actual: N"),
        ),
        (
            "music",
            json!({ "id": { "S": "" } }),
            format!("{EMPTY} string value. Key: id"),
        ),
        (
            "bytes",
            json!({ "id": { "S": "a" }, "b": { "B": "" } }),
            format!("{EMPTY} binary value. Key: b"),
        ),
        (
            "log",
            json!({ "id": { "S": "a" } }),
            format!("{WRONG}Missing the key at in the item"),
        ),
        (
            "music",
            json!({ "id": long(2_049) }),
            format!("{WRONG}Size of hashkey has exceeded the maximum size limit of2048 bytes"),
        ),
        (
            "bytes",
            json!({ "id": { "S": "a" }, "b": { "B": "AAAA".repeat(342) } }),
            format!(
                "{WRONG}Aggregated size of all range keys has exceeded the size limit of 1024 bytes"
            ),
        ),
        (
            "music",
            json!({ "id": { "S": "a" }, "v": long(400 << 10) }),
            "Item size has exceeded the maximum allowed size".into(),
        ),
    ] {
        let input = json!({ "TableName": table, "Item": item });
        world.invalid("PutItem", input, &message).await;
    }
    for (table, key, message) in [
        ("music", json!({}), MISMATCH.to_owned()),
        ("music", json!({ "x": { "S": "a" } }), MISMATCH.into()),
        ("music", json!({ "id": { "N": "1" } }), MISMATCH.into()),
        (
            "music",
            json!({ "id": { "S": "a" }, "x": { "S": "a" } }),
            MISMATCH.into(),
        ),
        ("log", json!({ "id": { "S": "a" } }), MISMATCH.into()),
        (
            "music",
            json!({ "id": { "S": "" } }),
            format!("{EMPTY} string value. Key: id"),
        ),
    ] {
        for operation in ["GetItem", "DeleteItem"] {
            let input = json!({ "TableName": table, "Key": key });
            world.invalid(operation, input, &message).await;
        }
    }
}

#[tokio::test]
async fn capacity_is_counted_in_begun_units() {
    let world = World::with_tables().await;
    let units = |output: &Value| {
        output["ConsumedCapacity"]["CapacityUnits"]
            .as_f64()
            .unwrap()
    };
    let total = json!({ "ReturnConsumedCapacity": "TOTAL" });
    let key = json!({ "TableName": "music", "Key": { "id": { "S": "a" } } });
    let put = |size: usize| {
        let item = json!({ "id": { "S": "a" }, "v": { "S": "x".repeat(size - 4) } });
        with(json!({ "TableName": "music", "Item": item }), total.clone())
    };
    // The larger one counts: what was there, or what is.
    for (size, expected) in [(1_024, 1.0), (1_025, 2.0), (1_024, 2.0), (4_097, 5.0)] {
        assert_eq!(units(&world.ok("PutItem", put(size)).await), expected);
    }
    let get = with(key.clone(), total.clone());
    assert_eq!(units(&world.ok("GetItem", get.clone()).await), 1.0);
    let consistent = with(
        get.clone(),
        json!({ "ConsistentRead": true, "ReturnConsumedCapacity": "INDEXES" }),
    );
    assert_eq!(
        world.ok("GetItem", consistent).await["ConsumedCapacity"],
        json!({ "TableName": "music", "CapacityUnits": 2.0, "Table": { "CapacityUnits": 2.0 } })
    );
    let scan = with(json!({ "TableName": "music" }), total.clone());
    assert_eq!(units(&world.ok("Scan", scan).await), 1.0);
    assert_eq!(units(&world.ok("DeleteItem", get.clone()).await), 5.0);
    assert_eq!(units(&world.ok("DeleteItem", get.clone()).await), 1.0);
    assert_eq!(units(&world.ok("GetItem", get).await), 0.5);
}
