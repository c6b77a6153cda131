//! Moving messages out of a queue of dead letters, back to where they came from or elsewhere, at a given rate.
//!
//! Each message is removed here and enlisted there in one transaction, so none is lost or doubled however often this is
//! interrupted; a move that is under way is gone on with after a start.

use std::sync::Arc;
use std::time::Duration;

use base::{Space, Timestamp};
use store::{Key, KeyReader, Read, Tx};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::Queues;
use crate::desk::pick::{Fate, Outcome};
use crate::desk::{Claim, Desk};
use crate::error::{Error, Result};
use crate::hold::forget;
use crate::remove::remove;
use crate::schema::{
    Address, Due, HELD, MOVES, MOVING, Message, Move, MoveFailure, MoveState, SOURCES, sources,
};
use crate::send::{Enlisting, enlist};
use crate::tally;

pub const MAX_MOVES_PER_SECOND: u32 = 500;
/// How many messages are moved in one transaction.
const AT_ONCE: usize = 64;
/// How many moves of a queue are remembered.
const REMEMBERED: usize = 10;
/// For how long a claim stands that is about to be moved.
const CLAIM: Duration = Duration::from_secs(30);

/// A move to be.
#[derive(Clone, Debug)]
pub struct NewMove {
    pub from: Address,
    /// None: each message goes back to where it came from.
    pub to: Option<Address>,
    pub per_second: Option<u32>,
}

/// How far one round came.
enum Round {
    Moved(u64),
    Nothing,
    Failed(MoveFailure),
}

impl Queues {
    /// Begins to move what is in a queue of dead letters.
    pub async fn start_move(&self, new: NewMove) -> Result<Uuid> {
        self.get(&new.from)?;
        if let Some(to) = &new.to {
            self.get(to)?;
        }
        let expected = self.counts(&new.from)?.visible;
        let at = self.now();
        let id = self.shared.random.uuid();
        self.store()
            .write(|tx| {
                let dead = SOURCES.scan(tx, &sources(&new.from).range(), 1)?;
                if dead.is_empty() {
                    return Err(Error::NotForDeadLetters(new.from.clone()));
                }
                if !MOVING
                    .scan(tx, &all(&MOVING.key(), &new.from).range(), 1)?
                    .is_empty()
                {
                    return Err(Error::Moving(new.from.clone()));
                }
                let begun = Move {
                    id,
                    from: new.from.clone(),
                    to: new.to.clone(),
                    per_second: new.per_second,
                    state: MoveState::Running,
                    moved: 0,
                    expected,
                    started: at,
                    failure: None,
                };
                begun.put(tx);
                forget_oldest(tx, &new.from)
            })
            .await?;
        self.shared.moves.notify_one();
        Ok(id)
    }

    /// Asks a move to stop; returns how many messages it has moved.
    pub async fn cancel_move(&self, from: &Address, id: Uuid) -> Result<u64> {
        let moved = self
            .store()
            .write(|tx| {
                let found = MOVES.get(tx, &key(&MOVES.key(), from, id))?;
                let mut found = found.ok_or(Error::NoSuchMove)?;
                if found.state != MoveState::Running {
                    return Err(Error::MoveIsOver);
                }
                found.state = MoveState::Cancelling;
                found.put(tx);
                Ok(found.moved)
            })
            .await?;
        self.shared.moves.notify_one();
        Ok(moved)
    }

    /// The last moves out of a queue, newest first.
    pub fn moves(&self, from: &Address, limit: usize) -> Result<Vec<Move>> {
        self.get(from)?;
        let found = MOVES.scan(&self.store().read()?, &all(&MOVES.key(), from).range(), 64)?;
        let mut found: Vec<Move> = found.into_iter().map(|(_, found)| found).collect();
        found.sort_by_key(|found| std::cmp::Reverse(found.started));
        found.truncate(limit);
        Ok(found)
    }

