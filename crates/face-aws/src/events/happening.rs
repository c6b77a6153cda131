//! What events on buses look like, and what rules' templates and dead letters say about where they come from.

use bytes::Bytes;
use objects::{Change, ChangeKind, VersionId};
use schedules::Occasion;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use triggers::{Attribute, Rule, RuleTarget};

use super::name::rule_arn;
use crate::dialect::{BY_RULES, ETAG_OF_NOTHING};
use crate::moment::{instant, utc};
use crate::place::Place;
use crate::undelivered::attribute;

#[derive(Serialize)]
struct Envelope<'a> {
    version: &'static str,
    id: &'a str,
    #[serde(rename = "detail-type")]
    kind: &'a str,
    source: &'a str,
    account: &'a str,
    time: String,
    region: &'a str,
    resources: &'a [String],
    #[serde(rename = "replay-name", skip_serializing_if = "Option::is_none")]
    replay: Option<&'a str>,
    detail: Box<RawValue>,
}

pub(crate) fn event(event: &buses::Event) -> Bytes {
    let place = Place::of(&event.space);
    let detail = String::from_utf8_lossy(&event.detail).into_owned();
    let envelope = Envelope {
        version: "0",
        id: &event.id,
        kind: &event.kind,
        source: &event.source,
        account: place.account,
        time: utc(event.at).strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        region: place.region,
        resources: &event.resources,
        replay: event
            .replayed
            .as_ref()
            .map(|replayed| replayed.name.as_str()),
        // It was read before it was taken.
        detail: RawValue::from_string(detail).unwrap_or_else(|_| RawValue::NULL.to_owned()),
    };
    let text = serde_json::to_vec(&envelope);
    text.expect("an event is nothing that cannot be serialised")
        .into()
}

/// Of the placeholders that need no path, those that rules know.
pub(crate) fn is_placeholder(name: &str) -> bool {
    matches!(
        name,
        "aws.events.rule-arn"
            | "aws.events.rule-name"
            | "aws.events.event.ingestion-time"
            | "aws.events.event"
            | "aws.events.event.json"
    )
}

pub(crate) fn placeholder(
    name: &str,
    rule: &Rule,
    event: &buses::Event,
    whole: &Value,
) -> Option<Value> {
    match name {
        "aws.events.rule-arn" => Some(rule_arn(rule).into()),
        "aws.events.rule-name" => Some(rule.name.clone().into()),
        "aws.events.event.ingestion-time" => Some(instant(event.taken).into()),
        "aws.events.event.json" => Some(whole.clone()),
        "aws.events.event" => {
            let members = whole.as_object()?.iter();
            let members = members.filter(|(name, _)| *name != "detail");
            // Here, and only here, it goes by this name.
            let called = |name: &str| match name {
                "detail-type" => "detailType".to_owned(),
                name => name.to_owned(),
            };
            let members = members.map(|(name, value)| (called(name), value.clone()));
            Some(Value::Object(members.collect()))
        }
        _ => None,
    }
}

pub(crate) fn aimed(rule: &Rule, target: &RuleTarget) -> Vec<Attribute> {
    vec![
        attribute("RULE_ARN", &rule_arn(rule)),
        attribute("TARGET_ARN", &target.named),
    ]
}

pub(crate) fn request_headers() -> Vec<(String, String)> {
    let pairs = [
        ("content-type", "application/json; charset=utf-8"),
        ("user-agent", "Amazon/EventBridge/ApiDestinations"),
        ("range", "bytes=0-1048575"),
    ];
    let pairs = pairs.into_iter();
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// What a rule sends by its own schedule.
pub(crate) fn rung(rule: &Rule, occasion: &Occasion) -> buses::Event {
    buses::Event {
        id: uuid::Uuid::from_u128(occasion.execution).to_string(),
        space: rule.space.clone(),
        source: "aws.events".to_owned(),
        kind: "Scheduled Event".to_owned(),
        resources: vec![rule_arn(rule)],
        detail: Bytes::from_static(b"{}"),
        at: occasion.scheduled,
        taken: occasion.scheduled,
        trace: None,
        passed_on: false,
        replayed: None,
    }
}

/// The shape is that of the page about event messages for this kind of rule; keys are not encoded here.
pub(crate) fn object(change: &Change) -> buses::Event {
    let (kind, reason) = match change.kind {
        ChangeKind::Put => ("Object Created", Some("PutObject")),
        ChangeKind::Post => ("Object Created", Some("POST Object")),
        ChangeKind::Copied => ("Object Created", Some("CopyObject")),
        ChangeKind::Completed => ("Object Created", Some("CompleteMultipartUpload")),
        ChangeKind::Deleted | ChangeKind::Marked => ("Object Deleted", Some("DeleteObject")),
        ChangeKind::Expired | ChangeKind::ExpiryMarked => {
            ("Object Deleted", Some("Lifecycle Expiration"))
        }
        ChangeKind::Tagged => ("Object Tags Added", None),
        ChangeKind::Untagged => ("Object Tags Deleted", None),
    };
    let is_of_tags = reason.is_none();
    let deletion = match change.kind {
        ChangeKind::Deleted | ChangeKind::Expired => Some("Permanently Deleted"),
        ChangeKind::Marked | ChangeKind::ExpiryMarked => Some("Delete Marker Created"),
        _ => None,
    };
    let is_gone = deletion.is_some();
    let mut object = json!({ "key": change.key });
    if !is_gone && !is_of_tags {
        object["size"] = change.size.into();
    }
    let by_rule = matches!(change.kind, ChangeKind::Expired | ChangeKind::ExpiryMarked);
    if matches!(change.kind, ChangeKind::Marked | ChangeKind::ExpiryMarked) {
        object["etag"] = ETAG_OF_NOTHING.into();
    } else if !is_gone {
        object["etag"] = change.etag.clone().into();
    }
    // The service does not name the null version.
    if let Some(version) = change.version.filter(|id| *id != VersionId::Null) {
        object["version-id"] = version.to_string().into();
    }
    if !is_of_tags {
        object["sequencer"] = change.sequencer.clone().into();
    }
    let mut detail = json!({
        "version": "0",
        "bucket": { "name": change.bucket },
        "object": object,
        "request-id": change.origin.request_id,
        "requester": if by_rule { BY_RULES } else { Place::of(&change.space).account },
    });
    if let Some(ip) = change.origin.source_ip {
        detail["source-ip-address"] = ip.to_string().into();
    }
    if let Some(reason) = reason {
        detail["reason"] = reason.into();
    }
    if let Some(deletion) = deletion {
        detail["deletion-type"] = deletion.into();
    }
    buses::Event {
        id: String::new(),
        space: change.space.clone(),
        source: "aws.s3".to_owned(),
        kind: kind.to_owned(),
        resources: vec![format!("arn:aws:s3:::{}", change.bucket)],
        detail: detail.to_string().into(),
        at: change.at,
        taken: change.at,
        trace: None,
        passed_on: false,
        replayed: None,
    }
}
