use schedules::Error;

use crate::protocol::Fault;

pub(super) fn invalid(message: impl Into<String>) -> Fault {
    Fault::validation(message)
}

pub(super) fn of(error: Error) -> Fault {
    let missing = |message: String| Fault::new("ResourceNotFoundException", message);
    let taken = |message: String| Fault::new("ConflictException", message);
    match error {
        Error::NoSuchSchedule(name) => missing(format!("Schedule {name} does not exist.")),
        Error::ScheduleExists(name) => taken(format!("Schedule {name} already exists.")),
        Error::NoSuchGroup(name) => missing(format!("Schedule group {name} does not exist.")),
        Error::GroupExists(name) => taken(format!("Schedule group {name} already exists.")),
        Error::GroupEnds(name) => taken(format!("Schedule group {name} is being deleted.")),
        Error::GroupStays(name) => invalid(format!("The {name} schedule group cannot be deleted.")),
        Error::Malformed(why) => invalid(format!("Invalid Schedule Expression: {why}.")),
        Error::NoSuchZone(zone) => invalid(format!("Invalid Schedule Expression Timezone {zone}.")),
        Error::Store(error) => {
            tracing::error!(%error, "a request about schedules failed");
            Fault::internal("InternalServerException")
        }
    }
}
