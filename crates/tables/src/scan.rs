use base::Space;
use store::KeyRange;

use crate::Tables;
use crate::describe::find;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::page::{Page, Walk, read};
use crate::schema::Table;
use crate::value::Item;

#[derive(Clone, Debug, Default)]
pub struct Scan<'a> {
    pub table: &'a str,
    pub limit: Option<usize>,
    /// The key after which the page begins.
    pub after: Option<&'a Item>,
    pub segment: Option<Segment>,
}

/// One of several equal parts of a table, for several readers at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// From 0.
    pub index: u32,
    pub of: u32,
}

impl Tables {
    /// One page of all of a table's items.
    pub fn scan(&self, space: &Space, scan: &Scan<'_>) -> Result<Page> {
        let view = self.store.read()?;
        let table = find(&view, space, scan.table)?;
        let mut range = match scan.segment {
            Some(segment) => segment_range(&table, segment),
            None => table.items().range(),
        };
        if let Some(after) = scan.after {
            let row = Key::exactly(&table, after)?.row(&table);
            if !range.contains(row.as_slice()) {
                return Err(Error::StartOutside);
            }
            range = range.after(row.as_slice());
        }
        let walk = Walk {
            range,
            backwards: false,
            limit: scan.limit,
        };
        read(&view, &table, walk)
    }
}

/// The hashes of one segment.
fn segment_range(table: &Table, segment: Segment) -> KeyRange {
    let hashes = u64::from(u32::MAX) + 1;
    let bound = |index: u32| u64::from(index) * hashes / u64::from(segment.of.max(1));
    let at = |hash: u64| u32::try_from(hash).ok().map(|hash| table.items().u32(hash));
    let range = table.items().range();
    let range = match at(bound(segment.index)) {
        Some(from) => range.from(from.as_slice()),
        None => range,
    };
    match at(bound(segment.index.saturating_add(1))) {
        Some(end) => range.before(end.as_slice()),
        None => range,
    }
}
