//! Requests to others' servers.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use percent_encoding::{AsciiSet, utf8_percent_encode};
use wire::{Asking, BodyError, FetchError};

use super::service::{Answered, LARGEST_ANSWER, Outgoing};
use crate::gateway::Refusal;
use crate::signature::UNRESERVED;

/// What is encoded of a parameter in a path. One that takes the rest of a path is several segments.
const SEGMENTS: &AsciiSet = &UNRESERVED
    .remove(b'/')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@');
/// What is encoded of a path that may be encoded already.
const PATH: &AsciiSet = &SEGMENTS.remove(b'%');

/// Where a request goes.
#[derive(Debug)]
pub(super) struct Destination<'a> {
    /// An address with places for parameters; a query string of its own stays.
    pub(super) to: &'a str,
    /// What stands instead of the address' path.
    pub(super) path: Option<String>,
    /// Encoded.
    pub(super) query: String,
}

impl Destination<'_> {
    /// None if a place is left, for which there is no parameter.
    fn url(&self, parameters: &[(String, String)]) -> Option<String> {
        let (front, own) = self.to.split_once('?').unwrap_or((self.to, ""));
        let (scheme, rest) = front.split_once("://")?;
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let path = match &self.path {
            Some(path) => utf8_percent_encode(path, PATH).to_string(),
            None => filled(path, parameters),
        };
        let queries = [filled(own, parameters), self.query.clone()];
        let queries: Vec<String> = queries
            .into_iter()
            .filter(|query| !query.is_empty())
            .collect();
        let mark = if queries.is_empty() { "" } else { "?" };
        let slash = if path.starts_with('/') { "" } else { "/" };
        let host = filled(host, parameters);
        let url = format!("{scheme}://{host}{slash}{path}{mark}{}", queries.join("&"));
        (!url.contains(['{', '}'])).then_some(url)
    }
}

/// A parameter that takes the rest of a path may stand with its plus.
fn filled(text: &str, parameters: &[(String, String)]) -> String {
    parameters
        .iter()
        .fold(text.to_owned(), |text, (name, value)| {
            let value = utf8_percent_encode(value, SEGMENTS).to_string();
            let text = text.replace(&format!("{{{name}}}"), &value);
            text.replace(&format!("{{{name}+}}"), &value)
        })
}

pub(super) async fn ask(
    destination: &Destination<'_>,
    outgoing: Outgoing,
    patience: Duration,
) -> Result<Answered, Refusal> {
    let to = destination.to;
    let Some(asking) = asking(destination, outgoing) else {
        tracing::warn!(to, "a request to a server cannot be made");
        return Err(Refusal::Broken);
    };
    let said = wire::ask(&asking, LARGEST_ANSWER, patience).await;
    let said = said.and_then(|said| Ok((said.status, said.headers, said.body?)));
    let (status, headers, body) = said.map_err(|error| {
        tracing::warn!(%error, url = asking.url, "a server did not answer");
        refusal(&error)
    })?;
    Ok(Answered {
        status,
        headers,
        body,
    })
}

fn refusal(error: &FetchError) -> Refusal {
    match error {
        FetchError::TimedOut => Refusal::TimedOut,
        FetchError::Address | FetchError::Body(BodyError::TooLarge(_)) => Refusal::Broken,
        FetchError::Unreachable(_) | FetchError::Status(_) | FetchError::Body(_) => {
            Refusal::Unreachable
        }
    }
}

fn asking(destination: &Destination<'_>, outgoing: Outgoing) -> Option<Asking> {
    let mut headers = HeaderMap::new();
    for (name, value) in &outgoing.headers {
        headers.append(
            HeaderName::try_from(name.as_str()).ok()?,
            HeaderValue::from_str(value).ok()?,
        );
    }
    Some(Asking {
        method: Method::try_from(outgoing.method.as_str()).ok()?,
        url: destination.url(&outgoing.path)?,
        headers,
        body: outgoing.body,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_an_address_are_filled() {
        let parameters = [("id", "a b/c?"), ("proxy", "x/y:z")];
        let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let url = |to, path: Option<&str>, query: &str| {
            let destination = Destination {
                to,
                path: path.map(str::to_owned),
                query: query.to_owned(),
            };
            destination.url(&parameters)
        };
        for (to, path, query, expected) in [
            ("http://h:1", None, "", Some("http://h:1/")),
            (
                "https://h/b/{proxy}",
                None,
                "q=1",
                Some("https://h/b/x/y:z?q=1"),
            ),
            ("https://h/b/{proxy+}", None, "", Some("https://h/b/x/y:z")),
            (
                "http://h/{id}?f=1",
                None,
                "q",
                Some("http://h/a%20b/c%3F?f=1&q"),
            ),
            (
                "http://h/old?f=1",
                Some("/n w/a%20b"),
                "",
                Some("http://h/n%20w/a%20b?f=1"),
            ),
            ("http://h/{none}", None, "", None),
            ("no address", None, "", None),
        ] {
            assert_eq!(url(to, path, query).as_deref(), expected, "{to}");
        }
    }

    #[test]
    fn what_goes_wrong_is_told_apart() {
        use functions::GatewayKind::{Classic, Simple};
        for (error, classic, simple) in [
            (FetchError::TimedOut, 504, 503),
            (FetchError::Unreachable("refused".into()), 504, 503),
            (
                FetchError::Body(BodyError::Truncated("cut".into())),
                504,
                503,
            ),
            (
                FetchError::Body(BodyError::TooLarge(LARGEST_ANSWER)),
                500,
                500,
            ),
            (FetchError::Address, 500, 500),
        ] {
            let refusal = refusal(&error);
            let statuses = [Classic, Simple].map(|kind| refusal.usual(kind).status);
            assert_eq!(statuses, [classic, simple], "{error}");
        }
    }
}
