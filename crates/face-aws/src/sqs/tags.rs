use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::Asked;
use super::error::{self, missing_parameter};
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
    let tags = given.tags.ok_or_else(|| missing_parameter("Tags"))?;
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
    let untagged = asked
        .queues
        .tag(&address, |known| known.retain(|key, _| !keys.contains(key)));
    untagged.await.map_err(error::fault)?;
    Ok(Value::Null)
}
