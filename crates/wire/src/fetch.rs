//! Reads one small thing from another server. For what many requests go to, this is the wrong thing: it opens a
//! connection each time.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use base::ByteSize;
use bytes::Bytes;
use http::{Method, Uri, header};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::BodyError;

#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("this is no address of a web server")]
    Address,
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    #[error("it did not answer in time")]
    TimedOut,
    #[error("it answered with status {0}")]
    Status(u16),
    #[error(transparent)]
    Body(#[from] BodyError),
}

/// Gets what is at `url`, which may be `http` or `https`.
pub async fn fetch(url: &str, limit: ByteSize, patience: Duration) -> Result<Bytes, FetchError> {
    let fetched = tokio::time::timeout(patience, get(url, limit)).await;
    fetched.unwrap_or(Err(FetchError::TimedOut))
}

async fn get(url: &str, limit: ByteSize) -> Result<Bytes, FetchError> {
    let uri: Uri = url.parse().map_err(|_| FetchError::Address)?;
    let host = uri.host().ok_or(FetchError::Address)?;
    let secure = match uri.scheme_str() {
        Some("http") => false,
        Some("https") => true,
        _ => return Err(FetchError::Address),
    };
    let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let bare = host.trim_matches(['[', ']']);
    let stream = TcpStream::connect((bare, port)).await;
    let stream = stream.map_err(unreachable)?;
    if !secure {
        return ask(stream, &uri, limit).await;
    }
    let name = ServerName::try_from(bare.to_owned()).map_err(|_| FetchError::Address)?;
    let connector = TlsConnector::from(trust()?);
    let stream = connector.connect(name, stream).await.map_err(unreachable)?;
    ask(stream, &uri, limit).await
}

async fn ask(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    uri: &Uri,
    limit: ByteSize,
) -> Result<Bytes, FetchError> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(unreachable)?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let host = uri.authority().map_or("", |authority| authority.as_str());
    let request = http::Request::builder()
        .method(Method::GET)
        .uri(path)
        .header(header::HOST, host)
        .header(header::ACCEPT, "application/json")
        .body(Empty::<Bytes>::new())
        .map_err(|_| FetchError::Address)?;
    let answer = async {
        let answer = sender.send_request(request).await.map_err(unreachable)?;
        if !answer.status().is_success() {
            return Err(FetchError::Status(answer.status().as_u16()));
        }
        let body = answer.into_body();
        let body = body.map_err(|cause| BodyError::Truncated(cause.to_string()));
        Ok(crate::collect(body.boxed_unsync(), limit).await?)
    };
    // The connection lives as long as the question. A server that closes it has said all; what it said is still read.
    let driven = async {
        if let Err(cause) = connection.await {
            tracing::debug!(%cause, "a connection ended badly");
        }
        std::future::pending().await
    };
    tokio::select! {
        answer = answer => answer,
        never = driven => never,
    }
}

fn unreachable(cause: impl std::fmt::Display) -> FetchError {
    FetchError::Unreachable(cause.to_string())
}

/// Whom this machine trusts.
fn trust() -> Result<Arc<ClientConfig>, FetchError> {
    static TRUST: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    if let Some(known) = TRUST.get() {
        return Ok(known.clone());
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unreachable)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TRUST.get_or_init(|| Arc::new(config)).clone())
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// What is fetched from a server that answers the first request so, and closes.
    async fn fetched(answer: &'static str, limit: u64) -> Result<Bytes, FetchError> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/x", listener.local_addr().unwrap());
        let serving = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = [0; 1024];
            let read = stream.read(&mut asked).await.unwrap();
            assert!(asked[..read].starts_with(b"GET /x HTTP/1.1\r\n"));
            stream.write_all(answer.as_bytes()).await.unwrap();
        };
        let patience = Duration::from_secs(60);
        let (fetched, ()) = tokio::join!(fetch(&url, ByteSize::bytes(limit), patience), serving);
        fetched
    }

    #[tokio::test]
    async fn a_server_may_close_behind_its_answer() {
        let old = "HTTP/1.0 200 OK\r\n\r\n{}";
        assert_eq!(fetched(old, 10).await.unwrap(), "{}");
        let sized = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
        assert_eq!(fetched(sized, 10).await.unwrap(), "{}");
        assert!(matches!(
            fetched(old, 1).await,
            Err(FetchError::Body(BodyError::TooLarge(_)))
        ));
        let missing = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
        assert!(matches!(
            fetched(missing, 10).await,
            Err(FetchError::Status(404))
        ));
        let cut = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}";
        assert!(fetched(cut, 10).await.is_err());
        for url in ["ftp://a/x", "/x", "http://"] {
            let got = fetch(url, ByteSize::bytes(1), Duration::from_secs(1)).await;
            assert!(matches!(got, Err(FetchError::Address)), "{url}");
        }
    }
}
