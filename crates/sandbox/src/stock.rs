//! What is made ahead: a keeper for each kind of private root, a few instances of each that wait for their order, and
//! control groups that wait for their instance. All of it is bounded, whatever is deployed, and goes when it is not used.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base::ByteSize;

use crate::cgroup::{Cgroup, Hierarchy};
use crate::instance::Instance;
use crate::keeper::{Keeper, Ordering};
use crate::seccomp::{self, Instruction};
use crate::spec::{Join, Limits, Make, Network, Place, Root, User};
use crate::users::Users;
use crate::{Error, Result};

/// Of one kind. More are started at once only in a burst, which goes on without them.
const SPARES: usize = 4;
/// Of all kinds. One has about 70 KiB for itself, besides what the kernel keeps for it.
const MOST_SPARES: usize = 16;
/// One takes some mebibytes, which it shares with all that it makes. Of more kinds, the one that was not used for longest goes.
const MOST_KEEPERS: usize = 8;
const BARE_GROUPS: usize = 8;
/// What instances have left and others can have.
const MOST_BARE_GROUPS: usize = 32;
/// In rounds: what is not used goes.
const SPARES_STAY: u32 = 2;
const KEEPERS_STAY: u32 = 60;

/// What tells instances apart before it is known what runs in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    /// In order, without what is there twice.
    pub(crate) places: Vec<Place>,
    pub(crate) network: Network,
    pub(crate) limits: Limits,
    pub(crate) tmp: ByteSize,
}

impl Kind {
    /// What is bound writable must be known before it can be confined.
    fn is_late(&self) -> bool {
        self.places.iter().any(|place| place.is_writable)
    }
}

#[derive(Debug)]
pub(crate) struct Stock {
    /// Where keepers put their roots together, each in its own mount namespace.
    stage: PathBuf,
    /// In each root.
    pub(crate) links: Vec<(PathBuf, PathBuf)>,
    users: Users,
    filter: Vec<Instruction>,
    spares: usize,
    shelves: Mutex<HashMap<Vec<Place>, Shelf>>,
    bare: Mutex<Vec<Cgroup>>,
    /// Goes last: its folder can only be removed when nothing is in it.
    groups: Hierarchy,
}

/// All of one root.
#[derive(Debug)]
struct Shelf {
    keeper: Arc<Keeper>,
    spares: HashMap<Network, Vec<Instance>>,
    /// Rounds since it was used.
    idle: u32,
}

impl Stock {
    pub(crate) fn new(stage: PathBuf, groups: Hierarchy) -> Self {
        Self {
            stage,
            links: Vec::new(),
            groups,
            users: Users::find(),
            filter: seccomp::filter(),
            spares: SPARES,
            shelves: Mutex::default(),
            bare: Mutex::default(),
        }
    }

    /// Makes nothing ahead but keepers.
    pub(crate) fn without_spares(&mut self) {
        self.spares = 0;
    }

    pub(crate) fn root(&self, places: Vec<Place>) -> Root {
        Root {
            stage: self.stage.clone(),
            places,
            links: self.links.clone(),
            user_namespace: self.users.are_one(),
            filter: self.filter.clone(),
        }
    }

    pub(crate) fn user(&self) -> User {
        self.users.next()
    }

    pub(crate) fn is_our_user(&self) -> bool {
        self.users.are_one()
    }

    /// A control group with these limits, where there are any.
    pub(crate) fn group(&self, limits: &Limits) -> io::Result<Option<Cgroup>> {
        let bare = lock(&self.bare).pop();
        let mut group = match bare {
            Some(group) => Some(group),
            None => self.groups.make()?,
        };
        if let Some(group) = &mut group {
            group.limit(limits)?;
        }
        Ok(group)
    }

    /// A group whose instance has ended: the next one is given it. Making one, and removing it, cost the kernel more than
    /// anything else of an instance that is not its memory.
    pub(crate) fn take_back(&self, group: Option<Cgroup>) {
        if let Some(mut group) = group
            && group.clear()
        {
            let mut bare = lock(&self.bare);
            if bare.len() < MOST_BARE_GROUPS {
                bare.push(group);
                return;
            }
            // It is removed when others can go on.
            drop(bare);
        }
    }

    /// Has an instance of this kind do what is ordered: one that waits already, or else a new one. A keeper that has ended
    /// is not asked again.
    pub(crate) fn start(&self, kind: &Kind, ordering: Ordering<'_>) -> Result<Instance> {
        let (keeper, spare) = self.shelf(kind)?;
        let started = match spare {
            Some(mut spare) => spare.order(kind, ordering).map(|()| spare),
            None => self.make(kind, keeper.clone(), Some(ordering)),
        };
        if started.as_ref().is_err_and(Error::is_of_an_end) {
            self.forget(&kind.places, &keeper);
        }
        started
    }

