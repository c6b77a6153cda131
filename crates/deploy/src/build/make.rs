//! make, for code that says itself how it is built.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::{fs, io};

use tokio::process::Command;

use super::made::failed;
use super::run;
use crate::error::{Error, Result};

const TOOL: &str = "make";

/// Runs the target in a copy of the sources, which it may change as it likes.
pub(super) async fn make(
    source: &Path,
    target: &str,
    into: &Path,
    tell: &mut impl FnMut(&str),
) -> Result<()> {
    let scratch = into.with_file_name("scratch");
    copy(source, &scratch).map_err(|cause| failed(source, &cause))?;
    let mut make = Command::new(TOOL);
    make.args(["--no-print-directory", target])
        .env("ARTIFACTS_DIR", into)
        // Those of a make that runs us.
        .env_remove("MAKEFLAGS")
        .env_remove("MAKELEVEL");
    let missing = || Error::NoTool {
        tool: TOOL,
        dir: source.to_owned(),
    };
    run(make, TOOL, &scratch, tell, missing).await?;
    fs::remove_dir_all(&scratch).map_err(|cause| failed(&scratch, &cause))
}

/// All but what is no source.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        fs::create_dir_all(to.join(&folder))?;
        for entry in fs::read_dir(from.join(&folder))? {
            let entry = entry?;
            let inner = folder.join(entry.file_name());
            let kind = entry.file_type()?;
            if kind.is_dir() {
                let is_other = matches!(entry.file_name().to_str(), Some(".git" | ".aws-sam"));
                if !is_other && !runtimes::is_data_folder(&entry.path()) {
                    folders.push(inner);
                }
            } else if kind.is_symlink() {
                symlink(fs::read_link(entry.path())?, to.join(inner))?;
            } else {
                fs::copy(entry.path(), to.join(inner))?;
            }
        }
    }
    Ok(())
}
