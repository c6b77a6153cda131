//! Copies of whole tables that go elsewhere or come from there, which somebody else makes: here it is kept what was
//! asked and what became of it, so that both outlive the process.
//!
//! A transfer that is under way when the process ends is found again by whoever makes them, and is begun anew.

use base::{Space, Timestamp};
use store::{KeyRange, Tx};

use crate::describe::copy;
use crate::drop::forget;
use crate::error::{Error, Result};
use crate::schema::{Direction, State, TRANSFERRING, TRANSFERS, Transfer, Transferring};
use crate::{Tables, settings};

/// Among so many of the latest it is looked whether a transfer has been asked for before.
const REMEMBERED: usize = 1_000;
/// For so long a token stands for its transfer.
const TOKEN_SPAN: std::time::Duration = std::time::Duration::from_secs(8 * 60 * 60);

impl Tables {
    /// Keeps a transfer that is to be made, unless its token says that it is one already: then that one is told.
    pub async fn begin_transfer(&self, space: &Space, transfer: &Transfer) -> Result<Transfer> {
        let now = self.clock.now();
        let begun = self.store.write(|tx| begin(tx, space, transfer, now));
        let begun = begun.await?;
        self.transfers.notify_one();
        Ok(begun)
    }

    pub fn transfer(
        &self,
        space: &Space,
        direction: Direction,
        id: &str,
    ) -> Result<Option<Transfer>> {
        let view = self.store.read()?;
        Ok(TRANSFERS.get(&view, &row(space, direction, id))?)
    }

    /// The latest first, from the one before `before` on.
    pub fn transfers(
        &self,
        space: &Space,
        direction: Direction,
        before: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Transfer>> {
        let mut range = all(space, direction);
        if let Some(before) = before {
            range = range.before(row(space, direction, before).as_slice());
        }
        let found = TRANSFERS.scan_back(&self.store.read()?, &range, limit)?;
        Ok(found.into_iter().map(|(_, transfer)| transfer).collect())
    }

    /// What is to be made, or was being made when the process ended.
    pub fn unfinished(&self, most: usize) -> Result<Vec<(Space, Transfer)>> {
        let view = self.store.read()?;
        let places = TRANSFERRING.scan(&view, &TRANSFERRING.key().range(), most)?;
        let mut found = Vec::new();
        for (_, place) in places {
            let key = row(&place.space, place.direction, &place.id);
            if let Some(transfer) = TRANSFERS.get(&view, &key)? {
                found.push((place.space, transfer));
            }
        }
        Ok(found)
    }

    /// Waits until there may be something more to be made.
    pub async fn transfers_asked(&self) {
        self.transfers.notified().await;
    }

    /// Keeps how far a transfer has been, or how it ended.
    pub async fn keep_transfer(&self, space: &Space, transfer: &Transfer) -> Result<()> {
        let key = row(space, transfer.direction, &transfer.id);
        let now = self.clock.now();
        let kept = self.store.write(|tx| {
            TRANSFERS.put(tx, key.clone(), transfer);
            if transfer.state == State::Running {
                return Ok(());
            }
            let place = Transferring {
                space: space.clone(),
                direction: transfer.direction,
                id: transfer.id.clone(),
            };
            TRANSFERRING.delete(tx, place.row());
            filled(tx, space, transfer, now)
        });
        kept.await?;
        if transfer.came_to_nothing() {
            self.dropped.notify_one();
        }
        Ok(())
    }
}

/// A table that a transfer was to fill is one like others when that has ended, and none if nothing came of it.
fn filled(tx: &mut Tx, space: &Space, transfer: &Transfer, now: Timestamp) -> Result<()> {
    let mut table = match copy(tx, space, &transfer.table) {
        Ok(table) => table,
        Err(Error::NoSuchTable(_)) => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut known = settings::of(tx, &table)?;
    if known.filled_by.as_ref() != Some(&transfer.id) {
        return Ok(());
    }
    if transfer.came_to_nothing() {
        return forget(tx, space, &mut table, now);
    }
    known.filled_by = None;
    settings::put(tx, &table, &known);
    Ok(())
}

/// Keeps a transfer; or tells which one its token stands for.
pub(crate) fn begin(
    tx: &mut Tx,
    space: &Space,
    transfer: &Transfer,
    now: Timestamp,
) -> Result<Transfer> {
    if let Some(token) = &transfer.token {
        let all = all(space, transfer.direction);
        let latest = TRANSFERS.scan_back(tx, &all, REMEMBERED)?;
        let mut latest = latest.into_iter().map(|(_, known)| known);
        let same = latest
            .find(|known| known.token.as_ref() == Some(token) && known.started + TOKEN_SPAN > now);
        match same {
            Some(known) if known.is_asked_by(transfer) => return Ok(known),
            Some(_) => return Err(Error::AnotherTransaction),
            None => {}
        }
    }
    let key = row(space, transfer.direction, &transfer.id);
    TRANSFERS.put(tx, key, transfer);
    let place = Transferring {
        space: space.clone(),
        direction: transfer.direction,
        id: transfer.id.clone(),
    };
    TRANSFERRING.put(tx, place.row(), &place);
    Ok(transfer.clone())
}

pub(crate) fn row(space: &Space, direction: Direction, id: &str) -> store::Key {
    let key = TRANSFERS.key().str(space.as_str());
    key.u8(direction.number()).str(id)
}

fn all(space: &Space, direction: Direction) -> KeyRange {
    let key = TRANSFERS.key().str(space.as_str());
    key.u8(direction.number()).range()
}

impl Direction {
    fn number(self) -> u8 {
        match self {
            Self::Out => 0,
            Self::In => 1,
            Self::Aside => 2,
            Self::Back => 3,
            Self::Over => 4,
        }
    }
}

impl Transferring {
    fn row(&self) -> store::Key {
        let key = TRANSFERRING.key().str(self.space.as_str());
        key.u8(self.direction.number()).str(&self.id)
    }
}

impl Transfer {
    /// Whether a token of its own may stand in another's request. What fills a table is known by the table alone.
    fn is_asked_by(&self, other: &Self) -> bool {
        match self.direction {
            Direction::In => self.table == other.table,
            Direction::Out | Direction::Aside | Direction::Back | Direction::Over => {
                self.asked == other.asked
            }
        }
    }

    /// It failed before it met anything, or left a part of a copy.
    fn came_to_nothing(&self) -> bool {
        let failed = matches!(self.state, State::Failed { .. });
        let is_part = matches!(self.direction, Direction::Back | Direction::Over);
        failed && (self.progress.met == 0 || is_part)
    }

    pub fn end(&mut self, state: State, at: Timestamp) {
        self.state = state;
        self.ended = Some(at);
    }
}
