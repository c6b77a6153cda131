//! The platform's lines in functions' logs, as text and in JSON.

use std::time::Duration;

use functions::{
    CallFacts, Ended, Fault, Function, Happening, Initialization, LogFormat, Moment, Report,
};
use serde_json::{Value, json};

use super::{telemetry, version_name};
use crate::moment::instant;

/// What is said of a moment of a call.
pub(super) fn of(call: &CallFacts<'_>, moment: &Moment<'_>) -> Vec<String> {
    match call.function.configuration.logging.format {
        LogFormat::Text => text_line(call, moment).into_iter().collect(),
        LogFormat::Json => json_lines(call, moment),
    }
}

fn text_line(call: &CallFacts<'_>, moment: &Moment<'_>) -> Option<String> {
    let id = call.request_id;
    Some(match moment {
        Moment::Start => {
            format!(
                "START RequestId: {id} Version: {}",
                version_name(call.version)
            )
        }
        Moment::InitFailed {
            again,
            took,
            failed,
            timed_out,
        } => {
            let phase = telemetry::phase(*again);
            let took = milliseconds(*took);
            let status = if *timed_out {
                "timeout".to_owned()
            } else {
                format!("error\tError Type: {}", failed.kind)
            };
            format!("INIT_REPORT Init Duration: {took:.2} ms\tPhase: {phase}\tStatus: {status}")
        }
        Moment::Fault(_, Fault::TimedOut(after)) => {
            let seconds = after.as_secs_f64();
            format!(
                "{} {id} Task timed out after {seconds:.2} seconds",
                instant(call.now)
            )
        }
        Moment::Fault(failed, _) => format!("{}\n{}", failed.message, failed.kind),
        Moment::End => format!("END RequestId: {id}"),
        Moment::Report(report) => text_report(id, report),
    })
}

fn text_report(id: &str, report: &Report<'_>) -> String {
    let mut line = format!(
        "REPORT RequestId: {id}\tDuration: {:.2} ms\tBilled Duration: {} ms\tMemory Size: {} MB\tMax Memory Used: {} MB\t",
        milliseconds(report.phases.run),
        report.billed_ms,
        report.memory_mb,
        // The real service always has a number.
        report.max_memory_mb.unwrap_or(0),
    );
    if let Some(init) = report.phases.init {
        line.push_str(&format!("Init Duration: {:.2} ms\t", milliseconds(init)));
    }
    match report.ended {
        Ended::Ok | Ended::Failed(_) => {}
        Ended::TimedOut => line.push_str("Status: timeout"),
        Ended::Unready(_) | Ended::Crashed(..) => {
            let (_, kind) = telemetry::status(&report.ended);
            let kind = kind.unwrap_or_default();
            line.push_str(&format!("Status: error\tError Type: {kind}"));
        }
    }
    line
}

/// How much a system log level lets through.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Debug,
    Info,
    Warn,
}

impl Level {
    /// What the function's log keeps of the platform's events at least.
    pub(super) fn least(function: &Function) -> Self {
        match function.configuration.logging.system_level.as_deref() {
            Some("DEBUG") => Self::Debug,
            Some("WARN") => Self::Warn,
            _ => Self::Info,
        }
    }
}

/// The platform's events in JSON, as far as the function's system log level lets them through.
fn json_lines(call: &CallFacts<'_>, moment: &Moment<'_>) -> Vec<String> {
    let least = Level::least(call.function);
    let events: Vec<(Level, Happening<'_>)> = match moment {
        Moment::Start => {
            let (request_id, version) = (call.request_id, call.version);
            let event = Happening::Start {
                request_id,
                version,
                trace: None,
            };
            vec![(Level::Info, event)]
        }
        Moment::InitFailed {
            again,
            took,
            failed,
            timed_out,
        } => {
            let event = Happening::InitReport {
                again: *again,
                initialization: Initialization::OnDemand,
                failed: Some(&failed.kind),
                timed_out: *timed_out,
                took: *took,
            };
            vec![(Level::Warn, event)]
        }
        Moment::Report(report) => {
            let (request_id, report) = (call.request_id, *report);
            let (done, level) = match report.ended {
                Ended::Ok => (Level::Debug, Level::Info),
                Ended::Failed(_) | Ended::Unready(_) | Ended::TimedOut | Ended::Crashed(..) => {
                    (Level::Warn, Level::Warn)
                }
            };
            let runtime_done = Happening::RuntimeDone {
                request_id,
                took: report.phases.run,
                bytes: None,
                ended: report.ended,
            };
            let report = Happening::Report { request_id, report };
            vec![(done, runtime_done), (level, report)]
        }
        // Their facts are in the report.
        Moment::Fault(..) | Moment::End => Vec::new(),
    };
    let heard = events.iter().filter(|(level, _)| *level >= least);
    heard
        .map(|(_, event)| telemetry::print(call.now, event))
        .collect()
}

