//! Where an answer goes while it comes: to whoever called and takes it piece by piece.
//!
//! A worker is read ahead of its caller as far as there is memory for what is read, of which all answers share a part; when
//! that is full, it is read no faster than its caller takes what it says. So an answer of any length holds a bounded part of
//! our memory, and an instance whose whole answer fits is free again however slowly somebody takes it. A caller that has
//! gone does not end the work, as in the real service: the rest is read and let go.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::connection::MOST_DISCARDED;
use crate::protocol;

/// Pieces that wait for the caller, whatever the other answers hold; each is at most what one read of a connection brings.
const WAITING: usize = 16;
/// What all answers together hold beyond that, in bytes.
const MOST_AHEAD: usize = 64 << 20;
/// What a piece costs that has hardly anything in it.
const LEAST: usize = 64;

/// What a caller that takes an answer piece by piece hears.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// The answer begins, and is of this kind.
    Begins(Option<String>),
    Bytes(Bytes),
}

/// The caller's side.
#[derive(Debug)]
pub(crate) struct Pieces(mpsc::UnboundedReceiver<Waiting>);

/// A piece that waits, and the place that it takes until the caller has it.
#[derive(Debug)]
struct Waiting {
    piece: Piece,
    _place: OwnedSemaphorePermit,
}

impl Pieces {
    pub(crate) async fn recv(&mut self) -> Option<Piece> {
        self.0.recv().await.map(|waiting| waiting.piece)
    }

    pub(crate) fn try_recv(&mut self) -> Option<Piece> {
        self.0.try_recv().ok().map(|waiting| waiting.piece)
    }
}

/// The memory that answers share which are ahead of their callers.
#[derive(Clone, Debug)]
pub(crate) struct Ahead(Arc<Semaphore>);

impl Default for Ahead {
    fn default() -> Self {
        Self::of(MOST_AHEAD)
    }
}

impl Ahead {
    pub(crate) fn of(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes)))
    }

    fn take(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let bytes = u32::try_from(bytes.max(LEAST)).ok()?;
        self.0.clone().try_acquire_many_owned(bytes).ok()
    }
}

/// Where pieces go. Every one has a place before it is sent, so there are never more than there are places.
#[derive(Clone, Debug)]
struct Sender {
    pieces: mpsc::UnboundedSender<Waiting>,
    own: Arc<Semaphore>,
    ahead: Ahead,
}

impl Sender {
    /// False if the caller has gone.
    async fn send(&self, piece: Piece) -> bool {
        let length = match &piece {
            Piece::Begins(_) => 0,
            Piece::Bytes(bytes) => bytes.len(),
        };
        let own = self.own.clone().try_acquire_owned().ok();
        let place = match own.or_else(|| self.ahead.take(length)) {
            Some(place) => place,
            None => tokio::select! {
                own = self.own.clone().acquire_owned() => own.expect("the semaphore is never closed"),
                () = self.pieces.closed() => return false,
            },
        };
        let waiting = Waiting {
            piece,
            _place: place,
        };
        self.pieces.send(waiting).is_ok()
    }
}

/// The worker's side of an answer that is passed on while it comes.
#[derive(Clone, Debug)]
pub(crate) struct Streaming {
    pieces: Sender,
    /// How long the answer may be.
    limit: u64,
}

pub(crate) fn streaming(limit: u64, ahead: &Ahead) -> (Streaming, Pieces) {
    let (pieces, taken) = mpsc::unbounded_channel();
    let pieces = Sender {
        pieces,
        own: Arc::new(Semaphore::new(WAITING)),
        ahead: ahead.clone(),
    };
    (Streaming { pieces, limit }, Pieces(taken))
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

impl Streaming {
    pub(crate) async fn begin(&self, content_type: Option<String>) -> Draining {
        let begun = self.pieces.send(Piece::Begins(content_type)).await;
        Draining {
            pieces: begun.then(|| self.pieces.clone()),
            limit: self.limit,
            size: 0,
        }
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
        self.streaming.begin(content_type).await
    }
}

/// An answer on its way.
pub(crate) struct Draining {
    /// None once the caller has gone, or has had all that it gets.
    pieces: Option<Sender>,
    limit: u64,
    size: u64,
}

impl Draining {
    /// False if so much has come that no more should be read.
    pub(crate) async fn take(&mut self, piece: Bytes) -> bool {
        self.size += piece.len() as u64;
        if self.size > self.limit {
            self.pieces = None;
            return self.size <= self.limit.saturating_add(MOST_DISCARDED);
        }
        if let Some(pieces) = &self.pieces
            && !pieces.send(Piece::Bytes(piece)).await
        {
            self.pieces = None;
        }
        true
    }

    /// How much came, and how much may, if it was too much.
    pub(crate) fn excess(&self) -> Option<(u64, u64)> {
        (self.size > self.limit).then_some((self.size, self.limit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled() -> Piece {
        Piece::Bytes(Bytes::from_static(&[7; 1_000]))
    }

    /// How many pieces are sent until one has to wait.
    async fn sent(sender: &Sender) -> usize {
        use futures_util::FutureExt;
        let mut count = 0;
        while sender.send(filled()).now_or_never().is_some() {
            count += 1;
            assert!(count < 10_000, "nothing holds it back");
        }
        count
    }

    #[tokio::test]
    async fn answers_that_are_ahead_of_their_callers_share_what_there_is() {
        let ahead = Ahead::of(10_000);
        let (one, mut taken) = streaming(u64::MAX, &ahead);
        assert_eq!(sent(&one.pieces).await, WAITING + 10);
        let (two, gone) = streaming(u64::MAX, &ahead);
        assert_eq!(sent(&two.pieces).await, WAITING);
        // A place of its own is not anybody else's.
        assert_eq!(taken.recv().await, Some(filled()));
        assert_eq!(sent(&two.pieces).await, 0);
        assert_eq!(sent(&one.pieces).await, 1);
        // What was ahead and is taken makes room for all.
        for _ in 0..WAITING {
            assert_eq!(taken.recv().await, Some(filled()));
        }
        assert!(sent(&two.pieces).await > 0);
        drop(gone);
        assert!(!two.pieces.send(filled()).await);
        drop(taken);
        assert_eq!(ahead.0.available_permits(), 10_000);
    }

    #[tokio::test]
    async fn who_waits_for_a_caller_hears_that_it_has_gone() {
        let (one, taken) = streaming(u64::MAX, &Ahead::of(0));
        sent(&one.pieces).await;
        let piece = one.pieces.send(filled());
        let (sent, ()) = tokio::join!(piece, async { drop(taken) });
        assert!(!sent);
    }
}
