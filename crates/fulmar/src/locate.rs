//! How commands find a running server: it writes down where it is, in its data folder and once for the user.

use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use base::ErrorKind;
use serde::{Deserialize, Serialize};

use crate::failure::{Failure, Result};

/// In the data folder, readable by its owner only.
const FILE: &str = "server.json";
const FOLDER: &str = ".fulmar";

/// Where a server is, and what opens its admin API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) address: SocketAddr,
    pub(crate) token: String,
    pub(crate) data_dir: PathBuf,
    pub(crate) pid: u32,
}

/// What a server has written down; taken back when it is dropped.
#[derive(Debug)]
pub(crate) struct Announced {
    files: Vec<PathBuf>,
}

/// The folder of an application's state, unless one is named.
pub(crate) fn data_dir(named: Option<PathBuf>, application: &Path) -> PathBuf {
    let application = deploy::application_of(application);
    let folder = match named {
        Some(folder) => folder,
        None if application.is_dir() => application.join(FOLDER),
        None => application.parent().unwrap_or(Path::new(".")).join(FOLDER),
    };
    std::path::absolute(&folder).unwrap_or(folder)
}

pub(crate) fn announce(place: &Place) -> std::io::Result<Announced> {
    let mut files = vec![place.data_dir.join(FILE)];
    write(&files[0], place)?;
    // A convenience for commands that are run elsewhere: without a home there is none.
    if let Some(folder) = everyone() {
        let file = folder.join(format!("{}.json", place.address.port()));
        match std::fs::create_dir_all(&folder).and_then(|()| write(&file, place)) {
            Ok(()) => files.push(file),
            Err(cause) => tracing::debug!(%cause, "the server's place is not kept for the user"),
        }
    }
    Ok(Announced { files })
}

impl Drop for Announced {
    fn drop(&mut self) {
        for file in &self.files {
            let _ = std::fs::remove_file(file);
        }
    }
}

/// Finds the server that a command means: the one of the named data folder, of an application in this folder or above
/// it, or else the only one that this user runs.
pub(crate) fn find(named: Option<&Path>) -> Result<Place> {
    if let Some(folder) = named {
        return read(&folder.join(FILE)).ok_or_else(|| {
            let message = format!("no server runs on the data in {}", folder.display());
            Failure::new(ErrorKind::Missing, message).hint(format!(
                "start one: fulmar serve --data-dir {}",
                folder.display()
            ))
        });
    }
    let here = std::env::current_dir().unwrap_or_default();
    let nearest = here
        .ancestors()
        .find_map(|folder| read(&folder.join(FOLDER).join(FILE)));
    if let Some(place) = nearest {
        return Ok(place);
    }
    let mut running = running();
    match running.len() {
        0 => Err(Failure::new(ErrorKind::Missing, "no server is running")
            .hint("start one: fulmar up, or fulmar serve")),
        1 => Ok(running.remove(0)),
        _ => {
            let list: Vec<String> = running
                .iter()
                .map(|place| format!("--data-dir {}", place.data_dir.display()))
                .collect();
            let message = format!("{} servers are running: which one?", running.len());
            Err(Failure::new(ErrorKind::Invalid, message).hint(list.join("\n        ")))
        }
    }
}

/// The servers of this user whose process is alive.
fn running() -> Vec<Place> {
    let entries = everyone().and_then(|folder| std::fs::read_dir(folder).ok());
    let files = entries.into_iter().flatten().flatten();
    let mut places: Vec<Place> = files.filter_map(|entry| read(&entry.path())).collect();
    places.sort_by_key(|place| place.address.port());
    places
}

/// What a file says, unless the server that wrote it is gone.
fn read(file: &Path) -> Option<Place> {
    let place: Place = serde_json::from_slice(&std::fs::read(file).ok()?).ok()?;
    let pid = i32::try_from(place.pid)
        .ok()
        .and_then(rustix::process::Pid::from_raw)?;
    let alive = match rustix::process::test_kill_process(pid) {
        Ok(()) => true,
        // Somebody else's process is alive too.
        Err(cause) => cause == rustix::io::Errno::PERM,
    };
    if !alive {
        // It was killed, and could not do this itself.
        let _ = std::fs::remove_file(file);
    }
    alive.then_some(place)
}

fn write(file: &Path, place: &Place) -> std::io::Result<()> {
    let new = file.with_extension("new");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let text = serde_json::to_vec_pretty(place)?;
    options.open(&new)?.write_all(&text)?;
    std::fs::rename(new, file)
}

/// One file for each server of this user, by its port.
fn everyone() -> Option<PathBuf> {
    let absolute = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let state =
        absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")))?;
    Some(state.join("fulmar/servers"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(data_dir: &Path, pid: u32) -> Place {
        Place {
            address: ([127, 0, 0, 1], 1).into(),
            token: "t".into(),
            data_dir: data_dir.to_owned(),
            pid,
        }
    }

    #[test]
    fn a_running_server_is_found_and_a_dead_one_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        let alive = place(folder.path(), std::process::id());
        write(&file, &alive).unwrap();
        assert_eq!(find(Some(folder.path())).unwrap(), alive);
        // No process has the highest number that there is.
        write(&file, &place(folder.path(), i32::MAX.unsigned_abs())).unwrap();
        let failure = find(Some(folder.path())).unwrap_err();
        assert_eq!(failure.problem.kind, ErrorKind::Missing);
        assert!(!file.exists());
    }

    #[test]
    fn only_its_owner_may_read_a_servers_token() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        write(&file, &place(folder.path(), 1)).unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn state_lies_beside_the_application() {
        let folder = tempfile::tempdir().unwrap();
        let template = folder.path().join("template.yaml");
        std::fs::write(&template, "").unwrap();
        assert_eq!(data_dir(None, folder.path()), folder.path().join(FOLDER));
        assert_eq!(data_dir(None, &template), folder.path().join(FOLDER));
    }
}
