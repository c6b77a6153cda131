//! The one way in which items change.

use base::{Space, Timestamp};
use store::Tx;

use crate::Tables;
use crate::collection;
use crate::condition::Condition;
use crate::describe::find;
use crate::error::{Error, Result};
use crate::feed;
use crate::index::{self, Entry};
use crate::key::Key;
use crate::schema::{COUNTS, Count, EXPIRIES, Expires, INDEXED, ITEMS, PRIMARY, StoredItem, Table};
use crate::size::{MAX_ITEM, item_size};
use crate::update::{Change, Term, Update};
use crate::value::{Item, Value};

/// One thing to be done to one item of one table, if a condition holds for what is there.
#[derive(Clone, Debug)]
pub struct Write {
    pub(crate) table: String,
    pub(crate) action: Action,
    pub(crate) condition: Option<Condition>,
}

#[derive(Clone, Debug)]
pub(crate) enum Action {
    Put(StoredItem),
    Delete(Item),
    Update(Item, Update),
    Check(Item),
}

/// What a write did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Written {
    /// What was there.
    pub old: Option<Item>,
    /// What an update made of it.
    pub new: Option<Item>,
    /// The larger of the item before and after, by [`item_size`].
    pub bytes: usize,
    pub entries: Vec<WrittenEntry>,
}

/// A write of an index's entry that came of the item's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenEntry {
    pub index: String,
    pub local: bool,
    /// The entry's, by [`item_size`]; the larger one where it took another's place.
    pub bytes: usize,
}

impl Write {
    /// Stores an item in the place of the one with its key.
    pub fn put(table: impl Into<String>, item: Item) -> Self {
        Self::new(table.into(), Action::Put(StoredItem(item)))
    }

    /// Removes the item with this key, if there is one.
    pub fn delete(table: impl Into<String>, key: Item) -> Self {
        Self::new(table.into(), Action::Delete(key))
    }

    /// Changes the item with this key, or makes it.
    pub fn update(table: impl Into<String>, key: Item, update: Update) -> Self {
        Self::new(table.into(), Action::Update(key, update))
    }

    /// Only sees to it that the condition holds.
    pub fn check(table: impl Into<String>, key: Item) -> Self {
        Self::new(table.into(), Action::Check(key))
    }

    fn new(table: String, action: Action) -> Self {
        Self {
            table,
            action,
            condition: None,
        }
    }

    #[must_use]
    pub fn when(mut self, condition: Option<Condition>) -> Self {
        self.condition = condition;
        self
    }

    /// How much it brings: a deletion only a key, however large the item is.
    pub(crate) fn payload(&self) -> usize {
        match &self.action {
            Action::Put(item) => item_size(&item.0),
            Action::Delete(key) | Action::Check(key) => item_size(key),
            Action::Update(key, update) => item_size(key) + update.size(),
        }
    }

    /// The item's key, checked.
    pub(crate) fn key(&self, table: &Table) -> Result<Key> {
        match &self.action {
            Action::Put(item) => Key::of(table, &item.0),
            Action::Delete(key) | Action::Update(key, _) | Action::Check(key) => {
                Key::exactly(table, key)
            }
        }
    }
}

impl Tables {
    pub async fn write(&self, space: &Space, write: &Write) -> Result<Written> {
        check_size(write)?;
        let now = self.clock.now();
        self.store
            .write(|tx| {
                let table = find(tx, space, &write.table)?;
                let key = write.key(&table)?;
                apply(tx, &table, &key, write, now)
            })
            .await
    }
}

/// What can be seen without the table.
pub(crate) fn check_size(write: &Write) -> Result<()> {
    match &write.action {
        Action::Put(item) if item_size(&item.0) > MAX_ITEM => {
            Err(Error::ItemTooLarge { limit: MAX_ITEM })
        }
        _ => Ok(()),
    }
}

/// Keys that are empty can be seen without the item.
pub(crate) fn refuse_empty_keys(table: &Table, write: &Write, key: &Result<Key>) -> Result<()> {
    if let Err(error @ Error::EmptyKey { .. }) = key {
        return Err(error.clone());
    }
    match &write.action {
        Action::Put(item) => match index::check(table, &item.0) {
            Err(error @ Error::EmptyIndexKey { .. }) => Err(error),
            _ => Ok(()),
        },
        Action::Update(_, update) => refuse_empty_index_keys(table, update),
        Action::Delete(_) | Action::Check(_) => Ok(()),
    }
}

