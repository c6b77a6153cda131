//! APIs that are declared piece by piece: `AWS::ApiGateway::*` and `AWS::ApiGatewayV2::*`.
//!
//! A piece names what it belongs to by what a reference to that is worth, so pieces are put together by those ids when
//! all have been read. Deployments change nothing here: what is declared is what is served.

use std::collections::BTreeMap;

use super::auth::{self, Auth, RouteAuth};
use super::integration::{Answer, Integration, Operation, function_of};
use super::{Draft, Placed, refusals, wanted};
use crate::Context;
use crate::desired::{
    Asks, Backend, FunctionGuard, GatewayKind, Guard, GuardKind, Payload, RefusalForm, Route,
    Source, TokenGuard, Wanted,
};
use crate::diagnostic::{Finding, Span};
use crate::template::literal::json;
use crate::template::shape::{Fields, Findings, Schema, Support};
use crate::template::tree::{Node, Value};
use Support::{Access, Notice, Obeyed, Refused};

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
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) part: Part,
    /// What a reference to it is worth.
    pub(crate) id: String,
    pub(crate) span: Span,
    pub(crate) properties: Node,
}

const NO_LOG: &str = "accesses are not logged yet";
const NO_CACHE: &str = "answers are not cached";
const NO_CANARY: &str = "there are no canaries";
const NO_TAGS: &str = "tags of gateways are not kept";
const NOT_THROTTLED: &str = "requests are not throttled by route";
const NO_POOLS: &str = "scopes are for user pools, and there are none yet";
const NO_MAPPING: &str = "requests are not rewritten on their way";
const NO_CONVERSION: &str = "bodies are passed on as they come";

