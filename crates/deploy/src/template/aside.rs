//! What stands beside an application and changes nothing in what runs here: what watches over it, what keeps others out,
//! what encrypts what is stored, the names by which others find it, and what rolls it out. It is checked, has a name, an id
//! and an ARN that others may refer to, and nothing is made of it, which is said.

use crate::Context;
use crate::diagnostic::{Finding, Span};
use crate::names::fingerprint;
use crate::template::declared::Attributes;
use crate::template::shape::{Findings, Schema, Support};

mod addressed;
mod arranged;
mod guarded;
mod watched;

/// A type of resource.
#[derive(Debug)]
pub(crate) struct Aside {
    pub(crate) type_name: &'static str,
    /// The property that names it.
    pub(crate) name: Option<&'static str>,
    pub(crate) properties: Schema,
    /// What `Ref` yields: see [`fill`].
    pub(crate) reference: &'static str,
    pub(crate) attributes: Attributes,
    /// What is not there; none where that is said with all other rules of access.
    pub(crate) why: Option<&'static str>,
}

/// There is one of each type.
impl PartialEq for Aside {
    fn eq(&self, other: &Self) -> bool {
        self.type_name == other.type_name
    }
}

impl Eq for Aside {}

const NAME: &str = "{name}";
const ID: &str = "{id}";

/// Properties of which none makes a difference.
const fn idle<const N: usize>(names: [&'static str; N]) -> [(&'static str, Support); N] {
    let mut all = [("", Support::Obeyed); N];
    let mut at = 0;
    while at < N {
        all[at].0 = names[at];
        at += 1;
    }
    all
}

fn all() -> impl Iterator<Item = &'static Aside> {
    let groups = [addressed::ALL, arranged::ALL, guarded::ALL, watched::ALL];
    groups.into_iter().flatten()
}

pub(crate) fn type_names() -> impl Iterator<Item = &'static str> {
    all().map(|one| one.type_name)
}

pub(crate) fn find(type_name: &str) -> Option<&'static Aside> {
    all().find(|one| one.type_name == type_name)
}

impl Aside {
    /// Says that nothing is made of it.
    pub(crate) fn note(&self, logical_id: &str, at: Span, findings: &Findings<'_>) {
        let Some(why) = self.why else {
            return;
        };
        let message = format!("`{logical_id}` has no effect here");
        findings.report.add(Finding::notice(at, message).why(why));
    }
}

/// A value with what is known of the resource: its name, and ids that follow from the name, of several lengths.
pub(crate) fn fill(pattern: &str, name: &str, context: &Context) -> String {
    let parts = [&context.suffix, &context.stack, name].map(str::as_bytes);
    let hash = fingerprint(&parts);
    // In the shape of a UUID.
    let (a, b, c) = (&hash[..8], &hash[8..12], &hash[12..16]);
    let id = format!("{a}-{b}-{c}-{}-{}", &hash[16..20], &hash[20..32]);
    let zone = format!("Z{}", hash[..13].to_ascii_uppercase());
    // The name comes last: what stands in it is no place for anything.
    [
        ("{partition}", context.partition()),
        ("{region}", &context.region),
        ("{account}", &context.account),
        ("{suffix}", context.url_suffix()),
        ("{id}", &id),
        ("{short}", &hash[..10]),
        ("{zone}", &zone),
        ("{name}", name),
    ]
    .into_iter()
    .fold(pattern.to_owned(), |text, (place, value)| {
        text.replace(place, value)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn types_are_there_once() {
        let names: BTreeSet<&str> = type_names().collect();
        assert_eq!(names.len(), type_names().count());
        for one in all() {
            let has = |name: &str| one.properties.iter().any(|(known, _)| *known == name);
            assert!(one.name.is_none_or(has), "{}", one.type_name);
        }
    }
}
