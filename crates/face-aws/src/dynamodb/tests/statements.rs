//! PartiQL.

use proptest::prelude::*;

use super::*;

async fn run(world: &World, statement: &str, parameters: Value) -> Value {
    let input = json!({ "Statement": statement, "Parameters": parameters });
    world.ok("ExecuteStatement", with(input, json!({}))).await["Items"].clone()
}

fn statement(statement: &str) -> Value {
    json!({ "Statement": statement })
}

#[tokio::test]
async fn statements_write_and_read_items() {
    let world = World::with_tables().await;
    let insert = r#"INSERT INTO "music" VALUE {'id': ?, 'n': 1, 'l': [1, 'it''s', null], 's': <<'a', 'b'>>, 'm': {'k': true}}"#;
    assert_eq!(run(&world, insert, json!([{ "S": "a" }])).await, json!([]));
    let again = json!({ "Statement": insert, "Parameters": [{ "S": "a" }] });
    assert_eq!(
        world.refused("ExecuteStatement", again).await,
        (
            "DuplicateItemException".into(),
            "Duplicate primary key exists in table".into()
        )
    );
    let all = json!({
        "id": { "S": "a" }, "n": { "N": "1" }, "s": { "SS": ["a", "b"] }, "m": { "M": { "k": { "BOOL": true } } },
        "l": { "L": [{ "N": "1" }, { "S": "it's" }, { "NULL": true }] },
    });
    assert_eq!(
        run(&world, "SELECT * FROM music WHERE id = 'a'", Value::Null).await,
        json!([all])
    );
    let updated = run(
        &world,
        "UPDATE music SET n = n + 1.5, z = list_append(l, [?]) SET s = set_add(s, <<'c'>>) REMOVE m.k WHERE id = 'a' AND n = 1 RETURNING MODIFIED NEW *",
        json!([{ "S": "end" }]),
    )
    .await;
    assert_eq!(updated[0]["n"], json!({ "N": "2.5" }));
    assert_eq!(updated[0]["s"], json!({ "SS": ["a", "b", "c"] }));
    assert_eq!(updated[0]["z"]["L"][3], json!({ "S": "end" }));
    for (condition, holds) in [
        ("n > 2 AND NOT n > 3", true),
        ("n BETWEEN 1 AND 2", false),
        ("n IN [1, 2.5]", true),
        ("n IN (1, 2)", false),
        ("contains(s, 'c') OR n = 0", true),
        ("begins_with(l[1], 'it')", true),
        ("size(l) = 3 and m.k IS MISSING", true),
        ("l[2] IS NULL", true),
        ("n IS NOT MISSING AND attribute_type(n, 'N')", true),
        ("\"n\" <> 2.5", false),
    ] {
        let text = format!("SELECT id, l[0] FROM music WHERE {condition}");
        let found = run(&world, &text, Value::Null).await;
        let expected = json!({ "id": { "S": "a" }, "l[0]": { "N": "1" } });
        let expected = if holds { json!([expected]) } else { json!([]) };
        assert_eq!(found, expected, "{condition}");
    }
    for statement in [
        "UPDATE music SET n = 1 WHERE id = 'none'",
        "UPDATE music SET n = 1 WHERE id = 'a' AND n = 9",
        "DELETE FROM music WHERE id = 'a' AND n = 9",
    ] {
        let failed = world
            .refused("ExecuteStatement", self::statement(statement))
            .await;
        assert_eq!(failed.0, "ConditionalCheckFailedException", "{statement}");
    }
    let deleted = run(
        &world,
        "DELETE FROM music WHERE id = 'a' RETURNING ALL OLD *",
        Value::Null,
    );
    assert_eq!(deleted.await[0]["n"], json!({ "N": "2.5" }));
    assert_eq!(
        run(&world, "SELECT * FROM music", Value::Null).await,
        json!([])
    );
}

#[tokio::test]
async fn a_selection_goes_by_pages() {
    let world = World::with_tables().await;
    world.fill_log().await;
    let mut input = json!({
        "Statement": "SELECT * FROM log WHERE id = 'a' AND \"at\" >= 3 ORDER BY \"at\" DESC",
        "Limit": 3,
    });
    let mut found = Vec::new();
    loop {
        let output = world.ok("ExecuteStatement", input.clone()).await;
        found.extend(ats(&output).into_iter().map(str::to_owned));
        match output.get("NextToken") {
            Some(token) => input["NextToken"] = token.clone(),
            None => break,
        }
    }
    assert_eq!(found.concat(), "9876543");
}

