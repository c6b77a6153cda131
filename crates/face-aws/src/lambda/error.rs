//! What the engine's errors are called here.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use functions::{Error, PackageError, Throttle};
use http::StatusCode;

use super::name::Named;
use crate::context::Context;
use crate::place::Place;
use crate::protocol::Fault;

pub(super) fn invalid(message: impl Into<String>) -> Fault {
    Fault::new("InvalidParameterValueException", message)
}

pub(super) fn missing(message: impl Into<String>) -> Fault {
    Fault::new("ResourceNotFoundException", message)
}

pub(super) fn conflict(message: impl Into<String>) -> Fault {
    Fault::new("ResourceConflictException", message)
}

/// Nobody here has anything in another account.
pub(super) fn denied(context: &Context, action: &str, resource: &str) -> Fault {
    let message = format!(
        "User: arn:aws:iam::{}:root is not authorized to perform: lambda:{action} on resource: {resource} because no resource-based policy allows the lambda:{action} action",
        context.account,
    );
    Fault::new("AccessDeniedException", message).with_status(StatusCode::FORBIDDEN)
}

pub(super) fn fault(context: &Context, named: &Named, error: Error) -> Fault {
    match error {
        Error::NoSuchFunction(_) => missing(format!("Function not found: {}", named.arn(context))),
        Error::NoSuchQualifier {
            function,
            qualifier,
        } => {
            let arn = Place::of(&context.space).function_arn(&function, Some(&qualifier));
            missing(format!("Function not found: {arn}"))
        }
        Error::AliasExists(alias) => {
            let arn = Place::of(&context.space).function_arn(&named.name, Some(&alias));
            conflict(format!("Alias already exists: {arn}"))
        }
        Error::VersionInUse(aliases) => conflict(format!(
            "Unable to delete version because the following aliases reference it: [{}]",
            aliases.join(", ")
        )),
        Error::OtherCode { given, current } => {
            let (given, current) = (STANDARD.encode(given), STANDARD.encode(current));
            invalid(format!(
                "CodeSHA256 ({given}) is different from current CodeSHA256 in $LATEST ({current}). Please try again with the CodeSHA256 in $LATEST."
            ))
        }
        Error::NoSuchLayer { name, version } => {
            let arn = Place::of(&context.space).layer_arn(&name, Some(version));
            invalid(format!("Layer version {arn} does not exist."))
        }
        Error::LayersTooLarge { size, limit } => invalid(format!(
            "Function code combined with layers exceeds the maximum allowed size of {} bytes. The actual size is {} bytes.",
            limit.as_bytes(),
            size.as_bytes()
        )),
        Error::ProvisionsNewest => invalid(
            "Provisioned Concurrency Configs cannot be applied to unpublished function versions.",
        ),
        Error::ProvisionsMoreThanReserved(_) => invalid(
            "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function",
        ),
        Error::ProvisionsTooMuch { least } => invalid(format!(
            "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [{least}]."
        )),
        Error::VersionProvisioned => conflict(
            "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version",
        ),
        Error::AliasProvisioned => {
            conflict("Version is pointed by a Provisioned Concurrency alias")
        }
        Error::NotProvisioned => Fault::new(
            "ProvisionedConcurrencyConfigNotFoundException",
            "No Provisioned Concurrency Config found for this function",
        ),
        // The two spaces are the real service's.
        Error::ReservesLessThanProvisioned {
            reserved,
            provisioned,
        } => invalid(format!(
            "ReservedConcurrentExecutions  {reserved} should not be lower than function's total provisioned concurrency [{provisioned}]."
        )),
        Error::Exists(name) => conflict(format!("Function already exist: {name}")),
        Error::RevisionMismatch(_) => Fault::new(
            "PreconditionFailedException",
            "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id",
        ),
        Error::Package(error) => package(&error),
        Error::Throttled(throttle) => throttled(throttle),
        Error::Looping => Fault::new(
            "RecursiveInvocationException",
            "Lambda has detected a recursive invocation loop of this function and stopped it.",
        ),
        Error::ReservesTooMuch { least } => invalid(format!(
            "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [{least}]."
        )),
        Error::PermissionExists(id) => conflict(format!(
            "The statement id ({id}) provided already exists. Please provide a new statement id, or remove the existing statement."
        )),
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
        Throttle::Scaling { reserved: false } => "FunctionInvocationRateLimitExceeded",
        Throttle::Scaling { reserved: true } => "ReservedFunctionInvocationRateLimitExceeded",
    };
    Fault::new("TooManyRequestsException", "Rate Exceeded.").with_field("Reason", reason)
}
