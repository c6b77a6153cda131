//! What is told of asynchronous calls that are over: records of the published shape, and dead letters.

use bytes::Bytes;
use functions::Settled;
use ledger::Settlement;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use triggers::{About, Attribute, Destination, Message};

use super::version_name;
use crate::destination;
use crate::moment::{instant, utc};
use crate::place::Place;

/// What is kept of an error's message.
const LONGEST_MESSAGE: usize = 1 << 10;
/// The kind of event source, as records of invocations tell it.
const TRIGGER: &str = "destination";

pub(super) fn told(settled: &Settled, to: &Destination) -> Message {
    let success = settled.settlement == Settlement::Success;
    let at = utc(settled.at).strftime("%Y/%m/%d/%Y-%m-%dT%H.%M.%S");
    let (function, id) = (&settled.function, &settled.request_id);
    Message {
        body: record(settled),
        key: Some(format!("aws/lambda/async/{function}/{at}-{id}")),
        about: About {
            source: "lambda".to_owned(),
            kind: format!(
                "Lambda Function Invocation Result - {}",
                if success { "Success" } else { "Failure" }
            ),
            resources: vec![destination::arn(to), arn(settled)],
            at: Some(settled.at),
        },
        trigger: TRIGGER.to_owned(),
        trace: settled.trace.clone(),
        ..Message::default()
    }
}

fn arn(settled: &Settled) -> String {
    let qualifier = settled.qualifier.as_deref().unwrap_or("$LATEST");
    Place::of(&settled.space).function_arn(&settled.function, Some(qualifier))
}

fn record(settled: &Settled) -> Bytes {
    let mut record = json!({
        "version": "1.0",
        "timestamp": instant(settled.at),
        "requestContext": {
            "requestId": settled.request_id,
            "functionArn": arn(settled),
            "condition": condition(settled.settlement),
            "approximateInvokeCount": settled.runs,
        },
    });
    let mut payloads = vec![("requestPayload", &settled.payload)];
    if let Some(answer) = &settled.answer {
        let mut context = json!({
            "statusCode": 200,
            "executedVersion": version_name(settled.version),
        });
        if answer.failed.is_some() {
            context["functionError"] = "Unhandled".into();
        }
        record["responseContext"] = context;
        payloads.push(("responsePayload", &answer.payload));
    }
    with(&record, &payloads)
}

/// Payloads stay as they are, to the letter.
fn with(record: &Value, payloads: &[(&str, &Bytes)]) -> Bytes {
    let mut text = record.to_string();
    text.pop();
    for (name, payload) in payloads {
        let raw = std::str::from_utf8(payload).ok();
        let raw = raw.filter(|text| serde_json::from_str::<&RawValue>(text).is_ok());
        let value = match raw {
            Some(raw) => raw.to_owned(),
            None if payload.is_empty() => "null".to_owned(),
            // What is no JSON is told as a text.
            None => json!(String::from_utf8_lossy(payload)).to_string(),
        };
        text.push_str(&format!(",\"{name}\":{value}"));
    }
    text.push('}');
    text.into()
}

fn condition(settlement: Settlement) -> &'static str {
    match settlement {
        Settlement::Success => "Success",
        Settlement::RetriesExhausted => "RetriesExhausted",
        Settlement::EventAgeExceeded => "EventAgeExceeded",
        Settlement::ZeroReservedConcurrency => "ZeroReservedConcurrency",
        // These are told to nobody by the real service as far as is published; the words are ours.
        Settlement::FunctionGone => "FunctionGone",
        Settlement::Looping => "RecursiveInvocation",
    }
}

