//! Running a function for a caller that takes its answer piece by piece, while the function makes it.

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::invoke::{Invoke, Outcome};
use crate::worker::{Piece, Pieces, streaming};
use crate::{Error, Functions, Result};

/// What a function that does not say so itself answers with.
const WHOLE: &str = "application/json";

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
        let (streaming, mut pieces) = streaming(self.shared.config.streamed.as_bytes());
        let function =
            self.resolve_call(&invoke.space, &invoke.function, invoke.qualifier.as_deref())?;
        let version = function.version;
        let (answer, answered) = oneshot::channel();
        let functions = self.clone();
        self.shared.running.spawn(async move {
            functions
                .invoke_and_record(invoke, Ok(function), Some(&streaming), answer)
                .await;
        });
        if let Some(Piece::Begins(content_type)) = pieces.recv().await {
            return Ok(Answering {
                version,
                content_type: content_type.unwrap_or_else(|| "application/octet-stream".into()),
                whole: None,
                pieces: Some(pieces),
                outcome: Ended::Soon(answered),
            });
        }
        let mut outcome = answered.await.map_err(|_| Error::Stopping)??;
        let whole = outcome.result.as_mut().ok().map(std::mem::take);
        Ok(Answering {
            version,
            content_type: WHOLE.into(),
            whole: whole.filter(|whole| !whole.is_empty()),
            pieces: None,
            outcome: Ended::Already(Box::new(outcome)),
        })
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

    /// How the call ended, once it has. An answer that went well is empty here: it has been passed on.
    pub async fn outcome(self) -> Result<Outcome> {
        match self.outcome {
            Ended::Already(outcome) => Ok(*outcome),
            Ended::Soon(answered) => answered.await.map_err(|_| Error::Stopping)?,
        }
    }
}

impl std::fmt::Debug for Answering {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Answering")
    }
}
