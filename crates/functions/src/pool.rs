//! Idle instances, by function, and for how long they are kept.
//!
//! Each function's keep-alive policy is told of its busy and idle times and makes a plan for an idle time when it
//! begins. A worker sleeps until the next moment that a plan names: it ends instances, and starts some ahead where that
//! is wanted. Calls wake it only if they bring that moment nearer.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base::{Space, Timestamp};
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;

use crate::dialect::Initialization;
use crate::instance::{Instance, Started, Why};
use crate::joint::{Joint, Openings, Seat};
use crate::keep::{Plan, Policy, Watched};
use crate::schema::{Function, Generation};
use crate::{Config, Error, Functions, Result};

/// A function's space and name, and one of its versions.
pub(crate) type Key = (Space, String, Option<u64>);

pub(crate) struct Pools {
    policy: Policy,
    pub(crate) openings: Openings,
    pools: Mutex<HashMap<Key, Pool>>,
    /// When the worker looks again, in microseconds.
    pub(crate) next: AtomicU64,
    sooner: Notify,
}

struct Pool {
    /// What its instances must be of.
    generation: Generation,
    /// The one that was used last comes last.
    idle: Vec<Instance>,
    /// Calls that wait for one, each until it begins to start its own; the first came first.
    waiting: VecDeque<oneshot::Sender<Box<Instance>>>,
    /// Those that serve several calls at once, idle or not.
    joint: Vec<Arc<Joint>>,
    /// Its workers take several calls at once, as far as is known.
    is_joint: bool,
    watched: Watched,
    /// Since when nothing of it runs, and what was planned then; not while something runs.
    planned: Option<(Timestamp, Plan)>,
    /// How long an instance that falls idle is kept, by the newest plan.
    keep: Duration,
    /// One is being started ahead of a call.
    starting: bool,
}

/// A call that runs. When it is dropped, the call has ended.
pub(crate) struct Busy {
    functions: Functions,
    key: Key,
}

impl Drop for Busy {
    fn drop(&mut self) {
        let shared = &self.functions.shared;
        let (now, ahead) = (shared.host.now(), shared.config.start_ahead);
        shared.pools.ended(&self.key, now, ahead);
    }
}

/// An instance that another call may give back.
pub(crate) struct Given(oneshot::Receiver<Box<Instance>>);

impl Given {
    /// Comes to no end where none is given back any more.
    pub(crate) async fn given(&mut self) -> Box<Instance> {
        match (&mut self.0).await {
            Ok(instance) => instance,
            Err(_) => std::future::pending().await,
        }
    }

    /// Waits no more. There is one if it was given at this very moment.
    pub(crate) fn end(mut self) -> Option<Box<Instance>> {
        self.0.close();
        self.0.try_recv().ok()
    }
}

/// Where a call has its seat that could share an instance.
pub(crate) enum Seated {
    Here(Seat),
    /// One is to be started.
    Nowhere,
    /// Its workers take one call after the other.
    Never,
}

/// What was started ahead of a call.
enum Ahead {
    Alone(Box<Instance>),
    Joint(Arc<Joint>),
}

/// What the worker found.
#[derive(Default)]
struct Round {
    /// Functions with nothing idle left.
    bare: Vec<Key>,
    /// Functions of which one is to be started ahead of a call.
    ahead: Vec<Key>,
    next: Option<Timestamp>,
}

/// How long instances are kept that were needed a moment ago beside others.
const SURPLUS: Duration = Duration::from_secs(60);
/// How often those are looked at that are to be there always: one that dies tells nobody.
const ROUND: Duration = Duration::from_secs(30);
/// How often unpacked packages are looked at that nobody uses.
const SWEEP: Duration = Duration::from_secs(600);

impl Pools {
    pub(crate) fn new(policy: Policy) -> Self {
        Self {
            policy,
            openings: Openings::default(),
            pools: Mutex::default(),
            next: AtomicU64::new(u64::MAX),
            sooner: Notify::new(),
        }
    }

    fn new_pool(&self, generation: Generation) -> Pool {
        Pool {
            generation,
            idle: Vec::new(),
            waiting: VecDeque::new(),
            joint: Vec::new(),
            is_joint: true,
            watched: Watched::new(self.policy),
            planned: None,
            keep: Duration::ZERO,
            starting: false,
        }
    }

    fn began(&self, function: &Function, now: Timestamp) {
        let mut pools = self.pools.lock();
        let pool = pools
            .entry(key(function))
            .or_insert_with(|| self.new_pool(function.generation));
        pool.watched.began(now);
        pool.planned = None;
    }

