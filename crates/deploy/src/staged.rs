//! Deploying in stages: what a custom resource answers is known only when it has been asked, and the rest of the template
//! is resolved with that.
//!
//! A stage makes one custom resource, and before it what it needs. The last stage makes everything else. Taking away goes
//! by stages too: what a custom resource leaves behind when it goes is looked at then.

use std::collections::{BTreeMap, BTreeSet};

use crate::custom::{self, Answer};
use crate::desired::{Desired, Unanswered};
use crate::diagnostic::Diagnostics;
use crate::error::{Error, Result};
use crate::plan::{Action, Plan, Step};
use crate::schema::Noun;
use crate::state::Stored;
use crate::{Context, Deployer, Template};

/// All that a template asks for, and what is left to do for it.
pub(crate) struct LastStage {
    pub(crate) desired: Desired,
    pub(crate) plan: Plan,
    /// What the stages before have done.
    pub(crate) done: Vec<Step>,
}

impl Deployer {
    /// Carries out all stages but the last.
    pub(crate) async fn up_to_last(&self, template: &Template) -> Result<LastStage> {
        let mut done: Vec<Step> = Vec::new();
        let mut expected = None;
        loop {
            let context = self.context(template.stack())?;
            let (mut desired, plan) = self.stage(template, &context)?;
            check_version(&plan, expected)?;
            let part = part(&plan, &desired);
            if part.is_none() {
                self.check_uses(&mut desired)?;
            }
            self.publish_assets(template, &context, &desired).await?;
            let Some(part) = part else {
                return Ok(LastStage {
                    desired,
                    plan,
                    done,
                });
            };
            // Whoever is asked runs the code that is there now.
            self.reload(&live_functions(&desired)).await?;
            self.apply(&part).await?;
            expected = Some(part.version + 1);
            done.extend(part.steps);
        }
    }

    /// What the template asks for as far as that is known, and what there is to do.
    fn stage(&self, template: &Template, context: &Context) -> Result<(Desired, Plan)> {
        let mut desired = template.resolve(context)?;
        self.check_routes(template, &desired)?;
        self.check_exports(&desired)?;
        let addresses = self.addresses(&desired);
        desired.outputs.extend(addresses);
        let plan = self.plan(&desired, context)?;
        check_attributes(&desired, &plan)?;
        Ok((desired, plan))
    }

    /// Asks for the custom resources of a stack that is to go to be taken away, one by one. The plan is of the rest.
    pub(crate) async fn destroy_custom(&self, stack: &str) -> Result<(Plan, Vec<Step>)> {
        let mut done = Vec::new();
        let mut expected = None;
        loop {
            let plan = self.removal(stack)?;
            check_version(&plan, expected)?;
            let Some(at) = first_custom(&plan.steps) else {
                return Ok((plan, done));
            };
            if done.is_empty() {
                self.reload(&self.held_functions(stack)?).await?;
            }
            let part = Plan {
                steps: vec![plan.steps[at].clone()],
                ..plan
            };
            self.begin(&part).await?;
            self.take_all_away(&part).await?;
            expected = Some(part.version + 1);
            done.extend(part.steps);
        }
    }

    fn held_functions(&self, stack: &str) -> Result<BTreeSet<String>> {
        let held = self.stored(stack)?.held.into_values();
        let functions = held.filter(|held| held.noun == Noun::Function);
        Ok(functions.map(|held| held.name).collect())
    }

    /// What the makers of the stack's custom resources have answered.
    pub(crate) fn answers_of(&self, stack: &str) -> Result<BTreeMap<String, Answer>> {
        let view = self.engines.store.read()?;
        let mut answers = BTreeMap::new();
        for (id, held) in Stored::read(&view, stack)?.held {
            if held.noun == Noun::Custom
                && let Some(answer) = custom::answer_of(&view, &held.name)?
            {
                answers.insert(id, answer);
            }
        }
        Ok(answers)
    }
}

/// Between two stages nobody else may have changed the stack.
fn check_version(plan: &Plan, expected: Option<u64>) -> Result<()> {
    match expected {
        Some(expected) if plan.version != expected => Err(Error::Overtaken(plan.stack.clone())),
        _ => Ok(()),
    }
}

/// An attribute that the newest answer does not have will not come.
fn check_attributes(desired: &Desired, plan: &Plan) -> Result<()> {
    let Unanswered { missing, .. } = &desired.unanswered;
    let is_newest = |id: &str| {
        let mut steps = plan.steps.iter();
        steps.any(|step| step.logical_id.as_deref() == Some(id) && step.action == Action::Keep)
    };
    let missing = missing.iter().filter(|(id, _)| is_newest(id));
    let findings: Vec<_> = missing.map(|(_, finding)| finding.clone()).collect();
    match findings.is_empty() {
        true => Ok(()),
        false => Err(Diagnostics::new(desired.notices.source(), findings).into()),
    }
}

/// What comes before more is known; none if the plan can be carried out as a whole.
fn part(plan: &Plan, desired: &Desired) -> Option<Plan> {
    let at = first_custom(&plan.steps)?;
    let asked = &plan.steps[at];
    let steps = &plan.steps[..=at];
    let steps: Vec<Step> = match &asked.logical_id {
        Some(id) if asked.wanted.is_some() => {
            let needed = needed(desired, id);
            let is_needed = |step: &&Step| {
                let id = step.logical_id.as_deref();
                step.action != Action::Keep && id.is_some_and(|id| needed.contains(id))
            };
            steps.iter().filter(is_needed).cloned().collect()
        }
        _ if at + 1 == plan.steps.len() => return None,
        _ => {
            let changes = steps.iter().filter(|step| step.action != Action::Keep);
            changes.cloned().collect()
        }
    };
    Some(Plan {
        steps,
        ..plan.clone()
    })
}

fn first_custom(steps: &[Step]) -> Option<usize> {
    steps.iter().position(|step| {
        step.noun == Noun::Custom && !matches!(step.action, Action::Keep | Action::Retain)
    })
}

/// The resource and all that it needs, directly or not.
fn needed<'a>(desired: &'a Desired, id: &'a str) -> BTreeSet<&'a str> {
    let mut seen = BTreeSet::new();
    let mut open = vec![id];
    while let Some(id) = open.pop() {
        if !seen.insert(id) {
            continue;
        }
        let mut resources = desired.resources.iter();
        if let Some(resource) = resources.find(|one| one.logical_id == id) {
            open.extend(resource.depends_on.iter().map(String::as_str));
        }
    }
    seen
}

/// Functions whose code may change although nothing in the template does.
pub(crate) fn live_functions(desired: &Desired) -> BTreeSet<String> {
    let folders = desired
        .functions()
        .filter(|function| function.build().is_some());
    folders.map(|function| function.name.clone()).collect()
}
