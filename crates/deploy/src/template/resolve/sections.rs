//! The sections of a template, before any resource is read.

use super::Resolving;
use crate::diagnostic::Finding;
use crate::template::declared::Declared;
use crate::template::extensions;
use crate::template::nearest::did_you_mean;
use crate::template::references::Names;
use crate::template::tree::{Entry, Node, Value};

/// The sections of a template that are read.
const SECTIONS: &[&str] = &[
    "AWSTemplateFormatVersion",
    "Conditions",
    "Description",
    "Globals",
    "Mappings",
    "Metadata",
    "Outputs",
    "Parameters",
    "Resources",
    "Rules",
    "Transform",
];

const REFUSED_SECTIONS: &[(&str, &str)] = &[("Hooks", "nothing is called on the way")];

const SERVERLESS: &str = "AWS::Serverless-2016-10-31";

impl<'t> Resolving<'t> {
    pub(super) fn section(&self, root: &'t Node, name: &str) -> &'t [Entry] {
        let Some(section) = root.get(name) else {
            return &[];
        };
        match &section.value {
            Value::Map(entries) => entries,
            Value::Null | Value::Broken => &[],
            _ => {
                self.report.add(
                    Finding::error(section.span, format!("`{name}` must be a mapping"))
                        .why(format!("it is {}", section.kind())),
                );
                &[]
            }
        }
    }

    pub(super) fn check_sections(&self, root: &Node) -> Option<()> {
        let Some(sections) = root.entries() else {
            self.report.add(
                Finding::error(root.span, "this is no template")
                    .why(format!("it is {}, not a mapping of sections", root.kind()))
                    .help("a template has at least the section `Resources`"),
            );
            return None;
        };
        for section in sections {
            let name = section.key.as_str();
            if SECTIONS.contains(&name) {
                continue;
            }
            let refused = REFUSED_SECTIONS.iter().find(|(known, _)| *known == name);
            self.report.add(match refused {
                Some((_, why)) => {
                    let message = format!("the section `{name}` is not supported");
                    Finding::error(section.key_span, message).why(*why)
                }
                None => {
                    let message = format!("a template has no section `{name}`");
                    let suggestion = did_you_mean(name, SECTIONS.iter().copied());
                    Finding::error(section.key_span, message).maybe_help(suggestion)
                }
            });
        }
        if let Some(version) = root.get("AWSTemplateFormatVersion")
            && version.scalar() != Some("2010-09-09")
        {
            self.report.add(
                Finding::error(version.span, "this version of the format is not known")
                    .help("write AWSTemplateFormatVersion: '2010-09-09'"),
            );
        }
        Some(())
    }

    pub(super) fn check_transform(&self, root: &Node, declared: &[Declared]) {
        let transforms = match root.get("Transform") {
            None => [].as_slice(),
            Some(node) => match &node.value {
                Value::List(items) => items.as_slice(),
                _ => std::slice::from_ref(node),
            },
        };
        let mut serverless = false;
        for transform in transforms {
            match transform.scalar() {
                Some(SERVERLESS) => serverless = true,
                Some(extensions::TRANSFORM) => {}
                _ => self.report.add(
                    Finding::error(transform.span, "this transform is not supported")
                        .why("transforms and macros run in the cloud")
                        .help(format!(
                            "supported are {SERVERLESS} and {}",
                            extensions::TRANSFORM
                        )),
                ),
            }
        }
        let needs = |one: &&Declared| one.kind.type_name().starts_with("AWS::Serverless::");
        if let (false, Some(first)) = (serverless, declared.iter().find(needs)) {
            self.report.add(
                Finding::error(
                    first.id_span,
                    format!("`{}` needs a transform", first.kind.type_name()),
                )
                .why("the type is not CloudFormation's own")
                .help(format!("add `Transform: {SERVERLESS}` to the template")),
            );
        }
    }

    /// Mappings are two levels of keys over literal values.
    pub(super) fn check_mappings(&self, root: &'t Node) {
        let must_be_map = |entry: &Entry, what: &str| {
            if entry.value.entries().is_none() && !entry.value.is_broken() {
                self.report.add(
                    Finding::error(
                        entry.key_span,
                        format!("{what} `{}` must be a mapping", entry.key),
                    )
                    .why(format!("it is {}", entry.value.kind())),
                );
            }
        };
        for map in self.section(root, "Mappings") {
            must_be_map(map, "the mapping");
            for first in map.value.entries().unwrap_or_default() {
                must_be_map(first, "the first key");
                for second in first.value.entries().unwrap_or_default() {
                    let literal = match &second.value.value {
                        Value::List(items) => items.iter().all(|item| item.scalar().is_some()),
                        _ => second.value.scalar().is_some(),
                    };
                    if !literal && !second.value.is_broken() {
                        self.report.add(
                            Finding::error(
                                second.key_span,
                                format!("`{}` must be a string or a list of strings", second.key),
                            )
                            .why(format!(
                                "it is {}; mappings hold nothing else",
                                second.value.kind()
                            )),
                        );
                    }
                }
            }
        }
    }

    pub(super) fn check_names(
        &self,
        root: &'t Node,
        conditions: &'t [Entry],
        declared: &[Declared],
    ) {
        let parameters = root.get("Parameters").and_then(Node::entries);
        let parameters = parameters.unwrap_or_default().iter();
        let names = Names {
            report: self.report,
            extended: extensions::are_asked_for(root),
            parameters: parameters.map(|entry| entry.key.as_str()).collect(),
            conditions,
            mappings: root.get("Mappings"),
            declared,
            nested: &self.document.nested,
        };
        for condition in conditions {
            names.check_condition(&condition.value);
        }
        for rule in self.section(root, "Rules") {
            names.check_condition(&rule.value);
        }
        for one in declared {
            names.check_declared(one);
        }
        for output in self.section(root, "Outputs") {
            names.check(&output.value);
            if let Some(condition) = output.value.get("Condition") {
                names.condition_node(condition);
            }
        }
    }
}
