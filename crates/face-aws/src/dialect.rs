//! How functions see this cloud: their environment, their events, what their errors look like to a caller, and the
//! platform's lines in their logs.

mod notices;
mod outcomes;
mod runtime;
mod telemetry;

use std::path::PathBuf;
use std::time::Duration;

use access::{Access, Principal};
use aws_lc_rs::digest;
use base::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use functions::{
    CallFacts, Dialect, Ended, Event, Exit, Failed, Fault, Function, Happening, How,
    Initialization, InstanceFacts, LogFormat, Moment, ObjectEvent, ObjectEventKind, Report,
};
use ledger::Phases;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use self::runtime::Runtime;
use crate::lambda::follow;
use crate::place::Place;
use crate::signature;
use crate::signing::Signer;

/// How long an instance's keys are good. Instances do not live that long.
const SESSION: Duration = Duration::from_secs(12 * 3_600);

/// The Lambda side of running functions.
pub struct AwsDialect {
    access: Access,
    clock: std::sync::Arc<dyn base::Clock>,
    /// Where this server listens, as functions reach it.
    port: u16,
    signer: Signer,
    /// The signature that was made last: all subscribers of a message get the same.
    signed: parking_lot::Mutex<Option<notices::Signed>>,
}

impl AwsDialect {
    pub fn new(access: Access, clock: std::sync::Arc<dyn base::Clock>, port: u16) -> Self {
        Self {
            access,
            clock,
            port,
            signer: Signer::new(None),
            signed: parking_lot::Mutex::default(),
        }
    }

    /// Keeps the key that notices are signed with in this folder.
    #[must_use]
    pub fn with_keys_in(mut self, folder: PathBuf) -> Self {
        self.signer = Signer::new(Some(folder));
        self
    }

    pub(crate) fn signer(&self) -> &Signer {
        &self.signer
    }

    /// As everybody on this machine reaches it.
    fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn session(&self, function: &Function) -> access::Session {
        let configured = &function.configuration.role;
        let principal = Principal::Role {
            account: Place::of(&function.space).account.to_owned(),
            role: configured.rsplit('/').next().unwrap_or_default().to_owned(),
            session: function.name.clone(),
        };
        self.access
            .session(&principal, self.clock.host().now() + SESSION)
    }
}

/// How a version is named: the newest code has a name instead of a number.
pub(crate) fn version_name(version: Option<u64>) -> String {
    version.map_or_else(|| "$LATEST".to_owned(), |number| number.to_string())
}

impl Dialect for AwsDialect {
    fn log_group(&self, function: &Function) -> String {
        format!("/aws/lambda/{}", function.name)
    }

    fn log_stream(&self, started: Timestamp, version: Option<u64>, unique: u128) -> String {
        let day = utc(started).strftime("%Y/%m/%d").to_string();
        format!("{day}/[{}]{unique:032x}", version_name(version))
    }

