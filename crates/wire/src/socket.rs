//! WebSockets (RFC 6455): a connection that carries messages both ways once its first request has been answered.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::{HeaderValue, Method, StatusCode, header};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::CapacityError;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message as Frame};

use crate::{Request, Response};

/// How long a peer may take to say good-bye.
const FAREWELL: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug)]
pub struct SocketLimits {
    pub message_bytes: usize,
    pub frame_bytes: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    Text(String),
    Bytes(Bytes),
}

/// What comes from the peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    Message(Message),
    /// It keeps the connection alive and says nothing.
    Beat,
    /// The peer has ended it, with these words, or it is broken.
    Closed {
        code: u16,
        reason: String,
    },
    /// What came was larger than it may be.
    TooLarge,
}

/// A connection for messages.
#[derive(Debug)]
pub struct Socket {
    stream: WebSocketStream<TokioIo<Upgraded>>,
}

/// Whether a request asks for a connection to be made one for messages.
pub fn asks_for_socket(request: &Request) -> bool {
    let says = |name, word: &str| {
        let value = request.headers().get(name);
        let value = value.and_then(|value: &HeaderValue| value.to_str().ok());
        value.is_some_and(|value| {
            value
                .split(',')
                .any(|one| one.trim().eq_ignore_ascii_case(word))
        })
    };
    request.method() == Method::GET
        && says(header::CONNECTION, "upgrade")
        && says(header::UPGRADE, "websocket")
        && says(header::SEC_WEBSOCKET_VERSION, "13")
        && request.headers().contains_key(header::SEC_WEBSOCKET_KEY)
}

/// The answer to such a request, and the connection that it becomes when that answer has been sent.
pub fn accept_socket(
    mut request: Request,
    limits: SocketLimits,
) -> (Response, impl Future<Output = Option<Socket>> + Send) {
    let key = request.headers().get(header::SEC_WEBSOCKET_KEY);
    let accept = derive_accept_key(key.map(HeaderValue::as_bytes).unwrap_or_default());
    let mut response = Response::new(crate::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::from_str(&accept) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    let upgrading = hyper::upgrade::on(&mut request);
    let becoming = async move {
        let upgraded = match upgrading.await {
            Ok(upgraded) => TokioIo::new(upgraded),
            Err(cause) => {
                tracing::debug!(%cause, "a connection did not become one for messages");
                return None;
            }
        };
        let config = WebSocketConfig::default()
            .max_message_size(Some(limits.message_bytes))
            .max_frame_size(Some(limits.frame_bytes));
        let stream = WebSocketStream::from_raw_socket(upgraded, Role::Server, Some(config)).await;
        Some(Socket { stream })
    };
    (response, becoming)
}

impl Socket {
    /// Waits for what comes next. May be dropped while it waits.
    pub async fn next(&mut self) -> Incoming {
        match self.stream.next().await {
            Some(Ok(Frame::Text(text))) => {
                Incoming::Message(Message::Text(text.as_str().to_owned()))
            }
            Some(Ok(Frame::Binary(bytes))) => Incoming::Message(Message::Bytes(bytes)),
            Some(Ok(Frame::Ping(_) | Frame::Pong(_) | Frame::Frame(_))) => Incoming::Beat,
            Some(Ok(Frame::Close(Some(frame)))) => Incoming::Closed {
                code: frame.code.into(),
                reason: frame.reason.as_str().to_owned(),
            },
            Some(Ok(Frame::Close(None))) => Incoming::Closed {
                code: 1005,
                reason: String::new(),
            },
            Some(Err(Error::Capacity(CapacityError::MessageTooLong { .. }))) => Incoming::TooLarge,
            Some(Err(_)) | None => Incoming::Closed {
                code: 1006,
                reason: String::new(),
            },
        }
    }

    /// Whether the peer can still be reached.
    pub async fn send(&mut self, message: Message) -> bool {
        let frame = match message {
            Message::Text(text) => Frame::text(text),
            Message::Bytes(bytes) => Frame::Binary(bytes),
        };
        self.stream.send(frame).await.is_ok()
    }

    /// Says good-bye, and waits a little for the peer's.
    pub async fn close(mut self, code: u16, reason: &str) {
        let frame = CloseFrame {
            code: CloseCode::from(code),
            reason: reason.into(),
        };
        let farewell = async {
            if self.stream.close(Some(frame)).await.is_ok() {
                while let Some(Ok(_)) = self.stream.next().await {}
            }
        };
        let _ = tokio::time::timeout(FAREWELL, farewell).await;
    }
}
