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
mod lives;
mod policies;
mod queries;
mod scans;
mod settings;
mod statements;
mod streams;
mod transfers;
mod values;
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

fn ats(output: &Value) -> Vec<&str> {
    let items = output["Items"].as_array().unwrap();
    items
        .iter()
        .map(|item| item["at"]["N"].as_str().unwrap())
        .collect()
}
