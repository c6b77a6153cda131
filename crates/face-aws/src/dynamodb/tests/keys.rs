//! Keys of global indexes that have several attributes of a role.

use super::*;

const NAMES: [&str; 9] = ["p", "h", "i", "a", "b", "c", "d", "e", "f"];

fn role(name: &str, role: &str) -> Value {
    json!({ "AttributeName": name, "KeyType": role })
}

fn definitions(names: &[&str]) -> Value {
    let definition = |name: &&str| json!({ "AttributeName": name, "AttributeType": "S" });
    names.iter().map(definition).collect()
}

/// A table whose index `several` has these keys.
fn table(names: &[&str], keys: &Value) -> Value {
    json!({
        "TableName": "things",
        "KeySchema": [role("p", "HASH")],
        "AttributeDefinitions": definitions(names),
        "BillingMode": "PAY_PER_REQUEST",
        "GlobalSecondaryIndexes": [several(keys)],
    })
}

fn several(keys: &Value) -> Value {
    json!({
        "IndexName": "several",
        "KeySchema": keys,
        "Projection": { "ProjectionType": "ALL" },
    })
}

fn keyed() -> Value {
    json!([
        role("h", "HASH"),
        role("i", "HASH"),
        role("a", "RANGE"),
        role("b", "RANGE"),
        role("c", "RANGE"),
    ])
}

async fn filled() -> World {
    let world = World::new();
    world.ok("CreateTable", table(&NAMES[..6], &keyed())).await;
    for (p, values) in [
        ("1", "hiTlb"),
        ("2", "hiTla"),
        ("3", "hiTda"),
        ("4", "hiFlz"),
        ("5", "hjTla"),
        // It lacks one.
        ("6", "hiTl"),
    ] {
        let mut item = json!({ "p": { "S": p } });
        for (name, value) in NAMES[1..6].iter().zip(values.chars()) {
            item[*name] = json!({ "S": value.to_string() });
        }
        world.put("things", item).await;
    }
    world
}

fn query(condition: &str) -> Value {
    let values = [
        (":h", "h"),
        (":i", "i"),
        (":a", "T"),
        (":b", "l"),
        (":c", "a"),
    ];
    let used = values.iter().filter(|(name, _)| condition.contains(name));
    let used: serde_json::Map<String, Value> = used
        .map(|(name, value)| ((*name).to_owned(), json!({ "S": value })))
        .collect();
    json!({
        "TableName": "things",
        "IndexName": "several",
        "KeyConditionExpression": condition,
        "ExpressionAttributeValues": used,
    })
}

