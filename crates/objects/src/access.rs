//! Who may do what with a bucket, and how it is encrypted, as its owner says it: kept and told, and obeyed by nothing here.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::schema::{self, ACCESS};
use crate::{Objects, bucket};

/// What is said of a bucket of which nobody said anything is the default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketAccess {
    /// In the face's own words.
    pub policy: Option<String>,
    /// None if they were taken away.
    pub barriers: Option<Barriers>,
    /// Whether it is said that everything in it is its owner's and no list says otherwise. It is so even if nobody says it.
    pub owned: bool,
    /// Whether objects share a key of their bucket's.
    pub bucket_key: bool,
}

/// What keeps everybody out, whatever policies and lists say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Barriers {
    /// Lists that let everybody in are not taken.
    pub new_lists: bool,
    /// Lists that let everybody in do not count.
    pub all_lists: bool,
    /// Policies that let everybody in are not taken.
    pub new_policies: bool,
    /// Policies that let everybody in do not count.
    pub all_policies: bool,
}

impl Default for BucketAccess {
    fn default() -> Self {
        Self {
            policy: None,
            barriers: Some(Barriers::ALL),
            owned: true,
            bucket_key: false,
        }
    }
}

impl Barriers {
    pub const ALL: Self = Self {
        new_lists: true,
        all_lists: true,
        new_policies: true,
        all_policies: true,
    };
}

impl Objects {
    pub fn access(&self, name: &str) -> Result<BucketAccess> {
        let view = self.store.read()?;
        bucket::require(&view, name)?;
        let found = ACCESS.get(&view, &schema::access_key(name))?;
        Ok(found.unwrap_or_default())
    }

    /// Changes what is said of the bucket; `change` may be asked twice.
    pub async fn set_access(
        &self,
        name: &str,
        change: impl Fn(&mut BucketAccess) + Send + Sync,
    ) -> Result<()> {
        self.store
            .write(|tx| {
                bucket::require(tx, name)?;
                let key = schema::access_key(name);
                let mut access = ACCESS.get(tx, &key)?.unwrap_or_default();
                change(&mut access);
                ACCESS.put(tx, key, &access);
                Ok(())
            })
            .await
    }
}
