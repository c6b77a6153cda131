//! A child of a template, as the server sees it.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;

use base::ByteSize;
use tokio::net::UnixDatagram;
use tokio::sync::oneshot;

use crate::cgroup::Cgroup;
use crate::child::exit;
use crate::chores::{Left, Remains};
use crate::freeze::Means;
use crate::gauge::Gauge;
use crate::held::Held;
use crate::{Exit, Limits};

/// Dropping it kills it.
pub(crate) struct Forked {
    held: Option<Held>,
    /// On which the first process of its namespace tells how the program ended.
    talk: UnixDatagram,
    said: Option<i32>,
    pub(crate) group: Option<Cgroup>,
    pub(crate) limits: Limits,
    /// What it shares with its template, which is counted there.
    shared: Option<ByteSize>,
    /// Its limits; kept because the template's init, which reaps this one, is in them.
    _template: Option<Arc<Cgroup>>,
    /// Held as long as its door is open.
    pub(crate) open: Option<oneshot::Sender<()>>,
    remains: Remains,
}

impl Forked {
    pub(crate) fn new(
        held: Held,
        talk: OwnedFd,
        group: Option<Cgroup>,
        limits: Limits,
        template: Option<Arc<Cgroup>>,
        remains: Remains,
    ) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(&talk, true)?;
        Ok(Self {
            held: Some(held),
            talk: UnixDatagram::from_std(talk.into())?,
            said: None,
            group,
            limits,
            shared: template.as_ref().and_then(|group| group.memory()),
            _template: template,
            open: None,
            remains,
        })
    }

    /// May be given up and called again.
    pub(crate) async fn wait(&mut self) -> Exit {
        let mut word = [0; 8];
        // It speaks once, and then ends; if it ends without, it was killed.
        while let Ok(length) = self.talk.recv(&mut word).await
            && length > 0
        {
            if let Ok(status) = <[u8; 4]>::try_from(&word[..length]) {
                self.said = Some(i32::from_le_bytes(status));
            }
        }
        // With it, as the first of its namespace, ends all that it started.
        if let Some(held) = &self.held
            && let Err(cause) = held.ended().await
        {
            tracing::warn!(%cause, "it could not be seen whether an instance has ended");
        }
        self.open = None;
        if self.group.as_ref().is_some_and(Cgroup::out_of_memory) {
            return Exit::OutOfMemory;
        }
        match self.said {
            Some(status) => exit(ExitStatus::from_raw(status)),
            None => Exit::Signal(libc::SIGKILL),
        }
    }

    pub(crate) fn kill(&self) {
        if let Some(held) = &self.held {
            held.kill();
        }
    }

    pub(crate) fn held(&self) -> Option<&Held> {
        self.held.as_ref()
    }

    pub(crate) fn freezing(&self) -> Option<Means> {
        match &self.group {
            Some(group) => Some(group.freezing()),
            None => self.held.as_ref()?.pid().map(Means::Tree),
        }
    }

    /// With what it shares: as much as it would have used, had it been started itself.
    pub(crate) fn gauge(&self) -> Option<Gauge> {
        let shared = self.shared.unwrap_or(ByteSize::bytes(0));
        let own = self.group.as_ref()?.gauge();
        Some(own.sharing(shared, self.limits.memory))
    }
}

impl Drop for Forked {
    fn drop(&mut self) {
        self.kill();
        self.remains.leave(Left {
            held: self.held.take(),
            mounts: None,
            group: self.group.take(),
            keeper: None,
        });
    }
}
