//! `UpdateTable`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;
use tables::{
    Alteration, Error, Index, IndexAlteration, Most, NewFeed, Ready, Settings, Table, Throughput,
};

use super::bounds::OnDemand;
use super::create::{BillingMode, per_request};
use super::error::{about_table, fault, invalid, missing};
use super::index::{Definition, Definitions, MOST_GLOBAL, Provisioned, Secondary, check_projected};
use super::stream::Specification;
use super::warm::{WARM, Warm};
use super::{Asked, kept, settings, table};
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    table_name: String,
    #[serde(default)]
    attribute_definitions: Vec<Definition>,
    billing_mode: Option<BillingMode>,
    provisioned_throughput: Option<Provisioned>,
    on_demand_throughput: Option<OnDemand>,
    warm_throughput: Option<Warm>,
    #[serde(default)]
    global_secondary_index_updates: Vec<IndexUpdate>,
    deletion_protection_enabled: Option<bool>,
    stream_specification: Option<Specification>,
    #[serde(flatten)]
    kept: kept::Wanted,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct IndexUpdate {
    create: Option<Secondary>,
    delete: Option<Named>,
    update: Option<Named>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    index_name: String,
    provisioned_throughput: Option<Provisioned>,
    on_demand_throughput: Option<OnDemand>,
    warm_throughput: Option<Warm>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Mode,
    Throughput,
    Most,
    Indexes,
    Stream,
    Protection,
    Class,
    Encryption,
    Warm,
}

const KNOWN: [&str; 11] = [
    "TableName",
    "AttributeDefinitions",
    "BillingMode",
    "ProvisionedThroughput",
    "OnDemandThroughput",
    "GlobalSecondaryIndexUpdates",
    "DeletionProtectionEnabled",
    "StreamSpecification",
    kept::CLASS,
    kept::ENCRYPTION,
    WARM,
];

pub(super) async fn alter(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    settings::only(&asked.call, &KNOWN)?;
    let input: Input = asked.call.read()?;
    if input.changes().is_empty() {
        return Err(Fault::validation(
            "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates, SSESpecification, ReplicaUpdates, MultiAccountReplicaReady, ReplicaTransitRoleArn, MultiRegionConsistency, DeletionProtectionEnabled, OnDemandThroughput, WarmThroughput or TableClass is required",
        ));
    }
    input.check_together()?;
    let mut ready = input.warmed()?;
    let name = table::name(asked.context, &input.table_name)?.to_owned();
    let table = asked.tables.table(asked.space(), &name);
    let table = table.map_err(about_table)?;
    let protected = input.deletion_protection_enabled;
    let feed = input.feed()?;
    let provisioned = input.provisioned(&table)?;
    let on_demand = provisioned.unwrap_or(table.provisioned).is_none();
    let kept = input.kept.checked(asked.context)?;
    let settings = asked.tables.settings(asked.space(), &name);
    let settings = settings.map_err(about_table)?;
    kept::check_encryption(&settings, &kept)?;
    for index in &input.global_secondary_index_updates {
        if let Some(index) = &index.create
            && let Some(warm) = index.warm(on_demand)?
        {
            ready.insert(Some(index.index_name.clone()), warm);
        }
    }
    let alteration = Alteration {
        ready,
        provisioned,
        protected,
        feed,
        most: input.most(on_demand, &settings)?,
        kept,
        indexes: input.indexes(&table, on_demand)?,
    };
    let altered = asked.tables.alter(asked.space(), &name, &alteration).await;
    let altered = altered.map_err(|error| match error {
        Error::NoSuchIndex(index) => no_index(&index, &name),
        error => fault(error),
    })?;
    let printed = table::print(asked.context, &altered, "ACTIVE");
    Ok(asked.answer(&json!({ "TableDescription": printed })))
}

impl Input {
    /// What is to be changed.
    fn changes(&self) -> Vec<Change> {
        [
            (Change::Mode, self.billing_mode.is_some()),
            (Change::Throughput, self.provisioned_throughput.is_some()),
            (Change::Most, self.on_demand_throughput.is_some()),
            (
                Change::Indexes,
                !self.global_secondary_index_updates.is_empty(),
            ),
            (Change::Stream, self.stream_specification.is_some()),
            (
                Change::Protection,
                self.deletion_protection_enabled.is_some(),
            ),
            (Change::Class, self.kept.says_class()),
            (Change::Encryption, self.kept.says_encryption()),
            (Change::Warm, self.warm().is_some()),
        ]
        .into_iter()
        .filter_map(|(change, asked)| asked.then_some(change))
        .collect()
    }

