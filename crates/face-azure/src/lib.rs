//! Azure's side: functions that are reached over HTTP, each at its route, by whoever has a key where one is asked for; and
//! the admin API of their host.
//!
//! A function gets the request itself (`functions::handed_over`); the bootstraps make of it what the application's model
//! wants. What a function answers to is a tag of it, which `deploy` writes: see `routes`.
//!
//! Must never know: how an application's folder is read, or what other clouds say.

mod admin;
mod authorize;
mod call;
mod crowd;
mod dialect;
mod front;
mod origins;
mod refusal;
mod routes;

use base::Space;

pub use dialect::AzureDialect;
pub use front::{Azure, Parts};

/// What the spaces of this cloud begin with.
pub const FAMILY: &str = "azure";

/// Where every function of the host lives.
pub fn space() -> Space {
    Space::new(&format!("{FAMILY}/fulmar-local"))
}
