//! `AWS::Lambda::EventSourceMapping`, and the events of functions that the vendor's transform makes one of.

use triggers::pattern::{Language, Pattern};

use crate::desired::{Mapping, Starting};
use crate::diagnostic::{Finding, Report, Span};
use crate::template::declared::{Declared, Kind, MARK};
use crate::template::nearest::did_you_mean;
use crate::template::shape::{Fields, Findings, Schema, Support};
use crate::template::tree::{Entry, Node, Value};
use crate::template::{events, outcome, scalar};
use Support::{Obeyed, Refused};

const KAFKA: Support = Refused("there is no Kafka");

pub(crate) const PROPERTIES: Schema = &[
    ("AmazonManagedKafkaEventSourceConfig", KAFKA),
    ("BatchSize", Obeyed),
    ("BisectBatchOnFunctionError", Obeyed),
    ("DestinationConfig", Obeyed),
    (
        "DocumentDBEventSourceConfig",
        Refused("there is no DocumentDB"),
    ),
    ("Enabled", Obeyed),
    ("EventSourceArn", Obeyed),
    ("FilterCriteria", Obeyed),
    ("FunctionName", Obeyed),
    ("FunctionResponseTypes", Obeyed),
    ("KmsKeyArn", Refused("there are no keys to encrypt with")),
    ("LoggingConfig", Refused("pollers write no logs")),
    ("MaximumBatchingWindowInSeconds", Obeyed),
    ("MaximumRecordAgeInSeconds", Obeyed),
    ("MaximumRetryAttempts", Obeyed),
    ("MetricsConfig", Refused("there are no metrics")),
    ("ParallelizationFactor", Obeyed),
    ("ProvisionedPollerConfig", Refused("there are no pollers")),
    ("Queues", Refused("there are no brokers")),
    ("ScalingConfig", Obeyed),
    ("SelfManagedEventSource", KAFKA),
    ("SelfManagedKafkaEventSourceConfig", KAFKA),
    (
        "SourceAccessConfigurations",
        Refused("there are no brokers"),
    ),
    ("StartingPosition", Obeyed),
    (
        "StartingPositionTimestamp",
        Refused("streams of tables cannot be read from a moment on"),
    ),
    ("Tags", Obeyed),
    ("Topics", KAFKA),
    ("TumblingWindowInSeconds", Obeyed),
];

/// What an event of the type `DynamoDB` may say. Each becomes the mapping's property of the same name, but the stream.
pub(crate) const EVENT: Schema = &[
    ("BatchSize", Obeyed),
    ("BisectBatchOnFunctionError", Obeyed),
    ("DestinationConfig", Obeyed),
    ("Enabled", Obeyed),
    ("FilterCriteria", Obeyed),
    ("FunctionResponseTypes", Obeyed),
    ("KmsKeyArn", Obeyed),
    ("MaximumBatchingWindowInSeconds", Obeyed),
    ("MaximumRecordAgeInSeconds", Obeyed),
    ("MaximumRetryAttempts", Obeyed),
    ("MetricsConfig", Obeyed),
    ("ParallelizationFactor", Obeyed),
    ("StartingPosition", Obeyed),
    ("StartingPositionTimestamp", Obeyed),
    ("Stream", Obeyed),
    ("TumblingWindowInSeconds", Obeyed),
];

/// What an event of the type `SQS` may say, in the same way.
pub(crate) const QUEUE_EVENT: Schema = &[
    ("BatchSize", Obeyed),
    ("Enabled", Obeyed),
    ("FilterCriteria", Obeyed),
    ("FunctionResponseTypes", Obeyed),
    ("KmsKeyArn", Obeyed),
    ("MaximumBatchingWindowInSeconds", Obeyed),
    ("MetricsConfig", Obeyed),
    ("ProvisionedPollerConfig", Obeyed),
    ("Queue", Obeyed),
    ("ScalingConfig", Obeyed),
];

/// What is about streams only.
const OF_STREAMS: [&str; 7] = [
    "BisectBatchOnFunctionError",
    "DestinationConfig",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "ParallelizationFactor",
    "StartingPosition",
    "TumblingWindowInSeconds",
];

/// What is about queues only.
const OF_QUEUES: [&str; 1] = ["ScalingConfig"];

