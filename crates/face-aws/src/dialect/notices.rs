//! What subscribers of topics get: the words are those of the published formats, and so is what is signed of them.

use std::time::Duration;

use base::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use functions::{ObjectEvent, Settled};
use ledger::Logged;
use percent_encoding::utf8_percent_encode;
use serde_json::{Map, Value, json};
use topics::{AttributeValue, Message, Topic};
use triggers::{Attribute, Destination, LineSubscription, Notice, Subscription, Way, Wording};

use super::object::{extended_id, object_record};
use super::{AwsDialect, outcomes};
use crate::destination;
use crate::logs;
use crate::moment::instant;
use crate::place::Place;
use crate::signing::Version;
use crate::sns;

/// Not even the slash may stand for itself in a query.
const ESCAPED: &percent_encoding::AsciiSet = percent_encoding::NON_ALPHANUMERIC;
const DELIVERY: &str = "DeliveryPolicy";

fn from_bucket(body: &Value) -> triggers::Message {
    triggers::Message {
        body: body.to_string().into(),
        subject: Some("Amazon S3 Notification".to_owned()),
        trigger: "object".to_owned(),
        ..triggers::Message::default()
    }
}

/// What was signed, and the signature.
pub(super) struct Signed {
    text: String,
    version: Version,
    signature: Option<String>,
}

/// What stands in a notice, in the order in which the service writes it.
type Fields = Vec<(&'static str, Value)>;

impl Wording for AwsDialect {
    fn notice(
        &self,
        topic: &Topic,
        subscription: &Subscription,
        message: &Message,
        body: &str,
    ) -> Notice {
        let subject = message.subject.clone();
        match &subscription.way {
            Way::Send(Destination::Function(_)) => Notice {
                body: self.event(topic, subscription, message, body),
                ..Notice::default()
            },
            Way::Send(_) if subscription.settings.raw => Notice {
                refused: too_much(message),
                ..bare(body)
            },
            Way::Send(_) => Notice {
                body: written(&self.notification(topic, subscription, message, body)),
                ..Notice::default()
            },
            Way::Post(_) => {
                let raw = subscription.settings.raw;
                let whole = || written(&self.notification(topic, subscription, message, body));
                let mut headers = headers("Notification", topic, subscription, &message.id);
                let id = sns::of_subscription(&subscription.topic, &subscription.id);
                headers.push(("x-amz-sns-subscription-arn".to_owned(), id));
                if raw {
                    headers.push(("x-amz-sns-rawdelivery".to_owned(), "true".to_owned()));
                }
                Notice {
                    body: if raw { body.to_owned().into() } else { whole() },
                    headers,
                    ..Notice::default()
                }
            }
            Way::Mail { whole, .. } => Notice {
                subject: subject.unwrap_or_else(|| "AWS Notification Message".to_owned()),
                body: match whole {
                    true => written(&self.notification(topic, subscription, message, body)),
                    false => self.mail(subscription, body).into(),
                },
                ..Notice::default()
            },
            Way::Text(_) => bare(&match display_name(topic) {
                Some(name) => format!("{name}> {body}"),
                None => body.to_owned(),
            }),
            Way::Notice { .. } => bare(body),
        }
    }

    fn question(
        &self,
        topic: &Topic,
        subscription: &Subscription,
        token: &str,
        at: Timestamp,
    ) -> Notice {
        let fields = self.confirmation(topic, subscription, token, at);
        match &subscription.way {
            Way::Mail { whole: false, .. } => Notice {
                subject: "AWS Notification - Subscription Confirmation".to_owned(),
                body: self.mailed_question(topic, subscription, token).into(),
                ..Notice::default()
            },
            _ => Notice {
                subject: "AWS Notification - Subscription Confirmation".to_owned(),
                body: written(&fields),
                headers: headers(
                    "SubscriptionConfirmation",
                    topic,
                    subscription,
                    &subscription.id,
                ),
                refused: None,
            },
        }
    }

    fn waits(&self, topic: &Topic, subscription: &Subscription) -> Vec<Duration> {
        let own = subscription.settings.others.get(DELIVERY);
        sns::waits(topic.settings.get(DELIVERY), own)
    }

    /// Devices have bodies by their platform.
    fn variant<'a>(&self, subscription: &'a Subscription) -> &'a str {
        match &subscription.way {
            Way::Notice { platform, .. } => platform,
            _ => &subscription.protocol,
        }
    }

    fn place(&self, name: &str) -> Option<Destination> {
        destination::read(name)
    }

    fn settled(&self, settled: &Settled, to: &Destination) -> triggers::Message {
        outcomes::told(settled, to)
    }

    fn dead_letter(&self, settled: &Settled) -> triggers::Message {
        outcomes::kept(settled)
    }

    fn object_changed(&self, event: &ObjectEvent) -> triggers::Message {
        let records = json!({ "Records": [object_record(event)] });
        from_bucket(&records)
    }

    /// The published test event.
    fn watching(&self, bucket: &str, at: Timestamp, request_id: &str) -> triggers::Message {
        from_bucket(&json!({
            "Service": "Amazon S3",
            "Event": "s3:TestEvent",
            "Time": instant(at),
            "Bucket": bucket,
            "RequestId": request_id,
            "HostId": extended_id(request_id),
        }))
    }

    fn printed(&self, to: &LineSubscription, lines: &[Logged]) -> triggers::Message {
        logs::event_of_lines(to, lines)
    }

    fn refused(&self, why: &str, request_id: &str) -> Vec<Attribute> {
        crate::undelivered::subscription(why, "400", request_id)
    }
}

