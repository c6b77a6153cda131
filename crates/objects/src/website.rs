//! A bucket as a website: what is shown where somebody asks for no object in particular, or for one that is not there, and
//! who is sent elsewhere.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::schema::{self, WEBSITES};
use crate::{Objects, bucket};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Website {
    /// Everything is on another host.
    Elsewhere {
        host: String,
        /// The visitor's own if there is none.
        scheme: Option<Scheme>,
    },
    Pages(Pages),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scheme {
    Http,
    Https,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pages {
    /// What is shown of a folder: the last part of its key.
    pub index: String,
    /// What is shown with a visitor's error: its key.
    pub error: Option<String>,
    /// The first that fits counts.
    pub rules: Vec<Rule>,
}

/// Who is sent elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Who asks for a key that begins so.
    pub prefix: Option<String>,
    /// Who would get an error with this status. Without it, the rule counts before anything is looked up.
    pub error: Option<u16>,
    pub redirect: Redirect,
}

/// Where somebody is sent; it stays as it was where nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redirect {
    pub host: Option<String>,
    pub scheme: Option<Scheme>,
    pub status: Option<u16>,
    pub key: Option<NewKey>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NewKey {
    Whole(String),
    /// In place of the rule's prefix.
    Prefix(String),
}

impl Pages {
    /// The key of what is shown for a key that is asked for.
    pub fn shown(&self, key: &str) -> String {
        match is_folder(key) {
            true => format!("{key}{}", self.index),
            false => key.to_owned(),
        }
    }

    /// The key of what would be shown if `key` were asked for as a folder. None if it was.
    pub fn as_folder(&self, key: &str) -> Option<String> {
        (!is_folder(key)).then(|| format!("{key}/{}", self.index))
    }

    /// The rule for who asks for a key, before it is looked up, or with the error's status after that.
    pub fn rule(&self, key: &str, error: Option<u16>) -> Option<&Rule> {
        let begins = |rule: &Rule| {
            let prefix = rule.prefix.as_deref().unwrap_or_default();
            key.starts_with(prefix)
        };
        self.rules
            .iter()
            .find(|rule| rule.error == error && begins(rule))
    }
}

fn is_folder(key: &str) -> bool {
    key.is_empty() || key.ends_with('/')
}

impl Rule {
    /// The key that who asks for `key` is sent to: what the rule says of it, and what is left of it.
    pub fn key<'a>(&'a self, key: &'a str) -> (&'a str, &'a str) {
        match &self.redirect.key {
            None => ("", key),
            Some(NewKey::Whole(new)) => (new, ""),
            Some(NewKey::Prefix(new)) => {
                let prefix = self.prefix.as_deref().unwrap_or_default();
                (new, key.strip_prefix(prefix).unwrap_or(key))
            }
        }
    }
}

impl Objects {
    /// None if the bucket is no website. Every visit asks, so it is kept in memory.
    pub fn website(&self, name: &str) -> Result<Option<Arc<Website>>> {
        let view = self.store.read()?;
        bucket::require(&view, name)?;
        Ok(WEBSITES.shared(&view, &schema::website_key(name))?)
    }

    /// In place of the one that the bucket is; none makes it no website.
    pub async fn set_website(&self, name: &str, website: Option<Website>) -> Result<()> {
        self.store
            .write(|tx| {
                bucket::require(tx, name)?;
                let key = schema::website_key(name);
                match &website {
                    Some(website) => WEBSITES.put(tx, key, website),
                    None => WEBSITES.delete(tx, key),
                }
                Ok(())
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_shown_by_their_index() {
        let pages = Pages {
            index: "index.html".into(),
            ..Pages::default()
        };
        for (key, shown, as_folder) in [
            ("", "index.html", None),
            ("docs/", "docs/index.html", None),
            ("docs", "docs", Some("docs/index.html")),
            ("a/b.txt", "a/b.txt", Some("a/b.txt/index.html")),
        ] {
            assert_eq!(pages.shown(key), shown);
            assert_eq!(pages.as_folder(key).as_deref(), as_folder);
        }
    }

    #[test]
    fn the_first_rule_that_fits_says_where_to() {
        let rule = |prefix: Option<&str>, error, key| Rule {
            prefix: prefix.map(str::to_owned),
            error,
            redirect: Redirect {
                key,
                ..Redirect::default()
            },
        };
        let front = |text: &str| Some(NewKey::Prefix(text.to_owned()));
        let whole = |text: &str| Some(NewKey::Whole(text.to_owned()));
        let pages = Pages {
            rules: vec![
                rule(Some("both/"), Some(404), whole("both.html")),
                rule(Some("docs/"), None, front("documents/")),
                rule(Some("docs/a"), None, whole("never")),
                rule(Some("gone/"), None, front("")),
                rule(None, Some(404), front("#!/")),
                rule(Some("same"), None, None),
            ],
            ..Pages::default()
        };
        for (key, error, sent) in [
            ("docs/a", None, Some(("documents/", "a"))),
            ("gone/a/b", None, Some(("", "a/b"))),
            ("same", None, Some(("", "same"))),
            ("both/a", None, None),
            ("both/a", Some(404), Some(("both.html", ""))),
            ("", Some(404), Some(("#!/", ""))),
            ("a", Some(404), Some(("#!/", "a"))),
            ("a", Some(403), None),
            ("a", None, None),
        ] {
            let rule = pages.rule(key, error);
            assert_eq!(rule.map(|rule| rule.key(key)), sent, "{key} {error:?}");
        }
    }
}
