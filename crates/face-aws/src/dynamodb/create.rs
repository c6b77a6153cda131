use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;
use tables::{NewFeed, NewTable, Throughput};

use super::error::{fault, invalid};
use super::index::{Definition, Definitions, KeyElement, Provisioned, Secondary};
use super::stream::Specification;
use super::tags::Tag;
use super::{Asked, settings, table, tags};
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    table_name: String,
    attribute_definitions: Option<Vec<Definition>>,
    key_schema: Option<Vec<KeyElement>>,
    #[serde(default)]
    billing_mode: BillingMode,
    provisioned_throughput: Option<Provisioned>,
    local_secondary_indexes: Option<Vec<Secondary>>,
    global_secondary_indexes: Option<Vec<Secondary>>,
    #[serde(default)]
    deletion_protection_enabled: bool,
    #[serde(default)]
    tags: Vec<Tag>,
    stream_specification: Option<Specification>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum BillingMode {
    #[default]
    Provisioned,
    PayPerRequest,
}

const KNOWN: [&str; 10] = [
    "TableName",
    "AttributeDefinitions",
    "KeySchema",
    "BillingMode",
    "ProvisionedThroughput",
    "LocalSecondaryIndexes",
    "GlobalSecondaryIndexes",
    "DeletionProtectionEnabled",
    "Tags",
    "StreamSpecification",
];

/// Answers ACTIVE, not CREATING: the table can be used at once.
pub(super) async fn create(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    settings::only(&asked.call, &KNOWN)?;
    let input: Input = asked.call.read()?;
    let name = table::name(asked.context, &input.table_name)?.to_owned();
    let provisioned = throughput(input.billing_mode, input.provisioned_throughput.as_ref())?;
    let elements = input.key_schema.ok_or_else(|| table::absent("keySchema"))?;
    let definitions = input
        .attribute_definitions
        .ok_or_else(|| table::absent("attributeDefinitions"))?;
    let definitions = Definitions(&definitions);
    let key = definitions.key(&elements)?;
    let indexes = definitions.indexes(
        &key,
        provisioned.is_none(),
        input.local_secondary_indexes,
        input.global_secondary_indexes,
    )?;
    definitions.all_used(&key, &indexes)?;
    let feed = match &input.stream_specification {
        Some(stream) => stream.of_new()?.map(NewFeed::from),
        None => None,
    };
    let mut tags = BTreeMap::new();
    tags::add(&mut tags, input.tags)?;
    let new = NewTable {
        provisioned,
        protected: input.deletion_protection_enabled,
        indexes,
        tags,
        feed,
        ..NewTable::new(name, key)
    };
    let created = asked.tables.create(asked.space(), new).await;
    let printed = table::print(asked.context, &created.map_err(fault)?, "ACTIVE");
    Ok(asked.answer(&json!({ "TableDescription": printed })))
}

pub(super) fn throughput(
    mode: BillingMode,
    given: Option<&Provisioned>,
) -> Result<Option<Throughput>, Fault> {
    match (mode, given) {
        (BillingMode::PayPerRequest, None) => Ok(None),
        (BillingMode::PayPerRequest, Some(_)) => Err(per_request()),
        (BillingMode::Provisioned, None) => Err(invalid(
            "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED",
        )),
        (BillingMode::Provisioned, Some(given)) => given.checked().map(Some),
    }
}

pub(super) fn per_request() -> Fault {
    invalid(
        "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
    )
}
