//! `AWS::Scheduler::*`, and the events of functions that the vendor's transform makes a schedule of.

use std::time::Duration;

use base::Timestamp;
use jiff::tz::TimeZone;
use schedules::{Expression, Retries};
use serde_json::{Map, Value as Json, json};
use triggers::{Destination, Place};

use crate::desired::{Schedule, ScheduleGroup};
use crate::diagnostic::Finding;
use crate::template::bus::{self, KEYS, RETRIES};
use crate::template::declared::{Declared, Kind, MARK};
use crate::template::shape::{Fields, Findings, Schema, Support};
use crate::template::tree::{Entry, Node, Value};
use crate::template::{events, nearest, scalar};
use Support::{Access, Obeyed, Refused};

mod operation;

use operation::Operation;

pub(crate) const GROUP: Schema = &[("Name", Obeyed), ("Tags", Obeyed)];
pub(crate) const SCHEDULE: Schema = &[
    ("Description", Obeyed),
    ("EndDate", Obeyed),
    ("FlexibleTimeWindow", Obeyed),
    ("GroupName", Obeyed),
    ("KmsKeyArn", KEYS),
    ("Name", Obeyed),
    ("ScheduleExpression", Obeyed),
    ("ScheduleExpressionTimezone", Obeyed),
    ("StartDate", Obeyed),
    ("State", Obeyed),
    ("Target", Obeyed),
];
const LATER: Support = Refused("schedules send to functions, queues, topics and buses");
const TARGET: Schema = &[
    ("Arn", Obeyed),
    ("DeadLetterConfig", Obeyed),
    ("EcsParameters", LATER),
    ("EventBridgeParameters", Obeyed),
    ("Input", Obeyed),
    ("KinesisParameters", LATER),
    ("RetryPolicy", Obeyed),
    ("RoleArn", Access),
    ("SageMakerPipelineParameters", LATER),
    ("SqsParameters", Obeyed),
];
const WINDOW: Schema = &[("MaximumWindowInMinutes", Obeyed), ("Mode", Obeyed)];
const ANNOUNCED: Schema = &[("DetailType", Obeyed), ("Source", Obeyed)];
const QUEUE: Schema = &[("MessageGroupId", Obeyed)];

/// What an event of the type `ScheduleV2` may say.
pub(crate) const EVENT: Schema = &[
    ("DeadLetterConfig", Obeyed),
    ("Description", Obeyed),
    ("EndDate", Obeyed),
    ("FlexibleTimeWindow", Obeyed),
    ("GroupName", Obeyed),
    ("Input", Obeyed),
    ("KmsKeyArn", Obeyed),
    ("Name", Obeyed),
    ("OmitName", Obeyed),
    ("PermissionsBoundary", Access),
    ("RetryPolicy", Obeyed),
    ("RoleArn", Obeyed),
    ("ScheduleExpression", Obeyed),
    ("ScheduleExpressionTimezone", Obeyed),
    ("StartDate", Obeyed),
    ("State", Obeyed),
];
pub(crate) const TYPE: &str = "ScheduleV2";

const MOST_RETRIES: u32 = 185;
const OLDEST_S: u32 = 86_400;
const LONGEST_WINDOW_MIN: u32 = 1_440;
const LONGEST_NAME: usize = 64;

/// Declares the schedules that functions' events are short for: `<function><event>`.
pub(crate) fn declare_events(declared: &mut Vec<Declared>) {
    events::declare(declared, schedule_of);
}

fn schedule_of(function: &Declared, event: &Entry) -> Vec<Declared> {
    let is_one = event.value.get("Type").and_then(Node::scalar) == Some(TYPE);
    let properties = event.value.get("Properties").and_then(Node::entries);
    let (true, Some(properties)) = (is_one, properties) else {
        return Vec::new();
    };
    let span = event.key_span;
    let id = format!("{}{}", function.id, event.key);
    let entry = |key: &str, value: Value| Entry {
        key: key.into(),
        key_span: span,
        value: Node::new(span, value),
    };
    let (mut made, mut schedule) = (Vec::new(), Vec::new());
    let mut target = vec![entry("Arn", events::called(function, span).value)];
    let mut is_named = false;
    for given in properties {
        match given.key.as_str() {
            "DeadLetterConfig" => {
                let (letters, queue) = bus::letters(function, given, &id);
                target.push(letters);
                made.extend(queue);
            }
            "Input" | "RetryPolicy" | "RoleArn" => target.push(given.clone()),
            "OmitName" => is_named |= scalar::boolean(&given.value) == Some(true),
            "PermissionsBoundary" => {}
            name => {
                is_named |= name == "Name";
                schedule.push(given.clone());
            }
        }
    }
    // Here the transform names what nobody has named, which it does to nothing else.
    if !is_named {
        schedule.push(entry("Name", Value::Text(id.clone())));
    }
    if !properties
        .iter()
        .any(|given| given.key == "FlexibleTimeWindow")
    {
        let off = Value::Map(vec![entry("Mode", Value::Text("OFF".into()))]);
        schedule.push(entry("FlexibleTimeWindow", off));
    }
    schedule.push(entry("Target", Value::Map(target)));
    made.push(Declared {
        id,
        id_span: span,
        kind: Kind::Schedule,
        properties: Node::new(span, Value::Map(schedule)),
        depends_on: Vec::new(),
        ..function.clone()
    });
    made
}

