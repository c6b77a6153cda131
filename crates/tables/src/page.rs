//! Reading a range of items, up to a bound of items and of bytes.

use store::{KeyRange, View};

use crate::error::Result;
use crate::key::Key;
use crate::schema::{ITEMS, Table};
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
    /// Together, by [`item_size`].
    pub bytes: usize,
    /// The last item's key, if the page ended at a bound. There may be nothing after it.
    pub last: Option<Item>,
}

/// Which way a page goes through its range, from where, and how far.
pub(crate) struct Walk {
    pub(crate) range: KeyRange,
    pub(crate) backwards: bool,
    pub(crate) limit: Option<usize>,
}

pub(crate) fn read(view: &View, table: &Table, walk: Walk) -> Result<Page> {
    let limit = walk.limit.unwrap_or(usize::MAX);
    let mut range = walk.range;
    let mut page = Page::default();
    while page.items.len() < limit && page.bytes < MAX_PAGE {
        let ask = next_ask(&page).min(limit - page.items.len());
        let found = if walk.backwards {
            ITEMS.scan_back(view, &range, ask)?
        } else {
            ITEMS.scan(view, &range, ask)?
        };
        let all = found.len() < ask;
        if let Some((row, _)) = found.last() {
            range = if walk.backwards {
                range.before(row)
            } else {
                range.after(row)
            };
        }
        for (_, item) in found {
            page.bytes += item_size(&item.0);
            page.items.push(item.0);
            if page.bytes >= MAX_PAGE {
                break;
            }
        }
        if all && page.bytes < MAX_PAGE {
            return Ok(page);
        }
    }
    page.last = page
        .items
        .last()
        .map(|item| Key::of(table, item).map(Key::into_attributes))
        .transpose()?;
    Ok(page)
}

/// About as many as fill the page, going by those that are in it.
fn next_ask(page: &Page) -> usize {
    if page.items.is_empty() {
        return FIRST_ASK;
    }
    let average = (page.bytes / page.items.len()).max(1);
    ((MAX_PAGE - page.bytes) / average + 1).min(MAX_ASK)
}
