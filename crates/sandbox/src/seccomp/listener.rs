//! A template's filter: as everybody's, but one call is put to whoever holds the other end.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use super::{
    ALLOW, ARCHITECTURE, IF_EQUAL, Instruction, JUMP, LOAD, MACHINE, NUMBER, RETURN, filter,
    install_with, number, place,
};
use crate::spec::Network;

/// The one set of new namespaces that is not refused at once.
fn flags(network: Network) -> u32 {
    let namespaces = libc::CLONE_NEWUSER
        | libc::CLONE_NEWNS
        | libc::CLONE_NEWPID
        | libc::CLONE_NEWIPC
        | libc::CLONE_NEWUTS;
    let network = match network {
        Network::Host => 0,
        Network::Isolated { .. } => libc::CLONE_NEWNET,
    };
    (namespaces | network).cast_unsigned()
}

/// Before the usual filter: what makes namespaces for a child of a template asks, and a child may confine itself further.
pub(crate) fn listened(network: Network) -> Vec<Instruction> {
    let call = |call: libc::c_long| number(call);
    let mut program = vec![
        (LOAD, 0, 0, MACHINE),
        // Another architecture's calls go to what follows, which knows what to do with them.
        (IF_EQUAL, 0, 8, ARCHITECTURE),
        (LOAD, 0, 0, NUMBER),
        (IF_EQUAL, 7, 0, call(libc::SYS_landlock_create_ruleset)),
        (IF_EQUAL, 6, 0, call(libc::SYS_landlock_add_rule)),
        (IF_EQUAL, 5, 0, call(libc::SYS_landlock_restrict_self)),
        (IF_EQUAL, 0, 3, call(libc::SYS_unshare)),
        (LOAD, 0, 0, place(0)),
        (IF_EQUAL, 0, 1, flags(network)),
        (RETURN, 0, 0, libc::SECCOMP_RET_USER_NOTIF),
        (JUMP, 0, 0, 1),
        (RETURN, 0, 0, ALLOW),
    ];
    program.extend(filter());
    program
}

/// As [`super::install`], and returns the other end.
pub(crate) fn install_listened(filter: &[Instruction]) -> io::Result<OwnedFd> {
    let listener = install_with(filter, libc::SECCOMP_FILTER_FLAG_NEW_LISTENER)?;
    let listener = i32::try_from(listener).map_err(io::Error::other)?;
    // SAFETY: the kernel has just made it for us.
    Ok(unsafe { OwnedFd::from_raw_fd(listener) })
}

/// The other end.
#[derive(Debug)]
pub(crate) struct Listener(OwnedFd);

impl Listener {
    pub(crate) fn new(fd: OwnedFd) -> Self {
        Self(fd)
    }

    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// Refuses the call that waits, if one does: this end is also ready when nobody is left who could call.
    pub(crate) fn refuse(&self) -> bool {
        let waiting = self.next();
        if let Some(waiting) = &waiting {
            self.say(waiting.id, -libc::EPERM, 0);
        }
        waiting.is_some()
    }

    /// Lets the call that waits through, if one does.
    pub(crate) fn grant(&self) -> bool {
        let waiting = self.next();
        if let Some(waiting) = &waiting {
            self.say(waiting.id, 0, GO_ON);
        }
        waiting.is_some()
    }

    fn next(&self) -> Option<libc::seccomp_notif> {
        // SAFETY: all zeroes are what the kernel wants to find, and are valid.
        let mut waiting: libc::seccomp_notif = unsafe { std::mem::zeroed() };
        // SAFETY: the kernel fills the struct, which outlives the call.
        let got = unsafe {
            libc::ioctl(
                self.0.as_raw_fd(),
                libc::SECCOMP_IOCTL_NOTIF_RECV,
                &raw mut waiting,
            )
        };
        // Whoever made it may be gone again.
        (got == 0).then_some(waiting)
    }

    fn say(&self, id: u64, error: i32, flags: u32) {
        let answer = libc::seccomp_notif_resp {
            id,
            val: 0,
            error,
            flags,
        };
        // SAFETY: the kernel reads the struct, which outlives the call. That whoever waited is gone is no failure.
        unsafe {
            libc::ioctl(
                self.0.as_raw_fd(),
                libc::SECCOMP_IOCTL_NOTIF_SEND,
                &raw const answer,
            )
        };
    }
}

/// The call's arguments are in registers, so what goes on is what was looked at.
const GO_ON: u32 = 1;
