//! References to nested stacks, whose values are what their own templates put out. These are read when they are first
//! asked for.

use std::rc::Rc;
use std::sync::Arc;

use super::Scope;
use crate::diagnostic::{Finding, Span};
use crate::template::declared::Declared;
use crate::template::parameters::Given;
use crate::template::resolve::{self, Found};
use crate::template::tree::{Entry, Node, Value};
use crate::template::{Document, scalar};
use crate::{Context, Others};

/// A nested stack as its template says.
pub(crate) struct Child {
    /// None if there is so much wrong that nothing can be said.
    pub(crate) found: Option<Found>,
    pub(crate) findings: Vec<Finding>,
    /// What it may import.
    pub(crate) others: Option<Others>,
}

impl Child {
    fn output(&self, name: &str) -> Option<&str> {
        let mut outputs = self.found.as_ref()?.outputs.iter();
        let output = outputs.find(|output| output.name == name)?;
        Some(&output.value)
    }

    /// Whether its outputs may become more.
    fn is_open(&self) -> bool {
        self.found.as_ref().is_some_and(|found| found.is_open)
    }

    fn has_errors(&self) -> bool {
        self.found.is_none() || self.findings.iter().any(Finding::is_error)
    }
}

impl<'t> Scope<'t> {
    pub(super) fn nested_stack(&self, id: &str) -> Option<&'t Declared> {
        self.declared(id).filter(|one| one.kind.is_nested())
    }

    /// The template of a nested stack; none if it cannot be read, which has been reported.
    pub(crate) fn document(&self, declared: &Declared) -> Option<&'t Arc<Document>> {
        self.document.nested.get(&declared.id)
    }

    /// What is in a nested stack. None if nobody knows, or while that is being found out: a stack that is given its own
    /// outputs is reported with the other circles.
    pub(crate) fn child(&self, declared: &Declared) -> Option<Rc<Child>> {
        if let Some(known) = self.children.borrow().get(&declared.id) {
            return known.clone();
        }
        let document = self.document(declared)?;
        self.children.borrow_mut().insert(declared.id.clone(), None);
        // What is wrong with what it is given is said when its properties are read.
        let given = self.report.hushed(|| self.given(declared, document));
        let mut context = self.inner(declared)?;
        let child = self.nested(declared.id_span, || {
            context.others = self.others_before(declared);
            let depth = self.nesting.get();
            Some(resolve::nested(
                document,
                self.source,
                &given,
                &context,
                depth,
            ))
        });
        let child = Rc::new(child?);
        let mut children = self.children.borrow_mut();
        children.insert(declared.id.clone(), Some(child.clone()));
        Some(child)
    }

    /// Where, and as what, a nested stack is deployed.
    pub(super) fn inner(&self, declared: &Declared) -> Option<Context> {
        let stack = self.physical(declared)?;
        Some(self.context.nested(&declared.id, &stack))
    }

    /// What a nested stack may import: what other stacks export, and nested ones that are made before it as it says by
    /// `DependsOn`. Nothing is known before these are.
    fn others_before(&self, declared: &Declared) -> Option<Others> {
        let mut others = self.context.others.clone()?;
        for (before, _) in &declared.depends_on {
            let before = self.nested_stack(before);
            let before = before.filter(|one| one.truth(self) != Some(false));
            let before = before.and_then(|one| self.child(one));
            let Some(before) = before.as_ref() else {
                continue;
            };
            if before.is_open() {
                return None;
            }
            let found = before.found.iter().flat_map(Found::exports);
            let known = before.others.iter().flat_map(|others| &others.exports);
            let more = known.chain(found);
            let more = more.map(|(name, value)| (name.clone(), value.clone()));
            others.exports.extend(more);
        }
        Some(others)
    }

    fn given(&self, declared: &Declared, document: &Document) -> Given {
        let by = Some(declared.id.clone());
        let node = declared.properties.get("Parameters");
        let eval = |node| self.nested(declared.id_span, || Some(self.eval(node)));
        let node = node.map(|node| eval(node).unwrap_or_else(|| Node::broken(node.span)));
        let values = match node.as_ref().map(|node| &node.value) {
            Some(Value::Map(entries)) => {
                let one = |entry: &Entry| {
                    let value = entry.value.scalar().and_then(|_| self.text(&entry.value));
                    (entry.key.clone(), value)
                };
                entries.iter().map(one).collect()
            }
            Some(Value::Broken) => {
                let declared = document.root.get("Parameters").and_then(Node::entries);
                let names = declared.unwrap_or_default().iter();
                names.map(|entry| (entry.key.clone(), None)).collect()
            }
            _ => Default::default(),
        };
        Given { values, by }
    }

    /// What `Fn::GetAtt` yields. That its template has no such output has been reported with the names.
    pub(super) fn output(&self, declared: &Declared, attribute: &str, span: Span) -> Node {
        if self.existing(&declared.id, span).is_none() {
            return Node::broken(span);
        }
        let name = attribute.strip_prefix("Outputs.");
        let (Some(name), Some(child)) = (name, self.child(declared)) else {
            return Node::broken(span);
        };
        if let Some(value) = child.output(name) {
            return self.yielded(span, value.to_owned());
        }
        if child.is_open() {
            return self.later(&declared.id, span, None);
        }
        let outputs = self
            .document(declared)
            .and_then(|one| one.root.get("Outputs"));
        let is_declared = outputs.is_some_and(|outputs| outputs.get(name).is_some());
        if is_declared && !child.has_errors() {
            self.report.add(
                Finding::error(
                    span,
                    format!("`{}` has no output `{name}` now", declared.id),
                )
                .why("its condition is false")
                .help("put this value into an `!If` with the same condition"),
            );
        }
        Node::broken(span)
    }

    /// What a nested stack's parameters can be.
    pub(crate) fn as_parameter(&self, node: &Node) -> bool {
        node.is_broken()
            || node
                .scalar()
                .is_some_and(|_| scalar::text(node, self.report).is_some())
    }
}
