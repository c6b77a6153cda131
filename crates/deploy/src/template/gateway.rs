//! `AWS::Serverless::Api`, `AWS::Serverless::HttpApi` and the URLs of functions: how requests over HTTP reach functions.
//!
//! The transform makes an API of each kind for the events that name none; such an API can be referred to like one that
//! is written down, so it is declared here before names are checked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

mod auth;
mod integration;
mod openapi;
mod parts;
mod plan;
mod refusals;
pub(crate) mod url;
mod wanted;

use crate::Context;
use crate::desired::{
    Backend, Cors, FunctionBackend, Gateway, GatewayKind, Payload, Route, Wanted,
};
use crate::diagnostic::{Finding, Report, Span};
use crate::template::declared::{Declared, Kind};
use crate::template::shape::{Fields, Findings, Schema, Support};
use crate::template::tree::{Entry, Node, Value};
use crate::template::{include, scalar};
use Support::{Access, Notice, Obeyed, Refused};

pub(crate) use auth::Auth;
use auth::{Reading, RouteAuth};
pub(crate) use parts::{Assembly, PLAIN_API, PLAIN_REST, Part, Piece, plain_api, plain_rest, root};
pub(crate) use plan::{KEY, PLAN, PLAN_KEY, declare as declare_plans, join, key, member, plan};
pub(crate) use wanted::Models;

pub(crate) const IMPLICIT_REST: &str = "ServerlessRestApi";
pub(crate) const IMPLICIT_HTTP: &str = "ServerlessHttpApi";
/// What an event calls its API.
pub(crate) const REST_ID: &str = "RestApiId";
pub(crate) const HTTP_ID: &str = "ApiId";
/// The stage of the API that the transform makes.
const IMPLICIT_STAGE: &str = "Prod";
const DEFAULT_STAGE: &str = "$default";
/// The path of the route that takes what no other does.
const DEFAULT_ROUTE: &str = "$default";
/// Added to a function's logical id.
const URL: &str = "Url";

const NO_DEFINITION: &str = "definitions are not merged yet";
const ONE_ADDRESS: &str = "there is one endpoint, and it is near";
const NOT_THROTTLED: &str = "requests are not throttled by route";
const NO_DOMAINS: &str =
    "no domain of one's own leads here; the API is reached under its usual address";
const ONLY_ENDPOINT: &str = "it stays open: there is no other endpoint";

pub(crate) const REST: Schema = &[
    ("AccessLogSetting", Notice("accesses are not logged yet")),
    ("AlwaysDeploy", Obeyed),
    ("ApiKeySourceType", Obeyed),
    ("Auth", Obeyed),
    ("BinaryMediaTypes", Obeyed),
    ("CacheClusterEnabled", Notice("answers are not cached")),
    ("CacheClusterSize", Notice("answers are not cached")),
    (
        "CanarySetting",
        Notice("all calls go to what was deployed last"),
    ),
    ("Cors", Obeyed),
    ("DefinitionBody", Obeyed),
    ("DefinitionUri", Obeyed),
    ("Description", Obeyed),
    ("DisableExecuteApiEndpoint", Notice(ONLY_ENDPOINT)),
    ("Domain", Notice(NO_DOMAINS)),
    ("EndpointConfiguration", Notice(ONE_ADDRESS)),
    ("FailOnWarnings", Obeyed),
    ("GatewayResponses", Obeyed),
    ("MergeDefinitions", Refused(NO_DEFINITION)),
    ("MethodSettings", Notice(NOT_THROTTLED)),
    (
        "MinimumCompressionSize",
        Notice("answers are not compressed"),
    ),
    ("Mode", Obeyed),
    ("Models", Obeyed),
    ("Name", Obeyed),
    ("OpenApiVersion", Obeyed),
    ("Policy", Access),
    ("PropagateTags", Notice("tags of gateways are not kept")),
    ("SecurityPolicy", Notice("connections are not encrypted")),
    ("StageName", Obeyed),
    ("Tags", Notice("tags of gateways are not kept")),
    ("TracingEnabled", Notice("traces are not recorded yet")),
    ("Variables", Obeyed),
];

