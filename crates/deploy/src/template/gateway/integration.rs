//! What answers a method: a function, another service, or nobody but the gateway itself.

mod forward;
mod operation;
mod service;

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::Context;
use crate::desired::{Backend, FixedAnswer, FunctionBackend, Payload};
use crate::diagnostic::{Finding, Span};
use crate::template::function_arn;
use crate::template::shape::Findings;

pub(super) use operation::Operation;

/// An integration, however it is written down.
#[derive(Debug, Default)]
pub(super) struct Integration {
    /// `AWS_PROXY` and its like.
    pub(super) kind: String,
    pub(super) uri: Option<String>,
    pub(super) payload: Option<String>,
    pub(super) timeout_ms: Option<u32>,
    /// By media type.
    pub(super) requests: BTreeMap<String, String>,
    pub(super) responses: Vec<Answer>,
    /// Of the request to a service.
    pub(super) method: Option<String>,
    /// What it is told where.
    pub(super) parameters: BTreeMap<String, String>,
    /// What becomes of bodies that no template is for.
    pub(super) passthrough: Option<String>,
    pub(super) streams: bool,
    /// Parameters of REST APIs are written another way.
    pub(super) is_rest: bool,
    /// What bodies of requests become.
    pub(super) handling: Option<String>,
    /// What HTTP APIs say otherwise of answers, by their status.
    pub(super) changes: BTreeMap<String, BTreeMap<String, String>>,
}

/// What is answered.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// Which statuses or messages it is for; none for all others.
    pub(super) pattern: Option<String>,
    pub(super) status: String,
    /// `method.response.header.X` and what it is mapped from.
    pub(super) headers: BTreeMap<String, String>,
    /// By media type.
    pub(super) bodies: BTreeMap<String, String>,
    /// What bodies become before templates see them.
    pub(super) handling: Option<String>,
}

impl Integration {
    pub(super) fn backend(
        self,
        usual: Payload,
        context: &Context,
        findings: &Findings<'_>,
        span: Span,
    ) -> Option<Backend> {
        let kind = self.kind.to_ascii_uppercase();
        if kind != "HTTP_PROXY" && !self.changes.is_empty() {
            let message = format!("answers to `{kind}` are not changed on their way yet");
            refuse(findings, span, message);
        }
        match kind.as_str() {
            "AWS_PROXY" => self.function(usual, context, findings, span),
            "MOCK" if self.is_text() => self.mock(findings, span),
            "MOCK" => self.mapped(None, None, findings, span),
            "AWS" => self.service(context, findings, span),
            "HTTP_PROXY" => self.forwarded(findings, span),
            "HTTP" if self.is_rest => self.translated(findings, span),
            "HTTP" | "VPC_LINK" => {
                refuse(
                    findings,
                    span,
                    format!("integrations of type `{kind}` are not supported yet"),
                );
                None
            }
            _ => {
                refuse(
                    findings,
                    span,
                    format!("there is no type of integration `{kind}`"),
                );
                None
            }
        }
    }

    fn function(
        self,
        usual: Payload,
        context: &Context,
        findings: &Findings<'_>,
        span: Span,
    ) -> Option<Backend> {
        if self.streams {
            refuse(
                findings,
                span,
                "answers of REST APIs are not streamed yet".into(),
            );
        }
        self.note_unused(findings, span);
        if !self.parameters.is_empty() {
            let message = "requests to functions are not rewritten on their way yet";
            refuse(findings, span, message.into());
        }
        let (function, qualifier) = function_of(self.uri.as_deref(), context, findings, span)?;
        Some(Backend::Function(FunctionBackend {
            function,
            qualifier,
            payload: match self.payload.as_deref() {
                Some("1.0") => Payload::V1,
                Some("2.0") => Payload::V2,
                _ => usual,
            },
            timeout_ms: self.timeout_ms,
            streams: false,
            replies: false,
        }))
    }

    /// The cloud takes what would change a request or an answer on its way through a proxy, and does nothing with it.
    fn note_unused(&self, findings: &Findings<'_>, span: Span) {
        let answers = self.responses.iter();
        let mut answers = answers.filter(|one| !one.headers.is_empty() || !one.bodies.is_empty());
        if !self.requests.is_empty() || answers.next().is_some() {
            let kind = self.kind.to_ascii_uppercase();
            let message =
                format!("what passes through `{kind}` is not changed by templates or responses");
            let why = "they have no effect in the cloud, and none here";
            findings.report.add(Finding::notice(span, message).why(why));
        }
    }