fn refuse_empty_index_keys(table: &Table, update: &Update) -> Result<()> {
    for (path, change) in &update.changes {
        if let Change::Set(Term::Value(value)) = change
            && path.steps.is_empty()
        {
            let checked = index::check_attribute(table, &path.name, value);
            if let Err(error @ Error::EmptyIndexKey { .. }) = checked {
                return Err(error.of_update());
            }
        }
    }
    Ok(())
}

/// Does a write to the item at `key`, which is the write's.
pub(crate) fn apply(
    tx: &mut Tx,
    table: &Table,
    key: &Key,
    write: &Write,
    now: Timestamp,
) -> Result<Written> {
    if let Action::Put(item) = &write.action {
        index::check(table, &item.0)?;
    }
    if let Action::Update(_, update) = &write.action {
        check_update(table, update)?;
        refuse_empty_index_keys(table, update)?;
    }
    let old = ITEMS
        .recent(tx, &key.row(table))?
        .map(|StoredItem(item)| item);
    if let Some(condition) = &write.condition {
        let holds = match &old {
            Some(item) => condition.holds(item),
            None => condition.holds(&Item::new()),
        };
        if !holds {
            return Err(Error::ConditionFailed(old.map(Box::new)));
        }
    }
    let mut new = None;
    let cause = Cause::Asked(now);
    let (bytes, entries) = match &write.action {
        Action::Check(_) => (old.as_ref().map_or(0, item_size), Vec::new()),
        Action::Put(item) => replace(tx, table, key, old.as_ref(), Some(item), cause)?,
        Action::Delete(_) => replace(tx, table, key, old.as_ref(), None, cause)?,
        Action::Update(_, update) if old.is_none() && update.only_removes() => (0, Vec::new()),
        Action::Update(attributes, update) => {
            let updated = StoredItem(update.apply(old.as_ref().unwrap_or(attributes))?);
            index::check(table, &updated.0).map_err(Error::of_update)?;
            if item_size(&updated.0) > MAX_ITEM {
                return Err(Error::UpdatedItemTooLarge { limit: MAX_ITEM });
            }
            let done = replace(tx, table, key, old.as_ref(), Some(&updated), cause)?;
            new = Some(updated.0);
            done
        }
    };
    Ok(Written {
        old,
        new,
        bytes,
        entries,
    })
}

fn check_update(table: &Table, update: &Update) -> Result<()> {
    let is_key = |name: &str| table.key.attributes().any(|key| key.name == name);
    let mut names = update.changes.iter().map(|(path, _)| &path.name);
    if let Some(name) = names.find(|name| is_key(name)) {
        return Err(Error::UpdatesKey(name.clone()));
    }
    let is_index_key = |name: &str| {
        let mut keys = table
            .indexes
            .iter()
            .flat_map(|index| index.key.attributes());
        keys.any(|key| key.name == name)
    };
    let mut paths = update.changes.iter().map(|(path, _)| path);
    match paths.find(|path| !path.steps.is_empty() && is_index_key(&path.name)) {
        Some(path) => Err(Error::PartOfIndexKey(path.name.clone())),
        None => Ok(()),
    }
}

/// Why an item changes, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    Asked(Timestamp),
    Expired(Timestamp),
}

/// Puts `new` in the place of `old`, which is what is at `key`, or removes that, and keeps what follows from the items:
/// counts, entries of indexes, when the item ends, the feed. Returns the larger of the two's sizes and what it wrote of indexes.
pub(crate) fn replace(
    tx: &mut Tx,
    table: &Table,
    key: &Key,
    old: Option<&Item>,
    new: Option<&StoredItem>,
    cause: Cause,
) -> Result<(usize, Vec<WrittenEntry>)> {
    let row = key.row(table);
    match new {
        Some(item) => ITEMS.put(tx, row.clone(), item),
        None if old.is_some() => ITEMS.delete(tx, row.clone()),
        None => return Ok((0, Vec::new())),
    }
    let new = new.map(|new| &new.0);
    feed::append(tx, table, key, old, new, cause);
    let mut changes = Changes::of(old, new);
    let mut collection = changes.table;
    let mut entries = Vec::new();
    for index in &table.indexes {
        if !index.built.covers(row.as_slice()) {
            continue;
        }
        let before = old.and_then(|old| index::entry(table, index, key, old));
        let after = new.and_then(|new| index::entry(table, index, key, new));
        if before == after {
            continue;
        }
        let delta = Delta::of(&before, &after);
        if index.local {
            collection.add(delta);
        }
        changes.indexes.push((index.number, delta));
        for bytes in move_entry(tx, before, after) {
            entries.push(WrittenEntry {
                index: index.name.clone(),
                local: index.local,
                bytes,
            });
        }
    }
    count(tx, table, &changes);
    if collection::is_bounded(table) {
        let (before, after) = (collection.removed.bytes, collection.added.bytes);
        collection::change(tx, table, key, before, after)?;
    }
    if let Some(expiry) = &table.expiry
        && expiry.built.covers(row.as_slice())
    {
        let ends = |item: Option<&Item>| item.and_then(|item| end_of(item, &expiry.attribute));
        move_end(tx, row.as_slice(), ends(old), ends(new));
    }
    Ok((changes.table.larger(), entries))
}

