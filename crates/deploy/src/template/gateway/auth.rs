//! `Auth` of APIs and of their events: who decides whether a caller may pass, and which routes ask him.

use std::collections::BTreeMap;

use crate::Context;
use crate::desired::{
    Asks, FunctionGuard, Gateway, Guard, GuardKind, Guarded, Payload, Source, TokenGuard,
};
use crate::diagnostic::{Finding, Span};
use crate::template::function_arn;
use crate::template::nearest::did_you_mean;
use crate::template::shape::{Fields, Findings, Schema, Support};
use crate::template::tree::{Entry, Node, Value};
use Support::{Access, Obeyed, Refused};

pub(crate) const SIGNATURE: &str = "AWS_IAM";
const NOBODY: &str = "NONE";
const NO_POOLS: &str = "there are no user pools yet";
const LONGEST_MEMORY: u32 = 3_600;
/// Of REST APIs; HTTP APIs remember nothing unless they are told to.
const USUAL_MEMORY: u32 = 300;

pub(super) const REST_AUTH: Schema = &[
    ("AddApiKeyRequiredToCorsPreflight", Obeyed),
    ("AddDefaultAuthorizerToCorsPreflight", Obeyed),
    ("ApiKeyRequired", Obeyed),
    ("Authorizers", Obeyed),
    ("DefaultAuthorizer", Obeyed),
    ("InvokeRole", Access),
    ("ResourcePolicy", Access),
    ("UsagePlan", Obeyed),
];
const HTTP_AUTH: Schema = &[
    ("Authorizers", Obeyed),
    ("DefaultAuthorizer", Obeyed),
    ("EnableIamAuthorizer", Obeyed),
];
const REST_EVENT_AUTH: Schema = &[
    ("ApiKeyRequired", Obeyed),
    (
        "AuthorizationScopes",
        Refused("scopes are for user pools, and there are none yet"),
    ),
    ("Authorizer", Obeyed),
    ("InvokeRole", Access),
    ("OverrideApiAuth", Obeyed),
    ("ResourcePolicy", Access),
];
const HTTP_EVENT_AUTH: Schema = &[("AuthorizationScopes", Obeyed), ("Authorizer", Obeyed)];
const REST_AUTHORIZER: Schema = &[
    (
        "AuthorizationScopes",
        Refused("scopes are for user pools, and there are none yet"),
    ),
    ("DisableFunctionDefaultPermissions", Access),
    ("FunctionArn", Obeyed),
    ("FunctionInvokeRole", Access),
    ("FunctionPayloadType", Obeyed),
    ("Identity", Obeyed),
    ("UserPoolArn", Refused(NO_POOLS)),
];
const HTTP_AUTHORIZER: Schema = &[
    ("AuthorizationScopes", Obeyed),
    ("AuthorizerPayloadFormatVersion", Obeyed),
    ("EnableFunctionDefaultPermissions", Access),
    ("EnableSimpleResponses", Obeyed),
    ("FunctionArn", Obeyed),
    ("FunctionInvokeRole", Access),
    ("Identity", Obeyed),
    ("IdentitySource", Obeyed),
    ("JwtConfiguration", Obeyed),
];
const IDENTITY: Schema = &[
    ("Context", Obeyed),
    ("Header", Obeyed),
    ("Headers", Obeyed),
    ("QueryStrings", Obeyed),
    ("ReauthorizeEvery", Obeyed),
    ("StageVariables", Obeyed),
    ("ValidationExpression", Obeyed),
];
const JWT: Schema = &[("audience", Obeyed), ("issuer", Obeyed)];

/// What an API says about its callers.
#[derive(Debug, Default)]
pub(crate) struct Auth {
    pub(super) guards: Vec<Guard>,
    /// By a guard's name: what its tokens must be good for where a route does not say.
    scopes: BTreeMap<String, Vec<String>>,
    default: Option<(String, Span)>,
    needs_key: bool,
    pub(super) signature: bool,
}

/// What a route says about its callers.
#[derive(Clone, Debug, Default)]
pub(crate) struct RouteAuth {
    /// A guard's name, and where it stands.
    authorizer: Option<(String, Span)>,
    scopes: Option<Vec<String>>,
    needs_key: Option<bool>,
}

impl RouteAuth {
    pub(super) fn guarded(by: String, span: Span, scopes: Vec<String>) -> Self {
        Self {
            authorizer: Some((by, span)),
            scopes: Some(scopes),
            needs_key: None,
        }
    }

