//! How functions see this cloud: their environment, what they are handed, and the platform's words about their failures.

use base::Timestamp;
use bytes::Bytes;
use functions::{
    CallFacts, Dialect, Event, Exit, Failed, Fault, Function, InstanceFacts, Moment, ObjectEvent,
    ObjectEventKind,
};
use ledger::Phases;
use serde_json::{Value, json};

use crate::{PROJECT, REGION};

/// Kinds of failure that a caller is told apart.
pub(crate) const TIMED_OUT: &str = "timeout";
pub(crate) const NOT_STARTED: &str = "init";
const CRASHED: &str = "crash";

/// How many requests an instance gets at once, if the function's own environment does not say otherwise: the platform's
/// default for functions that are deployed as services, and the most that it allows.
const AT_ONCE: u32 = 80;
const MOST_AT_ONCE: u32 = 1_000;
/// What a function's environment says about it: what `--concurrency` says to the platform's own tools.
const CONCURRENCY: &str = "FULMAR_CONCURRENCY";

/// Google's side of running functions.
#[derive(Debug)]
pub struct GoogleDialect {
    /// Where functions of this cloud are reached.
    port: u16,
    /// Where every other service of this server is.
    endpoint: String,
}

impl GoogleDialect {
    pub fn new(port: u16, server_port: u16) -> Self {
        Self {
            port,
            endpoint: format!("127.0.0.1:{server_port}"),
        }
    }
}

impl Dialect for GoogleDialect {
    fn log_group(&self, function: &Function) -> String {
        format!("google/functions/{}", function.name)
    }

    fn log_stream(&self, _started: Timestamp, _version: Option<u64>, unique: u128) -> String {
        format!("{unique:032x}")
    }

