//! What an engine says, in the service's words.

use http::StatusCode;

use crate::protocol::Fault;

pub(super) fn invalid(what: impl std::fmt::Display) -> Fault {
    Fault::new("InvalidParameter", format!("Invalid parameter: {what}"))
}

pub(super) fn missing(what: &str) -> Fault {
    Fault::new("NotFound", what).with_status(StatusCode::NOT_FOUND)
}

pub(super) fn no_topic() -> Fault {
    missing("Topic does not exist")
}

pub(super) fn no_subscription() -> Fault {
    missing("Subscription does not exist")
}

pub(super) fn internal(error: &dyn std::error::Error) -> Fault {
    tracing::error!(%error, "a request about topics failed");
    Fault::internal("InternalError")
}

pub(super) fn of_topics(error: topics::Error) -> Fault {
    use topics::Error;
    match error {
        Error::NoSuchTopic(_) => no_topic(),
        Error::TopicDiffers { what, .. } => {
            let (name, what) = match what {
                "tags" => ("Tags", "tags"),
                _ => ("Attributes", "attributes"),
            };
            invalid(format!(
                "{name} Reason: Topic already exists with different {what}"
            ))
        }
        Error::NoGroup => invalid("The MessageGroupId parameter is required for FIFO topics"),
        Error::NoRepeatId => invalid(
            "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
        ),
        Error::NotOrdered => invalid(
            "MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not valid for this topic type",
        ),
        Error::NoSuchApp(_) => missing("PlatformApplication does not exist"),
        Error::NoSuchDevice(_) => missing("Endpoint does not exist"),
        Error::DeviceDiffers(id) => invalid(format!(
            "Token Reason: Endpoint {id} already exists with the same Token, but different attributes."
        )),
        Error::NoSuchNumber(_) => Fault::new("ResourceNotFound", "The phone number does not exist"),
        Error::WrongCode => Fault::new("VerificationException", "The one-time password is wrong"),
        Error::Store(error) => internal(&error),
    }
}

pub(super) fn of_triggers(error: triggers::Error) -> Fault {
    use triggers::Error;
    match error {
        Error::NoSuchSubscription(_) => no_subscription(),
        Error::SubscriptionDiffers(_) => {
            invalid("Attributes Reason: Subscription already exists with different attributes")
        }
        Error::NoSuchToken => invalid("Token"),
        Error::TokenTooOld => invalid("Token Reason: the token has expired"),
        Error::Topics(error) => of_topics(error),
        error => internal(&error),
    }
}
