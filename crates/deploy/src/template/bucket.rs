//! `AWS::S3::Bucket`, and what happens on changes in it.

mod access;
mod cors;
mod lifecycle;
mod website;

pub(crate) use access::{POLICY, policy};
pub(crate) use website::host as website_host;

use objects::Versioning;

use crate::desired::{Bucket, Rule, Told};
use crate::diagnostic::{Finding, Span};
use crate::template::admission;
use crate::template::mapping;
use crate::template::nearest::did_you_mean;
use crate::template::outcome;
use crate::template::scalar;
use crate::template::shape::{Fields, Findings, Schema, Support};
use crate::template::tree::{Node, Value};
use Support::{Access, Notice, Obeyed, Refused};

const UNENCRYPTED: &str = "bodies are stored as they are; encrypt the disk";

pub(crate) const PROPERTIES: Schema = &[
    ("AbacStatus", Access),
    (
        "AccelerateConfiguration",
        Notice("there is one endpoint, and it is near"),
    ),
    ("AccessControl", Access),
    ("AnalyticsConfigurations", Notice("storage is not analysed")),
    ("BucketEncryption", Notice(UNENCRYPTED)),
    ("BucketName", Obeyed),
    (
        "BucketNamePrefix",
        Refused("give the whole name as BucketName"),
    ),
    ("BucketNamespace", Refused("bucket names are global here")),
    ("CorsConfiguration", Obeyed),
    (
        "IntelligentTieringConfigurations",
        Notice("there is one class of storage"),
    ),
    (
        "InventoryConfigurations",
        Notice("no inventories are written"),
    ),
    ("LifecycleConfiguration", Obeyed),
    (
        "LoggingConfiguration",
        Notice("accesses are not logged yet"),
    ),
    (
        "MetadataConfiguration",
        Refused("there are no metadata tables"),
    ),
    (
        "MetadataTableConfiguration",
        Refused("there are no metadata tables"),
    ),
    (
        "MetricsConfigurations",
        Notice("no request metrics are kept"),
    ),
    ("NotificationConfiguration", Obeyed),
    ("ObjectLockConfiguration", Refused(access::NO_LOCK)),
    ("ObjectLockEnabled", Obeyed),
    ("OwnershipControls", Access),
    ("PublicAccessBlockConfiguration", Access),
    (
        "ReplicationConfiguration",
        Refused("nothing would be replicated"),
    ),
    ("Tags", Obeyed),
    ("VersioningConfiguration", Obeyed),
    ("WebsiteConfiguration", Obeyed),
];

const VERSIONING: Schema = &[("Status", Obeyed)];

const NOTIFICATION: Schema = &[
    ("EventBridgeConfiguration", Obeyed),
    ("LambdaConfigurations", Obeyed),
    ("QueueConfigurations", Obeyed),
    ("TopicConfigurations", Obeyed),
];

const TO_FUNCTION: Schema = &[("Event", Obeyed), ("Filter", Obeyed), ("Function", Obeyed)];
const TO_QUEUE: Schema = &[("Event", Obeyed), ("Filter", Obeyed), ("Queue", Obeyed)];
const TO_TOPIC: Schema = &[("Event", Obeyed), ("Filter", Obeyed), ("Topic", Obeyed)];
const FILTER: Schema = &[("S3Key", Obeyed)];
const KEY_FILTER: Schema = &[("Rules", Obeyed)];
const FILTER_RULE: Schema = &[("Name", Obeyed), ("Value", Obeyed)];

/// Kinds of events that happen here.
pub(crate) const EVENTS: &[&str] = &[
    "s3:ObjectCreated:*",
    "s3:ObjectCreated:Put",
    "s3:ObjectCreated:Post",
    "s3:ObjectCreated:Copy",
    "s3:ObjectCreated:CompleteMultipartUpload",
    "s3:ObjectRemoved:*",
    "s3:ObjectRemoved:Delete",
    "s3:ObjectRemoved:DeleteMarkerCreated",
    "s3:ObjectTagging:*",
    "s3:ObjectTagging:Put",
    "s3:ObjectTagging:Delete",
    "s3:LifecycleExpiration:*",
    "s3:LifecycleExpiration:Delete",
    "s3:LifecycleExpiration:DeleteMarkerCreated",
];

