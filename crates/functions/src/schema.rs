//! What is in the store: functions, and the asynchronous invocations that wait.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use base::{ByteSize, Space, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Blob, Key, Keyspace, Record, Table, Timers};

use crate::event::Event;

/// By space and name.
pub(crate) const FUNCTIONS: Table<Function> = Table::new(Keyspace::Functions, 0);
/// By request id. What does not change while a job waits, so that leasing it moves no payload.
pub(crate) const JOBS: Table<JobRecord> = Table::new(Keyspace::Functions, 1);

/// When each job runs (next); by request id, with its [`Progress`].
pub(crate) fn backlog() -> Timers {
    Timers::new("functions/backlog")
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Function {
    pub space: Space,
    pub name: String,
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
}

impl Record for Function {}

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
    pub environment: BTreeMap<String, String>,
    /// Whom it acts as: opaque here.
    pub role: String,
    pub architecture: Architecture,
    pub logging: Logging,
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

/// How asynchronous invocations are treated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AsyncSettings {
    /// How often a failed one is run again.
    pub retries: u32,
    /// How long one may wait in all.
    pub max_age: Duration,
    /// When these were last set; never, if they are the defaults.
    pub modified: Option<Timestamp>,
}

impl Default for AsyncSettings {
    fn default() -> Self {
        Self {
            retries: 2,
            max_age: Duration::from_secs(6 * 3_600),
            modified: None,
        }
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

impl Record for JobRecord {}

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

pub(crate) fn job_key(request_id: &str) -> Key {
    JOBS.key().str(request_id)
}
