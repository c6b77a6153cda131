//! `AWS::Logs::SubscriptionFilter`, and the events of functions that the vendor's transform makes one of.

use triggers::LinePattern;

use crate::desired::{Kind as Made, LineSubscription};
use crate::diagnostic::{Finding, Report, Span};
use crate::template::admission;
use crate::template::declared::{Declared, Kind};
use crate::template::shape::{Fields, Findings, Schema, Support};
use crate::template::tree::{Entry, Node, Value};
use crate::template::{events, outcome};
use Support::{Access, Notice, Obeyed, Refused};

pub(crate) const TYPE: &str = "CloudWatchLogs";
/// What an event of this type may say. Each becomes the filter's property of the same name.
pub(crate) const EVENT: Schema = &[("FilterPattern", Obeyed), ("LogGroupName", Obeyed)];

pub(crate) const PROPERTIES: Schema = &[
    (
        "ApplyOnTransformedLogs",
        Refused("log groups do not transform lines"),
    ),
    ("DestinationArn", Obeyed),
    (
        "Distribution",
        Notice("each call of a function brings lines of one stream"),
    ),
    ("EmitSystemFields", Refused("lines have no system fields")),
    (
        "FieldSelectionCriteria",
        Refused("lines have no system fields"),
    ),
    ("FilterName", Obeyed),
    ("FilterPattern", Obeyed),
    ("LogGroupName", Obeyed),
    ("RoleArn", Access),
];

/// Declares the filters that functions' events are short for: `<function><event>`.
pub(crate) fn declare_events(declared: &mut Vec<Declared>) {
    events::declare(declared, |function, event| {
        of_event(function, event).into_iter().collect()
    });
}

fn of_event(function: &Declared, event: &Entry) -> Option<Declared> {
    if event.value.get("Type")?.scalar()? != TYPE {
        return None;
    }
    let span = event.key_span;
    let given = event.value.get("Properties")?.entries()?.iter();
    let known = given.filter(|given| EVENT.iter().any(|(name, _)| *name == given.key));
    let mut entries: Vec<Entry> = known.cloned().collect();
    entries.push(Entry {
        key: "DestinationArn".into(),
        key_span: span,
        value: events::called(function, span),
    });
    Some(Declared {
        id: format!("{}{}", function.id, event.key),
        id_span: span,
        kind: Kind::LineSubscription,
        properties: Node::new(span, Value::Map(entries)),
        depends_on: Vec::new(),
        by_transform: true,
        metadata: None,
        ..function.clone()
    })
}

pub(crate) fn read(
    fields: &Fields<'_>,
    name: &str,
    findings: &Findings<'_>,
) -> Option<LineSubscription> {
    let group = fields.required_text("LogGroupName");
    let pattern = fields.required_text("FilterPattern");
    let function = fields.required_text("DestinationArn");
    let at = fields.place("DestinationArn");
    let (group, pattern, function) = (group?, pattern?, function?);
    let function = outcome::place(&function, &["lambda"], at, findings.report)?;
    findings.doors.sent(admission::LINES, &function, at);
    let refuse = |property: &str, message: String, why: &str| {
        let finding = Finding::error(fields.place(property), message);
        findings.report.add(finding.why(why));
        None
    };
    if !(1..=512).contains(&name.len()) || name.contains([':', '*']) {
        let message = format!("`{name}` cannot be the name of a subscription filter");
        return refuse("FilterName", message, "1 to 512 characters without : and *");
    }
    if let Err(error) = LinePattern::read(&pattern) {
        let message = format!("`{pattern}` cannot be obeyed");
        return refuse("FilterPattern", message, &error.to_string());
    }
    if group.strip_prefix("/aws/lambda/") == Some(called(&function)) {
        let message = format!("`{group}` is what the function itself prints to");
        let why = "it would be called for what it prints, for ever";
        return refuse("LogGroupName", message, why);
    }
    Some(LineSubscription {
        name: format!("{name} of {group}"),
        pattern,
        function,
    })
}

/// The name in the ARN of a function.
fn called(arn: &str) -> &str {
    arn.split(':').nth(6).unwrap_or_default()
}

/// Tells of functions that print to groups of their own which they are fed from.
pub(crate) fn tell_of_rounds(made: &[(String, Made)], places: &[(String, Span)], report: &Report) {
    for (id, kind) in made {
        let Made::LineSubscription(one) = kind else {
            continue;
        };
        let own = made.iter().any(|(_, kind)| match kind {
            Made::Function(function) => {
                let group = function.logging.group.as_deref();
                function.name == called(&one.function) && group == Some(one.group())
            }
            _ => false,
        });
        let place = places.iter().find(|(known, _)| known == id);
        if let (true, Some((_, at))) = (own, place) {
            let message = "the function prints to the log group that it is fed from";
            let finding = Finding::notice(*at, message);
            report.add(finding.why("what it prints is kept from it here; in the cloud it would be called for that, for ever"));
        }
    }
}
