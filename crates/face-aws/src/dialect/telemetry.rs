//! What happens around a function, in the forms of the Telemetry API.

use base::Timestamp;
use functions::{Ended, Exit, Fault, Happening, Initialization, InstanceFacts, Kind};
use serde_json::{Value, json};

use super::lines::{json_report, rounded};
use super::runtime::Runtime;
use super::version_name;
use crate::moment::instant;

pub(super) fn print(at: Timestamp, what: &Happening<'_>) -> String {
    let (kind, record) = match what {
        Happening::InitStart { instance, runs_on } => {
            ("platform.initStart", init_start(instance, *runs_on))
        }
        Happening::InitDone {
            again,
            initialization,
            failed,
        } => {
            let record = initialized(*again, *initialization, *failed);
            ("platform.initRuntimeDone", record)
        }
        Happening::InitReport {
            again,
            initialization,
            failed,
            timed_out,
            took,
        } => {
            let mut record = initialized(*again, *initialization, *failed);
            if *timed_out {
                record["status"] = "timeout".into();
            }
            record["metrics"] = json!({ "durationMs": rounded(*took) });
            ("platform.initReport", record)
        }
        Happening::Start {
            request_id,
            version,
            trace,
        } => {
            let mut record = json!({
                "requestId": request_id,
                "version": version_name(*version),
            });
            if let Some(trace) = trace {
                record["tracing"] = json!({ "type": "X-Amzn-Trace-Id", "value": trace });
            }
            ("platform.start", record)
        }
        Happening::RuntimeDone {
            request_id,
            took,
            bytes,
            ended,
        } => {
            let mut record = json!({
                "requestId": request_id,
                "metrics": { "durationMs": rounded(*took) },
            });
            if let Some(bytes) = bytes {
                record["metrics"]["producedBytes"] = (*bytes).into();
            }
            let (status, kind) = status(ended);
            record["status"] = status.into();
            if let Some(kind) = kind {
                record["errorType"] = kind.into();
            }
            ("platform.runtimeDone", record)
        }
        Happening::Report { request_id, report } => {
            ("platform.report", json_report(request_id, report))
        }
        Happening::Registered { name, events } => {
            let record = json!({ "name": name, "state": "Registered", "events": events });
            ("platform.extension", record)
        }
        Happening::Subscribed {
            name,
            kinds,
            is_logs,
        } => {
            let types: Vec<&str> = kinds.iter().map(|kind| word(*kind)).collect();
            let record = json!({ "name": name, "state": "Subscribed", "types": types });
            let kind = match is_logs {
                true => "platform.logsSubscription",
                false => "platform.telemetrySubscription",
            };
            (kind, record)
        }
        // What is JSON is passed on as such.
        Happening::Printed { kind, text } => {
            let structured = match text.starts_with('{') {
                true => serde_json::from_str(text).ok(),
                false => None,
            };
            let record = structured.unwrap_or_else(|| Value::from(*text));
            (word(*kind), record)
        }
        Happening::Dropped { records, bytes } => {
            let record = json!({
                "reason": "Consumer seems to have fallen behind as it has not acknowledged receipt of logs.",
                "droppedRecords": records,
                "droppedBytes": bytes,
            });
            ("platform.logsDropped", record)
        }
    };
    json!({ "time": instant(at), "type": kind, "record": record }).to_string()
}

pub(super) fn initialization_type(why: Initialization) -> &'static str {
    match why {
        Initialization::OnDemand => "on-demand",
        Initialization::Provisioned => "provisioned-concurrency",
        Initialization::Snapshot => "snap-start",
    }
}

/// In whose time an instance is initialised: its own, or the call's after that.
pub(super) fn phase(again: bool) -> &'static str {
    match again {
        false => "init",
        true => "invoke",
    }
}

fn init_start(instance: &InstanceFacts<'_>, runs_on: Option<&str>) -> Value {
    let function = instance.function;
    let runtime = Runtime::of(function, runs_on);
    let mut record = json!({
        "initializationType": initialization_type(instance.initialization),
        "phase": phase(instance.again),
        "functionName": function.name,
        "functionVersion": version_name(function.version),
        "runtimeVersion": runtime.version,
        "instanceMaxMemory": function.configuration.memory.as_bytes(),
    });
    if let Some(arn) = runtime.arn {
        record["runtimeVersionArn"] = arn.into();
    }
    record
}

fn initialized(again: bool, why: Initialization, failed: Option<&str>) -> Value {
    let mut record = json!({
        "initializationType": initialization_type(why),
        "phase": phase(again),
        "status": if failed.is_some() { "error" } else { "success" },
    });
    if let Some(kind) = failed {
        record["errorType"] = kind.into();
    }
    record
}

/// How a call ended, in the words of reports.
pub(super) fn status<'a>(ended: &Ended<'a>) -> (&'static str, Option<&'a str>) {
    match ended {
        Ended::Ok => ("success", None),
        Ended::Failed(failed) | Ended::Unready(failed) => ("error", Some(&failed.kind)),
        Ended::TimedOut => ("timeout", None),
        // Only reports tell this end from others: its caller hears that the process was killed.
        Ended::Crashed(_, Fault::Exited(Exit::OutOfMemory)) => {
            ("error", Some("Runtime.OutOfMemory"))
        }
        Ended::Crashed(failed, _) => ("failure", Some(&failed.kind)),
    }
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Platform => "platform",
        Kind::Function => "function",
        Kind::Extension => "extension",
    }
}
