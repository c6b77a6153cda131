//! Rules: making, reading, changing and deleting them.

use std::collections::BTreeMap;

use base::Space;
use buses::Wiring;
use schedules::Schedules;
use store::{Read, Tx};

use crate::pattern::{Language, Pattern};
use crate::schema::rule::{RULES, Rule, RuleState, rule_key, rules_of};
use crate::{Error, Result, Triggers};

#[derive(Clone, Debug)]
pub struct NewRule {
    pub space: Space,
    pub bus: String,
    pub name: String,
    pub pattern: Option<String>,
    pub schedule: Option<String>,
    pub state: RuleState,
    pub description: Option<String>,
    pub role: Option<String>,
    /// Only for a rule that is not there yet.
    pub tags: BTreeMap<String, String>,
}

/// Which rules are to be listed.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    pub prefix: &'a str,
    /// The name before the first.
    pub after: Option<&'a str>,
    pub limit: usize,
}

impl Triggers {
    /// Makes a rule, or puts this in the place of one; its targets stay.
    pub async fn put_rule(&self, new: &NewRule) -> Result<Rule> {
        if let Some(pattern) = &new.pattern {
            Pattern::parse_cheap(pattern, Language::Whole)?;
        }
        if let Some(schedule) = &new.schedule {
            Schedules::check_rule(schedule).map_err(schedules::Error::from)?;
        }
        self.buses.bus(&new.space, &new.bus)?;
        self.store.write(|tx| self.put_rule_in(tx, new)).await
    }

    fn put_rule_in(&self, tx: &mut Tx, new: &NewRule) -> Result<Rule> {
        let known = self.find_rule(tx, &new.space, &new.bus, &new.name)?;
        let known = known.map(|rule| (rule.tags, rule.created, rule.targets));
        let (tags, created, targets) =
            known.unwrap_or_else(|| (new.tags.clone(), self.clock.now(), Vec::new()));
        let rule = Rule {
            space: new.space.clone(),
            bus: new.bus.clone(),
            name: new.name.clone(),
            pattern: new.pattern.clone(),
            schedule: new.schedule.clone(),
            state: new.state,
            description: new.description.clone(),
            role: new.role.clone(),
            tags,
            created,
            targets,
        };
        self.keep_rule(tx, &rule)?;
        Ok(rule)
    }

    pub fn rule(&self, space: &Space, bus: &str, name: &str) -> Result<Rule> {
        let view = self.store.read()?;
        self.must_find_rule(&view, space, bus, name)
    }

    /// In the order of their names.
    pub fn rules(&self, space: &Space, bus: &str, page: Page<'_>) -> Result<Vec<Rule>> {
        let mut range = rules_of(space, bus).str_prefix(page.prefix);
        if let Some(after) = page.after {
            range = range.after(rule_key(space, bus, after).as_slice());
        }
        let found = RULES.scan(&self.store.read()?, &range, page.limit)?;
        Ok(found.into_iter().map(|(_, rule)| rule).collect())
    }

    /// Those of every bus.
    pub(crate) fn every_rule(&self, from: &impl Read) -> Result<Vec<Rule>> {
        let found = RULES.scan(from, &RULES.key().range(), usize::MAX)?;
        Ok(found.into_iter().map(|(_, rule)| rule).collect())
    }

    /// Nothing happens if it is not there.
    pub async fn delete_rule(&self, space: &Space, bus: &str, name: &str) -> Result<()> {
        self.store
            .write(|tx| {
                let Some(rule) = self.find_rule(tx, space, bus, name)? else {
                    return Ok(());
                };
                if !rule.targets.is_empty() {
                    return Err(Error::RuleHasTargets(name.to_owned()));
                }
                RULES.delete(tx, rule_key(space, bus, name));
                self.schedules.drop_rule(tx, space, bus, name)?;
                self.rule_changed(tx, &rule);
                Ok(())
            })
            .await
    }

    pub async fn set_rule_state(
        &self,
        space: &Space,
        bus: &str,
        name: &str,
        state: RuleState,
    ) -> Result<()> {
        self.change_rule(space, bus, name, |rule| rule.state = state)
            .await
    }

    /// Adds tags, and takes some away.
    pub async fn tag_rule(
        &self,
        space: &Space,
        bus: &str,
        name: &str,
        add: &BTreeMap<String, String>,
        remove: &[String],
    ) -> Result<()> {
        self.change_rule(space, bus, name, |rule| {
            rule.tags.extend(add.clone());
            rule.tags.retain(|name, _| !remove.contains(name));
        })
        .await
    }

    /// A bus that has rules is not deleted. Says whether it was there.
    pub async fn delete_bus(&self, space: &Space, bus: &str) -> Result<bool> {
        self.store
            .write(|tx| {
                if !RULES.scan(tx, &rules_of(space, bus).range(), 1)?.is_empty() {
                    return Err(Error::BusHasRules(bus.to_owned()));
                }
                Ok(self.buses.delete(tx, space, bus)?)
            })
            .await
    }

    pub(super) async fn change_rule<T>(
        &self,
        space: &Space,
        bus: &str,
        name: &str,
        mut change: impl FnMut(&mut Rule) -> T,
    ) -> Result<T> {
        self.store
            .write(|tx| {
                let mut rule = self.must_find_rule(tx, space, bus, name)?;
                let changed = change(&mut rule);
                self.keep_rule(tx, &rule)?;
                Ok(changed)
            })
            .await
    }

    fn keep_rule(&self, tx: &mut Tx, rule: &Rule) -> Result<()> {
        let Rule {
            space, bus, name, ..
        } = rule;
        RULES.put(tx, rule_key(space, bus, name), rule);
        match &rule.schedule {
            Some(schedule) if rule.state != RuleState::Disabled => {
                self.schedules.set_rule(tx, space, bus, name, schedule)?;
            }
            _ => self.schedules.drop_rule(tx, space, bus, name)?,
        }
        self.rule_changed(tx, rule);
        Ok(())
    }

    fn rule_changed(&self, tx: &mut Tx, rule: &Rule) {
        let wiring = Wiring::Rule(rule.name.clone());
        self.buses.wired(tx, &rule.space, &rule.bus, wiring);
    }

    pub(crate) fn find_rule(
        &self,
        from: &impl Read,
        space: &Space,
        bus: &str,
        name: &str,
    ) -> Result<Option<Rule>> {
        Ok(RULES.get(from, &rule_key(space, bus, name))?)
    }

    fn must_find_rule(
        &self,
        from: &impl Read,
        space: &Space,
        bus: &str,
        name: &str,
    ) -> Result<Rule> {
        let found = self.find_rule(from, space, bus, name)?;
        found.ok_or_else(|| Error::NoSuchRule {
            name: name.to_owned(),
            bus: bus.to_owned(),
        })
    }
}
