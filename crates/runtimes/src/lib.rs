//! What runs inside: which languages this host has, how each is started, and the bootstraps that it is started with.
//!
//! A bootstrap is a small program in the function's own language that loads the handler and speaks the worker protocol
//! on descriptor 3. It is part of this binary, and written into the data folder when it is first needed.
//!
//! Must never know: what a function is, why it runs, or what it is asked.

mod bootstrap;
mod catalog;
mod error;
mod launch;

use std::path::PathBuf;
use std::sync::Arc;

use sandbox::{Jail, Network};
use tokio::sync::OnceCell;

pub use catalog::{Found, Language, check, languages};
pub use error::{Error, Result};
pub use launch::{Launch, Worker};

/// A handle on the host's languages. Clones share it.
#[derive(Clone)]
pub struct Runtimes {
    shared: Arc<Shared>,
}

struct Shared {
    jail: Arc<dyn Jail>,
    network: Network,
    /// Where bootstraps are written.
    folder: PathBuf,
    /// Looked for once, when something is first started: asking each language for its version takes tens of
    /// milliseconds.
    languages: OnceCell<Vec<Found>>,
}

impl Runtimes {
    /// All that it starts is confined by `jail` and reaches `network`; bootstraps are written into `folder`.
    pub fn new(jail: Arc<dyn Jail>, network: Network, folder: PathBuf) -> Self {
        Self {
            shared: Arc::new(Shared {
                jail,
                network,
                folder,
                languages: OnceCell::new(),
            }),
        }
    }
}

impl std::fmt::Debug for Runtimes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Runtimes")
    }
}
