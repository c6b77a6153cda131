//! Statements about indexes.

use super::*;

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