    fn environment(&self, instance: &InstanceFacts<'_>) -> Vec<(String, String)> {
        let function = instance.function;
        let configuration = &function.configuration;
        let session = self.session(function);
        let region = Place::of(&function.space).region;
        let memory = configuration.memory.as_mib().to_string();
        let initialization = telemetry::initialization_type(instance.initialization);
        let version = version_name(instance.version);
        let endpoint = format!("127.0.0.1:{}", self.port);
        let address = format!("http://{endpoint}");
        let mut environment = vec![
            ("_HANDLER", configuration.handler.as_str()),
            ("AWS_REGION", region),
            ("AWS_DEFAULT_REGION", region),
            ("AWS_LAMBDA_FUNCTION_NAME", &function.name),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &memory),
            ("AWS_LAMBDA_FUNCTION_VERSION", &version),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", initialization),
            ("AWS_LAMBDA_LOG_GROUP_NAME", instance.log_group),
            ("AWS_LAMBDA_LOG_STREAM_NAME", instance.log_stream),
            ("AWS_ACCESS_KEY_ID", &session.key_id),
            ("AWS_SECRET_ACCESS_KEY", &session.secret),
            ("AWS_SESSION_TOKEN", &session.token),
            ("AWS_XRAY_CONTEXT_MISSING", "LOG_ERROR"),
            ("AWS_XRAY_DAEMON_ADDRESS", "169.254.79.129:2000"),
            ("_AWS_XRAY_DAEMON_ADDRESS", "169.254.79.129"),
            ("_AWS_XRAY_DAEMON_PORT", "2000"),
            ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001"),
            ("LAMBDA_TASK_ROOT", "/var/task"),
            ("LAMBDA_RUNTIME_DIR", "/var/runtime"),
            ("LANG", "en_US.UTF-8"),
            ("TZ", ":UTC"),
            // Not the real service's: how SDKs, and our redirect for those too old to know it, find us.
            ("AWS_ENDPOINT_URL", &address),
            ("FULMAR_ENDPOINT", &endpoint),
        ];
        let execution = format!("AWS_Lambda_{}", configuration.runtime);
        if !configuration.runtime.starts_with("provided") {
            environment.push(("AWS_EXECUTION_ENV", &execution));
        }
        let logging = &configuration.logging;
        if logging.format == LogFormat::Json {
            environment.push(("AWS_LAMBDA_LOG_FORMAT", "JSON"));
            let level = logging.application_level.as_deref().unwrap_or("INFO");
            environment.push(("AWS_LAMBDA_LOG_LEVEL", level));
        }
        environment
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    fn first_line(
        &self,
        now: Timestamp,
        instance: &InstanceFacts<'_>,
        runs_on: Option<&str>,
    ) -> Option<String> {
        let (function, instance) = (instance.function, *instance);
        match function.configuration.logging.format {
            // It is said once, before the first try.
            LogFormat::Text if instance.again => None,
            LogFormat::Text => Some(Runtime::of(function, runs_on).line()),
            LogFormat::Json if Level::least(function) > Level::Info => None,
            LogFormat::Json => {
                let event = Happening::InitStart { instance, runs_on };
                Some(telemetry::print(now, &event))
            }
        }
    }

    fn render(&self, event: &Event) -> Bytes {
        match event {
            Event::Raw(payload) => payload.clone(),
            Event::Objects(events) => {
                let records: Vec<Value> = events.iter().map(object_record).collect();
                json!({ "Records": records }).to_string().into()
            }
            Event::Http(request) => crate::gateway::event::render(request),
        }
    }

    fn follow(
        &self,
        trace: Option<&str>,
        function: &Function,
    ) -> Result<Option<String>, functions::Looping> {
        follow(trace, function)
    }

    fn invoked_name(&self, function: &Function, qualifier: Option<&str>) -> String {
        Place::of(&function.space).function_arn(&function.name, qualifier)
    }

    fn trace(&self, now: Timestamp, chance: [u8; 20]) -> String {
        let (began, chance) = (now.as_secs().to_be_bytes(), signature::hex(&chance));
        let (root, parent) = chance.split_at(24);
        // Until the year 2106 eight digits are enough.
        let began = signature::hex(&began[4..]);
        let pieces = [
            "Root=1-",
            &began,
            "-",
            root,
            ";Parent=",
            parent,
            ";Sampled=0",
        ];
        pieces.concat()
    }

    fn fault(&self, request_id: &str, fault: &Fault) -> Failed {
        let (kind, message) = match fault {
            Fault::TimedOut(after) => {
                let seconds = after.as_secs_f64();
                let message = format!(
                    "RequestId: {request_id} Error: Task timed out after {seconds:.2} seconds"
                );
                ("Sandbox.Timedout", message)
            }
            Fault::NoEntrypoint(why) => (
                "Runtime.InvalidEntrypoint",
                format!("RequestId: {request_id} Error: {why}"),
            ),
            Fault::Exited(exit) => {
                let reason = exit_reason(exit);
                (
                    "Runtime.ExitError",
                    format!("RequestId: {request_id} Error: {reason}"),
                )
            }
            Fault::BrokeOff => {
                let reason = exit_reason(&Exit::Code(0));
                (
                    "Runtime.ExitError",
                    format!("RequestId: {request_id} Error: {reason}"),
                )
            }
            Fault::ResponseTooLarge { limit, .. } => {
                let message = format!(
                    "Response payload size exceeded maximum allowed payload size ({limit} bytes)."
                );
                ("Function.ResponseSizeTooLarge", message)
            }
            Fault::Extension(broken) => {
                let reason = match &broken.how {
                    How::InitError(kind) | How::ExitError(kind) => kind.clone(),
                    How::Ended(code) => format!("exit status {code}"),
                };
                let message = format!("RequestId: {request_id} Error: {}: {reason}", broken.name);
                (broken.how.kind(), message)
            }
            Fault::Stopped => {
                let message = format!("RequestId: {request_id} Error: The server was stopped");
                ("Sandbox.Failure", message)
            }
        };
        Failed {
            kind: kind.to_owned(),
            payload: json!({ "errorType": kind, "errorMessage": message })
                .to_string()
                .into(),
            message,
        }
    }

