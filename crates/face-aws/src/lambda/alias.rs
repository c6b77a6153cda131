//! Aliases.

use std::collections::BTreeMap;

use functions::{Alias, AliasChange, Error, NewAlias};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::{fault, invalid, missing};
use super::name::{LATEST, Named};
use super::page::Page;
use super::{Answer, Asked, url};
use crate::dialect::version_name;
use crate::place::Place;
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    function_name: String,
    name: Option<String>,
    function_version: Option<String>,
    description: Option<String>,
    routing_config: Option<Routing>,
    revision_id: Option<String>,
    marker: Option<String>,
    max_items: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Routing {
    #[serde(default)]
    additional_version_weights: BTreeMap<String, f64>,
}

impl Input {
    fn named(&self, asked: &Asked<'_>) -> Result<Named, Fault> {
        Named::read(asked, &self.function_name, None)?.whole()
    }

    fn alias(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }
}

pub(super) async fn create(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Input = asked.call.read()?;
    let named = input.named(&asked)?;
    named.find(&asked)?;
    let alias = NewAlias {
        name: input.alias().to_owned(),
        version: version(input.function_version.as_deref().unwrap_or(LATEST))?,
        other: match &input.routing_config {
            Some(routing) => other(routing)?,
            None => None,
        },
        description: input.description.clone().unwrap_or_default(),
    };
    check_pair(alias.version, alias.other)?;
    let space = &asked.context.space;
    let functions = &asked.parts.functions;
    let created = functions.create_alias(space, &named.name, alias).await;
    let alias = created.map_err(|error| fault(asked.context, &named, error))?;
    Ok(Answer::Json(print(&alias)))
}

pub(super) async fn update(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Input = asked.call.read()?;
    let named = input.named(&asked)?;
    let current = find(&asked, &named, input.alias(), "Alias not found:")?;
    let change = AliasChange {
        version: input.function_version.as_deref().map(version).transpose()?,
        other: input.routing_config.as_ref().map(other).transpose()?,
        description: input.description.clone(),
    };
    check_pair(
        change.version.unwrap_or(current.version),
        change.other.unwrap_or(current.other),
    )?;
    let space = &asked.context.space;
    let functions = &asked.parts.functions;
    let revision = input.revision_id.as_deref();
    let updated = functions
        .update_alias(space, &named.name, input.alias(), revision, &change)
        .await;
    let alias = updated.map_err(|error| fault(asked.context, &named, error))?;
    Ok(Answer::Json(print(&alias)))
}

pub(super) fn get(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Input = asked.call.read()?;
    let named = input.named(&asked)?;
    let alias = find(&asked, &named, input.alias(), "Cannot find alias arn:")?;
    Ok(Answer::Json(print(&alias)))
}

pub(super) async fn delete(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Input = asked.call.read()?;
    let named = input.named(&asked)?;
    named.find(&asked)?;
    let space = &asked.context.space;
    let functions = &asked.parts.functions;
    let deleted = functions
        .delete_alias(space, &named.name, input.alias())
        .await;
    deleted.map_err(|error| fault(asked.context, &named, error))?;
    url::forget(&asked, &named.name, Some(input.alias())).await?;
    Ok(Answer::Empty(StatusCode::NO_CONTENT))
}

pub(super) fn list(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Input = asked.call.read()?;
    let named = input.named(&asked)?;
    named.find(&asked)?;
    let space = &asked.context.space;
    let all = asked.parts.functions.aliases(space, &named.name);
    let all = all.map_err(|error| fault(asked.context, &named, error))?;
    let wanted = input.function_version.as_deref().map(version).transpose()?;
    let names = |alias: &&Alias| match wanted {
        None => true,
        Some(wanted) => {
            alias.version == wanted || alias.other.is_some_and(|(other, _)| Some(other) == wanted)
        }
    };
    let printed = all.iter().filter(names).map(print).collect();
    let page = Page::read(input.marker.as_deref(), input.max_items)?;
    Ok(Answer::Json(page.print("Aliases", printed)))
}

fn find(asked: &Asked<'_>, named: &Named, name: &str, words: &str) -> Result<Alias, Fault> {
    let space = &asked.context.space;
    let found = asked.parts.functions.alias(space, &named.name, name);
    found.map_err(|error| match error {
        Error::NoSuchQualifier { .. } => {
            let arn = Place::of(space).function_arn(&named.name, Some(name));
            missing(format!("{words} {arn}"))
        }
        error => fault(asked.context, named, error),
    })
}

/// None for the newest code. The model lets nothing else pass but numbers.
fn version(given: &str) -> Result<Option<u64>, Fault> {
    if given == LATEST {
        return Ok(None);
    }
    let number = given.parse();
    number
        .map(Some)
        .map_err(|_| invalid(format!("Invalid function version {given}.")))
}

fn other(routing: &Routing) -> Result<Option<(u64, f64)>, Fault> {
    let weights = &routing.additional_version_weights;
    if weights.len() > 1 {
        return Err(invalid(
            "Number of items in AdditionalVersionWeights cannot be greater than 1",
        ));
    }
    let Some((given, weight)) = weights.first_key_value() else {
        return Ok(None);
    };
    if !(0.0..=1.0).contains(weight) {
        return Err(Fault::validation(format!(
            "1 validation error detected: Value '{{{given}={weight}}}' at 'routingConfig.additionalVersionWeights' failed to satisfy constraint: Map value must satisfy constraint: [Member must have value less than or equal to 1.0, Member must have value greater than or equal to 0.0, Member must not be null]"
        )));
    }
    match version(given)? {
        Some(number) => Ok(Some((number, *weight))),
        None => Err(invalid(
            "$LATEST is not supported for an alias pointing to more than 1 version",
        )),
    }
}

fn check_pair(version: Option<u64>, other: Option<(u64, f64)>) -> Result<(), Fault> {
    match (version, other) {
        (None, Some(_)) => Err(invalid(
            "$LATEST is not supported for an alias pointing to more than 1 version",
        )),
        (Some(version), Some((other, _))) if version == other => Err(invalid(format!(
            "Invalid function version {version}. Function version {version} is already included in routing configuration."
        ))),
        _ => Ok(()),
    }
}

fn print(alias: &Alias) -> Value {
    let arn = Place::of(&alias.space).function_arn(&alias.function, Some(&alias.name));
    let mut output = json!({
        "AliasArn": arn,
        "Name": alias.name,
        "FunctionVersion": version_name(alias.version),
        "Description": alias.description,
        "RevisionId": alias.revision,
    });
    if let Some((other, weight)) = alias.other {
        let weights = json!({ other.to_string(): weight });
        output["RoutingConfig"] = json!({ "AdditionalVersionWeights": weights });
    }
    output
}
