use std::collections::BTreeMap;

use queues::{NewQueue, Queue};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Asked;
use super::attributes::{self, Attributes};
use super::error::{self, invalid};
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Create {
    queue_name: String,
    attributes: Option<Attributes>,
    #[serde(rename = "tags", alias = "Tags")]
    tags: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    queue_url: Option<String>,
}

pub(super) async fn create(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let given: Create = asked.read()?;
    let attributes = given.attributes.unwrap_or_default();
    let address = queues::Address::new(asked.space(), &given.queue_name);
    let ordered = attributes::ordered(&attributes)?;
    check_name(&given.queue_name, ordered)?;
    let mut new = NewQueue {
        ordered,
        tags: given.tags.unwrap_or_default(),
        ..NewQueue::default()
    };
    attributes::apply(&mut new.settings, &attributes, ordered, &address)?;
    let settings = new.settings.clone();
    let differs = |queue: &Queue| attributes::differ(queue, &settings, ordered, &attributes);
    let made = asked.queues.create(&address, new, differs).await;
    made.map_err(|error| attributes::about_redrive(error, &attributes))?;
    Ok(json!({ "QueueUrl": asked.url(&address) }))
}

pub(super) async fn delete(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let Named { queue_url } = asked.read()?;
    let address = asked.queue(queue_url.as_deref())?;
    asked
        .queues
        .drop_queue(&address)
        .await
        .map_err(error::fault)?;
    Ok(Value::Null)
}

pub(super) async fn purge(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let Named { queue_url } = asked.read()?;
    let address = asked.queue(queue_url.as_deref())?;
    asked.queues.purge(&address).await.map_err(error::fault)?;
    Ok(Value::Null)
}

pub(super) fn check_name(name: &str, ordered: bool) -> Result<(), Fault> {
    let stem = if ordered {
        name.strip_suffix(".fifo").unwrap_or("")
    } else {
        name
    };
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if !stem.is_empty() && name.len() <= 80 && stem.bytes().all(allowed) {
        return Ok(());
    }
    if ordered {
        return Err(invalid(
            "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length",
        ));
    }
    Err(invalid(
        "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
    ))
}
