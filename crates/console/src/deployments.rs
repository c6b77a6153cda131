//! Deploying, and what is deployed.

use std::collections::BTreeMap;
use std::path::PathBuf;

use deploy::Overrides;
use http::StatusCode;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wire::{Body, Response};

use crate::{LARGEST_REQUEST, Parts, Problem};

/// A template on this machine, and what is said over what it says.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deployment {
    /// Absolute: the template, or the directory that it is in.
    pub path: PathBuf,
    pub stack: Option<String>,
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
}

pub(crate) async fn post(parts: &Parts, body: Body) -> Result<Response, Problem> {
    let body = wire::collect(body, LARGEST_REQUEST).await;
    let body = body.map_err(|error| Problem::invalid(error.to_string()))?;
    let deployment: Deployment =
        serde_json::from_slice(&body).map_err(|error| Problem::invalid(error.to_string()))?;
    if !deployment.path.is_absolute() {
        return Err(Problem::invalid("the template's path must be absolute"));
    }
    let overrides = Overrides {
        parameters: deployment.parameters,
        stack: deployment.stack,
    };
    let template = deploy::load(&deployment.path, overrides)?;
    let applied = parts.deployer.deploy(&template).await?;
    Ok(crate::json(StatusCode::OK, &applied))
}

pub(crate) fn get(parts: &Parts) -> Result<Response, Problem> {
    let stacks = parts.deployer.stacks()?;
    Ok(crate::json(StatusCode::OK, &json!({ "stacks": stacks })))
}

pub(crate) async fn delete(parts: &Parts, name: &str) -> Result<Response, Problem> {
    let name = percent_decode_str(name).decode_utf8_lossy();
    let plan = parts.deployer.destroy(&name).await?;
    Ok(crate::json(StatusCode::OK, &plan))
}
