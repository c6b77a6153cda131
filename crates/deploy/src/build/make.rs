//! make, for code that says itself how it is built.

use std::fs;
use std::path::Path;

use tokio::process::Command;

use super::made::failed;
use super::run;
use super::sources::copy;
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
