//! `GlobalSecondaryIndexUpdates`: what is to become of a table's global indexes.

use std::collections::BTreeMap;

use serde::Deserialize;
use tables::{
    Index, IndexAlteration, IndexKey, KeyParts, Most, Ready, Settings, Table, Throughput,
};

use crate::dynamodb::attribute;
use crate::dynamodb::bounds::OnDemand;
use crate::dynamodb::error::{invalid, missing};
use crate::dynamodb::index::{
    Definition, Definitions, MOST_GLOBAL, Provisioned, Secondary, check_projected,
};
use crate::dynamodb::warm::Warm;
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct IndexUpdate {
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

/// The table whose indexes are to change, and how the request has it paid.
#[derive(Clone, Copy)]
pub(super) struct Of<'a> {
    pub(super) table: &'a Table,
    pub(super) definitions: &'a [Definition],
    pub(super) on_demand: bool,
    /// It is the request that says so.
    pub(super) becomes_on_demand: bool,
}

impl IndexUpdate {
    pub(super) fn makes(&self) -> bool {
        self.create.is_some()
    }

    pub(super) fn makes_or_drops(&self) -> bool {
        self.makes() || self.delete.is_some()
    }

    /// The index that it is about.
    fn name(&self) -> Result<&str, Fault> {
        match (&self.create, &self.delete, &self.update) {
            (Some(index), None, None) => Ok(&index.index_name),
            (None, Some(index), None) | (None, None, Some(index)) => Ok(&index.index_name),
            (None, None, None) => Err(invalid(
                "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, GlobalSecondaryIndexUpdate.Delete must not be null",
            )),
            _ => Err(invalid(
                "Only one global secondary index action is allowed per GlobalSecondaryIndexUpdate object",
            )),
        }
    }

    fn alteration(self, of: Of<'_>) -> Result<Option<IndexAlteration>, Fault> {
        if let Some(index) = self.create {
            return of.create(index).map(Some);
        }
        if let Some(index) = self.delete {
            global(of.table, &index.index_name, "delete")?;
            return Ok(Some(IndexAlteration::Drop(index.index_name)));
        }
        match self.update {
            Some(index) => of.provision(index),
            None => Ok(None),
        }
    }
}

/// What can be seen without the table: each is about one index, and one of them makes or drops one at the most.
fn check_together(updates: &[IndexUpdate]) -> Result<(), Fault> {
    let mut names = Vec::new();
    for update in updates {
        let name = update.name()?;
        if names.contains(&name) {
            return Err(invalid(format!(
                "Only one global secondary index update per index is allowed simultaneously. Index: {name}"
            )));
        }
        names.push(name);
    }
    let made_or_dropped = updates.iter().filter(|update| update.makes_or_drops());
    match made_or_dropped.count() {
        0 | 1 => Ok(()),
        _ => Err(exceeded(
            "Only 1 online index can be created or deleted simultaneously per table",
        )),
    }
}

fn exceeded(what: &str) -> Fault {
    Fault::new(
        "LimitExceededException",
        format!("Subscriber limit exceeded: {what}"),
    )
}

pub(super) fn alterations(
    updates: Vec<IndexUpdate>,
    of: Of<'_>,
) -> Result<Vec<IndexAlteration>, Fault> {
    check_together(&updates)?;
    let mut alterations = Vec::new();
    for update in updates {
        alterations.extend(update.alteration(of)?);
    }
    if of.table.provisioned.is_none() && !of.on_demand {
        check_provisioned(of.table, &alterations)?;
    }
    Ok(alterations)
}

