//! Our side of the worker protocol.
//!
//! A worker asks for work (`next`, which waits until there is some), answers it (`response` or `error`), and asks
//! again; before the first `next` it may say that it cannot start (`init/error`). Our own runtimes do so on one
//! connection, send the answer and the next request in one write and never look at what we say to an answer; others'
//! use ordinary HTTP clients. The requests come from inside a sandbox, so all of it is hostile input: heads, bodies and
//! connections are bounded, and what is out of turn is refused.

mod connection;
mod inherited;
mod listener;
mod outlet;

#[cfg(test)]
mod tests;

use bytes::Bytes;
use runtimes::Connection as Reached;
use tokio::net::UnixStream;
use tokio::sync::{mpsc, oneshot};
use wire::HeldFile;

use self::inherited::Inherited;
use self::listener::Listener;
use crate::extension::Relayed;
use crate::protocol::{self, Refusal};

pub(crate) use self::connection::{Body, Connection, Method, Request};
pub(crate) use self::outlet::{Ahead, Draining, Outlets, Piece, Pieces, Streaming, streaming};

/// An instance's end of the protocol.
pub(crate) struct Worker {
    source: Source,
    outlet: Outlets,
    /// It may say that it is where a snapshot could be taken.
    snapshots: bool,
    /// How many calls it may take at once, if it may take them as it likes.
    at_once: Option<u32>,
    /// How many it takes, if it said so.
    seats: Option<u32>,
}

/// Where requests come from.
enum Source {
    One(Connection<Inherited>),
    Many(Box<Listener>),
    Relayed(Box<Relay>),
    /// Somebody else has the connection.
    Gone,
}

/// Requests that somebody else hears, and the last one's answer.
struct Relay {
    requests: mpsc::Receiver<Relayed>,
    asker: Option<oneshot::Sender<Bytes>>,
}

/// What a worker says in the end to the work it was given.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Response(Bytes),
    /// It has been passed on already.
    Passed,
    Error {
        kind: Option<String>,
        payload: Bytes,
    },
    TooLarge {
        size: u64,
        limit: u64,
    },
}

/// What a worker says before its first work.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ready {
    Ready,
    InitError {
        kind: Option<String>,
        payload: Bytes,
    },
}

/// Work to be handed over.
pub(crate) struct Handover<'a> {
    pub(crate) request_id: &'a str,
    pub(crate) deadline_ms: u64,
    pub(crate) invoked_name: &'a str,
    pub(crate) trace: &'a str,
    pub(crate) client_context: Option<&'a str>,
    pub(crate) payload: &'a [u8],
    /// What comes behind it and is not in memory.
    pub(crate) held: Option<&'a HeldFile>,
    /// Where the answer goes while it comes, if somebody waits for that.
    pub(crate) streaming: Option<&'a Streaming>,
}

/// The connection ended, or carried something that is not the protocol.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Broken(String);

impl Worker {
    pub(crate) fn new(reached: Reached, largest_response: u64) -> Self {
        let outlet = Outlets::default();
        let source = match reached {
            Reached::Stream(stream) => match Inherited::new(stream) {
                Ok(stream) => {
                    Source::One(Connection::new(stream, largest_response, outlet.clone()))
                }
                Err(cause) => {
                    tracing::warn!(%cause, "nobody can listen to a worker");
                    Source::Gone
                }
            },
            Reached::Listener(listener) => {
                let listener = Listener::new(listener, largest_response, outlet.clone());
                Source::Many(Box::new(listener))
            }
        };
        Self {
            source,
            outlet,
            snapshots: false,
            at_once: None,
            seats: None,
        }
    }

    /// One whose requests somebody else hears; also answers that they pass on go by these outlets.
    pub(crate) fn relayed(requests: mpsc::Receiver<Relayed>, outlet: Outlets) -> Self {
        let asker = None;
        Self {
            source: Source::Relayed(Box::new(Relay { requests, asker })),
            outlet,
            snapshots: false,
            at_once: None,
            seats: None,
        }
    }

