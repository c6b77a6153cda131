//! A request's body as it comes from the peer.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;

use crate::BodyError;
use crate::patience::Wait;

/// What is still read of a body that nobody wants, and for how long: a peer that sends while it is refused would otherwise
/// lose the refusal, because what it sends to a closed connection is answered with a reset (RFC 9112, section 9.6).
const UNWANTED_BYTES: usize = 128 << 20;
const UNWANTED_TIME: Duration = Duration::from_secs(10);

/// A body whose peer may pause only so long. What is not read of it is read away.
pub(crate) struct Upload<B>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
{
    body: Option<B>,
    wait: Wait,
    sending: Sending,
}

/// Whether the peer sends a body even if nobody reads it. Who waits to be told that it may send (RFC 9110, section
/// 10.1.1) does not before somebody has begun to read.
#[derive(Clone, Debug)]
pub(crate) struct Sending(Arc<AtomicBool>);

impl Sending {
    pub(crate) fn new(already: bool) -> Self {
        Self(Arc::new(AtomicBool::new(already)))
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    fn begin(&self) {
        if !self.has_begun() {
            self.0.store(true, Ordering::Release);
        }
    }
}

impl<B: Body<Data = Bytes> + Send + Unpin + 'static> Upload<B> {
    pub(crate) fn new(body: B, pause: Duration, sending: Sending) -> Self {
        Self {
            body: Some(body),
            wait: Wait::new(pause),
            sending,
        }
    }
}

impl<B> Body for Upload<B>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: std::fmt::Display,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let Some(body) = &mut this.body else {
            return Poll::Ready(None);
        };
        this.sending.begin();
        let frame = match Pin::new(body).poll_frame(context) {
            Poll::Ready(frame) => frame,
            Poll::Pending if this.wait.is_over(context) => {
                this.body = None;
                return Poll::Ready(Some(Err(BodyError::TooSlow)));
            }
            Poll::Pending => return Poll::Pending,
        };
        this.wait.end();
        if !matches!(frame, Some(Ok(_))) {
            this.body = None;
        }
        let frame = frame.map(|frame| frame.map_err(|why| BodyError::Truncated(why.to_string())));
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            Some(body) => body.size_hint(),
            None => SizeHint::with_exact(0),
        }
    }
}

impl<B: Body<Data = Bytes> + Send + Unpin + 'static> Drop for Upload<B> {
    fn drop(&mut self) {
        let body = self.body.take().filter(|body| !body.is_end_stream());
        let (Some(body), true) = (body, self.sending.has_begun()) else {
            return;
        };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(tokio::time::timeout(UNWANTED_TIME, read_away(body)));
        }
    }
}

async fn read_away<B: Body<Data = Bytes> + Unpin>(mut body: B) {
    let mut read = 0;
    while let Some(Ok(frame)) = body.frame().await {
        read += frame.data_ref().map_or(0, Bytes::len);
        if read > UNWANTED_BYTES {
            return;
        }
    }
}
