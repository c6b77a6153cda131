//! An instance that its keeper makes, or has made, and that has not been looked after yet.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use base::ByteSize;

use crate::cgroup::Cgroup;
use crate::channel::{self, Status};
use crate::held::{self, Held};
use crate::keeper::{Keeper, Ordering};
use crate::stock::Kind;
use crate::{Error, Result};

/// Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Instance {
    parts: Option<Parts>,
    /// As it was made.
    tmp: ByteSize,
    has_failed: bool,
}

/// What is had of an instance.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) channel: OwnedFd,
    pub(crate) group: Option<Cgroup>,
    /// On its first process, once its keeper has made it.
    pub(crate) held: Option<Held>,
    /// Its mount namespace, once it waits for its order.
    pub(crate) mounts: Option<OwnedFd>,
    /// The sockets that listen inside.
    pub(crate) doors: Vec<OwnedFd>,
    pub(crate) keeper: Arc<Keeper>,
}

impl Instance {
    pub(crate) fn new(
        channel: OwnedFd,
        group: Option<Cgroup>,
        keeper: Arc<Keeper>,
        tmp: ByteSize,
    ) -> Self {
        let parts = Parts {
            channel,
            group,
            held: None,
            mounts: None,
            doors: Vec::new(),
            keeper,
        };
        Self {
            parts: Some(parts),
            tmp,
            has_failed: false,
        }
    }

    /// Hears what it has said so far.
    pub(crate) fn listen(&mut self) {
        let Some(parts) = &mut self.parts else {
            return;
        };
        while let Some((status, fds)) = channel::receive_now(parts.channel.as_fd()) {
            match status {
                Status::Made => parts.held = fds.into_iter().next().map(Held::new),
                Status::Door => parts.doors = fds,
                Status::Ready => parts.mounts = fds.into_iter().next(),
                // None of what is left is for one that waits.
                _ => self.has_failed = true,
            }
        }
    }

    pub(crate) fn has_ended(&self) -> bool {
        let held = self.parts.as_ref().and_then(|parts| parts.held.as_ref());
        self.has_failed || held.is_some_and(Held::has_ended)
    }

    /// Whether it waits for its order.
    pub(crate) fn is_ready(&self) -> bool {
        let parts = self.parts.as_ref();
        parts.is_some_and(|parts| parts.held.is_some() && parts.mounts.is_some())
    }

    pub(crate) fn order(&mut self, kind: &Kind, ordering: Ordering<'_>) -> Result<()> {
        let ended = || Error::Confine("what was made ahead has ended".into());
        let parts = self.parts.as_mut().ok_or_else(ended)?;
        let mounts = parts.mounts.as_ref().ok_or_else(ended)?;
        if let Some(group) = &mut parts.group {
            group
                .limit(&kind.limits)
                .map_err(|cause| Error::io("limit a control group", cause))?;
        }
        let tmp = (self.tmp != kind.tmp).then_some(kind.tmp);
        parts.keeper.order(mounts, &parts.channel, tmp, ordering)
    }

    /// For whoever looks after it from now on.
    pub(crate) fn into_parts(mut self) -> Option<Parts> {
        self.parts.take()
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        if let Some(parts) = &self.parts {
            held::end(parts.channel.as_fd(), parts.held.as_ref());
        }
    }
}
