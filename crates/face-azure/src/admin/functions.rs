//! Which functions there are, and running one without its route.

use functions::{Event, Job};
use http::StatusCode;
use serde_json::{Value, json};
use wire::Response;

use super::{Asked, json_of};
use crate::refusal::{self, Refusal};
use crate::routes::Route;

pub(super) fn list(asked: &Asked<'_>) -> Response {
    let routes = asked.azure.routes();
    let all = routes.all();
    let all: Vec<Value> = all
        .into_iter()
        .map(|route| described(asked, route))
        .collect();
    json_of(StatusCode::OK, &Value::Array(all))
}

pub(super) fn get(asked: &Asked<'_>, name: &str) -> Result<Response, Refusal> {
    let routes = asked.azure.routes();
    let route = routes.named(name).ok_or(Refusal::NoRoute)?;
    Ok(json_of(StatusCode::OK, &described(asked, route)))
}

/// What is wrong with it: nothing, or it would not have been deployed.
pub(super) fn status(asked: &Asked<'_>, name: &str) -> Result<Response, Refusal> {
    let routes = asked.azure.routes();
    routes.named(name).ok_or(Refusal::NoRoute)?;
    Ok(json_of(StatusCode::OK, &json!({ "errors": [] })))
}

/// The function runs with what is given to it as the body of a request; nobody waits for its answer.
pub(super) async fn run(asked: &Asked<'_>, name: &str) -> Result<Response, Refusal> {
    let routes = asked.azure.routes();
    let route = routes.named(name).ok_or(Refusal::NoRoute)?;
    let input = match asked.body {
        b"" => String::new(),
        body => match serde_json::from_slice::<Value>(body) {
            Ok(said) => match &said["input"] {
                Value::String(text) => text.clone(),
                Value::Null => String::new(),
                other => other.to_string(),
            },
            Err(_) => return Ok(refusal::status(StatusCode::BAD_REQUEST)),
        },
    };
    let functions = &asked.azure.parts.functions;
    let job = Job {
        request_id: functions.new_request_id(),
        space: crate::space(),
        function: route.function.clone(),
        qualifier: None,
        event: Event::Raw(input.into()),
        trigger: "admin".into(),
        client_context: None,
        trace: None,
    };
    functions.enqueue_alone(&job).await.map_err(|error| {
        tracing::warn!(%error, name, "a function was not run");
        Refusal::Broken
    })?;
    Ok(refusal::status(StatusCode::ACCEPTED))
}

fn described(asked: &Asked<'_>, route: &Route) -> Value {
    let address = asked.address();
    let name = &route.function;
    json!({
        "name": name,
        "href": format!("{address}/admin/functions/{name}"),
        "invoke_url_template": format!("{address}/{}", route.path),
        "language": route.language,
        "config": { "name": name, "bindings": route.bindings },
        "isDisabled": false,
        "isDirect": false,
        "isProxy": false,
    })
}
