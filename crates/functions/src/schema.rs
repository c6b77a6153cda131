//! What is in the store: functions, their published versions and aliases, layers, and the asynchronous invocations that
//! wait.

mod jobs_v1;
mod v1;
mod v2;
mod v3;
mod v4;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use base::{ByteSize, Space, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Blob, Blobs, Key, Keyspace, Record, Table, Timers, Tx};

use crate::Result;
use crate::dialect::Initialization;
use crate::event::Event;

/// By space and name.
pub(crate) const FUNCTIONS: Table<Function> = Table::new(Keyspace::Functions, 0);
/// By request id. What does not change while a job waits, so that leasing it moves no payload.
pub(crate) const JOBS: Table<JobRecord> = Table::new(Keyspace::Functions, 1);
/// Published versions, by space, name and number.
pub(crate) const VERSIONS: Table<Function> = Table::new(Keyspace::Functions, 2);
/// By space, the function's name and the alias'.
pub(crate) const ALIASES: Table<Alias> = Table::new(Keyspace::Functions, 3);
/// By space and name: the number of the layer's newest version, which is never given again.
pub(crate) const LAYERS: Table<Newest> = Table::new(Keyspace::Functions, 4);
/// By space, name and number.
pub(crate) const LAYER_VERSIONS: Table<LayerVersion> = Table::new(Keyspace::Functions, 5);

/// When each job runs (next); by request id, with its [`Progress`].
pub(crate) fn backlog() -> Timers {
    Timers::new("functions/backlog")
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Function {
    pub space: Space,
    pub name: String,
    /// The number of a published version, which changes no more; none for the newest code.
    pub version: Option<u64>,
    pub configuration: Configuration,
    pub code: Code,
    pub asynchronous: AsyncSettings,
    /// How many run at once at most, and are kept free for it; zero switches it off.
    pub reserved_concurrency: Option<u32>,
    pub tags: BTreeMap<String, String>,
    /// Who else may call it: statements of its resource policy, kept as they were given.
    pub permissions: Vec<Permission>,
    pub created: Timestamp,
    pub modified: Timestamp,
    /// Different after each change: what optimistic callers compare.
    pub revision: String,
    /// Different after each change of code or configuration: instances of an older one are replaced.
    pub generation: Generation,
    /// The number of the version that was published last; numbers are never given again.
    pub published: u64,
    /// How many instances of this version are kept initialised.
    pub provisioned: Option<Provisioned>,
    /// What becomes of it when it calls itself, by way of others or not.
    pub recursion: Recursion,
}

impl Record for Function {
    const VERSION: u8 = 5;

    fn migrate(version: u8, body: &[u8]) -> store::Result<Self> {
        match version {
            4 => v4::read(version, body),
            3 => v3::read(version, body),
            2 => v2::read(version, body),
            older => v1::read(older, body),
        }
    }
}

/// How many instances are to be kept initialised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provisioned {
    pub instances: u32,
    pub modified: Timestamp,
}

/// Whether a function may take part in a chain of calls that has come by it often already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Recursion {
    #[default]
    Terminate,
    Allow,
}

/// A name for one version, or for two between which chance decides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alias {
    pub space: Space,
    pub function: String,
    pub name: String,
    /// None for the newest code.
    pub version: Option<u64>,
    /// The other version, and how likely a call goes there: from 0 to 1.
    pub other: Option<(u64, f64)>,
    pub description: String,
    pub asynchronous: AsyncSettings,
    pub permissions: Vec<Permission>,
    pub provisioned: Option<Provisioned>,
    pub revision: String,
}

impl Record for Alias {
    const VERSION: u8 = 3;

    fn migrate(version: u8, body: &[u8]) -> store::Result<Self> {
        match version {
            2 => v4::read_alias(version, body),
            older => v3::read_alias(older, body),
        }
    }
}

/// The number of a layer's newest version.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Newest(pub(crate) u64);

impl Record for Newest {}

/// Files that several functions share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerVersion {
    pub space: Space,
    pub name: String,
    pub version: u64,
    pub code: Code,
    pub description: String,
    pub license: Option<String>,
    /// What it says it is for; nobody checks it.
    pub runtimes: Vec<String>,
    pub architectures: Vec<String>,
    pub permissions: Vec<Permission>,
    pub revision: String,
    pub created: Timestamp,
}

impl Record for LayerVersion {}

/// A layer that a function uses. It holds the code itself: who deletes the layer takes it from nobody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsedLayer {
    pub space: Space,
    pub name: String,
    pub version: u64,
    pub code: Code,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Generation(pub(crate) [u8; 16]);

