//! APIs written down as OpenAPI, 2.0 or 3.0, with the service's extensions.
//!
//! What tools other than gateways read (descriptions, responses, servers) is passed over. An extension that is not
//! built is refused.

use std::collections::BTreeMap;

use serde_json::json;

use super::auth::{self, Auth, RouteAuth};
use super::integration::{Answer, Integration, Operation, function_of};
use super::{Placed, refusals, wanted};
use crate::Context;
use crate::desired::{
    Asks, Backend, Cors, FunctionGuard, Gateway, GatewayKind, Guard, GuardKind, Payload,
    RefusalForm, Route, Source, TokenGuard, Wanted,
};
use crate::diagnostic::{Finding, Span};
use crate::template::literal::json as literal;
use crate::template::scalar;
use crate::template::shape::Findings;
use crate::template::tree::{Entry, Node, Value};

const ANY_METHOD: &str = "x-amazon-apigateway-any-method";
const METHODS: [&str; 7] = ["delete", "get", "head", "options", "patch", "post", "put"];
const INTEGRATION: &str = "x-amazon-apigateway-integration";
/// The extensions that are obeyed, or make no difference here.
const KNOWN: [&str; 14] = [
    ANY_METHOD,
    INTEGRATION,
    "x-amazon-apigateway-api-key-source",
    "x-amazon-apigateway-auth",
    "x-amazon-apigateway-authorizer",
    "x-amazon-apigateway-authtype",
    "x-amazon-apigateway-binary-media-types",
    "x-amazon-apigateway-cors",
    "x-amazon-apigateway-documentation",
    "x-amazon-apigateway-gateway-responses",
    "x-amazon-apigateway-importexport-version",
    "x-amazon-apigateway-request-validator",
    "x-amazon-apigateway-request-validators",
    "x-amazon-apigateway-tag-value",
];

pub(super) struct Reading<'a, 'f> {
    pub(super) document: &'a Node,
    pub(super) context: &'a Context,
    pub(super) findings: &'a Findings<'f>,
}

impl Reading<'_, '_> {
    /// Writes what the document says into the gateway, its guards into `auth`; returns the routes.
    pub(super) fn read(&self, gateway: &mut Gateway, auth: &mut Auth) -> Vec<Placed> {
        let document = self.document;
        if document.is_broken() {
            return Vec::new();
        }
        let version = ["swagger", "openapi"]
            .iter()
            .find_map(|name| document.get(name)?.scalar());
        if !version.is_some_and(|version| version == "2.0" || version.starts_with("3.")) {
            self.refuse(
                document.span,
                "this is no OpenAPI document of version 2.0 or 3.0",
            );
            return Vec::new();
        }
        self.check_extensions(document, 0);
        let is_rest = gateway.kind == GatewayKind::Rest;
        for entry in entries(self.schemes()) {
            if let Some(kind) = self.guard(&entry.key, &entry.value, is_rest) {
                let name = entry.key.clone();
                auth.guards.push(Guard { name, kind });
            }
        }
        if let Some(types) = document.get("x-amazon-apigateway-binary-media-types") {
            gateway.binary.extend(self.texts(types));
        }
        if self
            .text(document.get("x-amazon-apigateway-api-key-source"))
            .as_deref()
            == Some("AUTHORIZER")
        {
            gateway.guard_says_keys = true;
        }
        if let Some(cors) = document.get("x-amazon-apigateway-cors") {
            gateway.cors = Some(self.cors(cors));
        }
        let responses = document.get("x-amazon-apigateway-gateway-responses");
        gateway.refusals.extend(
            entries(responses)
                .iter()
                .filter_map(|entry| self.refusal(entry)),
        );
        let mut routes = Vec::new();
        for path in entries(document.get("paths")) {
            for operation in entries(Some(&path.value)) {
                routes.extend(self.operation(path, operation, gateway.kind));
            }
        }
        routes
    }

    fn refuse(&self, span: Span, message: impl Into<String>) {
        self.findings.report.add(Finding::error(span, message));
    }

    fn check_extensions(&self, node: &Node, depth: usize) {
        // Those within are looked at by whoever reads them.
        if depth > 3 {
            return;
        }
        for entry in entries(Some(node)) {
            let name = entry.key.as_str();
            if name.starts_with("x-amazon-apigateway-") && !KNOWN.contains(&name) {
                self.refuse(entry.key_span, format!("`{name}` is not supported yet"));
            }
            self.check_extensions(&entry.value, depth + 1);
        }
    }

    fn text(&self, node: Option<&Node>) -> Option<String> {
        scalar::text(node?, self.findings.report)
    }

