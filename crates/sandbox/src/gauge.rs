//! How much memory a sandbox has used at once, for whoever wants to know while somebody else looks after it.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Weak};

use base::ByteSize;

#[derive(Clone, Debug)]
pub struct Gauge {
    /// The kernel's file with the number. It stays open: it is asked after each call, and finding it takes longer than
    /// reading it.
    file: Option<Arc<File>>,
    /// Of the group, which others are given later.
    used: Weak<()>,
    /// What it shares with what it was forked from, and what it may use: together it is never told to be more.
    shared: Option<(ByteSize, ByteSize)>,
}

impl Gauge {
    pub(crate) fn new(file: &Path, used: Weak<()>) -> Self {
        Self {
            // Older kernels do not have it.
            file: File::open(file).ok().map(Arc::new),
            used,
            shared: None,
        }
    }

    pub(crate) fn sharing(self, shared: ByteSize, limit: ByteSize) -> Self {
        let shared = Some((shared, limit));
        Self { shared, ..self }
    }

    /// None once it has ended.
    pub fn peak(&self) -> Option<ByteSize> {
        let mut text = [0; 24];
        let read = self.file.as_ref()?.read_at(&mut text, 0).ok()?;
        let text = std::str::from_utf8(&text[..read]).ok()?;
        let own: u64 = text.trim().parse().ok()?;
        // Looked at last: what was read is its own.
        self.used.upgrade()?;
        Some(ByteSize::bytes(match self.shared {
            None => own,
            Some((shared, limit)) => (own + shared.as_bytes()).min(limit.as_bytes()),
        }))
    }
}
