//! pip, for code in Python.
//!
//! Packages are installed apart from the code, in the server's data folder, in a folder that is named by what it was
//! made of: so nothing is installed twice, the user's source stays as it is, and what runs never sees it change.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use runtimes::{Found, Packages};
use tokio::process::Command;

use super::whole::whole;
use super::{Build, run};
use crate::error::{Error, Result};

const COMMAND: &str = "pip install";

pub(super) async fn build(
    build: &Build,
    packages: &Packages,
    tell: impl FnMut(&str),
) -> Result<bool> {
    let Some(requirements) = Packages::asked_by(&build.folder) else {
        return Ok(false);
    };
    if has_them_already(&build.folder, &requirements) {
        return Ok(false);
    }
    let python = python(&build.runtime, &build.folder).await?;
    let Some(place) = packages.place(&build.folder, &python) else {
        return Ok(false);
    };
    if place.is_dir() {
        return Ok(false);
    }
    // A file that asks for nothing leaves no folder.
    whole(&place, async |draft| {
        install(&python.path, &requirements, draft, tell).await
    })
    .await?;
    Ok(true)
}

/// The interpreter for which packages are installed.
pub(super) async fn python(runtime: &str, dir: &Path) -> Result<Found> {
    let python = runtimes::python_of(runtime).await;
    python.map_err(|error| Error::NoPython {
        dir: dir.to_owned(),
        cause: error.to_string(),
    })
}

/// Installs what this file asks for into a folder.
pub(super) async fn install(
    python: &Path,
    requirements: &Path,
    target: &Path,
    mut tell: impl FnMut(&str),
) -> Result<()> {
    let dir = requirements.parent().unwrap_or(requirements);
    let mut pip = Command::new(python);
    pip.args([
        "-m",
        "pip",
        "install",
        "--no-input",
        "--progress-bar",
        "off",
    ])
    .arg("--disable-pip-version-check")
    .arg("--target")
    .arg(target)
    .arg("--requirement")
    .arg(requirements)
    // Settings of the user's that contradict a folder to install to, and a warning about root. As variables, because
    // not every version knows them as options.
    .env("PIP_USER", "0")
    .env("PIP_ROOT_USER_ACTION", "ignore");
    let missing = || Error::NoPython {
        dir: dir.to_owned(),
        cause: format!("{} is not there", python.display()),
    };
    let tell = |line: &str| {
        if !is_ceremony(line) {
            tell(line);
        }
    };
    run(pip, COMMAND, dir, tell, missing).await
}

/// Whether somebody else has installed what is asked for beside the code, as `sam build` does: pip leaves a folder there for
/// each package, and there is one for all that are asked for by name. Which versions they are does not matter: what is beside
/// the code is found first anyway.
pub(super) fn has_them_already(code: &Path, requirements: &Path) -> bool {
    let Ok(text) = fs::read_to_string(requirements) else {
        return false;
    };
    let entries = fs::read_dir(code).into_iter().flatten().flatten();
    let there: BTreeSet<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter_map(|name| {
            let (package, _) = name.strip_suffix(".dist-info")?.rsplit_once('-')?;
            Some(normal(package))
        })
        .collect();
    let mut asked = text
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim())
        .filter(|line| !line.is_empty())
        .peekable();
    asked.peek().is_some()
        && asked.all(|line| name_of(line).is_some_and(|name| there.contains(&name)))
}

/// The name in a line that asks for a package by its name. An option, an address or a path is none.
fn name_of(line: &str) -> Option<String> {
    let end = line
        .find(|letter: char| !(letter.is_ascii_alphanumeric() || "-_.".contains(letter)))
        .unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    let begins = name.starts_with(|letter: char| letter.is_ascii_alphanumeric());
    let goes_on = rest.trim_start();
    let is_name =
        goes_on.is_empty() || goes_on.starts_with(['=', '<', '>', '!', '~', '[', ';', '(']);
    (begins && is_name).then(|| normal(name))
}

/// A package's name, of which case does not matter, nor what stands between words.
fn normal(name: &str) -> String {
    name.to_ascii_lowercase().replace(['-', '.'], "_")
}

/// Whether a line is one of those that are about each package that others asked for: in the end all are named. Nor is it news
/// what pip thinks of itself and of packages: what made it fail is said by the error.
fn is_ceremony(line: &str) -> bool {
    let line = line.trim_start();
    let every = [
        "Looking in ",
        "Downloading ",
        "Using cached ",
        "Installing collected packages",
        "WARNING: ",
        "DEPRECATION: ",
        "[notice]",
    ];
    // What else the host has does not matter to a folder of its own.
    let about_host = line.starts_with("ERROR: pip's dependency resolver does not")
        || line.ends_with(" which is incompatible.");
    about_host
        || every.iter().any(|start| line.starts_with(start))
        || (line.starts_with("Collecting ") && line.contains("->"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_and_what_came_of_it_is_told() {
        for told in [
            "Collecting flask>=3 (from -r /app/requirements.txt (line 1))",
            "  Building wheel for thing (setup.py): started",
            "Successfully installed click-8.5.1 flask-3.1.3",
            "ERROR: No matching distribution found for nothing",
        ] {
            assert!(!is_ceremony(told), "{told}");
        }
        for ceremony in [
            "Collecting click>=8 (from flask>=3->-r /app/requirements.txt (line 1))",
            "  Downloading flask-3.1.3-py3-none-any.whl (103 kB)",
            "Installing collected packages: click, flask",
            "WARNING: The directory '/root/.cache/pip' is not owned by the current user",
            "ERROR: pip's dependency resolver does not currently take into account all the packages that are installed.",
            "  awscli 1.45.11 requires botocore==1.43.11, but you have botocore 1.44.8 which is incompatible.",
            "[notice] A new release of pip is available: 24.0 -> 26.1",
        ] {
            assert!(is_ceremony(ceremony), "{ceremony}");
        }
    }
}
