//! Answers that reach the caller while their function still makes them: function URLs in the mode RESPONSE_STREAM.
//!
//! A function that has more to say than a body says it first: JSON with status, headers and cookies, and eight zero
//! bytes behind it ("Response streaming for Lambda functions", custom runtimes).

use bytes::Bytes;
use functions::{Answering, Error, Functions, GatewayKind, HttpForm, Invoke};
use futures_util::TryStreamExt as _;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use wire::{BodyError, Response};

use super::answer;
use super::refusal::{Refusal, identify};

/// What a function calls its answer that begins with a head.
const HEADED: &str = "application/vnd.awslambda.http-integration-response";

pub(super) async fn answer(
    functions: &Functions,
    invoke: Invoke,
    kind: GatewayKind,
    request_id: &str,
) -> Result<Response, Refusal> {
    let function = invoke.function.clone();
    let answering = functions.invoke_streaming(invoke).await.map_err(|error| {
        tracing::warn!(%error, function, "a request got no answer");
        match error {
            Error::Throttled(_) => Refusal::Throttled,
            _ => Refusal::Broken,
        }
    })?;
    if !answering.is_streamed() {
        return whole(answering, &function, kind, request_id).await;
    }
    let broken = |why: String| {
        tracing::warn!(function, why, "a function's answer is not one");
        Refusal::Failed
    };
    let (head, first, answering) = match answering.content_type == HEADED {
        true => headed(answering, kind).await.map_err(broken)?,
        false => (bare(&answering.content_type), Bytes::new(), answering),
    };
    let pieces = answering.rest(first);
    let pieces = pieces.map_err(|why| BodyError::Source(why.into()));
    let mut response = Response::new(wire::stream(pieces));
    *response.status_mut() = head.status;
    *response.headers_mut() = head.headers;
    identify(response.headers_mut(), kind, request_id);
    Ok(response)
}

/// Of a function that does not stream, whatever its URL says.
async fn whole(
    mut answering: Answering,
    function: &str,
    kind: GatewayKind,
    request_id: &str,
) -> Result<Response, Refusal> {
    let payload = answering.next().await.unwrap_or_default();
    let outcome = answering.outcome().await.map_err(|_| Refusal::Broken)?;
    if let Err(failed) = outcome.result {
        let message = failed.message;
        tracing::warn!(function, message, "a request got no answer");
        return Err(Refusal::Failed);
    }
    let answer = answer::read(&payload, kind, HttpForm::Compact).map_err(|why| {
        tracing::warn!(function, why, "a function's answer is not one");
        Refusal::Failed
    })?;
    Ok(answer.print(kind, true, request_id))
}

struct Head {
    status: StatusCode,
    headers: HeaderMap,
}

fn bare(content_type: &str) -> Head {
    let kind = HeaderValue::from_str(content_type);
    let kind = kind.unwrap_or(HeaderValue::from_static("application/octet-stream"));
    Head {
        status: StatusCode::OK,
        headers: [(header::CONTENT_TYPE, kind)].into_iter().collect(),
    }
}

/// The head, and what of the body came with it.
async fn headed(
    mut answering: Answering,
    kind: GatewayKind,
) -> Result<(Head, Bytes, Answering), String> {
    let (head, rest) = answering.head().await?;
    let (status, headers) = answer::head(&head, kind)?;
    Ok((Head { status, headers }, rest, answering))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_has_status_headers_and_cookies() {
        let (status, headers) = answer::head(
            br#"{"statusCode":201,"headers":{"x-a":"b"},"cookies":["c=1"]}"#,
            GatewayKind::Direct,
        )
        .unwrap();
        assert_eq!(
            (status.as_u16(), &headers["x-a"]),
            (201, &HeaderValue::from_static("b"))
        );
        assert_eq!(headers["set-cookie"], "c=1");
        assert!(answer::head(b"no", GatewayKind::Direct).is_err());
    }
}
