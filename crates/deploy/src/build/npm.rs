//! npm, for code in Node.
//!
//! A stamp in `node_modules` says for which `package.json` and lock file it was installed, so that nothing is installed
//! twice. Packages that the user has installed count as long as they are newer than both files.

use std::fs;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::run;
use crate::error::{Error, Result};
use crate::names::fingerprint;

const STAMP: &str = ".fulmar-stamp";

/// Which of the packages that are asked for make it worth to install.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wanted {
    ToRun,
    /// What code is only built with, too.
    ToBuild,
}

pub(super) async fn build(dir: &Path, wanted: Wanted, mut tell: impl FnMut(&str)) -> Result<bool> {
    let Some(command) = needed(dir, wanted) else {
        return Ok(false);
    };
    let mut npm = Command::new("npm");
    npm.args([command.trim_start_matches("npm "), "--no-audit"])
        .args(["--no-fund", "--no-progress"]);
    let tell = |line: &str| {
        if !is_ceremony(line) {
            tell(line);
        }
    };
    run(npm, command, dir, tell, || Error::NoNpm(dir.to_owned())).await?;
    let file = dir.join("node_modules").join(STAMP);
    // Without the stamp it is only installed again next time.
    if let Err(error) = fs::write(&file, stamp(dir)) {
        tracing::warn!(file = %file.display(), %error, "cannot remember that packages are installed");
    }
    Ok(true)
}

/// Whether a line is no news of what is installed: what npm thinks of packages is for who works on them, and what made it
/// fail is said by the error.
pub(super) fn is_ceremony(line: &str) -> bool {
    let line = line.trim_start();
    let every = ["npm warn", "npm WARN", "npm notice"];
    line.is_empty() || every.iter().any(|start| line.starts_with(start))
}

/// The command that is needed, if any is.
pub(super) fn needed(dir: &Path, wanted: Wanted) -> Option<&'static str> {
    if !has_dependencies(dir, wanted) || is_installed(dir) {
        return None;
    }
    Some(match lock(dir) {
        Some(_) => "npm ci",
        None => "npm install",
    })
}

/// Whether `package.json` asks for any package. One that cannot be read is npm's to complain about.
fn has_dependencies(dir: &Path, wanted: Wanted) -> bool {
    let Ok(text) = fs::read(dir.join("package.json")) else {
        return false;
    };
    let Ok(package) = serde_json::from_slice::<serde_json::Value>(&text) else {
        return true;
    };
    let fields: &[&str] = match wanted {
        Wanted::ToRun => &["dependencies", "optionalDependencies"],
        Wanted::ToBuild => &["dependencies", "optionalDependencies", "devDependencies"],
    };
    fields
        .iter()
        .filter_map(|field| package.get(field)?.as_object())
        .any(|packages| !packages.is_empty())
}

fn lock(dir: &Path) -> Option<PathBuf> {
    let names = ["npm-shrinkwrap.json", "package-lock.json"];
    let mut files = names.iter().map(|name| dir.join(name));
    files.find(|file| file.is_file())
}

fn is_installed(dir: &Path) -> bool {
    let modules = dir.join("node_modules");
    if let Ok(found) = fs::read_to_string(modules.join(STAMP)) {
        return found == stamp(dir);
    }
    // npm writes this file last, and itself trusts it only while it is the newest.
    let changed = |file: &Path| fs::metadata(file).and_then(|metadata| metadata.modified());
    let Ok(installed) = changed(&modules.join(".package-lock.json")) else {
        return false;
    };
    let files = [Some(dir.join("package.json")), lock(dir)];
    let mut files = files.into_iter().flatten();
    files.all(|file| changed(&file).is_ok_and(|changed| changed <= installed))
}

/// Of what decides what is installed: both files, and the machine, for native modules.
fn stamp(dir: &Path) -> String {
    let package = fs::read(dir.join("package.json")).unwrap_or_default();
    let lock = lock(dir).and_then(|file| fs::read(file).ok());
    fingerprint(&[
        &package,
        &lock.unwrap_or_default(),
        std::env::consts::ARCH.as_bytes(),
        std::env::consts::OS.as_bytes(),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_npm_thinks_of_packages_is_not_told() {
        for ceremony in [
            "",
            "npm warn deprecated inflight@1.0.6: This module is not supported",
            "npm WARN old lockfile",
            "npm notice New major version of npm available!",
        ] {
            assert!(is_ceremony(ceremony), "{ceremony}");
        }
        for told in ["added 272 packages in 11s", "npm error code ENOENT"] {
            assert!(!is_ceremony(told), "{told}");
        }
    }
}
