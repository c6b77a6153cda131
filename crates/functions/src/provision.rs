//! Provisioned instances: so many of a version are kept initialised, whether they are called or not.
//!
//! What is wanted is in the store, beside the version or the alias that it is wanted for. What is there is counted by
//! [`Place`]s, which instances carry; a worker starts what is missing.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use base::{Space, Timestamp};
use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::alias::number;
use crate::delete::aliases;
use crate::dialect::Initialization;
use crate::instance::{Started, Why};
use crate::pool::Key;
use crate::schema::{ALIASES, Provisioned, VERSIONS, versions_of};
use crate::{Error, Functions, Result};

/// How many are started at once.
const STARTS: usize = 8;
/// Before another attempt after one that failed.
const AGAIN: Duration = Duration::from_secs(60);
/// How often is looked for what nobody has told.
const ROUND: Duration = Duration::from_secs(30);

/// Clones share the count.
#[derive(Clone, Default)]
pub(crate) struct Provisions {
    state: Arc<Mutex<HashMap<Key, Pool>>>,
    changed: Arc<Notify>,
}

/// Those of one version.
#[derive(Debug, Default)]
struct Pool {
    wanted: u32,
    /// Started, and not ended.
    there: u32,
    starting: u32,
    /// Why the last attempt at starting one failed, and when to try again.
    failed: Option<(String, Timestamp)>,
}

/// Held by an instance for as long as it lives.
pub(crate) struct Place {
    provisions: Provisions,
    key: Key,
}

/// How far provisioning has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provisioning {
    pub wanted: Provisioned,
    /// How many are initialised.
    pub ready: u32,
    pub state: ProvisioningState,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProvisioningState {
    InProgress,
    Ready,
    /// The last attempt at initialising one failed. It is tried again.
    Failed(String),
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.provisions.state.lock();
        if let Some(pool) = state.get_mut(&self.key) {
            pool.there = pool.there.saturating_sub(1);
            if pool.wanted + pool.there + pool.starting == 0 {
                state.remove(&self.key);
            }
        }
        drop(state);
        self.provisions.changed.notify_one();
    }
}

impl Provisions {
    fn want(&self, space: &Space, name: &str, wanted: &HashMap<u64, u32>) {
        let mut state = self.state.lock();
        for (key, pool) in state.iter_mut() {
            if key.0 == *space && key.1 == name {
                pool.wanted = 0;
            }
        }
        for (version, instances) in wanted {
            let key = (space.clone(), name.to_owned(), Some(*version));
            let pool = state.entry(key).or_default();
            pool.wanted = *instances;
            pool.failed = None;
        }
        state.retain(|_, pool| pool.wanted + pool.there + pool.starting > 0);
        drop(state);
        self.changed.notify_one();
    }

    /// What is to be started, each counted as starting, and what is too much.
    fn due(&self, now: Timestamp) -> (Vec<Key>, Vec<(Key, u32)>) {
        let (mut missing, mut surplus) = (Vec::new(), Vec::new());
        for (key, pool) in self.state.lock().iter_mut() {
            let waits = pool.failed.as_ref().is_some_and(|(_, until)| *until > now);
            let there = pool.there + pool.starting;
            if there < pool.wanted && !waits {
                for _ in there..pool.wanted {
                    missing.push(key.clone());
                }
                pool.starting += pool.wanted - there;
            } else if pool.there > pool.wanted {
                surplus.push((key.clone(), pool.there - pool.wanted));
            }
        }
        (missing, surplus)
    }

    fn started(&self, key: &Key) -> Place {
        if let Some(pool) = self.state.lock().get_mut(key) {
            pool.starting -= 1;
            pool.there += 1;
            // Others may be missing yet, and that is to be told.
            if pool.there >= pool.wanted {
                pool.failed = None;
            }
        }
        Place {
            provisions: self.clone(),
            key: key.clone(),
        }
    }

    fn failed(&self, key: &Key, why: String, until: Timestamp) {
        let mut state = self.state.lock();
        if let Some(pool) = state.get_mut(key) {
            pool.starting -= 1;
            pool.failed = Some((why, until));
            if pool.wanted + pool.there + pool.starting == 0 {
                state.remove(key);
            }
        }
        drop(state);
        self.changed.notify_one();
    }

    fn next_attempt(&self, now: Timestamp) -> Option<Timestamp> {
        let state = self.state.lock();
        let waiting = state.values().filter_map(|pool| pool.failed.as_ref());
        let until = waiting.map(|(_, until)| *until);
        // Of the others an attempt is under way.
        until.filter(|until| *until > now).min()
    }
}

