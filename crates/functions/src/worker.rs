//! Our side of the worker protocol, on one connection.
//!
//! A worker asks for work (`next`, which waits until there is some), answers it (`response` or `error`), and asks
//! again; before the first `next` it may say that it cannot start (`init/error`). Our own runtimes send the answer and
//! the next request in one write and never look at what we say to an answer. The requests come from inside a sandbox,
//! so all of it is hostile input: heads and bodies are bounded, and what is out of turn is refused.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::protocol::{self, Refusal};

const LONGEST_HEAD: usize = 64 << 10;
/// What of an answer that is too large is still read, so that the worker hears so and can go on. Beyond, it is cut off.
const MOST_DISCARDED: u64 = 256 << 20;
/// What is read at once.
const CHUNK: usize = 64 << 10;

/// An instance's end of the protocol.
pub(crate) struct Worker {
    stream: UnixStream,
    buffer: BytesMut,
    largest_response: u64,
}

/// What a worker says in the end to the work it was given.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Response(Bytes),
    Error {
        kind: Option<String>,
        payload: Bytes,
    },
    TooLarge(u64),
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
}

/// The connection ended, or carried something that is not the protocol.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Broken(String);

struct Request {
    post: bool,
    path: String,
    kind: Option<String>,
    body: Body,
}

enum Body {
    Whole(Bytes),
    TooLarge(u64),
}

struct Head {
    post: bool,
    path: String,
    kind: Option<String>,
    length: Length,
    expects_continue: bool,
}

enum Length {
    Known(u64),
    Chunked,
}

impl Worker {
    pub(crate) fn new(stream: UnixStream, largest_response: u64) -> Self {
        Self {
            stream,
            buffer: BytesMut::with_capacity(4 << 10),
            largest_response,
        }
    }

    /// Waits until the worker asks for work, or says that it can't start.
    pub(crate) async fn ready(&mut self) -> Result<Ready, Broken> {
        loop {
            let request = self.request().await?;
            match (request.post, request.path.as_str(), request.body) {
                (false, protocol::NEXT, _) => return Ok(Ready::Ready),
                (true, protocol::INIT_ERROR, Body::Whole(payload)) => {
                    self.accept().await;
                    return Ok(Ready::InitError {
                        kind: request.kind,
                        payload,
                    });
                }
                (post, path, _) => self.refuse(known(post, path)).await?,
            }
        }
    }

    /// Answers the worker's waiting `next`.
    pub(crate) async fn hand_over(&mut self, work: &Handover<'_>) -> Result<(), Broken> {
        let mut message = String::with_capacity(512);
        message.push_str("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n");
        let deadline = work.deadline_ms.to_string();
        let headers = [
            (protocol::REQUEST_ID, Some(work.request_id)),
            (protocol::DEADLINE, Some(deadline.as_str())),
            (protocol::INVOKED_NAME, Some(work.invoked_name)),
            (protocol::TRACE, Some(work.trace)),
            (protocol::CLIENT_CONTEXT, work.client_context),
        ];
        for (name, value) in headers {
            if let Some(value) = value {
                push_header(&mut message, name, value);
            }
        }
        push_header(
            &mut message,
            "Content-Length",
            &work.payload.len().to_string(),
        );
        message.push_str("\r\n");
        let mut message = message.into_bytes();
        message.extend_from_slice(work.payload);
        self.send(&message).await
    }

    /// Waits for the worker's answer to the work with this id.
    pub(crate) async fn reply(&mut self, request_id: &str) -> Result<Reply, Broken> {
        loop {
            let request = self.request().await?;
            match (request.post, verb_of(&request.path, request_id)) {
                (true, Some(verb)) => {
                    return match (verb, request.body) {
                        (_, Body::TooLarge(size)) => {
                            // As in `accept`.
                            let _ = self.refuse(protocol::TOO_LARGE).await;
                            Ok(Reply::TooLarge(size))
                        }
                        (Verb::Response, Body::Whole(payload)) => {
                            self.accept().await;
                            Ok(Reply::Response(payload))
                        }
                        (Verb::Error, Body::Whole(payload)) => {
                            self.accept().await;
                            Ok(Reply::Error {
                                kind: request.kind,
                                payload,
                            })
                        }
                    };
                }
                (true, None) if request.path.starts_with(protocol::INVOCATION) => {
                    self.refuse(protocol::UNKNOWN_ID).await?;
                }
                (post, _) => self.refuse(known(post, &request.path)).await?,
            }
        }
    }

