//! Groups of log lines, and who is fed with them.

use std::collections::BTreeMap;

use ledger::{Group, Ledger};
use triggers::Destination;

use super::{Failure, place};
use crate::Deployer;
use crate::desired::{LineSubscription, LogGroup};

impl Deployer {
    fn ledger(&self) -> &Ledger {
        self.engines.functions.ledger()
    }

    fn log_group(&self, name: &str) -> Group {
        Group {
            space: self.space(),
            name: name.to_owned(),
        }
    }

    pub(super) fn has_log_group(&self, name: &str) -> Result<bool, Failure> {
        let found = self.ledger().group(&self.log_group(name));
        Ok(found?.is_some())
    }

    /// A group may come to be between the plan and this, with the first line that somebody prints.
    pub(super) async fn put_log_group(&self, wanted: &LogGroup) -> Result<bool, Failure> {
        let group = self.log_group(&wanted.name);
        let settings = ledger::Settings {
            days: wanted.days,
            tags: wanted.tags.clone(),
            kind: wanted.class.clone(),
        };
        let now = self.clock.now();
        let created = self.ledger().create_group(&group, now, &settings).await;
        if !created? {
            let set = self
                .ledger()
                .set_group(&group, |old| *old = settings.clone());
            set.await?;
        }
        if let Some(since) = settings.since(now) {
            let forgotten = self.ledger().forget_before(&group, since).await;
            forgotten?;
        }
        Ok(true)
    }

    pub(super) async fn remove_log_group(&self, name: &str) -> Result<(), Failure> {
        let triggers = &self.engines.triggers;
        let removed = triggers.delete_line_group(&self.log_group(name)).await;
        removed?;
        Ok(())
    }

    pub(super) fn has_line_subscription(&self, name: &str) -> Result<bool, Failure> {
        let (own, group) = LineSubscription::parts(name);
        let triggers = &self.engines.triggers;
        let all = triggers.line_subscriptions(&self.log_group(group))?;
        Ok(all.iter().any(|one| one.name == own))
    }

    pub(super) async fn put_line_subscription(
        &self,
        wanted: &LineSubscription,
    ) -> Result<bool, Failure> {
        let (name, group) = LineSubscription::parts(&wanted.name);
        if !self.has_log_group(group)? {
            return Err(Failure::missing(format!(
                "there is no log group {group}: declare it, and name it by `!Ref`"
            )));
        }
        let Some(place @ Destination::Function(target)) = &place::named(&wanted.function) else {
            return Err(Failure::invalid(format!(
                "{} is no function",
                wanted.function
            )));
        };
        let triggers = &self.engines.triggers;
        triggers.takes(place)?;
        let new = triggers::LineSubscription {
            group: self.log_group(group),
            name: name.to_owned(),
            pattern: wanted.pattern.clone(),
            target: target.clone(),
            created: self.clock.now(),
            others: BTreeMap::new(),
        };
        triggers.put_line_subscription(&new).await?;
        Ok(true)
    }

    pub(super) async fn remove_line_subscription(&self, name: &str) -> Result<(), Failure> {
        let (own, group) = LineSubscription::parts(name);
        let (group, triggers) = (self.log_group(group), &self.engines.triggers);
        triggers.remove_line_subscription(&group, own).await?;
        Ok(())
    }
}
