//! What a deployment would do, decided before anything is done.
//!
//! A pure function of what is asked for, what is kept of the stack, and what the engines have. Two plans of the same are
//! equal, and the plan of what has just been deployed does nothing.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;

use serde::Serialize;

use crate::desired::{Code, Desired, Kind, OnRemoval, Output, Resource};
use crate::diagnostic::{Diagnostics, Finding};
use crate::names::fingerprint;
use crate::recipe::Recipe;
use crate::schema::{Held, Leftover, Links, Noun};
use crate::state::Stored;
use crate::survey::survey;

/// What is to be done, in this order.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    pub stack: String,
    pub steps: Vec<Step>,
    pub outputs: Vec<Output>,
    #[serde(skip)]
    pub(crate) links: Links,
    #[serde(skip)]
    pub(crate) suffix: String,
    /// Of the stack when the plan was made.
    #[serde(skip)]
    pub(crate) version: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    pub action: Action,
    #[serde(rename = "type")]
    pub noun: Noun,
    /// None for what no template names any more.
    pub logical_id: Option<String>,
    /// The name in the engine.
    pub name: String,
    /// Why, where the action alone does not say it.
    pub why: Option<String>,
    #[serde(skip)]
    pub(crate) wanted: Option<Wanted>,
    #[serde(skip)]
    pub(crate) old: Option<Leftover>,
}

/// What a step makes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Wanted {
    pub(crate) kind: Kind,
    pub(crate) record: Held,
    /// The other thing that this one takes the place of.
    pub(crate) replaces: Option<Leftover>,
    /// Nothing of its name was there. What appears before it is made is somebody else's.
    pub(crate) fresh: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    Create,
    Update,
    /// Makes another one; the old one is removed by a later step.
    Replace,
    /// It is as it should be.
    Keep,
    Remove,
    /// No template asks for it any more, but it stays.
    Retain,
}

/// What an engine has under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    Missing,
    Present,
    /// A bucket with objects in it.
    Filled,
}

impl Plan {
    /// Steps that do something.
    pub fn changes(&self) -> impl Iterator<Item = &Step> {
        let idle = |step: &&Step| !matches!(step.action, Action::Keep | Action::Retain);
        self.steps.iter().filter(idle)
    }

    pub fn is_empty(&self) -> bool {
        self.changes().next().is_none()
    }
}

/// Decides what makes the engines have what `desired` asks for. `presence` may fail with whatever its caller fails with.
pub(crate) fn decide<E: From<Diagnostics>>(
    desired: &Desired,
    suffix: &str,
    stored: &Stored,
    presence: impl Fn(Noun, &str) -> Result<Presence, E>,
) -> Result<Plan, E> {
    let planner = Planner { stored, presence };
    let mut steps = Vec::new();
    let mut findings = Vec::new();
    for (position, resource) in desired.resources.iter().enumerate() {
        let position = u32::try_from(position).unwrap_or(u32::MAX);
        match planner.upsert(resource, position, desired)? {
            Ok(step) => steps.push(step),
            Err(finding) => findings.push(finding),
        }
    }
    if !findings.is_empty() {
        return Err(Diagnostics::new(desired.notices.source(), findings).into());
    }
    spare_what_is_made(&mut steps);
    steps.extend(planner.removals(desired, &steps)?);
    Ok(Plan {
        stack: desired.stack.clone(),
        steps,
        outputs: desired.outputs.clone(),
        links: Links {
            exports: desired.exports.clone(),
            imports: desired.imports.clone(),
        },
        suffix: suffix.to_owned(),
        version: stored.version(),
    })
}

/// The plan that leaves nothing of a stack.
pub(crate) fn removal<E>(
    stack: &str,
    stored: &Stored,
    presence: impl Fn(Noun, &str) -> Result<Presence, E>,
) -> Result<Plan, E> {
    let planner = Planner { stored, presence };
    let suffix = stored.stack.as_ref().map(|stack| stack.suffix.clone());
    Ok(Plan {
        stack: stack.to_owned(),
        steps: planner.removals_of(stored.held.keys().collect(), Vec::new())?,
        outputs: Vec::new(),
        links: Links::default(),
        suffix: suffix.unwrap_or_default(),
        version: stored.version(),
    })
}

