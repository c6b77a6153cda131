//! Feeding functions with what is printed.
//!
//! Each subscription has a cursor in its group's lines. One transaction moves it and enqueues the invocations; lines and
//! cursors are written behind alike and in one order, so a crash that loses the one loses what followed from it too.

use std::collections::BTreeMap;
use std::time::Duration;

use ledger::{Heard, Logged};
use store::{Position, Read};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::LinePattern;
use crate::schema::Cursor;
use crate::schema::lines::{LINE_CURSORS, LINE_SUBSCRIPTIONS, LineSubscription};
use crate::target::{Destination, Message};
use crate::{Result, Triggers};

/// Entries of a group that are dealt with in one transaction. What functions print is some 100 KiB in each at most.
const BATCH: usize = 16;
/// How often each has its turn before it is looked for others.
const TURNS: usize = 256;
/// What one invocation is given, in bytes of lines. One that alone is larger comes alone.
const LARGEST: usize = 256 << 10;
/// How long is waited for more of what belongs together.
const MOMENT: Duration = Duration::from_millis(250);
/// How long to wait after a failure before trying again.
const PAUSE: Duration = Duration::from_secs(1);

/// Up to where it was heard which groups got lines, and whether there is somebody new.
struct Listening {
    heard: Position,
    changed: watch::Receiver<u64>,
}

impl Triggers {
    /// Feeds functions with lines until `stop`. One of these runs for each store.
    pub async fn follow_lines(&self, stop: CancellationToken) {
        let mut listening = Listening {
            heard: Position::START,
            changed: self.line_subscriptions.subscribe(),
        };
        loop {
            let step = async {
                if let Err(error) = self.lines_step(&mut listening).await {
                    tracing::error!(%error, "functions could not be fed with lines; trying again");
                    self.clock.host().sleep(PAUSE).await;
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = step => {}
            }
        }
    }

    /// Waits for lines and feeds whoever wants them.
    async fn lines_step(&self, listening: &mut Listening) -> Result<()> {
        if self.all_line_subscriptions()?.is_empty() {
            // Its sender is in `self`.
            let _ = listening.changed.changed().await;
        }
        let (heard, up_to) = tokio::select! {
            heard = self.lines().hear(listening.heard) => heard?,
            // What came while a new one was made may have been passed over.
            _ = listening.changed.changed() => (Heard::Any, listening.heard),
        };
        // The host's time, not the clock's: it has no meaning.
        self.clock.host().sleep(MOMENT).await;
        let mut hungry = self.all_line_subscriptions()?;
        hungry.retain(|one| heard.names(&one.group));
        listening.heard = Position::START;
        self.feed_in_turn(&mut hungry).await?;
        if hungry.is_empty() {
            listening.heard = up_to;
        }
        Ok(())
    }

    /// Feeds each of them by turns, and leaves those that may have more. Whoever cannot be fed holds up nobody else.
    async fn feed_in_turn(&self, hungry: &mut Vec<LineSubscription>) -> Result<()> {
        let mut fed = Ok(());
        for _ in 0..TURNS {
            let mut left = Vec::new();
            for one in hungry.drain(..) {
                match self.feed(&one).await {
                    Ok(true) => left.push(one),
                    Ok(false) => {}
                    Err(error) => fed = Err(error),
                }
            }
            *hungry = left;
            if hungry.is_empty() {
                break;
            }
        }
        fed
    }

    fn all_line_subscriptions(&self) -> Result<Vec<LineSubscription>> {
        let all = LINE_SUBSCRIPTIONS.key().range();
        let found = LINE_SUBSCRIPTIONS.scan(&self.store.read()?, &all, usize::MAX)?;
        Ok(found.into_iter().map(|(_, one)| one).collect())
    }

    /// Gives it what is next; says whether there was anything.
    async fn feed(&self, to: &LineSubscription) -> Result<bool> {
        let cursor = line_cursor(&self.store.read()?, to)?;
        let (lines, next) = self.lines().lines_after(&to.group, cursor, BATCH)?;
        if next == cursor {
            return Ok(false);
        }
        let batches = batches(wanted(to, lines));
        let words = |batch: &Vec<Logged>| self.wording.printed(to, batch);
        let messages: Vec<Message> = batches.iter().map(words).collect();
        let place = Destination::Function(to.target.clone());
        self.store
            .write_buffered(|tx| {
                let there = LINE_SUBSCRIPTIONS.get(tx, &to.key())?.is_some();
                if !there || line_cursor(tx, to)? != cursor {
                    // It is gone, or somebody else has dealt with them.
                    return Ok(());
                }
                for message in &messages {
                    if let Err(refusal) = self.send(tx, &place, message)? {
                        let name = &to.name;
                        tracing::warn!(%refusal, name, "lines were not handed over");
                    }
                }
                LINE_CURSORS.put(tx, to.cursor(), &Cursor(next));
                Ok::<_, crate::Error>(())
            })
            .await?;
        Ok(true)
    }
}

fn line_cursor(from: &impl Read, of: &LineSubscription) -> Result<Position> {
    let stored = LINE_CURSORS.get(from, &of.cursor())?;
    Ok(stored.map_or(Position::START, |cursor| cursor.0))
}

/// Without what the function itself printed, for which it would be called for ever. (A group that has the function's
/// name is not what it prints to: lines that are put there come under that name.)
fn wanted(to: &LineSubscription, mut lines: Vec<Logged>) -> Vec<Logged> {
    let Ok(pattern) = LinePattern::read(&to.pattern) else {
        let name = &to.name;
        tracing::error!(
            name,
            "a subscription's pattern does not read, so it gets nothing"
        );
        return Vec::new();
    };
    let function = &to.target.function;
    lines.retain(|logged| {
        let is_own = logged.function == *function && to.group.name != *function;
        !is_own && pattern.matches(&logged.line.text)
    });
    lines
}

/// By streams, and none too large.
fn batches(lines: Vec<Logged>) -> Vec<Vec<Logged>> {
    let mut streams: BTreeMap<String, Vec<Vec<Logged>>> = BTreeMap::new();
    let mut room: BTreeMap<String, usize> = BTreeMap::new();
    for logged in lines {
        let batches = streams.entry(logged.stream.clone()).or_default();
        let left = room.entry(logged.stream.clone()).or_default();
        let size = logged.line.text.len();
        match (left.checked_sub(size), batches.last_mut()) {
            (Some(rest), Some(last)) => {
                *left = rest;
                last.push(logged);
            }
            _ => {
                *left = LARGEST.saturating_sub(size);
                batches.push(vec![logged]);
            }
        }
    }
    streams.into_values().flatten().collect()
}

#[cfg(test)]
mod tests;
