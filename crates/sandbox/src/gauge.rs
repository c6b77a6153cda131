//! How much memory a sandbox has used at once, for whoever wants to know while somebody else looks after it.

use std::fs;
use std::path::PathBuf;

use base::ByteSize;

#[derive(Clone, Debug)]
pub struct Gauge {
    /// The kernel's file with the number.
    file: PathBuf,
    /// What it shares with what it was forked from, and what it may use: together it is never told to be more.
    shared: Option<(ByteSize, ByteSize)>,
}

impl Gauge {
    pub(crate) fn new(file: PathBuf) -> Self {
        Self { file, shared: None }
    }

    pub(crate) fn sharing(self, shared: ByteSize, limit: ByteSize) -> Self {
        let shared = Some((shared, limit));
        Self { shared, ..self }
    }

    /// None once it has ended.
    pub fn peak(&self) -> Option<ByteSize> {
        let own: u64 = fs::read_to_string(&self.file).ok()?.trim().parse().ok()?;
        Some(ByteSize::bytes(match self.shared {
            None => own,
            Some((shared, limit)) => (own + shared.as_bytes()).min(limit.as_bytes()),
        }))
    }
}
