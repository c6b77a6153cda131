//! The server's side of a keeper (`keep.rs`).

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::Stdio;
use std::sync::Mutex;

use base::ByteSize;
use tokio::process::{Child, Command};

use crate::spec::{Ask, Furnish, Make, Mount, Order, Root, Task};
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
    pub(crate) fn start(root: Root) -> Result<Self> {
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
        channel::send(control.as_fd(), &Task::Keep(root), &passed).map_err(failed)?;
        let process = copy_of_us(theirs)
            .kill_on_drop(true)
            .spawn()
            .map_err(|cause| Error::io("start a keeper", cause))?;
        Ok(Self {
            control,
            opener,
            _process: process,
        })
    }

    /// Has an instance made, and gives the server's end of its channel.
    pub(crate) fn make(
        &self,
        make: &Make,
        groups: &[OwnedFd],
        now: Option<Ordering<'_>>,
    ) -> Result<OwnedFd> {
        let failed = |cause| Error::io("ask a keeper for an instance", cause);
        let (ours, theirs) = channel::pair().map_err(failed)?;
        let trees = now.as_ref().map(|now| self.open(now.binds)).transpose()?;
        let mut fds = vec![theirs.as_fd()];
        fds.extend(groups.iter().map(AsFd::as_fd));
        if let (Some(now), Some(trees)) = (&now, &trees) {
            fds.extend(along(&ours, trees, now.passed));
        }
        let ask = Ask::Make {
            make: *make,
            groups: groups.len(),
            now: now.map(|now| now.furnish(None)),
        };
        channel::send(self.control.as_fd(), &ask, &fds).map_err(failed)?;
        Ok(ours)
    }

    /// Orders an instance that waits.
    pub(crate) fn order(
        &self,
        mounts: &OwnedFd,
        channel: &OwnedFd,
        tmp: Option<ByteSize>,
        now: Ordering<'_>,
    ) -> Result<()> {
        let trees = self.open(now.binds)?;
        let mut fds = vec![mounts.as_fd()];
        fds.extend(along(channel, &trees, now.passed));
        let ask = Ask::Furnish(now.furnish(tmp));
        channel::send(self.control.as_fd(), &ask, &fds)
            .map_err(|cause| Error::io("hand over the order", cause))
    }

    fn open(&self, binds: &[&Mount]) -> Result<Vec<OwnedFd>> {
        self.opener
            .open(binds)
            .map_err(|cause| Error::io("open what is bound", cause))
    }
}

/// Our own binary, which is told on this socket what it is for.
pub(crate) fn copy_of_us(control: OwnedFd) -> Command {
    // With nothing to do between fork and exec, the standard library starts it without copying our page tables.
    let mut command = Command::new("/proc/self/exe");
    command
        .arg(JAIL_COMMAND)
        .env_clear()
        .stdin(control)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// What an instance is to become, and what comes with it.
pub(crate) struct Ordering<'a> {
    /// Parents before what is inside them.
    pub(crate) binds: &'a [&'a Mount],
    pub(crate) order: Order,
    pub(crate) passed: &'a [BorrowedFd<'a>],
}

impl Ordering<'_> {
    fn furnish(self, tmp: Option<ByteSize>) -> Furnish {
        Furnish {
            binds: self.binds.iter().map(|bind| bind.target.clone()).collect(),
            tmp,
            order: self.order,
        }
    }
}

/// What comes with an order, as the keeper expects it.
fn along<'a>(
    channel: &'a OwnedFd,
    trees: &'a [OwnedFd],
    passed: &'a [BorrowedFd<'a>],
) -> impl Iterator<Item = BorrowedFd<'a>> {
    std::iter::once(channel)
        .chain(trees)
        .map(AsFd::as_fd)
        .chain(passed.iter().copied())
}
