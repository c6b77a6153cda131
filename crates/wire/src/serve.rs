//! Accepts, speaks HTTP/1.1 or HTTP/2, hands each request to a service, and ends gracefully. What is usual is spoken here
//! (`usual`), and hyper speaks the rest. There is one listener that is there for good, and others that come and go. A
//! server with a certificate takes both kinds of connections on one port and tells them apart by their first byte:
//! functions on the same machine need no encryption.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base::Stopwatch;
use http::{HeaderValue, Method, header};
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Notify, Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::awake::awake;
use crate::begun::Begun;
use crate::patience::Patient;
use crate::tls::Tls;
use crate::upload::{Sending, Upload};
use crate::{Meter, Request, Response, framing};

use usual::Ended;

mod usual;

pub type ServiceFuture<'a> = Pin<Box<dyn Future<Output = Response> + Send + 'a>>;

/// Answers every request, whatever it is. Errors are answers too.
pub trait Service: Send + Sync + 'static {
    fn call(&self, request: Request) -> ServiceFuture<'_>;
}

/// Who sent a request; in its extensions.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// In the extensions of a request that came encrypted.
#[derive(Clone, Copy, Debug)]
pub struct Encrypted;

#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections open at once; more wait in the kernel's queue.
    pub connections: usize,
    /// All header lines of a request together.
    pub header_bytes: usize,
    /// From accepting a connection, or from its last answer, to the end of the next request's headers.
    pub header_timeout: Duration,
    /// How long a peer may pause in the middle of a request's body, or take nothing of an answer.
    pub pause: Duration,
    /// How long running requests may go on once the server is told to stop.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            header_bytes: 64 << 10,
            header_timeout: Duration::from_secs(75),
            pause: Duration::from_secs(60),
            drain: Duration::from_secs(5),
        }
    }
}

/// A bound port that is not served yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    limits: Limits,
    guests: Option<mpsc::Receiver<Guest>>,
    tls: Option<Tls>,
    meter: Meter,
}

/// A listener that is served for a while.
#[derive(Debug)]
pub struct Guest {
    /// Does not block.
    pub listener: std::net::TcpListener,
    /// When this ends, the listener is closed.
    pub until: oneshot::Receiver<()>,
}

/// How many connections may wait to be accepted, as far as the system lets them. Those of a burst come before anybody gets
/// to accept them, and whoever finds no place here comes again after a second, then two, then four.
const WAITING: u32 = 4_096;

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A server that is started again may have the port although connections of the last one linger.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(WAITING)
}

impl Server {
    /// To be called where a runtime is.
    pub fn bind(address: SocketAddr, limits: Limits) -> std::io::Result<Self> {
        Ok(Self {
            listener: listen(address)?,
            limits,
            guests: None,
            tls: None,
            meter: Meter::default(),
        })
    }

    /// Serves these too, as they come.
    pub fn with_guests(self, guests: mpsc::Receiver<Guest>) -> Self {
        Self {
            guests: Some(guests),
            ..self
        }
    }

    /// Takes encrypted connections too.
    pub fn with_tls(self, tls: Option<Tls>) -> Self {
        Self { tls, ..self }
    }

    /// Counts there what is answered.
    pub fn with_meter(self, meter: Meter) -> Self {
        Self { meter, ..self }
    }

    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `stop`, then lets running requests end within the drain time.
    pub async fn run(self, service: Arc<dyn Service>, stop: CancellationToken) {
        let serving = Serving {
            builder: builder(self.limits),
            slots: Arc::new(Semaphore::new(self.limits.connections)),
            limits: self.limits,
            tls: self.tls,
            asking: Asking {
                service,
                meter: self.meter,
            },
        };
        tokio::join!(
            serving.serve(self.listener, stop.cancelled()),
            serving.host(self.guests, &stop)
        );
    }
}

/// What all listeners have in common.
#[derive(Clone)]
struct Serving {
    builder: auto::Builder<TokioExecutor>,
    slots: Arc<Semaphore>,
    limits: Limits,
    tls: Option<Tls>,
    asking: Asking,
}

