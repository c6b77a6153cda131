//! Which messages of an ordered queue are to be had.
//!
//! A group is *locked* while a message of it is in flight. The cursor goes through the queue's log, which names groups,
//! and passes over those that are known here: a group is known while it is locked, and after that for as long as it has
//! messages that the cursor has passed. So what is kept in memory grows with what is in flight and not with the queue.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use base::Timestamp;
use store::{Position, Record, View};

use crate::desk::pick::{Outcome, Pick};
use crate::message::is_over;
use crate::place::Place;
use crate::schema::{HELD, Message, Queue, Turn, held_place};

/// How many turns are passed over for one receive.
const MOST_PASSED: usize = 20_000;
/// How many turns are read at once.
const TURNS: usize = 64;
/// How many rows are read at once when a queue is first read.
const HELD_AT_ONCE: usize = 4_096;

pub(crate) struct Ordered {
    /// After it are turns that were not passed over.
    cursor: Position,
    groups: HashMap<String, Group>,
    /// The known groups that are not locked, by where each goes on.
    open: BTreeSet<(Position, String)>,
    flying: HashMap<Position, Flying>,
    /// When what is flying comes back.
    ends: BTreeMap<Timestamp, BTreeSet<Position>>,
}

#[derive(Debug)]
struct Group {
    in_flight: usize,
    /// Before it the group has nothing that can still be received.
    next: Position,
}

#[derive(Debug)]
struct Flying {
    group: String,
    until: Timestamp,
    /// It is not yet committed that it was taken.
    claimed: bool,
}

impl Ordered {
    pub(crate) fn load(view: &View, queue: &Queue, now: Timestamp) -> store::Result<Self> {
        let mut ordered = Self {
            cursor: Position::START,
            groups: HashMap::new(),
            open: BTreeSet::new(),
            flying: HashMap::new(),
            ends: BTreeMap::new(),
        };
        let mut rest = HELD.key().u64(queue.number).range();
        loop {
            let some = HELD.scan(view, &rest, HELD_AT_ONCE)?;
            for (key, held) in &some {
                if let Place::Log(position) = held_place(key)? {
                    ordered.recover(view, queue, position, held.until, now)?;
                }
            }
            match some.last() {
                Some((last, _)) if some.len() == HELD_AT_ONCE => rest = rest.after(last),
                _ => break,
            }
        }
        let known = ordered.groups.iter();
        let open = known.filter(|(_, group)| group.in_flight == 0);
        ordered.open = open
            .map(|(name, group)| (group.next, name.clone()))
            .collect();
        Ok(ordered)
    }

    fn recover(
        &mut self,
        view: &View,
        queue: &Queue,
        position: Position,
        until: Timestamp,
        now: Timestamp,
    ) -> store::Result<()> {
        let Some(turn) = turn(view, queue, position)? else {
            return Ok(());
        };
        let group = self.groups.entry(turn.group.clone()).or_insert(Group {
            in_flight: 0,
            next: position,
        });
        group.next = group.next.min(position);
        if until > now {
            group.in_flight += 1;
            self.fly(position, turn.group, until, false);
        }
        Ok(())
    }

    pub(crate) fn pick(
        &mut self,
        view: &View,
        queue: &Queue,
        want: usize,
        now: Timestamp,
        until: Timestamp,
    ) -> store::Result<Vec<Pick>> {
        self.land(view, queue, now)?;
        let mut picks = Vec::new();
        self.pick_open(view, queue, want, now, until, &mut picks)?;
        self.pick_fresh(view, queue, want, now, until, &mut picks)?;
        Ok(picks)
    }

    /// Those of known groups that are not locked.
    fn pick_open(
        &mut self,
        view: &View,
        queue: &Queue,
        want: usize,
        now: Timestamp,
        until: Timestamp,
        picks: &mut Vec<Pick>,
    ) -> store::Result<()> {
        let mut waiting = Vec::new();
        while picks.len() < want
            && let Some((next, name)) = self.open.pop_first()
        {
            let taken = take(view, queue, &name, next, want - picks.len(), now)?;
            match taken {
                Taken::Some(some) => self.lock(&name, some, until, picks),
                Taken::NotYet => waiting.push((next, name)),
                Taken::Nothing => {
                    self.groups.remove(&name);
                }
            }
        }
        self.open.extend(waiting);
        Ok(())
    }