/// Two logical ids may exchange their names, or one take another's: what this plan makes, it does not remove.
fn spare_what_is_made(steps: &mut [Step]) {
    let made: BTreeSet<(Noun, String)> = steps
        .iter()
        .map(|step| (step.noun, step.name.clone()))
        .collect();
    for wanted in steps.iter_mut().filter_map(|step| step.wanted.as_mut()) {
        let old = wanted.replaces.as_ref();
        if old.is_some_and(|old| made.contains(&(old.noun, old.name.clone()))) {
            wanted.replaces = None;
        }
    }
}

struct Planner<'a, P> {
    stored: &'a Stored,
    presence: P,
}

impl<P, E> Planner<'_, P>
where
    P: Fn(Noun, &str) -> Result<Presence, E>,
{
    /// The step for one resource that is asked for, or why it cannot be made.
    fn upsert(
        &self,
        resource: &Resource,
        position: u32,
        desired: &Desired,
    ) -> Result<Result<Step, Finding>, E> {
        let kind = &resource.kind;
        let (noun, name) = (kind.noun(), kind.name());
        let record = Held {
            noun,
            name: name.to_owned(),
            fingerprint: match fingerprint_of(resource, desired) {
                Ok(fingerprint) => Some(fingerprint),
                Err(finding) => return Ok(Err(finding)),
            },
            identity: identity(kind),
            on_delete: resource.on_delete,
            on_replace: resource.on_replace,
            position,
        };
        let held = self.stored.held.get(&resource.logical_id);
        let same = held.filter(|held| held.noun == noun && held.name == name);
        let there = (self.presence)(noun, name)?;
        if there != Presence::Missing && noun != Noun::Notification {
            if self.stored.identity(noun, name).is_none() {
                return Ok(Err(taken(resource)));
            }
            let known = self.stored.identity(noun, name);
            if known.is_some_and(|known| known != record.identity) {
                return Ok(Err(unchangeable(resource)));
            }
        }
        let replaces = match (held, same) {
            (Some(held), None) => Some(leftover(held, held.on_replace)),
            _ => None,
        };
        let (action, why) = match (there, same) {
            (Presence::Missing, Some(held)) if held.fingerprint.is_some() => {
                (Action::Create, Some("it was deleted meanwhile".to_owned()))
            }
            (Presence::Missing, _) if replaces.is_none() => (Action::Create, None),
            (_, Some(held)) if held.fingerprint == record.fingerprint => (Action::Keep, None),
            (_, Some(_)) => (Action::Update, None),
            (_, None) => match &replaces {
                Some(old) if old.noun == noun => {
                    (Action::Replace, Some(format!("in place of {}", old.name)))
                }
                Some(old) => (
                    Action::Replace,
                    Some(format!("in place of the {} {}", old.noun, old.name)),
                ),
                None => (
                    Action::Update,
                    Some("it was left over from before".to_owned()),
                ),
            },
        };
        Ok(Ok(Step {
            action,
            noun,
            logical_id: Some(resource.logical_id.clone()),
            name: name.to_owned(),
            why,
            wanted: Some(Wanted {
                kind: kind.clone(),
                record,
                replaces,
                fresh: there == Presence::Missing,
            }),
            old: None,
        }))
    }

    /// What goes after everything that is asked for is there.
    fn removals(&self, desired: &Desired, steps: &[Step]) -> Result<Vec<Step>, E> {
        let there = desired.resources.iter();
        let wanted: BTreeSet<&str> = there.map(|resource| resource.logical_id.as_str()).collect();
        let gone = self.stored.held.keys();
        let gone = gone.filter(|id| !wanted.contains(id.as_str()) && !desired.unanswered.waits(id));
        let gone = gone.collect();
        let replaced = steps.iter().filter_map(|step| {
            let wanted = step.wanted.as_ref()?;
            wanted.replaces.clone()
        });
        let mut removals = self.removals_of(gone, replaced.collect())?;
        removals.retain(|removal| {
            let made = |step: &Step| step.noun == removal.noun && step.name == removal.name;
            !steps.iter().any(made)
        });
        Ok(removals)
    }

    fn removals_of(&self, gone: Vec<&String>, replaced: Vec<Leftover>) -> Result<Vec<Step>, E> {
        let gone = gone.into_iter().filter_map(|id| {
            let held = self.stored.held.get(id)?;
            Some((Some(id.clone()), leftover(held, held.on_delete)))
        });
        let replaced = replaced.into_iter().map(|old| (None, old));
        let left = self.stored.leftovers.iter();
        let left = left.map(|left| (None, left.clone()));
        let mut all: Vec<(Option<String>, Leftover)> = gone.chain(replaced).chain(left).collect();
        // What is newly left comes before the same thing left over from before.
        all.sort_by(|(_, a), (_, b)| {
            let key = |one: &Leftover| (one.noun.rank(), std::cmp::Reverse(one.position));
            key(a).cmp(&key(b)).then_with(|| a.name.cmp(&b.name))
        });
        all.dedup_by(|(_, later), (_, earlier)| {
            (later.noun, &later.name) == (earlier.noun, &earlier.name)
        });
        let mut removals = Vec::new();
        for (logical_id, old) in all {
            let is_old_news = logical_id.is_none() && self.stored.leftovers.contains(&old);
            let step = self.removal(logical_id, old)?;
            if step.action == Action::Remove || !is_old_news {
                removals.push(step);
            }
        }
        Ok(removals)
    }

    fn removal(&self, logical_id: Option<String>, old: Leftover) -> Result<Step, E> {
        let (action, why) = match (old.on_removal, (self.presence)(old.noun, &old.name)?) {
            (_, Presence::Missing) => (Action::Remove, Some("it is gone already")),
            (OnRemoval::Retain, _) => (Action::Retain, Some("the template says so")),
            (OnRemoval::Delete, Presence::Filled) => (Action::Retain, Some("it is not empty")),
            (OnRemoval::Delete, Presence::Present) => (Action::Remove, None),
        };
        Ok(Step {
            action,
            noun: old.noun,
            logical_id,
            name: old.name.clone(),
            why: why.map(str::to_owned),
            wanted: None,
            old: Some(old),
        })
    }
}

