//! From a function's bindings to what it answers to over HTTP. What has another trigger, or puts something elsewhere, is
//! refused.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use triggers::PathPattern;

use super::Declared;
use super::settings::Settings;
use crate::diagnostic::Finding;

const LONGEST_NAME: usize = 127;

/// What a function answers to. `face-azure` reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Wiring {
    /// The pattern of its path, with the prefix.
    pub(super) path: String,
    /// In capitals; empty for any.
    pub(super) methods: Vec<String>,
    /// Who may call: `anonymous`, `function` or `admin`.
    pub(super) auth: String,
    /// To be on its answers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) headers: BTreeMap<String, String>,
    /// Whose pages may call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) origins: Vec<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) credentials: bool,
    /// How many requests the application has at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) crowd: Option<Crowd>,
    /// As they are described, for whoever asks.
    pub(super) bindings: Vec<Map<String, Value>>,
}

/// All functions of an application share it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Crowd {
    app: String,
    outstanding: Option<u32>,
    at_once: Option<u32>,
}

impl Crowd {
    fn of(app: &str, settings: &Settings) -> Option<Self> {
        let (outstanding, at_once) = (settings.most_outstanding, settings.most_at_once);
        (outstanding.is_some() || at_once.is_some()).then(|| Self {
            app: app.to_owned(),
            outstanding,
            at_once,
        })
    }
}

impl Wiring {
    pub(super) fn of(
        app: &str,
        function: &Declared,
        settings: &Settings,
    ) -> Result<Self, Vec<Finding>> {
        let name = &function.name;
        let mut findings: Vec<Finding> = function
            .bindings
            .iter()
            .filter_map(|binding| refusal(name, binding))
            .collect();
        if !is_name(name) {
            let message = format!("`{name}` cannot be the name of a function");
            let help = "a letter, then letters, digits, dashes and underscores, at most 127 in all";
            findings.push(Finding::placeless(message).help(help));
        }
        let mut triggers = function
            .bindings
            .iter()
            .filter(|binding| is_trigger(binding));
        let (first, second) = (triggers.next(), triggers.next());
        if first.is_none() || second.is_some() {
            let how = if first.is_none() {
                "no trigger"
            } else {
                "several triggers"
            };
            findings.push(Finding::placeless(format!(
                "{name} has {how}: it must have one"
            )));
        }
        let Some(trigger) = first.filter(|_| findings.is_empty()) else {
            return Err(findings);
        };
        let wiring = Self {
            path: path(name, trigger, settings),
            methods: methods(trigger),
            auth: auth(name, trigger).map_err(|finding| vec![finding])?,
            headers: settings.headers.clone(),
            origins: settings.origins.clone(),
            credentials: settings.credentials,
            crowd: Crowd::of(app, settings),
            bindings: function.bindings.clone(),
        };
        match PathPattern::read(&wiring.path) {
            Ok(_) => Ok(wiring),
            Err(why) => {
                let message = format!("the route `{}` of {name} does not read: {why}", wiring.path);
                Err(vec![Finding::placeless(message)])
            }
        }
    }

    fn meets(&self, other: &Self) -> bool {
        let shape = |wiring: &Self| PathPattern::read(&wiring.path).map(|path| path.shape());
        let any = self.methods.is_empty() || other.methods.is_empty();
        let common = any
            || self
                .methods
                .iter()
                .any(|method| other.methods.contains(method));
        common && shape(self) == shape(other)
    }
}

/// Of two functions that answer to the same, nobody could tell which is meant.
pub(super) fn conflicts(wired: &[(String, Wiring)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, (name, wiring)) in wired.iter().enumerate() {
        for (other, others) in &wired[..at] {
            if name.eq_ignore_ascii_case(other) {
                let message = format!("two functions are called {name}");
                findings.push(Finding::placeless(message));
            } else {
                findings.extend(meeting(name, wiring, other, others));
            }
        }
    }
    findings
}

/// That a function answers to the same as another, if it does.
pub(super) fn meeting(
    name: &str,
    wiring: &Wiring,
    other: &str,
    others: &Wiring,
) -> Option<Finding> {
    wiring.meets(others).then(|| {
        Finding::placeless(format!(
            "the route `{}` of {name} is that of {other}, for the same methods",
            wiring.path
        ))
    })
}

fn text<'a>(binding: &'a Map<String, Value>, name: &str) -> &'a str {
    let value = binding.get(name).and_then(Value::as_str);
    value.unwrap_or_default()
}

fn is_trigger(binding: &Map<String, Value>) -> bool {
    text(binding, "type").to_lowercase().ends_with("trigger")
}

/// Why a binding cannot be had, if it cannot.
fn refusal(function: &str, binding: &Map<String, Value>) -> Option<Finding> {
    let kind = text(binding, "type");
    let direction = text(binding, "direction").to_lowercase();
    match (kind.to_lowercase().as_str(), direction.as_str()) {
        ("httptrigger", "in" | "") | ("http", "out") => None,
        (lower, _) if lower.ends_with("trigger") => Some(Finding::placeless(format!(
            "{function} has a trigger of type {kind}, which is not built yet: only httpTrigger is"
        ))),
        _ => {
            let way = if direction == "out" { "out" } else { "in" };
            let message = format!(
                "{function} has a binding of type {kind} (direction {way}), which is not built yet: only http out is"
            );
            Some(Finding::placeless(message))
        }
    }
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    name.len() <= LONGEST_NAME
        && bytes
            .next()
            .is_some_and(|first| first.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

fn path(name: &str, trigger: &Map<String, Value>, settings: &Settings) -> String {
    let route = match text(trigger, "route") {
        "" => name,
        route => route.trim_matches('/'),
    };
    match settings.prefix.as_str() {
        "" => route.to_owned(),
        prefix => format!("{prefix}/{route}"),
    }
}

fn methods(trigger: &Map<String, Value>) -> Vec<String> {
    let methods = trigger.get("methods").and_then(Value::as_array);
    let methods = methods.into_iter().flatten().filter_map(Value::as_str);
    let mut methods: Vec<String> = methods.map(str::to_uppercase).collect();
    methods.sort();
    methods.dedup();
    methods
}

fn auth(name: &str, trigger: &Map<String, Value>) -> Result<String, Finding> {
    match text(trigger, "authLevel").to_lowercase().as_str() {
        "" => Ok("function".into()),
        level @ ("anonymous" | "function" | "admin") => Ok(level.to_owned()),
        other => Err(
            Finding::placeless(format!("authLevel of {name} cannot be {other}"))
                .help("anonymous, function or admin"),
        ),
    }
}
