//! The least of a publisher for peers that take messages over a plain connection: it keeps some in flight, and sends as
//! many more as were acknowledged. Both protocols are written here from their published descriptions.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::load::{Load, Watch};
use crate::publish::BYTES;
use crate::server::Server;
use crate::task;

/// What is said to a peer, and how its answers are read. What connections say may depend on their numbers.
#[derive(Clone, Copy)]
pub(crate) struct Publisher {
    greeting: fn(usize) -> String,
    /// Once for the server, and acknowledged once.
    preparation: fn(usize) -> String,
    message: fn(usize) -> String,
    answer: fn(&[u8]) -> Result<Option<Answer>>,
}

/// What a buffer begins with.
struct Answer {
    length: usize,
    means: Means,
}

enum Means {
    Nothing,
    Acknowledged,
    AreYouThere,
}

pub(crate) const NATS: Publisher = Publisher {
    greeting: |number| {
        let options =
            r#"{"verbose":false,"pedantic":false,"lang":"rust","version":"0","protocol":1}"#;
        format!("CONNECT {options}\r\nSUB {} 1\r\n", inbox(number))
    },
    preparation: |number| {
        let stream = r#"{"name":"bench","subjects":["bench"],"storage":"file"}"#;
        nats_publication(number, "$JS.API.STREAM.CREATE.bench", stream)
    },
    message: |number| nats_publication(number, "bench", &body()),
    answer: nats_answer,
};

pub(crate) const REDIS: Publisher = Publisher {
    greeting: |_| String::new(),
    preparation: |_| redis_command(&["RPUSH", "other", "x"]),
    message: |_| redis_command(&["RPUSH", "bench", &body()]),
    answer: redis_answer,
};

fn body() -> String {
    "x".repeat(BYTES)
}

/// Where a connection's acknowledgements go.
fn inbox(number: usize) -> String {
    format!("_INBOX.{number}")
}

fn nats_publication(number: usize, subject: &str, body: &str) -> String {
    format!(
        "PUB {subject} {} {}\r\n{body}\r\n",
        inbox(number),
        body.len()
    )
}

fn nats_answer(buffer: &[u8]) -> Result<Option<Answer>> {
    let Some(line) = line(buffer)? else {
        return Ok(None);
    };
    let length = line.len() + 2;
    let means = |means| Ok(Some(Answer { length, means }));
    match line.split(' ').next().unwrap_or_default() {
        "INFO" | "+OK" => means(Means::Nothing),
        "PING" => means(Means::AreYouThere),
        "MSG" => {
            let size: usize = line.rsplit(' ').next().unwrap_or_default().parse()?;
            let Some(body) = buffer.get(length..length + size + 2) else {
                return Ok(None);
            };
            if body.windows(7).any(|seven| seven == b"\"error\"") {
                bail!("NATS: {}", String::from_utf8_lossy(body));
            }
            Ok(Some(Answer {
                length: length + body.len(),
                means: Means::Acknowledged,
            }))
        }
        _ => bail!("NATS: {line}"),
    }
}

fn redis_command(words: &[&str]) -> String {
    let words = words
        .iter()
        .map(|word| format!("${}\r\n{word}\r\n", word.len()));
    let words: Vec<_> = words.collect();
    format!("*{}\r\n{}", words.len(), words.concat())
}

/// How long a list is now: a number is all that pushing to it is answered with.
fn redis_answer(buffer: &[u8]) -> Result<Option<Answer>> {
    let Some(line) = line(buffer)? else {
        return Ok(None);
    };
    if !line.starts_with(':') {
        bail!("Redis: {line}");
    }
    Ok(Some(Answer {
        length: line.len() + 2,
        means: Means::Acknowledged,
    }))
}

fn line(buffer: &[u8]) -> Result<Option<&str>> {
    let end = buffer.windows(2).position(|two| two == b"\r\n");
    Ok(end
        .map(|end| std::str::from_utf8(&buffer[..end]))
        .transpose()?)
}

pub(crate) fn prepare(publisher: Publisher, server: &Server) -> Result<()> {
    task::runtime()?.block_on(async {
        let mut pipe = Pipe::open(publisher, server.host.clone(), 0).await?;
        pipe.send(&(publisher.preparation)(0)).await?;
        while pipe.acknowledged().await? == 0 {}
        Ok(())
    })
}

/// Publishes for this long on some connections, with some messages in flight on each.
pub(crate) fn publish(
    publisher: Publisher,
    server: &Server,
    (connections, each): (usize, usize),
    time: Duration,
) -> Result<Load> {
    let watch = Watch::start(server)?;
    let until = Instant::now() + time;
    let done = task::all((0..connections).map(|number| {
        let host = server.host.clone();
        async move {
            let mut pipe = Pipe::open(publisher, host, number).await?;
            pipe.keep_in_flight(&(publisher.message)(number), each, until)
                .await
        }
    }))?;
    watch.stop(server, done.into_iter().map(f64::from).sum())
}

struct Pipe {
    publisher: Publisher,
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Pipe {
    async fn open(publisher: Publisher, host: String, number: usize) -> Result<Self> {
        let stream = TcpStream::connect(host).await?;
        stream.set_nodelay(true)?;
        let buffer = Vec::with_capacity(64 << 10);
        let mut pipe = Self {
            publisher,
            stream,
            buffer,
        };
        pipe.send(&(publisher.greeting)(number)).await?;
        Ok(pipe)
    }

    async fn send(&mut self, text: &str) -> Result<()> {
        Ok(self.stream.write_all(text.as_bytes()).await?)
    }

    async fn keep_in_flight(&mut self, message: &str, most: usize, until: Instant) -> Result<u32> {
        let messages = message.repeat(most);
        self.send(&messages).await?;
        let (mut in_flight, mut done) = (most, 0);
        while in_flight > 0 {
            let acknowledged = self.acknowledged().await?;
            done += u32::try_from(acknowledged)?;
            if Instant::now() < until {
                self.send(&messages[..acknowledged * message.len()]).await?;
            } else {
                in_flight -= acknowledged;
            }
        }
        Ok(done)
    }

    /// Reads something, and says how many messages it acknowledges.
    async fn acknowledged(&mut self) -> Result<usize> {
        let read = self.stream.read_buf(&mut self.buffer).await?;
        anyhow::ensure!(read > 0, "the server closed the connection");
        let (mut at, mut acknowledged) = (0, 0);
        while let Some(answer) = (self.publisher.answer)(&self.buffer[at..])? {
            at += answer.length;
            match answer.means {
                Means::Nothing => {}
                Means::Acknowledged => acknowledged += 1,
                Means::AreYouThere => self.stream.write_all(b"PONG\r\n").await?,
            }
        }
        self.buffer.drain(..at);
        Ok(acknowledged)
    }
}