const SCALING: Schema = &[("MaximumConcurrency", Obeyed)];
const DESTINATIONS: Schema = &[
    ("OnFailure", Obeyed),
    ("OnSuccess", Refused("mappings have no such destination")),
];
const DESTINATION: Schema = &[("Destination", Obeyed), ("Type", Obeyed)];
const CRITERIA: Schema = &[("Filters", Obeyed)];
const FILTER: Schema = &[("Pattern", Obeyed)];
const TAG: Schema = &[("Key", Obeyed), ("Value", Obeyed)];

/// The published quota.
const MOST_FILTERS: usize = 5;

/// Declares the mappings that functions' events are short for: `<function><event>`.
pub(crate) fn declare_events(declared: &mut Vec<Declared>) {
    events::declare(declared, |function, event| {
        mapping_of(function, event).into_iter().collect()
    });
}

fn mapping_of(function: &Declared, event: &Entry) -> Option<Declared> {
    let schema = match event.value.get("Type")?.scalar()? {
        "DynamoDB" => EVENT,
        "SQS" => QUEUE_EVENT,
        _ => return None,
    };
    let properties = event.value.get("Properties")?.entries()?;
    // What is published is called by its alias, as the vendor's transform has it.
    let target = match function.properties.get("AutoPublishAlias") {
        Some(_) => format!("{}.Alias", function.id),
        None => function.id.clone(),
    };
    let span = event.key_span;
    let name = Entry {
        key: "FunctionName".into(),
        key_span: span,
        value: Node::call(span, "Ref", target),
    };
    let known = properties
        .iter()
        .filter(|entry| schema.iter().any(|(name, _)| *name == entry.key));
    let renamed = known.map(|entry| {
        let mut entry = entry.clone();
        if entry.key == "Stream" || entry.key == "Queue" {
            entry.key = "EventSourceArn".into();
        }
        entry
    });
    Some(Declared {
        id: format!("{}{}", function.id, event.key),
        id_span: span,
        kind: Kind::Mapping,
        properties: Node::new(span, Value::Map(renamed.chain([name]).collect())),
        depends_on: Vec::new(),
        ..function.clone()
    })
}

pub(crate) fn read(fields: &Fields<'_>, findings: &Findings<'_>) -> Option<Mapping> {
    let source = source(fields, findings.report);
    let target = fields.required_text("FunctionName");
    let target = target.and_then(|text| target_in(&text, fields.place("FunctionName"), findings));
    let of_queue = source.as_deref().is_some_and(is_queue);
    let starting = if of_queue {
        check_queue(fields, findings.report);
        Some(Starting::Oldest)
    } else if source.is_none() {
        // What it must say depends on what it reads, which is not known.
        None
    } else {
        check_stream(fields, findings.report);
        starting(fields, findings.report)
    };
    let seconds = |name, most| fields.integer(name, 0..=most);
    let tumbling = seconds("TumblingWindowInSeconds", 900).filter(|seconds| *seconds > 0);
    let retries = signed(fields, "MaximumRetryAttempts", -1, 10_000);
    let age = signed(fields, "MaximumRecordAgeInSeconds", -1, 604_800);
    if age.is_some_and(|age| (0..60).contains(&age)) {
        let place = fields.place("MaximumRecordAgeInSeconds");
        let message = "`MaximumRecordAgeInSeconds` must be -1 or at least 60";
        findings.report.add(Finding::error(place, message));
    }
    let mapping = Mapping {
        name: String::new(),
        function: String::new(),
        qualifier: None,
        source: String::new(),
        starting: Starting::Newest,
        enabled: fields.boolean("Enabled").unwrap_or(true),
        batch: fields
            .integer("BatchSize", 1..=10_000)
            .unwrap_or(if of_queue { 10 } else { 100 }),
        wait_s: seconds("MaximumBatchingWindowInSeconds", 300).unwrap_or(0),
        lanes: if of_queue {
            scaling(fields, findings).unwrap_or(0)
        } else {
            fields.integer("ParallelizationFactor", 1..=10).unwrap_or(1)
        },
        retries: retries.and_then(|retries| u32::try_from(retries).ok()),
        age_s: age.and_then(|age| u32::try_from(age).ok()),
        bisect: fields
            .boolean("BisectBatchOnFunctionError")
            .unwrap_or(false),
        partial: partial(fields, findings.report),
        tumbling_s: tumbling,
        filters: filters(fields, findings),
        failures_to: destination(fields, findings),
        tags: tags(fields, findings),
    };
    let (source, (function, qualifier)) = (source?, target?);
    let called = match &qualifier {
        Some(qualifier) => format!("{function}:{qualifier}"),
        None => function.clone(),
    };
    let from = match source.split_once(":table/") {
        Some((_, stream)) => stream.to_owned(),
        None => format!("queue/{}", source.rsplit(':').next().unwrap_or_default()),
    };
    Some(Mapping {
        name: format!("{from} to {called}"),
        function,
        qualifier,
        starting: starting?,
        source,
        ..mapping
    })
}

