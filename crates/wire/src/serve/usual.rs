//! The usual exchange: a request of HTTP/1.1 that is there whole and small, and its answer. Nearly all are like that, and
//! what hyper needs for the others costs as much of a processor as the rest of them.
//!
//! Whatever is unusual goes to hyper as it came, and its connection stays there: another version, a body in chunks or a
//! long one, an expectation, an upgrade, more lines than most have, and everything that is wrong. So there is nothing
//! here that refuses, and whoever answers a bad request is the same as ever.

mod head;
mod patient;
mod print;

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http_body::{Body as _, Frame};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_util::io::poll_read_buf;

use super::{Asking, From, Limits, ServiceFuture, Stopping};
use crate::patience::{Patient, Wait};
use crate::{Body, BodyError, Response};

use head::{Asked, Read};
use patient::{Idle, Stop};
use print::Framing;

/// What is read at a time.
const ROOM: usize = 8 << 10;
/// What a connection keeps for its next request.
const KEPT: usize = 16 << 10;
/// An answer's first piece goes with its head up to this; and more is not gathered before it is sent.
const GATHERED: usize = 16 << 10;
/// Who sends a body in pieces is waited for this long before it is unusual.
const WHOLE_WITHIN: Duration = Duration::from_secs(1);

/// How it ended.
pub(super) enum Ended<S> {
    /// The connection is closed, or to be.
    Over,
    /// What has been read of it has not been answered.
    Unusual(S, Bytes),
}

/// Serves a connection until it is over, or its next request is unusual.
pub(super) async fn converse<S>(
    stream: S,
    limits: &Limits,
    stopping: &Stopping,
    asking: &Asking,
    from: From,
) -> io::Result<Ended<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut conversation = Conversation {
        stream: Patient::taking(stream, limits.pause),
        input: BytesMut::new(),
        output: Vec::new(),
        most: limits.header_bytes,
        idle: Idle::new(limits.header_timeout),
        stop: Stop::new(stopping),
    };
    loop {
        let asked = match conversation.next().await? {
            Next::Asked(asked) => asked,
            Next::Over => break,
            Next::Unusual => {
                let begun = conversation.input.freeze();
                return Ok(Ended::Unusual(conversation.stream.into_inner(), begun));
            }
        };
        if !conversation.exchange(asked, asking, from).await? {
            conversation.stream.shutdown().await?;
            break;
        }
    }
    Ok(Ended::Over)
}

#[expect(
    clippy::large_enum_variant,
    reason = "it is moved twice; a box would be an allocation for each request"
)]
enum Next {
    Asked(Asked),
    Over,
    Unusual,
}

/// What happened while something was waited for.
enum Heard {
    Bytes,
    /// The peer has hung up.
    End,
    /// Nothing, for too long.
    Nothing,
    /// The server is to stop.
    Stop,
}

