//! Whether the holder of a key may make a request now: his plan's rates, and what is left of its quota.
//!
//! Rates are kept in memory: a bucket of requests for each key, which fills at the plan's rate up to its burst. Quotas
//! are counted in the store, without a sync of their own, so a crash forgets at most what was counted since the last one.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use jiff::ToSpan;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use parking_lot::Mutex;

use crate::plan::Held;
use crate::schema::plan::{ClientKey, Period, Plan, PlannedStage, Quota, Rate, USES, Uses};
use crate::{Error, Result, Triggers};

/// Callers beyond these share the oldest ones' fate: a bucket that is forgotten is a full one.
const MOST_BUCKETS: usize = 100_000;

/// What becomes of a request that needs a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    Admitted(Arc<ClientKey>),
    /// There is no such key, it is not enabled, or it is in no plan for this.
    UnknownKey,
    TooFast,
    UsedUp,
}

/// What can be said of such a request without writing anything.
#[derive(Debug)]
pub enum Considered {
    Decided(Admission),
    /// Its plan has a quota, which has to be counted.
    Counts(Counted),
}

/// A request whose plan says how many there may be.
#[derive(Debug)]
pub struct Counted {
    held: Arc<Held>,
    /// Which of its plans, and which of that one's stages.
    at: (usize, usize),
    quota: Quota,
    now: Timestamp,
}

/// How full the buckets are, by the hashes of what they are for.
#[derive(Debug, Default)]
pub(crate) struct Buckets {
    hashes: RandomState,
    kept: Mutex<HashMap<u64, Bucket>>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// Thousandths of requests.
    left: u64,
    at: Timestamp,
}

impl Buckets {
    fn take(&self, whose: impl Hash, rate: Rate, now: Timestamp) -> bool {
        let full = rate.burst.saturating_mul(1_000);
        let whose = self.hashes.hash_one(whose);
        let mut buckets = self.kept.lock();
        if buckets.len() >= MOST_BUCKETS && !buckets.contains_key(&whose) {
            buckets.clear();
        }
        let bucket = buckets.entry(whose).or_insert(Bucket {
            left: full,
            at: now,
        });
        let passed = u64::try_from(now.since(bucket.at).as_micros()).unwrap_or(u64::MAX);
        let gained = passed.saturating_mul(rate.per_second_milli) / 1_000_000;
        if gained > 0 {
            bucket.left = bucket.left.saturating_add(gained).min(full);
            bucket.at = now;
        }
        let enough = bucket.left >= 1_000;
        if enough {
            bucket.left -= 1_000;
        }
        enough
    }
}

impl Triggers {
    /// Counts a request with the key `value` for a `route` (`METHOD /path`) of a gateway's stage, if it may be made.
    pub async fn admit(
        &self,
        gateway: &str,
        stage: &str,
        route: impl Fn() -> String,
        value: &str,
    ) -> Result<Admission> {
        let Counted {
            held,
            at,
            quota,
            now,
        } = match self.consider(gateway, stage, &route, value)? {
            Considered::Decided(admission) => return Ok(admission),
            Considered::Counts(counted) => counted,
        };
        let (key, plan) = (&held.key, &held.plans[at.0]);
        if !self.is_slow_enough(plan, &plan.stages[at.1], route, &key.id, now) {
            return Ok(Admission::TooFast);
        }
        match self.count(&plan.id, &key.id, quota, now).await? {
            true => Ok(Admission::Admitted(key.clone())),
            false => Ok(Admission::UsedUp),
        }
    }

    /// What [`Triggers::admit`] does, as far as nothing has to be written for it.
    pub fn consider(
        &self,
        gateway: &str,
        stage: &str,
        route: impl Fn() -> String,
        value: &str,
    ) -> Result<Considered> {
        const UNKNOWN: Considered = Considered::Decided(Admission::UnknownKey);
        let held = self.plans.held(&self.store, value)?;
        let Some(held) = held.filter(|held| held.key.enabled) else {
            return Ok(UNKNOWN);
        };
        let Some(at) = held.plans.iter().enumerate().find_map(|(at, plan)| {
            let is_this = |one: &PlannedStage| one.gateway == gateway && one.stage == stage;
            Some((at, plan.stages.iter().position(is_this)?))
        }) else {
            return Ok(UNKNOWN);
        };
        let now = self.clock.now();
        let plan = &held.plans[at.0];
        if let Some(quota) = plan.quota {
            return Ok(Considered::Counts(Counted {
                held,
                at,
                quota,
                now,
            }));
        }
        let key = &held.key;
        let is_slow_enough = self.is_slow_enough(plan, &plan.stages[at.1], route, &key.id, now);
        Ok(Considered::Decided(match is_slow_enough {
            true => Admission::Admitted(key.clone()),
            false => Admission::TooFast,
        }))
    }

