//! Integrations of REST APIs with other services, and mocks whose templates say more than text.

use triggers::{Asked, Callee, Conversion, Conversions, MappedAnswer, Translation, Unmapped};

use super::{Answer, Integration, function_of, refuse};
use crate::Context;
use crate::desired::{Backend, MappedBackend};
use crate::diagnostic::{Finding, Span};
use crate::template::nearest::did_you_mean;
use crate::template::shape::Findings;

/// What can be called here, and what of it by the name of an operation.
const SERVICES: [(&str, &[&str]); 6] = [
    (
        "dynamodb",
        &[
            "BatchGetItem",
            "BatchWriteItem",
            "DeleteItem",
            "DescribeTable",
            "ExecuteStatement",
            "ExecuteTransaction",
            "GetItem",
            "ListTables",
            "PutItem",
            "Query",
            "Scan",
            "TransactGetItems",
            "TransactWriteItems",
            "UpdateItem",
        ],
    ),
    ("events", &["PutEvents"]),
    ("lambda", &[]),
    ("s3", &[]),
    ("sns", &["Publish", "PublishBatch"]),
    (
        "sqs",
        &[
            "ChangeMessageVisibility",
            "DeleteMessage",
            "DeleteMessageBatch",
            "GetQueueAttributes",
            "PurgeQueue",
            "ReceiveMessage",
            "SendMessage",
            "SendMessageBatch",
        ],
    ),
];

/// Where parameters are put.
pub(super) const REQUEST: [&str; 3] = [
    "integration.request.header.",
    "integration.request.path.",
    "integration.request.querystring.",
];
/// Where they are from, besides literals.
pub(super) const FROM_REQUEST: [&str; 8] = [
    "context.",
    "method.request.body",
    "method.request.header.",
    "method.request.multivalueheader.",
    "method.request.multivaluequerystring.",
    "method.request.path.",
    "method.request.querystring.",
    "stageVariables.",
];
const ANSWER: [&str; 1] = ["method.response.header."];
const FROM_ANSWER: [&str; 5] = [
    "context.",
    "integration.response.body",
    "integration.response.header.",
    "integration.response.multivalueheader.",
    "stageVariables.",
];

impl Integration {
    /// A service that is called by its address.
    pub(super) fn service(
        self,
        context: &Context,
        findings: &Findings<'_>,
        span: Span,
    ) -> Option<Backend> {
        let callee = callee(self.uri.as_deref(), context, findings, span)?;
        let function = match callee.service.as_str() {
            "lambda" => Some(function_of(self.uri.as_deref(), context, findings, span)?.0),
            _ => None,
        };
        let queried = |name: &String| name.starts_with("integration.request.querystring.");
        if callee.service == "s3" && self.parameters.keys().any(queried) {
            let message = "query strings to s3 are not supported yet";
            refuse(findings, span, message.into());
        }
        self.mapped(Some(callee), function, findings, span)
    }

    /// With a service, or with what a template says instead.
    pub(super) fn mapped(
        self,
        to: Option<Callee>,
        function: Option<String>,
        findings: &Findings<'_>,
        span: Span,
    ) -> Option<Backend> {
        for template in self.requests.values() {
            check_template(template, findings, span);
        }
        for (name, value) in &self.parameters {
            check_parameter(name, value, &REQUEST, &FROM_REQUEST, findings, span);
        }
        let behaviour = self.passthrough.as_deref().map(str::to_ascii_uppercase);
        let unmapped = match behaviour.as_deref() {
            None | Some("WHEN_NO_MATCH") => Unmapped::Passed,
            Some("WHEN_NO_TEMPLATES") => Unmapped::PassedAlone,
            Some("NEVER") => Unmapped::Refused,
            Some(other) => {
                refuse(
                    findings,
                    span,
                    format!("there is no PassthroughBehavior `{other}`"),
                );
                return None;
            }
        };
        let request = conversion(self.handling.as_deref(), findings, span);
        let (mut answers, mut of_answers) = (Vec::new(), Vec::new());
        for answer in self.responses {
            let handling = conversion(answer.handling.as_deref(), findings, span);
            if let Some(answer) = answer.mapped(findings, span) {
                answers.push(answer);
                of_answers.push(handling);
            }
        }
        Some(Backend::Mapped(MappedBackend {
            conversions: Conversions {
                request,
                answers: of_answers,
            },
            translation: Translation {
                to,
                method: self.method.unwrap_or_else(|| "POST".into()),
                parameters: self.parameters,
                templates: self.requests,
                unmapped,
                answers,
            },
            timeout_ms: self.timeout_ms,
            function,
        }))
    }
}

