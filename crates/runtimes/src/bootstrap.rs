//! The bootstraps, as files: written once for each content, so that a newer binary never runs an older one's.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::digest;

use crate::{Error, Result};

/// Node's: the first is the one to run.
pub(crate) const NODE: &[(&str, &str)] = &[
    (
        "bootstrap.js",
        include_str!("../bootstrap/node/bootstrap.js"),
    ),
    (
        "connection.js",
        include_str!("../bootstrap/node/connection.js"),
    ),
    ("console.js", include_str!("../bootstrap/node/console.js")),
    ("errors.js", include_str!("../bootstrap/node/errors.js")),
    (
        "invocation.js",
        include_str!("../bootstrap/node/invocation.js"),
    ),
    ("load.js", include_str!("../bootstrap/node/load.js")),
    ("redirect.js", include_str!("../bootstrap/node/redirect.js")),
];

static ATTEMPTS: AtomicU64 = AtomicU64::new(0);

/// The folder with these files, under `parent`.
pub(crate) fn written(parent: &Path, files: &[(&str, &str)]) -> Result<PathBuf> {
    let folder = parent.join(name(files));
    if folder.is_dir() {
        return Ok(folder);
    }
    let failed = |cause| Error::Io {
        what: "write a bootstrap",
        cause,
    };
    // Made under another name and then renamed, so that a folder that is there is whole. Each attempt has its own: several
    // instances may be the first at once.
    let attempt = ATTEMPTS.fetch_add(1, Ordering::Relaxed);
    let draft = format!("{}.new.{}.{attempt}", name(files), std::process::id());
    let new = parent.join(draft);
    std::fs::create_dir_all(&new).map_err(failed)?;
    for (file, text) in files {
        std::fs::write(new.join(file), text).map_err(failed)?;
    }
    match std::fs::rename(&new, &folder) {
        Err(cause) if !folder.is_dir() => Err(failed(cause)),
        Err(_) => {
            // Somebody else was faster.
            let _ = std::fs::remove_dir_all(&new);
            Ok(folder)
        }
        Ok(()) => Ok(folder),
    }
}

fn name(files: &[(&str, &str)]) -> String {
    let mut hash = digest::Context::new(&digest::SHA256);
    for (file, text) in files {
        hash.update(file.as_bytes());
        hash.update(&[0]);
        hash.update(text.as_bytes());
        hash.update(&[0]);
    }
    hash.finish().as_ref()[..8]
        .iter()
        .fold(String::from("node-"), |mut name, byte| {
            let _ = write!(name, "{byte:02x}");
            name
        })
}
