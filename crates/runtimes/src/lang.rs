//! The interpreter as instances see it. It is where the host has it, so that it finds what belongs to it; and, as in the real
//! service, at `/var/lang/bin`, which scripts in layers name as what they are run by.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use sandbox::Mount;

use crate::bootstrap::hash;
use crate::catalog::{Found, Language};
use crate::launch::{LAYERS, read_only};
use crate::{Error, Result, Runtimes};

pub(crate) const LANG: &str = "/var/lang";
/// Where instances have something else than the host.
const OTHERWISE_USED: [&str; 2] = ["/tmp", LAYERS];

impl Runtimes {
    /// The interpreter as it is inside, and what must be there for it.
    pub(crate) fn interpreter(&self, found: &Found) -> Result<(Found, Vec<Mount>)> {
        let folder = own_folder(&found.path);
        if let Some(folder) = folder
            && OTHERWISE_USED.iter().any(|place| folder.starts_with(place))
        {
            let seen = found.moved(folder, &self.inside(LANG, folder));
            return Ok((seen, vec![read_only(folder, LANG)]));
        }
        let mut mounts: Vec<Mount> = folder
            .map(|folder| read_only(folder, folder))
            .into_iter()
            .collect();
        if self.shared.jail.confines() {
            mounts.push(read_only(&self.names(found)?, LANG));
        }
        Ok((found.clone(), mounts))
    }

    /// A folder in which the interpreter has the names that it is called by.
    fn names(&self, found: &Found) -> Result<PathBuf> {
        let name = hash([
            found.path.as_os_str().as_encoded_bytes(),
            found.version.as_bytes(),
        ]);
        let folder = self.shared.folder.join(format!("lang-{name}"));
        let names = names(found);
        let is_whole = names
            .iter()
            .all(|name| folder.join("bin").join(name).is_symlink());
        if !is_whole {
            link(&folder, &names, &found.path).map_err(|cause| Error::Io {
                what: "give the interpreter its names",
                cause,
            })?;
        }
        Ok(folder)
    }
}

/// Installed by a version manager: the folder above its `bin` has its libraries too, and is not among the system's.
fn own_folder(program: &Path) -> Option<&Path> {
    let of_the_system = program.starts_with("/usr") || program.starts_with("/bin");
    let folder = program.parent().and_then(Path::parent)?;
    (!of_the_system && folder != Path::new("/")).then_some(folder)
}

fn names(found: &Found) -> Vec<String> {
    match found.language {
        Language::Python => {
            let minor = found
                .version
                .rsplit_once('.')
                .map_or("3", |(minor, _)| minor);
            vec!["python".into(), "python3".into(), format!("python{minor}")]
        }
        Language::Node => vec!["node".into()],
        Language::CSharp | Language::Hosted | Language::Custom => Vec::new(),
    }
}

fn link(folder: &Path, names: &[String], program: &Path) -> io::Result<()> {
    let bin = folder.join("bin");
    fs::create_dir_all(&bin)?;
    for name in names {
        match symlink(program, bin.join(name)) {
            Err(cause) if cause.kind() != io::ErrorKind::AlreadyExists => return Err(cause),
            _ => {}
        }
    }
    Ok(())
}

impl Found {
    fn moved(&self, from: &Path, to: &Path) -> Self {
        let moved = |path: &PathBuf| match path.strip_prefix(from) {
            Ok(rest) => to.join(rest),
            Err(_) => path.clone(),
        };
        Self {
            path: moved(&self.path),
            packages: self.packages.iter().map(moved).collect(),
            ..self.clone()
        }
    }
}
