//! What becomes of a bucket's objects with time: rules, and when by them something ends.
//!
//! Everything ends at a midnight, in UTC: the first after as many whole days as a rule says. What does so, `sweep` does.

mod sweep;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use serde::{Deserialize, Serialize};
use store::Tx;

use crate::error::Result;
use crate::schema::{self, LIFECYCLES, Object};
use crate::{Objects, bucket};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifecycle {
    pub rules: Vec<LifecycleRule>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LifecycleRule {
    pub id: String,
    pub enabled: bool,
    pub scope: Scope,
    /// Of current objects.
    pub expiry: Option<Expiry>,
    /// Of earlier versions.
    pub earlier: Option<EarlierExpiry>,
    /// Days after which an upload in parts that is not completed is given up.
    pub abort_days: Option<u32>,
}

/// Which objects a rule is for: those that are all of this.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    pub prefix: Option<String>,
    pub tags: BTreeMap<String, String>,
    pub larger_than: Option<u64>,
    pub smaller_than: Option<u64>,
    /// Whether the prefix was said in the way of old, beside everything else.
    pub bare: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Expiry {
    /// After it was stored.
    Days(u32),
    /// From then on.
    On(Timestamp),
    /// Only markers that are all that is left of their key.
    LoneMarkers,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlierExpiry {
    /// After another version took its place.
    pub days: u32,
    /// As many are kept in any case, the newest.
    pub kept: Option<u32>,
}

impl Scope {
    fn has(&self, key: &str, tags: &BTreeMap<String, String>, size: u64) -> bool {
        self.has_key(key)
            && self
                .tags
                .iter()
                .all(|(name, value)| tags.get(name) == Some(value))
            && self.larger_than.is_none_or(|least| size > least)
            && self.smaller_than.is_none_or(|most| size < most)
    }

    fn has_object(&self, key: &str, object: &Object) -> bool {
        self.has(key, &object.tags, object.size)
    }

    /// Markers have neither tags nor a size.
    fn has_marker(&self, key: &str) -> bool {
        self.has(key, &BTreeMap::new(), 0)
    }

    fn has_key(&self, key: &str) -> bool {
        key.starts_with(self.prefix())
    }

    fn prefix(&self) -> &str {
        self.prefix.as_deref().unwrap_or_default()
    }
}

impl Expiry {
    /// When something that is there from `from` on ends.
    fn end(self, from: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Days(days) => Some(midnight(from, days)),
            Self::On(date) => Some(date.max(midnight(from, 0))),
            Self::LoneMarkers => None,
        }
    }
}

impl Lifecycle {
    fn enabled(&self) -> impl Iterator<Item = &LifecycleRule> {
        self.rules.iter().filter(|rule| rule.enabled)
    }

    /// When a current object ends, and by which rule.
    pub fn end(&self, key: &str, object: &Object) -> Option<(Timestamp, &LifecycleRule)> {
        let wanted = self
            .enabled()
            .filter(|rule| rule.scope.has_object(key, object));
        let ends = wanted.filter_map(|rule| Some((rule.expiry?.end(object.modified)?, rule)));
        ends.min_by_key(|(end, _)| *end)
    }

    /// When a marker ends that is all that is left of its key.
    fn end_of_marker(&self, key: &str, at: Timestamp) -> Option<Timestamp> {
        let wanted = self.enabled().filter(|rule| rule.scope.has_marker(key));
        let ends = wanted.filter_map(|rule| match rule.expiry? {
            Expiry::LoneMarkers => Some(midnight(at, 0)),
            other => other.end(at),
        });
        ends.min()
    }

    /// When a version ends that is earlier since `since`, with so many newer ones that are earlier too. `object` is none
    /// for a marker.
    fn end_of_earlier(
        &self,
        key: &str,
        object: Option<&Object>,
        (since, newer): (Timestamp, u32),
    ) -> Option<Timestamp> {
        let wanted = self.enabled().filter(|rule| match object {
            Some(object) => rule.scope.has_object(key, object),
            None => rule.scope.has_marker(key),
        });
        let ends = wanted.filter_map(|rule| {
            let earlier = rule.earlier?;
            let is_kept = earlier.kept.is_some_and(|kept| newer < kept);
            (!is_kept).then(|| midnight(since, earlier.days))
        });
        ends.min()
    }

    /// When an upload in parts is given up, and by which rule.
    pub fn end_of_upload(
        &self,
        key: &str,
        begun: Timestamp,
    ) -> Option<(Timestamp, &LifecycleRule)> {
        let wanted = self.enabled().filter(|rule| rule.scope.has_key(key));
        let ends = wanted.filter_map(|rule| Some((midnight(begun, rule.abort_days?), rule)));
        ends.min_by_key(|(end, _)| *end)
    }

    /// When at the earliest something ends that is not there yet, or that no rule was for at `now` and one may be later:
    /// tags come and go, and so do newer versions.
    fn end_of_whatever_comes(&self, now: Timestamp, versioned: bool) -> Option<Timestamp> {
        let ends = self.enabled().flat_map(|rule| {
            let tomorrow = midnight(now, 0);
            let of_expiry = rule.expiry.map(|expiry| match expiry.end(now) {
                Some(end) if !versioned && rule.scope.tags.is_empty() => end,
                _ => tomorrow,
            });
            let of_earlier = rule.earlier.filter(|_| versioned).map(|_| tomorrow);
            let of_upload = rule.abort_days.map(|days| midnight(now, days));
            [of_expiry, of_earlier, of_upload]
        });
        ends.flatten().min()
    }
}

/// The first after so many days.
fn midnight(from: Timestamp, days: u32) -> Timestamp {
    let day = from.as_secs() / DAY.as_secs();
    Timestamp::from_secs(day * DAY.as_secs()) + DAY * days.saturating_add(1)
}

/// Has the bucket looked at from the next midnight on, if it has rules.
pub(crate) fn look_again(tx: &mut Tx, name: &str, now: Timestamp) -> Result<()> {
    if LIFECYCLES.get(tx, &schema::lifecycle_key(name))?.is_some() {
        schema::sweeps().set(tx, name.as_bytes(), midnight(now, 0), Vec::new())?;
    }
    Ok(())
}

impl Objects {
    /// None where nothing changes with time. Who reads an object asks, so it is kept in memory.
    pub fn lifecycle(&self, name: &str) -> Result<Option<Arc<Lifecycle>>> {
        let view = self.store.read()?;
        Ok(LIFECYCLES.shared(&view, &schema::lifecycle_key(name))?)
    }

    /// In place of the one that there is. What its rules end, ends from the next midnight on.
    pub async fn set_lifecycle(&self, name: &str, lifecycle: Option<Lifecycle>) -> Result<()> {
        let now = self.clock.now();
        self.store
            .write(|tx| {
                bucket::require(tx, name)?;
                let key = schema::lifecycle_key(name);
                match &lifecycle {
                    Some(lifecycle) => {
                        LIFECYCLES.put(tx, key, lifecycle);
                        look_again(tx, name, now)?;
                    }
                    None => {
                        LIFECYCLES.delete(tx, key);
                        schema::sweeps().cancel(tx, name.as_bytes())?;
                    }
                }
                Ok(())
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_ends_at_a_midnight() {
        let at = |day: u64, second: u64| Timestamp::from_secs(day * 86_400 + second);
        assert_eq!(midnight(at(10, 5), 3), at(14, 0));
        assert_eq!(midnight(at(10, 0), 0), at(11, 0));
        assert_eq!(Expiry::On(at(20, 0)).end(at(10, 5)), Some(at(20, 0)));
        assert_eq!(Expiry::On(at(20, 0)).end(at(25, 5)), Some(at(26, 0)));
    }

    #[test]
    fn what_may_come_is_looked_for_no_sooner_than_it_can_end() {
        let day = |day: u64| Timestamp::from_secs(day * 86_400);
        let rule = LifecycleRule {
            enabled: true,
            expiry: Some(Expiry::Days(30)),
            ..LifecycleRule::default()
        };
        let of = |rule: &LifecycleRule, versioned| {
            let rules = vec![rule.clone()];
            Lifecycle { rules }.end_of_whatever_comes(day(10), versioned)
        };
        assert_eq!(of(&rule, false), Some(day(41)));
        assert_eq!(of(&rule, true), Some(day(11)));
        let mut tagged = rule.clone();
        tagged.scope.tags.insert("a".into(), "b".into());
        assert_eq!(of(&tagged, false), Some(day(11)));
        let upload = LifecycleRule {
            expiry: None,
            abort_days: Some(7),
            ..rule.clone()
        };
        assert_eq!(of(&upload, true), Some(day(18)));
        let disabled = LifecycleRule {
            enabled: false,
            ..rule
        };
        assert_eq!(of(&disabled, true), None);
    }
}
