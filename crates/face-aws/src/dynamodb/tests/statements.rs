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
        let expected = json!({ "id": { "S": "a" }, "l": { "L": [{ "N": "1" }] } });
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
    assert_eq!(responses[2]["Error"]["Code"], "ResourceNotFound");
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
    assert_eq!(done, json!({ "Responses": [{}, {}] }));
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
        ("FLY", format!("{MALFORMED}Unexpected term: FLY")),
        (
            "SELECT * FROM",
            format!("{MALFORMED}Unexpected end of statement"),
        ),
        (
            "SELECT * FROM music WHERE id = 'a",
            format!("{MALFORMED}Unterminated string"),
        ),
        (
            "SELECT * FROM music music",
            format!("{MALFORMED}Unexpected term: music"),
        ),
        (
            "INSERT INTO music VALUE 'a'",
            format!("{MALFORMED}Expected a map after VALUE"),
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
    assert_eq!((status, done), (200, json!({ "Responses": [{}, {}] })));

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
            "The first argument to SET_ADD must equal the assignment value",
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
            "Only RETURNING ALL OLD * is allowed in DELETE statements.",
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
        "é",
        "\"x\"",
    ];
    proptest::collection::vec(proptest::sample::select(words.to_vec()), 1..20)
        .prop_map(|words| words.join(" "))
}
