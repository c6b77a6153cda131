//! What a function is asked, and what its result does to a request or a response.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use triggers::edge::{Moment, Origin, Protocol, Server, Web};

use super::headers::{self, Header};
use super::refused::Refused;

/// A request on its way to the origin.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) client: String,
    pub(super) method: String,
    /// Still encoded.
    pub(super) uri: String,
    pub(super) query: String,
    pub(super) headers: Vec<Header>,
    pub(super) body: Bytes,
}

/// A response without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) description: String,
    pub(super) headers: Vec<Header>,
}

/// What a function says in place of what it was asked about.
#[derive(Debug)]
pub(super) enum Said {
    /// Go on, with the origin that it names if it names one.
    Request(Asked, Option<Origin>),
    Response(Head, Option<Bytes>),
}

/// Bodies are shown up to this, and answers may not be longer.
pub(super) fn limit(moment: Moment) -> usize {
    match moment {
        Moment::ViewerRequest | Moment::ViewerResponse => 40 << 10,
        Moment::OriginRequest | Moment::OriginResponse => 1 << 20,
    }
}

fn name(moment: Moment) -> &'static str {
    match moment {
        Moment::ViewerRequest => "viewer-request",
        Moment::OriginRequest => "origin-request",
        Moment::OriginResponse => "origin-response",
        Moment::ViewerResponse => "viewer-response",
    }
}

/// What a function is asked about.
pub(super) struct Told<'a> {
    pub(super) moment: Moment,
    pub(super) distribution: &'a str,
    pub(super) domain: &'a str,
    pub(super) request_id: &'a str,
    pub(super) asked: &'a Asked,
    pub(super) with_body: bool,
    pub(super) origin: Option<&'a Origin>,
    pub(super) head: Option<&'a Head>,
}

impl Told<'_> {
    pub(super) fn render(&self) -> Bytes {
        let asked = self.asked;
        let mut request = json!({
            "clientIp": asked.client,
            "headers": headers::told(&asked.headers),
            "method": asked.method,
            "querystring": asked.query,
            "uri": asked.uri,
        });
        if self.with_body && self.head.is_none() {
            let most = limit(self.moment);
            let shown = &asked.body[..asked.body.len().min(most)];
            request["body"] = json!({
                "inputTruncated": asked.body.len() > most,
                "action": "read-only",
                "encoding": "base64",
                "data": STANDARD.encode(shown),
            });
        }
        if let Some(origin) = self.origin {
            request["origin"] = told_origin(origin);
        }
        let mut cf = json!({
            "config": {
                "distributionDomainName": self.domain,
                "distributionId": self.distribution,
                "eventType": name(self.moment),
                "requestId": self.request_id,
            },
            "request": request,
        });
        if let Some(head) = self.head {
            cf["response"] = json!({
                "status": head.status.to_string(),
                "statusDescription": head.description,
                "headers": headers::told(&head.headers),
            });
        }
        json!({ "Records": [{ "cf": cf }] }).to_string().into()
    }
}

fn told_origin(origin: &Origin) -> Value {
    let own: Vec<Header> = origin
        .headers
        .iter()
        .map(|(name, value)| Header {
            name: name.to_ascii_lowercase(),
            value: value.clone(),
        })
        .collect();
    let own = headers::told(&own);
    match &origin.server {
        Server::Bucket { signed } => json!({ "s3": {
            "authMethod": if *signed { "origin-access-identity" } else { "none" },
            "customHeaders": own,
            "domainName": origin.domain,
            "path": origin.path,
            "region": region(&origin.domain),
        }}),
        Server::Web(web) => json!({ "custom": {
            "customHeaders": own,
            "domainName": origin.domain,
            "keepaliveTimeout": web.keep_alive_s,
            "path": origin.path,
            "port": if web.protocol == Protocol::Secure { web.secure_port } else { web.port },
            "protocol": if web.protocol == Protocol::Secure { "https" } else { "http" },
            "readTimeout": web.read_timeout_s,
            "sslProtocols": web.encryption,
        }}),
    }
}

/// Of `bucket.s3.region.amazonaws.com`; empty where it is not told.
fn region(domain: &str) -> &str {
    let rest = domain.split_once(".s3.").map_or("", |(_, rest)| rest);
    let first = rest.split('.').next().unwrap_or_default();
    if first == "amazonaws" { "" } else { first }
}

