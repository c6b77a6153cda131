//! Lists, page by page. What follows a page is found by the last name on it.

use serde::Deserialize;

use super::error::invalid;
use crate::protocol::{Call, Fault};

const MOST: usize = 100;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Asked {
    pub(super) limit: Option<usize>,
    pub(super) next_token: Option<String>,
}

impl Asked {
    pub(super) fn limit(&self) -> usize {
        self.limit.unwrap_or(MOST).min(MOST)
    }

    /// The name before the first.
    pub(super) fn after(&self) -> Result<Option<String>, Fault> {
        let Some(token) = &self.next_token else {
            return Ok(None);
        };
        let name = token.strip_prefix(TOKEN).map(str::to_owned);
        let name = name.ok_or_else(|| invalid("Parameter NextToken is not valid."));
        name.map(Some)
    }

    /// Of things in the order of their names: those of this page, and what leads to the next.
    pub(super) fn page<T>(
        &self,
        all: Vec<T>,
        name: impl Fn(&T) -> &str,
    ) -> Result<(Vec<T>, Option<String>), Fault> {
        let after = self.after()?;
        let mut rest: Vec<T> = all
            .into_iter()
            .filter(|thing| after.as_deref().is_none_or(|after| name(thing) > after))
            .collect();
        let more = rest.len() > self.limit();
        rest.truncate(self.limit());
        let token = rest.last().filter(|_| more).map(|last| token(name(last)));
        Ok((rest, token))
    }
}

/// Archives and replays are narrowed down by one thing only.
pub(super) fn one_filter(call: &Call<'_>) -> Result<(), Fault> {
    let known = ["State", "EventSourceArn", "NamePrefix"];
    let given = known.iter().filter(|name| call.input.contains_key(**name));
    if given.count() < 2 {
        return Ok(());
    }
    Err(invalid(format!(
        "At most one filter is allowed for {}. Use either : State, EventSourceArn, or NamePrefix.",
        call.operation.name
    )))
}

const TOKEN: &str = "after:";

fn token(name: &str) -> String {
    format!("{TOKEN}{name}")
}