#[tokio::test]
async fn statements_come_in_batches_and_transactions() {
    let world = World::with_tables().await;
    let batch = |statements: Value| json!({ "Statements": statements });
    let writes = batch(json!([
        statement("INSERT INTO music VALUE {'id': 'a', 'n': 1}"),
        statement("INSERT INTO music VALUE {'id': 'a'}"),
        statement("UPDATE absent SET n = 1 WHERE id = 'a'"),
        statement("no statement"),
    ]));
    let responses = world.ok("BatchExecuteStatement", writes).await["Responses"].clone();
    assert_eq!(responses[0], json!({ "TableName": "music" }));
    assert_eq!(responses[1]["Error"]["Code"], "DuplicateItem");
    assert_eq!(responses[1]["TableName"], "music");
    assert_eq!(responses[2]["Error"]["Code"], "ResourceNotFound");
    assert_eq!(responses[2].get("TableName"), None);
    assert_eq!(responses[3]["Error"]["Code"], "ValidationError");
    let reads = batch(json!([
        statement("SELECT n FROM music WHERE id = 'a'"),
        statement("SELECT n FROM music"),
    ]));
    let responses = world.ok("BatchExecuteStatement", reads).await["Responses"].clone();
    assert_eq!(
        responses[0],
        json!({ "TableName": "music", "Item": { "n": { "N": "1" } } })
    );
    assert_eq!(responses[1]["Error"]["Code"], "ValidationError");
    let both = batch(json!([
        statement("DELETE FROM music WHERE id = 'a'"),
        statement("SELECT n FROM music WHERE id = 'a'"),
    ]));
    let message = "Read and write requests together in the same batch is not supported.";
    world.invalid("BatchExecuteStatement", both, message).await;
    let transact = |statements: Value| json!({ "TransactStatements": statements });
    let writes = transact(json!([
        statement("UPDATE music SET n = n + 1 WHERE id = 'a'"),
        statement("INSERT INTO music VALUE {'id': 'b', 'n': 5}"),
    ]));
    let done = world.ok("ExecuteTransaction", writes.clone()).await;
    assert_eq!(done, json!({ "Responses": [] }));
    let (code, _) = world.refused("ExecuteTransaction", writes).await;
    assert_eq!(code, "TransactionCanceledException");
    let reads = transact(json!([
        statement("SELECT n FROM music WHERE id = 'a'"),
        statement("SELECT n FROM music WHERE id = 'b'"),
        statement("SELECT n FROM music WHERE id = 'c'"),
    ]));
    let read = world.ok("ExecuteTransaction", reads).await;
    assert_eq!(
        read["Responses"],
        json!([{ "Item": { "n": { "N": "2" } } }, { "Item": { "n": { "N": "5" } } }, {}])
    );
}

#[tokio::test]
async fn wrong_statements_are_refused() {
    const MALFORMED: &str = "Statement wasn't well formed, can't be processed: ";
    let world = World::with_tables().await;
    for (text, message) in [
        ("FLY", format!("{MALFORMED}Expected data manipulation")),
        ("SELECT * FROM", format!("{MALFORMED}Unexpected term")),
        ("SELECT * FROM music WHERE id = 'a", MALFORMED.into()),
        ("SELECT * FROM music WHERE id = 'a' # a note", MALFORMED.into()),
        ("SELECT * FROM music /* a note", MALFORMED.into()),
        ("SELECT * FROM music WHERE id = 1e2147483648", MALFORMED.into()),
        (
            "SELECT * FROM music WHERE id = 1.5e-2147483647",
            MALFORMED.into(),
        ),
        ("SELECT * FROM music WHERE id = 1e", MALFORMED.into()),
        ("SELECT * FROM music WHERE id = 1a", MALFORMED.into()),
        (
            "SELECT * FROM music WHERE id = 1 e5",
            format!("{MALFORMED}Unexpected token after expression"),
        ),
        (
            "SELECT * FROM music ORDER BY id WHERE id = 'a'",
            format!("{MALFORMED}Unexpected token after expression"),
        ),
        (
            "INSERT INTO music VALUE {'id': 'a'} foo",
            format!("{MALFORMED}Unexpected token after expression"),
        ),
        (
            "FROM music SET c = 1 WHERE id = 'a'",
            format!("{MALFORMED}Unexpected token after expression"),
        ),
        (
            "SELECT * FROM music music",
            "Aliasing is not supported".into(),
        ),
        (
            "DELETE FROM music AS m WHERE id = 'a'",
            "Aliasing is not supported".into(),
        ),
        (
            "INSERT INTO music VALUE 'a'",
            "Unsupported format in item expression. Please use struct format {...} to express item values for insert statement.".into(),
        ),
        (
            "DELETE FROM WHERE id = 'a'",
            format!("{MALFORMED}Expected identifier for simple path"),
        ),
        (
            "SELECT * FROM music WHERE;",
            format!("{MALFORMED}Unexpected term"),
        ),
        (
            "SELECT * FROM music WHERE id = 'a' AND",
            format!("{MALFORMED}Missing right-hand side expression of infix operator"),
        ),
        (
            "SELECT * FROM music WHERE ORDER BY id",
            format!("{MALFORMED}Unexpected keyword"),
        ),
        (
            "SELECT * FROM music WHERE id = LIKE",
            format!("{MALFORMED}Unexpected operator"),
        ),
        (
            "SELECT * FROM music WHERE id IS FOO",
            format!("{MALFORMED}Expected type name"),
        ),
        (
            "SELECT * FROM \"\" WHERE id = 'a'",
            "Path component cannot be an empty string".into(),
        ),
        (
            "SELECT * FROM music.\"\"",
            "Path component cannot be an empty string".into(),
        ),
        (
            "SELECT * FROM music.a.b",
            "A path may contain at most 2 components in the FROM clause".into(),
        ),
        (
            "UPDATE music SET n = 1e-131 WHERE id = 'a'",
            "Number underflow. Attempting to store a number with magnitude smaller than supported range under root".into(),
        ),
        (
            "INSERT INTO music VALUE {'id': 'a', 'm': {'x': [1, 1e126]}}",
            "Number overflow. Attempting to store a number with magnitude larger than supported range under root.x[1]".into(),
        ),
        (
            "FROM music SET c = 1",
            "Where clause does not contain a mandatory equality on all key attributes".into(),
        ),
        (
            "SELECT id FROM absent WHERE id = 'a' AND s < true",
            "Incorrect operand type for operator or function; operator or function: <, operand type: BOOL".into(),
        ),
        (
            "SELECT id FROM music WHERE s BETWEEN <<1>> AND 2",
            "Incorrect operand type for operator or function; operator or function: BETWEEN, operand type: NS".into(),
        ),
        (
            "SELECT * FROM music WHERE id = ?",
            "Number of parameters in request and statement don't match.".into(),
        ),
        (
            "DELETE FROM log WHERE id = 'a'",
            "Where clause does not contain a mandatory equality on all key attributes".into(),
        ),
    ] {
        world
            .invalid("ExecuteStatement", statement(text), &message)
            .await;
    }
    let absent = world
        .refused("ExecuteStatement", statement("SELECT * FROM absent"))
        .await;
    assert_eq!(absent.0, "ResourceNotFoundException");
}

