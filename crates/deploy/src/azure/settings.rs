//! What holds for all functions of an application: `host.json`, and the environment of `local.settings.json`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::Declared;
use crate::diagnostic::{Diagnostics, Finding, Source, Span};

/// What a function may take that says nothing else.
const TIMEOUT_S: u32 = 300;
/// For one that says it may take for ever.
const LONGEST_TIMEOUT_S: u32 = 86_400;
/// Settings of HTTP that change nothing here, and why.
const WITHOUT_EFFECT: &[(&str, &str)] = &[
    (
        "dynamicThrottlesEnabled",
        "requests are limited by the server's own concurrency",
    ),
    ("hsts", "give the server a certificate: --tls"),
];

#[derive(Clone, Debug)]
pub(super) struct Settings {
    /// Before every route, without slashes around it; empty for none.
    pub(super) prefix: String,
    pub(super) timeout_s: u32,
    pub(super) environment: BTreeMap<String, String>,
    /// To be on every answer.
    pub(super) headers: BTreeMap<String, String>,
    /// Whose pages may call, for a browser.
    pub(super) origins: Vec<String>,
    pub(super) credentials: bool,
    /// How many requests all functions together have at most, with those that wait.
    pub(super) most_outstanding: Option<u32>,
    /// How many of them run at once.
    pub(super) most_at_once: Option<u32>,
    pub(super) notices: Vec<Finding>,
}

impl Settings {
    pub(super) fn read(folder: &Path, worker: &str) -> Result<Self, Diagnostics> {
        let host = json(&folder.join("host.json"))?;
        let local = json(&folder.join("local.settings.json"))?;
        let mut findings = Vec::new();
        match host["version"].as_str() {
            Some("2.0") => {}
            None if host.is_null() => {}
            other => findings.push(Finding::placeless(format!(
                "the version of host.json must be \"2.0\", not {}",
                other.map_or("missing".into(), |other| format!("{other:?}"))
            ))),
        }
        let http = &host["extensions"]["http"];
        let prefix = http["routePrefix"].as_str().unwrap_or("api");
        let timeout_s = timeout(&host["functionTimeout"]).unwrap_or_else(|finding| {
            findings.push(finding);
            TIMEOUT_S
        });
        let mut most = |name: &str| {
            limit(name, &http[name]).unwrap_or_else(|finding| {
                findings.push(finding);
                None
            })
        };
        let most_outstanding = most("maxOutstandingRequests");
        let most_at_once = most("maxConcurrentRequests");
        if local["IsEncrypted"].as_bool() == Some(true) {
            findings.push(
                Finding::placeless("the values of local.settings.json are encrypted")
                    .help("decrypt them: func settings decrypt"),
            );
        }
        let mut environment = texts(&local["Values"]);
        environment.insert("FUNCTIONS_WORKER_RUNTIME".into(), worker.to_owned());
        let origins = local["Host"]["CORS"].as_str().unwrap_or_default();
        let origins = origins.split(',').map(|origin| origin.trim().to_owned());
        if !findings.is_empty() {
            let source = Arc::new(Source::new(&folder.join("host.json"), String::new()));
            return Err(Diagnostics::new(&source, findings));
        }
        Ok(Self {
            prefix: prefix.trim_matches('/').to_owned(),
            timeout_s,
            environment,
            headers: texts(&http["customHeaders"]),
            origins: origins.filter(|origin| !origin.is_empty()).collect(),
            credentials: local["Host"]["CORSCredentials"].as_bool() == Some(true),
            most_outstanding,
            most_at_once,
            notices: notices(http),
        })
    }

    /// Whether the function is not to run: `AzureWebJobs.NAME.Disabled`, or its own word.
    pub(super) fn disables(&self, function: &Declared) -> bool {
        let on = |text: &str| text.eq_ignore_ascii_case("true") || text == "1";
        let setting = |name: &str| self.environment.get(name).is_some_and(|value| on(value));
        setting(&format!("AzureWebJobs.{}.Disabled", function.name))
            || match &function.disabled {
                Value::Bool(disabled) => *disabled,
                Value::String(name) => on(name) || setting(name.trim_matches('%')),
                _ => false,
            }
    }
}

/// Nothing if there is no such file.
fn json(file: &Path) -> Result<Value, Diagnostics> {
    let Ok(text) = fs::read_to_string(file) else {
        return Ok(Value::Null);
    };
    serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|why| {
        let source = Arc::new(Source::new(file, String::new()));
        let message = format!("{} does not read: {why}", file.display());
        Diagnostics::new(&source, vec![Finding::placeless(message)])
    })
}

fn texts(values: &Value) -> BTreeMap<String, String> {
    let values = values.as_object().into_iter().flatten();
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    };
    values
        .filter_map(|(name, value)| Some((name.clone(), text(value)?)))
        .collect()
}

/// `hh:mm:ss`, with days before it and a dot; `-1` for no limit.
fn timeout(said: &Value) -> Result<u32, Finding> {
    let text = match said {
        Value::Null => return Ok(TIMEOUT_S),
        Value::String(text) => text.as_str(),
        _ => "",
    };
    if text == "-1" {
        return Ok(LONGEST_TIMEOUT_S);
    }
    let parsed = || {
        let (days, rest) = match text.split_once('.') {
            Some((days, rest)) if rest.contains(':') => (days.parse::<u32>().ok()?, rest),
            _ => (0, text),
        };
        let numbers = rest.split(':').map(|part| part.parse::<u32>().ok());
        let [hours, minutes, seconds] = numbers.collect::<Option<Vec<u32>>>()?[..] else {
            return None;
        };
        let all = days.checked_mul(86_400)? + hours * 3_600 + minutes * 60 + seconds;
        (hours < 24 && minutes < 60 && seconds < 60 && all > 0).then_some(all)
    };
    let wrong = || Finding::placeless(format!("functionTimeout in host.json cannot be {said}"));
    let seconds = parsed().ok_or_else(|| wrong().help("as in \"00:05:00\", or \"-1\""))?;
    Ok(seconds.min(LONGEST_TIMEOUT_S))
}

/// None for no limit, which is `-1`.
fn limit(name: &str, said: &Value) -> Result<Option<u32>, Finding> {
    if said.is_null() || said.as_i64() == Some(-1) {
        return Ok(None);
    }
    let number = said.as_u64().and_then(|number| u32::try_from(number).ok());
    match number {
        Some(number) if number > 0 => Ok(Some(number)),
        _ => Err(Finding::placeless(format!(
            "extensions.http.{name} in host.json cannot be {said}"
        ))
        .help("a number from 1, or -1 for no limit")),
    }
}

fn notices(http: &Value) -> Vec<Finding> {
    let set = WITHOUT_EFFECT
        .iter()
        .filter(|(name, _)| !http[*name].is_null());
    set.map(|(name, why)| {
        let message = format!("extensions.http.{name} in host.json changes nothing: {why}");
        Finding::notice(Span::new(0, 0), message)
    })
    .collect()
}
