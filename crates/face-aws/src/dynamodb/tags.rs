use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::Deserialize;
use serde_json::json;
use tables::Error;

use super::error::{fault, invalid, missing};
use super::{Asked, settings, table};
use crate::protocol::Fault;
use crate::tags;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tag {
    key: Option<String>,
    value: Option<String>,
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

/// Tags of one table.
const MOST: usize = 50;
/// In characters.
const LONGEST_KEY: usize = 128;
const LONGEST_VALUE: usize = 256;

impl Tag {
    fn checked(self) -> Result<(String, String), Fault> {
        let key = right("Key", self.key, 1..=LONGEST_KEY)?;
        let value = right("Value", self.value, 0..=LONGEST_VALUE)?;
        Ok((key, value))
    }
}

/// A tag's key or value, if it can be one.
fn right(
    name: &str,
    text: Option<String>,
    lengths: RangeInclusive<usize>,
) -> Result<String, Fault> {
    let allowed = |c: char| c.is_alphanumeric() || c.is_whitespace() || "+-=._:/@".contains(c);
    match text {
        Some(text) if lengths.contains(&text.chars().count()) && text.chars().all(allowed) => {
            Ok(text)
        }
        text => Err(Fault::validation(format!(
            "The Tag {name} provided is invalid, {name}: {}",
            text.as_deref().unwrap_or("null")
        ))),
    }
}

/// Puts tags among others.
pub(super) fn add(known: &mut BTreeMap<String, String>, more: Vec<Tag>) -> Result<(), Fault> {
    let mut new = BTreeMap::new();
    for tag in more {
        let (key, value) = tag.checked()?;
        if key.starts_with("aws:") {
            return Err(Fault::validation(format!(
                "Tag Key cannot be prefixed with aws:, Key: {key}"
            )));
        }
        if new.contains_key(&key) {
            return Err(Fault::validation(format!(
                "Duplicate Tag Keys provided as input: Duplicate Tag Key found {key}"
            )));
        }
        new.insert(key, value);
    }
    known.extend(new);
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
        let arn = &self.resource_arn;
        if !arn.starts_with("arn:") {
            return Err(invalid(format!("ARNs must start with 'arn:': {arn}")));
        }
        if arn.contains("/index/") {
            return Err(invalid(format!(
                "Invalid resource arn provided, only table or stream is accepted. Provided resource arn: {arn}"
            )));
        }
        table::name(asked.context, arn)
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
