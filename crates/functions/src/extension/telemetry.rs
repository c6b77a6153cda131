//! What happens around a function, passed on to extensions that subscribed: the platform's events, what the function
//! prints and what extensions print, in batches, over HTTP or as lines over TCP.
//!
//! What happened before somebody subscribed is kept until the first call, and passed on too. Nothing waits for a
//! subscriber: what one does not take in time is dropped, and it is told how much that was.

use std::sync::Arc;
use std::time::Duration;

use base::Clock;
use parking_lot::Mutex;
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use crate::dialect::{Dialect, Happening};
use crate::protocol::{Refusal, extension as words};

/// Kept for subscribers that are still to come.
const MOST_EARLY: usize = 1_000;
/// How often a batch is offered, and how long one offer may take.
const OFFERS: u32 = 3;
const PATIENCE: Duration = Duration::from_secs(5);

/// Whose events these are: what may be subscribed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Platform,
    Function,
    Extension,
}

#[derive(Clone)]
pub(crate) struct Telemetry {
    shared: Arc<Shared>,
}

struct Shared {
    dialect: Arc<dyn Dialect>,
    clock: Arc<dyn Clock>,
    tasks: TaskTracker,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    subscribers: Vec<Subscriber>,
    early: Vec<(Kind, Arc<str>)>,
    /// Nobody can subscribe any more.
    closed: bool,
}

