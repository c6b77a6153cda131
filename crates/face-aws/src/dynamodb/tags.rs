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
    known.extend(tags::map(more));
    if known.len() > MOST {
        return Err(Fault::validation(format!(
            "One or more parameter values were invalid: Too many tags: a resource has at most {MOST}"
        )));
    }
    Ok(())
}

pub(super) async fn tag(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    settings::only(&asked.call, &["ResourceArn", "Tags"])?;
    let input: Input = asked.call.read()?;
    let name = input.table(&asked)?.to_owned();
    let tags = asked.tables.tags(asked.space(), &name);
    let mut tags = tags.map_err(|error| absent(error, &input.resource_arn))?;
    add(&mut tags, input.tags)?;
    let set = asked.tables.set_tags(asked.space(), &name, |known| {
        known.extend(tags.clone());
    });
    set.await.map_err(fault)?;
    Ok(asked.answer(&json!({})))
}

pub(super) async fn untag(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    settings::only(&asked.call, &["ResourceArn", "TagKeys"])?;
    let input: Input = asked.call.read()?;
    let name = input.table(&asked)?;
    let set = asked.tables.set_tags(asked.space(), name, |known| {
        known.retain(|key, _| !input.tag_keys.contains(key));
    });
    set.await
        .map_err(|error| absent(error, &input.resource_arn))?;
    Ok(asked.answer(&json!({})))
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
