//! How functions see this cloud: their environment, what they are handed, and the host's words about them.

use base::Timestamp;
use bytes::Bytes;
use functions::{
    CallFacts, Dialect, Ended, Event, Exit, Failed, Fault, Function, InstanceFacts, Moment,
};
use ledger::Phases;
use serde_json::Value;

/// Less than this is charged as this.
const LEAST_BILLED_MS: u64 = 100;

/// What the runtime of functions begins with whose program is the vendor's worker, or one of their own.
const HOSTED: &str = "hosted";

/// Azure's side of running functions.
#[derive(Debug)]
pub struct AzureDialect {
    /// Where functions of this cloud are reached.
    port: u16,
}

impl AzureDialect {
    pub fn new(port: u16) -> Self {
        Self { port }
    }
}

impl Dialect for AzureDialect {
    fn log_group(&self, function: &Function) -> String {
        format!("azure/functions/{}", function.name)
    }

    fn log_stream(&self, _started: Timestamp, _version: Option<u64>, unique: u128) -> String {
        format!("{unique:032x}")
    }

    /// As the vendor's tools set it on a developer's machine.
    fn environment(&self, instance: &InstanceFacts<'_>) -> Vec<(String, String)> {
        let function = instance.function;
        let place = format!("localhost:{}", self.port);
        let mut environment = vec![
            ("FULMAR_ADAPTER", "azure"),
            // The application is asked what it has by whoever is no function of it.
            ("FULMAR_FUNCTION", function.configuration.handler.as_str()),
            ("AZURE_FUNCTIONS_ENVIRONMENT", "Development"),
            ("FUNCTIONS_EXTENSION_VERSION", "~4"),
            ("WEBSITE_HOSTNAME", &place),
            ("HOME", "/tmp"),
        ];
        if function.configuration.runtime.starts_with(HOSTED) {
            environment.push(("FULMAR_HOST", worker_azure::COMMAND));
        }
        environment
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    fn render(&self, event: &Event) -> Bytes {
        match event {
            Event::Http(request) => functions::handed_over(request),
            Event::Raw(payload) => {
                let headers = [
                    ("content-type".to_owned(), "application/json".to_owned()),
                    ("content-length".to_owned(), payload.len().to_string()),
                ];
                functions::posted(&headers, payload)
            }
            // Nothing binds objects to functions of this cloud.
            Event::Objects(_) => functions::posted(&[], &[]),
        }
    }

    fn invoked_name(&self, function: &Function, _qualifier: Option<&str>) -> String {
        format!("Functions.{}", function.name)
    }

    /// W3C's `traceparent`.
    fn trace(&self, _now: Timestamp, chance: [u8; 20]) -> String {
        let hex =
            |bytes: &[u8]| -> String { bytes.iter().map(|byte| format!("{byte:02x}")).collect() };
        format!("00-{}-{}-01", hex(&chance[..16]), hex(&chance[12..]))
    }

    fn fault(&self, request_id: &str, fault: &Fault) -> Failed {
        let (kind, message) = match fault {
            Fault::TimedOut(after) => (
                "FunctionTimeoutException",
                format!(
                    "Timeout value of {} exceeded by function (Id: '{request_id}'). Initiating cancellation.",
                    clock(after.as_secs())
                ),
            ),
            Fault::NoEntrypoint(why) => ("FunctionLoadError", why.clone()),
            Fault::Exited(Exit::NotStarted(why)) => ("WorkerProcessExitException", why.clone()),
            Fault::Exited(Exit::OutOfMemory) => (
                "WorkerProcessExitException",
                "the instance used more memory than it may have".to_owned(),
            ),
            Fault::Exited(Exit::Code(code)) => (
                "WorkerProcessExitException",
                format!("the instance exited with code {code}"),
            ),
            Fault::Exited(Exit::Signal(signal)) => (
                "WorkerProcessExitException",
                format!("the instance was ended by signal {signal}"),
            ),
            Fault::BrokeOff => (
                "RpcException",
                "the connection to the instance had an error".to_owned(),
            ),
            Fault::ResponseTooLarge { size, limit } => (
                "RpcException",
                format!("the answer of {size} bytes is larger than {limit} bytes"),
            ),
            Fault::Extension(broken) => (
                "WorkerProcessExitException",
                format!("what runs beside the function cannot go on: {broken:?}"),
            ),
            Fault::Stopped => ("HostStopped", "the server was stopped".to_owned()),
        };
        Failed {
            kind: kind.to_owned(),
            payload: message.clone().into(),
            message,
        }
    }

    fn reported(&self, payload: Bytes, kind: Option<&str>) -> Failed {
        let said: Value = serde_json::from_slice(&payload).unwrap_or_default();
        Failed {
            kind: kind.unwrap_or("RpcException").to_owned(),
            message: said["errorMessage"].as_str().unwrap_or_default().to_owned(),
            payload,
        }
    }

    fn log_lines(&self, call: &CallFacts<'_>, moment: &Moment<'_>) -> Vec<String> {
        let (name, id) = (&call.function.name, call.request_id);
        match moment {
            Moment::Start => vec![format!(
                "[Information] Executing 'Functions.{name}' (Reason='This function was programmatically called via the host APIs.', Id={id})"
            )],
            Moment::Fault(failed, _) => vec![format!("[Error] {}", failed.message)],
            Moment::InitFailed {
                again: false,
                failed,
                ..
            } => {
                vec![format!(
                    "[Error] The instance did not start: {}",
                    failed.message
                )]
            }
            Moment::Report(report) => {
                let (level, how) = match report.ended {
                    Ended::Ok => ("Information", "Succeeded"),
                    Ended::Failed(_) | Ended::Unready(_) | Ended::TimedOut | Ended::Crashed(..) => {
                        ("Error", "Failed")
                    }
                };
                let took = report.phases.run.as_millis();
                vec![format!(
                    "[{level}] Executed 'Functions.{name}' ({how}, Id={id}, Duration={took}ms)"
                )]
            }
            Moment::InitFailed { again: true, .. } | Moment::End => Vec::new(),
        }
    }

    /// By the millisecond, and a tenth of a second at least.
    fn billed_ms(&self, phases: &Phases) -> u64 {
        let ms = phases.run.as_micros().div_ceil(1_000);
        u64::try_from(ms).unwrap_or(u64::MAX).max(LEAST_BILLED_MS)
    }
}

fn clock(seconds: u64) -> String {
    format!(
        "{:02}:{:02}:{:02}",
        seconds / 3_600,
        seconds / 60 % 60,
        seconds % 60
    )
}
