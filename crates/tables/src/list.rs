use base::Space;

use crate::Tables;
use crate::error::Result;
use crate::schema::TABLES;

/// One page of tables' names, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    pub names: Vec<String>,
    pub more: bool,
}

impl Tables {
    /// Up to `limit` names after `after`, which need not be one.
    pub fn list(&self, space: &Space, after: Option<&str>, limit: usize) -> Result<Names> {
        let all = TABLES.key().str(space.as_str());
        let range = match after {
            Some(name) => all.range().after(all.clone().str(name).as_slice()),
            None => all.range(),
        };
        let found = TABLES.scan(&self.store.read()?, &range, limit.saturating_add(1))?;
        let more = found.len() > limit;
        let names = found.into_iter().take(limit).map(|(_, table)| table.name);
        Ok(Names {
            names: names.collect(),
            more,
        })
    }
}
