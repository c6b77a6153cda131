//! Lists that are handed out in pages. A marker is the number of items that came before, which is enough for lists that
//! are short and seldom change.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::error::invalid;
use crate::protocol::Fault;

/// A page, unless the caller wants less.
const PAGE: usize = 50;

#[derive(Clone, Copy, Debug)]
pub(super) struct Page {
    from: usize,
    limit: usize,
}

impl Page {
    pub(super) fn read(marker: Option<&str>, limit: Option<usize>) -> Result<Self, Fault> {
        let from = marker.map(|marker| {
            let decoded = STANDARD.decode(marker).ok();
            let text = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
            text.and_then(|text| text.parse().ok())
                .ok_or_else(|| invalid("Invalid Marker"))
        });
        Ok(Self {
            from: from.transpose()?.unwrap_or(0),
            limit: limit.unwrap_or(PAGE).min(PAGE),
        })
    }

    /// The items of this page under their name, and the marker of the next one.
    pub(super) fn print(self, name: &str, all: Vec<Value>) -> Value {
        let total = all.len();
        let items: Vec<Value> = all.into_iter().skip(self.from).take(self.limit).collect();
        let next = self.from + items.len();
        let mut output = json!({ name: items });
        if next < total {
            output["NextMarker"] = STANDARD.encode(next.to_string()).into();
        }
        output
    }
}
