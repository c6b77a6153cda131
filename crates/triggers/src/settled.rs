//! Following how asynchronous calls ended: each outcome goes where its function's owner wants it told.
//!
//! The outcome is in the log from the transaction that settled the call. One transaction here moves the cursor and sends
//! it on, so it is told at least once, and a place that does not take it loses nothing of what comes after.

use std::time::Duration;

use functions::{LoggedSettled, Settled};
use store::{Position, Read, Record, Tx};
use tokio_util::sync::CancellationToken;

use crate::schema::subscription::SETTLED_CURSOR;
use crate::schema::{Cursor, SetAside, set_aside};
use crate::target::{Destination, Message};
use crate::{Result, Triggers};

/// Outcomes that are dealt with in one transaction.
const BATCH: usize = 64;
/// How long to wait after a failure before trying again.
const PAUSE: Duration = Duration::from_secs(1);

/// What follows from some entries of the log.
#[derive(Default)]
struct Todo {
    sent: Vec<(Destination, Message)>,
    unreadable: Vec<SetAside>,
}

impl Triggers {
    /// Tells how calls ended until `stop`. One of these runs for each store.
    pub async fn follow_settled(&self, stop: CancellationToken) {
        loop {
            let step = async {
                if let Err(error) = self.settled_step().await {
                    tracing::error!(%error, "it could not be told how calls ended; trying again");
                    self.clock.sleep(PAUSE).await;
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = step => {}
            }
        }
    }

    /// Waits for calls that are over and tells of some of them.
    pub(crate) async fn settled_step(&self) -> Result<()> {
        let log = self.functions.settled_log();
        let cursor = settled_cursor(&self.store.read()?)?;
        self.store.appended(&log, cursor).await?;
        let entries = self.functions.settled(&self.store.read()?, cursor, BATCH)?;
        let Some(last) = entries.last().map(|entry| entry.position) else {
            return Ok(());
        };
        let todo = self.to_send(&entries);
        self.store
            .write_buffered(|tx| {
                if settled_cursor(tx)? != cursor {
                    // Somebody else has dealt with them.
                    return Ok(());
                }
                for (place, message) in &todo.sent {
                    self.tell(tx, place, message)?;
                }
                for entry in &todo.unreadable {
                    set_aside().append(tx, entry.encode());
                }
                SETTLED_CURSOR.put(tx, SETTLED_CURSOR.key(), &Cursor(last));
                // Nobody else reads them.
                log.forget(tx, entries.iter().map(|entry| entry.position));
                Ok::<_, crate::Error>(())
            })
            .await
    }

    fn to_send(&self, entries: &[LoggedSettled]) -> Todo {
        let mut todo = Todo::default();
        for entry in entries {
            match &entry.settled {
                Ok(settled) => self.letters_about(settled, &mut todo.sent),
                Err(cause) => {
                    let position = entry.position;
                    tracing::error!(%position, %cause, "the outcome of a call does not read, and nobody is told; it is kept aside");
                    let body = entry.body.clone();
                    todo.unreadable.push(SetAside { position, body });
                }
            }
        }
        todo
    }

    fn letters_about(&self, settled: &Settled, sent: &mut Vec<(Destination, Message)>) {
        if let Some(place) = self.place(settled, settled.tell.as_deref()) {
            let message = self.wording.settled(settled, &place);
            sent.push((place, message));
        }
        if let Some(place) = self.place(settled, settled.keep.as_deref()) {
            sent.push((place, self.wording.dead_letter(settled)));
        }
    }

    fn place(&self, settled: &Settled, name: Option<&str>) -> Option<Destination> {
        let name = name?;
        let place = self.wording.place(name);
        if place.is_none() {
            let function = &settled.function;
            tracing::error!(name, function, "nothing can be sent to such a place");
        }
        place
    }

    /// A place that does not take it is nobody's who could be told.
    fn tell(&self, tx: &mut Tx, place: &Destination, message: &Message) -> Result<()> {
        if let Err(refusal) = self.send(tx, place, message)? {
            tracing::warn!(?place, %refusal, "how a call ended could not be told");
        }
        Ok(())
    }
}

fn settled_cursor(from: &impl Read) -> Result<Position> {
    let stored = SETTLED_CURSOR.get(from, &SETTLED_CURSOR.key())?;
    Ok(stored.map_or(Position::START, |cursor| cursor.0))
}