/// Reads what a function answers to a request.
pub(super) fn request(
    result: &[u8],
    moment: Moment,
    asked: &Asked,
    told: Option<&Origin>,
) -> Result<Said, Refused> {
    let said = object(result)?;
    if said.contains_key("status") {
        let head = Head {
            status: status(&said)?,
            description: description(&said),
            headers: headers::given(said.get("headers"))?,
        };
        let body = body(&said, moment)?.unwrap_or_default();
        check_size(&head, &body, moment)?;
        return Ok(Said::Response(head, Some(body)));
    }
    for (field, known) in [("method", &asked.method), ("clientIp", &asked.client)] {
        if said.get(field).and_then(Value::as_str) != Some(known) {
            return Err(Refused::result(format!(
                "The Lambda function result failed validation: The function tried to change the read-only field {field}."
            )));
        }
    }
    let text = |field: &str| -> Result<String, Refused> {
        let text = said.get(field).and_then(Value::as_str);
        text.map(str::to_owned).ok_or_else(|| {
            Refused::result(format!(
                "The Lambda function result failed validation: The field {field} must be a string."
            ))
        })
    };
    let uri = text("uri")?;
    let fine = uri.starts_with('/') && !uri.contains(['?', '#', ' ']) && uri.is_ascii();
    if !fine || uri.len() > LONGEST_URI {
        return Err(Refused::result(
            "The Lambda function returned an invalid uri: The uri must begin with a slash, and be at most 8192 characters long, without a query string.",
        ));
    }
    let query = match said.get("querystring") {
        None | Some(Value::Null) => String::new(),
        Some(_) => text("querystring")?,
    };
    if query.contains([' ', '#']) || !query.is_ascii() {
        return Err(Refused::result(
            "The Lambda function returned an invalid querystring: It must be encoded.",
        ));
    }
    let changed = Asked {
        uri,
        query,
        headers: headers::changed(said.get("headers"), &asked.headers, moment)?,
        body: replaced(&said, moment)?.unwrap_or_else(|| asked.body.clone()),
        ..asked.clone()
    };
    let origin = match (told, said.get("origin")) {
        (None, _) | (_, None | Some(Value::Null)) => None,
        (Some(told), Some(said)) => Some(origin(said, told)?),
    };
    Ok(Said::Request(changed, origin))
}

const LONGEST_URI: usize = 8_192;

/// Reads what a function answers to a response.
pub(super) fn response(
    result: &[u8],
    moment: Moment,
    before: &Head,
) -> Result<(Head, Option<Bytes>), Refused> {
    let said = object(result)?;
    let head = Head {
        status: status(&said)?,
        description: description(&said),
        headers: headers::changed(said.get("headers"), &before.headers, moment)?,
    };
    if moment == Moment::ViewerResponse && head.status != before.status {
        return Err(Refused::result(
            "The Lambda function result failed validation: The function tried to change the status of a viewer response.",
        ));
    }
    let body = body(&said, moment)?;
    check_size(&head, body.as_deref().unwrap_or_default(), moment)?;
    Ok((head, body))
}

fn object(result: &[u8]) -> Result<Map<String, Value>, Refused> {
    match serde_json::from_slice(result) {
        Ok(Value::Object(said)) => Ok(said),
        Ok(_) => Err(Refused::result(
            "The Lambda function returned an invalid json: The json output must be an object type.",
        )),
        Err(_) => Err(Refused::result(
            "The Lambda function returned invalid json: The json output is not parsable.",
        )),
    }
}

fn status(said: &Map<String, Value>) -> Result<u16, Refused> {
    let number = match said.get("status") {
        Some(Value::String(text)) => text.parse().ok(),
        Some(Value::Number(number)) => number
            .as_u64()
            .and_then(|number| u16::try_from(number).ok()),
        _ => None,
    };
    number
        .filter(|number| (200..600).contains(number))
        .ok_or_else(|| {
            Refused::result(
                "The Lambda function result failed validation: The status is not a valid HTTP status code.",
            )
        })
}

fn description(said: &Map<String, Value>) -> String {
    let text = said.get("statusDescription").and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}

const BAD_BODY: &str = "The Lambda function result failed validation: The body is not a string, is not an object, or exceeds the maximum size.";

/// The body of a response, if the function says one.
fn body(said: &Map<String, Value>, moment: Moment) -> Result<Option<Bytes>, Refused> {
    let text = match said.get("body") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text,
        Some(_) => return Err(Refused::result(BAD_BODY)),
    };
    decoded(text, said.get("bodyEncoding"), moment).map(Some)
}

