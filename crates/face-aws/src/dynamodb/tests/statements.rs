//! PartiQL.

mod chance;
mod indexes;
mod selections;
mod together;
mod wrong;

use super::*;

async fn run(world: &World, statement: &str, parameters: Value) -> Value {
    let input = json!({ "Statement": statement, "Parameters": parameters });
    world.ok("ExecuteStatement", with(input, json!({}))).await["Items"].clone()
}

fn statement(statement: &str) -> Value {
    json!({ "Statement": statement })
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
