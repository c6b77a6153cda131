//! Entries of indexes: what they are made of and where they are.

use store::{Key as Row, KeyRange};

use crate::error::{Error, Result};
use crate::key::{Key, Limit, PARTITION_KEY, SORT_KEY, hash, sized, sortable};
use crate::schema::{Index, KeyAttribute, Projected, Table};
use crate::value::{Item, Value};

/// An item as an index has it.
#[derive(Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) row: Vec<u8>,
    pub(crate) item: Item,
}

/// Refuses an item to be stored that has an attribute of an index's key that can be none. Of several indexes, the first
/// by its name is told.
pub(crate) fn check(table: &Table, item: &Item) -> Result<()> {
    first(table, |index| check_entry(index, item))
}

/// The same of one attribute.
pub(crate) fn check_attribute(table: &Table, name: &str, value: &Value) -> Result<()> {
    first(table, |index| {
        let mut named = index.key.attributes().filter(|key| key.name == name);
        named.try_for_each(|attribute| part(index, attribute, value).map(drop))
    })
}

fn first(table: &Table, check: impl Fn(&Index) -> Result<()>) -> Result<()> {
    let wrong = |index| Some((index, check(index).err()?));
    let wrong = table.indexes.iter().filter_map(wrong);
    match wrong.min_by_key(|(index, _)| &index.name) {
        Some((_, error)) => Err(error),
        None => Ok(()),
    }
}

fn check_entry(index: &Index, item: &Item) -> Result<()> {
    for (attributes, limit) in roles(index) {
        let there = attributes.iter().map(|key| (key, item.get(&key.name)));
        let there = there.filter_map(|(key, value)| Some(part(index, key, value?)));
        let parts: Vec<Vec<u8>> = there.collect::<Result<_>>()?;
        sized(&parts, limit)?;
    }
    Ok(())
}

fn roles(index: &Index) -> [(&[KeyAttribute], Limit); 2] {
    [
        (&index.key.partition, PARTITION_KEY),
        (&index.key.sort, SORT_KEY),
    ]
}

/// The entry of an item; none if it lacks a key attribute or has one that can be none, as items may that are older than
/// the index.
pub(crate) fn entry(table: &Table, index: &Index, key: &Key, item: &Item) -> Option<Entry> {
    Some(Entry {
        row: row(table, index, key, item)?.into_vec(),
        item: project(table, index, item),
    })
}

/// The row of an item's entry.
pub(crate) fn row(table: &Table, index: &Index, key: &Key, item: &Item) -> Option<Row> {
    let [partition, sort] = roles(index).map(|(attributes, limit)| {
        let value = |key: &KeyAttribute| part(index, key, item.get(&key.name)?).ok();
        let parts: Vec<Vec<u8>> = attributes.iter().map(value).collect::<Option<_>>()?;
        sized(&parts, limit).ok().map(|()| parts)
    });
    let mut row = closed(partition_row(table, index, &partition?), &sort?);
    if !index.local {
        row = row.bytes(key.partition());
    }
    Some(row.raw(key.sort()))
}

/// What the entries of one partition begin with.
pub(crate) fn partition_row(table: &Table, index: &Index, partition: &[Vec<u8>]) -> Row {
    let row = table.entries(index).u32(hash(&partition.concat()));
    closed(row, partition)
}

/// The row with these behind it, each closed.
pub(crate) fn closed(row: Row, parts: &[Vec<u8>]) -> Row {
    parts.iter().fold(row, |row, part| row.bytes(part))
}

/// The entries whose sort keys begin with these bytes.
pub(crate) fn beginning(partition: &Row, prefix: &[u8]) -> KeyRange {
    let whole = partition.clone().bytes(prefix);
    let from = partition.as_slice().len();
    // Without what closes it.
    let open = &whole.as_slice()[from..whole.as_slice().len() - 2];
    partition.clone().raw(open).range()
}

fn part(index: &Index, attribute: &KeyAttribute, value: &Value) -> Result<Vec<u8>> {
    sortable(attribute, value).map_err(|error| match error {
        Error::WrongKeyType {
            attribute,
            expected,
            actual,
        } => Error::WrongIndexKeyType {
            index: index.name.clone(),
            attribute,
            expected,
            actual,
        },
        Error::EmptyKey { attribute, r#type } => Error::EmptyIndexKey {
            index: index.name.clone(),
            attribute,
            r#type,
        },
        error => error,
    })
}

fn project(table: &Table, index: &Index, item: &Item) -> Item {
    let only = match &index.projected {
        Projected::All => return item.clone(),
        Projected::Keys => &[][..],
        Projected::Only(names) => names,
    };
    let keys = key_names(table, Some(index));
    let names = keys.chain(only.iter().map(String::as_str));
    names
        .filter_map(|name| Some((name.to_owned(), item.get(name)?.clone())))
        .collect()
}

/// The attributes that tell where an item is in a table or in an index of it; some may come twice.
pub(crate) fn key_names<'a>(
    table: &'a Table,
    index: Option<&'a Index>,
) -> impl Iterator<Item = &'a str> {
    let of_index = index.into_iter().flat_map(|index| index.key.attributes());
    let all = of_index.chain(table.key.attributes());
    all.map(|attribute| attribute.name.as_str())
}
