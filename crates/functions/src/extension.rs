//! Programs that run beside a function, in its walls or in its own process, and take part in its life.
//!
//! They register before the function is called the first time, then ask for events one after the other: each call, and
//! the end. An instance has started only when all of them have asked for their first event, and is free for the next
//! call only when all that hear of calls have asked again. Those that came as files of a layer (*external* ones) may
//! outlive the function by a moment, and hear of the end; those in the function's own process hear of calls only.
//!
//! A [`Hub`] is what one instance knows of them. It decides; `desk.rs` speaks with them, and `telemetry.rs` passes on
//! what they want to hear.

mod beside;
mod desk;
mod telemetry;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;

use base::{Random, Timestamp};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub(crate) use self::beside::Beside;
pub(crate) use self::desk::{ForWorker, Relayed, attend};
pub use self::telemetry::Kind;
pub(crate) use self::telemetry::Telemetry;
use crate::protocol::{Refusal, extension as words};

/// More than the real service takes.
const MOST: usize = 10;

/// What an instance tells those that register.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) function: String,
    pub(crate) version: String,
    pub(crate) handler: String,
    pub(crate) account: String,
}

/// What one instance knows of its extensions.
pub(crate) struct Hub {
    facts: Facts,
    random: Random,
    /// Those that came as files, by name.
    external: Vec<String>,
    state: Mutex<State>,
    /// Its value says nothing; it changes with the state.
    changed: watch::Sender<()>,
    pub(crate) telemetry: Telemetry,
    /// Nobody is heard any more.
    pub(crate) closed: CancellationToken,
}

#[derive(Default)]
struct State {
    extensions: Vec<Extension>,
    /// No more may register: the first call has come.
    begun: bool,
    /// Why an instance with these cannot go on.
    failed: Option<Broken>,
}

struct Extension {
    id: String,
    name: String,
    external: bool,
    hears_calls: bool,
    hears_the_end: bool,
    /// It waits for an event, having asked for one.
    waits: bool,
    asked: bool,
    events: VecDeque<String>,
    gone: bool,
}

/// How an extension spoils its instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    pub name: String,
    pub how: How,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// It said that it cannot start, with an error of this kind.
    InitError(String),
    /// It said that it ends, with an error of this kind.
    ExitError(String),
    /// It ended without a word.
    Ended(i32),
}

impl How {
    /// The kind of the error that it is.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::InitError(_) => "Extension.InitError",
            Self::ExitError(_) => "Extension.ExitError",
            Self::Ended(_) => "Extension.Crash",
        }
    }
}

/// Why an instance ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Idle,
    TimedOut,
    Failed,
}

impl End {
    fn word(self) -> &'static str {
        match self {
            Self::Idle => "spindown",
            Self::TimedOut => "timeout",
            Self::Failed => "failure",
        }
    }
}

/// A call, as extensions hear of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Called<'a> {
    pub(crate) request_id: &'a str,
    pub(crate) deadline_ms: u64,
    pub(crate) invoked_name: &'a str,
    pub(crate) trace: &'a str,
}

impl Hub {
    pub(crate) fn new(
        facts: Facts,
        external: Vec<String>,
        random: Random,
        telemetry: Telemetry,
    ) -> Arc<Self> {
        Arc::new(Self {
            facts,
            random,
            external,
            state: Mutex::default(),
            changed: watch::Sender::new(()),
            telemetry,
            closed: CancellationToken::new(),
        })
    }

    /// Registers one, and returns its id.
    fn register(&self, name: &str, events: &[String]) -> Result<String, Refusal> {
        let external = self.external.iter().any(|file| file == name);
        let hears = |event: &str| events.iter().any(|one| one == event);
        if events
            .iter()
            .any(|event| event != "INVOKE" && event != "SHUTDOWN")
        {
            return Err(words::bad(
                "Extension.InvalidEventType",
                "Invalid event type",
            ));
        }
        if hears("SHUTDOWN") && !external {
            let message = "SHUTDOWN event is not supported for internal extensions";
            return Err(words::bad("Extension.InvalidEventType", message));
        }
        let id = self.random.uuid().to_string();
        let mut state = self.state.lock();
        if state.begun {
            let message = "Extension registration closed already";
            return Err(words::forbidden("Extension.RegistrationClosed", message));
        }
        if let Some(known) = state.extensions.iter().find(|one| one.name == name) {
            let (from, to) = (words::REGISTERED, words::REGISTERED);
            return Err(words::wrong_state(from, to, &known.id));
        }
        if state.extensions.len() >= MOST {
            let message = "Extension limit (10) reached";
            return Err(words::forbidden("Extension.TooManyExtensions", message));
        }
        state.extensions.push(Extension {
            id: id.clone(),
            name: name.to_owned(),
            external,
            hears_calls: hears("INVOKE"),
            hears_the_end: hears("SHUTDOWN"),
            waits: false,
            asked: false,
            events: VecDeque::new(),
            gone: false,
        });
        drop(state);
        self.changed.send_replace(());
        Ok(id)
    }

    fn knows(&self, id: Option<&str>) -> Result<(), Refusal> {
        let id = id.ok_or_else(words::no_id)?;
        let state = self.state.lock();
        match state.extensions.iter().any(|one| one.id == id) {
            true => Ok(()),
            false => Err(words::unknown_id(id)),
        }
    }