    /// Has a keeper make an instance.
    fn make(
        &self,
        kind: &Kind,
        keeper: Arc<Keeper>,
        now: Option<Ordering<'_>>,
    ) -> Result<Instance> {
        let failed = |cause| Error::io("make a control group", cause);
        let group = self.group(&kind.limits).map_err(failed)?;
        let entrances = group.as_ref().map(Cgroup::entrances);
        let entrances = entrances.transpose().map_err(failed)?.unwrap_or_default();
        let make = Make {
            user: self.users.next(),
            network: kind.network,
            tmp: kind.tmp,
            pids: group.is_none().then_some(kind.limits.pids),
            join: group.as_ref().map_or(Join::None, Cgroup::join),
            is_late: now.is_some() || kind.is_late(),
        };
        let channel = keeper.make(&make, &entrances, now)?;
        Ok(Instance::new(channel, group, keeper, kind.tmp))
    }

    /// The keeper of these places, which is started if there is none, and one that it has made ahead.
    fn shelf(&self, kind: &Kind) -> Result<(Arc<Keeper>, Option<Instance>)> {
        let mut shelves = lock(&self.shelves);
        let mut crowded_out = None;
        if !shelves.contains_key(&kind.places) {
            let keeper = Keeper::start(self.root(kind.places.clone()))?;
            crowded_out = crowded(&mut shelves);
            let shelf = Shelf {
                keeper: Arc::new(keeper),
                spares: HashMap::new(),
                idle: 0,
            };
            shelves.insert(kind.places.clone(), shelf);
        }
        let shelf = shelves
            .get_mut(&kind.places)
            .expect("it is there, or was just put there");
        shelf.idle = 0;
        let spare = shelf.spares.get_mut(&kind.network);
        let spare = spare.and_then(take_ready);
        let keeper = shelf.keeper.clone();
        drop(shelves);
        drop(crowded_out);
        Ok((keeper, spare))
    }

    /// Lets a keeper go that is of no use any more.
    fn forget(&self, places: &[Place], keeper: &Arc<Keeper>) {
        let mut shelves = lock(&self.shelves);
        let gone = match shelves.get(places) {
            Some(shelf) if Arc::ptr_eq(&shelf.keeper, keeper) => shelves.remove(places),
            _ => None,
        };
        drop(shelves);
        drop(gone);
    }

    /// Makes as many ahead as there should be; one at a time, because the kernel makes many at once more slowly.
    pub(crate) fn refill(&self, kind: &Kind) -> Result<()> {
        while let Some(keeper) = self.wanting(kind) {
            let spare = self.make(kind, keeper.clone(), None)?;
            let mut shelves = lock(&self.shelves);
            match shelves.get_mut(&kind.places) {
                Some(shelf) if Arc::ptr_eq(&shelf.keeper, &keeper) => {
                    shelf.spares.entry(kind.network).or_default().push(spare);
                }
                // It has gone meanwhile, and so will what it made.
                _ => drop(shelves),
            }
        }
        self.refill_groups()
    }

    /// The keeper, if it is to make another one ahead.
    fn wanting(&self, kind: &Kind) -> Option<Arc<Keeper>> {
        if kind.is_late() {
            return None;
        }
        let shelves = lock(&self.shelves);
        let all: usize = shelves.values().map(Shelf::spares).sum();
        let shelf = shelves.get(&kind.places)?;
        let there = shelf.spares.get(&kind.network).map_or(0, Vec::len);
        (there < self.spares && all < MOST_SPARES).then(|| shelf.keeper.clone())
    }

    fn refill_groups(&self) -> Result<()> {
        while lock(&self.bare).len() < BARE_GROUPS {
            let made = self.groups.make();
            match made.map_err(|cause| Error::io("make a control group", cause))? {
                Some(group) => lock(&self.bare).push(group),
                None => return Ok(()),
            }
        }
        Ok(())
    }

    /// A round: what has not been used for long goes.
    pub(crate) fn retire(&self) {
        let mut gone = Vec::new();
        let mut spares = Vec::new();
        let mut shelves = lock(&self.shelves);
        for shelf in shelves.values_mut() {
            shelf.idle += 1;
            if shelf.idle > SPARES_STAY {
                spares.extend(shelf.spares.drain());
            }
        }
        gone.extend(shelves.extract_if(|_, shelf| shelf.idle > KEEPERS_STAY));
        let is_empty = shelves.is_empty();
        drop(shelves);
        drop((spares, gone));
        let mut bare = lock(&self.bare);
        let stay = if is_empty {
            0
        } else {
            BARE_GROUPS.min(bare.len())
        };
        let superfluous = bare.split_off(stay);
        drop(bare);
        drop(superfluous);
    }
}

impl Shelf {
    fn spares(&self) -> usize {
        self.spares.values().map(Vec::len).sum()
    }
}

/// Takes out one that waits for its order, and lets those go that have ended.
fn take_ready(spares: &mut Vec<Instance>) -> Option<Instance> {
    for spare in &mut *spares {
        spare.listen();
    }
    spares.retain(|spare| !spare.has_ended());
    let at = spares.iter().position(|spare| spare.is_ready())?;
    Some(spares.remove(at))
}

/// Takes out what was not used for longest, if there are as many as there may be.
fn crowded(shelves: &mut HashMap<Vec<Place>, Shelf>) -> Option<Shelf> {
    if shelves.len() < MOST_KEEPERS {
        return None;
    }
    let longest = shelves.iter().max_by_key(|(_, shelf)| shelf.idle);
    let places = longest.map(|(places, _)| places.clone())?;
    shelves.remove(&places)
}

/// Nothing that is done under these locks can leave things half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