async fn transact(world: &World, texts: &[&str]) -> (u16, Value) {
    let statements: Vec<Value> = texts.iter().map(|text| statement(text)).collect();
    let input = json!({ "TransactStatements": statements });
    world.send("ExecuteTransaction", &input).await
}

/// What is recorded of the real service, on items `o` and `p` at 1, 2 and 3.
async fn ordered() -> World {
    let world = World::with_tables().await;
    for id in ["o", "p"] {
        for at in 1..=3 {
            world.put("log", entry(id, at)).await;
        }
    }
    world
}

fn places(output: &Value) -> Vec<String> {
    let items = output["Items"].as_array().unwrap();
    let text = |item: &Value| {
        format!(
            "{}{}",
            item["id"]["S"].as_str().unwrap(),
            item["at"]["N"].as_str().unwrap()
        )
    };
    items.iter().map(text).collect()
}

#[tokio::test]
async fn keys_order_what_is_selected() {
    let world = ordered().await;
    for (rest, expected) in [
        ("id = 'o' ORDER BY at DESC", "o3 o2 o1"),
        ("id = 'o' ORDER BY at", "o1 o2 o3"),
        ("id = 'o' ORDER BY id ASC", "o3 o2 o1"),
        (
            "id IN ['o', 'p'] ORDER BY id DESC, at ASC",
            "p1 p2 p3 o1 o2 o3",
        ),
        (
            "id IN ('p', 'o', 'p') AND at > 1 ORDER BY id, at",
            "o2 o3 p2 p3",
        ),
        ("id IN ['x'] ORDER BY id", ""),
    ] {
        let text = format!("SELECT * FROM log WHERE {rest}");
        let found = world.ok("ExecuteStatement", statement(&text)).await;
        assert_eq!(places(&found).join(" "), expected, "{rest}");
    }
    for (rest, message) in [
        (
            "ORDER BY at",
            "Must have WHERE clause in the statement when using ORDER BY clause.",
        ),
        (
            "WHERE id = 'o' ORDER BY total DESC",
            "Attribute total in ORDER BY clause must be part of the primary key",
        ),
        (
            "WHERE id > 'a' ORDER BY at",
            "Must have at least one non-optional hash key condition in WHERE clause when using ORDER BY clause.",
        ),
        (
            "WHERE id IN ['o', 'p'] ORDER BY at DESC",
            "Must have hash key in ORDER BY clause when more than one hash key condition specified in WHERE clause.",
        ),
    ] {
        let text = format!("SELECT at FROM log {rest}");
        world
            .invalid("ExecuteStatement", statement(&text), message)
            .await;
    }
}

