//! The resource policy.

use functions::{Function, Permission};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::{fault, missing};
use super::get::Which;
use super::name::Named;
use super::{Answer, Asked};
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Add {
    function_name: String,
    qualifier: Option<String>,
    statement_id: String,
    action: String,
    principal: String,
    source_arn: Option<String>,
    source_account: Option<String>,
    event_source_token: Option<String>,
    #[serde(rename = "PrincipalOrgID")]
    organisation: Option<String>,
    function_url_auth_type: Option<String>,
    revision_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Remove {
    function_name: String,
    qualifier: Option<String>,
    statement_id: String,
    revision_id: Option<String>,
}

const LARGEST_POLICY: usize = 20 << 10;

pub(super) async fn add(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Add = asked.call.read()?;
    let named = Named::read(
        asked.context,
        &input.function_name,
        input.qualifier.as_deref(),
    )?;
    let function = named.find(&asked)?;
    let statement = input.statement(&named.arn(asked.context)).to_string();
    let size = policy(&function).len() + statement.len();
    if size > LARGEST_POLICY {
        return Err(Fault::new(
            "PolicyLengthExceededException",
            format!("The final policy size ({size}) is bigger than the limit ({LARGEST_POLICY})."),
        ));
    }
    let permission = Permission {
        id: input.statement_id.clone(),
        statement: statement.clone(),
    };
    let space = &asked.context.space;
    let revision = input.revision_id.as_deref();
    let functions = &asked.parts.functions;
    let added = functions
        .add_permission(space, &named.name, revision, permission)
        .await;
    added.map_err(|error| fault(asked.context, &named, error))?;
    Ok(Answer::Json(json!({ "Statement": statement })))
}

pub(super) async fn remove(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Remove = asked.call.read()?;
    let named = Named::read(
        asked.context,
        &input.function_name,
        input.qualifier.as_deref(),
    )?;
    named.find(&asked)?;
    let space = &asked.context.space;
    let revision = input.revision_id.as_deref();
    let functions = &asked.parts.functions;
    let removed = functions
        .remove_permission(space, &named.name, revision, &input.statement_id)
        .await;
    removed.map_err(|error| fault(asked.context, &named, error))?;
    Ok(Answer::Empty(StatusCode::NO_CONTENT))
}

pub(super) fn get(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Which = asked.call.read()?;
    let function = input.named(&asked)?.find(&asked)?;
    if function.permissions.is_empty() {
        return Err(missing("The resource you requested does not exist."));
    }
    Ok(Answer::Json(json!({
        "Policy": policy(&function),
        "RevisionId": function.revision,
    })))
}

fn policy(function: &Function) -> String {
    let statements: Vec<Value> = function
        .permissions
        .iter()
        .filter_map(|permission| serde_json::from_str(&permission.statement).ok())
        .collect();
    json!({ "Version": "2012-10-17", "Id": "default", "Statement": statements }).to_string()
}

impl Add {
    fn statement(&self, arn: &str) -> Value {
        let mut statement = json!({
            "Sid": self.statement_id,
            "Effect": "Allow",
            "Principal": principal(&self.principal),
            "Action": self.action,
            "Resource": arn,
        });
        let equals = [
            ("AWS:SourceAccount", &self.source_account),
            ("lambda:EventSourceToken", &self.event_source_token),
            ("aws:PrincipalOrgID", &self.organisation),
            ("lambda:FunctionUrlAuthType", &self.function_url_auth_type),
        ];
        for (key, value) in equals {
            if let Some(value) = value {
                statement["Condition"]["StringEquals"][key] = value.as_str().into();
            }
        }
        if let Some(arn) = &self.source_arn {
            statement["Condition"]["ArnLike"]["AWS:SourceArn"] = arn.as_str().into();
        }
        statement
    }
}

/// A service, everybody, an account by its number, or whoever an ARN names.
fn principal(principal: &str) -> Value {
    if principal == "*" {
        json!("*")
    } else if principal.len() == 12 && principal.bytes().all(|byte| byte.is_ascii_digit()) {
        json!({ "AWS": format!("arn:aws:iam::{principal}:root") })
    } else if principal.starts_with("arn:") {
        json!({ "AWS": principal })
    } else {
        json!({ "Service": principal })
    }
}
