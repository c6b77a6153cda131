//! Tags of groups.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::error::of;
use super::{Asked, group};
use crate::protocol::Fault;

/// Of one resource.
const MOST: usize = 50;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Input {
    resource_arn: String,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    #[serde(default)]
    tag_keys: Vec<String>,
}

pub(super) async fn add(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: Input = asked.call.read()?;
    let group = group::tagged(&asked, &input.resource_arn)?;
    let mut tags = asked.ledger.settings(&group).map_err(of)?.tags;
    tags.extend(input.tags.clone());
    if tags.len() > MOST {
        let message = format!("A resource can have at most {MOST} tags.");
        return Err(Fault::new("TooManyTagsException", message));
    }
    let set = asked.ledger.set_group(&group, |settings| {
        settings.tags.extend(input.tags.clone());
    });
    set.await.map_err(of)?;
    Ok(json!({}))
}

pub(super) async fn remove(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: Input = asked.call.read()?;
    let group = group::tagged(&asked, &input.resource_arn)?;
    let set = asked.ledger.set_group(&group, |settings| {
        settings.tags.retain(|key, _| !input.tag_keys.contains(key));
    });
    set.await.map_err(of)?;
    Ok(json!({}))
}

pub(super) fn list(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: Input = asked.call.read()?;
    let group = group::tagged(&asked, &input.resource_arn)?;
    let tags = asked.ledger.settings(&group).map_err(of)?.tags;
    Ok(json!({ "tags": tags }))
}
