//! esbuild, for code in Node that is written in TypeScript or bundled.
//!
//! It is taken from the code's own packages, else from the path, else npm installs it once.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use runtimes::Packages;
use tokio::process::Command;

use super::{run, sdk};
use crate::error::{Error, Result};

const TOOL: &str = "esbuild";
/// What is installed where the code brings none: one whose options are known.
const VERSION: &str = "esbuild@0.25";

pub(super) struct Bundle<'a> {
    pub(super) source: &'a Path,
    pub(super) entries: &'a [String],
    pub(super) options: &'a [String],
}

impl Bundle<'_> {
    pub(super) async fn make(
        &self,
        into: &Path,
        packages: &Packages,
        tell: &mut impl FnMut(&str),
    ) -> Result<()> {
        let program = match self.own().or_else(in_path) {
            Some(program) => program,
            None => installed(packages, tell).await?,
        };
        tell(&format!("esbuild bundles {}", self.entries.join(", ")));
        let mut esbuild = Command::new(program);
        esbuild
            .args(self.entries)
            .args(["--bundle", "--platform=node", "--log-level=warning"])
            .arg(format!("--outdir={}", into.display()))
            .args(self.options);
        run(esbuild, TOOL, self.source, tell, || Error::NoTool {
            tool: TOOL,
            dir: self.source.to_owned(),
        })
        .await
    }

    /// As Node finds packages: also those of the folders around.
    fn own(&self) -> Option<PathBuf> {
        let mut programs = self
            .source
            .ancestors()
            .map(|folder| folder.join("node_modules/.bin").join(TOOL));
        programs.find(|program| program.is_file())
    }
}

fn in_path() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut programs = std::env::split_paths(&path).map(|folder| folder.join(TOOL));
    programs.find(|program| program.is_file())
}

async fn installed(packages: &Packages, tell: &mut impl FnMut(&str)) -> Result<PathBuf> {
    let wanted = BTreeSet::from([VERSION.to_owned()]);
    let place = packages.modules(&wanted);
    let program = place.join(sdk::ALL).join("node_modules/.bin").join(TOOL);
    if !program.is_file() {
        tell("the code has no esbuild of its own: npm installs it");
        sdk::install(&wanted, &place, tell).await?;
    }
    Ok(program)
}
