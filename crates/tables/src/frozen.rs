use base::{Space, Timestamp};
use store::View;

use crate::describe::{copy, counted};
use crate::error::Result;
use crate::page::{Page, Walk, start};
use crate::value::Item;
use crate::{Description, Tables};

/// A table as it was at one moment, whatever is written to it since.
pub struct Frozen {
    view: View,
    pub at: Timestamp,
    pub description: Description,
}

impl Tables {
    pub fn freeze(&self, space: &Space, name: &str) -> Result<Frozen> {
        let at = self.clock.now();
        let view = self.store.read()?;
        let description = counted(&view, copy(&view, space, name)?, at)?;
        Ok(Frozen {
            view,
            at,
            description,
        })
    }
}

impl Frozen {
    pub(crate) fn view(&self) -> &View {
        &self.view
    }

    /// One page of all items, as a scan has them.
    pub fn page(&self, after: Option<&Item>) -> Result<Page> {
        let table = &self.description.table;
        let mut range = table.items().range();
        if let Some(after) = after {
            range = range.after(start(table, None, after)?.as_slice());
        }
        let walk = Walk {
            table,
            index: None,
            range,
            backwards: false,
            limit: None,
            filter: None,
            whole: false,
        };
        walk.read(&self.view)
    }
}

impl std::fmt::Debug for Frozen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Frozen({})", self.description.table.name)
    }
}
