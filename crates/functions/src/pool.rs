//! Idle instances, by function.

use std::collections::HashMap;
use std::time::Duration;

use base::{Space, Timestamp};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::instance::Instance;
use crate::schema::{Function, Generation};
use crate::{Config, Error, Functions, Result};

/// A function's space and name, and one of its versions.
pub(crate) type Key = (Space, String, Option<u64>);

#[derive(Default)]
pub(crate) struct Pools {
    pools: Mutex<HashMap<Key, Pool>>,
}

struct Pool {
    /// What its instances must be of.
    generation: Generation,
    /// The one that was used last comes last.
    idle: Vec<Instance>,
}

/// How often idle instances are looked at.
const ROUND: Duration = Duration::from_secs(30);
/// How many rounds go by between looks at unpacked packages.
const SWEEP_EVERY: u32 = 20;

impl Pools {
    /// Takes the idle instance that was used last: what it has in caches is the freshest, and the others may age. Those
    /// that are kept anyway come first.
    pub(crate) fn lend(
        &self,
        function: &Function,
        now: Timestamp,
        longest_life: Duration,
    ) -> Option<Instance> {
        let mut retired = Vec::new();
        let mut pools = self.pools.lock();
        let pool = pools.entry(key(function)).or_insert_with(|| Pool {
            generation: function.generation,
            idle: Vec::new(),
        });
        if pool.generation != function.generation {
            pool.generation = function.generation;
            retired.append(&mut pool.idle);
        }
        while let Some(instance) = pool.next() {
            if instance.is_fit(now, longest_life) {
                return Some(instance);
            }
            retired.push(instance);
        }
        drop(pools);
        drop(retired);
        None
    }

    /// Takes an instance back, unless its function has changed meanwhile.
    pub(crate) fn take_back(&self, function: &Function, mut instance: Instance, now: Timestamp) {
        instance.idle_since = now;
        let mut pools = self.pools.lock();
        if let Some(pool) = pools.get_mut(&key(function))
            && pool.generation == instance.generation
        {
            pool.idle.push(instance);
        }
    }

    /// Puts an instance that nobody has used yet among the idle ones.
    pub(crate) fn add(&self, function: &Function, mut instance: Instance, now: Timestamp) {
        instance.idle_since = now;
        let mut pools = self.pools.lock();
        let pool = pools.entry(key(function)).or_insert_with(|| Pool {
            generation: instance.generation,
            idle: Vec::new(),
        });
        if pool.generation == instance.generation {
            // Below those that have been used already.
            pool.idle.insert(0, instance);
        }
    }

    /// Retires up to `count` of those that are kept although idle.
    pub(crate) fn shed(&self, key: &Key, mut count: u32) {
        let mut retired = Vec::new();
        let mut pools = self.pools.lock();
        if let Some(pool) = pools.get_mut(key) {
            while count > 0
                && let Some(at) = pool.idle.iter().position(|one| one.kept.is_some())
            {
                retired.push(pool.idle.remove(at));
                count -= 1;
            }
        }
        drop(pools);
        drop(retired);
    }

    /// Retires what is not of `generation` of a function's newest code.
    pub(crate) fn replace(&self, space: &Space, name: &str, generation: Generation) {
        let key = (space.clone(), name.to_owned(), None);
        let mut pools = self.pools.lock();
        let retired = pools.get_mut(&key).map(|pool| {
            pool.generation = generation;
            std::mem::take(&mut pool.idle)
        });
        drop(pools);
        drop(retired);
    }

    /// Retires everything of a function.
    pub(crate) fn remove(&self, space: &Space, name: &str) {
        self.remove_where(|(there, of, _)| there == space && of == name);
    }

    pub(crate) fn remove_version(&self, space: &Space, name: &str, number: u64) {
        self.remove_where(|key| (&key.0, key.1.as_str(), key.2) == (space, name, Some(number)));
    }