/// How a request gets its answer, by whichever way it came.
#[derive(Clone)]
struct Asking {
    service: Arc<dyn Service>,
    meter: Meter,
}

impl Asking {
    fn call(&self, request: Request, from: From) -> (ServiceFuture<'_>, Asked<'_>) {
        let asked = Asked {
            method: request.method().clone(),
            since: Stopwatch::start(),
            meter: &self.meter,
        };
        (self.service.call(from.mark(request)), asked)
    }
}

/// A request that waits for its answer.
struct Asked<'a> {
    method: Method,
    since: Stopwatch,
    meter: &'a Meter,
}

impl Asked<'_> {
    /// The answer as it may be sent.
    fn answer(&self, response: Response) -> Response {
        self.meter.count(response.status(), self.since.elapsed());
        framing::fit(&self.method, response)
    }
}

impl Serving {
    /// Serves guests until they go, or all have to.
    async fn host(&self, guests: Option<mpsc::Receiver<Guest>>, stop: &CancellationToken) {
        let Some(mut guests) = guests else {
            return;
        };
        let mut hosted = JoinSet::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(guest) = guests.recv() => {
                    let (serving, stop) = (self.clone(), stop.clone());
                    hosted.spawn(async move { serving.host_one(guest, stop).await });
                }
                Some(_) = hosted.join_next() => {}
                else => break,
            }
        }
        while hosted.join_next().await.is_some() {}
    }

    async fn host_one(&self, guest: Guest, stop: CancellationToken) {
        let listener = match TcpListener::from_std(guest.listener) {
            Ok(listener) => listener,
            Err(cause) => {
                tracing::warn!(%cause, "a listener cannot be served");
                return;
            }
        };
        let until = async {
            tokio::select! {
                _ = guest.until => {}
                () = stop.cancelled() => {}
            }
        };
        self.serve(listener, until).await;
    }

    async fn serve(&self, listener: TcpListener, until: impl Future<Output = ()>) {
        let running = GracefulShutdown::new();
        let stopping = Arc::new(Stopping::default());
        tokio::pin!(until);
        loop {
            let accepted = tokio::select! {
                () = &mut until => break,
                accepted = accept(&listener, &self.slots) => accepted,
            };
            let (stream, peer, slot) = match accepted {
                Ok(accepted) => accepted,
                Err(cause) => {
                    // Out of descriptors or a connection that died in the queue. Spinning would not help either.
                    tracing::warn!(%cause, "a connection was not accepted");
                    tokio::task::yield_now().await;
                    continue;
                }
            };
            // Answers are small and latency matters more than a segment saved.
            let _ = stream.set_nodelay(true);
            let (serving, watcher) = (self.clone(), running.watcher());
            let stopping = stopping.clone();
            tokio::spawn(async move {
                let conversed = serving.converse(stream, peer, &stopping, watcher);
                if let Err(cause) = conversed.await {
                    tracing::debug!(%peer, %cause, "a connection ended badly");
                }
                drop(slot);
            });
        }
        drop(listener);
        stopping.tell();
        if tokio::time::timeout(self.limits.drain, running.shutdown())
            .await
            .is_err()
        {
            tracing::warn!("requests were still running at the end of the drain time");
        }
    }
}

/// Told to the connections of one listener.
#[derive(Debug, Default)]
struct Stopping {
    is_told: AtomicBool,
    bell: Notify,
}

impl Stopping {
    fn tell(&self) {
        self.is_told.store(true, Ordering::Release);
        self.bell.notify_waiters();
    }

    fn is_told(&self) -> bool {
        self.is_told.load(Ordering::Acquire)
    }
}

type Broken = Box<dyn std::error::Error + Send + Sync>;

