//! A server that says what it was asked.

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

/// Answers each request with its first line and its host, and ends the connection.
pub(crate) async fn echo() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        loop {
            let mut stream = BufReader::new(listener.accept().await.unwrap().0);
            // What is not ours comes encrypted.
            if !stream
                .fill_buf()
                .await
                .is_ok_and(|came| came.starts_with(b"GET"))
            {
                continue;
            }
            let mut said = String::new();
            while stream.read_line(&mut said).await.is_ok_and(|read| read > 2) {}
            let lines = said.to_ascii_lowercase();
            let mut lines = lines.lines();
            let first = lines.next().unwrap_or_default();
            let host = lines.find_map(|line| line.strip_prefix("host:"));
            let body = format!("{first} {}", host.unwrap_or_default().trim());
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
            );
            drop(stream.get_mut().write_all(answer.as_bytes()).await);
        }
    });
    address
}
