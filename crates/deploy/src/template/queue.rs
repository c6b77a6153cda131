//! `AWS::SQS::Queue`.

use std::collections::BTreeMap;

use crate::desired::{Queue, Redrive};
use crate::diagnostic::{Finding, Span};
use crate::template::mapping;
use crate::template::scalar;
use crate::template::shape::{Fields, Findings, Schema, Support};
use crate::template::tree::Node;
use Support::{Access, Obeyed};

pub(crate) const PROPERTIES: Schema = &[
    ("ContentBasedDeduplication", Obeyed),
    ("DeduplicationScope", Obeyed),
    ("DelaySeconds", Obeyed),
    ("FifoQueue", Obeyed),
    ("FifoThroughputLimit", Obeyed),
    ("KmsDataKeyReusePeriodSeconds", KEPT),
    ("KmsMasterKeyId", KEPT),
    ("MaximumMessageSize", Obeyed),
    ("MessageRetentionPeriod", Obeyed),
    ("QueueName", Obeyed),
    ("ReceiveMessageWaitTimeSeconds", Obeyed),
    ("RedriveAllowPolicy", Obeyed),
    ("RedrivePolicy", Obeyed),
    ("SqsManagedSseEnabled", KEPT),
    ("Tags", Obeyed),
    ("VisibilityTimeout", Obeyed),
];

const KEPT: Support = Support::Notice("messages are stored as they are; encrypt the disk");

pub(crate) const POLICY: Schema = &[("PolicyDocument", Access), ("Queues", Obeyed)];

const REDRIVE: Schema = &[("deadLetterTargetArn", Obeyed), ("maxReceiveCount", Obeyed)];
const ALLOW: Schema = &[("redrivePermission", Obeyed), ("sourceQueueArns", Obeyed)];

pub(crate) fn read(fields: &Fields<'_>, name: String, findings: &Findings<'_>) -> Option<Queue> {
    let ordered = fields.boolean("FifoQueue").unwrap_or(false);
    check_name(fields, &name, ordered, findings)?;
    let scope = fields.choice("DeduplicationScope", &["messageGroup", "queue"]);
    let limit = fields.choice("FifoThroughputLimit", &["perMessageGroupId", "perQueue"]);
    let number = |name, range, usual| fields.integer(name, range).unwrap_or(usual);
    let queue = Queue {
        ordered,
        visibility_s: number("VisibilityTimeout", 0..=43_200, 30),
        delay_s: number("DelaySeconds", 0..=900, 0),
        retention_s: number("MessageRetentionPeriod", 60..=1_209_600, 345_600),
        max_bytes: number("MaximumMessageSize", 1_024..=1 << 20, 1 << 20),
        wait_s: number("ReceiveMessageWaitTimeSeconds", 0..=20, 0),
        redrive: redrive(fields, findings),
        sources: sources(fields, findings),
        once_by_content: fields.boolean("ContentBasedDeduplication").unwrap_or(false),
        once_per_group: scope == Some("messageGroup"),
        throughput_per_group: limit == Some("perMessageGroupId"),
        kept: kept(fields),
        tags: mapping::tags(fields, findings),
        name,
    };
    check_order(fields, &queue, findings)?;
    Some(queue)
}

fn check_name(
    fields: &Fields<'_>,
    name: &str,
    ordered: bool,
    findings: &Findings<'_>,
) -> Option<()> {
    let stem = name.strip_suffix(".fifo");
    let letters = stem.unwrap_or(name);
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let plain = !letters.is_empty() && letters.bytes().all(allowed) && name.len() <= 80;
    if plain && stem.is_some() == ordered {
        return Some(());
    }
    let message = match (plain, ordered) {
        (false, _) => "a queue's name has 1 to 80 letters, digits, hyphens and underscores",
        (true, true) => "the name of a queue with `FifoQueue: true` must end in .fifo",
        (true, false) => "a queue whose name ends in .fifo needs `FifoQueue: true`",
    };
    let place = fields.place("QueueName");
    let finding = Finding::error(place, message).why(format!("it is {name:?}"));
    findings.report.add(finding);
    None
}

fn check_order(fields: &Fields<'_>, queue: &Queue, findings: &Findings<'_>) -> Option<()> {
    const OF_ORDER: [&str; 3] = [
        "ContentBasedDeduplication",
        "DeduplicationScope",
        "FifoThroughputLimit",
    ];
    if !queue.ordered
        && let Some(name) = OF_ORDER.iter().find(|name| fields.has(name))
    {
        let message = format!("`{name}` is for queues with `FifoQueue: true`");
        let place = fields.place(name);
        findings.report.add(Finding::error(place, message));
        return None;
    }
    if queue.throughput_per_group && !queue.once_per_group {
        let place = fields.place("FifoThroughputLimit");
        let message = "`perMessageGroupId` needs `DeduplicationScope: messageGroup`";
        findings.report.add(Finding::error(place, message));
        return None;
    }
    Some(())
}

fn redrive(fields: &Fields<'_>, findings: &Findings<'_>) -> Option<Redrive> {
    let policy = fields.nested("RedrivePolicy", REDRIVE, findings)?;
    let to = policy.required_text("deadLetterTargetArn")?;
    policy.required("maxReceiveCount")?;
    let max_receives = policy.integer("maxReceiveCount", 1..=1_000)?;
    let place = policy.place("deadLetterTargetArn");
    let to = queue_in(&to, place, findings)?;
    Some(Redrive { to, max_receives })
}

fn sources(fields: &Fields<'_>, findings: &Findings<'_>) -> Option<Vec<String>> {
    let policy = fields.nested("RedriveAllowPolicy", ALLOW, findings)?;
    policy.required("redrivePermission")?;
    match policy.choice("redrivePermission", &["allowAll", "byQueue", "denyAll"])? {
        "allowAll" => None,
        "denyAll" => Some(Vec::new()),
        _ => {
            let arns = policy.list("sourceQueueArns").unwrap_or_default();
            let name = |node: &Node| {
                let arn = scalar::text(node, findings.report)?;
                queue_in(&arn, node.span, findings)
            };
            Some(arns.iter().filter_map(name).collect())
        }
    }
}

/// The name of the queue with this ARN.
fn queue_in(arn: &str, place: Span, findings: &Findings<'_>) -> Option<String> {
    let parts: Vec<&str> = arn.split(':').collect();
    if let ["arn", _, "sqs", _, _, name] = parts.as_slice() {
        return Some((*name).to_owned());
    }
    findings.report.add(
        Finding::error(place, "this must be the ARN of a queue")
            .why(format!("it is {arn:?}"))
            .help("write `!GetAtt TheQueue.Arn`"),
    );
    None
}

fn kept(fields: &Fields<'_>) -> BTreeMap<String, String> {
    let mut kept = BTreeMap::new();
    if let Some(key) = fields.text("KmsMasterKeyId") {
        kept.insert("KmsMasterKeyId".to_owned(), key);
    }
    if let Some(seconds) = fields.integer("KmsDataKeyReusePeriodSeconds", 60..=86_400) {
        kept.insert(
            "KmsDataKeyReusePeriodSeconds".to_owned(),
            seconds.to_string(),
        );
    }
    if let Some(managed) = fields.boolean("SqsManagedSseEnabled") {
        kept.insert("SqsManagedSseEnabled".to_owned(), managed.to_string());
    }
    kept
}
