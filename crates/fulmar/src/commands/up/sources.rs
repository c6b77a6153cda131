//! What makes an event that reaches a function, in the words of the vendor's command line.

use std::collections::BTreeSet;

use ::deploy::Desired;
use ::deploy::desired::{
    EventRule, KeyAttribute, KeyType, Kind, LineSubscription, Mapping, Schedule, Subscription,
};
use base::Timestamp;
use serde_json::{Map, Value, json};
use triggers::pattern::{Language, Pattern};
use triggers::{Destination, LinePattern, Place};

/// What queues and topics that keep order want to be told.
const IN_ORDER: [&str; 4] = [
    "--message-group-id",
    "one",
    "--message-deduplication-id",
    "one",
];

/// A way to have a function called.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Try {
    /// By `aws`, with these words.
    Aws(Vec<String>),
    /// By `fulmar`.
    Fulmar(Vec<String>),
}

/// One for each source of events that a function of this application has.
pub(super) fn of(desired: &Desired, endpoint: &str, now: Timestamp) -> BTreeSet<Try> {
    let kinds = || desired.resources.iter().map(|resource| &resource.kind);
    let lines = kinds().filter_map(|kind| match kind {
        Kind::LineSubscription(subscription) => printed(subscription, now),
        _ => None,
    });
    let tries = kinds().filter_map(|kind| match kind {
        Kind::Mapping(mapping) if mapping.enabled => mapped(mapping, desired, endpoint),
        Kind::Subscription(subscription) => published(subscription),
        Kind::EventRule(rule) if rule.enabled && calls(rule) => announced(rule),
        Kind::Schedule(schedule) if schedule.enabled => due(schedule),
        _ => None,
    });
    tries.chain(lines.flatten()).collect()
}

fn aws(words: &[&str]) -> Try {
    Try::Aws(words.iter().map(|word| (*word).to_owned()).collect())
}

/// A message or an item, for who reads a queue or a stream.
fn mapped(mapping: &Mapping, desired: &Desired, endpoint: &str) -> Option<Try> {
    let (source, _) = mapping.name.split_once(" to ")?;
    let Some((table, _)) = source.split_once("/stream/") else {
        let queue = source.strip_prefix("queue/")?;
        let (_, account) = mapping.source.rsplit_once(':')?.0.rsplit_once(':')?;
        let url = format!("{endpoint}/{account}/{queue}");
        let body = r#"{"hello": "world"}"#;
        let mut words = vec![
            "sqs",
            "send-message",
            "--queue-url",
            &url,
            "--message-body",
            body,
        ];
        if queue.ends_with(".fifo") {
            words.extend(IN_ORDER);
        }
        return Some(aws(&words));
    };
    let keys = desired
        .resources
        .iter()
        .find_map(|resource| match &resource.kind {
            Kind::Table(found) if found.name == table => {
                let keys = [Some(&found.partition_key), found.sort_key.as_ref()];
                Some(keys.into_iter().flatten().map(key).collect())
            }
            _ => None,
        })?;
    let item = Value::Object(keys).to_string();
    Some(aws(&[
        "dynamodb",
        "put-item",
        "--table-name",
        table,
        "--item",
        &item,
    ]))
}

fn key(attribute: &KeyAttribute) -> (String, Value) {
    let value = match attribute.r#type {
        KeyType::String => json!({ "S": "one" }),
        KeyType::Number => json!({ "N": "1" }),
        KeyType::Binary => json!({ "B": "b25l" }),
    };
    (attribute.name.clone(), value)
}

fn published(subscription: &Subscription) -> Option<Try> {
    // What its filter lets through is for its owner to know.
    if subscription.protocol != "lambda" || subscription.filter.is_some() {
        return None;
    }
    let topic = &subscription.topic;
    let mut words = vec!["sns", "publish", "--topic-arn", topic, "--message", "hello"];
    if topic.ends_with(".fifo") {
        words.extend(IN_ORDER);
    }
    Some(aws(&words))
}

/// A line that the subscription's pattern takes, and before it the stream that it is in.
fn printed(subscription: &LineSubscription, now: Timestamp) -> Option<[Try; 2]> {
    let pattern = LinePattern::read(&subscription.pattern).ok()?;
    // Most patterns are words.
    let words = subscription.pattern.replace(['"', '?'], "");
    let mut lines = ["hello", words.trim()].into_iter();
    let line = lines.find(|line| !line.is_empty() && pattern.matches(line))?;
    let events = json!([{ "timestamp": now.as_millis(), "message": line }]).to_string();
    let stream = [
        "--log-group-name",
        subscription.group(),
        "--log-stream-name",
        "try",
    ];
    let create = [&["logs", "create-log-stream"], &stream[..]].concat();
    let put = [
        &["logs", "put-log-events"],
        &stream[..],
        &["--log-events", &events],
    ]
    .concat();
    Some([aws(&create), aws(&put)])
}

fn calls(rule: &EventRule) -> bool {
    let mut targets = rule.targets.iter();
    targets.any(|target| matches!(target.to, Place::Ours(Destination::Function(_))))
}

