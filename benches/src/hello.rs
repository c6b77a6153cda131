//! Plain hyper that answers whatever it is asked with as many bytes as it is told: what HTTP by itself costs of the
//! processor, for any server that is written as ours is.

use std::convert::Infallible;
use std::process::Command;

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};

use crate::server::Server;

/// The name that this program has as a child of itself.
pub(crate) const HELLO: &str = "__hello";

pub(crate) fn start(bytes: usize) -> Result<Server> {
    let mut command = Command::new(std::env::current_exe()?);
    Server::spawn_peer(command.args([HELLO, &bytes.to_string()]))
}

/// Run as `__hello <bytes> --port <port>`.
pub(crate) fn serve() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(2).collect();
    let [bytes, _, port] = arguments.as_slice() else {
        anyhow::bail!("{HELLO} <bytes> --port <port>");
    };
    let body = Bytes::from(vec![b'x'; bytes.parse()?]);
    let port: u16 = port.parse().context("a port is a number")?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(listen(port, body))
}

async fn listen(port: u16, body: Bytes) -> Result<()> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let body = body.clone();
        let service = service_fn(move |request| answer(request, body.clone()));
        tokio::spawn(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service),
        );
    }
}

async fn answer(
    request: Request<Incoming>,
    body: Bytes,
) -> Result<Response<Full<Bytes>>, Infallible> {
    // A request that is cut short gets its answer all the same: nobody is there to read it.
    let _ = request.into_body().collect().await;
    let mut response = Response::new(Full::new(body));
    let headers = response.headers_mut();
    let fixed = http::HeaderValue::from_static;
    headers.insert("content-type", fixed("application/x-amz-json-1.0"));
    let id = fixed("4f6ad3a4-2c1e-4d52-9f63-0b1f5a3c7d11");
    headers.insert("x-amzn-requestid", id);
    headers.insert("x-amz-crc32", fixed("2745614147"));
    Ok(response)
}
