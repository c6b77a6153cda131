//! Making code runnable: installing the packages that it asks for, with its language's own tool, and making it from its
//! sources where it is not them that run.

mod compiled;
mod esbuild;
mod layer;
mod made;
mod make;
mod npm;
mod packaged_layer;
mod pip;
mod sdk;
mod sources;
mod whole;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use runtimes::{Language, Packages};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

pub use packaged_layer::{PackagedLayer, make_layer};
pub use sdk::Sdk;
pub(crate) use sdk::is_source;

use crate::desired::Cloud;
use crate::error::{Error, Result};
use crate::recipe::How;

/// A longer line is relayed in pieces.
const LONGEST_LINE: usize = 8 << 10;
/// How many of a tool's last lines an error repeats.
const REPEATED: usize = 20;

/// Code to be made runnable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Build {
    pub folder: PathBuf,
    /// What it is to run on.
    pub runtime: String,
    /// Whose runtime it is: it decides what comes along with it.
    pub cloud: Cloud,
    /// Of sources, how the code is made of them.
    pub how: Option<How>,
}

/// What is to be made before a template is deployed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Builds {
    pub code: BTreeSet<Build>,
    pub layers: BTreeSet<PackagedLayer>,
}

/// Installs the packages of the code, if it asks for any that are missing or outdated. What is not installed beside the
/// code itself goes to `packages`. `tell` gets every line that is printed. Returns whether anything was installed or made.
pub async fn build(build: &Build, packages: &Packages, mut tell: impl FnMut(&str)) -> Result<bool> {
    if let Some(how) = &build.how {
        return made::build(build, how, packages, tell).await;
    }
    match runtimes::check(&build.runtime) {
        Ok(Language::Node) => {
            let own = npm::build(&build.folder, npm::Wanted::ToRun, &mut tell).await?;
            Ok(sdk::bring(build, packages, tell).await? || own)
        }
        Ok(Language::Python) => {
            let own = pip::build(build, packages, &mut tell).await?;
            Ok(sdk::bring(build, packages, tell).await? || own)
        }
        // A custom runtime's program is built by whoever wrote it; what is compiled here is, when it is started.
        Ok(Language::Custom | Language::CSharp | Language::Hosted) | Err(_) => Ok(false),
    }
}

/// Runs a tool in `dir`; `missing` is what it means that there is no such program.
pub(crate) async fn run(
    mut tool: Command,
    command: &'static str,
    dir: &Path,
    mut tell: impl FnMut(&str),
    missing: impl FnOnce() -> Error,
) -> Result<()> {
    let failed = |cause: String| Error::Install {
        command,
        dir: dir.to_owned(),
        cause,
    };
    let spawned = tool
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    let mut child = spawned.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => missing(),
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

#[cfg(test)]
mod tests;
