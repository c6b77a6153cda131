//! `UpdateTable`.

mod indexes;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;
use tables::{Alteration, Error, NewFeed, Ready, Table, Throughput};

use super::bounds::OnDemand;
use super::create::{BillingMode, per_request};
use super::error::{about_table, fault, invalid};
use super::index::{Definition, Provisioned};
use super::stream::Specification;
use super::warm::{WARM, Warm};
use super::{Asked, kept, settings, table};
use crate::protocol::Fault;
use indexes::{IndexUpdate, Of};

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
    global_secondary_index_updates: Option<Vec<IndexUpdate>>,
    deletion_protection_enabled: Option<bool>,
    stream_specification: Option<Specification>,
    #[serde(flatten)]
    kept: kept::Wanted,
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
    if input.global_secondary_index_updates.is_some() && input.updates().is_empty() {
        return Err(invalid("List of GlobalSecondaryIndexUpdates is empty"));
    }
    input.check_together()?;
    let mut ready = input.warmed()?;
    let name = table::managed(asked.context, &input.table_name)?.to_owned();
    let table = asked.tables.table(asked.space(), &name);
    let table = table.map_err(about_table)?;
    let protected = input.deletion_protection_enabled;
    let feed = input.feed()?;
    let provisioned = input.provisioned(&table)?;
    let on_demand = provisioned.unwrap_or(table.provisioned).is_none();
    let settings = asked.tables.settings(asked.space(), &name);
    let settings = settings.map_err(about_table)?;
    let kept = input.kept.changes(&settings, asked.context)?;
    ready.extend(indexes::made_warm(input.updates(), on_demand)?);
    let mut most = indexes::most(input.updates(), on_demand, &settings)?;
    if let Some(asked) = &input.on_demand_throughput {
        let old = settings.most(None).unwrap_or_default();
        most.insert(None, asked.of_old(on_demand, None, old)?);
    }
    let of = Of {
        table: &table,
        definitions: &input.attribute_definitions,
        on_demand,
        becomes_on_demand: matches!(input.billing_mode, Some(BillingMode::PayPerRequest)),
    };
    let updates = input.global_secondary_index_updates.unwrap_or_default();
    let alteration = Alteration {
        ready,
        provisioned,
        protected,
        feed,
        most,
        kept,
        indexes: indexes::alterations(updates, of)?,
    };
    let altered = asked.tables.alter(asked.space(), &name, &alteration).await;
    let altered = altered.map_err(|error| match error {
        Error::NoSuchIndex(index) => indexes::no_index(&index, &name),
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
            (Change::Indexes, !self.updates().is_empty()),
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
        if self.updates().iter().any(IndexUpdate::makes) {
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

    fn updates(&self) -> &[IndexUpdate] {
        self.global_secondary_index_updates
            .as_deref()
            .unwrap_or_default()
    }

    fn makes_or_drops(&self) -> bool {
        self.updates().iter().any(IndexUpdate::makes_or_drops)
    }

    fn warm(&self) -> Option<Warm> {
        self.warm_throughput.filter(|warm| !warm.is_empty())
    }

    /// What the table, under none, and indexes that there are are to be ready for.
    fn warmed(&self) -> Result<BTreeMap<Option<String>, Ready>, Fault> {
        let mut warmed = indexes::warmed(self.updates())?;
        warmed.extend(self.warm().map(|warm| (None, warm.ready())));
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
                    return Err(indexes::unchanged("table", "the table", wanted));
                }
                Ok(Some(Some(wanted)))
            }
        }
    }
}
