//! Values: how they come back, and what is said of wrong ones.

use super::*;

#[tokio::test]
async fn every_type_of_value_comes_back_as_it_was() {
    let world = World::with_tables().await;
    let item = json!({
        "id": { "S": "ü" },
        "empty": { "S": "" },
        "number": { "N": "-12.5" },
        "binary": { "B": "AAH/" },
        "true": { "BOOL": true },
        "false": { "BOOL": false },
        "null": { "NULL": true },
        "list": { "L": [{ "S": "a" }, { "L": [] }, { "M": { "x": { "N": "1" } } }] },
        "map": { "M": {} },
        "strings": { "SS": ["a", "b"] },
        "numbers": { "NS": ["-1", "2.5"] },
        "binaries": { "BS": ["AA==", "AQ=="] },
    });
    world.put("music", item.clone()).await;
    let key = json!({ "TableName": "music", "Key": { "id": { "S": "ü" } } });
    assert_eq!(world.ok("GetItem", key.clone()).await["Item"], item);
    let consistent = with(key, json!({ "ConsistentRead": true }));
    assert_eq!(world.ok("GetItem", consistent).await["Item"], item);
    // Numbers are told in one way.
    let long = "9".repeat(38);
    for (given, told) in [
        ("007", "7"),
        ("1e3", "1000"),
        ("1.10", "1.1"),
        (&*long, &*long),
    ] {
        world
            .put("music", json!({ "id": { "S": "n" }, "n": { "N": given } }))
            .await;
        let key = json!({ "TableName": "music", "Key": { "id": { "S": "n" } } });
        assert_eq!(world.ok("GetItem", key).await["Item"]["n"]["N"], told);
    }
}

#[tokio::test]
async fn wrong_values_are_refused_in_the_words_of_the_real_service() {
    const WRONG: &str = "One or more parameter values were invalid: ";
    let world = World::with_tables().await;
    let nested = |levels| (0..levels).fold(json!({ "S": "x" }), |inner, _| json!({ "L": [inner] }));
    for (value, message) in [
        (json!({}), "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes".to_owned()),
        (
            json!({ "S": "a", "N": "1" }),
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes".into(),
        ),
        (json!({ "N": "abc" }), "The parameter cannot be converted to a numeric value: abc".into()),
        (json!({ "N": "1".repeat(39) }), "Attempting to store more than 38 significant digits in a Number".into()),
        (
            json!({ "N": "1e126" }),
            "Number overflow. Attempting to store a number with magnitude larger than supported range".into(),
        ),
        (
            json!({ "N": "1e-131" }),
            "Number underflow. Attempting to store a number with magnitude smaller than supported range".into(),
        ),
        (json!({ "SS": [] }), format!("{WRONG}An string set  may not be empty")),
        (json!({ "NS": [] }), format!("{WRONG}An number set  may not be empty")),
        (json!({ "BS": [] }), format!("{WRONG}Binary sets should not be empty")),
        (
            json!({ "NULL": false }),
            format!("{WRONG}Null attribute value types must have the value of true"),
        ),
        (json!({ "M": { "x": { "L": [{ "N": "x" }] } } }), "The parameter cannot be converted to a numeric value: x".into()),
        (json!({ "N": "0e126" }), "Number overflow. Attempting to store a number with magnitude larger than supported range".into()),
        (
            json!({ "N": "1e9223372036854775808" }),
            "The parameter cannot be converted to a numeric value: 1e9223372036854775808".into(),
        ),
        (
            nested(32),
            "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit".into(),
        ),
    ] {
        let item = json!({ "id": { "S": "a" }, "v": value });
        let batch = json!({ "RequestItems": { "music": [{ "PutRequest": { "Item": &item } }] } });
        world.invalid("BatchWriteItem", batch, &message).await;
        let put = json!({ "TableName": "music", "Item": item });
        world.invalid("PutItem", put, &counted(&message)).await;
    }
    let item = json!({ "id": { "S": "a" }, "v": nested(31) });
    world.put("music", item).await;
    let key = json!({ "TableName": "music", "Key": { "id": { "S": "a" } } });
    let deeper = with(
        key,
        json!({
            "UpdateExpression": "SET v[0] = :v",
            "ExpressionAttributeValues": { ":v": nested(31) },
        }),
    );
    let message = "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit";
    world.invalid("UpdateItem", deeper, message).await;
}

