//! A template as a tree of values, each with its place. The same for YAML and JSON.

use std::fmt;

use crate::diagnostic::Span;

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) value: Value,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Null,
    /// A quoted or block string: its text and nothing else.
    Text(String),
    /// An unquoted scalar, or a JSON number or boolean: what it is depends on what is wanted (see `scalar.rs`).
    Plain(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
    /// An intrinsic function, from its short (`!Sub`) or its long form (`Fn::Sub`).
    Call(Box<Call>),
    /// What `AWS::NoValue` leaves: whoever holds it drops it.
    Absent,
    /// Something was wrong here and has been reported: whoever reads it keeps quiet.
    Broken,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_span: Span,
    pub(crate) value: Node,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    /// The long name: `Ref`, `Condition`, `Fn::Join`.
    pub(crate) name: String,
    pub(crate) name_span: Span,
    pub(crate) argument: Node,
}

impl Node {
    pub(crate) fn new(span: Span, value: Value) -> Self {
        Self { span, value }
    }

    pub(crate) fn text(span: Span, text: impl Into<String>) -> Self {
        Self::new(span, Value::Text(text.into()))
    }

    /// A call of a function, as if it stood at `span`.
    pub(crate) fn call(span: Span, name: &str, argument: impl Into<String>) -> Self {
        let call = Call {
            name: name.into(),
            name_span: span,
            argument: Self::text(span, argument),
        };
        Self::new(span, Value::Call(Box::new(call)))
    }

    pub(crate) fn broken(span: Span) -> Self {
        Self::new(span, Value::Broken)
    }

    /// A mapping; one whose only key is a function's name is a call of it.
    pub(crate) fn map(span: Span, mut entries: Vec<Entry>) -> Self {
        let is_call = |key: &str| key == "Ref" || key.starts_with("Fn::");
        if entries.len() == 1 && is_call(&entries[0].key) {
            let only = entries.remove(0);
            return Self::new(
                span,
                Value::Call(Box::new(Call {
                    name: only.key,
                    name_span: only.key_span,
                    argument: only.value,
                })),
            );
        }
        Self::new(span, Value::Map(entries))
    }

    /// The same in a file that begins so far on in its source.
    pub(crate) fn moved(self, by: usize) -> Self {
        let value = match self.value {
            Value::List(items) => {
                Value::List(items.into_iter().map(|item| item.moved(by)).collect())
            }
            Value::Map(entries) => {
                let one = |entry: Entry| Entry {
                    key: entry.key,
                    key_span: entry.key_span.moved(by),
                    value: entry.value.moved(by),
                };
                Value::Map(entries.into_iter().map(one).collect())
            }
            Value::Call(call) => Value::Call(Box::new(Call {
                name: call.name,
                name_span: call.name_span.moved(by),
                argument: call.argument.moved(by),
            })),
            other => other,
        };
        Self::new(self.span.moved(by), value)
    }

    /// How many values it is made of.
    pub(crate) fn size(&self) -> usize {
        match &self.value {
            Value::List(items) => 1 + items.iter().map(Self::size).sum::<usize>(),
            Value::Map(entries) => 1 + entries.iter().map(|one| one.value.size()).sum::<usize>(),
            Value::Call(call) => 1 + call.argument.size(),
            _ => 1,
        }
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.value == Value::Broken
    }

    /// The entries of a mapping.
    pub(crate) fn entries(&self) -> Option<&[Entry]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.entries()?
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| &entry.value)
    }

    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        let Value::Map(entries) = &mut self.value else {
            return None;
        };
        let entry = entries.iter_mut().find(|entry| entry.key == key)?;
        Some(&mut entry.value)
    }

    /// The text of a scalar as it is written.
    pub(crate) fn scalar(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) | Value::Plain(text) => Some(text),
            _ => None,
        }
    }

    /// What it is, for a sentence that says "not …".
    pub(crate) fn kind(&self) -> Kind<'_> {
        Kind(self)
    }
}

pub(crate) struct Kind<'a>(&'a Node);

impl fmt::Display for Kind<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.value {
            Value::Null => f.write_str("empty"),
            Value::Text(text) => write!(f, "the string {:?}", shortened(text)),
            Value::Plain(text) => write!(f, "`{}`", shortened(text)),
            Value::List(_) => f.write_str("a list"),
            Value::Map(_) => f.write_str("a mapping"),
            Value::Call(call) => write!(f, "a call of {}", call.name),
            Value::Absent => f.write_str("AWS::NoValue"),
            Value::Broken => f.write_str("broken"),
        }
    }
}

fn shortened(text: &str) -> String {
    const SHOWN: usize = 40;
    if text.chars().count() <= SHOWN {
        return text.to_owned();
    }
    let start: String = text.chars().take(SHOWN).collect();
    format!("{start}…")
}
