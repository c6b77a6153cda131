//! Buses: events that somebody put, in the order in which they were taken, and archives of them.
//!
//! An event is in the bus' change log from the moment that it is acknowledged. Who wants it, and where it goes, is found
//! out by whoever follows the log: a bus knows no rules, and only passes on the word that one was changed.
//!
//! An archive keeps events; a replay puts some of them on a bus once more, in the order of their times.
//!
//! Must never know: rules, patterns, or what an event looks like outside.

mod archive;
mod bus;
mod error;
mod event;
mod expire;
mod policy;
mod replay;
mod schema;
mod tags;

use std::fmt;
use std::sync::Arc;

use base::{Clock, Random};
use store::Store;

pub use archive::ArchiveChange;
pub use bus::BusChange;
pub use error::{Error, Result};
pub use event::Logged;
pub use replay::NewReplay;
pub use schema::{
    Archive, Bus, Event, Happened, Holdings, Replay, ReplayState, Replayed, Statement, Wiring,
};

/// The bus that each space has from the beginning.
pub const DEFAULT: &str = "default";

/// The engine's handle. Clones share it.
#[derive(Clone)]
pub struct Buses {
    store: Store,
    clock: Arc<dyn Clock>,
    random: Random,
}

impl Buses {
    pub fn new(store: Store, clock: Arc<dyn Clock>, random: Random) -> Self {
        Self {
            store,
            clock,
            random,
        }
    }
}

impl fmt::Debug for Buses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Buses")
    }
}