impl Part {
    pub(crate) fn schema(self) -> Schema {
        match self {
            Self::Resource => &[
                ("ParentId", Obeyed),
                ("PathPart", Obeyed),
                ("RestApiId", Obeyed),
            ],
            Self::Method => METHOD,
            Self::Deployment => &[
                ("DeploymentCanarySettings", Refused(NO_CANARY)),
                ("Description", Obeyed),
                ("RestApiId", Obeyed),
                (
                    "StageDescription",
                    Notice("a stage is described where it is declared"),
                ),
                ("StageName", Obeyed),
            ],
            Self::Stage => STAGE,
            Self::Authorizer => AUTHORIZER,
            Self::Model => &[
                ("ContentType", Obeyed),
                ("Description", Obeyed),
                ("Name", Obeyed),
                ("RestApiId", Obeyed),
                ("Schema", Obeyed),
            ],
            Self::Validator => &[
                ("Name", Obeyed),
                ("RestApiId", Obeyed),
                ("ValidateRequestBody", Obeyed),
                ("ValidateRequestParameters", Obeyed),
            ],
            Self::Refusal => &[
                ("ResponseParameters", Obeyed),
                ("ResponseTemplates", Obeyed),
                ("ResponseType", Obeyed),
                ("RestApiId", Obeyed),
                ("StatusCode", Obeyed),
            ],
            Self::Account => &[("CloudWatchRoleArn", Notice(NO_LOG))],
            Self::WebRoute => WEB_ROUTE,
            Self::WebIntegration => WEB_INTEGRATION,
            Self::WebStage => WEB_STAGE,
            Self::WebAuthorizer => WEB_AUTHORIZER,
            Self::WebDeployment => &[
                ("ApiId", Obeyed),
                ("Description", Obeyed),
                ("StageName", Obeyed),
            ],
            Self::WebRouteResponse => &[
                ("ApiId", Obeyed),
                (
                    "ModelSelectionExpression",
                    Refused("answers are not validated"),
                ),
                ("ResponseModels", Refused("answers are not validated")),
                ("ResponseParameters", Refused(NO_MAPPING)),
                ("RouteId", Obeyed),
                ("RouteResponseKey", Obeyed),
            ],
        }
    }

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

pub(crate) const PLAIN_REST: Schema = &[
    ("ApiKeySourceType", Obeyed),
    ("BinaryMediaTypes", Obeyed),
    ("Body", Obeyed),
    (
        "BodyS3Location",
        Refused("only what stands in the template is read"),
    ),
    ("CloneFrom", Refused("there is nothing to clone")),
    ("Description", Obeyed),
    (
        "DisableExecuteApiEndpoint",
        Refused("there is no other endpoint"),
    ),
    ("EndpointConfiguration", Notice(super::ONE_ADDRESS)),
    ("FailOnWarnings", Obeyed),
    (
        "MinimumCompressionSize",
        Notice("answers are not compressed"),
    ),
    ("Mode", Obeyed),
    ("Name", Obeyed),
    ("Parameters", Obeyed),
    ("Policy", Access),
    ("Tags", Notice(NO_TAGS)),
];
pub(crate) const PLAIN_API: Schema = &[
    (
        "ApiKeySelectionExpression",
        Refused("keys are for REST APIs"),
    ),
    ("BasePath", Refused("there are no domains of one's own yet")),
    ("Body", Obeyed),
    (
        "BodyS3Location",
        Refused("only what stands in the template is read"),
    ),
    ("CorsConfiguration", Obeyed),
    ("CredentialsArn", Access),
    ("Description", Obeyed),
    (
        "DisableExecuteApiEndpoint",
        Refused("there is no other endpoint"),
    ),
    ("DisableSchemaValidation", Obeyed),
    ("FailOnWarnings", Obeyed),
    ("IpAddressType", Notice(super::ONE_ADDRESS)),
    ("Name", Obeyed),
    ("ProtocolType", Obeyed),
    ("RouteKey", Obeyed),
    ("RouteSelectionExpression", Obeyed),
    ("Tags", Notice(NO_TAGS)),
    ("Target", Obeyed),
    ("Version", Obeyed),
];
const METHOD: Schema = &[
    ("ApiKeyRequired", Obeyed),
    ("AuthorizationScopes", Refused(NO_POOLS)),
    ("AuthorizationType", Obeyed),
    ("AuthorizerId", Obeyed),
    ("HttpMethod", Obeyed),
    ("Integration", Obeyed),
    ("MethodResponses", Obeyed),
    ("OperationName", Obeyed),
    ("RequestModels", Obeyed),
    ("RequestParameters", Obeyed),
    ("RequestValidatorId", Obeyed),
    ("ResourceId", Obeyed),
    ("RestApiId", Obeyed),
];
const INTEGRATION: Schema = &[
    ("CacheKeyParameters", Refused(NO_CACHE)),
    ("CacheNamespace", Refused(NO_CACHE)),
    ("ConnectionId", Refused("there are no private networks")),
    ("ConnectionType", Obeyed),
    ("ContentHandling", Refused(NO_CONVERSION)),
    ("Credentials", Access),
    ("IntegrationHttpMethod", Obeyed),
    ("IntegrationResponses", Obeyed),
    ("PassthroughBehavior", Obeyed),
    ("RequestParameters", Obeyed),
    ("RequestTemplates", Obeyed),
    ("ResponseTransferMode", Obeyed),
    ("TimeoutInMillis", Obeyed),
    ("Type", Obeyed),
    ("Uri", Obeyed),
];
const INTEGRATION_RESPONSE: Schema = &[
    ("ContentHandling", Refused(NO_CONVERSION)),
    ("ResponseParameters", Obeyed),
    ("ResponseTemplates", Obeyed),
    ("SelectionPattern", Obeyed),
    ("StatusCode", Obeyed),
];
const STAGE: Schema = &[
    ("AccessLogSetting", Notice(NO_LOG)),
    ("CacheClusterEnabled", Refused(NO_CACHE)),
    ("CacheClusterSize", Refused(NO_CACHE)),
    ("CanarySetting", Refused(NO_CANARY)),
    (
        "ClientCertificateId",
        Refused("functions need no certificate"),
    ),
    ("DeploymentId", Obeyed),
    ("Description", Obeyed),
    ("DocumentationVersion", Obeyed),
    ("MethodSettings", Notice(NOT_THROTTLED)),
    ("RestApiId", Obeyed),
    ("StageName", Obeyed),
    ("Tags", Notice(NO_TAGS)),
    ("TracingEnabled", Notice("traces are not recorded yet")),
    ("Variables", Obeyed),
];
const AUTHORIZER: Schema = &[
    ("AuthType", Obeyed),
    ("AuthorizerCredentials", Access),
    ("AuthorizerResultTtlInSeconds", Obeyed),
    ("AuthorizerUri", Obeyed),
    ("IdentitySource", Obeyed),
    ("IdentityValidationExpression", Obeyed),
    ("Name", Obeyed),
    ("ProviderARNs", Refused("there are no user pools yet")),
    ("RestApiId", Obeyed),
    ("Type", Obeyed),
];
const WEB_ROUTE: Schema = &[
    ("ApiId", Obeyed),
    ("ApiKeyRequired", Refused("keys are for REST APIs")),
    ("AuthorizationScopes", Obeyed),
    ("AuthorizationType", Obeyed),
    ("AuthorizerId", Obeyed),
    (
        "ModelSelectionExpression",
        Refused("messages are not validated yet"),
    ),
    ("OperationName", Obeyed),
    ("RequestModels", Refused("messages are not validated yet")),
    (
        "RequestParameters",
        Refused("messages are not validated yet"),
    ),
    ("RouteKey", Obeyed),
    ("RouteResponseSelectionExpression", Obeyed),
    ("Target", Obeyed),
];
const WEB_INTEGRATION: Schema = &[
    ("ApiId", Obeyed),
    ("ConnectionId", Refused("there are no private networks")),
    ("ConnectionType", Obeyed),
    ("ContentHandlingStrategy", Refused(NO_CONVERSION)),
    ("CredentialsArn", Access),
    ("Description", Obeyed),
    ("IntegrationMethod", Obeyed),
    ("IntegrationSubtype", Obeyed),
    ("IntegrationType", Obeyed),
    ("IntegrationUri", Obeyed),
    ("PassthroughBehavior", Obeyed),
    ("PayloadFormatVersion", Obeyed),
    ("RequestParameters", Obeyed),
    ("RequestTemplates", Refused(NO_MAPPING)),
    ("ResponseParameters", Obeyed),
    ("TemplateSelectionExpression", Refused(NO_MAPPING)),
    ("TimeoutInMillis", Obeyed),
    ("TlsConfig", Refused("functions need no certificate")),
];
const CHANGES: Schema = &[("ResponseParameters", Obeyed)];
const CHANGE: Schema = &[("Destination", Obeyed), ("Source", Obeyed)];
const WEB_STAGE: Schema = &[
    ("AccessLogSettings", Notice(NO_LOG)),
    ("AccessPolicyId", Obeyed),
    ("ApiId", Obeyed),
    ("AutoDeploy", Obeyed),
    (
        "ClientCertificateId",
        Refused("functions need no certificate"),
    ),
    ("DefaultRouteSettings", Notice(NOT_THROTTLED)),
    ("DeploymentId", Obeyed),
    ("Description", Obeyed),
    ("RouteSettings", Notice(NOT_THROTTLED)),
    ("StageName", Obeyed),
    ("StageVariables", Obeyed),
    ("Tags", Notice(NO_TAGS)),
];
const WEB_AUTHORIZER: Schema = &[
    ("ApiId", Obeyed),
    ("AuthorizerCredentialsArn", Access),
    ("AuthorizerPayloadFormatVersion", Obeyed),
    ("AuthorizerResultTtlInSeconds", Obeyed),
    ("AuthorizerType", Obeyed),
    ("AuthorizerUri", Obeyed),
    ("EnableSimpleResponses", Obeyed),
    ("IdentitySource", Obeyed),
    ("IdentityValidationExpression", Obeyed),
    ("JwtConfiguration", Obeyed),
    ("Name", Obeyed),
];
const WEB_JWT: Schema = &[("Audience", Obeyed), ("Issuer", Obeyed)];

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

