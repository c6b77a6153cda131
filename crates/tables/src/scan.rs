use base::Space;
use store::{Key as Row, KeyRange};

use crate::Tables;
use crate::condition::Condition;
use crate::describe::find;
use crate::error::{Error, Result};
use crate::page::{Page, Walk, start};
use crate::value::Item;

#[derive(Clone, Debug, Default)]
pub struct Scan<'a> {
    pub table: &'a str,
    /// Instead of the table itself.
    pub index: Option<&'a str>,
    /// Which of the items that are read are wanted.
    pub filter: Option<&'a Condition>,
    /// Items are wanted whole, also where the index does not have all of them.
    pub whole: bool,
    /// Of the items that are read.
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
        let index = table.readable(scan.index)?;
        let all = match index {
            Some(index) => table.entries(index),
            None => table.items(),
        };
        let mut range = match scan.segment {
            Some(segment) => segment_range(&all, segment),
            None => all.range(),
        };
        if let Some(after) = scan.after {
            let row = start(&table, index, after)?;
            if !range.contains(row.as_slice()) {
                return Err(Error::StartOutside);
            }
            range = range.after(row.as_slice());
        }
        let walk = Walk {
            table: &table,
            index,
            range,
            backwards: false,
            limit: scan.limit,
            filter: scan.filter,
            whole: scan.whole,
        };
        walk.read(&view)
    }
}

/// The hashes of one segment.
fn segment_range(all: &Row, segment: Segment) -> KeyRange {
    let hashes = u64::from(u32::MAX) + 1;
    let bound = |index: u32| u64::from(index) * hashes / u64::from(segment.of.max(1));
    let at = |hash: u64| u32::try_from(hash).ok().map(|hash| all.clone().u32(hash));
    let range = all.range();
    let range = match at(bound(segment.index)) {
        Some(from) => range.from(from.as_slice()),
        None => range,
    };
    match at(bound(segment.index.saturating_add(1))) {
        Some(end) => range.before(end.as_slice()),
        None => range,
    }
}
