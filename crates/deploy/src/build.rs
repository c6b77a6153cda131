//! Making code runnable: installing the packages that a function's `package.json` asks for.
//!
//! A stamp in `node_modules` says for which `package.json` and lock file it was installed, so that nothing is installed
//! twice. Packages that the user has installed count as long as they are newer than both files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

use crate::error::{Error, Result};
use crate::names::fingerprint;

const STAMP: &str = ".fulmar-stamp";
/// A longer line is relayed in pieces.
const LONGEST_LINE: usize = 8 << 10;
/// How many of npm's last lines an error repeats.
const REPEATED: usize = 20;

/// Installs the packages of the code in `dir`, if it asks for any that are missing or outdated. `tell` gets every line
/// that npm prints. Returns whether anything was installed.
pub async fn build(dir: &Path, tell: impl FnMut(&str)) -> Result<bool> {
    let Some(command) = needed(dir) else {
        return Ok(false);
    };
    install(dir, command, tell).await?;
    let file = dir.join("node_modules").join(STAMP);
    // Without the stamp it is only installed again next time.
    if let Err(error) = fs::write(&file, stamp(dir)) {
        tracing::warn!(file = %file.display(), %error, "cannot remember that packages are installed");
    }
    Ok(true)
}

/// The command that is needed, if any is.
fn needed(dir: &Path) -> Option<&'static str> {
    if !has_dependencies(dir) || is_installed(dir) {
        return None;
    }
    Some(match lock(dir) {
        Some(_) => "npm ci",
        None => "npm install",
    })
}

async fn install(dir: &Path, command: &'static str, mut tell: impl FnMut(&str)) -> Result<()> {
    let failed = |cause: String| Error::Npm {
        command,
        dir: dir.to_owned(),
        cause,
    };
    let spawned = Command::new("npm")
        .args([command.trim_start_matches("npm "), "--no-audit"])
        .args(["--no-fund", "--no-progress"])
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    let mut child = spawned.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::NoNpm(dir.to_owned()),
        _ => failed(error.to_string()),
    })?;
    let out = child.stdout.take().expect("it is piped");
    let err = child.stderr.take().expect("it is piped");
    let mut last: Vec<String> = Vec::new();
    relay(out, err, |line| {
        if last.len() == REPEATED {
            last.remove(0);
        }
        last.push(line.to_owned());
        tell(line);
    })
    .await;
    let status = child.wait().await;
    let status = status.map_err(|error| failed(error.to_string()))?;
    match status.success() {
        true => Ok(()),
        false => Err(failed(format!("{status}\n{}", last.join("\n")))),
    }
}

/// Hands on both streams line by line until both end.
async fn relay(
    mut out: impl AsyncRead + Unpin,
    mut err: impl AsyncRead + Unpin,
    mut tell: impl FnMut(&str),
) {
    let (mut out_line, mut err_line) = (Vec::new(), Vec::new());
    let (mut out_open, mut err_open) = (true, true);
    let (mut out_chunk, mut err_chunk) = ([0; 4096], [0; 4096]);
    while out_open || err_open {
        tokio::select! {
            read = out.read(&mut out_chunk), if out_open => {
                let read = read.unwrap_or(0);
                out_open = read > 0;
                lines(&mut out_line, &out_chunk[..read], !out_open, &mut tell);
            }
            read = err.read(&mut err_chunk), if err_open => {
                let read = read.unwrap_or(0);
                err_open = read > 0;
                lines(&mut err_line, &err_chunk[..read], !err_open, &mut tell);
            }
        }
    }
}

fn lines(line: &mut Vec<u8>, chunk: &[u8], ended: bool, tell: &mut impl FnMut(&str)) {
    for &byte in chunk {
        if byte != b'\n' {
            line.push(byte);
        }
        if byte == b'\n' || line.len() >= LONGEST_LINE {
            tell(String::from_utf8_lossy(line).trim_end());
            line.clear();
        }
    }
    if ended && !line.is_empty() {
        tell(String::from_utf8_lossy(line).trim_end());
        line.clear();
    }
}

/// Whether `package.json` asks for any package. One that cannot be read is npm's to complain about.
fn has_dependencies(dir: &Path) -> bool {
    let Ok(text) = fs::read(dir.join("package.json")) else {
        return false;
    };
    let Ok(package) = serde_json::from_slice::<serde_json::Value>(&text) else {
        return true;
    };
    ["dependencies", "optionalDependencies"]
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
mod tests;