    fn environment(&self, instance: &InstanceFacts<'_>) -> Vec<(String, String)> {
        let function = instance.function;
        let configuration = &function.configuration;
        let seconds = configuration.timeout.as_secs().to_string();
        let memory = configuration.memory.as_mib().to_string();
        let port = self.port.to_string();
        let environment = [
            ("FULMAR_ADAPTER", "google"),
            ("FULMAR_ENDPOINT", self.endpoint.as_str()),
            ("FUNCTION_TARGET", configuration.handler.as_str()),
            ("K_SERVICE", &function.name),
            ("K_REVISION", &format!("{}-00001", function.name)),
            ("K_CONFIGURATION", &function.name),
            ("PORT", &port),
            ("HOME", "/tmp"),
            ("GOOGLE_CLOUD_PROJECT", PROJECT),
            ("GCP_PROJECT", PROJECT),
            ("GCLOUD_PROJECT", PROJECT),
            ("FUNCTION_REGION", REGION),
            ("FUNCTION_MEMORY_MB", &memory),
            ("CLOUD_RUN_TIMEOUT_SECONDS", &seconds),
        ];
        environment
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    fn render(&self, event: &Event) -> Bytes {
        match event {
            Event::Http(request) => functions::handed_over(request),
            Event::Raw(payload) => posted(&[], payload),
            // One function call is about one object; a batch has no form of its own.
            Event::Objects(events) => match events.as_slice() {
                [one] => object_changed(one),
                several => {
                    let all: Vec<Value> = several.iter().map(described).collect();
                    posted(&[], json!(all).to_string().as_bytes())
                }
            },
        }
    }

    fn invoked_name(&self, function: &Function, _qualifier: Option<&str>) -> String {
        format!(
            "projects/{PROJECT}/locations/{REGION}/functions/{}",
            function.name
        )
    }

    fn trace(&self, _now: Timestamp, chance: [u8; 20]) -> String {
        let hex: String = chance[..16]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let span = u32::from_be_bytes([chance[16], chance[17], chance[18], chance[19]]);
        format!("{hex}/{span};o=0")
    }

    fn fault(&self, _request_id: &str, fault: &Fault) -> Failed {
        let (kind, message) = match fault {
            Fault::TimedOut(after) => (
                TIMED_OUT,
                format!(
                    "The request has been terminated because it has reached the maximum request timeout of {} s",
                    after.as_secs_f64()
                ),
            ),
            Fault::NoEntrypoint(why) => (NOT_STARTED, why.clone()),
            Fault::Exited(Exit::OutOfMemory) => (CRASHED, "Memory limit exceeded".to_owned()),
            Fault::Exited(Exit::Code(code)) => {
                (CRASHED, format!("The instance exited with code {code}"))
            }
            Fault::Exited(Exit::Signal(signal)) => (
                CRASHED,
                format!("The instance was ended by signal {signal}"),
            ),
            Fault::Exited(Exit::NotStarted(why)) => (NOT_STARTED, why.clone()),
            Fault::BrokeOff => (
                CRASHED,
                "The connection to the instance had an error".to_owned(),
            ),
            Fault::ResponseTooLarge { size, limit } => (
                CRASHED,
                format!("Response size of {size} bytes exceeds the limit of {limit} bytes"),
            ),
            Fault::Extension(broken) => (
                NOT_STARTED,
                format!("What runs beside the function cannot go on: {broken:?}"),
            ),
            Fault::Stopped => (CRASHED, "The server was stopped".to_owned()),
        };
        failed(kind, message)
    }

    fn reported(&self, payload: Bytes, kind: Option<&str>) -> Failed {
        let said: Value = serde_json::from_slice(&payload).unwrap_or_default();
        let message = said["errorMessage"].as_str().unwrap_or_default().to_owned();
        let kind = kind.unwrap_or(NOT_STARTED);
        Failed {
            kind: kind.to_owned(),
            message,
            payload,
        }
    }

    /// What the framework does not say itself.
    fn log_lines(&self, _call: &CallFacts<'_>, moment: &Moment<'_>) -> Vec<String> {
        match moment {
            Moment::Fault(failed, _) => vec![failed.message.clone()],
            Moment::InitFailed {
                again: false,
                failed,
                ..
            } => {
                vec![format!("The instance did not start: {}", failed.message)]
            }
            Moment::InitFailed { again: true, .. }
            | Moment::Start
            | Moment::End
            | Moment::Report(_) => Vec::new(),
        }
    }

    /// Instance time is charged in steps of a tenth of a second, the start with it.
    fn at_once(&self, function: &Function) -> Option<u32> {
        let asked = function.configuration.variable(CONCURRENCY);
        let asked = asked.and_then(|text| text.trim().parse().ok());
        Some(asked.unwrap_or(AT_ONCE).clamp(1, MOST_AT_ONCE))
    }

    fn billed_ms(&self, phases: &Phases) -> u64 {
        let charged = phases.run + phases.init.unwrap_or_default();
        let steps = charged.as_micros().div_ceil(100_000);
        u64::try_from(steps * 100).unwrap_or(u64::MAX)
    }
}

fn failed(kind: &str, message: String) -> Failed {
    Failed {
        kind: kind.to_owned(),
        payload: message.clone().into(),
        message,
    }
}

/// A request that the platform itself makes.
fn posted(headers: &[(&str, String)], body: &[u8]) -> Bytes {
    let length = ("content-length", body.len().to_string());
    let kind = ("content-type", "application/json".to_owned());
    let headers: Vec<(String, String)> = [kind, length]
        .into_iter()
        .chain(headers.iter().cloned())
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    functions::posted(&headers, body)
}

/// A CloudEvent in binary form, as Eventarc delivers those of Cloud Storage.
fn object_changed(event: &ObjectEvent) -> Bytes {
    let kind = match event.kind {
        ObjectEventKind::CreatedByPut
        | ObjectEventKind::CreatedByPost
        | ObjectEventKind::CreatedByCopy
        | ObjectEventKind::CreatedByMultipart => "google.cloud.storage.object.v1.finalized",
        ObjectEventKind::RemovedByDelete | ObjectEventKind::Expired => {
            "google.cloud.storage.object.v1.deleted"
        }
        ObjectEventKind::RemovedByMarker | ObjectEventKind::ExpiredByMarker => {
            "google.cloud.storage.object.v1.archived"
        }
        // What other clouds call tags is metadata there.
        ObjectEventKind::Tagged | ObjectEventKind::Untagged => {
            "google.cloud.storage.object.v1.metadataUpdated"
        }
    };
    let headers = [
        ("ce-specversion", "1.0".to_owned()),
        ("ce-id", event.sequencer.clone()),
        ("ce-type", kind.to_owned()),
        (
            "ce-source",
            format!(
                "//storage.googleapis.com/projects/_/buckets/{}",
                event.bucket
            ),
        ),
        ("ce-subject", format!("objects/{}", event.key)),
        ("ce-time", instant(event.at)),
    ];
    posted(&headers, described(event).to_string().as_bytes())
}

fn described(event: &ObjectEvent) -> Value {
    json!({
        "kind": "storage#object",
        "bucket": event.bucket,
        "name": event.key,
        "size": event.size.to_string(),
        "etag": event.etag,
        "timeCreated": instant(event.at),
        "updated": instant(event.at),
    })
}

fn instant(at: Timestamp) -> String {
    let millis = i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(millis)
        .map(|at| at.to_string())
        .unwrap_or_default()
}
