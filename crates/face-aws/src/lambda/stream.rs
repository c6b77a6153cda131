//! `InvokeWithResponseStream`: the answer goes to the caller while the function makes it, as an event stream.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use functions::{Answering, Outcome};
use futures_util::stream::{self, Stream};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;
use wire::BodyError;

use super::error::fault;
use super::invoke::{Wanted, traced};
use super::{Answer, Asked};
use crate::dialect::version_name;
use crate::protocol::{Fault, events};

pub(super) async fn invoke(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let wanted = Wanted::read(&mut asked)?;
    if wanted.is_dry() {
        return Ok(Answer::Empty(StatusCode::NO_CONTENT));
    }
    let (named, with_log) = (wanted.named.clone(), wanted.with_log);
    let trace = wanted.trace();
    let (_, invoke) = wanted.into_invoke(&asked);
    let answering = asked.parts.functions.invoke_streaming(invoke).await;
    let answering = answering.map_err(|error| fault(asked.context, &named, error))?;
    let version = version_name(answering.version);
    let mut response = http::Response::new(wire::stream(events_of(answering, with_log)));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(events::CONTENT_TYPE),
    );
    if let Ok(version) = HeaderValue::from_str(&version) {
        headers.insert("x-amz-executed-version", version);
    }
    Ok(traced(response, trace))
}

/// The answer's pieces as they come, and then how it ended.
fn events_of(
    answering: Answering,
    with_log: bool,
) -> impl Stream<Item = Result<Bytes, BodyError>> + Send {
    stream::unfold(Some(answering), move |answering| async move {
        let mut answering = answering?;
        if let Some(piece) = answering.next().await {
            let event = events::event("PayloadChunk", "application/octet-stream", &piece);
            return Some((Ok(event), Some(answering)));
        }
        let complete = match answering.outcome().await {
            Ok(outcome) => complete(&outcome, with_log),
            // The head of the answer is gone already.
            Err(error) => {
                json!({ "ErrorCode": "ServiceException", "ErrorDetails": error.to_string() })
            }
        };
        let complete = complete.to_string();
        let event = events::event("InvokeComplete", "application/json", complete.as_bytes());
        Some((Ok(event), None))
    })
}

fn complete(outcome: &Outcome, with_log: bool) -> serde_json::Value {
    let mut complete = json!({});
    if let Err(failed) = &outcome.result {
        // What `Invoke` says in its header, and its answer.
        complete["ErrorCode"] = "Unhandled".into();
        complete["ErrorDetails"] = String::from_utf8_lossy(&failed.payload).into();
    }
    if with_log {
        complete["LogResult"] = STANDARD.encode(&outcome.log_tail).into();
    }
    complete
}
