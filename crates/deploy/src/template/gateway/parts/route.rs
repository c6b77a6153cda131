//! Routes of HTTP and WebSocket APIs, and the integrations that they lead to.

use std::collections::BTreeMap;

use super::schema::{CHANGE, CHANGES};
use super::{Assembly, Part, Piece};
use crate::desired::{Backend, GatewayKind, Payload, Route, Wanted};
use crate::diagnostic::Finding;
use crate::template::gateway::integration::{Integration, Operation};
use crate::template::gateway::{self, Placed, wanted};
use crate::template::shape::Fields;
use crate::template::tree::Node;

impl<'f> Assembly<'_, 'f> {
    pub(super) fn web_route(
        &self,
        piece: &Piece,
        fields: &Fields<'f>,
        api: &str,
        kind: GatewayKind,
    ) -> Option<Placed> {
        let key = fields.required_text("RouteKey")?;
        let target = fields.required_text("Target")?;
        let target = target.strip_prefix("integrations/").unwrap_or(&target);
        let integrations = self.of(api, Part::WebIntegration);
        let Some((_, integration)) = integrations.iter().find(|(one, _)| one.id == target) else {
            let place = fields.place("Target");
            self.findings.report.add(
                Finding::error(place, "this must be an integration of the API")
                    .help("write !Sub integrations/${TheIntegration}"),
            );
            return None;
        };
        let mut backend = self.web_integration(integration, kind)?;
        let (method, path) = match kind {
            GatewayKind::Socket => {
                let replies = fields.text("RouteResponseSelectionExpression");
                if let Backend::Function(backend) = &mut backend {
                    backend.replies = replies.as_deref() == Some("$default");
                }
                (None, Some(key))
            }
            _ if key == gateway::DEFAULT_STAGE => (None, None),
            _ => {
                let report = self.findings.report;
                let (method, path) = key.split_once(' ').unwrap_or(("", &key));
                (
                    gateway::checked_method(fields, "RouteKey", method, report)?,
                    Some(gateway::checked_path(
                        fields,
                        "RouteKey",
                        path.to_owned(),
                        report,
                    )?),
                )
            }
        };
        Some(Placed {
            route: Route {
                method,
                path,
                backend,
                guard: None,
                needs_key: false,
                wanted: Wanted::default(),
            },
            span: piece.span,
            auth: self.guarded(fields, "AuthorizationType", piece.span),
            wanted: wanted::Asked::default(),
        })
    }

    fn web_integration(&self, fields: &Fields<'f>, kind: GatewayKind) -> Option<Backend> {
        let place = fields.place("IntegrationType");
        let kind_text = fields.required_text("IntegrationType")?;
        let supported: &[&str] = match kind {
            GatewayKind::Socket => &["AWS_PROXY"],
            _ => &["AWS_PROXY", "HTTP_PROXY"],
        };
        if !supported.contains(&kind_text.as_str()) {
            self.findings.report.add(
                Finding::error(place, "this type of integration is not supported yet")
                    .help(format!("supported is {}", supported.join(" and "))),
            );
            return None;
        }
        if let Some(subtype) = fields.text("IntegrationSubtype") {
            let operation = Operation {
                subtype: &subtype,
                parameters: fields.texts("RequestParameters"),
                timeout_ms: fields.integer("TimeoutInMillis", 50..=30_000),
                span: fields.place("IntegrationSubtype"),
            };
            if fields.has("ResponseParameters") {
                let place = fields.place("ResponseParameters");
                let message = "answers of services are not changed on their way yet";
                self.findings.report.add(Finding::error(place, message));
            }
            if kind == GatewayKind::Socket {
                let message = "operations of services answer no messages yet";
                self.findings
                    .report
                    .add(Finding::error(operation.span, message));
                return None;
            }
            return operation.backend(self.context, self.findings);
        }
        let integration = Integration {
            kind: kind_text,
            uri: Some(fields.required_text("IntegrationUri")?),
            method: fields.text("IntegrationMethod"),
            parameters: fields.texts("RequestParameters"),
            changes: self.changes(fields),
            payload: fields.text("PayloadFormatVersion"),
            timeout_ms: fields.integer("TimeoutInMillis", 50..=30_000),
            ..Integration::default()
        };
        let usual = match kind {
            GatewayKind::Socket => Payload::V1,
            _ => Payload::V2,
        };
        let place = fields.place("IntegrationUri");
        integration.backend(usual, self.context, self.findings, place)
    }

    /// What is said otherwise of answers, by their status.
    fn changes(&self, fields: &Fields<'f>) -> BTreeMap<String, BTreeMap<String, String>> {
        let node = fields.node("ResponseParameters");
        let statuses = node.and_then(Node::entries).unwrap_or_default();
        let change = |node: &'f Node| {
            let name = "ResponseParameters";
            let fields = Fields::open(node, node.span, name, CHANGE, self.findings)?;
            Some((
                fields.required_text("Destination")?,
                fields.required_text("Source")?,
            ))
        };
        let of_status = |node: &'f Node| {
            let name = "ResponseParameters";
            let fields = Fields::open(node, node.span, name, CHANGES, self.findings)?;
            let listed = fields.list(name).unwrap_or_default();
            Some(listed.iter().filter_map(change).collect())
        };
        let changes = statuses.iter();
        changes
            .filter_map(|entry| Some((entry.key.clone(), of_status(&entry.value)?)))
            .collect()
    }
}
