use std::path::PathBuf;

use base::ErrorKind;

use crate::diagnostic::Diagnostics;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why nothing, or not everything, was deployed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing was done.
    #[error("{0}")]
    Refused(Diagnostics),
    /// Another deployment of the same stack began after the plan was made. Nothing was done.
    #[error("the stack {0} was changed by another deployment meanwhile")]
    Overtaken(String),
    #[error("there is no stack {0}")]
    NoSuchStack(String),
    #[error("`{export}` is exported by the stack {by} already")]
    ExportTaken { export: String, by: String },
    #[error("the stack {by} uses the export `{export}`, which would be gone")]
    ExportInUse { export: String, by: String },
    /// Steps before this one are done and kept; deploying again goes on from here.
    #[error("cannot {verb} the {noun} {name}: {cause}")]
    Step {
        verb: &'static str,
        noun: &'static str,
        name: String,
        kind: ErrorKind,
        cause: String,
    },
    /// A file of code could not be read.
    #[error("cannot read {}: {cause}", path.display())]
    Code { path: PathBuf, cause: String },
    /// npm is not installed, or not in the path.
    #[error("npm is needed to install the packages of {}, and is not there", .0.display())]
    NoNpm(PathBuf),
    /// A program that makes code is not installed, or not in the path.
    #[error("{tool} is needed to build {}, and is not there", dir.display())]
    NoTool { tool: &'static str, dir: PathBuf },
    /// No Python that the code could run on.
    #[error("Python is needed to install the packages of {}: {cause}", dir.display())]
    NoPython { dir: PathBuf, cause: String },
    /// A layer that is made of packages.
    #[error("the layer {layer} is not here, and cannot be made of its packages: {cause}")]
    Layer { layer: String, cause: Box<Self> },
    #[error("{command} failed in {}: {cause}", dir.display())]
    Install {
        command: &'static str,
        dir: PathBuf,
        cause: String,
    },
    /// The program of an application of the CDK.
    #[error("`{command}` failed in {}: {cause}", dir.display())]
    Synth {
        command: String,
        dir: PathBuf,
        cause: String,
    },
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl From<Diagnostics> for Error {
    fn from(diagnostics: Diagnostics) -> Self {
        Self::Refused(diagnostics)
    }
}

impl Error {
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Refused(_) | Self::Code { .. } => ErrorKind::Invalid,
            Self::Overtaken(_) | Self::ExportTaken { .. } | Self::ExportInUse { .. } => {
                ErrorKind::Conflict
            }
            Self::NoSuchStack(_) => ErrorKind::Missing,
            Self::Step { kind, .. } => *kind,
            Self::NoNpm(_)
            | Self::NoTool { .. }
            | Self::NoPython { .. }
            | Self::Layer { .. }
            | Self::Install { .. }
            | Self::Synth { .. } => ErrorKind::Unavailable,
            Self::Store(error) => error.kind(),
        }
    }

    /// What to do about it, where the message does not say it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Overtaken(_) => Some("deploy again"),
            Self::Step { .. } => {
                Some("what was done before is kept: deploy again to go on from there")
            }
            Self::ExportTaken { .. } => Some("export it under another name"),
            Self::ExportInUse { .. } => Some("let that stack do without it first, or destroy it"),
            Self::NoNpm(_) => {
                Some("install Node.js with npm, or install the packages yourself with another tool")
            }
            Self::NoTool { .. } => Some("install it, or put it into the path"),
            Self::NoPython { .. } => Some("install Python with pip"),
            Self::Layer { .. } => Some(
                "they are installed once: let npm or pip reach its registry, or let the template declare the layer",
            ),
            Self::Install { .. } => Some("run it by hand in that directory to see more"),
            Self::Synth { .. } => Some(
                "install what the application needs first: npm install, or pip install -r requirements.txt",
            ),
            Self::Refused(_) | Self::NoSuchStack(_) | Self::Code { .. } | Self::Store(_) => None,
        }
    }
}
