//! Carrying a selection out: an equality or a list on the partition key is a query of each partition named, anything
//! else a scan. The whole condition is the filter in any case.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};
use tables::{
    Comparison, Condition, Index, Item, KeySchema, Operand, Page, Path, Query, Scan, SortCondition,
    Table, Value,
};

use super::parse::Select;
use super::run::Input;
use crate::dynamodb::attribute::{self, PrintedItem};
use crate::dynamodb::capacity::Spent;
use crate::dynamodb::error::fault;
use crate::dynamodb::{Asked, page};
use crate::protocol::Fault;

/// Partitions that one selection names.
const MOST_PARTITIONS: usize = 50;
/// A page ends with the item that brings it to this many bytes, over all of its partitions.
const MAX_PAGE: usize = 1 << 20;

/// What was selected, and where the next page begins.
pub(super) struct Selected {
    pub(super) items: Vec<Item>,
    pub(super) spent: Spent,
    pub(super) last: Option<Item>,
    pub(super) token: Option<String>,
}

/// Which rows are read, in which order.
struct Plan<'a> {
    select: &'a Select,
    index: Option<&'a Index>,
    sort: Option<SortCondition>,
    /// None for everything.
    partitions: Option<Vec<&'a Value>>,
    backwards: bool,
}

/// A place in a selection: a partition and the key after which it goes on.
struct Place {
    partition: usize,
    after: Option<Item>,
}

pub(super) fn read(asked: &Asked<'_>, select: &Select, input: &Input) -> Result<Selected, Fault> {
    let table = asked.tables.table(asked.space(), &select.table);
    let table = table.map_err(fault)?;
    let index = page::index(&table, select.index.as_deref(), input.consistent_read)?;
    let plan = Plan::of(&table, index, select)?;
    let mut place = match &input.next_token {
        Some(token) => Place::read(token, &input.statement)?,
        None => Place {
            partition: 0,
            after: None,
        },
    };
    let mut selected = Selected {
        items: Vec::new(),
        spent: Spent::default(),
        last: None,
        token: None,
    };
    let (mut read, mut bytes) = (0, 0);
    loop {
        let limit = input.limit.map(|limit| limit - read);
        let page = plan.page(asked, &place, limit)?;
        read += page.read;
        bytes += page.bytes;
        selected.spent.add(match index {
            Some(index) => Spent::read_index(index, page.bytes, &[], input.consistent_read),
            None => Spent::read(page.bytes, input.consistent_read),
        });
        selected.items.extend(page.items);
        let full = bytes >= MAX_PAGE || input.limit.is_some_and(|limit| read >= limit);
        place = match page.last {
            Some(last) => {
                selected.last = Some(last.clone());
                Place {
                    after: Some(last),
                    ..place
                }
            }
            None => Place {
                partition: place.partition + 1,
                after: None,
            },
        };
        let ended = place.partition >= plan.partitions.as_ref().map_or(1, Vec::len);
        if ended {
            selected.last = None;
            return Ok(selected);
        }
        if full || place.after.is_some() {
            selected.token = Some(place.token(&input.statement));
            return Ok(selected);
        }
    }
}

impl<'a> Plan<'a> {
    fn of(table: &'a Table, index: Option<&'a Index>, select: &'a Select) -> Result<Self, Fault> {
        let key = index.map_or(&table.key, |index| &index.key);
        let parts = conjuncts(select.condition.as_ref());
        let mut partitions = parts
            .iter()
            .find_map(|part| named(part, &key.partition.name));
        if let Some(partitions) = &mut partitions {
            once(partitions);
            if partitions.len() > MOST_PARTITIONS {
                return Err(Fault::validation(
                    "Too many decomposed read operations for a given query.",
                ));
            }
        }
        let mut plan = Self {
            select,
            index,
            sort: sort_condition(key, &parts),
            partitions,
            backwards: false,
        };
        plan.order(key)?;
        Ok(plan)
    }

    /// Only keys order, and only within what their conditions name.
    fn order(&mut self, key: &KeySchema) -> Result<(), Fault> {
        let order = &self.select.order;
        if order.is_empty() {
            return Ok(());
        }
        let wrong = |message: &str| Err(Fault::validation(message));
        if self.select.condition.is_none() {
            return wrong("Must have WHERE clause in the statement when using ORDER BY clause.");
        }
        let is_key = |name: &str| key.attributes().any(|attribute| attribute.name == name);
        if let Some(strange) = order.iter().find(|term| !is_key(&term.name)) {
            return Err(Fault::validation(format!(
                "Attribute {} in ORDER BY clause must be part of the primary key",
                strange.name
            )));
        }
        let Some(partitions) = &mut self.partitions else {
            return wrong(
                "Must have at least one non-optional hash key condition in WHERE clause when using ORDER BY clause.",
            );
        };
        let by = |attribute: &str| order.iter().find(|term| term.name == attribute);
        let by_partition = by(&key.partition.name);
        if partitions.len() > 1 && by_partition.is_none() {
            return wrong(
                "Must have hash key in ORDER BY clause when more than one hash key condition specified in WHERE clause.",
            );
        }
        if let Some(term) = by_partition {
            partitions.sort_by(|a, b| compare(a, b));
            if term.backwards {
                partitions.reverse();
            }
        }
        let by_sort = key.sort.as_ref().and_then(|sort| by(&sort.name));
        // Recorded: ordered by the partition key alone, each partition is read from its end.
        self.backwards = by_sort.is_none_or(|term| term.backwards);
        Ok(())
    }