/// What its owner says about how it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configuration {
    /// A runtime's id, as its cloud names it.
    pub runtime: String,
    pub handler: String,
    pub description: String,
    /// Of one invocation.
    pub timeout: Duration,
    pub memory: ByteSize,
    /// What it may write to its temporary folder.
    pub ephemeral: ByteSize,
    /// None if nobody has said that there are any, or none.
    pub environment: Option<BTreeMap<String, String>>,
    /// Whom it acts as: opaque here.
    pub role: String,
    pub architecture: Architecture,
    pub logging: Logging,
    /// Laid over one another, the last on top.
    pub layers: Vec<UsedLayer>,
    /// Published versions are started from what was initialised before: the code hears when that is taken, and when it
    /// goes on from there.
    pub snapshots: bool,
    /// Where asynchronous calls go that failed for good, as they came: opaque here.
    pub dead_letters: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Architecture {
    #[default]
    X86,
    Arm,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logging {
    pub format: LogFormat,
    /// Where its lines go, unless to the group that the dialect names after it.
    pub group: Option<String>,
    /// The least level of the function's own lines that is kept; JSON only.
    pub application_level: Option<String>,
    /// The least level of the platform's lines that is kept; JSON only.
    pub system_level: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

/// The code that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Code {
    pub source: CodeSource,
    pub sha256: [u8; 32],
    /// Of the package; of a folder, the sum of its files.
    pub size: ByteSize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CodeSource {
    /// A zip archive, kept in the store.
    Package(Blob),
    /// A folder on this machine that somebody works in. Its hash is that of names, sizes and times.
    Directory(PathBuf),
}

/// How asynchronous invocations are treated, as far as somebody has said it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AsyncSettings {
    /// How often a failed one is run again.
    pub retries: Option<u32>,
    /// How long one may wait in all.
    pub max_age: Option<Duration>,
    /// When these were last set, if ever.
    pub modified: Option<Timestamp>,
    /// Where it is told how one ended that succeeded: opaque here.
    pub on_success: Option<String>,
    /// Where it is told how one ended that failed for good: opaque here.
    pub on_failure: Option<String>,
}

const USUAL_RETRIES: u32 = 2;
const USUAL_MAX_AGE: Duration = Duration::from_secs(6 * 3_600);

impl AsyncSettings {
    pub(crate) fn retries(&self) -> u32 {
        self.retries.unwrap_or(USUAL_RETRIES)
    }

    pub(crate) fn max_age(&self) -> Duration {
        self.max_age.unwrap_or(USUAL_MAX_AGE)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permission {
    pub id: String,
    /// In its cloud's policy language.
    pub statement: String,
}

/// An asynchronous invocation that waits.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct JobRecord {
    pub(crate) job: Job,
    pub(crate) enqueued: Timestamp,
}

impl Record for JobRecord {
    const VERSION: u8 = 2;

    fn migrate(version: u8, body: &[u8]) -> store::Result<Self> {
        jobs_v1::read(version, body)
    }
}

/// An invocation whose caller does not wait for the outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Unique: enqueuing a second job with it replaces the first. See [`crate::Functions::new_request_id`].
    pub request_id: String,
    pub space: Space,
    pub function: String,
    pub qualifier: Option<String>,
    pub event: Event,
    /// What caused it, for the record: the kind of event source.
    pub trigger: String,
    pub client_context: Option<String>,
    pub trace: Option<String>,
}

/// How far a job has come; beside its due time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// Attempts whose function failed.
    pub(crate) failures: u32,
    /// Attempts that did not get to run.
    pub(crate) refusals: u32,
}

impl Record for Progress {}

pub(crate) fn function_key(space: &Space, name: &str) -> Key {
    FUNCTIONS.key().str(space.as_str()).str(name)
}

pub(crate) fn functions_of(space: &Space) -> Key {
    FUNCTIONS.key().str(space.as_str())
}

pub(crate) fn version_key(space: &Space, name: &str, number: u64) -> Key {
    versions_of(space, name).u64(number)
}

pub(crate) fn versions_of(space: &Space, name: &str) -> Key {
    VERSIONS.key().str(space.as_str()).str(name)
}

pub(crate) fn alias_key(space: &Space, function: &str, name: &str) -> Key {
    aliases_of(space, function).str(name)
}

pub(crate) fn aliases_of(space: &Space, function: &str) -> Key {
    ALIASES.key().str(space.as_str()).str(function)
}

pub(crate) fn layer_key(space: &Space, name: &str) -> Key {
    layers_of(space).str(name)
}

pub(crate) fn layers_of(space: &Space) -> Key {
    LAYERS.key().str(space.as_str())
}

pub(crate) fn layer_version_key(space: &Space, name: &str, number: u64) -> Key {
    layer_versions_of(space, name).u64(number)
}

pub(crate) fn layer_versions_of(space: &Space, name: &str) -> Key {
    LAYER_VERSIONS.key().str(space.as_str()).str(name)
}

pub(crate) fn job_key(request_id: &str) -> Key {
    JOBS.key().str(request_id)
}

impl Function {
    /// How an instance of it starts that an invocation waits for.
    pub(crate) fn initialization(&self) -> Initialization {
        match self.configuration.snapshots && self.version.is_some() {
            true => Initialization::Snapshot,
            false => Initialization::OnDemand,
        }
    }

    /// The bodies in the store that this record names.
    fn blobs(&self) -> impl Iterator<Item = Blob> {
        let layers = self.configuration.layers.iter();
        let layers = layers.filter_map(|layer| layer.code.blob());
        self.code.blob().into_iter().chain(layers)
    }

    /// To be in the transaction that stores the record.
    pub(crate) fn keep_code(&self, tx: &mut Tx) -> Result<()> {
        for blob in self.blobs() {
            Blobs::keep(tx, blob.id)?;
        }
        Ok(())
    }

    /// To be in the transaction that removes the record.
    pub(crate) fn drop_code(&self, tx: &mut Tx) -> Result<()> {
        for blob in self.blobs() {
            Blobs::drop_name(tx, blob.id)?;
        }
        Ok(())
    }
}

impl Configuration {
    /// One of the variables that its owner has set.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.environment.as_ref()?.get(name).map(String::as_str)
    }
}

impl Code {
    pub(crate) fn blob(&self) -> Option<Blob> {
        match self.source {
            CodeSource::Package(blob) => Some(blob),
            CodeSource::Directory(_) => None,
        }
    }
}
