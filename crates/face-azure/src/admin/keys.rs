//! The keys on one ring: reading, making, changing and removing them.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use wire::Response;

use super::{Asked, json_of, not_built};
use crate::authorize::{HOST, MASTER, SYSTEM};
use crate::refusal::{self, Refusal};

/// Among the host's keys this is the one that opens everything.
const MASTER_KEY: &str = "_master";
const LONGEST_NAME: usize = 127;
const LONGEST_VALUE: usize = 1_024;

pub(super) async fn serve(
    asked: &Asked<'_>,
    ring: &str,
    key: &[&str],
) -> Result<Response, Refusal> {
    let [name] = key else {
        return match (&asked.head.method, key) {
            (&Method::GET, []) => list(asked, ring),
            _ => Ok(not_built(asked.head)),
        };
    };
    let ring = match (*name, ring) {
        (MASTER_KEY, HOST | SYSTEM) => MASTER,
        _ => ring,
    };
    match asked.head.method {
        Method::GET => get(asked, ring, name),
        Method::POST => set(asked, ring, name, None).await,
        Method::PUT => match given(asked.body) {
            Some(value) => set(asked, ring, name, Some(value)).await,
            None => Ok(refusal::status(StatusCode::BAD_REQUEST)),
        },
        Method::DELETE => remove(asked, ring, name).await,
        _ => Ok(not_built(asked.head)),
    }
}

fn list(asked: &Asked<'_>, ring: &str) -> Result<Response, Refusal> {
    let keys = asked.azure.parts.keys.on(&crate::space(), ring);
    let keys = keys.map_err(|error| broken(&error))?;
    let keys: Vec<Value> = keys
        .into_iter()
        .map(|key| json!({ "name": key.name, "value": key.value }))
        .collect();
    Ok(json_of(
        StatusCode::OK,
        &json!({ "keys": keys, "links": links(asked) }),
    ))
}

fn get(asked: &Asked<'_>, ring: &str, name: &str) -> Result<Response, Refusal> {
    let keys = asked.azure.parts.keys.on(&crate::space(), ring);
    let keys = keys.map_err(|error| broken(&error))?;
    let found = keys.into_iter().find(|key| key.name == name);
    let found = found.ok_or(Refusal::NoRoute)?;
    Ok(shown(asked, StatusCode::OK, name, &found.value))
}

async fn set(
    asked: &Asked<'_>,
    ring: &str,
    name: &str,
    value: Option<String>,
) -> Result<Response, Refusal> {
    let is_name = |name: &str| {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(letter)
    };
    if !is_name(name) || ring != MASTER && name.starts_with('_') {
        return Ok(refusal::status(StatusCode::BAD_REQUEST));
    }
    let space = crate::space();
    let set = asked.azure.parts.keys.set(&space, ring, name, value);
    let (value, is_new) = set.await.map_err(|error| broken(&error))?;
    let status = match is_new {
        true => StatusCode::CREATED,
        false => StatusCode::OK,
    };
    Ok(shown(asked, status, name, &value))
}

async fn remove(asked: &Asked<'_>, ring: &str, name: &str) -> Result<Response, Refusal> {
    if name.starts_with('_') {
        return Ok(refusal::status(StatusCode::BAD_REQUEST));
    }
    let space = crate::space();
    let removed = asked.azure.parts.keys.remove(&space, ring, name);
    match removed.await.map_err(|error| broken(&error))? {
        true => Ok(refusal::status(StatusCode::NO_CONTENT)),
        false => Err(Refusal::NoRoute),
    }
}

fn given(body: &[u8]) -> Option<String> {
    let said: Value = serde_json::from_slice(body).ok()?;
    let value = said["value"]
        .as_str()
        .or(said["properties"]["value"].as_str())?;
    (1..=LONGEST_VALUE)
        .contains(&value.len())
        .then(|| value.to_owned())
}

fn shown(asked: &Asked<'_>, status: StatusCode, name: &str, value: &str) -> Response {
    json_of(
        status,
        &json!({ "name": name, "value": value, "links": links(asked) }),
    )
}

fn links(asked: &Asked<'_>) -> Value {
    json!([{ "rel": "self", "href": format!("{}{}", asked.address(), asked.head.uri.path()) }])
}

fn broken(error: &access::Error) -> Refusal {
    tracing::warn!(%error, "keys cannot be had");
    Refusal::Broken
}
