//! Doing what a plan says, step by step, keeping after each what is done.
//!
//! What is about to be made is written down before it is made, without its fingerprint; the fingerprint follows when it
//! is there. After a crash in between, the next plan finds the thing to be the stack's own and makes it again.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use store::Read;

use crate::custom;
use crate::desired::{Cloud, Desired, Kind, Output};
use crate::diagnostic::Diagnostics;
use crate::engines::Failure;
use crate::error::{Error, Result};
use crate::plan::{self, Action, Plan, Step, Wanted};
use crate::schema::{self, HELD, Held, LEFTOVERS, LINKS, Leftover, Links, STACKS};
use crate::staged::{self, LastStage};
use crate::state::{self, Stored};
use crate::{Context, Deployer, Template};

/// What was deployed.
#[derive(Clone, Debug, Serialize)]
pub struct Applied {
    pub stack: String,
    /// What was done, and what of the stack's was deliberately left.
    pub changes: Vec<Step>,
    pub outputs: Vec<Output>,
    pub notices: Diagnostics,
    /// What is there now.
    pub resources: Vec<crate::desired::Resource>,
    /// For gateways whose callers need a key: one that is taken, by the gateway's id. Not those that somebody chose.
    pub keys: BTreeMap<String, String>,
    #[serde(skip)]
    pub desired: Desired,
}

/// A stack as it was last deployed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stack {
    pub name: String,
    pub outputs: Vec<Output>,
    /// Logical id, type and physical name.
    pub resources: Vec<(String, schema::Noun, String)>,
}

/// Enough for one page of everything; nobody has more stacks in one place.
pub(crate) const MAX_STACKS: usize = 10_000;

impl Deployer {
    /// Resolves, plans and applies.
    pub async fn deploy(&self, template: &Template) -> Result<Applied> {
        let template = self.tried(template).await?;
        let LastStage {
            mut desired,
            plan,
            done,
        } = self.up_to_last(&template).await?;
        self.note_runtimes(&mut desired).await;
        self.apply(&plan).await?;
        // Code in a folder may have changed although nothing in the template has.
        self.reload(&staged::live_functions(&desired)).await?;
        self.deployed.send_modify(|deployments| *deployments += 1);
        let shown = done.into_iter().chain(plan.steps);
        Ok(Applied {
            stack: desired.stack.clone(),
            changes: shown.filter(|step| step.action != Action::Keep).collect(),
            outputs: desired.outputs.clone(),
            notices: desired.notices.clone(),
            resources: desired.resources.clone(),
            keys: self.keys_of(&desired)?,
            desired,
        })
    }

    fn keys_of(&self, desired: &Desired) -> Result<BTreeMap<String, String>> {
        let resources = || desired.resources.iter().map(|resource| &resource.kind);
        let mut found = BTreeMap::new();
        for key in resources() {
            let Kind::ClientKey(key) = key else {
                continue;
            };
            if key.value.is_some() || !key.enabled {
                continue;
            }
            let known = self.engines.triggers.client_key(&key.id);
            let known = known.map_err(|cause| {
                let noun = schema::Noun::ClientKey.as_str();
                Failure::from(cause).of_step("look for", noun, &key.id)
            })?;
            let plans = resources().filter_map(|kind| match kind {
                Kind::Plan(plan) if plan.keys.contains(&key.id) => Some(plan),
                _ => None,
            });
            let gateways = plans.flat_map(|plan| plan.stages.iter().map(|stage| &stage.gateway));
            let with_value =
                |gateway: &String| Some((gateway.clone(), known.as_ref()?.value.clone()));
            found.extend(gateways.filter_map(with_value));
        }
        Ok(found)
    }

    /// Says which runtimes are named that this host runs on another version. Other clouds' functions name none, or are
    /// given one for the version that they ask for.
    async fn note_runtimes(&self, desired: &mut Desired) {
        let named = desired
            .functions()
            .filter(|function| function.cloud == Cloud::Aws);
        let named: BTreeSet<String> = named.map(|function| function.runtime.clone()).collect();
        for runtime in named {
            if let Some(notice) = self.engines.functions.runs_instead(&runtime).await {
                desired.notices.note(notice);
            }
        }
    }

    /// Where functions are reached whose cloud gives each an address of its own.
    pub(crate) fn addresses(&self, desired: &Desired) -> Vec<Output> {
        let google = desired
            .functions()
            .filter(|function| function.cloud == Cloud::Google);
        let google = google.map(|function| Output {
            name: function.handler.clone(),
            description: function.environment.get("FUNCTION_SIGNATURE_TYPE").cloned(),
            value: format!("http://{}/{}", self.google, function.handler),
        });
        let azure = desired.functions().filter_map(|function| {
            let (path, description) = function.azure_route()?;
            let address = &self.azure.as_ref()?.address;
            Some(Output {
                name: function.handler.clone(),
                description: Some(description),
                value: format!("http://{address}/{path}"),
            })
        });
        google.chain(azure).collect()
    }