/// Beginnings of kinds that exist, but never happen here.
const NEVER: &[&str] = &[
    "s3:ReducedRedundancyLostObject",
    "s3:ObjectRestore:",
    "s3:Replication:",
    "s3:LifecycleTransition",
    "s3:IntelligentTiering",
    "s3:ObjectAcl:",
];

/// What the service takes for one bucket.
const MAX_RULES: usize = 100;

/// A rule with its place and the function it names, which may be another's.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub(crate) rule: Rule,
    pub(crate) span: Span,
}

pub(crate) fn read(fields: &Fields<'_>, name: String, findings: &Findings<'_>) -> Option<Bucket> {
    let website = website::read(fields, findings);
    website::check_access(fields, website.is_some(), findings);
    access::check_lock(fields, findings);
    if let Some(why) = wrong_name(&name) {
        let finding = Finding::error(
            fields.place("BucketName"),
            format!("`{name}` cannot be the name of a bucket"),
        );
        findings.report.add(finding.why(why));
        return None;
    }
    Some(Bucket {
        name,
        tags: mapping::tags(fields, findings),
        versioning: versioning(fields, findings),
        origin_rules: cors::read(fields, findings),
        website,
        lifecycle: lifecycle::read(fields, findings),
        barriers: access::barriers(fields, findings),
        bucket_key: access::bucket_key(fields, findings),
    })
}

fn versioning(fields: &Fields<'_>, findings: &Findings<'_>) -> Versioning {
    let settings = fields.nested("VersioningConfiguration", VERSIONING, findings);
    let status = settings.and_then(|settings| settings.choice("Status", &["Enabled", "Suspended"]));
    match status {
        Some("Enabled") => Versioning::Enabled,
        Some(_) => Versioning::Suspended,
        None => Versioning::Never,
    }
}

/// The rules for the names of general purpose buckets.
fn wrong_name(name: &str) -> Option<&'static str> {
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let allowed = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.')
    };
    let bytes = name.as_bytes();
    if !(3..=63).contains(&bytes.len()) {
        return Some("it must be 3 to 63 characters long");
    }
    if !bytes.iter().copied().all(allowed) {
        return Some("it may hold small letters, digits, dots and dashes only");
    }
    if !edge(bytes.first()) || !edge(bytes.last()) || name.contains("..") {
        return Some("it must begin and end with a letter or digit, and hold no two dots in a row");
    }
    if name.parse::<std::net::Ipv4Addr>().is_ok() {
        return Some("it must not look like an IP address");
    }
    if name.starts_with("xn--") || name.ends_with("-s3alias") {
        return Some("this beginning or ending is reserved");
    }
    None
}

const ON_BUS: Schema = &[("EventBridgeEnabled", Obeyed)];

/// Whether a `NotificationConfiguration` puts changes on the default bus.
pub(crate) fn is_on_bus(node: &Node, findings: &Findings<'_>) -> bool {
    let Some(node) = node.get("EventBridgeConfiguration") else {
        return false;
    };
    let owner = "EventBridgeConfiguration";
    let fields = Fields::open(node, node.span, owner, ON_BUS, findings);
    fields.is_some_and(|fields| fields.boolean("EventBridgeEnabled").unwrap_or(true))
}

