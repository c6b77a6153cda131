use crate::protocol::Fault;

pub(super) const INVALID: &str = "InvalidParameterException";

pub(super) fn invalid(message: impl Into<String>) -> Fault {
    Fault::new(INVALID, message)
}

pub(super) fn no_group() -> Fault {
    missing("The specified log group does not exist.")
}

pub(super) fn no_stream() -> Fault {
    missing("The specified log stream does not exist.")
}

pub(super) fn missing(message: &str) -> Fault {
    Fault::new("ResourceNotFoundException", message)
}

pub(super) fn taken(what: &str) -> Fault {
    let message = format!("The specified log {what} already exists");
    Fault::new("ResourceAlreadyExistsException", message)
}

pub(super) fn of_triggers(error: triggers::Error) -> Fault {
    match error {
        triggers::Error::TooManyLineSubscriptions(_) => {
            Fault::new("LimitExceededException", "Resource limit exceeded.")
        }
        error => {
            tracing::error!(%error, "a request about subscriptions of lines failed");
            Fault::internal("ServiceUnavailableException")
        }
    }
}

pub(super) fn of(error: ledger::Error) -> Fault {
    match error {
        ledger::Error::Store(error) => {
            tracing::error!(%error, "a request about log lines failed");
            Fault::internal("ServiceUnavailableException")
        }
    }
}
