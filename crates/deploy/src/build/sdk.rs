//! The SDK that a runtime brings along, for code that leaves it out of its package.
//!
//! What the code's own sources ask for and its package has not is installed once, apart from the code, in a folder that is
//! named by what is in it. Functions that ask for the same share the folder.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use runtimes::{Language, Packages};

use super::Build;
use crate::desired::Cloud;
use crate::error::{Error, Result};

mod node;
mod packaged;
mod python;
mod sources;

pub(crate) use node::is_source;
pub(super) use node::{ALL, install};
pub use packaged::Sdk;

/// Of what a runtime brings, what some code asks for and has not.
struct Missing {
    names: BTreeSet<String>,
    /// Where it is once it is installed.
    place: PathBuf,
    tool: Tool,
}

enum Tool {
    Npm,
    /// Of this program.
    Pip(PathBuf),
}

/// Lets the code find what its runtime brings. Without it other code of the function may still be of use, so that it
/// cannot be had is told and is no error. Returns whether anything was installed.
pub(super) async fn bring(
    build: &Build,
    packages: &Packages,
    mut tell: impl FnMut(&str),
) -> Result<bool> {
    let Some(missing) = missing(build, packages).await else {
        return Ok(false);
    };
    let settle = |modules: Option<&Path>| {
        let settled = packages.bring(&build.folder, &build.runtime, modules);
        settled.map_err(|cause| Error::Code {
            path: modules.unwrap_or(&build.folder).to_owned(),
            cause: cause.to_string(),
        })
    };
    if missing.names.is_empty() {
        return settle(None).map(|()| false);
    }
    let place = &missing.place;
    if place.is_dir() {
        return settle(Some(place)).map(|()| false);
    }
    let list = Vec::from_iter(missing.names.iter().map(String::as_str)).join(" ");
    let tool = missing.tool.name();
    tell(&format!(
        "{} brings {list}: {tool} installs it for the function, into {}",
        build.runtime,
        place.display()
    ));
    match missing.install(&mut tell).await {
        Ok(()) => settle(Some(place)).map(|()| true),
        Err(error) => {
            // What the tool itself has said was told line by line.
            let why = match error {
                Error::Install { command, .. } => format!("{command} failed"),
                error => error.to_string(),
            };
            tell(&format!(
                "notice: the code will not find {list}: {why}; deploy again with {} within reach, or put it into the package",
                missing.tool.registry()
            ));
            Ok(false)
        }
    }
}

/// Nothing if the runtime brings nothing at all.
async fn missing(build: &Build, packages: &Packages) -> Option<Missing> {
    if build.cloud != Cloud::Aws {
        return None;
    }
    match runtimes::check(&build.runtime).ok()? {
        Language::Node => node::missing(build, packages),
        Language::Python => python::missing(build, packages).await,
        Language::CSharp | Language::Hosted | Language::Custom => None,
    }
}

impl Missing {
    async fn install(&self, tell: &mut impl FnMut(&str)) -> Result<()> {
        match &self.tool {
            Tool::Npm => node::install(&self.names, &self.place, tell).await,
            Tool::Pip(python) => python::install(python, &self.names, &self.place, tell).await,
        }
    }
}

impl Tool {
    fn name(&self) -> &'static str {
        match self {
            Self::Npm => "npm",
            Self::Pip(_) => "pip",
        }
    }

    fn registry(&self) -> &'static str {
        match self {
            Self::Npm => "npm's registry",
            Self::Pip(_) => "PyPI",
        }
    }
}

#[cfg(test)]
mod tests;
