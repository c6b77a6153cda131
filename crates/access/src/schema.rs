//! What is in the store: one master secret, and the keys on keyrings.

use serde::{Deserialize, Serialize};
use store::{Keyspace, Record, Table};

pub(crate) const MASTER: Table<Master> = Table::new(Keyspace::Access, 0);

/// By space, ring and name.
pub(crate) const KEYS: Table<Secret> = Table::new(Keyspace::Access, 1);

/// What is shown to open something.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Secret(pub(crate) String);

impl Record for Secret {}

/// What every session's secret and token are derived from.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Master {
    pub(crate) secret: [u8; 32],
}

impl Record for Master {}

/// On whose behalf a request is made. Travels inside session tokens, so its shape is kept compatible: new variants go
/// to the end.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Principal {
    /// The account itself, which may do everything in it.
    Owner { account: String },
    /// Somebody acting in a role, under a name that tells its sessions apart.
    Role {
        account: String,
        role: String,
        session: String,
    },
}