pub(crate) const HTTP: Schema = &[
    ("AccessLogSettings", Notice("accesses are not logged yet")),
    ("Auth", Obeyed),
    ("CorsConfiguration", Obeyed),
    ("DefaultRouteSettings", Notice(NOT_THROTTLED)),
    ("DefinitionBody", Obeyed),
    ("DefinitionUri", Obeyed),
    ("Description", Obeyed),
    ("DisableExecuteApiEndpoint", Notice(ONLY_ENDPOINT)),
    ("Domain", Notice(NO_DOMAINS)),
    ("FailOnWarnings", Obeyed),
    ("Name", Obeyed),
    ("PropagateTags", Notice("tags of gateways are not kept")),
    ("RouteSettings", Notice(NOT_THROTTLED)),
    ("StageName", Obeyed),
    ("StageVariables", Obeyed),
    ("Tags", Notice("tags of gateways are not kept")),
];

/// Of REST APIs, whose values are quoted once more, because they stand for expressions.
const REST_CORS: Schema = &[
    ("AllowCredentials", Obeyed),
    ("AllowHeaders", Obeyed),
    ("AllowMethods", Obeyed),
    ("AllowOrigin", Obeyed),
    ("MaxAge", Obeyed),
];
const HTTP_CORS: Schema = &[
    ("AllowCredentials", Obeyed),
    ("AllowHeaders", Obeyed),
    ("AllowMethods", Obeyed),
    ("AllowOrigins", Obeyed),
    ("ExposeHeaders", Obeyed),
    ("MaxAge", Obeyed),
];

pub(crate) const REST_EVENT: Schema = &[
    ("Auth", Obeyed),
    ("Method", Obeyed),
    ("Path", Obeyed),
    ("RequestModel", Obeyed),
    ("RequestParameters", Obeyed),
    (
        "ResponseTransferMode",
        Refused("answers are not streamed yet"),
    ),
    (REST_ID, Obeyed),
    ("TimeoutInMillis", Obeyed),
];
pub(crate) const HTTP_EVENT: Schema = &[
    (HTTP_ID, Obeyed),
    ("Auth", Obeyed),
    ("Method", Obeyed),
    ("Path", Obeyed),
    ("PayloadFormatVersion", Obeyed),
    ("RouteSettings", Notice(NOT_THROTTLED)),
    ("TimeoutInMillis", Obeyed),
];

/// A route and where it is declared; and what it asks for of the API's own.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub(crate) route: Route,
    pub(crate) span: Span,
    auth: RouteAuth,
    wanted: wanted::Asked,
}

impl Placed {
    /// What is published is called by its alias.
    pub(crate) fn qualify(&mut self, alias: Option<&str>) {
        if let Backend::Function(backend) = &mut self.route.backend {
            backend.qualifier = alias.map(str::to_owned);
        }
    }
}

/// A gateway that waits for its routes.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) gateway: Gateway,
    auth: Auth,
    models: Models,
    /// Those that the API's own definition has.
    routes: Vec<Placed>,
}

impl Draft {
    /// All routes, the definition's own first: an event may not ask for one that is there.
    pub(crate) fn routes(&self, events: &[Placed]) -> Vec<Placed> {
        let is_own = |event: &&Placed| {
            let same = |own: &Placed| {
                (&own.route.method, &own.route.path) == (&event.route.method, &event.route.path)
            };
            self.routes.iter().any(same)
        };
        // The transform leaves what the definition says as it is.
        let others = events.iter().filter(|event| !is_own(event));
        self.routes.iter().chain(others).cloned().collect()
    }

    /// The gateway with these routes, which ask of their callers what they or the API say.
    pub(crate) fn finish(mut self, routes: &[Placed], findings: &Findings<'_>) -> Gateway {
        for placed in routes {
            let mut route = placed.route.clone();
            (route.guard, route.needs_key) = self.auth.apply(&placed.auth, findings);
            route.wanted = placed.wanted.resolve(&self.models, findings);
            self.gateway.routes.push(route);
        }
        self.auth.complete(&mut self.gateway);
        self.gateway
    }
}

/// Declares what the transform would: APIs for events that name none, and the URLs of functions.
pub(crate) fn declare_implicit(declared: &mut Vec<Declared>) {
    let mut implied: BTreeMap<&str, (Kind, Span)> = BTreeMap::new();
    let mut urls = Vec::new();
    for function in declared.iter().filter(|one| one.kind == Kind::Function) {
        for (kind, span) in events_without_api(function) {
            let id = if kind == Kind::RestApi {
                IMPLICIT_REST
            } else {
                IMPLICIT_HTTP
            };
            implied.entry(id).or_insert((kind, span));
        }
        if let Some(url) = function.properties.get("FunctionUrlConfig") {
            urls.push(Declared {
                id: format!("{}{URL}", function.id),
                kind: Kind::FunctionUrl,
                properties: url.clone(),
                ..function.clone()
            });
        }
    }
    let apis: Vec<Declared> = implied
        .into_iter()
        .map(|(id, (kind, span))| implicit(id, kind, span))
        .collect();
    for one in apis.into_iter().chain(urls) {
        if !declared.iter().any(|known| known.id == one.id) {
            declared.push(one);
        }
    }
}