/// Returns the size of each write that it took.
fn move_entry(tx: &mut Tx, before: Option<Entry>, after: Option<Entry>) -> Vec<usize> {
    let size = |entry: &Entry| item_size(&entry.item);
    let in_place = matches!((&before, &after), (Some(a), Some(b)) if a.row == b.row);
    let sizes = match (&before, &after) {
        (Some(before), Some(after)) if in_place => vec![size(before).max(size(after))],
        (before, after) => before.iter().chain(after).map(size).collect(),
    };
    if let Some(before) = before
        && !in_place
    {
        tx.delete(before.row);
    }
    if let Some(after) = after {
        put_entry(tx, after);
    }
    sizes
}

pub(crate) fn put_entry(tx: &mut Tx, entry: Entry) {
    use store::Record;
    tx.put(entry.row, StoredItem(entry.item).encode());
}

/// The second at which an item ends.
pub(crate) fn end_of(item: &Item, attribute: &str) -> Option<u64> {
    match item.get(attribute)? {
        Value::Number(number) => number.whole(),
        _ => None,
    }
}

fn move_end(tx: &mut Tx, row: &[u8], before: Option<u64>, after: Option<u64>) {
    if before == after {
        return;
    }
    if let Some(before) = before {
        EXPIRIES.delete(tx, EXPIRIES.key().u64(before).raw(row));
    }
    if let Some(after) = after {
        EXPIRIES.put(tx, EXPIRIES.key().u64(after).raw(row), &Expires);
    }
}

/// How a count changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Delta {
    removed: Count,
    added: Count,
}

impl Delta {
    fn of(before: &Option<Entry>, after: &Option<Entry>) -> Self {
        Self::between(
            before.as_ref().map(|entry| &entry.item),
            after.as_ref().map(|entry| &entry.item),
        )
    }

    pub(crate) fn between(before: Option<&Item>, after: Option<&Item>) -> Self {
        let count = |item: Option<&Item>| {
            item.map_or_else(Count::default, |item| Count {
                items: 1,
                bytes: item_size(item) as u64,
            })
        };
        Self {
            removed: count(before),
            added: count(after),
        }
    }

    fn add(&mut self, other: Self) {
        self.removed.bytes += other.removed.bytes;
        self.added.bytes += other.added.bytes;
    }

    fn larger(&self) -> usize {
        let bytes = self.removed.bytes.max(self.added.bytes);
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }

    fn is_nothing(&self) -> bool {
        self.removed == self.added
    }

    fn sums(&self) -> [i64; 2] {
        let change = |added: u64, removed: u64| added.cast_signed() - removed.cast_signed();
        [
            change(self.added.items, self.removed.items),
            change(self.added.bytes, self.removed.bytes),
        ]
    }
}

/// How the counts of a table and of its indexes, by their numbers, change.
pub(crate) struct Changes {
    pub(crate) table: Delta,
    pub(crate) indexes: Vec<(u32, Delta)>,
}

impl Changes {
    fn of(old: Option<&Item>, new: Option<&Item>) -> Self {
        Self {
            table: Delta::between(old, new),
            indexes: Vec::new(),
        }
    }
}

/// Adds the changes to the counts.
pub(crate) fn count(tx: &mut Tx, table: &Table, changes: &Changes) {
    let key = COUNTS.key().u64(table.prefix());
    if !changes.table.is_nothing() {
        COUNTS.add(tx, key.clone().u8(PRIMARY), changes.table.sums());
    }
    for (number, delta) in &changes.indexes {
        if !delta.is_nothing() {
            COUNTS.add(tx, key.clone().u8(INDEXED).u32(*number), delta.sums());
        }
    }
}
