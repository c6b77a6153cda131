//! The one call of the worker protocol: a stream of messages each way, as gRPC carries it over HTTP/2.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use futures_util::stream;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;

use crate::message::{Content, StreamingMessage};

pub(crate) const PATH: &str = "/AzureFunctionsRpcMessages.FunctionRpc/EventStream";
/// Before each message: whether it is compressed, and its length.
const PREFIX: usize = 5;
/// More than the largest answer that there may be, and what surrounds it.
pub(crate) const LARGEST: usize = 256 << 20;
const WAITING: usize = 64;
/// Of those who may be on the line before the worker is.
const MOST_CALLERS: usize = 16;
const TO_SAY_ITS_NAME: Duration = Duration::from_secs(60);

/// The host's end of the stream.
pub(crate) struct Stream {
    to: mpsc::Sender<StreamingMessage>,
    from: mpsc::Receiver<StreamingMessage>,
}

impl Stream {
    /// Waits for the call of the worker that was given this name. Where a loopback is shared, whoever else finds the place
    /// does not know it, and keeps nobody waiting.
    pub(crate) async fn accept(listener: &TcpListener, worker: &str) -> io::Result<Self> {
        let (calls, mut called) = mpsc::channel(MOST_CALLERS);
        let callers = Arc::new(Semaphore::new(MOST_CALLERS));
        loop {
            let accepted = tokio::select! {
                stream = called.recv() => return stream.ok_or_else(closed),
                accepted = listener.accept() => accepted,
            };
            let (connection, _) = accepted?;
            connection.set_nodelay(true)?;
            if let Ok(place) = callers.clone().try_acquire_owned() {
                let door = Door {
                    worker: worker.into(),
                    calls: calls.clone(),
                };
                tokio::spawn(async move {
                    serve(connection, door).await;
                    drop(place);
                });
            }
        }
    }

    pub(crate) async fn send(&self, message: StreamingMessage) -> io::Result<()> {
        let gone = |_| io::Error::new(io::ErrorKind::BrokenPipe, "the worker has gone");
        self.to.send(message).await.map_err(gone)
    }

    /// None when the worker has gone.
    pub(crate) async fn next(&mut self) -> Option<StreamingMessage> {
        self.from.recv().await
    }
}

/// Where a call is expected, and whose.
#[derive(Clone)]
struct Door {
    worker: Arc<str>,
    calls: mpsc::Sender<Stream>,
}

impl Door {
    /// Lets a caller in who says the right name first.
    async fn admit(self, mut stream: Stream) {
        let first = timeout(TO_SAY_ITS_NAME, stream.next()).await;
        let said = first.ok().flatten().and_then(|first| first.content);
        if let Some(Content::Start(start)) = said
            && start.worker_id == *self.worker
        {
            // If nobody waits any more, another came first.
            let _ = self.calls.send(stream).await;
        }
    }
}

async fn serve(connection: TcpStream, door: Door) {
    let service = service_fn(move |request| {
        let answer = answer(request, door.clone());
        async move { Ok::<_, Infallible>(answer) }
    });
    let served = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(1 << 20)
        .serve_connection(TokioIo::new(connection), service);
    // Its end is heard as the stream's.
    let _ = served.await;
}

fn closed() -> io::Error {
    io::ErrorKind::UnexpectedEof.into()
}

type Answer = Response<http_body_util::combinators::UnsyncBoxBody<Bytes, Infallible>>;

fn answer(request: Request<Incoming>, door: Door) -> Answer {
    if request.uri().path() != PATH {
        return refused();
    }
    let (to, outgoing) = mpsc::channel::<StreamingMessage>(WAITING);
    let (incoming, from) = mpsc::channel(WAITING);
    tokio::spawn(receive(request.into_body(), incoming));
    tokio::spawn(door.admit(Stream { to, from }));
    let frames = stream::unfold(Some(outgoing), |outgoing| async {
        let mut outgoing = outgoing?;
        Some(match outgoing.recv().await {
            Some(message) => (Ok(Frame::data(framed(&message))), Some(outgoing)),
            None => (Ok(Frame::trailers(status("0"))), None),
        })
    });
    let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
    let grpc = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert(header::CONTENT_TYPE, grpc);
    response
}

/// That there is no such call.
fn refused() -> Answer {
    let mut response = Response::new(http_body_util::Empty::new().boxed_unsync());
    *response.status_mut() = StatusCode::OK;
    *response.headers_mut() = status("12");
    let grpc = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert(header::CONTENT_TYPE, grpc);
    response
}

fn status(code: &'static str) -> HeaderMap {
    let status = header::HeaderName::from_static("grpc-status");
    [(status, HeaderValue::from_static(code))]
        .into_iter()
        .collect()
}

async fn receive(mut body: Incoming, to: mpsc::Sender<StreamingMessage>) {
    let mut buffer = BytesMut::new();
    while let Some(Ok(frame)) = body.frame().await {
        if let Some(data) = frame.data_ref() {
            buffer.extend_from_slice(data);
        }
        loop {
            match taken(&mut buffer) {
                Ok(Some(message)) => {
                    if to.send(message).await.is_err() {
                        return;
                    }
                }
                Ok(None) => break,
                // What follows cannot be told apart from it.
                Err(()) => return,
            }
        }
    }
}

/// The first message, if all of it is there.
pub(crate) fn taken(buffer: &mut BytesMut) -> Result<Option<StreamingMessage>, ()> {
    if buffer.len() < PREFIX {
        return Ok(None);
    }
    let is_compressed = buffer[0] != 0;
    let length = u32::from_be_bytes([buffer[1], buffer[2], buffer[3], buffer[4]]);
    let length = usize::try_from(length).map_err(|_| ())?;
    if is_compressed || length > LARGEST {
        return Err(());
    }
    if buffer.len() < PREFIX + length {
        buffer.reserve(PREFIX + length - buffer.len());
        return Ok(None);
    }
    buffer.advance(PREFIX);
    let message = buffer.split_to(length).freeze();
    StreamingMessage::decode(message).map(Some).map_err(|_| ())
}

pub(crate) fn framed(message: &StreamingMessage) -> Bytes {
    let length = message.encoded_len();
    let mut framed = BytesMut::with_capacity(PREFIX + length);
    framed.put_u8(0);
    framed.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    message
        .encode(&mut framed)
        .expect("there is room for all of it");
    framed.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::StartStream;

    #[test]
    fn messages_are_told_apart_however_they_come() {
        let message = |id: &str| StreamingMessage {
            request_id: id.into(),
            content: Some(Content::Start(StartStream {
                worker_id: "w".into(),
            })),
        };
        let mut wire = framed(&message("a")).to_vec();
        wire.extend_from_slice(&framed(&message("b")));
        let mut buffer = BytesMut::new();
        let mut heard = Vec::new();
        for byte in wire {
            buffer.put_u8(byte);
            heard.extend(taken(&mut buffer).unwrap());
        }
        assert_eq!(heard, [message("a"), message("b")]);
        buffer.extend_from_slice(&[1, 0, 0, 0, 0]);
        assert!(
            taken(&mut buffer).is_err(),
            "nothing was offered to be compressed"
        );
    }
}
