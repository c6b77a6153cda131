//! Queries.

use super::*;

#[tokio::test]
async fn a_query_yields_what_its_condition_says() {
    let world = World::with_tables().await;
    world.fill_log().await;
    for (expression, expected) in [
        ("id = :a", "0123456789"),
        ("(id = :a)", "0123456789"),
        (":a = #id", "0123456789"),
        ("id = :none", ""),
        ("id = :a AND #at = :3", "3"),
        ("#at<:3 and #id=:a", "012"),
        ("id = :a AND :3 > #at", "012"),
        ("(id = :a AND #at <= :3)", "0123"),
        ("(id = :a) AND (#at > :8)", "9"),
        ("id = :a AND #at >= :8", "89"),
        ("id = :a AND :8 <= #at", "89"),
        ("id = :a AND #at BETWEEN :1 AND :3", "123"),
        ("#at between :1 and :3 AND id = :a", "123"),
    ] {
        let found = world.ok("Query", query(expression, json!({}))).await;
        assert_eq!(ats(&found).concat(), expected, "{expression}");
        assert_eq!(found["Count"], expected.len(), "{expression}");
    }
    world
        .create("text", json!([["id", "S"], ["name", "S"]]))
        .await;
    for name in ["apple", "apricot", "bean"] {
        world
            .put("text", json!({ "id": { "S": "a" }, "name": { "S": name } }))
            .await;
    }
    let begins = json!({
        "TableName": "text",
        "KeyConditionExpression": "#id = :a AND begins_with ( #name , :ap )",
        "ExpressionAttributeNames": { "#id": "id", "#name": "name" },
        "ExpressionAttributeValues": { ":a": { "S": "a" }, ":ap": { "S": "ap" } },
    });
    assert_eq!(world.ok("Query", begins).await["Count"], 2);
}

#[tokio::test]
async fn a_query_goes_by_pages_both_ways() {
    let world = World::with_tables().await;
    world.fill_log().await;
    let back = json!({ "ScanIndexForward": false, "Limit": 4, "ReturnConsumedCapacity": "TOTAL" });
    let first = world.ok("Query", query("id = :a", back.clone())).await;
    assert_eq!(ats(&first), ["9", "8", "7", "6"]);
    assert_eq!(first["LastEvaluatedKey"], entry("a", 6));
    assert_eq!(
        first["ConsumedCapacity"],
        json!({ "TableName": "log", "CapacityUnits": 0.5 })
    );
    let start = with(back, json!({ "ExclusiveStartKey": entry("a", 6) }));
    let second = world.ok("Query", query("id = :a", start)).await;
    assert_eq!(ats(&second), ["5", "4", "3", "2"]);
    let last = world
        .ok(
            "Query",
            query("id = :a", json!({ "ExclusiveStartKey": entry("a", 7) })),
        )
        .await;
    assert_eq!(ats(&last), ["8", "9"]);
    assert_eq!(last.get("LastEvaluatedKey"), None);
    let count = world
        .ok("Query", query("id = :a", json!({ "Select": "COUNT" })))
        .await;
    assert_eq!(count, json!({ "Count": 10, "ScannedCount": 10 }));
}

