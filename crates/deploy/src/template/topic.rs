//! `AWS::SNS::Topic`, `AWS::SNS::Subscription` and `AWS::SNS::TopicPolicy`, and what is short for a subscription: those in
//! a topic's own declaration, and the events of functions.

use std::collections::BTreeMap;

use triggers::{FilterPolicy, FilterScope};

use crate::desired::{Subscription, Topic};
use crate::diagnostic::{Finding, Span};
use crate::template::admission;
use crate::template::declared::{Declared, Kind};
use crate::template::shape::{Fields, Findings, Schema, Support};
use crate::template::tree::{Entry, Node, Value};
use crate::template::{events, implied, literal, outcome, scalar};
use Support::{Access, Notice, Obeyed, Refused};

pub(crate) const TOPIC: Schema = &[
    ("ArchivePolicy", Refused("messages are not archived")),
    ("ContentBasedDeduplication", Obeyed),
    (
        "DataProtectionPolicy",
        Refused("nothing is looked for in messages"),
    ),
    (
        "DeliveryStatusLogging",
        Refused("deliveries are not logged"),
    ),
    ("DisplayName", Obeyed),
    ("FifoThroughputScope", Obeyed),
    ("FifoTopic", Obeyed),
    ("KmsMasterKeyId", Notice("messages are not encrypted")),
    ("SignatureVersion", Obeyed),
    ("Subscription", Obeyed),
    ("Tags", Obeyed),
    ("TopicName", Obeyed),
    ("TracingConfig", Notice("traces are not recorded yet")),
];

pub(crate) const SUBSCRIPTION: Schema = &[
    ("DeliveryPolicy", Obeyed),
    ("Endpoint", Obeyed),
    ("FilterPolicy", Obeyed),
    ("FilterPolicyScope", Obeyed),
    ("Protocol", Obeyed),
    ("RawMessageDelivery", Obeyed),
    ("RedrivePolicy", Obeyed),
    ("Region", Notice("all topics are in one region")),
    ("ReplayPolicy", Refused("messages are not archived")),
    (
        "SubscriptionRoleArn",
        Refused("there are no delivery streams"),
    ),
    ("TopicArn", Obeyed),
];

pub(crate) const POLICY: Schema = &[("PolicyDocument", Access), ("Topics", Obeyed)];

/// What an event of the type `SNS` may say. Each becomes the subscription's property of the same name, but the topic.
pub(crate) const EVENT: Schema = &[
    ("FilterPolicy", Obeyed),
    ("FilterPolicyScope", Obeyed),
    ("RedrivePolicy", Obeyed),
    ("Region", Obeyed),
    ("SqsSubscription", Obeyed),
    ("Topic", Obeyed),
];

/// A queue of the template's own between a topic and a function.
const BETWEEN: Schema = &[
    ("BatchSize", Obeyed),
    ("Enabled", Obeyed),
    ("QueueArn", Obeyed),
    (
        "QueuePolicyLogicalId",
        Notice("access rules are not enforced yet"),
    ),
    ("QueueUrl", Obeyed),
];
const OWN: Schema = &[("Endpoint", Obeyed), ("Protocol", Obeyed)];
const REDRIVE: Schema = &[("deadLetterTargetArn", Obeyed)];
const TAG: Schema = &[("Key", Obeyed), ("Value", Obeyed)];
const PROTOCOLS: &[&str] = &[
    "email",
    "email-json",
    "http",
    "https",
    "lambda",
    "sms",
    "sqs",
];
const FIFO: &str = ".fifo";

/// Declares the subscriptions that topics' own lists and functions' events are short for.
pub(crate) fn declare(declared: &mut Vec<Declared>) {
    let mut made = Vec::new();
    for one in &*declared {
        match one.kind {
            Kind::Topic => made.extend(own_subscriptions(one)),
            Kind::Function => made.extend(subscriptions_of_events(one)),
            _ => {}
        }
    }
    for one in made {
        if !declared.iter().any(|known| known.id == one.id) {
            declared.push(one);
        }
    }
}

fn own_subscriptions(topic: &Declared) -> Vec<Declared> {
    let Some(Value::List(items)) = topic.properties.get("Subscription").map(|node| &node.value)
    else {
        return Vec::new();
    };
    let subscription = |(at, item): (usize, &Node)| {
        let mut entries = item.entries()?.to_vec();
        entries.push(entry(
            "TopicArn",
            item.span,
            Node::call(item.span, "Ref", &topic.id),
        ));
        Some(Declared {
            id: format!("{}Subscription{}", topic.id, at + 1),
            id_span: item.span,
            kind: Kind::Subscription,
            properties: Node::new(item.span, Value::Map(entries)),
            depends_on: Vec::new(),
            ..topic.clone()
        })
    };
    items.iter().enumerate().filter_map(subscription).collect()
}

fn subscriptions_of_events(function: &Declared) -> Vec<Declared> {
    let events = function.properties.get("Events").and_then(Node::entries);
    let events = events.unwrap_or_default().iter();
    events
        .filter_map(|event| of_event(function, event))
        .flatten()
        .collect()
}