    /// What names in a template of this stack are made of. A stack that is not there yet gets a new suffix each time.
    pub fn context(&self, stack: &str) -> Result<Context> {
        let view = self.engines.store.read()?;
        let known = STACKS.get(&view, &schema::stack_key(stack))?;
        let suffix = match known {
            Some(known) => known.suffix,
            None => self.random.uuid().simple().to_string(),
        };
        Ok(Context {
            account: self.account.clone(),
            region: self.region.clone(),
            stack: stack.to_owned(),
            suffix,
            feeds: self.feeds()?,
            answers: self.answers_of(stack)?,
            endpoint: self.endpoint.clone(),
            others: Some(self.others(stack)?),
        })
    }

    /// What deploying would do now.
    pub fn plan(&self, desired: &Desired, context: &Context) -> Result<Plan> {
        self.check_buses(desired)?;
        self.check_makers(desired)?;
        self.check_buckets(desired)?;
        let stored = self.stored(&desired.stack)?;
        plan::decide(desired, &context.suffix, &stored, |noun, name| {
            self.presence(noun, name)
        })
    }

    /// Does what the plan says. What is done before a step that fails stays done.
    pub async fn apply(&self, plan: &Plan) -> Result<()> {
        let idle = plan.steps.iter().all(|step| step.action == Action::Keep);
        if idle && plan.version > 0 && !self.has_other_outputs(plan)? {
            return Ok(());
        }
        self.begin(plan).await?;
        for step in &plan.steps {
            match (&step.wanted, &step.old) {
                (Some(wanted), _) => self.make(&plan.stack, step, wanted).await?,
                (None, Some(old)) => self.take_away(&plan.stack, step, old).await?,
                (None, None) => {}
            }
        }
        Ok(())
    }

    /// Removes everything of a stack, but what its template retains, and buckets that are not empty.
    pub async fn destroy(&self, stack: &str) -> Result<Plan> {
        self.check_unused(stack)?;
        let (mut plan, mut done) = self.destroy_custom(stack).await?;
        self.begin(&plan).await?;
        self.take_all_away(&plan).await?;
        self.forget_if_bare(stack).await?;
        self.deployed.send_modify(|deployments| *deployments += 1);
        done.append(&mut plan.steps);
        plan.steps = done;
        Ok(plan)
    }

    pub(crate) fn removal(&self, stack: &str) -> Result<Plan> {
        let stored = self.stored(stack)?;
        if stored.stack.is_none() {
            return Err(Error::NoSuchStack(stack.to_owned()));
        }
        plan::removal(stack, &stored, |noun, name| self.presence(noun, name))
    }

    pub(crate) async fn take_all_away(&self, plan: &Plan) -> Result<()> {
        for step in &plan.steps {
            if let Some(old) = &step.old {
                self.take_away(&plan.stack, step, old).await?;
            }
        }
        Ok(())
    }

    /// Every stack there is, by name.
    pub fn stacks(&self) -> Result<Vec<Stack>> {
        let view = self.engines.store.read()?;
        let stacks = STACKS.scan(&view, &STACKS.key().range(), MAX_STACKS)?;
        let names = stacks.iter().filter_map(|(key, _)| {
            let mut reader = store::KeyReader::new(key)?;
            reader.str()
        });
        names.map(|name| describe(&view, name)).collect()
    }

    pub(crate) fn stored(&self, stack: &str) -> Result<Stored> {
        Stored::read(&self.engines.store.read()?, stack)
    }

    fn has_other_outputs(&self, plan: &Plan) -> Result<bool> {
        let stored = self.stored(&plan.stack)?;
        let differ = |stack: schema::Stack| stack.outputs != outputs(plan);
        Ok(stored.stack.is_none_or(differ) || self.links(&plan.stack)? != plan.links)
    }

    /// Counts this deployment, so that of two plans of the same state only one is carried out.
    pub(crate) async fn begin(&self, plan: &Plan) -> Result<()> {
        self.engines
            .store
            .write(|tx| {
                let key = schema::stack_key(&plan.stack);
                let known = STACKS.get(tx, &key)?;
                let version = known.as_ref().map_or(0, |known| known.version);
                if version != plan.version {
                    return Err(Error::Overtaken(plan.stack.clone()));
                }
                let stack = schema::Stack {
                    suffix: plan.suffix.clone(),
                    version: version + 1,
                    outputs: outputs(plan),
                };
                STACKS.put(tx, key, &stack);
                let key = LINKS.key().str(&plan.stack);
                match plan.links == Links::default() {
                    true => LINKS.delete(tx, key),
                    false => LINKS.put(tx, key, &plan.links),
                }
                Ok(())
            })
            .await
    }