#[tokio::test]
async fn a_selection_of_several_partitions_goes_by_pages() {
    let world = ordered().await;
    for (text, expected) in [
        (
            "SELECT * FROM log WHERE id IN ['o', 'p'] ORDER BY id DESC",
            "p3 p2 p1 o3 o2 o1",
        ),
        (
            "SELECT * FROM log WHERE id IN ['p', 'x', 'o']",
            "p1 p2 p3 o1 o2 o3",
        ),
    ] {
        for limit in 1..=7 {
            let mut found = Vec::new();
            let mut input = with(statement(text), json!({ "Limit": limit }));
            loop {
                let page = world.ok("ExecuteStatement", input.clone()).await;
                assert!(page["Items"].as_array().unwrap().len() <= limit);
                found.extend(places(&page));
                let Some(token) = page.get("NextToken") else {
                    break;
                };
                input["NextToken"] = token.clone();
            }
            assert_eq!(found.join(" "), expected, "{limit}");
        }
    }
    let text = "SELECT * FROM log WHERE id IN ['o', 'p']";
    let page = with(statement(text), json!({ "Limit": 1 }));
    let token = world.ok("ExecuteStatement", page).await["NextToken"].clone();
    let other = with(
        statement("SELECT * FROM log WHERE id = 'o'"),
        json!({ "NextToken": token }),
    );
    world
        .invalid(
            "ExecuteStatement",
            other,
            "NextToken does not match request",
        )
        .await;
    let by = "SELECT * FROM log WHERE id = ?";
    let of = |id: &str| json!({ "Statement": by, "Parameters": [{ "S": id }] });
    let page = with(of("o"), json!({ "Limit": 1 }));
    let token = world.ok("ExecuteStatement", page).await["NextToken"].clone();
    let next = json!({ "NextToken": token });
    let found = world
        .ok("ExecuteStatement", with(of("o"), next.clone()))
        .await;
    assert_eq!(places(&found), ["o2", "o3"]);
    world
        .invalid(
            "ExecuteStatement",
            with(of("p"), next),
            "NextToken does not match request",
        )
        .await;
    let broken = with(statement(text), json!({ "NextToken": "bm8=" }));
    world
        .invalid("ExecuteStatement", broken, "Invalid NextToken")
        .await;
    let many: Vec<String> = (0..51).map(|n| format!("'{n}'")).collect();
    let text = format!("SELECT * FROM log WHERE id IN [{}]", many.join(","));
    let message = "Too many decomposed read operations for a given query.";
    world
        .invalid("ExecuteStatement", statement(&text), message)
        .await;
}

#[tokio::test]
async fn a_transaction_of_statements_checks_that_something_is_so() {
    let world = ordered().await;
    let exists = "EXISTS(SELECT * FROM log WHERE id = 'o' AND at = 1 AND won IS MISSING)";
    let update = "UPDATE log SET won = 1 WHERE id = 'o' AND at = 2";
    let (status, done) = transact(&world, &[exists, update]).await;
    assert_eq!((status, done), (200, json!({ "Responses": [] })));

    let won = "EXISTS(SELECT * FROM log WHERE id = 'o' AND at = 2 AND won IS MISSING)";
    let (status, done) =
        transact(&world, &[won, "DELETE FROM log WHERE id = 'o' AND at = 1"]).await;
    assert_eq!(status, 400);
    assert_eq!(
        done["CancellationReasons"],
        json!([
            { "Code": "ConditionalCheckFailed", "Message": "The conditional request failed" },
            { "Code": "None" },
        ])
    );
    // Of what is not there nothing is so.
    let absent = "EXISTS(SELECT * FROM log WHERE id = 'x' AND at = 2 AND won IS MISSING)";
    assert_eq!(transact(&world, &[absent, update]).await.0, 400);

    for (texts, message) in [
        (
            &[
                "EXISTS(SELECT * FROM log WHERE id = 'o' AND at = 1)",
                update,
            ][..],
            "Validation failed in TransactStatements[0]: EXISTS() must contain a single item read with additional condition",
        ),
        (
            &["SELECT * FROM log WHERE id = 'o' AND at = 1", update],
            "ExecuteTransaction API does not support both read and write operations in the same request.",
        ),
    ] {
        let (status, refused) = transact(&world, texts).await;
        assert_eq!((status, &refused["message"]), (400, &json!(message)));
    }
    let message = "EXISTS can only be used in ExecuteTransaction write requests.";
    world
        .invalid("ExecuteStatement", statement(exists), message)
        .await;
    let insert = "INSERT INTO log VALUE {'id': 'o', 'at': 1}";
    let (_, refused) = transact(&world, &[insert]).await;
    assert_eq!(
        refused["CancellationReasons"],
        json!([{ "Code": "DuplicateItem", "Message": "Duplicate primary key exists in table" }])
    );
}

#[tokio::test]
async fn statements_tell_what_they_used_and_what_was_in_their_way() {
    let world = ordered().await;
    for (kind, units) in [
        (
            "SELECT * FROM",
            json!([{ "TableName": "log", "CapacityUnits": 1.0 }]),
        ),
        (
            "DELETE FROM",
            json!([{ "TableName": "log", "CapacityUnits": 2.0 }]),
        ),
    ] {
        let each = |at: u8| statement(&format!("{kind} log WHERE id = 'o' AND at = {at}"));
        let input = json!({
            "Statements": [each(2), each(3)],
            "ReturnConsumedCapacity": "TOTAL",
        });
        let done = world.ok("BatchExecuteStatement", input).await;
        assert_eq!(done["ConsumedCapacity"], units);
    }
    let update = with(
        statement("UPDATE log SET a = 1 WHERE id = 'o' AND at = 1 AND b = 2"),
        json!({ "ReturnValuesOnConditionCheckFailure": "ALL_OLD" }),
    );
    let input = json!({ "TransactStatements": [update] });
    let (_, refused) = world.send("ExecuteTransaction", &input).await;
    assert_eq!(refused["CancellationReasons"][0]["Item"], entry("o", 1));
    let input = json!({
        "TransactStatements": [statement("UPDATE log SET a = 1 WHERE id = 'o' AND at = 1")],
        "ReturnConsumedCapacity": "TOTAL",
    });
    let done = world.ok("ExecuteTransaction", input).await;
    assert_eq!(
        done["ConsumedCapacity"],
        json!([{ "TableName": "log", "CapacityUnits": 2.0, "WriteCapacityUnits": 2.0 }])
    );
}

