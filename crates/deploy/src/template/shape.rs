//! Reading a mapping of properties: which there are, what becomes of each, and of what type they must be.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::diagnostic::{Finding, Report, Span};
use crate::template::admission::Doors;
use crate::template::nearest::did_you_mean;
use crate::template::scalar;
use crate::template::tree::{Entry, Node, Value};

/// What becomes of a property. Nothing is taken that would be kept but not obeyed, unless that is said.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Support {
    /// It does what it says, or makes no difference to anything that runs here.
    Obeyed,
    /// A rule about who may do what: said once for the whole template.
    Access,
    /// It is taken, though this is different here.
    Notice(&'static str),
    /// It is not taken; why.
    Refused(&'static str),
}

/// The properties of one kind of mapping.
pub(crate) type Schema = &'static [(&'static str, Support)];

/// Where readers of resources put what they find.
pub(crate) struct Findings<'a> {
    pub(crate) report: &'a Report,
    /// Places of access rules, which nothing enforces yet.
    pub(crate) access: std::cell::RefCell<Vec<Span>>,
    pub(crate) doors: Doors,
}

/// A mapping whose keys have been checked.
pub(crate) struct Fields<'a> {
    /// As it is called in messages: a type or a property.
    owner: &'a str,
    at: Span,
    entries: &'a [Entry],
    report: &'a Report,
}

impl<'a> Fields<'a> {
    /// Checks the keys of `node` against a schema. None when it is no mapping, which has been reported.
    pub(crate) fn open(
        node: &'a Node,
        at: Span,
        owner: &'a str,
        schema: Schema,
        findings: &Findings<'a>,
    ) -> Option<Self> {
        let entries = Self::mapping(node, owner, findings.report)?;
        for entry in entries {
            check_key(entry, owner, schema, findings);
        }
        Some(Self {
            owner,
            at,
            entries,
            report: findings.report,
        })
    }

    /// The fields of a mapping whose keys have been checked before.
    pub(crate) fn trusted(node: &'a Node, at: Span, findings: &Findings<'a>) -> Option<Self> {
        Some(Self {
            owner: "it",
            at,
            entries: node.entries()?,
            report: findings.report,
        })
    }

    fn mapping(node: &'a Node, owner: &str, report: &Report) -> Option<&'a [Entry]> {
        match &node.value {
            Value::Map(entries) => Some(entries),
            Value::Broken => None,
            _ => {
                report.add(
                    Finding::error(node.span, format!("`{owner}` must be a mapping"))
                        .why(format!("this is {}", node.kind())),
                );
                None
            }
        }
    }

    /// The property, unless it is not given, empty, or broken.
    pub(crate) fn get(&self, name: &str) -> Option<&'a Entry> {
        let entry = self.entries.iter().find(|entry| entry.key == name)?;
        match entry.value.value {
            Value::Null | Value::Broken => None,
            _ => Some(entry),
        }
    }

    /// Whether it is given and cannot be read, which is not to be reported again.
    pub(crate) fn is_broken(&self, name: &str) -> bool {
        let mut entries = self.entries.iter();
        entries.any(|entry| entry.key == name && entry.value.is_broken())
    }

