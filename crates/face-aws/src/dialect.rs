//! How functions see this cloud: their environment, their events, what their errors look like to a caller, and the
//! platform's lines in their logs.

mod environment;
mod fault;
mod lines;
mod notices;
mod object;
mod outcomes;
mod runtime;
mod telemetry;

use std::path::PathBuf;
use std::time::Duration;

use access::{Access, Principal};
use base::Timestamp;
use bytes::Bytes;
use functions::{
    CallFacts, Dialect, Event, Failed, Fault, Function, Happening, InstanceFacts, LogFormat, Moment,
};
use ledger::Phases;
use serde_json::{Value, json};

pub(crate) use self::object::{BY_RULES, ETAG_OF_NOTHING};

use self::lines::Level;
use self::object::object_record;
use self::runtime::Runtime;
use crate::lambda::follow;
use crate::moment::utc;
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
        environment::variables(instance, &self.session(instance.function), self.port)
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
        fault::failed(request_id, fault)
    }

    fn reported(&self, payload: Bytes, kind: Option<&str>) -> Failed {
        fault::reported(payload, kind)
    }

    fn log_lines(&self, call: &CallFacts<'_>, moment: &Moment<'_>) -> Vec<String> {
        lines::of(call, moment)
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

#[cfg(test)]
mod tests {
    use base::Space;
    use functions::{Code, CodeSource, Configuration, Generation, Logging};

    use super::*;

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
}
