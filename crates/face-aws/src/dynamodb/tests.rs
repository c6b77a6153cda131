//! Raw requests against the face and the engine, on a store in memory.

use std::sync::Arc;
use std::time::Duration;

use access::Principal;
use base::{ByteSize, ManualClock, Random, Timestamp};
use objects::Objects;
use serde_json::{Value, json};
use store::Store;
use tables::Tables;

use super::streams::Streams;
use super::{DynamoDb, Transfers};
use crate::context::Context;

mod batches;
mod definitions;
mod direct;
mod expressions;
mod indexes;
mod items;
mod keys;
mod policies;
mod settings;
mod statements;
mod streams;
mod transfers;
mod warm;

/// As the newer checks tell what they find.
fn counted(message: &str) -> String {
    format!("1 validation error detected: {message}")
}

struct World {
    dynamodb: DynamoDb,
    streams: Streams,
    tables: Tables,
    clock: Arc<ManualClock>,
    objects: Objects,
    store: Store,
    context: Context,
}

impl World {
    fn new() -> Self {
        Self::on(Store::ephemeral(Random::seeded(1)), Random::seeded(1))
    }

    fn on(store: Store, random: Random) -> Self {
        let start = Timestamp::from_secs(1_000) + Duration::from_millis(500);
        let clock = Arc::new(ManualClock::new(start));
        let tables = Tables::new(store.clone(), clock.clone(), random.clone());
        let objects = Objects::new(store.clone(), clock.clone(), random.clone());
        let transfers = Transfers::new(tables.clone(), objects.clone(), clock.clone(), random);
        let context = Context {
            space: Context::space("000000000000", "us-east-1"),
            account: "000000000000".into(),
            region: "us-east-1".into(),
            principal: Principal::Owner {
                account: "000000000000".into(),
            },
            request_id: "ID".into(),
        };
        Self {
            dynamodb: DynamoDb::new(tables.clone(), transfers),
            streams: Streams::new(tables.clone(), clock.clone()),
            tables,
            clock,
            objects,
            store,
            context,
        }
    }

    /// Another process on the same store.
    fn started_again(self) -> Self {
        Self::on(self.store, Random::seeded(2))
    }

    /// With the table `music` of the string `id`, and `log` of the string `id` and the number `at`.
    async fn with_tables() -> Self {
        let world = Self::new();
        world.create("music", json!([["id", "S"]])).await;
        world.create("log", json!([["id", "S"], ["at", "N"]])).await;
        world
    }

    async fn create(&self, name: &str, keys: Value) {
        self.ok("CreateTable", table(name, keys)).await;
    }

    async fn send(&self, operation: &str, input: &Value) -> (u16, Value) {
        const STREAMS: [&str; 4] = [
            "ListStreams",
            "DescribeStream",
            "GetShardIterator",
            "GetRecords",
        ];
        let streams = STREAMS.contains(&operation);
        let prefix = if streams {
            "DynamoDBStreams"
        } else {
            "DynamoDB"
        };
        let request = http::Request::post("/")
            .header("x-amz-target", format!("{prefix}_20120810.{operation}"))
            .header("content-type", "application/x-amz-json-1.0");
        let (head, ()) = request.body(()).unwrap().into_parts();
        let body = input.to_string().into();
        let response = match streams {
            true => self.streams.call(&self.context, &head, body).await,
            false => self.dynamodb.call(&self.context, &head, body).await,
        };
        let (head, body) = response.into_parts();
        assert!(head.headers.contains_key("x-amz-crc32"));
        assert_eq!(head.headers["x-amzn-requestid"], "ID");
        let body = wire::collect(body, ByteSize::mib(32)).await.unwrap();
        let body = match body.is_empty() {
            true => Value::Null,
            false => serde_json::from_slice(&body).unwrap(),
        };
        (head.status.as_u16(), body)
    }

    async fn ok(&self, operation: &str, input: Value) -> Value {
        let (status, output) = self.send(operation, &input).await;
        assert_eq!(status, 200, "{operation} {input}: {output}");
        output
    }

    /// The error's name and message.
    async fn refused(&self, operation: &str, input: Value) -> (String, String) {
        let (status, output) = self.send(operation, &input).await;
        assert_ne!(status, 200, "{operation} {input}: {output}");
        let code = output["__type"].as_str().unwrap();
        let code = code.rsplit('#').next().unwrap().to_owned();
        let expected = if code == "NotImplementedException" {
            501
        } else {
            400
        };
        assert_eq!(status, expected, "{output}");
        let message = output["message"].as_str().unwrap_or_default().to_owned();
        (code, message)
    }

    async fn invalid(&self, operation: &str, input: Value, message: &str) {
        let described = format!("{operation} {input}");
        let expected = ("ValidationException".to_owned(), message.to_owned());
        assert_eq!(
            self.refused(operation, input).await,
            expected,
            "{described}"
        );
    }

