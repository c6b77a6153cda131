//! What expressions mean, and what is said about wrong ones.

use super::*;

/// The names and values of the placeholders that an expression has.
fn placeholders(expression: &str) -> Value {
    let all = json!({
        ":n": { "N": "5" }, ":m": { "N": "7" }, ":s": { "S": "text" }, ":t": { "S": "N" },
        ":l": { "L": [{ "N": "1" }] }, ":set": { "SS": ["a"] }, ":bool": { "BOOL": true },
        ":bad": { "S": "X" }, ":map": { "M": {} }, ":tiny": { "N": "1e-40" },
    });
    let names = json!({ "#n": "n", "#s": "s", "#dot": "a.b" });
    let used = |all: Value| {
        let words: Vec<&str> = expression
            .split(|c: char| !c.is_ascii_alphanumeric() && !"#:_".contains(c))
            .collect();
        let all = all.as_object().unwrap().clone();
        let used: serde_json::Map<_, _> = all
            .into_iter()
            .filter(|(key, _)| words.contains(&key.as_str()))
            .collect();
        (!used.is_empty()).then_some(Value::Object(used))
    };
    json!({
        "ExpressionAttributeNames": used(names),
        "ExpressionAttributeValues": used(all),
    })
}

async fn filled() -> World {
    let world = World::with_tables().await;
    world
        .put(
            "music",
            json!({
                "id": { "S": "a" },
                "n": { "N": "5" },
                "s": { "S": "text" },
                "l": { "L": [{ "N": "1" }, { "M": { "deep": { "S": "x" } } }] },
                "m": { "M": { "k": { "N": "7" }, "q": { "NULL": true } } },
                "set": { "SS": ["a", "b"] },
                "a.b": { "S": "dotted" },
            }),
        )
        .await;
    world
}

#[tokio::test]
async fn a_filter_keeps_what_its_expression_holds_for() {
    let world = filled().await;
    for (expression, holds) in [
        ("n = :n", true),
        ("#n = :n", true),
        (":n = n", true),
        ("n <> :n", false),
        ("absent <> :n", true),
        ("n < :m", true),
        ("n >= :m", false),
        ("n = :s", false),
        ("n BETWEEN :n AND :m", true),
        ("n IN (:s, :n)", true),
        ("n in (:s)", false),
        ("attribute_exists(m.k) AND attribute_not_exists(m.z)", true),
        ("attribute_type(n, :t)", true),
        ("attribute_type(#s, :t)", false),
        ("begins_with(#s, :s)", true),
        ("contains(#s, :s) and not contains(n, :n)", true),
        ("contains(l, :n)", false),
        ("size(l) < :n", true),
        (":n > size(l)", true),
        ("l[1].deep = :s OR l[0] < :n", true),
        ("m.k = :m", true),
        ("(m.k = :m)", true),
        ("((n) = :n) AND (m.k = (:m))", true),
        ("#dot = :s", false),
        // AND binds more tightly than OR, NOT more than both.
        ("n = :n OR n = :m AND n = :s", true),
        ("(n = :n OR n = :m) AND n = :s", false),
        ("NOT n = :m AND n = :n", true),
        ("NOT (n = :m OR n = :n)", false),
        ("NOT NOT n = :n", true),
    ] {
        let scan = json!({ "TableName": "music", "FilterExpression": expression });
        let found = world.ok("Scan", with(scan, placeholders(expression))).await;
        assert_eq!(found["Count"], u8::from(holds), "{expression}");
        assert_eq!(found["ScannedCount"], 1, "{expression}");
    }
}

