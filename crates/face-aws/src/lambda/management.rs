//! Settings of a whole function that are about the service rather than about the function: updates of runtimes, chains of
//! calls.

use functions::Recursion;
use serde::Deserialize;
use serde_json::json;

use super::error::fault;
use super::name::{LATEST, Named};
use super::{Answer, Asked};
use crate::place::Place;
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    function_name: String,
    qualifier: Option<String>,
    update_runtime_on: Option<String>,
    recursive_loop: Option<String>,
}

pub(super) fn runtime(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Input = asked.call.read()?;
    runtime_of(&asked, &input)
}

/// The host's runtimes are what they are: only the setting that says so is taken.
pub(super) fn put_runtime(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let refused = asked.call.not_built("UpdateRuntimeOn");
    let input: Input = asked.call.read()?;
    if input.update_runtime_on.as_deref() != Some("Auto") {
        return Err(refused);
    }
    runtime_of(&asked, &input)
}

fn runtime_of(asked: &Asked<'_>, input: &Input) -> Result<Answer, Fault> {
    let beside = input.qualifier.as_deref();
    let named = Named::read(asked, &input.function_name, beside)?;
    let function = named.find(asked)?;
    let qualifier = named.version().unwrap_or(LATEST);
    let arn = Place::of(&function.space).function_arn(&function.name, Some(qualifier));
    Ok(Answer::Json(json!({
        "UpdateRuntimeOn": "Auto",
        "FunctionArn": arn,
    })))
}

pub(super) fn recursion(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Input = asked.call.read()?;
    let named = Named::read(&asked, &input.function_name, None)?.whole()?;
    let function = named.find(&asked)?;
    let word = match function.recursion {
        Recursion::Terminate => "Terminate",
        Recursion::Allow => "Allow",
    };
    Ok(Answer::Json(json!({ "RecursiveLoop": word })))
}

pub(super) async fn put_recursion(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Input = asked.call.read()?;
    let named = Named::read(&asked, &input.function_name, None)?.whole()?;
    let recursion = match input.recursive_loop.as_deref() {
        Some("Allow") => Recursion::Allow,
        _ => Recursion::Terminate,
    };
    let space = &asked.context.space;
    let functions = &asked.parts.functions;
    let set = functions.set_recursion(space, &named.name, recursion).await;
    set.map_err(|error| fault(asked.context, &named, error))?;
    Ok(Answer::Json(
        json!({ "RecursiveLoop": input.recursive_loop }),
    ))
}