    /// Moves until `stop`.
    pub async fn run_moves(&self, stop: CancellationToken) {
        let mut due: std::collections::HashMap<Uuid, Timestamp> = std::collections::HashMap::new();
        loop {
            let next = match self.move_round(&mut due).await {
                Ok(next) => next,
                Err(cause) => {
                    tracing::warn!(%cause, "messages could not be moved; it is tried again");
                    Some(self.now() + Duration::from_secs(1))
                }
            };
            let next = self
                .shared
                .clock
                .sleep_until(next.unwrap_or(Timestamp::MAX));
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.shared.moves.notified() => {}
                () = next => {}
            }
        }
    }

    /// One step of each move that is under way and due. Returns when the next one is.
    async fn move_round(
        &self,
        due: &mut std::collections::HashMap<Uuid, Timestamp>,
    ) -> Result<Option<Timestamp>> {
        let under_way = self.store().read()?.scan(&MOVING.key().range(), 1_000)?;
        let mut next = None;
        for (key, _) in under_way {
            let Some((from, id)) = from_and_id(&key) else {
                continue;
            };
            let now = self.now();
            let when = due.get(&id).copied().unwrap_or(now);
            let when = if when <= now {
                self.step(&from, id, now).await?
            } else {
                Some(when)
            };
            match when {
                Some(when) => {
                    due.insert(id, when);
                    next = next.into_iter().chain(Some(when)).min();
                }
                None => {
                    due.remove(&id);
                }
            }
        }
        Ok(next)
    }

    /// Moves some messages. Returns when to go on; never, if the move is over.
    async fn step(&self, from: &Address, id: Uuid, now: Timestamp) -> Result<Option<Timestamp>> {
        let Some(task) = MOVES.get(&self.store().read()?, &key(&MOVES.key(), from, id))? else {
            return self.end(from, id, MoveState::Failed, None).await;
        };
        if task.state != MoveState::Running {
            return self.end(from, id, MoveState::Cancelled, None).await;
        }
        let desk = match self.desk(from) {
            Ok(desk) => desk,
            Err(error) => return self.fail(from, id, error).await,
        };
        let most = task
            .per_second
            .map_or(AT_ONCE, |most| AT_ONCE.min(most as usize));
        let round = match desk.claim(self.store(), most, now, now + CLAIM) {
            Ok(claim) => self.carry(claim, &task, now).await?,
            Err(error) => return self.fail(from, id, error).await,
        };
        match round {
            Round::Moved(count) => {
                let pause = task.per_second.map_or(Duration::ZERO, |most| {
                    Duration::from_secs(count) / most.max(1)
                });
                Ok(Some(now + pause))
            }
            Round::Nothing => self.end(from, id, MoveState::Completed, None).await,
            Round::Failed(why) => self.end(from, id, MoveState::Failed, Some(why)).await,
        }
    }

    async fn carry(&self, mut claim: Claim, task: &Move, now: Timestamp) -> Result<Round> {
        if claim.picks.is_empty() {
            return Ok(Round::Nothing);
        }
        let mut targets: Vec<Option<Arc<Desk>>> = Vec::with_capacity(claim.picks.len());
        for pick in &mut claim.picks {
            // A move is no receive: however often it was received, here it is only carried on.
            if pick.fate == Fate::Bury {
                pick.fate = Fate::Deliver;
            }
            let message = pick.message.as_ref();
            let to = task
                .to
                .as_ref()
                .or(message.and_then(|message| message.source.as_ref()));
            match to.map(|to| self.desk(to)) {
                Some(Ok(target)) if target.queue().ordered == claim.queue.ordered => {
                    targets.push(Some(target));
                }
                _ if pick.fate == Fate::Remove => targets.push(None),
                Some(Ok(_)) => return Ok(Round::Failed(MoveFailure::OtherKind)),
                Some(Err(_)) => return Ok(Round::Failed(MoveFailure::NoSuchQueue)),
                None => return Ok(Round::Failed(MoveFailure::NoSource)),
            }
        }
        let ids: Vec<Uuid> = claim
            .picks
            .iter()
            .map(|_| self.shared.random.uuid())
            .collect();
        let shared = &claim;
        let (outcomes, moved) = self
            .store()
            .write(|tx| {
                let mut outcomes = Vec::with_capacity(ids.len());
                let (mut moved, mut gone) = (0, 0);
                for ((pick, target), id) in shared.picks.iter().zip(&targets).zip(&ids) {
                    if HELD.get(tx, &shared.queue.held(pick.place))? != pick.held {
                        outcomes.push(Outcome::Skipped);
                        continue;
                    }
                    outcomes.push(Outcome::Gone);
                    let Some(message) = &pick.message else {
                        forget(tx, &shared.queue, pick);
                        continue;
                    };
                    remove(tx, &shared.queue, pick.place, pick.held)?;
                    gone += 1;
                    if let (Fate::Deliver, Some(target)) = (pick.fate, target) {
                        let target = target.open()?;
                        enlist(tx, &target, &renewed(message, *id, now), Enlisting::moved())?;
                        tally::add(tx, target.number, 1);
                        moved += 1;
                    }
                }
                tally::add(tx, shared.queue.number, -gone);
                if let Some(mut task) = MOVES.get(tx, &key(&MOVES.key(), &task.from, task.id))? {
                    task.moved += moved;
                    MOVES.put(tx, key(&MOVES.key(), &task.from, task.id), &task);
                }
                Ok::<_, Error>((outcomes, moved))
            })
            .await?;
        claim.keep(self.store(), &outcomes, now)?;
        Ok(Round::Moved(moved))
    }

    async fn fail(&self, from: &Address, id: Uuid, error: Error) -> Result<Option<Timestamp>> {
        match error {
            Error::NoSuchQueue(_) => {
                let why = MoveFailure::NoSuchQueue;
                self.end(from, id, MoveState::Failed, Some(why)).await
            }
            other => Err(other),
        }
    }

    async fn end(
        &self,
        from: &Address,
        id: Uuid,
        state: MoveState,
        failure: Option<MoveFailure>,
    ) -> Result<Option<Timestamp>> {
        self.store()
            .write(|tx| {
                MOVING.delete(tx, key(&MOVING.key(), from, id));
                if let Some(mut task) = MOVES.get(tx, &key(&MOVES.key(), from, id))? {
                    task.state = state;
                    task.failure = failure;
                    MOVES.put(tx, key(&MOVES.key(), from, id), &task);
                }
                Ok::<_, Error>(None)
            })
            .await
    }
}

