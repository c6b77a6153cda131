//! Making, listing and removing topics.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;
use topics::{Kind, NewTopic};

use super::error::{invalid, of_topics, of_triggers};
use super::input::{PAGE, after, page};
use super::tags;
use super::{Answer, Asked, arn, settings};
use crate::place::Place;
use crate::protocol::Fault;
use crate::tags::Tag;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Create {
    name: String,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    #[serde(default)]
    tags: Vec<Tag>,
    data_protection_policy: Option<String>,
}

const LONGEST_NAME: usize = 256;
const FIFO: &str = ".fifo";

pub(super) async fn create(mut asked: Asked<'_>) -> Answer {
    let input: Create = asked.call.read()?;
    if input.data_protection_policy.is_some() {
        return Err(asked.call.not_built("DataProtectionPolicy"));
    }
    let mut set = settings::Settings::default();
    for (name, value) in &input.attributes {
        settings::apply(&asked.call, &mut set, name, value, true)?;
    }
    check_name(&input.name, set.fifo)?;
    let new = NewTopic {
        space: asked.context.space.clone(),
        name: input.name,
        kind: match set.fifo {
            true => Kind::Ordered(set.ordering),
            false => Kind::Standard,
        },
        settings: set.others,
        tags: tags::checked(input.tags)?,
    };
    let topic = asked.parts.topics.create(&new).await.map_err(of_topics)?;
    Ok(json!({ "TopicArn": Place::of(&topic.space).topic_arn(&topic.name) }))
}

fn check_name(name: &str, fifo: bool) -> Result<(), Fault> {
    let plain = |name: &str| {
        let mut bytes = name.bytes();
        !name.is_empty() && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    };
    let short = name.len() <= LONGEST_NAME;
    let own = name.strip_suffix(FIFO);
    match (fifo, own) {
        (true, Some(own)) if short && plain(own) => Ok(()),
        (true, _) => Err(invalid(
            "Fifo Topic names must end with .fifo and must be made up of only uppercase and lowercase ASCII letters, numbers, underscores, and hyphens, and must be between 1 and 256 characters long.",
        )),
        (false, None) if short && plain(name) => Ok(()),
        (false, _) => Err(invalid("Topic Name")),
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Delete {
    topic_arn: String,
}

pub(super) async fn delete(mut asked: Asked<'_>) -> Answer {
    let input: Delete = asked.call.read()?;
    let topic = arn::topic(&input.topic_arn, "TopicArn")?;
    let deleted = asked.parts.triggers.delete_topic(&topic).await;
    deleted.map_err(of_triggers)?;
    Ok(json!({}))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct List {
    next_token: Option<String>,
}

pub(super) fn list(mut asked: Asked<'_>) -> Answer {
    let input: List = asked.call.read()?;
    let after = after(input.next_token.as_deref())?;
    let space = &asked.context.space;
    let found = asked.parts.topics.topics(space, after.as_deref(), PAGE);
    let found = found.map_err(of_topics)?;
    let place = Place::of(space);
    let topics = found
        .iter()
        .map(|topic| json!({ "TopicArn": place.topic_arn(&topic.name) }));
    let last = found.last().map(|topic| topic.name.as_str());
    Ok(page("Topics", topics.collect(), last))
}