impl Functions {
    /// Keeps so many instances of a version, or of what an alias names, initialised.
    pub async fn provision(
        &self,
        space: &Space,
        name: &str,
        qualifier: Option<&str>,
        instances: u32,
    ) -> Result<Provisioning> {
        let function = self.resolve(space, name, qualifier)?;
        let named = qualifier.ok_or(Error::ProvisionsNewest)?;
        if function.version.is_none() {
            return Err(Error::ProvisionsNewest);
        }
        self.check_twice(space, name, named)?;
        let others: u32 = self
            .provisioned(space, name)?
            .into_iter()
            .filter(|(other, _)| other != named)
            .map(|(_, wanted)| wanted.instances)
            .sum();
        let sum = others.saturating_add(instances);
        match function.reserved_concurrency {
            Some(reserved) if sum > reserved => {
                return Err(Error::ProvisionsMoreThanReserved(reserved));
            }
            Some(_) => {}
            None => self.check_room(space, name, sum)?,
        }
        let wanted = Provisioned {
            instances,
            modified: self.shared.clock.now(),
        };
        self.change_attached(space, name, qualifier, None, |attached| {
            *attached.provisioned = Some(wanted);
            Ok(())
        })
        .await?;
        self.learn_provisioned_of(space, name)?;
        self.provisioning(space, name, named)
    }

    /// Keeps none any more.
    pub async fn unprovision(&self, space: &Space, name: &str, qualifier: &str) -> Result<()> {
        self.wanted_for(space, name, qualifier)?;
        self.change_attached(space, name, Some(qualifier), None, |attached| {
            *attached.provisioned = None;
            Ok(())
        })
        .await?;
        self.learn_provisioned_of(space, name)
    }

    /// How far the provisioning of a version or alias has come.
    pub fn provisioning(&self, space: &Space, name: &str, qualifier: &str) -> Result<Provisioning> {
        let wanted = self.wanted_for(space, name, qualifier)?;
        let shares = self.shares(space, name, qualifier, wanted.instances)?;
        let (mut ready, mut failure) = (0, None);
        let state = self.shared.provisions.state.lock();
        for (version, share) in shares {
            let key = (space.clone(), name.to_owned(), Some(version));
            let Some(pool) = state.get(&key) else {
                continue;
            };
            ready += pool.there.min(share);
            failure = failure.or_else(|| pool.failed.as_ref().map(|(why, _)| why.clone()));
        }
        drop(state);
        Ok(Provisioning {
            wanted,
            ready,
            state: match failure {
                _ if ready == wanted.instances => ProvisioningState::Ready,
                Some(why) => ProvisioningState::Failed(why),
                None => ProvisioningState::InProgress,
            },
        })
    }

    /// What is wanted for each qualifier of a function.
    pub fn provisioned(&self, space: &Space, name: &str) -> Result<Vec<(String, Provisioned)>> {
        let view = self.shared.store.read()?;
        let versions = VERSIONS.scan(&view, &versions_of(space, name).range(), usize::MAX)?;
        let versions = versions.into_iter().filter_map(|(_, version)| {
            let number = version.version?.to_string();
            Some((number, version.provisioned?))
        });
        let named = aliases(&view, space, name)?.into_iter();
        let named = named.filter_map(|alias| Some((alias.name, alias.provisioned?)));
        Ok(versions.chain(named).collect())
    }

    fn wanted_for(&self, space: &Space, name: &str, qualifier: &str) -> Result<Provisioned> {
        let wanted = match self.alias_named(space, name, Some(qualifier))? {
            Some(alias) => alias.provisioned,
            None => self.resolve(space, name, Some(qualifier))?.provisioned,
        };
        wanted.ok_or(Error::NotProvisioned)
    }

    /// A version is provisioned itself or by way of an alias, not both.
    fn check_twice(&self, space: &Space, name: &str, qualifier: &str) -> Result<()> {
        let all = self.aliases(space, name)?;
        if let Some(number) = number(qualifier) {
            let by_alias = |alias: &&crate::Alias| {
                let named = alias.versions().any(|(version, _)| version == number);
                named && alias.provisioned.is_some()
            };
            return match all.iter().find(by_alias) {
                Some(_) => Err(Error::AliasProvisioned),
                None => Ok(()),
            };
        }
        for alias in all.iter().filter(|alias| alias.name == qualifier) {
            for (version, _) in alias.versions() {
                let version = self.resolve(space, name, Some(&version.to_string()))?;
                if version.provisioned.is_some() {
                    return Err(Error::VersionProvisioned);
                }
            }
        }
        Ok(())
    }

    fn check_room(&self, space: &Space, name: &str, sum: u32) -> Result<()> {
        let config = &self.shared.config;
        let others = self.shared.permits.kept_for_others(space, name);
        let room = config.concurrency.saturating_sub(config.least_unreserved);
        if sum > room.saturating_sub(others) {
            return Err(Error::ProvisionsTooMuch {
                least: config.least_unreserved,
            });
        }
        Ok(())
    }