    /// Whether the property is given at all, readable or not.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|entry| entry.key == name)
    }

    pub(crate) fn node(&self, name: &str) -> Option<&'a Node> {
        self.get(name).map(|entry| &entry.value)
    }

    /// The place of the property's key, or of the whole when it is not given.
    pub(crate) fn place(&self, name: &str) -> Span {
        self.get(name).map_or(self.at, |entry| entry.key_span)
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let node = self.node(name)?;
        let text = scalar::text(node, self.report);
        text.or_else(|| self.wrong(name, node, "a string"))
    }

    pub(crate) fn required_text(&self, name: &str) -> Option<String> {
        self.required(name)?;
        self.text(name)
    }

    /// Reports a property that must be given and is not.
    pub(crate) fn required(&self, name: &str) -> Option<&'a Node> {
        let empty = self
            .entries
            .iter()
            .find(|entry| entry.key == name && entry.value.value == Value::Null);
        if !self.has(name) || empty.is_some() {
            let what = if empty.is_some() {
                "is empty"
            } else {
                "is missing"
            };
            let at = empty.map_or(self.at, |entry| entry.key_span);
            self.report.add(
                Finding::error(at, format!("`{name}` {what}"))
                    .why(format!("`{}` needs it", self.owner)),
            );
            return None;
        }
        self.node(name)
    }

    pub(crate) fn integer(&self, name: &str, range: RangeInclusive<u32>) -> Option<u32> {
        let node = self.node(name)?;
        let shape = format!("a whole number from {} to {}", range.start(), range.end());
        let number = scalar::integer(node).and_then(|number| u32::try_from(number).ok());
        number
            .filter(|number| range.contains(number))
            .or_else(|| self.wrong(name, node, &shape))
    }

    pub(crate) fn boolean(&self, name: &str) -> Option<bool> {
        let node = self.node(name)?;
        scalar::boolean(node).or_else(|| self.wrong(name, node, "true or false"))
    }

    pub(crate) fn list(&self, name: &str) -> Option<&'a [Node]> {
        let node = self.node(name)?;
        match &node.value {
            Value::List(items) => Some(items),
            _ => self.wrong(name, node, "a list"),
        }
    }

    pub(crate) fn strings(&self, name: &str) -> Vec<String> {
        let items = self.list(name).unwrap_or_default().iter();
        items
            .filter_map(|item| {
                let text = item.scalar().map(str::to_owned);
                text.or_else(|| self.wrong(name, item, "a list of strings"))
            })
            .collect()
    }

    pub(crate) fn choice(&self, name: &str, choices: &[&'static str]) -> Option<&'static str> {
        let text = self.text(name)?;
        let found = choices.iter().find(|choice| **choice == text);
        found.copied().or_else(|| {
            let node = self.node(name)?;
            let all = format!("one of {}", choices.join(", "));
            self.report.add(
                Finding::error(node.span, format!("`{name}` must be {all}"))
                    .why(format!("this is {}", node.kind()))
                    .maybe_help(did_you_mean(&text, choices.iter().copied())),
            );
            None
        })
    }

    /// Strings by name, as of environments and tags.
    pub(crate) fn texts(&self, name: &str) -> BTreeMap<String, String> {
        let Some(node) = self.node(name) else {
            return BTreeMap::new();
        };
        let Some(entries) = Self::mapping(node, name, self.report) else {
            return BTreeMap::new();
        };
        let text = |entry: &Entry| {
            let text = match &entry.value.value {
                Value::Null => {
                    self.report.add(
                        Finding::error(entry.key_span, format!("`{}` has no value", entry.key))
                            .help("for an empty string write \"\""),
                    );
                    None
                }
                Value::Broken => None,
                _ => scalar::text(&entry.value, self.report)
                    .or_else(|| self.wrong(&entry.key, &entry.value, "a string")),
            };
            Some((entry.key.clone(), text?))
        };
        entries.iter().filter_map(text).collect()
    }

    /// The fields of a property that is a mapping.
    pub(crate) fn nested(
        &self,
        name: &'static str,
        schema: Schema,
        findings: &Findings<'a>,
    ) -> Option<Fields<'a>> {
        let entry = self.get(name)?;
        Fields::open(&entry.value, entry.key_span, name, schema, findings)
    }

    /// Reports a value of a wrong type.
    pub(crate) fn wrong<T>(&self, name: &str, node: &Node, shape: &str) -> Option<T> {
        if !node.is_broken() {
            self.report.add(
                Finding::error(node.span, format!("`{name}` must be {shape}"))
                    .why(format!("this is {}", node.kind())),
            );
        }
        None
    }
}

fn check_key(entry: &Entry, owner: &str, schema: Schema, findings: &Findings<'_>) {
    let Some((_, support)) = schema.iter().find(|(name, _)| *name == entry.key) else {
        let names = schema.iter().map(|(name, _)| *name);
        let finding = Finding::error(
            entry.key_span,
            format!("`{owner}` has no property `{}`", entry.key),
        );
        let suggestion = did_you_mean(&entry.key, names);
        findings.report.add(finding.maybe_help(suggestion));
        return;
    };
    match support {
        Support::Obeyed => {}
        Support::Access => findings.access.borrow_mut().push(entry.key_span),
        Support::Notice(why) => findings.report.add(
            Finding::notice(
                entry.key_span,
                format!("`{}` has no effect here", entry.key),
            )
            .why(*why),
        ),
        Support::Refused(why) => findings.report.add(
            Finding::error(
                entry.key_span,
                format!("`{}` is not supported yet", entry.key),
            )
            .why(*why)
            .help("remove it to deploy without it"),
        ),
    }
}