    async fn make(&self, stack: &str, step: &Step, wanted: &Wanted) -> Result<()> {
        let Some(id) = &step.logical_id else {
            return Ok(());
        };
        if step.action == Action::Keep {
            return Ok(());
        }
        let pending = Held {
            fingerprint: None,
            ..wanted.record.clone()
        };
        let before = self
            .write(|tx| {
                let before = Before::read(tx, stack, id, step)?;
                HELD.put(tx, schema::held_key(stack, id), &pending);
                state::drop_leftover(tx, stack, pending.noun, &pending.name);
                if let Some(old) = &wanted.replaces {
                    state::put_leftover(tx, stack, old);
                }
                Ok(before)
            })
            .await?;
        let put = self.put(&wanted.kind, wanted.fresh).await;
        if !put.map_err(|cause| failure(step, cause))? {
            // It must not pass for the stack's own, to be changed and removed with it.
            self.write(|tx| before.restore(tx, stack, id, wanted))
                .await?;
            return Err(failure(step, not_ours()));
        }
        self.write(|tx| {
            HELD.put(tx, schema::held_key(stack, id), &wanted.record);
            Ok(())
        })
        .await
    }

    async fn take_away(&self, stack: &str, step: &Step, old: &Leftover) -> Result<()> {
        let mut stays = step.action == Action::Retain;
        if !stays {
            let removed = self.remove(old.noun, &old.name).await;
            stays = !removed.map_err(|cause| failure(step, cause))?;
        }
        self.write(|tx| {
            if let Some(id) = &step.logical_id {
                HELD.delete(tx, schema::held_key(stack, id));
            }
            match stays {
                true => state::put_leftover(tx, stack, old),
                false => state::drop_leftover(tx, stack, old.noun, &old.name),
            }
            Ok(())
        })
        .await
    }

    /// A stack of which something is left keeps its record, and so its suffix: its names stay the same.
    async fn forget_if_bare(&self, stack: &str) -> Result<()> {
        self.write(|tx| {
            let stored = Stored::read(tx, stack)?;
            if stored.held.is_empty() && stored.leftovers.is_empty() {
                STACKS.delete(tx, schema::stack_key(stack));
            }
            Ok(())
        })
        .await
    }

    async fn write<T>(&self, decide: impl FnMut(&mut store::Tx) -> Result<T>) -> Result<T> {
        self.engines.store.write(decide).await
    }
}

/// What was kept of a step's resource before it was to be made.
struct Before {
    held: Option<Held>,
    leftover: Option<Leftover>,
}

impl Before {
    fn read(tx: &store::Tx, stack: &str, id: &str, step: &Step) -> Result<Self> {
        let leftover = schema::leftover_key(stack, step.noun, &step.name);
        Ok(Self {
            held: HELD.get(tx, &schema::held_key(stack, id))?,
            leftover: LEFTOVERS.get(tx, &leftover)?,
        })
    }

    fn restore(&self, tx: &mut store::Tx, stack: &str, id: &str, wanted: &Wanted) -> Result<()> {
        match &self.held {
            Some(held) => HELD.put(tx, schema::held_key(stack, id), held),
            None => HELD.delete(tx, schema::held_key(stack, id)),
        }
        if let Some(old) = &wanted.replaces {
            state::drop_leftover(tx, stack, old.noun, &old.name);
        }
        if let Some(leftover) = &self.leftover {
            state::put_leftover(tx, stack, leftover);
        }
        Ok(())
    }
}

fn not_ours() -> Failure {
    Failure::conflict("it has appeared meanwhile, and does not belong to this stack")
}

fn describe(from: &impl Read, name: String) -> Result<Stack> {
    let stored = Stored::read(from, &name)?;
    let outputs = stored.stack.map(|stack| stack.outputs).unwrap_or_default();
    let output = |(name, description, value)| Output {
        name,
        description,
        value,
    };
    let mut resources = Vec::new();
    for (id, held) in stored.held {
        let name = match custom::answer_of(from, &held.name)? {
            // As its maker calls it.
            Some(answer) if held.noun == schema::Noun::Custom => answer.physical,
            _ => held.name,
        };
        resources.push((id, held.noun, name));
    }
    Ok(Stack {
        outputs: outputs.into_iter().map(output).collect(),
        resources,
        name,
    })
}

fn outputs(plan: &Plan) -> Vec<(String, Option<String>, String)> {
    let outputs = plan.outputs.iter().cloned();
    outputs
        .map(|output| (output.name, output.description, output.value))
        .collect()
}

fn failure(step: &Step, cause: Failure) -> Error {
    let verb = match step.action {
        Action::Create | Action::Replace => "create",
        Action::Update | Action::Keep => "update",
        Action::Remove | Action::Retain => "remove",
    };
    cause.of_step(verb, step.noun.as_str(), &step.name)
}

#[cfg(test)]
mod tests;
