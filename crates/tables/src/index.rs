//! Entries of indexes: what they are made of and where they are.

use store::{Key as Row, KeyRange};

use crate::error::{Error, Result};
use crate::key::{Key, hash, sized_partition, sized_sort, sortable};
use crate::schema::{Index, KeyAttribute, Projected, Table};
use crate::value::{Item, Value};

/// An item as an index has it.
#[derive(Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) row: Vec<u8>,
    pub(crate) item: Item,
}

/// Refuses an item to be stored that has an attribute of an index's key that can be none.
pub(crate) fn check(table: &Table, item: &Item) -> Result<()> {
    for index in &table.indexes {
        for attribute in index.key.attributes() {
            if let Some(value) = item.get(&attribute.name) {
                part(index, attribute, value)?;
            }
        }
    }
    Ok(())
}

/// The same of one attribute.
pub(crate) fn check_attribute(table: &Table, name: &str, value: &Value) -> Result<()> {
    for index in &table.indexes {
        for attribute in index.key.attributes().filter(|key| key.name == name) {
            part(index, attribute, value)?;
        }
    }
    Ok(())
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
    let value = |attribute: &KeyAttribute| part(index, attribute, item.get(&attribute.name)?).ok();
    let partition = value(&index.key.partition)?;
    let mut row = partition_row(table, index, &partition);
    if let Some(sort) = &index.key.sort {
        row = row.bytes(&value(sort)?);
    }
    if !index.local {
        row = row.bytes(key.partition());
    }
    Some(row.raw(key.sort()))
}

/// What the entries of one partition begin with.
pub(crate) fn partition_row(table: &Table, index: &Index, partition: &[u8]) -> Row {
    table.entries(index).u32(hash(partition)).bytes(partition)
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
    let bytes = sortable(attribute, value).map_err(|error| match error {
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
    })?;
    if *attribute == index.key.partition {
        sized_partition(bytes)
    } else {
        sized_sort(bytes)
    }
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
