use std::fmt::Display;

use parking_lot::Mutex;

use crate::{Error, Result};

/// Why no more is written, once it is so: after a failed write or sync nobody knows what is on the disk, and only a
/// restart, which reads it, does.
#[derive(Default)]
pub(super) struct Failure(Mutex<Option<Error>>);

impl Failure {
    pub(super) fn get(&self) -> Option<Error> {
        self.0.lock().clone()
    }

    pub(super) fn check(&self) -> Result<()> {
        self.get().map_or(Ok(()), Err)
    }

    pub(super) fn note(&self, cause: &dyn Display) -> Error {
        let error = Error::Failed(cause.to_string());
        tracing::error!(%cause, "a commit failed; the store takes no more writes until it is restarted");
        self.0.lock().get_or_insert(error).clone()
    }
}