    fn texts(&self, node: &Node) -> Vec<String> {
        match &node.value {
            Value::List(items) => items
                .iter()
                .filter_map(|item| self.text(Some(item)))
                .collect(),
            _ => self.text(Some(node)).into_iter().collect(),
        }
    }

    fn named_texts(&self, node: Option<&Node>) -> BTreeMap<String, String> {
        let text = |entry: &Entry| Some((entry.key.clone(), self.text(Some(&entry.value))?));
        entries(node).iter().filter_map(text).collect()
    }

    fn schemes(&self) -> Option<&Node> {
        let new = self
            .document
            .get("components")
            .and_then(|all| all.get("securitySchemes"));
        new.or_else(|| self.document.get("securityDefinitions"))
    }

    /// None for what asks for a key, which is no guard, and for what has been reported.
    fn guard(&self, name: &str, scheme: &Node, is_rest: bool) -> Option<GuardKind> {
        let kind = self.text(scheme.get("x-amazon-apigateway-authtype"));
        if kind.as_deref() == Some("awsSigv4") {
            return Some(GuardKind::Signature);
        }
        let Some(authorizer) = scheme.get("x-amazon-apigateway-authorizer") else {
            if !self.is_key(scheme) {
                self.refuse(
                    scheme.span,
                    format!("`{name}` has no `x-amazon-apigateway-authorizer`"),
                );
            }
            return None;
        };
        let kind = self.text(authorizer.get("type")).unwrap_or_default();
        match kind.to_ascii_lowercase().as_str() {
            "token" => self.function_guard(scheme, authorizer, Asks::Token, is_rest),
            "request" => {
                let version = self.text(authorizer.get("authorizerPayloadFormatVersion"));
                let form = match version.as_deref() {
                    Some("2.0") => functions::HttpForm::Compact,
                    _ => functions::HttpForm::Detailed,
                };
                self.function_guard(scheme, authorizer, Asks::Request(form), is_rest)
            }
            "jwt" => self.token_guard(authorizer),
            other => {
                self.refuse(
                    authorizer.span,
                    format!("authorizers of type `{other}` are not supported yet"),
                );
                None
            }
        }
    }

    fn is_key(&self, scheme: &Node) -> bool {
        let named = self.text(scheme.get("name"));
        self.text(scheme.get("type")).as_deref() == Some("apiKey")
            && named.is_some_and(|name| name.eq_ignore_ascii_case("x-api-key"))
    }

    fn function_guard(
        &self,
        scheme: &Node,
        authorizer: &Node,
        asks: Asks,
        is_rest: bool,
    ) -> Option<GuardKind> {
        let uri = self.text(authorizer.get("authorizerUri"));
        let (function, qualifier) =
            function_of(uri.as_deref(), self.context, self.findings, authorizer.span)?;
        let sources = authorizer.get("identitySource");
        let sources: Vec<String> = sources.map(|node| self.texts(node)).unwrap_or_default();
        let mut sources: Vec<Source> = sources
            .iter()
            .flat_map(|text| text.split(','))
            .filter_map(|text| auth::read_source(text.trim()))
            .collect();
        if asks == Asks::Token && sources.is_empty() {
            let header = self.text(scheme.get("name"));
            sources.push(Source::Header(
                header.unwrap_or_else(|| "Authorization".into()),
            ));
        }
        let pattern = authorizer.get("identityValidationExpression");
        let text = self.text(pattern);
        if let (Some(text), Some(node)) = (&text, pattern) {
            auth::check_pattern(text, node, self.findings);
        }
        let seconds = self.number(authorizer.get("authorizerResultTtlInSeconds"), 0..=3_600);
        Some(GuardKind::Function(FunctionGuard {
            function,
            qualifier,
            asks,
            simple: self.truth(authorizer.get("enableSimpleResponses")),
            sources,
            pattern: text,
            remember_s: seconds.unwrap_or(if is_rest { 300 } else { 0 }),
        }))
    }

    fn token_guard(&self, authorizer: &Node) -> Option<GuardKind> {
        let jwt = authorizer.get("jwtConfiguration");
        let issuer = self.text(jwt.and_then(|jwt| jwt.get("issuer")));
        let Some(issuer) = issuer else {
            self.refuse(authorizer.span, "this authorizer has no `issuer`");
            return None;
        };
        let audience = jwt.and_then(|jwt| jwt.get("audience"));
        let source = match authorizer.get("identitySource") {
            Some(node) => auth::source(node, self.findings)?,
            None => Source::Header("Authorization".into()),
        };
        Some(GuardKind::Token(TokenGuard {
            source,
            issuer,
            audiences: audience.map(|node| self.texts(node)).unwrap_or_default(),
        }))
    }