/// The bucket's own `NotificationConfiguration`; `function` turns an ARN into a function's name and
/// its qualifier.
pub(crate) fn notification(
    node: &Node,
    at: Span,
    id: &str,
    findings: &Findings<'_>,
    function: impl Fn(&Node) -> Option<(String, Option<String>)>,
) -> Vec<Placed> {
    let owner = "NotificationConfiguration";
    let Some(fields) = Fields::open(node, at, owner, NOTIFICATION, findings) else {
        return Vec::new();
    };
    let to_function = |fields: &Fields<'_>| {
        let (function, qualifier) = fields.required("Function").and_then(&function)?;
        if let Some(arn) = fields.text("Function") {
            let at = fields.place("Function");
            findings.doors.sent(admission::BUCKETS, &arn, at);
        }
        Some(Told::Function {
            function,
            qualifier,
        })
    };
    let to_queue = |fields: &Fields<'_>| place(fields, "Queue", "sqs", findings);
    let to_topic = |fields: &Fields<'_>| place(fields, "Topic", "sns", findings);
    let mut rules = Vec::new();
    for (index, node) in list(&fields, "LambdaConfigurations") {
        let one = Configuration {
            node,
            schema: TO_FUNCTION,
            id: format!("{id}-{index}"),
        };
        rules.extend(one.read(to_function, findings));
    }
    for (index, node) in list(&fields, "QueueConfigurations") {
        let one = Configuration {
            node,
            schema: TO_QUEUE,
            id: format!("{id}-queue-{index}"),
        };
        rules.extend(one.read(to_queue, findings));
    }
    for (index, node) in list(&fields, "TopicConfigurations") {
        let one = Configuration {
            node,
            schema: TO_TOPIC,
            id: format!("{id}-topic-{index}"),
        };
        rules.extend(one.read(to_topic, findings));
    }
    rules
}

fn list<'a>(fields: &'a Fields<'_>, name: &str) -> impl Iterator<Item = (usize, &'a Node)> {
    let nodes = fields.list(name).unwrap_or_default();
    nodes.iter().enumerate()
}

/// One entry of a notification.
struct Configuration<'a> {
    node: &'a Node,
    schema: Schema,
    id: String,
}

impl Configuration<'_> {
    fn read(
        self,
        told: impl Fn(&Fields<'_>) -> Option<Told>,
        findings: &Findings<'_>,
    ) -> Option<Placed> {
        let span = self.node.span;
        let fields = Fields::open(self.node, span, "notification", self.schema, findings)?;
        let events = fields.required("Event").map(|node| events(node, findings));
        let told = told(&fields);
        let (prefix, suffix) = filter(&fields, findings);
        Some(Placed {
            rule: Rule {
                id: self.id,
                told: told?,
                events: events??,
                prefix,
                suffix,
            },
            span: fields.place("Event"),
        })
    }
}

fn place(
    fields: &Fields<'_>,
    name: &'static str,
    service: &str,
    findings: &Findings<'_>,
) -> Option<Told> {
    let arn = fields.required_text(name)?;
    let at = fields.place(name);
    let place = outcome::place(&arn, &[service], at, findings.report)?;
    if place.ends_with(".fifo") {
        let finding = Finding::error(at, "a bucket tells nobody who keeps order");
        findings
            .report
            .add(finding.help("name one that is not FIFO"));
        return None;
    }
    findings.doors.sent(admission::BUCKETS, &place, at);
    Some(Told::Place { place })
}

/// One kind of event, or a list of them.
pub(crate) fn events(node: &Node, findings: &Findings<'_>) -> Option<Vec<String>> {
    let nodes = match &node.value {
        Value::List(items) if items.is_empty() => {
            let finding = Finding::error(node.span, "at least one kind of event is needed");
            findings.report.add(finding);
            return None;
        }
        Value::List(items) => items.as_slice(),
        Value::Broken => return None,
        _ => std::slice::from_ref(node),
    };
    let kinds: Vec<Option<String>> = nodes.iter().map(|node| event(node, findings)).collect();
    kinds.into_iter().collect()
}

fn event(node: &Node, findings: &Findings<'_>) -> Option<String> {
    if node.is_broken() {
        return None;
    }
    let Some(kind) = scalar::text(node, findings.report) else {
        findings.report.add(
            Finding::error(node.span, "a kind of event must be a string")
                .why(format!("this is {}", node.kind())),
        );
        return None;
    };
    if EVENTS.contains(&kind.as_str()) {
        return Some(kind);
    }
    let finding = if NEVER.iter().any(|never| kind.starts_with(never)) {
        Finding::error(node.span, format!("`{kind}` is not supported yet"))
            .why("it never happens here")
    } else {
        Finding::error(node.span, format!("there is no kind of event `{kind}`"))
            .help("for example s3:ObjectCreated:* or s3:ObjectRemoved:*")
    };
    let suggestion = did_you_mean(&kind, EVENTS.iter().copied());
    findings.report.add(finding.maybe_help(suggestion));
    None
}

