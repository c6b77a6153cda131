//! What is kept to be forked, and the memory that it takes.

use http::StatusCode;
use serde::{Deserialize, Serialize};
use wire::Response;

use crate::{Parts, Problem, json};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Forks {
    pub placeholders: Vec<Placeholder>,
    pub templates: Vec<Template>,
    /// What the templates may use together.
    pub budget_bytes: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Placeholder {
    pub program: String,
    /// None where the host does not count it, or there is none.
    pub memory_bytes: Option<u64>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub failed: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Template {
    pub function: String,
    pub version: Option<u64>,
    pub memory_bytes: Option<u64>,
}

pub(crate) fn get(parts: &Parts) -> Result<Response, Problem> {
    let functions = &parts.functions;
    let placeholders = functions
        .placeholders()
        .into_iter()
        .map(|kept| Placeholder {
            program: kept.path.display().to_string(),
            memory_bytes: kept.memory.map(base::ByteSize::as_bytes),
            failed: kept.failed,
        });
    let templates = functions.templates().into_iter().map(|kept| Template {
        function: kept.function,
        version: kept.version,
        memory_bytes: kept.memory.map(base::ByteSize::as_bytes),
    });
    let forks = Forks {
        placeholders: placeholders.collect(),
        templates: templates.collect(),
        budget_bytes: functions.template_budget().as_bytes(),
    };
    Ok(json(StatusCode::OK, &forks))
}
