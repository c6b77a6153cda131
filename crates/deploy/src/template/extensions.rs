//! `AWS::LanguageExtensions`: loops, and policies of removal that are values.
//!
//! Both are written out before anything else reads the tree, as the service's transform does. What else the transform brings,
//! `Fn::Length`, `Fn::ToJsonString` and defaults of `Fn::FindInMap`, are functions like the others.

use std::cell::Cell;
use std::collections::HashSet;

use crate::diagnostic::{Finding, Report, Span};
use crate::template::intrinsics::{Piece, pieces};
use crate::template::read::MAX_NODES;
use crate::template::scope::Scope;
use crate::template::tree::{Call, Entry, Node, Value};

pub(crate) const TRANSFORM: &str = "AWS::LanguageExtensions";
const LOOP: &str = "Fn::ForEach::";
const POLICIES: [&str; 2] = ["DeletionPolicy", "UpdateReplacePolicy"];

/// Whether the template asks for them.
pub(crate) fn are_asked_for(root: &Node) -> bool {
    let named = |node: &Node| node.scalar() == Some(TRANSFORM);
    match root.get("Transform").map(|node| &node.value) {
        Some(Value::List(items)) => items.iter().any(named),
        Some(_) => root.get("Transform").is_some_and(named),
        None => false,
    }
}

/// The template with its loops written out. What they go over is known before any resource is.
pub(crate) fn without_loops(root: &Node, scope: &Scope<'_>) -> Node {
    let writing = Writing {
        scope,
        report: scope.report,
        written: Cell::new(0),
    };
    writing.node(root)
}

/// The template in which what becomes of resources is said by words alone.
pub(crate) fn with_policies(mut root: Node, scope: &Scope<'_>) -> Node {
    let Some(Value::Map(resources)) = root.get_mut("Resources").map(|node| &mut node.value) else {
        return root;
    };
    for resource in resources {
        for policy in POLICIES {
            if let Some(node) = resource.value.get_mut(policy)
                && matches!(node.value, Value::Call(_))
            {
                *node = scope.eval(node);
            }
        }
    }
    root
}

struct Writing<'a> {
    scope: &'a Scope<'a>,
    report: &'a Report,
    /// How many values loops have yielded.
    written: Cell<usize>,
}