    fn reported(&self, payload: Bytes, kind: Option<&str>) -> Failed {
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

    fn log_lines(&self, call: &CallFacts<'_>, moment: &Moment<'_>) -> Vec<String> {
        match call.function.configuration.logging.format {
            LogFormat::Text => text_line(call, moment).into_iter().collect(),
            LogFormat::Json => json_lines(call, moment),
        }
    }

    fn telemetry(&self, at: Timestamp, what: &Happening<'_>) -> Option<String> {
        Some(telemetry::print(at, what))
    }

    fn account(&self, function: &Function) -> String {
        Place::of(&function.space).account.to_owned()
    }

    fn version_name(&self, version: Option<u64>) -> String {
        version_name(version)
    }

    /// Initialisation is charged too, since August 2025.
    fn billed_ms(&self, phases: &Phases) -> u64 {
        let charged = phases.run + phases.init.unwrap_or_default();
        u64::try_from(charged.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX)
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
enum Level {
    Debug,
    Info,
    Warn,
}

impl Level {
    /// What the function's log keeps of the platform's events at least.
    fn least(function: &Function) -> Self {
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

fn json_report(id: &str, report: &Report<'_>) -> Value {
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
fn rounded(duration: Duration) -> f64 {
    (milliseconds(duration) * 1_000.0).round() / 1_000.0
}

/// What an object's key looks like in an event: encoded as a form is, but for its slashes.
const KEY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'*')
    .remove(b' ');

/// What the service says that a delete marker has.
pub(crate) const ETAG_OF_NOTHING: &str = "d41d8cd98f00b204e9800998ecf8427e";

/// Who does what a bucket's rules say.
pub(crate) const BY_RULES: &str = "s3.amazonaws.com";

fn object_record(event: &ObjectEvent) -> Value {
    let key = utf8_percent_encode(&event.key, KEY)
        .to_string()
        .replace(' ', "+");
    let by_rule = matches!(
        event.kind,
        ObjectEventKind::Expired | ObjectEventKind::ExpiredByMarker
    );
    let by_marker = matches!(
        event.kind,
        ObjectEventKind::RemovedByMarker | ObjectEventKind::ExpiredByMarker
    );
    let is_gone = by_rule || by_marker || event.kind == ObjectEventKind::RemovedByDelete;
    let is_of_tags = matches!(
        event.kind,
        ObjectEventKind::Tagged | ObjectEventKind::Untagged
    );
    let mut object = json!({ "key": key });
    if !is_gone && !is_of_tags {
        object["size"] = event.size.into();
    }
    if by_marker {
        object["eTag"] = ETAG_OF_NOTHING.into();
    } else if !is_gone {
        object["eTag"] = event.etag.trim_matches('"').into();
    }
    // The service does not name the null version.
    if let Some(version) = event.version.as_deref().filter(|id| *id != "null") {
        object["versionId"] = version.into();
    }
    if !is_of_tags {
        object["sequencer"] = event.sequencer.to_uppercase().into();
    }
    let place = Place::of(&event.space);
    json!({
        "eventVersion": if is_of_tags || by_rule { "2.3" } else { "2.1" },
        "eventSource": "aws:s3",
        "awsRegion": place.region,
        "eventTime": instant(event.at),
        "eventName": event_name(event.kind),
        "userIdentity": { "principalId": if by_rule { BY_RULES } else { &event.principal } },
        "requestParameters": {
            "sourceIPAddress": match by_rule {
                true => BY_RULES,
                false => event.source_ip.as_deref().unwrap_or("127.0.0.1"),
            },
        },
        "responseElements": {
            "x-amz-request-id": event.request_id,
            "x-amz-id-2": extended_id(&event.request_id),
        },
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": event.binding,
            "bucket": {
                "name": event.bucket,
                "ownerIdentity": { "principalId": place.account },
                "arn": format!("arn:aws:s3:::{}", event.bucket),
            },
            "object": object,
        },
    })
}

fn event_name(kind: ObjectEventKind) -> &'static str {
    match kind {
        ObjectEventKind::CreatedByPut => "ObjectCreated:Put",
        ObjectEventKind::CreatedByPost => "ObjectCreated:Post",
        ObjectEventKind::CreatedByCopy => "ObjectCreated:Copy",
        ObjectEventKind::CreatedByMultipart => "ObjectCreated:CompleteMultipartUpload",
        ObjectEventKind::RemovedByDelete => "ObjectRemoved:Delete",
        ObjectEventKind::RemovedByMarker => "ObjectRemoved:DeleteMarkerCreated",
        ObjectEventKind::Expired => "LifecycleExpiration:Delete",
        ObjectEventKind::ExpiredByMarker => "LifecycleExpiration:DeleteMarkerCreated",
        ObjectEventKind::Tagged => "ObjectTagging:Put",
        ObjectEventKind::Untagged => "ObjectTagging:Delete",
    }
}

/// The second id that goes with a request: long and opaque. Made of the first, so that both faces that print it agree.
pub(crate) fn extended_id(request_id: &str) -> String {
    let digest = digest::digest(&digest::SHA512, request_id.as_bytes());
    STANDARD.encode(&digest.as_ref()[..56])
}

/// `2026-11-23T07:30:00.000Z`
pub(crate) fn instant(moment: Timestamp) -> String {
    utc(moment).strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

pub(crate) fn utc(moment: Timestamp) -> jiff::Timestamp {
    let micros = i64::try_from(moment.as_micros()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_microsecond(micros).unwrap_or(jiff::Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use base::Space;
    use functions::{Code, CodeSource, Configuration, Generation, Logging};

    use super::*;

    fn event(kind: ObjectEventKind) -> ObjectEvent {
        ObjectEvent {
            kind,
            space: Space::new("000000000000/us-east-1"),
            bucket: "photos".into(),
            key: "2026/a b+c/ü~(1)*.jpg".into(),
            version: None,
            size: 12,
            etag: "\"d41d8cd98f00b204e9800998ecf8427e\"".into(),
            sequencer: "00000000000000a100000000".into(),
            at: Timestamp::from_millis(1_795_419_000_123),
            request_id: "8TGKAWV9RZ8FDB5W".into(),
            principal: "AWS:test".into(),
            source_ip: Some("127.0.0.1".into()),
            binding: "thumbnails".into(),
        }
    }

    #[test]
    fn an_object_that_was_put_is_told_as_the_service_tells_it() {
        let expected = json!({
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": "us-east-1",
            "eventTime": "2026-11-23T07:30:00.123Z",
            "eventName": "ObjectCreated:Put",
            "userIdentity": { "principalId": "AWS:test" },
            "requestParameters": { "sourceIPAddress": "127.0.0.1" },
            "responseElements": {
                "x-amz-request-id": "8TGKAWV9RZ8FDB5W",
                "x-amz-id-2": extended_id("8TGKAWV9RZ8FDB5W"),
            },
            "s3": {
                "s3SchemaVersion": "1.0",
                "configurationId": "thumbnails",
                "bucket": {
                    "name": "photos",
                    "ownerIdentity": { "principalId": "000000000000" },
                    "arn": "arn:aws:s3:::photos",
                },
                "object": {
                    "key": "2026/a+b%2Bc/%C3%BC%7E%281%29*.jpg",
                    "size": 12,
                    "eTag": "d41d8cd98f00b204e9800998ecf8427e",
                    "sequencer": "00000000000000A100000000",
                },
            },
        });
        assert_eq!(
            object_record(&event(ObjectEventKind::CreatedByPut)),
            expected
        );
    }

    #[test]
    fn an_object_that_is_gone_has_neither_size_nor_tag() {
        let record = object_record(&event(ObjectEventKind::RemovedByDelete));
        assert_eq!(record["eventName"], "ObjectRemoved:Delete");
        let object = record["s3"]["object"].as_object().unwrap();
        let names: Vec<&String> = object.keys().collect();
        assert_eq!(names, ["key", "sequencer"]);
    }

    #[test]
    fn where_there_are_versions_it_is_said_which() {
        for (kind, name, members) in [
            (
                ObjectEventKind::CreatedByPut,
                "ObjectCreated:Put",
                &["key", "size", "eTag", "versionId", "sequencer"][..],
            ),
            (
                ObjectEventKind::RemovedByMarker,
                "ObjectRemoved:DeleteMarkerCreated",
                &["key", "eTag", "versionId", "sequencer"],
            ),
            (
                ObjectEventKind::RemovedByDelete,
                "ObjectRemoved:Delete",
                &["key", "versionId", "sequencer"],
            ),
            (
                ObjectEventKind::ExpiredByMarker,
                "LifecycleExpiration:DeleteMarkerCreated",
                &["key", "eTag", "versionId", "sequencer"],
            ),
            (
                ObjectEventKind::Expired,
                "LifecycleExpiration:Delete",
                &["key", "versionId", "sequencer"],
            ),
        ] {
            let record = object_record(&ObjectEvent {
                version: Some("v".into()),
                ..event(kind)
            });
            assert_eq!(record["eventName"], name);
            let object = record["s3"]["object"].as_object().unwrap();
            let mut names: Vec<&str> = object.keys().map(String::as_str).collect();
            let mut members = members.to_vec();
            names.sort_unstable();
            members.sort_unstable();
            assert_eq!(names, members);
            assert_eq!(object["versionId"], "v");
        }
        let null = object_record(&ObjectEvent {
            version: Some("null".into()),
            ..event(ObjectEventKind::CreatedByPut)
        });
        assert_eq!(null["s3"]["object"].get("versionId"), None);
    }

    #[test]
    fn what_happens_to_tags_is_told_with_the_object_s_tag_alone() {
        for (kind, name) in [
            (ObjectEventKind::Tagged, "ObjectTagging:Put"),
            (ObjectEventKind::Untagged, "ObjectTagging:Delete"),
        ] {
            let record = object_record(&event(kind));
            assert_eq!(record["eventName"], name);
            assert_eq!(record["eventVersion"], "2.3");
            let object = record["s3"]["object"].as_object().unwrap();
            let names: Vec<&String> = object.keys().collect();
            assert_eq!(names, ["key", "eTag"]);
        }
    }

    pub(super) fn function(format: LogFormat) -> Function {
        Function {
            space: Space::new("000000000000/us-east-1"),
            name: "f".into(),
            version: None,
            configuration: Configuration {
                runtime: "nodejs20.x".into(),
                handler: "index.handler".into(),
                description: String::new(),
                timeout: Duration::from_secs(3),
                memory: base::ByteSize::mib(128),
                ephemeral: base::ByteSize::mib(512),
                environment: None,
                role: "arn:aws:iam::000000000000:role/worker".into(),
                architecture: functions::Architecture::X86,
                logging: Logging {
                    format,
                    ..Logging::default()
                },
                layers: Vec::new(),
                snapshots: false,
                dead_letters: None,
            },
            code: Code {
                source: CodeSource::Directory("/code".into()),
                sha256: [0; 32],
                size: base::ByteSize::bytes(1),
            },
            asynchronous: functions::AsyncSettings::default(),
            reserved_concurrency: None,
            tags: std::collections::BTreeMap::new(),
            permissions: Vec::new(),
            created: Timestamp::default(),
            modified: Timestamp::default(),
            revision: String::new(),
            generation: Generation::default(),
            published: 0,
            provisioned: None,
            recursion: functions::Recursion::default(),
        }
    }

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
        match format {
            LogFormat::Text => text_line(&call, &moment).unwrap(),
            LogFormat::Json => json_lines(&call, &moment).pop().unwrap(),
        }
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
