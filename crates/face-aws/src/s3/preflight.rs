//! What browsers ask before they ask, and what they are told with every answer: whether a page from elsewhere may.

use http::request::Parts as Head;
use http::{HeaderMap, StatusCode, header};
use objects::{FromOrigin, OriginRule};
use wire::Response;

use super::fault::{Fault, Result};
use super::target::Target;
use super::{Parts, headers};

/// A request that a page from elsewhere sends, or wants to.
pub(super) struct Page {
    bucket: String,
    asked: FromOrigin,
}

impl Page {
    /// None if the request does not say where its page is from.
    pub(super) fn of(head: &Head) -> Option<Self> {
        Self::to(Target::of(&head.headers, &head.uri).bucket?, head)
    }

    pub(super) fn to(bucket: String, head: &Head) -> Option<Self> {
        let origin = text(&head.headers, header::ORIGIN)?;
        let method = text(&head.headers, header::ACCESS_CONTROL_REQUEST_METHOD);
        let names = text(&head.headers, header::ACCESS_CONTROL_REQUEST_HEADERS);
        let names = names.unwrap_or_default().split(',').map(str::trim);
        Some(Self {
            bucket,
            asked: FromOrigin {
                origin: origin.to_owned(),
                method: method.unwrap_or(head.method.as_str()).to_owned(),
                headers: names
                    .filter(|name| !name.is_empty())
                    .map(str::to_ascii_lowercase)
                    .collect(),
            },
        })
    }

    /// Says on an answer, whatever it is, that the page may see it, if a rule of the bucket lets it.
    pub(super) fn admit(&self, parts: &Parts, fields: &mut HeaderMap) {
        match parts.objects.admission(&self.bucket, &self.asked) {
            Ok(Some((rule, origin))) => self.describe(&rule, &origin, fields),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%error, "a bucket's rules for other origins were not read");
            }
        }
    }

    fn describe(&self, rule: &OriginRule, origin: &str, fields: &mut HeaderMap) {
        let is_anybody = origin == "*";
        let origin = if is_anybody { "*" } else { &self.asked.origin };
        headers::set(fields, "access-control-allow-origin", origin);
        if !is_anybody {
            headers::set(fields, "access-control-allow-credentials", "true");
        }
        let mut list = |name, values: &[String]| {
            if !values.is_empty() {
                headers::set(fields, name, &values.join(", "));
            }
        };
        list("access-control-allow-methods", &rule.methods);
        list("access-control-allow-headers", &self.asked.headers);
        list("access-control-expose-headers", &rule.exposed);
        if let Some(age) = rule.max_age_s {
            headers::set(fields, "access-control-max-age", &age.to_string());
        }
        headers::set(
            fields,
            "vary",
            "Origin, Access-Control-Request-Headers, Access-Control-Request-Method",
        );
    }
}

fn text(fields: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    fields.get(name)?.to_str().ok()
}

/// The headers that say yes are put on it as on every answer.
pub(super) fn answer(parts: &Parts, head: &Head, page: Option<&Page>) -> Result<Response> {
    if !head.headers.contains_key(header::ORIGIN) {
        return Err(Fault::bad(
            "BadRequest",
            "Insufficient information. Origin request header needed.",
        ));
    }
    let target = Target::of(&head.headers, &head.uri);
    let method = text(&head.headers, header::ACCESS_CONTROL_REQUEST_METHOD);
    let forbidden = |why: &str| {
        Fault::new(
            StatusCode::FORBIDDEN,
            "AccessForbidden",
            format!("CORSResponse: {why}"),
        )
        .with("Method", method.unwrap_or("OPTIONS"))
        .with("ResourceType", target.kind())
    };
    let bucket = target.bucket.as_deref().unwrap_or_default();
    match parts.objects.origin_rules(bucket) {
        Ok(rules) if rules.is_empty() => {
            return Err(forbidden("CORS is not enabled for this bucket."));
        }
        Ok(_) => {}
        Err(objects::Error::NoSuchBucket(_)) => return Err(forbidden("Bucket not found")),
        Err(error) => return Err(error.into()),
    }
    if method.is_none() {
        let why = "Invalid Access-Control-Request-Method: null";
        return Err(Fault::bad("BadRequest", why));
    }
    let admitted = page.map(|page| parts.objects.admission(&page.bucket, &page.asked));
    match admitted.transpose()?.flatten() {
        Some(_) => Ok(Response::new(wire::empty())),
        None => Err(forbidden(
            "This CORS request is not allowed. This is usually because the evalution of Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.",
        )),
    }
}
