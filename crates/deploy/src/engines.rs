//! Saying to the engines what is wanted, in their words. Here is what all kinds have in common; each has a file of its
//! own, and `look`, `put` and `remove` know which.

mod balancer;
mod bucket;
mod bus;
mod edge;
mod failure;
mod function;
mod gateway;
mod layer;
mod log_group;
mod look;
mod mapping;
mod package;
pub(crate) mod place;
mod put;
mod queue;
mod remove;
mod schedule;
mod table;
mod topic;
mod version;

use base::Space;
use functions::Functions;
use objects::Objects;
use runtimes::Packages;
use store::Store;
use tables::Tables;
use topics::Topics;
use triggers::{Target, Triggers};

#[cfg(test)]
pub(crate) use bucket::event_kind;
pub(crate) use failure::{Failure, is_there, unless_missing};
pub(crate) use function::configuration;
#[cfg(test)]
pub(crate) use package::zipped;

use crate::Deployer;
use crate::desired::Cloud;

/// What resources are made in.
#[derive(Clone)]
pub struct Engines {
    pub store: Store,
    pub objects: Objects,
    pub tables: Tables,
    pub buses: buses::Buses,
    pub queues: queues::Queues,
    pub functions: Functions,
    pub schedules: schedules::Schedules,
    pub topics: Topics,
    pub triggers: Triggers,
    /// Where code is that was made before it is deployed.
    pub packages: Packages,
}

impl std::fmt::Debug for Engines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Engines")
    }
}

impl Deployer {
    /// Where everything of this account and region lives: see `face-aws`.
    pub(crate) fn space(&self) -> Space {
        Space::new(&format!("{}/{}", self.account, self.region))
    }

    /// Where a function with this physical name is, and what it is called there.
    pub fn placed<'a>(&self, physical: &'a str) -> (Space, &'a str) {
        match Cloud::of(physical) {
            (Cloud::Aws, name) => (self.space(), name),
            // See `face-gcp`.
            (Cloud::Google, name) => (Space::new("google/fulmar-local/us-central1"), name),
            // See `face-azure`.
            (Cloud::Azure, name) => (Space::new("azure/fulmar-local"), name),
        }
    }

    fn target(&self, function: &str, qualifier: Option<&String>) -> Target {
        Target {
            space: self.space(),
            function: function.to_owned(),
            qualifier: qualifier.cloned(),
        }
    }
}

/// A thing and what it is in; none for what is in the usual one.
fn parted_by_bar<'a>(name: &'a str, usual: &'a str) -> (&'a str, &'a str) {
    name.split_once('|').unwrap_or((usual, name))
}