pub(crate) fn group(
    fields: &Fields<'_>,
    name: String,
    findings: &Findings<'_>,
) -> Option<ScheduleGroup> {
    check_name(fields, "Name", &name, findings)?;
    if name == schedules::DEFAULT {
        let message = format!("there is a group `{name}` already");
        let finding = Finding::error(fields.place("Name"), message);
        findings.report.add(finding.why("it is always there"));
        return None;
    }
    let tags = bus::tags(fields, findings);
    Some(ScheduleGroup { name, tags })
}

pub(crate) fn read(fields: &Fields<'_>, name: String, findings: &Findings<'_>) -> Option<Schedule> {
    check_name(fields, "Name", &name, findings)?;
    let group = fields.text("GroupName");
    let group = group.unwrap_or_else(|| schedules::DEFAULT.to_owned());
    check_name(fields, "GroupName", &group, findings)?;
    let expression = expression(fields, findings);
    let zone = zone(fields, findings);
    let (start, end) = dates(fields, findings)?;
    let window = window(fields, findings);
    fields.required("Target");
    let target = fields.nested("Target", TARGET, findings);
    let target =
        target.and_then(|target| Some((order(&target, findings)?, retries(&target, findings))));
    let (order, retries) = target?;
    Some(Schedule {
        name: format!("{group}|{name}"),
        group,
        schedule: name,
        expression: expression?,
        zone: zone?,
        start,
        end,
        window_min: window?,
        enabled: fields.choice("State", &["ENABLED", "DISABLED"]) != Some("DISABLED"),
        description: fields.text("Description"),
        order: order.to_string(),
        retries,
    })
}

fn refuse(
    findings: &Findings<'_>,
    fields: &Fields<'_>,
    name: &str,
    message: impl Into<String>,
    why: impl Into<String>,
) {
    let finding = Finding::error(fields.place(name), message.into());
    findings.report.add(finding.why(why.into()));
}

fn check_name(
    fields: &Fields<'_>,
    property: &str,
    name: &str,
    findings: &Findings<'_>,
) -> Option<()> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if name.bytes().all(fits) && (1..=LONGEST_NAME).contains(&name.len()) {
        return Some(());
    }
    let message = format!("`{name}` cannot be the name of a schedule or of a group");
    let why = "such names are made of up to 64 letters, digits, dashes, underscores and dots";
    refuse(findings, fields, property, message, why);
    None
}

fn expression(fields: &Fields<'_>, findings: &Findings<'_>) -> Option<String> {
    let expression = fields.required_text("ScheduleExpression")?;
    if let Err(malformed) = Expression::read(&expression) {
        let message = format!("`{expression}` is no schedule");
        let why = malformed.to_string();
        refuse(findings, fields, "ScheduleExpression", message, why);
        return None;
    }
    Some(expression)
}

fn zone(fields: &Fields<'_>, findings: &Findings<'_>) -> Option<String> {
    const PROPERTY: &str = "ScheduleExpressionTimezone";
    let zone = fields.text(PROPERTY).unwrap_or_else(|| "UTC".to_owned());
    if TimeZone::get(&zone).is_err() {
        let why = "zones have names such as `Europe/Berlin`";
        let message = format!("there is no time zone `{zone}`");
        refuse(findings, fields, PROPERTY, message, why);
        return None;
    }
    Some(zone)
}

type Dates = (Option<Timestamp>, Option<Timestamp>);

