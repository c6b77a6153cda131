//! Tags. Only groups have them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::Asked;
use super::error::{invalid, of};
use super::name::read_group;
use crate::protocol::Fault;
use crate::tags::{self, Tag};

/// Of one resource.
const MOST: usize = 50;

pub(super) fn map(tags: Vec<Tag>) -> Result<BTreeMap<String, String>, Fault> {
    let tags = tags::map(tags);
    match tags.keys().find(|key| key.starts_with("aws:")) {
        Some(key) => Err(invalid(format!("Tag key {key} is reserved."))),
        None => Ok(tags),
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    resource_arn: String,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    tag_keys: Vec<String>,
}

impl Input {
    fn group(&self, asked: &Asked<'_>) -> Result<String, Fault> {
        let group = read_group(asked.space(), &self.resource_arn).map(str::to_owned);
        group.ok_or_else(|| {
            let message = format!("Resource {} does not exist.", self.resource_arn);
            Fault::new("ResourceNotFoundException", message)
        })
    }
}

pub(super) async fn add(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: Input = asked.call.read()?;
    let group = input.group(&asked)?;
    let tags = map(input.tags)?;
    let there = asked.schedules.group(asked.space(), &group).await;
    let there = there.map_err(of)?.tags;
    let all = there.keys().chain(tags.keys());
    if all.collect::<std::collections::BTreeSet<_>>().len() > MOST {
        let message = format!("A resource can have {MOST} tags.");
        return Err(Fault::new("ServiceQuotaExceededException", message));
    }
    let set = asked.schedules.tag_group(asked.space(), &group, &[], &tags);
    set.await.map_err(of)?;
    Ok(json!({}))
}

pub(super) async fn remove(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: Input = asked.call.read()?;
    let group = input.group(&asked)?;
    let none = BTreeMap::new();
    let schedules = asked.schedules;
    let removed = schedules.tag_group(asked.space(), &group, &input.tag_keys, &none);
    removed.await.map_err(of)?;
    Ok(json!({}))
}

pub(super) async fn list(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: Input = asked.call.read()?;
    let name = input.group(&asked)?;
    let group = asked.schedules.group(asked.space(), &name).await;
    let tags = tags::print(&group.map_err(of)?.tags);
    Ok(json!({ "Tags": tags }))
}
