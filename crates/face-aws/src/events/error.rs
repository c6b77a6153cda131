use triggers::Error;

use crate::protocol::Fault;

pub(super) fn invalid(message: impl Into<String>) -> Fault {
    Fault::validation(message)
}

pub(super) fn missing(message: impl Into<String>) -> Fault {
    Fault::new("ResourceNotFoundException", message)
}

fn taken(message: impl Into<String>) -> Fault {
    Fault::new("ResourceAlreadyExistsException", message)
}

pub(super) fn of_bus(error: buses::Error) -> Fault {
    use buses::Error;
    match error {
        Error::NoSuchBus(name) => missing(format!("Event bus {name} does not exist.")),
        Error::BusExists(name) => taken(format!("Event bus {name} already exists.")),
        Error::DefaultBus => invalid("Cannot delete event bus default."),
        Error::NoSuchStatement(id) => missing(format!(
            "Statement with the provided id does not exist: {id}."
        )),
        Error::NoSuchArchive(name) => missing(format!("Archive {name} does not exist.")),
        Error::ArchiveExists(name) => taken(format!("Archive {name} already exists.")),
        Error::NoSuchReplay(name) => missing(format!("Replay {name} does not exist.")),
        Error::ReplayExists(name) => taken(format!("Replay {name} already exists.")),
        Error::ReplayOver(name) => Fault::new(
            "IllegalStatusException",
            format!("Replay {name} is not in a valid state for this operation."),
        ),
        Error::OtherBus => invalid(
            "Parameter Destination.Arn is not valid. Reason: Cross event bus replay is not permitted.",
        ),
        error @ Error::Store(_) => internal(&error.into()),
    }
}

pub(super) fn of(error: Error) -> Fault {
    match error {
        Error::Buses(error) => of_bus(error),
        Error::NoSuchRule { name, bus } => {
            missing(format!("Rule {name} does not exist on EventBus {bus}."))
        }
        Error::RuleHasTargets(_) => invalid("Rule can't be deleted since it has targets."),
        Error::BusHasRules(bus) => invalid(format!(
            "Event bus {bus} can't be deleted since it has rules."
        )),
        Error::NoSuchAddress(name) => missing(format!(
            "Failed to describe the api-destination(s). An api-destination '{name}' does not exist."
        )),
        Error::AddressExists(name) => taken(format!("An api-destination '{name}' already exists.")),
        Error::NoSuchConnection(name) => missing(format!(
            "Failed to describe the connection(s). Connection '{name}' does not exist."
        )),
        Error::ConnectionExists(name) => taken(format!("Connection '{name}' already exists.")),
        Error::ConnectionInUse(name) => Fault::new(
            "ConcurrentModificationException",
            format!("Connection '{name}' is used by an api-destination and cannot be deleted."),
        ),
        Error::Pattern(error) => pattern(&error),
        Error::Schedules(schedules::Error::Malformed(_)) => {
            invalid("Parameter ScheduleExpression is not valid.")
        }
        Error::Refused(refusal) => invalid(refusal.to_string()),
        // What has nothing to do with buses.
        error => internal(&error),
    }
}

pub(super) fn pattern(error: &triggers::pattern::PatternError) -> Fault {
    Fault::new(
        "InvalidEventPatternException",
        format!("Event pattern is not valid. Reason: {}", error.problem),
    )
}

fn internal(error: &Error) -> Fault {
    tracing::error!(%error, "a request about buses failed");
    Fault::internal("InternalException")
}