pub(crate) fn leftover(held: &Held, on_removal: OnRemoval) -> Leftover {
    Leftover {
        noun: held.noun,
        name: held.name.clone(),
        identity: held.identity.clone(),
        on_removal,
        position: held.position,
    }
}

fn taken(resource: &Resource) -> Finding {
    let (noun, name) = (resource.kind.noun(), resource.kind.name());
    Finding::error(resource.span, format!("there is a {noun} `{name}` already"))
        .why("it does not belong to this stack")
        .help("give this one another name, or delete the other")
}

/// A table with another key would be another table, and its items would be gone.
fn unchangeable(resource: &Resource) -> Finding {
    if matches!(resource.kind, Kind::Custom(_)) {
        return made_by_another(resource);
    }
    let name = resource.kind.name();
    Finding::error(
        resource.span,
        format!("the key of the table `{name}` cannot be changed"),
    )
    .why("a table with another key, or with other local indexes, is another table")
    .help("give it another `TableName` or logical id: a new table is made and this one removed")
}

fn made_by_another(resource: &Resource) -> Finding {
    let id = &resource.logical_id;
    Finding::error(
        resource.span,
        format!("the `ServiceToken` and the type of `{id}` cannot be changed"),
    )
    .why("whoever made it is asked to change it, and to take it away")
    .help("give it another logical id: a new one is made and this one taken away")
}

