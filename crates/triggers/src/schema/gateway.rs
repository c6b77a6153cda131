//! Gateways as they are kept.

use std::collections::BTreeMap;
use std::time::Duration;

use base::{Space, Timestamp};
use functions::{GatewayKind, HttpForm};
use serde::{Deserialize, Serialize};
use store::{Keyspace, Record, Table};

use super::gateway_v1::GatewayV1;
use crate::target::Target;

/// By id.
pub(crate) const GATEWAYS: Table<Gateway> = Table::new(Keyspace::Triggers, 3);

/// By the gateway's id.
pub(crate) const GATEWAY_TIMES: Table<GatewayTimes> = Table::new(Keyspace::Triggers, 12);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayTimes {
    pub created: Timestamp,
    pub modified: Timestamp,
}

impl Record for GatewayTimes {}

/// Takes requests over HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gateway {
    /// Unique among all: it stands in host names.
    pub id: String,
    pub space: Space,
    pub name: String,
    pub kind: GatewayKind,
    /// Under which names it can be reached.
    pub stages: Vec<Stage>,
    pub routes: Vec<Route>,
    /// Which pages of other origins may use it; none if the functions say so themselves.
    pub cors: Option<Cors>,
    /// Media types whose bodies are bytes and not text; `*/*` for all.
    pub binary: Vec<String>,
    /// Who decides whether a caller may pass; routes name them.
    pub guards: Vec<Guard>,
    /// How refusals look that do not look as usual, by what the face calls them.
    pub refusals: BTreeMap<String, RefusalForm>,
    /// Where callers' keys are.
    pub key_source: KeySource,
    /// What names a message's route, where there are messages; in the words of the face.
    pub selection: Option<String>,
}

impl Record for Gateway {
    const VERSION: u8 = 2;

    fn migrate(version: u8, body: &[u8]) -> store::Result<Self> {
        GatewayV1::read(version, body).map(Self::from)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    pub name: String,
    pub variables: BTreeMap<String, String>,
}

/// Answers some of a gateway's requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// In capitals; none for any.
    pub method: Option<String>,
    /// With `{parameters}`, the last of which may be `{like+}` to take the rest; none for what no other route takes.
    /// Where there are messages, the route's key.
    pub path: Option<String>,
    pub backend: Backend,
    /// Who has to let a caller pass, if somebody has to.
    pub guard: Option<Guarded>,
    /// Whether a caller must have a key, and counts against its plan.
    pub needs_key: bool,
    pub wanted: Wanted,
}

impl Route {
    /// Whether it is for everybody, whatever the request is like.
    pub fn takes_anything(&self) -> bool {
        !self.needs_key && self.takes_any_holder()
    }

    /// Whether it is for everybody who has the key that it may need, whatever the request is like.
    pub fn takes_any_holder(&self) -> bool {
        let Wanted {
            headers,
            query,
            body,
        } = &self.wanted;
        let wants = !headers.is_empty() || !query.is_empty() || !body.is_empty();
        self.guard.is_none() && !wants
    }
}

/// What answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Backend {
    Function(FunctionBackend),
    /// The same for every request.
    Fixed(FixedAnswer),
    /// What another service answers, or what a template says.
    Mapped(MappedBackend),
    /// Another's server.
    Forwarded(ForwardedBackend),
    /// As [`Self::Mapped`], where it is said what bodies become.
    Converted(MappedBackend, Conversions),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForwardedBackend {
    pub forwarding: Forwarding,
    /// How long a caller waits for the answer.
    pub timeout: Duration,
}

/// How a request is passed on to another's server, and its answer back. Expressions are in the words of the face.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forwarding {
    /// Its address, which may hold places for parameters.
    pub to: String,
    /// None for the caller's own.
    pub method: Option<String>,
    /// What of the request is said otherwise.
    pub parameters: BTreeMap<String, String>,
    /// What of an answer is said otherwise, by its status.
    pub answers: BTreeMap<u16, BTreeMap<String, String>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappedBackend {
    pub translation: Translation,
    /// How long a caller waits for the answer.
    pub timeout: Duration,
}

