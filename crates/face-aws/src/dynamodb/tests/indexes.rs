//! Secondary indexes.

use super::*;

fn schema(keys: &[&str]) -> Value {
    keys.iter()
        .zip(["HASH", "RANGE"])
        .map(|(name, role)| json!({ "AttributeName": name, "KeyType": role }))
        .collect()
}

fn index(name: &str, keys: &[&str], projection: Value) -> Value {
    let mut index = json!({ "IndexName": name, "KeySchema": schema(keys) });
    index["Projection"] = projection;
    index
}

fn all() -> Value {
    json!({ "ProjectionType": "ALL" })
}

fn definitions(names: &[&str]) -> Value {
    names
        .iter()
        .map(|name| json!({ "AttributeName": name, "AttributeType": "S" }))
        .collect()
}

/// `things`: the keys `p` and `s`, the global indexes `g` and `few`, the local index `l`.
fn things() -> Value {
    json!({
        "TableName": "things",
        "KeySchema": schema(&["p", "s"]),
        "AttributeDefinitions": definitions(&["p", "s", "g", "n"]),
        "BillingMode": "PAY_PER_REQUEST",
        "GlobalSecondaryIndexes": [
            index("global", &["g", "n"], all()),
            index("few", &["g"], json!({ "ProjectionType": "INCLUDE", "NonKeyAttributes": ["v"] })),
        ],
        "LocalSecondaryIndexes": [
            index("local", &["p", "n"], json!({ "ProjectionType": "KEYS_ONLY" })),
        ],
    })
}

fn thing(s: &str, g: &str, n: &str) -> Value {
    json!({
        "p": { "S": "p" }, "s": { "S": s }, "g": { "S": g }, "n": { "S": n },
        "v": { "S": "v" }, "w": { "S": "w" },
    })
}

async fn filled() -> World {
    let world = World::new();
    world.ok("CreateTable", things()).await;
    for (s, g, n) in [("1", "a", "z"), ("2", "a", "y"), ("3", "b", "x")] {
        world.put("things", thing(s, g, n)).await;
    }
    world
        .put("things", json!({ "p": { "S": "p" }, "s": { "S": "4" } }))
        .await;
    world
}

fn query(index: &str, key: &str, value: &str, more: Value) -> Value {
    let query = json!({
        "TableName": "things",
        "IndexName": index,
        "KeyConditionExpression": "#key = :value",
        "ExpressionAttributeNames": { "#key": key },
        "ExpressionAttributeValues": { ":value": { "S": value } },
    });
    with(query, more)
}

fn sorts(output: &Value) -> String {
    let items = output["Items"].as_array().unwrap();
    let sorts = items.iter().map(|item| item["s"]["S"].as_str().unwrap());
    sorts.collect()
}

#[tokio::test]
async fn indexes_are_queried_in_their_own_order() {
    let world = filled().await;
    let found = world
        .ok("Query", query("global", "g", "a", json!({})))
        .await;
    assert_eq!(sorts(&found), "21");
    assert_eq!(found["Items"][0], thing("2", "a", "y"));
    let few = world.ok("Query", query("few", "g", "b", json!({}))).await;
    assert_eq!(
        few["Items"],
        json!([{ "p": { "S": "p" }, "s": { "S": "3" }, "g": { "S": "b" }, "v": { "S": "v" } }])
    );
    let local = world
        .ok(
            "Query",
            query("local", "p", "p", json!({ "ConsistentRead": true })),
        )
        .await;
    assert_eq!(sorts(&local), "321");
    assert_eq!(local["Items"][0].get("w"), None);
    let whole = query(
        "local",
        "p",
        "p",
        json!({
            "Select": "ALL_ATTRIBUTES", "ReturnConsumedCapacity": "INDEXES",
        }),
    );
    let whole = world.ok("Query", whole).await;
    assert_eq!(whole["Items"][0], thing("3", "b", "x"));
    assert_eq!(
        whole["ConsumedCapacity"],
        json!({
            "TableName": "things", "CapacityUnits": 2.0,
            "Table": { "CapacityUnits": 1.5 },
            "LocalSecondaryIndexes": { "local": { "CapacityUnits": 0.5 } },
        })
    );
    let projected = json!({ "Select": "ALL_PROJECTED_ATTRIBUTES" });
    let projected = world.ok("Query", query("local", "p", "p", projected)).await;
    assert_eq!(projected["Items"], local["Items"]);
    let fetched = query("local", "p", "p", json!({ "ProjectionExpression": "w" }));
    let fetched = world.ok("Query", fetched).await;
    assert_eq!(fetched["Items"][0], json!({ "w": { "S": "w" } }));
    let page = world
        .ok("Query", query("global", "g", "a", json!({ "Limit": 1 })))
        .await;
    let last =
        json!({ "p": { "S": "p" }, "s": { "S": "2" }, "g": { "S": "a" }, "n": { "S": "y" } });
    assert_eq!(page["LastEvaluatedKey"], last);
    let next = query("global", "g", "a", json!({ "ExclusiveStartKey": last }));
    assert_eq!(sorts(&world.ok("Query", next).await), "1");
    let scan =
        json!({ "TableName": "things", "IndexName": "few", "ReturnConsumedCapacity": "INDEXES" });
    let scanned = world.ok("Scan", scan).await;
    assert_eq!(scanned["Count"], 3);
    assert_eq!(
        scanned["ConsumedCapacity"]["GlobalSecondaryIndexes"],
        json!({ "few": { "CapacityUnits": 0.5 } })
    );
    // A scan's filter sees what the index has.
    for index in ["local", "few"] {
        for (filter, count) in [("w = :w", 0), ("attribute_not_exists(w)", 3)] {
            let mut scan =
                json!({ "TableName": "things", "IndexName": index, "FilterExpression": filter });
            if count == 0 {
                scan["ExpressionAttributeValues"] = json!({ ":w": { "S": "w" } });
            }
            let scanned = world.ok("Scan", scan).await;
            assert_eq!(scanned["Count"], count, "{index} {filter}");
            assert!(!scanned["Items"].to_string().contains("\"w\""));
        }
    }
}