    fn page(&self, asked: &Asked<'_>, place: &Place, limit: Option<usize>) -> Result<Page, Fault> {
        let index = self.index.map(|index| index.name.as_str());
        let filter = self.select.condition.as_ref();
        let after = place.after.as_ref();
        let page = match &self.partitions {
            Some(partitions) => {
                let partition = partitions.get(place.partition);
                let partition = partition.ok_or_else(wrong_token)?;
                let query = Query {
                    index,
                    sort: self.sort.as_ref(),
                    filter,
                    limit,
                    after,
                    backwards: self.backwards,
                    ..Query::of(&self.select.table, partition)
                };
                asked.tables.query(asked.space(), &query)
            }
            None => {
                let scan = Scan {
                    table: &self.select.table,
                    index,
                    filter,
                    limit,
                    after,
                    ..Scan::default()
                };
                asked.tables.scan(asked.space(), &scan)
            }
        };
        page.map_err(fault)
    }
}

impl Place {
    /// A token is for its own statement only.
    fn token(&self, statement: &str) -> String {
        let token = json!({
            "of": statement,
            "partition": self.partition,
            "after": self.after.as_ref().map(PrintedItem),
        });
        STANDARD.encode(token.to_string())
    }

    fn read(token: &str, statement: &str) -> Result<Self, Fault> {
        let text = STANDARD.decode(token).map_err(|_| wrong_token())?;
        let mut token: Json = serde_json::from_slice(&text).map_err(|_| wrong_token())?;
        if token["of"] != statement {
            return Err(Fault::validation("NextToken does not match request"));
        }
        let partition = token["partition"].as_u64().ok_or_else(wrong_token)?;
        let after = match token["after"].take() {
            Json::Null => None,
            after => Some(attribute::item(after).map_err(|_| wrong_token())?),
        };
        Ok(Self {
            partition: usize::try_from(partition).map_err(|_| wrong_token())?,
            after,
        })
    }
}

fn wrong_token() -> Fault {
    Fault::validation("Invalid NextToken")
}

/// The conditions that all must hold.
pub(super) fn conjuncts(condition: Option<&Condition>) -> Vec<&Condition> {
    match condition {
        None => Vec::new(),
        Some(Condition::All(parts)) => parts
            .iter()
            .flat_map(|part| conjuncts(Some(part)))
            .collect(),
        Some(condition) => vec![condition],
    }
}

/// The value that a condition wants an attribute to be.
pub(super) fn equality<'a>(condition: &'a Condition, name: &str) -> Option<&'a Value> {
    match condition {
        Condition::Compare(Operand::Path(path), Comparison::Equal, Operand::Value(value))
        | Condition::Compare(Operand::Value(value), Comparison::Equal, Operand::Path(path))
            if path.steps.is_empty() && path.name == name =>
        {
            Some(value)
        }
        _ => None,
    }
}

/// The values of which a condition wants an attribute to be one.
fn named<'a>(condition: &'a Condition, name: &str) -> Option<Vec<&'a Value>> {
    match condition {
        Condition::In(Operand::Path(path), list) if path.steps.is_empty() && path.name == name => {
            let value = |operand: &'a Operand| match operand {
                Operand::Value(value) => Some(value),
                _ => None,
            };
            list.iter().map(value).collect()
        }
        condition => equality(condition, name).map(|value| vec![value]),
    }
}

fn once(values: &mut Vec<&Value>) {
    let mut known: Vec<&Value> = Vec::new();
    values.retain(|value| {
        let new = !known.contains(value);
        known.push(value);
        new
    });
}

fn compare(a: &Value, b: &Value) -> std::cmp::Ordering {
    match (a, b) {
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Number(a), Value::Number(b)) => a.cmp(b),
        (Value::Binary(a), Value::Binary(b)) => a.cmp(b),
        _ => std::cmp::Ordering::Equal,
    }
}

/// The first condition on the sort key that narrows a query; the others are its filter's.
fn sort_condition(key: &KeySchema, parts: &[&Condition]) -> Option<SortCondition> {
    let sort = key.sort.as_ref()?;
    let is_sort = |path: &Path| path.steps.is_empty() && path.name == sort.name;
    let fits = |value: &Value| value.r#type() == sort.r#type.r#type();
    parts.iter().find_map(|part| match part {
        Condition::Compare(Operand::Path(path), comparison, Operand::Value(value))
            if is_sort(path) && fits(value) =>
        {
            let value = value.clone();
            Some(match comparison {
                Comparison::Equal => SortCondition::Equal(value),
                Comparison::Less => SortCondition::Less(value),
                Comparison::LessOrEqual => SortCondition::LessOrEqual(value),
                Comparison::Greater => SortCondition::Greater(value),
                Comparison::GreaterOrEqual => SortCondition::GreaterOrEqual(value),
                Comparison::NotEqual => return None,
            })
        }
        Condition::Between(Operand::Path(path), Operand::Value(low), Operand::Value(high))
            if is_sort(path) && fits(low) && fits(high) =>
        {
            Some(SortCondition::Between(low.clone(), high.clone()))
        }
        Condition::BeginsWith(Operand::Path(path), Operand::Value(prefix))
            if is_sort(path) && fits(prefix) && !matches!(prefix, Value::Number(_)) =>
        {
            Some(SortCondition::BeginsWith(prefix.clone()))
        }
        _ => None,
    })
}
