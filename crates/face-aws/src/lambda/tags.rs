use std::collections::BTreeMap;

use functions::Function;
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::error::{fault, invalid};
use super::name::Named;
use super::{Answer, Asked, mapping};
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    resource: String,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    #[serde(default)]
    tag_keys: Vec<String>,
}

const MOST_TAGS: usize = 50;

/// What may be added, to be this many in all.
pub(super) fn check(tags: &BTreeMap<String, String>, all: usize) -> Result<(), Fault> {
    if all > MOST_TAGS {
        return Err(invalid(format!(
            "The maximum number of tags per resource is {MOST_TAGS}"
        )));
    }
    if tags
        .keys()
        .any(|key| key.to_ascii_lowercase().starts_with("aws:"))
    {
        return Err(invalid("Tag keys cannot start with aws:"));
    }
    Ok(())
}

pub(super) fn list(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Input = asked.call.read()?;
    Ok(Answer::Json(json!({ "Tags": current(&asked, &input)? })))
}

pub(super) async fn add(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Input = asked.call.read()?;
    let current = current(&asked, &input)?;
    let new = input
        .tags
        .keys()
        .filter(|key| !current.contains_key(*key))
        .count();
    check(&input.tags, current.len() + new)?;
    change(asked, &input, |tags| tags.extend(input.tags.clone())).await
}

pub(super) async fn remove(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Input = asked.call.read()?;
    change(asked, &input, |tags| {
        tags.retain(|key, _| !input.tag_keys.contains(key));
    })
    .await
}

fn current(asked: &Asked<'_>, input: &Input) -> Result<BTreeMap<String, String>, Fault> {
    if let Some(id) = mapping::id_in(&input.resource) {
        return mapping::list_tags(asked, id);
    }
    let named = Named::read(asked, &input.resource, None)?.whole()?;
    Ok(named.find(asked)?.tags)
}

async fn change(
    asked: Asked<'_>,
    input: &Input,
    edit: impl Fn(&mut BTreeMap<String, String>),
) -> Result<Answer, Fault> {
    if let Some(id) = mapping::id_in(&input.resource) {
        return mapping::change_tags(&asked, id, edit).await;
    }
    let named = Named::read(&asked, &input.resource, None)?.whole()?;
    let Function { space, name, .. } = named.find(&asked)?;
    let changed = asked.parts.functions.set_tags(&space, &name, edit).await;
    changed.map_err(|error| fault(asked.context, &named, error))?;
    Ok(Answer::Empty(StatusCode::NO_CONTENT))
}
