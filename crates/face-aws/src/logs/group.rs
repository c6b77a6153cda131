//! Groups of lines.

use std::collections::BTreeMap;

use ledger::{Group, KEPT_DAYS, Settings};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::{invalid, missing, no_group, of, of_triggers, taken};
use super::page::Page;
use super::{Asked, without_nulls};
use crate::protocol::Fault;

const STANDARD: &str = "STANDARD";
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    log_group_name: String,
    log_group_class: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

pub(super) async fn create(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let known = ["logGroupName", "logGroupClass", "tags"];
    asked.call.only(&known)?;
    let input: Create = asked.call.read()?;
    let settings = Settings {
        days: None,
        tags: input.tags,
        kind: input.log_group_class,
    };
    let group = named(&asked, input.log_group_name);
    let created = asked.ledger.create_group(&group, asked.now, &settings);
    match created.await.map_err(of)? {
        true => Ok(json!({})),
        false => Err(taken("group")),
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Describe {
    log_group_name_prefix: Option<String>,
    log_group_name_pattern: Option<String>,
    log_group_class: Option<String>,
    #[serde(flatten)]
    page: Page,
}

pub(super) fn describe(mut asked: Asked<'_>) -> Result<Value, Fault> {
    asked.call.only(&[
        "logGroupNamePrefix",
        "logGroupNamePattern",
        "logGroupClass",
        "limit",
        "nextToken",
    ])?;
    let input: Describe = asked.call.read()?;
    if input.log_group_name_prefix.is_some() && input.log_group_name_pattern.is_some() {
        return Err(invalid(
            "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
        ));
    }
    let prefix = input.log_group_name_prefix.unwrap_or_default();
    let part = input
        .log_group_name_pattern
        .unwrap_or_default()
        .to_lowercase();
    let mut all = Vec::new();
    for facts in asked.ledger.groups(asked.space()).map_err(of)? {
        let name = &facts.group.name;
        let settings = asked.ledger.settings(&facts.group).map_err(of)?;
        let kind = settings.kind.as_deref().unwrap_or(STANDARD);
        let is_asked = name.starts_with(&prefix)
            && name.to_lowercase().contains(&part)
            && input
                .log_group_class
                .as_deref()
                .is_none_or(|one| one == kind);
        if is_asked {
            all.push((facts, settings));
        }
    }
    let (groups, next) = input.page.of(all, |(facts, _)| &facts.group.name)?;
    let groups = groups.into_iter().map(|(facts, settings)| {
        let name = &facts.group.name;
        let arn = arn(&asked, name);
        Ok(without_nulls(json!({
            "logGroupName": name,
            "creationTime": facts.created.as_millis(),
            "retentionInDays": settings.days,
            "metricFilterCount": 0,
            "arn": format!("{arn}:*"),
            "logGroupArn": arn,
            "storedBytes": asked.ledger.size(&facts.group).map_err(of)?,
            "logGroupClass": settings.kind.as_deref().unwrap_or(STANDARD),
        })))
    });
    Ok(without_nulls(json!({
        "logGroups": groups.collect::<Result<Vec<_>, Fault>>()?,
        "nextToken": next,
    })))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    log_group_name: String,
    retention_in_days: Option<u32>,
}

pub(super) async fn delete(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: Named = asked.call.read()?;
    let group = named(&asked, input.log_group_name);
    let deleted = asked.triggers.delete_line_group(&group).await;
    match deleted.map_err(of_triggers)? {
        true => Ok(json!({})),
        false => Err(no_group()),
    }
}

pub(super) async fn retain(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: Named = asked.call.read()?;
    let days = input
        .retention_in_days
        .filter(|days| KEPT_DAYS.contains(days));
    let days = days.ok_or_else(|| {
        invalid(format!(
            "1 validation error detected: Value at 'retentionInDays' failed to satisfy constraint: Member must satisfy enum value set: {KEPT_DAYS:?}"
        ))
    })?;
    keep(&asked, input.log_group_name, Some(days)).await
}

pub(super) async fn retain_forever(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: Named = asked.call.read()?;
    keep(&asked, input.log_group_name, None).await
}

async fn keep(asked: &Asked<'_>, name: String, days: Option<u32>) -> Result<Value, Fault> {
    let group = named(asked, name);
    let set = asked
        .ledger
        .set_group(&group, |settings| settings.days = days);
    if !set.await.map_err(of)? {
        return Err(no_group());
    }
    let settings = asked.ledger.settings(&group).map_err(of)?;
    if let Some(since) = settings.since(asked.now) {
        let forgotten = asked.ledger.forget_before(&group, since);
        forgotten.await.map_err(of)?;
    }
    Ok(json!({}))
}

/// Whether it is there or not.
pub(super) fn named(asked: &Asked<'_>, name: String) -> Group {
    Group {
        space: asked.space().clone(),
        name,
    }
}

/// One that is there, by its name or its ARN.
pub(super) fn find(
    asked: &Asked<'_>,
    name: Option<String>,
    identifier: Option<String>,
) -> Result<Group, Fault> {
    let name = match (name, identifier) {
        (Some(name), None) => name,
        (None, Some(identifier)) => match identifier.starts_with("arn:") {
            true => of_arn(asked, &identifier).ok_or_else(no_group)?,
            false => identifier,
        },
        (Some(_), Some(_)) => {
            return Err(invalid(
                "LogGroup name and LogGroup ARN are mutually exclusive parameters.",
            ));
        }
        (None, None) => {
            return Err(invalid(
                "One of logGroupName and logGroupIdentifier must be given.",
            ));
        }
    };
    let group = named(asked, name);
    match asked.ledger.group(&group).map_err(of)? {
        Some(facts) => Ok(facts.group),
        None => Err(no_group()),
    }
}

/// What an ARN names here.
pub(super) fn of_arn(asked: &Asked<'_>, named: &str) -> Option<String> {
    let name = named.strip_prefix(&arn(asked, ""))?;
    Some(name.strip_suffix(":*").unwrap_or(name).to_owned())
}

pub(super) fn arn(asked: &Asked<'_>, name: &str) -> String {
    let place = asked.place();
    let (region, account) = (place.region, place.account);
    format!("arn:aws:logs:{region}:{account}:log-group:{name}")
}

/// What tags are of.
pub(super) fn tagged(asked: &Asked<'_>, resource: &str) -> Result<Group, Fault> {
    let name = of_arn(asked, resource);
    let group = name.map(|name| named(asked, name));
    let missing = || missing("The specified resource does not exist.");
    let group = group.ok_or_else(missing)?;
    let found = asked.ledger.group(&group).map_err(of)?;
    found.map(|facts| facts.group).ok_or_else(missing)
}