struct Subscriber {
    name: String,
    kinds: Vec<Kind>,
    events: mpsc::Sender<Arc<str>>,
    /// Events that it has not taken in time, and their bytes.
    dropped: (u64, u64),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Subscription {
    #[serde(default)]
    types: Vec<Kind>,
    #[serde(default)]
    buffering: Buffering,
    destination: Option<Destination>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Buffering {
    max_items: usize,
    max_bytes: usize,
    timeout_ms: u64,
}

impl Default for Buffering {
    fn default() -> Self {
        Self {
            max_items: 1_000,
            max_bytes: 256 << 10,
            timeout_ms: 1_000,
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
struct Destination {
    protocol: String,
    #[serde(rename = "URI", alias = "uri")]
    uri: Option<String>,
    port: Option<u16>,
}

/// Where batches go: always on this machine, where the extension is.
#[derive(Clone, Debug)]
enum Target {
    Http { port: u16, path: String },
    Lines { port: u16 },
}

impl Telemetry {
    pub(crate) fn new(
        dialect: Arc<dyn Dialect>,
        clock: Arc<dyn Clock>,
        tasks: TaskTracker,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                dialect,
                clock,
                tasks,
                state: Mutex::default(),
            }),
        }
    }

    /// Whether anybody listens, or may still come to.
    pub(crate) fn is_wanted(&self) -> bool {
        let state = self.shared.state.lock();
        !state.closed || !state.subscribers.is_empty()
    }

    /// The first call has come: nobody subscribes any more.
    pub(crate) fn close(&self) {
        let mut state = self.shared.state.lock();
        if !std::mem::replace(&mut state.closed, true) {
            state.early = Vec::new();
        }
    }

    pub(crate) fn happened(&self, what: &Happening<'_>) {
        self.publish(Kind::Platform, what);
    }

    /// What the function printed, or an extension.
    pub(crate) fn printed(&self, kind: Kind, text: &str) {
        self.publish(kind, &Happening::Printed { kind, text });
    }

    pub(crate) fn registered(&self, name: &str, events: &[String]) {
        self.happened(&Happening::Registered { name, events });
    }

    fn publish(&self, kind: Kind, what: &Happening<'_>) {
        if !self.is_wanted() {
            return;
        }
        let Some(event) = self.event(what) else {
            return;
        };
        let mut state = self.shared.state.lock();
        for one in state.subscribers.iter_mut() {
            if one.kinds.contains(&kind) {
                self.offer(one, &event);
            }
        }
        if !state.closed && state.early.len() < MOST_EARLY {
            state.early.push((kind, event));
        }
    }

    fn event(&self, what: &Happening<'_>) -> Option<Arc<str>> {
        let shared = &self.shared;
        let event = shared.dialect.telemetry(shared.clock.now(), what);
        event.map(Arc::from)
    }

    fn offer(&self, to: &mut Subscriber, event: &Arc<str>) {
        if to.dropped.0 > 0 {
            let (records, bytes) = to.dropped;
            let what = Happening::Dropped { records, bytes };
            if let Some(told) = self.event(&what)
                && to.events.try_send(told).is_ok()
            {
                to.dropped = (0, 0);
            }
        }
        if to.events.try_send(event.clone()).is_err() {
            to.dropped.0 += 1;
            to.dropped.1 += event.len() as u64;
        }
    }

    /// Reads a subscription and begins to serve it, instead of an earlier one of the same extension.
    pub(super) fn subscribe(
        &self,
        name: &str,
        form: &'static str,
        body: &[u8],
    ) -> Result<(), Refusal> {
        let wanted: Subscription = serde_json::from_slice(body)
            .map_err(|cause| words::bad("ValidationError", &cause.to_string()))?;
        let target = wanted
            .check()
            .map_err(|why| words::bad("ValidationError", &why))?;
        let (events, taken) = mpsc::channel(wanted.buffering.max_items);
        let mut subscriber = Subscriber {
            name: name.to_owned(),
            kinds: wanted.types.clone(),
            events,
            dropped: (0, 0),
        };
        let shared = &self.shared;
        let mut state = shared.state.lock();
        for (_, event) in state
            .early
            .iter()
            .filter(|(kind, _)| wanted.types.contains(kind))
        {
            self.offer(&mut subscriber, event);
        }
        state.subscribers.retain(|one| one.name != name);
        state.subscribers.push(subscriber);
        drop(state);
        let delivering = deliver(taken, target, wanted.buffering, shared.clock.host());
        shared.tasks.spawn(delivering);
        let is_logs = form == words::LOGS;
        let kinds = &wanted.types;
        self.happened(&Happening::Subscribed {
            name,
            kinds,
            is_logs,
        });
        Ok(())
    }
}

impl Subscription {
    /// Where it goes to; or what is wrong with it.
    fn check(&self) -> Result<Target, String> {
        if self.types.is_empty() {
            return Err("types should not be empty".into());
        }
        let Buffering {
            max_items,
            max_bytes,
            timeout_ms,
        } = self.buffering;
        if !(1_000..=10_000).contains(&max_items) {
            return Err("buffering.maxItems must be between 1000 and 10000".into());
        }
        if !(256 << 10..=1 << 20).contains(&max_bytes) {
            return Err("buffering.maxBytes must be between 262144 and 1048576".into());
        }
        if !(25..=30_000).contains(&timeout_ms) {
            return Err("buffering.timeoutMs must be between 25 and 30000".into());
        }
        let destination = self.destination.as_ref().ok_or("destination is required")?;
        destination.target()
    }
}

impl Destination {
    fn target(&self) -> Result<Target, String> {
        let address = self.uri.as_deref().map(address).transpose()?;
        match self.protocol.as_str() {
            "HTTP" => {
                let (port, path) = address.ok_or("URI is required")?;
                Ok(Target::Http { port, path })
            }
            "TCP" => {
                let port = self.port.or(address.map(|(port, _)| port));
                let port = port.ok_or("port is required")?;
                Ok(Target::Lines { port })
            }
            _ => Err("protocol must be HTTP or TCP".into()),
        }
    }
}

/// The port and the path of a URI in the extension's own machine.
fn address(uri: &str) -> Result<(u16, String), String> {
    let scheme = uri.split_once("://").ok_or("URI has no scheme")?;
    if !["http", "tcp"].contains(&scheme.0) {
        return Err("URI scheme must be http or tcp".into());
    }
    let (authority, path) = match scheme.1.split_once('/') {
        Some((authority, path)) => (authority, format!("/{path}")),
        None => (scheme.1, "/".to_owned()),
    };
    if path
        .chars()
        .any(|letter| letter.is_whitespace() || letter.is_control())
    {
        return Err("URI path is not valid".into());
    }
    let (host, port) = authority
        .split_once(':')
        .ok_or("URI port is not provided")?;
    if !words::HOSTS.contains(&host) {
        return Err(format!("URI host must be {}", words::HOSTS[0]));
    }
    let port = port.parse().map_err(|_| "URI port is not valid")?;
    Ok((port, path))
}

async fn deliver(
    mut events: mpsc::Receiver<Arc<str>>,
    target: Target,
    buffering: Buffering,
    clock: Arc<dyn Clock>,
) {
    while let Some(first) = events.recv().await {
        let mut size = first.len();
        let mut batch = vec![first];
        let full = clock.sleep(Duration::from_millis(buffering.timeout_ms));
        tokio::pin!(full);
        while batch.len() < buffering.max_items && size < buffering.max_bytes {
            tokio::select! {
                event = events.recv() => match event {
                    Some(event) => {
                        size += event.len();
                        batch.push(event);
                    }
                    None => break,
                },
                () = &mut full => break,
            }
        }
        for _ in 0..OFFERS {
            // The host's time: it is for a process, which may be at rest.
            match tokio::time::timeout(PATIENCE, target.offer(&batch)).await {
                Ok(Ok(())) => break,
                Ok(Err(cause)) => {
                    tracing::debug!(%cause, "an extension did not take its telemetry");
                    clock.sleep(Duration::from_millis(100)).await;
                }
                Err(_) => tracing::debug!("an extension was too slow for its telemetry"),
            }
        }
    }
}

impl Target {
    async fn offer(&self, batch: &[Arc<str>]) -> std::io::Result<()> {
        match self {
            Self::Http { port, path } => {
                let body = format!("[{}]", batch.join(","));
                let message = format!(
                    "POST {path} HTTP/1.1\r\nHost: {}:{port}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    words::HOSTS[0],
                    body.len()
                );
                let mut stream = TcpStream::connect(("127.0.0.1", *port)).await?;
                stream.write_all(message.as_bytes()).await?;
                let mut status = [0; 12];
                stream.read_exact(&mut status).await?;
                match &status[9..10] {
                    b"2" => Ok(()),
                    _ => Err(std::io::Error::other("it was refused")),
                }
            }
            Self::Lines { port } => {
                let mut stream = TcpStream::connect(("127.0.0.1", *port)).await?;
                let lines = batch.join("\n") + "\n";
                stream.write_all(lines.as_bytes()).await?;
                stream.shutdown().await
            }
        }
    }
}