    fn is_slow_enough(
        &self,
        plan: &Plan,
        planned: &PlannedStage,
        route: impl Fn() -> String,
        key: &str,
        now: Timestamp,
    ) -> bool {
        if !planned.rates.is_empty() {
            let route = route();
            let own = planned.rates.iter().find(|(name, _)| *name == route);
            if let Some((_, rate)) = own {
                let whose = (&plan.id, key, Some((&planned.gateway, route)));
                return self.buckets.take(whose, *rate, now);
            }
        }
        let whose = (&plan.id, key, None::<(&str, String)>);
        plan.rate
            .is_none_or(|rate| self.buckets.take(whose, rate, now))
    }

    /// Whether one more is within the quota; if so, it is counted.
    async fn count(&self, plan: &str, key: &str, quota: Quota, now: Timestamp) -> Result<bool> {
        let since = began(quota, now);
        let at = USES.key().str(plan).str(key);
        self.store
            .write_buffered(|tx| {
                let uses = USES.get(tx, &at)?.filter(|uses| uses.since == since);
                let count = uses.map_or(0, |uses| uses.count);
                if count >= quota.limit {
                    return Ok::<_, Error>(false);
                }
                let uses = Uses {
                    since,
                    count: count + 1,
                };
                USES.put(tx, at.clone(), &uses);
                Ok(true)
            })
            .await
    }

    /// How many requests are left of a plan's quota for a key.
    pub fn left(&self, plan: &Plan, key: &str) -> Result<Option<u64>> {
        let Some(quota) = plan.quota else {
            return Ok(None);
        };
        let since = began(quota, self.clock.now());
        let uses = USES.get(&self.store.read()?, &USES.key().str(&plan.id).str(key))?;
        let used = uses.filter(|uses| uses.since == since);
        let used = used.map_or(0, |uses| uses.count);
        Ok(Some(quota.limit.saturating_sub(used)))
    }
}

/// When the period began that `now` is in, in UTC. Weeks begin on Sunday; the offset moves the beginning.
fn began(quota: Quota, now: Timestamp) -> Timestamp {
    const DAY: u64 = 24 * 60 * 60;
    if quota.period == Period::Day {
        return Timestamp::from_secs(now.as_secs() / DAY * DAY);
    }
    let offset = i64::from(quota.offset);
    let shifted = now - Duration::from_secs(u64::from(quota.offset) * DAY);
    let seconds = i64::try_from(shifted.as_secs()).unwrap_or_default();
    let Ok(shifted) = jiff::Timestamp::from_second(seconds) else {
        return now;
    };
    let date = shifted.to_zoned(TimeZone::UTC).date();
    let first = match quota.period {
        Period::Month => date.first_of_month(),
        Period::Day | Period::Week => {
            let back = i64::from(date.weekday().since(Weekday::Sunday));
            date.checked_sub(back.days()).unwrap_or(date)
        }
    };
    let first = first.checked_add(offset.days()).unwrap_or(first);
    let second = first.to_zoned(TimeZone::UTC);
    let second = second.map_or(0, |first| first.timestamp().as_second());
    Timestamp::from_secs(u64::try_from(second).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        let at: jiff::Timestamp = text.parse().unwrap();
        Timestamp::from_secs(u64::try_from(at.as_second()).unwrap())
    }

    #[test]
    fn a_bucket_empties_at_once_and_fills_slowly() {
        let buckets = Buckets::default();
        let rate = Rate {
            per_second_milli: 500,
            burst: 2,
        };
        let mut now = Timestamp::from_secs(100);
        let mut take = |passed_ms: u64| {
            now = now + Duration::from_millis(passed_ms);
            buckets.take("k", rate, now)
        };
        assert!(take(0) && take(0));
        assert!(!take(0));
        assert!(!take(1_000));
        assert!(take(1_000));
        assert!(!take(0));
        // However long nobody asks, there are never more than the burst.
        assert!(take(3_600_000) && take(0));
        assert!(!take(0));
    }

    #[test]
    fn periods_begin_in_utc() {
        let now = at("2026-11-26T04:12:42Z");
        let began = |period, offset| {
            super::began(
                Quota {
                    limit: 1,
                    period,
                    offset,
                },
                now,
            )
        };
        assert_eq!(began(Period::Day, 0), at("2026-11-26T00:00:00Z"));
        assert_eq!(began(Period::Week, 0), at("2026-11-22T00:00:00Z"));
        assert_eq!(began(Period::Week, 5), at("2026-11-20T00:00:00Z"));
        assert_eq!(began(Period::Month, 0), at("2026-11-01T00:00:00Z"));
        assert_eq!(began(Period::Month, 27), at("2026-10-28T00:00:00Z"));
    }
}
