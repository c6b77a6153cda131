//! Code that is made from its sources: once for what they are, into the server's data folder, so that the sources stay as
//! they are.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base::{Clock, SystemClock, Timestamp};
use runtimes::Packages;

use super::{Build, compiled, esbuild, layer, make, npm, sdk};
use crate::error::{Error, Result};
use crate::names::fingerprint;
use crate::recipe::{How, Recipe};
use crate::survey::survey;

/// Says beside the code what it was made of.
const STAMP: &str = "made-of";
const CODE: &str = "code";
/// How long replaced code stays: the longest call, and some time to end.
const KEPT: Duration = Duration::from_secs(20 * 60);

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
        make_code(&recipe, &place, &draft.code(), packages, &mut tell).await?;
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

async fn make_code(
    recipe: &Recipe,
    place: &Path,
    into: &Path,
    packages: &Packages,
    tell: &mut impl FnMut(&str),
) -> Result<()> {
    let source = &recipe.source;
    match &recipe.how {
        How::Bundle { entries, options } => {
            let bundle = esbuild::Bundle {
                source,
                entries,
                options,
            };
            bundle.make(into, packages, tell).await
        }
        How::Make { target } => make::make(source, target, into, tell).await,
        How::Go { package } => compiled::go(source, package, into, tell).await,
        How::Cargo { binary } => {
            let kept = home(place).with_extension("target");
            compiled::cargo(source, binary.as_deref(), &kept, into, tell).await
        }
        How::Layer { runtime } => layer::fill(source, runtime, into, tell).await,
    }
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
pub(super) struct Draft(PathBuf);

impl Draft {
    pub(super) fn begin(place: &Path) -> Result<Self> {
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
        sweep(home, SystemClock.now()).map_err(|cause| failed(home, &cause))?;
        Ok(draft)
    }

    pub(super) fn code(&self) -> PathBuf {
        self.0.join(CODE)
    }

    /// What runs in the old folder finds its files there until it ends.
    pub(super) fn settle(self, place: &Path, content: &str) -> Result<()> {
        let home = home(place);
        let settled = fs::write(self.0.join(STAMP), content)
            .and_then(|()| match home.is_dir() {
                true => fs::rename(home, replaced(home)),
                false => Ok(()),
            })
            .and_then(|()| fs::rename(&self.0, home));
        settled.map_err(|cause| failed(place, &cause))
    }
}

/// Where what is in this folder goes.
fn replaced(home: &Path) -> PathBuf {
    home.with_extension(format!("old.{}", SystemClock.now().as_micros()))
}

/// Removes what was replaced so long ago that nothing runs in it any more.
fn sweep(home: &Path, now: Timestamp) -> io::Result<()> {
    let (Some(folder), Some(name)) = (home.parent(), home.file_name()) else {
        return Ok(());
    };
    let old = format!("{}.old.", name.to_string_lossy());
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let replaced = entry.file_name().to_str().and_then(|name| {
            let micros = name.strip_prefix(&old)?.parse().ok()?;
            Some(Timestamp::from_micros(micros))
        });
        if replaced.is_some_and(|replaced| replaced + KEPT < now) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
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

pub(super) fn failed(path: &Path, cause: &io::Error) -> Error {
    Error::Code {
        path: path.to_owned(),
        cause: cause.to_string(),
    }
}

#[cfg(test)]
mod tests;
