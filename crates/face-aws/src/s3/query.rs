//! Query strings as this service reads and signs them.

use percent_encoding::{AsciiSet, percent_decode_str, utf8_percent_encode};

use crate::signature::UNRESERVED;

const PATH: AsciiSet = UNRESERVED.remove(b'/');

/// As a canonical request has names and values.
pub(crate) fn encode(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

/// As a canonical request has paths: the slashes stay.
pub(crate) fn encode_path(path: &str) -> String {
    utf8_percent_encode(path, &PATH).to_string()
}

pub(crate) fn decode(text: &str) -> Option<String> {
    percent_decode_str(text)
        .decode_utf8()
        .ok()
        .map(std::borrow::Cow::into_owned)
}

/// Decoded parameters in their order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// None if a part is not UTF-8.
    pub(crate) fn parse(raw: &str) -> Option<Self> {
        let pairs = raw.split('&').filter(|pair| !pair.is_empty());
        pairs
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                Some((decode(name)?, decode(value)?))
            })
            .collect::<Option<_>>()
            .map(Self)
    }

    /// The first of that very name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|(each, _)| *each == name)
            .map(|(_, value)| value)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    #[must_use]
    pub(crate) fn without(&self, unwanted: impl Fn(&str) -> bool) -> Self {
        let kept = self.0.iter().filter(|(name, _)| !unwanted(name));
        Self(kept.cloned().collect())
    }

    /// With `+` read as a space, as forms do.
    #[must_use]
    pub(crate) fn with_plus_as_space(&self) -> Self {
        let spaced = |text: &String| text.replace('+', " ");
        let pairs = self.0.iter();
        Self(
            pairs
                .map(|(name, value)| (spaced(name), spaced(value)))
                .collect(),
        )
    }

    /// Encoded, in the given order.
    pub(crate) fn to_raw(&self) -> String {
        let pairs: Vec<String> = self.0.iter().map(pair).collect();
        pairs.join("&")
    }

    /// Encoded and sorted.
    pub(crate) fn canonical(&self) -> String {
        let mut pairs: Vec<String> = self.0.iter().map(pair).collect();
        // By encoded name and then value: `=` must not take part, being above some letters' neighbours.
        pairs.sort_by(|a, b| a.split_once('=').cmp(&b.split_once('=')));
        pairs.join("&")
    }
}

fn pair((name, value): &(String, String)) -> String {
    format!("{}={}", encode(name), encode(value))
}
