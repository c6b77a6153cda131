//! Signatures of code. A configuration that asks for them cannot be made here, so there is none: that is what all other
//! operations say.

use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::error::missing;
use super::name::Named;
use super::{Answer, Asked};
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    #[serde(default)]
    function_name: String,
    #[serde(default)]
    code_signing_config_arn: String,
}

pub(super) fn list() -> Answer {
    Answer::Json(json!({ "CodeSigningConfigs": [] }))
}

/// For all that is about one configuration.
pub(super) fn one(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Input = asked.call.read()?;
    Err(missing(not_found(&input)))
}

pub(super) fn put(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Input = asked.call.read()?;
    find_function(&asked, &input)?;
    let code = "CodeSigningConfigNotFoundException";
    Err(Fault::new(code, not_found(&input)))
}

pub(super) fn get(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Input = asked.call.read()?;
    let name = find_function(&asked, &input)?;
    Ok(Answer::Json(json!({
        "CodeSigningConfigArn": "",
        "FunctionName": name,
    })))
}

/// What is not there is deleted.
pub(super) fn delete(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Input = asked.call.read()?;
    find_function(&asked, &input)?;
    Ok(Answer::Empty(StatusCode::NO_CONTENT))
}

/// The name of the function that is meant, which must be there.
fn find_function(asked: &Asked<'_>, input: &Input) -> Result<String, Fault> {
    let named = Named::read(asked, &input.function_name, None)?.whole()?;
    Ok(named.find(asked)?.name)
}

fn not_found(input: &Input) -> String {
    format!(
        "The code signing configuration cannot be found. Check that the provided code signing configuration is not deleted: {}.",
        input.code_signing_config_arn
    )
}
