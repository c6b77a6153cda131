//! What runs inside: which languages this host has, how each is started, and the bootstraps that it is started with.
//!
//! A bootstrap is a small program in the function's own language that loads the handler and speaks the worker protocol
//! on descriptor 3. It is part of this binary, and written into the data folder when it is first needed. Custom runtimes
//! bring their own program, which speaks the protocol over TCP.
//!
//! Must never know: what a function is, why it runs, or what it is asked.

mod bootstrap;
mod catalog;
mod code_cache;
mod csharp;
mod custom;
mod data_folder;
mod error;
mod extensions;
mod host;
mod hosted;
mod lang;
mod launch;
mod managed;
mod node;
mod packages;
mod python;
mod templates;
mod wrapper;

use std::path::PathBuf;
use std::sync::Arc;

use base::Random;
use sandbox::{Jail, Network};
use tokio::sync::{Mutex, OnceCell};

use code_cache::CodeCaches;
use templates::Placeholders;

pub use catalog::{Found, Language, Resolved, check, node_major, python_of};
pub use data_folder::{is_data_folder, mark_data_folder};
pub use error::{Error, Result};
pub use extensions::{Extensions, FUNCTION};
pub use host::languages;
pub use launch::{Connection, Launch, Start, Variables, Worker};
pub use packages::Packages;
pub use templates::{Kept, Prepared, Template};

/// What a jail's roots must have for what runs in them, each with where it leads.
pub const LINKS: [(&str, &str); 1] = [node::OF_LAYERS];

/// A handle on the host's languages. Clones share it.
#[derive(Clone)]
pub struct Runtimes {
    shared: Arc<Shared>,
}

struct Shared {
    jail: Arc<dyn Jail>,
    network: Network,
    /// Where bootstraps are written, and where installed packages are.
    folder: PathBuf,
    /// Looked for once, when something in that language is first started: asking takes tens of milliseconds.
    nodes: OnceCell<Vec<Found>>,
    pythons: OnceCell<Vec<Found>>,
    monos: OnceCell<Vec<Found>>,
    /// Held while bootstraps are compiled.
    compiling: Mutex<()>,
    random: Random,
    placeholders: Placeholders,
    code_caches: CodeCaches,
}

impl Runtimes {
    /// All that it starts is confined by `jail` and reaches `network`; bootstraps are written into `folder`.
    pub fn new(jail: Arc<dyn Jail>, network: Network, folder: PathBuf) -> Self {
        Self {
            shared: Arc::new(Shared {
                jail,
                network,
                folder,
                nodes: OnceCell::new(),
                pythons: OnceCell::new(),
                monos: OnceCell::new(),
                compiling: Mutex::new(()),
                random: Random::system(),
                placeholders: Placeholders::default(),
                code_caches: CodeCaches::default(),
            }),
        }
    }
}

impl std::fmt::Debug for Runtimes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Runtimes")
    }
}
