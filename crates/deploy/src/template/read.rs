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

/// Reads YAML, or JSON when that is what it begins as. What is only worth a notice is added to `noticed`.
pub(crate) fn read(source: &Source, noticed: &mut Vec<Finding>) -> Result<Node, Vec<Finding>> {
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
        Ok(tree) if !findings.iter().any(Finding::is_error) => {
            noticed.append(&mut findings);
            Ok(tree)
        }
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

/// Entries of a mapping as they come in. Of a key that comes twice the last counts, as in the cloud; there, silently.
#[derive(Default)]
struct Entries {
    entries: Vec<Entry>,
    /// Where each key is among them.
    seen: HashMap<String, usize>,
}

impl Entries {
    fn push(&mut self, entry: Entry, text: &str, findings: &mut Vec<Finding>) {
        if let Some(&at) = self.seen.get(&entry.key) {
            let first = self.entries[at].key_span.start.min(text.len());
            let line = text[..first].matches('\n').count() + 1;
            findings.push(
                Finding::notice(entry.key_span, format!("`{}` is given twice", entry.key))
                    .why(format!(
                        "also given in line {line}; of two, the last counts"
                    ))
                    .help("keep one of them"),
            );
            self.entries[at] = entry;
            return;
        }
        self.seen.insert(entry.key.clone(), self.entries.len());
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
