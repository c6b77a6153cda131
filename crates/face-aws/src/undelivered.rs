//! What a dead letter says about why it is one.

use bytes::Bytes;
use triggers::{Attribute, Ended, Owner, Refusal, Trouble, Undelivered};

pub(crate) fn attributes(owner: Owner, undelivered: &Undelivered) -> Vec<Attribute> {
    match owner {
        Owner::Rule => rule(undelivered),
        Owner::Subscription => {
            let code = match undelivered.why {
                Trouble::Status(status) => status.to_string(),
                _ => "400".to_owned(),
            };
            subscription(&undelivered.why.to_string(), &code, "")
        }
        Owner::Invocation => Vec::new(),
        Owner::Schedule => schedule(undelivered),
    }
}

/// Of a notice that its subscriber does not take.
pub(crate) fn subscription(why: &str, code: &str, request_id: &str) -> Vec<Attribute> {
    let mut attributes = vec![attribute("ErrorCode", code), attribute("ErrorMessage", why)];
    if !request_id.is_empty() {
        attributes.insert(0, attribute("RequestID", request_id));
    }
    attributes
}

/// Why what a schedule calls was in vain; what else is told of it, `scheduler/order` has put there.
pub(crate) fn schedule(undelivered: &Undelivered) -> Vec<Attribute> {
    let code = match &undelivered.why {
        Trouble::Declined { code, .. } => code.as_str(),
        _ => "InternalServerException",
    };
    let mut told = vec![
        attribute("ERROR_CODE", code),
        attribute("ERROR_MESSAGE", &undelivered.why.to_string()),
        attribute("RETRY_ATTEMPTS", &undelivered.retries.to_string()),
    ];
    told.extend(exhausted(undelivered.ended));
    told
}

/// Which of the limits of retries was met, if one was.
pub(crate) fn exhausted(ended: Ended) -> Option<Attribute> {
    let limit = match ended {
        Ended::InVain => return None,
        Ended::TooOften => "MaximumRetryAttempts",
        Ended::TooOld => "MaximumEventAgeInSeconds",
    };
    Some(attribute("EXHAUSTED_RETRY_CONDITION", limit))
}

/// The names and codes are those of the page about dead-letter queues of rules.
fn rule(undelivered: &Undelivered) -> Vec<Attribute> {
    let mut attributes = vec![
        attribute("ERROR_CODE", code(&undelivered.why)),
        attribute("ERROR_MESSAGE", &text(&undelivered.why)),
    ];
    if let Some(exhausted) = exhausted(undelivered.ended) {
        let retries = undelivered.retries.to_string();
        attributes.push(exhausted);
        attributes.push(attribute("RETRY_ATTEMPTS", &retries));
    }
    attributes
}

pub(crate) fn attribute(name: &str, value: &str) -> Attribute {
    Attribute {
        name: name.to_owned(),
        kind: "String".to_owned(),
        value: Bytes::copy_from_slice(value.as_bytes()),
    }
}

fn code(trouble: &Trouble) -> &'static str {
    match trouble {
        Trouble::Unreachable(_) => "CONNECTION_FAILURE",
        Trouble::TimedOut => "TIMEOUT",
        Trouble::Status(429) => "THROTTLING",
        Trouble::Status(_) | Trouble::Declined { .. } => "SDK_CLIENT_ERROR",
        Trouble::Unauthorized(_) | Trouble::Refused(Refusal::Denied(_)) => "NO_PERMISSIONS",
        Trouble::Refused(Refusal::Missing(_)) => "NO_RESOURCE",
        Trouble::Refused(Refusal::Invalid(_)) => "INVALID_PARAMETER",
        Trouble::Refused(Refusal::NotBuilt(_)) => "UNKNOWN",
    }
}

fn text(trouble: &Trouble) -> String {
    match trouble {
        Trouble::Status(status) => format!(
            "Unable to invoke ApiDestination endpoint: API destination returned HTTP status {status}"
        ),
        Trouble::Unreachable(cause) => {
            format!("Unable to invoke ApiDestination endpoint: {cause}")
        }
        Trouble::TimedOut => {
            "Unable to invoke ApiDestination endpoint: The request timed out".to_owned()
        }
        Trouble::Unauthorized(_) | Trouble::Refused(_) | Trouble::Declined { .. } => {
            trouble.to_string()
        }
    }
}
