//! One confined process.
//!
//! The binary re-executes itself under [`JAIL_COMMAND`], once for each kind of private root, as its *keeper* (`keep.rs`):
//! a small process with one thread that has entered the root. For each instance it makes a child in namespaces of its
//! own, the *init*, which makes itself ready as far as it can without knowing for whom, waits for its order, confines
//! itself in straight-line code, in the order that the kernel needs (`confine.rs`), starts the program and reaps. A few
//! wait ahead (`stock.rs`). When the server dies, however it dies, the keepers die with it, and with a keeper everything
//! that it has made.
//!
//! A program may also be started as a *template*, and forked (`template/`): its keeper, the *warden*, is a process of its
//! own, started the same way.
//!
//! The walls, from the outside in: namespaces and a private root (`mounts.rs`), control groups (`cgroup.rs`), a user
//! without capabilities, Landlock (`paths.rs`), and a filter of system calls (`seccomp/`). What each stops, and what
//! all of them do not, is in `docs/threat-model.md`.
//!
//! Must never know: languages, functions, or what the program says.

mod cgroup;
mod channel;
mod child;
mod chores;
mod confine;
mod delegate;
mod error;
mod freeze;
mod furnish;
mod gauge;
mod held;
mod instance;
mod jail;
mod keep;
mod keeper;
mod mounts;
mod network;
mod networks;
mod paths;
mod probe;
mod seccomp;
mod spec;
mod stock;
mod template;
mod tether;
mod trees;
mod users;

pub use child::{Child, Exit};

pub use error::{Error, Result};
pub use freeze::Freezer;
pub use gauge::Gauge;
pub use jail::{Jail, NamespaceJail, NoJail};
pub use keep::jail_main;
pub use network::{Door, Doors, own_port};
pub use probe::{Cgroups, Report, probe};
pub use spec::{Access, Limits, Mount, Network, PassedFd, Spec};
pub use template::{Fork, LIBRARY, NODE_LIBRARY, Prepared, Template, TemplateSpec};

/// The hidden subcommand under which our own binary becomes a keeper, or sees to a template.
pub const JAIL_COMMAND: &str = "__jail";
