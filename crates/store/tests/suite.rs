//! What every back end must do. Each test runs on each of them. Here is what they have in common; the tests stand by what
//! they are about.

/// Writes a test once and runs it on every back end.
macro_rules! on_every_back_end {
    ($($name:ident)*) => {
        mod on_embedded { $(#[tokio::test(flavor = "multi_thread")] async fn $name() { super::$name(crate::embedded()).await })* }
        mod on_simulated { $(#[tokio::test(flavor = "multi_thread")] async fn $name() { super::$name(crate::simulated()).await })* }
        mod on_simulated_with_conflicts { $(#[tokio::test(flavor = "multi_thread")] async fn $name() { super::$name(crate::conflicting()).await })* }
    };
}

/// By subject, in the folder of this name: what stands beside this file would be a suite of its own.
mod suite {
    mod bodies;
    mod fronts;
    mod logs;
    mod openings;
    mod remembered;
    mod stamps;
    mod sums;
    mod timers;
    mod transactions;
}

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base::{Random, Timestamp};
use bytes::Bytes;
use store::{
    Blob, Blobs, Error, Faults, Key, Keyspace, Log, Position, Read, Record, Result, Simulation,
    Store, Sums, Table, Timers,
};

/// A disk on which stores are opened one after another.
enum Disk {
    Embedded(TempDir),
    Simulated(Simulation),
}

impl Disk {
    fn open(&self) -> Store {
        match self {
            Self::Embedded(dir) => Store::open(&dir.0, Random::system()).unwrap(),
            Self::Simulated(simulation) => simulation.open(),
        }
    }
}

struct TempDir(std::path::PathBuf);

impl TempDir {
    fn new() -> Self {
        let dir = std::env::temp_dir().join(format!("fulmar-store-{}", Random::system().uuid()));
        std::fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn embedded() -> Disk {
    Disk::Embedded(TempDir::new())
}

fn simulated() -> Disk {
    Disk::Simulated(Simulation::new(Random::seeded(1), Faults::none()))
}

fn conflicting() -> Disk {
    Disk::Simulated(Simulation::new(
        Random::seeded(2),
        Faults {
            conflict: 0.3,
            failed_sync: 0.0,
        },
    ))
}

fn key(name: &str) -> Key {
    Key::new(Keyspace::Test, 0).str(name)
}

fn get(from: &impl Read, name: &str) -> Option<Bytes> {
    from.get(key(name).as_slice()).unwrap()
}

async fn put(store: &Store, name: &str, value: &str) {
    store
        .write(|tx| {
            tx.put(key(name).into_vec(), value.to_owned());
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
}

fn number(from: &impl Read, name: &str) -> u64 {
    get(from, name).map_or(0, |value| {
        u64::from_be_bytes(value.as_ref().try_into().unwrap())
    })
}