    fn remove_where(&self, is_gone: impl Fn(&Key) -> bool) {
        let mut pools = self.pools.lock();
        let retired: Vec<_> = pools.extract_if(|key, _| is_gone(key)).collect();
        drop(pools);
        drop(retired);
    }

    /// Retires everything that is idle.
    pub(crate) fn clear(&self) {
        let retired = std::mem::take(&mut *self.pools.lock());
        drop(retired);
    }

    /// Retires what has been idle for too long, is too old, or has died.
    /// Says which functions have nothing idle left.
    fn retire(&self, now: Timestamp, config: &Config) -> Vec<Key> {
        let since = now - config.keep_idle;
        let mut retired = Vec::new();
        let mut pools = self.pools.lock();
        for pool in pools.values_mut() {
            let (keep, old): (Vec<_>, Vec<_>) = pool.idle.drain(..).partition(|instance| {
                (instance.kept.is_some() || instance.idle_since >= since)
                    && instance.is_fit(now, config.longest_life)
            });
            pool.idle = keep;
            retired.extend(old);
        }
        let bare = pools.iter().filter(|(_, pool)| pool.idle.is_empty());
        let bare = bare.map(|(key, _)| key.clone()).collect();
        drop(pools);
        drop(retired);
        bare
    }
}

impl Pool {
    fn next(&mut self) -> Option<Instance> {
        let kept = self.idle.iter().rposition(|one| one.kept.is_some());
        match kept {
            Some(at) => Some(self.idle.remove(at)),
            None => self.idle.pop(),
        }
    }
}

pub(crate) fn key(function: &Function) -> Key {
    (
        function.space.clone(),
        function.name.clone(),
        function.version,
    )
}

impl Functions {
    /// A worker: retires instances that have been idle for long, and unpacked packages that nobody uses.
    pub async fn run_retirement(&self, stop: CancellationToken) -> Result<()> {
        let clock = &self.shared.clock;
        for round in 0.. {
            if round % SWEEP_EVERY == 0 {
                self.shared.launcher.retire_unused();
                // It waits for the next round: what is unpacked in vain only takes room.
                if let Err(cause) = self.sweep_code().await {
                    tracing::warn!(%cause, "unpacked packages that nobody uses were not looked for");
                }
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = clock.sleep(ROUND) => {}
            }
            if let Err(cause) = self.retire() {
                tracing::warn!(%cause, "functions that are gone were not looked for");
            }
        }
        Ok(())
    }

    fn retire(&self) -> Result<()> {
        let shared = &self.shared;
        shared.templates.retire(shared.clock.now(), &shared.config);
        for (space, name, version) in shared.pools.retire(shared.clock.now(), &shared.config) {
            // A call that began before its function, or the version, was deleted made a new pool for it.
            let version = version.map(|number| number.to_string());
            match self.resolve(&space, &name, version.as_deref()) {
                Ok(_) => {}
                Err(Error::NoSuchFunction(_)) => shared.pools.remove(&space, &name),
                Err(Error::NoSuchQualifier { .. }) => {
                    shared.pools.remove_where(|key| {
                        (&key.0, key.1.as_str()) == (&space, name.as_str())
                            && key.2.map(|number| number.to_string()) == version
                    });
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::tests::fake::{World, space};

    #[tokio::test]
    async fn a_function_deleted_while_a_call_to_it_begins_leaves_no_pool_behind() {
        let world = World::new();
        let function = world.deploy("echo").await;
        let shared = &world.functions.shared;
        world.functions.delete(&space(), "f").await.unwrap();
        let lent = shared
            .pools
            .lend(&function, shared.clock.now(), shared.config.longest_life);
        assert!(lent.is_none());
        let kept = world.deploy_as("kept", "echo").await;
        shared
            .pools
            .lend(&kept, shared.clock.now(), shared.config.longest_life);
        assert_eq!(shared.pools.pools.lock().len(), 2);
        world.functions.retire().unwrap();
        let pools = shared.pools.pools.lock();
        let left: Vec<_> = pools.keys().map(|(_, name, _)| name.as_str()).collect();
        assert_eq!(left, ["kept"]);
    }
}