#[tokio::test]
async fn what_an_index_cannot_do_is_refused() {
    const WRONG: &str = "One or more parameter values were invalid: ";
    let world = filled().await;
    for (input, message) in [
        (
            query("none", "g", "a", json!({})),
            "The table does not have the specified index: none".to_owned(),
        ),
        (
            query("global", "g", "a", json!({ "ConsistentRead": true })),
            "Consistent reads are not supported on global secondary indexes".into(),
        ),
        (
            query("few", "g", "a", json!({ "Select": "ALL_ATTRIBUTES" })),
            format!(
                "{WRONG}Select type ALL_ATTRIBUTES is not supported for global secondary index few because its projection type is not ALL"
            ),
        ),
        (
            query("few", "g", "a", json!({ "ProjectionExpression": "w, v" })),
            format!("{WRONG}Global secondary index few does not project [w]"),
        ),
        (
            query(
                "few",
                "g",
                "a",
                json!({ "FilterExpression": "attribute_exists(w) OR v = p" }),
            ),
            format!(
                "{WRONG}Secondary index few does not project one or more filter attributes: [w]"
            ),
        ),
        (
            query(
                "local",
                "p",
                "p",
                json!({ "FilterExpression": "attribute_exists(w)", "Select": "ALL_PROJECTED_ATTRIBUTES" }),
            ),
            format!(
                "{WRONG}Secondary index local does not project one or more filter attributes: [w]"
            ),
        ),
        (
            query("global", "p", "p", json!({})),
            "Query condition missed key schema element: g".into(),
        ),
        (
            query(
                "global",
                "g",
                "a",
                json!({ "ExclusiveStartKey": { "p": { "S": "p" }, "s": { "S": "2" } } }),
            ),
            "The provided starting key is invalid".into(),
        ),
    ] {
        world.invalid("Query", input, &message).await;
    }
    let select = json!({ "TableName": "things", "Select": "ALL_PROJECTED_ATTRIBUTES" });
    let message = "1 validation error detected: ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName";
    world.invalid("Scan", select, message).await;
    for (g, message) in [
        (
            json!({ "N": "1" }),
            format!("{WRONG}Type mismatch for Index Key g Expected: S Actual: N IndexName: few"),
        ),
        (
            json!({ "S": "" }),
            "One or more parameter values are not valid. A value specified for a secondary index key is not supported. The AttributeValue for a key attribute cannot contain an empty string value. IndexName: few, IndexKey: g".into(),
        ),
    ] {
        let item = with(thing("9", "a", "b"), json!({ "g": g }));
        let put = json!({ "TableName": "things", "Item": item });
        world.invalid("PutItem", put, &message).await;
    }
    let update = json!({
        "TableName": "things",
        "Key": { "p": { "S": "p" }, "s": { "S": "1" } },
        "UpdateExpression": "SET g = :empty",
        "ExpressionAttributeValues": { ":empty": { "S": "" } },
    });
    let message = "One or more parameter values are not valid. The update expression attempted to update a secondary index key to a value that is not supported. The AttributeValue for a key attribute cannot contain an empty string value.";
    world.invalid("UpdateItem", update.clone(), message).await;
    let transaction = json!({ "TransactItems": [{ "Update": update }] });
    world
        .invalid("TransactWriteItems", transaction, message)
        .await;
}

