//! Reading a range of items, or of an index's entries, up to a bound of items and of bytes.

use store::{Key as Row, KeyRange, View};

use crate::condition::Condition;
use crate::error::{Error, Result};
use crate::index::{self, key_names};
use crate::key::Key;
use crate::schema::{ITEMS, Index, Projected, Table};
use crate::size::item_size;
use crate::value::Item;

/// A page ends with the item that brings it to this many bytes.
const MAX_PAGE: usize = 1 << 20;
/// Items asked of the store at once, at first and at most.
const FIRST_ASK: usize = 16;
const MAX_ASK: usize = 1_024;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    pub items: Vec<Item>,
    /// How many were read; fewer may be in the page.
    pub read: usize,
    /// What was read, by [`item_size`].
    pub bytes: usize,
    /// The sizes of those that were read from the table because an index did not have them whole.
    pub fetched: Vec<usize>,
    /// The key of the last item that was read, if the page ended at a bound. There may be nothing after it.
    pub last: Option<Item>,
}

/// Which way a page goes through its range, from where, and how far.
pub(crate) struct Walk<'a> {
    pub(crate) table: &'a Table,
    pub(crate) index: Option<&'a Index>,
    pub(crate) range: KeyRange,
    pub(crate) backwards: bool,
    pub(crate) limit: Option<usize>,
    pub(crate) filter: Option<&'a Condition>,
    pub(crate) whole: bool,
}

impl Walk<'_> {
    pub(crate) fn read(mut self, view: &View) -> Result<Page> {
        let limit = self.limit.unwrap_or(usize::MAX);
        let mut page = Page::default();
        let mut last = None;
        while page.read < limit && page.bytes < MAX_PAGE {
            let ask = next_ask(&page).min(limit - page.read);
            let found = if self.backwards {
                ITEMS.scan_back(view, &self.range, ask)?
            } else {
                ITEMS.scan(view, &self.range, ask)?
            };
            let all = found.len() < ask;
            if let Some((row, _)) = found.last() {
                self.range = if self.backwards {
                    self.range.before(row)
                } else {
                    self.range.after(row)
                };
            }
            for (_, item) in found {
                last = Some(self.key(&item.0));
                self.take(view, &mut page, item.0)?;
                if page.bytes >= MAX_PAGE {
                    break;
                }
            }
            if all && page.bytes < MAX_PAGE {
                return Ok(page);
            }
        }
        page.last = last;
        Ok(page)
    }

    fn take(&self, view: &View, page: &mut Page, mut item: Item) -> Result<()> {
        page.read += 1;
        page.bytes += item_size(&item);
        if self.fetches() {
            let row = Key::of(self.table, &item)?.row(self.table);
            if let Some(whole) = ITEMS.get(view, &row)? {
                item = whole.0;
                page.fetched.push(item_size(&item));
            }
        }
        if self.filter.is_none_or(|filter| filter.holds(&item)) {
            page.items.push(item);
        }
        Ok(())
    }

    fn fetches(&self) -> bool {
        let partial = |index: &Index| index.projected != Projected::All;
        self.whole && self.index.is_some_and(partial)
    }

    fn key(&self, item: &Item) -> Item {
        key_names(self.table, self.index)
            .filter_map(|name| Some((name.to_owned(), item.get(name)?.clone())))
            .collect()
    }
}

impl Table {
    /// The index with this name, if it is one and can be read.
    pub(crate) fn readable(&self, index: Option<&str>) -> Result<Option<&Index>> {
        let Some(name) = index else {
            return Ok(None);
        };
        let index = self
            .index(name)
            .ok_or_else(|| Error::NoSuchIndex(name.to_owned()))?;
        match index.is_whole() {
            true => Ok(Some(index)),
            false => Err(Error::IndexNotBuilt(name.to_owned())),
        }
    }
}

/// The row of a key after which a page begins. It has just the attributes that a page's last key has.
pub(crate) fn start(table: &Table, index: Option<&Index>, after: &Item) -> Result<Row> {
    let Some(index) = index else {
        return Ok(Key::exactly(table, after)?.row(table));
    };
    let mut names: Vec<&str> = key_names(table, Some(index)).collect();
    names.sort_unstable();
    names.dedup();
    if names.len() != after.len() || !names.iter().all(|name| after.contains_key(*name)) {
        return Err(Error::NotAKey);
    }
    let key = Key::within(table, after)?;
    index::row(table, index, &key, after).ok_or(Error::NotAKey)
}

/// About as many as fill the page, going by those that were read.
fn next_ask(page: &Page) -> usize {
    if page.read == 0 {
        return FIRST_ASK;
    }
    let average = (page.bytes / page.read).max(1);
    ((MAX_PAGE - page.bytes) / average + 1).min(MAX_ASK)
}
