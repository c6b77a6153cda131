//! Many connections that each wait for an answer before they send again. The requests are ready before the clock starts,
//! so what is measured is the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::processors::{Machine, processor_seconds};
use crate::server::Server;

/// What a load did. Times are in seconds of a processor.
pub(crate) struct Load {
    pub(crate) requests: f64,
    pub(crate) seconds: f64,
    /// The server's.
    pub(crate) processor: f64,
    /// Of whoever sent the requests.
    pub(crate) sender: f64,
    /// That nobody on the machine used.
    pub(crate) idle: f64,
}

impl Load {
    pub(crate) fn per_processor_second(&self) -> f64 {
        self.requests / self.processor.max(f64::EPSILON)
    }

    pub(crate) fn per_second(&self) -> f64 {
        self.requests / self.seconds
    }
}

/// Sends the requests in turn, over and over, on this many connections for this long.
pub(crate) fn run(
    server: &Server,
    requests: Vec<Vec<u8>>,
    connections: usize,
    time: Duration,
) -> Result<Load> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (requests, next) = (Arc::new(requests), Arc::new(AtomicUsize::new(0)));
    runtime.block_on(async {
        let before = server.processor_seconds()?;
        let (sender, machine) = (processor_seconds(std::process::id())?, Machine::now()?);
        let started = Instant::now();
        let senders: Vec<_> = (0..connections)
            .map(|_| {
                let (requests, next) = (requests.clone(), next.clone());
                let host = server.host.clone();
                tokio::spawn(async move {
                    let mut connection = Connection::open(&host).await?;
                    while started.elapsed() < time {
                        let at = next.fetch_add(1, Ordering::Relaxed) % requests.len();
                        connection.send(&requests[at]).await?;
                    }
                    Ok::<_, anyhow::Error>(())
                })
            })
            .collect();
        for sender in senders {
            sender.await??;
        }
        let done = u32::try_from(next.load(Ordering::Relaxed))?;
        Ok(Load {
            requests: f64::from(done),
            seconds: started.elapsed().as_secs_f64(),
            processor: server.processor_seconds()? - before,
            // Its children are servers.
            sender: processor_seconds(std::process::id())? - sender,
            idle: Machine::now()?.idle - machine.idle,
        })
    })
}

/// One kept-alive connection and what has been read of it.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(host: &str) -> Result<Self> {
        let stream = TcpStream::connect(host).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(64 << 10),
        })
    }

    /// Sends one request and reads its answer's body; anything but a success is an error.
    pub(crate) async fn send(&mut self, request: &[u8]) -> Result<&[u8]> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let (head, length) = loop {
            if let Some(found) = head(&self.buffer)? {
                break found;
            }
            self.more().await?;
        };
        while self.buffer.len() < head + length {
            self.more().await?;
        }
        if !self.buffer.starts_with(b"HTTP/1.1 200") {
            bail!("{}", String::from_utf8_lossy(&self.buffer));
        }
        Ok(&self.buffer[head..])
    }

    async fn more(&mut self) -> Result<()> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => bail!("the server closed the connection"),
            _ => Ok(()),
        }
    }
}

/// Where the head ends and how long the body is, once all of the head is there.
fn head(buffer: &[u8]) -> Result<Option<(usize, usize)>> {
    let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let text = std::str::from_utf8(&buffer[..end])?;
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse().ok())?
    });
    let length = length.context("an answer without its length")?;
    Ok(Some((end + 4, length)))
}
