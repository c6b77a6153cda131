//! Groups of log lines.

use ledger::{Group, Ledger};

use super::Failure;
use crate::Deployer;
use crate::desired::LogGroup;

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
        let removed = self.ledger().delete_group(&self.log_group(name)).await;
        removed?;
        Ok(())
    }
}