/// The subscription, and what stands between it and the function.
fn of_event(function: &Declared, event: &Entry) -> Option<Vec<Declared>> {
    if event.value.get("Type")?.scalar()? != "SNS" {
        return None;
    }
    let span = event.key_span;
    let properties = event.value.get("Properties")?;
    let between = properties.get("SqsSubscription");
    let between = between.and_then(|asked| between_of(function, event, asked));
    let (protocol, endpoint, mut made) = match between {
        Some((queue, made)) => ("sqs", queue, made),
        None => ("lambda", events::called(function, span), Vec::new()),
    };
    let mut entries = vec![
        entry("Protocol", span, Node::text(span, protocol.to_owned())),
        entry("Endpoint", span, endpoint),
    ];
    let properties = properties.entries()?;
    let known = properties
        .iter()
        .filter(|entry| EVENT.iter().any(|(name, _)| *name == entry.key));
    entries.extend(
        known
            .filter(|entry| entry.key != "SqsSubscription")
            .map(|known| {
                let mut known = known.clone();
                if known.key == "Topic" {
                    known.key = "TopicArn".into();
                }
                known
            }),
    );
    made.push(Declared {
        id: format!("{}{}", function.id, event.key),
        id_span: span,
        kind: Kind::Subscription,
        properties: Node::new(span, Value::Map(entries)),
        depends_on: Vec::new(),
        by_transform: true,
        metadata: None,
        ..function.clone()
    });
    Some(made)
}

/// The ARN of the queue that stands between a topic and a function, and what is made for it.
fn between_of(function: &Declared, event: &Entry, asked: &Node) -> Option<(Node, Vec<Declared>)> {
    let span = event.key_span;
    let id = format!("{}{}", function.id, event.key);
    let mut made = Vec::new();
    let mut entries = Vec::new();
    let queue = match asked.entries() {
        Some(own) => {
            let settings = ["BatchSize", "Enabled"];
            let settings = own
                .iter()
                .filter(|one| settings.contains(&one.key.as_str()));
            entries.extend(settings.cloned());
            asked.get("QueueArn")?.clone()
        }
        None if scalar::boolean(asked) == Some(true) => {
            let queue = format!("{id}Queue");
            made.push(implied::queue(function, queue.clone(), span));
            implied::queue_arn(&queue, span)
        }
        None => return None,
    };
    entries.push(entry("EventSourceArn", span, queue.clone()));
    entries.push(entry("FunctionName", span, events::called(function, span)));
    made.push(Declared {
        id: format!("{id}EventSourceMapping"),
        id_span: span,
        kind: Kind::Mapping,
        properties: Node::new(span, Value::Map(entries)),
        depends_on: Vec::new(),
        ..function.clone()
    });
    Some((queue, made))
}

/// Whether what an event says about a queue in between can be obeyed; `keys` is its mapping without values.
pub(crate) fn check_between(asked: &Node, keys: &Node, findings: &Findings<'_>) {
    if asked.entries().is_some() {
        let owner = "SqsSubscription";
        let Some(fields) = Fields::open(keys, asked.span, owner, BETWEEN, findings) else {
            return;
        };
        for needed in ["QueueArn", "QueueUrl"] {
            if !fields.has(needed) {
                fields.required(needed);
            }
        }
    } else if scalar::boolean(asked).is_none() {
        findings.report.add(
            Finding::error(asked.span, "`SqsSubscription` is true, false or a mapping")
                .why(format!("this is {}", asked.kind())),
        );
    }
}

fn entry(name: &str, span: Span, value: Node) -> Entry {
    Entry {
        key: name.into(),
        key_span: span,
        value,
    }
}

pub(crate) fn read(fields: &Fields<'_>, name: String, findings: &Findings<'_>) -> Option<Topic> {
    let ordered = fields.boolean("FifoTopic").unwrap_or(false);
    let by_content = fields.boolean("ContentBasedDeduplication").unwrap_or(false);
    let scope = fields.choice("FifoThroughputScope", &["Topic", "MessageGroup"]);
    let place = fields.place("TopicName");
    if ordered != name.ends_with(FIFO) {
        findings.report.add(
            Finding::error(place, format!("`{name}` cannot be the name of this topic"))
                .why("the names of FIFO topics end in .fifo, and no others do"),
        );
        return None;
    }
    let own = name.strip_suffix(FIFO).unwrap_or(&name);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    if own.is_empty() || name.len() > 256 || !own.bytes().all(plain) {
        findings.report.add(
            Finding::error(place, format!("`{name}` cannot be the name of a topic"))
                .why("1 to 256 letters, digits, dashes and underscores"),
        );
        return None;
    }
    if !ordered && (by_content || scope.is_some()) {
        let message = "only FIFO topics tell messages apart";
        findings
            .report
            .add(Finding::error(place, message).help("add `FifoTopic: true`"));
    }
    let mut settings = BTreeMap::new();
    if let Some(shown) = fields.text("DisplayName").filter(|shown| !shown.is_empty()) {
        settings.insert("DisplayName".to_owned(), shown);
    }
    if let Some(version) = fields.text("SignatureVersion") {
        if !["1", "2"].contains(&version.as_str()) {
            let at = fields.place("SignatureVersion");
            findings
                .report
                .add(Finding::error(at, "`SignatureVersion` must be 1 or 2"));
        }
        settings.insert("SignatureVersion".to_owned(), version);
    }
    for item in fields.list("Subscription").unwrap_or_default() {
        // What is in it is read as the subscription that it is short for.
        Fields::open(item, item.span, "subscription", OWN, findings);
    }
    Some(Topic {
        name,
        ordered,
        by_content,
        per_group: scope == Some("MessageGroup"),
        settings,
        tags: tags(fields, findings),
    })
}

