//! Asking a running server, over its admin API.

use base::ErrorKind;
use bytes::Bytes;
use console::Problem;
use http::{Method, Request, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;

use crate::failure::{Failure, Result};
use crate::locate::Place;

/// A path of the API, with its query put together.
#[derive(Debug)]
pub(crate) struct Target(String, char);

impl Target {
    pub(crate) fn new(path: &str) -> Self {
        Self(format!("{}{path}", console::PREFIX), '?')
    }

    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: Option<impl ToString>) -> Self {
        if let Some(value) = value {
            let value = value.to_string();
            let value = utf8_percent_encode(&value, NON_ALPHANUMERIC);
            self.0 += &format!("{}{name}={value}", self.1);
            self.1 = '&';
        }
        self
    }
}

/// Asks and reads the whole answer.
pub(crate) async fn ask<T: DeserializeOwned>(
    place: &Place,
    method: Method,
    target: Target,
    body: impl Into<Bytes>,
) -> Result<T> {
    let answer = send(place, method, target, body).await?;
    let bytes = answer
        .collect()
        .await
        .map_err(|cause| broken(place, &cause))?
        .to_bytes();
    serde_json::from_slice(&bytes).map_err(|cause| broken(place, &cause))
}

/// Asks, and hands on each line of the answer as it comes.
pub(crate) async fn follow(
    place: &Place,
    target: Target,
    mut line: impl FnMut(&str),
) -> Result<()> {
    let mut answer = send(place, Method::GET, target, Bytes::new()).await?;
    let mut rest = Vec::new();
    while let Some(frame) = answer.frame().await {
        let frame = frame.map_err(|cause| broken(place, &cause))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        rest.extend_from_slice(&data);
        if let Some(end) = rest.iter().rposition(|byte| *byte == b'\n') {
            let whole: Vec<u8> = rest.drain(..=end).collect();
            String::from_utf8_lossy(&whole).lines().for_each(&mut line);
        }
    }
    Ok(())
}

async fn send(
    place: &Place,
    method: Method,
    target: Target,
    body: impl Into<Bytes>,
) -> Result<Incoming> {
    let stream = TcpStream::connect(place.address).await;
    let stream = stream.map_err(|cause| broken(place, &cause))?;
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|cause| broken(place, &cause))?;
    tokio::spawn(async move {
        if let Err(cause) = connection.await {
            tracing::debug!(%cause, "the connection to the server ended badly");
        }
    });
    let request = Request::builder()
        .method(method)
        .uri(target.0)
        .header(header::HOST, place.address.to_string())
        .header(header::AUTHORIZATION, format!("Bearer {}", place.token))
        .body(Full::new(body.into()))
        .expect("the parts of a request are well formed");
    let answer = sender.send_request(request).await;
    let answer = answer.map_err(|cause| broken(place, &cause))?;
    if answer.status().is_success() {
        return Ok(answer.into_body());
    }
    let status = answer.status();
    let bytes = answer.into_body().collect().await;
    let bytes = bytes.map_err(|cause| broken(place, &cause))?.to_bytes();
    Err(refused(&bytes).unwrap_or_else(|| broken(place, &format!("it answered {status}"))))
}

fn refused(answer: &[u8]) -> Option<Failure> {
    let mut answer: serde_json::Value = serde_json::from_slice(answer).ok()?;
    let problem: Problem = serde_json::from_value(answer["error"].take()).ok()?;
    Some(problem.into())
}

fn broken(place: &Place, cause: &dyn std::fmt::Display) -> Failure {
    let message = format!(
        "the server at {} does not answer as it should: {cause}",
        place.address
    );
    Failure::new(ErrorKind::Unavailable, message)
}
