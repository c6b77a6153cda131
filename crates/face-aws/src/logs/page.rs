//! Lists, page by page. What follows a page is found by the last name on it.

use serde::Deserialize;

use super::error::invalid;
use crate::protocol::Fault;

const MOST: usize = 50;
const TOKEN: &str = "after:";

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page {
    limit: Option<usize>,
    next_token: Option<String>,
}

impl Page {
    /// Of things in their order: those of this page, and what leads to the next.
    pub(super) fn of<T>(
        &self,
        mut all: Vec<T>,
        name: impl Fn(&T) -> &str,
    ) -> Result<(Vec<T>, Option<String>), Fault> {
        if let Some(token) = &self.next_token {
            let last = token.strip_prefix(TOKEN);
            let last = last.ok_or_else(|| invalid("The specified nextToken is invalid."))?;
            // One that is gone meanwhile is no reason to begin again.
            let at = all.iter().position(|thing| name(thing) == last);
            all.drain(..at.map_or(all.len(), |at| at + 1));
        }
        let limit = self.limit.unwrap_or(MOST).min(MOST);
        let more = all.len() > limit;
        all.truncate(limit);
        let last = all.last().filter(|_| more);
        let token = last.map(|last| format!("{TOKEN}{}", name(last)));
        Ok((all, token))
    }
}
