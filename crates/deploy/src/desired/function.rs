//! Functions: how they run, and what they are run from.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use super::{Cloud, LayerUse, Publish};
use crate::build::Build;
use crate::recipe::Recipe;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Function {
    /// Physical: what the cloud calls it, behind the cloud's own prefix.
    pub name: String,
    #[serde(skip_serializing_if = "Cloud::is_usual")]
    pub cloud: Cloud,
    pub description: String,
    pub runtime: String,
    pub handler: String,
    pub code: Code,
    pub timeout_s: u32,
    pub memory_mb: u32,
    /// Size of the scratch directory.
    pub scratch_mb: u32,
    pub environment: BTreeMap<String, String>,
    pub architecture: Architecture,
    /// The most invocations that run at once; none for no limit of its own.
    pub reserved_concurrency: Option<u32>,
    /// The ARN of its role; none for the one that the stack makes for it.
    pub role: String,
    pub retry: Retry,
    pub tags: BTreeMap<String, String>,
    /// In the order in which they are laid over one another.
    pub layers: Vec<LayerUse>,
    pub logging: Logging,
    /// Whether published versions are told of snapshots.
    pub snapshots: bool,
    /// The ARN of where events go whose asynchronous calls failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dead_letters: Option<String>,
    /// Whether each deployment publishes what has changed.
    pub publish: Option<Publish>,
}

impl Function {
    /// What must be installed for it is decided by its directory; none if its code is whole.
    pub(crate) fn build(&self) -> Option<Build> {
        match &self.code {
            Code::Directory(folder) => Some(Build {
                folder: folder.clone(),
                runtime: self.runtime.clone(),
                cloud: self.cloud,
                how: None,
            }),
            Code::Made(recipe) => Some(Build {
                folder: recipe.source.clone(),
                runtime: self.runtime.clone(),
                cloud: self.cloud,
                how: Some(recipe.how.clone()),
            }),
            Code::Zip(_) | Code::Inline(_) => None,
        }
    }
}

/// Where a function's code is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "from", content = "path", rename_all = "lowercase")]
pub enum Code {
    /// A directory, absolute: it is used where it is, so a change in it counts from the next start of an instance on.
    Directory(PathBuf),
    /// A zip file, absolute; its content is read when it is deployed.
    Zip(PathBuf),
    /// The text of the only source file.
    Inline(String),
    /// A directory that is made before it is used.
    Made(Recipe),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Architecture {
    #[serde(rename = "x86_64")]
    X86,
    #[serde(rename = "arm64")]
    Arm,
}

/// How asynchronous invocations are tried again, and who is told how they ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Retry {
    /// Further attempts after the first, 0 to 2; none for the engine's default.
    pub attempts: Option<u32>,
    /// 60 to 21,600; none for the engine's default.
    pub max_age_s: Option<u32>,
    /// The ARN of the place that is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_success: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<String>,
}

/// How a function's log looks, and where it goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Logging {
    /// Lines of JSON rather than of text.
    pub json: bool,
    /// The least level of the function's own lines that is kept.
    pub application_level: Option<String>,
    /// The least level of the platform's lines that is kept.
    pub system_level: Option<String>,
    /// None for its own.
    pub group: Option<String>,
}
