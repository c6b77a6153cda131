//! Packages that code asks for in a file, installed apart from it: the user's source stays as it is.
//!
//! They are kept by what they were made of (the file, the language's version, the machine), so whoever installs them and
//! whoever starts the code agree on the place without having spoken, functions that ask for the same share it, and what
//! runs never sees it change.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::bootstrap::hash;
use crate::catalog::Found;

/// The file in which Python's code asks for packages.
const REQUIREMENTS: &str = "requirements.txt";
/// How far files may refer to one another.
const DEEPEST: usize = 8;

/// The folder of installed packages.
#[derive(Clone, Debug)]
pub struct Packages {
    folder: PathBuf,
}

impl Packages {
    /// Of the server that keeps its data in this folder.
    pub fn of_server(data_dir: &Path) -> Self {
        Self::in_folder(&data_dir.join("runtimes"))
    }

    pub(crate) fn in_folder(runtimes: &Path) -> Self {
        Self {
            folder: runtimes.join("packages"),
        }
    }

    /// The file in which this code asks for packages, if it does.
    pub fn asked_by(code: &Path) -> Option<PathBuf> {
        let file = code.join(REQUIREMENTS);
        file.is_file().then_some(file)
    }

    /// Where the packages that this code asks for belong; none if it asks for none.
    pub fn place(&self, code: &Path, python: &Found) -> Option<PathBuf> {
        let file = Self::asked_by(code)?;
        let mut parts = vec![
            python.version.clone().into_bytes(),
            std::env::consts::ARCH.into(),
        ];
        read(&file, DEEPEST, &mut parts);
        let name = hash(parts.iter().map(Vec::as_slice));
        Some(self.folder.join(format!("python-{name}")))
    }

    /// Where modules of these names belong that a runtime brings along.
    pub fn modules(&self, names: &BTreeSet<String>) -> PathBuf {
        let name = hash(names.iter().map(String::as_bytes));
        self.folder.join(format!("node-{name}"))
    }

    /// Where packages of these names belong that a runtime in Python brings along.
    pub fn python_modules(&self, names: &BTreeSet<String>, python: &Found) -> PathBuf {
        let of = [&python.version, std::env::consts::ARCH];
        let name = hash(
            names
                .iter()
                .map(String::as_bytes)
                .chain(of.map(str::as_bytes)),
        );
        self.folder.join(format!("python-{name}"))
    }

    /// Where code belongs that is made from sources in this way.
    pub fn made(&self, recipe: &[u8]) -> PathBuf {
        self.folder.join(format!("made-{}", hash([recipe])))
    }

    /// From its next start on, this code finds these modules on this runtime as the runtime's own; or none.
    pub fn bring(&self, code: &Path, runtime: &str, modules: Option<&Path>) -> io::Result<()> {
        let link = self.link(code, runtime);
        let Some(modules) = modules.and_then(Path::file_name) else {
            return match fs::remove_file(link) {
                Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(cause),
                _ => Ok(()),
            };
        };
        let new = link.with_extension(format!("new.{}", std::process::id()));
        // What an earlier attempt has left.
        let _ = fs::remove_file(&new);
        std::os::unix::fs::symlink(modules, &new)?;
        fs::rename(new, link)
    }

    /// The modules that this code finds as the runtime's own, if there are any.
    pub(crate) fn brought(&self, code: &Path, runtime: &str) -> Option<PathBuf> {
        let modules = fs::read_link(self.link(code, runtime)).ok()?;
        let modules = self.folder.join(modules);
        modules.is_dir().then_some(modules)
    }

    /// Says which modules some code finds: to look at the code itself would take too long at each start.
    fn link(&self, code: &Path, runtime: &str) -> PathBuf {
        // However the folder is written.
        let code: PathBuf = code.components().collect();
        let name = hash([code.as_os_str().as_encoded_bytes(), runtime.as_bytes()]);
        self.folder.join(format!("for-{name}"))
    }

    /// The packages that this code asks for, if they are installed.
    pub(crate) fn of(&self, code: &Path, python: &Found) -> Option<PathBuf> {
        self.place(code, python).filter(|place| place.is_dir())
    }
}

/// The file and what it refers to: `-r` and `-c` name others.
fn read(file: &Path, deepest: usize, parts: &mut Vec<Vec<u8>>) {
    let Ok(text) = std::fs::read_to_string(file) else {
        return;
    };
    if let (Some(folder), Some(deeper)) = (file.parent(), deepest.checked_sub(1)) {
        for other in text.lines().filter_map(referred) {
            read(&folder.join(other), deeper, parts);
        }
    }
    parts.push(text.into_bytes());
}

fn referred(line: &str) -> Option<&str> {
    let line = line.trim();
    ["--requirement", "--constraint", "-r", "-c"]
        .iter()
        .find_map(|option| line.strip_prefix(option))
        .map(|rest| rest.trim_start_matches('=').trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Language;

    #[test]
    fn a_place_is_named_by_everything_that_is_asked_for() {
        let code =
            std::env::temp_dir().join(format!("fulmar-packages-{}", base::Random::system().uuid()));
        std::fs::create_dir_all(&code).unwrap();
        let packages = Packages::of_server(Path::new("/data"));
        let python = |version: &str| Found {
            language: Language::Python,
            path: "/python".into(),
            version: version.into(),
            packages: Vec::new(),
        };
        let place = |version: &str| packages.place(&code, &python(version));
        assert_eq!(place("3.11.7"), None);
        std::fs::write(code.join(REQUIREMENTS), "-r more.txt\nsix\n").unwrap();
        let first = place("3.11.7").unwrap();
        assert!(first.starts_with("/data/runtimes/packages"));
        assert_eq!(place("3.11.7").unwrap(), first);
        assert_ne!(place("3.12.0").unwrap(), first);
        std::fs::write(code.join("more.txt"), "-c requirements.txt\n").unwrap();
        assert_ne!(place("3.11.7").unwrap(), first);
        std::fs::remove_dir_all(code).unwrap();
    }

    #[test]
    fn code_finds_the_modules_that_were_last_brought_for_it_and_its_runtime() {
        let data =
            std::env::temp_dir().join(format!("fulmar-modules-{}", base::Random::system().uuid()));
        let packages = Packages::of_server(&data);
        let places: Vec<_> = ["one@1", "two@1"]
            .map(|name| packages.modules(&BTreeSet::from([name.to_owned()])))
            .into();
        assert_ne!(places[0], places[1]);
        let found = |code: &str| packages.brought(Path::new(code), "nodejs22.x");
        let bring = |code: &str, modules| {
            packages
                .bring(Path::new(code), "nodejs22.x", modules)
                .unwrap();
        };
        bring("/a", None);
        assert_eq!(found("/a"), None);
        for place in &places {
            fs::create_dir_all(place).unwrap();
            bring("/a/.", Some(place));
            assert_eq!(found("/a"), Some(place.clone()));
        }
        assert_eq!(found("/b"), None);
        assert_eq!(packages.brought(Path::new("/a"), "nodejs20.x"), None);
        bring("/a", None);
        assert_eq!(found("/a"), None);
        fs::remove_dir_all(data).unwrap();
    }
}
