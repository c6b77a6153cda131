//! Integrations that pass requests on to another's server.

use triggers::{Asked, Callee, Forwarding};

use super::operation::{PLACES, unknown_places};
use super::service::{FROM_REQUEST, REQUEST, check_parameter};
use super::{Integration, refuse};
use crate::desired::{Backend, ForwardedBackend};
use crate::diagnostic::{Finding, Span};
use crate::template::shape::Findings;

/// Of the service's guide, "Reserved headers"; a star stands for the rest of a name.
const RESERVED: [&str; 22] = [
    "access-control-*",
    "apigw-*",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-location",
    "forwarded",
    "keep-alive",
    "origin",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailers",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-amz-*",
    "x-amzn-*",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
];
/// What answers are changed by.
const FROM_ANSWER: [&str; 5] = [
    "context.",
    "response.body",
    "response.body.",
    "response.header.",
    "stageVariables.",
];
const ANY: [&str; 2] = ["ANY", "X-AMAZON-APIGATEWAY-ANY-METHOD"];

impl Integration {
    pub(super) fn forwarded(self, findings: &Findings<'_>, span: Span) -> Option<Backend> {
        let to = self.server(findings, span)?;
        let method = self.method_of_server(findings, span)?;
        if self.is_rest {
            self.note_unused(findings, span);
            if self.handling.is_some() {
                let message = "`contentHandling` of `HTTP_PROXY` is not supported yet";
                refuse(findings, span, message.into());
            }
            for (name, value) in &self.parameters {
                check_parameter(name, value, &REQUEST, &FROM_REQUEST, findings, span);
            }
        } else {
            for (target, value) in &self.parameters {
                let known = ["header.", "querystring."];
                check_change(
                    target,
                    value,
                    &known,
                    "overwrite:path",
                    &PLACES,
                    findings,
                    span,
                );
            }
        }
        let changes = self.changes.into_iter();
        let answers = changes.filter_map(|(status, changes)| {
            let known = ["header."];
            for (target, value) in &changes {
                let whole = "overwrite:statuscode";
                check_change(target, value, &known, whole, &FROM_ANSWER, findings, span);
            }
            let number = status.parse().ok();
            let number = number.filter(|code| (200..600).contains(code));
            if number.is_none() {
                refuse(
                    findings,
                    span,
                    format!("`{status}` is no status of an answer"),
                );
            }
            Some((number?, changes))
        });
        Some(Backend::Forwarded(ForwardedBackend {
            forwarding: Forwarding {
                to,
                method,
                answers: answers.collect(),
                parameters: self.parameters,
            },
            timeout_ms: self.timeout_ms,
        }))
    }

    /// A server whose requests and answers are made by templates.
    pub(super) fn translated(mut self, findings: &Findings<'_>, span: Span) -> Option<Backend> {
        let to = self.server(findings, span)?;
        let method = self.method_of_server(findings, span)?;
        self.method = Some(method.unwrap_or_else(|| ANY[0].to_owned()));
        let callee = Callee {
            service: "http".into(),
            asked: Asked::Address(to),
        };
        self.mapped(Some(callee), None, findings, span)
    }

    fn server(&self, findings: &Findings<'_>, span: Span) -> Option<String> {
        let uri = self.uri.as_deref().unwrap_or_default();
        let rest = uri.strip_prefix("https://").or(uri.strip_prefix("http://"));
        if rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', '?'])) {
            return Some(uri.to_owned());
        }
        let finding = Finding::error(span, "this must be the address of a web server");
        let finding = finding.why(format!("this is {uri:?}"));
        findings
            .report
            .add(finding.help("write it like https://example.com/{proxy}"));
        None
    }

    /// The method of requests to the server; none inside for the caller's.
    fn method_of_server(&self, findings: &Findings<'_>, span: Span) -> Option<Option<String>> {
        let Some(method) = &self.method else {
            let message = "this integration does not say by which method the server is asked";
            let help = "`ANY` stands for the caller's";
            findings
                .report
                .add(Finding::error(span, message).help(help));
            return None;
        };
        let method = method.to_ascii_uppercase();
        Some((!ANY.contains(&method.as_str())).then_some(method))
    }
}

/// `append:header.x` and its like, or the `whole` of something.
fn check_change(
    target: &str,
    value: &str,
    places: &[&str],
    whole: &str,
    sources: &[&str],
    findings: &Findings<'_>,
    span: Span,
) {
    let (verb, place) = target.split_once(':').unwrap_or(("", target));
    let is_verb = ["append", "overwrite", "remove"].contains(&verb);
    let named = |front: &&str| {
        place
            .strip_prefix(*front)
            .is_some_and(|name| !name.is_empty())
    };
    if target != whole && !(is_verb && places.iter().any(named)) {
        let message = format!("the parameter `{target}` is not supported yet");
        refuse(findings, span, message);
    }
    if let Some(name) = place.strip_prefix("header.")
        && is_reserved(name)
    {
        refuse(
            findings,
            span,
            format!("the header `{name}` cannot be changed"),
        );
    }
    if verb == "remove" {
        return;
    }
    for place in unknown_places(value, sources) {
        let message = format!("`{target}` cannot be `${place}`, which is not supported yet");
        refuse(findings, span, message);
    }
}

fn is_reserved(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    RESERVED.iter().any(|known| match known.strip_suffix('*') {
        Some(front) => name.starts_with(front),
        None => name == *known,
    })
}
