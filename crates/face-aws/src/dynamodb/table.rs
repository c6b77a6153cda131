//! How callers name a table, and how a table is told.

use serde_json::{Value, json};
use tables::{Description, Error, Index, KeyAttribute, Table};

use super::error::{fault, missing};
use super::warm::{self, WARM};
use super::{attribute, bounds, index, kept, stream};
use crate::context::Context;
use crate::moment::seconds;
use crate::place::Place;
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

/// As [`name`], where tables are managed: another region and account are told otherwise there.
pub(super) fn managed<'a>(context: &Context, given: &'a str) -> Result<&'a str, Fault> {
    let parts: Vec<&str> = given.split(':').collect();
    match parts.as_slice() {
        ["arn", _, "dynamodb", region, ..] if *region != context.region => {
            Err(Fault::detected(&[format!(
                "Invalid AWS region in '{given}'"
            )]))
        }
        ["arn", _, "dynamodb", _, account, ..] if *account != context.account => {
            Err(Fault::new("AccessDeniedException", "Access is denied"))
        }
        _ => name(context, given),
    }
}

fn not_an_arn(given: &str) -> Fault {
    Fault::validation(format!("Invalid table ARN: {given}"))
}

/// Where what is asked about is kept for a table, a missing one has a name of its own.
pub(super) fn not_found(error: Error, given: &str) -> Fault {
    match error {
        Error::NoSuchTable(_) => Fault::new(
            "TableNotFoundException",
            format!("Table not found: {given}"),
        ),
        error => fault(error),
    }
}

pub(super) fn arn(context: &Context, name: &str) -> String {
    Place::of(&context.space).table_arn(name)
}

/// The model lets some members be absent for the sake of others that we have not.
pub(super) fn absent(member: &str) -> Fault {
    let constraint = "failed to satisfy constraint: Member must not be null";
    Fault::detected(&[format!("Value null at '{member}' {constraint}")])
}

/// A `TableDescription`. A table of which an index is being made is never only ACTIVE.
pub(super) fn print(context: &Context, description: &Description, status: &str) -> Value {
    let table = &description.table;
    let whole = table.indexes.iter().all(Index::is_whole);
    let status = match status {
        "ACTIVE" if !whole => "UPDATING",
        status => status,
    };
    let mut printed = json!({
        "TableName": table.name,
        "TableStatus": status,
        "TableArn": arn(context, &table.name),
        "TableId": table.id.to_string(),
        "CreationDateTime": seconds(table.created),
        "KeySchema": index::schema(table.key.parts()),
        "AttributeDefinitions": definitions(table),
        "ProvisionedThroughput": index::throughput(
            table.provisioned,
            description.settings.provisioning(None),
            description.at,
        ),
        WARM: warm::print(description.settings.ready(None, table.provisioned)),
        "ItemCount": description.count.items,
        "TableSizeBytes": description.count.bytes,
        "DeletionProtectionEnabled": table.protected,
    });
    if description.settings.filled_by.is_some() {
        printed["TableStatus"] = "CREATING".into();
    }
    if let Some(most) = description.settings.most(None) {
        printed["OnDemandThroughput"] = bounds::print(most);
    }
    kept::print(&description.settings, table, &mut printed);
    let summary = match (table.provisioned, description.settings.per_request) {
        (None, _) => Some(("PAY_PER_REQUEST", table.paid_since)),
        (Some(_), before) => before.map(|since| ("PROVISIONED", since)),
    };
    if let Some((mode, since)) = summary {
        printed["BillingModeSummary"] = json!({
            "BillingMode": mode,
            "LastUpdateToPayPerRequestDateTime": seconds(since),
        });
    }
    if let Some(feed) = &table.feed {
        stream::print(context, &table.name, feed, &mut printed);
    }
    for (name, local) in [
        ("LocalSecondaryIndexes", true),
        ("GlobalSecondaryIndexes", false),
    ] {
        let indexes = table.indexes.iter().filter(|index| index.local == local);
        let indexes: Vec<Value> = indexes
            .map(|index| index::print(context, description, index))
            .collect();
        if !indexes.is_empty() {
            printed[name] = indexes.into();
        }
    }
    printed
}

/// What makes a table tells what it is ready for only of the table, and only if that was asked for.
pub(super) fn leave_out_warm(printed: &mut Value, asked_for: bool) {
    let mut forget = |described: &mut Value| {
        if let Some(members) = described.as_object_mut() {
            members.remove(WARM);
        }
    };
    let indexes = printed.get_mut("GlobalSecondaryIndexes");
    let indexes = indexes.and_then(Value::as_array_mut);
    indexes.into_iter().flatten().for_each(&mut forget);
    if !asked_for {
        forget(printed);
    }
}

/// The attributes of all keys, each once and by their names.
fn definitions(table: &Table) -> Vec<Value> {
    let indexes = table
        .indexes
        .iter()
        .flat_map(|index| index.key.attributes());
    let mut known: Vec<&KeyAttribute> = Vec::new();
    for attribute in table.key.attributes().chain(indexes) {
        if !known.contains(&attribute) {
            known.push(attribute);
        }
    }
    known.sort_unstable_by_key(|attribute| &attribute.name);
    known.into_iter().map(definition).collect()
}

fn definition(key: &KeyAttribute) -> Value {
    let code = attribute::code(key.r#type.r#type());
    json!({ "AttributeName": key.name, "AttributeType": code })
}
