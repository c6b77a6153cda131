//! What callers are told of a call that failed.

use bytes::Bytes;
use functions::{Exit, Failed, Fault, How};
use serde_json::{Value, json};

/// Of a failure that the function could not tell itself.
pub(super) fn failed(request_id: &str, fault: &Fault) -> Failed {
    let (kind, said) = kind_and_words(fault);
    let message = match fault {
        Fault::ResponseTooLarge { .. } => said,
        _ => format!("RequestId: {request_id} Error: {said}"),
    };
    Failed {
        kind: kind.to_owned(),
        payload: json!({ "errorType": kind, "errorMessage": message })
            .to_string()
            .into(),
        message,
    }
}

fn kind_and_words(fault: &Fault) -> (&'static str, String) {
    match fault {
        Fault::TimedOut(after) => {
            let seconds = after.as_secs_f64();
            let words = format!("Task timed out after {seconds:.2} seconds");
            ("Sandbox.Timedout", words)
        }
        Fault::NoEntrypoint(why) => ("Runtime.InvalidEntrypoint", why.clone()),
        Fault::Exited(exit) => ("Runtime.ExitError", exit_reason(exit)),
        Fault::BrokeOff => ("Runtime.ExitError", exit_reason(&Exit::Code(0))),
        Fault::ResponseTooLarge { limit, .. } => (
            "Function.ResponseSizeTooLarge",
            format!("Response payload size exceeded maximum allowed payload size ({limit} bytes)."),
        ),
        Fault::Extension(broken) => {
            let reason = match &broken.how {
                How::InitError(kind) | How::ExitError(kind) => kind.clone(),
                How::Ended(code) => format!("exit status {code}"),
            };
            (broken.how.kind(), format!("{}: {reason}", broken.name))
        }
        Fault::Stopped => ("Sandbox.Failure", "The server was stopped".to_owned()),
    }
}

/// Of a failure that the function has told itself.
pub(super) fn reported(payload: Bytes, kind: Option<&str>) -> Failed {
    let said: Value = serde_json::from_slice(&payload).unwrap_or_default();
    let text = |name: &str| said[name].as_str().map(str::to_owned);
    Failed {
        kind: text("errorType")
            .or_else(|| kind.map(str::to_owned))
            .unwrap_or_else(|| "Error".into()),
        message: text("errorMessage").unwrap_or_default(),
        payload,
    }
}

/// The words of the service's own process supervisor, which is written in Go.
fn exit_reason(exit: &Exit) -> String {
    match exit {
        Exit::Code(0) => "Runtime exited without providing a reason".to_owned(),
        Exit::Code(code) => format!("Runtime exited with error: exit status {code}"),
        Exit::Signal(signal) => format!(
            "Runtime exited with error: signal: {}",
            signal_name(*signal)
        ),
        Exit::OutOfMemory => "Runtime exited with error: signal: killed".to_owned(),
        Exit::NotStarted(why) => format!("Runtime could not be started: {why}"),
    }
}

fn signal_name(signal: i32) -> String {
    let name = match signal {
        1 => "hangup",
        2 => "interrupt",
        3 => "quit",
        4 => "illegal instruction",
        5 => "trace/breakpoint trap",
        6 => "aborted",
        7 => "bus error",
        8 => "floating point exception",
        9 => "killed",
        11 => "segmentation fault",
        13 => "broken pipe",
        14 => "alarm clock",
        15 => "terminated",
        31 => "bad system call",
        other => return format!("signal {other}"),
    };
    name.to_owned()
}