#[tokio::test]
async fn what_no_set_or_function_can_be_is_refused() {
    let world = ordered().await;
    let set = |set: &str| format!("INSERT INTO log VALUE {{'id': 'a', 'at': 1, 's': {set}}}");
    for (text, message) in [
        (set("<<>>"), "Empty bags are not supported"),
        (
            set("<<1, 'a'>>"),
            "Unsupported data type in Bag. DynamoDB only supports either numbers or strings in bags",
        ),
        (
            set("<<'a', 'a'>>"),
            "One or more parameter values were invalid: Input collection [a, a] contains duplicates.",
        ),
        (
            "UPDATE log SET other = set_add(s, <<'x'>>) WHERE id = 'o' AND at = 1".into(),
            "The first argument to SET_ADD must equal the assignment value at 1:24:7",
        ),
        (
            "UPDATE log\nSET s = set_add(s, 'x') WHERE id = 'o' AND at = 1".into(),
            "The second argument to SET_ADD must be a value with type SET at 2:17:1",
        ),
        (
            "UPDATE log SET s = set_delete(s) WHERE id = 'o' AND at = 1".into(),
            "SET_DELETE must have exactly two arguments at 1:20:10",
        ),
        (
            "SELECT * FROM log WHERE EXISTS(s)".into(),
            "Unrecognized function: exists at 1:25:6",
        ),
        (
            "SELECT attribute_exists(s) FROM log".into(),
            "Unexpected path component at 1:8:16",
        ),
        (
            "SELECT * FROM log WHERE attribute_exists('s')".into(),
            "Operator or function requires a document path; operator or function: attribute_exists",
        ),
        (
            "SELECT * FROM log WHERE attribute_not_exists()".into(),
            "Incorrect number of operands for operator or function; operator or function: attribute_not_exists, number of operands: 0",
        ),
        (
            "SELECT * FROM log WHERE s IS INT4".into(),
            "Unsupported data type for IS operator: INT4. Supported data types are [MISSING, NULL, BOOLEAN, BLOB, STRING, NUMERIC, STRUCT, TUPLE, LIST]",
        ),
        (
            set("set_add(<<'a'>>, <<'b'>>)"),
            "Unsupported data type: set_add under key root at 1:49:7",
        ),
        (
            "INSERT INTO log VALUE {'id': 'a', 'at': 1} RETURNING ALL OLD *".into(),
            "RETURNING is not supported in INSERT",
        ),
        (
            "UPDATE log SET l = list_append(l, [1]) WHERE id = 'o' AND at = 1".into(),
            "The provided expression refers to an attribute that does not exist in the item",
        ),
        (
            "SELECT * FROM log WHERE id = 'o' AND attribute_type(total, 'X')".into(),
            "Invalid attribute type name found; type: X, valid types: {N,BS,L,B,NULL,M,S,SS,NS,BOOL}",
        ),
        (
            "DELETE FROM log WHERE id = 'o' AND at = 1 RETURNING MODIFIED OLD *".into(),
            "Invalid returning clause: RETURNING MODIFIED OLD *. Only RETURNING ALL OLD * is allowed in DELETE statements.",
        ),
    ] {
        world
            .invalid("ExecuteStatement", statement(&text), message)
            .await;
    }
    let made = "UPDATE log SET s = set_add(s, <<'x'>>) WHERE id = 'o' AND at = 1";
    run(&world, made, json!(null)).await;
    let gone = "UPDATE log SET s = set_delete(s, <<'x'>>) WHERE id = 'o' AND at = 1";
    run(&world, gone, json!(null)).await;
    let found = run(
        &world,
        "SELECT * FROM log WHERE id = 'o' AND at = 1",
        json!(null),
    )
    .await;
    assert_eq!(found, json!([entry("o", 1)]));
}

#[tokio::test]
async fn what_is_selected_is_named_by_the_end_of_its_path() {
    let world = World::with_tables().await;
    let item = json!({
        "id": { "S": "a" },
        "m": { "M": { "nested": { "S": "deep" }, "l": { "L": [{ "N": "1" }, { "N": "2" }] } } },
    });
    world.put("music", item.clone()).await;
    for (fields, expected) in [
        ("m.nested", json!({ "nested": { "S": "deep" } })),
        ("m['nested']", json!({ "nested": { "S": "deep" } })),
        ("m.l[1]", json!({ "l[1]": { "N": "2" } })),
        ("id, m.none", json!({ "id": { "S": "a" } })),
        ("m, id", item),
    ] {
        let text = format!("SELECT {fields} FROM music WHERE id = 'a'");
        let found = run(&world, &text, Value::Null).await;
        assert_eq!(found, json!([expected]), "{fields}");
        let input = json!({ "Statements": [statement(&text)] });
        let batch = world.ok("BatchExecuteStatement", input).await;
        assert_eq!(batch["Responses"][0]["Item"], expected, "{fields}");
    }
}

