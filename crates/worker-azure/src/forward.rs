//! Requests to a server that runs inside: the worker's own, or a custom handler.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::http::Head;
use crate::runtime::{LARGEST_WHOLE, Runtime};

/// What belongs to a connection, and so does not go along.
const OF_CONNECTIONS: [HeaderName; 7] = [
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    header::CONTENT_LENGTH,
    header::TE,
    header::TRAILER,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
];

/// The request as it came, and what is said beside it.
pub(crate) fn request(
    head: &Head,
    path: &str,
    body: Bytes,
    beside: &[(&'static str, &str)],
) -> Result<Request<Full<Bytes>>, String> {
    let mut request = Request::builder()
        .method(head.method.as_str())
        .uri(path)
        .body(Full::new(body))
        .map_err(|why| why.to_string())?;
    let sent = head.headers.iter();
    let sent = sent.map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in sent.chain(beside.iter().copied()) {
        let name = HeaderName::try_from(name).map_err(|why| why.to_string())?;
        if OF_CONNECTIONS.contains(&name) {
            continue;
        }
        let value = HeaderValue::try_from(value).map_err(|why| why.to_string())?;
        request.headers_mut().append(name, value);
    }
    Ok(request)
}

/// Sends it to the server at this place, `host:port`, and waits until the answer begins.
pub(crate) async fn send(
    place: &str,
    mut request: Request<Full<Bytes>>,
) -> Result<Response<Incoming>, String> {
    let failed =
        |why: &dyn std::fmt::Display| format!("the server at {place} gave no answer: {why}");
    if !request.headers().contains_key(header::HOST) {
        let host = HeaderValue::try_from(place).map_err(|why| failed(&why))?;
        request.headers_mut().insert(header::HOST, host);
    }
    let stream = TcpStream::connect(place).await;
    let stream = stream.map_err(|why| failed(&why))?;
    // Without it nothing is wrong, only later.
    let _ = stream.set_nodelay(true);
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|why| failed(&why))?;
    // Its end is heard as the answer's.
    tokio::spawn(connection);
    let response = sender.send_request(request).await;
    response.map_err(|why| failed(&why))
}

/// The place that a worker says it serves at.
pub(crate) fn place(uri: &str) -> Result<String, String> {
    let parsed: http::Uri = uri.parse().map_err(|_| format!("{uri} is no address"))?;
    let host = parsed
        .host()
        .ok_or_else(|| format!("{uri} names no host"))?;
    Ok(format!("{host}:{}", parsed.port_u16().unwrap_or(80)))
}

/// Hands an answer on while it comes; whole, with its length, if it is told and small.
pub(crate) async fn answer(
    runtime: &mut Runtime,
    id: &str,
    response: Response<Incoming>,
) -> std::io::Result<()> {
    let (parts, mut body) = response.into_parts();
    let headers = parts.headers.iter();
    let headers: Vec<(String, String)> = headers
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        })
        .collect();
    let head = crate::http::head(parts.status.as_u16(), &headers);
    let length = hyper::body::Body::size_hint(&body).exact();
    if length.is_some_and(|length| length < LARGEST_WHOLE as u64 / 2) {
        return match body.collect().await {
            Ok(whole) => runtime.answer(id, &head, &whole.to_bytes()).await,
            Err(why) => runtime.fail(id, BROKE_OFF, &why.to_string()).await,
        };
    }
    runtime.begin(id, &head).await?;
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => {
                if let Some(piece) = frame.data_ref() {
                    runtime.piece(piece).await?;
                }
            }
            Err(why) => return runtime.end(Some((BROKE_OFF, &why.to_string()))).await,
        }
    }
    runtime.end(None).await
}

pub(crate) const BROKE_OFF: &str = "HttpForwardingException";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_goes_on_without_what_is_its_connections() {
        let head = Head {
            method: "PUT".into(),
            url: "/a?b=c".into(),
            headers: vec![
                ("host".into(), "h".into()),
                ("x".into(), "1".into()),
                ("x".into(), "2".into()),
                ("connection".into(), "close".into()),
                ("content-length".into(), "7".into()),
            ],
            parameters: Vec::new(),
        };
        let beside = [("x-ms-invocation-id", "i")];
        let request = request(&head, &head.url, Bytes::new(), &beside).unwrap();
        assert_eq!(request.uri(), "/a?b=c");
        assert_eq!(request.headers().get_all("x").iter().count(), 2);
        assert_eq!(request.headers()["x-ms-invocation-id"], "i");
        assert_eq!(request.headers().len(), 4);
    }

    #[test]
    fn a_place_is_read() {
        assert_eq!(place("http://localhost:5000/x").unwrap(), "localhost:5000");
        assert_eq!(place("http://127.0.0.1").unwrap(), "127.0.0.1:80");
        assert!(place("nowhere at all").is_err());
    }
}
