//! What a key condition asks for of each attribute of a key.

use tables::{KeyAttribute, KeyParts, SortCondition, Value};

use super::keys::Conditions;
use crate::protocol::Fault;

/// What a query is about.
#[derive(Debug)]
pub(in crate::dynamodb) struct Keys {
    pub(in crate::dynamodb) partition: Vec<Value>,
    /// What the first attributes of the sort key are, where it has several.
    pub(in crate::dynamodb) leading: Vec<Value>,
    /// What the one after these must be.
    pub(in crate::dynamodb) sort: Option<SortCondition>,
}

pub(in crate::dynamodb) fn split(key: KeyParts<'_>, conditions: Conditions) -> Result<Keys, Fault> {
    match key.single() {
        Some((partition, sort)) => single(partition, sort, conditions),
        None => several(key, conditions),
    }
}

fn single(
    partition: &KeyAttribute,
    sort: Option<&KeyAttribute>,
    mut conditions: Conditions,
) -> Result<Keys, Fault> {
    let (asked, has) = (conditions.len(), 1 + usize::from(sort.is_some()));
    if asked > 2 {
        return Err(Fault::validation(format!(
            "The number of query conditions ({asked}) exceeds the number of key attributes defined in the schema ({has})"
        )));
    }
    if conditions.len() == 2 && sort.is_none() {
        return Err(unsupported());
    }
    let partition = equal(partition, &mut conditions)?;
    let sort = match (conditions.pop(), sort) {
        (None, _) => None,
        (Some((name, condition)), Some(sort)) if name == sort.name => Some(condition),
        (Some(_), Some(sort)) => return Err(missed(&sort.name)),
        (Some(_), None) => return Err(unsupported()),
    };
    Ok(Keys {
        partition: vec![partition],
        leading: Vec::new(),
        sort,
    })
}

/// A sort key of several attributes is narrowed from its first one on: only the last condition may be another than an
/// equality.
fn several(key: KeyParts<'_>, mut conditions: Conditions) -> Result<Keys, Fault> {
    let partition = key.partition.iter();
    let partition = partition.map(|attribute| equal(attribute, &mut conditions));
    let partition: Vec<Value> = partition.collect::<Result<_, _>>()?;
    let mut leading = Vec::new();
    let mut sort = None;
    let mut lacking: Vec<&str> = Vec::new();
    for attribute in key.sort {
        let condition = take(attribute, &mut conditions);
        if condition.is_some() && !lacking.is_empty() {
            return Err(Fault::validation(format!(
                "RANGE key attributes {} must have equality conditions specified in the query because a condition is present on key attribute {}",
                lacking.join(", "),
                attribute.name
            )));
        }
        match condition {
            Some(SortCondition::Equal(value)) => leading.push(value),
            other => {
                sort = sort.or(other);
                lacking.push(&attribute.name);
            }
        }
    }
    if !conditions.is_empty() {
        return Err(unsupported());
    }
    // All of them are given: the last one is what is narrowed by.
    if leading.len() == key.sort.len() {
        sort = leading.pop().map(SortCondition::Equal);
    }
    Ok(Keys {
        partition,
        leading,
        sort,
    })
}

fn equal(attribute: &KeyAttribute, conditions: &mut Conditions) -> Result<Value, Fault> {
    match take(attribute, conditions) {
        Some(SortCondition::Equal(value)) => Ok(value),
        Some(_) => Err(unsupported()),
        None => Err(missed(&attribute.name)),
    }
}

fn take(attribute: &KeyAttribute, conditions: &mut Conditions) -> Option<SortCondition> {
    let at = conditions
        .iter()
        .position(|(name, _)| *name == attribute.name)?;
    Some(conditions.swap_remove(at).1)
}

fn missed(name: &str) -> Fault {
    Fault::validation(format!("Query condition missed key schema element: {name}"))
}

fn unsupported() -> Fault {
    Fault::validation("Query key condition not supported")
}
