//! Many connections that each wait for an answer before they send again. The requests are ready before the clock starts,
//! so what is measured is the server.

use std::cell::Cell;
use std::rc::Rc;
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
    let next = Cell::new(0);
    drive(
        server,
        connections,
        time,
        async move |connection: &mut Connection| {
            let at = next.replace(next.get() + 1) % requests.len();
            connection.send(&requests[at]).await?;
            Ok(1)
        },
    )
}

/// Lets each of these connections do something, over and over, for this long or until it says that nothing was left to
/// do. It says how many requests (or whatever is counted) that were.
pub(crate) fn drive<S>(server: &Server, connections: usize, time: Duration, step: S) -> Result<Load>
where
    S: AsyncFn(&mut Connection) -> Result<u32> + 'static,
{
    let watch = Watch::start(server)?;
    let (started, step) = (Instant::now(), Rc::new(step));
    let done = crate::task::all((0..connections).map(|_| {
        let (step, host) = (step.clone(), server.host.clone());
        async move {
            let mut connection = Connection::open(&host).await?;
            let mut done = 0;
            while started.elapsed() < time {
                match step(&mut connection).await? {
                    0 => break,
                    more => done += more,
                }
            }
            Ok(done)
        }
    }))?;
    watch.stop(server, done.into_iter().map(f64::from).sum())
}

/// Who used the processors since when.
pub(crate) struct Watch {
    started: Instant,
    server: f64,
    sender: f64,
    idle: f64,
}

impl Watch {
    pub(crate) fn start(server: &Server) -> Result<Self> {
        Ok(Self {
            server: server.processor_seconds()?,
            // Its children are servers.
            sender: processor_seconds(std::process::id())?,
            idle: Machine::now()?.idle,
            started: Instant::now(),
        })
    }

    /// This many requests were answered meanwhile.
    pub(crate) fn stop(self, server: &Server, requests: f64) -> Result<Load> {
        Ok(Load {
            requests,
            seconds: self.started.elapsed().as_secs_f64(),
            processor: server.processor_seconds()? - self.server,
            sender: processor_seconds(std::process::id())? - self.sender,
            idle: Machine::now()?.idle - self.idle,
        })
    }
}

/// One connection, kept alive as long as the server likes, and what has been read of it.
pub(crate) struct Connection {
    host: String,
    stream: TcpStream,
    buffer: Vec<u8>,
    is_closed: bool,
}

impl Connection {
    pub(crate) async fn open(host: &str) -> Result<Self> {
        Ok(Self {
            host: host.to_owned(),
            stream: connect(host).await?,
            buffer: Vec::with_capacity(64 << 10),
            is_closed: false,
        })
    }

    /// Sends one request and reads its answer's body; anything but a success is an error.
    pub(crate) async fn send(&mut self, request: &[u8]) -> Result<&[u8]> {
        if self.is_closed {
            self.stream = connect(&self.host).await?;
        }
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head = loop {
            if let Some(found) = head(&self.buffer)? {
                break found;
            }
            self.more().await?;
        };
        while self.buffer.len() < head.end + head.length {
            self.more().await?;
        }
        if !self.buffer.starts_with(b"HTTP/1.1 20") {
            bail!("{}", String::from_utf8_lossy(&self.buffer));
        }
        self.is_closed = head.closes;
        Ok(&self.buffer[head.end..])
    }

    async fn more(&mut self) -> Result<()> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => bail!("the server closed the connection"),
            _ => Ok(()),
        }
    }
}

async fn connect(host: &str) -> Result<TcpStream> {
    let stream = TcpStream::connect(host).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// What an answer's head says.
struct Head {
    /// Where the body begins.
    end: usize,
    length: usize,
    /// The server hangs up after it.
    closes: bool,
}

/// Once all of it is there.
fn head(buffer: &[u8]) -> Result<Option<Head>> {
    let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let text = std::str::from_utf8(&buffer[..end])?;
    let field = |wanted: &str| {
        let mut fields = text.lines().filter_map(|line| line.split_once(':'));
        fields.find_map(|(name, value)| name.eq_ignore_ascii_case(wanted).then(|| value.trim()))
    };
    let length = field("content-length").and_then(|value| value.parse().ok());
    Ok(Some(Head {
        end: end + 4,
        length: length.context("an answer without its length")?,
        closes: field("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")),
    }))
}
