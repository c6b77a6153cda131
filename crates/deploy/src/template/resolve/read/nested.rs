//! Nested stacks, of which all is made that their templates ask for.

use super::One;
use crate::diagnostic::Finding;
use crate::template::declared::Kind;
use crate::template::nearest::did_you_mean;
use crate::template::resolve::Harvest;
use crate::template::shape::Fields;
use crate::template::tree::{Entry, Node};
use crate::template::{Document, nested};

impl One<'_> {
    pub(super) fn nested_stack(&self, harvest: &mut Harvest) {
        let (schema, location) = match self.declared.kind {
            Kind::Application => (nested::APPLICATION, "Location"),
            _ => (nested::STACK, "TemplateURL"),
        };
        let Some(fields) = self.open(schema) else {
            return;
        };
        fields.required(location);
        let place = fields.place(location);
        let Some(document) = self.scope.document(self.declared) else {
            return;
        };
        self.check_parameters(&fields, document);
        if let Some(child) = self.scope.child(self.declared) {
            for finding in &child.findings {
                let finding = finding.clone().at_least_at(place);
                self.resolving.report.add(finding);
            }
            let strays = child.found.iter().flat_map(|found| &found.strays);
            harvest.pieces.extend(strays.cloned());
            harvest.nested.insert(self.declared.id.clone(), child);
        }
    }

    fn check_parameters(&self, fields: &Fields<'_>, document: &Document) {
        let Some(node) = fields.node("Parameters").filter(|node| !node.is_broken()) else {
            return;
        };
        let Some(entries) = node.entries() else {
            fields.wrong::<()>("Parameters", node, "a mapping of names to values");
            return;
        };
        let declared = document.root.get("Parameters").and_then(Node::entries);
        let names = declared.unwrap_or_default().iter();
        let names: Vec<&str> = names.map(|entry| entry.key.as_str()).collect();
        for entry in entries {
            self.check_parameter(entry, &names, document);
        }
    }

    fn check_parameter(&self, entry: &Entry, names: &[&str], document: &Document) {
        let report = self.resolving.report;
        if !names.contains(&&*entry.key) {
            let message = format!("the nested template has no parameter `{}`", entry.key);
            report.add(
                Finding::error(entry.key_span, message)
                    .why(format!("it is {}", document.shown()))
                    .maybe_help(did_you_mean(&entry.key, names.iter().copied())),
            );
        }
        if !self.scope.as_parameter(&entry.value) {
            let message = format!("the parameter `{}` must be given a string", entry.key);
            report.add(
                Finding::error(entry.value.span, message)
                    .why(format!("this is {}", entry.value.kind()))
                    .help("make one text of a list with `!Join [\",\", …]`"),
            );
        }
    }
}
