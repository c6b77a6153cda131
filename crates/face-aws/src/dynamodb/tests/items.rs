//! Writes with conditions, and what writes tell.

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
