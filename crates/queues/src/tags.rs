use std::collections::BTreeMap;

use crate::Queues;
use crate::error::{Error, Result};
use crate::schema::{Address, TAGS};

/// The most tags that a queue can have.
pub const MAX_TAGS: usize = 50;

pub(crate) fn check(of: &Address, tags: &BTreeMap<String, String>) -> Result<()> {
    if tags.len() > MAX_TAGS {
        return Err(Error::TooManyTags(of.clone()));
    }
    Ok(())
}

impl Queues {
    pub fn tags(&self, of: &Address) -> Result<BTreeMap<String, String>> {
        let key = TAGS.key().u64(self.get(of)?.number);
        let tags = TAGS.get(&self.store().read()?, &key)?;
        Ok(tags.unwrap_or_default().0)
    }

    /// Changes a queue's tags to what `change` makes of them, which may be asked more than once.
    pub async fn tag(
        &self,
        of: &Address,
        change: impl Fn(&mut BTreeMap<String, String>),
    ) -> Result<()> {
        let key = TAGS.key().u64(self.get(of)?.number);
        self.store()
            .write(|tx| {
                let mut tags = TAGS.get(tx, &key)?.unwrap_or_default();
                change(&mut tags.0);
                check(of, &tags.0)?;
                if tags.0.is_empty() {
                    TAGS.delete(tx, key.clone());
                } else {
                    TAGS.put(tx, key.clone(), &tags);
                }
                Ok::<_, Error>(())
            })
            .await
    }
}