    /// Open to everybody, whatever the API says.
    pub(super) fn nobody(span: Span) -> Self {
        Self::guarded(NOBODY.into(), span, Vec::new())
    }

    pub(super) fn with_key(self, needs_key: bool) -> Self {
        Self {
            needs_key: needs_key.then_some(true).or(self.needs_key),
            ..self
        }
    }
}

pub(super) struct Reading<'a, 'f> {
    pub(super) context: &'a Context,
    pub(super) findings: &'a Findings<'f>,
}

impl<'f> Reading<'_, 'f> {
    /// Of a REST API; writes into the gateway what concerns what browsers ask.
    pub(super) fn rest(&self, api: &Fields<'f>, gateway: &mut Gateway) -> Auth {
        let Some(fields) = api.nested("Auth", REST_AUTH, self.findings) else {
            return Auth::default();
        };
        let mut auth = Auth {
            default: named(&fields, "DefaultAuthorizer"),
            needs_key: fields.boolean("ApiKeyRequired").unwrap_or(false),
            signature: true,
            ..Auth::default()
        };
        for entry in entries(&fields, "Authorizers") {
            auth.guards.extend(self.rest_authorizer(entry));
        }
        if fields.boolean("AddDefaultAuthorizerToCorsPreflight") != Some(false) {
            gateway.preflight_guard = auth.guarded(None, None, self.findings);
        }
        gateway.preflight_needs_key =
            auth.needs_key && fields.boolean("AddApiKeyRequiredToCorsPreflight") != Some(false);
        auth
    }

    fn rest_authorizer(&self, entry: &'f Entry) -> Option<Guard> {
        let owner = "authorizer";
        let fields = Fields::open(
            &entry.value,
            entry.key_span,
            owner,
            REST_AUTHORIZER,
            self.findings,
        )?;
        if fields.has("UserPoolArn") {
            return None;
        }
        let arn = fields.required("FunctionArn")?;
        let types = ["TOKEN", "REQUEST"];
        let asks = match fields
            .choice("FunctionPayloadType", &types)
            .unwrap_or("TOKEN")
        {
            "TOKEN" => Asks::Token,
            _ => Asks::Request(functions::HttpForm::Detailed),
        };
        let mut guard = self.function_guard(arn, asks)?;
        guard.remember_s = USUAL_MEMORY;
        let identity = fields.nested("Identity", IDENTITY, self.findings);
        if let Some(identity) = &identity {
            self.identify(identity, &mut guard);
        }
        if asks == Asks::Token {
            let header = identity.and_then(|identity| identity.text("Header"));
            let header = header.unwrap_or_else(|| "Authorization".into());
            guard.sources = vec![Source::Header(header)];
        } else if guard.sources.is_empty() && guard.remember_s > 0 {
            self.findings.report.add(
                Finding::error(entry.key_span, "this authorizer needs an `Identity`")
                    .why("its answers are remembered, and nothing says by what")
                    .help("name Headers, QueryStrings, StageVariables or Context, or set ReauthorizeEvery: 0"),
            );
            return None;
        }
        Some(Guard {
            name: entry.key.clone(),
            kind: GuardKind::Function(guard),
        })
    }

    fn function_guard(&self, arn: &Node, asks: Asks) -> Option<FunctionGuard> {
        let report = self.findings.report;
        let (function, qualifier) = function_arn::read("FunctionArn", arn, self.context, report)?;
        Some(FunctionGuard {
            function,
            qualifier,
            asks,
            simple: false,
            sources: Vec::new(),
            pattern: None,
            remember_s: 0,
        })
    }

    fn identify(&self, identity: &Fields<'f>, guard: &mut FunctionGuard) {
        let texts = |name: &str| identity.strings(name);
        let headers = texts("Headers").into_iter().map(Source::Header);
        let query = texts("QueryStrings").into_iter().map(Source::Query);
        let variables = texts("StageVariables")
            .into_iter()
            .map(Source::StageVariable);
        let context = texts("Context").into_iter().map(Source::Context);
        guard.sources = headers
            .chain(query)
            .chain(variables)
            .chain(context)
            .collect();
        if let Some(seconds) = identity.integer("ReauthorizeEvery", 0..=LONGEST_MEMORY) {
            guard.remember_s = seconds;
        }
        guard.pattern = identity.text("ValidationExpression");
        if let (Some(pattern), Some(node)) = (&guard.pattern, identity.node("ValidationExpression"))
        {
            check_pattern(pattern, node, self.findings);
        }
    }

    /// Of an HTTP API.
    pub(super) fn http(&self, api: &Fields<'f>) -> Auth {
        let Some(fields) = api.nested("Auth", HTTP_AUTH, self.findings) else {
            return Auth::default();
        };
        let mut auth = Auth {
            default: named(&fields, "DefaultAuthorizer"),
            signature: fields.boolean("EnableIamAuthorizer").unwrap_or(false),
            ..Auth::default()
        };
        for entry in entries(&fields, "Authorizers") {
            if let Some((guard, scopes)) = self.http_authorizer(entry) {
                auth.scopes.insert(guard.name.clone(), scopes);
                auth.guards.push(guard);
            }
        }
        auth
    }

    fn http_authorizer(&self, entry: &'f Entry) -> Option<(Guard, Vec<String>)> {
        let owner = "authorizer";
        let fields = Fields::open(
            &entry.value,
            entry.key_span,
            owner,
            HTTP_AUTHORIZER,
            self.findings,
        )?;
        let scopes = fields.strings("AuthorizationScopes");
        let kind = match fields.node("FunctionArn") {
            Some(arn) => self.http_function(&fields, arn)?,
            None => {
                fields.required("JwtConfiguration")?;
                let jwt = fields.nested("JwtConfiguration", JWT, self.findings)?;
                GuardKind::Token(token_guard(&fields, &jwt, self.findings)?)
            }
        };
        let name = entry.key.clone();
        Some((Guard { name, kind }, scopes))
    }

    fn http_function(&self, fields: &Fields<'f>, arn: &Node) -> Option<GuardKind> {
        fields.required("AuthorizerPayloadFormatVersion")?;
        let version = fields.choice("AuthorizerPayloadFormatVersion", &["1.0", "2.0"])?;
        let asks = Asks::Request(match version {
            "1.0" => functions::HttpForm::Detailed,
            _ => functions::HttpForm::Compact,
        });
        let mut guard = self.function_guard(arn, asks)?;
        guard.simple = fields.boolean("EnableSimpleResponses").unwrap_or(false);
        if guard.simple && version == "1.0" {
            let node = fields.node("EnableSimpleResponses")?;
            return fields.wrong(
                "EnableSimpleResponses",
                node,
                "false where AuthorizerPayloadFormatVersion is 1.0",
            );
        }
        if let Some(identity) = fields.nested("Identity", IDENTITY, self.findings) {
            self.identify(&identity, &mut guard);
        }
        Some(GuardKind::Function(guard))
    }

    /// Of an event.
    pub(crate) fn event(&self, event: &Fields<'f>, is_rest: bool) -> RouteAuth {
        let schema = match is_rest {
            true => REST_EVENT_AUTH,
            false => HTTP_EVENT_AUTH,
        };
        let Some(fields) = event.nested("Auth", schema, self.findings) else {
            return RouteAuth::default();
        };
        RouteAuth {
            authorizer: named(&fields, "Authorizer"),
            scopes: fields
                .has("AuthorizationScopes")
                .then(|| fields.strings("AuthorizationScopes")),
            needs_key: fields.boolean("ApiKeyRequired"),
        }
    }
}

