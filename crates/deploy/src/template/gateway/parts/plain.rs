//! The APIs that the pieces belong to.

use std::collections::BTreeMap;

use crate::Context;
use crate::desired::{Backend, Gateway, GatewayKind, Payload, Route, Wanted};
use crate::diagnostic::{Finding, Span};
use crate::template::gateway::auth::{Auth, RouteAuth};
use crate::template::gateway::integration::Integration;
use crate::template::gateway::{self, Draft, Placed, wanted};
use crate::template::shape::{Fields, Findings};
use crate::template::tree::Value;

/// An API whose routes stand elsewhere, or in its `Body`.
pub(crate) fn plain_rest<'f>(
    fields: &Fields<'f>,
    id: String,
    context: &Context,
    findings: &Findings<'f>,
) -> Draft {
    let mut gateway = gateway::bare(GatewayKind::Rest, fields.text("Name"), id);
    gateway.binary = fields.strings("BinaryMediaTypes");
    let sources = ["HEADER", "AUTHORIZER"];
    gateway.guard_says_keys = fields.choice("ApiKeySourceType", &sources) == Some("AUTHORIZER");
    with_body(fields, gateway, context, findings)
}

pub(crate) fn plain_api<'f>(
    fields: &Fields<'f>,
    id: String,
    context: &Context,
    findings: &Findings<'f>,
) -> Draft {
    let kind = match fields.choice("ProtocolType", &["HTTP", "WEBSOCKET"]) {
        Some("WEBSOCKET") => GatewayKind::Socket,
        _ => GatewayKind::Http,
    };
    let mut gateway = gateway::bare(kind, fields.text("Name"), id);
    if kind == GatewayKind::Socket {
        gateway.selection = fields.required_text("RouteSelectionExpression");
        if let Some(expression) = &gateway.selection {
            check_selection(expression, fields, findings);
        }
    } else {
        gateway.cors = gateway::http_cors(fields, "CorsConfiguration", findings);
    }
    let mut draft = with_body(fields, gateway, context, findings);
    if let Some(target) = fields.text("Target") {
        let place = fields.place("Target");
        let is_server = target.starts_with("http://") || target.starts_with("https://");
        let integration = Integration {
            kind: if is_server { "HTTP_PROXY" } else { "AWS_PROXY" }.into(),
            uri: Some(target),
            method: is_server.then(|| "ANY".into()),
            ..Integration::default()
        };
        let backend = integration.backend(Payload::V2, context, findings, place);
        draft
            .routes
            .extend(backend.map(|backend| quick(backend, place)));
        let stages = &mut draft.gateway.stages;
        stages.entry(gateway::DEFAULT_STAGE.into()).or_default();
    }
    draft
}

/// The route of an API that is all one function.
fn quick(backend: Backend, span: Span) -> Placed {
    Placed {
        route: Route {
            method: None,
            path: None,
            backend,
            guard: None,
            needs_key: false,
            wanted: Wanted::default(),
        },
        span,
        auth: RouteAuth::default(),
        wanted: wanted::Asked::default(),
    }
}

fn check_selection(expression: &str, fields: &Fields<'_>, findings: &Findings<'_>) {
    let plain = |path: &str| {
        !path.is_empty()
            && path.split('.').all(|step| {
                !step.is_empty()
                    && step
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
            })
    };
    let bare = expression
        .strip_prefix("${")
        .and_then(|rest| rest.strip_suffix('}'));
    let bare = bare.unwrap_or(expression.strip_prefix('$').unwrap_or_default());
    if !bare.strip_prefix("request.body.").is_some_and(plain) {
        findings.report.add(
            Finding::error(
                fields.place("RouteSelectionExpression"),
                format!("the selection `{expression}` is not supported yet"),
            )
            .help("write it like $request.body.action"),
        );
    }
}

fn with_body(
    fields: &Fields<'_>,
    mut gateway: Gateway,
    context: &Context,
    findings: &Findings<'_>,
) -> Draft {
    let mut auth = Auth::default();
    let routes = match fields.node("Body") {
        Some(document) if !matches!(document.value, Value::Broken) => {
            let reading = gateway::openapi::Reading {
                document,
                context,
                findings,
            };
            reading.read(&mut gateway, &mut auth)
        }
        _ => Vec::new(),
    };
    Draft {
        gateway,
        auth,
        models: BTreeMap::new(),
        routes,
    }
}
