//! Where an answer goes while it comes: to whoever called and takes it piece by piece.
//!
//! A worker is read no faster than its caller takes what it says, so an answer of any length holds a bounded part of our
//! memory. A caller that has gone does not end the work, as in the real service: the rest is read and let go.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::mpsc;

use super::connection::MOST_DISCARDED;
use crate::protocol;

/// Pieces that wait for the caller; each is at most what one read of a connection brings.
const WAITING: usize = 16;

/// What a caller that takes an answer piece by piece hears.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// The answer begins, and is of this kind.
    Begins(Option<String>),
    Bytes(Bytes),
}

pub(crate) type Pieces = mpsc::Receiver<Piece>;

/// The worker's side of an answer that is passed on while it comes.
#[derive(Clone, Debug)]
pub(crate) struct Streaming {
    pieces: mpsc::Sender<Piece>,
    /// How long the answer may be.
    limit: u64,
}

pub(crate) fn streaming(limit: u64) -> (Streaming, Pieces) {
    let (pieces, taken) = mpsc::channel(WAITING);
    (Streaming { pieces, limit }, taken)
}

/// What the worker's connections look at: where the answer to the work at hand goes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outlets(Arc<Mutex<Option<Outlet>>>);

#[derive(Clone, Debug)]
pub(super) struct Outlet {
    request_id: String,
    streaming: Streaming,
}

/// As long as this is held, answers to one piece of work are passed on.
pub(super) struct Open(Outlets);

impl Outlets {
    pub(super) fn open(&self, streaming: &Streaming, request_id: &str) -> Open {
        *self.0.lock() = Some(Outlet {
            request_id: request_id.to_owned(),
            streaming: streaming.clone(),
        });
        Open(self.clone())
    }

    pub(super) fn get(&self) -> Option<Outlet> {
        self.0.lock().clone()
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        *self.0.0.lock() = None;
    }
}

impl Outlet {
    /// Whether what is posted to `path` is the answer that is waited for.
    pub(super) fn is_for(&self, path: &str) -> bool {
        let id = path
            .strip_prefix(protocol::INVOCATION)
            .and_then(|rest| rest.strip_suffix(protocol::RESPONSE));
        id == Some(self.request_id.as_str())
    }

    pub(super) async fn begin(self, content_type: Option<String>) -> Draining {
        let Streaming { pieces, limit } = self.streaming;
        let begun = pieces.send(Piece::Begins(content_type)).await;
        Draining {
            pieces: begun.is_ok().then_some(pieces),
            limit,
            size: 0,
        }
    }
}

/// An answer on its way.
pub(super) struct Draining {
    /// None once the caller has gone, or has had all that it gets.
    pieces: Option<mpsc::Sender<Piece>>,
    limit: u64,
    size: u64,
}

impl Draining {
    /// False if so much has come that no more should be read.
    pub(super) async fn take(&mut self, piece: Bytes) -> bool {
        self.size += piece.len() as u64;
        if self.size > self.limit {
            self.pieces = None;
            return self.size <= self.limit.saturating_add(MOST_DISCARDED);
        }
        if let Some(pieces) = &self.pieces
            && pieces.send(Piece::Bytes(piece)).await.is_err()
        {
            self.pieces = None;
        }
        true
    }

    /// How much came, and how much may, if it was too much.
    pub(super) fn excess(&self) -> Option<(u64, u64)> {
        (self.size > self.limit).then_some((self.size, self.limit))
    }
}
