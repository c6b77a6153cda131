//! Refusals that look as the API's owner wants them to: gateway responses.
//!
//! A form is found by the refusal's own type, or by its class (`DEFAULT_4XX`, `DEFAULT_5XX`). Its headers are literals
//! in quotes or places in the request; its bodies are text with variables.

use http::request::Parts as Head;
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::Value;
use triggers::{Gateway, RefusalForm};
use wire::Response;

use super::ids;
use super::refusal::{Refusal, Usual};

/// What is known of a request that is refused.
pub(super) struct Denied<'a> {
    pub(super) head: &'a Head,
    pub(super) stage: &'a str,
    pub(super) path: &'a str,
    pub(super) request_id: &'a str,
    pub(super) source_ip: &'a str,
}

pub(super) fn print(gateway: &Gateway, refusal: &Refusal, denied: &Denied<'_>) -> Response {
    let usual = refusal.usual(gateway.kind);
    let mut response = refusal.print(gateway.kind, denied.request_id);
    let Some(form) = form(gateway, &usual) else {
        return response;
    };
    if let Some(status) = form.status.and_then(|code| StatusCode::from_u16(code).ok()) {
        *response.status_mut() = status;
    }
    let variables = Variables {
        denied,
        gateway,
        refusal,
        usual: &usual,
    };
    if let Some((kind, template)) = body(form, denied.head) {
        *response.body_mut() = wire::full(variables.fill(template));
        if let Ok(kind) = HeaderValue::from_str(kind) {
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
        }
    }
    for (name, expression) in &form.headers {
        let value = variables.header(expression);
        if let (Ok(name), Ok(value)) = (
            HeaderName::try_from(name.as_str()),
            HeaderValue::from_str(&value),
        ) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn form<'a>(gateway: &'a Gateway, usual: &Usual) -> Option<&'a RefusalForm> {
    let class = match usual.status {
        ..500 => "DEFAULT_4XX",
        _ => "DEFAULT_5XX",
    };
    if usual.response_type.is_empty() {
        return None;
    }
    let own = gateway.refusals.get(usual.response_type);
    own.or_else(|| gateway.refusals.get(class))
}

/// The one for a media type that the caller accepts, or for JSON.
fn body<'a>(form: &'a RefusalForm, head: &Head) -> Option<(&'a str, &'a str)> {
    let accepted = head.headers.get(header::ACCEPT);
    let accepted = accepted.and_then(|value| value.to_str().ok());
    let kinds = accepted.unwrap_or_default().split(',');
    let kinds = kinds.map(|kind| kind.split(';').next().unwrap_or_default().trim());
    let bodies = &form.bodies;
    let wanted = kinds.chain(["application/json"]);
    let mut found = wanted.filter_map(|kind| bodies.get_key_value(kind));
    let (kind, template) = found.next().or_else(|| bodies.first_key_value())?;
    Some((kind, template))
}

struct Variables<'a> {
    denied: &'a Denied<'a>,
    gateway: &'a Gateway,
    refusal: &'a Refusal,
    usual: &'a Usual,
}

impl Variables<'_> {
    fn fill(&self, template: &str) -> String {
        let mut filled = String::new();
        let mut rest = template;
        while let Some(at) = rest.find("$context.") {
            filled.push_str(&rest[..at]);
            let name = &rest[at + "$context.".len()..];
            let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '_');
            let (name, after) = name.split_at(end.unwrap_or(name.len()));
            // The full stop of a sentence is no part of a name.
            let whole = name.trim_end_matches('.');
            filled.push_str(&self.context(whole).unwrap_or_default());
            filled.push_str(&name[whole.len()..]);
            rest = after;
        }
        filled.push_str(rest);
        filled
    }

    fn header(&self, expression: &str) -> String {
        let literal = expression
            .strip_prefix('\'')
            .and_then(|rest| rest.strip_suffix('\''));
        if let Some(literal) = literal {
            return literal.to_owned();
        }
        let found = if let Some(name) = expression.strip_prefix("context.") {
            self.context(name)
        } else if let Some(name) = expression.strip_prefix("method.request.header.") {
            let value = self.denied.head.headers.get(name);
            value
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned)
        } else if let Some(name) = expression.strip_prefix("method.request.querystring.") {
            let query = self.denied.head.uri.query().unwrap_or_default();
            super::event::pairs(query)
                .into_iter()
                .find_map(|(known, value)| (known == name).then_some(value))
        } else {
            None
        };
        found.unwrap_or_default()
    }

    fn context(&self, name: &str) -> Option<String> {
        let denied = self.denied;
        let message = self.usual.message.clone();
        Some(match name {
            "error.message" => message.unwrap_or_default(),
            "error.messageString" => message.map_or(Value::Null, Value::String).to_string(),
            "error.responseType" => self.usual.response_type.to_owned(),
            "error.validationErrorString" => match self.refusal {
                Refusal::BadBody(why) => why.clone(),
                _ => return None,
            },
            "requestId" => denied.request_id.to_owned(),
            "extendedRequestId" => ids::extended(self.gateway.kind, denied.request_id),
            "apiId" => self.gateway.id.clone(),
            "stage" => denied.stage.to_owned(),
            "path" => format!("/{}{}", denied.stage, denied.path),
            "httpMethod" => denied.head.method.to_string(),
            "identity.sourceIp" => denied.source_ip.to_owned(),
            "identity.userAgent" => {
                let agent = denied.head.headers.get(header::USER_AGENT)?;
                agent.to_str().ok()?.to_owned()
            }
            _ => return None,
        })
    }
}
