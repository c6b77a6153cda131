//! Interpreters that version managers keep beside the one that a shell finds.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::catalog::{OLDEST_NODE, OLDEST_PYTHON};

/// Where a manager keeps what it has installed: a folder for each version, named by it.
struct Manager {
    /// Names its folder, if it is set; else that is in the user's home, or where it says.
    variable: &'static str,
    folder: &'static str,
    versions: &'static str,
    /// Within a version's folder.
    program: &'static str,
}

const fn manager(
    variable: &'static str,
    folder: &'static str,
    versions: &'static str,
    program: &'static str,
) -> Manager {
    Manager {
        variable,
        folder,
        versions,
        program,
    }
}

const NODES: [Manager; 6] = [
    manager("NVM_DIR", ".nvm", "versions/node", "bin/node"),
    manager(
        "FNM_DIR",
        ".local/share/fnm",
        "node-versions",
        "installation/bin/node",
    ),
    manager("N_PREFIX", "/usr/local", "n/versions/node", "bin/node"),
    manager("VOLTA_HOME", ".volta", "tools/image/node", "bin/node"),
    manager("ASDF_DATA_DIR", ".asdf", "installs/nodejs", "bin/node"),
    manager(
        "MISE_DATA_DIR",
        ".local/share/mise",
        "installs/node",
        "bin/node",
    ),
];

const PYTHONS: [Manager; 4] = [
    manager("PYENV_ROOT", ".pyenv", "versions", "bin/python3"),
    manager(
        "UV_PYTHON_INSTALL_DIR",
        ".local/share/uv/python",
        "",
        "bin/python3",
    ),
    manager("ASDF_DATA_DIR", ".asdf", "installs/python", "bin/python3"),
    manager(
        "MISE_DATA_DIR",
        ".local/share/mise",
        "installs/python",
        "bin/python3",
    ),
];

type Numbers = [u32; 3];

/// The newest of each major version.
pub(crate) fn nodes() -> Vec<PathBuf> {
    newest(&NODES, 1, [OLDEST_NODE.0, OLDEST_NODE.1, 0], |name| {
        std::env::var_os(name)
    })
}

/// The newest of each minor version.
pub(crate) fn pythons() -> Vec<PathBuf> {
    newest(&PYTHONS, 2, [OLDEST_PYTHON.0, OLDEST_PYTHON.1, 0], |name| {
        std::env::var_os(name)
    })
}

/// Of all versions that agree in their first numbers, the newest.
fn newest(
    managers: &[Manager],
    alike: usize,
    oldest: Numbers,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Vec<PathBuf> {
    let mut kept: BTreeMap<Numbers, (Numbers, PathBuf)> = BTreeMap::new();
    let all = managers
        .iter()
        .flat_map(|manager| manager.installed(&variable))
        .filter(|(numbers, _)| *numbers >= oldest);
    for (numbers, program) in all {
        let mut kind = numbers;
        kind[alike..].fill(0);
        let newest = kept
            .entry(kind)
            .or_insert_with(|| (numbers, program.clone()));
        if newest.0 < numbers {
            *newest = (numbers, program);
        }
    }
    kept.into_values().map(|(_, program)| program).collect()
}

impl Manager {
    fn installed(&self, variable: impl Fn(&str) -> Option<OsString>) -> Vec<(Numbers, PathBuf)> {
        let home = || PathBuf::from(variable("HOME").unwrap_or_default());
        let said = variable(self.variable).filter(|said| !said.is_empty());
        let folder = said.map_or_else(|| home().join(self.folder), PathBuf::from);
        let entries = std::fs::read_dir(folder.join(self.versions));
        let entries = entries.into_iter().flatten().flatten();
        let version = |folder: &Path| {
            let numbers = numbers(folder.file_name()?.to_str()?)?;
            let program = folder.join(self.program);
            program.is_file().then_some((numbers, program))
        };
        entries.filter_map(|entry| version(&entry.path())).collect()
    }
}

/// `v22.3.0`, `3.12.4` and `cpython-3.12.4-linux-x86_64-gnu`; not what stands for another (`22`, `latest`), nor another
/// implementation.
fn numbers(name: &str) -> Option<Numbers> {
    let name = name.strip_prefix("cpython-").unwrap_or(name);
    let name = name.strip_prefix('v').unwrap_or(name);
    let name = name.split('-').next()?;
    let numbers: Vec<u32> = name
        .split('.')
        .map(str::parse)
        .collect::<Result<_, _>>()
        .ok()?;
    numbers.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_named_by_versions() {
        for (name, version) in [
            ("v22.3.0", Some([22, 3, 0])),
            ("3.12.4", Some([3, 12, 4])),
            ("cpython-3.13.1-linux-x86_64-gnu", Some([3, 13, 1])),
            ("cpython-3.13.1+freethreaded-linux-x86_64-gnu", None),
            ("22", None),
            ("latest", None),
            ("pypy3.10-7.3.15", None),
            ("my-project", None),
        ] {
            assert_eq!(numbers(name), version, "{name}");
        }
    }

    #[test]
    fn the_newest_of_each_kind_is_found_where_managers_keep_them() {
        let home = tempfile::tempdir().unwrap();
        let install = |path: &str| {
            let file = home.path().join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, "").unwrap();
            file
        };
        install(".nvm/versions/node/v22.3.0/bin/node");
        let newer = install(".nvm/versions/node/v22.14.0/bin/node");
        let other = install("elsewhere/node-versions/v24.1.0/installation/bin/node");
        install(".local/share/fnm/node-versions/v26.1.0/installation/bin/node");
        std::fs::create_dir_all(home.path().join(".nvm/versions/node/v25.0.0")).unwrap();
        let older = install(".pyenv/versions/3.9.18/bin/python3");
        install(".pyenv/versions/3.8.18/bin/python3");
        let python = install(".local/share/uv/python/cpython-3.12.4-linux-x86_64-gnu/bin/python3");
        install(".pyenv/versions/3.12.1/bin/python3");
        let variable = |name: &str| match name {
            "HOME" => Some(home.path().into()),
            "FNM_DIR" => Some(home.path().join("elsewhere").into()),
            "N_PREFIX" => Some(home.path().join("nothing").into()),
            _ => None,
        };
        assert_eq!(newest(&NODES, 1, [18, 0, 0], variable), [newer, other]);
        assert_eq!(newest(&PYTHONS, 2, [3, 9, 0], variable), [older, python]);
    }
}