fn dates(fields: &Fields<'_>, findings: &Findings<'_>) -> Option<Dates> {
    let date = |property: &str| match fields.text(property) {
        None => Some(None),
        Some(text) => {
            let read = moment(&text);
            if read.is_none() {
                let message = format!("`{text}` is no date");
                let why = "dates are written as `2030-01-31T12:00:00Z`";
                refuse(findings, fields, property, message, why);
            }
            read.map(Some)
        }
    };
    let (start, end) = (date("StartDate"), date("EndDate"));
    let (start, end) = (start?, end?);
    if let (Some(first), Some(last)) = (start, end)
        && first >= last
    {
        let message = "a schedule must end after it starts";
        refuse(
            findings,
            fields,
            "EndDate",
            message,
            "`StartDate` is not before it",
        );
        return None;
    }
    Some((start, end))
}

/// Without an offset it is a time of UTC.
fn moment(text: &str) -> Option<Timestamp> {
    let read = text.parse::<jiff::Timestamp>().ok().or_else(|| {
        let civil = text.parse::<jiff::civil::DateTime>().ok()?;
        Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
    });
    let micros = u64::try_from(read?.as_microsecond()).ok()?;
    Some(Timestamp::from_micros(micros))
}

/// In minutes, if there is one.
fn window(fields: &Fields<'_>, findings: &Findings<'_>) -> Option<Option<u32>> {
    fields.required("FlexibleTimeWindow")?;
    let window = fields.nested("FlexibleTimeWindow", WINDOW, findings)?;
    window.required("Mode")?;
    let mode = window.choice("Mode", &["FLEXIBLE", "OFF"])?;
    match (mode, window.has("MaximumWindowInMinutes")) {
        ("FLEXIBLE", _) => {
            window.required("MaximumWindowInMinutes")?;
            let minutes = window.integer("MaximumWindowInMinutes", 1..=LONGEST_WINDOW_MIN)?;
            Some(Some(minutes))
        }
        (_, false) => Some(None),
        _ => {
            let message = "there is no window to say the length of";
            refuse(
                findings,
                &window,
                "MaximumWindowInMinutes",
                message,
                "`Mode` is OFF",
            );
            None
        }
    }
}

fn retries(target: &Fields<'_>, findings: &Findings<'_>) -> Retries {
    let given = target.nested("RetryPolicy", RETRIES, findings);
    let integer = |name, range| given.as_ref().and_then(|given| given.integer(name, range));
    let most = integer("MaximumRetryAttempts", 0..=MOST_RETRIES);
    let age = integer("MaximumEventAgeInSeconds", 60..=OLDEST_S);
    Retries {
        most: most.unwrap_or(MOST_RETRIES),
        age: Duration::from_secs(age.unwrap_or(OLDEST_S).into()),
    }
}

/// The target, as the API of schedules has it.
fn order(target: &Fields<'_>, findings: &Findings<'_>) -> Option<Json> {
    let arn = target.required_text("Arn")?;
    if let Some(operation) = Operation::of(&arn) {
        return operation.order(arn, target, findings);
    }
    let Some(Place::Ours(to)) = bus::place(&arn) else {
        let shown = arn.replace(MARK, "…");
        let finding = Finding::error(target.place("Arn"), "schedules do not send to this yet");
        let finding = finding.why(format!("it is {shown:?}"));
        let meant = arn
            .split_once("aws-sdk:")
            .and_then(|(_, name)| nearest::did_you_mean(name, universal_targets()));
        let help = meant.unwrap_or_else(|| {
            "supported are functions, queues, topics and buses, named by their own ARNs, and aws-sdk: what changes something in the services that are here".to_owned()
        });
        findings.report.add(finding.help(help));
        return None;
    };
    let mut order = Map::from_iter([("Arn".to_owned(), Json::from(arn))]);
    for name in ["RoleArn", "Input"] {
        let text = target.text(name);
        order.extend(text.map(|text| (name.to_owned(), text.into())));
    }
    check_input(target, &to, findings)?;
    if let Some(letters) = dead_letters(target, findings)? {
        order.insert("DeadLetterConfig".into(), json!({ "Arn": letters }));
    }
    if let Some(group) = message_group(target, &to, findings)? {
        order.insert("SqsParameters".into(), json!({ "MessageGroupId": group }));
    }
    if let Some(announced) = announced(target, &to, findings)? {
        order.insert("EventBridgeParameters".into(), announced);
    }
    Some(Json::Object(order))
}

