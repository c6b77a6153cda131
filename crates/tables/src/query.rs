use base::Space;
use store::{Key as Row, KeyRange};

use crate::Tables;
use crate::condition::Condition;
use crate::describe::find;
use crate::error::{Error, Result};
use crate::index;
use crate::key::{Key, PARTITION_KEY, partition_row, sized, sortable};
use crate::page::{Page, Walk, start};
use crate::schema::{Index, KeyAttribute, KeyType, Table};
use crate::value::{Item, Value};

#[derive(Clone, Debug)]
pub struct Query<'a> {
    pub table: &'a str,
    /// Instead of the table itself.
    pub index: Option<&'a str>,
    /// The values of the partition key's attributes.
    pub partition: &'a [Value],
    /// What the first attributes of the sort key are, where it has several.
    pub leading: &'a [Value],
    /// What the one after these must be.
    pub sort: Option<&'a SortCondition>,
    /// Which of the items that are read are wanted.
    pub filter: Option<&'a Condition>,
    /// Items are wanted whole, also where the index does not have all of them.
    pub whole: bool,
    /// Of the items that are read.
    pub limit: Option<usize>,
    /// The key after which, in the direction of the query, the page begins.
    pub after: Option<&'a Item>,
    /// Greatest sort key first.
    pub backwards: bool,
}

/// What an attribute of the sort key must be.
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

/// One partition of a table or of an index, or of its items those whose sort keys begin with some attributes.
struct Partition<'a> {
    row: Row,
    sort: Option<&'a KeyAttribute>,
    /// Something follows the sort key, so it is closed.
    closed: bool,
}

impl<'a> Query<'a> {
    /// All of a partition.
    pub fn of(table: &'a str, partition: &'a Value) -> Self {
        Self {
            table,
            index: None,
            partition: std::slice::from_ref(partition),
            leading: &[],
            sort: None,
            filter: None,
            whole: false,
            limit: None,
            after: None,
            backwards: false,
        }
    }
}

impl Tables {
    /// One page of the items of a partition, in the order of their sort keys.
    pub fn query(&self, space: &Space, query: &Query<'_>) -> Result<Page> {
        let view = self.store.read()?;
        let table = find(&view, space, query.table)?;
        let index = table.readable(query.index)?;
        let partition = Partition::of(&table, index, query)?;
        let mut range = partition.range(query.sort)?;
        if let Some(after) = query.after {
            let row = start(&table, index, after)?;
            if !range.contains(row.as_slice()) {
                return Err(Error::StartOutside);
            }
            range = if query.backwards {
                range.before(row.as_slice())
            } else {
                range.after(row.as_slice())
            };
        }
        let walk = Walk {
            table: &table,
            index,
            range,
            backwards: query.backwards,
            limit: query.limit,
            filter: query.filter,
            whole: query.whole,
        };
        walk.read(&view)
    }
}

impl<'a> Partition<'a> {
    fn of(table: &'a Table, index: Option<&'a Index>, query: &Query<'_>) -> Result<Self> {
        let key = index.map_or_else(|| table.key.parts(), |index| index.key.parts());
        let last = key.sort.len().saturating_sub(1);
        if query.partition.len() != key.partition.len() || query.leading.len() > last {
            return Err(Error::WrongCondition);
        }
        let partition = encoded(key.partition, query.partition)?;
        sized(&partition, PARTITION_KEY)?;
        let leading = encoded(key.sort, query.leading)?;
        let row = match index {
            Some(index) => index::partition_row(table, index, &partition),
            None => partition_row(table, &partition.concat()),
        };
        Ok(Self {
            row: index::closed(row, &leading),
            sort: key.sort.get(leading.len()),
            closed: index.is_some(),
        })
    }

    fn range(&self, condition: Option<&SortCondition>) -> Result<KeyRange> {
        let all = self.row.range();
        let Some(condition) = condition else {
            return Ok(all);
        };
        let attribute = self.sort.ok_or(Error::WrongCondition)?;
        let at = |value: &Value| Ok::<_, Error>(self.at(&sortable(attribute, value)?));
        Ok(match condition {
            SortCondition::Equal(value) => at(value)?,
            SortCondition::Less(value) => all.before(&at(value)?.start),
            SortCondition::LessOrEqual(value) => all.before(&at(value)?.end),
            SortCondition::Greater(value) => all.from(&at(value)?.end),
            SortCondition::GreaterOrEqual(value) => all.from(&at(value)?.start),
            SortCondition::Between(low, high) => all.from(&at(low)?.start).before(&at(high)?.end),
            SortCondition::BeginsWith(prefix) => self.beginning(attribute, prefix)?,
        })
    }

    /// The rows whose sort key is just this.
    fn at(&self, sort: &[u8]) -> KeyRange {
        if self.closed {
            return self.row.clone().bytes(sort).range();
        }
        let start = self.row.clone().raw(sort).into_vec();
        let mut end = start.clone();
        end.push(0x00);
        KeyRange { start, end }
    }

    fn beginning(&self, attribute: &KeyAttribute, prefix: &Value) -> Result<KeyRange> {
        let prefix = match (attribute.r#type, prefix) {
            (KeyType::Number, _) => return Err(Error::WrongCondition),
            // Everything begins with nothing.
            (KeyType::String, Value::String(text)) => text.as_bytes(),
            (KeyType::Binary, Value::Binary(bytes)) => bytes,
            (expected, value) => {
                return Err(Error::WrongKeyType {
                    attribute: attribute.name.clone(),
                    expected,
                    actual: value.r#type(),
                });
            }
        };
        Ok(match self.closed {
            true => index::beginning(&self.row, prefix),
            false => self.row.clone().raw(prefix).range(),
        })
    }
}

/// The bytes of the values of as many attributes.
fn encoded(attributes: &[KeyAttribute], values: &[Value]) -> Result<Vec<Vec<u8>>> {
    let each = attributes.iter().zip(values);
    each.map(|(attribute, value)| sortable(attribute, value))
        .collect()
}

impl Key {
    /// The key in `attributes`, which may have others.
    pub(crate) fn within(table: &Table, attributes: &Item) -> Result<Self> {
        Self::of(table, attributes).map_err(|error| match error {
            Error::MissingKey(_) | Error::WrongKeyType { .. } => Error::NotAKey,
            error => error,
        })
    }
}