fn events_without_api(function: &Declared) -> Vec<(Kind, Span)> {
    let events = function.properties.get("Events").and_then(Node::entries);
    let events = events.unwrap_or_default().iter();
    let implied = events.filter_map(|event| {
        let (kind, id) = match event.value.get("Type")?.scalar()? {
            "Api" => (Kind::RestApi, REST_ID),
            "HttpApi" => (Kind::HttpApi, HTTP_ID),
            _ => return None,
        };
        let properties = event.value.get("Properties");
        let named = properties
            .and_then(|properties| properties.get(id))
            .is_some();
        (!named).then_some((kind, event.key_span))
    });
    implied.collect()
}

fn implicit(id: &str, kind: Kind, span: Span) -> Declared {
    let mut entries = Vec::new();
    if kind == Kind::RestApi {
        entries.push(Entry {
            key: "StageName".into(),
            key_span: span,
            value: Node::text(span, IMPLICIT_STAGE),
        });
    }
    Declared {
        id: id.to_owned(),
        id_span: span,
        kind,
        properties: Node::new(span, Value::Map(entries)),
        condition: None,
        depends_on: Vec::new(),
        on_delete: crate::desired::OnRemoval::Delete,
        on_replace: crate::desired::OnRemoval::Delete,
        by_transform: true,
        metadata: None,
    }
}

/// The function that a URL belongs to, by its logical id.
pub(crate) fn owner(url: &Declared) -> &str {
    url.id.strip_suffix(URL).unwrap_or(&url.id)
}

pub(crate) fn rest<'f>(
    fields: &Fields<'f>,
    id: String,
    context: &Context,
    dir: &Path,
    findings: &Findings<'f>,
) -> Option<Draft> {
    let stage = fields.required_text("StageName");
    let cors = rest_cors(fields, findings);
    let binary = fields.strings("BinaryMediaTypes");
    let binary = binary.into_iter().map(|kind| kind.replace("~1", "/"));
    let sources = ["HEADER", "AUTHORIZER"];
    let mut gateway = Gateway {
        cors,
        binary: binary.collect(),
        refusals: refusals::read(fields, findings),
        guard_says_keys: fields.choice("ApiKeySourceType", &sources) == Some("AUTHORIZER"),
        ..bare(GatewayKind::Rest, fields.text("Name"), id)
    };
    let mut auth = Reading { context, findings }.rest(fields, &mut gateway);
    let routes = defined(fields, &mut gateway, &mut auth, context, dir, findings);
    let stage = checked_stage(fields, stage?)?;
    gateway.stages.insert(stage, fields.texts("Variables"));
    Some(Draft {
        gateway,
        auth,
        models: wanted::models(fields),
        routes,
    })
}

/// The routes of the API's definition, if it has one.
fn defined(
    fields: &Fields<'_>,
    gateway: &mut Gateway,
    auth: &mut Auth,
    context: &Context,
    dir: &Path,
    findings: &Findings<'_>,
) -> Vec<Placed> {
    let file = fields.get("DefinitionUri").and_then(|entry| {
        let Some(location) = entry.value.scalar() else {
            return fields.wrong("DefinitionUri", &entry.value, "the path of a file");
        };
        Some(include::file(
            location,
            entry.key_span,
            dir,
            findings.report,
        ))
    });
    let Some(document) = fields.node("DefinitionBody").or(file.as_ref()) else {
        return Vec::new();
    };
    let reading = openapi::Reading {
        document,
        context,
        findings,
    };
    reading.read(gateway, auth)
}

fn bare(kind: GatewayKind, title: Option<String>, id: String) -> Gateway {
    Gateway {
        kind,
        title: title.unwrap_or_else(|| id.clone()),
        id,
        stages: BTreeMap::new(),
        routes: Vec::new(),
        cors: None,
        preflight_guard: None,
        preflight_needs_key: false,
        binary: Vec::new(),
        guards: Vec::new(),
        refusals: BTreeMap::new(),
        guard_says_keys: false,
        selection: None,
    }
}

