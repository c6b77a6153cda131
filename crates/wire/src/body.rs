use std::pin::Pin;
use std::task::{Context, Poll};

use base::ByteSize;
use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Stream, TryStreamExt};
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt, Empty, Full, StreamBody};

/// A message's body, in either direction, of any length.
pub type Body = http_body_util::combinators::UnsyncBoxBody<Bytes, BodyError>;

#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The peer went away, or broke the protocol, before the body's end.
    #[error("the body was cut short: {0}")]
    Truncated(String),
    /// The peer paused too long before the body's end.
    #[error("the body came too slowly")]
    TooSlow,
    #[error("the body is larger than {0}")]
    TooLarge(ByteSize),
    /// Whoever makes the body failed while making it.
    #[error("{0}")]
    Source(Box<dyn std::error::Error + Send + Sync>),
}

pub fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// A body made piece by piece while it is sent.
pub fn stream(pieces: impl Stream<Item = Result<Bytes, BodyError>> + Send + 'static) -> Body {
    StreamBody::new(pieces.map_ok(Frame::data)).boxed_unsync()
}

/// The body, with something that is held until it has been sent, or is sent no more.
pub fn holding(body: Body, held: impl Send + Unpin + 'static) -> Body {
    Holder { body, _held: held }.boxed_unsync()
}

struct Holder<H> {
    body: Body,
    _held: H,
}

impl<H: Unpin> http_body::Body for Holder<H> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Reads a whole body into memory, unless it is larger than `limit`.
pub async fn collect(body: Body, limit: ByteSize) -> Result<Bytes, BodyError> {
    let mut body = Pin::from(Box::new(body));
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        if (first.len() + all.len() + data.len()) as u64 > limit.as_bytes() {
            return Err(BodyError::TooLarge(limit));
        }
        if first.is_empty() && all.is_empty() {
            // Most bodies are one piece: no copy.
            first = data;
        } else {
            if all.is_empty() {
                all.extend_from_slice(&std::mem::take(&mut first));
            }
            all.extend_from_slice(data.chunk());
        }
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}