#[tokio::test]
async fn conditions_ask_for_attributes_and_their_types() {
    let world = World::with_tables().await;
    let item = json!({
        "id": { "S": "a" }, "s": { "S": "str" }, "flag": { "BOOL": true }, "nul": { "NULL": true },
        "m": { "M": { "sub": { "N": "1" } } }, "n": { "N": "7" },
    });
    world.put("music", item).await;
    for (condition, holds) in [
        ("attribute_exists(s)", true),
        ("attribute_exists(\"s\")", true),
        ("ATTRIBUTE_EXISTS(none)", false),
        ("attribute_not_exists(none)", true),
        ("attribute_not_exists(s)", false),
        ("NOT attribute_exists(none)", true),
        ("(attribute_exists(none) OR attribute_exists(s))", true),
        ("attribute_exists(s) = true", true),
        ("attribute_exists(s) = FALSE", false),
        ("attribute_exists(none) <> true", true),
        ("begins_with(s, 'st') = true", true),
        ("attribute_exists(m.sub)", true),
        ("attribute_exists(m.none)", false),
        ("flag IS BOOL", true),
        ("flag IS NOT BOOLEAN", false),
        ("s IS STRING", true),
        ("s IS BOOL", false),
        ("n IS numeric AND m IS STRUCT AND m IS TUPLE", true),
        ("nul IS NULL", true),
        ("s IS NOT NULL", true),
    ] {
        for key in ["id = 'a' AND ", ""] {
            let text = format!("SELECT id FROM music WHERE {key}{condition}");
            let found = run(&world, &text, Value::Null).await;
            let found = found.as_array().unwrap().len() == 1;
            assert_eq!(found, holds, "{text}");
        }
        let text = format!("UPDATE music SET z = 1 WHERE id = 'a' AND {condition}");
        let (status, _) = world.send("ExecuteStatement", &statement(&text)).await;
        assert_eq!(status == 200, holds, "{text}");
    }
    for text in [
        "DELETE FROM music WHERE id = 'a' AND attribute_exists(none)",
        "UPDATE music SET z = 1 WHERE id = 'absent' AND attribute_not_exists(id)",
    ] {
        let failed = world.refused("ExecuteStatement", statement(text)).await;
        assert_eq!(failed.0, "ConditionalCheckFailedException", "{text}");
    }
    let deleted = "DELETE FROM music WHERE id = 'a' AND attribute_not_exists(none)";
    run(&world, deleted, Value::Null).await;
    assert_eq!(
        run(&world, "SELECT * FROM music", Value::Null).await,
        json!([])
    );
}

#[tokio::test]
async fn comments_and_numbers_are_read_as_they_are_written() {
    let world = ordered().await;
    for text in [
        "SELECT * FROM log WHERE id = 'o' AND at = 2 -- a note",
        "-- a note\nSELECT * FROM log WHERE id = 'o' AND at = 2;",
        "SELECT * FROM log -- a note\nWHERE id = 'o' AND at = 2",
        "SELECT/* a -- note */* FROM log WHERE id = /**/'o' AND at = 2 /* a note */ ;",
        "SELECT * FROM log WHERE id = 'o' AND at = 20e-1",
        "SELECT * FROM log WHERE id = 'o' AND at = .2E+1",
        "SELECT * FROM log WHERE id = 'o' AND at = 2.",
        "SELECT * FROM log WHERE id = 'o' AND at > -.2e1 AND at <= 2 AND at <> 1",
    ] {
        let found = world.ok("ExecuteStatement", statement(text)).await;
        assert_eq!(places(&found), ["o2"], "{text}");
    }
    let quoted = "INSERT INTO log VALUE {'id': '-- /* x', 'at': 73100000e-1}";
    run(&world, quoted, Value::Null).await;
    let found = "SELECT * FROM log WHERE id = '-- /* x'";
    assert_eq!(
        run(&world, found, Value::Null).await,
        json!([{ "id": { "S": "-- /* x" }, "at": { "N": "7310000" } }])
    );
}