    /// Those of groups that the cursor has not met.
    fn pick_fresh(
        &mut self,
        view: &View,
        queue: &Queue,
        want: usize,
        now: Timestamp,
        until: Timestamp,
        picks: &mut Vec<Pick>,
    ) -> store::Result<()> {
        let log = queue.log();
        let mut passed = 0;
        while picks.len() < want && passed < MOST_PASSED {
            let turns = log.read(view, self.cursor, TURNS)?;
            let all = turns.len() < TURNS;
            for entry in turns {
                if picks.len() >= want {
                    return Ok(());
                }
                let turn = Turn::decode(&entry.body)?;
                if turn.arrived + delay(queue) > now {
                    return Ok(());
                }
                passed += 1;
                self.cursor = entry.position;
                if self.groups.contains_key(&turn.group)
                    || is_over(queue, turn.arrived, turn.arrived, now)
                {
                    continue;
                }
                let next = of_group(entry.position);
                let taken = take(view, queue, &turn.group, next, want - picks.len(), now)?;
                if let Taken::Some(some) = taken {
                    self.groups
                        .insert(turn.group.clone(), Group { in_flight: 0, next });
                    self.lock(&turn.group, some, until, picks);
                }
            }
            if all {
                break;
            }
        }
        Ok(())
    }

    fn lock(&mut self, name: &str, taken: Vec<Pick>, until: Timestamp, picks: &mut Vec<Pick>) {
        for pick in taken {
            let Place::Log(position) = pick.place else {
                continue;
            };
            if let Some(group) = self.groups.get_mut(name) {
                group.in_flight += 1;
                group.next = position.after();
            }
            self.fly(position, name.to_owned(), until, true);
            picks.push(pick);
        }
    }

    fn fly(&mut self, position: Position, group: String, until: Timestamp, claimed: bool) {
        let flying = Flying {
            group,
            until,
            claimed,
        };
        self.flying.insert(position, flying);
        self.ends.entry(until).or_default().insert(position);
    }

    /// Takes it out of the air and returns its group.
    fn ground(&mut self, position: Position) -> Option<String> {
        let flying = self.flying.remove(&position)?;
        if let Some(ends) = self.ends.get_mut(&flying.until) {
            ends.remove(&position);
            if ends.is_empty() {
                self.ends.remove(&flying.until);
            }
        }
        Some(flying.group)
    }

    /// Makes those visible whose time has come.
    fn land(&mut self, view: &View, queue: &Queue, now: Timestamp) -> store::Result<()> {
        let due = self.ends.range(..=now).flat_map(|(_, positions)| positions);
        // A claim's end only counts once it is committed.
        let due = due.filter(|position| !self.flying.get(position).is_some_and(|f| f.claimed));
        for position in due.copied().collect::<Vec<_>>() {
            self.come_back(view, queue, position)?;
        }
        Ok(())
    }

    fn come_back(&mut self, view: &View, queue: &Queue, position: Position) -> store::Result<()> {
        if let Some(name) = self.ground(position) {
            self.unlock(&name, Some(position));
            self.settle_group(view, queue, &name)?;
        }
        Ok(())
    }

    fn leave(&mut self, view: &View, queue: &Queue, position: Position) -> store::Result<()> {
        if let Some(name) = self.ground(position) {
            self.unlock(&name, None);
            self.settle_group(view, queue, &name)?;
        }
        Ok(())
    }

    fn unlock(&mut self, name: &str, back: Option<Position>) {
        if let Some(group) = self.groups.get_mut(name) {
            group.in_flight = group.in_flight.saturating_sub(1);
            if let Some(back) = back {
                group.next = group.next.min(back);
            }
        }
    }

    /// What becomes of a group that may no longer be locked.
    fn settle_group(&mut self, view: &View, queue: &Queue, name: &str) -> store::Result<()> {
        let Some(group) = self.groups.get_mut(name) else {
            return Ok(());
        };
        if group.in_flight > 0 {
            return Ok(());
        }
        let rest = queue.group(name).read(view, group.next.before(), 1)?;
        match rest.first() {
            Some(first) => {
                group.next = first.position;
                self.open.insert((first.position, name.to_owned()));
            }
            None => {
                self.groups.remove(name);
            }
        }
        Ok(())
    }

