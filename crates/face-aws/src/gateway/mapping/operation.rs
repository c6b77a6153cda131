//! Integrations of HTTP APIs: an operation of a service, and where in the request its parameters are.
//!
//! What the service answers is the answer, as it stands.

use bytes::Bytes;
use functions::{GatewayKind, HttpRequest};
use http::{HeaderValue, StatusCode, header};
use percent_encoding::utf8_percent_encode;
use serde_json::{Map, Value, json};
use triggers::{Asked, Callee, Translation};
use wire::Response;

use super::selection;
use super::service::Outgoing;
use crate::gateway::{Gateways, Refusal, refusal};
use crate::signature::UNRESERVED;

const FORM: &str = "application/x-www-form-urlencoded";
const XML: &str = "text/xml";

impl Gateways {
    pub(super) async fn operate(
        &self,
        mapping: &Translation,
        request: &HttpRequest,
    ) -> Result<Response, Refusal> {
        let Some(Callee {
            service,
            asked: Asked::Operation(operation),
        }) = &mapping.to
        else {
            return Err(Refusal::Broken);
        };
        let parameters = mapping.parameters.iter();
        let mut given: Map<String, Value> = parameters
            .filter_map(|(name, text)| {
                Some((name.clone(), selection::of_request(request, text)?.into()))
            })
            .collect();
        // There is one, and templates are checked for it.
        given.shift_remove("Region");
        let outgoing = match service.as_str() {
            "events" => put_events(given)?,
            _ => form(operation, &given)?,
        };
        let to = Callee {
            service: service.clone(),
            asked: match service.as_str() {
                "events" => Asked::Operation(operation.clone()),
                _ => Asked::Path("/".into()),
            },
        };
        let answered = self.ask_service(&request.space, &to, outgoing).await?;
        let mut response = Response::new(wire::full(answered.body));
        *response.status_mut() =
            StatusCode::from_u16(answered.status).map_err(|_| Refusal::Broken)?;
        let kind = answered.headers.get(header::CONTENT_TYPE).cloned();
        let kind = kind.unwrap_or(HeaderValue::from_static("application/json"));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, kind);
        refusal::identify(headers, GatewayKind::Simple, &request.request_id);
        Ok(response)
    }
}

/// What must be there.
fn need(given: &Map<String, Value>, names: &[&str]) -> Result<(), Refusal> {
    let is_missing = |name: &&&str| !given.contains_key(**name);
    let missing: Vec<String> = names
        .iter()
        .filter(is_missing)
        .map(|name| (*name).to_owned())
        .collect();
    match missing.is_empty() {
        true => Ok(()),
        false => Err(Refusal::LacksParameters(missing)),
    }
}

fn put_events(mut entry: Map<String, Value>) -> Result<Outgoing, Refusal> {
    need(&entry, &["Detail", "DetailType", "Source"])?;
    if let Some(listed) = entry.get_mut("Resources") {
        *listed = json!(words(listed));
    }
    if let Some(time) = entry.get_mut("Time")
        && let Some(number) = time.as_str().and_then(|text| text.parse::<f64>().ok())
    {
        *time = json!(number);
    }
    let body = json!({ "Entries": [entry] }).to_string();
    Ok(Outgoing {
        method: "POST".into(),
        body: body.into(),
        ..Outgoing::default()
    })
}

fn form(operation: &str, given: &Map<String, Value>) -> Result<Outgoing, Refusal> {
    let needed: &[&str] = match operation {
        "SendMessage" => &["QueueUrl", "MessageBody"],
        "DeleteMessage" => &["QueueUrl", "ReceiptHandle"],
        _ => &["QueueUrl"],
    };
    need(given, needed)?;
    let mut fields = vec![("Action".to_owned(), operation.to_owned())];
    for (name, value) in given {
        match name.as_str() {
            "AttributeNames" | "MessageAttributeNames" => {
                let each = name.trim_end_matches('s');
                let words = words(value).into_iter().enumerate();
                fields.extend(words.map(|(index, word)| (format!("{each}.{}", index + 1), word)));
            }
            "MessageAttributes" | "MessageSystemAttributes" => {
                attributes(name.trim_end_matches('s'), value, &mut fields)?;
            }
            _ => fields.push((name.clone(), super::values::text(value))),
        }
    }
    let encoded = |text: &str| utf8_percent_encode(text, UNRESERVED).to_string();
    let fields = fields
        .iter()
        .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
    let body = fields.collect::<Vec<_>>().join("&");
    Ok(Outgoing {
        method: "POST".into(),
        headers: vec![
            ("content-type".into(), FORM.into()),
            ("accept".into(), XML.into()),
        ],
        body: Bytes::from(body),
        ..Outgoing::default()
    })
}

/// A map of attributes, written as JSON.
fn attributes(
    each: &str,
    value: &Value,
    fields: &mut Vec<(String, String)>,
) -> Result<(), Refusal> {
    let text = value.as_str().unwrap_or_default();
    let read = serde_json::from_str::<Map<String, Value>>(text);
    let named = read.map_err(|_| Refusal::LacksParameters(vec![each.to_owned()]))?;
    for (index, (name, attribute)) in named.into_iter().enumerate() {
        let front = format!("{each}.{}", index + 1);
        fields.push((format!("{front}.Name"), name));
        for (member, value) in attribute.as_object().into_iter().flatten() {
            fields.push((
                format!("{front}.Value.{member}"),
                super::values::text(value),
            ));
        }
    }
    Ok(())
}

/// A list, written as JSON or with commas.
fn words(value: &Value) -> Vec<String> {
    let text = value.as_str().unwrap_or_default();
    serde_json::from_str(text).unwrap_or_else(|_| {
        let words = text.split(',').map(str::trim);
        words.map(str::to_owned).collect()
    })
}
