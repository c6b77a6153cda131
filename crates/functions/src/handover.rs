//! How a request over HTTP is handed to a function that answers it itself, and how it answers.
//!
//! Some clouds give their functions events that describe a request, in words of their own. Others give them the request:
//! for these there is one form. A message is its head as JSON, eight zero bytes, and the body as it is, so that no body is
//! encoded and none is parsed on the way. An answer's head may come alone: then there is no body.

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};

use wire::{BodyError, Response};

use crate::Error;
use crate::dialect::Failed;
use crate::event::HttpRequest;
use crate::stream::{Answering, END_OF_HEAD, end_of_head};

/// How a message is framed is for whoever sends it to say.
pub const FRAMING: [HeaderName; 4] = [
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
];

#[derive(Serialize)]
struct RequestHead<'a> {
    method: &'a str,
    /// With the query.
    url: String,
    version: &'a str,
    ip: &'a str,
    headers: &'a [(String, String)],
    /// Decoded values of the path's parameters.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    parameters: &'a [(String, String)],
}

#[derive(Deserialize)]
struct AnswerHead {
    status: u16,
    #[serde(default)]
    headers: Vec<(String, String)>,
}

/// What a function answered to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpAnswer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

/// An answer that is whole, or that has begun.
#[derive(Debug)]
pub struct HttpBegun {
    /// With what of its body has come.
    pub answer: HttpAnswer,
    /// What is still to come of it.
    pub rest: Option<Answering>,
}

/// Why a request gets no answer of its function's.
#[derive(Debug)]
pub enum NoAnswer {
    Failed(Failed),
    /// What it said is none, for this reason.
    Malformed(String),
    /// It did not get to run.
    NotRun(Error),
}

/// The request as its function gets it.
pub fn handed_over(request: &HttpRequest) -> Bytes {
    let url = match request.query.as_str() {
        "" => request.path.clone(),
        query => format!("{}?{query}", request.path),
    };
    let head = RequestHead {
        method: &request.method,
        url,
        version: &request.version,
        ip: &request.source_ip,
        headers: &request.headers,
        parameters: &request.route.parameters,
    };
    framed(&head, &request.body)
}

/// A request that the platform itself makes, in the same form.
pub fn posted(headers: &[(String, String)], body: &[u8]) -> Bytes {
    let head = RequestHead {
        method: "POST",
        url: "/".into(),
        version: "HTTP/1.1",
        ip: "127.0.0.1",
        headers,
        parameters: &[],
    };
    framed(&head, body)
}

fn framed(head: &RequestHead<'_>, body: &[u8]) -> Bytes {
    let mut message = serde_json::to_vec(head).expect("texts are JSON");
    message.extend_from_slice(&END_OF_HEAD);
    message.extend_from_slice(body);
    message.into()
}

impl HttpAnswer {
    /// Reads a function's answer, or says why it is none.
    pub fn read(message: &Bytes) -> Result<Self, String> {
        let (head, body) = match end_of_head(message) {
            Some(end) => (&message[..end], message.slice(end + END_OF_HEAD.len()..)),
            None => (&message[..], Bytes::new()),
        };
        Self::of(head, body)
    }

    fn of(head: &[u8], body: Bytes) -> Result<Self, String> {
        let head: AnswerHead = serde_json::from_slice(head).map_err(|why| why.to_string())?;
        Ok(Self {
            status: head.status,
            headers: head.headers,
            body,
        })
    }
}

impl HttpBegun {
    /// Waits until it is clear how the answer begins.
    pub async fn of(mut answering: Answering) -> Result<Self, NoAnswer> {
        if answering.is_streamed() {
            let (head, first) = answering.head().await.map_err(NoAnswer::Malformed)?;
            return Ok(Self {
                answer: HttpAnswer::of(&head, first).map_err(NoAnswer::Malformed)?,
                rest: Some(answering),
            });
        }
        let whole = answering.next().await.unwrap_or_default();
        let outcome = answering.outcome().await.map_err(NoAnswer::NotRun)?;
        outcome.result.map_err(NoAnswer::Failed)?;
        Ok(Self {
            answer: HttpAnswer::read(&whole).map_err(NoAnswer::Malformed)?,
            rest: None,
        })
    }

