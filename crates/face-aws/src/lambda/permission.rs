//! The resource policy.

use functions::Permission;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::{fault, invalid, missing};
use super::get::Which;
use super::name::{LATEST, Named};
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
    invoked_via_function_url: Option<bool>,
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

pub(super) const LARGEST_POLICY: usize = 20 << 10;
/// How the names of services end, of Amazon's own and of others that call functions.
const SERVICES: [&str; 4] = [
    ".amazonaws.com",
    ".amazonaws.com.cn",
    ".amazon.com",
    ".aws.internal",
];

pub(super) async fn add(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Add = asked.call.read()?;
    let named = Named::read(&asked, &input.function_name, input.qualifier.as_deref())?;
    check_qualifier(&named)?;
    input.check()?;
    let functions = &asked.parts.functions;
    let space = &asked.context.space;
    let present = functions
        .permissions(space, &named.name, named.version())
        .map_err(|error| refused(&asked, &named, error))?
        .0;
    let statement = input.statement(&named.arn(asked.context)).to_string();
    let size = policy(&present).len() + statement.len();
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
    let revision = input.revision_id.as_deref();
    let added = functions
        .add_permission(space, &named.name, named.version(), revision, permission)
        .await;
    added.map_err(|error| fault(asked.context, &named, error))?;
    Ok(Answer::Json(json!({ "Statement": statement })))
}

pub(super) async fn remove(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Remove = asked.call.read()?;
    let named = Named::read(&asked, &input.function_name, input.qualifier.as_deref())?;
    let functions = &asked.parts.functions;
    let space = &asked.context.space;
    let present = functions.permissions(space, &named.name, named.version());
    let (present, _) = present.map_err(|error| match error {
        functions::Error::NoSuchFunction(_) => {
            let arn = named.arn(asked.context);
            missing(format!("No policy found for: {arn}"))
        }
        error => refused(&asked, &named, error),
    })?;
    if present.is_empty() {
        return Err(missing("No policy is associated with the given resource."));
    }
    let revision = input.revision_id.as_deref();
    let removed = functions
        .remove_permission(
            space,
            &named.name,
            named.version(),
            revision,
            &input.statement_id,
        )
        .await;
    removed.map_err(|error| fault(asked.context, &named, error))?;
    Ok(Answer::Empty(StatusCode::NO_CONTENT))
}

pub(super) fn get(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Which = asked.call.read()?;
    let named = input.named(&asked)?;
    let (present, revision) = statements(&asked, &named)?;
    if present.is_empty() {
        return Err(missing("The resource you requested does not exist."));
    }
    Ok(Answer::Json(json!({
        "Policy": policy(&present),
        "RevisionId": revision,
    })))
}

pub(super) fn statements(
    asked: &Asked<'_>,
    named: &Named,
) -> Result<(Vec<Permission>, String), Fault> {
    let space = &asked.context.space;
    let found = asked
        .parts
        .functions
        .permissions(space, &named.name, named.version());
    found.map_err(|error| fault(asked.context, named, error))
}

/// What a change of the policy is refused with. An alias that is missed is called otherwise than elsewhere.
fn refused(asked: &Asked<'_>, named: &Named, error: functions::Error) -> Fault {
    match error {
        functions::Error::NoSuchQualifier { .. } => missing(format!(
            "Cannot find alias arn: {}",
            named.arn(asked.context)
        )),
        error => fault(asked.context, named, error),
    }
}

/// The newest code's policy is the function's.
pub(super) fn check_qualifier(named: &Named) -> Result<(), Fault> {
    if named.qualifier.as_deref() == Some(LATEST) {
        return Err(invalid(
            "We currently do not support adding policies for $LATEST.",
        ));
    }
    Ok(())
}

/// The document of a function's or a layer's policy.
pub(super) fn policy(permissions: &[Permission]) -> String {
    let statements: Vec<Value> = permissions
        .iter()
        .filter_map(|permission| serde_json::from_str(&permission.statement).ok())
        .collect();
    json!({ "Version": "2012-10-17", "Id": "default", "Statement": statements }).to_string()
}

impl Add {
    fn check(&self) -> Result<(), Fault> {
        if self.function_url_auth_type.is_some() && self.action != "lambda:InvokeFunctionUrl" {
            return Err(invalid(
                "FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action",
            ));
        }
        if let Some(service) = principal(&self.principal)["Service"].as_str()
            && !SERVICES.iter().any(|ending| service.ends_with(ending))
        {
            return Err(invalid(
                "The provided principal was invalid. Please check the principal and try again.",
            ));
        }
        Ok(())
    }

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
        if let Some(only) = self.invoked_via_function_url {
            let only = only.to_string();
            statement["Condition"]["Bool"]["lambda:InvokedViaFunctionUrl"] = only.into();
        }
        if let Some(arn) = &self.source_arn {
            statement["Condition"]["ArnLike"]["AWS:SourceArn"] = arn.as_str().into();
        }
        statement
    }
}

/// A service, everybody, an account by its number, or whoever an ARN names.
pub(super) fn principal(principal: &str) -> Value {
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