impl Serving {
    async fn converse(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        stopping: &Stopping,
        watcher: Watcher,
    ) -> Result<(), Broken> {
        let Some(tls) = &self.tls else {
            return self.speak(stream, self.from(peer), stopping, watcher).await;
        };
        let opened = async {
            if !is_encrypted(&stream).await? {
                return Ok::<_, std::io::Error>(Opened::Plain(stream));
            }
            let stream = tls.acceptor.accept(stream).await?;
            Ok(Opened::Encrypted(Box::new(stream)))
        };
        let mut from = self.from(peer);
        match tokio::time::timeout(self.limits.header_timeout, opened).await?? {
            Opened::Plain(stream) => self.speak(stream, from, stopping, watcher).await,
            Opened::Encrypted(stream) => {
                from.encrypted = true;
                self.speak(stream, from, stopping, watcher).await
            }
        }
    }

    fn from(&self, peer: SocketAddr) -> From {
        From {
            peer,
            encrypted: false,
            pause: self.limits.pause,
        }
    }

    async fn speak(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        from: From,
        stopping: &Stopping,
        watcher: Watcher,
    ) -> Result<(), Broken> {
        let ended = usual::converse(stream, &self.limits, stopping, &self.asking, from).await?;
        match ended {
            Ended::Over => Ok(()),
            // In a place of its own: most connections never come to it.
            Ended::Unusual(stream, begun) => {
                let stream = Begun::new(begun, stream);
                Box::pin(self.speak_all(stream, from, watcher)).await
            }
        }
    }

    async fn speak_all(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        from: From,
        watcher: Watcher,
    ) -> Result<(), Broken> {
        let asking = self.asking.clone();
        let handler = service_fn(move |request| answer(asking.clone(), request, from));
        let stream = Patient::new(stream, self.limits.header_timeout, from.pause);
        let connection = self
            .builder
            .serve_connection_with_upgrades(TokioIo::new(stream), handler);
        awake(watcher.watch(connection.into_owned())).await
    }
}

enum Opened {
    Plain(TcpStream),
    Encrypted(Box<tokio_rustls::server::TlsStream<TcpStream>>),
}

/// Whether a client begins with a handshake (RFC 8446, section 5.1). No method of HTTP begins with such a byte.
async fn is_encrypted(stream: &TcpStream) -> std::io::Result<bool> {
    const HANDSHAKE: u8 = 22;
    let mut first = [0];
    let read = stream.peek(&mut first).await?;
    Ok(read == 1 && first[0] == HANDSHAKE)
}

async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> std::io::Result<(
    tokio::net::TcpStream,
    SocketAddr,
    tokio::sync::OwnedSemaphorePermit,
)> {
    let slot = slots
        .clone()
        .acquire_owned()
        .await
        .expect("the semaphore is never closed");
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, slot))
}

fn builder(limits: Limits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(limits.header_bytes.max(8 << 10));
    builder
        .http2()
        .timer(TokioTimer::new())
        // A peer that is gone without a word is noticed.
        .keep_alive_interval(limits.pause)
        .keep_alive_timeout(limits.pause)
        .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX));
    builder
}

/// Where a request comes from, and how long its body may pause.
#[derive(Clone, Copy)]
struct From {
    peer: SocketAddr,
    encrypted: bool,
    pause: Duration,
}

impl From {
    fn mark(self, mut request: Request) -> Request {
        let extensions = request.extensions_mut();
        extensions.insert(Peer(self.peer));
        if self.encrypted {
            extensions.insert(Encrypted);
        }
        request
    }
}

async fn answer(
    asking: Asking,
    request: hyper::Request<Incoming>,
    from: From,
) -> Result<Response, std::convert::Infallible> {
    // Over HTTP/2 a peer is told to stop, and the connection goes on.
    let is_one = request.version() <= http::Version::HTTP_11;
    let waits = request.headers().contains_key(header::EXPECT) && !request.body().is_end_stream();
    let sending = Sending::new(is_one && !waits);
    let upload = |body| Upload::new(body, from.pause, sending.clone()).boxed_unsync();
    let (answering, asked) = asking.call(request.map(upload), from);
    let mut response = asked.answer(answering.await);
    // Whoever was not told to send may send nevertheless, or ask again instead. Nobody can tell which, so the connection
    // ends here, and the peer has to know: it would take a connection that closes a moment later for a failure.
    if is_one && waits && !sending.has_begun() {
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

#[cfg(test)]
mod tests;