struct Conversation<'a, S> {
    stream: Patient<S>,
    /// What was read and not yet answered.
    input: BytesMut,
    /// What is to be sent.
    output: Vec<u8>,
    /// What is read ahead at most.
    most: usize,
    idle: Idle,
    stop: Stop<'a>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Conversation<'_, S> {
    async fn next(&mut self) -> io::Result<Next> {
        self.idle.begin();
        let mut rest = None;
        loop {
            if !self.input.is_empty() {
                match head::read(&mut self.input) {
                    Read::Asked(asked) => return Ok(Next::Asked(asked)),
                    Read::Unusual => return Ok(Next::Unusual),
                    Read::Head if self.input.len() >= self.most => return Ok(Next::Unusual),
                    Read::Head => {}
                    Read::Body => rest = rest.or_else(|| Some(Wait::new(WHOLE_WITHIN))),
                }
            }
            let heard = poll_fn(|context| match &mut rest {
                None => self.poll_more(context),
                Some(rest) => self.poll_rest(rest, context),
            });
            match heard.await? {
                Heard::Bytes => {}
                // Whoever was to read the body is told that it breaks off.
                Heard::Nothing | Heard::End if rest.is_some() => return Ok(Next::Unusual),
                Heard::End | Heard::Nothing | Heard::Stop => return Ok(Next::Over),
            }
        }
    }

    /// Reads more of a head.
    fn poll_more(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Heard>> {
        if let Poll::Ready(heard) = self.poll_input(context) {
            return Poll::Ready(heard);
        }
        if self.idle.is_over(context) {
            return Poll::Ready(Ok(Heard::Nothing));
        }
        // Who has begun to ask is heard out.
        match self.stop.is_told(context) && self.input.is_empty() {
            true => Poll::Ready(Ok(Heard::Stop)),
            false => Poll::Pending,
        }
    }

    /// Reads more of a body.
    fn poll_rest(&mut self, rest: &mut Wait, context: &mut Context<'_>) -> Poll<io::Result<Heard>> {
        match self.poll_input(context) {
            Poll::Pending if rest.is_over(context) => Poll::Ready(Ok(Heard::Nothing)),
            heard => heard,
        }
    }

    fn poll_input(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Heard>> {
        if self.input.capacity() - self.input.len() < ROOM / 4 {
            self.input.reserve(ROOM);
        }
        let read = poll_read_buf(Pin::new(&mut self.stream), context, &mut self.input);
        read.map_ok(|read| match read {
            0 => Heard::End,
            _ => Heard::Bytes,
        })
    }

    /// Whether the peer has hung up, which is looked at while it waits. What it sends meanwhile is its next request.
    fn poll_gone(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        while self.input.len() < self.most {
            match self.poll_input(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(Heard::Bytes)) => {}
                Poll::Ready(Ok(_)) => return Poll::Ready(gone("the peer did not wait")),
                Poll::Ready(Err(cause)) => return Poll::Ready(cause),
            }
        }
        Poll::Pending
    }

    /// Answers a request; says whether there may be another.
    async fn exchange(&mut self, asked: Asked, asking: &Asking, from: From) -> io::Result<bool> {
        let Asked { request, closes } = asked;
        let (answering, asked) = asking.call(request, from);
        let response = asked.answer(self.wait_for(answering).await?);
        let closes = closes || print::says_close(&response) || self.stop.is_known();
        let (head, body) = response.into_parts();
        let framing = Framing::of(&asked.method, &head, &body);
        print::head(&mut self.output, &head, framing, closes);
        self.send(body, framing).await?;
        self.rest();
        Ok(!closes)
    }

    async fn wait_for(&mut self, mut answering: ServiceFuture<'_>) -> io::Result<Response> {
        poll_fn(|context| match answering.as_mut().poll(context) {
            Poll::Ready(response) => Poll::Ready(Ok(response)),
            Poll::Pending => self.poll_gone(context).map(Err),
        })
        .await
    }

    /// Sends what is printed, and the body.
    async fn send(&mut self, mut body: Body, framing: Framing) -> io::Result<()> {
        let mut left = framing.length();
        while left != Some(0) && !body.is_end_stream() {
            let Some(frame) = self.frame(&mut body).await? else {
                break;
            };
            let frame = match frame {
                Ok(frame) => frame,
                Err(cause) => {
                    // What there was of it is not lost.
                    self.flush().await?;
                    return Err(io::Error::other(cause));
                }
            };
            let Ok(mut data) = frame.into_data() else {
                continue;
            };
            if let Some(left) = &mut left {
                data.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= data.len() as u64;
            }
            self.take(data, framing).await?;
        }
        match left {
            Some(1..) => {
                self.flush().await?;
                return Err(gone("the answer is shorter than it said"));
            }
            Some(0) => {}
            None => self.output.extend_from_slice(print::LAST_CHUNK),
        }
        self.flush().await
    }

    /// The next of an answer. What is printed is sent before it is waited for.
    async fn frame(
        &mut self,
        body: &mut Body,
    ) -> io::Result<Option<Result<Frame<Bytes>, BodyError>>> {
        loop {
            let frame = poll_fn(|context| {
                if let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(context) {
                    return Poll::Ready(Ok(Some(frame)));
                }
                match self.output.is_empty() {
                    true => self.poll_gone(context).map(Err),
                    false => Poll::Ready(Ok(None)),
                }
            });
            match frame.await? {
                Some(frame) => return Ok(frame),
                None => self.flush().await?,
            }
        }
    }

    async fn take(&mut self, data: Bytes, framing: Framing) -> io::Result<()> {
        if data.is_empty() {
            return Ok(());
        }
        print::before(&mut self.output, &data, framing);
        if self.output.len() + data.len() <= GATHERED {
            self.output.extend_from_slice(&data);
        } else {
            let mut both = self.output.as_slice().chain(data);
            self.stream.write_all_buf(&mut both).await?;
            self.output.clear();
        }
        print::after(&mut self.output, framing);
        Ok(())
    }

    async fn flush(&mut self) -> io::Result<()> {
        if !self.output.is_empty() {
            self.stream.write_all(&self.output).await?;
            self.output.clear();
        }
        self.stream.flush().await
    }

    /// Nobody keeps what only a large exchange needed.
    fn rest(&mut self) {
        if self.output.capacity() > KEPT {
            self.output = Vec::new();
        }
        if self.input.is_empty() && self.input.capacity() > KEPT {
            self.input = BytesMut::new();
        }
    }
}

fn gone(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, why)
}