/// The body of a request, if the function puts another in its place.
fn replaced(said: &Map<String, Value>, moment: Moment) -> Result<Option<Bytes>, Refused> {
    let body = match said.get("body") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Object(body)) => body,
        Some(_) => return Err(Refused::result(BAD_BODY)),
    };
    match body.get("action").and_then(Value::as_str) {
        Some("replace") => {}
        None | Some("read-only") => return Ok(None),
        Some(_) => return Err(Refused::result(BAD_BODY)),
    }
    let data = body.get("data").and_then(Value::as_str);
    let data = data.ok_or_else(|| Refused::result(BAD_BODY))?;
    decoded(data, body.get("encoding"), moment).map(Some)
}

fn decoded(text: &str, encoding: Option<&Value>, moment: Moment) -> Result<Bytes, Refused> {
    let bad = || Refused::result(BAD_BODY);
    let bytes: Bytes = match encoding.and_then(Value::as_str) {
        None | Some("text") => text.to_owned().into(),
        Some("base64") => STANDARD.decode(text).map_err(|_| bad())?.into(),
        Some(_) => return Err(bad()),
    };
    match bytes.len() > limit(moment) {
        true => Err(bad()),
        false => Ok(bytes),
    }
}

/// Headers count too.
fn check_size(head: &Head, body: &[u8], moment: Moment) -> Result<(), Refused> {
    let headers = head.headers.iter();
    let headers: usize = headers.map(|one| one.name.len() + one.value.len()).sum();
    match body.is_empty() || headers + body.len() <= limit(moment) {
        true => Ok(()),
        false => Err(Refused::result(BAD_BODY)),
    }
}

/// An origin that a function names: its own, changed, or another one.
fn origin(said: &Value, told: &Origin) -> Result<Origin, Refused> {
    let wrong = |why: &str| {
        Refused::result(format!(
            "The Lambda function returned an invalid origin configuration: {why}"
        ))
    };
    let (kind, fields) = match (said.get("s3"), said.get("custom")) {
        (Some(fields), None) => ("s3", fields),
        (None, Some(fields)) => ("custom", fields),
        _ => return Err(wrong("There must be one origin, either s3 or custom.")),
    };
    let text = |field: &str| fields.get(field).and_then(Value::as_str);
    let number = |field: &str| fields.get(field).and_then(Value::as_u64);
    let domain = text("domainName").filter(|domain| !domain.is_empty() && !domain.contains('/'));
    let domain = domain.ok_or_else(|| wrong("The domainName is invalid."))?;
    let path = text("path").unwrap_or_default();
    if !path.is_empty() && (!path.starts_with('/') || path.ends_with('/')) {
        return Err(wrong(
            "The path must begin with a slash, and not end with one.",
        ));
    }
    let own = headers::given(fields.get("customHeaders"))
        .map_err(|_| wrong("One or more HeaderName or HeaderValue values are invalid."))?;
    let server = match kind {
        "s3" => match text("authMethod") {
            Some("origin-access-identity") => Server::Bucket { signed: true },
            Some("none") => Server::Bucket { signed: false },
            _ => return Err(wrong("The authMethod is invalid.")),
        },
        _ => {
            let port = number("port").and_then(|port| u16::try_from(port).ok());
            let port = port.filter(|port| [80, 443].contains(port) || *port >= 1_024);
            let port = port.ok_or_else(|| wrong("The port is invalid."))?;
            let protocol = match text("protocol") {
                Some("http") => Protocol::Plain,
                Some("https") => Protocol::Secure,
                _ => return Err(wrong("The protocol is invalid.")),
            };
            let seconds = |field: &str, most: u64| {
                let seconds = number(field).filter(|seconds| (1..=most).contains(seconds));
                let seconds = seconds.and_then(|seconds| u32::try_from(seconds).ok());
                seconds.ok_or_else(|| wrong(&format!("The {field} is invalid.")))
            };
            let listed = fields.get("sslProtocols").and_then(Value::as_array);
            let listed = listed.into_iter().flatten().filter_map(Value::as_str);
            Server::Web(Web {
                protocol,
                port,
                secure_port: port,
                read_timeout_s: seconds("readTimeout", 60)?,
                keep_alive_s: seconds("keepaliveTimeout", 60)?,
                encryption: listed.map(str::to_owned).collect(),
            })
        }
    };
    Ok(Origin {
        id: told.id.clone(),
        domain: domain.to_owned(),
        path: path.to_owned(),
        headers: own.into_iter().map(|one| (one.name, one.value)).collect(),
        server,
    })
}