impl Answer {
    fn mapped(self, findings: &Findings<'_>, span: Span) -> Option<MappedAnswer> {
        if let Some(pattern) = &self.pattern
            && regex::Regex::new(pattern).is_err()
        {
            let message = format!("the pattern `{pattern}` is not understood");
            refuse(findings, span, message);
        }
        for template in self.bodies.values() {
            check_template(template, findings, span);
        }
        for (name, value) in &self.headers {
            check_parameter(name, value, &ANSWER, &FROM_ANSWER, findings, span);
        }
        let status = self.status.parse().ok();
        let Some(status) = status.filter(|code| (100..600).contains(code)) else {
            refuse(
                findings,
                span,
                format!("`{}` is no HTTP status", self.status),
            );
            return None;
        };
        Some(MappedAnswer {
            pattern: self.pattern,
            status,
            headers: self.headers,
            bodies: self.bodies,
        })
    }
}

/// `CONVERT_TO_TEXT` and its like.
fn conversion(handling: Option<&str>, findings: &Findings<'_>, span: Span) -> Option<Conversion> {
    match handling? {
        "CONVERT_TO_BINARY" => Some(Conversion::ToBytes),
        "CONVERT_TO_TEXT" => Some(Conversion::ToText),
        other => {
            let message = format!("there is no way to handle content that is called `{other}`");
            let help = "write CONVERT_TO_BINARY or CONVERT_TO_TEXT, or leave it out";
            findings
                .report
                .add(Finding::error(span, message).help(help));
            None
        }
    }
}

fn check_template(template: &str, findings: &Findings<'_>, span: Span) {
    if let Err(misread) = velocity::Template::read(template) {
        let finding = Finding::error(span, "a mapping template cannot be read");
        findings.report.add(finding.why(misread.to_string()));
    }
}

pub(super) fn check_parameter(
    name: &str,
    value: &str,
    places: &[&str],
    sources: &[&str],
    findings: &Findings<'_>,
    span: Span,
) {
    let is_literal = value.len() >= 2 && value.starts_with('\'') && value.ends_with('\'');
    let begins = |text: &str, all: &[&str]| all.iter().any(|one| text.starts_with(one));
    if !begins(name, places) {
        refuse(
            findings,
            span,
            format!("the parameter `{name}` is not supported yet"),
        );
    }
    if !is_literal && !begins(value, sources) {
        let message = format!("the parameter `{name}` cannot be `{value}`");
        let help = "put a literal in single quotes: \"'text'\"";
        findings
            .report
            .add(Finding::error(span, message).help(help));
    }
}

/// What an address names: `arn:aws:apigateway:region:service:path/…` or `:action/…`.
fn callee(
    uri: Option<&str>,
    context: &Context,
    findings: &Findings<'_>,
    span: Span,
) -> Option<Callee> {
    let uri = uri.unwrap_or_default();
    let parts: Vec<&str> = uri.splitn(6, ':').collect();
    let [_, _, "apigateway", region, service, asked] = parts[..] else {
        let finding = Finding::error(span, "this must be the address of a service");
        let finding = finding.why(format!("this is {uri:?}"));
        let help = "write !Sub arn:aws:apigateway:${AWS::Region}:sqs:path/${AWS::AccountId}/${Queue.QueueName}";
        findings.report.add(finding.help(help));
        return None;
    };
    if region != context.region {
        let here = &context.region;
        let finding = Finding::error(span, format!("there is no service in {region} here"));
        findings
            .report
            .add(finding.why(format!("everything is in {here}")));
        return None;
    }
    let (front, service) = service.rsplit_once('.').unwrap_or(("", service));
    let Some((_, operations)) = SERVICES.iter().find(|(known, _)| *known == service) else {
        let message = format!("integrations with `{service}` are not supported yet");
        refuse(findings, span, message);
        return None;
    };
    let asked = match (asked.split_once('/'), front, service) {
        (Some(("path", path)), "", _) => Asked::Path(path.to_owned()),
        // A bucket may stand before its service.
        (Some(("path", path)), bucket, "s3") => {
            Asked::Path(format!("{bucket}/{}", path.trim_start_matches('/')))
        }
        (Some(("action", name)), "", _) if operations.contains(&name) => {
            Asked::Operation(name.to_owned())
        }
        (Some(("action", name)), "", _) => {
            let message =
                format!("integrations with `{service}:action/{name}` are not supported yet");
            let hint = did_you_mean(name, operations.iter().copied());
            findings
                .report
                .add(Finding::error(span, message).maybe_help(hint));
            return None;
        }
        _ => {
            refuse(
                findings,
                span,
                format!("the address `{uri}` is not supported yet"),
            );
            return None;
        }
    };
    Some(Callee {
        service: service.to_owned(),
        asked,
    })
}