/// An event that the rule's pattern takes, or the time that its schedule waits for.
fn announced(rule: &EventRule) -> Option<Try> {
    let Some(text) = &rule.pattern else {
        return rule.schedule.as_deref().and_then(passed);
    };
    let pattern: Value = serde_json::from_str(text).ok()?;
    let mut event = example(&pattern)?.as_object()?.clone();
    for name in ["source", "detail-type"] {
        event.entry(name).or_insert_with(|| "try".into());
    }
    event.entry("detail").or_insert_with(|| json!({}));
    // What else an event has is not its sender's to say, and the cloud's own are announced by nobody else.
    if event.len() > 3 {
        return None;
    }
    let source = event["source"].as_str()?;
    let taken = Pattern::parse(text, Language::Whole).ok()?;
    if source.starts_with("aws.") || !taken.matches(&Value::Object(event.clone())) {
        return None;
    }
    let entry = json!([{
        "EventBusName": rule.bus,
        "Source": source,
        "DetailType": event["detail-type"],
        "Detail": event["detail"].to_string(),
    }]);
    Some(aws(&[
        "events",
        "put-events",
        "--entries",
        &entry.to_string(),
    ]))
}

/// Something that has what the pattern asks for, as far as that is plain.
fn example(pattern: &Value) -> Option<Value> {
    match pattern {
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, of)| {
                let value = example(of)?;
                Some((name.clone(), value))
            });
            fields.collect::<Option<Map<_, _>>>().map(Value::Object)
        }
        Value::Array(choices) => match choices.first()? {
            Value::Object(filter) => {
                let plain = ["prefix", "suffix", "equals-ignore-case"];
                let text = plain.iter().find_map(|name| filter.get(*name)?.as_str());
                match filter.get("exists") {
                    Some(Value::Bool(true)) => Some("one".into()),
                    _ => text.map(Value::from),
                }
            }
            plain => Some(plain.clone()),
        },
        _ => None,
    }
}

fn due(schedule: &Schedule) -> Option<Try> {
    let order: Value = serde_json::from_str(&schedule.order).ok()?;
    let calls = order["Arn"].as_str()?.contains(":function:");
    calls.then(|| passed(&schedule.expression)).flatten()
}

/// Time, for what comes back in some.
fn passed(expression: &str) -> Option<Try> {
    let rate = expression.strip_prefix("rate(")?.strip_suffix(')')?;
    let (count, unit) = rate.trim().split_once(' ')?;
    let by = format!("{count}{}", unit.trim().chars().next()?);
    let words = ["clock", "advance", &by].map(str::to_owned);
    Some(Try::Fulmar(words.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(pattern: &str) -> Option<Value> {
        let rule = EventRule {
            name: "default|r".into(),
            bus: "default".into(),
            rule: "r".into(),
            pattern: Some(pattern.into()),
            schedule: None,
            enabled: true,
            description: None,
            tags: std::collections::BTreeMap::new(),
            targets: Vec::new(),
        };
        let Try::Aws(words) = announced(&rule)? else {
            panic!("it is announced");
        };
        serde_json::from_str(words.last()?).ok()
    }

    #[test]
    fn what_is_announced_is_what_the_rule_takes() {
        let said = tried(
            r#"{"source": ["shop"], "detail": {"state": [{"prefix": "pa"}], "at": [{"exists": true}], "n": [7]}}"#,
        );
        let detail = json!({ "state": "pa", "at": "one", "n": 7 });
        assert_eq!(
            said.unwrap(),
            json!([{ "EventBusName": "default", "Source": "shop", "DetailType": "try", "Detail": detail.to_string() }])
        );
    }

    #[test]
    fn nothing_is_offered_that_the_rule_would_not_take() {
        for pattern in [
            r#"{"source": ["aws.s3"]}"#,
            r#"{"source": ["shop"], "detail": {"n": [{"numeric": [">", 5]}]}}"#,
            r#"{"source": ["shop"], "account": ["123456789012"]}"#,
        ] {
            assert_eq!(tried(pattern), None, "{pattern}");
        }
    }

    #[test]
    fn a_line_is_one_that_the_subscription_takes() {
        let line = |pattern: &str| {
            let subscription = LineSubscription {
                name: "s of /a/group".into(),
                pattern: pattern.into(),
                function: String::new(),
            };
            let [Try::Aws(stream), Try::Aws(line)] =
                printed(&subscription, Timestamp::from_micros(7_000))?
            else {
                panic!("it is put there");
            };
            assert!(stream.contains(&"/a/group".to_owned()));
            let events: Value = serde_json::from_str(line.last()?).ok()?;
            assert_eq!(events[0]["timestamp"], 7);
            events[0]["message"].as_str().map(str::to_owned)
        };
        for (pattern, expected) in [
            ("", Some("hello")),
            ("ERROR", Some("ERROR")),
            ("?WARN ?\"two words\"", Some("WARN two words")),
            ("-ERROR", Some("hello")),
            ("{ $.level = \"ERROR\" }", None),
        ] {
            assert_eq!(line(pattern).as_deref(), expected, "{pattern}");
        }
    }

    #[test]
    fn time_passes_as_the_rate_says() {
        let by = |text| passed(text).map(|one| format!("{one:?}"));
        assert_eq!(
            by("rate(5 minutes)").unwrap(),
            r#"Fulmar(["clock", "advance", "5m"])"#
        );
        assert_eq!(by("cron(0 8 * * ? *)"), None);
    }
}
