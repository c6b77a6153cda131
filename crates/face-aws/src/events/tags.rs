//! Tags of buses and rules.

use std::collections::BTreeMap;

use buses::DEFAULT;
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::{invalid, of, of_bus};
use super::{Asked, managed, name};
use crate::protocol::Fault;
use crate::tags::{self, Tag};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    #[serde(rename = "ResourceARN")]
    resource: String,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    tag_keys: Vec<String>,
}

/// What can have tags.
enum Tagged<'a> {
    Bus(&'a str),
    Rule { bus: &'a str, rule: &'a str },
}

fn tagged<'a>(asked: &Asked<'_>, arn: &'a str) -> Result<Tagged<'a>, Fault> {
    let what = name::local(asked, arn).unwrap_or_default();
    if let Some(bus) = what.strip_prefix("event-bus/") {
        return Ok(Tagged::Bus(bus));
    }
    let rule = what.strip_prefix("rule/").ok_or_else(|| {
        invalid(format!(
            "Parameter {arn} is not valid. Reason: Provided Arn is not in correct format."
        ))
    })?;
    let (bus, rule) = rule.rsplit_once('/').unwrap_or((DEFAULT, rule));
    Ok(Tagged::Rule { bus, rule })
}

pub(super) async fn tag(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: Input = asked.call.read()?;
    change(&asked, &input.resource, tags::map(input.tags), &[]).await
}

pub(super) async fn untag(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: Input = asked.call.read()?;
    change(&asked, &input.resource, BTreeMap::new(), &input.tag_keys).await
}

async fn change(
    asked: &Asked<'_>,
    arn: &str,
    add: BTreeMap<String, String>,
    remove: &[String],
) -> Result<Value, Fault> {
    let space = asked.space();
    match tagged(asked, arn)? {
        Tagged::Bus(bus) => {
            let changed = asked.buses.tag(space, bus, add, remove).await;
            changed.map(drop).map_err(of_bus)?;
        }
        Tagged::Rule { bus, rule } => {
            managed::refuse(asked, bus, rule, false)?;
            let changed = asked.triggers.tag_rule(space, bus, rule, &add, remove);
            changed.await.map_err(of)?;
        }
    }
    Ok(json!({}))
}

pub(super) fn list(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: Input = asked.call.read()?;
    let space = asked.space();
    let tags = match tagged(&asked, &input.resource)? {
        Tagged::Bus(bus) => asked.buses.bus(space, bus).map_err(of_bus)?.tags,
        Tagged::Rule { bus, rule } => asked.triggers.rule(space, bus, rule).map_err(of)?.tags,
    };
    Ok(json!({ "Tags": tags::print(&tags) }))
}