#[tokio::test]
async fn wrong_filters_are_refused() {
    let world = filled().await;
    let long = format!("n = :n{}", " ".repeat(4_100));
    let deep = format!("{}n = :n{}", "(".repeat(900), ")".repeat(900));
    let open = "(".repeat(4_096);
    let deep_and_busy = format!("{}n = :n{}", "n = :n OR (".repeat(300), ")".repeat(300));
    let list = format!("n IN ({})", vec![":n"; 101].join(", "));
    let busy = vec!["n = :n"; 151].join(" AND ");
    let path = format!("n{} = :n", ".m".repeat(32));
    for (expression, message) in [
        (
            list.as_str(),
            "The IN operator is provided with too many operands; number of operands: 101",
        ),
        (
            &busy,
            "The expression contains too many operators; operator count: 301",
        ),
        (
            &path,
            "The document path has too many nesting levels; nesting levels: 33",
        ),
        (
            "list_append(n, :l) = :n",
            "The function is not allowed in a condition expression; function: list_append",
        ),
        ("", "The expression can not be empty;"),
        ("n", "Syntax error; token: \"<EOF>\", near: \"n\""),
        ("n = ", "Syntax error; token: \"<EOF>\", near: \"=\""),
        (
            "n = :n AND",
            "Syntax error; token: \"<EOF>\", near: \"AND\"",
        ),
        ("n == :n", "Syntax error; token: \"=\", near: \"== :n\""),
        ("n = :n)", "Syntax error; token: \")\", near: \":n)\""),
        ("n = 5", "Syntax error; token: \"5\", near: \"= 5\""),
        ("n[a] = :n", "Syntax error; token: \"a\", near: \"[a]\""),
        (
            "BETWEEN = :n",
            "Syntax error; token: \"BETWEEN\", near: \"BETWEEN =\"",
        ),
        ("((n = :n))", "The expression has redundant parentheses;"),
        (&deep, "The expression has redundant parentheses;"),
        (&open, "Syntax error; token: \"<EOF>\", near: \"(\""),
        (
            &deep_and_busy,
            "The expression contains too many operators; operator count: 301",
        ),
        ("_n = :n", "Syntax error; token: \"_\", near: \"_n\""),
        (
            "fly(n) AND status = :n",
            "Invalid function name; function: fly",
        ),
        (
            "attribute_exists(n) = :n",
            "The function is not allowed to be used this way in an expression; function: attribute_exists",
        ),
        (
            "size(n)",
            "The function is not allowed to be used this way in an expression; function: size",
        ),
        (
            "n = :x AND status = :n",
            "Attribute name is a reserved keyword; reserved keyword: status",
        ),
        (
            "m.Value = :n",
            "Attribute name is a reserved keyword; reserved keyword: Value",
        ),
        (
            "n = :x",
            "An expression attribute value used in expression is not defined; attribute value: :x",
        ),
        (
            "m.#x = :n",
            "An expression attribute name used in the document path is not defined; attribute name: #x",
        ),
        (
            "begins_with(n)",
            "Incorrect number of operands for operator or function; operator or function: begins_with, number of operands: 1",
        ),
        (
            "size(n, n) = :n",
            "Incorrect number of operands for operator or function; operator or function: size, number of operands: 2",
        ),
        (
            "begins_with(n, :n)",
            "Incorrect operand type for operator or function; operator or function: begins_with, operand type: N",
        ),
        (
            "size(:n) = :n",
            "Incorrect operand type for operator or function; operator or function: size, operand type: N",
        ),
        (
            "size(size(n)) = :n",
            "Incorrect operand type for operator or function; operator or function: size, operand type: N",
        ),
        (
            "n < :bool",
            "Incorrect operand type for operator or function; operator: <, operand type: BOOL",
        ),
        (
            "attribute_type(n, :n)",
            "Incorrect operand type for operator or function; operator or function: attribute_type, operand type: N",
        ),
        (
            "attribute_type(n, :bad)",
            "Invalid attribute type name found; type: X, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}",
        ),
        (
            "attribute_exists(:n)",
            "Operator or function requires a document path; operator or function: attribute_exists",
        ),
        (
            "m.k = m.k",
            "The first operand must be distinct from the remaining operands for this operator or function; operator: =, first operand: [m, k]",
        ),
        (
            "n BETWEEN :m AND :n",
            "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: AttributeValue: {N:7}, upper bound operand: AttributeValue: {N:5}",
        ),
        (
            "l[99999999999999999999] = :n",
            "List index is not within the allowable range; index: [99999999999999999999]",
        ),
        (
            &long,
            "Expression size has exceeded the maximum allowed size; expression size: 4106",
        ),
    ] {
        let scan = json!({ "TableName": "music", "FilterExpression": expression });
        let message = format!("Invalid FilterExpression: {message}");
        let more = match expression {
            "" => json!({}),
            expression => placeholders(expression),
        };
        world.invalid("Scan", with(scan, more), &message).await;
    }
    // The most that there may be.
    let most = [
        format!("n IN ({})", vec![":n"; 100].join(", ")),
        vec!["n = :n"; 150].join(" AND "),
        format!("attribute_not_exists(n{}) AND n = :n", ".m".repeat(31)),
    ];
    for most in most {
        let scan = json!({ "TableName": "music", "FilterExpression": most });
        let found = world.ok("Scan", with(scan, placeholders("n = :n"))).await;
        assert_eq!(found["Count"], 1, "{most}");
    }
    // As clients build them.
    let chain = (0..149).fold("n = :n".to_owned(), |all, _| format!("({all} AND n = :n)"));
    let scan = json!({ "TableName": "music", "FilterExpression": chain });
    let found = world.ok("Scan", with(scan, placeholders("n = :n"))).await;
    assert_eq!(found["Count"], 1);
}

