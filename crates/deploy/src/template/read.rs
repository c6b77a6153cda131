//! From the text of a template to its tree.
//!
//! Bounds: a template is at most [`MAX_BYTES`] long, [`MAX_DEPTH`] deep, and [`MAX_NODES`] wide after its aliases are
//! written out, so that no few lines can ask for gigabytes.

use std::collections::HashMap;

use crate::diagnostic::{Finding, Source, Span};
use crate::template::tree::{Entry, Node};

mod json;
mod yaml;

/// What CloudFormation takes from a bucket: 1 MB.
pub(crate) const MAX_BYTES: usize = 1 << 20;
pub(crate) const MAX_DEPTH: usize = 64;
pub(crate) const MAX_NODES: usize = 200_000;

/// Reads YAML, or JSON when that is what it begins as. Duplicate keys do not stop the reading; a syntax error does.
pub(crate) fn read(source: &Source) -> Result<Node, Vec<Finding>> {
    if source.text.len() > MAX_BYTES {
        return Err(vec![
            Finding::placeless(format!(
                "the template is {} bytes long; at most {MAX_BYTES} are read",
                source.text.len()
            ))
            .help("split it, or move inline code into files"),
        ]);
    }
    let mut findings = Vec::new();
    let tree = if is_json(source) {
        json::read(&source.text, &mut findings)
    } else {
        yaml::read(&source.text, &mut findings)
    };
    match tree {
        Ok(tree) if findings.is_empty() => Ok(tree),
        Ok(_) => Err(findings),
        Err(fatal) => {
            findings.push(fatal);
            Err(findings)
        }
    }
}

/// YAML's own JSON subset knows no surrogate pairs and no tabs, so JSON is read as JSON. A YAML flow mapping also begins
/// with a brace; only what follows the brace tells them apart.
fn is_json(source: &Source) -> bool {
    let named_json = source
        .path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let looks_json = || {
        let mut text = source.text.trim_start().strip_prefix('{');
        text = text.map(str::trim_start);
        text.is_some_and(|rest| rest.starts_with('"'))
    };
    named_json || looks_json()
}

/// Entries of a mapping as they come in; a key that comes twice is reported with the place of the first.
#[derive(Default)]
struct Entries {
    entries: Vec<Entry>,
    seen: HashMap<String, Span>,
}

impl Entries {
    fn push(&mut self, entry: Entry, text: &str, findings: &mut Vec<Finding>) {
        if let Some(first) = self.seen.get(&entry.key) {
            let line = text[..first.start.min(text.len())].matches('\n').count() + 1;
            findings.push(
                Finding::error(entry.key_span, format!("`{}` is given twice", entry.key))
                    .why(format!("first given in line {line}"))
                    .help("keep one of them: of two, CloudFormation silently drops one"),
            );
            return;
        }
        self.seen.insert(entry.key.clone(), entry.key_span);
        self.entries.push(entry);
    }
}

fn too_deep(span: Span) -> Finding {
    Finding::error(span, format!("nested more than {MAX_DEPTH} levels deep"))
}

fn too_many(span: Span) -> Finding {
    Finding::error(
        span,
        format!("the template has more than {MAX_NODES} values"),
    )
    .help("aliases (`*name`) count as often as they are used")
}

#[cfg(test)]
mod tests;
