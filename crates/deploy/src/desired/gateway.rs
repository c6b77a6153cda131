//! What takes requests over HTTP and connections: gateways, their routes, and what answers there.

use std::collections::BTreeMap;

use serde::Serialize;
use triggers::{Conversions, FixedAnswer, Forwarding, Guarded, RefusalForm, Translation, Wanted};

use super::{Guard, GuardKind, is_false};

/// What takes requests over HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gateway {
    /// Ten letters and digits; it stands in the gateway's address.
    pub id: String,
    pub title: String,
    #[serde(rename = "api")]
    pub kind: GatewayKind,
    /// Their variables, by their names.
    pub stages: BTreeMap<String, BTreeMap<String, String>>,
    pub routes: Vec<Route>,
    pub cors: Option<Cors>,
    /// Who must let what browsers ask before they send pass, where somebody must.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preflight_guard: Option<Guarded>,
    #[serde(skip_serializing_if = "is_false")]
    pub preflight_needs_key: bool,
    pub binary: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub guards: Vec<Guard>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub refusals: BTreeMap<String, RefusalForm>,
    /// Whether callers' keys are what a guard says, and not in a header.
    #[serde(skip_serializing_if = "is_false")]
    pub guard_says_keys: bool,
    /// What names a message's route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selection: Option<String>,
}

impl Gateway {
    /// The names of those that it calls, for answers or to be let pass.
    pub(crate) fn functions(&self) -> impl Iterator<Item = &str> {
        let guards = self.guards.iter().filter_map(|guard| match &guard.kind {
            GuardKind::Function(guard) => Some(guard.function.as_str()),
            GuardKind::Signature | GuardKind::Token(_) => None,
        });
        self.routes.iter().filter_map(Route::function).chain(guards)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum GatewayKind {
    Rest,
    Http,
    /// The URL of one function.
    Url,
    /// Messages on connections.
    Socket,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Route {
    /// In capitals; none for any.
    pub method: Option<String>,
    /// None for what no other route takes.
    pub path: Option<String>,
    pub backend: Backend,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guard: Option<Guarded>,
    #[serde(skip_serializing_if = "is_false")]
    pub needs_key: bool,
    #[serde(skip_serializing_if = "wants_nothing")]
    pub wanted: Wanted,
}

impl Route {
    /// The name of the function that is to run, if one is.
    pub(crate) fn function(&self) -> Option<&str> {
        match &self.backend {
            Backend::Function(backend) => Some(&backend.function),
            Backend::Fixed(_) | Backend::Forwarded(_) => None,
            Backend::Mapped(backend) => backend.function.as_deref(),
        }
    }
}

fn wants_nothing(wanted: &Wanted) -> bool {
    *wanted == Wanted::default()
}

/// What answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    Function(FunctionBackend),
    /// The same for every request.
    Fixed(FixedAnswer),
    /// What another service answers, or what a template says.
    Mapped(MappedBackend),
    /// Another's server.
    Forwarded(ForwardedBackend),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ForwardedBackend {
    pub forwarding: Forwarding,
    /// How long a caller waits; none for as long as the kind of gateway lets him.
    pub timeout_ms: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MappedBackend {
    pub translation: Translation,
    #[serde(skip_serializing_if = "Conversions::is_nothing")]
    pub conversions: Conversions,
    /// How long a caller waits; none for as long as the kind of gateway lets him.
    pub timeout_ms: Option<u32>,
    /// The name of the function that is called, if one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FunctionBackend {
    /// The name of the function that is to run.
    pub function: String,
    /// An alias of it; none for its newest code.
    pub qualifier: Option<String>,
    pub payload: Payload,
    /// How long a caller waits; none for as long as the kind of gateway lets him.
    pub timeout_ms: Option<u32>,
    /// Whether the answer is passed on while it is made.
    #[serde(skip_serializing_if = "is_false")]
    pub streams: bool,
    /// Whether what it answers to a message is sent back.
    #[serde(skip_serializing_if = "is_false")]
    pub replies: bool,
}

/// The version of the payload format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Payload {
    #[serde(rename = "1.0")]
    V1,
    #[serde(rename = "2.0")]
    V2,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cors {
    pub origins: Vec<String>,
    pub methods: Vec<String>,
    pub headers: Vec<String>,
    pub exposed: Vec<String>,
    pub max_age_s: Option<u32>,
    pub credentials: bool,
}