    /// Waits for the next event for the one of this id; none once nobody is heard any more. May be given up.
    async fn next(&self, id: &str) -> Option<String> {
        let mut changes = self.changed.subscribe();
        let _waiting = Waiting { hub: self, id };
        self.with(id, |one| (one.waits, one.asked) = (true, true));
        self.changed.send_replace(());
        loop {
            changes.mark_unchanged();
            if let Some(event) = self.with(id, |one| one.events.pop_front()).flatten() {
                return Some(event);
            }
            tokio::select! {
                changed = changes.changed() => changed.ok()?,
                () = self.closed.cancelled() => return None,
            }
        }
    }

    fn with<T>(&self, id: &str, see: impl FnOnce(&mut Extension) -> T) -> Option<T> {
        let mut state = self.state.lock();
        state
            .extensions
            .iter_mut()
            .find(|one| one.id == id)
            .map(see)
    }

    fn failed(&self, name: String, how: How) {
        self.state.lock().failed.get_or_insert(Broken { name, how });
        self.changed.send_replace(());
    }

    fn name_of(&self, id: &str) -> String {
        self.with(id, |one| one.name.clone()).unwrap_or_default()
    }

    /// A program that was started beside the function has ended.
    pub(crate) fn ended(&self, name: &str, code: i32) {
        let mut state = self.state.lock();
        for one in &mut state.extensions {
            one.gone |= one.external && one.name == name;
        }
        let how = How::Ended(code);
        let name = name.to_owned();
        state.failed.get_or_insert(Broken { name, how });
        drop(state);
        self.changed.send_replace(());
    }

    /// Waits until those that came as files have registered and everybody has asked for an event: the instance has
    /// started, or is free again.
    pub(crate) async fn settled(&self) -> Result<(), Broken> {
        let settled = |state: &State| {
            let has = |file: &String| state.extensions.iter().any(|one| one.name == *file);
            self.external.iter().all(has) && state.extensions.iter().all(Extension::is_done)
        };
        self.wait(settled).await
    }

    /// Waits until one has spoiled the instance.
    pub(crate) async fn broken(&self) -> Broken {
        match self.wait(|_| false).await {
            Err(broken) => broken,
            Ok(()) => std::future::pending().await,
        }
    }

    async fn wait(&self, done: impl Fn(&State) -> bool) -> Result<(), Broken> {
        let mut changes = self.changed.subscribe();
        loop {
            changes.mark_unchanged();
            {
                let state = self.state.lock();
                if let Some(broken) = &state.failed {
                    return Err(broken.clone());
                }
                if done(&state) {
                    return Ok(());
                }
            }
            if changes.changed().await.is_err() {
                return Ok(());
            }
        }
    }

    /// Tells those that hear of calls of this one.
    pub(crate) fn call(&self, called: &Called<'_>) {
        let event = json!({
            "eventType": "INVOKE",
            "deadlineMs": called.deadline_ms,
            "requestId": called.request_id,
            "invokedFunctionArn": called.invoked_name,
            "tracing": { "type": words::TRACE_TYPE, "value": called.trace },
        })
        .to_string();
        let mut state = self.state.lock();
        state.begun = true;
        for one in state.extensions.iter_mut().filter(|one| one.hears_calls) {
            one.waits = false;
            one.events.push_back(event.clone());
        }
        drop(state);
        self.changed.send_replace(());
    }

    /// Whether anybody registered.
    pub(crate) fn has_any(&self) -> bool {
        !self.state.lock().extensions.is_empty()
    }

    /// Tells those that hear of the end; false if there are none.
    pub(crate) fn end(&self, why: End, deadline: Timestamp) -> bool {
        let event = json!({
            "eventType": "SHUTDOWN",
            "shutdownReason": why.word(),
            "deadlineMs": deadline.as_millis(),
        })
        .to_string();
        let mut state = self.state.lock();
        // From here on nobody spoils anything by ending.
        state.failed = None;
        let mut any = false;
        for one in state.extensions.iter_mut() {
            if one.hears_the_end && !one.gone {
                any = true;
                one.events.push_back(event.clone());
            }
        }
        drop(state);
        self.changed.send_replace(());
        any
    }

    /// Waits until those that came as files have ended.
    pub(crate) async fn all_gone(&self) {
        let mut changes = self.changed.subscribe();
        loop {
            changes.mark_unchanged();
            if self
                .state
                .lock()
                .extensions
                .iter()
                .all(|one| one.gone || !one.external)
            {
                return;
            }
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    fn registered(&self, features: Option<&str>) -> Value {
        let mut told = json!({
            "functionName": self.facts.function,
            "functionVersion": self.facts.version,
            "handler": self.facts.handler,
        });
        let wanted = features.unwrap_or_default().split(',').map(str::trim);
        if wanted.into_iter().any(|feature| feature == words::ACCOUNT) {
            told[words::ACCOUNT] = self.facts.account.clone().into();
        }
        told
    }
}

impl Extension {
    fn is_done(&self) -> bool {
        self.gone || (self.asked && self.events.is_empty() && (self.waits || !self.hears_calls))
    }
}

/// Whoever has asked and gone away waits no more.
struct Waiting<'a> {
    hub: &'a Hub,
    id: &'a str,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.hub.with(self.id, |one| one.waits = false);
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.closed.cancel();
    }
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub")
            .field("external", &self.external)
            .finish_non_exhaustive()
    }
}
