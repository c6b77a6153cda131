//! Gateways, and the keys and plans of those who call them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use triggers::{Backend, KeySource, Stage};

use super::Failure;
use crate::Deployer;
use crate::desired::{
    self, ClientKey, Cors, FixedAnswer, Gateway, GatewayKind, GuardKind, Payload, Plan, Route,
    Wanted,
};

/// How long callers of each kind of gateway wait at most; a function with a URL ends by its own time-out.
const LONGEST_REST_WAIT: Duration = Duration::from_secs(29);
const LONGEST_HTTP_WAIT: Duration = Duration::from_secs(30);
const LONGEST_URL_WAIT: Duration = Duration::from_secs(900);
/// As many as make a key of forty letters.
const KEY_BYTES: usize = 30;

impl Deployer {
    pub(super) async fn put_gateway(&self, gateway: &Gateway) -> Result<bool, Failure> {
        let (kind, longest) = match gateway.kind {
            GatewayKind::Rest => (functions::GatewayKind::Classic, LONGEST_REST_WAIT),
            GatewayKind::Http => (functions::GatewayKind::Simple, LONGEST_HTTP_WAIT),
            GatewayKind::Url => (functions::GatewayKind::Direct, LONGEST_URL_WAIT),
            GatewayKind::Socket => (functions::GatewayKind::Socket, LONGEST_REST_WAIT),
        };
        let stage = |(name, variables): (&String, &BTreeMap<String, String>)| Stage {
            name: name.clone(),
            variables: variables.clone(),
        };
        let mut routes: Vec<triggers::Route> = gateway
            .routes
            .iter()
            .map(|route| self.route(route, longest))
            .collect();
        // The most detailed kind has a route for each thing that it answers itself.
        let cors = match gateway.kind {
            GatewayKind::Rest => {
                routes.extend(preflights(gateway));
                None
            }
            _ => gateway.cors.as_ref().map(cors),
        };
        let wanted = triggers::Gateway {
            id: gateway.id.clone(),
            space: self.space(),
            name: gateway.title.clone(),
            kind,
            stages: gateway.stages.iter().map(stage).collect(),
            routes,
            cors,
            binary: gateway.binary.clone(),
            guards: gateway
                .guards
                .iter()
                .map(|guard| self.guard(guard))
                .collect(),
            refusals: gateway.refusals.clone(),
            key_source: match gateway.guard_says_keys {
                true => KeySource::Guard,
                false => KeySource::Header,
            },
            selection: gateway.selection.clone(),
        };
        self.engines.triggers.set_gateway(&wanted).await?;
        Ok(true)
    }

    fn route(&self, route: &Route, longest: Duration) -> triggers::Route {
        let wait = |ms: Option<u32>| ms.map_or(longest, |ms| Duration::from_millis(ms.into()));
        let backend = match &route.backend {
            desired::Backend::Mapped(backend) => {
                let mapped = triggers::MappedBackend {
                    translation: backend.translation.clone(),
                    timeout: wait(backend.timeout_ms),
                };
                match backend.conversions.is_nothing() {
                    true => Backend::Mapped(mapped),
                    false => Backend::Converted(mapped, backend.conversions.clone()),
                }
            }
            desired::Backend::Forwarded(backend) => {
                Backend::Forwarded(triggers::ForwardedBackend {
                    forwarding: backend.forwarding.clone(),
                    timeout: wait(backend.timeout_ms),
                })
            }
            desired::Backend::Fixed(answer) => Backend::Fixed(answer.clone()),
            desired::Backend::Function(backend) => Backend::Function(triggers::FunctionBackend {
                target: self.target(&backend.function, backend.qualifier.as_ref()),
                form: match backend.payload {
                    Payload::V1 => functions::HttpForm::Detailed,
                    Payload::V2 => functions::HttpForm::Compact,
                },
                timeout: wait(backend.timeout_ms),
                streams: backend.streams,
                replies: backend.replies,
            }),
        };
        triggers::Route {
            method: route.method.clone(),
            path: route.path.clone(),
            backend,
            guard: route.guard.clone(),
            needs_key: route.needs_key,
            wanted: route.wanted.clone(),
        }
    }

