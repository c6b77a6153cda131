//! The keys by which functions are called.

use std::collections::BTreeSet;

use http::StatusCode;
use serde::{Deserialize, Serialize};
use wire::Response;

use crate::query::Query;
use crate::{Parts, Problem, name};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Keys {
    pub keys: Vec<Key>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Key {
    /// `function/NAME`, `host` for every function, or `master` for everything.
    pub opens: String,
    pub name: String,
    pub value: String,
}

pub(crate) fn get(parts: &Parts, query: &Query<'_>) -> Result<Response, Problem> {
    let function = match query.text("function") {
        Some(name) => Some(name::find(parts, &name)?),
        None => None,
    };
    let own = function
        .as_ref()
        .map(|function| format!("function/{}", function.name.to_lowercase()));
    let spaces = match &function {
        Some(function) => BTreeSet::from([function.space.clone()]),
        None => name::spaces(parts)?,
    };
    let mut keys = Vec::new();
    for space in spaces {
        let all = parts.keys.all(&space);
        let all = all.map_err(|error| Problem::new(error.kind(), error.to_string()))?;
        let asked = all.into_iter().filter(|key| {
            own.is_none() || !key.ring.contains('/') || Some(&key.ring) == own.as_ref()
        });
        keys.extend(asked.map(|key| Key {
            opens: key.ring,
            name: key.name,
            value: key.value,
        }));
    }
    Ok(crate::json(StatusCode::OK, &Keys { keys }))
}
