//! Accepts, speaks HTTP/1.1 or HTTP/2, hands each request to a service, and ends gracefully. There is one listener that
//! is there for good, and others that come and go. A server with a certificate takes both kinds of connections on one
//! port and tells them apart by their first byte: functions on the same machine need no encryption.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::patience::Patient;
use crate::tls::Tls;
use crate::upload::Upload;
use crate::{Request, Response, framing};

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
}

/// A listener that is served for a while.
#[derive(Debug)]
pub struct Guest {
    /// Does not block.
    pub listener: std::net::TcpListener,
    /// When this ends, the listener is closed.
    pub until: oneshot::Receiver<()>,
}

impl Server {
    pub async fn bind(address: SocketAddr, limits: Limits) -> std::io::Result<Self> {
        Ok(Self {
            listener: TcpListener::bind(address).await?,
            limits,
            guests: None,
            tls: None,
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
            service,
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
    service: Arc<dyn Service>,
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
            tokio::spawn(async move {
                if let Err(cause) = serving.converse(stream, peer, watcher).await {
                    tracing::debug!(%peer, %cause, "a connection ended badly");
                }
                drop(slot);
            });
        }
        drop(listener);
        if tokio::time::timeout(self.limits.drain, running.shutdown())
            .await
            .is_err()
        {
            tracing::warn!("requests were still running at the end of the drain time");
        }
    }
}

type Broken = Box<dyn std::error::Error + Send + Sync>;

impl Serving {
    async fn converse(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        watcher: Watcher,
    ) -> Result<(), Broken> {
        let Some(tls) = &self.tls else {
            return self.speak(stream, peer, false, watcher).await;
        };
        let opened = async {
            if !is_encrypted(&stream).await? {
                return Ok::<_, std::io::Error>(Opened::Plain(stream));
            }
            let stream = tls.acceptor.accept(stream).await?;
            Ok(Opened::Encrypted(Box::new(stream)))
        };
        match tokio::time::timeout(self.limits.header_timeout, opened).await?? {
            Opened::Plain(stream) => self.speak(stream, peer, false, watcher).await,
            Opened::Encrypted(stream) => self.speak(stream, peer, true, watcher).await,
        }
    }

    async fn speak(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        peer: SocketAddr,
        encrypted: bool,
        watcher: Watcher,
    ) -> Result<(), Broken> {
        let (service, pause) = (self.service.clone(), self.limits.pause);
        let from = From {
            peer,
            encrypted,
            pause,
        };
        let handler = service_fn(move |request| answer(service.clone(), request, from));
        let stream = Patient::new(stream, self.limits.header_timeout, pause);
        let connection = self
            .builder
            .serve_connection_with_upgrades(TokioIo::new(stream), handler);
        watcher.watch(connection.into_owned()).await
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

async fn answer(
    service: Arc<dyn Service>,
    request: hyper::Request<Incoming>,
    from: From,
) -> Result<Response, std::convert::Infallible> {
    let method = request.method().clone();
    // Over HTTP/2 a peer is told to stop, and who waits to be told that it may send has sent nothing.
    let insists = request.version() <= http::Version::HTTP_11
        && !request.headers().contains_key(http::header::EXPECT);
    let mut request = request.map(|body| Upload::new(body, from.pause, insists).boxed_unsync());
    request.extensions_mut().insert(Peer(from.peer));
    if from.encrypted {
        request.extensions_mut().insert(Encrypted);
    }
    Ok(framing::fit(&method, service.call(request).await))
}

#[cfg(test)]
mod tests;
