//! Who is fed with the lines of which groups: made, found, removed.

mod follow;
mod pattern;

use ledger::{Group, Ledger};

use crate::schema::Cursor;
use crate::schema::lines::{
    LINE_CURSORS, LINE_SUBSCRIPTIONS, LineSubscription, cursors_of, subscriptions_of,
};
use crate::{Error, Result, Triggers};

pub use pattern::{LinePattern, LinePatternError};

/// What one group may have.
const MOST: usize = 2;

impl Triggers {
    /// Makes it, or puts it in the place of one with its name, which it then goes on from. Otherwise it begins with what
    /// is printed from now on.
    pub async fn put_line_subscription(&self, new: &LineSubscription) -> Result<()> {
        let lines = self.lines();
        lines.caught_up().await;
        let end = lines.end()?;
        self.store
            .write(|tx| {
                let of_group = subscriptions_of(&new.group).range();
                let all = LINE_SUBSCRIPTIONS.scan(tx, &of_group, usize::MAX)?;
                let mut new = new.clone();
                match all.iter().find(|(_, one)| one.name == new.name) {
                    Some((_, old)) => new.created = old.created,
                    None if all.len() >= MOST => {
                        return Err(Error::TooManyLineSubscriptions(new.group.name));
                    }
                    None => LINE_CURSORS.put(tx, new.cursor(), &Cursor(end)),
                }
                LINE_SUBSCRIPTIONS.put(tx, new.key(), &new);
                Ok(())
            })
            .await?;
        self.line_subscriptions.send_modify(|count| *count += 1);
        Ok(())
    }

    /// Those of a group, in order of their names.
    pub fn line_subscriptions(&self, group: &Group) -> Result<Vec<LineSubscription>> {
        let of_group = subscriptions_of(group).range();
        let all = LINE_SUBSCRIPTIONS.scan(&self.store.read()?, &of_group, usize::MAX)?;
        Ok(all.into_iter().map(|(_, one)| one).collect())
    }

    /// Says whether it was there.
    pub async fn remove_line_subscription(&self, group: &Group, name: &str) -> Result<bool> {
        let (key, cursor) = (
            subscriptions_of(group).str(name),
            cursors_of(group).str(name),
        );
        self.store
            .write(|tx| {
                let there = LINE_SUBSCRIPTIONS.get(tx, &key)?.is_some();
                LINE_SUBSCRIPTIONS.delete(tx, key.clone());
                LINE_CURSORS.delete(tx, cursor.clone());
                Ok(there)
            })
            .await
    }

    /// Removes a group with its lines and all that is fed with them; says whether it was there.
    pub async fn delete_line_group(&self, group: &Group) -> Result<bool> {
        for one in self.line_subscriptions(group)? {
            self.remove_line_subscription(group, &one.name).await?;
        }
        Ok(self.lines().delete_group(group).await?)
    }

    fn lines(&self) -> &Ledger {
        self.functions.ledger()
    }
}
