//! The JavaScript SDK, installed by npm.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use runtimes::Packages;
use tokio::process::Command;

use super::{Missing, Tool};
use crate::build::made::failed;
use crate::build::npm::is_ceremony;
use crate::build::whole::whole;
use crate::build::{Build, run};
use crate::error::{Error, Result};

mod scan;

pub(crate) use scan::is_source;

const COMMAND: &str = "npm install";
/// Where npm installs to. The language never looks for packages right inside a folder that is named as that of packages.
pub(in crate::build) const ALL: &str = ".all";
/// The first runtime with the SDK's third version; those before it have the second.
const FIRST_WITH_THIRD: u32 = 18;

pub(super) fn missing(build: &Build, packages: &Packages) -> Option<Missing> {
    let names = wanted(&build.folder, runtimes::node_major(&build.runtime)?);
    Some(Missing {
        place: packages.modules(&names),
        names,
        tool: Tool::Npm,
    })
}

/// What npm is to install: of all that the code asks for, what this runtime brings and the package has not.
fn wanted(code: &Path, major: u32) -> BTreeSet<String> {
    let asked = scan::missing(code).into_iter();
    asked
        .filter_map(|name| match (name.as_str(), major >= FIRST_WITH_THIRD) {
            ("aws-sdk", false) => Some("aws-sdk@2".to_owned()),
            ("aws-sdk", true) | (_, false) => None,
            (scoped, true) if scoped.starts_with("@aws-sdk/") => Some(format!("{name}@3")),
            // Its packages count their versions each for itself: what goes with the rest is the newest.
            (_, true) => Some(format!("{name}@latest")),
        })
        .collect()
}

/// Into a folder that is there whole or not at all.
pub(in crate::build) async fn install(
    wanted: &BTreeSet<String>,
    place: &Path,
    tell: &mut impl FnMut(&str),
) -> Result<()> {
    whole(place, async |draft| {
        prepare(draft).map_err(|cause| failed(draft, &cause))?;
        fetch(wanted, draft, tell).await?;
        let mut names = wanted.iter();
        let shown = names.try_for_each(|name| show(draft, name));
        shown.map_err(|cause| failed(place, &cause))
    })
    .await
}

fn prepare(draft: &Path) -> std::io::Result<()> {
    let all = draft.join(ALL);
    fs::create_dir_all(&all)?;
    // Else npm would look further up for something to install into.
    fs::write(all.join("package.json"), "{}")
}

async fn fetch(wanted: &BTreeSet<String>, draft: &Path, tell: &mut impl FnMut(&str)) -> Result<()> {
    let mut npm = Command::new("npm");
    npm.args(["install", "--omit=dev", "--no-audit", "--no-fund"])
        .args(["--no-progress", "--ignore-scripts", "--prefer-offline"])
        .arg("--loglevel=error")
        // Without a network, the deployment is not to wait for minutes.
        .args(["--fetch-retries=1", "--fetch-retry-mintimeout=1000"])
        .arg("--fetch-retry-maxtimeout=1000")
        .args(wanted);
    let all = draft.join(ALL);
    let tell = |line: &str| {
        if !is_ceremony(line) {
            tell(line);
        }
    };
    run(npm, COMMAND, &all, tell, || Error::NoNpm(all.clone())).await
}

/// Puts a package where code finds it. What the packages need of one another stays out of sight, so that it is never taken
/// for what a layer brings.
pub(super) fn show(draft: &Path, versioned: &str) -> std::io::Result<()> {
    let name = versioned
        .rsplit_once('@')
        .map_or(versioned, |(name, _)| name);
    let mut target = Path::new(ALL).join("node_modules").join(name);
    if let Some((scope, _)) = name.split_once('/') {
        fs::create_dir_all(draft.join(scope))?;
        target = Path::new("..").join(target);
    }
    symlink(target, draft.join(name))
}