fn source(fields: &Fields<'_>, report: &Report) -> Option<String> {
    let arn = fields.required_text("EventSourceArn")?;
    let place = fields.place("EventSourceArn");
    let service = arn.split(':').nth(2).unwrap_or_default().to_owned();
    if service == "dynamodb" && arn.contains("/stream/") {
        return Some(arn);
    }
    if is_queue(&arn) {
        return Some(arn);
    }
    let later = ["kinesis", "kafka", "mq", "rds"].contains(&service.as_str());
    report.add(if later {
        Finding::error(place, format!("events of {service} are not supported yet"))
            .help("supported are streams of tables, and queues")
    } else {
        Finding::error(
            place,
            "this must be the ARN of a table's stream or of a queue",
        )
        .why(format!("it is {arn:?}"))
        .help("write `!GetAtt TheTable.StreamArn` or `!GetAtt TheQueue.Arn`")
    });
    None
}

fn is_queue(arn: &str) -> bool {
    let parts: Vec<&str> = arn.split(':').collect();
    matches!(parts.as_slice(), ["arn", _, "sqs", _, _, name] if !name.is_empty())
}

/// What a stream's mapping cannot say.
fn check_stream(fields: &Fields<'_>, report: &Report) {
    if let Some(name) = OF_QUEUES.iter().find(|name| fields.has(name)) {
        let message = format!("`{name}` is for queues, and this is a stream");
        report.add(Finding::error(fields.place(name), message));
    }
}

/// What a queue's mapping cannot say, and what must fit together.
fn check_queue(fields: &Fields<'_>, report: &Report) {
    const LARGEST_UNWAITED: u32 = 10;
    if let Some(name) = OF_STREAMS.iter().find(|name| fields.has(name)) {
        let message = format!("`{name}` is for streams, and this is a queue");
        report.add(Finding::error(fields.place(name), message));
    }
    let batch = fields.integer("BatchSize", 1..=10_000).unwrap_or(10);
    let wait = fields.integer("MaximumBatchingWindowInSeconds", 0..=300);
    let ordered = fields
        .text("EventSourceArn")
        .is_some_and(|arn| arn.ends_with(".fifo"));
    let place = fields.place("BatchSize");
    if ordered && batch > LARGEST_UNWAITED {
        let message = "batches of a queue that keeps order have 10 messages at most";
        report.add(Finding::error(place, message));
    } else if ordered && wait.is_some_and(|wait| wait > 0) {
        let place = fields.place("MaximumBatchingWindowInSeconds");
        let message = "batches of a queue that keeps order are not waited for";
        report.add(Finding::error(place, message));
    } else if batch > LARGEST_UNWAITED && wait.unwrap_or(0) == 0 {
        report.add(
            Finding::error(place, "batches of more than 10 messages must be waited for")
                .help("set `MaximumBatchingWindowInSeconds` to 1 or more"),
        );
    }
}

fn scaling(fields: &Fields<'_>, findings: &Findings<'_>) -> Option<u32> {
    let config = fields.nested("ScalingConfig", SCALING, findings)?;
    config.integer("MaximumConcurrency", 2..=1_000)
}

/// A name, an ARN, or a part of one, each with an alias or a version or without.
fn target_in(text: &str, place: Span, findings: &Findings<'_>) -> Option<(String, Option<String>)> {
    let name = text.rsplit_once("function:").map_or(text, |(_, name)| name);
    let (function, qualifier) = match name.split_once(':') {
        Some((function, qualifier)) => (function, Some(qualifier)),
        None => (name, None),
    };
    let plain = |part: &str| !part.is_empty() && !part.contains([':', '/']);
    if !plain(function) || !qualifier.is_none_or(plain) {
        let message = "`FunctionName` must name a function";
        findings.report.add(
            Finding::error(place, message)
                .why(format!("this is {:?}", text.replace(MARK, "…")))
                .help("write `!Ref TheFunction`"),
        );
        return None;
    }
    let qualifier = qualifier.filter(|qualifier| *qualifier != "$LATEST");
    Some((function.to_owned(), qualifier.map(str::to_owned)))
}