    /// Refuses changes that are not made in one request.
    fn check_together(&self) -> Result<(), Fault> {
        let changes = self.changes();
        for (alone, name) in [
            (Change::Encryption, "Server-Side Encryption"),
            (Change::Class, "TableClass"),
            (Change::Protection, "DeletionProtection"),
        ] {
            if changes.len() > 1 && changes.contains(&alone) {
                return Err(invalid(format!(
                    "{name} modification must be the only operation in the request"
                )));
            }
        }
        let with_most = |change: &Change| matches!(change, Change::Most | Change::Mode);
        if changes.contains(&Change::Most) && !changes.iter().all(with_most) {
            return Err(invalid(
                "OnDemandThroughput can only be combined with BillingMode in an UpdateTable request",
            ));
        }
        self.check_with_warm(&changes)?;
        if self.billing_mode.is_none()
            && self.provisioned_throughput.is_some()
            && self.makes_or_drops()
        {
            return Err(invalid(
                "You cannot create or delete index while updating table IOPS",
            ));
        }
        Ok(())
    }

    /// What is ready is changed together with indexes that there are, and with nothing else.
    fn check_with_warm(&self, changes: &[Change]) -> Result<(), Fault> {
        if !changes.contains(&Change::Warm) {
            return Ok(());
        }
        if self.any_index(|index| index.create.is_some()) {
            return Err(invalid(
                "Create global secondary index cannot be specified when updating WarmThroughput",
            ));
        }
        let with_warm = |change: &Change| matches!(change, Change::Warm | Change::Indexes);
        if changes.iter().all(with_warm) && !self.makes_or_drops() {
            return Ok(());
        }
        Err(invalid(
            "WarmThroughput must be the only operation in the request",
        ))
    }

    fn makes_or_drops(&self) -> bool {
        self.any_index(|index| index.create.is_some() || index.delete.is_some())
    }

    fn any_index(&self, is: impl Fn(&IndexUpdate) -> bool) -> bool {
        self.global_secondary_index_updates.iter().any(is)
    }

    fn warm(&self) -> Option<Warm> {
        self.warm_throughput.filter(|warm| !warm.is_empty())
    }

    /// What indexes that there are are to be ready for, and under none the table.
    fn warmed(&self) -> Result<BTreeMap<Option<String>, Ready>, Fault> {
        let mut warmed = BTreeMap::new();
        if let Some(warm) = self.warm() {
            warmed.insert(None, warm.ready());
        }
        for index in &self.global_secondary_index_updates {
            if let Some(index) = &index.update
                && let Some(warm) = index.warm_throughput
            {
                let name = &index.index_name;
                warmed.insert(Some(name.clone()), warm.of_index(name)?);
            }
        }
        Ok(warmed)
    }

    /// A stream begins or ends in a request of its own.
    fn feed(&self) -> Result<Option<Option<NewFeed>>, Fault> {
        let Some(stream) = &self.stream_specification else {
            return Ok(None);
        };
        if self.provisioned_throughput.is_some()
            || matches!(self.billing_mode, Some(BillingMode::Provisioned))
        {
            return Err(invalid(
                "You cannot modify stream status while updating table IOPS",
            ));
        }
        if self.makes_or_drops() {
            return Err(invalid(
                "You cannot create or delete index while changing stream status",
            ));
        }
        Ok(Some(stream.of_old()?.map(NewFeed::from)))
    }

    fn provisioned(&self, table: &Table) -> Result<Option<Option<Throughput>>, Fault> {
        let given = self.provisioned_throughput.as_ref();
        match (self.billing_mode, given) {
            (None, None) => Ok(None),
            (None, Some(_)) if table.provisioned.is_none() => Err(per_request()),
            (Some(BillingMode::Provisioned), None) => Err(invalid(
                "ProvisionedThroughput must be specified when BillingMode is PROVISIONED",
            )),
            (Some(BillingMode::PayPerRequest), Some(_)) => Err(invalid(
                "ProvisionedThroughput cannot be specified when BillingMode is PAY_PER_REQUEST",
            )),
            (Some(BillingMode::PayPerRequest), None) => Ok(Some(None)),
            (Some(BillingMode::Provisioned) | None, Some(given)) => {
                let wanted = given.checked()?;
                if table.provisioned == Some(wanted) {
                    return Err(unchanged("table", "the table", wanted));
                }
                Ok(Some(Some(wanted)))
            }
        }
    }

    fn most(
        &self,
        on_demand: bool,
        settings: &Settings,
    ) -> Result<BTreeMap<Option<String>, Most>, Fault> {
        let old = |index| settings.most(index).unwrap_or_default();
        let mut most = BTreeMap::new();
        if let Some(asked) = &self.on_demand_throughput {
            most.insert(None, asked.of_old(on_demand, None, old(None))?);
        }
        for update in &self.global_secondary_index_updates {
            if let Some(index) = &update.create
                && let Some(asked) = &index.on_demand_throughput
            {
                let asked = asked.of_new(on_demand, Some(&index.index_name))?;
                most.insert(Some(index.index_name.clone()), asked);
            }
            if let Some(index) = &update.update
                && let Some(asked) = &index.on_demand_throughput
            {
                let name = Some(index.index_name.as_str());
                let asked = asked.of_old(on_demand, name, old(name))?;
                most.insert(Some(index.index_name.clone()), asked);
            }
        }
        Ok(most)
    }

