//! What is selected, in which order, and in how many pages.

use super::*;

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