    async fn not_built(&self, operation: &str, input: Value, parameter: &str) {
        let message = format!(
            "Fulmar does not implement the parameter {parameter} of DynamoDB.{operation} yet"
        );
        let expected = ("NotImplementedException".to_owned(), message);
        assert_eq!(self.refused(operation, input).await, expected);
    }

    async fn put(&self, table: &str, item: Value) {
        let input = json!({ "TableName": table, "Item": item });
        assert_eq!(self.ok("PutItem", input).await, json!({}));
    }

    /// Ten items of `log` in the partition `a`, one in `b`.
    async fn fill_log(&self) {
        for at in 0..10 {
            self.put("log", entry("a", at)).await;
        }
        self.put("log", entry("b", 0)).await;
    }
}

fn table(name: &str, keys: Value) -> Value {
    let keys: Vec<(String, String)> = serde_json::from_value(keys).unwrap();
    let roles = ["HASH", "RANGE"];
    let schema: Vec<Value> = keys
        .iter()
        .zip(roles)
        .map(|((name, _), role)| json!({ "AttributeName": name, "KeyType": role }))
        .collect();
    let definitions: Vec<Value> = keys
        .iter()
        .map(|(name, code)| json!({ "AttributeName": name, "AttributeType": code }))
        .collect();
    json!({
        "TableName": name,
        "KeySchema": schema,
        "AttributeDefinitions": definitions,
        "BillingMode": "PAY_PER_REQUEST",
    })
}

fn entry(id: &str, at: u32) -> Value {
    json!({ "id": { "S": id }, "at": { "N": at.to_string() } })
}

/// `base` with other members, of which nulls take away.
fn with(mut base: Value, more: Value) -> Value {
    let (Some(members), Value::Object(more)) = (base.as_object_mut(), more) else {
        panic!("both are objects");
    };
    members.extend(more);
    members.retain(|_, value| !value.is_null());
    base
}

