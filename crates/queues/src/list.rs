use base::Space;
use store::{Key, KeyReader, Read};

use crate::Queues;
use crate::error::Result;
use crate::schema::{Address, QUEUES, sources};

/// Some names, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    pub names: Vec<String>,
    /// There are more after the last one.
    pub more: bool,
}

impl Queues {
    /// Some queues whose names begin with `prefix` and come after `after`.
    pub fn list(
        &self,
        space: &Space,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Names> {
        let all = QUEUES.key().str(space.as_str());
        let mut range = all.str_prefix(prefix);
        if let Some(after) = after {
            range = range.after(all.clone().str(after).as_slice());
        }
        let found = self.store().read()?.scan(&range, limit + 1)?;
        Ok(names(found.into_iter().map(|(key, _)| key), 1, limit))
    }

    /// Some queues that give their dead letters to this one.
    pub fn sources(&self, of: &Address, after: Option<&str>, limit: usize) -> Result<Names> {
        self.get(of)?;
        let all: Key = sources(of).str(of.space.as_str());
        let mut range = all.range();
        if let Some(after) = after {
            range = range.after(all.clone().str(after).as_slice());
        }
        let found = self.store().read()?.scan(&range, limit + 1)?;
        Ok(names(found.into_iter().map(|(key, _)| key), 3, limit))
    }
}

/// The names in these keys, which come after so many other parts.
fn names(keys: impl Iterator<Item = Vec<u8>>, parts: usize, limit: usize) -> Names {
    let name = |key: Vec<u8>| {
        let mut reader = KeyReader::new(&key)?;
        for _ in 0..parts {
            reader.bytes()?;
        }
        reader.str()
    };
    let mut names: Vec<String> = keys.filter_map(name).collect();
    let more = names.len() > limit;
    names.truncate(limit);
    Names { names, more }
}
