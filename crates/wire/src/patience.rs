//! Peers that keep us waiting: a connection whose peer says nothing, or takes nothing, is given up, so that whatever waits
//! for it is free again.
//!
//! HTTP's own parser watches over heads once it knows which protocol it reads; [`Patient`] does so until then, and over
//! whoever does not take what is sent. A request's body is watched over by [`Upload`](crate::upload::Upload).

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// What a connection of HTTP/2 begins with (RFC 9113, section 3.4). Only what begins otherwise is known to be HTTP/1.1.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How long is waited at most, beginning when waiting begins.
#[derive(Debug)]
pub(crate) struct Wait {
    most: Duration,
    until: Option<Pin<Box<Sleep>>>,
}

impl Wait {
    pub(crate) fn new(most: Duration) -> Self {
        Self { most, until: None }
    }

    /// To be asked whenever there is nothing: true once that has been so for too long.
    pub(crate) fn is_over(&mut self, context: &mut Context<'_>) -> bool {
        let most = self.most;
        let until = self
            .until
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + most)));
        until.as_mut().poll(context).is_ready()
    }

    /// There was something.
    pub(crate) fn end(&mut self) {
        self.until = None;
    }
}

/// A connection whose peer may take only so long.
#[derive(Debug)]
pub(crate) struct Patient<S> {
    stream: S,
    /// How much of the preface has come, while nothing else has; and the wait for the rest.
    opening: Option<(usize, Wait)>,
    taking: Wait,
}

impl<S> Patient<S> {
    pub(crate) fn new(stream: S, opening: Duration, taking: Duration) -> Self {
        Self {
            stream,
            opening: Some((0, Wait::new(opening))),
            taking: Wait::new(taking),
        }
    }

    /// Whoever uses it watches over heads.
    pub(crate) fn taking(stream: S, taking: Duration) -> Self {
        Self {
            stream,
            opening: None,
            taking: Wait::new(taking),
        }
    }

    pub(crate) fn into_inner(self) -> S {
        self.stream
    }

    /// Turns waiting for too long into an error.
    fn taken<T>(
        &mut self,
        result: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if result.is_pending() {
            return match self.taking.is_over(context) {
                true => Poll::Ready(Err(too_slow("the peer takes nothing"))),
                false => Poll::Pending,
            };
        }
        self.taking.end();
        result
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let Some((seen, wait)) = &mut this.opening else {
            return Pin::new(&mut this.stream).poll_read(context, buffer);
        };
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(context, buffer);
        if read.is_pending() && wait.is_over(context) {
            return Poll::Ready(Err(too_slow("the peer says nothing")));
        }
        ready!(read)?;
        let new = &buffer.filled()[before..];
        *seen += new.len();
        let is_open = new.is_empty() || *seen >= PREFACE.len() || !PREFACE[..*seen].ends_with(new);
        if is_open {
            this.opening = None;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.taken(written, context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(context, slices);
        this.taken(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.stream).poll_flush(context);
        this.taken(flushed, context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let shut = Pin::new(&mut this.stream).poll_shutdown(context);
        this.taken(shut, context)
    }
}

fn too_slow(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, what)
}
