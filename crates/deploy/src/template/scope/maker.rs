//! References to custom resources, whose values are what their makers have answered.

use std::collections::BTreeSet;

use super::Scope;
use crate::diagnostic::{Finding, Span};
use crate::template::custom;
use crate::template::declared::{Declared, Kind};
use crate::template::tree::Node;

/// What was referred to and has no value yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unanswered {
    /// Logical ids of custom resources, and of nested stacks that have such.
    pub(crate) makers: BTreeSet<String>,
    pub(crate) missing: Vec<(String, Finding)>,
}

impl<'t> Scope<'t> {
    pub(crate) fn unanswered(&self) -> Unanswered {
        self.unanswered.borrow().clone()
    }

    pub(super) fn custom(&self, id: &str) -> Option<&'t Declared> {
        self.declared(id).filter(|one| one.kind == Kind::Custom)
    }

    /// What `Ref` yields.
    pub(super) fn named_by_maker(&self, custom: &Declared, span: Span) -> Node {
        if self.existing(&custom.id, span).is_none() {
            return Node::broken(span);
        }
        match self.context.answers.get(&custom.id) {
            Some(answer) => self.yielded(span, answer.physical.clone()),
            None => self.later(&custom.id, span, None),
        }
    }

    /// What `Fn::GetAtt` yields.
    pub(super) fn said_by_maker(&self, custom: &Declared, attribute: &str, span: Span) -> Node {
        if self.existing(&custom.id, span).is_none() {
            return Node::broken(span);
        }
        let Some(answer) = self.context.answers.get(&custom.id) else {
            return self.later(&custom.id, span, None);
        };
        match custom::attribute(answer, attribute, span) {
            Some(node) => self.copied(span, &node),
            None => {
                let missing = custom::missing(&custom.id, attribute, span);
                self.later(&custom.id, span, Some(missing))
            }
        }
    }

    /// Nothing is wrong, but whoever reads it keeps quiet all the same: it is read again when there is an answer.
    pub(super) fn later(&self, id: &str, span: Span, missing: Option<Finding>) -> Node {
        if !self.report.is_hushed() {
            let mut unanswered = self.unanswered.borrow_mut();
            unanswered.makers.insert(id.to_owned());
            let missing = missing.map(|finding| (id.to_owned(), finding));
            unanswered.missing.extend(missing);
        }
        Node::broken(span)
    }
}
