use base::Space;
use store::KeyRange;

use crate::Tables;
use crate::describe::find;
use crate::error::{Error, Result};
use crate::key::{Key, partition_bytes, partition_row, sortable};
use crate::page::{Page, Walk, read};
use crate::schema::{KeyAttribute, KeyType, Table};
use crate::value::{Item, Value};

#[derive(Clone, Debug)]
pub struct Query<'a> {
    pub table: &'a str,
    /// The value of the partition key.
    pub partition: &'a Value,
    pub sort: Option<&'a SortCondition>,
    pub limit: Option<usize>,
    /// The key after which, in the direction of the query, the page begins.
    pub after: Option<&'a Item>,
    /// Greatest sort key first.
    pub backwards: bool,
}

/// What the sort keys must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SortCondition {
    Equal(Value),
    Less(Value),
    LessOrEqual(Value),
    Greater(Value),
    GreaterOrEqual(Value),
    /// Both ends belong to it.
    Between(Value, Value),
    /// Strings and bytes only.
    BeginsWith(Value),
}

impl Tables {
    /// One page of the items of a partition, in the order of their sort keys.
    pub fn query(&self, space: &Space, query: &Query<'_>) -> Result<Page> {
        let view = self.store.read()?;
        let table = find(&view, space, query.table)?;
        let partition = partition_bytes(&table.key.partition, query.partition)?;
        let mut range = range(&table, &partition, query.sort)?;
        if let Some(after) = query.after {
            let key = Key::exactly(&table, after)?;
            let row = key.row(&table);
            if key.partition() != partition || !range.contains(row.as_slice()) {
                return Err(Error::StartOutside);
            }
            range = if query.backwards {
                range.before(row.as_slice())
            } else {
                range.after(row.as_slice())
            };
        }
        let walk = Walk {
            range,
            backwards: query.backwards,
            limit: query.limit,
        };
        read(&view, &table, walk)
    }
}

fn range(table: &Table, partition: &[u8], sort: Option<&SortCondition>) -> Result<KeyRange> {
    let row = partition_row(table, partition);
    let all = row.range();
    let Some(condition) = sort else {
        return Ok(all);
    };
    let attribute = table.key.sort.as_ref().ok_or(Error::WrongCondition)?;
    let at = |value: &Value| -> Result<Vec<u8>> {
        Ok(row.clone().raw(&sortable(attribute, value)?).into_vec())
    };
    Ok(match condition {
        SortCondition::Equal(value) => all.from(&at(value)?).before(&next(at(value)?)),
        SortCondition::Less(value) => all.before(&at(value)?),
        SortCondition::LessOrEqual(value) => all.before(&next(at(value)?)),
        SortCondition::Greater(value) => all.from(&next(at(value)?)),
        SortCondition::GreaterOrEqual(value) => all.from(&at(value)?),
        SortCondition::Between(low, high) => all.from(&at(low)?).before(&next(at(high)?)),
        SortCondition::BeginsWith(prefix) => beginning(&row, attribute, prefix)?,
    })
}

fn beginning(row: &store::Key, attribute: &KeyAttribute, prefix: &Value) -> Result<KeyRange> {
    match (attribute.r#type, prefix) {
        (KeyType::Number, _) => Err(Error::WrongCondition),
        // Everything begins with nothing.
        (KeyType::String, Value::String(text)) => Ok(row.clone().raw(text.as_bytes()).range()),
        (KeyType::Binary, Value::Binary(bytes)) => Ok(row.clone().raw(bytes).range()),
        (expected, value) => Err(Error::WrongKeyType {
            attribute: attribute.name.clone(),
            expected,
            actual: value.r#type(),
        }),
    }
}

/// The least row after this one.
fn next(mut row: Vec<u8>) -> Vec<u8> {
    row.push(0x00);
    row
}
