//! Integrations of HTTP APIs with operations of other services, by their subtypes.

use std::collections::BTreeMap;

use triggers::{Asked, Callee, Conversions, Translation};

use crate::Context;
use crate::desired::{Backend, MappedBackend};
use crate::diagnostic::{Finding, Span};
use crate::template::nearest::did_you_mean;
use crate::template::shape::Findings;

/// A subtype, its service and operation, which parameters must be given, and which may.
type Known = (
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

/// Of the service's reference, "Integration subtype reference".
const SUBTYPES: [Known; 5] = [
    (
        "EventBridge-PutEvents",
        "events",
        "PutEvents",
        &["Detail", "DetailType", "Source"],
        &["EventBusName", "Region", "Resources", "Time", "TraceHeader"],
    ),
    (
        "SQS-SendMessage",
        "sqs",
        "SendMessage",
        &["QueueUrl", "MessageBody"],
        &[
            "DelaySeconds",
            "MessageAttributes",
            "MessageDeduplicationId",
            "MessageGroupId",
            "MessageSystemAttributes",
            "Region",
        ],
    ),
    (
        "SQS-ReceiveMessage",
        "sqs",
        "ReceiveMessage",
        &["QueueUrl"],
        &[
            "AttributeNames",
            "MaxNumberOfMessages",
            "MessageAttributeNames",
            "ReceiveRequestAttemptId",
            "Region",
            "VisibilityTimeout",
            "WaitTimeSeconds",
        ],
    ),
    (
        "SQS-DeleteMessage",
        "sqs",
        "DeleteMessage",
        &["QueueUrl", "ReceiptHandle"],
        &["Region"],
    ),
    (
        "SQS-PurgeQueue",
        "sqs",
        "PurgeQueue",
        &["QueueUrl"],
        &["Region"],
    ),
];

/// What a parameter may be found in.
pub(super) const PLACES: [&str; 8] = [
    "context.",
    "request.body",
    "request.body.",
    "request.header.",
    "request.path",
    "request.path.",
    "request.querystring.",
    "stageVariables.",
];

/// An integration with an operation, as a template has it.
pub(in crate::template::gateway) struct Operation<'a> {
    pub(in crate::template::gateway) subtype: &'a str,
    pub(in crate::template::gateway) parameters: BTreeMap<String, String>,
    pub(in crate::template::gateway) timeout_ms: Option<u32>,
    pub(in crate::template::gateway) span: Span,
}

impl Operation<'_> {
    pub(in crate::template::gateway) fn backend(
        self,
        context: &Context,
        findings: &Findings<'_>,
    ) -> Option<Backend> {
        let name = self.subtype;
        let known = SUBTYPES.iter().find(|(known, ..)| *known == name);
        let Some((_, service, operation, needed, others)) = known else {
            let message = format!("integrations of the subtype `{name}` are not supported yet");
            let finding = Finding::error(self.span, message);
            let help = "let a function take the request and send it on";
            findings.report.add(finding.help(help));
            return None;
        };
        for missing in needed
            .iter()
            .filter(|name| !self.parameters.contains_key(**name))
        {
            self.refuse(
                findings,
                format!("`{name}` needs the parameter `{missing}`"),
            );
        }
        let all = || needed.iter().chain(*others).copied();
        for (parameter, value) in &self.parameters {
            if !all().any(|known| known == parameter) {
                let message = format!("`{name}` has no parameter `{parameter}`");
                let hint = did_you_mean(parameter, all());
                let finding = Finding::error(self.span, message).maybe_help(hint);
                findings.report.add(finding);
            }
            self.check(parameter, value, context, findings);
        }
        Some(Backend::Mapped(MappedBackend {
            translation: Translation {
                to: Some(Callee {
                    service: (*service).to_owned(),
                    asked: Asked::Operation((*operation).to_owned()),
                }),
                parameters: self.parameters,
                ..Translation::default()
            },
            conversions: Conversions::default(),
            timeout_ms: self.timeout_ms,
            function: None,
        }))
    }

    fn refuse(&self, findings: &Findings<'_>, message: String) {
        findings.report.add(Finding::error(self.span, message));
    }

    fn check(&self, name: &str, value: &str, context: &Context, findings: &Findings<'_>) {
        if name == "Region" && value != context.region {
            self.refuse(findings, format!("there is no service in {value} here"));
        }
        for place in unknown_places(value, &PLACES) {
            let message = format!("`{name}` cannot be `${place}`, which is not supported yet");
            self.refuse(findings, message);
        }
    }
}

/// The places in a text that are none of these; a name that ends in a dot stands for all that begin so. Without braces, only
/// what a text begins with or what is named like a place is one: the rest is text.
pub(super) fn unknown_places<'v>(value: &'v str, known: &[&str]) -> Vec<&'v str> {
    const ROOTS: [&str; 4] = ["request.", "response.", "context.", "stageVariables."];
    let pieces = value.split('$').enumerate().skip(1);
    let places = pieces.filter_map(|(at, piece)| match piece.strip_prefix('{') {
        Some(inner) => Some(inner.split_once('}').map_or(inner, |(place, _)| place)),
        None => {
            let begins = at == 1 && value.starts_with('$');
            let is_place = begins || ROOTS.iter().any(|root| piece.starts_with(root));
            is_place.then(|| piece.split(['/', ' ']).next().unwrap_or_default())
        }
    });
    let is_known = |place: &&str| {
        let fits = |one: &&str| place == one || one.ends_with('.') && place.starts_with(*one);
        known.iter().any(fits)
    };
    places.filter(|place| !is_known(place)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_with_a_dollar_is_no_place() {
        for (value, unknown) in [
            ("costs $5", &[][..]),
            ("$request.body", &[]),
            (
                "/a/$request.path.x/$request.cookie.y",
                &["request.cookie.y"],
            ),
            ("a-${context.stage}-${other}", &["other"]),
            ("$other", &["other"]),
        ] {
            assert_eq!(unknown_places(value, &PLACES), unknown, "{value}");
        }
    }
}
