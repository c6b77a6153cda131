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
    let batch = json!({ "Statements": [
        statement("INSERT INTO music VALUE {'id': 'a', 'n': 1}"),
        statement("INSERT INTO music VALUE {'id': 'a'}"),
        statement("SELECT n FROM music WHERE id = 'a'"),
        statement("SELECT n FROM music"),
        statement("UPDATE absent SET n = 1 WHERE id = 'a'"),
    ] });
    let responses = world.ok("BatchExecuteStatement", batch).await["Responses"].clone();
    assert_eq!(responses[0], json!({ "TableName": "music" }));
    assert_eq!(responses[1]["Error"]["Code"], "DuplicateItem");
    assert_eq!(
        responses[2],
        json!({ "TableName": "music", "Item": { "n": { "N": "1" } } })
    );
    assert_eq!(responses[3]["Error"]["Code"], "ValidationError");
    assert_eq!(responses[4]["Error"]["Code"], "ResourceNotFound");
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
