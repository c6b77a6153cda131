//! Templates: a function whose initialisation takes long runs it once in a process of its own, and its further instances
//! are forked from that one in milliseconds.
//!
//! The first instance starts as usual; if its initialisation took longer than [`Config::template_after`], a template is
//! made beside it. A version that is started from snapshots has its template as soon as it is published: it is the
//! snapshot. Whoever needs another instance meanwhile waits for it: it began earlier than they could. A template
//! that cannot be forked is not tried again for that code and configuration, and instances start as usual. It ends when
//! the function changes, when it has not been used for long, when it is as old as an
//! instance may become, and when the memory for templates is needed for another.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use base::{ByteSize, Space, Timestamp};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::capture::{Capture, Pipes};
use crate::code::Hold;
use crate::dialect::{Initialization, InstanceFacts};
use crate::launch::{Launch, Launched, Start};
use crate::pool::{Key, key};
use crate::schema::{Function, Generation};
use crate::{Config, Functions};

/// What booting a language takes at most, on a host that is not overwhelmed.
const BOOT: Duration = Duration::from_millis(400);
/// How long one is kept that nobody uses.
const UNUSED: Duration = Duration::from_secs(600);

#[derive(Default)]
pub(crate) struct Templates {
    slots: Mutex<HashMap<Key, Slot>>,
}

struct Slot {
    generation: Generation,
    made: Timestamp,
    used: Timestamp,
    state: watch::Receiver<State>,
}

#[derive(Clone)]
enum State {
    Starting,
    Ready(Arc<Made>),
    /// There will be none.
    Unsafe,
}

/// One that can be forked, and what must be there as long as it is.
pub(crate) struct Made {
    template: runtimes::Template,
    _capture: Capture,
    _code: Vec<Hold>,
}

/// What there is of templates, for whoever asks.
#[derive(Clone, Debug)]
pub struct KeptTemplate {
    pub function: String,
    pub version: Option<u64>,
    pub memory: Option<ByteSize>,
}

impl Templates {
    /// What there is for this code and configuration, if anything.
    fn of(&self, function: &Function, now: Timestamp) -> Option<watch::Receiver<State>> {
        let mut slots = self.slots.lock();
        let slot = slots.get_mut(&key(function))?;
        if slot.generation != function.generation {
            return None;
        }
        slot.used = now;
        Some(slot.state.clone())
    }

    /// Whether it is for the caller to make one; if so, where to put it.
    fn claim(&self, function: &Function, now: Timestamp) -> Option<watch::Sender<State>> {
        let mut slots = self.slots.lock();
        let there = slots.get(&key(function));
        if there.is_some_and(|slot| slot.generation == function.generation) {
            return None;
        }
        let (sender, state) = watch::channel(State::Starting);
        let slot = Slot {
            generation: function.generation,
            made: now,
            used: now,
            state,
        };
        let old = slots.insert(key(function), slot);
        drop(slots);
        drop(old);
        Some(sender)
    }

    /// Removes those of a function that are not of this generation of its newest code, or all.
    pub(crate) fn forget(&self, space: &Space, name: &str, except: Option<Generation>) {
        self.remove_where(|key, slot| {
            let its_own = (&key.0, key.1.as_str()) == (space, name);
            its_own && except.is_none_or(|except| key.2.is_none() && slot.generation != except)
        });
    }

    pub(crate) fn forget_version(&self, space: &Space, name: &str, number: u64) {
        self.remove_where(|key, _| (&key.0, key.1.as_str(), key.2) == (space, name, Some(number)));
    }

    pub(crate) fn clear(&self) {
        self.remove_where(|_, _| true);
    }

    /// Ends what has not been used for long, or is too old.
    pub(crate) fn retire(&self, now: Timestamp, config: &Config) {
        let since = now - UNUSED;
        self.remove_where(|_, slot| {
            slot.used < since || now.since(slot.made) >= config.longest_life
        });
    }

    /// Ends those that were used least recently until the others fit.
    fn fit(&self, budget: ByteSize) {
        let mut slots = self.slots.lock();
        let mut ready: Vec<(Timestamp, Key, u64)> = slots
            .iter()
            .filter_map(|(key, slot)| Some((slot.used, key.clone(), slot.memory()?.as_bytes())))
            .collect();
        let surplus = surplus(&mut ready, budget.as_bytes());
        let gone: Vec<_> = surplus.iter().filter_map(|key| slots.remove(key)).collect();
        drop(slots);
        drop(gone);
    }