#[tokio::test]
async fn an_update_may_begin_with_its_table() {
    let world = World::with_tables().await;
    world
        .put("music", json!({ "id": { "S": "a" }, "a": { "N": "1" } }))
        .await;
    let done = run(
        &world,
        "from music where id = ? and a = 1 set c = ?, d = 2 remove a returning all new *",
        json!([{ "S": "a" }, { "N": "7" }]),
    );
    assert_eq!(
        done.await,
        json!([{ "id": { "S": "a" }, "c": { "N": "7" }, "d": { "N": "2" } }])
    );
    for text in [
        "FROM music WHERE id = 'a' AND c = 1 SET e = 1",
        "FROM music WHERE id = 'absent' SET e = 1",
    ] {
        let failed = world.refused("ExecuteStatement", statement(text)).await;
        assert_eq!(failed.0, "ConditionalCheckFailedException", "{text}");
    }
    let (status, done) = transact(&world, &["FROM music WHERE id = 'a' REMOVE c"]).await;
    assert_eq!((status, done), (200, json!({ "Responses": [] })));
    // Nothing is left to tell of what was removed.
    let removed = "UPDATE music REMOVE d WHERE id = 'a' RETURNING MODIFIED NEW *";
    assert_eq!(run(&world, removed, Value::Null).await, json!([]));
    let input = json!({ "Statements": [statement(removed)] });
    let batch = world.ok("BatchExecuteStatement", input).await;
    assert_eq!(batch["Responses"], json!([{ "TableName": "music" }]));
}

/// The table `songs` of `id` and `at`, with local indexes of the keys and with `kept`, and the same ones global.
async fn indexed() -> World {
    let world = World::new();
    let by = |name: &str, keys: [&str; 2], include: bool| {
        let projection = match include {
            true => json!({ "ProjectionType": "INCLUDE", "NonKeyAttributes": ["kept"] }),
            false => json!({ "ProjectionType": "KEYS_ONLY" }),
        };
        json!({
            "IndexName": name,
            "KeySchema": [
                { "AttributeName": keys[0], "KeyType": "HASH" },
                { "AttributeName": keys[1], "KeyType": "RANGE" },
            ],
            "Projection": projection,
        })
    };
    let more = json!({
        "AttributeDefinitions": [
            { "AttributeName": "id", "AttributeType": "S" },
            { "AttributeName": "at", "AttributeType": "N" },
            { "AttributeName": "by", "AttributeType": "S" },
        ],
        "LocalSecondaryIndexes": [
            by("lkeys", ["id", "by"], false),
            by("lkept", ["id", "by"], true),
        ],
        "GlobalSecondaryIndexes": [
            by("gkeys", ["by", "at"], false),
            by("gkept", ["by", "at"], true),
        ],
    });
    let created = with(table("songs", json!([["id", "S"], ["at", "N"]])), more);
    world.ok("CreateTable", created).await;
    for at in 1..=2 {
        let item = json!({
            "id": { "S": "a" }, "at": { "N": at.to_string() }, "by": { "S": "x" }, "kept": { "S": "k" },
            "extra": { "S": "e" }, "more": { "S": "m" },
        });
        world.put("songs", item).await;
    }
    world
}

#[tokio::test]
async fn an_index_is_asked_for_what_it_has() {
    let world = indexed().await;
    let text = "SELECT extra, kept FROM songs.lkeys WHERE id = 'a' AND \"by\" = 'x'";
    let input = with(
        statement(text),
        json!({ "ReturnConsumedCapacity": "INDEXES" }),
    );
    let found = world.ok("ExecuteStatement", input).await;
    let whole = json!({ "extra": { "S": "e" }, "kept": { "S": "k" } });
    assert_eq!(found["Items"], json!([whole, whole]));
    assert_eq!(
        found["ConsumedCapacity"]["Table"]["CapacityUnits"],
        json!(1.0)
    );
    let scanned = "SELECT extra, kept FROM songs.lkept";
    assert_eq!(
        run(&world, scanned, Value::Null).await,
        json!([whole, whole])
    );
    let all = run(
        &world,
        "SELECT * FROM songs.lkeys WHERE id = 'a'",
        Value::Null,
    );
    let key = json!({ "id": { "S": "a" }, "at": { "N": "1" }, "by": { "S": "x" } });
    assert_eq!(all.await[0], key);
    // To a scan what an index has not is just missing.
    for (index, condition, count) in [
        ("gkept", "extra = 'e'", 0),
        ("lkeys", "extra = 'e'", 0),
        ("gkeys", "NOT extra = 'e'", 2),
        ("gkept", "(\"by\" = 'x' AND extra = 'e') OR \"by\" = 'y'", 0),
        ("gkept", "\"by\" = 'x' AND kept IS NOT MISSING", 2),
    ] {
        let text = format!("SELECT id FROM songs.{index} WHERE {condition}");
        let found = run(&world, &text, Value::Null).await;
        assert_eq!(found.as_array().unwrap().len(), count, "{text}");
    }
    const INVALID: &str = "One or more parameter values were invalid: ";
    for (text, message) in [
        (
            "SELECT more, kept, extra FROM songs.gkeys WHERE \"by\" = 'x'",
            format!("{INVALID}Global secondary index gkeys does not project [more, kept, extra]"),
        ),
        (
            "SELECT extra.deep FROM songs.gkept",
            format!("{INVALID}Global secondary index gkept does not project [extra]"),
        ),
        (
            "SELECT id FROM songs.gkept WHERE \"by\" IN ['x', 'y'] AND begins_with(extra, 'e')",
            format!(
                "{INVALID}Secondary index gkept does not project one or more filter attributes: [extra]"
            ),
        ),
        (
            "SELECT id FROM songs.lkeys WHERE id = 'a' AND NOT extra = 'e'",
            format!(
                "{INVALID}Secondary index lkeys does not project one or more filter attributes: [extra]"
            ),
        ),
        (
            "SELECT * FROM songs.none WHERE id = 'a'",
            "The table does not have the specified index".into(),
        ),
        (
            "INSERT INTO songs.gkept VALUE {'id': 'b', 'at': 1}",
            "FROM clause may only contain a single table name in data manipulation statements"
                .into(),
        ),
        (
            "UPDATE songs.gkept SET n = 1 WHERE id = 'a'",
            "This operation is not supported on an index".into(),
        ),
    ] {
        world
            .invalid("ExecuteStatement", statement(text), &message)
            .await;
    }
    let consistent = |index: &str| {
        let text = format!("SELECT * FROM songs.{index}");
        with(statement(&text), json!({ "ConsistentRead": true }))
    };
    world.ok("ExecuteStatement", consistent("lkeys")).await;
    let message = "Strongly consistent read is not supported on Global Secondary Indexes";
    world
        .invalid("ExecuteStatement", consistent("gkeys"), message)
        .await;
}

