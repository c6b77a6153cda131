//! Archives of what was put on a bus.

use buses::{Archive, ArchiveChange};
use serde::Deserialize;
use serde_json::{Value, json};
use triggers::pattern::{Language, Pattern};

use super::error::{invalid, of_bus, pattern};
use super::{Asked, name, page, without_nulls};
use crate::moment::seconds;
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    archive_name: String,
    event_source_arn: Option<String>,
    description: Option<String>,
    event_pattern: Option<String>,
    retention_days: Option<u32>,
}

impl Input {
    fn check(&self) -> Result<(), Fault> {
        let Some(text) = &self.event_pattern else {
            return Ok(());
        };
        let parsed = Pattern::parse_cheap(text, Language::Whole);
        parsed.map(drop).map_err(|error| pattern(&error))
    }
}

pub(super) async fn create(mut asked: Asked<'_>) -> Result<Value, Fault> {
    asked.call.only(&[
        "ArchiveName",
        "EventSourceArn",
        "Description",
        "EventPattern",
        "RetentionDays",
    ])?;
    let input: Input = asked.call.read()?;
    input.check()?;
    let source = input.event_source_arn.clone().unwrap_or_default();
    let bus = name::local(&asked, &source).and_then(|what| what.strip_prefix("event-bus/"));
    let bus = bus.ok_or_else(|| {
        invalid("Parameter EventSourceArn is not valid. Reason: Must contain an event bus ARN.")
    })?;
    let change = ArchiveChange {
        description: Some(input.description.clone()),
        pattern: Some(input.event_pattern.clone()),
        days: Some(days(input.retention_days)),
    };
    let created = asked
        .buses
        .create_archive(asked.space(), &input.archive_name, bus, change);
    let archive = created.await.map_err(of_bus)?;
    Ok(summary(&archive))
}

/// Zero is for ever.
fn days(days: Option<u32>) -> Option<u32> {
    days.filter(|days| *days > 0)
}

pub(super) async fn update(mut asked: Asked<'_>) -> Result<Value, Fault> {
    asked.call.only(&[
        "ArchiveName",
        "Description",
        "EventPattern",
        "RetentionDays",
    ])?;
    let input: Input = asked.call.read()?;
    input.check()?;
    let change = ArchiveChange {
        description: input.description.map(Some),
        pattern: input.event_pattern.map(Some),
        days: input.retention_days.map(|given| days(Some(given))),
    };
    let updated = asked
        .buses
        .update_archive(asked.space(), &input.archive_name, change);
    let archive = updated.await.map_err(of_bus)?;
    Ok(summary(&archive))
}

pub(super) fn describe(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: Input = asked.call.read()?;
    let archive = asked.buses.archive(asked.space(), &input.archive_name);
    let archive = archive.map_err(of_bus)?;
    let mut printed = print(&asked, &archive)?;
    printed["ArchiveArn"] = arn(&archive).into();
    printed["Description"] = archive.description.clone().into();
    printed["EventPattern"] = archive.pattern.clone().into();
    Ok(without_nulls(printed))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct List {
    #[serde(default)]
    name_prefix: String,
    event_source_arn: Option<String>,
    state: Option<String>,
    #[serde(flatten)]
    page: page::Asked,
}

pub(super) fn list(mut asked: Asked<'_>) -> Result<Value, Fault> {
    page::one_filter(&asked.call)?;
    let input: List = asked.call.read()?;
    let source = input.event_source_arn.as_deref();
    let bus = source.and_then(|arn| name::local(&asked, arn)?.strip_prefix("event-bus/"));
    if let Some(bus) = bus {
        asked.buses.bus(asked.space(), bus).map_err(of_bus)?;
    }
    let mut all = asked.buses.archives(asked.space()).map_err(of_bus)?;
    all.retain(|archive| {
        let source = name::bus_arn(&archive.space, &archive.bus);
        archive.name.starts_with(&input.name_prefix)
            && input
                .event_source_arn
                .as_ref()
                .is_none_or(|arn| *arn == source)
            && input
                .state
                .as_deref()
                .is_none_or(|state| state == "ENABLED")
    });
    let (archives, next) = input.page.page(all, |archive| &archive.name)?;
    let archives = archives.iter().map(|archive| print(&asked, archive));
    let archives = archives.collect::<Result<Vec<_>, _>>()?;
    Ok(without_nulls(
        json!({ "Archives": archives, "NextToken": next }),
    ))
}

pub(super) async fn delete(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: Input = asked.call.read()?;
    let deleted = asked
        .buses
        .delete_archive(asked.space(), &input.archive_name);
    deleted.await.map_err(of_bus)?;
    Ok(json!({}))
}

pub(super) fn arn(archive: &Archive) -> String {
    name::arn(&archive.space, &format!("archive/{}", archive.name))
}

fn summary(archive: &Archive) -> Value {
    json!({
        "ArchiveArn": arn(archive),
        "State": "ENABLED",
        "CreationTime": seconds(archive.created),
    })
}

fn print(asked: &Asked<'_>, archive: &Archive) -> Result<Value, Fault> {
    let holdings = asked.buses.holdings(archive).map_err(of_bus)?;
    Ok(json!({
        "ArchiveName": archive.name,
        "EventSourceArn": name::bus_arn(&archive.space, &archive.bus),
        "State": "ENABLED",
        "RetentionDays": archive.days.unwrap_or(0),
        "SizeBytes": holdings.bytes,
        "EventCount": holdings.events,
        "CreationTime": seconds(archive.created),
    }))
}
