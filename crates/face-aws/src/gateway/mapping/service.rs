//! The request to a service, and who takes it.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use percent_encoding::utf8_percent_encode;
use triggers::{Asked, Callee};

use crate::callees::{self, Asking};
use crate::gateway::{Gateways, Refusal};
use crate::signature::UNRESERVED;

/// A request to a service.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    pub(super) method: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) query: Vec<(String, String)>,
    /// What stands for places in the path.
    pub(super) path: Vec<(String, String)>,
    pub(super) body: Bytes,
}

/// What a service answered.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

pub(super) const LARGEST_ANSWER: base::ByteSize = base::ByteSize::mib(10);
const JSON: &str = "application/json";

impl Outgoing {
    /// Puts it in the place of what is there by this name.
    pub(super) fn set(place: &mut Vec<(String, String)>, name: &str, value: String) {
        place.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        place.push((name.to_owned(), value));
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(super) fn with_usual(mut self, name: &str, value: &str) -> Self {
        if self.header(name).is_none() {
            self.headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    fn filled(&self, path: &str) -> String {
        let path = path.trim_start_matches('/');
        let places = self.path.iter();
        let filled = places.fold(path.to_owned(), |path, (name, value)| {
            path.replace(&format!("{{{name}}}"), value)
        });
        format!("/{filled}")
    }

    pub(super) fn query_text(&self) -> String {
        let query = self.query.iter().map(|(name, value)| {
            let encoded = |text| utf8_percent_encode(text, UNRESERVED);
            format!("{}={}", encoded(name), encoded(value))
        });
        query.collect::<Vec<_>>().join("&")
    }

    fn head(&self, path: &str) -> Option<http::request::Parts> {
        let query = self.query_text();
        let mark = if query.is_empty() { "" } else { "?" };
        let mut request = http::Request::builder()
            .method(self.method.as_str())
            .uri(format!("{path}{mark}{query}"));
        for (name, value) in &self.headers {
            request = request.header(
                HeaderName::try_from(name.as_str()).ok()?,
                HeaderValue::from_str(value).ok()?,
            );
        }
        let (parts, ()) = request.body(()).ok()?.into_parts();
        Some(parts)
    }
}

/// By the name that stands in the integration's address.
fn known(service: &str) -> Option<callees::Callee> {
    Some(match service {
        "sqs" => callees::Callee::Queues,
        "sns" => callees::Callee::Topics,
        "dynamodb" => callees::Callee::Tables,
        "events" => callees::Callee::Buses,
        "lambda" => callees::Callee::Functions,
        _ => return None,
    })
}

impl Gateways {
    pub(super) async fn ask_service(
        &self,
        space: &base::Space,
        to: &Callee,
        outgoing: Outgoing,
    ) -> Result<Answered, Refusal> {
        let broken = |why: String| {
            tracing::warn!(
                service = to.service,
                why,
                "an integration could not be called"
            );
            Refusal::Broken
        };
        let context = callees::owner(&self.access, space, &self.random);
        let response = if to.service == "s3" {
            let asking =
                to_objects(to, outgoing).ok_or_else(|| broken("no such request".into()))?;
            let answered = self.callees.objects.ask(&context.region, asking).await;
            answered.map_err(|fault| broken(fault.message.unwrap_or_default()))?
        } else {
            let callee = known(&to.service);
            let callee = callee.ok_or_else(|| broken("it is not here".into()))?;
            let request = to_service(callee, &to.asked, outgoing);
            let (head, body) = request.ok_or_else(|| broken("no such request".into()))?;
            self.callees.ask(&context, callee, &head, body).await
        };
        let (head, body) = response.into_parts();
        let body = wire::collect(body, LARGEST_ANSWER).await;
        Ok(Answered {
            status: head.status.as_u16(),
            headers: head.headers,
            body: body.map_err(|error| broken(error.to_string()))?,
        })
    }
}

fn to_service(
    callee: callees::Callee,
    asked: &Asked,
    mut outgoing: Outgoing,
) -> Option<(http::request::Parts, Bytes)> {
    let path = match asked {
        Asked::Path(path) => outgoing.filled(path),
        // No service of ours has one.
        Asked::Address(_) => return None,
        Asked::Operation(name) => {
            match callee.service().target() {
                Some((target, content_type)) if callee != callees::Callee::Queues => {
                    Outgoing::set(
                        &mut outgoing.headers,
                        "x-amz-target",
                        format!("{target}.{name}"),
                    );
                    outgoing = outgoing.with_usual("content-type", content_type);
                }
                _ => outgoing.query.push(("Action".into(), name.clone())),
            }
            "/".to_owned()
        }
    };
    let outgoing = outgoing
        .with_usual("accept", JSON)
        .with_usual("content-type", JSON);
    let body = match callee {
        callees::Callee::Functions if outgoing.body.is_empty() => Bytes::from_static(b"{}"),
        _ => outgoing.body.clone(),
    };
    Some((outgoing.head(&path)?, body))
}

fn to_objects(to: &Callee, outgoing: Outgoing) -> Option<Asking> {
    let Asked::Path(path) = &to.asked else {
        return None;
    };
    let headers = outgoing.headers.iter();
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
    // Of the connection: who signs says them himself.
    let own = [header::HOST.as_str(), header::CONTENT_LENGTH.as_str()];
    Some(Asking {
        method: Method::try_from(outgoing.method.as_str()).ok()?,
        path: outgoing.filled(path),
        headers: headers
            .filter(|(name, _)| !own.contains(&name.as_str()))
            .collect(),
        body: outgoing.body,
    })
}