/// The kind of an attribute that is a list.
const LIST: &str = "String.Array";
/// Attributes of a bare message are the queue's, which takes so many. The service counts what has more as an error of the
/// client's, and does not try it again.
const MOST_BARE_ATTRIBUTES: usize = 10;

fn too_much(message: &Message) -> Option<String> {
    let count = message.attributes.len();
    (count > MOST_BARE_ATTRIBUTES).then(|| {
        format!(
            "Number of message attributes [{count}] exceeds the allowed maximum [{MOST_BARE_ATTRIBUTES}]."
        )
    })
}

fn bare(body: &str) -> Notice {
    Notice {
        body: body.to_owned().into(),
        ..Notice::default()
    }
}

fn display_name(topic: &Topic) -> Option<&String> {
    topic.settings.get("DisplayName")
}

fn topic_arn(topic: &Topic) -> String {
    Place::of(&topic.space).topic_arn(&topic.name)
}

fn headers(
    kind: &str,
    topic: &Topic,
    subscription: &Subscription,
    id: &str,
) -> Vec<(String, String)> {
    let own = subscription.settings.others.get(DELIVERY);
    let content = sns::content_type(topic.settings.get(DELIVERY), own);
    [
        ("x-amz-sns-message-type", kind.to_owned()),
        ("x-amz-sns-message-id", id.to_owned()),
        ("x-amz-sns-topic-arn", topic_arn(topic)),
        ("content-type", content),
        (
            "user-agent",
            "Amazon Simple Notification Service Agent".to_owned(),
        ),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

impl AwsDialect {
    /// What a queue, an address or somebody's program gets.
    fn notification(
        &self,
        topic: &Topic,
        subscription: &Subscription,
        message: &Message,
        body: &str,
    ) -> Fields {
        let mut fields: Fields = vec![
            ("Type", "Notification".into()),
            ("MessageId", message.id.clone().into()),
        ];
        if let Some(sequence) = message.sequence {
            fields.push(("SequenceNumber", sns::number(sequence).into()));
        }
        fields.push(("TopicArn", topic_arn(topic).into()));
        if let Some(subject) = &message.subject {
            fields.push(("Subject", subject.clone().into()));
        }
        fields.push(("Message", body.into()));
        fields.push(("Timestamp", instant(message.published).into()));
        // What keeps order goes to queues only, unsigned.
        if message.sequence.is_none() {
            fields.extend(self.signature_of(topic, &fields, "SigningCertURL"));
        }
        let url = self.unsubscribe_url(subscription);
        fields.push(("UnsubscribeURL", url.into()));
        if !message.attributes.is_empty() {
            fields.push(("MessageAttributes", attributes(message)));
        }
        fields
    }

    fn confirmation(
        &self,
        topic: &Topic,
        subscription: &Subscription,
        token: &str,
        at: Timestamp,
    ) -> Fields {
        let arn = topic_arn(topic);
        let text = format!(
            "You have chosen to subscribe to the topic {arn}.\nTo confirm the subscription, visit the SubscribeURL included in this message."
        );
        let mut fields: Fields = vec![
            ("Type", "SubscriptionConfirmation".into()),
            ("MessageId", subscription.id.clone().into()),
            ("Token", token.into()),
            ("TopicArn", arn.into()),
            ("Message", text.into()),
            ("SubscribeURL", self.subscribe_url(topic, token).into()),
            ("Timestamp", instant(at).into()),
        ];
        fields.extend(self.signature_of(topic, &fields, "SigningCertURL"));
        fields
    }

    /// What a function gets.
    fn event(
        &self,
        topic: &Topic,
        subscription: &Subscription,
        message: &Message,
        body: &str,
    ) -> Bytes {
        let mut fields = self.notification(topic, subscription, message, body);
        for (name, _) in &mut fields {
            // Functions have known these under other names from the beginning.
            *name = match *name {
                "SigningCertURL" => "SigningCertUrl",
                "UnsubscribeURL" => "UnsubscribeUrl",
                same => same,
            };
        }
        let mut told: Map<String, Value> = fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        told.entry("Subject").or_insert(Value::Null);
        let attributes = told.entry("MessageAttributes").or_insert(json!({}));
        for attribute in attributes
            .as_object_mut()
            .into_iter()
            .flat_map(Map::values_mut)
        {
            if attribute["Type"] == LIST {
                // Functions are told of lists as of other texts.
                attribute["Type"] = "String".into();
            }
        }
        let record = json!({
            "EventSource": "aws:sns",
            "EventVersion": "1.0",
            "EventSubscriptionArn": sns::of_subscription(&subscription.topic, &subscription.id),
            "Sns": told,
        });
        json!({ "Records": [record] }).to_string().into()
    }

    /// Signs some of the fields, each name and value in a line of its own, sorted by name.
    fn signature_of(&self, topic: &Topic, fields: &Fields, certificate: &'static str) -> Fields {
        const SIGNED: [&str; 8] = [
            "Message",
            "MessageId",
            "Subject",
            "SubscribeURL",
            "Timestamp",
            "Token",
            "TopicArn",
            "Type",
        ];
        let mut text = String::new();
        for name in SIGNED {
            let field = fields.iter().find(|(field, _)| *field == name);
            if let Some(Value::String(value)) = field.map(|(_, value)| value) {
                text.extend([name, "\n", value, "\n"]);
            }
        }
        let number = topic.settings.get(sns::SIGNATURE_VERSION);
        let (number, version) = match number.map(String::as_str) {
            Some("2") => ("2", Version::Sha256),
            _ => ("1", Version::Sha1),
        };
        let (Some(signature), Some(name)) =
            (self.sign(&text, version), self.signer.certificate_name())
        else {
            return Vec::new();
        };
        let url = format!("{}{}", self.address(), sns::certificate_path(name));
        vec![
            ("SignatureVersion", number.into()),
            ("Signature", signature.into()),
            (certificate, url.into()),
        ]
    }

    fn sign(&self, text: &str, version: Version) -> Option<String> {
        let last = self.signed.lock();
        if let Some(signed) = &*last
            && signed.text == text
            && signed.version == version
        {
            return signed.signature.clone();
        }
        drop(last);
        let signature = self.signer.sign(text, version);
        *self.signed.lock() = Some(Signed {
            text: text.to_owned(),
            version,
            signature: signature.clone(),
        });
        signature
    }

    fn mail(&self, subscription: &Subscription, body: &str) -> String {
        let url = self.unsubscribe_url(subscription);
        format!(
            "{body}\n\n--\nIf you wish to stop receiving notifications from this topic, please click or visit the link below to unsubscribe:\n{url}\n"
        )
    }

    fn mailed_question(&self, topic: &Topic, _: &Subscription, token: &str) -> String {
        let (arn, url) = (topic_arn(topic), self.subscribe_url(topic, token));
        format!(
            "You have chosen to subscribe to the topic:\n{arn}\n\nTo confirm this subscription, click or visit the link below (If this was in error no action is necessary):\n{url}\n"
        )
    }

    fn subscribe_url(&self, topic: &Topic, token: &str) -> String {
        let arn = topic_arn(topic);
        let arn = utf8_percent_encode(&arn, ESCAPED);
        let address = self.address();
        format!("{address}/?Action=ConfirmSubscription&TopicArn={arn}&Token={token}")
    }

    fn unsubscribe_url(&self, subscription: &Subscription) -> String {
        let arn = sns::of_subscription(&subscription.topic, &subscription.id);
        let arn = utf8_percent_encode(&arn, ESCAPED);
        format!(
            "{}/?Action=Unsubscribe&SubscriptionArn={arn}",
            self.address()
        )
    }
}

fn attributes(message: &Message) -> Value {
    let all = message.attributes.iter().map(|(name, attribute)| {
        let value = match &attribute.value {
            AttributeValue::Text(text) => text.clone(),
            AttributeValue::Bytes(bytes) => STANDARD.encode(bytes),
        };
        (
            name.clone(),
            json!({ "Type": attribute.kind, "Value": value }),
        )
    });
    Value::Object(all.collect())
}

/// As the service lays it out.
fn written(fields: &Fields) -> Bytes {
    let lines = fields.iter().map(|(name, value)| match value {
        Value::Object(members) => {
            let inner = members
                .iter()
                .map(|(name, value)| format!("    {} : {value}", json!(name)));
            let inner: Vec<String> = inner.collect();
            format!("  {} : {{\n{}\n  }}", json!(name), inner.join(",\n"))
        }
        plain => format!("  {} : {plain}", json!(name)),
    });
    let lines: Vec<String> = lines.collect();
    format!("{{\n{}\n}}", lines.join(",\n")).into()
}
