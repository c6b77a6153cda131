//! Folders that are there whole or not at all.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use super::made::failed;
use crate::error::Result;

/// Has a folder filled under another name and then renamed. One into which nothing was put is empty.
pub(super) async fn whole(place: &Path, fill: impl AsyncFnOnce(&Path) -> Result<()>) -> Result<()> {
    make_parent(place).map_err(|cause| failed(place, &cause))?;
    let draft = place.with_extension(format!("new.{}", std::process::id()));
    let filled = fill(&draft).await;
    let settled = filled.and_then(|()| {
        let settled = fs::create_dir_all(&draft).and_then(|()| fs::rename(&draft, place));
        match settled {
            // Somebody else was faster.
            Err(_) if place.is_dir() => Ok(()),
            settled => settled.map_err(|cause| failed(place, &cause)),
        }
    });
    // What is left is in nobody's way; the first error is the one to tell.
    let _ = fs::remove_dir_all(&draft);
    settled
}

/// Only the owner may look into the data folder, and `up` installs before the server makes it.
fn make_parent(place: &Path) -> io::Result<()> {
    let Some(parent) = place.parent() else {
        return Ok(());
    };
    DirBuilder::new().recursive(true).mode(0o700).create(parent)
}