    fn remove_where(&self, is_gone: impl Fn(&Key, &Slot) -> bool) {
        let mut slots = self.slots.lock();
        let gone: Vec<_> = slots.extract_if(|key, slot| is_gone(key, slot)).collect();
        drop(slots);
        drop(gone);
    }
}

impl Slot {
    /// None if there is none to count.
    fn memory(&self) -> Option<ByteSize> {
        match &*self.state.borrow() {
            State::Ready(made) => Some(made.template.memory().unwrap_or(ByteSize::bytes(0))),
            State::Starting | State::Unsafe => None,
        }
    }
}

/// Which must go for the rest to fit, those first that were used least recently; the last used one stays anyway.
fn surplus<K: Clone>(all: &mut [(Timestamp, K, u64)], budget: u64) -> Vec<K> {
    all.sort_by_key(|(used, ..)| *used);
    let mut total: u64 = all.iter().map(|(.., memory)| memory).sum();
    let mut gone = Vec::new();
    for (_, key, memory) in all.iter().take(all.len().saturating_sub(1)) {
        if total <= budget {
            break;
        }
        total -= memory;
        gone.push(key.clone());
    }
    gone
}

impl Functions {
    /// The memory that templates may use together.
    pub fn template_budget(&self) -> ByteSize {
        self.shared.config.templates
    }

    /// The templates that there are.
    pub fn templates(&self) -> Vec<KeptTemplate> {
        let slots = self.shared.templates.slots.lock();
        let ready = slots
            .iter()
            .filter(|(_, slot)| matches!(*slot.state.borrow(), State::Ready(_)));
        let ready = ready.map(|(key, slot)| KeptTemplate {
            function: key.1.clone(),
            version: key.2,
            memory: slot.memory(),
        });
        ready.collect()
    }

    /// The function's template, if it has one or is just getting one.
    pub(crate) async fn template_of(&self, function: &Function) -> Option<Arc<Made>> {
        let shared = &self.shared;
        let mut state = shared.templates.of(function, shared.host.now())?;
        let settled = async {
            let settled = state
                .wait_for(|state| !matches!(state, State::Starting))
                .await;
            settled.ok().map(|state| state.clone())
        };
        let state = tokio::select! {
            settled = settled => settled?,
            () = shared.host.sleep(shared.config.init_timeout) => return None,
            () = shared.stopping.cancelled() => return None,
        };
        match state {
            State::Ready(made) => Some(made),
            State::Starting | State::Unsafe => None,
        }
    }

    /// None if it cannot be forked: it is not tried again.
    pub(crate) async fn fork(
        &self,
        made: Arc<Made>,
        function: &Function,
        what: &Launch,
    ) -> Option<Launched> {
        let shared = &self.shared;
        match shared
            .launcher
            .fork(&made.template, what, &shared.running)
            .await
        {
            Ok(launched) => {
                shared
                    .running
                    .spawn(async move { made.template.make_ahead().await });
                Some(launched)
            }
            Err(why) => {
                tracing::debug!(
                    function = function.name,
                    ?why,
                    "its template could not be forked"
                );
                let broken = key(function);
                shared.templates.remove_where(|key, slot| {
                    *key == broken && slot.generation == function.generation
                });
                None
            }
        }
    }

    /// Has a template made in the background if it pays, or if there is to be a snapshot: the function's code has just
    /// taken so long to initialise.
    pub(crate) fn consider_template(&self, function: &Function, start: Start, took: Duration) {
        let least = self.shared.config.template_after;
        let pays = match start {
            _ if has_snapshot(function) => true,
            Start::Placeholder => took >= least,
            // What the language itself took is in it.
            Start::Boot => took >= least + BOOT,
            Start::Template => false,
        };
        if pays {
            self.begin_template(function);
        }
    }

    /// A version that is started from snapshots gets its own as soon as it is published.
    pub(crate) fn take_snapshot(&self, version: &Function) {
        if has_snapshot(version) {
            self.begin_template(version);
        }
    }

    /// Has a template made in the background, unless there is one.
    fn begin_template(&self, function: &Function) {
        let shared = &self.shared;
        if !shared.launcher.forks() {
            return;
        }
        let Some(state) = shared.templates.claim(function, shared.host.now()) else {
            return;
        };
        let (functions, function) = (self.clone(), function.clone());
        shared.running.spawn(async move {
            let shared = &functions.shared;
            let made = tokio::select! {
                made = functions.make_template(&function) => made,
                () = shared.host.sleep(shared.config.init_timeout * 2) => Err("it took too long".to_owned()),
                () = shared.stopping.cancelled() => return,
            };
            match made {
                Ok(made) => {
                    state.send_replace(State::Ready(Arc::new(made)));
                    shared.templates.fit(shared.config.templates);
                }
                Err(why) => {
                    tracing::info!(function = function.name, why, "it has no template");
                    // It stays said as long as the function is as it is, so that it is not tried again and again.
                    state.send_replace(State::Unsafe);
                }
            }
        });
    }

