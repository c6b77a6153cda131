//! Programs that are compiled: what comes of it is called `bootstrap`, as custom runtimes start it.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::made::failed;
use super::run;
use crate::error::{Error, Result};

const BOOTSTRAP: &str = "bootstrap";
const GO: &str = "go";
const CARGO: &str = "cargo";

/// Compiles a package of the module that is in `source`, for this host.
pub(super) async fn go(
    source: &Path,
    package: &str,
    into: &Path,
    tell: &mut impl FnMut(&str),
) -> Result<()> {
    let mut go = Command::new(GO);
    go.args(["build", "-trimpath", "-o"])
        .arg(into.join(BOOTSTRAP))
        .arg(package)
        .env("GOOS", "linux");
    run(go, GO, source, tell, missing(GO, source)).await
}

/// Compiles a program of the package that is in `source`. What is compiled on the way stays in `kept` for the next time.
pub(super) async fn cargo(
    source: &Path,
    binary: Option<&str>,
    kept: &Path,
    into: &Path,
    tell: &mut impl FnMut(&str),
) -> Result<()> {
    let folder = kept.join("release");
    // One that was renamed since would be a second program. Cargo puts what is still made back without compiling it.
    for program in programs(&folder).unwrap_or_default() {
        fs::remove_file(&program).map_err(|cause| failed(&program, &cause))?;
    }
    let mut cargo = Command::new(CARGO);
    cargo.args(["build", "--release", "--target-dir"]).arg(kept);
    if let Some(binary) = binary {
        cargo.args(["--bin", binary]);
    }
    run(cargo, CARGO, source, tell, missing(CARGO, source)).await?;
    let program = match binary {
        Some(binary) => folder.join(binary),
        None => only_program(&folder, source)?,
    };
    let copied = fs::copy(&program, into.join(BOOTSTRAP));
    copied.map_err(|cause| failed(&program, &cause))?;
    Ok(())
}

/// The program of a package that has but one.
fn only_program(folder: &Path, source: &Path) -> Result<PathBuf> {
    let mut programs = programs(folder).map_err(|cause| failed(folder, &cause))?;
    match (programs.pop(), programs.pop()) {
        (Some(program), None) => Ok(program),
        (first, _) => Err(Error::Code {
            path: source.to_owned(),
            cause: match first {
                None => "it makes no program".to_owned(),
                Some(_) => "it makes several programs; name one by `BuildProperties: {Binary: …}`"
                    .to_owned(),
            },
        }),
    }
}

fn programs(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        let path = entry.path();
        // Libraries may be executable, and have an ending.
        let is_program = metadata.is_file()
            && metadata.permissions().mode() & 0o111 != 0
            && path.extension().is_none();
        if is_program {
            found.push(path);
        }
    }
    Ok(found)
}

fn missing(tool: &'static str, source: &Path) -> impl FnOnce() -> Error {
    let dir = source.to_owned();
    move || Error::NoTool { tool, dir }
}
