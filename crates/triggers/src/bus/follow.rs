//! Following the buses' log.

use std::sync::Arc;
use std::time::Duration;

use base::Space;
use buses::{Archive, Event, Happened, Logged};
use store::{Position, Read, Record, View};
use tokio_util::sync::CancellationToken;

use super::send::{Sending, Shown, sendings};
use super::wiring::{Wants, Wiring};
use crate::schema::rule::BUSES_CURSOR;
use crate::schema::{Cursor, SetAside, set_aside};
use crate::{Dialect, Result, Triggers};

/// Entries that are read at once.
const BATCH: usize = 128;
/// What is sent in one transaction, more or less.
const MOST_BYTES: usize = 8 << 20;
/// How long to wait after a failure before trying again.
const PAUSE: Duration = Duration::from_secs(1);

/// Who follows the log, and what is wired to the buses as of where it is.
pub struct BusFollower {
    triggers: Triggers,
    dialect: Arc<dyn Dialect>,
    wiring: Wiring,
}

/// What follows from some entries of the log.
#[derive(Default)]
struct Todo {
    sendings: Vec<Sending>,
    archived: Vec<(Arc<Archive>, Event)>,
    unreadable: Vec<SetAside>,
    done: Vec<Position>,
    bytes: usize,
}

impl Triggers {
    /// Sends what is put on buses to where their rules say, until `stop`. One of these runs for each store.
    pub async fn follow_buses(
        &self,
        dialect: Arc<dyn Dialect>,
        stop: CancellationToken,
    ) -> Result<()> {
        let mut follower = self.bus_follower(dialect)?;
        loop {
            let step = async {
                if let Err(error) = follower.step().await {
                    tracing::error!(%error, "events could not be passed on; trying again");
                    self.clock.host().sleep(PAUSE).await;
                }
            };
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = step => {}
            }
        }
    }

    pub fn bus_follower(&self, dialect: Arc<dyn Dialect>) -> Result<BusFollower> {
        Ok(BusFollower {
            triggers: self.clone(),
            dialect,
            wiring: Wiring::load(self, &self.store.read()?)?,
        })
    }

    fn buses_cursor(&self, from: &impl Read) -> Result<Position> {
        let stored = BUSES_CURSOR.get(from, &BUSES_CURSOR.key())?;
        Ok(stored.map_or(Position::START, |cursor| cursor.0))
    }
}

impl BusFollower {
    /// Waits until something happens, and deals with some of it.
    pub async fn step(&mut self) -> Result<()> {
        let triggers = self.triggers.clone();
        let cursor = triggers.buses_cursor(&triggers.store.read()?)?;
        let log = triggers.buses.log();
        triggers.store.appended(&log, cursor).await?;
        let view = triggers.store.read()?;
        let entries = triggers.buses.happened(&view, cursor, BATCH)?;
        let todo = self.todo(&view, &entries)?;
        let Some(last) = todo.done.last().copied() else {
            return Ok(());
        };
        // Losing this in a crash loses the cursor's move with it: the events are still in the log.
        triggers
            .store
            .write_buffered(|tx| {
                if triggers.buses_cursor(tx)? != cursor {
                    // Somebody else has dealt with them.
                    return Ok(());
                }
                for (archive, event) in &todo.archived {
                    triggers.buses.keep(tx, archive, event)?;
                }
                for sending in &todo.sendings {
                    triggers.send_out(tx, self.dialect.as_ref(), sending)?;
                }
                for entry in &todo.unreadable {
                    set_aside().append(tx, entry.encode());
                }
                BUSES_CURSOR.put(tx, BUSES_CURSOR.key(), &Cursor(last));
                // Nobody else reads them.
                log.forget(tx, todo.done.iter().copied());
                Ok(())
            })
            .await
    }

    /// Changes of the wiring are made known at once, and what comes before them is dealt with first: so an event that is
    /// dealt with a second time meets the same rules.
    fn todo(&mut self, view: &View, entries: &[Logged]) -> Result<Todo> {
        let mut todo = Todo::default();
        for entry in entries {
            match &entry.happened {
                Ok(Happened::Put { space, bus, event }) => {
                    if todo.bytes > MOST_BYTES {
                        break;
                    }
                    self.deal_with(space, bus, event, &mut todo);
                }
                Ok(Happened::Wired { space, bus, wiring }) => {
                    if !todo.sendings.is_empty() || !todo.archived.is_empty() {
                        break;
                    }
                    self.wiring
                        .renew(&self.triggers, view, space, bus, wiring)?;
                }
                Err(cause) => {
                    let position = entry.position;
                    tracing::error!(%position, %cause, "an event does not read, and nobody will hear of it; it is kept aside");
                    let body = entry.body.clone();
                    todo.unreadable.push(SetAside { position, body });
                }
            }
            todo.done.push(entry.position);
        }
        Ok(todo)
    }

    fn deal_with(&self, space: &Space, bus: &str, event: &Event, todo: &mut Todo) {
        let dialect = self.dialect.as_ref();
        let shown = Shown::new(dialect, event);
        for wants in self.wiring.wanting(space, bus, &shown.value) {
            match wants {
                Wants::Rule(rule) if is_for(event, &rule.name) => {
                    let sendings = sendings(dialect, &rule, event, &shown);
                    todo.bytes += sendings.iter().map(Sending::bytes).sum::<usize>();
                    todo.sendings.extend(sendings);
                }
                Wants::Archive(archive) if event.replayed.is_none() => {
                    todo.bytes += event.detail.len();
                    todo.archived.push((archive, event.clone()));
                }
                // A replay is for other rules, and is kept no second time.
                Wants::Rule(_) | Wants::Archive(_) => {}
            }
        }
    }
}

fn is_for(event: &Event, rule: &str) -> bool {
    let replayed = event.replayed.as_ref();
    replayed.is_none_or(|replayed| {
        replayed.rules.is_empty() || replayed.rules.iter().any(|wanted| wanted == rule)
    })
}

impl std::fmt::Debug for BusFollower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BusFollower")
    }
}