#[tokio::test]
async fn placeholders_and_older_parameters_do_not_mix_with_what_is_not_there() {
    let world = filled().await;
    let scan = |more: Value| with(json!({ "TableName": "music" }), more);
    let longest = format!("#{}", "n".repeat(254));
    let named = |key: &str| {
        scan(json!({ "ProjectionExpression": key, "ExpressionAttributeNames": { key: "n" } }))
    };
    let found = world.ok("Scan", named(&longest)).await;
    assert_eq!(found["Items"], json!([{ "n": { "N": "5" } }]));
    let message = "ExpressionAttributeNames contains invalid key: The expression attribute map contains a key that is too long; size of key: 256";
    world
        .invalid("Scan", named(&(longest + "n")), message)
        .await;
    for (more, message) in [
        (
            json!({ "ExpressionAttributeNames": { "#n": "n" } }),
            "ExpressionAttributeNames can only be specified when using expressions",
        ),
        (
            json!({ "ExpressionAttributeValues": { ":n": { "N": "1" } } }),
            "ExpressionAttributeValues can only be specified when using expressions",
        ),
        (
            json!({
                "ProjectionExpression": "n",
                "ExpressionAttributeValues": { ":n": { "N": "1" } },
            }),
            "ExpressionAttributeValues can only be specified when using expressions",
        ),
        (
            json!({
                "FilterExpression": "n = :n",
                "ExpressionAttributeValues": { ":n": { "N": "1" }, ":m": { "N": "1" } },
            }),
            "Value provided in ExpressionAttributeValues unused in expressions: keys: {:m}",
        ),
        (
            json!({ "ProjectionExpression": "n", "AttributesToGet": ["n"] }),
            "Can not use both expression and non-expression parameters in the same request: Non-expression parameters: {AttributesToGet} Expression parameters: {ProjectionExpression}",
        ),
        (
            json!({ "AttributesToGet": ["n", "n"] }),
            "One or more parameter values were invalid: Duplicate value in attribute name: n",
        ),
        (
            json!({ "Select": "COUNT", "ProjectionExpression": "n" }),
            "1 validation error detected: Cannot specify the ProjectionExpression when choosing to get only the Count",
        ),
    ] {
        world.invalid("Scan", scan(more), message).await;
    }
}

