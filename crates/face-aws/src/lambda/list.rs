use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::{fault, invalid};
use super::name::Named;
use super::{Answer, Asked, configuration};
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    marker: Option<String>,
    max_items: Option<usize>,
    function_version: Option<String>,
}

/// A page, unless the caller wants less.
const PAGE: usize = 50;

pub(super) fn list(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Input = asked.call.read()?;
    let after = input.marker.as_deref().map(read_marker).transpose()?;
    let limit = input.max_items.unwrap_or(PAGE).min(PAGE);
    let space = &asked.context.space;
    let found = asked
        .parts
        .functions
        .list(space, after.as_deref(), limit + 1);
    let nobody = Named {
        name: String::new(),
        qualifier: None,
    };
    let mut found = found.map_err(|error| fault(asked.context, &nobody, error))?;
    let more = found.len() > limit;
    found.truncate(limit);
    let mut printed: Vec<Value> = Vec::new();
    for function in &found {
        if input.function_version.is_none() {
            printed.push(configuration::print_listed(&asked, function, None));
            continue;
        }
        // Listing versions names each by its own. A page has those of its functions, however many.
        let versions = asked
            .parts
            .functions
            .versions(space, &function.name, None, usize::MAX);
        let versions = versions.map_err(|error| fault(asked.context, &nobody, error))?;
        printed.push(configuration::print_listed_version(&asked, function));
        let versions = versions.iter();
        printed
            .extend(versions.map(|version| configuration::print_listed_version(&asked, version)));
    }
    let mut output = json!({ "Functions": printed });
    if let (true, Some(last)) = (more, found.last()) {
        output["NextMarker"] = STANDARD.encode(&last.name).into();
    }
    Ok(Answer::Json(output))
}

fn read_marker(marker: &str) -> Result<String, Fault> {
    let decoded = STANDARD.decode(marker).ok();
    decoded
        .and_then(|name| String::from_utf8(name).ok())
        .ok_or_else(|| invalid("Invalid Marker"))
}
