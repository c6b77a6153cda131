//! Who may call: keys, the principals behind them, and sessions of limited life.
//!
//! There are two sorts of keys that requests are signed with. *Root keys* are given to Fulmar when it starts and belong to the account's owner.
//! *Session keys* are minted for a principal (a function's role) and are never stored: the secret and the token are
//! derived from one master secret, so any process that has the store can verify any session, also after a restart.
//!
//! Beside them there are *named keys*, which sign nothing: whoever shows one is let in. See [`Keyring`].
//!
//! Must never know: how a request is signed, or what a principal may do on the wire. Policies come with a later issue.

mod error;
mod keyring;
mod schema;
mod session;

use std::sync::Arc;

use base::{Clock, Random, Timestamp};
use store::Store;

pub use error::{Error, Result};
pub use keyring::{Keyring, NamedKey};
pub use schema::Principal;
pub use session::Session;

use schema::{MASTER, Master};

/// A key that its holder keeps, as opposed to one of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootKey {
    pub id: String,
    pub secret: String,
}

impl Default for RootKey {
    /// The pair that emulators' users already have in their profiles and scripts.
    fn default() -> Self {
        Self {
            id: "test".into(),
            secret: "test".into(),
        }
    }
}

/// What a key stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    pub secret: String,
    pub principal: Principal,
    /// The session's token must come with each request; a root key has none.
    pub needs_token: bool,
}

/// A handle on the accounts' keys. Clones share it.
#[derive(Clone)]
pub struct Access {
    shared: Arc<Shared>,
}

struct Shared {
    roots: Vec<RootKey>,
    account: String,
    master: Master,
    clock: Arc<dyn Clock>,
    random: Random,
}

impl Access {
    /// Reads the master secret, making it at the first start.
    pub async fn open(
        store: &Store,
        account: &str,
        roots: Vec<RootKey>,
        clock: Arc<dyn Clock>,
        random: Random,
    ) -> Result<Self> {
        let fresh = Master {
            secret: random.bytes(),
        };
        let master = match MASTER.get(&store.read()?, &MASTER.key())? {
            Some(master) => master,
            None => {
                store
                    .write(|tx| match MASTER.get(tx, &MASTER.key())? {
                        Some(master) => Ok(master),
                        None => {
                            MASTER.put(tx, MASTER.key(), &fresh);
                            Ok::<_, Error>(fresh.clone())
                        }
                    })
                    .await?
            }
        };
        Ok(Self {
            shared: Arc::new(Shared {
                roots,
                account: account.to_owned(),
                master,
                clock,
                random,
            }),
        })
    }

    pub fn account(&self) -> &str {
        &self.shared.account
    }

    /// What the key `id` stands for, given the token that came with it. A token is only looked at for session keys.
    pub fn credential(&self, id: &str, token: Option<&str>) -> Result<Credential> {
        if let Some(root) = self.shared.roots.iter().find(|root| root.id == id) {
            let principal = Principal::Owner {
                account: self.shared.account.clone(),
            };
            return Ok(Credential {
                secret: root.secret.clone(),
                principal,
                needs_token: false,
            });
        }
        if !session::is_session_key(id) {
            return Err(Error::UnknownKey);
        }
        let token = token.ok_or(Error::MissingToken)?;
        // The machine's time, which who holds the session has too, however the clock was moved.
        let now = self.shared.clock.host().now();
        let principal = session::verify(&self.shared.master, id, token, now)?;
        Ok(Credential {
            secret: session::secret(&self.shared.master, id),
            principal,
            needs_token: true,
        })
    }

    /// Mints a session for a principal, good until `until`.
    pub fn session(&self, principal: &Principal, until: Timestamp) -> Session {
        session::mint(&self.shared.master, &self.shared.random, principal, until)
    }

    /// The first root key: what Fulmar's own command line signs with.
    pub fn root(&self) -> Option<&RootKey> {
        self.shared.roots.first()
    }
}
