//! Published versions.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use functions::{Function, Publish};
use serde::Deserialize;

use super::error::fault;
use super::name::Named;
use super::page::Page;
use super::settings::refuse_unbuilt;
use super::{Answer, Asked, configuration};
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    function_name: String,
    code_sha256: Option<String>,
    description: Option<String>,
    revision_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct List {
    function_name: String,
    marker: Option<String>,
    max_items: Option<usize>,
}

pub(super) async fn publish(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    refuse_unbuilt(&asked.call)?;
    let input: Input = asked.call.read()?;
    let named = Named::read(&asked, &input.function_name, None)?.whole()?;
    let sha256 = input.code_sha256.filter(|given| !given.is_empty());
    let publish = Publish {
        // What is no hash is that of no code.
        sha256: sha256.map(|given| {
            let decoded = STANDARD.decode(given).unwrap_or_default();
            decoded.try_into().unwrap_or_default()
        }),
        description: input.description,
        revision: input.revision_id,
    };
    let version = published(&asked, &named, &publish).await?;
    let printed = configuration::print_version(&asked, &version).await;
    Ok(Answer::Json(printed))
}

pub(super) async fn published(
    asked: &Asked<'_>,
    named: &Named,
    publish: &Publish,
) -> Result<Function, Fault> {
    let space = &asked.context.space;
    let functions = &asked.parts.functions;
    let published = functions.publish(space, &named.name, publish).await;
    published.map_err(|error| fault(asked.context, named, error))
}

/// The newest code, and then the versions in the order in which they were published.
pub(super) fn list(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: List = asked.call.read()?;
    let named = Named::read(&asked, &input.function_name, None)?.whole()?;
    let latest = named.find(&asked)?;
    let space = &asked.context.space;
    let functions = &asked.parts.functions;
    let versions = functions.versions(space, &named.name, None, usize::MAX);
    let versions = versions.map_err(|error| fault(asked.context, &named, error))?;
    let all = [latest].into_iter().chain(versions);
    let printed = all.map(|one| configuration::print_listed_version(&asked, &one));
    let page = Page::read(input.marker.as_deref(), input.max_items)?;
    Ok(Answer::Json(page.print("Versions", printed.collect())))
}