/// How a request becomes one to a service, and its answer an answer. Expressions and templates are in the words of the face.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Translation {
    /// None for a template's own answer.
    pub to: Option<Callee>,
    /// The method of the request to it; `ANY` for the caller's own.
    pub method: String,
    /// What to say where.
    pub parameters: BTreeMap<String, String>,
    /// By media type.
    pub templates: BTreeMap<String, String>,
    pub unmapped: Unmapped,
    /// The answer that fits first is taken; those without a pattern, if none does.
    pub answers: Vec<MappedAnswer>,
}

/// A service, by the face's name for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Callee {
    pub service: String,
    pub asked: Asked,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Asked {
    /// By a path, which may hold places for parameters.
    Path(String),
    Operation(String),
    /// Of another's server: its address, which may hold places for parameters.
    Address(String),
}

/// What bodies become before templates see them, where it is said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversions {
    pub request: Option<Conversion>,
    /// Of the answers, in their order.
    pub answers: Vec<Option<Conversion>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Conversion {
    ToText,
    ToBytes,
}

impl Conversions {
    pub fn is_nothing(&self) -> bool {
        self.request.is_none() && self.answers.iter().all(Option::is_none)
    }
}

/// What becomes of bodies that no template is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unmapped {
    #[default]
    Passed,
    /// Unless there are templates for others.
    PassedAlone,
    Refused,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappedAnswer {
    pub pattern: Option<String>,
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    /// Templates by media type.
    pub bodies: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionBackend {
    pub target: Target,
    pub form: HttpForm,
    /// How long a caller waits for the answer.
    pub timeout: Duration,
    /// Whether the answer is passed on while it is made.
    pub streams: bool,
    /// Whether what it answers to a message is sent back.
    pub replies: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FixedAnswer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guarded {
    /// The guard's name.
    pub by: String,
    /// A token must be good for one of these, if there are any.
    pub scopes: Vec<String>,
}

/// Decides whether a caller may pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guard {
    pub name: String,
    pub kind: GuardKind,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GuardKind {
    /// The request must be signed with one of the account's keys.
    Signature,
    /// It must carry a token that an issuer has signed.
    Token(TokenGuard),
    /// A function looks at it.
    Function(FunctionGuard),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenGuard {
    pub source: Source,
    /// Its address, under which it says what its keys are.
    pub issuer: String,
    pub audiences: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionGuard {
    pub target: Target,
    pub asks: Asks,
    /// Whether it answers yes or no, and no policy.
    pub simple: bool,
    /// What a request must have to be looked at, and what its result is remembered by.
    pub sources: Vec<Source>,
    /// What the first source must look like.
    pub pattern: Option<String>,
    /// How long a result is good for; zero to ask every time.
    pub remember: Duration,
}

/// What a guard is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Asks {
    /// The first source alone.
    Token,
    Request(HttpForm),
}

/// A place in a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    Header(String),
    Query(String),
    StageVariable(String),
    /// A fact about the request, in the words of the face.
    Context(String),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeySource {
    #[default]
    Header,
    /// The guard says it.
    Guard,
}

/// What a request must have before anything else looks at it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    pub headers: Vec<String>,
    pub query: Vec<String>,
    /// JSON schemas, by media type; a body of another type is not looked at.
    pub body: BTreeMap<String, String>,
}

/// How a refusal looks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalForm {
    /// None for the usual one.
    pub status: Option<u16>,
    pub headers: BTreeMap<String, String>,
    /// By media type, with variables in the words of the face.
    pub bodies: BTreeMap<String, String>,
}

/// What a browser is told about other origins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cors {
    pub origins: Vec<String>,
    pub methods: Vec<String>,
    pub headers: Vec<String>,
    pub exposed: Vec<String>,
    pub max_age: Option<Duration>,
    pub credentials: bool,
}
