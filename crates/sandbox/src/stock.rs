//! What is made ahead: a keeper for each kind of private root, a few instances of each that wait for their order, and
//! control groups that wait for their instance. All of it is bounded, whatever is deployed, and goes when it is not used.

use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base::ByteSize;

use crate::cgroup::{Cgroup, Hierarchy};
use crate::held;
use crate::keeper::Keeper;
use crate::seccomp::{self, Instruction};
use crate::spec::{Join, Limits, Make, Network, Place, Root};
use crate::users::Users;
use crate::{Error, Result};

/// Of one kind. More are started at once only in a burst, which goes on without them.
const SPARES: usize = 4;
/// Of all kinds; one takes a third of a mebibyte.
const MOST_SPARES: usize = 16;
/// One takes two mebibytes. Of more kinds, the one that was not used for longest goes.
const MOST_KEEPERS: usize = 8;
const BARE_GROUPS: usize = 8;
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

/// An instance that has everything but its order.
pub(crate) struct Waiting {
    pub(crate) channel: OwnedFd,
    pub(crate) group: Option<Cgroup>,
    pub(crate) keeper: Arc<Keeper>,
    /// Whether it was made ahead: it may have ended since.
    pub(crate) is_spare: bool,
}

#[derive(Debug)]
pub(crate) struct Stock {
    /// Where keepers put their roots together, each in its own mount namespace.
    stage: PathBuf,
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
    spares: HashMap<Network, Vec<Spare>>,
    /// Rounds since it was used.
    idle: u32,
}

/// Dropping it ends it.
#[derive(Debug)]
struct Spare(Option<(OwnedFd, Option<Cgroup>)>);

impl Stock {
    pub(crate) fn new(stage: PathBuf, groups: Hierarchy) -> Self {
        Self {
            stage,
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

    /// An instance of this kind: one that waits already, or else a new one.
    pub(crate) fn take(&self, kind: &Kind) -> Result<Waiting> {
        let (keeper, spare) = self.shelf(kind)?;
        let Some((channel, mut group)) = spare.and_then(|mut spare| spare.0.take()) else {
            return self.fresh(kind, keeper);
        };
        if let Some(group) = &mut group {
            group
                .limit(&kind.limits)
                .map_err(|cause| Error::io("limit a control group", cause))?;
        }
        Ok(Waiting {
            channel,
            group,
            keeper,
            is_spare: true,
        })
    }

    fn fresh(&self, kind: &Kind, keeper: Arc<Keeper>) -> Result<Waiting> {
        let (make, group) = self.make(kind)?;
        let entrances = group.as_ref().map(Cgroup::entrances).transpose();
        let entrances = entrances
            .map_err(|cause| Error::io("open a control group", cause))?
            .unwrap_or_default();
        let (keeper, channel) = match keeper.make(&make, &entrances) {
            Ok(channel) => (keeper, channel),
            // It was killed. What has come of it goes with it.
            Err(_) => {
                self.forget(&kind.places, &keeper);
                let (keeper, _) = self.shelf(kind)?;
                let channel = keeper.make(&make, &entrances);
                (keeper, channel.map_err(|cause| Error::io("ask a keeper", cause))?)
            }
        };
        Ok(Waiting {
            channel,
            group,
            keeper,
            is_spare: false,
        })
    }

    fn make(&self, kind: &Kind) -> Result<(Make, Option<Cgroup>)> {
        let failed = |cause| Error::io("make a control group", cause);
        let bare = lock(&self.bare).pop();
        let mut group = match bare {
            Some(group) => Some(group),
            None => self.groups.make().map_err(failed)?,
        };
        if let Some(group) = &mut group {
            group.limit(&kind.limits).map_err(failed)?;
        }
        let make = Make {
            user: self.users.next(),
            network: kind.network,
            tmp: kind.tmp,
            pids: group.is_none().then_some(kind.limits.pids),
            join: group.as_ref().map_or(Join::None, Cgroup::join),
        };
        Ok((make, group))
    }

    /// The keeper of these places, which is started if there is none, and one that it has made ahead.
    fn shelf(&self, kind: &Kind) -> Result<(Arc<Keeper>, Option<Spare>)> {
        let mut shelves = lock(&self.shelves);
        let mut crowded_out = None;
        if !shelves.contains_key(&kind.places) {
            let keeper = Keeper::start(&Root {
                stage: self.stage.clone(),
                places: kind.places.clone(),
                user_namespace: self.users.are_one(),
                filter: self.filter.clone(),
            })?;
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
        let spare = shelf.spares.get_mut(&kind.network).and_then(Vec::pop);
        let keeper = shelf.keeper.clone();
        drop(shelves);
        drop(crowded_out);
        Ok((keeper, spare))
    }

    /// Lets a keeper go that is of no use any more.
    pub(crate) fn forget(&self, places: &[Place], keeper: &Arc<Keeper>) {
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
            let waiting = self.fresh(kind, keeper)?;
            let spare = Spare(Some((waiting.channel, waiting.group)));
            let mut shelves = lock(&self.shelves);
            match shelves.get_mut(&kind.places) {
                Some(shelf) if Arc::ptr_eq(&shelf.keeper, &waiting.keeper) => {
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
        if is_empty {
            lock(&self.bare).clear();
        }
    }

    /// How much is there: keepers, and instances that wait.
    #[cfg(test)]
    pub(crate) fn count(&self) -> (usize, usize) {
        let shelves = lock(&self.shelves);
        (shelves.len(), shelves.values().map(Shelf::spares).sum())
    }
}

impl Shelf {
    fn spares(&self) -> usize {
        self.spares.values().map(Vec::len).sum()
    }
}

impl Drop for Spare {
    fn drop(&mut self) {
        if let Some((channel, group)) = self.0.take() {
            held::end(channel.as_fd());
            drop(group);
        }
    }
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