/// The event itself, with what went wrong beside it.
pub(super) fn kept(settled: &Settled) -> Message {
    let failed = settled
        .answer
        .as_ref()
        .and_then(|answer| answer.failed.as_ref());
    let (code, message) = match failed {
        // The function was called, and said so.
        Some(failed) => ("200", failed.message.clone()),
        None => ("429", condition(settled.settlement).to_owned()),
    };
    let attribute = |name: &str, kind: &str, value: String| Attribute {
        name: name.to_owned(),
        kind: kind.to_owned(),
        value: value.into(),
    };
    Message {
        body: settled.payload.clone(),
        attributes: vec![
            attribute("RequestID", "String", settled.request_id.clone()),
            attribute("ErrorCode", "Number", code.to_owned()),
            attribute("ErrorMessage", "String", cut(&message)),
        ],
        trigger: TRIGGER.to_owned(),
        trace: settled.trace.clone(),
        ..Message::default()
    }
}

/// An attribute must not be empty.
fn cut(message: &str) -> String {
    let mut end = message.len().min(LONGEST_MESSAGE);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    match &message[..end] {
        "" => "Unknown".to_owned(),
        some => some.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use base::{Space, Timestamp};
    use functions::Answered;

    use super::*;

    fn settled(settlement: Settlement, answer: Option<Answered>) -> Settled {
        Settled {
            request_id: "id".into(),
            space: Space::new("000000000000/us-east-1"),
            function: "f".into(),
            qualifier: None,
            version: None,
            settlement,
            at: Timestamp::from_secs(1_573_755_365),
            runs: 3,
            payload: Bytes::from_static(br#"{"n": 1.10}"#),
            answer,
            tell: None,
            keep: None,
            trace: None,
        }
    }

    fn failed(message: &str) -> Option<Answered> {
        Some(Answered {
            payload: Bytes::from_static(br#"{"errorMessage":"x"}"#),
            failed: Some(ledger::Failure {
                kind: "Error".into(),
                message: message.into(),
            }),
        })
    }

    #[test]
    fn a_record_has_the_published_shape() {
        let bus = destination::read("arn:aws:events:us-east-1:000000000000:event-bus/b").unwrap();
        let message = told(&settled(Settlement::RetriesExhausted, failed("x")), &bus);
        let text = String::from_utf8(message.body.to_vec()).unwrap();
        assert!(text.contains(r#""requestPayload":{"n": 1.10}"#), "{text}");
        let record: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(record["timestamp"], "2019-11-14T18:16:05.000Z");
        let context = &record["requestContext"];
        assert_eq!(context["condition"], "RetriesExhausted");
        assert_eq!(context["approximateInvokeCount"], 3);
        assert_eq!(
            context["functionArn"],
            "arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST"
        );
        assert_eq!(record["responseContext"]["functionError"], "Unhandled");
        assert_eq!(record["responsePayload"]["errorMessage"], "x");
        assert_eq!(
            message.about.kind,
            "Lambda Function Invocation Result - Failure"
        );
        let key = message.key.unwrap();
        assert_eq!(key, "aws/lambda/async/f/2019/11/14/2019-11-14T18.16.05-id");
    }

    #[test]
    fn what_never_ran_has_no_answer() {
        let bus = destination::read("arn:aws:sqs:us-east-1:000000000000:q").unwrap();
        let message = told(&settled(Settlement::EventAgeExceeded, None), &bus);
        let record: Value = serde_json::from_slice(&message.body).unwrap();
        assert!(record.get("responseContext").is_none());
        assert!(record.get("responsePayload").is_none());
    }

    #[test]
    fn a_dead_letter_is_the_event_and_what_went_wrong() {
        let long = "é".repeat(2_000);
        let letter = kept(&settled(Settlement::RetriesExhausted, failed(&long)));
        assert_eq!(letter.body, &br#"{"n": 1.10}"#[..]);
        let value = |at: usize| String::from_utf8(letter.attributes[at].value.to_vec()).unwrap();
        assert_eq!(value(0), "id");
        assert_eq!(value(1), "200");
        assert_eq!(value(2).len(), 1_024);
        let letter = kept(&settled(Settlement::EventAgeExceeded, None));
        assert_eq!(letter.attributes[1].value, &b"429"[..]);
    }
}
