//! Layers of packages: the sources, and what a language's own tool installs for them, where functions look for it.

use std::fs;
use std::path::Path;

use runtimes::{Language, Packages};

use super::made::failed;
use super::sources::copy;
use super::{npm, pip};
use crate::error::Result;

pub(super) async fn fill(
    source: &Path,
    runtime: &str,
    into: &Path,
    tell: &mut impl FnMut(&str),
) -> Result<()> {
    let is_python = matches!(runtimes::check(runtime), Ok(Language::Python));
    let folder = into.join(if is_python { "python" } else { "nodejs" });
    copy(source, &folder).map_err(|cause| failed(source, &cause))?;
    if !is_python {
        // What was installed for whoever works on it may be more than what it needs to run.
        let modules = folder.join("node_modules");
        if modules.is_dir() {
            fs::remove_dir_all(&modules).map_err(|cause| failed(&modules, &cause))?;
        }
        return npm::build(&folder, npm::Wanted::ToRun, tell)
            .await
            .map(drop);
    }
    let Some(requirements) = Packages::asked_by(&folder) else {
        return Ok(());
    };
    let python = pip::python(runtime, source).await?;
    pip::install(&python.path, &requirements, &folder, tell).await
}