    fn guard(&self, guard: &desired::Guard) -> triggers::Guard {
        let kind = match &guard.kind {
            GuardKind::Signature => triggers::GuardKind::Signature,
            GuardKind::Token(token) => triggers::GuardKind::Token(token.clone()),
            GuardKind::Function(function) => {
                triggers::GuardKind::Function(triggers::FunctionGuard {
                    target: self.target(&function.function, function.qualifier.as_ref()),
                    asks: function.asks,
                    simple: function.simple,
                    sources: function.sources.clone(),
                    pattern: function.pattern.clone(),
                    remember: Duration::from_secs(function.remember_s.into()),
                })
            }
        };
        triggers::Guard {
            name: guard.name.clone(),
            kind,
        }
    }

    /// A key that nobody has given a value keeps the one that it got first.
    pub(super) async fn put_client_key(&self, key: &ClientKey) -> Result<bool, Failure> {
        let triggers = &self.engines.triggers;
        let value = match &key.value {
            Some(value) => value.clone(),
            None => match triggers.client_key(&key.id)? {
                Some(known) => known.value,
                None => URL_SAFE_NO_PAD.encode(self.random.bytes::<KEY_BYTES>()),
            },
        };
        let wanted = triggers::ClientKey {
            id: key.id.clone(),
            space: self.space(),
            name: key.title.clone(),
            value,
            enabled: key.enabled,
        };
        triggers.set_client_key(wanted).await?;
        Ok(true)
    }

    pub(super) async fn put_plan(&self, plan: &Plan) -> Result<bool, Failure> {
        let wanted = triggers::Plan {
            id: plan.id.clone(),
            space: self.space(),
            name: plan.title.clone(),
            stages: plan.stages.clone(),
            keys: plan.keys.clone(),
            rate: plan.rate,
            quota: plan.quota,
        };
        self.engines.triggers.set_plan(wanted).await?;
        Ok(true)
    }
}

/// What browsers are answered before they send, at each path that says nothing itself.
fn preflights(gateway: &Gateway) -> Vec<triggers::Route> {
    let Some(cors) = &gateway.cors else {
        return Vec::new();
    };
    let paths: BTreeSet<&String> = gateway
        .routes
        .iter()
        .filter_map(|route| route.path.as_ref())
        .collect();
    let at = |path: &String| {
        gateway
            .routes
            .iter()
            .filter(move |route| route.path.as_ref() == Some(path))
            .map(|route| route.method.as_deref())
            .collect::<Vec<_>>()
    };
    paths
        .into_iter()
        .filter(|path| !at(path).contains(&Some("OPTIONS")))
        .map(|path| triggers::Route {
            method: Some("OPTIONS".into()),
            path: Some(path.clone()),
            backend: Backend::Fixed(preflight(cors, &at(path))),
            guard: gateway.preflight_guard.clone(),
            needs_key: gateway.preflight_needs_key,
            wanted: Wanted::default(),
        })
        .collect()
}

fn preflight(cors: &Cors, routed: &[Option<&str>]) -> FixedAnswer {
    const ALL: [&str; 7] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];
    let methods = match cors.methods.is_empty() {
        false => cors.methods.join(","),
        true if routed.contains(&None) => ALL.join(","),
        true => {
            let own = routed.iter().copied().flatten();
            let methods: BTreeSet<&str> = own.chain(["OPTIONS"]).collect();
            methods.into_iter().collect::<Vec<_>>().join(",")
        }
    };
    let mut headers = Vec::new();
    let mut say = |name: &str, value: String| {
        if !value.is_empty() {
            headers.push((name.to_owned(), value));
        }
    };
    say("access-control-allow-origin", cors.origins.join(","));
    say("access-control-allow-methods", methods);
    say("access-control-allow-headers", cors.headers.join(","));
    if let Some(age) = cors.max_age_s {
        say("access-control-max-age", age.to_string());
    }
    if cors.credentials {
        say("access-control-allow-credentials", "true".into());
    }
    say("content-type", "application/json".into());
    FixedAnswer {
        status: 200,
        headers,
        body: String::new(),
    }
}

fn cors(cors: &Cors) -> triggers::Cors {
    triggers::Cors {
        origins: cors.origins.clone(),
        methods: cors.methods.clone(),
        headers: cors.headers.clone(),
        exposed: cors.exposed.clone(),
        max_age: cors.max_age_s.map(|age| Duration::from_secs(age.into())),
        credentials: cors.credentials,
    }
}