    fn ended(&self, key: &Key, now: Timestamp, ahead: bool) {
        let mut pools = self.pools.lock();
        // It may have been deleted meanwhile.
        let Some(pool) = pools.get_mut(key) else {
            return;
        };
        let until = match pool.watched.ended(now) {
            Some(plan) => {
                pool.keep = if ahead { plan.keep() } else { plan.unbroken() };
                pool.planned = Some((now, plan));
                pool.keep
            }
            None => pool.keep.max(SURPLUS),
        };
        drop(pools);
        self.look_at(now + until);
    }

    /// Has the worker look then, if it would not sooner.
    fn look_at(&self, then: Timestamp) {
        if then.as_micros() < self.next.load(Ordering::Relaxed) {
            self.sooner.notify_one();
        }
    }

    /// Takes the idle instance that was used last: what it has in caches is the freshest, and the others may age. Those
    /// that are kept anyway come first.
    pub(crate) fn lend(
        &self,
        function: &Function,
        now: Timestamp,
        longest_life: Duration,
    ) -> Option<Instance> {
        let mut pools = self.pools.lock();
        let pool = pools
            .entry(key(function))
            .or_insert_with(|| self.new_pool(function.generation));
        let (mut retired, joint) = pool.renew(function.generation);
        while let Some(instance) = pool.next() {
            if instance.is_fit(now, longest_life) {
                return Some(instance);
            }
            retired.push(instance);
        }
        drop(pools);
        drop((retired, joint));
        None
    }

    /// Takes a seat where most are taken already: the others may go then.
    pub(crate) fn sit(&self, functions: &Functions, function: &Function) -> Seated {
        let (now, longest_life) = (
            functions.shared.host.now(),
            functions.shared.config.longest_life,
        );
        let mut pools = self.pools.lock();
        let pool = pools
            .entry(key(function))
            .or_insert_with(|| self.new_pool(function.generation));
        let (idle, mut retired) = pool.renew(function.generation);
        let unfit = |one: &mut Arc<Joint>| !one.is_fit(now, longest_life);
        retired.extend(pool.joint.extract_if(.., unfit));
        let taken = |one: &Arc<Joint>| one.taken();
        pool.joint.sort_by_key(|one| std::cmp::Reverse(taken(one)));
        let seat = pool.joint.iter().find_map(|one| one.sit(functions));
        let is_joint = pool.is_joint;
        drop(pools);
        drop((idle, retired));
        match seat {
            Some(seat) => Seated::Here(seat),
            None if is_joint => Seated::Nowhere,
            None => Seated::Never,
        }
    }

    /// Has calls seated on it from now on.
    pub(crate) fn open(&self, function: &Function, joint: Arc<Joint>) {
        let mut pools = self.pools.lock();
        if let Some(pool) = pools.get_mut(&key(function))
            && pool.generation == joint.generation()
        {
            pool.joint.push(joint);
        }
    }

    /// Its workers take one call after the other.
    pub(crate) fn is_alone(&self, function: &Function) {
        if let Some(pool) = self.pools.lock().get_mut(&key(function)) {
            pool.is_joint = false;
        }
    }

    /// Waits for an instance that another call gives back.
    pub(crate) fn wait(&self, function: &Function) -> Given {
        let (sender, receiver) = oneshot::channel();
        let mut pools = self.pools.lock();
        let pool = pools
            .entry(key(function))
            .or_insert_with(|| self.new_pool(function.generation));
        if pool.generation == function.generation {
            while pool.waiting.front().is_some_and(oneshot::Sender::is_closed) {
                pool.waiting.pop_front();
            }
            pool.waiting.push_back(sender);
        }
        Given(receiver)
    }

    /// Takes an instance back, unless its function has changed meanwhile.
    pub(crate) fn take_back(&self, function: &Function, mut instance: Instance, now: Timestamp) {
        instance.idle_since = now;
        let mut pools = self.pools.lock();
        if let Some(pool) = pools.get_mut(&key(function))
            && pool.generation == instance.generation
        {
            while let Some(waiting) = pool.waiting.pop_front() {
                match waiting.send(Box::new(instance)) {
                    Ok(()) => return,
                    Err(refused) => instance = *refused,
                }
            }
            pool.idle.push(instance);
        }
    }