/// The prefix and the suffix of the keys that count.
pub(crate) fn filter(
    fields: &Fields<'_>,
    findings: &Findings<'_>,
) -> (Option<String>, Option<String>) {
    let mut found = (None, None);
    let rules = fields
        .nested("Filter", FILTER, findings)
        .and_then(|filter| {
            filter.required("S3Key")?;
            filter.nested("S3Key", KEY_FILTER, findings)
        })
        .and_then(|key| {
            key.required("Rules")?;
            key.list("Rules")
        });
    for node in rules.unwrap_or_default() {
        let owner = "filter rule";
        let Some(rule) = Fields::open(node, node.span, owner, FILTER_RULE, findings) else {
            continue;
        };
        let name = rule.required_text("Name").map(|name| name.to_lowercase());
        let value = if rule.has("Value") && rule.get("Value").is_none() {
            // An empty value is a filter that lets everything pass.
            Some(String::new())
        } else {
            rule.required_text("Value")
        };
        let (Some(name), Some(value)) = (name, value) else {
            continue;
        };
        let slot = match name.as_str() {
            "prefix" => &mut found.0,
            "suffix" => &mut found.1,
            _ => {
                findings.report.add(Finding::error(
                    rule.place("Name"),
                    "a filter's `Name` must be prefix or suffix",
                ));
                continue;
            }
        };
        if slot.replace(value).is_some() {
            findings.report.add(
                Finding::error(rule.place("Name"), format!("a second {name} is given"))
                    .why("a filter has at most one of each"),
            );
        }
    }
    found
}

/// Reports rules of one bucket of which one object could match two: the service refuses them.
pub(crate) fn check_overlaps(rules: &[Placed], findings: &Findings<'_>) {
    if let Some(excess) = rules.get(MAX_RULES) {
        findings.report.add(Finding::error(
            excess.span,
            format!("a bucket has at most {MAX_RULES} notification rules"),
        ));
        return;
    }
    for (index, later) in rules.iter().enumerate() {
        let own = &later.rule.events;
        let repeats = own.iter().enumerate().any(|(at, event)| {
            let mut others = own[..at].iter();
            others.any(|other| events_meet(event, other))
        });
        let clash = rules[..index]
            .iter()
            .find(|earlier| overlap(&earlier.rule, &later.rule));
        let why = match clash {
            Some(earlier) => format!(
                "an object could match this rule and the one for `{}`",
                match &earlier.rule.told {
                    Told::Function { function, .. } => function,
                    Told::Place { place } => place,
                }
            ),
            None if repeats => "one event could match two of these kinds".to_owned(),
            None => continue,
        };
        findings.report.add(
            Finding::error(later.span, "the notification's rules overlap")
                .why(why)
                .help("tell them apart by prefix or suffix, or let one function call the other"),
        );
    }
}

fn overlap(a: &Rule, b: &Rule) -> bool {
    let meet = |a: &str| b.events.iter().any(|b| events_meet(a, b));
    let prefix = |rule: &Rule| rule.prefix.clone().unwrap_or_default();
    let suffix = |rule: &Rule| rule.suffix.clone().unwrap_or_default();
    let prefixes = (prefix(a), prefix(b));
    let suffixes = (suffix(a), suffix(b));
    let prefixes_meet = prefixes.0.starts_with(&prefixes.1) || prefixes.1.starts_with(&prefixes.0);
    let suffixes_meet = suffixes.0.ends_with(&suffixes.1) || suffixes.1.ends_with(&suffixes.0);
    a.events.iter().any(|event| meet(event)) && prefixes_meet && suffixes_meet
}

fn events_meet(a: &str, b: &str) -> bool {
    let covers = |wide: &str, narrow: &str| {
        wide.strip_suffix('*')
            .is_some_and(|family| narrow.starts_with(family))
    };
    a == b || covers(a, b) || covers(b, a)
}
