//! Whom programs run as.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::spec::User;

/// Where we are root, each is somebody else: what the kernel counts by user (watches, locked
/// memory, keys) one cannot use up for another.
#[derive(Debug)]
pub(crate) enum Users {
    Many(AtomicU32),
    One(User),
}

/// Far above what hosts give to people, services and containers.
const FIRST_USER: u32 = 2_000_000_000;
const USERS: u32 = 100_000_000;
/// What hosts call `nobody`.
const NOBODY: u32 = 65_534;

impl Users {
    pub(crate) fn find() -> Self {
        if !rustix::process::geteuid().is_root() {
            return Self::One(User::Same);
        }
        // Root of a container, who has not all numbers?
        let numbers = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
        let all = numbers.split_whitespace().eq(["0", "0", "4294967295"]);
        if all {
            Self::Many(AtomicU32::new(0))
        } else {
            Self::One(User::Number(NOBODY))
        }
    }

    pub(crate) fn next(&self) -> User {
        match self {
            Self::One(user) => *user,
            Self::Many(count) => {
                User::Number(FIRST_USER + count.fetch_add(1, Ordering::Relaxed) % USERS)
            }
        }
    }

    /// Whether they stay whoever the server is.
    pub(crate) fn are_one(&self) -> bool {
        matches!(self, Self::One(User::Same))
    }
}
