//! The worker protocol's requests on one connection: HTTP/1.1, and of it what the protocol's clients use.

use std::io;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::outlet::{Draining, Outlet, Outlets};
use super::{Broken, Handover};
use crate::protocol;

const LONGEST_HEAD: usize = 64 << 10;
/// What of an answer that is too large is still read, so that the worker hears so and can go on. Beyond, it is cut off.
pub(super) const MOST_DISCARDED: u64 = 256 << 20;
/// Two of them mean something.
const MOST_TRAILERS: usize = 64;

pub(crate) struct Connection<S> {
    pub(super) stream: S,
    pub(super) buffer: BytesMut,
    /// What is still to be said, with whatever is said next.
    owed: BytesMut,
    largest_body: u64,
    /// Where an answer goes that is to be passed on while it comes.
    outlet: Outlets,
}

pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) path: String,
    /// The kind of the error that it tells of.
    pub(crate) kind: Option<String>,
    /// How it says that its body comes, if it does.
    pub(crate) mode: Option<String>,
    pub(crate) body: Body,
    /// What a body that comes in pieces says at its end: that it failed on the way.
    pub(crate) failed: Option<FailedOnTheWay>,
    /// The last one on its connection.
    pub(crate) closes: bool,
    /// What an extension says beside its body.
    pub(crate) told: Told,
}

#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) name: Option<String>,
    pub(crate) id: Option<String>,
    pub(crate) features: Option<String>,
    pub(crate) kind: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Post,
    Put,
    Other,
}

pub(crate) enum Body {
    Whole(Bytes),
    /// It was passed on while it came.
    Passed,
    /// More than may be, and how much that is.
    TooLarge {
        size: u64,
        limit: u64,
    },
}

#[derive(Debug, Default)]
pub(crate) struct FailedOnTheWay {
    pub(crate) kind: Option<String>,
    pub(super) payload: Bytes,
}

struct Head {
    method: Method,
    path: String,
    kind: Option<String>,
    mode: Option<String>,
    content_type: Option<String>,
    length: Length,
    expects_continue: bool,
    closes: bool,
    told: Told,
}

enum Length {
    Known(u64),
    Chunked,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub(crate) fn new(stream: S, largest_body: u64, outlet: Outlets) -> Self {
        Self {
            stream,
            buffer: BytesMut::with_capacity(4 << 10),
            owed: BytesMut::new(),
            largest_body,
            outlet,
        }
    }

