//! Tags of topics.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;
use topics::Topic;

use super::error::{invalid, of_topics};
use super::{Answer, Asked, arn};
use crate::protocol::Fault;
use crate::tags::{self, Tag};

const MOST: usize = 50;

/// No key twice, and not too many.
pub(super) fn checked(tags: Vec<Tag>) -> Result<BTreeMap<String, String>, Fault> {
    let count = tags.len();
    let tags = tags::map(tags);
    if tags.len() < count {
        return Err(invalid("Duplicated keys are not allowed."));
    }
    limited(&tags)?;
    Ok(tags)
}

fn limited(tags: &BTreeMap<String, String>) -> Result<(), Fault> {
    if tags.len() > MOST {
        let message = "Could not complete request: tag quota of per resource exceeded";
        return Err(Fault::new("TagLimitExceeded", message));
    }
    Ok(())
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

pub(super) fn list(mut asked: Asked<'_>) -> Answer {
    let input: Input = asked.call.read()?;
    let topic = arn::topic(&input.resource_arn, "ResourceArn")?;
    let found = asked.parts.topics.topic(&topic.space, &topic.name);
    let tags = tags::print(&found.map_err(no_resource)?.tags);
    Ok(json!({ "Tags": tags }))
}

pub(super) async fn add(mut asked: Asked<'_>) -> Answer {
    let input: Input = asked.call.read()?;
    let new = checked(input.tags)?;
    let topic = arn::topic(&input.resource_arn, "ResourceArn")?;
    let found = asked.parts.topics.topic(&topic.space, &topic.name);
    let mut all = found.map_err(no_resource)?.tags;
    all.extend(new.clone());
    limited(&all)?;
    change(&asked, &input.resource_arn, |topic| {
        topic.tags.extend(new.clone());
    })
    .await
}

pub(super) async fn remove(mut asked: Asked<'_>) -> Answer {
    let input: Input = asked.call.read()?;
    change(&asked, &input.resource_arn, |topic| {
        topic.tags.retain(|key, _| !input.tag_keys.contains(key));
    })
    .await
}

async fn change(asked: &Asked<'_>, topic: &str, edit: impl Fn(&mut Topic)) -> Answer {
    let topic = arn::topic(topic, "ResourceArn")?;
    let changed = asked
        .parts
        .topics
        .change(&topic.space, &topic.name, |topic| {
            edit(topic);
            Ok::<_, topics::Error>(())
        });
    changed.await.map_err(no_resource)?;
    Ok(json!({}))
}

/// Tags have a name of their own for what is not there.
fn no_resource(error: topics::Error) -> Fault {
    match error {
        topics::Error::NoSuchTopic(_) => Fault::new("ResourceNotFound", "Resource does not exist"),
        error => of_topics(error),
    }
}
