//! A hold on an instance's first process, with which everything inside ends.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags};
use rustix::net::Shutdown;
use rustix::process::{Pid, Signal};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::channel::{self, Status};

/// The kernel takes a moment to end what was killed.
const LONGEST_END: rustix::time::Timespec = rustix::time::Timespec {
    tv_sec: 2,
    tv_nsec: 0,
};

const NOW: rustix::time::Timespec = rustix::time::Timespec {
    tv_sec: 0,
    tv_nsec: 0,
};

#[derive(Debug)]
pub(crate) struct Held(OwnedFd);

impl Held {
    pub(crate) fn new(fd: OwnedFd) -> Self {
        Self(fd)
    }

    /// The kernel kills all that is in its namespace, and only then lets it end.
    pub(crate) fn kill(&self) {
        // It may have ended by itself.
        let _ = rustix::process::pidfd_send_signal(&self.0, Signal::KILL);
    }

    /// Waits until nothing of it is left.
    pub(crate) async fn ended(&self) -> io::Result<()> {
        // SAFETY: it is borrowed from `self`, which keeps it open for longer than it is watched.
        let watched =
            unsafe { AsyncFd::register_with_interest(self.0.as_fd(), Interest::READABLE) };
        let watched = watched?;
        watched
            .readable()
            .await
            .map(|mut ready| ready.clear_ready())
    }

    /// Its number among the host's processes.
    pub(crate) fn pid(&self) -> Option<Pid> {
        let about = format!("/proc/self/fdinfo/{}", self.0.as_raw_fd());
        let about = std::fs::read_to_string(about).ok()?;
        let number = about.lines().find_map(|line| line.strip_prefix("Pid:"))?;
        Pid::from_raw(number.trim().parse().ok()?)
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.poll(&NOW)
    }

    pub(crate) fn wait(&self) {
        self.poll(&LONGEST_END);
    }

    fn poll(&self, longest: &rustix::time::Timespec) -> bool {
        let mut ends = [PollFd::new(&self.0, PollFlags::IN)];
        rustix::event::poll(&mut ends, Some(longest)).is_ok_and(|ready| ready > 0)
    }
}

/// Ends an instance of which perhaps only the server's end of the channel is known.
pub(crate) fn end(channel: BorrowedFd<'_>, held: Option<&Held>) {
    // From now on nobody can say anything, and so nothing begins; what was said before is still there to be read.
    let _ = rustix::net::shutdown(channel, Shutdown::Both);
    let end = |held: &Held| {
        held.kill();
        held.wait();
    };
    if let Some(held) = held {
        return end(held);
    }
    while let Some((status, fds)) = channel::receive_now(channel) {
        if let (Status::Made, Some(hold)) = (status, fds.into_iter().next()) {
            end(&Held::new(hold));
        }
    }
}
