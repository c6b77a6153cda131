//! What ties an instance's life to its keeper's.

use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags};

use crate::confine::{Step, die_with_parent};

/// An instance cannot ask who its parent is, which is outside its namespace; so the keeper holds one end of a pipe as long
/// as it lives.
pub(crate) struct Tether {
    ours: OwnedFd,
    theirs: OwnedFd,
}

/// The instance's end.
pub(crate) struct Held(OwnedFd);

impl Tether {
    pub(crate) fn new() -> Step<Self> {
        let (theirs, ours) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)
            .map_err(|cause| format!("make a pipe: {cause}"))?;
        Ok(Self { ours, theirs })
    }

    pub(crate) fn hold(self) -> Step<Held> {
        drop(self.ours);
        let held = Held(self.theirs);
        held.hold()?;
        Ok(held)
    }
}

impl Held {
    pub(crate) fn hold(&self) -> Step<()> {
        die_with_parent()?;
        let mut ends = [PollFd::new(&self.0, PollFlags::empty())];
        let now = rustix::time::Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        match rustix::event::poll(&mut ends, Some(&now)) {
            Ok(0) => Ok(()),
            _ => Err("the server has ended".into()),
        }
    }
}
