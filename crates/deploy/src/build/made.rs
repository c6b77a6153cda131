//! Code that is made from its sources: once for what they are, into the server's data folder, so that the sources stay as
//! they are.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use runtimes::Packages;

use super::{Build, esbuild, make, npm, sdk};
use crate::error::{Error, Result};
use crate::names::fingerprint;
use crate::recipe::{How, Recipe};
use crate::survey::survey;

/// Says beside the code what it was made of.
const STAMP: &str = "made-of";
const CODE: &str = "code";

pub(super) async fn build(
    build: &Build,
    how: &How,
    packages: &Packages,
    mut tell: impl FnMut(&str),
) -> Result<bool> {
    let source = &build.folder;
    let mut done = false;
    if let How::Bundle { .. } = how {
        done |= npm::build(source, npm::Wanted::ToBuild, &mut tell).await?;
    }
    let recipe = Recipe {
        source: source.clone(),
        how: how.clone(),
    };
    let place = recipe.place(packages);
    let content = content(source)?;
    if !is_made(&place, &content) {
        let draft = Draft::begin(&place)?;
        match how {
            How::Bundle { entries, options } => {
                let bundle = esbuild::Bundle {
                    source,
                    entries,
                    options,
                };
                bundle.make(&draft.code(), packages, &mut tell).await?;
            }
            How::Make { target } => make::make(source, target, &draft.code(), &mut tell).await?,
        }
        draft.settle(&place, &content)?;
        done = true;
    }
    let made = Build {
        folder: place,
        how: None,
        ..build.clone()
    };
    Ok(sdk::bring(&made, packages, tell).await? || done)
}

fn content(source: &Path) -> Result<String> {
    let mut facts = Vec::new();
    survey(source, &mut facts).map_err(|cause| failed(source, &cause))?;
    Ok(fingerprint(&[&facts]))
}

fn is_made(place: &Path, content: &str) -> bool {
    let stamp = place.with_file_name(STAMP);
    fs::read_to_string(stamp).is_ok_and(|made_of| made_of == content) && place.is_dir()
}

/// A folder beside the one that it becomes. What is not settled is removed.
struct Draft(PathBuf);

impl Draft {
    fn begin(place: &Path) -> Result<Self> {
        let home = home(place);
        let draft = Self(home.with_extension(format!("new.{}", std::process::id())));
        // What an earlier attempt has left.
        let _ = fs::remove_dir_all(&draft.0);
        // Only the owner may look into the data folder, and `up` builds before the server makes it.
        let made = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&draft.0)
            .and_then(|()| fs::create_dir(draft.code()));
        made.map_err(|cause| failed(&draft.0, &cause))?;
        Ok(draft)
    }

    fn code(&self) -> PathBuf {
        self.0.join(CODE)
    }

    /// What runs in the old folder keeps it until it ends.
    fn settle(self, place: &Path, content: &str) -> Result<()> {
        let home = home(place);
        let old = self.0.with_extension("old");
        let settled = fs::write(self.0.join(STAMP), content)
            .and_then(|()| match home.is_dir() {
                true => fs::rename(home, &old),
                false => Ok(()),
            })
            .and_then(|()| fs::rename(&self.0, home));
        // It is in nobody's way.
        let _ = fs::remove_dir_all(&old);
        settled.map_err(|cause| failed(place, &cause))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Gone if it was settled; else it is in nobody's way, and the first error is the one to tell.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn home(place: &Path) -> &Path {
    place.parent().expect("it is in a folder of its own")
}

pub(super) fn failed(path: &Path, cause: &std::io::Error) -> Error {
    Error::Code {
        path: path.to_owned(),
        cause: cause.to_string(),
    }
}

#[cfg(test)]
mod tests;
