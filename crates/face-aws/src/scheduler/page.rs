//! Lists, page by page. What follows a page is found by the last thing on it.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::error::invalid;
use crate::protocol::Fault;

const MOST: usize = 100;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Page {
    max_results: Option<usize>,
    next_token: Option<String>,
}

impl Page {
    pub(super) fn limit(&self) -> usize {
        self.max_results.unwrap_or(MOST).clamp(1, MOST)
    }

    /// The group and the name before the first.
    pub(super) fn after(&self) -> Result<Option<(String, String)>, Fault> {
        let read = |token: &String| {
            let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
            let text = String::from_utf8(bytes).ok()?;
            let (group, name) = text.split_once('/')?;
            Some((group.to_owned(), name.to_owned()))
        };
        let token = self.next_token.as_ref();
        token
            .map(|token| read(token).ok_or_else(|| invalid("Invalid NextToken.")))
            .transpose()
    }
}

/// Neither groups nor names have a slash.
pub(super) fn token(group: &str, name: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(format!("{group}/{name}"))
}