/// Of an HTTP API, however it is written down: `jwt` has the issuer and the audience.
pub(super) fn token_guard(
    fields: &Fields<'_>,
    jwt: &Fields<'_>,
    findings: &Findings<'_>,
) -> Option<TokenGuard> {
    let issuer = jwt.required_text("issuer")?;
    if !issuer.starts_with("https://") && !issuer.starts_with("http://") {
        return jwt.wrong("issuer", jwt.node("issuer")?, "the address of an issuer");
    }
    jwt.required("audience")?;
    let source = match fields.node("IdentitySource") {
        None => Source::Header("Authorization".into()),
        Some(node) => source(node, findings)?,
    };
    Some(TokenGuard {
        source,
        issuer,
        audiences: jwt.strings("audience"),
    })
}

/// `$request.header.Authorization`, or one of its like.
pub(super) fn source(node: &Node, findings: &Findings<'_>) -> Option<Source> {
    let text = match &node.value {
        Value::List(items) if items.len() == 1 => items[0].scalar(),
        _ => node.scalar(),
    };
    let found = text.and_then(read_source);
    if found.is_none() && !node.is_broken() {
        findings.report.add(
            Finding::error(node.span, "this is no place in a request")
                .help("write it like $request.header.Authorization"),
        );
    }
    found
}

