use fjall::Snapshot;
use tokio::sync::oneshot;

use crate::backend::{Commit, Version};
use crate::{Durability, Error, Result};

/// Tells whoever waits for a commit or a sync what became of it.
pub(super) type Answer = oneshot::Sender<Result<()>>;

pub(super) enum Work {
    Commit(Commit, Answer),
    Sync(Answer),
}

/// What was written as one batch, and is to be synced and shown as one.
pub(super) struct Group {
    pub(super) last: Version,
    /// With this group and all before it. None if it has brought nothing.
    pub(super) snapshot: Option<Snapshot>,
    pub(super) durability: Durability,
    pub(super) bells: Vec<Vec<u8>>,
    pub(super) accepted: Vec<Answer>,
    /// Those that met a conflict.
    pub(super) refused: Vec<Answer>,
    /// Whether it is written.
    pub(super) written: Result<()>,
}

impl Group {
    pub(super) fn answer(self, outcome: &Result<()>) {
        for done in self.accepted {
            answer(done, outcome.clone());
        }
        // Only now: run again earlier, they would read what they have just conflicted over.
        for done in self.refused {
            answer(done, Err(Error::Conflict));
        }
    }
}

fn answer(done: Answer, outcome: Result<()>) {
    // Whoever asked may have gone away; the commit stands all the same.
    let _ = done.send(outcome);
}
