//! Whether every name that a template uses is declared, also where the value is not needed this time.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use crate::diagnostic::{Finding, Report, Span};
use crate::template::Document;
use crate::template::declared::{Attribute, Declared, Kind, Target};
use crate::template::extensions;
use crate::template::intrinsics::{self, Known, Piece, pieces};
use crate::template::nearest::did_you_mean;
use crate::template::scope::{PSEUDO, get_att};
use crate::template::tree::{Call, Entry, Node, Value};

/// What names a template declares.
pub(crate) struct Names<'a> {
    pub(crate) report: &'a Report,
    /// Whether the template asks for extensions of the language.
    pub(crate) extended: bool,
    pub(crate) parameters: HashSet<&'a str>,
    pub(crate) conditions: &'a [Entry],
    pub(crate) mappings: Option<&'a Node>,
    pub(crate) declared: &'a [Declared],
    pub(crate) nested: &'a BTreeMap<String, Arc<Document>>,
}

impl Names<'_> {
    /// Conditions are decided before any resource exists.
    pub(crate) fn check_condition(&self, node: &Node) {
        self.walk(node, false);
    }

    pub(crate) fn check(&self, node: &Node) {
        self.walk(node, true);
    }

    pub(crate) fn check_declared(&self, declared: &Declared) {
        if let Some((name, span)) = &declared.condition {
            self.condition(name, *span);
        }
        for (id, span) in &declared.depends_on {
            if !self.declared.iter().any(|one| one.id == *id) {
                let ids = self.declared.iter().map(|one| one.id.as_str());
                self.report.add(
                    Finding::error(*span, format!("there is no resource `{id}`"))
                        .why(format!("`{}` depends on it", declared.id))
                        .maybe_help(did_you_mean(id, ids)),
                );
            }
        }
        // What is inside a resource that is not supported need not be right.
        if declared.kind != Kind::Other {
            self.check(&declared.properties);
        }
    }

    fn walk(&self, node: &Node, resources: bool) {
        match &node.value {
            Value::List(items) => items.iter().for_each(|item| self.walk(item, resources)),
            Value::Map(entries) => {
                for entry in entries {
                    if entry.key == "Ref" || entry.key.starts_with("Fn::") {
                        self.crowded(entry);
                    }
                    if !resources && entry.key == "Condition" {
                        self.condition_node(&entry.value);
                    }
                    self.walk(&entry.value, resources);
                }
            }
            Value::Call(call) => {
                self.call(call, node.span, resources);
                self.walk(&call.argument, resources);
            }
            _ => {}
        }
    }

    /// A function beside other keys is not called.
    fn crowded(&self, entry: &Entry) {
        self.report.add(
            Finding::error(
                entry.key_span,
                format!("`{}` must stand alone in its mapping", entry.key),
            )
            .why("there are other keys beside it"),
        );
    }

    fn call(&self, call: &Call, span: Span, resources: bool) {
        let name = call.name.as_str();
        match intrinsics::known(name) {
            Known::Yes => {}
            Known::Extension if self.extended => {}
            Known::Extension => return self.extension(name, call.name_span),
            Known::Refused(why) => {
                let finding = Finding::error(call.name_span, format!("`{name}` is not supported"));
                self.report.add(finding.why(why));
                return;
            }
            Known::No => {
                self.report.add(
                    Finding::error(call.name_span, format!("there is no function `{name}`"))
                        .maybe_help(did_you_mean(name, intrinsics::long_names())),
                );
                return;
            }
        }
        match name {
            "Ref" => match call.argument.scalar() {
                Some(target) => self.name(target, span, resources),
                None => self.shape(span, name, "the name of a parameter or a resource"),
            },
            "Fn::GetAtt" => match get_att(&call.argument) {
                Some((id, attribute)) => self.attribute(id, attribute, span, resources),
                None => self.shape(
                    span,
                    name,
                    "a resource and an attribute, `Resource.Attribute`",
                ),
            },
            "Fn::Sub" => self.sub(call, span, resources),
            "Fn::If" => {
                if let Value::List(items) = &call.argument.value
                    && let Some(condition) = items.first()
                {
                    self.condition_node(condition);
                }
            }
            "Condition" => self.condition_node(&call.argument),
            "Fn::FindInMap" => self.find_in_map(call),
            _ => {}
        }
    }

    fn extension(&self, what: &str, span: Span) {
        let transform = extensions::TRANSFORM;
        self.report.add(
            Finding::error(span, format!("`{what}` needs a transform"))
                .why("it is an extension of the language")
                .help(format!("add `{transform}` to `Transform`")),
        );
    }

    fn shape(&self, span: Span, name: &str, shape: &str) {
        let finding = Finding::error(span, format!("`{name}` takes {shape}"));
        self.report.add(finding);
    }

    fn name(&self, name: &str, span: Span, resources: bool) {
        if PSEUDO.contains(&name) || self.parameters.contains(name) {
            return;
        }
        match Target::find(self.declared, name) {
            Some(_) if resources => {}
            Some(_) => self.too_early(name, span),
            None => {
                let finding = Finding::error(
                    span,
                    format!("there is no parameter and no resource `{name}`"),
                );
                let suggestion = did_you_mean(name, self.referable());
                self.report.add(finding.maybe_help(suggestion));
            }
        }
    }

    fn attribute(&self, id: &str, attribute: &str, span: Span, resources: bool) {
        if let Some((id, Some(rest))) = Target::published(self.declared, id, attribute) {
            return self.attribute(&id, rest, span, resources);
        }
        let Some(target) = Target::find(self.declared, id) else {
            let ids = self.declared.iter().map(|one| one.id.as_str());
            self.report.add(
                Finding::error(span, format!("there is no resource `{id}`"))
                    .why("only resources have attributes")
                    .maybe_help(did_you_mean(id, ids)),
            );
            return;
        };
        if !resources {
            return self.too_early(id, span);
        }
        if target.declared().kind.is_nested() {
            return self.output(id, attribute, span);
        }
        let Some(known) = target.attributes() else {
            return;
        };
        match known.iter().find(|(name, _)| *name == attribute) {
            Some((_, Attribute::Obeyed | Attribute::Made(_))) => {}
            Some((_, Attribute::Refused(why))) => self.report.add(
                Finding::error(span, format!("`{attribute}` of `{id}` has no value")).why(*why),
            ),
            None => {
                let kind = target.declared().kind.type_name();
                let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
                let all = match names.as_slice() {
                    [] => "it has no attributes".to_owned(),
                    names => format!("it has {}", names.join(", ")),
                };
                let suggestion = did_you_mean(attribute, names);
                self.report.add(
                    Finding::error(span, format!("`{id}` has no attribute `{attribute}`"))
                        .why(format!("it is of type {kind}"))
                        .help(suggestion.unwrap_or(all)),
                );
            }
        }
    }

    /// A nested stack has what its template puts out. What is wrong with a template that cannot be read has been said.
    fn output(&self, id: &str, attribute: &str, span: Span) {
        let Some(document) = self.nested.get(id) else {
            return;
        };
        let outputs = document.root.get("Outputs").and_then(Node::entries);
        let names = outputs.unwrap_or_default().iter();
        let names: Vec<&str> = names.map(|entry| entry.key.as_str()).collect();
        let Some(name) = attribute.strip_prefix("Outputs.") else {
            let finding = Finding::error(span, format!("`{id}` has no attribute `{attribute}`"));
            let help = format!("the outputs of its template are `{id}.Outputs.` and their names");
            self.report
                .add(finding.why("it is a nested stack").help(help));
            return;
        };
        if !names.contains(&name) {
            let file = document.shown();
            let all = match names.as_slice() {
                [] => "it has no outputs".to_owned(),
                names => format!("it has {}", names.join(", ")),
            };
            let suggestion = did_you_mean(name, names);
            self.report.add(
                Finding::error(span, format!("`{id}` has no output `{name}`"))
                    .why(format!("its template is {file}"))
                    .help(suggestion.unwrap_or(all)),
            );
        }
    }

    fn too_early(&self, id: &str, span: Span) {
        self.report.add(
            Finding::error(
                span,
                format!("a condition cannot refer to the resource `{id}`"),
            )
            .why("conditions are decided before any resource exists")
            .help("refer to a parameter"),
        );
    }

    fn sub(&self, call: &Call, span: Span, resources: bool) {
        let (text, own) = match &call.argument.value {
            Value::List(items) => match items.as_slice() {
                [text, variables] => (text, variables.entries().unwrap_or_default()),
                _ => return,
            },
            _ => (&call.argument, [].as_slice()),
        };
        for piece in pieces(text.scalar().unwrap_or_default()) {
            let Piece::Variable(name) = piece else {
                continue;
            };
            if own.iter().any(|entry| entry.key == name) {
                continue;
            }
            match name.split_once('.') {
                Some(_) if Target::find(self.declared, name).is_some() => {
                    self.name(name, span, resources);
                }
                Some((id, attribute)) => self.attribute(id, attribute, span, resources),
                None => self.name(name, span, resources),
            }
        }
    }

    fn find_in_map(&self, call: &Call) {
        let Value::List(items) = &call.argument.value else {
            return;
        };
        let Some(map) = items.first() else {
            return;
        };
        if items.len() == 4 && !self.extended {
            self.extension("DefaultValue", items[3].span);
        }
        let Some(name) = map.scalar() else {
            return;
        };
        let maps = self.mappings.and_then(Node::entries).unwrap_or_default();
        if !maps.iter().any(|entry| entry.key == name) {
            let names = maps.iter().map(|entry| entry.key.as_str());
            self.report.add(
                Finding::error(map.span, format!("there is no mapping `{name}`"))
                    .maybe_help(did_you_mean(name, names)),
            );
        }
    }

    pub(crate) fn condition_node(&self, node: &Node) {
        if let Some(name) = node.scalar() {
            self.condition(name, node.span);
        }
    }

    fn condition(&self, name: &str, span: Span) {
        if !self.conditions.iter().any(|entry| entry.key == name) {
            let names = self.conditions.iter().map(|entry| entry.key.as_str());
            self.report.add(
                Finding::error(span, format!("there is no condition `{name}`"))
                    .maybe_help(did_you_mean(name, names)),
            );
        }
    }

    fn referable(&self) -> impl Iterator<Item = &str> {
        let resources = self.declared.iter().map(|one| one.id.as_str());
        let parameters = self.parameters.iter().copied();
        resources.chain(parameters).chain(PSEUDO.iter().copied())
    }
}
