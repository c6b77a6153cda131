//! APIs that are declared piece by piece: `AWS::ApiGateway::*` and `AWS::ApiGatewayV2::*`.
//!
//! A piece names what it belongs to by what a reference to that is worth, so pieces are put together by those ids when
//! all have been read. Deployments change nothing here: what is declared is what is served.

mod authorizer;
mod method;
mod plain;
mod route;
mod schema;

use super::auth::{self, RouteAuth};
use super::{Draft, refusals};
use crate::Context;
use crate::desired::RefusalForm;
use crate::diagnostic::{Finding, Span};
use crate::template::literal::json;
use crate::template::shape::{Fields, Findings};
use crate::template::tree::Node;

pub(crate) use method::root;
pub(crate) use plain::{plain_api, plain_rest};
pub(crate) use schema::{PLAIN_API, PLAIN_REST};

/// What a piece is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Resource,
    Method,
    Deployment,
    Stage,
    Authorizer,
    Model,
    Validator,
    Refusal,
    Account,
    WebRoute,
    WebIntegration,
    WebStage,
    WebAuthorizer,
    WebDeployment,
    WebRouteResponse,
}

/// A piece that has been read.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub(crate) part: Part,
    /// What a reference to it is worth.
    pub(crate) id: String,
    pub(crate) span: Span,
    pub(crate) properties: Node,
}

impl Part {
    /// The property that says which API it belongs to.
    fn owner(self) -> &'static str {
        match self {
            Self::WebRoute
            | Self::WebIntegration
            | Self::WebStage
            | Self::WebAuthorizer
            | Self::WebDeployment
            | Self::WebRouteResponse => "ApiId",
            _ => "RestApiId",
        }
    }
}

impl Piece {
    /// The id of the API that it belongs to. None if that cannot be said, or if it is everybody's.
    pub(crate) fn api(&self) -> Option<&str> {
        match self.part {
            Part::Account => None,
            part => self.properties.get(part.owner())?.scalar(),
        }
    }

    /// That there is no such API.
    pub(crate) fn stray(&self) -> Finding {
        let owner = self.part.owner();
        let place = self
            .properties
            .get(owner)
            .map_or(self.span, |node| node.span);
        let message = format!("`{owner}` must be an API of this template");
        Finding::error(place, message)
            .why(format!(
                "there is no API `{}`",
                self.api().unwrap_or_default()
            ))
            .help("declare it here, or in a template that nests this one")
    }
}

/// Puts together what belongs to one API.
pub(crate) struct Assembly<'a, 'f> {
    pub(crate) pieces: &'f [Piece],
    pub(crate) context: &'a Context,
    pub(crate) findings: &'a Findings<'f>,
}

impl<'f> Assembly<'_, 'f> {
    pub(crate) fn add(&self, draft: &mut Draft) {
        let id = draft.gateway.id.clone();
        draft.auth.signature = true;
        for (_, fields) in self.of(&id, Part::Stage) {
            stage(&fields, "Variables", draft);
        }
        for (_, fields) in self.of(&id, Part::WebStage) {
            stage(&fields, "StageVariables", draft);
        }
        for (_, fields) in self.of(&id, Part::Deployment) {
            if let Some(name) = fields.text("StageName") {
                draft.gateway.stages.entry(name).or_default();
            }
        }
        for (piece, fields) in self.of(&id, Part::Authorizer) {
            self.authorizer(piece, &fields, &mut draft.auth);
        }
        for (piece, fields) in self.of(&id, Part::WebAuthorizer) {
            self.web_authorizer(piece, &fields, draft.gateway.kind, &mut draft.auth);
        }
        for (piece, fields) in self.of(&id, Part::Model) {
            if let Some(schema) = fields.node("Schema") {
                draft
                    .models
                    .insert(piece.id.clone(), json(schema).to_string());
            }
        }
        for (piece, fields) in self.of(&id, Part::Refusal) {
            if let Some((name, form)) = self.refusal(piece, &fields) {
                draft.gateway.refusals.insert(name, form);
            }
        }
        for (piece, fields) in self.of(&id, Part::Method) {
            let placed = self.method(piece, &fields, &id, draft);
            draft.routes.extend(placed);
        }
        for (piece, fields) in self.of(&id, Part::WebRoute) {
            let placed = self.web_route(piece, &fields, &id, draft.gateway.kind);
            draft.routes.extend(placed);
        }
    }

    fn of(&self, api: &str, part: Part) -> Vec<(&'f Piece, Fields<'f>)> {
        let pieces = self.pieces.iter().filter(|piece| piece.part == part);
        let open = |piece: &'f Piece| {
            // Its keys have been checked when it was read.
            let fields = Fields::trusted(&piece.properties, piece.span, self.findings)?;
            let owner = fields.required_text(part.owner())?;
            (owner == api).then_some((piece, fields))
        };
        pieces.filter_map(open).collect()
    }

    fn guarded(&self, fields: &Fields<'f>, kind: &str, span: Span) -> RouteAuth {
        let kinds = ["NONE", "AWS_IAM", "CUSTOM", "JWT", "COGNITO_USER_POOLS"];
        let scopes = fields.strings("AuthorizationScopes");
        match fields.choice(kind, &kinds) {
            None | Some("NONE") => RouteAuth::nobody(span),
            Some("COGNITO_USER_POOLS") => {
                let message = "there are no user pools yet";
                self.findings
                    .report
                    .add(Finding::error(fields.place(kind), message));
                RouteAuth::nobody(span)
            }
            Some("AWS_IAM") => {
                RouteAuth::guarded(auth::SIGNATURE.into(), fields.place(kind), Vec::new())
            }
            Some(_) => match fields.required_text("AuthorizerId") {
                Some(by) => RouteAuth::guarded(by, fields.place("AuthorizerId"), scopes),
                None => RouteAuth::nobody(span),
            },
        }
    }

    fn refusal(&self, piece: &Piece, fields: &Fields<'f>) -> Option<(String, RefusalForm)> {
        let kind = fields.required_text("ResponseType")?;
        refusals::check_type(&kind, piece.span, self.findings)?;
        let headers = fields.texts("ResponseParameters");
        let node = fields.node("ResponseParameters");
        let form = RefusalForm {
            status: refusals::status(fields),
            headers: refusals::checked_headers(headers, node, self.findings),
            bodies: refusals::bodies(fields, self.findings),
        };
        Some((kind, form))
    }
}

fn stage(fields: &Fields<'_>, variables: &str, draft: &mut Draft) {
    let Some(name) = fields.required_text("StageName") else {
        return;
    };
    let name = match name.as_str() {
        super::DEFAULT_STAGE => Some(name),
        _ => super::checked_stage(fields, name),
    };
    if let Some(name) = name {
        let variables = fields.texts(variables);
        draft.gateway.stages.insert(name, variables);
    }
}