    /// How many of a qualifier's instances are of which version: of an alias for two, as its calls are shared out.
    fn shares(
        &self,
        space: &Space,
        name: &str,
        qualifier: &str,
        instances: u32,
    ) -> Result<Vec<(u64, u32)>> {
        if let Some(number) = number(qualifier) {
            return Ok(vec![(number, instances)]);
        }
        let alias = self.alias(space, name, qualifier)?;
        let Some((other, weight)) = alias.other else {
            return Ok(alias
                .version
                .map(|version| (version, instances))
                .into_iter()
                .collect());
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a whole number is between zero and it"
        )]
        let share = (f64::from(instances) * weight)
            .round()
            .clamp(0.0, f64::from(instances)) as u32;
        let rest = alias.version.map(|version| (version, instances - share));
        Ok(rest.into_iter().chain([(other, share)]).collect())
    }

    /// Reads from the store what is wanted of every function.
    pub(crate) fn learn_provisioned(&self) -> Result<()> {
        let view = self.shared.store.read()?;
        let aliases = ALIASES.scan(&view, &ALIASES.key().range(), usize::MAX)?;
        let aliases = aliases
            .into_iter()
            .filter(|(_, one)| one.provisioned.is_some());
        let versions = self.every_version()?.into_iter();
        let versions = versions.filter(|one| one.provisioned.is_some());
        let mut functions: Vec<(Space, String)> = aliases
            .map(|(_, alias)| (alias.space, alias.function))
            .chain(versions.map(|version| (version.space, version.name)))
            .collect();
        functions.dedup();
        for (space, name) in functions {
            self.learn_provisioned_of(&space, &name)?;
        }
        Ok(())
    }

    pub(crate) fn learn_provisioned_of(&self, space: &Space, name: &str) -> Result<()> {
        let mut wanted: HashMap<u64, u32> = HashMap::new();
        for (qualifier, provisioned) in self.provisioned(space, name)? {
            for (version, share) in self.shares(space, name, &qualifier, provisioned.instances)? {
                *wanted.entry(version).or_default() += share;
            }
        }
        self.shared
            .permits
            .provision(space, name, wanted.values().sum());
        self.shared.provisions.want(space, name, &wanted);
        Ok(())
    }

    /// A worker: starts the provisioned instances that are missing, and ends those that are too many.
    pub async fn run_provisioning(&self, stop: CancellationToken) -> Result<()> {
        let (shared, clock) = (&self.shared, &self.shared.host);
        let slots = Arc::new(Semaphore::new(STARTS));
        while !stop.is_cancelled() {
            let (missing, surplus) = shared.provisions.due(clock.now());
            for (key, count) in surplus {
                shared.pools.shed(&key, count);
            }
            for key in missing {
                let (functions, slots) = (self.clone(), slots.clone());
                shared.running.spawn(async move {
                    let _slot = slots.acquire().await;
                    functions.start_provisioned(&key).await;
                });
            }
            let round = clock.now() + ROUND;
            let next = shared.provisions.next_attempt(clock.now());
            let next = next.map_or(round, |next| next.min(round));
            tokio::select! {
                () = stop.cancelled() => break,
                () = shared.provisions.changed.notified() => {}
                () = clock.sleep_until(next) => {}
            }
        }
        Ok(())
    }

    async fn start_provisioned(&self, key: &Key) {
        let provisions = &self.shared.provisions;
        if let Err(why) = self.try_provisioned(key).await {
            let until = self.shared.host.now() + AGAIN;
            tracing::warn!(
                function = key.1,
                why,
                "a provisioned instance did not start"
            );
            provisions.failed(key, why, until);
        }
    }

    async fn try_provisioned(&self, key: &Key) -> std::result::Result<(), String> {
        let shared = &self.shared;
        let (space, name, version) = key;
        let qualifier = version.map(|version| version.to_string());
        let function = self
            .resolve(space, name, qualifier.as_deref())
            .map_err(|error| error.to_string())?;
        let unique = u128::from_be_bytes(shared.random.bytes());
        let dialect = shared.dialects.of(space);
        let stream = dialect.log_stream(shared.clock.now(), *version, unique);
        let timeout = shared.config.init_timeout;
        let why = Why::first(Initialization::Provisioned);
        let started = self
            .start(&function, &stream, why, |now| now + timeout)
            .await
            .map_err(|error| error.to_string())?;
        match started {
            Started::Ready { mut instance, .. } => {
                instance.kept = Some(shared.provisions.started(key));
                self.watch(self.lay_down(instance.process()));
                shared.pools.add(&function, *instance, shared.host.now());
                Ok(())
            }
            Started::Failed {
                failure, capture, ..
            } => {
                capture.end(Vec::new(), true).await;
                Err(failure.to_string())
            }
        }
    }
}
