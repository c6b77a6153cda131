//! The outputs of a template.

use std::collections::BTreeMap;

use super::Resolving;
use crate::desired::Output;
use crate::diagnostic::Finding;
use crate::template::declared::MARK;
use crate::template::nearest::did_you_mean;
use crate::template::scalar;
use crate::template::scope::Scope;
use crate::template::tree::{Entry, Node, Value};

impl<'t> Resolving<'t> {
    /// Those, and which of them other stacks may use, by the names that they have there.
    pub(super) fn outputs(
        &self,
        root: &'t Node,
        scope: &Scope<'_>,
    ) -> (Vec<Output>, BTreeMap<String, String>) {
        let mut outputs = Vec::new();
        let mut exports = BTreeMap::new();
        for entry in self.section(root, "Outputs") {
            let Some(output) = self.output(entry, scope) else {
                continue;
            };
            if let Some(export) = entry.value.get("Export")
                && let Some(name) = self.export(export, scope)
                && exports
                    .insert(name.clone(), without_numbers(&output.value))
                    .is_some()
            {
                let message = format!("another output is exported as `{name}`");
                self.report.add(Finding::error(export.span, message));
            }
            outputs.push(output);
        }
        (outputs, exports)
    }

    fn export(&self, export: &Node, scope: &Scope<'_>) -> Option<String> {
        let name = scope.eval(export.get("Name").unwrap_or(export));
        let text = name.scalar().filter(|text| !text.is_empty());
        if text.is_none() && !name.is_broken() {
            self.report.add(
                Finding::error(export.span, "`Export` must have a `Name`")
                    .why(format!("this is {}", name.kind())),
            );
        }
        text.map(str::to_owned)
    }

    fn output(&self, entry: &Entry, scope: &Scope<'_>) -> Option<Output> {
        let known = ["Condition", "Description", "Export", "Value"];
        let Some(fields) = entry.value.entries() else {
            self.report.add(
                Finding::error(
                    entry.key_span,
                    format!("the output `{}` must be a mapping", entry.key),
                )
                .help("give it a `Value`"),
            );
            return None;
        };
        for field in fields {
            if !known.contains(&field.key.as_str()) {
                self.report.add(
                    Finding::error(field.key_span, format!("an output has no `{}`", field.key))
                        .maybe_help(did_you_mean(&field.key, known)),
                );
            }
        }
        if let Some(condition) = entry.value.get("Condition").and_then(Node::scalar)
            && !scope.holds(condition, entry.key_span)?
        {
            return None;
        }
        let Some(value) = entry.value.get("Value") else {
            self.report.add(Finding::error(
                entry.key_span,
                format!("the output `{}` has no `Value`", entry.key),
            ));
            return None;
        };
        let evaluated = scope.eval(value);
        let text = match &evaluated.value {
            Value::Broken => return None,
            _ => scalar::text(&evaluated, self.report),
        };
        let Some(text) = text else {
            self.report.add(
                Finding::error(value.span, "an output's `Value` must be a string")
                    .why(format!("this is {}", evaluated.kind()))
                    .help("make one text of a list with `!Join`"),
            );
            return None;
        };
        // The template that nests this one knows what the marks stand for.
        let text = match text.contains(MARK) && self.given.by.is_none() {
            false => text,
            true => {
                self.report.add(
                    Finding::notice(value.span, "the number of a version is not shown")
                        .why("it is known only when the version is made"),
                );
                without_numbers(&text)
            }
        };
        let description = entry.value.get("Description").and_then(Node::scalar);
        Some(Output {
            name: entry.key.clone(),
            description: description.map(str::to_owned),
            value: text,
        })
    }
}

fn without_numbers(text: &str) -> String {
    text.split(MARK).step_by(2).collect()
}