    fn indexes(self, table: &Table, on_demand: bool) -> Result<Vec<IndexAlteration>, Fault> {
        let definitions = Definitions(&self.attribute_definitions);
        let mut alterations = Vec::new();
        let mut names: Vec<String> = Vec::new();
        for update in self.global_secondary_index_updates {
            let (name, alteration) = match (update.create, update.delete, update.update) {
                (Some(index), None, None) => {
                    let index = definitions.global(on_demand, index)?;
                    check_types(table, &index.key)?;
                    let known = table.indexes.iter().map(|index| &index.projected);
                    check_projected(known.chain([&index.projected]))?;
                    (index.name.clone(), IndexAlteration::Create(index))
                }
                (None, Some(index), None) => {
                    let name = index.index_name;
                    global(table, &name, "delete")?;
                    (name.clone(), IndexAlteration::Drop(name))
                }
                (None, None, Some(index)) => {
                    let name = index.index_name;
                    let old = global(table, &name, "update")?;
                    let provisioned = match &index.provisioned_throughput {
                        Some(_) if on_demand => {
                            return Err(invalid(format!(
                                "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified for index: {name} when BillingMode is PAY_PER_REQUEST"
                            )));
                        }
                        Some(provisioned) => provisioned.checked()?,
                        None => continue,
                    };
                    if old.provisioned == Some(provisioned) {
                        return Err(unchanged(
                            &format!("index {name}"),
                            &format!("index {name}"),
                            provisioned,
                        ));
                    }
                    (name.clone(), IndexAlteration::Provision(name, provisioned))
                }
                (None, None, None) => {
                    return Err(invalid(
                        "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, GlobalSecondaryIndexUpdate.Delete must not be null",
                    ));
                }
                _ => {
                    return Err(invalid(
                        "Only one global secondary index action is allowed per GlobalSecondaryIndexUpdate object",
                    ));
                }
            };
            if names.contains(&name) {
                return Err(invalid(format!(
                    "Only one global secondary index update per index is allowed simultaneously. Index: {name}"
                )));
            }
            names.push(name);
            alterations.push(alteration);
        }
        if table.provisioned.is_none() && !on_demand {
            check_provisioned(table, &alterations)?;
        }
        let created =
            |alteration: &&IndexAlteration| matches!(alteration, IndexAlteration::Create(_));
        match alterations.iter().filter(created).count() {
            0 => {}
            1 if table.indexes.iter().filter(|index| !index.local).count() < MOST_GLOBAL => {}
            1 => {
                return Err(invalid(
                    "GlobalSecondaryIndex count exceeds the per-table limit of 20",
                ));
            }
            _ => {
                return Err(Fault::new(
                    "LimitExceededException",
                    "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table",
                ));
            }
        }
        Ok(alterations)
    }
}

/// A table that was paid per request is provisioned together with all of its global indexes.
fn check_provisioned(table: &Table, alterations: &[IndexAlteration]) -> Result<(), Fault> {
    let is_told = |name: &str| {
        alterations.iter().any(|alteration| match alteration {
            IndexAlteration::Provision(told, _) | IndexAlteration::Drop(told) => told == name,
            IndexAlteration::Create(_) => false,
        })
    };
    let mut global = table.indexes.iter().filter(|index| !index.local);
    match global.find(|index| !is_told(&index.name)) {
        None => Ok(()),
        Some(index) => Err(invalid(format!(
            "ProvisionedThroughput must be specified for index: {}",
            index.name
        ))),
    }
}

/// An attribute has one type in all of a table's keys.
fn check_types(table: &Table, key: &tables::IndexKey) -> Result<(), Fault> {
    let indexes = table
        .indexes
        .iter()
        .flat_map(|index| index.key.attributes());
    let mut known = table.key.attributes().chain(indexes);
    let clash = known.find(|known| {
        let mut attributes = key.attributes();
        attributes.any(|new| new.name == known.name && new.r#type != known.r#type)
    });
    match clash {
        None => Ok(()),
        Some(attribute) => Err(invalid(format!(
            "Attributes cannot be redefined. Please check that your attribute has the same type as previously defined. Attribute: {}",
            attribute.name
        ))),
    }
}

fn no_index(index: &str, table: &str) -> Fault {
    missing(format!(
        "Requested resource not found: Index {index} for table {table}"
    ))
}

/// The global index that a change is about.
fn global<'a>(table: &'a Table, name: &str, change: &str) -> Result<&'a Index, Fault> {
    match table.index(name) {
        Some(index) if index.local => Err(Fault::validation(format!(
            "Cannot {change} an index that is not a GlobalSecondaryIndex: {name}"
        ))),
        Some(index) => Ok(index),
        None => Err(no_index(name, &table.name)),
    }
}

fn unchanged(of: &str, provisioned_for: &str, wanted: Throughput) -> Fault {
    let Throughput { read, write } = wanted;
    let told = |name: &str, units: u64| {
        format!(
            "Current {name} provisioned for {provisioned_for}: {units}. Requested {name}: {units}."
        )
    };
    let (reads, writes) = (
        told("ReadCapacityUnits", read),
        told("WriteCapacityUnits", write),
    );
    Fault::validation(format!(
        "The provisioned throughput for the {of} will not change. The requested value equals the current value. {reads} {writes} Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher limits."
    ))
}