/// What is wrong with a value is told in older words by some operations, and counted by others.
#[tokio::test]
async fn each_operation_tells_a_wrong_value_in_its_own_way() {
    const WRONG: &str = "One or more parameter values were invalid: Input collection";
    const NUMBER: &str = "The parameter cannot be converted to a numeric value";
    let world = World::with_tables().await;
    for (value, older, newer) in [
        (json!({ "N": "" }), NUMBER.to_owned(), format!("{NUMBER}: ")),
        (
            json!({ "SS": ["c", "b", "c", "a"] }),
            format!("{WRONG} [c, b, c, a] contains duplicates."),
            format!("{WRONG} [\"b\", \"c\", \"c\", \"a\"] contains duplicates."),
        ),
        (
            json!({ "BS": ["/w==", "AA==", "AA=="] }),
            format!("{WRONG} [/w==, AA==, AA==]of type BS contains duplicates."),
            format!("{WRONG} [\"AA==\",\"/w==\",\"AA==\"]of type BS contains duplicates."),
        ),
        (
            json!({ "NS": ["1", "1.0"] }),
            "Input collection contains duplicates".into(),
            format!("{WRONG} contains duplicates."),
        ),
    ] {
        let key = json!({ "id": value });
        let one = json!({ "TableName": "music", "Key": &key });
        let values = json!({ "ExpressionAttributeValues": { ":v": value, ":a": { "S": "a" } } });
        let check = with(
            json!({ "TableName": "music", "Key": { "id": { "S": "a" } } }),
            with(
                json!({ "ConditionExpression": "id IN (:v, :a)" }),
                values.clone(),
            ),
        );
        let write = json!({ "RequestItems": { "music": [{ "DeleteRequest": { "Key": &key } }] } });
        let read = json!({ "RequestItems": { "music": { "Keys": [&key] } } });
        let placed =
            format!("ExpressionAttributeValues contains invalid value: {older} for key :v");
        for (operation, input, message) in [
            ("DeleteItem", one.clone(), &counted(&newer)),
            ("UpdateItem", one.clone(), &counted(&newer)),
            ("DeleteItem", check.clone(), &counted(&newer)),
            ("GetItem", one.clone(), &newer),
            ("BatchGetItem", read, &newer),
            (
                "Query",
                query("id = :a AND at = :v", values.clone()),
                &newer,
            ),
            ("BatchWriteItem", write, &older),
            (
                "TransactGetItems",
                json!({ "TransactItems": [{ "Get": one }] }),
                &older,
            ),
            (
                "TransactWriteItems",
                json!({ "TransactItems": [{ "ConditionCheck": check }] }),
                &placed,
            ),
        ] {
            world.invalid(operation, input, message).await;
        }
    }
}

/// Some sizes are looked at first, and told without what was given.
#[tokio::test]
async fn sizes_are_told_alone() {
    let world = World::with_tables().await;
    let keys = |count| (0..count).map(|at| json!({ "id": { "S": format!("{at}") } }));
    let read =
        |count| json!({ "RequestItems": { "music": { "Keys": keys(count).collect::<Value>() } } });
    let empty = json!({ "TableName": "", "Key": {}, "ReturnValues": "WRONG" });
    let at_least = "Member must have length greater than or equal to 1";
    for (operation, input, at, must) in [
        ("DeleteItem", empty.clone(), "TableName", at_least),
        ("UpdateItem", empty, "TableName", at_least),
        (
            "PutItem",
            json!({ "TableName": "", "Item": {} }),
            "TableName",
            at_least,
        ),
        (
            "BatchGetItem",
            json!({ "RequestItems": {} }),
            "RequestItems",
            at_least,
        ),
        (
            "BatchGetItem",
            read(0),
            "RequestItems.music.member.Keys",
            at_least,
        ),
        (
            "BatchGetItem",
            read(101),
            "RequestItems.music.member.Keys",
            "Member must have length less than or equal to 100",
        ),
    ] {
        let message = counted(&format!(
            "Value at '{at}' failed to satisfy constraint: {must}"
        ));
        world.invalid(operation, input, &message).await;
    }
}
