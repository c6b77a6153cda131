//! Batches of records as functions of this cloud see them, what they answer, and what is told of records that were
//! discarded.

use base::Timestamp;
use bytes::Bytes;
use queues::{Address, Received};
use schedules::Occasion;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use store::Position;
use tables::{Feed, ItemChange, Shard};
use triggers::{
    Answer, Attribute, Dialect, FailedMessages, FailedRecords, Failure, Owner, Reason, Rule,
    RuleTarget, Undelivered, Window,
};

use crate::dialect::{AwsDialect, version_name};
use crate::dynamodb::{record, stream, streams};
use crate::events::happening;
use crate::moment::{instant, utc};
use crate::place::Place;
use crate::sqs;
use crate::undelivered;

impl Dialect for AwsDialect {
    fn record(&self, feed: &Feed, change: &ItemChange) -> Bytes {
        let arn = stream_arn(feed);
        let source = record::Source {
            region: Place::of(&feed.space).region,
            images: feed.images,
            arn: Some(&arn),
        };
        record::print(change, &source).to_string().into()
    }

    fn batch(
        &self,
        feed: &Feed,
        shard: &Shard,
        records: &[Bytes],
        window: Option<&Window>,
    ) -> Bytes {
        let mut event = records_with(records, 512);
        if let Some(window) = window {
            event.pop();
            write_window(&mut event, feed, shard, window);
            event.push(b'}');
        }
        event.into()
    }

    fn answer(&self, payload: &[u8]) -> Answer {
        // Whatever is no object says nothing of the batch.
        let said: Said = serde_json::from_slice(payload).unwrap_or_default();
        Answer {
            failed: failed(said.failures.as_ref()),
            state: said.state.map(|state| Bytes::from(state.get().to_owned())),
        }
    }

    fn message(&self, queue: &Address, received: &Received) -> Bytes {
        sqs::event::record(queue, received)
    }

    fn messages(&self, messages: &[Bytes]) -> Bytes {
        records_with(messages, 0).into()
    }

    fn failed_messages(&self, payload: &[u8]) -> FailedMessages {
        sqs::event::failed(payload)
    }

    fn failure(&self, failure: &Failure<'_>) -> Bytes {
        let target = failure.target;
        let place = Place::of(&target.space);
        let mut told = json!({
            "requestContext": {
                "requestId": failure.request_id,
                "functionArn": place.function_arn(&target.function, target.qualifier.as_deref()),
                "condition": match failure.why {
                    Reason::RetriesExhausted => "RetryAttemptsExhausted",
                    Reason::TooOld => "RecordAgeExceeded",
                },
                "approximateInvokeCount": failure.invocations,
            },
        });
        if let Some(last) = failure.last {
            let mut response = json!({
                "statusCode": 200,
                "executedVersion": version_name(last.version),
            });
            if last.failed {
                response["functionError"] = "Unhandled".into();
            }
            told["responseContext"] = response;
        }
        told["version"] = "1.0".into();
        told["timestamp"] = instant(failure.at).into();
        told["DDBStreamBatchInfo"] = json!({
            "shardId": streams::shard::id(failure.shard),
            "startSequenceNumber": sequence(failure.first.0),
            "endSequenceNumber": sequence(failure.end.0),
            "approximateArrivalOfFirstRecord": second(failure.first.1),
            "approximateArrivalOfLastRecord": second(failure.end.1),
            "batchSize": failure.count,
            "streamArn": stream_arn(failure.feed),
        });
        if let Some(payload) = failure.payload {
            // As a text.
            told["payload"] = String::from_utf8_lossy(payload).into();
        }
        told.to_string().into()
    }

    fn failure_key(&self, failure: &Failure<'_>, unique: &str) -> String {
        let shard = streams::shard::id(failure.shard);
        let at = utc(failure.at);
        let at = at.strftime("%Y/%m/%d/%Y-%m-%dT%H.%M.%S");
        format!("aws/lambda/{}/{shard}/{at}-{unique}", failure.mapping)
    }

    fn undelivered(&self, owner: Owner, undelivered: &Undelivered) -> Vec<Attribute> {
        undelivered::attributes(owner, undelivered)
    }

    fn event(&self, event: &buses::Event) -> Bytes {
        happening::event(event)
    }

    fn placeholder(
        &self,
        name: &str,
        rule: &Rule,
        event: &buses::Event,
        whole: &Value,
    ) -> Option<Value> {
        happening::placeholder(name, rule, event, whole)
    }

    fn aimed(&self, rule: &Rule, target: &RuleTarget) -> Vec<Attribute> {
        happening::aimed(rule, target)
    }

    fn request_headers(&self) -> Vec<(String, String)> {
        happening::request_headers()
    }

