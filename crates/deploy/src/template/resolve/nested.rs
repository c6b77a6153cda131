//! Nested stacks become parts of the stack that nests them: see `docs/decisions/0018-nested-stacks-are-parts.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::{Found, Resolving};
use crate::Context;
use crate::context::nested_id;
use crate::desired::{OnRemoval, Resource, Unanswered};
use crate::diagnostic::{Finding, Report, Source, Span};
use crate::template::Document;
use crate::template::declared::Declared;
use crate::template::parameters::Given;
use crate::template::scope::Child;

/// What a nested template asks for. What is found in it is reported by whoever nests it, once.
pub(crate) fn nested(
    document: &Document,
    source: &Source,
    given: &Given,
    context: &Context,
    depth: usize,
) -> Child {
    let report = Report::default();
    let resolving = Resolving {
        document,
        source,
        given,
        context,
        report: &report,
        depth,
    };
    let found = resolving.run();
    Child {
        found,
        findings: report.into_findings(),
        others: context.others.clone(),
    }
}

impl Found {
    pub(crate) fn exports(&self) -> &BTreeMap<String, String> {
        &self.exports
    }
}

/// The nested stacks of which something can be said.
pub(super) fn parts<'a>(
    wanted: &'a [&'a Declared],
    nested: &'a BTreeMap<String, Rc<Child>>,
) -> impl Iterator<Item = (&'a Declared, &'a Found)> {
    wanted.iter().filter_map(|one| {
        let found = nested.get(&one.id)?.found.as_ref()?;
        Some((*one, found))
    })
}

/// What each nested stack stands for where something needs it: all that is in it, and all that it needs.
#[derive(Default)]
pub(super) struct Members(BTreeMap<String, Vec<String>>);

impl Members {
    /// The ids with those of the resources that they stand for.
    pub(super) fn spread(&self, ids: Vec<String>) -> Vec<String> {
        let one = |id: String| match self.0.get(&id) {
            Some(members) => members.clone(),
            None => vec![id],
        };
        let mut seen = BTreeSet::new();
        let all = ids.into_iter().flat_map(one);
        all.filter(|id| seen.insert(id.clone())).collect()
    }

    /// The resources of a nested stack as this one has them. None is made before what the whole stack needs.
    pub(super) fn add(
        &mut self,
        declared: &Declared,
        found: &Found,
        needs: &[String],
    ) -> Vec<Resource> {
        let raise = |id: &String| nested_id(&declared.id, id);
        let one = |one: &Resource| Resource {
            logical_id: raise(&one.logical_id),
            depends_on: one
                .depends_on
                .iter()
                .map(raise)
                .chain(needs.iter().cloned())
                .collect(),
            // A stack that is retained keeps all that it has.
            on_delete: match declared.on_delete {
                OnRemoval::Retain => OnRemoval::Retain,
                OnRemoval::Delete => one.on_delete,
            },
            ..one.clone()
        };
        let resources: Vec<Resource> = found.resources.iter().map(one).collect();
        let ids = resources.iter().map(|one| one.logical_id.clone());
        let members = ids.chain(needs.iter().cloned()).collect();
        self.0.insert(declared.id.clone(), members);
        resources
    }
}

impl Resolving<'_> {
    /// What a nested stack yields to other stacks and takes from them, and what it waits for, becomes this one's.
    pub(super) fn join(&self, all: &mut Found, declared: &Declared, child: &Found) {
        self.add_exports(all, &child.exports, declared.id_span);
        all.imports.extend(child.imports.iter().cloned());
        all.access.extend(&child.access);
        all.is_open |= child.is_open;
        let raise = |id: &String| nested_id(&declared.id, id);
        let Unanswered { waiting, missing } = &child.unanswered;
        all.unanswered.waiting.extend(waiting.iter().map(raise));
        let missing = missing.iter();
        let missing = missing.map(|(id, finding)| (raise(id), finding.clone()));
        all.unanswered.missing.extend(missing);
    }

    /// Names of exports are everybody's, so no two may be the same.
    pub(super) fn add_exports(
        &self,
        all: &mut Found,
        exports: &BTreeMap<String, String>,
        span: Span,
    ) {
        for (name, value) in exports {
            if all.exports.insert(name.clone(), value.clone()).is_some() {
                let message = format!("outputs of two templates are exported as `{name}`");
                self.report.add(Finding::error(span, message));
            }
        }
    }
}
