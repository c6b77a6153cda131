//! Our side's end: the worker protocol of this server, as any program speaks it that comes over TCP.

use std::io;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const VERSION: &str = "/2018-06-01/runtime";
/// More than this is sent in pieces: what comes whole is limited more strictly.
pub(crate) const LARGEST_WHOLE: usize = 4 << 20;
const PIECE: usize = 256 << 10;

pub(crate) struct Runtime {
    stream: TcpStream,
    buffer: BytesMut,
    host: String,
}

/// Work, as it came.
pub(crate) struct Work {
    pub(crate) id: String,
    pub(crate) trace: String,
    pub(crate) payload: Bytes,
}

impl Runtime {
    pub(crate) async fn connect(host: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(host).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: BytesMut::new(),
            host: host.to_owned(),
        })
    }

    /// Asks for work and waits for it.
    pub(crate) async fn next(&mut self) -> io::Result<Work> {
        let ask = format!(
            "GET {VERSION}/invocation/next HTTP/1.1\r\nHost: {}\r\n\r\n",
            self.host
        );
        self.stream.write_all(ask.as_bytes()).await?;
        let (head, payload) = self.message().await?;
        let value = |name: &str| {
            let mut lines = head.lines().filter_map(|line| line.split_once(':'));
            let found = lines.find(|(known, _)| known.eq_ignore_ascii_case(name));
            found.map_or_else(String::new, |(_, value)| value.trim().to_owned())
        };
        Ok(Work {
            id: value("lambda-runtime-aws-request-id"),
            trace: value("lambda-runtime-trace-id"),
            payload,
        })
    }

    pub(crate) async fn answer(&mut self, id: &str, head: &[u8], body: &[u8]) -> io::Result<()> {
        let path = format!("{VERSION}/invocation/{id}/response");
        if head.len() + body.len() <= LARGEST_WHOLE {
            return self.post(&path, "", &[head, body].concat()).await;
        }
        self.begin(id, head).await?;
        for piece in body.chunks(PIECE) {
            self.piece(piece).await?;
        }
        self.end(None).await
    }

    /// Begins an answer that comes in pieces.
    pub(crate) async fn begin(&mut self, id: &str, head: &[u8]) -> io::Result<()> {
        let path = format!("{VERSION}/invocation/{id}/response");
        let begin = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/octet-stream\r\n\
             Lambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\n\r\n",
            self.host
        );
        self.stream.write_all(begin.as_bytes()).await?;
        self.piece(head).await
    }

    pub(crate) async fn piece(&mut self, piece: &[u8]) -> io::Result<()> {
        if piece.is_empty() {
            return Ok(());
        }
        let length = format!("{:x}\r\n", piece.len());
        self.stream.write_all(length.as_bytes()).await?;
        self.stream.write_all(piece).await?;
        self.stream.write_all(b"\r\n").await
    }

    /// Ends it; if it broke off, says so and why.
    pub(crate) async fn end(&mut self, broke: Option<(&str, &str)>) -> io::Result<()> {
        let trailers = broke.map_or_else(String::new, |(kind, message)| {
            let told = STANDARD.encode(failure(kind, message));
            format!(
                "Lambda-Runtime-Function-Error-Type: {}\r\nLambda-Runtime-Function-Error-Body: {told}\r\n",
                plain(kind)
            )
        });
        let end = format!("0\r\n{trailers}\r\n");
        self.stream.write_all(end.as_bytes()).await?;
        self.message().await.map(drop)
    }

    pub(crate) async fn fail(&mut self, id: &str, kind: &str, message: &str) -> io::Result<()> {
        let path = format!("{VERSION}/invocation/{id}/error");
        self.post(&path, kind, &failure(kind, message)).await
    }

    /// Says why there will be no work done.
    pub(crate) async fn refuse(&mut self, kind: &str, message: &str) -> io::Result<()> {
        let path = format!("{VERSION}/init/error");
        self.post(&path, kind, &failure(kind, message)).await
    }

    async fn post(&mut self, path: &str, kind: &str, body: &[u8]) -> io::Result<()> {
        let kind = match kind {
            "" => String::new(),
            kind => format!("Lambda-Runtime-Function-Error-Type: {}\r\n", plain(kind)),
        };
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n{kind}Content-Length: {}\r\n\r\n",
            self.host,
            body.len()
        );
        self.stream
            .write_all(&[head.as_bytes(), body].concat())
            .await?;
        self.message().await.map(drop)
    }

    /// A whole answer: its head, and its body.
    async fn message(&mut self) -> io::Result<(String, Bytes)> {
        let end = loop {
            let found = self.buffer.windows(4).position(|four| four == b"\r\n\r\n");
            if let Some(end) = found {
                break end;
            }
            self.fill().await?;
        };
        let head = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
        self.buffer.advance(end + 4);
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.trim().parse().ok())?
        });
        let length: usize = length.unwrap_or(0);
        self.buffer
            .reserve(length.saturating_sub(self.buffer.len()));
        while self.buffer.len() < length {
            self.fill().await?;
        }
        Ok((head, self.buffer.split_to(length).freeze()))
    }

    async fn fill(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

fn failure(kind: &str, message: &str) -> Vec<u8> {
    let said = serde_json::json!({ "errorType": kind, "errorMessage": message });
    said.to_string().into_bytes()
}

/// An error's name is the function's to choose; a header's value is not.
fn plain(text: &str) -> String {
    let letters = text.chars();
    letters
        .map(|letter| match letter {
            ' '..='~' => letter,
            _ => '?',
        })
        .collect()
}