#[tokio::test]
async fn a_projection_tells_only_what_it_names() {
    let world = filled().await;
    let key = json!({ "TableName": "music", "Key": { "id": { "S": "a" } } });
    for (expression, item) in [
        ("n", json!({ "n": { "N": "5" } })),
        (
            "#n, #dot",
            json!({ "n": { "N": "5" }, "a.b": { "S": "dotted" } }),
        ),
        (
            "m.k, l[1].deep",
            json!({
                "m": { "M": { "k": { "N": "7" } } },
                "l": { "L": [{ "M": { "deep": { "S": "x" } } }] },
            }),
        ),
        ("absent", json!({})),
    ] {
        let get = with(key.clone(), json!({ "ProjectionExpression": expression }));
        let found = world
            .ok("GetItem", with(get, placeholders(expression)))
            .await;
        assert_eq!(found["Item"], item, "{expression}");
    }
    let get = with(key.clone(), json!({ "AttributesToGet": ["n", "absent"] }));
    assert_eq!(
        world.ok("GetItem", get).await["Item"],
        json!({ "n": { "N": "5" } })
    );
    for (expression, message) in [
        ("", "The expression can not be empty;"),
        ("n,", "Syntax error; token: \"<EOF>\", near: \",\""),
        (
            "n, status",
            "Attribute name is a reserved keyword; reserved keyword: status",
        ),
        (
            "m, m.k",
            "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [m], path two: [m, k]",
        ),
        (
            "m.k, m[0]",
            "Two document paths conflict with each other; must remove or rewrite one of these paths; path one: [m, k], path two: [m, [0]]",
        ),
    ] {
        let message = format!("Invalid ProjectionExpression: {message}");
        let get = with(key.clone(), json!({ "ProjectionExpression": expression }));
        world.invalid("GetItem", get, &message).await;
    }
}

#[tokio::test]
async fn updates_do_what_they_say() {
    for (expression, told) in [
        ("SET n = n + :n", json!({ "n": { "N": "10" } })),
        ("SET n = :m - n", json!({ "n": { "N": "2" } })),
        (
            "set #n = if_not_exists(absent, :m)",
            json!({ "n": { "N": "7" } }),
        ),
        (
            "SET z = if_not_exists(n, :m) + :n",
            json!({ "z": { "N": "10" } }),
        ),
        (
            "SET l = list_append(l, :l)",
            json!({ "l": { "L": [{ "N": "1" }, { "M": { "deep": { "S": "x" } } }, { "N": "1" }] } }),
        ),
        (
            "SET z = list_append(if_not_exists(absent, :l), :l)",
            json!({ "z": { "L": [{ "N": "1" }, { "N": "1" }] } }),
        ),
        (
            "SET l[0] = :s, m.k = (:n)",
            json!({
                "l": { "L": [{ "S": "text" }] }, "m": { "M": { "k": { "N": "5" } } },
            }),
        ),
        (
            "REMOVE n, l[0]",
            json!({
                "l": { "L": [{ "M": { "deep": { "S": "x" } } }] },
            }),
        ),
        (
            "ADD n :n, z :m, #set :set",
            json!({
                "n": { "N": "10" }, "z": { "N": "7" }, "set": { "SS": ["a", "b"] },
            }),
        ),
        ("DELETE #set :set", json!({ "set": { "SS": ["b"] } })),
        (
            "SET z = :n REMOVE n ADD q :m DELETE #set :set",
            json!({
                "z": { "N": "5" }, "q": { "N": "7" }, "set": { "SS": ["b"] },
            }),
        ),
    ] {
        let world = filled().await;
        let mut more = placeholders(expression);
        if expression.contains("#set") {
            more["ExpressionAttributeNames"] = json!({ "#set": "set" });
        }
        let update = json!({
            "TableName": "music",
            "Key": { "id": { "S": "a" } },
            "UpdateExpression": expression,
            "ReturnValues": "UPDATED_NEW",
        });
        let found = world.ok("UpdateItem", with(update, more)).await;
        assert_eq!(found["Attributes"], told, "{expression}");
    }
}

