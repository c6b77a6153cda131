//! What is read straight from a request's bytes is what the general way makes of it.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::dynamodb::direct::{self, Direct};
use crate::dynamodb::{SERVICE, batch, get, write};

/// Values right and wrong.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        "[a-z\"\\\\é\u{1f600}]{0,4}".prop_map(|text| json!({ "S": text })),
        "-?[0-9]{1,3}(\\.[0-9]{1,2})?(e[0-9])?".prop_map(|text| json!({ "N": text })),
        "[0-9]{36,42}".prop_map(|text| json!({ "N": text })),
        "[A-Za-z0-9]{0,5}=?".prop_map(|text| json!({ "B": text })),
        any::<bool>().prop_map(|truth| json!({ "BOOL": truth })),
        Just(json!({ "NULL": true })),
        proptest::collection::vec("[a-c]{0,1}", 0..3).prop_map(|set| json!({ "SS": set })),
        proptest::collection::vec("[1-3](\\.0)?", 0..3).prop_map(|set| json!({ "NS": set })),
        proptest::collection::vec("QQ==|Qg==|Q", 0..3).prop_map(|set| json!({ "BS": set })),
        Just(json!({ "BOOL": "true" })),
        Just(json!({ "S": 1 })),
        Just(json!({ "S": null })),
        Just(json!({ "S": "a", "N": "1" })),
        Just(json!({ "S": "a", "X": "1" })),
        Just(json!({ "X": "a" })),
        Just(json!({})),
        Just(json!("a")),
        Just(Value::Null),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(|list| json!({ "L": list })),
            proptest::collection::btree_map("[a-c]", inner, 0..3)
                .prop_map(|map| json!({ "M": map })),
        ]
    })
}

fn request(main: &'static str) -> impl Strategy<Value = Value> {
    let parameter = prop_oneof![
        6 => Just(("ReturnConsumedCapacity", json!("TOTAL"))),
        1 => Just(("ReturnConsumedCapacity", json!("total"))),
        1 => Just(("ReturnConsumedCapacity", json!({ "TOTAL": null }))),
        6 => Just(("ConsistentRead", json!(true))),
        1 => Just(("ConsistentRead", json!("true"))),
        1 => Just(("ConsistentRead", Value::Null)),
        1 => Just(("ReturnValues", json!("ALL_OLD"))),
        1 => Just(("ProjectionExpression", json!("a"))),
        1 => Just(("Unknown", json!(1))),
    ];
    let table = prop_oneof![
        8 => Just(json!("music")),
        1 => Just(json!("no")),
        1 => Just(json!("arn:aws:dynamodb:us-east-1:000000000000:table/music")),
        1 => Just(json!("mu sic")),
        1 => Just(json!(7)),
    ];
    let item = proptest::collection::btree_map("[a-d]{1,2}", value(), 0..4);
    let more = proptest::collection::vec(parameter, 0..3);
    (table, item, more).prop_map(move |(table, item, more)| {
        let mut request = json!({ "TableName": table });
        request[main] = json!(item);
        for (name, value) in more {
            request[name] = value;
        }
        request
    })
}

fn batch() -> impl Strategy<Value = Value> {
    let item = || proptest::collection::btree_map("[a-d]{1,2}", value(), 0..3);
    let write = prop_oneof![
        8 => item().prop_map(|item| json!({ "PutRequest": { "Item": item } })),
        8 => item().prop_map(|key| json!({ "DeleteRequest": { "Key": key } })),
        1 => item().prop_map(|item| json!({ "PutRequest": { "Key": item } })),
        1 => item().prop_map(|item| json!({ "PutRequest": [item] })),
        1 => item().prop_map(|item| json!({ "PutRequest": { "Item": item, "More": 1 } })),
        1 => item().prop_map(|item| json!({ "PutRequest": { "Item": item }, "DeleteRequest": null })),
        1 => item().prop_map(|item| json!({ "PutRequest": { "Item": item }, "DeleteRequest": { "Key": item } })),
        1 => Just(json!({})),
        1 => Just(json!("PutRequest")),
    ];
    let writes = prop_oneof![
        6 => proptest::collection::vec(write.clone(), 0..4),
        1 => proptest::collection::vec(write, 24..27),
    ];
    let tables = proptest::collection::btree_map("music|other|m|mu sic", writes, 0..3);
    let more = prop_oneof![
        4 => Just(None),
        2 => Just(Some(("ReturnConsumedCapacity", json!("INDEXES")))),
        1 => Just(Some(("ReturnConsumedCapacity", json!("some")))),
        1 => Just(Some(("ReturnItemCollectionMetrics", json!("SIZE")))),
        1 => Just(Some(("Unknown", json!(1)))),
    ];
    (tables, more).prop_map(|(tables, more)| {
        let mut request = json!({ "RequestItems": tables });
        if let Some((name, value)) = more {
            request[name] = value;
        }
        request
    })
}

