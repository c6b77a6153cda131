//! What a dead letter says about why it is one.

use bytes::Bytes;
use triggers::{Attribute, Ended, Owner, Refusal, Trouble, Undelivered};

pub(crate) fn attributes(owner: Owner, undelivered: &Undelivered) -> Vec<Attribute> {
    match owner {
        Owner::Rule => rule(undelivered),
        Owner::Subscription | Owner::Invocation => Vec::new(),
    }
}

/// The names and codes are those of the page about dead-letter queues of rules.
fn rule(undelivered: &Undelivered) -> Vec<Attribute> {
    let mut attributes = vec![
        attribute("ERROR_CODE", code(&undelivered.why)),
        attribute("ERROR_MESSAGE", &text(&undelivered.why)),
    ];
    let exhausted = match undelivered.ended {
        Ended::InVain => return attributes,
        Ended::TooOften => "MaximumRetryAttempts",
        Ended::TooOld => "MaximumEventAgeInSeconds",
    };
    let retries = undelivered.retries.to_string();
    attributes.push(attribute("EXHAUSTED_RETRY_CONDITION", exhausted));
    attributes.push(attribute("RETRY_ATTEMPTS", &retries));
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
        Trouble::Status(_) => "SDK_CLIENT_ERROR",
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
        Trouble::Unauthorized(_) | Trouble::Refused(_) => trouble.to_string(),
    }
}
