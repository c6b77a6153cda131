//! How callers name a table, and how a table is told.

use std::time::Duration;

use serde_json::{Value, json};
use tables::{Description, KeyAttribute, KeyType, Throughput};

use super::error::missing;
use crate::context::Context;
use crate::protocol::Fault;

/// The name in a `TableName`, which may be an ARN. Tables of other accounts and regions are refused.
pub(super) fn name<'a>(context: &Context, given: &'a str) -> Result<&'a str, Fault> {
    if !given.starts_with("arn:") {
        return Ok(given);
    }
    let parts: Vec<&str> = given.splitn(6, ':').collect();
    let ["arn", _, "dynamodb", region, account, resource] = parts.as_slice() else {
        return Err(not_an_arn(given));
    };
    let name = resource.strip_prefix("table/").unwrap_or_default();
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    if !(3..=255).contains(&name.len()) || !name.bytes().all(letters) {
        return Err(not_an_arn(given));
    }
    if *account != context.account {
        let message = format!(
            "User: arn:aws:iam::{}:root is not authorized to perform this action on resource: {given} because no resource-based policy allows it",
            context.account
        );
        return Err(Fault::new("AccessDeniedException", message));
    }
    if *region != context.region {
        return Err(missing("Requested resource not found"));
    }
    Ok(name)
}

fn not_an_arn(given: &str) -> Fault {
    Fault::validation(format!("Invalid table ARN: {given}"))
}

fn arn(context: &Context, name: &str) -> String {
    let Context {
        region, account, ..
    } = context;
    format!("arn:aws:dynamodb:{region}:{account}:table/{name}")
}

/// A `TableDescription`.
pub(super) fn print(context: &Context, description: &Description, status: &str) -> Value {
    let table = &description.table;
    let keys = [
        (Some(&table.key.partition), "HASH"),
        (table.key.sort.as_ref(), "RANGE"),
    ];
    let keys = keys.iter().filter_map(|(key, role)| Some(((*key)?, *role)));
    let schema: Vec<Value> = keys
        .clone()
        .map(|(key, role)| json!({ "AttributeName": key.name, "KeyType": role }))
        .collect();
    let definitions: Vec<Value> = keys.map(|(key, _)| definition(key)).collect();
    let created = Duration::from_micros(table.created.as_micros()).as_secs_f64();
    let provisioned = table
        .provisioned
        .unwrap_or(Throughput { read: 0, write: 0 });
    let mut printed = json!({
        "TableName": table.name,
        "TableStatus": status,
        "TableArn": arn(context, &table.name),
        "TableId": table.id.to_string(),
        "CreationDateTime": created,
        "KeySchema": schema,
        "AttributeDefinitions": definitions,
        "ProvisionedThroughput": {
            "NumberOfDecreasesToday": 0,
            "ReadCapacityUnits": provisioned.read,
            "WriteCapacityUnits": provisioned.write,
        },
        "ItemCount": description.count.items,
        "TableSizeBytes": description.count.bytes,
        "DeletionProtectionEnabled": false,
    });
    if table.provisioned.is_none() {
        printed["BillingModeSummary"] = json!({
            "BillingMode": "PAY_PER_REQUEST",
            "LastUpdateToPayPerRequestDateTime": created,
        });
    }
    printed
}

fn definition(key: &KeyAttribute) -> Value {
    let r#type = match key.r#type {
        KeyType::String => "S",
        KeyType::Number => "N",
        KeyType::Binary => "B",
    };
    json!({ "AttributeName": key.name, "AttributeType": r#type })
}
