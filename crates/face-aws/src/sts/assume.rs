use std::time::Duration;

use access::Principal;
use base::Timestamp;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::identity::{arn, session_id};
use super::{Asked, invalid};
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    role_arn: String,
    role_session_name: String,
    #[serde(default = "hour")]
    duration_seconds: u64,
}

const HOUR: u64 = 3_600;

fn hour() -> u64 {
    HOUR
}

/// An external id is only ever compared with a trust policy's, of which there are none.
const KNOWN: [&str; 4] = [
    "RoleArn",
    "RoleSessionName",
    "DurationSeconds",
    "ExternalId",
];

pub(super) fn assume(mut asked: Asked<'_>) -> Result<Value, Fault> {
    asked.call.only(&KNOWN)?;
    let input: Input = asked.call.read()?;
    let context = asked.context;
    let (account, role) = role(&input.role_arn)?;
    if account != context.account {
        return Err(denied(&context.principal, &input.role_arn));
    }
    let chained = matches!(context.principal, Principal::Role { .. });
    if chained && input.duration_seconds > HOUR {
        return Err(invalid(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
        ));
    }
    let principal = Principal::Role {
        account: account.to_owned(),
        role: role.to_owned(),
        session: input.role_session_name.clone(),
    };
    // Credentials end at whole seconds, as they are told; who has them compares that with the time of its machine.
    let now = Timestamp::from_secs(asked.sts.clock.host().now().as_secs());
    let until = now + Duration::from_secs(input.duration_seconds);
    let session = asked.sts.access.session(&principal, until);
    Ok(json!({
        "Credentials": {
            "AccessKeyId": session.key_id,
            "SecretAccessKey": session.secret,
            "SessionToken": session.token,
            "Expiration": printed(session.until),
        },
        "AssumedRoleUser": {
            "AssumedRoleId": session_id(account, role, &input.role_session_name),
            "Arn": arn(&principal),
        },
    }))
}

/// The account and the name of a role. The path before the name tells no two roles apart.
fn role(arn: &str) -> Result<(&str, &str), Fault> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", _, "iam", "", account, resource] = parts.as_slice() else {
        return Err(invalid(format!("{arn} is invalid")));
    };
    let name = resource
        .strip_prefix("role/")
        .and_then(|path| path.rsplit('/').next())
        .filter(|name| !name.is_empty());
    match name {
        Some(name) => Ok((account, name)),
        None => Err(invalid(format!("{arn} is invalid"))),
    }
}

fn denied(principal: &Principal, role: &str) -> Fault {
    let message = format!(
        "User: {} is not authorized to perform: sts:AssumeRole on resource: {role}",
        arn(principal)
    );
    Fault::new("AccessDenied", message).with_status(StatusCode::FORBIDDEN)
}

fn printed(moment: Timestamp) -> String {
    let seconds = i64::try_from(moment.as_secs()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds)
        .unwrap_or(jiff::Timestamp::MAX)
        .to_string()
}
