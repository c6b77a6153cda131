//! What callers say about how a function runs, read and checked, for creating and updating alike.

use std::collections::BTreeMap;
use std::time::Duration;

use base::ByteSize;
use functions::{Architecture, Configuration, LogFormat, Logging, UsedLayer};
use serde::Deserialize;
use serde_json::{Map, Value};
use triggers::Destination;

use super::error::invalid;
use super::{Asked, layer};
use crate::destination;
use crate::protocol::{Call, Fault};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Settings {
    pub(super) runtime: Option<String>,
    pub(super) handler: Option<String>,
    pub(super) role: Option<String>,
    description: Option<String>,
    timeout: Option<u64>,
    memory_size: Option<u64>,
    environment: Option<Environment>,
    ephemeral_storage: Option<EphemeralStorage>,
    architectures: Option<Vec<String>>,
    logging_config: Option<LoggingConfig>,
    layers: Option<Vec<String>>,
    snap_start: Option<SnapStart>,
    dead_letter_config: Option<DeadLetterConfig>,
    /// The layers that were named, once they have been looked for.
    #[serde(skip)]
    used: Option<Vec<UsedLayer>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Environment {
    #[serde(default)]
    variables: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EphemeralStorage {
    size: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SnapStart {
    apply_on: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeadLetterConfig {
    target_arn: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LoggingConfig {
    log_format: Option<String>,
    application_log_level: Option<String>,
    system_log_level: Option<String>,
    log_group: Option<String>,
}

const LONGEST_TIMEOUT: u64 = 900;
const MOST_MEMORY_MB: u64 = 10_240;
const MOST_STORAGE_MB: u64 = 10_240;
/// What a function may have at most that is started from snapshots.
const SNAPSHOT_STORAGE_MB: u64 = 512;
/// Names and values together, as JSON.
const LARGEST_ENVIRONMENT: usize = 4 << 10;

impl Settings {
    /// Checks what the model does not say.
    pub(super) fn check(&self) -> Result<(), Fault> {
        at_most("timeout", self.timeout, LONGEST_TIMEOUT)?;
        at_most("memorySize", self.memory_size, MOST_MEMORY_MB)?;
        let storage = self.ephemeral_storage.as_ref().map(|storage| storage.size);
        at_most("ephemeralStorage.size", storage, MOST_STORAGE_MB)?;
        if let Some(environment) = &self.environment {
            check_environment(&environment.variables)?;
        }
        match &self.logging_config {
            Some(logging) => logging.check(),
            None => Ok(()),
        }
    }

    /// Whether dead letters can go where they are to go.
    pub(super) fn check_dead_letters(&self, asked: &Asked<'_>) -> Result<(), Fault> {
        let named = self.dead_letter_config.as_ref();
        let named = named.and_then(|config| config.target_arn.as_deref());
        let Some(arn) = named.filter(|arn| !arn.is_empty()) else {
            return Ok(());
        };
        match destination::read(arn) {
            Some(place @ (Destination::Queue(_) | Destination::Topic(_))) => {
                let taken = asked.parts.triggers.takes(&place);
                taken.map_err(|error| {
                    invalid(format!("The provided target {arn} cannot be used: {error}"))
                })
            }
            _ => Err(invalid(format!(
                "Unsupported dead-letter target: {arn}. Use the ARN of a queue or a topic."
            ))),
        }
    }

    /// Finds the layers that are named. To be called before [`Settings::apply`].
    pub(super) fn find_layers(&mut self, asked: &Asked<'_>) -> Result<(), Fault> {
        if let Some(arns) = &self.layers {
            self.used = Some(layer::used(asked, arns)?);
        }
        Ok(())
    }

    /// What a function has that says nothing.
    pub(super) fn defaults() -> Configuration {
        Configuration {
            runtime: String::new(),
            handler: String::new(),
            description: String::new(),
            timeout: Duration::from_secs(3),
            memory: ByteSize::mib(128),
            ephemeral: ByteSize::mib(512),
            environment: None,
            role: String::new(),
            architecture: Architecture::X86,
            logging: Logging::default(),
            layers: Vec::new(),
            snapshots: false,
            dead_letters: None,
        }
    }

    /// Lays what was said over what is.
    pub(super) fn apply(&self, to: &mut Configuration) {
        let text = |from: &Option<String>, to: &mut String| {
            if let Some(from) = from {
                to.clone_from(from);
            }
        };
        text(&self.runtime, &mut to.runtime);
        text(&self.handler, &mut to.handler);
        text(&self.role, &mut to.role);
        text(&self.description, &mut to.description);
        if let Some(seconds) = self.timeout {
            to.timeout = Duration::from_secs(seconds);
        }
        if let Some(mib) = self.memory_size {
            to.memory = ByteSize::mib(mib);
        }
        if let Some(storage) = &self.ephemeral_storage {
            to.ephemeral = ByteSize::mib(storage.size);
        }
        if let Some(environment) = &self.environment {
            to.environment = Some(environment.variables.clone());
        }
        if let Some(architecture) = architecture(self.architectures.as_deref()) {
            to.architecture = architecture;
        }
        if let Some(logging) = &self.logging_config {
            to.logging = logging.read();
        }
        if let Some(snapshots) = self.snapshots() {
            to.snapshots = snapshots;
        }
        if let Some(config) = &self.dead_letter_config {
            let named = config.target_arn.clone();
            to.dead_letters = named.filter(|name| !name.is_empty());
        }
        if let Some(used) = &self.used {
            to.layers.clone_from(used);
        }
    }

    fn snapshots(&self) -> Option<bool> {
        let apply_on = self.snap_start.as_ref()?.apply_on.as_deref()?;
        Some(apply_on == "PublishedVersions")
    }

    /// Whether what is asked for goes together with what there is.
    pub(super) fn check_together(&self, before: &Configuration) -> Result<(), Fault> {
        let mut wanted = before.clone();
        self.apply(&mut wanted);
        if !wanted.snapshots {
            return Ok(());
        }
        if !takes_snapshots(&wanted.runtime) {
            return Err(invalid(format!(
                "{} is not supported for SnapStart enabled functions.",
                wanted.runtime
            )));
        }
        if wanted.ephemeral > ByteSize::mib(SNAPSHOT_STORAGE_MB) {
            return Err(invalid(
                "SnapStart doesn't support ephemeral storage greater than 512 MB.",
            ));
        }
        Ok(())
    }
}

/// What was said of it: kept and shown. Here everything runs on the one that there is.
pub(super) fn architecture(said: Option<&[String]>) -> Option<Architecture> {
    match said?.first()?.as_str() {
        "arm64" => Some(Architecture::Arm),
        _ => Some(Architecture::X86),
    }
}

impl LoggingConfig {
    fn check(&self) -> Result<(), Fault> {
        let json = self.log_format.as_deref() == Some("JSON");
        let levels = self.application_log_level.is_some() || self.system_log_level.is_some();
        if levels && !json {
            return Err(invalid(
                "To set ApplicationLogLevel or SystemLogLevel, set LogFormat to JSON",
            ));
        }
        Ok(())
    }

    fn read(&self) -> Logging {
        Logging {
            format: match self.log_format.as_deref() {
                Some("JSON") => LogFormat::Json,
                _ => LogFormat::Text,
            },
            group: self.log_group.clone().filter(|group| !group.is_empty()),
            application_level: self.application_log_level.clone(),
            system_level: self.system_log_level.clone(),
        }
    }
}

/// The oldest Python whose functions may be told of snapshots is 3.12; Node's never are.
fn takes_snapshots(runtime: &str) -> bool {
    let minor = runtime.strip_prefix("python3.");
    minor
        .and_then(|minor| minor.parse::<u32>().ok())
        .is_some_and(|minor| minor >= 12)
}

fn at_most(member: &str, value: Option<u64>, most: u64) -> Result<(), Fault> {
    match value {
        Some(value) if value > most => Err(Fault::validation(format!(
            "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: Member must have value less than or equal to {most}"
        ))),
        _ => Ok(()),
    }
}

fn check_environment(variables: &BTreeMap<String, String>) -> Result<(), Fault> {
    let reserved: Vec<&str> = variables
        .keys()
        .map(String::as_str)
        .filter(|name| deploy::RESERVED_VARIABLES.contains(name))
        .collect();
    if !reserved.is_empty() {
        return Err(invalid(format!(
            "Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: {}",
            reserved.join(", ")
        )));
    }
    let measured = serde_json::to_string(variables).unwrap_or_default();
    if measured.len() > LARGEST_ENVIRONMENT {
        return Err(invalid(format!(
            "Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit. String measured: {measured}"
        )));
    }
    if variables.values().any(|value| value.contains('\0')) {
        return Err(invalid(
            "Environment variable values must not contain null characters",
        ));
    }
    Ok(())
}

/// Refuses what is asked for but not built. What says nothing (an empty list, the default in words) is let through:
/// tools send it.
pub(super) fn refuse_unbuilt(call: &Call<'_>) -> Result<(), Fault> {
    const UNBUILT: [(&str, &[&str]); 16] = [
        ("PublishTo", &[]),
        ("PackageType", &["\"Zip\""]),
        ("VpcConfig", &[]),
        ("KMSKeyArn", &[]),
        ("TracingConfig", &["{\"Mode\":\"PassThrough\"}"]),
        ("FileSystemConfigs", &[]),
        ("CodeSigningConfigArn", &[]),
        ("ImageConfig", &[]),
        ("RuntimeConfig", &[]),
        ("ImageUri", &[]),
        ("SourceKMSKeyArn", &[]),
        ("S3ObjectStorageMode", &["\"COPY\""]),
        ("TenancyConfig", &[]),
        ("CapacityProviderConfig", &[]),
        ("DurableConfig", &[]),
        ("AcceleratorConfig", &[]),
    ];
    for (member, harmless) in UNBUILT {
        if let Some(value) = call.input.get(member)
            && !says_nothing(value)
            && !harmless.contains(&value.to_string().as_str())
        {
            return Err(call.not_built(member));
        }
    }
    Ok(())
}

fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => nothing_in(members),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn nothing_in(members: &Map<String, Value>) -> bool {
    members.values().all(says_nothing)
}
