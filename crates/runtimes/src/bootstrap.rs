//! The bootstraps, as files: written once for each content, so that a newer binary never runs an older one's.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::digest;

use crate::{Error, Result};

/// Where they are inside, as programs expect it.
pub(crate) const PLACE: &str = "/var/runtime";

/// A name and its content.
type File = (&'static str, &'static [u8]);

/// What a process loads to be forked.
pub(crate) const LIBRARY: &str = "template.so";

/// A language's files. The first is the one to run, where one is.
pub(crate) struct Bootstrap {
    language: &'static str,
    pub(crate) files: &'static [File],
    name: OnceLock<String>,
}

pub(crate) static NODE: Bootstrap = Bootstrap::new(
    "node",
    &[
        (
            "bootstrap.js",
            include_bytes!("../bootstrap/node/bootstrap.js"),
        ),
        ("answer.js", include_bytes!("../bootstrap/node/answer.js")),
        ("azure.js", include_bytes!("../bootstrap/node/azure.js")),
        (
            "azure/answer.js",
            include_bytes!("../bootstrap/node/azure/answer.js"),
        ),
        (
            "azure/app.js",
            include_bytes!("../bootstrap/node/azure/app.js"),
        ),
        (
            "azure/core.js",
            include_bytes!("../bootstrap/node/azure/core.js"),
        ),
        (
            "azure/described.js",
            include_bytes!("../bootstrap/node/azure/described.js"),
        ),
        (
            "azure/form.js",
            include_bytes!("../bootstrap/node/azure/form.js"),
        ),
        (
            "azure/glob.js",
            include_bytes!("../bootstrap/node/azure/glob.js"),
        ),
        (
            "azure/http.js",
            include_bytes!("../bootstrap/node/azure/http.js"),
        ),
        (
            "code_cache.js",
            include_bytes!("../bootstrap/node/code_cache.js"),
        ),
        (
            "connection.js",
            include_bytes!("../bootstrap/node/connection.js"),
        ),
        ("console.js", include_bytes!("../bootstrap/node/console.js")),
        ("errors.js", include_bytes!("../bootstrap/node/errors.js")),
        ("google.js", include_bytes!("../bootstrap/node/google.js")),
        (
            "google/direct.js",
            include_bytes!("../bootstrap/node/google/direct.js"),
        ),
        (
            "google/response.js",
            include_bytes!("../bootstrap/node/google/response.js"),
        ),
        (
            "invocation.js",
            include_bytes!("../bootstrap/node/invocation.js"),
        ),
        ("line.js", include_bytes!("../bootstrap/node/line.js")),
        ("load.js", include_bytes!("../bootstrap/node/load.js")),
        (
            "modules.mjs",
            include_bytes!("../bootstrap/node/modules.mjs"),
        ),
        (
            "redirect.js",
            include_bytes!("../bootstrap/node/redirect.js"),
        ),
        ("request.js", include_bytes!("../bootstrap/node/request.js")),
        (
            "streaming.js",
            include_bytes!("../bootstrap/node/streaming.js"),
        ),
        (
            "rehearsal.js",
            include_bytes!("../bootstrap/node/rehearsal.js"),
        ),
        (
            "template.js",
            include_bytes!("../bootstrap/node/template.js"),
        ),
        (LIBRARY, sandbox::NODE_LIBRARY),
    ],
);