    async fn make_template(&self, function: &Function) -> std::result::Result<Made, String> {
        let shared = &self.shared;
        let told = |error: crate::Error| error.to_string();
        let (code, hold) = self.code_to_start(function).await.map_err(told)?;
        let layers = self.layers_of(&function.configuration.layers).await;
        let (layers, mut holds) = layers.map_err(told)?;
        holds.push(hold);
        let group = self.log_group(function);
        let unique = u128::from_be_bytes(shared.random.bytes());
        let now = shared.clock.now();
        let stream = shared
            .dialects
            .of(&function.space)
            .log_stream(now, function.version, unique);
        let facts = InstanceFacts {
            function,
            version: function.version,
            log_group: &group.name,
            log_stream: &stream,
            initialization: function.initialization(),
            again: false,
        };
        let what = self.plan(&facts, code, layers);
        let prepared = shared.launcher.template(what).await?;
        let pipes = match (prepared.stdout, prepared.stderr) {
            (Some(stdout), Some(stderr)) => Pipes {
                stdout: Box::new(stdout),
                stderr: Box::new(stderr),
                beside: None,
            },
            _ => Pipes::empty(),
        };
        // What it prints is printed once for all who come of it.
        let writer = self.writer(function, group, &stream);
        let capture = self.capture(pipes, writer, None);
        let ready = prepared.template.ready().await;
        ready.map_err(|cause| cause.to_string())?;
        prepared.template.make_ahead().await;
        Ok(Made {
            template: prepared.template,
            _capture: capture,
            _code: holds,
        })
    }
}

fn has_snapshot(function: &Function) -> bool {
    function.initialization() == Initialization::Snapshot
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::fake::{World, space};

    #[tokio::test]
    async fn one_is_made_for_each_code_and_configuration_and_ends_with_it() {
        let world = World::new();
        let mut function = world.deploy("echo").await;
        let shared = &world.functions.shared;
        let now = shared.host.now();
        assert!(shared.templates.of(&function, now).is_none());
        let state = shared.templates.claim(&function, now).unwrap();
        assert!(shared.templates.claim(&function, now).is_none());
        state.send_replace(State::Unsafe);
        // It is not tried again, until something changes.
        assert!(shared.templates.claim(&function, now).is_none());
        function.generation = Generation([9; 16]);
        assert!(shared.templates.of(&function, now).is_none());
        assert!(shared.templates.claim(&function, now).is_some());
        let current = Some(function.generation);
        shared.templates.forget(&space(), "f", current);
        assert!(shared.templates.of(&function, now).is_some());
        shared.templates.forget(&space(), "f", None);
        assert!(shared.templates.of(&function, now).is_none());
    }

    #[tokio::test]
    async fn one_that_is_not_used_or_too_old_ends() {
        let world = World::new();
        let function = world.deploy("echo").await;
        let shared = &world.functions.shared;
        let (start, config) = (shared.host.now(), &shared.config);
        let _state = shared.templates.claim(&function, start).unwrap();
        let used = start + UNUSED;
        shared.templates.retire(used, config);
        assert!(shared.templates.of(&function, used).is_some());
        shared.templates.retire(used + UNUSED, config);
        assert!(shared.templates.of(&function, used).is_some());
        let late = used + UNUSED + Duration::from_secs(1);
        shared.templates.retire(late, config);
        assert!(shared.templates.of(&function, late).is_none());
        let _state = shared.templates.claim(&function, late).unwrap();
        let old = late + config.longest_life;
        shared.templates.of(&function, old);
        shared.templates.retire(old, config);
        assert!(shared.templates.of(&function, old).is_none());
    }

    #[test]
    fn those_used_least_recently_go_first_and_the_last_one_stays() {
        let at = |second: u64| Timestamp::from_millis(second * 1_000);
        let mut all = vec![(at(3), "c", 40), (at(1), "a", 30), (at(2), "b", 50)];
        assert!(surplus(&mut all, 120).is_empty());
        assert_eq!(surplus(&mut all, 119), ["a"]);
        assert_eq!(surplus(&mut all, 80), ["a", "b"]);
        assert_eq!(surplus(&mut all, 10), ["a", "b"]);
    }
}
