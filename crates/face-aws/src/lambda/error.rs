//! What the engine's errors are called here.

use functions::{Error, PackageError, Throttle};

use super::name::Named;
use crate::context::Context;
use crate::protocol::Fault;

pub(super) fn invalid(message: impl Into<String>) -> Fault {
    Fault::new("InvalidParameterValueException", message)
}

pub(super) fn missing(message: impl Into<String>) -> Fault {
    Fault::new("ResourceNotFoundException", message)
}

pub(super) fn fault(context: &Context, named: &Named, error: Error) -> Fault {
    match error {
        Error::NoSuchFunction(_) | Error::NoSuchQualifier { .. } => {
            missing(format!("Function not found: {}", named.arn(context)))
        }
        Error::Exists(name) => Fault::new(
            "ResourceConflictException",
            format!("Function already exist: {name}"),
        ),
        Error::RevisionMismatch(_) => Fault::new(
            "PreconditionFailedException",
            "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id",
        ),
        Error::Package(error) => package(&error),
        Error::Throttled(throttle) => throttled(throttle),
        Error::ReservesTooMuch { least } => invalid(format!(
            "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [{least}]."
        )),
        Error::PermissionExists(id) => Fault::new(
            "ResourceConflictException",
            format!(
                "The statement id ({id}) provided already exists. Please provide a new statement id, or remove the existing statement."
            ),
        ),
        Error::NoSuchPermission(id) => {
            missing(format!("Statement {id} is not found in resource policy."))
        }
        // The one internal failure whose reason helps the caller: the host lacks what the function needs.
        Error::Launch(why) => Fault::new("ServiceException", why),
        Error::Stopping => Fault::new("ServiceException", "The server is stopping"),
        error @ (Error::Folder { .. } | Error::Ledger(_) | Error::Store(_)) => {
            tracing::error!(%error, function = named.name, "a request failed");
            Fault::internal("ServiceException")
        }
    }
}

fn package(error: &PackageError) -> Fault {
    match error {
        PackageError::Unreadable(_) | PackageError::Unsafe(_) => invalid(
            "Could not unzip uploaded file. Please check your file, then try to upload again.",
        ),
        PackageError::Empty => invalid("Uploaded file must be a non-empty zip"),
        PackageError::TooLarge(limit) => {
            invalid(format!("Unzipped size must be smaller than {limit} bytes"))
        }
        PackageError::Io(cause) => {
            tracing::error!(cause, "a package was not unpacked");
            Fault::internal("ServiceException")
        }
    }
}

fn throttled(throttle: Throttle) -> Fault {
    let reason = match throttle {
        Throttle::Reserved => "ReservedFunctionConcurrentInvocationLimitExceeded",
        Throttle::Account => "ConcurrentInvocationLimitExceeded",
    };
    Fault::new("TooManyRequestsException", "Rate Exceeded.").with_field("Reason", reason)
}
