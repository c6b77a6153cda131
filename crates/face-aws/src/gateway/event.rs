//! A request as a function sees it: payload format 1.0 in detail, 2.0 in short.

use base::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use functions::{Caller, GatewayKind, HttpForm, HttpRequest, HttpRoute};
use serde_json::{Map, Value, json};

use super::ids;
use crate::moment::utc;
use crate::place::Place;

pub(crate) fn render(request: &HttpRequest) -> Bytes {
    Value::Object(fields(request, request.route.form))
        .to_string()
        .into()
}

pub(super) fn fields(request: &HttpRequest, form: HttpForm) -> Map<String, Value> {
    match form {
        HttpForm::Detailed => detailed(request),
        HttpForm::Compact => compact(request),
    }
}

fn detailed(request: &HttpRequest) -> Map<String, Value> {
    let route = &request.route;
    let resource = route.template.as_deref().unwrap_or("$default");
    let headers: Vec<(String, String)> = all_headers(request)
        .map(|(name, value)| (capitalised(name), value.to_owned()))
        .collect();
    let query = pairs(&request.query);
    let mut event = Map::new();
    if route.kind == GatewayKind::Simple {
        event.insert("version".into(), json!("1.0"));
    }
    for (name, value) in [
        ("resource", json!(resource)),
        ("path", json!(path(request))),
        ("httpMethod", json!(request.method)),
        ("headers", last_of_each(&headers)),
        ("multiValueHeaders", lists(&headers)),
        ("queryStringParameters", last_of_each(&query)),
        ("multiValueQueryStringParameters", lists(&query)),
        ("pathParameters", last_of_each(&route.parameters)),
        ("stageVariables", variables(request).unwrap_or(Value::Null)),
        ("requestContext", detailed_context(request, resource)),
        ("body", body(request)),
        (
            "isBase64Encoded",
            json!(!request.is_text && !request.body.is_empty()),
        ),
    ] {
        event.insert(name.into(), value);
    }
    event
}

fn detailed_context(request: &HttpRequest, resource: &str) -> Value {
    let route = &request.route;
    let domain = domain(request);
    let (key, account, id, name) = match &request.caller {
        Some(Caller::Signed {
            key,
            account,
            name,
            id,
        }) => (Some(key), Some(account), Some(id), Some(name)),
        _ => (None, None, None, None),
    };
    let mut identity = json!({
        "accessKey": key,
        "accountId": account,
        "caller": id,
        "cognitoAuthenticationProvider": null,
        "cognitoAuthenticationType": null,
        "cognitoIdentityId": null,
        "cognitoIdentityPoolId": null,
        "principalOrgId": null,
        "sourceIp": request.source_ip,
        "user": id,
        "userAgent": header(request, "user-agent"),
        "userArn": name,
    });
    if let Some(key) = &request.client_key {
        identity["apiKey"] = json!(key.value);
        identity["apiKeyId"] = json!(key.id);
    }
    let mut context = json!({
        "accountId": Place::of(&request.space).account,
        "apiId": route.gateway,
        "domainName": domain,
        "domainPrefix": domain.split('.').next(),
        "extendedRequestId": ids::extended(route.kind, &request.request_id),
        "httpMethod": request.method,
        "identity": identity,
        "path": staged_path(request),
        "protocol": request.version,
        "requestId": request.request_id,
        "requestTime": common_log_time(request.at),
        "requestTimeEpoch": request.at.as_millis(),
        "resourceId": match route.kind {
            GatewayKind::Simple => route_key(route),
            _ => resource_id(resource),
        },
        "resourcePath": resource,
        "stage": route.stage,
    });
    match route.kind {
        GatewayKind::Simple => context["identity"]["cognitoAmr"] = Value::Null,
        _ => context["deploymentId"] = json!("local"),
    }
    if let Some(authorizer) = detailed_authorizer(request) {
        context["authorizer"] = authorizer;
    }
    context
}