    /// Whether it answers the same to every request.
    fn is_text(&self) -> bool {
        let plain = |text: &String| !text.contains(['$', '#']);
        let literal = |text: &String| text.starts_with('\'') && text.ends_with('\'');
        let mut answers = self.responses.iter();
        self.requests.values().all(plain)
            && answers
                .all(|one| one.bodies.values().all(plain) && one.headers.values().all(literal))
    }

    /// The status that the request's template names picks the answer; all of it is known beforehand.
    fn mock(&self, findings: &Findings<'_>, span: Span) -> Option<Backend> {
        const JSON: &str = "application/json";
        let template = self
            .requests
            .get(JSON)
            .or_else(|| self.requests.values().next());
        let template = template.map_or("{\"statusCode\": 200}", String::as_str);
        let Some(status) = status_of(template) else {
            refuse(
                findings,
                span,
                "this request template is not supported yet: only JSON with a statusCode is".into(),
            );
            return None;
        };
        let status = status.to_string();
        let fits = |answer: &&Answer| {
            let pattern = answer.pattern.as_deref().unwrap_or_default();
            let pattern = regex::Regex::new(&format!("^(?:{pattern})$"));
            pattern.is_ok_and(|pattern| pattern.is_match(&status))
        };
        let mut answers = self.responses.iter();
        let usual = || self.responses.iter().find(|one| one.pattern.is_none());
        let Some(answer) = answers.find(fits).or_else(usual) else {
            refuse(
                findings,
                span,
                format!("no response is for the status {status}"),
            );
            return None;
        };
        let mut headers = Vec::new();
        for (name, value) in &answer.headers {
            let name = name.strip_prefix("method.response.header.").unwrap_or(name);
            let literal = value
                .strip_prefix('\'')
                .and_then(|rest| rest.strip_suffix('\''));
            let literal = literal.unwrap_or_default();
            headers.push((name.to_ascii_lowercase(), literal.to_owned()));
        }
        let body = answer
            .bodies
            .get_key_value(JSON)
            .or_else(|| answer.bodies.first_key_value());
        let (kind, body) = body.map_or((JSON, ""), |(kind, body)| (kind, body));
        headers.push(("content-type".into(), kind.to_owned()));
        Some(Backend::Fixed(FixedAnswer {
            status: answer
                .status
                .parse()
                .ok()
                .filter(|code| (200..600).contains(code))?,
            headers,
            body: body.to_owned(),
        }))
    }
}

/// What a mock's request says; without quotes around the name, as many write it, it is understood too.
fn status_of(template: &str) -> Option<u64> {
    let strict = serde_json::from_str::<Json>(template);
    if let Ok(said) = strict {
        return said["statusCode"].as_u64();
    }
    let bare =
        regex::Regex::new(r#"^\s*\{\s*['"]?statusCode['"]?\s*:\s*([0-9]{3})\s*\}\s*$"#).ok()?;
    bare.captures(template)?[1].parse().ok()
}

/// The function in the address of its invocations, or in its ARN.
pub(super) fn function_of(
    uri: Option<&str>,
    context: &Context,
    findings: &Findings<'_>,
    span: Span,
) -> Option<(String, Option<String>)> {
    let uri = uri.unwrap_or_default();
    let arn = uri.split_once(":lambda:path/").map_or(uri, |(_, path)| {
        let path = path.split_once("/functions/").map_or(path, |(_, arn)| arn);
        path.split("/invocations").next().unwrap_or_default()
    });
    named(arn, context).or_else(|| {
        findings.report.add(
            Finding::error(span, "this must be a function of this account and region")
                .why(format!("this is {uri:?}"))
                .help(
                    "write !Sub arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${TheFunction.Arn}/invocations",
                ),
        );
        None
    })
}

/// The names may be put together from variables of the stage that is asked (`function:orders:${stageVariables.alias}`), and
/// are kept as they are written.
fn named(arn: &str, context: &Context) -> Option<(String, Option<String>)> {
    let variable = regex::Regex::new(r"\$\{stageVariables\.[A-Za-z0-9_]+\}").ok()?;
    let filled = variable.replace_all(arn, "v");
    let named = function_arn::named(&filled, context)?;
    if filled == arn {
        return Some(named);
    }
    let (_, name) = arn.split_once(":function:")?;
    Some(match name.split_once(':') {
        Some((name, qualifier)) => (name.to_owned(), Some(qualifier.to_owned())),
        None => (name.to_owned(), None),
    })
}

fn refuse(findings: &Findings<'_>, span: Span, message: String) {
    findings.report.add(Finding::error(span, message));
}
