//! Reserved concurrency.

use functions::Function;
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::error::fault;
use super::name::Named;
use super::{Answer, Asked};
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    function_name: String,
    reserved_concurrent_executions: Option<u32>,
}

pub(super) async fn put(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Input = asked.call.read()?;
    let function = reserve(&asked, &input, input.reserved_concurrent_executions).await?;
    let amount = function.reserved_concurrency;
    Ok(Answer::Json(
        json!({ "ReservedConcurrentExecutions": amount }),
    ))
}

pub(super) async fn delete(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Input = asked.call.read()?;
    reserve(&asked, &input, None).await?;
    Ok(Answer::Empty(StatusCode::NO_CONTENT))
}

pub(super) fn get(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Input = asked.call.read()?;
    let named = Named::read(&asked, &input.function_name, None)?.whole()?;
    Ok(Answer::Json(
        match named.find(&asked)?.reserved_concurrency {
            Some(amount) => json!({ "ReservedConcurrentExecutions": amount }),
            None => json!({}),
        },
    ))
}

async fn reserve(asked: &Asked<'_>, input: &Input, amount: Option<u32>) -> Result<Function, Fault> {
    let named = Named::read(asked, &input.function_name, None)?.whole()?;
    let space = &asked.context.space;
    let reserved = asked
        .parts
        .functions
        .reserve_concurrency(space, &named.name, amount)
        .await;
    reserved.map_err(|error| fault(asked.context, &named, error))
}
