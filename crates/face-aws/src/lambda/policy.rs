//! The resource policy as a whole document, by the ARN of what it is about.

use functions::Permission;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error::{fault, invalid, missing};
use super::name::Named;
use super::permission::{LARGEST_POLICY, check_qualifier, policy, statements};
use super::{Answer, Asked};
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    resource_arn: String,
    policy: Option<String>,
    revision_id: Option<String>,
}

pub(super) async fn put(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Input = asked.call.read()?;
    let named = named(&asked, &input)?;
    let permissions = read(input.policy.as_deref().unwrap_or_default())?;
    set(&asked, &named, &input, permissions).await?;
    print(&asked, &named)
}

pub(super) fn get(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Input = asked.call.read()?;
    let named = named(&asked, &input)?;
    print(&asked, &named)
}

pub(super) async fn delete(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Input = asked.call.read()?;
    let named = named(&asked, &input)?;
    set(&asked, &named, &input, Vec::new()).await?;
    Ok(Answer::Empty(StatusCode::NO_CONTENT))
}

fn named(asked: &Asked<'_>, input: &Input) -> Result<Named, Fault> {
    let named = Named::read(asked, &input.resource_arn, None)?;
    check_qualifier(&named)?;
    Ok(named)
}

async fn set(
    asked: &Asked<'_>,
    named: &Named,
    input: &Input,
    permissions: Vec<Permission>,
) -> Result<(), Fault> {
    let space = &asked.context.space;
    let (qualifier, revision) = (named.version(), input.revision_id.as_deref());
    let functions = &asked.parts.functions;
    let set = functions
        .set_permissions(space, &named.name, qualifier, revision, permissions)
        .await;
    set.map_err(|error| fault(asked.context, named, error))
}

fn print(asked: &Asked<'_>, named: &Named) -> Result<Answer, Fault> {
    let (present, revision) = statements(asked, named)?;
    if present.is_empty() {
        return Err(missing("The resource you requested does not exist."));
    }
    Ok(Answer::Json(json!({
        "Policy": policy(&present),
        "RevisionId": revision,
    })))
}

/// A document's statements, each under its own name or a number.
fn read(document: &str) -> Result<Vec<Permission>, Fault> {
    let malformed = || invalid("The policy document is malformed.");
    if document.len() > LARGEST_POLICY {
        return Err(Fault::new(
            "PolicyLengthExceededException",
            format!(
                "The final policy size ({}) is bigger than the limit ({LARGEST_POLICY}).",
                document.len()
            ),
        ));
    }
    let document: Map<String, Value> = serde_json::from_str(document).map_err(|_| malformed())?;
    let statements = match document.get("Statement") {
        Some(Value::Array(statements)) if !statements.is_empty() => statements.clone(),
        Some(one @ Value::Object(_)) => vec![one.clone()],
        _ => return Err(malformed()),
    };
    let mut permissions: Vec<Permission> = Vec::new();
    for (at, statement) in statements.into_iter().enumerate() {
        let complete = ["Effect", "Principal", "Action"];
        if !complete.iter().all(|name| statement.get(name).is_some()) {
            return Err(malformed());
        }
        let id = statement["Sid"].as_str().map(str::to_owned);
        let id = id.unwrap_or_else(|| at.to_string());
        if permissions.iter().any(|other| other.id == id) {
            return Err(malformed());
        }
        let statement = statement.to_string();
        permissions.push(Permission { id, statement });
    }
    Ok(permissions)
}