pub(super) fn read_source(text: &str) -> Option<Source> {
    type Place = fn(String) -> Source;
    const PLACES: [(&str, Place); 8] = [
        ("$request.header.", Source::Header),
        ("$request.querystring.", Source::Query),
        ("$stageVariables.", Source::StageVariable),
        ("$context.", Source::Context),
        ("method.request.header.", Source::Header),
        ("method.request.querystring.", Source::Query),
        ("stageVariables.", Source::StageVariable),
        ("context.", Source::Context),
    ];
    // Messages' places are called after their route.
    let text = text
        .strip_prefix("route.")
        .map_or_else(|| text.to_owned(), |rest| format!("${rest}"));
    PLACES.iter().find_map(|(front, place)| {
        let name = text.strip_prefix(front)?;
        (!name.is_empty()).then(|| place(name.to_owned()))
    })
}

pub(super) fn check_pattern(pattern: &str, node: &Node, findings: &Findings<'_>) {
    if let Err(cause) = regex::Regex::new(pattern) {
        findings.report.add(
            Finding::error(
                node.span,
                "this is no regular expression that is understood here",
            )
            .why(cause.to_string()),
        );
    }
}

fn named(fields: &Fields<'_>, name: &str) -> Option<(String, Span)> {
    let text = fields.text(name)?;
    Some((text, fields.node(name)?.span))
}

fn entries<'f>(fields: &Fields<'f>, name: &str) -> &'f [Entry] {
    let Some(node) = fields.node(name) else {
        return &[];
    };
    match &node.value {
        Value::Map(entries) => entries,
        _ => fields
            .wrong(name, node, "a mapping of names to authorizers")
            .unwrap_or_default(),
    }
}

impl Auth {
    /// What a route asks of its callers.
    pub(super) fn apply(
        &self,
        asked: &RouteAuth,
        findings: &Findings<'_>,
    ) -> (Option<Guarded>, bool) {
        let guarded = self.guarded(asked.authorizer.as_ref(), asked.scopes.as_ref(), findings);
        (guarded, asked.needs_key.unwrap_or(self.needs_key))
    }

    fn guarded(
        &self,
        own: Option<&(String, Span)>,
        scopes: Option<&Vec<String>>,
        findings: &Findings<'_>,
    ) -> Option<Guarded> {
        let (by, span) = own.or(self.default.as_ref())?;
        if by == NOBODY {
            return None;
        }
        let known = || self.guards.iter().map(|guard| guard.name.as_str());
        if by == SIGNATURE {
            if !self.signature {
                findings.report.add(
                    Finding::error(*span, "this API takes no signatures")
                        .help("set `EnableIamAuthorizer: true` in its `Auth`"),
                );
            }
            findings.access.borrow_mut().push(*span);
        } else if !known().any(|name| name == by) {
            findings.report.add(
                Finding::error(*span, format!("the API has no authorizer `{by}`"))
                    .maybe_help(did_you_mean(by, known())),
            );
        }
        let scopes = scopes.or_else(|| self.scopes.get(by));
        Some(Guarded {
            by: by.clone(),
            scopes: scopes.cloned().unwrap_or_default(),
        })
    }

    /// The guards, and the one for signatures if routes use it.
    pub(super) fn complete(&self, gateway: &mut Gateway) {
        gateway.guards.extend(self.guards.iter().cloned());
        let guarded = gateway
            .routes
            .iter()
            .filter_map(|route| route.guard.as_ref());
        let mut all = guarded.chain(&gateway.preflight_guard);
        let known = gateway.guards.iter().any(|guard| guard.name == SIGNATURE);
        if all.any(|guarded| guarded.by == SIGNATURE) && !known {
            gateway.guards.push(signature());
        }
    }
}

pub(super) fn signature() -> Guard {
    Guard {
        name: SIGNATURE.into(),
        kind: GuardKind::Signature,
    }
}

/// Which payload the shape of an event stands for.
pub(super) fn payload(version: Option<&str>) -> Payload {
    match version {
        Some("1.0") => Payload::V1,
        _ => Payload::V2,
    }
}
