//! Gateway responses: how an API's refusals look.

use std::collections::BTreeMap;

use crate::desired::RefusalForm;
use crate::diagnostic::Finding;
use crate::template::nearest::did_you_mean;
use crate::template::shape::{Fields, Findings, Schema, Support};
use crate::template::tree::{Entry, Node};
use Support::Obeyed;

/// Of the service's reference, "Gateway response types".
const TYPES: [&str; 21] = [
    "ACCESS_DENIED",
    "API_CONFIGURATION_ERROR",
    "AUTHORIZER_CONFIGURATION_ERROR",
    "AUTHORIZER_FAILURE",
    "BAD_REQUEST_BODY",
    "BAD_REQUEST_PARAMETERS",
    "DEFAULT_4XX",
    "DEFAULT_5XX",
    "EXPIRED_TOKEN",
    "INTEGRATION_FAILURE",
    "INTEGRATION_TIMEOUT",
    "INVALID_API_KEY",
    "INVALID_SIGNATURE",
    "MISSING_AUTHENTICATION_TOKEN",
    "QUOTA_EXCEEDED",
    "REQUEST_TOO_LARGE",
    "RESOURCE_NOT_FOUND",
    "THROTTLED",
    "UNAUTHORIZED",
    "UNSUPPORTED_MEDIA_TYPE",
    "WAF_FILTERED",
];

const RESPONSE: Schema = &[
    ("ResponseParameters", Obeyed),
    ("ResponseTemplates", Obeyed),
    ("StatusCode", Obeyed),
];
const PARAMETERS: Schema = &[("Headers", Obeyed)];

/// Of a `AWS::Serverless::Api`.
pub(super) fn read<'f>(api: &Fields<'f>, findings: &Findings<'f>) -> BTreeMap<String, RefusalForm> {
    let node = api.node("GatewayResponses");
    let entries = node.and_then(Node::entries).unwrap_or_default();
    let form = |entry: &'f Entry| {
        check_type(&entry.key, entry.key_span, findings)?;
        let fields = Fields::open(
            &entry.value,
            entry.key_span,
            "GatewayResponses",
            RESPONSE,
            findings,
        )?;
        let headers = fields.nested("ResponseParameters", PARAMETERS, findings);
        let headers = headers
            .map(|fields| fields.texts("Headers"))
            .unwrap_or_default();
        Some((
            entry.key.clone(),
            RefusalForm {
                status: status(&fields),
                headers: checked_headers(headers, fields.node("ResponseParameters"), findings),
                bodies: bodies(&fields, findings),
            },
        ))
    };
    entries.iter().filter_map(form).collect()
}

pub(super) fn check_type(
    name: &str,
    span: crate::diagnostic::Span,
    findings: &Findings<'_>,
) -> Option<()> {
    if TYPES.contains(&name) {
        return Some(());
    }
    findings.report.add(
        Finding::error(span, format!("there is no gateway response `{name}`"))
            .maybe_help(did_you_mean(name, TYPES)),
    );
    None
}

/// It may be given as a number or as text.
pub(super) fn status(fields: &Fields<'_>) -> Option<u16> {
    let text = fields.text("StatusCode")?;
    let status = text.parse().ok().filter(|code| (200..600).contains(code));
    status.or_else(|| fields.wrong("StatusCode", fields.node("StatusCode")?, "an HTTP status"))
}

pub(super) fn bodies<'f>(fields: &Fields<'f>, findings: &Findings<'f>) -> BTreeMap<String, String> {
    let bodies = fields.texts("ResponseTemplates");
    let node = fields.node("ResponseTemplates");
    let written = |name: &str| node.and_then(|node| node.get(name));
    for (name, template) in &bodies {
        if let Some(node) = written(name) {
            check_template(template, node, findings);
        }
    }
    bodies
}

/// Whoever needs more than variables gets an error here, and not a wrong answer later.
pub(super) fn check_template(template: &str, node: &Node, findings: &Findings<'_>) {
    let statements = ["#set", "#if", "#foreach", "#end", "$input", "$util", "${"];
    let known = |rest: &str| rest.starts_with("context.");
    let odd = template
        .match_indices('$')
        .any(|(at, _)| !known(&template[at + 1..]));
    if odd || statements.iter().any(|word| template.contains(word)) {
        findings.report.add(
            Finding::error(node.span, "this template is not supported yet")
                .why("only variables like $context.error.messageString are filled in")
                .help("leave out statements and functions"),
        );
    }
}

/// Headers are `'literals'` or places; a prefix says that they are headers.
pub(super) fn checked_headers(
    headers: BTreeMap<String, String>,
    node: Option<&Node>,
    findings: &Findings<'_>,
) -> BTreeMap<String, String> {
    let fine = |value: &str| {
        let quoted = value.len() >= 2 && value.starts_with('\'') && value.ends_with('\'');
        let places = [
            "context.",
            "method.request.header.",
            "method.request.querystring.",
        ];
        quoted || places.iter().any(|place| value.starts_with(place))
    };
    let mut checked = BTreeMap::new();
    for (name, value) in headers {
        let name = name
            .strip_prefix("gatewayresponse.header.")
            .unwrap_or(&name)
            .to_owned();
        if let (false, Some(node)) = (fine(&value), node) {
            findings.report.add(
                Finding::error(
                    node.span,
                    format!("the header `{name}` cannot be {value:?}"),
                )
                .help("put a literal in single quotes: \"'*'\""),
            );
        }
        checked.insert(name, value);
    }
    checked
}