    /// One whose code is told of snapshots.
    #[must_use]
    pub(crate) fn with_snapshots(self, snapshots: bool) -> Self {
        Self { snapshots, ..self }
    }

    /// One that may take so many calls at once, if it may take them as it likes.
    #[must_use]
    pub(crate) fn with_seats(self, at_once: Option<u32>) -> Self {
        Self { at_once, ..self }
    }

    pub(crate) fn takes_several(&self) -> bool {
        self.seats.is_some_and(|seats| seats > 1)
    }

    /// The connection of a worker that takes several calls at once, and how many those are.
    pub(crate) fn take_line(&mut self) -> Option<(UnixStream, u32)> {
        let seats = self.seats.take()?;
        let gone = Source::Gone;
        match std::mem::replace(&mut self.source, gone) {
            Source::One(connection) => Some((connection.stream.into_stream().ok()?, seats)),
            Source::Many(_) | Source::Relayed(_) | Source::Gone => None,
        }
    }

    /// Waits until the worker asks for its first work, or says that it can't start.
    pub(crate) async fn ready(&mut self) -> Result<Ready, Broken> {
        let mut restored = false;
        loop {
            let request = self.source.request().await?;
            match (request.method, request.path.as_str(), request.body) {
                (Method::Get, protocol::NEXT, _) => return Ok(Ready::Ready),
                (Method::Get, path, _) if let Some(seats) = self.seats_of(path) => {
                    self.seats = Some(seats);
                    return Ok(Ready::Ready);
                }
                // It goes on at once: it is its own and only snapshot.
                (Method::Get, protocol::RESTORE_NEXT, _) if self.snapshots && !restored => {
                    restored = true;
                    self.source.answer(protocol::RESTORED).await?;
                }
                (Method::Post, path, Body::Whole(payload))
                    if path == protocol::INIT_ERROR
                        || (path == protocol::RESTORE_ERROR && restored) =>
                {
                    self.accept().await;
                    return Ok(Ready::InitError {
                        kind: request.kind,
                        payload,
                    });
                }
                (method, path, _) => {
                    let refusal = out_of_turn(method, path, protocol::STARTED);
                    self.refuse(refusal).await?;
                }
            }
        }
    }

    /// How many calls a worker may have that asks for several by this path.
    fn seats_of(&self, path: &str) -> Option<u32> {
        let asked = path.strip_prefix(protocol::TOGETHER)?.parse().ok()?;
        let most = self.at_once?.min(asked);
        matches!(self.source, Source::One(_)).then_some(most.max(1))
    }

    /// Waits until the worker, having answered, asks for more.
    pub(crate) async fn asks_again(&mut self) -> Result<(), Broken> {
        loop {
            let request = self.source.request().await?;
            if request.method == Method::Get && request.path == protocol::NEXT {
                return Ok(());
            }
            let refusal = out_of_turn(request.method, &request.path, protocol::ANSWERED);
            self.refuse(refusal).await?;
        }
    }

    /// Answers the worker's waiting `next`.
    pub(crate) async fn hand_over(&mut self, work: &Handover<'_>) -> Result<(), Broken> {
        while !self.source.waits() {
            self.asks_again().await?;
        }
        self.source.hand_over(work).await
    }

    /// Waits for the worker's answer to this work.
    pub(crate) async fn reply(&mut self, work: &Handover<'_>) -> Result<Reply, Broken> {
        let _open = work
            .streaming
            .map(|streaming| self.outlet.open(streaming, work.request_id));
        loop {
            let request = self.source.request().await?;
            let verb = match request.method {
                Method::Post => verb_of(&request.path, work.request_id),
                Method::Get | Method::Put | Method::Other => None,
            };
            if let Some(verb) = verb {
                if let Some(reply) = self.answered(verb, request).await? {
                    return Ok(reply);
                }
            } else if request.method == Method::Get && request.path == protocol::NEXT {
                // Whoever asks again before it has answered gets the same again, as in the real service.
                self.source.hand_over(work).await?;
            } else if request.method == Method::Post
                && request.path.starts_with(protocol::INVOCATION)
            {
                self.refuse(protocol::unknown_id()).await?;
            } else {
                let refusal = out_of_turn(request.method, &request.path, protocol::READY);
                self.refuse(refusal).await?;
            }
        }
    }