/// What is moved is a new message; only what it says, and how it is told from others, stays.
fn renewed(message: &Message, id: Uuid, now: Timestamp) -> Message {
    Message {
        id,
        sent: now,
        arrived: now,
        earlier_receives: 0,
        first_received: None,
        source: None,
        ..message.clone()
    }
}

impl Move {
    fn put(&self, tx: &mut Tx) {
        MOVES.put(tx, key(&MOVES.key(), &self.from, self.id), self);
        MOVING.put(tx, key(&MOVING.key(), &self.from, self.id), &Due);
    }
}

fn forget_oldest(tx: &mut Tx, from: &Address) -> Result<()> {
    let mut known = MOVES.scan(tx, &all(&MOVES.key(), from).range(), 64)?;
    known.sort_by_key(|(_, task)| std::cmp::Reverse(task.started));
    for (key, _) in known.into_iter().skip(REMEMBERED) {
        tx.delete(key);
    }
    Ok(())
}

fn all(table: &Key, from: &Address) -> Key {
    table.clone().str(from.space.as_str()).str(&from.name)
}

fn key(table: &Key, from: &Address, id: Uuid) -> Key {
    all(table, from).raw(id.as_bytes())
}

fn from_and_id(key: &[u8]) -> Option<(Address, Uuid)> {
    let mut reader = KeyReader::new(key)?;
    let from = Address {
        space: Space::new(&reader.str()?),
        name: reader.str()?,
    };
    Some((from, Uuid::from_slice(reader.raw()).ok()?))
}