pub(super) fn detailed_authorizer(request: &HttpRequest) -> Option<Value> {
    match request.caller.as_ref()? {
        Caller::Vouched { principal, facts } => {
            let mut said = object(facts);
            if let Some(principal) = principal {
                said.insert("principalId".into(), json!(principal));
            }
            if request.route.kind == GatewayKind::Classic {
                said.insert("integrationLatency".into(), json!(0));
            }
            Some(Value::Object(said))
        }
        Caller::Token { claims, scopes } => {
            Some(json!({ "claims": object(claims), "scopes": listed(scopes) }))
        }
        Caller::Signed { .. } => None,
    }
}

fn compact_authorizer(request: &HttpRequest) -> Option<Value> {
    Some(match request.caller.as_ref()? {
        Caller::Vouched { facts, .. } => json!({ "lambda": object(facts) }),
        Caller::Token { claims, scopes } => {
            json!({ "jwt": { "claims": object(claims), "scopes": listed(scopes) } })
        }
        Caller::Signed {
            key,
            account,
            name,
            id,
        } => json!({
            "iam": {
                "accessKey": key,
                "accountId": account,
                "callerId": id,
                "cognitoIdentity": null,
                "principalOrgId": null,
                "userArn": name,
                "userId": id,
            }
        }),
    })
}

/// Of text that we have printed ourselves.
fn object(json: &str) -> Map<String, Value> {
    serde_json::from_str(json).unwrap_or_default()
}

fn listed(scopes: &[String]) -> Value {
    match scopes.is_empty() {
        true => Value::Null,
        false => json!(scopes),
    }
}

pub(super) fn route_key(route: &HttpRoute) -> String {
    route_name(route.method.as_deref(), route.template.as_deref())
}

pub(super) fn route_name(method: Option<&str>, path: Option<&str>) -> String {
    match (method, path) {
        (_, None) => "$default".to_owned(),
        (None, Some(path)) => format!("ANY {path}"),
        (Some(method), Some(path)) => format!("{method} {path}"),
    }
}

fn compact(request: &HttpRequest) -> Map<String, Value> {
    let route = &request.route;
    let key = route_key(route);
    let mut headers = Map::new();
    let mut cookies = Vec::new();
    for (name, value) in all_headers(request) {
        if name == "cookie" {
            cookies.extend(value.split("; ").map(|cookie| json!(cookie)));
            continue;
        }
        join(&mut headers, name, value);
    }
    let mut query = Map::new();
    for (name, value) in pairs(&request.query) {
        join(&mut query, &name, &value);
    }
    let raw_path = staged_path(request);
    let mut event = Map::new();
    let mut put = |name: &str, value: Value| event.insert(name.to_owned(), value);
    put("version", json!("2.0"));
    put("routeKey", json!(key));
    put("rawPath", json!(raw_path));
    put("rawQueryString", json!(request.query));
    if !cookies.is_empty() {
        put("cookies", Value::Array(cookies));
    }
    put("headers", Value::Object(headers));
    if !query.is_empty() {
        put("queryStringParameters", Value::Object(query));
    }
    let domain = domain(request);
    let mut context = json!({
        "accountId": account(request),
        "apiId": route.gateway,
        "domainName": domain,
        "domainPrefix": domain.split('.').next(),
        "http": {
            "method": request.method,
            "path": raw_path,
            "protocol": request.version,
            "sourceIp": request.source_ip,
            "userAgent": header(request, "user-agent").unwrap_or_default(),
        },
        "requestId": request.request_id,
        "routeKey": key,
        "stage": route.stage,
        "time": common_log_time(request.at),
        "timeEpoch": request.at.as_millis(),
    });
    if let Some(authorizer) = compact_authorizer(request) {
        context["authorizer"] = authorizer;
    }
    put("requestContext", context);
    if !route.parameters.is_empty() {
        put("pathParameters", last_of_each(&route.parameters));
    }
    if let Some(variables) = variables(request) {
        put("stageVariables", variables);
    }
    if !request.body.is_empty() {
        put("body", body(request));
    }
    put(
        "isBase64Encoded",
        json!(!request.is_text && !request.body.is_empty()),
    );
    event
}

pub(super) fn all_headers(request: &HttpRequest) -> impl Iterator<Item = (&str, &str)> {
    let all = request.headers.iter();
    all.map(|(name, value)| (name.as_str(), value.as_str()))
}