    /// None if it was refused.
    async fn answered(&mut self, verb: Verb, request: Request) -> Result<Option<Reply>, Broken> {
        if verb == Verb::Response
            && let Some(mode) = &request.mode
            && !mode.eq_ignore_ascii_case(protocol::STREAMING)
        {
            self.refuse(protocol::invalid_mode()).await?;
            return Ok(None);
        }
        Ok(Some(match (verb, request.body, request.failed) {
            (_, Body::TooLarge { size, limit }, _) => {
                // As in `accept`.
                let _ = self.refuse(protocol::too_large(limit)).await;
                Reply::TooLarge { size, limit }
            }
            (Verb::Response, Body::Whole(_) | Body::Passed, Some(failed)) => {
                self.accept().await;
                Reply::Error {
                    kind: failed.kind,
                    payload: failed.payload,
                }
            }
            (Verb::Response, Body::Whole(payload), None) => {
                self.accept().await;
                Reply::Response(payload)
            }
            // Only responses are passed on.
            (_, Body::Passed, _) => {
                self.accept().await;
                Reply::Passed
            }
            (Verb::Error, Body::Whole(payload), _) => {
                self.accept().await;
                Reply::Error {
                    kind: request.kind,
                    payload,
                }
            }
        }))
    }

    /// Says that an answer was heard. It counts even if the worker was gone by then: the next read tells of that.
    async fn accept(&mut self) {
        self.source.acknowledge(protocol::ACCEPTED).await;
    }

    async fn refuse(&mut self, refusal: Refusal) -> Result<(), Broken> {
        self.source.answer(&self::refusal(&refusal)).await
    }
}

fn gone() -> Broken {
    Broken("nobody listens any more".into())
}

/// A refusal, as it goes over the wire.
pub(crate) fn refusal(refusal: &Refusal) -> Bytes {
    let body = serde_json::json!({
        "errorMessage": refusal.message,
        "errorType": refusal.kind,
    });
    let body = body.to_string();
    let message = format!(
        "HTTP/1.1 {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        refusal.status,
        body.len()
    );
    message.into()
}

impl Source {
    async fn request(&mut self) -> Result<Request, Broken> {
        match self {
            Self::One(connection) => connection.request().await,
            Self::Many(listener) => listener.request().await,
            Self::Relayed(relay) => {
                let (request, asker) = relay.requests.recv().await.ok_or_else(gone)?;
                relay.asker = Some(asker);
                Ok(request)
            }
            Self::Gone => Err(gone()),
        }
    }

    /// Answers the request that came last.
    async fn answer(&mut self, message: &[u8]) -> Result<(), Broken> {
        match self {
            Self::One(connection) => connection.send(message).await,
            Self::Many(listener) => listener.answer(message).await,
            Self::Relayed(relay) => {
                if let Some(asker) = relay.asker.take() {
                    // It may have gone.
                    let _ = asker.send(Bytes::copy_from_slice(message));
                }
                Ok(())
            }
            Self::Gone => Err(gone()),
        }
    }

    /// Answers the request that came last with work.
    async fn hand_over(&mut self, work: &Handover<'_>) -> Result<(), Broken> {
        match self {
            Self::One(connection) => connection.hand_over(work).await,
            Self::Many(listener) => listener.hand_over(work).await,
            Self::Relayed(_) => {
                let message = work.whole().await?;
                self.answer(&message).await
            }
            Self::Gone => Err(gone()),
        }
    }

