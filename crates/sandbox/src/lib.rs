//! One confined process.
//!
//! The binary re-executes itself under [`JAIL_COMMAND`]. What starts there is single-threaded and confines itself in
//! straight-line code, in the order that the kernel needs (`confine.rs`), and then becomes the program. Three processes
//! make an instance: the *monitor*, which stays outside the new pid namespace so that the server can wait for it; the
//! namespace's *init*, which reaps; and the program. When the server dies, however it dies, the monitor dies with it,
//! and with the monitor everything inside.
//!
//! The walls, from the outside in: namespaces and a private root (`mounts.rs`), control groups (`cgroup.rs`), a user
//! without capabilities, Landlock (`paths.rs`), and a filter of system calls (`seccomp/`). What each stops, and what
//! all of them do not, is in `docs/threat-model.md`.
//!
//! Must never know: languages, functions, or what the program says.

mod cgroup;
mod channel;
mod child;
mod confine;
mod error;
mod furnish;
mod jail;
mod mounts;
mod network;
mod paths;
mod probe;
mod seccomp;
mod spec;
mod template;
mod warden;

pub use child::{Child, Exit};
pub use confine::jail_main;
pub use error::{Error, Result};
pub use jail::{Jail, NamespaceJail, NoJail, Prepared};
pub use network::{Door, Doors};
pub use probe::{Cgroups, Report, probe};
pub use spec::{Access, Limits, Mount, Network, PassedFd, Spec};
pub use template::{Fork, LIBRARY, NODE_LIBRARY, Template, TemplateSpec};

/// The hidden subcommand under which our own binary becomes a confined process.
pub const JAIL_COMMAND: &str = "__jail";