    /// Puts an instance that nobody has used yet among the idle ones.
    pub(crate) fn add(&self, function: &Function, mut instance: Instance, now: Timestamp) {
        instance.idle_since = now;
        let mut pools = self.pools.lock();
        let pool = pools
            .entry(key(function))
            .or_insert_with(|| self.new_pool(instance.generation));
        if pool.generation == instance.generation {
            // Below those that have been used already.
            pool.idle.insert(0, instance);
        }
        drop(pools);
        self.look_at(now + ROUND);
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
        let retired = pools.get_mut(&key).map(|pool| pool.renew(generation));
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
    fn retire(&self, now: Timestamp, config: &Config) -> Round {
        let (mut retired, mut left, mut round) = (Vec::new(), Vec::new(), Round::default());
        let mut pools = self.pools.lock();
        for (key, pool) in pools.iter_mut() {
            retired.append(&mut pool.retire(now, config.longest_life));
            left.append(&mut pool.retire_joint(now, config.longest_life));
            if pool.idle.is_empty() && pool.joint.is_empty() {
                round.bare.push(key.clone());
            }
            let mut next = pool.next_deadline(now, config.longest_life);
            let is_bare = pool.idle.is_empty() && pool.joint.is_empty();
            if config.start_ahead && is_bare && !pool.starting {
                match pool.ahead(now) {
                    Some(at) if at <= now => {
                        pool.starting = true;
                        round.ahead.push(key.clone());
                    }
                    at => next = next.into_iter().chain(at).min(),
                }
            }
            round.next = round.next.into_iter().chain(next).min();
        }
        drop(pools);
        drop((retired, left));
        round
    }

    /// Whether any is being started ahead of a call.
    #[cfg(test)]
    pub(crate) fn is_starting(&self) -> bool {
        self.pools.lock().values().any(|pool| pool.starting)
    }

    /// Puts one among the idle that was started ahead of a call, or notes that it did not start.
    fn started_ahead(&self, key: &Key, instance: Option<Ahead>) {
        let mut pools = self.pools.lock();
        let Some(pool) = pools.get_mut(key) else {
            return;
        };
        pool.starting = false;
        match (instance, &pool.planned) {
            (Some(Ahead::Joint(joint)), _) if joint.generation() == pool.generation => {
                pool.joint.push(joint);
            }
            (Some(Ahead::Alone(mut instance)), planned)
                if instance.generation == pool.generation =>
            {
                // As if it had been there since then: it goes when its window ends.
                if let Some((since, _)) = planned {
                    instance.idle_since = *since;
                }
                pool.idle.insert(0, *instance);
            }
            // Not again before the next call.
            _ => pool.planned = None,
        }
        drop(pools);
        self.sooner.notify_one();
    }
}

impl Pool {
    /// From now on of this generation; takes out what is of another, all of it.
    fn renew(&mut self, generation: Generation) -> (Vec<Instance>, Vec<Arc<Joint>>) {
        if self.generation == generation {
            return (Vec::new(), Vec::new());
        }
        self.generation = generation;
        self.is_joint = true;
        self.waiting.clear();
        (
            std::mem::take(&mut self.idle),
            std::mem::take(&mut self.joint),
        )
    }

    fn retire(&mut self, now: Timestamp, longest_life: Duration) -> Vec<Instance> {
        let (keep, old): (Vec<_>, Vec<_>) = std::mem::take(&mut self.idle)
            .into_iter()
            .partition(|one| one.is_fit(now, longest_life) && self.deadline(one, now) > now);
        self.idle = keep;
        old
    }

    fn retire_joint(&mut self, now: Timestamp, longest_life: Duration) -> Vec<Arc<Joint>> {
        let (keep, old): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.joint)
                .into_iter()
                .partition(|one| {
                    let idle = one.idle_since();
                    one.is_fit(now, longest_life)
                        && idle.is_none_or(|since| self.idle_until(since, now) > now)
                });
        self.joint = keep;
        old
    }

    /// When an idle instance goes, as things are now.
    fn deadline(&self, instance: &Instance, now: Timestamp) -> Timestamp {
        match instance.kept {
            Some(_) => Timestamp::MAX,
            None => self.idle_until(instance.idle_since, now),
        }
    }

    fn idle_until(&self, idle_since: Timestamp, now: Timestamp) -> Timestamp {
        let Some((since, plan)) = &self.planned else {
            return idle_since + self.keep.max(SURPLUS);
        };
        let kept = idle_since + self.keep;
        let idle = now.since(*since);
        let window = plan
            .ahead()
            .iter()
            .find(|window| (window.from..window.until).contains(&idle));
        window.map_or(kept, |window| kept.max(*since + window.until))
    }