pub(crate) fn http<'f>(
    fields: &Fields<'f>,
    id: String,
    context: &Context,
    dir: &Path,
    findings: &Findings<'f>,
) -> Option<Draft> {
    let stage = fields
        .text("StageName")
        .unwrap_or_else(|| DEFAULT_STAGE.into());
    let cors = fields.get("CorsConfiguration").and_then(|entry| {
        // `true` stands for the most open one.
        match scalar::boolean(&entry.value) {
            Some(true) => Some(open()),
            Some(false) => None,
            None => http_cors(fields, "CorsConfiguration", findings),
        }
    });
    let mut auth = Reading { context, findings }.http(fields);
    let stage = match stage.as_str() {
        DEFAULT_STAGE => stage,
        _ => checked_stage(fields, stage)?,
    };
    let mut gateway = Gateway {
        cors,
        ..bare(GatewayKind::Http, fields.text("Name"), id)
    };
    gateway.stages.insert(stage, fields.texts("StageVariables"));
    let routes = defined(fields, &mut gateway, &mut auth, context, dir, findings);
    Some(Draft {
        gateway,
        auth,
        models: Models::new(),
        routes,
    })
}

fn checked_stage(fields: &Fields<'_>, stage: String) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if !stage.is_empty() && stage.bytes().all(plain) {
        return Some(stage);
    }
    let node = fields.node("StageName")?;
    fields.wrong("StageName", node, "letters, digits, dashes and underscores")
}

fn open() -> Cors {
    let any = || vec!["*".to_owned()];
    Cors {
        origins: any(),
        methods: any(),
        headers: any(),
        ..Cors::default()
    }
}

fn rest_cors(fields: &Fields<'_>, findings: &Findings<'_>) -> Option<Cors> {
    let entry = fields.get("Cors")?;
    if !matches!(entry.value.value, Value::Map(_)) {
        let origin = unquoted(&fields.text("Cors")?);
        return Some(Cors {
            origins: vec![origin],
            ..Cors::default()
        });
    }
    let cors = fields.nested("Cors", REST_CORS, findings)?;
    let words = |name: &str| -> Vec<String> {
        let text = cors
            .text(name)
            .map(|text| unquoted(&text))
            .unwrap_or_default();
        let words = text
            .split(',')
            .map(str::trim)
            .filter(|word| !word.is_empty());
        words.map(str::to_owned).collect()
    };
    let age = cors.text("MaxAge").map(|text| unquoted(&text));
    let max_age_s = age.and_then(|age| {
        age.parse().ok().or_else(|| {
            let node = cors.node("MaxAge")?;
            cors.wrong("MaxAge", node, "a number of seconds in single quotes")
        })
    });
    Some(Cors {
        origins: match words("AllowOrigin") {
            origins if origins.is_empty() => vec!["*".to_owned()],
            origins => origins,
        },
        methods: words("AllowMethods"),
        headers: words("AllowHeaders"),
        exposed: Vec::new(),
        max_age_s,
        credentials: credentials(&cors, findings),
    })
}

fn http_cors(fields: &Fields<'_>, name: &'static str, findings: &Findings<'_>) -> Option<Cors> {
    let cors = fields.nested(name, HTTP_CORS, findings)?;
    Some(Cors {
        origins: cors.strings("AllowOrigins"),
        methods: cors.strings("AllowMethods"),
        headers: cors.strings("AllowHeaders"),
        exposed: cors.strings("ExposeHeaders"),
        max_age_s: cors.integer("MaxAge", 0..=86_400),
        credentials: credentials(&cors, findings),
    })
}

/// Whether callers may come with cookies and the like. The vendor's transform takes nothing but the boolean for a yes.
fn credentials(cors: &Fields<'_>, findings: &Findings<'_>) -> bool {
    const PROPERTY: &str = "AllowCredentials";
    let Some(node) = cors.node(PROPERTY) else {
        return false;
    };
    if let Value::Text(text) = &node.value {
        if text != "false" {
            let message = format!("`{PROPERTY}` is text, which allows no credentials");
            let finding = Finding::notice(node.span, message);
            let finding = finding.why("the cloud takes nothing but the boolean for a yes");
            findings
                .report
                .add(finding.help("write `true` without quotes"));
        }
        return false;
    }
    cors.boolean(PROPERTY).unwrap_or(false)
}

fn unquoted(text: &str) -> String {
    let inner = text
        .strip_prefix('\'')
        .and_then(|rest| rest.strip_suffix('\''));
    inner.unwrap_or(text).to_owned()
}