#[tokio::test]
async fn what_indexes_have_besides_keys_is_bounded() {
    const WRONG: &str = "One or more parameter values were invalid: ";
    let world = World::new();
    let include =
        |names: &[String]| json!({ "ProjectionType": "INCLUDE", "NonKeyAttributes": names });
    let names = |count: u32| -> Vec<String> { (0..count).map(|n| format!("a{n}")).collect() };
    let made = |each: &[u32]| {
        let numbered = each.iter().enumerate();
        let indexes: Vec<Value> = numbered
            .map(|(at, count)| index(&format!("by-{at}"), &["g"], include(&names(*count))))
            .collect();
        with(
            things(),
            json!({ "GlobalSecondaryIndexes": indexes, "LocalSecondaryIndexes": null, "AttributeDefinitions": definitions(&["p", "s", "g"]) }),
        )
    };
    let twice = index(
        "twice",
        &["g"],
        include(&["a".into(), "b".into(), "a".into()]),
    );
    let twice = with(made(&[]), json!({ "GlobalSecondaryIndexes": [twice] }));
    let message = format!("{WRONG}Duplicate element in NonKeyAttributes: a");
    world.invalid("CreateTable", twice, &message).await;
    let message = format!(
        "{WRONG}Number of NonKeyAttributes of all secondary indexes exceeds the per-table limit of 100"
    );
    let many = made(&[20, 20, 20, 20, 20, 1]);
    world.invalid("CreateTable", many, &message).await;
    world.ok("CreateTable", made(&[20, 20, 20, 20, 20])).await;
    let later = json!({
        "TableName": "things",
        "AttributeDefinitions": definitions(&["g"]),
        "GlobalSecondaryIndexUpdates": [{ "Create": index("more", &["g"], include(&names(1))) }],
    });
    world.invalid("UpdateTable", later, &message).await;
}

#[tokio::test]
async fn a_table_is_provisioned_with_its_global_indexes() {
    let world = World::new();
    world.ok("CreateTable", things()).await;
    let units = json!({ "ReadCapacityUnits": 5, "WriteCapacityUnits": 6 });
    let provision = |names: &[&str]| {
        let updates: Vec<Value> = names
            .iter()
            .map(|name| json!({ "Update": { "IndexName": name, "ProvisionedThroughput": units } }))
            .collect();
        json!({
            "TableName": "things",
            "BillingMode": "PROVISIONED",
            "ProvisionedThroughput": units,
            "GlobalSecondaryIndexUpdates": updates,
        })
    };
    for (names, missing) in [(&["few"], "global"), (&["global"], "few")] {
        let message = format!(
            "One or more parameter values were invalid: ProvisionedThroughput must be specified for index: {missing}"
        );
        world
            .invalid("UpdateTable", provision(names), &message)
            .await;
    }
    let altered = world.ok("UpdateTable", provision(&["few", "global"])).await;
    let few = &altered["TableDescription"]["GlobalSecondaryIndexes"][1];
    assert_eq!(few["ProvisionedThroughput"]["WriteCapacityUnits"], 6);
}