    /// When there may be something to retire.
    fn next_deadline(&self, now: Timestamp, longest_life: Duration) -> Option<Timestamp> {
        let deadlines = self.idle.iter().map(|one| {
            let deadline = match one.kept {
                Some(_) => now + ROUND,
                None => self.deadline(one, now),
            };
            deadline.min(one.too_old_at(longest_life))
        });
        let joint = self.joint.iter().map(|one| {
            let idle = one.idle_since();
            let deadline = idle.map_or(Timestamp::MAX, |since| self.idle_until(since, now));
            deadline.min(one.too_old_at(longest_life))
        });
        deadlines.chain(joint).min()
    }

    /// When one is to be started, if no call comes before.
    fn ahead(&self, now: Timestamp) -> Option<Timestamp> {
        let (since, plan) = self.planned.as_ref()?;
        let idle = now.since(*since);
        let window = plan.ahead().iter().find(|window| window.until > idle)?;
        Some(*since + window.from)
    }

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
    /// Notes that a call of a function begins.
    pub(crate) fn busy(&self, function: &Function) -> Busy {
        self.shared.pools.began(function, self.shared.host.now());
        Busy {
            functions: self.clone(),
            key: key(function),
        }
    }

    /// A worker: retires instances that have been idle for long, starts some ahead of calls, and removes unpacked
    /// packages that nobody uses.
    pub async fn run_retirement(&self, stop: CancellationToken) -> Result<()> {
        let (clock, pools) = (&self.shared.host, &self.shared.pools);
        let mut sweep = clock.now();
        while !stop.is_cancelled() {
            let next = match self.retire() {
                Ok(next) => next,
                Err(cause) => {
                    tracing::warn!(%cause, "functions that are gone were not looked for");
                    Some(clock.now() + ROUND)
                }
            };
            if clock.now() >= sweep {
                sweep = clock.now() + SWEEP;
                self.shared.launcher.retire_unused();
                // It waits for the next time: what is unpacked in vain only takes room.
                if let Err(cause) = self.sweep_code().await {
                    tracing::warn!(%cause, "unpacked packages that nobody uses were not looked for");
                }
            }
            let next = next.unwrap_or(sweep).min(sweep);
            pools.next.store(next.as_micros(), Ordering::Relaxed);
            tokio::select! {
                () = stop.cancelled() => break,
                () = pools.sooner.notified() => {}
                () = clock.sleep_until(next) => {}
            }
        }
        Ok(())
    }

    /// Returns when to look again.
    fn retire(&self) -> Result<Option<Timestamp>> {
        let shared = &self.shared;
        shared.templates.retire(shared.host.now(), &shared.config);
        let round = shared.pools.retire(shared.host.now(), &shared.config);
        for key in round.ahead {
            let functions = self.clone();
            shared.running.spawn(async move {
                let instance = functions.start_ahead(&key).await;
                functions.shared.pools.started_ahead(&key, instance);
            });
        }
        for (space, name, version) in round.bare {
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
        Ok(round.next)
    }

    /// None if there is nothing to start or it did not come to ask for work: the next call will tell why.
    async fn start_ahead(&self, key: &Key) -> Option<Ahead> {
        let shared = &self.shared;
        let (space, name, version) = key;
        let qualifier = version.map(|version| version.to_string());
        let function = self.resolve(space, name, qualifier.as_deref()).ok()?;
        let unique = u128::from_be_bytes(shared.random.bytes());
        let now = shared.host.now();
        self.admit_start(&function, now).ok()?;
        let dialect = shared.dialects.of(space);
        let stream = dialect.log_stream(shared.clock.now(), *version, unique);
        let timeout = shared.config.init_timeout;
        let why = Why::first(Initialization::OnDemand);
        match self
            .start(&function, &stream, why, |now| now + timeout)
            .await
        {
            Ok(Started::Ready { instance, .. }) => Some(match self.seated(instance) {
                Ok(joint) => Ahead::Joint(joint),
                Err(instance) => Ahead::Alone(instance),
            }),
            Ok(Started::Failed { capture, .. }) => {
                capture.end(Vec::new(), true).await;
                None
            }
            Err(cause) => {
                tracing::debug!(%cause, function = name, "nothing was started ahead");
                None
            }
        }
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
            .lend(&function, shared.host.now(), shared.config.longest_life);
        assert!(lent.is_none());
        let kept = world.deploy_as("kept", "echo").await;
        shared
            .pools
            .lend(&kept, shared.host.now(), shared.config.longest_life);
        assert_eq!(shared.pools.pools.lock().len(), 2);
        world.functions.retire().unwrap();
        let pools = shared.pools.pools.lock();
        let left: Vec<_> = pools.keys().map(|(_, name, _)| name.as_str()).collect();
        assert_eq!(left, ["kept"]);
    }
}