/// What schedules can call by `aws-sdk:`.
pub fn universal_targets() -> impl Iterator<Item = &'static str> {
    operation::ALL.iter().map(|operation| operation.name)
}

impl Operation {
    fn of(arn: &str) -> Option<&'static Self> {
        let parts: Vec<&str> = arn.splitn(7, ':').collect();
        let ["arn", _, "scheduler", _, _, "aws-sdk", name] = parts.as_slice() else {
            return None;
        };
        operation::ALL.iter().find(|known| known.name == *name)
    }

    fn order(&self, arn: String, target: &Fields<'_>, findings: &Findings<'_>) -> Option<Json> {
        let input = target.required_text("Input")?;
        if let Err(why) = self.check(&input) {
            let message = format!("this is no input of {}", self.name);
            refuse(findings, target, "Input", &message, why);
            return None;
        }
        let mut order = Map::from_iter([
            ("Arn".to_owned(), Json::from(arn)),
            ("Input".to_owned(), input.into()),
        ]);
        order.extend(
            target
                .text("RoleArn")
                .map(|role| ("RoleArn".to_owned(), role.into())),
        );
        if let Some(letters) = dead_letters(target, findings)? {
            order.insert("DeadLetterConfig".into(), json!({ "Arn": letters }));
        }
        Some(Json::Object(order))
    }

    fn check(&self, input: &str) -> Result<(), String> {
        let given: Map<String, Json> =
            serde_json::from_str(input).map_err(|error| error.to_string())?;
        if let Some(missing) = self.needed.iter().find(|name| !given.contains_key(**name)) {
            return Err(format!("it has no `{missing}`"));
        }
        let is_known = |name: &str| {
            let known = self.known.is_none_or(|known| known.contains(&name));
            known || self.needed.contains(&name)
        };
        if let Some(other) = given.keys().find(|name| !is_known(name)) {
            return Err(format!("`{other}` is not supported"));
        }
        let called = given.get("InvocationType");
        match called.is_none_or(|called| called == "Event") {
            true => Ok(()),
            false => Err("`InvocationType` must be Event: nobody waits for the answer".to_owned()),
        }
    }
}

fn check_input(target: &Fields<'_>, to: &Destination, findings: &Findings<'_>) -> Option<()> {
    let takes_json = matches!(to, Destination::Function(_) | Destination::Bus(_));
    let input = target.text("Input").filter(|_| takes_json);
    let read = input.map(|input| serde_json::from_str::<Json>(&input));
    if let Some(Err(error)) = read {
        let message = "this `Input` must be JSON";
        refuse(findings, target, "Input", message, error.to_string());
        return None;
    }
    Some(())
}

fn dead_letters(target: &Fields<'_>, findings: &Findings<'_>) -> Option<Option<String>> {
    let Some(letters) = bus::dead_letters(target, None, findings)? else {
        return Some(None);
    };
    if matches!(&letters, Destination::Queue(queue) if queue.name.ends_with(".fifo")) {
        let message = "dead letters do not go to a queue that keeps order";
        refuse(
            findings,
            target,
            "DeadLetterConfig",
            message,
            "its name ends with `.fifo`",
        );
        return None;
    }
    let given = target.nested("DeadLetterConfig", bus::ARN, findings);
    Some(given.and_then(|given| given.text("Arn")))
}

fn message_group(
    target: &Fields<'_>,
    to: &Destination,
    findings: &Findings<'_>,
) -> Option<Option<String>> {
    let given = target.nested("SqsParameters", QUEUE, findings);
    let group = given.and_then(|given| given.text("MessageGroupId"));
    let Destination::Queue(queue) = to else {
        return Some(group);
    };
    if queue.name.ends_with(".fifo") != group.is_some() {
        let message = "a `MessageGroupId` is for queues that keep order, which need one";
        refuse(
            findings,
            target,
            "SqsParameters",
            message,
            format!("the queue is `{}`", queue.name),
        );
        return None;
    }
    Some(group)
}

fn announced(
    target: &Fields<'_>,
    to: &Destination,
    findings: &Findings<'_>,
) -> Option<Option<Json>> {
    if matches!(to, Destination::Bus(_)) {
        target.required("EventBridgeParameters")?;
    }
    let Some(said) = target.nested("EventBridgeParameters", ANNOUNCED, findings) else {
        return Some(None);
    };
    let (kind, source) = (
        said.required_text("DetailType"),
        said.required_text("Source"),
    );
    Some(Some(json!({ "DetailType": kind?, "Source": source? })))
}
