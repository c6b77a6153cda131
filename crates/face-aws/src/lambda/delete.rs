use http::StatusCode;

use super::error::{fault, invalid};
use super::get::Which;
use super::name::LATEST;
use super::{Answer, Asked, url};
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
    let (functions, space) = (&asked.parts.functions, &asked.context.space);
    let deleted = match named.version() {
        None => functions.delete(space, &named.name).await,
        Some(version) => match version.parse() {
            Ok(number) => functions.delete_version(space, &named.name, number).await,
            Err(_) => {
                return Err(invalid("Deletion of aliases is not currently supported."));
            }
        },
    };
    deleted.map_err(|error| fault(asked.context, &named, error))?;
    if named.version().is_none() {
        url::forget(&asked, &named.name, None).await?;
    }
    Ok(Answer::Empty(StatusCode::NO_CONTENT))
}