#[tokio::test]
async fn bad_queries_are_refused() {
    const INVALID: &str = "Invalid KeyConditionExpression: ";
    let world = World::with_tables().await;
    world.fill_log().await;
    for (expression, message) in [
        ("", format!("{INVALID}The expression can not be empty;")),
        ("id", format!("{INVALID}Syntax error; token: \"<EOF>\", near: \"id\"")),
        ("id = ", format!("{INVALID}Syntax error; token: \"<EOF>\", near: \"=\"")),
        ("id = :a :1", format!("{INVALID}Syntax error; token: \":1\", near: \":a :1\"")),
        ("id = 'a'", format!("{INVALID}Syntax error; token: \"'\", near: \"= 'a\"")),
        ("(id = :a", format!("{INVALID}Syntax error; token: \"<EOF>\", near: \":a\"")),
        ("((id = :a))", format!("{INVALID}The expression has redundant parentheses;")),
        ("(#at = :1 AND ((id = :a)))", format!("{INVALID}The expression has redundant parentheses;")),
        ("fly(id, :a)", format!("{INVALID}Invalid function name; function: fly")),
        ("id = :x", format!("{INVALID}An expression attribute value used in expression is not defined; attribute value: :x")),
        ("#x = :a", format!("{INVALID}An expression attribute name used in the document path is not defined; attribute name: #x")),
        (
            "begins_with(#at, :1)",
            format!("{INVALID}Incorrect operand type for operator or function; operator or function: begins_with, operand type: N"),
        ),
        (
            "#at BETWEEN :null AND :1",
            format!("{INVALID}Incorrect operand type for operator or function; operator or function: BETWEEN, operand type: NULL"),
        ),
        (
            ":null >= #at AND id = :missing",
            format!("{INVALID}Incorrect operand type for operator or function; operator or function: >=, operand type: NULL"),
        ),
        (
            "id = :missing AND #at < :null",
            format!("{INVALID}An expression attribute value used in expression is not defined; attribute value: :missing"),
        ),
        (
            "#at BETWEEN :3 AND :1",
            format!("{INVALID}The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: AttributeValue: {{N:3}}, upper bound operand: AttributeValue: {{N:1}}"),
        ),
        (
            "#at BETWEEN :3 AND :a",
            format!("{INVALID}The BETWEEN operator requires same data type for lower and upper bounds; lower bound operand: AttributeValue: {{N:3}}, upper bound operand: AttributeValue: {{S:a}}"),
        ),
        ("id = :a OR #at = :1", format!("{INVALID}Invalid operator used in KeyConditionExpression: OR")),
        ("NOT id = :a", format!("{INVALID}Invalid operator used in KeyConditionExpression: NOT")),
        ("id <> :a", format!("{INVALID}Invalid operator used in KeyConditionExpression: <>")),
        ("id IN (:a)", format!("{INVALID}Invalid operator used in KeyConditionExpression: IN")),
        ("attribute_exists(id)", format!("{INVALID}Invalid operator used in KeyConditionExpression: attribute_exists")),
        ("id = #at", format!("{INVALID}Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition")),
        ("id > #at.x", format!("{INVALID}Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition")),
        ("id BETWEEN #at AND size(id)", format!("{INVALID}Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition")),
        ("id BETWEEN size(#at) AND size(id)", format!("{INVALID}KeyConditionExpressions cannot contain nested operations")),
        ("id > size(#at.x)", format!("{INVALID}KeyConditionExpressions cannot contain nested operations")),
        ("size(id) > #at AND id = :a", format!("{INVALID}KeyConditionExpressions cannot contain nested operations")),
        ("size(id)", format!("{INVALID}The function is not allowed to be used this way in an expression; function: size")),
        ("id = contains(id, :a)", format!("{INVALID}The function is not allowed to be used this way in an expression; function: contains")),
        ("list_append(id, :a)", format!("{INVALID}The function is not allowed in a condition expression; function: list_append")),
        ("begins_with(id)", format!("{INVALID}Incorrect number of operands for operator or function; operator or function: begins_with, number of operands: 1")),
        (":a = :1", format!("{INVALID}Invalid condition in KeyConditionExpression: No key attribute specified")),
        ("begins_with(:a, id)", format!("{INVALID}Invalid condition in KeyConditionExpression: begins_with operator must have the key attribute as its first operand")),
        (":1 BETWEEN #at AND :3", format!("{INVALID}Invalid condition in KeyConditionExpression: BETWEEN operator must have the key attribute as its first operand")),
        ("id.x = :a", format!("{INVALID}KeyConditionExpressions cannot have conditions on nested attributes")),
        ("id[0] = :a", format!("{INVALID}KeyConditionExpressions cannot have conditions on nested attributes")),
        ("id = :a AND id = :a", format!("{INVALID}KeyConditionExpressions must only contain one condition per key")),
        ("id = :a AND #at > :1 AND #at < :3", format!("{INVALID}KeyConditionExpressions must only contain one condition per key")),
        ("id = :a AND #at = :1 AND x = :1", "The number of query conditions (3) exceeds the number of key attributes defined in the schema (2)".into()),
        ("#at = :1", "Query condition missed key schema element: id".into()),
        ("id = :a AND x = :1", "Query condition missed key schema element: at".into()),
        ("id > :a", "Query key condition not supported".into()),
        ("id = :1", "One or more parameter values were invalid: Condition parameter type does not match schema type".into()),
        ("id = :a AND #at = :a", "One or more parameter values were invalid: Condition parameter type does not match schema type".into()),
        ("id = :a AND begins_with(#at, :a)", "One or more parameter values were invalid: Condition parameter type does not match schema type".into()),
        (
            "id = :empty",
            "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: id".into(),
        ),
    ] {
        world.invalid("Query", query(expression, json!({})), &message).await;
    }
    let deep = format!("{}id = :a{}", "(".repeat(2_000), ")".repeat(2_000));
    let (code, _) = world.refused("Query", query(&deep, json!({}))).await;
    assert_eq!(code, "ValidationException");
    let sortless = json!({ "TableName": "music" });
    let unsupported = "Query key condition not supported";
    world
        .invalid(
            "Query",
            query("id = :a AND #at = :1", sortless),
            unsupported,
        )
        .await;
}

#[tokio::test]
async fn placeholders_and_starting_keys_must_fit_a_query() {
    let world = World::with_tables().await;
    world.fill_log().await;
    let values = |extra: Value| json!({ "ExpressionAttributeValues": with(json!({ ":a": { "S": "a" } }), extra) });
    for (more, message) in [
        (
            values(json!({ ":x": { "S": "x" }, ":y": { "S": "y" } })),
            "Value provided in ExpressionAttributeValues unused in expressions: keys: {:x, :y}",
        ),
        (
            json!({ "ExpressionAttributeNames": { "#x": "x" } }),
            "Value provided in ExpressionAttributeNames unused in expressions: keys: {#x}",
        ),
        (
            values(json!({ "x": { "S": "x" } })),
            "ExpressionAttributeValues contains invalid key: Syntax error; key: \"x\"",
        ),
        (
            json!({ "ExpressionAttributeNames": { "#a-b": "x" } }),
            "ExpressionAttributeNames contains invalid key: Syntax error; key: \"#a-b\"",
        ),
        (
            json!({ "ExpressionAttributeNames": {} }),
            "ExpressionAttributeNames must not be empty",
        ),
        (
            values(json!({ ":x": { "N": "x" } })),
            "The parameter cannot be converted to a numeric value: x",
        ),
        (
            json!({ "KeyConditionExpression": null }),
            "ExpressionAttributeValues can only be specified when using expressions",
        ),
        (
            json!({ "KeyConditionExpression": null, "ExpressionAttributeValues": null }),
            "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.",
        ),
        (
            json!({ "ExclusiveStartKey": { "id": { "S": "a" } } }),
            "The provided starting key is invalid",
        ),
        (
            json!({ "ExclusiveStartKey": entry("b", 0) }),
            "The provided starting key is outside query boundaries based on provided conditions",
        ),
    ] {
        world
            .invalid("Query", query("id = :a", more), message)
            .await;
    }
    let start = json!({ "ExclusiveStartKey": entry("a", 8) });
    let message = "The provided starting key does not match the range key predicate";
    world
        .invalid("Query", query("id = :a AND #at < :3", start), message)
        .await;
}