#[tokio::test]
async fn indexes_are_described() {
    let world = filled().await;
    let described = world
        .ok("DescribeTable", json!({ "TableName": "things" }))
        .await;
    let table = &described["Table"];
    let arn = "arn:aws:dynamodb:us-east-1:000000000000:table/things";
    assert_eq!(
        table["LocalSecondaryIndexes"],
        json!([{
            "IndexName": "local",
            "IndexArn": format!("{arn}/index/local"),
            "KeySchema": schema(&["p", "n"]),
            "Projection": { "ProjectionType": "KEYS_ONLY" },
            "IndexSizeBytes": 18,
            "ItemCount": 3,
        }])
    );
    let global = &table["GlobalSecondaryIndexes"][1];
    assert_eq!(global["IndexStatus"], "ACTIVE");
    assert_eq!(global["ItemCount"], 3);
    assert_eq!(
        global["Projection"],
        json!({ "ProjectionType": "INCLUDE", "NonKeyAttributes": ["v"] })
    );
    let mut names: Vec<&str> = table["AttributeDefinitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|each| each["AttributeName"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["g", "n", "p", "s"]);
}

#[tokio::test]
async fn writes_cost_what_their_indexes_do() {
    let world = filled().await;
    let put = |item: Value| {
        json!({
            "TableName": "things", "Item": item, "ReturnConsumedCapacity": "INDEXES",
            "ReturnItemCollectionMetrics": "SIZE",
        })
    };
    // The key of both global indexes changes: an entry goes and another comes.
    let moved = world.ok("PutItem", put(thing("1", "c", "z"))).await;
    assert_eq!(
        moved,
        json!({
            "ConsumedCapacity": {
                "TableName": "things", "CapacityUnits": 5.0,
                "Table": { "CapacityUnits": 1.0 },
                "GlobalSecondaryIndexes": {
                    "few": { "CapacityUnits": 2.0 }, "global": { "CapacityUnits": 2.0 },
                },
            },
            "ItemCollectionMetrics": {
                "ItemCollectionKey": { "p": { "S": "p" } }, "SizeEstimateRangeGB": [0.0, 1.0],
            },
        })
    );
    let same = world.ok("PutItem", put(thing("1", "c", "z"))).await;
    assert_eq!(same["ConsumedCapacity"]["CapacityUnits"], 1.0);
}

#[tokio::test]
async fn indexes_are_asked_for_rightly_or_not_at_all() {
    const WRONG: &str = "One or more parameter values were invalid: ";
    let world = World::new();
    let keys_only = || json!({ "ProjectionType": "KEYS_ONLY" });
    for (more, message) in [
        (
            json!({ "GlobalSecondaryIndexes": [], "AttributeDefinitions": definitions(&["p", "s", "n"]) }),
            "List of GlobalSecondaryIndexes is empty",
        ),
        (
            json!({
                "GlobalSecondaryIndexes": [index("one", &["x"], all())],
                "AttributeDefinitions": definitions(&["p", "s", "n"]),
            }),
            "Some index key attributes are not defined in AttributeDefinitions. Keys: [x], AttributeDefinitions: [p, s, n]",
        ),
        (
            json!({ "GlobalSecondaryIndexes": null }),
            "Some AttributeDefinitions are not used. AttributeDefinitions: [p, s, g, n], keys used: [n, p, s]",
        ),
        (
            json!({ "LocalSecondaryIndexes": [index("one", &["p"], all())] }),
            "Index KeySchema does not have a range key for index: one",
        ),
        (
            json!({ "LocalSecondaryIndexes": [index("one", &["g", "n"], all())] }),
            "Index KeySchema does not have the same leading hash key as table KeySchema for index: one. index hash key: g, table hash key: p",
        ),
        (
            json!({ "LocalSecondaryIndexes": [index("few", &["p", "n"], all())] }),
            "Duplicate index name: few",
        ),
        (
            json!({ "LocalSecondaryIndexes": [index("one", &["p", "n"], json!({}))] }),
            "Unknown ProjectionType: null",
        ),
        (
            json!({ "LocalSecondaryIndexes": [index("one", &["p", "n"], with(keys_only(), json!({ "NonKeyAttributes": ["a"] })))] }),
            "ProjectionType is KEYS_ONLY, but NonKeyAttributes is specified",
        ),
        (
            json!({
                "KeySchema": schema(&["p"]), "GlobalSecondaryIndexes": null,
                "AttributeDefinitions": definitions(&["p", "n"]),
            }),
            "Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex",
        ),
    ] {
        let message = format!("{WRONG}{message}");
        world
            .invalid("CreateTable", with(things(), more), &message)
            .await;
    }
}

#[tokio::test]
async fn a_global_index_comes_and_goes_later() {
    let world = filled().await;
    let update = |change: Value| {
        json!({
            "TableName": "things",
            "AttributeDefinitions": definitions(&["w", "s"]),
            "GlobalSecondaryIndexUpdates": [change],
        })
    };
    let create = update(json!({ "Create": index("later", &["w", "s"], all()) }));
    let altered = world.ok("UpdateTable", create.clone()).await;
    let told = &altered["TableDescription"];
    assert_eq!(told["TableStatus"], "UPDATING");
    let later = &told["GlobalSecondaryIndexes"][2];
    assert_eq!(
        (&later["IndexStatus"], &later["Backfilling"]),
        (&json!("CREATING"), &json!(true))
    );
    let early = query("later", "w", "w", json!({}));
    let message = "Cannot read from backfilling global secondary index: later";
    world.invalid("Query", early.clone(), message).await;
    let (code, _) = world.refused("UpdateTable", create).await;
    assert_eq!(code, "LimitExceededException");
    while world.dynamodb.tables.build().await.unwrap() {}
    assert_eq!(sorts(&world.ok("Query", early.clone()).await), "123");
    let delete = update(json!({ "Delete": { "IndexName": "later" } }));
    world.ok("UpdateTable", delete.clone()).await;
    let message = "The table does not have the specified index: later";
    world.invalid("Query", early, message).await;
    let (code, _) = world.refused("UpdateTable", delete).await;
    assert_eq!(code, "ResourceNotFoundException");
    let exists = update(json!({ "Create": index("few", &["w"], all()) }));
    let message = "Attempting to create an index which already exists";
    world.invalid("UpdateTable", exists, message).await;
}
