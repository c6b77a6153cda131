//! Permits: how much may run at once, by function and by space.

use std::collections::HashMap;
use std::sync::Arc;

use base::{Space, Timestamp};
use parking_lot::Mutex;
use store::Tx;

use crate::schema::{FUNCTIONS, Function, functions_of};
use crate::{Config, Error, Functions, Result, Throttle};

type Key = (Space, String);

/// Clones share the count.
#[derive(Clone)]
pub(crate) struct Permits {
    state: Arc<Mutex<State>>,
}

struct State {
    limit: u32,
    running: HashMap<Key, u32>,
    reserved: HashMap<Key, u32>,
    /// Kept free as well, but no limit. Within a reservation it needs no room of its own.
    provisioned: HashMap<Key, u32>,
}

/// One unit of concurrency, given back when it is dropped.
pub(crate) struct Permit {
    permits: Permits,
    key: Key,
}

impl Permits {
    pub(crate) fn new(limit: u32) -> Self {
        let state = State {
            limit,
            running: HashMap::new(),
            reserved: HashMap::new(),
            provisioned: HashMap::new(),
        };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    pub(crate) fn acquire(&self, space: &Space, name: &str) -> Result<Permit, Throttle> {
        let key = (space.clone(), name.to_owned());
        let mut state = self.state.lock();
        state.admit(&key)?;
        *state.running.entry(key.clone()).or_default() += 1;
        Ok(Permit {
            permits: self.clone(),
            key,
        })
    }

    /// Notes what a function has reserved, or that it has reserved nothing. `amount` is looked up under the lock: of two
    /// changes, the later would else be overwritten by whoever is slower to note it.
    fn note(
        &self,
        space: &Space,
        name: &str,
        amount: impl FnOnce() -> Result<Option<u32>>,
    ) -> Result<()> {
        let mut state = self.state.lock();
        let key = (space.clone(), name.to_owned());
        match amount()? {
            Some(amount) => state.reserved.insert(key, amount),
            None => state.reserved.remove(&key),
        };
        Ok(())
    }

    /// Notes how many instances of all its versions a function keeps initialised.
    pub(crate) fn provision(&self, space: &Space, name: &str, amount: u32) {
        let key = (space.clone(), name.to_owned());
        let mut state = self.state.lock();
        match amount {
            0 => state.provisioned.remove(&key),
            amount => state.provisioned.insert(key, amount),
        };
    }

    pub(crate) fn provisioned(&self, space: &Space, name: &str) -> u32 {
        let key = (space.clone(), name.to_owned());
        self.state
            .lock()
            .provisioned
            .get(&key)
            .copied()
            .unwrap_or(0)
    }

    /// What is kept free for the functions of a space, `but` one.
    pub(crate) fn kept_for_others(&self, space: &Space, but: &str) -> u32 {
        let state = self.state.lock();
        state.kept(|(there, name)| there == space && name != but)
    }
}

impl State {
    fn admit(&self, key: &Key) -> Result<(), Throttle> {
        if let Some(&most) = self.reserved.get(key) {
            let running = self.running.get(key).copied().unwrap_or(0);
            return if running < most {
                Ok(())
            } else {
                Err(Throttle::Reserved)
            };
        }
        let running = self.running.get(key).copied().unwrap_or(0);
        if running < self.provisioned.get(key).copied().unwrap_or(0) {
            return Ok(());
        }
        let kept = self.kept(|(there, _)| *there == key.0);
        let beyond = |(other, running): (&Key, &u32)| {
            let own = self.provisioned.get(other).copied().unwrap_or(0);
            running.saturating_sub(own)
        };
        let running: u32 = self
            .running
            .iter()
            .filter(|((there, _), _)| *there == key.0)
            .filter(|(other, _)| !self.reserved.contains_key(*other))
            .map(beyond)
            .sum();
        if running < self.limit.saturating_sub(kept) {
            Ok(())
        } else {
            Err(Throttle::Account)
        }
    }
}

impl State {
    /// What is reserved, or provisioned without a reservation, by these.
    fn kept(&self, whose: impl Fn(&Key) -> bool) -> u32 {
        let reserved = self.reserved.iter();
        let provisioned = self
            .provisioned
            .iter()
            .filter(|(key, _)| !self.reserved.contains_key(*key));
        let all = reserved.chain(provisioned);
        all.filter(|(key, _)| whose(key)).map(|(_, n)| n).sum()
    }
}

/// How fast functions start instances: each has an allowance that fills up again evenly.
#[derive(Default)]
pub(crate) struct Scaling {
    /// What is left of each, and when that was so.
    left: Mutex<HashMap<Key, (f64, Timestamp)>>,
}

/// Of more functions than this, those whose allowance is full again are forgotten.
const SCALING_REMEMBERED: usize = 1_000;

impl Scaling {
    /// Says whether another instance may be started.
    fn admit(&self, key: Key, now: Timestamp, config: &Config) -> bool {
        let Some(most) = config.scaling.map(f64::from) else {
            return true;
        };
        let filled = |(left, then): (f64, Timestamp)| {
            let share = now.since(then).as_secs_f64() / config.scaling_period.as_secs_f64();
            (left + share * most).min(most)
        };
        let mut all = self.left.lock();
        if all.len() > SCALING_REMEMBERED {
            all.retain(|_, left| filled(*left) < most);
        }
        let entry = all.entry(key).or_insert((most, now));
        let left = filled(*entry);
        let admitted = left >= 1.0;
        *entry = (if admitted { left - 1.0 } else { left }, now);
        admitted
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.permits.state.lock();
        if let Some(running) = state.running.get_mut(&self.key) {
            *running -= 1;
            if *running == 0 {
                state.running.remove(&self.key);
            }
        }
    }
}

impl Functions {
    /// Reserves concurrency for a function, or gives it back.
    pub async fn reserve_concurrency(
        &self,
        space: &Space,
        name: &str,
        amount: Option<u32>,
    ) -> Result<Function> {
        let config = &self.shared.config;
        let least = config.least_unreserved;
        let most = config.concurrency.saturating_sub(least);
        let provisioned = self.shared.permits.provisioned(space, name);
        if let Some(reserved) = amount.filter(|amount| *amount < provisioned) {
            return Err(Error::ReservesLessThanProvisioned {
                reserved,
                provisioned,
            });
        }
        // What others keep initialised without a reservation is not in the store's sum of reservations.
        let kept = self.shared.permits.kept_for_others(space, name);
        if amount.is_some_and(|amount| amount > most.saturating_sub(kept)) {
            return Err(Error::ReservesTooMuch { least });
        }
        let function = self
            .change(space, name, None, |tx, function| {
                // In the transaction: of two that ask at once, each would find room that only one can have.
                let others = reserved_by_others(tx, space, name)?;
                if amount.is_some_and(|amount| amount > most.saturating_sub(others)) {
                    return Err(Error::ReservesTooMuch { least });
                }
                function.reserved_concurrency = amount;
                Ok(())
            })
            .await?;
        self.note_reservation(space, name)?;
        Ok(function)
    }

