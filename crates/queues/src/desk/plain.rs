//! Which messages of a queue without order are to be had.

use std::collections::{BTreeSet, HashSet};

use base::Timestamp;
use store::{Position, Read, Record, View};

use crate::desk::flight::Flight;
use crate::desk::pick::{Fate, Pick};
use crate::place::Place;
use crate::schema::{APART, CURSORS, DUE, Due, HELD, Message, Queue, due_and_place, held_place};

/// How many messages are looked at for one receive: those that were passed over by others or are over count too.
const MOST_EXAMINED: usize = 1_000;
/// How many that are in flight are counted when a queue is first read.
const MOST_COUNTED: usize = 2 * crate::MAX_IN_FLIGHT;

pub(crate) struct Plain {
    /// After it are those that nobody has taken yet.
    cursor: Position,
    /// Up to here some after the cursor may have been taken before this process began.
    recovered: Position,
    /// Those before the cursor that were about to be taken and were not.
    loose: BTreeSet<Position>,
    /// Those before the cursor that are about to be taken.
    taking: BTreeSet<Position>,
    /// Those that were held and are about to be taken.
    claimed: HashSet<Place>,
    pub(crate) flight: Flight,
}

impl Plain {
    pub(crate) fn load(view: &View, queue: &Queue, now: Timestamp) -> store::Result<Self> {
        let cursor = CURSORS.get(view, &CURSORS.key().u64(queue.number))?;
        let held = HELD.key().u64(queue.number);
        let logged = held.clone().u8(0).range();
        let newest = HELD.scan_back(view, &logged, 1)?.pop();
        let newest = newest.map(|(key, _)| held_place(&key)).transpose()?;
        let mut flight = Flight::default();
        let due = queue.all_due();
        let from = due.clone().u64(now.as_micros().saturating_add(1));
        let flying = due.range().from(from.as_slice());
        for (key, _) in view.scan(&flying, MOST_COUNTED)? {
            let (until, place) = due_and_place(&key)?;
            let held = HELD.get(view, &queue.held(place))?;
            if held.is_some_and(|held| held.receives > 0) {
                flight.enter(until, now);
            }
        }
        Ok(Self {
            cursor: cursor.map_or(Position::START, |cursor| cursor.0),
            recovered: match newest {
                Some(Place::Log(position)) => position,
                _ => Position::START,
            },
            loose: BTreeSet::new(),
            taking: BTreeSet::new(),
            claimed: HashSet::new(),
            flight,
        })
    }

    pub(crate) fn pick(
        &mut self,
        view: &View,
        queue: &Queue,
        want: usize,
        now: Timestamp,
    ) -> store::Result<Vec<Pick>> {
        let mut picks = Vec::new();
        self.pick_due(view, queue, want, now, &mut picks)?;
        self.pick_loose(view, queue, want, now, &mut picks)?;
        self.pick_fresh(view, queue, want, now, &mut picks)?;
        Ok(picks)
    }

    /// Those that were held and are no longer.
    fn pick_due(
        &mut self,
        view: &View,
        queue: &Queue,
        want: usize,
        now: Timestamp,
        picks: &mut Vec<Pick>,
    ) -> store::Result<()> {
        let due = queue.all_due();
        let end = due.clone().u64(now.as_micros().saturating_add(1));
        let limit = want + self.claimed.len();
        for (key, Due) in DUE.scan_front(view, &due, Some(end.as_slice()), limit)? {
            if picks.len() >= want {
                break;
            }
            let (until, place) = due_and_place(&key)?;
            if !self.claimed.insert(place) {
                continue;
            }
            let held = HELD.get(view, &queue.held(place))?;
            let message = match held {
                // What says so is left from an earlier time.
                Some(held) if held.until != until => None,
                _ => message(view, queue, place)?,
            };
            let mut pick = Pick::new(queue, place, message, held, now);
            pick.due = Some(until);
            picks.push(pick);
        }
        Ok(())
    }

    fn pick_loose(
        &mut self,
        view: &View,
        queue: &Queue,
        want: usize,
        now: Timestamp,
        picks: &mut Vec<Pick>,
    ) -> store::Result<()> {
        while picks.len() < want
            && let Some(position) = self.loose.pop_first()
        {
            let place = Place::Log(position);
            let held = HELD.get(view, &queue.held(place))?;
            let message = message(view, queue, place)?;
            // It was taken after all; or it is gone.
            if held.is_none() && message.is_some() {
                self.taking.insert(position);
                picks.push(Pick::new(queue, place, message, None, now));
            }
        }
        Ok(())
    }

    fn pick_fresh(
        &mut self,
        view: &View,
        queue: &Queue,
        want: usize,
        now: Timestamp,
        picks: &mut Vec<Pick>,
    ) -> store::Result<()> {
        let log = queue.log();
        let mut examined = 0;
        while picks.len() < want && examined < MOST_EXAMINED {
            let ask = want - picks.len();
            let entries = log.read(view, self.cursor, ask)?;
            let all = entries.len() < ask;
            examined += entries.len();
            for entry in entries {
                self.cursor = entry.position;
                let place = Place::Log(entry.position);
                if entry.position <= self.recovered
                    && view.get(queue.held(place).as_slice())?.is_some()
                {
                    continue;
                }
                let message = Message::decode(&entry.body)?;
                let mut pick = Pick::new(queue, place, Some(message), None, now);
                // What is over goes with the others that are, from the front of the log.
                if pick.fate != Fate::Remove {
                    pick.verify = false;
                    self.taking.insert(entry.position);
                    picks.push(pick);
                }
            }
            if all {
                break;
            }
        }
        Ok(())
    }

    /// Notes that this pick is committed.
    pub(crate) fn taken(&mut self, pick: &Pick) {
        self.claimed.remove(&pick.place);
        if let Place::Log(position) = pick.place {
            self.taking.remove(&position);
        }
    }

    pub(crate) fn give_back(&mut self, pick: &Pick) {
        self.claimed.remove(&pick.place);
        if let Place::Log(position) = pick.place
            && self.taking.remove(&position)
        {
            self.loose.insert(position);
        }
    }

    pub(crate) fn passed(&mut self, upto: Position) {
        self.cursor = self.cursor.max(upto);
    }

    pub(crate) fn is_being_taken(&self, place: Place) -> bool {
        let fresh = matches!(place, Place::Log(position) if self.taking.contains(&position));
        fresh || self.claimed.contains(&place)
    }

    pub(crate) fn cursor(&self) -> Position {
        let before = |set: &BTreeSet<Position>| set.first().map(|first| first.before());
        [before(&self.loose), before(&self.taking)]
            .into_iter()
            .flatten()
            .fold(self.cursor, Position::min)
    }

    pub(crate) fn next(&self, view: &View, queue: &Queue) -> store::Result<Option<Timestamp>> {
        let limit = 1 + self.claimed.len();
        for (key, _) in view.scan_front(&queue.all_due(), None, limit)? {
            let (until, place) = due_and_place(&key)?;
            if !self.claimed.contains(&place) {
                return Ok(Some(until));
            }
        }
        Ok(None)
    }
}

pub(crate) fn message(
    from: &impl Read,
    queue: &Queue,
    place: Place,
) -> store::Result<Option<Message>> {
    match place {
        Place::Log(position) => {
            let stored = queue.log().get(from, position)?;
            stored.map(|stored| Message::decode(&stored)).transpose()
        }
        Place::Apart { .. } => APART.get(from, &place.put(APART.key().u64(queue.number))),
    }
}
