//! The query string of a request.

use std::borrow::Cow;
use std::str::FromStr;

use http::request::Parts as Head;
use percent_encoding::percent_decode_str;

use crate::Problem;

pub(crate) struct Query<'a>(&'a str);

impl<'a> Query<'a> {
    pub(crate) fn of(head: &'a Head) -> Self {
        Self(head.uri.query().unwrap_or_default())
    }

    /// The first value of this name; an empty one counts as none.
    pub(crate) fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        let mut pairs = self.0.split('&').filter_map(|pair| pair.split_once('='));
        let (_, value) = pairs.find(|(key, _)| *key == name)?;
        (!value.is_empty()).then(|| percent_decode_str(value).decode_utf8_lossy())
    }

    pub(crate) fn parse<T: FromStr>(&self, name: &str) -> Result<Option<T>, Problem> {
        self.text(name)
            .map(|text| {
                text.parse()
                    .map_err(|_| Problem::invalid(format!("{name} cannot be {text:?}")))
            })
            .transpose()
    }

    pub(crate) fn flag(&self, name: &str) -> Result<bool, Problem> {
        Ok(self.parse(name)?.unwrap_or(false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Query<'_> {
        Query(text)
    }

    #[test]
    fn values_are_decoded_and_empty_ones_are_none() {
        let query = query("function=a%20b&last=&follow=true");
        assert_eq!(query.text("function").as_deref(), Some("a b"));
        assert_eq!(query.text("last"), None);
        assert!(query.flag("follow").unwrap());
        assert!(!query.flag("absent").unwrap());
    }

    #[test]
    fn what_does_not_parse_is_refused_by_name() {
        let problem = query("last=many").parse::<usize>("last").unwrap_err();
        assert_eq!(problem.message, "last cannot be \"many\"");
    }
}