#[tokio::test]
async fn wrong_updates_are_refused() {
    const OVERLAP: &str = "must remove or rewrite one of these paths; path one:";
    let world = filled().await;
    let update = |expression: &str| {
        let update = json!({
            "TableName": "music",
            "Key": { "id": { "S": "a" } },
            "UpdateExpression": expression,
        });
        with(update, placeholders(expression))
    };
    for (expression, message) in [
        ("", "The expression can not be empty;".to_owned()),
        ("FLY n", "Syntax error; token: \"FLY\", near: \"FLY n\"".into()),
        ("SET n", "Syntax error; token: \"<EOF>\", near: \"n\"".into()),
        ("SET n <> :n", "Syntax error; token: \"<>\", near: \"n <> :n\"".into()),
        ("SET n = n * :n", "Syntax error; token: \"*\", near: \"n * :n\"".into()),
        ("REMOVE", "Syntax error; token: \"<EOF>\", near: \"REMOVE\"".into()),
        (
            "SET n = :n SET z = :n",
            "The \"SET\" section can only be used once in an update expression;".into(),
        ),
        ("SET name = :n", "Attribute name is a reserved keyword; reserved keyword: name".into()),
        ("SET n = fly(:n)", "Invalid function name; function: fly".into()),
        ("SET _1 = :n", "Syntax error; token: \"_\", near: \"SET _1\"".into()),
        ("SET n = _f(:n)", "Syntax error; token: \"_\", near: \"= _f\"".into()),
        (
            "SET l = list_append(l, list_append(:l, :l))",
            "The function is not allowed to be used this way in an expression; function: list_append".into(),
        ),
        ("SET n = size(s)", "The function is not allowed in an update expression; function: size".into()),
        ("SET n = :n, n = :m", format!("Two document paths overlap with each other; {OVERLAP} [n], path two: [n]")),
        ("SET m = :n REMOVE m.k", format!("Two document paths overlap with each other; {OVERLAP} [m], path two: [m, k]")),
        (
            "SET n = n + :s",
            "Incorrect operand type for operator or function; operator or function: +, operand type: S".into(),
        ),
        (
            "SET n = list_append(n, :n)",
            "Incorrect operand type for operator or function; operator or function: list_append, operand type: N".into(),
        ),
        (
            "SET n = list_append(n)",
            "Incorrect number of operands for operator or function; operator or function: list_append, number of operands: 1".into(),
        ),
        (
            "SET n = if_not_exists(:n, :m)",
            "Operator or function requires a document path; operator or function: if_not_exists".into(),
        ),
        (
            "ADD n :s",
            "Incorrect operand type for operator or function; operator: ADD, operand type: STRING, typeSet: ALLOWED_FOR_ADD_OPERAND".into(),
        ),
        (
            "DELETE n :n",
            "Incorrect operand type for operator or function; operator: DELETE, operand type: NUMBER, typeSet: ALLOWED_FOR_DELETE_OPERAND".into(),
        ),
        (
            "SET n = :x",
            "An expression attribute value used in expression is not defined; attribute value: :x".into(),
        ),
    ] {
        let message = counted(&format!("Invalid UpdateExpression: {message}"));
        world.invalid("UpdateItem", update(expression), &message).await;
    }
    for (expression, message) in [
        (
            "SET n = absent + :n",
            "The provided expression refers to an attribute that does not exist in the item",
        ),
        (
            "SET n = #s + :n",
            "An operand in the update expression has an incorrect data type",
        ),
        (
            "ADD #s :n",
            "An operand in the update expression has an incorrect data type",
        ),
        (
            "SET n = n + :tiny",
            "Number overflow. Attempting to store a number with magnitude larger than supported range",
        ),
        (
            "SET absent.x = :n",
            "The document path provided in the update expression is invalid for update",
        ),
        (
            "SET id = :s",
            "One or more parameter values were invalid: Cannot update attribute id. This attribute is part of the key",
        ),
    ] {
        world
            .invalid("UpdateItem", update(expression), message)
            .await;
    }
}

