//! `AWS::Include`: parts of a template that stand in files of their own.
//!
//! The service knows only files in buckets; here they are files beside the template, as they are before a template is
//! packaged. What is in them stands, for whoever reads messages, where they are included.

use std::path::Path;

use crate::diagnostic::{Finding, Report, Source, Span};
use crate::template::read;
use crate::template::tree::{Call, Entry, Node, Value};

const INCLUDE: &str = "AWS::Include";
const TRANSFORM: &str = "Fn::Transform";
/// An included file cannot include others; this bounds the tree itself.
const DEEPEST: usize = read::MAX_DEPTH;

/// The tree with all that it includes.
pub(crate) fn expand(node: &Node, dir: &Path, report: &Report) -> Node {
    within(node, dir, report, 0)
}

fn within(node: &Node, dir: &Path, report: &Report, depth: usize) -> Node {
    if depth > DEEPEST {
        return node.clone();
    }
    let deeper = |node: &Node| within(node, dir, report, depth + 1);
    let value = match &node.value {
        Value::Call(call) if call.name == TRANSFORM => {
            return included(&call.argument, call.name_span, dir, report);
        }
        Value::Call(call) => Value::Call(Box::new(Call {
            argument: deeper(&call.argument),
            ..(**call).clone()
        })),
        Value::List(items) => Value::List(items.iter().map(deeper).collect()),
        Value::Map(entries) => {
            let mut all = Vec::new();
            for entry in entries {
                if entry.key == TRANSFORM {
                    // Beside other keys: what is included is added to them.
                    let more = included(&entry.value, entry.key_span, dir, report);
                    all.extend(more.entries().unwrap_or_default().iter().cloned());
                } else {
                    all.push(Entry {
                        value: deeper(&entry.value),
                        ..entry.clone()
                    });
                }
            }
            Value::Map(all)
        }
        other => other.clone(),
    };
    Node::new(node.span, value)
}

fn included(argument: &Node, span: Span, dir: &Path, report: &Report) -> Node {
    let name = argument.get("Name").and_then(Node::scalar);
    if name != Some(INCLUDE) {
        report.add(
            Finding::error(span, "this transform is not supported")
                .why("transforms and macros run in the cloud")
                .help(format!("supported is {INCLUDE}")),
        );
        return Node::broken(span);
    }
    let location = argument
        .get("Parameters")
        .and_then(|all| all.get("Location"));
    match location.and_then(Node::scalar) {
        Some(location) => file(location, span, dir, report),
        None => {
            report.add(
                Finding::error(span, "`Location` is missing")
                    .help("write the path of a file beside the template"),
            );
            Node::broken(span)
        }
    }
}

/// What is in a file, all of it at one place, with the lines that it has there.
pub(crate) fn file(location: &str, span: Span, dir: &Path, report: &Report) -> Node {
    let refuse = |why: String| {
        report.add(Finding::error(span, format!("`{location}` cannot be read")).why(why));
        Node::broken(span)
    };
    if location.contains("://") {
        return refuse("only files beside the template are read".into());
    }
    let path = dir.join(location);
    let text = match std::fs::metadata(&path) {
        Ok(facts) if facts.len() > read::MAX_BYTES as u64 => {
            return refuse(format!("it is longer than {} bytes", read::MAX_BYTES));
        }
        Ok(_) => std::fs::read_to_string(&path),
        Err(cause) => Err(cause),
    };
    let text = match text {
        Ok(text) => text,
        Err(cause) => return refuse(cause.to_string()),
    };
    let mut noticed = Vec::new();
    let source = Source::new(&path, text);
    let tree = read::read(&source, &mut noticed);
    for finding in noticed {
        let message = format!("`{location}`: {}", finding.message());
        report.add(Finding::notice(span, message));
    }
    match tree {
        Ok(tree) => placed(&tree, &source, span),
        Err(findings) => {
            for finding in findings {
                report.add(Finding::error(
                    span,
                    format!("`{location}`: {}", finding.message()),
                ));
            }
            Node::broken(span)
        }
    }
}

fn placed(node: &Node, source: &Source, here: Span) -> Node {
    let at = |span| here.including(source.place(span).line);
    let value = match &node.value {
        Value::List(items) => Value::List(
            items
                .iter()
                .map(|item| placed(item, source, here))
                .collect(),
        ),
        Value::Map(entries) => Value::Map(
            entries
                .iter()
                .map(|entry| Entry {
                    key: entry.key.clone(),
                    key_span: at(entry.key_span),
                    value: placed(&entry.value, source, here),
                })
                .collect(),
        ),
        Value::Call(call) => Value::Call(Box::new(Call {
            name: call.name.clone(),
            name_span: at(call.name_span),
            argument: placed(&call.argument, source, here),
        })),
        other => other.clone(),
    };
    Node::new(at(node.span), value)
}