    fn method(
        &self,
        piece: &Piece,
        fields: &Fields<'f>,
        api: &str,
        draft: &Draft,
    ) -> Option<Placed> {
        let method = fields.required_text("HttpMethod")?;
        let method = super::checked_method(fields, "HttpMethod", &method, self.findings.report)?;
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
        let path = super::checked_path(fields, "ResourceId", path, self.findings.report)?;
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
            changes: BTreeMap::new(),
        };
        let place = fields.place("Type");
        integration.backend(Payload::V1, self.context, self.findings, place)
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

    fn authorizer(&self, piece: &Piece, fields: &Fields<'f>, auth: &mut Auth) -> Option<()> {
        let types = ["TOKEN", "REQUEST", "COGNITO_USER_POOLS"];
        fields.required("Type")?;
        let asks = match fields.choice("Type", &types)? {
            "TOKEN" => Asks::Token,
            "REQUEST" => Asks::Request(functions::HttpForm::Detailed),
            _ => return None,
        };
        let text = fields.text("IdentitySource").unwrap_or_default();
        let sources = text.split(',').map(str::trim).filter(|one| !one.is_empty());
        let sources: Vec<Source> = sources.filter_map(auth::read_source).collect();
        let mut guard = self.function_guard(fields, asks, sources)?;
        guard.remember_s = fields
            .integer("AuthorizerResultTtlInSeconds", 0..=3_600)
            .unwrap_or(300);
        let kind = GuardKind::Function(guard);
        auth.guards.push(Guard {
            name: piece.id.clone(),
            kind,
        });
        Some(())
    }