    async fn request(&mut self) -> Result<Request, Broken> {
        let head = self.head().await?;
        if head.expects_continue {
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        let body = match head.length {
            Length::Known(length) => self.body(length).await?,
            Length::Chunked => self.chunks().await?,
        };
        Ok(Request {
            post: head.post,
            path: head.path,
            kind: head.kind,
            body,
        })
    }

    async fn head(&mut self) -> Result<Head, Broken> {
        let mut searched = 0_usize;
        let end = loop {
            let from = searched.saturating_sub(3);
            let found = self.buffer[from..]
                .windows(4)
                .position(|four| four == b"\r\n\r\n");
            if let Some(at) = found {
                break from + at + 4;
            }
            searched = self.buffer.len();
            if searched > LONGEST_HEAD {
                return Err(Broken("a request's head is too long".into()));
            }
            self.fill().await?;
        };
        let head = self.buffer.split_to(end);
        std::str::from_utf8(&head)
            .ok()
            .and_then(parse_head)
            .ok_or_else(|| Broken("a request's head does not read".into()))
    }

    async fn body(&mut self, length: u64) -> Result<Body, Broken> {
        if length > self.largest_response {
            self.discard(length).await?;
            return Ok(Body::TooLarge(length));
        }
        let length = usize::try_from(length).map_err(|_| Broken("a body is too long".into()))?;
        self.buffer
            .reserve(length.saturating_sub(self.buffer.len()));
        while self.buffer.len() < length {
            self.fill().await?;
        }
        Ok(Body::Whole(self.buffer.split_to(length).freeze()))
    }

    async fn chunks(&mut self) -> Result<Body, Broken> {
        let mut body = BytesMut::new();
        let mut size = 0_u64;
        loop {
            let line = self.line().await?;
            let length = line.split(';').next().unwrap_or_default().trim();
            let length = u64::from_str_radix(length, 16)
                .map_err(|_| Broken("a chunk's length does not read".into()))?;
            if length == 0 {
                break;
            }
            size = size.saturating_add(length);
            if size > self.largest_response {
                if size > MOST_DISCARDED {
                    return Err(Broken("an answer is far too large".into()));
                }
                self.discard(length).await?;
            } else if let Body::Whole(chunk) = self.body(length).await? {
                body.extend_from_slice(&chunk);
            }
            self.line().await?;
        }
        // Trailers, up to the empty line.
        while !self.line().await?.is_empty() {}
        Ok(if size > self.largest_response {
            Body::TooLarge(size)
        } else {
            Body::Whole(body.freeze())
        })
    }

    /// The next line, without its end.
    async fn line(&mut self) -> Result<String, Broken> {
        loop {
            if let Some(at) = self.buffer.windows(2).position(|two| two == b"\r\n") {
                let line = self.buffer.split_to(at + 2);
                return String::from_utf8(line[..at].to_vec())
                    .map_err(|_| Broken("a chunk's head does not read".into()));
            }
            if self.buffer.len() > LONGEST_HEAD {
                return Err(Broken("a chunk's head is too long".into()));
            }
            self.fill().await?;
        }
    }

    async fn discard(&mut self, mut length: u64) -> Result<(), Broken> {
        if length > MOST_DISCARDED {
            return Err(Broken("an answer is far too large".into()));
        }
        while length > 0 {
            if self.buffer.is_empty() {
                self.fill().await?;
            }
            let have =
                usize::try_from(length).map_or(self.buffer.len(), |n| n.min(self.buffer.len()));
            self.buffer.advance(have);
            length -= have as u64;
        }
        Ok(())
    }

    async fn fill(&mut self) -> Result<(), Broken> {
        self.buffer.reserve(CHUNK.min(4 << 10));
        match self.stream.read_buf(&mut self.buffer).await {
            Ok(0) => Err(Broken("the connection ended".into())),
            Ok(_) => Ok(()),
            Err(cause) => Err(broken(&cause)),
        }
    }

    /// Says that an answer was heard. It counts even if the worker was gone by then: the next read tells of that.
    async fn accept(&mut self) {
        let _ = self.send(protocol::ACCEPTED).await;
    }

    async fn refuse(&mut self, refusal: Refusal) -> Result<(), Broken> {
        let body = format!(
            "{{\"errorMessage\":\"{}\",\"errorType\":\"{}\"}}",
            refusal.message, refusal.kind
        );
        let message = format!(
            "HTTP/1.1 {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            refusal.status,
            body.len()
        );
        self.send(message.as_bytes()).await
    }

    async fn send(&mut self, message: &[u8]) -> Result<(), Broken> {
        self.stream
            .write_all(message)
            .await
            .map_err(|cause| broken(&cause))
    }
}

fn broken(cause: &io::Error) -> Broken {
    Broken(format!("the connection failed: {cause}"))
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

/// How a request is refused that is out of turn, or that there is not.
fn known(post: bool, path: &str) -> Refusal {
    let known = match post {
        false => path == protocol::NEXT,
        true => path == protocol::INIT_ERROR || path.starts_with(protocol::INVOCATION),
    };
    if known {
        protocol::WRONG_STATE
    } else {
        protocol::NO_SUCH_PATH
    }
}

fn parse_head(head: &str) -> Option<Head> {
    let mut lines = head.split("\r\n");
    let mut request = lines.next()?.split(' ');
    let post = match request.next()? {
        "GET" => false,
        "POST" => true,
        _ => return None,
    };
    let path = request.next()?.to_owned();
    let mut head = Head {
        post,
        path,
        kind: None,
        length: Length::Known(0),
        expects_continue: false,
    };
    for line in lines.take_while(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':')?;
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            head.length = Length::Known(value.parse().ok()?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            head.length = Length::Chunked;
        } else if name.eq_ignore_ascii_case("expect") {
            head.expects_continue = true;
        } else if name.eq_ignore_ascii_case(protocol::ERROR_KIND) {
            head.kind = Some(value.to_owned());
        }
    }
    Some(head)
}

/// Adds a header, whose value may come from a caller and must not become another header.
fn push_header(message: &mut String, name: &str, value: &str) {
    message.push_str(name);
    message.push_str(": ");
    message.extend(value.chars().filter(|c| !c.is_control()));
    message.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LARGEST: u64 = 1_000;

    fn pair() -> (Worker, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (Worker::new(ours, LARGEST), theirs)
    }

    fn post(path: &str, body: &str) -> String {
        format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    fn next() -> String {
        format!("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", protocol::NEXT)
    }

    fn response(id: &str) -> String {
        [protocol::INVOCATION, id, protocol::RESPONSE].concat()
    }

    fn error(id: &str) -> String {
        [protocol::INVOCATION, id, protocol::ERROR].concat()
    }

    async fn received(theirs: &mut UnixStream) -> String {
        let mut bytes = vec![0; 4_096];
        let count = theirs.read(&mut bytes).await.unwrap();
        String::from_utf8(bytes[..count].to_vec()).unwrap()
    }

    #[tokio::test]
    async fn work_is_handed_over_and_answered_with_the_next_request_in_one_write() {
        let (mut worker, mut theirs) = pair();
        theirs.write_all(next().as_bytes()).await.unwrap();
        assert_eq!(worker.ready().await.unwrap(), Ready::Ready);
        let work = Handover {
            request_id: "id-1",
            deadline_ms: 1_234,
            invoked_name: "name",
            trace: "trace",
            client_context: Some("{}\r\nEvil: yes"),
            payload: b"{\"a\":1}",
        };
        worker.hand_over(&work).await.unwrap();
        let message = received(&mut theirs).await;
        assert!(message.starts_with("HTTP/1.1 200 OK\r\n"), "{message}");
        for (name, value) in [
            (protocol::REQUEST_ID, "id-1"),
            (protocol::DEADLINE, "1234"),
            (protocol::INVOKED_NAME, "name"),
            (protocol::TRACE, "trace"),
            (protocol::CLIENT_CONTEXT, "{}Evil: yes"),
        ] {
            let header = format!("\r\n{name}: {value}\r\n");
            assert!(message.contains(&header), "{message}");
        }
        assert!(message.ends_with("Content-Length: 7\r\n\r\n{\"a\":1}"));
        let both = post(&response("id-1"), "\"ok\"") + &next();
        theirs.write_all(both.as_bytes()).await.unwrap();
        assert_eq!(
            worker.reply("id-1").await.unwrap(),
            Reply::Response("\"ok\"".into())
        );
        assert_eq!(worker.ready().await.unwrap(), Ready::Ready);
        assert!(received(&mut theirs).await.starts_with("HTTP/1.1 202"));
    }

    #[tokio::test]
    async fn errors_carry_their_kind() {
        let (mut worker, mut theirs) = pair();
        let init = format!(
            "POST {} HTTP/1.1\r\n{}: Runtime.NoSuchHandler\r\ncontent-length: 2\r\n\r\n{{}}",
            protocol::INIT_ERROR,
            // Runtimes spell it in upper and lower case.
            protocol::ERROR_KIND.to_uppercase()
        );
        theirs.write_all(init.as_bytes()).await.unwrap();
        let expected = Ready::InitError {
            kind: Some("Runtime.NoSuchHandler".into()),
            payload: "{}".into(),
        };
        assert_eq!(worker.ready().await.unwrap(), expected);
        let failed = post(&error("id-1"), "{}");
        theirs.write_all(failed.as_bytes()).await.unwrap();
        let expected = Reply::Error {
            kind: None,
            payload: "{}".into(),
        };
        assert_eq!(worker.reply("id-1").await.unwrap(), expected);
    }

    #[tokio::test]
    async fn what_is_out_of_turn_is_refused_and_the_worker_may_go_on() {
        let (mut worker, mut theirs) = pair();
        let messages = [
            next(),
            post(&response("other"), "1"),
            post(protocol::INIT_ERROR, "{}"),
            post("/nonsense", ""),
            post(&response("id-1"), "2"),
        ];
        theirs
            .write_all(messages.concat().as_bytes())
            .await
            .unwrap();
        assert_eq!(
            worker.reply("id-1").await.unwrap(),
            Reply::Response("2".into())
        );
        let answers = received(&mut theirs).await;
        let statuses: Vec<&str> = answers
            .split("HTTP/1.1 ")
            .skip(1)
            .map(|answer| &answer[..3])
            .collect();
        assert_eq!(statuses, ["403", "400", "403", "404", "202"]);
    }

    #[tokio::test]
    async fn an_answer_that_is_too_large_is_read_past() {
        let large = "x".repeat(100_000);
        let chunked = format!(
            "POST {} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n{:x}\r\n{large}\r\n0\r\n\r\n",
            response("id-1"),
            large.len()
        );
        let known = post(&response("id-1"), &large);
        for (message, size) in [(known, 100_000), (chunked, 100_003)] {
            let (mut worker, mut theirs) = pair();
            let both = message + &next();
            let sent = tokio::spawn(async move {
                theirs.write_all(both.as_bytes()).await.unwrap();
                theirs
            });
            assert_eq!(worker.reply("id-1").await.unwrap(), Reply::TooLarge(size));
            assert_eq!(worker.ready().await.unwrap(), Ready::Ready);
            let answer = received(&mut sent.await.unwrap()).await;
            assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
        }
    }

    #[tokio::test]
    async fn a_chunked_answer_is_put_together() {
        let (mut worker, mut theirs) = pair();
        let message = format!(
            "POST {} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: t\r\n\r\n",
            response("id-1")
        );
        theirs.write_all(message.as_bytes()).await.unwrap();
        assert_eq!(
            worker.reply("id-1").await.unwrap(),
            Reply::Response("abcde".into())
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn nonsense_breaks_the_connection_and_nothing_else(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
            runtime.block_on(async {
                let (mut worker, mut theirs) = pair();
                theirs.write_all(&bytes).await.unwrap();
                theirs.shutdown().await.unwrap();
                let _ = worker.reply("id-1").await;
            });
        }

        #[test]
        fn a_request_may_come_in_any_pieces(cuts in prop::collection::vec(1_usize..40, 0..40)) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
            runtime.block_on(async {
                let (mut worker, mut theirs) = pair();
                let message = post(&response("id-1"), "body") + &next();
                let sender = tokio::spawn(async move {
                    let mut rest = message.as_bytes();
                    for cut in cuts {
                        let (piece, after) = rest.split_at(cut.min(rest.len()));
                        theirs.write_all(piece).await.unwrap();
                        tokio::task::yield_now().await;
                        rest = after;
                    }
                    theirs.write_all(rest).await.unwrap();
                    theirs
                });
                assert_eq!(worker.reply("id-1").await.unwrap(), Reply::Response("body".into()));
                assert_eq!(worker.ready().await.unwrap(), Ready::Ready);
                drop(sender.await.unwrap());
            });
        }
    }
}
