//! A keeper's second hand, which makes networks. The kernel takes as long for one as for all else of an instance: where
//! there is more than one processor, both are made at once.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use crate::channel::{self, Status};
use crate::confine::{self, Step, check, exit};
use crate::network;

/// It has a keeper's rights, and ends with its keeper.
pub(crate) struct Networks(OwnedFd);

/// An instance's end, on which its network comes.
pub(crate) struct Coming(OwnedFd);

impl Networks {
    /// Only for a process with one thread.
    pub(crate) fn start() -> Step<Self> {
        let (ours, theirs) = pair()?;
        // SAFETY: this process has one thread, so the child may do anything.
        match check("fork a helper", unsafe { libc::fork() })? {
            0 => {
                confine::close_all_but(theirs.as_raw_fd());
                // What fails is noticed by whoever waits for a network.
                let _ = confine::die_with_parent().and_then(|()| serve(theirs.as_fd()));
                exit(0)
            }
            _ => Ok(Self(ours)),
        }
    }

    /// Begins one for an instance that is to be. The server is told on `status` of what listens in it.
    pub(crate) fn begin(&self, port: u16, status: BorrowedFd<'_>) -> Step<Coming> {
        let (ours, theirs) = pair()?;
        channel::send(self.0.as_fd(), &port, &[ours.as_fd(), status])
            .map_err(|cause| format!("ask for a network: {cause}"))?;
        Ok(Coming(theirs))
    }
}

impl Coming {
    /// Goes into it as soon as it is there. It may not yet be ready to be used.
    pub(crate) fn enter(&self) -> Step<()> {
        let network = self.hear()?;
        network::enter(network.first().ok_or(NOT_MADE)?)
    }

    pub(crate) fn wait_until_ready(&self) -> Step<()> {
        self.hear().map(drop)
    }

    fn hear(&self) -> Step<Vec<OwnedFd>> {
        match channel::receive_bytes(self.0.as_fd()) {
            Ok((word, fds, _)) if !word.is_empty() => Ok(fds),
            Ok(_) => Err(NOT_MADE.into()),
            Err(cause) => Err(format!("hear of a network: {cause}")),
        }
    }
}

const NOT_MADE: &str = "no network could be made";

fn pair() -> Step<(OwnedFd, OwnedFd)> {
    channel::pair().map_err(|cause| format!("make a channel: {cause}"))
}

/// Until nobody asks any more.
fn serve(from: BorrowedFd<'_>) -> Step<()> {
    let home = network::own()?;
    while let Ok((port, fds)) = channel::receive_next::<u16>(from) {
        if let [instance, status] = fds.as_slice() {
            let made = make(port, instance.as_fd(), status.as_fd());
            // Else it would live as long as nobody asks for the next one.
            network::enter(&home)?;
            if let Err(why) = made {
                Status::Failed(why).send(status.as_fd());
            }
        }
    }
    Ok(())
}

fn make(port: u16, instance: BorrowedFd<'_>, status: BorrowedFd<'_>) -> Step<()> {
    network::fresh()?;
    // Whoever has ended meanwhile needs none of it.
    let _ = channel::send_bytes(instance, b"there", &[network::own()?.as_fd()]);
    let [door, own] = network::open(port)?;
    let _ = channel::send_bytes(instance, b"ready", &[]);
    let _ = channel::send(status, &Status::Door, &[door.as_fd(), own.as_fd()]);
    Ok(())
}
