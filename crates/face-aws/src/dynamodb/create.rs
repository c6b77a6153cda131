use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value as Json, json};
use tables::{NewFeed, NewTable, Ready, Throughput};

use super::bounds::OnDemand;
use super::error::{fault, invalid};
use super::index::{Definition, Definitions, KeyElement, Provisioned, Secondary};
use super::policy::POLICY;
use super::stream::Specification;
use super::warm::{WARM, Warm};
use super::{Asked, kept, settings, table, tags};
use crate::context::Context;
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct NewInput {
    table_name: String,
    attribute_definitions: Option<Vec<Definition>>,
    key_schema: Option<Vec<KeyElement>>,
    #[serde(default)]
    billing_mode: BillingMode,
    provisioned_throughput: Option<Provisioned>,
    on_demand_throughput: Option<OnDemand>,
    warm_throughput: Option<Warm>,
    local_secondary_indexes: Option<Vec<Secondary>>,
    global_secondary_indexes: Option<Vec<Secondary>>,
    #[serde(default)]
    deletion_protection_enabled: bool,
    #[serde(default)]
    tags: Vec<tags::Tag>,
    stream_specification: Option<Specification>,
    #[serde(flatten)]
    kept: kept::Wanted,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum BillingMode {
    #[default]
    Provisioned,
    PayPerRequest,
}

const KNOWN: [&str; 15] = [
    "TableName",
    "AttributeDefinitions",
    "KeySchema",
    "BillingMode",
    "ProvisionedThroughput",
    "OnDemandThroughput",
    "LocalSecondaryIndexes",
    "GlobalSecondaryIndexes",
    "DeletionProtectionEnabled",
    "Tags",
    "StreamSpecification",
    kept::CLASS,
    kept::ENCRYPTION,
    POLICY,
    WARM,
];

/// Answers ACTIVE, not CREATING: the table can be used at once.
pub(super) async fn create(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    settings::only(&asked.call, &KNOWN)?;
    let input: NewInput = asked.call.read()?;
    let asks_for_warm = input.warm_throughput.is_some_and(|warm| !warm.is_empty());
    let new = input.checked(asked.context)?;
    let created = asked.tables.create(asked.space(), new).await;
    let mut printed = table::print(asked.context, &created.map_err(fault)?, "ACTIVE");
    table::leave_out_warm(&mut printed, asks_for_warm);
    Ok(asked.answer(&json!({ "TableDescription": printed })))
}

impl NewInput {
    pub(super) fn read(input: Json) -> Result<Self, Fault> {
        let read = serde_json::from_value(input);
        read.map_err(|cause| Fault::serialization(Some(cause.to_string())))
    }

    /// The table that is asked for.
    pub(super) fn checked(self, context: &Context) -> Result<NewTable, Fault> {
        let name = table::name(context, &self.table_name)?.to_owned();
        let provisioned = throughput(self.billing_mode, self.provisioned_throughput.as_ref())?;
        let ready = self.ready(provisioned)?;
        let elements = self.key_schema.ok_or_else(|| table::absent("keySchema"))?;
        let definitions = self
            .attribute_definitions
            .ok_or_else(|| table::absent("attributeDefinitions"))?;
        let definitions = Definitions(&definitions);
        definitions.check_names()?;
        let key = definitions.key(&elements)?;
        let indexes = [
            &self.local_secondary_indexes,
            &self.global_secondary_indexes,
        ];
        let indexes: Vec<&Secondary> = indexes.into_iter().flatten().flatten().collect();
        definitions.all_used(&key, &indexes)?;
        let on_demand = provisioned.is_none();
        let mut most = BTreeMap::new();
        if let Some(asked) = &self.on_demand_throughput {
            most.insert(None, asked.of_new(on_demand, None)?);
        }
        for index in self.global_secondary_indexes.iter().flatten() {
            if let Some(asked) = &index.on_demand_throughput {
                let asked = asked.of_new(on_demand, Some(&index.index_name))?;
                most.insert(Some(index.index_name.clone()), asked);
            }
        }
        let indexes = definitions.indexes(
            &key,
            on_demand,
            self.local_secondary_indexes,
            self.global_secondary_indexes,
        )?;
        let feed = match &self.stream_specification {
            Some(stream) => stream.of_new()?.map(NewFeed::from),
            None => None,
        };
        let mut tags = BTreeMap::new();
        tags::add(&mut tags, self.tags)?;
        Ok(NewTable {
            provisioned,
            protected: self.deletion_protection_enabled,
            indexes,
            tags,
            most,
            ready,
            feed,
            kept: self.kept.of_new(context)?,
            ..NewTable::new(name, key)
        })
    }
}

impl NewInput {
    /// What the table, under none, and its indexes are to be ready for.
    fn ready(
        &self,
        provisioned: Option<Throughput>,
    ) -> Result<BTreeMap<Option<String>, Ready>, Fault> {
        let mut ready = BTreeMap::new();
        if let Some(warm) = self.warm_throughput {
            ready.insert(None, warm.of_new(provisioned, None)?);
        }
        for index in self.global_secondary_indexes.iter().flatten() {
            if let Some(warm) = index.warm(provisioned.is_none())? {
                ready.insert(Some(index.index_name.clone()), warm);
            }
        }
        Ok(ready)
    }
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