fn found(output: &Value) -> String {
    let items = output["Items"].as_array().unwrap().iter();
    items.map(|item| item["p"]["S"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_index_is_asked_by_all_of_its_partition_and_the_first_of_its_order() {
    let world = filled().await;
    for (condition, expected) in [
        ("h = :h AND i = :i", "4321"),
        ("a = :a AND i = :i AND h = :h", "321"),
        ("h = :h AND i = :i AND a = :a AND b = :b", "21"),
        ("h = :h AND i = :i AND a = :a AND b < :b", "3"),
        ("h = :h AND i = :i AND a = :a AND b = :b AND c > :c", "1"),
        ("h = :h AND i = :i AND a = :a AND b = :b AND c = :c", "2"),
        ("h = :h AND i = :i AND a BETWEEN :a AND :a", "321"),
    ] {
        let output = world.ok("Query", query(condition)).await;
        assert_eq!(found(&output), expected, "{condition}");
    }
    let backwards = with(
        query("h = :h AND i = :i"),
        json!({ "ScanIndexForward": false }),
    );
    assert_eq!(found(&world.ok("Query", backwards).await), "1234");
    let scan = json!({ "TableName": "things", "IndexName": "several" });
    assert_eq!(world.ok("Scan", scan).await["Count"], 5);
    for (condition, message) in [
        (
            "h = :h AND a = :a",
            "Query condition missed key schema element: i",
        ),
        ("h = :h AND i > :i", "Query key condition not supported"),
        (
            "h = :h AND i = :i AND b = :b",
            "RANGE key attributes a must have equality conditions specified in the query because a condition is present on key attribute b",
        ),
        (
            "h = :h AND i = :i AND a = :a AND b > :b AND c = :c",
            "RANGE key attributes b must have equality conditions specified in the query because a condition is present on key attribute c",
        ),
    ] {
        world.invalid("Query", query(condition), message).await;
    }
}

#[tokio::test]
async fn a_page_of_such_an_index_ends_with_all_keys() {
    let world = filled().await;
    let asked = query("h = :h AND i = :i AND a = :a");
    let page = with(asked.clone(), json!({ "Limit": 2 }));
    let output = world.ok("Query", page.clone()).await;
    let last = output["LastEvaluatedKey"].clone();
    let named: Vec<&String> = last.as_object().unwrap().keys().collect();
    assert_eq!(named, ["a", "b", "c", "h", "i", "p"]);
    let rest = with(page, json!({ "ExclusiveStartKey": last }));
    assert_eq!(found(&world.ok("Query", rest).await), "1");
    for (changed, message) in [
        (
            json!({ "a": { "S": "F" } }),
            "The provided starting key does not match the range key predicate",
        ),
        (
            json!({ "i": { "S": "j" } }),
            "The provided starting key is outside query boundaries based on provided conditions",
        ),
        (
            json!({ "x": { "S": "j" } }),
            "The provided starting key is invalid",
        ),
    ] {
        let start = with(last.clone(), changed);
        let wrong = with(asked.clone(), json!({ "ExclusiveStartKey": start }));
        world.invalid("Query", wrong, message).await;
    }
}

#[tokio::test]
async fn such_an_index_is_told_as_it_was_made_and_can_be_made_later() {
    let world = World::new();
    let eight: Vec<Value> = NAMES[1..]
        .iter()
        .zip(["HASH"; 4].into_iter().chain(["RANGE"; 4]))
        .map(|(name, kind)| role(name, kind))
        .collect();
    let eight = Value::from(eight);
    world.ok("CreateTable", table(&NAMES, &eight)).await;
    let named = json!({ "TableName": "things" });
    let told = world.ok("DescribeTable", named.clone()).await["Table"].clone();
    assert_eq!(told["GlobalSecondaryIndexes"][0]["KeySchema"], eight);
    let sorted = ["a", "b", "c", "d", "e", "f", "h", "i", "p"];
    assert_eq!(told["AttributeDefinitions"], definitions(&sorted));
    let drop = json!({
        "TableName": "things",
        "GlobalSecondaryIndexUpdates": [{ "Delete": { "IndexName": "several" } }],
    });
    world.ok("UpdateTable", drop).await;
    let later = json!({
        "TableName": "things",
        "AttributeDefinitions": definitions(&NAMES[1..6]),
        "GlobalSecondaryIndexUpdates": [{ "Create": several(&keyed()) }],
    });
    let told = world.ok("UpdateTable", later).await["TableDescription"].clone();
    assert_eq!(told["GlobalSecondaryIndexes"][0]["KeySchema"], keyed());
}

#[tokio::test]
async fn keys_that_cannot_be_are_refused() {
    let world = World::new();
    let roles = |roles: &[&str]| -> Value {
        let each = NAMES.iter().zip(roles);
        each.map(|(name, kind)| role(name, kind)).collect()
    };
    for (keys, message) in [
        (
            roles(&["HASH"; 5]),
            "One or more parameter values were invalid: The KeySchema exceeds the maximum allowed number of HASH key attributes",
        ),
        (
            roles(&["HASH", "RANGE", "RANGE", "RANGE", "RANGE", "RANGE"]),
            "One or more parameter values were invalid: The KeySchema exceeds the maximum allowed number of RANGE key attributes",
        ),
        (
            roles(&["HASH", "RANGE", "HASH"]),
            "One or more parameter values were invalid: All HASH key attributes must precede RANGE key attributes in the KeySchema",
        ),
        (
            json!([role("h", "HASH"), role("a", "RANGE"), role("h", "RANGE")]),
            "The KeySchema contains multiple key attributes with the same name",
        ),
        (
            json!([role("h", "RANGE"), role("a", "HASH")]),
            "Invalid KeySchema: The first KeySchemaElement is not a HASH key type",
        ),
        (
            json!([role("h", "HASH"), role("x", "HASH")]),
            "One or more parameter values were invalid: Some index key attributes are not defined in AttributeDefinitions. Keys: [h, x], AttributeDefinitions: [p, h]",
        ),
    ] {
        let is_used = |name: &str| {
            let mut elements = keys.as_array().unwrap().iter();
            name == "p" || elements.any(|element| element["AttributeName"] == name)
        };
        let used = NAMES.into_iter().filter(|name| is_used(name));
        let used: Vec<&str> = used.collect();
        world
            .invalid("CreateTable", table(&used, &keys), message)
            .await;
    }
    // Tables and local indexes have one attribute of each role.
    let message = "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type";
    let hashes = json!([role("p", "HASH"), role("h", "HASH")]);
    let made = table(&NAMES[..6], &keyed());
    let of_table = with(made.clone(), json!({ "KeySchema": hashes }));
    world.invalid("CreateTable", of_table, message).await;
    let sorted = json!([role("p", "HASH"), role("a", "RANGE")]);
    let local = json!({ "KeySchema": sorted, "LocalSecondaryIndexes": [several(&hashes)] });
    world
        .invalid("CreateTable", with(made, local), message)
        .await;
}

#[tokio::test]
async fn statements_read_no_such_index() {
    const REFUSED: &str = "PartiQL statements cannot be executed on tables with multi-attribute HASH keys or multi-attribute RANGE keys.";
    let world = filled().await;
    for condition in [" WHERE h = 'h'", " WHERE h = 5", ""] {
        let text = format!("SELECT * FROM things.several{condition}");
        let input = json!({ "Statement": text });
        world.invalid("ExecuteStatement", input, REFUSED).await;
    }
    let statements = json!({ "Statements": [
        { "Statement": "SELECT * FROM things.several WHERE h = 'h'" },
        { "Statement": "SELECT * FROM things WHERE p = '1'" },
    ] });
    let output = world.ok("BatchExecuteStatement", statements).await;
    assert_eq!(output["Responses"][0]["Error"]["Message"], REFUSED);
    assert_eq!(output["Responses"][1]["Item"]["p"]["S"], "1");
}
