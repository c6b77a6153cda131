//! The account and the region that a stack is written for. There is one of each here, and both stand in templates as text.

use crate::Context;
use crate::template::{Document, Node, Value};

/// Each as far as the application says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Environment {
    account: Option<String>,
    region: Option<String>,
}

impl Environment {
    /// As manifests have it: `aws://123456789012/eu-west-1`.
    pub(crate) fn parse(text: &str) -> Self {
        let rest = text.strip_prefix("aws://").unwrap_or_default();
        let (account, region) = rest.split_once('/').unwrap_or_default();
        let known = |part: &str| {
            let is_known = !part.is_empty() && !part.starts_with("unknown-");
            is_known.then(|| part.to_owned())
        };
        Self {
            account: known(account),
            region: known(region),
        }
    }

    /// What is written in place of what, where the server is another one.
    fn replacements<'a>(&'a self, context: &'a Context) -> Vec<(&'a str, &'a str)> {
        let account = (self.account.as_deref(), context.account.as_str());
        let region = (self.region.as_deref(), context.region.as_str());
        let pairs = [account, region].into_iter();
        let known = pairs.filter_map(|(written, here)| Some((written?, here)));
        known.filter(|(written, here)| written != here).collect()
    }

    /// The template as it would be if it had been written for this server, and what that changed; none if nothing.
    pub(crate) fn moved(
        &self,
        document: &Document,
        context: &Context,
    ) -> Option<(Document, String)> {
        let replacements = self.replacements(context);
        if replacements.is_empty() {
            return None;
        }
        let moved = document.rewritten(&|root| rewrite(root, &replacements));
        let words = replacements
            .iter()
            .map(|(old, new)| format!("{old} is {new}"));
        Some((moved, words.collect::<Vec<_>>().join(", ")))
    }
}

impl Environment {
    /// The name of a bucket as it is here.
    pub(crate) fn bucket(&self, name: &str, context: &Context) -> String {
        let mut name = name
            .replace("${AWS::AccountId}", &context.account)
            .replace("${AWS::Region}", &context.region)
            .replace("${AWS::Partition}", context.partition());
        for (old, new) in self.replacements(context) {
            name = name.replace(old, new);
        }
        name
    }
}

fn rewrite(node: &mut Node, replacements: &[(&str, &str)]) {
    match &mut node.value {
        Value::Text(text) => {
            for (old, new) in replacements {
                if text.contains(old) {
                    *text = text.replace(old, new);
                }
            }
        }
        Value::List(items) => items
            .iter_mut()
            .for_each(|item| rewrite(item, replacements)),
        Value::Map(entries) => entries
            .iter_mut()
            .for_each(|entry| rewrite(&mut entry.value, replacements)),
        Value::Call(call) => rewrite(&mut call.argument, replacements),
        Value::Plain(_) | Value::Null | Value::Absent | Value::Broken => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_application_leaves_open_is_unknown() {
        let parse = |text| {
            let Environment { account, region } = Environment::parse(text);
            (account.unwrap_or_default(), region.unwrap_or_default())
        };
        let pair = |account: &str, region: &str| (account.to_owned(), region.to_owned());
        assert_eq!(
            parse("aws://123456789012/eu-west-1"),
            pair("123456789012", "eu-west-1")
        );
        assert_eq!(
            parse("aws://unknown-account/eu-west-1"),
            pair("", "eu-west-1")
        );
        assert_eq!(parse(""), pair("", ""));
    }
}