#[tokio::test]
async fn older_parameters_mean_the_same() {
    let world = filled().await;
    let n = |n: &str| json!([{ "N": n }]);
    for (filter, operator, holds) in [
        (
            json!({ "n": { "ComparisonOperator": "EQ", "AttributeValueList": n("5") } }),
            None,
            true,
        ),
        (
            json!({ "n": { "ComparisonOperator": "LT", "AttributeValueList": n("5") } }),
            None,
            false,
        ),
        (
            json!({ "n": { "ComparisonOperator": "NULL" } }),
            None,
            false,
        ),
        (json!({ "z": { "ComparisonOperator": "NULL" } }), None, true),
        (
            json!({ "s": { "ComparisonOperator": "BEGINS_WITH", "AttributeValueList": [{ "S": "te" }] } }),
            None,
            true,
        ),
        (
            json!({ "n": { "ComparisonOperator": "BETWEEN", "AttributeValueList": [{ "N": "1" }, { "N": "9" }] } }),
            None,
            true,
        ),
        (
            json!({ "n": { "ComparisonOperator": "IN", "AttributeValueList": [{ "N": "1" }, { "N": "5" }] } }),
            None,
            true,
        ),
        (
            json!({
                "n": { "ComparisonOperator": "NULL" },
                "set": { "ComparisonOperator": "CONTAINS", "AttributeValueList": [{ "S": "a" }] },
            }),
            Some("OR"),
            true,
        ),
        (
            json!({
                "n": { "ComparisonOperator": "NULL" },
                "set": { "ComparisonOperator": "NOT_CONTAINS", "AttributeValueList": [{ "S": "z" }] },
            }),
            None,
            false,
        ),
    ] {
        let scan = json!({
            "TableName": "music", "ScanFilter": filter, "ConditionalOperator": operator,
        });
        let found = world.ok("Scan", with(scan, json!({}))).await;
        assert_eq!(found["Count"], u8::from(holds), "{filter}");
    }
    for (filter, message) in [
        (
            json!({ "n": { "ComparisonOperator": "EQ" } }),
            "Invalid number of argument(s) for the EQ ComparisonOperator",
        ),
        (
            json!({ "n": { "ComparisonOperator": "BEGINS_WITH", "AttributeValueList": n("1") } }),
            "ComparisonOperator BEGINS_WITH is not valid for N AttributeValue type",
        ),
        (
            json!({ "n": { "ComparisonOperator": "BETWEEN", "AttributeValueList": [{ "N": "1" }, { "S": "9" }] } }),
            "AttributeValues inside AttributeValueList must be of same type",
        ),
    ] {
        let scan = json!({ "TableName": "music", "ScanFilter": filter });
        let message = format!("One or more parameter values were invalid: {message}");
        world.invalid("Scan", scan, &message).await;
    }
    world.fill_log().await;
    let query = json!({
        "TableName": "log",
        "KeyConditions": {
            "id": { "ComparisonOperator": "EQ", "AttributeValueList": [{ "S": "a" }] },
            "at": { "ComparisonOperator": "GE", "AttributeValueList": n("8") },
        },
    });
    assert_eq!(ats(&world.ok("Query", query).await), ["8", "9"]);
    let update = json!({
        "TableName": "music",
        "Key": { "id": { "S": "a" } },
        "AttributeUpdates": {
            "n": { "Action": "ADD", "Value": { "N": "1" } },
            "s": { "Action": "DELETE" },
            "set": { "Action": "DELETE", "Value": { "SS": ["a"] } },
            "z": { "Value": { "S": "new" } },
        },
        "Expected": { "n": { "Value": { "N": "5" } }, "q": { "Exists": false } },
        "ReturnValues": "UPDATED_NEW",
    });
    let updated = world.ok("UpdateItem", update.clone()).await;
    let expected = json!({ "n": { "N": "6" }, "set": { "SS": ["b"] }, "z": { "S": "new" } });
    assert_eq!(updated["Attributes"], expected);
    let failed = world.refused("UpdateItem", update).await;
    assert_eq!(failed.0, "ConditionalCheckFailedException");
}

#[tokio::test]
async fn older_updates_want_what_is_there_to_be_of_their_type() {
    let world = filled().await;
    for (action, attribute, value) in [
        ("ADD", "set", json!({ "N": "1" })),
        ("ADD", "set", json!({ "NS": ["1"] })),
        ("ADD", "set", json!({ "L": [{ "S": "a" }] })),
        ("ADD", "l", json!({ "SS": ["a"] })),
        ("ADD", "n", json!({ "L": [] })),
        ("DELETE", "set", json!({ "NS": ["1"] })),
        ("DELETE", "l", json!({ "SS": ["a"] })),
    ] {
        let update = json!({
            "TableName": "music",
            "Key": { "id": { "S": "a" } },
            "AttributeUpdates": { attribute: { "Action": action, "Value": value } },
        });
        let message = "Type mismatch for attribute to update";
        world.invalid("UpdateItem", update, message).await;
    }
}
