//! Asks another server for something small. For what many requests go to, this is the wrong thing: it opens a connection
//! each time.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use base::ByteSize;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Uri, header};
use http_body_util::{BodyExt, Full};
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

/// A request to another server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asking {
    pub method: Method,
    /// Which may be `http` or `https`.
    pub url: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// What another server said.
#[derive(Debug)]
pub struct Said {
    pub status: u16,
    pub headers: HeaderMap,
    /// As far as it could be read; the status is worth knowing all the same.
    pub body: Result<Bytes, BodyError>,
}

/// Gets what is at `url`, which may be `http` or `https`.
pub async fn fetch(url: &str, limit: ByteSize, patience: Duration) -> Result<Bytes, FetchError> {
    let json = HeaderValue::from_static("application/json");
    let asking = Asking {
        method: Method::GET,
        url: url.to_owned(),
        headers: HeaderMap::from_iter([(header::ACCEPT, json)]),
        body: Bytes::new(),
    };
    let said = ask(&asking, limit, patience).await?;
    if !(200..300).contains(&said.status) {
        return Err(FetchError::Status(said.status));
    }
    Ok(said.body?)
}

/// Sends a request, and reads up to `limit` of the answer's body. Whatever the answer is, it is no error; redirections
/// are not followed.
pub async fn ask(asking: &Asking, limit: ByteSize, patience: Duration) -> Result<Said, FetchError> {
    let said = tokio::time::timeout(patience, connect_and_ask(asking, limit)).await;
    said.unwrap_or(Err(FetchError::TimedOut))
}

async fn connect_and_ask(asking: &Asking, limit: ByteSize) -> Result<Said, FetchError> {
    let uri: Uri = asking.url.parse().map_err(|_| FetchError::Address)?;
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
        return ask_on(stream, &uri, asking, limit).await;
    }
    let name = ServerName::try_from(bare.to_owned()).map_err(|_| FetchError::Address)?;
    let connector = TlsConnector::from(trust()?);
    let stream = connector.connect(name, stream).await.map_err(unreachable)?;
    ask_on(stream, &uri, asking, limit).await
}

async fn ask_on(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    uri: &Uri,
    asking: &Asking,
    limit: ByteSize,
) -> Result<Said, FetchError> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(unreachable)?;
    let request = request(uri, asking)?;
    let answer = async {
        let answer = sender.send_request(request).await.map_err(unreachable)?;
        let (head, body) = answer.into_parts();
        let body = body.map_err(|cause| BodyError::Truncated(cause.to_string()));
        Ok(Said {
            status: head.status.as_u16(),
            headers: head.headers,
            body: crate::collect(body.boxed_unsync(), limit).await,
        })
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

fn request(uri: &Uri, asking: &Asking) -> Result<http::Request<Full<Bytes>>, FetchError> {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let host = uri.authority().map_or("", |authority| {
        let with_user = authority.as_str();
        with_user
            .rsplit_once('@')
            .map_or(with_user, |(_, host)| host)
    });
    let mut request = http::Request::builder()
        .method(asking.method.clone())
        .uri(path)
        .body(Full::new(asking.body.clone()))
        .map_err(|_| FetchError::Address)?;
    *request.headers_mut() = asking.headers.clone();
    if !asking.headers.contains_key(header::HOST) {
        let host = HeaderValue::from_str(host).map_err(|_| FetchError::Address)?;
        request.headers_mut().insert(header::HOST, host);
    }
    Ok(request)
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
