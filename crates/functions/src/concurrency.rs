//! Permits: how much may run at once, by function and by space.

use std::collections::HashMap;
use std::sync::Arc;

use base::Space;
use parking_lot::Mutex;
use store::Tx;

use crate::schema::{FUNCTIONS, Function, functions_of};
use crate::{Error, Functions, Result, Throttle};

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

    /// What the functions of a space have reserved.
    fn reserved(&self, space: &Space) -> u32 {
        let state = self.state.lock();
        let here = state
            .reserved
            .iter()
            .filter(|((there, _), _)| there == space);
        here.map(|(_, amount)| amount).sum()
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
        let in_space = |(there, _): &(&Key, &u32)| there.0 == key.0;
        let reserved: u32 = self.reserved.iter().filter(in_space).map(|(_, n)| n).sum();
        let running: u32 = self
            .running
            .iter()
            .filter(in_space)
            .filter(|(other, _)| !self.reserved.contains_key(*other))
            .map(|(_, n)| n)
            .sum();
        if running < self.limit.saturating_sub(reserved) {
            Ok(())
        } else {
            Err(Throttle::Account)
        }
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
        let reserved = self.shared.permits.reserved(space);
        self.shared.config.concurrency.saturating_sub(reserved)
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
}
