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
    /// Logical ids of custom resources.
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
            None => self.later(custom, span, None),
        }
    }

    /// What `Fn::GetAtt` yields.
    pub(super) fn said_by_maker(&self, custom: &Declared, attribute: &str, span: Span) -> Node {
        if self.existing(&custom.id, span).is_none() {
            return Node::broken(span);
        }
        let Some(answer) = self.context.answers.get(&custom.id) else {
            return self.later(custom, span, None);
        };
        match custom::attribute(answer, attribute, span) {
            Some(node) => self.copied(span, &node),
            None => {
                let missing = custom::missing(&custom.id, attribute, span);
                self.later(custom, span, Some(missing))
            }
        }
    }

    /// Nothing is wrong, but whoever reads it keeps quiet all the same: it is read again when there is an answer.
    fn later(&self, custom: &Declared, span: Span, missing: Option<Finding>) -> Node {
        if !self.report.is_hushed() {
            let mut unanswered = self.unanswered.borrow_mut();
            unanswered.makers.insert(custom.id.clone());
            let missing = missing.map(|finding| (custom.id.clone(), finding));
            unanswered.missing.extend(missing);
        }
        Node::broken(span)
    }
}
