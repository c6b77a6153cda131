//! Which pages from elsewhere may ask what of a bucket, as browsers that they run in want to know.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::schema::{self, ORIGIN_RULES, OriginRules};
use crate::{Objects, bucket};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OriginRule {
    pub id: Option<String>,
    /// Each may have one `*`, for any text.
    pub origins: Vec<String>,
    pub methods: Vec<String>,
    /// What requests may have besides what all may. Each may have one `*`, for any text.
    pub headers: Vec<String>,
    /// What pages may see of answers.
    pub exposed: Vec<String>,
    /// How long a browser may believe the rule.
    pub max_age_s: Option<u32>,
}

/// What a page asks, or would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FromOrigin {
    pub origin: String,
    pub method: String,
    pub headers: Vec<String>,
}

impl OriginRule {
    /// The rule's own word for the origin, if the rule admits what is asked.
    pub fn admits(&self, asked: &FromOrigin) -> Option<&str> {
        let lower = |text: &String| text.to_ascii_lowercase();
        let allowed: Vec<String> = self.headers.iter().map(lower).collect();
        let has = |name: &String| allowed.iter().any(|each| fits(each, &lower(name)));
        if !self.methods.contains(&asked.method) || !asked.headers.iter().all(has) {
            return None;
        }
        let origins = self.origins.iter().map(String::as_str);
        origins
            .into_iter()
            .find(|pattern| fits(pattern, &asked.origin))
    }
}

fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, end)) => text
            .strip_prefix(start)
            .is_some_and(|rest| rest.ends_with(end)),
    }
}

impl Objects {
    /// In the order in which they count.
    pub fn origin_rules(&self, name: &str) -> Result<Vec<OriginRule>> {
        let view = self.store.read()?;
        bucket::require(&view, name)?;
        let rules = ORIGIN_RULES.get(&view, &schema::origin_rules_key(name))?;
        Ok(rules.map_or_else(Vec::new, |rules| rules.0))
    }

    /// In place of all that there are.
    pub async fn set_origin_rules(&self, name: &str, rules: Vec<OriginRule>) -> Result<()> {
        let record = OriginRules(rules);
        self.store
            .write(|tx| {
                bucket::require(tx, name)?;
                let key = schema::origin_rules_key(name);
                if record.0.is_empty() {
                    ORIGIN_RULES.delete(tx, key);
                } else {
                    ORIGIN_RULES.put(tx, key, &record);
                }
                Ok(())
            })
            .await
    }

    /// What is found by the first rule that admits what is asked: the rule, and its own word for the origin. Browsers ask
    /// with every request, so the rules are kept in memory.
    pub fn admission(
        &self,
        name: &str,
        asked: &FromOrigin,
    ) -> Result<Option<(OriginRule, String)>> {
        let view = self.store.read()?;
        let found: Option<Arc<OriginRules>> =
            ORIGIN_RULES.shared(&view, &schema::origin_rules_key(name))?;
        let rules = found.iter().flat_map(|rules| &rules.0);
        Ok(rules
            .filter_map(|rule| Some((rule, rule.admits(asked)?)))
            .map(|(rule, origin)| (rule.clone(), origin.to_owned()))
            .next())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_admits_what_it_has_with_one_star_for_any_text() {
        let words =
            |text: &str| -> Vec<String> { text.split_whitespace().map(str::to_owned).collect() };
        for (origins, headers, origin, method, asked, admitted) in [
            ("*", "", "http://a", "GET", "", Some("*")),
            (
                "http://b http://a",
                "",
                "http://a",
                "GET",
                "",
                Some("http://a"),
            ),
            ("http://a", "", "http://A", "GET", "", None),
            ("http://a", "", "http://a.b", "GET", "", None),
            (
                "http://*.a.com",
                "",
                "http://x.y.a.com",
                "GET",
                "",
                Some("http://*.a.com"),
            ),
            ("http://*.a.com", "", "http://a.com", "GET", "", None),
            ("aba*aba", "", "ababa", "GET", "", None),
            ("*", "", "http://a", "PUT", "", None),
            ("*", "", "http://a", "get", "", None),
            ("*", "X-One", "http://a", "GET", "x-oNE", Some("*")),
            ("*", "x-one", "http://a", "GET", "x-one x-two", None),
            ("*", "x-*-z", "http://a", "GET", "X-y-Z", Some("*")),
            ("*", "*", "http://a", "GET", "x-one x-two", Some("*")),
            ("*", "", "http://a", "GET", "x-one", None),
        ] {
            let rule = OriginRule {
                origins: words(origins),
                methods: words("GET HEAD"),
                headers: words(headers),
                ..OriginRule::default()
            };
            let from = FromOrigin {
                origin: origin.to_owned(),
                method: method.to_owned(),
                headers: words(asked),
            };
            assert_eq!(
                rule.admits(&from),
                admitted,
                "{origins} {headers}: {from:?}"
            );
        }
    }
}