/// What the general way makes of a body.
fn generally(operation: &str, body: &[u8]) -> Option<Direct> {
    let request = http::Request::post("/")
        .header("x-amz-target", format!("DynamoDB_20120810.{operation}"))
        .header("content-type", "application/x-amz-json-1.0");
    let (head, ()) = request.body(()).unwrap().into_parts();
    let mut call = SERVICE.read(&head, Bytes::copy_from_slice(body)).ok()?;
    match operation {
        "GetItem" => get::read(&mut call).ok().map(Direct::Get),
        "BatchWriteItem" => {
            let context = crate::context::Context {
                space: crate::context::Context::space("000000000000", "us-east-1"),
                account: "000000000000".into(),
                region: "us-east-1".into(),
                principal: access::Principal::Owner {
                    account: "000000000000".into(),
                },
                request_id: String::new(),
            };
            let writes = batch::Writes::read(&context, &mut call);
            writes.ok().map(Direct::Batch)
        }
        _ => write::Put::read(&mut call).ok().map(Direct::Put),
    }
}

fn same(operation: &str, body: &[u8]) -> bool {
    let direct = direct::read(operation, body);
    direct.is_none() || direct == generally(operation, body)
}

proptest! {
    #[test]
    fn whatever_is_read_directly_is_read_the_same_in_general(
        get in request("Key"),
        put in request("Item"),
        batch in batch(),
    ) {
        prop_assert!(same("GetItem", get.to_string().as_bytes()), "{get}");
        prop_assert!(same("PutItem", put.to_string().as_bytes()), "{put}");
        prop_assert!(same("BatchWriteItem", batch.to_string().as_bytes()), "{batch}");
    }
}

#[test]
fn plain_requests_are_read_directly() {
    let key = json!({ "id": { "S": "a\"\u{e9}" }, "at": { "N": "1.50" } });
    let all = json!({
        "id": { "S": "a" }, "n": { "N": "-1e3" }, "b": { "B": "QQ==" }, "t": { "BOOL": false },
        "z": { "NULL": true }, "y": { "NULL": true }, "l": { "L": [{ "S": "x" }, { "M": { "y": { "N": "1" } } }] },
        "ss": { "SS": ["a", "b"] }, "ns": { "NS": ["1", "2"] }, "bs": { "BS": ["QQ=="] },
    });
    let requests = [
        ("GetItem", json!({ "TableName": "music", "Key": key })),
        (
            "GetItem",
            json!({ "TableName": "music", "Key": key, "ConsistentRead": true, "ReturnConsumedCapacity": "TOTAL" }),
        ),
        (
            "PutItem",
            json!({ "TableName": "music", "Item": all, "ReturnConsumedCapacity": "INDEXES" }),
        ),
        (
            "BatchWriteItem",
            json!({
                "RequestItems": {
                    "music": [{ "PutRequest": { "Item": all } }, { "DeleteRequest": { "Key": key } }],
                    "other": [{ "DeleteRequest": { "Key": key } }],
                },
                "ReturnConsumedCapacity": "TOTAL",
            }),
        ),
    ];
    for (operation, request) in requests {
        let body = request.to_string();
        let direct = direct::read(operation, body.as_bytes());
        assert!(direct.is_some(), "{body}");
        assert_eq!(direct, generally(operation, body.as_bytes()));
    }
}

#[test]
fn what_is_written_twice_or_too_deep_is_left_to_the_general_way() {
    let twice = r#"{"TableName":"music","Item":{"id":{"S":"a"},"id":{"S":"b"}}}"#;
    let tables = r#"{"TableName":"music","TableName":"music","Item":{"id":{"S":"a"}}}"#;
    let types = r#"{"TableName":"music","Item":{"id":{"S":"a","S":"b"}}}"#;
    let list = r#"["music",{"id":{"S":"a"}}]"#;
    let more = r#"{"TableName":"music","Item":{"id":{"S":"a"}}} {}"#;
    let deep = (0..40).fold(json!({ "S": "a" }), |inner, _| json!({ "L": [inner] }));
    let deep = json!({ "TableName": "music", "Item": { "id": deep } }).to_string();
    for body in [twice, tables, types, list, more, &deep] {
        assert!(direct::read("PutItem", body.as_bytes()).is_none(), "{body}");
    }
    let tables = r#"{"RequestItems":{"music":[{"DeleteRequest":{"Key":{}}}],"music":[{"DeleteRequest":{"Key":{}}}]}}"#;
    let kinds =
        r#"{"RequestItems":{"music":[{"PutRequest":{"Item":{}},"PutRequest":{"Item":{}}}]}}"#;
    for body in [tables, kinds] {
        let direct = direct::read("BatchWriteItem", body.as_bytes());
        assert!(direct.is_none(), "{body}");
    }
    let deepest = (0..31).fold(json!({ "S": "a" }), |inner, _| json!({ "L": [inner] }));
    let deepest = json!({ "TableName": "music", "Item": { "id": deepest } }).to_string();
    assert!(same("PutItem", deepest.as_bytes()));
    assert!(direct::read("PutItem", deepest.as_bytes()).is_some());
}
