use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;
use tables::Error;

use super::error::{fault, missing};
use super::{Asked, settings, table};
use crate::protocol::Fault;
use crate::tags::{self, Tag};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    resource_arn: String,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    tag_keys: Vec<String>,
}

/// Tags of one table.
const MOST: usize = 50;

/// Puts tags among others.
pub(super) fn add(known: &mut BTreeMap<String, String>, more: Vec<Tag>) -> Result<(), Fault> {
    for (at, Tag { key, .. }) in more.iter().enumerate() {
        if key.starts_with("aws:") {
            return Err(Fault::validation(format!(
                "Tag Key cannot be prefixed with aws:, Key: {key}"
            )));
        }
        if more[..at].iter().any(|other| other.key == *key) {
            return Err(Fault::validation(format!(
                "Duplicate Tag Keys provided as input: Duplicate Tag Key found {key}"
            )));
        }
    }
    known.extend(tags::map(more));
    if known.len() > MOST {
        return Err(too_many());
    }
    Ok(())
}

fn too_many() -> Fault {
    Fault::validation("Number of Tags exceed the current limit for the provided ResourceArn")
}

pub(super) async fn tag(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    settings::only(&asked.call, &["ResourceArn", "Tags"])?;
    let input: Input = asked.call.read()?;
    let name = input.table(&asked)?.to_owned();
    if input.tags.is_empty() {
        return Err(Fault::validation(
            "Atleast one Tag needs to be provided as Input.",
        ));
    }
    let tags = asked.tables.tags(asked.space(), &name);
    let mut tags = tags.map_err(|error| absent(error, &input.resource_arn))?;
    add(&mut tags, input.tags)?;
    let set = asked.tables.set_tags(asked.space(), &name, |known| {
        known.extend(tags.clone());
    });
    set.await.map_err(fault)?;
    Ok(asked.done())
}

pub(super) async fn untag(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    settings::only(&asked.call, &["ResourceArn", "TagKeys"])?;
    let input: Input = asked.call.read()?;
    let name = input.table(&asked)?;
    if input.tag_keys.is_empty() {
        return Err(Fault::validation(
            "Atleast one Tag Key needs to be provided as Input.",
        ));
    }
    // Also of those that only go.
    if input.tag_keys.len() > MOST {
        return Err(too_many());
    }
    let set = asked.tables.set_tags(asked.space(), name, |known| {
        known.retain(|key, _| !input.tag_keys.contains(key));
    });
    set.await
        .map_err(|error| absent(error, &input.resource_arn))?;
    Ok(asked.done())
}

/// All are on the first page.
pub(super) fn list(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    settings::only(&asked.call, &["ResourceArn"])?;
    let input: Input = asked.call.read()?;
    let tags = asked.tables.tags(asked.space(), input.table(&asked)?);
    let tags = tags.map_err(|error| absent(error, &input.resource_arn))?;
    Ok(asked.answer(&json!({ "Tags": tags::print(&tags) })))
}

impl Input {
    fn table(&self, asked: &Asked<'_>) -> Result<&str, Fault> {
        if !self.resource_arn.starts_with("arn:") {
            return Err(Fault::validation(format!(
                "Invalid TableArn: Invalid ResourceArn provided as input {}",
                self.resource_arn
            )));
        }
        table::name(asked.context, &self.resource_arn)
    }
}

fn absent(error: Error, arn: &str) -> Fault {
    match error {
        // The missing letter is theirs.
        Error::NoSuchTable(_) => missing(format!(
            "Requested resource not found: ResourcArn: {arn} not found"
        )),
        error => fault(error),
    }
}
