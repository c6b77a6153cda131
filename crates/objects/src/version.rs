//! Versions: what a bucket keeps of a key when something takes its place.

use std::fmt;
use std::str::FromStr;

use base::Timestamp;
use base64::Engine;
use base64::alphabet::Alphabet;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::NO_PAD;
use crc_fast::CrcAlgorithm;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::schema::{self, BUCKETS};
use crate::{Objects, bucket, lifecycle};

/// Whether what is replaced or deleted stays as an earlier version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Versioning {
    /// No, and it never did.
    #[default]
    Never,
    Enabled,
    /// No longer: what is stored takes the place of the null version only.
    Suspended,
}

impl Versioning {
    /// Whether there may be more than one version of a key.
    pub fn has_begun(self) -> bool {
        self != Self::Never
    }
}

/// Which of the versions of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum VersionId {
    /// The one that is stored while no versions are kept. A key has one at most.
    Null,
    Named(VersionName),
}

/// A name that is never given again. It looks random and has the version's place among those of its key in it, so that
/// the version is found, or what follows it, without an index. Not everything reads as one: what was mistyped is told
/// from what is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct VersionName([u8; LENGTH]);

const LENGTH: usize = PLACE + SALT + CHECK;
const PLACE: usize = 8;
const SALT: usize = 12;
const CHECK: usize = 4;

/// Chance for the name of a version. It is drawn before the transaction, which may run twice.
pub(crate) type Salt = [u8; SALT];

/// How names are written. Nothing in it need be escaped in an address, nor looks like an option of a command.
const TEXT: GeneralPurpose = GeneralPurpose::new(&ALPHABET, NO_PAD);
const ALPHABET: Alphabet =
    match Alphabet::new("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._") {
        Ok(alphabet) => alphabet,
        Err(_) => panic!("these are 64 characters"),
    };
const NULL: &str = "null";

impl VersionName {
    fn new(order: u64, salt: Salt) -> Self {
        let mut name = [0; LENGTH];
        name[PLACE..PLACE + SALT].copy_from_slice(&salt);
        let hidden = order ^ veil(&name);
        name[..PLACE].copy_from_slice(&hidden.to_be_bytes());
        let check = check(&name);
        name[PLACE + SALT..].copy_from_slice(&check);
        Self(name)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn order(&self) -> u64 {
        eight(&self.0) ^ veil(&self.0)
    }
}

fn veil(name: &[u8; LENGTH]) -> u64 {
    eight(&name[PLACE..])
}

fn eight(bytes: &[u8]) -> u64 {
    let first = bytes.iter().take(PLACE);
    first.fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn check(name: &[u8; LENGTH]) -> [u8; CHECK] {
    let sum = crc_fast::checksum(CrcAlgorithm::Crc32Iscsi, &name[..PLACE + SALT]);
    let mut check = [0; CHECK];
    check.copy_from_slice(&sum.to_be_bytes()[8 - CHECK..]);
    check
}

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str(NULL),
            Self::Named(name) => f.write_str(&TEXT.encode(name.0)),
        }
    }
}

/// It is no version's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no version is called so")]
pub struct NotAVersion;

impl FromStr for VersionId {
    type Err = NotAVersion;

    fn from_str(text: &str) -> std::result::Result<Self, NotAVersion> {
        if text == NULL {
            return Ok(Self::Null);
        }
        let bytes = TEXT.decode(text).map_err(|_| NotAVersion)?;
        let name: [u8; LENGTH] = bytes.try_into().map_err(|_| NotAVersion)?;
        if name[PLACE + SALT..] != check(&name) {
            return Err(NotAVersion);
        }
        Ok(Self::Named(VersionName(name)))
    }
}

/// Which version something is, and its place among those of its key: the greater, the newer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    pub(crate) id: VersionId,
    pub(crate) order: u64,
}

impl Stamp {
    /// Of what is stored where there were never versions: older than whatever will be.
    pub(crate) const FIRST: Self = Self {
        id: VersionId::Null,
        order: 0,
    };

    pub(crate) fn null(order: u64) -> Self {
        let id = VersionId::Null;
        Self { id, order }
    }

    pub(crate) fn named(order: u64, salt: Salt) -> Self {
        let id = VersionId::Named(VersionName::new(order, salt));
        Self { id, order }
    }

    pub(crate) fn is_null(&self) -> bool {
        self.id == VersionId::Null
    }
}

/// The place of what is made now, after a version at `newest`. Clocks may be moved back, versions don't.
pub(crate) fn next_order(newest: Option<u64>, now: Timestamp) -> u64 {
    let after = newest.map_or(1, |order| order.saturating_add(1));
    now.as_micros().max(after)
}

impl Objects {
    pub fn versioning(&self, bucket: &str) -> Result<Versioning> {
        Ok(self.bucket(bucket)?.versioning)
    }

    pub async fn set_versioning(&self, bucket: &str, versioning: Versioning) -> Result<()> {
        let now = self.clock.now();
        self.store
            .write(|tx| {
                let mut record = bucket::require(tx, bucket)?;
                record.versioning = match versioning {
                    // There may be versions, and they don't go.
                    Versioning::Never if record.versioning.has_begun() => Versioning::Suspended,
                    versioning => versioning,
                };
                BUCKETS.put(tx, schema::bucket_key(bucket), &record);
                // What ends when is otherwise than it was when the bucket was looked at.
                lifecycle::look_again(tx, bucket, now)
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_its_place_in_it_and_reads_back() {
        for order in [0, 1, 1_700_000_000_000_000, u64::MAX] {
            for salt in [[0; SALT], [0xa5; SALT]] {
                let id = Stamp::named(order, salt).id;
                let text = id.to_string();
                assert_eq!(text.len(), 32);
                assert_eq!(text.parse(), Ok(id));
                let VersionId::Named(name) = id else {
                    panic!("it has a name");
                };
                assert_eq!(name.order(), order);
                let wrong = format!("{}ABCD", &text[..28]);
                assert_eq!(wrong.parse::<VersionId>(), Err(NotAVersion));
            }
        }
        assert_eq!("null".parse(), Ok(VersionId::Null));
        for wrong in ["", "Null", "HPniJFCxqTsMuIH9KX8K8wEjNUgmABCD"] {
            assert_eq!(wrong.parse::<VersionId>(), Err(NotAVersion), "{wrong}");
        }
    }

    #[test]
    fn a_clock_that_goes_back_makes_nothing_older() {
        let now = Timestamp::from_secs(1);
        assert_eq!(next_order(None, now), 1_000_000);
        assert_eq!(next_order(Some(5_000_000), now), 5_000_001);
    }
}