    /// Says that the request that came last was heard, if that matters to anybody.
    async fn acknowledge(&mut self, message: &[u8]) {
        match self {
            Self::One(connection) => drop(connection.acknowledge(message).await),
            Self::Many(listener) => listener.acknowledge(message).await,
            Self::Relayed(_) => drop(self.answer(message).await),
            Self::Gone => {}
        }
    }

    fn waits(&mut self) -> bool {
        match self {
            // If it is gone, so is the worker.
            Self::One(_) | Self::Gone => true,
            Self::Many(listener) => listener.waits(),
            Self::Relayed(relay) => relay.asker.as_ref().is_some_and(|asker| !asker.is_closed()),
        }
    }
}

impl Handover<'_> {
    fn head(&self) -> Vec<u8> {
        let mut message = String::with_capacity(512);
        message.push_str("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n");
        let deadline = self.deadline_ms.to_string();
        let headers = [
            (protocol::REQUEST_ID, Some(self.request_id)),
            (protocol::DEADLINE, Some(deadline.as_str())),
            (protocol::INVOKED_NAME, Some(self.invoked_name)),
            (protocol::TRACE, Some(self.trace)),
            (protocol::CLIENT_CONTEXT, self.client_context),
        ];
        for (name, value) in headers {
            if let Some(value) = value {
                push_header(&mut message, name, value);
            }
        }
        let length = self.payload.len() as u64 + self.held.map_or(0, HeldFile::length);
        push_header(&mut message, "Content-Length", &length.to_string());
        message.push_str("\r\n");
        message.into_bytes()
    }

    /// All of it, for those who do not take it piece by piece.
    async fn whole(&self) -> Result<Vec<u8>, Broken> {
        let mut message = self.head();
        message.extend_from_slice(self.payload);
        if let Some(held) = self.held {
            let mut at = 0;
            while at < held.length() {
                let piece = piece(held, at).await?;
                at += piece.len() as u64;
                message.extend_from_slice(&piece);
            }
        }
        Ok(message)
    }
}

async fn piece(held: &HeldFile, from: u64) -> Result<Bytes, Broken> {
    let piece = held.piece(from).await;
    piece.map_err(|cause| Broken(format!("what was held cannot be read: {cause}")))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Response,
    Error,
}

/// What is said to the work `request_id` by posting to `path`.
fn verb_of(path: &str, request_id: &str) -> Option<Verb> {
    let verb = path
        .strip_prefix(protocol::INVOCATION)?
        .strip_prefix(request_id)?;
    match verb {
        protocol::RESPONSE => Some(Verb::Response),
        protocol::ERROR => Some(Verb::Error),
        _ => None,
    }
}

/// How a request is refused that does not fit the worker's state, or that there is not.
fn out_of_turn(method: Method, path: &str, state: &str) -> Refusal {
    let wanted = match method {
        Method::Get => match path {
            protocol::NEXT => Some(protocol::READY),
            protocol::RESTORE_NEXT => Some(protocol::RESTORING),
            _ => None,
        },
        Method::Post => match path {
            protocol::INIT_ERROR => Some(protocol::INIT_FAILED),
            protocol::RESTORE_ERROR => Some(protocol::RESTORE_FAILED),
            _ => path.strip_prefix(protocol::INVOCATION).map(|rest| {
                match rest.ends_with(protocol::ERROR) {
                    true => protocol::FAILING,
                    false => protocol::ANSWERING,
                }
            }),
        },
        Method::Put | Method::Other => None,
    };
    match wanted {
        Some(wanted) => protocol::wrong_state(state, wanted),
        None => protocol::no_such_path(),
    }
}

/// Adds a header, whose value may come from a caller and must not become another header.
fn push_header(message: &mut String, name: &str, value: &str) {
    message.push_str(name);
    message.push_str(": ");
    match value.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        true => message.push_str(value),
        false => message.extend(value.chars().filter(|c| !c.is_control())),
    }
    message.push_str("\r\n");
}
