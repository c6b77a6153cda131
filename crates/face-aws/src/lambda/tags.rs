use std::collections::BTreeMap;

use functions::Function;
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::error::{fault, invalid};
use super::name::Named;
use super::{Answer, Asked};
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
    let function = Named::read(asked.context, &input.resource, None)?
        .whole()?
        .find(&asked)?;
    Ok(Answer::Json(json!({ "Tags": function.tags })))
}

pub(super) async fn add(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Input = asked.call.read()?;
    let function = Named::read(asked.context, &input.resource, None)?
        .whole()?
        .find(&asked)?;
    let new = input
        .tags
        .keys()
        .filter(|key| !function.tags.contains_key(*key))
        .count();
    check(&input.tags, function.tags.len() + new)?;
    change(asked, &input, |tags| tags.extend(input.tags.clone())).await
}

pub(super) async fn remove(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Input = asked.call.read()?;
    change(asked, &input, |tags| {
        tags.retain(|key, _| !input.tag_keys.contains(key));
    })
    .await
}

async fn change(
    asked: Asked<'_>,
    input: &Input,
    edit: impl Fn(&mut BTreeMap<String, String>),
) -> Result<Answer, Fault> {
    let named = Named::read(asked.context, &input.resource, None)?.whole()?;
    let Function { space, name, .. } = named.find(&asked)?;
    let changed = asked.parts.functions.set_tags(&space, &name, edit).await;
    changed.map_err(|error| fault(asked.context, &named, error))?;
    Ok(Answer::Empty(StatusCode::NO_CONTENT))
}
