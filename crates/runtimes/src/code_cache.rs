//! What a language has made of somebody's code, kept for the next instance of the same code, which then need not compile
//! it again.
//!
//! An instance that finds nothing kept gets a pipe, and writes into it what it has compiled when its code is loaded. What
//! comes is kept as a file, named by the code's folder, the language's program and how instances are started: what was
//! compiled under other flags is of no use. It was written by the function's own process, so only the same code is ever
//! given it, and the bootstrap uses a piece only for a source of the same content.

use std::collections::HashSet;
use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use sandbox::PassedFd;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;

use crate::bootstrap::hash;
use crate::catalog::Found;
use crate::launch::Launch;
use crate::{Language, Runtimes};

/// Under which it is read, or written: where templates hear of forks, what comes of them has nothing.
const DESCRIPTOR: i32 = 4;
/// Tells the bootstrap which of both; it takes it out of the environment again.
const VARIABLE: &str = "FULMAR_CODE_CACHE";
/// Of one function's code.
const LARGEST: usize = 32 << 20;
/// So many are kept; then the oldest go.
const MOST: usize = 256;

/// Which are being written: one instance does it, whoever is started meanwhile compiles for itself.
#[derive(Debug, Default)]
pub(crate) struct CodeCaches(Arc<Mutex<HashSet<String>>>);

/// What an instance is given for it.
pub(crate) struct Given {
    pub(crate) fd: PassedFd,
    pub(crate) variable: (String, String),
}

impl Runtimes {
    /// What this instance is to use, or to fill. `flags` are what tells its process from others of the language.
    pub(crate) fn code_cache(&self, launch: &Launch, found: &Found, flags: &str) -> Option<Given> {
        if found.language != Language::Node || launch.has_adapter() {
            return None;
        }
        let parts = [
            launch.code.as_os_str().as_encoded_bytes(),
            found.path.as_os_str().as_encoded_bytes(),
            found.version.as_bytes(),
            flags.as_bytes(),
        ];
        let name = hash(parts);
        let folder = self.shared.folder.join("code-cache");
        match File::open(folder.join(&name)) {
            Ok(file) => Some(given("read", file.into())),
            Err(_) => self.shared.code_caches.collect(folder, name),
        }
    }
}

fn given(what: &str, fd: OwnedFd) -> Given {
    Given {
        fd: PassedFd {
            fd,
            number: DESCRIPTOR,
        },
        variable: (VARIABLE.into(), what.into()),
    }
}

impl CodeCaches {
    /// Keeps what will be written, unless somebody else is about to.
    fn collect(&self, folder: PathBuf, name: String) -> Option<Given> {
        if !self.0.lock().insert(name.clone()) {
            return None;
        }
        let writing = Writing(self.0.clone(), name);
        // Without it, the next instance compiles too.
        let (reader, writer) = std::io::pipe().ok()?;
        let reader = Receiver::from_owned_fd(reader.into()).ok()?;
        tokio::spawn(async move {
            let Some(content) = whole(reader).await else {
                return;
            };
            let kept = tokio::task::spawn_blocking(move || keep(&folder, &writing.1, &content));
            if let Ok(Err(cause)) = kept.await {
                tracing::debug!(%cause, "what was compiled was not kept");
            }
        });
        Some(given("write", writer.into()))
    }
}

struct Writing(Arc<Mutex<HashSet<String>>>, String);

impl Drop for Writing {
    fn drop(&mut self) {
        self.0.lock().remove(&self.1);
    }
}

/// All that comes, if it is not too much.
async fn whole(reader: Receiver) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    let most = u64::try_from(LARGEST).unwrap_or(u64::MAX);
    let read = reader.take(most + 1).read_to_end(&mut content).await;
    (read.is_ok() && !content.is_empty() && content.len() <= LARGEST).then_some(content)
}

/// Under its name there is only ever a whole one.
fn keep(folder: &Path, name: &str, content: &[u8]) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    let new = folder.join(format!("{name}.new"));
    fs::write(&new, content)?;
    fs::rename(&new, folder.join(name))?;
    let mut all: Vec<_> = fs::read_dir(folder)?.flatten().collect();
    if all.len() > MOST {
        all.sort_by_key(|entry| entry.metadata().and_then(|facts| facts.modified()).ok());
        for oldest in &all[..all.len() - MOST] {
            fs::remove_file(oldest.path())?;
        }
    }
    Ok(())
}
