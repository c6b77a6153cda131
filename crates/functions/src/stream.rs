//! Running a function for a caller that takes its answer piece by piece, while the function makes it.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, Stream};
use tokio::sync::oneshot;

use crate::errand::Watch;
use crate::invoke::{Answer, Heard, Invoke, Outcome};
use crate::worker::{Piece, Pieces, streaming};
use crate::{Error, Function, Functions, Result};

/// What a function that does not say so itself answers with.
const WHOLE: &str = "application/json";

/// Between an answer's head and its body.
pub(crate) const END_OF_HEAD: [u8; 8] = [0; 8];
/// No head that makes sense is longer.
const LONGEST_HEAD: usize = 64 << 10;

/// An answer that comes while it is made. Dropping it does not end the function, which runs to its end unheard.
pub struct Answering {
    /// The published version that runs; none if it is the newest code.
    pub version: Option<u64>,
    /// What the function says its answer is.
    pub content_type: String,
    /// What a function that does not stream has answered.
    whole: Option<Bytes>,
    pieces: Option<Pieces>,
    outcome: Ended,
}

enum Ended {
    Soon(oneshot::Receiver<Result<Outcome>>),
    Already(Box<Outcome>),
}

impl Functions {
    /// Runs a function; returns when its answer begins or, if it answers in no pieces, is there. An error means that it
    /// did not get to run. See [`Functions::invoke`].
    pub async fn invoke_streaming(&self, invoke: Invoke) -> Result<Answering> {
        let function =
            self.resolve_call(&invoke.space, &invoke.function, invoke.qualifier.as_deref())?;
        self.invoke_resolved_streaming(function, invoke).await
    }

    /// The same for whoever has resolved it already, by [`Functions::resolve_call`].
    pub async fn invoke_resolved_streaming(
        &self,
        function: Arc<Function>,
        invoke: Invoke,
    ) -> Result<Answering> {
        let limit = self.shared.config.streamed.as_bytes();
        let (streaming, mut pieces) = streaming(limit, &self.shared.ahead);
        let version = function.version;
        let (answer, answered) = oneshot::channel();
        let functions = self.clone();
        let answer = Answer::new(answer, Watch::default());
        self.shared.running.spawn(async move {
            functions
                .invoke_and_record(invoke, function, Heard::AsItComes(&streaming), answer)
                .await;
        });
        let mut answered = answered;
        let first = tokio::select! {
            biased;
            first = pieces.recv() => first,
            // What is there whole need not wait until it is recorded. What comes in pieces has begun before.
            outcome = &mut answered => match pieces.try_recv() {
                Some(first) => {
                    let outcome = outcome.map_err(|_| Error::Stopping)??;
                    return Ok(begun(version, first, pieces, Ended::Already(Box::new(outcome))));
                }
                None => {
                    let outcome = outcome.map_err(|_| Error::Stopping)??;
                    return Ok(whole(version, outcome));
                }
            },
        };
        if let Some(first) = first {
            return Ok(begun(version, first, pieces, Ended::Soon(answered)));
        }
        let outcome = answered.await.map_err(|_| Error::Stopping)??;
        Ok(whole(version, outcome))
    }
}

fn begun(version: Option<u64>, first: Piece, pieces: Pieces, outcome: Ended) -> Answering {
    let content_type = match first {
        Piece::Begins(content_type) => content_type,
        Piece::Bytes(_) => None,
    };
    Answering {
        version,
        content_type: content_type.unwrap_or_else(|| "application/octet-stream".into()),
        whole: None,
        pieces: Some(pieces),
        outcome,
    }
}

fn whole(version: Option<u64>, mut outcome: Outcome) -> Answering {
    let whole = outcome.result.as_mut().ok().map(std::mem::take);
    Answering {
        version,
        content_type: WHOLE.into(),
        whole: whole.filter(|whole| !whole.is_empty()),
        pieces: None,
        outcome: Ended::Already(Box::new(outcome)),
    }
}

impl Answering {
    /// Whether the function makes its answer piece by piece; others answer as they always do.
    pub fn is_streamed(&self) -> bool {
        self.pieces.is_some()
    }

    /// The next piece; none when there are no more.
    pub async fn next(&mut self) -> Option<Bytes> {
        if let Some(whole) = self.whole.take() {
            return Some(whole);
        }
        match self.pieces.as_mut()?.recv().await? {
            Piece::Bytes(piece) => Some(piece),
            Piece::Begins(_) => None,
        }
    }

    /// Of an answer that begins with a head, which eight zero bytes end: the head, and what of the body came with it.
    pub async fn head(&mut self) -> Result<(Bytes, Bytes), String> {
        let mut taken = BytesMut::new();
        loop {
            let Some(piece) = self.next().await else {
                return Err("it ended in its head".into());
            };
            taken.extend_from_slice(&piece);
            if let Some(at) = end_of_head(&taken) {
                let mut head = taken.freeze();
                let rest = head.split_off(at + END_OF_HEAD.len());
                head.truncate(at);
                return Ok((head, rest));
            }
            if taken.len() > LONGEST_HEAD {
                return Err("its head is too long".into());
            }
        }
    }

    /// What is still to come, after what has come `first`. It ends with an error if the answer broke off, which must not
    /// look as if it were all of it.
    pub fn rest(self, first: Bytes) -> impl Stream<Item = Result<Bytes, String>> + Send + 'static {
        stream::unfold(Some((first, self)), |state| async move {
            let (first, mut answering) = state?;
            let piece = match first.is_empty() {
                false => Some(first),
                true => answering.next().await,
            };
            if let Some(piece) = piece {
                return Some((Ok(piece), Some((Bytes::new(), answering))));
            }
            let why = match answering.outcome().await {
                Ok(outcome) => outcome.result.err().map(|failed| failed.message),
                Err(error) => Some(error.to_string()),
            };
            why.map(|why| (Err(why), None))
        })
    }

    /// How the call ended, once it has. An answer that went well is empty here: it has been passed on.
    pub async fn outcome(self) -> Result<Outcome> {
        match self.outcome {
            Ended::Already(outcome) => Ok(*outcome),
            Ended::Soon(answered) => answered.await.map_err(|_| Error::Stopping)?,
        }
    }
}

pub(crate) fn end_of_head(taken: &[u8]) -> Option<usize> {
    let mut windows = taken.windows(END_OF_HEAD.len());
    windows.position(|window| window == END_OF_HEAD)
}

impl std::fmt::Debug for Answering {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Answering")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_ends_with_eight_zeros() {
        assert_eq!(end_of_head(b"{}\0\0\0\0\0\0\0\0body"), Some(2));
        assert_eq!(end_of_head(b"{}\0\0\0\0\0\0\0"), None);
        assert_eq!(end_of_head(b""), None);
    }
}
