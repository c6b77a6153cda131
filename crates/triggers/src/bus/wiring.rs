//! Who wants which events, in memory: the rules and archives of all buses, filed by what they look for.

use std::collections::HashMap;
use std::sync::Arc;

use base::Space;
use buses::{Archive, Wiring as Changed};
use serde_json::Value;
use store::{Read, View};

use crate::pattern::{Index, Language, Pattern};
use crate::schema::rule::{Rule, RuleState};
use crate::{Result, Triggers};

#[derive(Debug, Default)]
pub(super) struct Wiring {
    buses: HashMap<(Space, String), OfBus>,
}

/// What one bus is wired to.
#[derive(Debug, Default)]
struct OfBus {
    index: Index,
    filed: HashMap<u64, Wants>,
    /// By what they are filed under.
    ids: HashMap<Changed, u64>,
    /// What wants all events.
    always: HashMap<Changed, Wants>,
}

/// Somebody who wants events.
#[derive(Clone, Debug)]
pub(super) enum Wants {
    Rule(Arc<Rule>),
    Archive(Arc<Archive>),
}

impl Wiring {
    pub(super) fn load(triggers: &Triggers, view: &View) -> Result<Self> {
        let mut wiring = Self::default();
        for rule in triggers.every_rule(view)? {
            let changed = Changed::Rule(rule.name.clone());
            wiring
                .of_bus(&rule.space.clone(), &rule.bus.clone())
                .file_rule(changed, rule);
        }
        for archive in triggers.buses.every_archive(view)? {
            let changed = Changed::Archive(archive.name.clone());
            let of_bus = wiring.of_bus(&archive.space.clone(), &archive.bus.clone());
            of_bus.file_archive(changed, archive);
        }
        Ok(wiring)
    }

    /// Looks again at what was changed.
    pub(super) fn renew(
        &mut self,
        triggers: &Triggers,
        from: &impl Read,
        space: &Space,
        bus: &str,
        changed: &Changed,
    ) -> Result<()> {
        let of_bus = self.of_bus(space, bus);
        of_bus.forget(changed);
        match changed {
            Changed::Rule(name) => {
                if let Some(rule) = triggers.find_rule(from, space, bus, name)? {
                    of_bus.file_rule(changed.clone(), rule);
                }
            }
            Changed::Archive(name) => {
                let archive = triggers.buses.archive_in(from, space, name)?;
                if let Some(archive) = archive.filter(|archive| archive.bus == bus) {
                    of_bus.file_archive(changed.clone(), archive);
                }
            }
        }
        Ok(())
    }

    /// Who wants an event of a bus.
    pub(super) fn wanting(&self, space: &Space, bus: &str, event: &Value) -> Vec<Wants> {
        let Some(of_bus) = self.buses.get(&(space.clone(), bus.to_owned())) else {
            return Vec::new();
        };
        let matching = of_bus.index.matching(event);
        let found = matching.iter().filter_map(|id| of_bus.filed.get(id));
        found.chain(of_bus.always.values()).cloned().collect()
    }

    fn of_bus(&mut self, space: &Space, bus: &str) -> &mut OfBus {
        let bus = (space.clone(), bus.to_owned());
        self.buses.entry(bus).or_default()
    }
}

impl OfBus {
    fn forget(&mut self, changed: &Changed) {
        self.always.remove(changed);
        if let Some(id) = self.ids.remove(changed) {
            self.index.remove(id);
            self.filed.remove(&id);
        }
    }

    fn file_rule(&mut self, changed: Changed, rule: Rule) {
        let is_on = rule.state != RuleState::Disabled && !rule.targets.is_empty();
        if let Some(pattern) = rule.pattern.clone().filter(|_| is_on) {
            self.file(changed, &pattern, Wants::Rule(Arc::new(rule)));
        }
    }

    fn file_archive(&mut self, changed: Changed, archive: Archive) {
        let pattern = archive.pattern.clone();
        let archive = Wants::Archive(Arc::new(archive));
        match pattern {
            Some(pattern) => self.file(changed, &pattern, archive),
            None => drop(self.always.insert(changed, archive)),
        }
    }

    fn file(&mut self, changed: Changed, pattern: &str, wants: Wants) {
        let pattern = match Pattern::parse(pattern, Language::Whole) {
            Ok(pattern) => pattern,
            Err(error) => {
                tracing::error!(%error, ?changed, "a pattern that was taken does not read any more, and matches nothing");
                return;
            }
        };
        let id = self.index.insert(Arc::new(pattern));
        self.filed.insert(id, wants);
        self.ids.insert(changed, id);
    }
}