pub(crate) static PYTHON: Bootstrap = Bootstrap::new(
    "python",
    &[
        (
            "bootstrap.py",
            include_bytes!("../bootstrap/python/bootstrap.py"),
        ),
        (
            "_fulmar/__init__.py",
            include_bytes!("../bootstrap/python/_fulmar/__init__.py"),
        ),
        (
            "_fulmar/after.py",
            include_bytes!("../bootstrap/python/_fulmar/after.py"),
        ),
        (
            "_fulmar/answers.py",
            include_bytes!("../bootstrap/python/_fulmar/answers.py"),
        ),
        (
            "_fulmar/azure.py",
            include_bytes!("../bootstrap/python/_fulmar/azure.py"),
        ),
        (
            "_fulmar/connection.py",
            include_bytes!("../bootstrap/python/_fulmar/connection.py"),
        ),
        (
            "_fulmar/context.py",
            include_bytes!("../bootstrap/python/_fulmar/context.py"),
        ),
        (
            "_fulmar/direct.py",
            include_bytes!("../bootstrap/python/_fulmar/direct.py"),
        ),
        (
            "_fulmar/given.py",
            include_bytes!("../bootstrap/python/_fulmar/given.py"),
        ),
        (
            "_fulmar/google.py",
            include_bytes!("../bootstrap/python/_fulmar/google.py"),
        ),
        (
            "_fulmar/line.py",
            include_bytes!("../bootstrap/python/_fulmar/line.py"),
        ),
        (
            "_fulmar/loaded.py",
            include_bytes!("../bootstrap/python/_fulmar/loaded.py"),
        ),
        (
            "_fulmar/loading.py",
            include_bytes!("../bootstrap/python/_fulmar/loading.py"),
        ),
        (
            "_fulmar/logs.py",
            include_bytes!("../bootstrap/python/_fulmar/logs.py"),
        ),
        (
            "_fulmar/redirect.py",
            include_bytes!("../bootstrap/python/_fulmar/redirect.py"),
        ),
        (
            "_fulmar/rehearsal.py",
            include_bytes!("../bootstrap/python/_fulmar/rehearsal.py"),
        ),
        (
            "_fulmar/runtime.py",
            include_bytes!("../bootstrap/python/_fulmar/runtime.py"),
        ),
        (
            "_fulmar/snapshot.py",
            include_bytes!("../bootstrap/python/_fulmar/snapshot.py"),
        ),
        (
            "modules/snapshot_restore_py/__init__.py",
            include_bytes!("../bootstrap/python/modules/snapshot_restore_py/__init__.py"),
        ),
        (
            "_fulmar/template.py",
            include_bytes!("../bootstrap/python/_fulmar/template.py"),
        ),
        (
            "_fulmar/wsgi.py",
            include_bytes!("../bootstrap/python/_fulmar/wsgi.py"),
        ),
        (LIBRARY, sandbox::LIBRARY),
    ],
);

/// To be compiled together.
pub(crate) static CSHARP: Bootstrap = Bootstrap::new(
    "csharp",
    &[
        (
            "Bootstrap.cs",
            include_bytes!("../bootstrap/csharp/Bootstrap.cs"),
        ),
        (
            "Functions.cs",
            include_bytes!("../bootstrap/csharp/Functions.cs"),
        ),
        ("Http.cs", include_bytes!("../bootstrap/csharp/Http.cs")),
    ],
);

static ATTEMPTS: AtomicU64 = AtomicU64::new(0);

impl Bootstrap {
    const fn new(language: &'static str, files: &'static [File]) -> Self {
        Self {
            language,
            files,
            name: OnceLock::new(),
        }
    }

    /// The file to run, in the folder with these files.
    pub(crate) fn first(&self) -> &'static str {
        self.files[0].0
    }

    /// Of the folder with these files: another one for other content. It is asked for at each start.
    fn name(&self) -> &str {
        self.name.get_or_init(|| {
            let parts = self.files.iter();
            let parts = parts.flat_map(|(file, text)| [file.as_bytes(), *text]);
            format!("{}-{}", self.language, hash(parts))
        })
    }

    /// The folder with these files, under `parent`.
    pub(crate) fn written(&self, parent: &Path) -> Result<PathBuf> {
        let name = self.name();
        let folder = parent.join(name);
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
        let new = parent.join(format!("{name}.new.{}.{attempt}", std::process::id()));
        for (file, text) in self.files {
            let file = new.join(file);
            std::fs::create_dir_all(file.parent().unwrap_or(&new)).map_err(failed)?;
            std::fs::write(file, text).map_err(failed)?;
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
}

/// A short name for these parts together.
pub(crate) fn hash<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = digest::Context::new(&digest::SHA256);
    for part in parts {
        hash.update(&(part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finish().as_ref()[..8]
        .iter()
        .fold(String::new(), |mut name, byte| {
            let _ = write!(name, "{byte:02x}");
            name
        })
}