#[tokio::test]
async fn a_transaction_tells_which_statement_is_wrong() {
    let world = indexed().await;
    let read = "SELECT * FROM songs WHERE id = 'a' AND at = 1";
    for (texts, wrong, message) in [
        (
            ["SLECT", read],
            0,
            "Statement wasn't well formed, can't be processed: Expected data manipulation",
        ),
        (
            [read, "SELECT * FROM songs.gkept WHERE \"by\" = 'x'"],
            1,
            "Reads on indices are not supported within transactions.",
        ),
        (
            [read, "SELECT * FROM songs WHERE id = 'a'"],
            1,
            "Select statements within ExecuteTransaction must specify the primary key in the where clause.",
        ),
        (
            [
                "SELECT * FROM songs WHERE id = 'a' AND at = 1 AND attribute_exists(kept)",
                read,
            ],
            0,
            "Select statements within ExecuteTransaction must specify the primary key in the where clause.",
        ),
        (
            [
                "UPDATE songs SET kept = 'new' WHERE id = 'a' AND at = 2",
                "UPDATE songs SET kept = 'new' WHERE id = 'a' AND at = 1 RETURNING ALL NEW *",
            ],
            1,
            "RETURNING clause is not supported in ExecuteTransaction.",
        ),
        (
            [
                "UPDATE songs SET kept = 'new' WHERE id = 'a' AND at = 2",
                "DELETE FROM songs WHERE id = 'a'",
            ],
            1,
            "Where clause does not contain a mandatory equality on all key attributes",
        ),
    ] {
        let (status, refused) = transact(&world, &texts).await;
        let message = format!("Validation failed in TransactStatements[{wrong}]: {message}");
        assert_eq!((status, &refused["message"]), (400, &json!(message)));
    }
    // A parameter is read before its statement is.
    let input =
        json!({ "TransactStatements": [{ "Statement": "SLECT", "Parameters": [{ "N": "abc" }] }] });
    let message = "The parameter cannot be converted to a numeric value: abc";
    world.invalid("ExecuteTransaction", input, message).await;
    let kept = "SELECT kept FROM songs WHERE at = 2 AND id = 'a' AND at = 2";
    let (_, found) = transact(&world, &[kept]).await;
    assert_eq!(
        found["Responses"],
        json!([{ "Item": { "kept": { "S": "k" } } }])
    );
}

proptest! {
    #[test]
    fn no_statement_makes_the_reader_fall_over(text in statement_soup(), noise in ".{0,60}") {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let world = World::with_tables().await;
            for text in [text, noise] {
                if !text.is_empty() {
                    let (status, _) = world.send("ExecuteStatement", &statement(&text)).await;
                    assert!(status < 500);
                }
            }
        });
    }
}

fn statement_soup() -> impl Strategy<Value = String> {
    let words = [
        "SELECT",
        "*",
        "FROM",
        "music",
        "WHERE",
        "id",
        "=",
        "'a'",
        "AND",
        "OR",
        "NOT",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "<<",
        ">>",
        ",",
        ".",
        ":",
        "?",
        "1",
        "-",
        "+",
        "IN",
        "BETWEEN",
        "IS",
        "MISSING",
        "NULL",
        "INSERT INTO",
        "VALUE",
        "UPDATE",
        "SET",
        "REMOVE",
        "DELETE FROM",
        "RETURNING ALL OLD *",
        "size(",
        "contains(",
        "list_append(",
        "set_add(",
        "attribute_exists(",
        "-- note\n",
        "/* note */",
        "/*",
        ".5",
        "1e",
        ";",
        "é",
        "\"x\"",
    ];
    proptest::collection::vec(proptest::sample::select(words.to_vec()), 1..20)
        .prop_map(|words| words.join(" "))
}
