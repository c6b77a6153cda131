use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::Asked;
use super::error::{self, invalid, missing_parameter};
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Given {
    queue_url: Option<String>,
    tags: Option<BTreeMap<String, String>>,
    tag_keys: Option<Vec<String>>,
}

pub(super) fn list(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let given: Given = asked.read()?;
    let address = asked.queue(given.queue_url.as_deref())?;
    let tags = asked.queues.tags(&address).map_err(error::fault)?;
    if tags.is_empty() {
        return Ok(json!({}));
    }
    Ok(json!({ "Tags": tags }))
}

pub(super) async fn tag(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let given: Given = asked.read()?;
    let address = asked.queue(given.queue_url.as_deref())?;
    let tags = given.tags.filter(|tags| !tags.is_empty());
    let tags = tags.ok_or_else(|| missing_parameter("Tags"))?;
    check_keys(tags.keys())?;
    let tagged = asked
        .queues
        .tag(&address, |known| known.extend(tags.clone()));
    tagged.await.map_err(error::fault)?;
    Ok(Value::Null)
}

pub(super) async fn untag(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let given: Given = asked.read()?;
    let address = asked.queue(given.queue_url.as_deref())?;
    let keys = given.tag_keys.ok_or_else(|| missing_parameter("TagKeys"))?;
    // An older client writes no keys as an empty one.
    if keys.is_empty() {
        return Err(bad_key());
    }
    check_keys(keys.iter())?;
    let untagged = asked
        .queues
        .tag(&address, |known| known.retain(|key, _| !keys.contains(key)));
    untagged.await.map_err(error::fault)?;
    Ok(Value::Null)
}

fn check_keys<'a>(mut keys: impl Iterator<Item = &'a String>) -> Result<(), Fault> {
    match keys.all(|key| (1..=128).contains(&key.chars().count())) {
        true => Ok(()),
        false => Err(bad_key()),
    }
}

fn bad_key() -> Fault {
    invalid("Tag keys must be between 1 and 128 characters in length.")
}