fn starting(fields: &Fields<'_>, report: &Report) -> Option<Starting> {
    fields.required("StartingPosition")?;
    let choices = ["LATEST", "TRIM_HORIZON", "AT_TIMESTAMP"];
    match fields.choice("StartingPosition", &choices)? {
        "LATEST" => Some(Starting::Newest),
        "TRIM_HORIZON" => Some(Starting::Oldest),
        _ => {
            let place = fields.place("StartingPosition");
            let message = "streams of tables cannot be read from a moment on";
            report.add(Finding::error(place, message).help("write TRIM_HORIZON or LATEST"));
            None
        }
    }
}

fn signed(fields: &Fields<'_>, name: &str, least: i64, most: i64) -> Option<i64> {
    let node = fields.node(name)?;
    let number = scalar::integer(node).filter(|number| (least..=most).contains(number));
    let shape = format!("a whole number from {least} to {most}");
    number.or_else(|| fields.wrong(name, node, &shape))
}

fn partial(fields: &Fields<'_>, report: &Report) -> bool {
    const REPORT: &str = "ReportBatchItemFailures";
    let types = fields.list("FunctionResponseTypes").unwrap_or_default();
    for one in types {
        let text = one.scalar().unwrap_or_default();
        if text != REPORT && !one.is_broken() {
            report.add(
                Finding::error(one.span, format!("this must be {REPORT}"))
                    .why(format!("it is {}", one.kind()))
                    .maybe_help(did_you_mean(text, [REPORT])),
            );
        }
    }
    !types.is_empty()
}

fn filters(fields: &Fields<'_>, findings: &Findings<'_>) -> Vec<String> {
    let Some(criteria) = fields.nested("FilterCriteria", CRITERIA, findings) else {
        return Vec::new();
    };
    let filters = criteria.list("Filters").unwrap_or_default();
    if filters.len() > MOST_FILTERS {
        let message = format!("there are at most {MOST_FILTERS} filters");
        let place = criteria.place("Filters");
        findings.report.add(Finding::error(place, message));
    }
    let pattern = |node| {
        let filter = Fields::open(node, node.span, "filter", FILTER, findings)?;
        let pattern = filter.required_text("Pattern")?;
        if let Err(error) = Pattern::parse(&pattern, Language::Filters) {
            let place = filter.place("Pattern");
            let finding = Finding::error(place, "this is no pattern").why(error.to_string());
            findings.report.add(finding);
        }
        Some(pattern)
    };
    filters.iter().filter_map(pattern).collect()
}

/// What is told of what was discarded: a bucket's name, or the ARN of a queue or a topic.
fn destination(fields: &Fields<'_>, findings: &Findings<'_>) -> Option<String> {
    let config = fields.nested("DestinationConfig", DESTINATIONS, findings)?;
    let failure = config.nested("OnFailure", DESTINATION, findings)?;
    let arn = failure.required_text("Destination")?;
    let bucket = arn
        .strip_prefix("arn:")
        .and_then(|rest| rest.split_once(":s3:::"));
    if let Some((_, bucket)) = bucket {
        return Some(bucket.to_owned());
    }
    let at = failure.place("Destination");
    let place = outcome::place(&arn, &["sqs", "sns", "s3"], at, findings.report)?;
    // Buckets are known by their names.
    let bucket = place.split_once(":s3:::");
    Some(bucket.map_or_else(|| place.clone(), |(_, bucket)| bucket.to_owned()))
}

pub(crate) fn tags(
    fields: &Fields<'_>,
    findings: &Findings<'_>,
) -> std::collections::BTreeMap<String, String> {
    let tags = fields.list("Tags").unwrap_or_default().iter();
    tags.filter_map(|node| {
        let tag = Fields::open(node, node.span, "tag", TAG, findings)?;
        Some((
            tag.required_text("Key")?,
            tag.text("Value").unwrap_or_default(),
        ))
    })
    .collect()
}