    /// Notes that this claim is committed, and what became of it.
    pub(crate) fn taken(
        &mut self,
        view: &View,
        queue: &Queue,
        place: Place,
        outcome: Outcome,
    ) -> store::Result<()> {
        let Place::Log(position) = place else {
            return Ok(());
        };
        match outcome {
            Outcome::InFlight => {
                if let Some(flying) = self.flying.get_mut(&position) {
                    flying.claimed = false;
                }
                Ok(())
            }
            Outcome::Gone => self.leave(view, queue, position),
            Outcome::Skipped => self.come_back(view, queue, position),
        }
    }

    pub(crate) fn give_back(&mut self, place: Place) {
        let Place::Log(position) = place else {
            return;
        };
        // Which messages the group has is looked up when it is next its turn.
        if let Some(name) = self.ground(position) {
            self.unlock(&name, Some(position));
            if let Some(group) = self.groups.get(&name)
                && group.in_flight == 0
            {
                self.open.insert((group.next, name));
            }
        }
    }

    pub(crate) fn moved(
        &mut self,
        view: &View,
        queue: &Queue,
        place: Place,
        after: Option<Timestamp>,
    ) -> store::Result<()> {
        let Place::Log(position) = place else {
            return Ok(());
        };
        let Some(after) = after else {
            return self.leave(view, queue, position);
        };
        if let Some(group) = self.ground(position) {
            self.fly(position, group, after, false);
        }
        Ok(())
    }

    pub(crate) fn is_being_taken(&self, place: Place) -> bool {
        let Place::Log(position) = place else {
            return false;
        };
        self.flying
            .get(&position)
            .is_some_and(|flying| flying.claimed)
    }

    pub(crate) fn in_flight(&self, now: Timestamp) -> usize {
        let back = self
            .ends
            .range(..=now)
            .map(|(_, positions)| positions.len());
        self.flying.len() - back.sum::<usize>()
    }

    pub(crate) fn next(
        &self,
        view: &View,
        queue: &Queue,
        now: Timestamp,
    ) -> store::Result<Option<Timestamp>> {
        let back = self.ends.keys().next().copied();
        if queue.settings.delay_s == 0 {
            return Ok(back);
        }
        let mut next = back;
        if let Some(entry) = queue.log().read(view, self.cursor, 1)?.first() {
            let due = Turn::decode(&entry.body)?.arrived + delay(queue);
            next = next.into_iter().chain(Some(due)).min();
        }
        for (position, _) in self.open.iter().take(1) {
            if let Some(turn) = turn(view, queue, *position)? {
                next = next
                    .into_iter()
                    .chain(Some(turn.arrived + delay(queue)))
                    .min();
            }
        }
        Ok(next.filter(|next| *next > now))
    }
}

enum Taken {
    Some(Vec<Pick>),
    /// The group's first message is still delayed.
    NotYet,
    Nothing,
}

/// The messages of a group that can be had, from `next` on.
fn take(
    view: &View,
    queue: &Queue,
    group: &str,
    next: Position,
    want: usize,
    now: Timestamp,
) -> store::Result<Taken> {
    let mut picks = Vec::new();
    for entry in queue.group(group).read(view, next.before(), want)? {
        let message = Message::decode(&entry.body)?;
        if message.arrived + delay(queue) > now {
            if picks.is_empty() {
                return Ok(Taken::NotYet);
            }
            break;
        }
        let place = Place::Log(entry.position);
        let held = HELD.get(view, &queue.held(place))?;
        picks.push(Pick::new(queue, place, Some(message), held, now));
    }
    if picks.is_empty() {
        return Ok(Taken::Nothing);
    }
    Ok(Taken::Some(picks))
}

fn delay(queue: &Queue) -> Duration {
    Duration::from_secs(queue.settings.delay_s.into())
}

/// Where in its group's log the message is whose turn this is: it was appended next.
pub(crate) fn of_group(turn: Position) -> Position {
    Position::new(turn.commit(), turn.index() + 1)
}

/// Where the turn is of the message at this place.
pub(crate) fn of_turn(position: Position) -> Position {
    Position::new(position.commit(), position.index().saturating_sub(1))
}

pub(crate) fn turn(
    from: &impl store::Read,
    queue: &Queue,
    position: Position,
) -> store::Result<Option<Turn>> {
    let stored = queue.log().get(from, of_turn(position))?;
    stored.map(|stored| Turn::decode(&stored)).transpose()
}
