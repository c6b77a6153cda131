//! What functions are told about connections and their messages.

use base::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use functions::{Caller, HttpRequest};
use serde_json::{Map, Value, json};
use wire::Message;

use crate::gateway::{event as http, ids};

pub(super) fn connect(request: &HttpRequest) -> Value {
    let mut event = connect_fields(request);
    event.insert("isBase64Encoded".into(), json!(false));
    Value::Object(event)
}

/// Also what an authorizer is shown.
pub(crate) fn connect_fields(request: &HttpRequest) -> Map<String, Value> {
    let headers: Vec<(String, String)> = http::all_headers(request)
        .map(|(name, value)| (http::capitalised(name), value.to_owned()))
        .collect();
    let query = http::pairs(&request.query);
    let mut event = Map::new();
    event.insert("headers".into(), http::last_of_each(&headers));
    event.insert("multiValueHeaders".into(), http::lists(&headers));
    if !query.is_empty() {
        event.insert("queryStringParameters".into(), http::last_of_each(&query));
        event.insert(
            "multiValueQueryStringParameters".into(),
            http::lists(&query),
        );
    }
    if !request.route.stage_variables.is_empty() {
        event.insert(
            "stageVariables".into(),
            json!(request.route.stage_variables),
        );
    }
    let context = context(
        request,
        request.at,
        "$connect",
        "CONNECT",
        &request.request_id,
    );
    event.insert("requestContext".into(), context);
    event
}

pub(super) fn disconnect(request: &HttpRequest, at: Timestamp, code: u16, reason: &str) -> Value {
    let mut context = context(
        request,
        at,
        "$disconnect",
        "DISCONNECT",
        &request.request_id,
    );
    context["disconnectStatusCode"] = json!(code);
    context["disconnectReason"] = json!(reason);
    let headers = [("Host", "host"), ("x-api-key", ""), ("X-Forwarded-For", "")];
    let value = |name: &str| {
        let mut all = request.headers.iter();
        all.find(|(known, _)| known == name)
            .map_or("", |(_, value)| value.as_str())
    };
    let headers: Vec<(String, String)> = headers
        .iter()
        .map(|(name, of)| ((*name).to_owned(), value(of).to_owned()))
        .collect();
    json!({
        "headers": http::last_of_each(&headers),
        "multiValueHeaders": http::lists(&headers),
        "requestContext": context,
        "isBase64Encoded": false,
    })
}

pub(super) fn message(
    request: &HttpRequest,
    at: Timestamp,
    key: &str,
    request_id: &str,
    message: &Message,
) -> Value {
    let mut context = context(request, at, key, "MESSAGE", request_id);
    context["messageId"] = json!(ids::short(request_id));
    let (body, encoded) = match message {
        Message::Text(text) => (text.clone(), false),
        Message::Bytes(bytes) => (STANDARD.encode(bytes), true),
    };
    let mut event = json!({
        "requestContext": context,
        "body": body,
        "isBase64Encoded": encoded,
    });
    if !request.route.stage_variables.is_empty() {
        event["stageVariables"] = json!(request.route.stage_variables);
    }
    event
}

fn context(request: &HttpRequest, at: Timestamp, key: &str, kind: &str, request_id: &str) -> Value {
    let agent = request
        .headers
        .iter()
        .find(|(name, _)| name == "user-agent");
    let mut identity = json!({ "sourceIp": request.source_ip });
    if let Some((_, agent)) = agent {
        identity["userAgent"] = json!(agent);
    }
    let mut context = json!({
        "routeKey": key,
        "eventType": kind,
        "extendedRequestId": request_id,
        "requestTime": http::common_log_time(at),
        "messageDirection": "IN",
        "stage": request.route.stage,
        "connectedAt": request.at.as_millis(),
        "requestTimeEpoch": at.as_millis(),
        "identity": identity,
        "requestId": request_id,
        "domainName": http::domain(request),
        "connectionId": request.connection,
        "apiId": request.route.gateway,
    });
    match &request.caller {
        Some(Caller::Vouched { .. }) => {
            if let Some(authorizer) = http::detailed_authorizer(request) {
                context["authorizer"] = authorizer;
            }
        }
        Some(Caller::Signed {
            key,
            account,
            name,
            id,
        }) => {
            let identity = &mut context["identity"];
            identity["accessKey"] = json!(key);
            identity["accountId"] = json!(account);
            identity["caller"] = json!(id);
            identity["user"] = json!(id);
            identity["userArn"] = json!(name);
        }
        Some(Caller::Token { .. }) | None => {}
    }
    context
}