    /// Brings what is known of a function's reservation up to what is stored.
    pub(crate) fn note_reservation(&self, space: &Space, name: &str) -> Result<()> {
        self.shared.permits.note(space, name, || {
            let function = self.find(space, name)?;
            Ok(function.and_then(|function| function.reserved_concurrency))
        })
    }

    /// How many invocations may run at once in a space.
    pub fn concurrency(&self) -> u32 {
        self.shared.config.concurrency
    }

    /// How many invocations of functions without a reservation may run at once.
    pub fn unreserved_concurrency(&self, space: &Space) -> u32 {
        let kept = self.shared.permits.kept_for_others(space, "");
        self.shared.config.concurrency.saturating_sub(kept)
    }

    /// Counts the start of an instance, unless there have been too many lately.
    pub(crate) fn admit_start(&self, function: &Function, now: Timestamp) -> Result<()> {
        let key = (function.space.clone(), function.name.clone());
        if self.shared.scaling.admit(key, now, &self.shared.config) {
            return Ok(());
        }
        let reserved = function.reserved_concurrency.is_some();
        Err(Error::Throttled(Throttle::Scaling { reserved }))
    }

    pub(crate) fn learn_reservations(&self) -> Result<()> {
        for function in self.every()? {
            let amount = function.reserved_concurrency;
            let permits = &self.shared.permits;
            permits.note(&function.space, &function.name, || Ok(amount))?;
        }
        Ok(())
    }
}

fn reserved_by_others(tx: &Tx, space: &Space, but: &str) -> Result<u32> {
    let all = FUNCTIONS.scan(tx, &functions_of(space).range(), usize::MAX)?;
    let others = all.into_iter().filter(|(_, function)| function.name != but);
    Ok(others
        .filter_map(|(_, function)| function.reserved_concurrency)
        .sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reservation_is_a_limit_and_is_kept_free() {
        let permits = Permits::new(10);
        let space = Space::new("here");
        let reserve = |amount| permits.note(&space, "a", || Ok(amount)).unwrap();
        reserve(Some(2));
        let take = |name: &str, n: usize| -> Vec<Permit> {
            (0..n)
                .map(|_| permits.acquire(&space, name).unwrap())
                .collect()
        };
        let others = take("b", 8);
        assert_eq!(
            permits.acquire(&space, "b").err(),
            Some(Throttle::Account),
            "two are kept for a"
        );
        let mine = take("a", 2);
        assert_eq!(permits.acquire(&space, "a").err(), Some(Throttle::Reserved));
        drop(mine);
        drop(others);
        drop(take("a", 2));
        reserve(Some(0));
        assert_eq!(permits.acquire(&space, "a").err(), Some(Throttle::Reserved));
        reserve(None);
        drop(take("a", 10));
    }

    #[test]
    fn what_is_provisioned_is_kept_free_and_is_no_limit() {
        let permits = Permits::new(10);
        let space = Space::new("here");
        permits.provision(&space, "a", 3);
        let take = |name: &str, n: usize| -> Vec<Permit> {
            (0..n)
                .map(|_| permits.acquire(&space, name).unwrap())
                .collect()
        };
        let others = take("b", 7);
        assert_eq!(permits.acquire(&space, "b").err(), Some(Throttle::Account));
        let own = take("a", 3);
        assert_eq!(permits.acquire(&space, "a").err(), Some(Throttle::Account));
        drop(others);
        drop(take("a", 7));
        drop(own);
    }

    #[test]
    fn an_allowance_of_starts_fills_up_again_evenly() {
        let (scaling, config) = (Scaling::default(), Config::default());
        let key = || (Space::new("here"), "f".to_owned());
        let start = Timestamp::from_secs(1_000);
        let admitted =
            |at: Timestamp, n: usize| (0..n).filter(|_| scaling.admit(key(), at, &config)).count();
        assert_eq!(admitted(start, 1_500), 1_000);
        assert_eq!(
            admitted(start + std::time::Duration::from_secs(1), 500),
            100
        );
        let later = start + std::time::Duration::from_secs(60);
        assert_eq!(admitted(later, 1_500), 1_000, "nothing is carried over");
        let lifted = Config {
            scaling: None,
            ..config
        };
        assert!((0..2_000).all(|_| scaling.admit(key(), start, &lifted)));
    }
}