/// The route that an event asks for.
pub(crate) fn event<'f>(
    fields: &Fields<'f>,
    kind: Kind,
    function: &str,
    context: &Context,
    findings: &Findings<'f>,
    span: Span,
) -> Option<Placed> {
    let report = findings.report;
    let is_rest = kind == Kind::RestApi;
    let path = fields.text("Path");
    let names_default = !is_rest && path.as_deref() == Some(DEFAULT_ROUTE);
    let path = path.filter(|_| !names_default);
    let names_nothing = !is_rest && !fields.has("Path") && !fields.has("Method");
    let catches_all = names_default || names_nothing;
    if !catches_all {
        fields.required("Path");
        fields.required("Method");
    }
    let path = path.and_then(|path| checked_path(fields, "Path", path, report));
    let method = fields.text("Method");
    let method = method.and_then(|method| checked_method(fields, "Method", &method, report));
    if names_default && let Some(Some(method)) = &method {
        let place = fields.node("Method")?.span;
        report.add(
            Finding::error(
                place,
                format!("`{DEFAULT_ROUTE}` is no route for `{method}` alone"),
            )
            .help("it takes any method: leave this out, or write `any`"),
        );
        return None;
    }
    let payload = match is_rest {
        true => Payload::V1,
        false => auth::payload(fields.choice("PayloadFormatVersion", &["1.0", "2.0"])),
    };
    let longest = if is_rest { 29_000 } else { 30_000 };
    let timeout_ms = fields.integer("TimeoutInMillis", 50..=longest);
    let auth = Reading { context, findings }.event(fields, is_rest);
    let wanted = wanted::event(fields, findings);
    if !catches_all && (path.is_none() || method.is_none()) {
        return None;
    }
    let backend = Backend::Function(FunctionBackend {
        function: function.to_owned(),
        qualifier: None,
        payload,
        timeout_ms,
        streams: false,
        replies: false,
    });
    Some(Placed {
        route: Route {
            method: method.flatten(),
            path,
            backend,
            guard: None,
            needs_key: false,
            wanted: Wanted::default(),
        },
        span,
        auth,
        wanted,
    })
}

/// Parameters fill whole segments, each name comes once, and only the last may take the rest.
fn checked_path(fields: &Fields<'_>, name: &str, path: String, report: &Report) -> Option<String> {
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let named = |segment: &'_ str| -> Option<String> {
        let name = segment.strip_prefix('{')?.strip_suffix('}')?;
        Some(name.to_owned())
    };
    let mut names = BTreeSet::new();
    let mut fine = |at: usize, segment: &str| match named(segment) {
        None => !segment.contains(['{', '}', ' ', '?', '#']),
        Some(name) => {
            let whole = name.strip_suffix('+').unwrap_or(&name).to_owned();
            let takes_rest = whole.len() < name.len();
            !whole.is_empty()
                && !whole.contains(['{', '}', '+'])
                && names.insert(whole)
                && (!takes_rest || at + 1 == segments.len())
        }
    };
    let mut all = segments.iter().enumerate();
    if path.starts_with('/') && all.all(|(at, segment)| fine(at, segment)) {
        return Some(path);
    }
    let place = fields.node(name)?.span;
    report.add(
        Finding::error(place, format!("`{path}` is no path of a route"))
            .help("write it like /items/{id}, or /{proxy+} for everything"),
    );
    None
}

/// None within for any method.
fn checked_method(
    fields: &Fields<'_>,
    name: &str,
    method: &str,
    report: &Report,
) -> Option<Option<String>> {
    const METHODS: [&str; 7] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];
    let upper = method.to_ascii_uppercase();
    if upper == "ANY" || upper == "X-AMAZON-APIGATEWAY-ANY-METHOD" {
        return Some(None);
    }
    if METHODS.contains(&upper.as_str()) {
        return Some(Some(upper));
    }
    let place = fields.node(name)?.span;
    report.add(
        Finding::error(place, format!("there is no method `{method}`"))
            .help(format!("one of {}, or any", METHODS.join(", "))),
    );
    None
}

/// Two events that want the same requests.
pub(crate) fn check_twins(routes: &[Placed], report: &Report) {
    let mut seen = BTreeSet::new();
    for placed in routes {
        let Route { method, path, .. } = &placed.route;
        if !seen.insert((method, path)) {
            let method = method.as_deref().unwrap_or("any");
            let path = path.as_deref().unwrap_or("everything");
            report.add(
                Finding::error(placed.span, format!("`{method} {path}` is routed already"))
                    .why("another event of the same API has this path and method"),
            );
        }
    }
}