    fn number(&self, node: Option<&Node>, range: std::ops::RangeInclusive<u32>) -> Option<u32> {
        let node = node?;
        let number = scalar::integer(node).and_then(|number| u32::try_from(number).ok());
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            let (least, most) = (range.start(), range.end());
            self.refuse(
                node.span,
                format!("this must be a whole number from {least} to {most}"),
            );
        }
        number
    }

    fn truth(&self, node: Option<&Node>) -> bool {
        node.and_then(scalar::boolean).unwrap_or(false)
    }

    fn cors(&self, node: &Node) -> Cors {
        let texts = |name: &str| {
            node.get(name)
                .map(|node| self.texts(node))
                .unwrap_or_default()
        };
        Cors {
            origins: texts("allowOrigins"),
            methods: texts("allowMethods"),
            headers: texts("allowHeaders"),
            exposed: texts("exposeHeaders"),
            max_age_s: self.number(node.get("maxAge"), 0..=86_400),
            credentials: self.truth(node.get("allowCredentials")),
        }
    }

    fn refusal(&self, entry: &Entry) -> Option<(String, RefusalForm)> {
        refusals::check_type(&entry.key, entry.key_span, self.findings)?;
        let parameters = entry.value.get("responseParameters");
        let headers = self.named_texts(parameters);
        let status = self.text(entry.value.get("statusCode"));
        let bodies = self.named_texts(entry.value.get("responseTemplates"));
        for body in bodies.values() {
            refusals::check_template(body, &entry.value, self.findings);
        }
        let form = RefusalForm {
            status: status.and_then(|status| status.parse().ok()),
            headers: refusals::checked_headers(headers, parameters, self.findings),
            bodies,
        };
        Some((entry.key.clone(), form))
    }

    fn operation(&self, path: &Entry, operation: &Entry, kind: GatewayKind) -> Option<Placed> {
        let name = operation.key.as_str();
        let method = match name {
            ANY_METHOD => None,
            _ if METHODS.contains(&name) => Some(name.to_ascii_uppercase()),
            _ => return None,
        };
        let span = operation.key_span;
        let node = &operation.value;
        let backend = self.backend(node, span, kind)?;
        let path_text = match path.key.as_str() {
            "/$default" | "$default" => None,
            text => Some(text.to_owned()),
        };
        let (auth, needs_key) = self.security(node);
        Some(Placed {
            route: Route {
                method,
                path: path_text,
                backend,
                guard: None,
                needs_key,
                wanted: Wanted::default(),
            },
            span,
            auth: auth.with_key(needs_key),
            wanted: wanted::Asked::known(self.wanted(node, &path.value)),
        })
    }

    fn backend(&self, operation: &Node, span: Span, kind: GatewayKind) -> Option<Backend> {
        let Some(node) = operation.get(INTEGRATION) else {
            self.refuse(span, format!("this operation has no `{INTEGRATION}`"));
            return None;
        };
        let subtype = node.entries().unwrap_or_default().iter();
        let mut subtype = subtype.filter(|entry| entry.key == "integrationSubtype");
        if let Some(subtype) = subtype.next() {
            let name = self.text(Some(&subtype.value)).unwrap_or_default();
            let operation = Operation {
                subtype: &name,
                parameters: self.named_texts(node.get("requestParameters")),
                timeout_ms: self.number(node.get("timeoutInMillis"), 50..=30_000),
                span: subtype.key_span,
            };
            return operation.backend(self.context, self.findings);
        }
        let kind_text = self.text(node.get("type")).unwrap_or_default();
        let is_function = kind_text.eq_ignore_ascii_case("aws_proxy");
        if let Some(connection) = node.get("connectionId") {
            self.refuse(
                connection.span,
                "`connectionId` is not supported: there are no private networks",
            );
        }
        if let Some(tls) = node.get("tlsConfig") {
            self.refuse(tls.span, "`tlsConfig` is not supported yet");
        }
        let is_rest = kind == GatewayKind::Rest;
        // Of REST APIs, functions are told all anyway: tools write such parameters down without a need.
        let parameters = match is_function && is_rest {
            true => BTreeMap::new(),
            false => self.named_texts(node.get("requestParameters")),
        };
        let changes = entries(node.get("responseParameters")).iter();
        let changes =
            changes.map(|entry| (entry.key.clone(), self.named_texts(Some(&entry.value))));
        let answer = |entry: &Entry| Answer {
            pattern: (entry.key != "default").then(|| entry.key.clone()),
            status: self.text(entry.value.get("statusCode")).unwrap_or_default(),
            headers: self.named_texts(entry.value.get("responseParameters")),
            bodies: self.named_texts(entry.value.get("responseTemplates")),
            handling: self.text(entry.value.get("contentHandling")),
        };
        let integration = Integration {
            kind: kind_text,
            uri: self.text(node.get("uri")),
            payload: self.text(node.get("payloadFormatVersion")),
            timeout_ms: self.number(node.get("timeoutInMillis"), 50..=30_000),
            requests: self.named_texts(node.get("requestTemplates")),
            responses: entries(node.get("responses")).iter().map(answer).collect(),
            method: self.text(node.get("httpMethod")),
            parameters,
            passthrough: self.text(node.get("passthroughBehavior")),
            streams: self.text(node.get("responseTransferMode")).as_deref() == Some("STREAM"),
            is_rest,
            handling: self.text(node.get("contentHandling")),
            changes: changes.collect(),
        };
        // HTTP APIs speak the old form unless they are told to.
        let usual = match kind {
            GatewayKind::Rest => Payload::V1,
            _ => auth::payload(Some("1.0")),
        };
        integration.backend(usual, self.context, self.findings, node.span)
    }

    /// Who must let a caller pass, and whether a key is wanted. A list of several ways is one that asks for all.
    fn security(&self, operation: &Node) -> (RouteAuth, bool) {
        let asked = operation
            .get("security")
            .or_else(|| self.document.get("security"));
        let Some(asked) = asked else {
            return (RouteAuth::default(), false);
        };
        let Value::List(ways) = &asked.value else {
            return (RouteAuth::default(), false);
        };
        let mut auth = RouteAuth::nobody(asked.span);
        let mut needs_key = false;
        for entry in ways.iter().flat_map(|way| entries(Some(way))) {
            let scheme = self.schemes().and_then(|all| all.get(&entry.key));
            match scheme {
                Some(scheme) if self.is_key(scheme) => needs_key = true,
                _ => {
                    let scopes = self.texts(&entry.value);
                    auth = RouteAuth::guarded(entry.key.clone(), entry.key_span, scopes);
                }
            }
        }
        (auth, needs_key)
    }

    /// What the operation's validator has to see to.
    fn wanted(&self, operation: &Node, path: &Node) -> Wanted {
        let mut wanted = Wanted::default();
        const VALIDATOR: &str = "x-amazon-apigateway-request-validator";
        let name = operation
            .get(VALIDATOR)
            .or_else(|| self.document.get(VALIDATOR));
        let validators = self.document.get("x-amazon-apigateway-request-validators");
        let Some(name) = self.text(name) else {
            return wanted;
        };
        let Some(validator) = validators.and_then(|all| all.get(&name)) else {
            self.refuse(operation.span, format!("there is no validator `{name}`"));
            return wanted;
        };
        let parameters = [operation, path]
            .into_iter()
            .filter_map(|node| node.get("parameters"))
            .filter_map(|node| match &node.value {
                Value::List(items) => Some(items),
                _ => None,
            })
            .flatten()
            .map(|parameter| self.resolved(parameter));
        let mut body = None;
        for parameter in parameters {
            let name = self.text(parameter.get("name")).unwrap_or_default();
            let required = self.truth(parameter.get("required"));
            match self.text(parameter.get("in")).as_deref() {
                Some("body") => body = parameter.get("schema"),
                Some("header") if required => wanted.headers.push(name),
                Some("query") if required => wanted.query.push(name),
                _ => {}
            }
        }
        if !self.truth(validator.get("validateRequestParameters")) {
            wanted = Wanted::default();
        }
        if self.truth(validator.get("validateRequestBody")) {
            if let Some(schema) = body {
                wanted
                    .body
                    .insert("application/json".into(), self.schema(schema));
            }
            let content = operation.get("requestBody").map(|node| self.resolved(node));
            for kind in entries(content.and_then(|body| body.get("content"))) {
                if let Some(schema) = kind.value.get("schema") {
                    wanted.body.insert(kind.key.clone(), self.schema(schema));
                }
            }
        }
        wanted
    }

    /// What a `$ref` of the document refers to.
    fn resolved<'n>(&'n self, node: &'n Node) -> &'n Node {
        let Some(path) = node.get("$ref").and_then(Node::scalar) else {
            return node;
        };
        let mut steps = path.trim_start_matches("#/").split('/');
        steps
            .try_fold(self.document, |at, step| at.get(step))
            .unwrap_or(node)
    }

    /// A schema with what it may refer to.
    fn schema(&self, schema: &Node) -> String {
        let mut whole = json!({ "allOf": [literal(schema)] });
        for place in ["definitions", "components"] {
            if let Some(node) = self.document.get(place) {
                let node = match place {
                    "components" => json!({ "schemas": node.get("schemas").map(literal) }),
                    _ => literal(node),
                };
                whole[place] = node;
            }
        }
        whole.to_string()
    }
}

fn entries(node: Option<&Node>) -> &[Entry] {
    node.and_then(Node::entries).unwrap_or_default()
}
