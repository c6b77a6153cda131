//! Who may call a gateway, and how much of it: guards, and the keys and plans of callers.

use serde::Serialize;
use triggers::{Asks, PlannedStage, Quota, Rate, Source, TokenGuard};

/// Decides whether a caller may pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Guard {
    pub name: String,
    pub kind: GuardKind,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum GuardKind {
    /// The request must be signed.
    Signature,
    Token(TokenGuard),
    Function(FunctionGuard),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FunctionGuard {
    pub function: String,
    pub qualifier: Option<String>,
    pub asks: Asks,
    /// Whether it answers yes or no, and no policy.
    pub simple: bool,
    pub sources: Vec<Source>,
    pub pattern: Option<String>,
    pub remember_s: u32,
}

/// By it a caller is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClientKey {
    pub id: String,
    pub title: String,
    /// None for one that nobody can guess.
    pub value: Option<String>,
    pub enabled: bool,
}

/// What the holders of some keys may use of some gateways.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    pub id: String,
    pub title: String,
    pub stages: Vec<PlannedStage>,
    /// Ids.
    pub keys: Vec<String>,
    pub rate: Option<Rate>,
    pub quota: Option<Quota>,
}