pub(super) fn header<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    let found = request.headers.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str())
}

/// HTTP APIs put the stage into every path that they tell; REST APIs only into the context's.
fn path(request: &HttpRequest) -> String {
    match request.route.kind {
        GatewayKind::Classic => request.path.clone(),
        _ => staged_path(request),
    }
}

/// HTTP APIs alone decode it, and what then is a question mark ends it for them.
fn staged_path(request: &HttpRequest) -> String {
    let path = match request.route.kind {
        GatewayKind::Simple => {
            let decoded = percent_encoding::percent_decode_str(&request.path).decode_utf8_lossy();
            let path = decoded.split('?').next();
            path.unwrap_or_default().to_owned()
        }
        _ => request.path.clone(),
    };
    match request.route.stage.as_str() {
        super::DEFAULT_STAGE => path,
        stage => format!("/{stage}{path}"),
    }
}

fn body(request: &HttpRequest) -> Value {
    if request.body.is_empty() {
        Value::Null
    } else if request.is_text {
        Value::String(String::from_utf8_lossy(&request.body).into_owned())
    } else {
        Value::String(STANDARD.encode(&request.body))
    }
}

/// Of function URLs, the caller's; of gateways, the owner's.
fn account(request: &HttpRequest) -> String {
    match (request.route.kind, &request.caller) {
        (GatewayKind::Direct, None) => "anonymous".to_owned(),
        _ => Place::of(&request.space).account.to_owned(),
    }
}

fn variables(request: &HttpRequest) -> Option<Value> {
    let variables = &request.route.stage_variables;
    (!variables.is_empty()).then(|| json!(variables))
}

pub(super) fn last_of_each(pairs: &[(String, String)]) -> Value {
    if pairs.is_empty() {
        return Value::Null;
    }
    let mut map = Map::new();
    for (name, value) in pairs {
        map.insert(name.clone(), json!(value));
    }
    Value::Object(map)
}

pub(super) fn lists(pairs: &[(String, String)]) -> Value {
    if pairs.is_empty() {
        return Value::Null;
    }
    let mut map = Map::new();
    for (name, value) in pairs {
        let list = map.entry(name.clone()).or_insert_with(|| json!([]));
        if let Value::Array(list) = list {
            list.push(json!(value));
        }
    }
    Value::Object(map)
}

/// Several values of one name are one, with commas.
fn join(map: &mut Map<String, Value>, name: &str, value: &str) {
    match map.get_mut(name) {
        Some(Value::String(known)) => {
            known.push(',');
            known.push_str(value);
        }
        _ => drop(map.insert(name.to_owned(), json!(value))),
    }
}

pub(super) fn pairs(query: &str) -> Vec<(String, String)> {
    let decoded = |text: &str| {
        let spaced = text.replace('+', " ");
        percent_encoding::percent_decode_str(&spaced)
            .decode_utf8_lossy()
            .into_owned()
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        })
        .collect()
}

/// `x-forwarded-for` as `X-Forwarded-For`: clients write it so, and old handlers read it so.
pub(crate) fn capitalised(name: &str) -> String {
    let words = name.split('-').map(|word| {
        let mut letters = word.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    });
    words.collect::<Vec<_>>().join("-")
}

/// What the caller has called us. Of a connection, functions make the address by which they write to it (`https`, and no
/// port): that is the cloud's own, under which they reach us.
pub(super) fn domain(request: &HttpRequest) -> String {
    if request.route.kind == GatewayKind::Socket {
        let place = Place::of(&request.space);
        return place.api_host(&request.route.gateway);
    }
    let host = header(request, "host").unwrap_or_default();
    host.split(':').next().unwrap_or_default().to_owned()
}

pub(super) fn common_log_time(at: Timestamp) -> String {
    utc(at).strftime("%d/%b/%Y:%H:%M:%S +0000").to_string()
}

/// Six letters that are always the same for a path.
fn resource_id(resource: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, resource.as_bytes());
    let letter =
        |byte: &u8| char::from(b"abcdefghijklmnopqrstuvwxyz012345"[usize::from(byte % 32)]);
    digest.as_ref().iter().take(6).map(letter).collect()
}