impl Writing<'_> {
    fn node(&self, node: &Node) -> Node {
        let value = match &node.value {
            Value::Call(call) if call.name.starts_with(LOOP) => {
                let mut seen = HashSet::new();
                Value::Map(self.turns(&call.argument, call.name_span, &mut seen))
            }
            Value::Call(call) => Value::Call(Box::new(Call {
                argument: self.node(&call.argument),
                ..(**call).clone()
            })),
            Value::List(items) => Value::List(items.iter().map(|item| self.node(item)).collect()),
            Value::Map(entries) => Value::Map(self.entries(entries)),
            other => other.clone(),
        };
        Node::new(node.span, value)
    }

    fn entries(&self, entries: &[Entry]) -> Vec<Entry> {
        let mut seen: HashSet<String> = entries.iter().map(|one| one.key.clone()).collect();
        let mut all = Vec::new();
        for entry in entries {
            if entry.key.starts_with(LOOP) {
                all.extend(self.turns(&entry.value, entry.key_span, &mut seen));
            } else {
                all.push(Entry {
                    value: self.node(&entry.value),
                    ..entry.clone()
                });
            }
        }
        all
    }

    /// What a loop yields, all its turns behind one another. `seen` is which keys are there already.
    fn turns(&self, argument: &Node, span: Span, seen: &mut HashSet<String>) -> Vec<Entry> {
        let Some((name, over, body)) = self.parts(argument, span) else {
            return Vec::new();
        };
        let mut all: Vec<Entry> = Vec::new();
        for value in self.values(over) {
            let turn = Turn {
                name,
                value: &value,
            };
            let body = turn.node(body);
            if !self.fits(body.size(), span) {
                return all;
            }
            let Value::Map(entries) = self.node(&body).value else {
                let finding = Finding::error(body.span, "the body of a loop must be a mapping");
                let why = format!("this is {}", body.kind());
                self.report.add(finding.why(why));
                return all;
            };
            for one in entries {
                if !seen.insert(one.key.clone()) {
                    let message = format!("the loop yields `{}`, which is there already", one.key);
                    let finding = Finding::error(span, message);
                    let help = format!("write `${{{name}}}` into the key");
                    self.report.add(finding.help(help));
                    return all;
                }
                all.push(one);
            }
        }
        all
    }

    fn parts<'n>(&self, argument: &'n Node, span: Span) -> Option<(&'n str, &'n Node, &'n Node)> {
        if let Value::List(items) = &argument.value
            && let [name, over, body] = items.as_slice()
            && let Some(name) = name.scalar()
        {
            return Some((name, over, body));
        }
        if !argument.is_broken() {
            let shape = "a name, a list of values and a body, `[Name, [a, b], {…}]`";
            let message = format!("`Fn::ForEach` takes {shape}");
            self.report.add(Finding::error(span, message));
        }
        None
    }

    fn values(&self, over: &Node) -> Vec<String> {
        let list = self.scope.eval(over);
        let texts = match &list.value {
            Value::List(items) => items
                .iter()
                .map(|item| item.scalar().map(str::to_owned))
                .collect(),
            _ => None,
        };
        texts.unwrap_or_else(|| {
            if !self.names_parameter(over) {
                self.report.add(
                    Finding::error(over.span, "a loop goes over a list of strings")
                        .why("it must be known before any resource is"),
                );
            }
            Vec::new()
        })
    }

    /// What is wrong with a parameter is said where it is declared.
    fn names_parameter(&self, node: &Node) -> bool {
        let name = match &node.value {
            Value::Call(call) if call.name == "Ref" => call.argument.scalar(),
            _ => None,
        };
        let value = name.and_then(|name| self.scope.parameters.get(name));
        value.is_some_and(Node::is_broken)
    }

    fn fits(&self, size: usize, span: Span) -> bool {
        let before = self.written.get();
        self.written.set(before.saturating_add(size));
        let fits = self.written.get() <= MAX_NODES;
        if !fits && before <= MAX_NODES {
            let message = format!("the template's loops yield more than {MAX_NODES} values");
            self.report.add(Finding::error(span, message));
        }
        fits
    }
}

/// One turn of a loop: what its name stands for.
struct Turn<'a> {
    name: &'a str,
    value: &'a str,
}

impl Turn<'_> {
    fn node(&self, node: &Node) -> Node {
        let value = match &node.value {
            Value::Text(text) => Value::Text(self.text(text)),
            Value::Plain(text) => Value::Plain(self.text(text)),
            Value::List(items) => Value::List(items.iter().map(|item| self.node(item)).collect()),
            Value::Map(entries) => Value::Map(
                entries
                    .iter()
                    .map(|entry| Entry {
                        key: self.text(&entry.key),
                        key_span: entry.key_span,
                        value: self.node(&entry.value),
                    })
                    .collect(),
            ),
            Value::Call(call) => self.call(call, node.span),
            other => other.clone(),
        };
        Node::new(node.span, value)
    }

    fn call(&self, call: &Call, span: Span) -> Value {
        if call.name == "Ref" && call.argument.scalar() == Some(self.name) {
            return Value::Text(self.value.to_owned());
        }
        let argument = self.node(&call.argument);
        // Functions that take no calls take the text that is left of one.
        if call.name == "Fn::Sub"
            && let Some(text) = argument.scalar()
            && call.argument.scalar() != Some(text)
            && !pieces(text)
                .iter()
                .any(|piece| *piece != Piece::Literal(text))
        {
            return Node::text(span, text).value;
        }
        Value::Call(Box::new(Call {
            name: self.text(&call.name),
            name_span: call.name_span,
            argument,
        }))
    }

    /// `${Name}` is the value, `&{Name}` its letters and digits.
    fn text(&self, text: &str) -> String {
        let whole = text.replace(&format!("${{{}}}", self.name), self.value);
        let place = format!("&{{{}}}", self.name);
        if !whole.contains(&place) {
            return whole;
        }
        let letters = self.value.chars().filter(char::is_ascii_alphanumeric);
        whole.replace(&place, &letters.collect::<String>())
    }
}