fn ats(output: &Value) -> Vec<&str> {
    let items = output["Items"].as_array().unwrap();
    items
        .iter()
        .map(|item| item["at"]["N"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_table_lives_from_creation_to_deletion() {
    let world = World::new();
    let created = world
        .ok(
            "CreateTable",
            table("music", json!([["id", "S"], ["at", "N"]])),
        )
        .await;
    let described = world
        .ok("DescribeTable", json!({ "TableName": "music" }))
        .await;
    let mut table = described["Table"].clone();
    let ready =
        json!({ "ReadUnitsPerSecond": 12_000, "WriteUnitsPerSecond": 4_000, "Status": "ACTIVE" });
    assert_eq!(table["WarmThroughput"].take(), ready);
    let table_without = with(table.clone(), json!({ "WarmThroughput": null }));
    assert_eq!(table_without, created["TableDescription"]);
    let mut table = table_without;
    assert_eq!(table["TableId"].take().as_str().unwrap().len(), 36);
    assert_eq!(
        table,
        json!({
            "TableName": "music",
            "TableStatus": "ACTIVE",
            "TableArn": "arn:aws:dynamodb:us-east-1:000000000000:table/music",
            "TableId": null,
            "CreationDateTime": 1000.5,
            "KeySchema": [
                { "AttributeName": "id", "KeyType": "HASH" },
                { "AttributeName": "at", "KeyType": "RANGE" },
            ],
            "AttributeDefinitions": [
                { "AttributeName": "at", "AttributeType": "N" },
                { "AttributeName": "id", "AttributeType": "S" },
            ],
            "ProvisionedThroughput": {
                "NumberOfDecreasesToday": 0, "ReadCapacityUnits": 0, "WriteCapacityUnits": 0,
            },
            "ItemCount": 0,
            "TableSizeBytes": 0,
            "DeletionProtectionEnabled": false,
            "BillingModeSummary": {
                "BillingMode": "PAY_PER_REQUEST", "LastUpdateToPayPerRequestDateTime": 1000.5,
            },
        })
    );
    world.put("music", entry("a", 1)).await;
    let dropped = world
        .ok("DeleteTable", json!({ "TableName": "music" }))
        .await;
    assert_eq!(dropped["TableDescription"]["TableStatus"], "DELETING");
    assert_eq!(dropped["TableDescription"]["ItemCount"], 1);
    for operation in ["DescribeTable", "DeleteTable"] {
        let missing = world
            .refused(operation, json!({ "TableName": "music" }))
            .await;
        let message = "Requested resource not found: Table: music not found";
        assert_eq!(
            missing,
            ("ResourceNotFoundException".into(), message.into())
        );
    }
    let missing = world.refused("Scan", json!({ "TableName": "music" })).await;
    let message = "Requested resource not found";
    assert_eq!(
        missing,
        ("ResourceNotFoundException".into(), message.into())
    );
}

#[tokio::test]
async fn tables_are_listed_in_pages() {
    let world = World::new();
    for name in ["ccc", "aaa", "bbb"] {
        world.create(name, json!([["id", "S"]])).await;
    }
    for (input, output) in [
        (json!({}), json!({ "TableNames": ["aaa", "bbb", "ccc"] })),
        (
            json!({ "Limit": 2 }),
            json!({ "TableNames": ["aaa", "bbb"], "LastEvaluatedTableName": "bbb" }),
        ),
        (
            json!({ "ExclusiveStartTableName": "bbb", "Limit": 2 }),
            json!({ "TableNames": ["ccc"] }),
        ),
    ] {
        assert_eq!(world.ok("ListTables", input).await, output);
    }
}

#[tokio::test]
async fn tables_are_made_as_asked_or_not_at_all() {
    const WRONG: &str = "One or more parameter values were invalid: ";
    let world = World::new();
    let base = || table("music", json!([["id", "S"]]));
    let provisioned = json!({
        "BillingMode": null,
        "ProvisionedThroughput": { "ReadCapacityUnits": 5, "WriteCapacityUnits": 6 },
        "StreamSpecification": { "StreamEnabled": false },
        "SSESpecification": { "Enabled": false },
        "TableClass": "STANDARD",
        "DeletionProtectionEnabled": false,
        "Tags": [],
    });
    let created = world.ok("CreateTable", with(base(), provisioned)).await;
    let units = &created["TableDescription"]["ProvisionedThroughput"];
    assert_eq!(
        (&units["ReadCapacityUnits"], &units["WriteCapacityUnits"]),
        (&json!(5), &json!(6))
    );
    assert_eq!(created["TableDescription"].get("BillingModeSummary"), None);
    let again = world.refused("CreateTable", base()).await;
    assert_eq!(
        again,
        (
            "ResourceInUseException".into(),
            "Table already exists: music".into()
        )
    );

    let key = |name, role| json!({ "AttributeName": name, "KeyType": role });
    let defined = |name| json!({ "AttributeName": name, "AttributeType": "S" });
    for (more, message) in [
        (
            json!({ "BillingMode": "PROVISIONED" }),
            format!("{WRONG}ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED"),
        ),
        (
            json!({ "ProvisionedThroughput": { "ReadCapacityUnits": 1, "WriteCapacityUnits": 1 } }),
            format!("{WRONG}Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST"),
        ),
        (
            json!({
                "BillingMode": null,
                "ProvisionedThroughput": { "ReadCapacityUnits": 1_000_000_000_001_u64, "WriteCapacityUnits": 1 },
            }),
            "Given value 1000000000001 for ReadCapacityUnits is out of bounds".into(),
        ),
        (
            json!({ "KeySchema": null }),
            "1 validation error detected: Value null at 'keySchema' failed to satisfy constraint: Member must not be null".into(),
        ),
        (
            json!({ "AttributeDefinitions": null }),
            "1 validation error detected: Value null at 'attributeDefinitions' failed to satisfy constraint: Member must not be null".into(),
        ),
        (
            json!({ "AttributeDefinitions": [] }),
            "Invalid KeySchema: Some index key attribute have no definition".into(),
        ),
        (
            json!({ "AttributeDefinitions": [defined("a"), defined("b")] }),
            format!("{WRONG}Some index key attributes are not defined in AttributeDefinitions. Keys: [id], AttributeDefinitions: [a, b]"),
        ),
        (
            json!({ "AttributeDefinitions": [defined("id"), defined("b")] }),
            format!("{WRONG}Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions"),
        ),
        (
            json!({ "KeySchema": [key("id", "RANGE")] }),
            "Invalid KeySchema: The first KeySchemaElement is not a HASH key type".into(),
        ),
        (
            json!({
                "KeySchema": [key("id", "HASH"), key("b", "HASH")],
                "AttributeDefinitions": [defined("id"), defined("b")],
            }),
            "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type".into(),
        ),
        (
            json!({
                "KeySchema": [key("id", "HASH"), key("id", "RANGE")],
                "AttributeDefinitions": [defined("id"), defined("b")],
            }),
            "Both the Hash Key and the Range Key element in the KeySchema have the same name".into(),
        ),
    ] {
        world.invalid("CreateTable", with(base(), more), &message).await;
    }
}

#[tokio::test]
async fn every_type_of_value_comes_back_as_it_was() {
    let world = World::with_tables().await;
    let item = json!({
        "id": { "S": "ü" },
        "empty": { "S": "" },
        "number": { "N": "-12.5" },
        "binary": { "B": "AAH/" },
        "true": { "BOOL": true },
        "false": { "BOOL": false },
        "null": { "NULL": true },
        "list": { "L": [{ "S": "a" }, { "L": [] }, { "M": { "x": { "N": "1" } } }] },
        "map": { "M": {} },
        "strings": { "SS": ["a", "b"] },
        "numbers": { "NS": ["-1", "2.5"] },
        "binaries": { "BS": ["AA==", "AQ=="] },
    });
    world.put("music", item.clone()).await;
    let key = json!({ "TableName": "music", "Key": { "id": { "S": "ü" } } });
    assert_eq!(world.ok("GetItem", key.clone()).await["Item"], item);
    let consistent = with(key, json!({ "ConsistentRead": true }));
    assert_eq!(world.ok("GetItem", consistent).await["Item"], item);
    // Numbers are told in one way.
    let long = "9".repeat(38);
    for (given, told) in [
        ("007", "7"),
        ("1e3", "1000"),
        ("1.10", "1.1"),
        (&*long, &*long),
    ] {
        world
            .put("music", json!({ "id": { "S": "n" }, "n": { "N": given } }))
            .await;
        let key = json!({ "TableName": "music", "Key": { "id": { "S": "n" } } });
        assert_eq!(world.ok("GetItem", key).await["Item"]["n"]["N"], told);
    }
}

#[tokio::test]
async fn wrong_values_are_refused_in_the_words_of_the_real_service() {
    const WRONG: &str = "One or more parameter values were invalid: ";
    let world = World::with_tables().await;
    let nested = |levels| (0..levels).fold(json!({ "S": "x" }), |inner, _| json!({ "L": [inner] }));
    for (value, message) in [
        (json!({}), "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes".to_owned()),
        (
            json!({ "S": "a", "N": "1" }),
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes".into(),
        ),
        (json!({ "N": "abc" }), "The parameter cannot be converted to a numeric value: abc".into()),
        (json!({ "N": "1".repeat(39) }), "Attempting to store more than 38 significant digits in a Number".into()),
        (
            json!({ "N": "1e126" }),
            "Number overflow. Attempting to store a number with magnitude larger than supported range".into(),
        ),
        (
            json!({ "N": "1e-131" }),
            "Number underflow. Attempting to store a number with magnitude smaller than supported range".into(),
        ),
        (json!({ "SS": [] }), format!("{WRONG}An string set  may not be empty")),
        (json!({ "NS": [] }), format!("{WRONG}An number set  may not be empty")),
        (json!({ "BS": [] }), format!("{WRONG}Binary sets should not be empty")),
        (
            json!({ "NULL": false }),
            format!("{WRONG}Null attribute value types must have the value of true"),
        ),
        (json!({ "M": { "x": { "L": [{ "N": "x" }] } } }), "The parameter cannot be converted to a numeric value: x".into()),
        (json!({ "N": "0e126" }), "Number overflow. Attempting to store a number with magnitude larger than supported range".into()),
        (
            json!({ "N": "1e9223372036854775808" }),
            "The parameter cannot be converted to a numeric value: 1e9223372036854775808".into(),
        ),
        (
            nested(32),
            "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit".into(),
        ),
    ] {
        let item = json!({ "id": { "S": "a" }, "v": value });
        let batch = json!({ "RequestItems": { "music": [{ "PutRequest": { "Item": &item } }] } });
        world.invalid("BatchWriteItem", batch, &message).await;
        let put = json!({ "TableName": "music", "Item": item });
        world.invalid("PutItem", put, &counted(&message)).await;
    }
    let item = json!({ "id": { "S": "a" }, "v": nested(31) });
    world.put("music", item).await;
    let key = json!({ "TableName": "music", "Key": { "id": { "S": "a" } } });
    let deeper = with(
        key,
        json!({
            "UpdateExpression": "SET v[0] = :v",
            "ExpressionAttributeValues": { ":v": nested(31) },
        }),
    );
    let message = "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit";
    world.invalid("UpdateItem", deeper, message).await;
}

/// What is wrong with a value is told in older words by some operations, and counted by others.
#[tokio::test]
async fn each_operation_tells_a_wrong_value_in_its_own_way() {
    const WRONG: &str = "One or more parameter values were invalid: Input collection";
    const NUMBER: &str = "The parameter cannot be converted to a numeric value";
    let world = World::with_tables().await;
    for (value, older, newer) in [
        (json!({ "N": "" }), NUMBER.to_owned(), format!("{NUMBER}: ")),
        (
            json!({ "SS": ["c", "b", "c", "a"] }),
            format!("{WRONG} [c, b, c, a] contains duplicates."),
            format!("{WRONG} [\"b\", \"c\", \"c\", \"a\"] contains duplicates."),
        ),
        (
            json!({ "BS": ["/w==", "AA==", "AA=="] }),
            format!("{WRONG} [/w==, AA==, AA==]of type BS contains duplicates."),
            format!("{WRONG} [\"AA==\",\"/w==\",\"AA==\"]of type BS contains duplicates."),
        ),
        (
            json!({ "NS": ["1", "1.0"] }),
            "Input collection contains duplicates".into(),
            format!("{WRONG} contains duplicates."),
        ),
    ] {
        let key = json!({ "id": value });
        let one = json!({ "TableName": "music", "Key": &key });
        let values = json!({ "ExpressionAttributeValues": { ":v": value, ":a": { "S": "a" } } });
        let check = with(
            json!({ "TableName": "music", "Key": { "id": { "S": "a" } } }),
            with(
                json!({ "ConditionExpression": "id IN (:v, :a)" }),
                values.clone(),
            ),
        );
        let write = json!({ "RequestItems": { "music": [{ "DeleteRequest": { "Key": &key } }] } });
        let read = json!({ "RequestItems": { "music": { "Keys": [&key] } } });
        let placed =
            format!("ExpressionAttributeValues contains invalid value: {older} for key :v");
        for (operation, input, message) in [
            ("DeleteItem", one.clone(), &counted(&newer)),
            ("UpdateItem", one.clone(), &counted(&newer)),
            ("DeleteItem", check.clone(), &counted(&newer)),
            ("GetItem", one.clone(), &newer),
            ("BatchGetItem", read, &newer),
            (
                "Query",
                query("id = :a AND at = :v", values.clone()),
                &newer,
            ),
            ("BatchWriteItem", write, &older),
            (
                "TransactGetItems",
                json!({ "TransactItems": [{ "Get": one }] }),
                &older,
            ),
            (
                "TransactWriteItems",
                json!({ "TransactItems": [{ "ConditionCheck": check }] }),
                &placed,
            ),
        ] {
            world.invalid(operation, input, message).await;
        }
    }
}

/// Some sizes are looked at first, and told without what was given.
#[tokio::test]
async fn sizes_are_told_alone() {
    let world = World::with_tables().await;
    let keys = |count| (0..count).map(|at| json!({ "id": { "S": format!("{at}") } }));
    let read =
        |count| json!({ "RequestItems": { "music": { "Keys": keys(count).collect::<Value>() } } });
    let empty = json!({ "TableName": "", "Key": {}, "ReturnValues": "WRONG" });
    let at_least = "Member must have length greater than or equal to 1";
    for (operation, input, at, must) in [
        ("DeleteItem", empty.clone(), "TableName", at_least),
        ("UpdateItem", empty, "TableName", at_least),
        (
            "PutItem",
            json!({ "TableName": "", "Item": {} }),
            "TableName",
            at_least,
        ),
        (
            "BatchGetItem",
            json!({ "RequestItems": {} }),
            "RequestItems",
            at_least,
        ),
        (
            "BatchGetItem",
            read(0),
            "RequestItems.music.member.Keys",
            at_least,
        ),
        (
            "BatchGetItem",
            read(101),
            "RequestItems.music.member.Keys",
            "Member must have length less than or equal to 100",
        ),
    ] {
        let message = counted(&format!(
            "Value at '{at}' failed to satisfy constraint: {must}"
        ));
        world.invalid(operation, input, &message).await;
    }
}

/// Writes of one item count what is found before their table is looked at.
#[tokio::test]
async fn writes_of_one_item_count_what_is_wrong_with_them() {
    const EXPECTED: &str = "One or more parameter values were invalid: Value must be provided when Exists is true for Attribute: a";
    const UNUSED: &str =
        "Value provided in ExpressionAttributeNames unused in expressions: keys: {#a}";
    const ONLY: &str = "can only be specified when using expressions";
    let world = World::with_tables().await;
    let key = json!({ "id": { "S": "a" } });
    for (operation, name) in [
        ("PutItem", "Item"),
        ("DeleteItem", "Key"),
        ("UpdateItem", "Key"),
    ] {
        for (more, message) in [
            (
                json!({ "ExpressionAttributeValues": { ":v": { "S": "x" } } }),
                format!("ExpressionAttributeValues {ONLY}"),
            ),
            (
                json!({ "ExpressionAttributeNames": { "#a": "a" } }),
                format!("ExpressionAttributeNames {ONLY}"),
            ),
            (
                json!({
                    "ConditionExpression": "attribute_exists(id)",
                    "ExpressionAttributeNames": { "#a": "a" },
                }),
                UNUSED.to_owned(),
            ),
            (
                json!({
                    "ConditionExpression": "attribute_exists(id)",
                    "ExpressionAttributeValues": {},
                }),
                "ExpressionAttributeValues must not be empty".to_owned(),
            ),
            (
                json!({ "ConditionExpression": "" }),
                "Invalid ConditionExpression: The expression can not be empty;".to_owned(),
            ),
            (
                json!({ "Expected": { "a": { "Exists": true } } }),
                EXPECTED.to_owned(),
            ),
        ] {
            let request = json!({ "TableName": "absent", name: key });
            let request = with(request, more);
            world.invalid(operation, request, &counted(&message)).await;
        }
    }
}

#[tokio::test]
async fn keys_are_held_to_the_table() {
    const WRONG: &str = "One or more parameter values were invalid: ";
    const EMPTY: &str = "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty";
    const MISMATCH: &str = "The provided key element does not match the schema";
    let world = World::with_tables().await;
    world
        .create("bytes", json!([["id", "S"], ["b", "B"]]))
        .await;
    let long = |length| json!({ "S": "x".repeat(length) });
    for (table, item, message) in [
        (
            "music",
            json!({ "x": { "S": "a" } }),
            format!("{WRONG}Missing the key id in the item"),
        ),
        (
            "music",
            json!({ "id": { "N": "1" } }),
            format!("{WRONG}Type mismatch for key id expected: S actual: N"),
        ),
        (
            "music",
            json!({ "id": { "S": "" } }),
            format!("{EMPTY} string value. Key: id"),
        ),
        (
            "bytes",
            json!({ "id": { "S": "a" }, "b": { "B": "" } }),
            format!("{EMPTY} binary value. Key: b"),
        ),
        (
            "log",
            json!({ "id": { "S": "a" } }),
            format!("{WRONG}Missing the key at in the item"),
        ),
        (
            "music",
            json!({ "id": long(2_049) }),
            format!("{WRONG}Size of hashkey has exceeded the maximum size limit of2048 bytes"),
        ),
        (
            "bytes",
            json!({ "id": { "S": "a" }, "b": { "B": "AAAA".repeat(342) } }),
            format!(
                "{WRONG}Aggregated size of all range keys has exceeded the size limit of 1024 bytes"
            ),
        ),
        (
            "music",
            json!({ "id": { "S": "a" }, "v": long(400 << 10) }),
            "Item size has exceeded the maximum allowed size".into(),
        ),
    ] {
        let input = json!({ "TableName": table, "Item": item });
        world.invalid("PutItem", input, &message).await;
    }
    for (table, key, message) in [
        ("music", json!({}), MISMATCH.to_owned()),
        ("music", json!({ "x": { "S": "a" } }), MISMATCH.into()),
        ("music", json!({ "id": { "N": "1" } }), MISMATCH.into()),
        (
            "music",
            json!({ "id": { "S": "a" }, "x": { "S": "a" } }),
            MISMATCH.into(),
        ),
        ("log", json!({ "id": { "S": "a" } }), MISMATCH.into()),
        (
            "music",
            json!({ "id": { "S": "" } }),
            format!("{EMPTY} string value. Key: id"),
        ),
    ] {
        for operation in ["GetItem", "DeleteItem"] {
            let input = json!({ "TableName": table, "Key": key });
            world.invalid(operation, input, &message).await;
        }
    }
}

#[tokio::test]
async fn writes_tell_what_was_there_when_asked() {
    let world = World::with_tables().await;
    let one = json!({ "id": { "S": "a" }, "v": { "N": "1" } });
    let put = |more| with(json!({ "TableName": "music", "Item": one }), more);
    let delete = |more| {
        with(
            json!({ "TableName": "music", "Key": { "id": { "S": "a" } } }),
            more,
        )
    };
    let old = json!({ "ReturnValues": "ALL_OLD" });
    assert_eq!(world.ok("PutItem", put(old.clone())).await, json!({}));
    assert_eq!(
        world.ok("PutItem", put(old.clone())).await,
        json!({ "Attributes": one })
    );
    let none = json!({
        "ReturnValues": "NONE", "ReturnConsumedCapacity": "NONE", "ReturnItemCollectionMetrics": "NONE",
    });
    assert_eq!(world.ok("PutItem", put(none)).await, json!({}));
    assert_eq!(
        world.ok("DeleteItem", delete(old.clone())).await,
        json!({ "Attributes": one })
    );
    assert_eq!(world.ok("DeleteItem", delete(old)).await, json!({}));
    let key = json!({ "TableName": "music", "Key": { "id": { "S": "a" } } });
    assert_eq!(world.ok("GetItem", key).await, json!({}));
    for value in ["ALL_NEW", "UPDATED_OLD", "UPDATED_NEW"] {
        let asked = || json!({ "ReturnValues": value });
        let message = "1 validation error detected: ReturnValues can only be ALL_OLD or NONE";
        world.invalid("PutItem", put(asked()), message).await;
        world.invalid("DeleteItem", delete(asked()), message).await;
    }
}

#[tokio::test]
async fn capacity_is_counted_in_begun_units() {
    let world = World::with_tables().await;
    let units = |output: &Value| {
        output["ConsumedCapacity"]["CapacityUnits"]
            .as_f64()
            .unwrap()
    };
    let total = json!({ "ReturnConsumedCapacity": "TOTAL" });
    let key = json!({ "TableName": "music", "Key": { "id": { "S": "a" } } });
    let put = |size: usize| {
        let item = json!({ "id": { "S": "a" }, "v": { "S": "x".repeat(size - 4) } });
        with(json!({ "TableName": "music", "Item": item }), total.clone())
    };
    // The larger one counts: what was there, or what is.
    for (size, expected) in [(1_024, 1.0), (1_025, 2.0), (1_024, 2.0), (4_097, 5.0)] {
        assert_eq!(units(&world.ok("PutItem", put(size)).await), expected);
    }
    let get = with(key.clone(), total.clone());
    assert_eq!(units(&world.ok("GetItem", get.clone()).await), 1.0);
    let consistent = with(
        get.clone(),
        json!({ "ConsistentRead": true, "ReturnConsumedCapacity": "INDEXES" }),
    );
    assert_eq!(
        world.ok("GetItem", consistent).await["ConsumedCapacity"],
        json!({ "TableName": "music", "CapacityUnits": 2.0, "Table": { "CapacityUnits": 2.0 } })
    );
    let scan = with(json!({ "TableName": "music" }), total.clone());
    assert_eq!(units(&world.ok("Scan", scan).await), 1.0);
    assert_eq!(units(&world.ok("DeleteItem", get.clone()).await), 5.0);
    assert_eq!(units(&world.ok("DeleteItem", get.clone()).await), 1.0);
    assert_eq!(units(&world.ok("GetItem", get).await), 0.5);
}

#[tokio::test]
async fn a_scan_goes_by_pages_and_segments() {
    let world = World::with_tables().await;
    world.fill_log().await;
    let whole = world
        .ok(
            "Scan",
            json!({ "TableName": "log", "Select": "ALL_ATTRIBUTES" }),
        )
        .await;
    assert_eq!(
        (&whole["Count"], &whole["ScannedCount"]),
        (&json!(11), &json!(11))
    );
    let count = world
        .ok("Scan", json!({ "TableName": "log", "Select": "COUNT" }))
        .await;
    assert_eq!(count, json!({ "Count": 11, "ScannedCount": 11 }));
    let mut paged = Vec::new();
    let mut input = json!({ "TableName": "log", "Limit": 4 });
    loop {
        let page = world.ok("Scan", input.clone()).await;
        paged.extend(page["Items"].as_array().unwrap().clone());
        match page.get("LastEvaluatedKey") {
            Some(last) => input["ExclusiveStartKey"] = last.clone(),
            None => break,
        }
    }
    assert_eq!(json!(paged), whole["Items"]);
    let mut counted = 0;
    for segment in 0..3 {
        let part = json!({ "TableName": "log", "Segment": segment, "TotalSegments": 3 });
        counted += world.ok("Scan", part).await["Count"].as_u64().unwrap();
    }
    assert_eq!(counted, 11);
}

#[tokio::test]
async fn bad_scans_are_refused() {
    let world = World::with_tables().await;
    world.fill_log().await;
    let scan = |more| with(json!({ "TableName": "log" }), more);
    for (more, message) in [
        (
            json!({ "Segment": 1 }),
            "The TotalSegments parameter is required but was not present in the request when Segment parameter is present",
        ),
        (
            json!({ "TotalSegments": 1 }),
            "The Segment parameter is required but was not present in the request when parameter TotalSegments is present",
        ),
        (
            json!({ "Segment": 1, "TotalSegments": 1 }),
            "The Segment parameter is zero-based and must be less than parameter TotalSegments",
        ),
        (
            json!({ "ExclusiveStartKey": { "id": { "S": "a" } } }),
            "The provided starting key is invalid: The provided key element does not match the schema",
        ),
        (
            json!({ "Limit": 0 }),
            "1 validation error detected: Value at 'Limit' failed to satisfy constraint: Member must have value greater than or equal to 1",
        ),
        (
            json!({ "Select": "count" }),
            "1 validation error detected: Value 'count' at 'select' failed to satisfy constraint: Member must satisfy enum value set: [SPECIFIC_ATTRIBUTES, COUNT, ALL_ATTRIBUTES, ALL_PROJECTED_ATTRIBUTES]",
        ),
        (
            json!({ "Select": "SPECIFIC_ATTRIBUTES" }),
            "1 validation error detected: Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES",
        ),
        (
            json!({ "Select": "ALL_PROJECTED_ATTRIBUTES" }),
            "1 validation error detected: ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName",
        ),
        (
            json!({ "ExpressionAttributeNames": { "#a": "a" } }),
            "ExpressionAttributeNames can only be specified when using expressions",
        ),
        (
            json!({ "ExpressionAttributeValues": { ":a": { "S": "a" } } }),
            "ExpressionAttributeValues can only be specified when using expressions",
        ),
        (
            json!({ "FilterExpression": "" }),
            "Invalid FilterExpression: The expression can not be empty;",
        ),
    ] {
        world.invalid("Scan", scan(more), message).await;
    }
    // One of the two segments does not hold this key.
    let mut outside = Vec::new();
    for segment in [0, 1] {
        let start =
            json!({ "Segment": segment, "TotalSegments": 2, "ExclusiveStartKey": entry("a", 1) });
        let (_, output) = world.send("Scan", &scan(start)).await;
        outside.extend(output["message"].as_str().map(str::to_owned));
    }
    assert_eq!(outside.len(), 1);
    assert!(outside[0].starts_with("The provided starting key is invalid: Invalid ExclusiveStartKey. Please use ExclusiveStartKey with correct Segment. TotalSegments: 2 Segment: "));
}

/// A query of `log` whose values are `:a` = "a", `:1` = 1 and so on, as far as the expression has them.
fn query(expression: &str, more: Value) -> Value {
    let mut values = json!({});
    for (key, value) in [
        (":a", json!({ "S": "a" })),
        (":none", json!({ "S": "none" })),
        (":empty", json!({ "S": "" })),
        (":null", json!({ "NULL": true })),
        (":1", json!({ "N": "1" })),
        (":3", json!({ "N": "3" })),
        (":8", json!({ "N": "8" })),
    ] {
        if expression.contains(key) {
            values[key] = value;
        }
    }
    let mut names = json!({});
    for (key, name) in [("#id", "id"), ("#at", "at")] {
        if expression.contains(key) {
            names[key] = name.into();
        }
    }
    let given = |map: Value| (map != json!({})).then_some(map);
    let base = json!({
        "TableName": "log",
        "KeyConditionExpression": expression,
        "ExpressionAttributeNames": given(names),
        "ExpressionAttributeValues": given(values),
    });
    with(base, more)
}

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

#[tokio::test]
async fn what_is_not_built_says_so() {
    let world = World::with_tables().await;
    let table = json!({ "TableName": "music" });
    let regions = json!([{ "RegionName": "us-east-1" }]);
    let stream = json!({ "TableName": "music", "StreamArn": "arn:aws:kinesis:us-east-1:000000000000:stream/changes" });
    for (operation, input) in [
        (
            "CreateGlobalTable",
            json!({ "GlobalTableName": "music", "ReplicationGroup": regions }),
        ),
        ("DescribeGlobalTable", json!({ "GlobalTableName": "music" })),
        ("ListGlobalTables", json!({})),
        (
            "UpdateGlobalTable",
            json!({ "GlobalTableName": "music", "ReplicaUpdates": [] }),
        ),
        (
            "DescribeGlobalTableSettings",
            json!({ "GlobalTableName": "music" }),
        ),
        (
            "UpdateGlobalTableSettings",
            json!({ "GlobalTableName": "music" }),
        ),
        ("DescribeTableReplicaAutoScaling", table.clone()),
        ("DescribeKinesisStreamingDestination", table.clone()),
        ("EnableKinesisStreamingDestination", stream.clone()),
        ("DisableKinesisStreamingDestination", stream.clone()),
        ("UpdateKinesisStreamingDestination", stream),
        ("DescribeContributorInsights", table.clone()),
        ("ListContributorInsights", json!({})),
        (
            "UpdateContributorInsights",
            with(
                table.clone(),
                json!({ "ContributorInsightsAction": "ENABLE" }),
            ),
        ),
    ] {
        let message = format!("Fulmar does not implement DynamoDB.{operation} yet");
        let expected = ("NotImplementedException".to_owned(), message);
        assert_eq!(world.refused(operation, input).await, expected);
    }
}

#[tokio::test]
async fn a_table_is_named_by_its_arn_too() {
    let world = World::with_tables().await;
    let get = |name: &str| json!({ "TableName": name, "Key": { "id": { "S": "a" } } });
    let ours = "arn:aws:dynamodb:us-east-1:000000000000:table/music";
    world.put(ours, json!({ "id": { "S": "a" } })).await;
    assert_eq!(
        world.ok("GetItem", get("music")).await,
        world.ok("GetItem", get(ours)).await
    );
    assert_eq!(
        world
            .ok("DescribeTable", json!({ "TableName": ours }))
            .await["Table"]["ItemCount"],
        1
    );
    for (name, code) in [
        (
            "arn:aws:dynamodb:eu-west-1:000000000000:table/music",
            "ResourceNotFoundException",
        ),
        (
            "arn:aws:dynamodb:us-east-1:111111111111:table/music",
            "AccessDeniedException",
        ),
        (
            "arn:aws:dynamodb:us-east-1:000000000000:table/a b c",
            "ValidationException",
        ),
        (
            "arn:aws:dynamodb:us-east-1:000000000000:stream/music",
            "ValidationException",
        ),
        ("arn:aws:s3:::music", "ValidationException"),
        ("absent", "ResourceNotFoundException"),
    ] {
        assert_eq!(world.refused("GetItem", get(name)).await.0, code, "{name}");
    }
    let (region, account) = (
        "arn:aws:dynamodb:eu-west-1:000000000000:table/music",
        "arn:aws:dynamodb:us-east-1:111111111111:table/music",
    );
    let invalid = counted(&format!("Invalid AWS region in '{region}'"));
    for operation in [
        "DescribeTable",
        "DescribeTimeToLive",
        "DescribeContinuousBackups",
        "DeleteTable",
    ] {
        let named = |name: &str| json!({ "TableName": name });
        world.invalid(operation, named(region), &invalid).await;
        let denied = ("AccessDeniedException".into(), "Access is denied".into());
        assert_eq!(world.refused(operation, named(account)).await, denied);
    }
}
