//! Methods of REST APIs: where they are, what answers there, and what is wanted of a request.

use std::collections::BTreeMap;

use super::schema::{INTEGRATION, INTEGRATION_RESPONSE};
use super::{Assembly, Part, Piece};
use crate::desired::{Backend, Payload, Route, Wanted};
use crate::diagnostic::Finding;
use crate::template::gateway::integration::{Answer, Integration};
use crate::template::gateway::{self, Draft, Placed, wanted};
use crate::template::shape::Fields;
use crate::template::tree::Node;

impl<'f> Assembly<'_, 'f> {
    pub(super) fn method(
        &self,
        piece: &Piece,
        fields: &Fields<'f>,
        api: &str,
        draft: &Draft,
    ) -> Option<Placed> {
        let method = fields.required_text("HttpMethod")?;
        let method = gateway::checked_method(fields, "HttpMethod", &method, self.findings.report)?;
        let resource = fields.required_text("ResourceId")?;
        let Some(path) = self.path(api, &resource, 0) else {
            let message = "this must be a resource of the API";
            let place = fields.place("ResourceId");
            self.findings.report.add(Finding::error(place, message));
            return None;
        };
        let path = if path.is_empty() {
            "/".to_owned()
        } else {
            path
        };
        let path = gateway::checked_path(fields, "ResourceId", path, self.findings.report)?;
        fields.required("Integration")?;
        let integration = fields.nested("Integration", INTEGRATION, self.findings)?;
        let backend = self.integration(&integration)?;
        let auth = self.guarded(fields, "AuthorizationType", piece.span);
        let needs_key = fields.boolean("ApiKeyRequired").unwrap_or(false);
        Some(Placed {
            route: Route {
                method,
                path: Some(path),
                backend,
                guard: None,
                needs_key,
                wanted: Wanted::default(),
            },
            span: piece.span,
            auth: auth.with_key(needs_key),
            wanted: wanted::Asked::known(self.wanted(fields, api, draft)),
        })
    }

    /// The path of a resource of a REST API; none if the resource is not there.
    fn path(&self, api: &str, resource: &str, depth: usize) -> Option<String> {
        if resource == root(api) {
            return Some(String::new());
        }
        if depth > 64 {
            return None;
        }
        let all = self.of(api, Part::Resource);
        let (_, fields) = all.iter().find(|(piece, _)| piece.id == resource)?;
        let parent = self.path(api, &fields.required_text("ParentId")?, depth + 1)?;
        Some(format!("{parent}/{}", fields.required_text("PathPart")?))
    }

    fn integration(&self, fields: &Fields<'f>) -> Option<Backend> {
        if fields.is_broken("Uri") {
            return None;
        }
        let response = |node: &'f Node| {
            let name = "IntegrationResponses";
            let fields = Fields::open(node, node.span, name, INTEGRATION_RESPONSE, self.findings)?;
            Some(Answer {
                pattern: fields
                    .text("SelectionPattern")
                    .filter(|pattern| !pattern.is_empty()),
                status: fields.required_text("StatusCode")?,
                headers: fields.texts("ResponseParameters"),
                bodies: fields.texts("ResponseTemplates"),
                handling: fields.text("ContentHandling"),
            })
        };
        let responses = fields.list("IntegrationResponses").unwrap_or_default();
        let integration = Integration {
            kind: fields.required_text("Type")?,
            uri: fields.text("Uri"),
            payload: None,
            timeout_ms: fields.integer("TimeoutInMillis", 50..=29_000),
            requests: fields.texts("RequestTemplates"),
            responses: responses.iter().filter_map(response).collect(),
            method: fields.text("IntegrationHttpMethod"),
            parameters: fields.texts("RequestParameters"),
            passthrough: fields.text("PassthroughBehavior"),
            streams: fields.text("ResponseTransferMode").as_deref() == Some("STREAM"),
            is_rest: true,
            handling: fields.text("ContentHandling"),
            changes: BTreeMap::new(),
        };
        let place = fields.place("Type");
        integration.backend(Payload::V1, self.context, self.findings, place)
    }

    fn wanted(&self, fields: &Fields<'f>, api: &str, draft: &Draft) -> Wanted {
        let mut wanted = Wanted::default();
        let Some(id) = fields.text("RequestValidatorId") else {
            return wanted;
        };
        let validators = self.of(api, Part::Validator);
        let Some((_, validator)) = validators.iter().find(|(piece, _)| piece.id == id) else {
            let place = fields.place("RequestValidatorId");
            let message = "this must be a validator of the API";
            self.findings.report.add(Finding::error(place, message));
            return wanted;
        };
        if validator
            .boolean("ValidateRequestParameters")
            .unwrap_or(false)
        {
            for (name, required) in fields.texts("RequestParameters") {
                if let (Some((list, name)), "true") =
                    (wanted::place(&name, &mut wanted), required.as_str())
                {
                    list.push(name);
                }
            }
        }
        if validator.boolean("ValidateRequestBody").unwrap_or(false) {
            for (kind, model) in fields.texts("RequestModels") {
                match draft.models.get(&model) {
                    Some(schema) => drop(wanted.body.insert(kind, schema.clone())),
                    // Any JSON will do for these two.
                    None if ["Empty", "Error"].contains(&model.as_str()) => {
                        wanted.body.insert(kind, "{}".into());
                    }
                    None => self.findings.report.add(Finding::error(
                        fields.place("RequestModels"),
                        format!("the API has no model `{model}`"),
                    )),
                }
            }
        }
        wanted
    }
}

/// What `RootResourceId` of an API is worth.
pub(crate) fn root(api: &str) -> String {
    format!("{api}/root")
}
