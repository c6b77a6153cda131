//! Events in the fewest words.

use bytes::Bytes;
use queues::{Address, Received};
use serde_json::{Value, json};
use tables::{Feed, ItemChange, Shard};
use triggers::{
    Answer, Attribute, Dialect, FailedMessages, Failure, Owner, Rule, RuleTarget, Undelivered,
    Window,
};

pub(crate) struct Plain;

pub(crate) fn attribute(name: &str, value: impl Into<Bytes>) -> Attribute {
    Attribute {
        name: name.into(),
        kind: "text".into(),
        value: value.into(),
    }
}

impl Dialect for Plain {
    fn record(&self, _: &Feed, _: &ItemChange) -> Bytes {
        Bytes::new()
    }

    fn batch(&self, _: &Feed, _: &Shard, _: &[Bytes], _: Option<&Window>) -> Bytes {
        Bytes::new()
    }

    fn answer(&self, _: &[u8]) -> Answer {
        panic!("nothing is handed over in batches here")
    }

    fn message(&self, _: &Address, _: &Received) -> Bytes {
        Bytes::new()
    }

    fn messages(&self, _: &[Bytes]) -> Bytes {
        Bytes::new()
    }

    fn failed_messages(&self, _: &[u8]) -> FailedMessages {
        FailedMessages::None
    }

    fn failure(&self, _: &Failure<'_>) -> Bytes {
        Bytes::new()
    }

    fn failure_key(&self, _: &Failure<'_>, unique: &str) -> String {
        unique.to_owned()
    }

    fn undelivered(&self, _: Owner, undelivered: &Undelivered) -> Vec<Attribute> {
        vec![
            attribute("why", undelivered.why.to_string()),
            attribute("ended", format!("{:?}", undelivered.ended)),
        ]
    }

    fn event(&self, event: &buses::Event) -> Bytes {
        let mut shown = json!({
            "id": event.id,
            "source": event.source,
            "kind": event.kind,
            "detail": serde_json::from_slice::<Value>(&event.detail).unwrap(),
        });
        if let Some(replayed) = &event.replayed {
            shown["replay"] = replayed.name.clone().into();
        }
        shown.to_string().into()
    }

    fn placeholder(
        &self,
        name: &str,
        rule: &Rule,
        _: &buses::Event,
        whole: &Value,
    ) -> Option<Value> {
        match name {
            "rule" => Some(rule.name.clone().into()),
            "event" => Some(whole.clone()),
            _ => None,
        }
    }

    fn aimed(&self, rule: &Rule, target: &RuleTarget) -> Vec<Attribute> {
        vec![
            attribute("rule", rule.name.clone()),
            attribute("target", target.named.clone()),
        ]
    }

    fn request_headers(&self) -> Vec<(String, String)> {
        vec![("content-type".into(), "application/json".into())]
    }

    fn rung(&self, rule: &Rule, occasion: &schedules::Occasion) -> buses::Event {
        buses::Event {
            id: occasion.execution.to_string(),
            space: rule.space.clone(),
            source: "clock".into(),
            kind: "rung".into(),
            resources: Vec::new(),
            detail: Bytes::from_static(b"{}"),
            at: occasion.scheduled,
            taken: occasion.scheduled,
            trace: None,
            passed_on: false,
            replayed: None,
        }
    }

    fn object_event(&self, change: &objects::Change) -> Option<buses::Event> {
        Some(buses::Event {
            id: String::new(),
            space: change.space.clone(),
            source: "objects".into(),
            kind: format!("{:?}", change.kind),
            resources: Vec::new(),
            detail: json!({ "key": change.key }).to_string().into(),
            at: change.at,
            taken: change.at,
            trace: None,
            passed_on: false,
            replayed: None,
        })
    }
}