    /// The answer as it goes to the caller; or why it cannot.
    pub fn response(self) -> Result<Response, String> {
        let HttpAnswer {
            status,
            headers,
            body,
        } = self.answer;
        let status = StatusCode::from_u16(status).map_err(|why| why.to_string())?;
        if status.is_informational() {
            return Err(format!("{status} ends no request"));
        }
        let mut response = Response::new(match self.rest {
            None => wire::full(body),
            Some(answering) => {
                let pieces = answering.rest(body);
                wire::stream(pieces.map_err(|why| BodyError::Source(why.into())))
            }
        });
        *response.status_mut() = status;
        for (name, value) in headers {
            let name = HeaderName::try_from(name).map_err(|why| why.to_string())?;
            let value = HeaderValue::try_from(value).map_err(|why| why.to_string())?;
            // Only what comes whole has a length of its own. That of nothing is told to whoever asks how long something
            // would be.
            let tells = name == header::CONTENT_LENGTH && !is_known(&response);
            if tells || !FRAMING.contains(&name) {
                response.headers_mut().append(name, value);
            }
        }
        Ok(response)
    }
}

/// Whether there is a body whose length is known.
fn is_known(response: &Response) -> bool {
    let length = http_body::Body::size_hint(response.body()).exact();
    length.is_some_and(|length| length > 0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use base::{Space, Timestamp};

    use super::*;
    use crate::event::{GatewayKind, HttpForm, HttpRoute};

    #[test]
    fn a_request_is_its_head_and_its_body_as_it_is() {
        let request = HttpRequest {
            request_id: "r".into(),
            space: Space::new("s"),
            at: Timestamp::from_secs(1),
            method: "PUT".into(),
            path: "/a%20b".into(),
            query: "c=d".into(),
            headers: vec![("x".into(), "1".into()), ("x".into(), "2".into())],
            body: Bytes::from_static(b"\0\xff"),
            held: None,
            is_text: false,
            version: "HTTP/1.1".into(),
            source_ip: "127.0.0.1".into(),
            route: HttpRoute {
                gateway: String::new(),
                kind: GatewayKind::Direct,
                form: HttpForm::Compact,
                stage: String::new(),
                stage_variables: BTreeMap::new(),
                method: None,
                template: None,
                parameters: vec![("id".into(), "7".into())],
            },
            caller: None,
            client_key: None,
            connection: None,
        };
        let message = handed_over(&request);
        let head = r#"{"method":"PUT","url":"/a%20b?c=d","version":"HTTP/1.1","ip":"127.0.0.1","headers":[["x","1"],["x","2"]],"parameters":[["id","7"]]}"#;
        assert_eq!(&message[..head.len()], head.as_bytes());
        assert_eq!(&message[head.len()..], b"\0\0\0\0\0\0\0\0\0\xff");
    }

    #[test]
    fn what_the_platform_posts_has_the_same_form() {
        let message = posted(&[("a".into(), "b".into())], b"{}");
        let head = r#"{"method":"POST","url":"/","version":"HTTP/1.1","ip":"127.0.0.1","headers":[["a","b"]]}"#;
        assert_eq!(&message[..head.len()], head.as_bytes());
        assert_eq!(&message[head.len()..], b"\0\0\0\0\0\0\0\0{}");
    }

    #[test]
    fn an_answer_is_read_with_and_without_a_body() {
        let message =
            Bytes::from_static(b"{\"status\":201,\"headers\":[[\"a\",\"b\"]]}\0\0\0\0\0\0\0\0hi");
        let answer = HttpAnswer::read(&message).unwrap();
        assert_eq!((answer.status, &answer.body[..]), (201, &b"hi"[..]));
        assert_eq!(answer.headers, [("a".into(), "b".into())]);
        let bare = HttpAnswer::read(&Bytes::from_static(b"{\"status\":204}")).unwrap();
        assert_eq!((bare.status, bare.body.len()), (204, 0));
        assert!(HttpAnswer::read(&Bytes::from_static(b"null")).is_err());
    }
}