pub(super) fn json_report(id: &str, report: &Report<'_>) -> Value {
    let mut metrics = json!({
        "durationMs": rounded(report.phases.run),
        "billedDurationMs": report.billed_ms,
        "memorySizeMB": report.memory_mb,
        "maxMemoryUsedMB": report.max_memory_mb.unwrap_or(0),
    });
    if let Some(init) = report.phases.init {
        metrics["initDurationMs"] = rounded(init).into();
    }
    let mut record = json!({ "requestId": id, "metrics": metrics });
    let (status, kind) = telemetry::status(&report.ended);
    record["status"] = status.into();
    if let Some(kind) = kind {
        record["errorType"] = kind.into();
    }
    record
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

/// With three digits after the point, as the telemetry's events have them.
pub(super) fn rounded(duration: Duration) -> f64 {
    (milliseconds(duration) * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use base::Timestamp;
    use bytes::Bytes;
    use functions::{Exit, Failed};
    use ledger::Phases;

    use super::*;
    use crate::dialect::tests::function;

    fn reported(format: LogFormat, ended: Ended<'_>, init: Option<Duration>) -> String {
        let function = function(format);
        let call = CallFacts {
            function: &function,
            version: None,
            request_id: "id",
            now: Timestamp::from_millis(1_795_419_000_123),
        };
        let phases = Phases {
            init,
            run: Duration::from_micros(1_234),
            ..Phases::default()
        };
        let moment = Moment::Report(Report {
            phases: &phases,
            billed_ms: 2,
            memory_mb: 128,
            max_memory_mb: Some(40),
            ended,
        });
        of(&call, &moment).pop().unwrap()
    }

    #[test]
    fn reports_are_printed_in_both_formats() {
        assert_eq!(
            reported(LogFormat::Text, Ended::Ok, None),
            "REPORT RequestId: id\tDuration: 1.23 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 40 MB\t"
        );
        let cold = Some(Duration::from_micros(100_500));
        assert_eq!(
            reported(LogFormat::Text, Ended::TimedOut, cold),
            "REPORT RequestId: id\tDuration: 1.23 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 40 MB\tInit Duration: 100.50 ms\tStatus: timeout"
        );
        // Its caller hears of a process that was killed; the report tells why.
        let failed = Failed {
            kind: "Runtime.ExitError".into(),
            message: String::new(),
            payload: Bytes::new(),
        };
        for (exit, status, kind) in [
            (Exit::OutOfMemory, "error", "Runtime.OutOfMemory"),
            (Exit::Signal(9), "failure", "Runtime.ExitError"),
        ] {
            let fault = Fault::Exited(exit);
            let ended = Ended::Crashed(&failed, &fault);
            let line = reported(LogFormat::Text, ended, None);
            let told = format!("Max Memory Used: 40 MB\tStatus: error\tError Type: {kind}");
            assert!(line.ends_with(&told), "{line}");
            let event: Value =
                serde_json::from_str(&reported(LogFormat::Json, ended, None)).unwrap();
            assert_eq!(event["record"]["status"], status);
            assert_eq!(event["record"]["errorType"], kind);
        }
        let printed: Value =
            serde_json::from_str(&reported(LogFormat::Json, Ended::Ok, cold)).unwrap();
        let expected = json!({
            "time": "2026-11-23T07:30:00.123Z",
            "type": "platform.report",
            "record": {
                "requestId": "id",
                "metrics": {
                    "durationMs": 1.234,
                    "billedDurationMs": 2,
                    "memorySizeMB": 128,
                    "maxMemoryUsedMB": 40,
                    "initDurationMs": 100.5,
                },
                "status": "success",
            },
        });
        assert_eq!(printed, expected);
    }
}