    pub(crate) async fn request(&mut self) -> Result<Request, Broken> {
        let head = self.head().await?;
        if head.expects_continue {
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        let (body, failed) = match (self.outlet_of(&head), &head.length) {
            (Some(outlet), length) => self.pass_on(length, outlet, head.content_type).await?,
            (None, Length::Known(length)) => (self.body(*length).await?, None),
            (None, Length::Chunked) => self.chunks().await?,
        };
        Ok(Request {
            method: head.method,
            path: head.path,
            kind: head.kind,
            mode: head.mode,
            body,
            failed,
            closes: head.closes,
            told: head.told,
        })
    }

    /// Where this request's body goes, if somebody waits for it piece by piece.
    fn outlet_of(&self, head: &Head) -> Option<Outlet> {
        let streams = head.mode.as_deref()?;
        let outlet = self.outlet.get()?;
        let is_it = head.method == Method::Post
            && streams.eq_ignore_ascii_case(protocol::STREAMING)
            && outlet.is_for(&head.path);
        is_it.then_some(outlet)
    }

    pub(crate) async fn send(&mut self, message: &[u8]) -> Result<(), Broken> {
        let sent = if self.owed.is_empty() {
            self.stream.write_all(message).await
        } else {
            self.owed.extend_from_slice(message);
            let all = self.owed.split();
            self.stream.write_all(&all).await
        };
        sent.map_err(|cause| broken(&cause))
    }

    /// Sends work, of whose payload no copy is made unless it is small.
    pub(super) async fn hand_over(&mut self, work: &Handover<'_>) -> Result<(), Broken> {
        const SMALL: usize = 64 << 10;
        let mut head = work.head();
        if work.payload.len() <= SMALL {
            head.extend_from_slice(work.payload);
            self.send(&head).await?;
        } else {
            self.send(&head).await?;
            self.send(work.payload).await?;
        }
        let Some(held) = work.held else {
            return Ok(());
        };
        let mut at = 0;
        while at < held.length() {
            let piece = super::piece(held, at).await?;
            at += piece.len() as u64;
            self.send(&piece).await?;
        }
        Ok(())
    }

    /// Says that the last request was heard. Who has made another one since does not wait for that: it would only be woken
    /// twice.
    pub(crate) async fn acknowledge(&mut self, message: &[u8]) -> Result<(), Broken> {
        if self.buffer.is_empty() {
            return self.send(message).await;
        }
        self.owed.extend_from_slice(message);
        Ok(())
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
        if length > self.largest_body {
            self.discard(length).await?;
            return Ok(Body::TooLarge {
                size: length,
                limit: self.largest_body,
            });
        }
        let length = usize::try_from(length).map_err(|_| Broken("a body is too long".into()))?;
        self.buffer
            .reserve(length.saturating_sub(self.buffer.len()));
        while self.buffer.len() < length {
            self.fill().await?;
        }
        Ok(Body::Whole(self.buffer.split_to(length).freeze()))
    }

    async fn chunks(&mut self) -> Result<(Body, Option<FailedOnTheWay>), Broken> {
        let mut body = BytesMut::new();
        let mut size = 0_u64;
        loop {
            let length = self.chunk_length().await?;
            if length == 0 {
                break;
            }
            size = size.saturating_add(length);
            if size > self.largest_body {
                if size > MOST_DISCARDED {
                    return Err(Broken("an answer is far too large".into()));
                }
                self.discard(length).await?;
            } else if let Body::Whole(chunk) = self.body(length).await? {
                body.extend_from_slice(&chunk);
            }
            self.line().await?;
        }
        let failed = self.trailers().await?;
        let body = match size > self.largest_body {
            true => Body::TooLarge {
                size,
                limit: self.largest_body,
            },
            false => Body::Whole(body.freeze()),
        };
        Ok((body, failed))
    }

    async fn chunk_length(&mut self) -> Result<u64, Broken> {
        let line = self.line().await?;
        let length = line.split(';').next().unwrap_or_default().trim();
        u64::from_str_radix(length, 16).map_err(|_| Broken("a chunk's length does not read".into()))
    }

    /// What follows the last chunk.
    async fn trailers(&mut self) -> Result<Option<FailedOnTheWay>, Broken> {
        let mut failed = None;
        for _ in 0..MOST_TRAILERS {
            let line = self.line().await?;
            if line.is_empty() {
                return Ok(failed);
            }
            FailedOnTheWay::read(&mut failed, &line);
        }
        Err(Broken("an answer has too many trailers".into()))
    }

    /// Reads a body and passes it on as it comes, no faster than it is taken.
    async fn pass_on(
        &mut self,
        length: &Length,
        outlet: Outlet,
        content_type: Option<String>,
    ) -> Result<(Body, Option<FailedOnTheWay>), Broken> {
        let mut draining = outlet.begin(content_type).await;
        let mut failed = None;
        match length {
            Length::Known(length) => self.pour(*length, &mut draining).await?,
            Length::Chunked => {
                loop {
                    let length = self.chunk_length().await?;
                    if length == 0 {
                        break;
                    }
                    self.pour(length, &mut draining).await?;
                    self.line().await?;
                }
                failed = self.trailers().await?;
            }
        }
        let body = match draining.excess() {
            Some((size, limit)) => Body::TooLarge { size, limit },
            None => Body::Passed,
        };
        Ok((body, failed))
    }

    async fn pour(&mut self, mut length: u64, draining: &mut Draining) -> Result<(), Broken> {
        while length > 0 {
            if self.buffer.is_empty() {
                self.fill().await?;
            }
            let have =
                usize::try_from(length).map_or(self.buffer.len(), |n| n.min(self.buffer.len()));
            let piece = self.buffer.split_to(have).freeze();
            length -= have as u64;
            if !draining.take(piece).await {
                return Err(Broken("an answer is far too large".into()));
            }
        }
        Ok(())
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
        self.buffer.reserve(4 << 10);
        match self.stream.read_buf(&mut self.buffer).await {
            Ok(0) => Err(Broken("the connection ended".into())),
            Ok(_) => Ok(()),
            Err(cause) => Err(broken(&cause)),
        }
    }
}

impl Connection<TcpStream> {
    /// Waits until the other side has gone; what it still says is kept.
    pub(crate) async fn gone(&mut self) {
        while self.buffer.len() <= LONGEST_HEAD {
            match self.stream.read_buf(&mut self.buffer).await {
                Ok(read) if read > 0 => {}
                _ => return,
            }
        }
        std::future::pending::<()>().await;
    }
}

fn broken(cause: &io::Error) -> Broken {
    Broken(format!("the connection failed: {cause}"))
}

fn parse_head(head: &str) -> Option<Head> {
    // A line may end without the first of the two bytes (RFC 9112, section 2.2), and one is found sooner.
    let mut lines = head
        .split('\n')
        .map(|line| line.strip_suffix('\r').unwrap_or(line));
    let mut request = lines.next()?.split(' ');
    let method = match request.next()? {
        "GET" => Method::Get,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        _ => Method::Other,
    };
    let path = request.next()?.to_owned();
    let mut head = Head {
        method,
        path,
        kind: None,
        mode: None,
        content_type: None,
        length: Length::Known(0),
        expects_continue: false,
        closes: request.next() == Some("HTTP/1.0"),
        told: Told::default(),
    };
    for line in lines.take_while(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':')?;
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            head.length = Length::Known(value.parse().ok()?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            head.length = Length::Chunked;
        } else if name.eq_ignore_ascii_case("content-type") {
            head.content_type = Some(value.to_owned());
        } else if name.eq_ignore_ascii_case("expect") {
            head.expects_continue = true;
        } else if name.eq_ignore_ascii_case("connection") {
            head.closes |= value.eq_ignore_ascii_case("close");
        } else if name.eq_ignore_ascii_case(protocol::ERROR_KIND) {
            head.kind = Some(value.to_owned());
        } else if name.eq_ignore_ascii_case(protocol::RESPONSE_MODE) {
            head.mode = Some(value.to_owned());
        } else if let Some(told) = head.told.named(name) {
            *told = Some(value.to_owned());
        }
    }
    Some(head)
}

impl Told {
    fn named(&mut self, header: &str) -> Option<&mut Option<String>> {
        let known = [
            (protocol::extension::NAME, &mut self.name),
            (protocol::extension::ID, &mut self.id),
            (protocol::extension::FEATURES, &mut self.features),
            (protocol::extension::ERROR_KIND, &mut self.kind),
        ];
        let mut known = known.into_iter();
        known.find_map(|(name, told)| header.eq_ignore_ascii_case(name).then_some(told))
    }
}

impl FailedOnTheWay {
    fn read(found: &mut Option<Self>, line: &str) {
        let Some((name, value)) = line.split_once(':') else {
            return;
        };
        let value = value.trim();
        if name.eq_ignore_ascii_case(protocol::ERROR_KIND) {
            found.get_or_insert_default().kind = Some(value.to_owned());
        } else if name.eq_ignore_ascii_case(protocol::ERROR_BODY) {
            // One that does not read is told as it came.
            let payload = STANDARD.decode(value).unwrap_or_else(|_| value.into());
            found.get_or_insert_default().payload = payload.into();
        }
    }
}
