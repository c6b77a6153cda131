//! The folder of unpacked packages: each content once, whole or not at all, and as long as somebody uses it.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::{ByteSize, Random};
use bytes::Bytes;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use super::folder::lay_over;
use super::unpack::{io_error, sync, unpack_whole};
use crate::PackageError;

/// The folder of unpacked packages.
pub(crate) struct CodeStore {
    dir: PathBuf,
    unpacked: ByteSize,
    random: Random,
    /// Unpacking is heavy and several instances may want the same package at once.
    turn: Arc<Mutex<()>>,
    held: Held,
}

/// How often each package is in use.
type Held = Arc<parking_lot::Mutex<HashMap<[u8; 32], usize>>>;

/// Keeps an unpacked package from being swept away.
pub(crate) struct Hold {
    held: Held,
    sha256: [u8; 32],
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut held = self.held.lock();
        if let Some(count) = held.get_mut(&self.sha256) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.sha256);
            }
        }
    }
}

impl CodeStore {
    pub(crate) fn new(dir: PathBuf, unpacked: ByteSize, random: Random) -> Self {
        Self {
            dir,
            unpacked,
            random,
            turn: Arc::default(),
            held: Arc::default(),
        }
    }

    pub(crate) fn hold(&self, sha256: [u8; 32]) -> Hold {
        *self.held.lock().entry(sha256).or_default() += 1;
        Hold {
            held: self.held.clone(),
            sha256,
        }
    }

    pub(super) fn path(&self, sha256: [u8; 32]) -> PathBuf {
        self.dir.join(hex(&sha256))
    }

    /// Unpacks a package unless its content is there already; returns its folder.
    pub(crate) async fn unpack(
        &self,
        sha256: [u8; 32],
        package: Bytes,
    ) -> Result<PathBuf, PackageError> {
        let limit = self.unpacked;
        self.make(sha256, move |draft| unpack_whole(&package, draft, limit))
            .await
    }

    /// Makes a folder unless it is there already; it is there whole or not at all.
    async fn make(
        &self,
        name: [u8; 32],
        fill: impl FnOnce(&Path) -> Result<(), PackageError> + Send + 'static,
    ) -> Result<PathBuf, PackageError> {
        let target = self.path(name);
        let turn = self.turn.clone().lock_owned().await;
        if target.is_dir() {
            return Ok(target);
        }
        let draft = self.dir.join(format!(".{}", self.random.uuid()));
        let done = target.clone();
        spawn_blocking(move || {
            // Until it is done: whoever waits for it may go away, and the next one must not come in between.
            let _turn = turn;
            let made = fill(&draft).and_then(|()| fs::rename(&draft, &done).map_err(io_error));
            if made.is_err() {
                // A leftover is swept at the next start; the first error is the one to tell.
                let _ = fs::remove_dir_all(&draft);
            }
            made
        })
        .await
        .map_err(|stopped| PackageError::Io(stopped.to_string()))??;
        Ok(target)
    }

    /// Lays folders over one another, the last on top, unless that has been done already.
    pub(super) async fn merge(
        &self,
        name: [u8; 32],
        folders: Vec<PathBuf>,
    ) -> Result<PathBuf, PackageError> {
        self.make(name, move |draft| {
            for folder in folders {
                lay_over(&folder, draft).map_err(io_error)?;
            }
            sync(draft)
        })
        .await
    }

    /// Removes every unpacked package that is neither in `kept` nor held, and what unpacking left unfinished. One that
    /// is wanted later after all is unpacked again.
    pub(super) async fn sweep(&self, kept: &[[u8; 32]]) {
        let kept: Vec<String> = kept.iter().map(|sha256| hex(sha256)).collect();
        let (dir, held) = (self.dir.clone(), self.held.clone());
        let removed = format!(".{}", self.random.uuid());
        let turn = self.turn.clone().lock_owned().await;
        let swept = spawn_blocking(move || {
            let _turn = turn;
            sweep_dir(&dir, &kept, &held, &removed)
        })
        .await;
        if let Ok(Err(cause)) = swept {
            tracing::warn!(%cause, "unpacked packages that nobody uses were not removed");
        }
    }
}

fn sweep_dir(dir: &Path, kept: &[String], held: &Held, removed: &str) -> io::Result<()> {
    let entries = match fs::read_dir(dir) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let (name, path) = (entry?.file_name(), dir.join(removed));
        if kept.iter().any(|kept| name == kept.as_str()) {
            continue;
        }
        {
            // Whoever holds it from now on finds it gone, or was seen here.
            let held = held.lock();
            if held.keys().any(|sha256| name == hex(sha256).as_str()) {
                continue;
            }
            fs::rename(dir.join(&name), &path)?;
        }
        fs::remove_dir_all(&path)?;
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
