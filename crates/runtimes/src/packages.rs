//! Packages that code asks for in a file, installed apart from it: the user's source stays as it is.
//!
//! They are kept by what they were made of (the file, the language's version, the machine), so whoever installs them and
//! whoever starts the code agree on the place without having spoken, functions that ask for the same share it, and what
//! runs never sees it change.

use std::path::{Path, PathBuf};

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
}