fn tags(fields: &Fields<'_>, findings: &Findings<'_>) -> BTreeMap<String, String> {
    let tags = fields.list("Tags").unwrap_or_default().iter();
    tags.filter_map(|node| {
        let tag = Fields::open(node, node.span, "tag", TAG, findings)?;
        let value = tag.text("Value").unwrap_or_default();
        Some((tag.required_text("Key")?, value))
    })
    .collect()
}

pub(crate) fn read_subscription(
    fields: &Fields<'_>,
    findings: &Findings<'_>,
) -> Option<Subscription> {
    fields.required("Protocol");
    let protocol = fields.choice("Protocol", PROTOCOLS);
    let endpoint = fields.required_text("Endpoint");
    let topic = fields.required_text("TopicArn");
    let raw = fields.boolean("RawMessageDelivery").unwrap_or(false);
    let scope = fields.choice("FilterPolicyScope", &["MessageAttributes", "MessageBody"]);
    let by_body = scope == Some("MessageBody");
    let filter = filter(fields, by_body, findings);
    let delivery = fields
        .node("DeliveryPolicy")
        .map(|node| literal::json(node).to_string());
    let dead_letters = fields
        .nested("RedrivePolicy", REDRIVE, findings)
        .and_then(|policy| {
            let arn = policy.required_text("deadLetterTargetArn")?;
            let at = policy.place("deadLetterTargetArn");
            let doors = &findings.doors;
            doors.sent_dead_letters(admission::TOPICS, &arn, at);
            outcome::place(&arn, &["sqs"], at, findings.report)
        });
    let (protocol, endpoint, topic) = (protocol?, endpoint?, topic?);
    if raw && !["http", "https", "sqs"].contains(&protocol) {
        let at = fields.place("RawMessageDelivery");
        let message = format!("endpoints by {protocol} do not take raw messages");
        findings.report.add(Finding::error(at, message));
    }
    check_endpoint(protocol, &endpoint, fields.place("Endpoint"), findings)?;
    if ["lambda", "sqs"].contains(&protocol) {
        let at = fields.place("Endpoint");
        findings.doors.sent(admission::TOPICS, &endpoint, at);
    }
    let topic = outcome::place(&topic, &["sns"], fields.place("TopicArn"), findings.report)?;
    let called = topic.rsplit(':').next().unwrap_or_default();
    Some(Subscription {
        name: format!("{called} to {protocol} {endpoint}"),
        protocol: protocol.to_owned(),
        endpoint,
        raw,
        filter,
        by_body,
        dead_letters,
        delivery,
        topic,
    })
}

fn check_endpoint(protocol: &str, endpoint: &str, at: Span, findings: &Findings<'_>) -> Option<()> {
    let right = match protocol {
        "http" | "https" => endpoint.starts_with(&format!("{protocol}://")),
        "email" | "email-json" => endpoint.contains('@'),
        "sms" => endpoint.starts_with('+'),
        service => return outcome::place(endpoint, &[service], at, findings.report).map(drop),
    };
    if !right {
        let message = format!("`{endpoint}` is no endpoint by {protocol}");
        findings.report.add(Finding::error(at, message));
    }
    right.then_some(())
}

fn filter(fields: &Fields<'_>, by_body: bool, findings: &Findings<'_>) -> Option<String> {
    let node = fields.node("FilterPolicy")?;
    let text = match node.scalar() {
        Some(text) => text.to_owned(),
        None => literal::json(node).to_string(),
    };
    let policy = FilterPolicy {
        text,
        scope: match by_body {
            true => FilterScope::Body,
            false => FilterScope::Attributes,
        },
    };
    if let Err(error) = policy.check() {
        let at = fields.place("FilterPolicy");
        let finding = Finding::error(at, "this is no filter").why(error.to_string());
        findings.report.add(finding);
    }
    Some(policy.text)
}

/// Who may use a topic. Nothing enforces it, and nothing is made of it.
pub(crate) fn check_policy(fields: &Fields<'_>, findings: &Findings<'_>) {
    admission::read_policy(fields, "Topics", findings);
    let place = fields.place("PolicyDocument");
    findings.access.borrow_mut().push(place);
}
