//! The listener, spoken to in raw bytes.

use std::sync::Arc;

use base::ByteSize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use wire::{BodyError, Limits, Request, Response, Server, Service, ServiceFuture, collect, full};

/// Answers with what it received, or with what went wrong.
struct Echo;

impl Service for Echo {
    fn call(&self, request: Request) -> ServiceFuture<'_> {
        Box::pin(async {
            match collect(request.into_body(), ByteSize::bytes(10)).await {
                Ok(body) => Response::new(full(body)),
                Err(error) => {
                    let status = match error {
                        BodyError::TooLarge(_) => 413,
                        BodyError::TooSlow => 408,
                        BodyError::Truncated(_) | BodyError::Source(_) => 400,
                    };
                    let mut answer = Response::new(full(error.to_string()));
                    *answer.status_mut() = http::StatusCode::from_u16(status).unwrap();
                    answer
                }
            }
        })
    }
}

struct Running {
    address: std::net::SocketAddr,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

async fn start() -> Running {
    let server = Server::bind("127.0.0.1:0".parse().unwrap(), Limits::default()).unwrap();
    let address = server.address().unwrap();
    let stop = CancellationToken::new();
    let task = tokio::spawn(server.run(Arc::new(Echo), stop.clone()));
    Running {
        address,
        stop,
        task,
    }
}

/// Sends these bytes, ends the sending side if asked to, and reads all that comes.
async fn exchange(running: &Running, bytes: &str, end: bool) -> String {
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    if end {
        stream.shutdown().await.unwrap();
    }
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

fn post(length: usize, body: &str) -> String {
    format!(
        "POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

#[tokio::test]
async fn a_body_arrives_whole_or_says_why_not() {
    let running = start().await;
    assert!(
        exchange(&running, &post(5, "hello"), false)
            .await
            .ends_with("\r\n\r\nhello")
    );
    assert!(
        exchange(&running, &post(11, "hello world"), false)
            .await
            .starts_with("HTTP/1.1 413")
    );
    // A client that stops in the middle is told so; the server goes on.
    let cut = exchange(&running, &post(8, "hello"), true).await;
    assert!(
        cut.starts_with("HTTP/1.1 400") && cut.contains("cut short"),
        "{cut}"
    );
    assert!(
        exchange(&running, &post(5, "again"), false)
            .await
            .ends_with("again")
    );
}

#[tokio::test]
async fn nonsense_is_refused_and_the_server_goes_on() {
    let running = start().await;
    assert!(
        exchange(&running, "nonsense\r\n\r\n", false)
            .await
            .starts_with("HTTP/1.1 400")
    );
    let huge = format!(
        "GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n",
        "x".repeat(100_000)
    );
    assert!(
        exchange(&running, &huge, false)
            .await
            .starts_with("HTTP/1.1 431")
    );
    assert!(
        exchange(&running, &post(5, "again"), false)
            .await
            .ends_with("again")
    );
}

#[tokio::test]
async fn stopping_ends_the_server() {
    let running = start().await;
    running.stop.cancel();
    running.task.await.unwrap();
    assert!(TcpStream::connect(running.address).await.is_err());
}

#[tokio::test]
async fn a_burst_of_connections_waits_to_be_accepted() {
    let system = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap();
    let burst = system.trim().parse::<usize>().unwrap().min(400);
    let server = Server::bind("127.0.0.1:0".parse().unwrap(), Limits::default()).unwrap();
    let address = server.address().unwrap();
    // Nobody accepts any. One that found no place would try for minutes.
    let patience = std::time::Duration::from_secs(30);
    let come = |_| std::net::TcpStream::connect_timeout(&address, patience).unwrap();
    let all: Vec<_> = (0..burst).map(come).collect();
    assert_eq!(all.len(), burst);
}
