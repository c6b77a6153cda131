use http::StatusCode;

use super::error::{fault, invalid};
use super::get::Which;
use super::name::LATEST;
use super::{Answer, Asked};
use crate::protocol::Fault;

pub(super) async fn delete(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Which = asked.call.read()?;
    let named = input.named(&asked)?;
    if named.qualifier.as_deref() == Some(LATEST) {
        return Err(invalid(
            "$LATEST version cannot be deleted without deleting the function.",
        ));
    }
    named.find(&asked)?;
    let deleted = asked
        .parts
        .functions
        .delete(&asked.context.space, &named.name)
        .await;
    deleted.map_err(|error| fault(asked.context, &named, error))?;
    Ok(Answer::Empty(StatusCode::NO_CONTENT))
}
