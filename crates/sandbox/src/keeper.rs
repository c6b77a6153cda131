//! The server's side of a keeper (`keep.rs`).

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::process::Stdio;
use std::sync::Mutex;

use tokio::process::{Child, Command};

use crate::spec::{Make, Mount, Root};
use crate::trees::Opener;
use crate::{Error, JAIL_COMMAND, Result, channel};

/// Dropping it ends it, and all that it has made.
#[derive(Debug)]
pub(crate) struct Keeper {
    control: OwnedFd,
    opener: Opener,
    _process: Child,
}

impl Keeper {
    /// Starts it. What it is asked for meanwhile waits until it is ready.
    pub(crate) fn start(root: &Root) -> Result<Self> {
        let failed = |cause| Error::io("tell a keeper what to keep", cause);
        let (control, theirs) = channel::pair().map_err(failed)?;
        let (opener, porter) = match root.user_namespace {
            false => (Opener::Ourselves, None),
            true => {
                let (ours, theirs) = channel::pair().map_err(failed)?;
                (Opener::Porter(Mutex::new(ours)), Some(theirs))
            }
        };
        let passed: Vec<_> = porter.iter().map(AsFd::as_fd).collect();
        channel::send(control.as_fd(), root, &passed).map_err(failed)?;
        // With nothing to do between fork and exec, the standard library starts it without copying our page tables.
        let process = Command::new("/proc/self/exe")
            .arg(JAIL_COMMAND)
            .env_clear()
            .stdin(theirs)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|cause| Error::io("start a keeper", cause))?;
        Ok(Self {
            control,
            opener,
            _process: process,
        })
    }

    /// Has an instance made, and gives the server's end of its channel. What joins its groups goes with it.
    pub(crate) fn make(&self, make: &Make, groups: &[OwnedFd]) -> io::Result<OwnedFd> {
        let (ours, theirs) = channel::pair()?;
        let passed: Vec<_> = std::iter::once(&theirs)
            .chain(groups)
            .map(AsFd::as_fd)
            .collect();
        channel::send(self.control.as_fd(), make, &passed)?;
        Ok(ours)
    }

    /// What is to be bound, for an order.
    pub(crate) fn open(&self, mounts: &[&Mount]) -> io::Result<Vec<OwnedFd>> {
        self.opener.open(mounts)
    }
}