    fn function_guard(
        &self,
        fields: &Fields<'f>,
        asks: Asks,
        sources: Vec<Source>,
    ) -> Option<FunctionGuard> {
        let uri = fields.required_text("AuthorizerUri")?;
        let place = fields.place("AuthorizerUri");
        let (function, qualifier) = function_of(Some(&uri), self.context, self.findings, place)?;
        let pattern = fields.text("IdentityValidationExpression");
        let pattern = pattern.filter(|pattern| !pattern.is_empty());
        if let (Some(pattern), Some(node)) = (&pattern, fields.node("IdentityValidationExpression"))
        {
            auth::check_pattern(pattern, node, self.findings);
        }
        Some(FunctionGuard {
            function,
            qualifier,
            asks,
            simple: false,
            sources,
            pattern,
            remember_s: 0,
        })
    }

    fn web_authorizer(
        &self,
        piece: &Piece,
        fields: &Fields<'f>,
        kind: GatewayKind,
        auth: &mut Auth,
    ) -> Option<()> {
        fields.required("AuthorizerType")?;
        let sources = fields.strings("IdentitySource");
        let sources: Vec<Source> = sources
            .iter()
            .filter_map(|text| auth::read_source(text))
            .collect();
        let kind = match fields.choice("AuthorizerType", &["REQUEST", "JWT"])? {
            "JWT" => {
                fields.required("JwtConfiguration")?;
                let jwt = fields.nested("JwtConfiguration", WEB_JWT, self.findings)?;
                GuardKind::Token(TokenGuard {
                    source: sources.into_iter().next()?,
                    issuer: jwt.required_text("Issuer")?,
                    audiences: jwt.strings("Audience"),
                })
            }
            _ => {
                let version = fields.choice("AuthorizerPayloadFormatVersion", &["1.0", "2.0"]);
                let asks = Asks::Request(match (kind, version) {
                    (GatewayKind::Http, Some("2.0")) => functions::HttpForm::Compact,
                    _ => functions::HttpForm::Detailed,
                });
                let mut guard = self.function_guard(fields, asks, sources)?;
                guard.simple = fields.boolean("EnableSimpleResponses").unwrap_or(false);
                guard.remember_s = fields
                    .integer("AuthorizerResultTtlInSeconds", 0..=3_600)
                    .unwrap_or(0);
                GuardKind::Function(guard)
            }
        };
        auth.guards.push(Guard {
            name: piece.id.clone(),
            kind,
        });
        Some(())
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

    fn web_route(
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
            _ if key == super::DEFAULT_STAGE => (None, None),
            _ => {
                let report = self.findings.report;
                let (method, path) = key.split_once(' ').unwrap_or(("", &key));
                (
                    super::checked_method(fields, "RouteKey", method, report)?,
                    Some(super::checked_path(
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

fn stage(fields: &Fields<'_>, variables: &str, draft: &mut Draft) {
    let Some(name) = fields.required_text("StageName") else {
        return;
    };
    let name = match name.as_str() {
        super::DEFAULT_STAGE => Some(name),
        _ => super::checked_stage(fields, name),
    };
    if let Some(name) = name {
        let variables: BTreeMap<String, String> = fields.texts(variables);
        draft.gateway.stages.insert(name, variables);
    }
}

/// What `RootResourceId` of an API is worth.
pub(crate) fn root(api: &str) -> String {
    format!("{api}/root")
}

/// An API whose routes stand elsewhere, or in its `Body`.
pub(crate) fn plain_rest<'f>(
    fields: &Fields<'f>,
    id: String,
    context: &Context,
    findings: &Findings<'f>,
) -> Draft {
    let mut gateway = super::bare(GatewayKind::Rest, fields.text("Name"), id);
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
    let mut gateway = super::bare(kind, fields.text("Name"), id);
    if kind == GatewayKind::Socket {
        gateway.selection = fields.required_text("RouteSelectionExpression");
        if let Some(expression) = &gateway.selection {
            check_selection(expression, fields, findings);
        }
    } else {
        gateway.cors = super::http_cors(fields, "CorsConfiguration", findings);
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
        stages.entry(super::DEFAULT_STAGE.into()).or_default();
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
    mut gateway: crate::desired::Gateway,
    context: &Context,
    findings: &Findings<'_>,
) -> Draft {
    let mut auth = Auth::default();
    let routes = match fields.node("Body") {
        Some(document) if !matches!(document.value, Value::Broken) => {
            let reading = super::openapi::Reading {
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