    fn rung(&self, rule: &Rule, occasion: &Occasion) -> buses::Event {
        happening::rung(rule, occasion)
    }

    fn object_event(&self, change: &objects::Change) -> Option<buses::Event> {
        Some(happening::object(change))
    }
}

/// The event that these are the records of, with room for more.
fn records_with(records: &[Bytes], more: usize) -> Vec<u8> {
    let size: usize = records.iter().map(|record| record.len() + 1).sum();
    let mut event = Vec::with_capacity(size + 16 + more);
    event.extend_from_slice(b"{\"Records\":[");
    for (at, record) in records.iter().enumerate() {
        if at > 0 {
            event.push(b',');
        }
        event.extend_from_slice(record);
    }
    event.extend_from_slice(b"]}");
    event
}

fn stream_arn(feed: &Feed) -> String {
    stream::arn(&feed.space, &feed.table, feed.began)
}

fn sequence(number: u128) -> String {
    record::sequence(Position::from_number(number).unwrap_or(Position::START))
}

fn second(at: Timestamp) -> String {
    utc(at).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn write_window(event: &mut Vec<u8>, feed: &Feed, shard: &Shard, window: &Window) {
    let around = json!({ "start": second(window.start), "end": second(window.end) });
    event.extend_from_slice(format!(",\"window\":{around},\"state\":").as_bytes());
    // As the function said it, to the letter.
    event.extend_from_slice(window.state.as_deref().unwrap_or(b"{}"));
    let rest = format!(
        ",\"shardId\":{},\"eventSourceARN\":{},\"isFinalInvokeForWindow\":{},\"isWindowTerminatedEarly\":{}",
        json!(streams::shard::id(shard)),
        json!(stream_arn(feed)),
        window.is_final,
        window.ended_early,
    );
    event.extend_from_slice(rest.as_bytes());
}

#[derive(Default, Deserialize)]
struct Said {
    #[serde(rename = "batchItemFailures")]
    failures: Option<Value>,
    state: Option<Box<RawValue>>,
}

/// No list and an empty one are a success. One that has anything but a sequence number in it is a failure of the whole
/// batch, and so is a number that no record of the batch has.
fn failed(failures: Option<&Value>) -> FailedRecords {
    let failures = match failures {
        None | Some(Value::Null) => return FailedRecords::None,
        Some(Value::Array(failures)) => failures,
        Some(_) => return FailedRecords::Unclear,
    };
    let sequence = |failure: &Value| {
        let position = record::position(failure["itemIdentifier"].as_str()?)?;
        Some(position.number())
    };
    match failures.iter().map(sequence).collect::<Option<Vec<_>>>() {
        Some(sequences) if sequences.is_empty() => FailedRecords::None,
        Some(sequences) => FailedRecords::These(sequences),
        None => FailedRecords::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(answer: &str) -> FailedRecords {
        let said: Said = serde_json::from_str(answer).unwrap_or_default();
        failed(said.failures.as_ref())
    }

    #[test]
    fn what_a_function_says_of_a_batch() {
        use FailedRecords::{None, These, Unclear};
        for (answer, expected) in [
            ("null", None),
            ("\"done\"", None),
            ("", None),
            ("[]", None),
            ("{}", None),
            (r#"{"batchItemFailures": null}"#, None),
            (r#"{"batchItemFailures": []}"#, None),
            (
                r#"{"batchItemFailures": [{"itemIdentifier": "000000000000000000000000000007"}]}"#,
                These(vec![7]),
            ),
            (
                r#"{"batchItemFailures": [{"itemIdentifier": ""}]}"#,
                Unclear,
            ),
            (
                r#"{"batchItemFailures": [{"itemIdentifier": null}]}"#,
                Unclear,
            ),
            (
                r#"{"batchItemFailures": [{"itemIdentifier": "x"}]}"#,
                Unclear,
            ),
            (r#"{"batchItemFailures": [{"itemIdentifier": 7}]}"#, Unclear),
            (r#"{"batchItemFailures": [{"identifier": "7"}]}"#, Unclear),
            (r#"{"batchItemFailures": ["7"]}"#, Unclear),
            (r#"{"batchItemFailures": "7"}"#, Unclear),
        ] {
            assert_eq!(said(answer), expected, "{answer}");
        }
    }

    #[test]
    fn a_state_is_kept_to_the_letter() {
        let state = |answer: &str| {
            let said: Said = serde_json::from_str(answer).unwrap_or_default();
            said.state.map(|state| state.get().to_owned())
        };
        assert_eq!(
            state(r#"{"state": {"n": 1.10e2, "m":  12345678901234567890123} }"#).unwrap(),
            r#"{"n": 1.10e2, "m":  12345678901234567890123}"#
        );
        assert_eq!(state(r#"{"state": null}"#), None);
        assert_eq!(state("{}"), None);
    }
}