/// What cannot be changed in place.
fn identity(kind: &Kind) -> String {
    match kind {
        Kind::Table(table) => {
            let keys = serde_json::to_vec(&(&table.partition_key, &table.sort_key));
            let keys = keys.unwrap_or_default();
            let local: Vec<_> = table.indexes.iter().filter(|index| index.local).collect();
            if local.is_empty() {
                return fingerprint(&[&keys]);
            }
            let local = serde_json::to_vec(&local).unwrap_or_default();
            fingerprint(&[&keys, &local])
        }
        // A queue that keeps order is another one, with another name.
        Kind::Queue(queue) => fingerprint(&[&[u8::from(queue.ordered)]]),
        Kind::Bucket(_)
        | Kind::Function(_)
        | Kind::Notification(_)
        | Kind::Gateway(_)
        | Kind::Layer(_)
        | Kind::Version(_)
        | Kind::Alias(_)
        | Kind::Mapping(_)
        | Kind::ClientKey(_)
        | Kind::Plan(_)
        | Kind::Topic(_)
        | Kind::Subscription(_)
        | Kind::Balancer(_)
        | Kind::Edge(_)
        | Kind::EventBus(_)
        | Kind::EventRule(_)
        | Kind::BusPolicy(_)
        | Kind::Connection(_)
        | Kind::Schedule(_)
        | Kind::ScheduleGroup(_)
        | Kind::LogGroup(_)
        | Kind::LineSubscription(_)
        | Kind::BucketPolicy(_)
        | Kind::Address(_) => String::new(),
        // Who made it must be asked to take it away.
        Kind::Custom(custom) => format!("{} {}", custom.resource_type, custom.token),
        // It keeps the events of one bus.
        Kind::Archive(archive) => archive.bus.clone(),
    }
}

/// Of everything that is asked for, a zip file's content included. A directory is used live, so its content is not,
/// unless what is there now is to be published. A function changes with the layers of the same template that it uses.
fn fingerprint_of(resource: &Resource, desired: &Desired) -> Result<String, Finding> {
    let asked = serde_json::to_vec(&(&resource.kind, resource.on_delete, resource.on_replace));
    let asked = asked.expect("what is asked for is plain data");
    let mut parts = vec![asked];
    match &resource.kind {
        Kind::Function(function) => {
            parts.push(content(
                resource,
                &function.code,
                function.publish.is_some(),
            )?);
            for used in &function.layers {
                let layer = desired.resources.iter().find(
                    |other| matches!(&other.kind, Kind::Layer(layer) if layer.name == used.name),
                );
                if let Some(layer) = layer {
                    parts.push(fingerprint_of(layer, desired)?.into_bytes());
                }
            }
        }
        Kind::Layer(layer) => parts.push(content(resource, &layer.code, false)?),
        // What an alias names changes with the function.
        Kind::Edge(edge) => {
            for name in edge.functions() {
                let function = desired.resources.iter().find(
                    |other| matches!(&other.kind, Kind::Function(known) if known.name == name),
                );
                if let Some(function) = function {
                    parts.push(fingerprint_of(function, desired)?.into_bytes());
                }
            }
        }
        _ => {}
    }
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    Ok(fingerprint(&parts))
}

fn content(resource: &Resource, code: &Code, with_folders: bool) -> Result<Vec<u8>, Finding> {
    let read = match code {
        Code::Zip(path) => fs::read(path).map_err(|error| (path, error)),
        Code::Directory(path) | Code::Made(Recipe { source: path, .. }) if with_folders => {
            let mut facts = Vec::new();
            survey(path, &mut facts)
                .map(|()| facts)
                .map_err(|error| (path, error))
        }
        Code::Directory(_) | Code::Made(_) | Code::Inline(_) => Ok(Vec::new()),
    };
    read.map_err(|(path, error)| {
        Finding::error(
            resource.span,
            format!("cannot read {}: {error}", path.display()),
        )
    })
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Replace => "replace",
            Self::Keep => "keep",
            Self::Remove => "remove",
            Self::Retain => "retain",
        })
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = self.noun.as_str();
        write!(f, "{:<8}{noun:<13}{}", self.action, self.name)?;
        if let Some(id) = &self.logical_id {
            write!(f, " ({id})")?;
        }
        match &self.why {
            Some(why) => write!(f, ": {why}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self
            .steps
            .iter()
            .filter(|step| step.action != Action::Keep)
            .peekable();
        if shown.peek().is_none() {
            return write!(f, "{}: nothing to do", self.stack);
        }
        write!(f, "{}:", self.stack)?;
        for step in shown {
            write!(f, "\n  {step}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
