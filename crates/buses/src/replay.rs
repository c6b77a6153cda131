//! Replays: putting archived events on their bus once more.
//!
//! Each step puts some events on the bus and moves the replay's cursor in one transaction, so a crash neither skips one
//! nor puts one there twice.

use std::time::Duration;

use base::{Space, Timestamp};
use store::{Read, Tx};
use tokio_util::sync::CancellationToken;

use crate::archive::time_in;
use crate::schema::{
    ARCHIVED, REPLAYS, Replay, ReplayState, Replayed, archive_key, archived, replay_key,
};
use crate::{Buses, Error, Result};

/// Events of one transaction.
const AT_ONCE: usize = 64;
const PAUSE: Duration = Duration::from_secs(1);

/// Rung when a replay is begun or cancelled; it is empty.
fn bell() -> store::Log {
    store::Log::new("buses/replays")
}

#[derive(Clone, Debug)]
pub struct NewReplay {
    pub space: Space,
    pub name: String,
    pub description: Option<String>,
    pub archive: String,
    pub bus: String,
    pub rules: Vec<String>,
    pub from: Timestamp,
    pub to: Timestamp,
}

impl Buses {
    pub async fn start_replay(&self, new: &NewReplay) -> Result<Replay> {
        self.store
            .write(|tx| {
                let key = replay_key(&new.space, &new.name);
                if REPLAYS.get(tx, &key)?.is_some() {
                    return Err(Error::ReplayExists(new.name.clone()));
                }
                let archive = crate::archive::find(tx, &new.space, &new.archive)?;
                if archive.bus != new.bus {
                    return Err(Error::OtherBus);
                }
                let replay = Replay {
                    space: new.space.clone(),
                    name: new.name.clone(),
                    description: new.description.clone(),
                    archive: new.archive.clone(),
                    number: archive.number,
                    bus: new.bus.clone(),
                    rules: new.rules.clone(),
                    from: new.from,
                    to: new.to,
                    state: ReplayState::Starting,
                    began: self.clock.now(),
                    ended: None,
                    last: None,
                    cursor: archived(archive.number)
                        .u64(new.from.as_micros())
                        .into_vec(),
                };
                keep(tx, &replay);
                Ok(replay)
            })
            .await
    }

    pub async fn cancel_replay(&self, space: &Space, name: &str) -> Result<Replay> {
        self.store
            .write(|tx| {
                let mut replay = find(tx, space, name)?;
                if replay.state.is_over() || replay.state == ReplayState::Cancelling {
                    return Err(Error::ReplayOver(name.to_owned()));
                }
                replay.state = ReplayState::Cancelling;
                keep(tx, &replay);
                Ok(replay)
            })
            .await
    }

    pub fn replay(&self, space: &Space, name: &str) -> Result<Replay> {
        find(&self.store.read()?, space, name)
    }

    /// In the order of their names.
    pub fn replays(&self, space: &Space) -> Result<Vec<Replay>> {
        let range = REPLAYS.key().str(space.as_str()).range();
        let found = REPLAYS.scan(&self.store.read()?, &range, usize::MAX)?;
        Ok(found.into_iter().map(|(_, replay)| replay).collect())
    }

    /// Lets replays go on until `stop`. One of these runs for each store.
    pub async fn run_replays(&self, stop: CancellationToken) {
        loop {
            let step = async {
                match self.replay_some().await {
                    Ok(true) => {}
                    Ok(false) => self.begun().await,
                    Err(error) => {
                        tracing::error!(%error, "a replay could not go on; trying again");
                        self.clock.host().sleep(PAUSE).await;
                    }
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = step => {}
            }
        }
    }

    async fn begun(&self) {
        if let Err(error) = self.store.appended(&bell(), store::Position::START).await {
            tracing::error!(%error, "nobody says when a replay begins");
            self.clock.host().sleep(PAUSE).await;
        }
    }

    /// Takes one step of one replay; says whether there was one to take.
    pub async fn replay_some(&self) -> Result<bool> {
        let view = self.store.read()?;
        // What rang is dealt with from here on.
        let rang = bell().read(&view, store::Position::START, usize::MAX)?;
        let all = REPLAYS.scan(&view, &REPLAYS.key().range(), usize::MAX)?;
        let open = all.into_iter().map(|(_, replay)| replay);
        let Some(replay) = open.into_iter().find(|replay| !replay.state.is_over()) else {
            if !rang.is_empty() {
                self.store
                    .write_buffered(|tx| {
                        bell().forget(tx, rang.iter().map(|entry| entry.position));
                        Result::Ok(())
                    })
                    .await?;
            }
            return Ok(false);
        };
        self.store
            .write_buffered(|tx| {
                let mut replay = find(tx, &replay.space, &replay.name)?;
                if !replay.state.is_over() {
                    self.step(tx, &mut replay)?;
                    REPLAYS.put(tx, replay_key(&replay.space, &replay.name), &replay);
                }
                Ok(true)
            })
            .await
    }

    fn step(&self, tx: &mut Tx, replay: &mut Replay) -> Result<()> {
        let over = |replay: &mut Replay, state| {
            replay.state = state;
            replay.ended = Some(self.clock.now());
        };
        if replay.state == ReplayState::Cancelling {
            over(replay, ReplayState::Cancelled);
            return Ok(());
        }
        replay.state = ReplayState::Running;
        let archive = crate::schema::ARCHIVES.get(tx, &archive_key(&replay.space, &replay.archive));
        if archive?.is_none_or(|archive| archive.number != replay.number) {
            over(replay, ReplayState::Failed);
            return Ok(());
        }
        let to = archived(replay.number).u64(replay.to.as_micros());
        let range = archived(replay.number).range().from(&replay.cursor);
        let range = range.before(to.as_slice());
        let events = ARCHIVED.scan(tx, &range, AT_ONCE)?;
        let is_last = events.len() < AT_ONCE;
        for (key, mut event) in events {
            replay.last = time_in(&key);
            replay.cursor = key;
            replay.cursor.push(0);
            event.replayed = Some(Replayed {
                name: replay.name.clone(),
                rules: replay.rules.clone(),
            });
            match self.put(tx, &replay.space, &replay.bus, &event) {
                Err(Error::NoSuchBus(_)) => {
                    over(replay, ReplayState::Failed);
                    return Ok(());
                }
                put => put?,
            }
        }
        if is_last {
            over(replay, ReplayState::Completed);
        }
        Ok(())
    }
}

fn keep(tx: &mut Tx, replay: &Replay) {
    REPLAYS.put(tx, replay_key(&replay.space, &replay.name), replay);
    bell().append(tx, Vec::new());
}

fn find(from: &impl Read, space: &Space, name: &str) -> Result<Replay> {
    let found = REPLAYS.get(from, &replay_key(space, name))?;
    found.ok_or_else(|| Error::NoSuchReplay(name.to_owned()))
}