impl Of<'_> {
    fn create(self, index: Secondary) -> Result<IndexAlteration, Fault> {
        if self.definitions.is_empty() {
            return Err(invalid(format!(
                "AttributeDefinitions is not specified for index: {}",
                index.index_name
            )));
        }
        if !self.on_demand && index.provisioned_throughput.is_none() {
            return Err(both_units(&index.index_name));
        }
        let index = Definitions(self.definitions).global(self.on_demand, index)?;
        check_types(self.table, &index.key)?;
        let known = self.table.indexes.iter().map(|index| &index.projected);
        check_projected(known.chain([&index.projected]))?;
        let global = self.table.indexes.iter().filter(|index| !index.local);
        if global.count() >= MOST_GLOBAL {
            return Err(exceeded(
                "Number of global secondary indexes exceeds per-table limit of 20",
            ));
        }
        Ok(IndexAlteration::Create(index))
    }

    fn provision(self, index: Named) -> Result<Option<IndexAlteration>, Fault> {
        let name = index.index_name;
        let old = global(self.table, &name, "update")?;
        let only = || {
            invalid(format!(
                "The only Updates for index: {name} when TableThroughputMode is PAY_PER_REQUEST can be to OnDemandThroughput, WarmThroughput"
            ))
        };
        let Some(given) = &index.provisioned_throughput else {
            let bounds = index.on_demand_throughput;
            let says_something = bounds.is_some_and(|bounds| !bounds.is_empty())
                || index.warm_throughput.is_some_and(|warm| !warm.is_empty());
            return match (says_something, self.on_demand) {
                (true, _) => Ok(None),
                (false, true) => Err(only()),
                (false, false) => Err(both_units(&name)),
            };
        };
        if self.becomes_on_demand {
            return Err(invalid(format!(
                "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified for index: {name} when BillingMode is PAY_PER_REQUEST"
            )));
        }
        if self.on_demand {
            return Err(only());
        }
        let provisioned = given.checked()?;
        if old.provisioned == Some(provisioned) {
            let of = format!("index {name}");
            return Err(unchanged(&of, &of, provisioned));
        }
        Ok(Some(IndexAlteration::Provision(name, provisioned)))
    }
}

/// What they may be used at most, by their names.
pub(super) fn most(
    updates: &[IndexUpdate],
    on_demand: bool,
    settings: &Settings,
) -> Result<BTreeMap<Option<String>, Most>, Fault> {
    let mut most = BTreeMap::new();
    for update in updates {
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
            let old = settings.most(name).unwrap_or_default();
            let asked = asked.of_old(on_demand, name, old)?;
            most.insert(Some(index.index_name.clone()), asked);
        }
    }
    Ok(most)
}

/// What those that there are are to be ready for, by their names.
pub(super) fn warmed(updates: &[IndexUpdate]) -> Result<BTreeMap<Option<String>, Ready>, Fault> {
    let mut warmed = BTreeMap::new();
    for index in updates.iter().filter_map(|update| update.update.as_ref()) {
        if let Some(warm) = index.warm_throughput {
            let name = &index.index_name;
            warmed.insert(Some(name.clone()), warm.of_index(name)?);
        }
    }
    Ok(warmed)
}

/// What those that are to be made are to be ready for, by their names.
pub(super) fn made_warm(
    updates: &[IndexUpdate],
    on_demand: bool,
) -> Result<BTreeMap<Option<String>, Ready>, Fault> {
    let mut ready = BTreeMap::new();
    for index in updates.iter().filter_map(|update| update.create.as_ref()) {
        if let Some(warm) = index.warm(on_demand)? {
            ready.insert(Some(index.index_name.clone()), warm);
        }
    }
    Ok(ready)
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
fn check_types(table: &Table, key: &IndexKey) -> Result<(), Fault> {
    let indexes = table.indexes.iter().map(|index| index.key.parts());
    let clashes = |known: &KeyParts<'_>| {
        known.attributes().any(|known| {
            let mut attributes = key.attributes();
            attributes.any(|new| new.name == known.name && new.r#type != known.r#type)
        })
    };
    match [table.key.parts()].into_iter().chain(indexes).find(clashes) {
        None => Ok(()),
        Some(known) => Err(invalid(format!(
            "Attributes cannot be redefined. Please check that your attribute has the same type as previously defined. Existing schema: {} New schema: {}",
            told(known),
            told(key.parts())
        ))),
    }
}

/// A key as that message has it.
fn told(key: KeyParts<'_>) -> String {
    let roles = [(key.partition, "HASH"), (key.sort, "RANGE")];
    let elements = roles.into_iter().flat_map(|(attributes, role)| {
        attributes.iter().map(move |attribute| {
            let code = attribute::code(attribute.r#type.r#type());
            format!("SchemaElement: key{{{}:{code}:{role}}}", attribute.name)
        })
    });
    let elements: Vec<String> = elements.collect();
    format!("Schema:[{}]", elements.join(", "))
}

fn both_units(name: &str) -> Fault {
    invalid(format!(
        "Both ReadCapacityUnits and WriteCapacityUnits must be specified for index: {name}"
    ))
}

pub(super) fn no_index(index: &str, table: &str) -> Fault {
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

/// It would be provisioned as it is.
pub(super) fn unchanged(of: &str, provisioned_for: &str, wanted: Throughput) -> Fault {
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
