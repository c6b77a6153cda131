//! Carrying a selection out: an equality or a list on the partition key is a query of each partition named, anything
//! else a scan. The whole condition is the filter in any case. What a local index lacks of the attributes that are named
//! is read from the table; a global one is only asked for what it has.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};
use tables::{
    Comparison, Condition, Index, Item, KeyAttribute, KeyParts, Operand, Page, Path, Query, Scan,
    SortCondition, Table, Value,
};

use super::parse::Select;
use super::run::Input;
use crate::dynamodb::Asked;
use crate::dynamodb::attribute::{self, PrintedItem};
use crate::dynamodb::capacity::Spent;
use crate::dynamodb::checks::Checks;
use crate::dynamodb::error::fault;
use crate::dynamodb::page::{filters, missing, selects};
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
    /// Attributes are named that the index has not.
    whole: bool,
}

/// A place in a selection: a partition and the key after which it goes on.
struct Place {
    partition: usize,
    after: Option<Item>,
}

pub(super) fn read(asked: &Asked<'_>, select: &Select, input: &Input) -> Result<Selected, Fault> {
    let table = asked.tables.table(asked.space(), &select.table);
    let table = table.map_err(fault)?;
    let index = index(&table, select, input.consistent_read)?;
    let plan = Plan::of(&table, index, select)?;
    let mut place = match &input.next_token {
        Some(token) => Place::read(token, input)?,
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
            Some(index) => {
                Spent::read_index(index, page.bytes, &page.fetched, input.consistent_read)
            }
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
            selected.token = Some(place.token(input));
            return Ok(selected);
        }
    }
}

/// The index that is selected from. Queries by other means say the same in other words.
fn index<'a>(
    table: &'a Table,
    select: &Select,
    consistent: bool,
) -> Result<Option<&'a Index>, Fault> {
    let Some(name) = &select.index else {
        return Ok(None);
    };
    let index = table
        .index(name)
        .ok_or_else(|| Fault::validation("The table does not have the specified index"))?;
    single(index.key.parts())?;
    if consistent && !index.local {
        return Err(Fault::validation(
            "Strongly consistent read is not supported on Global Secondary Indexes",
        ));
    }
    Ok(Some(index))
}

/// The partition key and the sort key.
type Single<'a> = (&'a KeyAttribute, Option<&'a KeyAttribute>);

/// Statements know no keys of several attributes.
pub(super) fn single(key: KeyParts<'_>) -> Result<Single<'_>, Fault> {
    key.single().ok_or_else(|| {
        Fault::validation(
            "PartiQL statements cannot be executed on tables with multi-attribute HASH keys or multi-attribute RANGE keys.",
        )
    })
}

/// Whether a selection names what its index has not, where it may: in what is selected from a local index, and in the
/// condition of a scan, to which it is just missing.
fn reaches_back(table: &Table, index: &Index, select: &Select, keyed: bool) -> Result<bool, Fault> {
    let fields = select.fields.iter().flatten();
    let fields = missing(table, index, fields.map(|path| path.name.as_str()));
    if !index.local {
        selects(index, &fields)?;
    }
    let filter = select.condition.iter().flat_map(Condition::attributes);
    let filter = missing(table, index, filter);
    if keyed {
        filters(index, &filter)?;
    }
    Ok(!fields.is_empty())
}

impl<'a> Plan<'a> {
    fn of(table: &'a Table, index: Option<&'a Index>, select: &'a Select) -> Result<Self, Fault> {
        let key = index.map_or_else(|| table.key.parts(), |index| index.key.parts());
        let (partition, sort) = single(key)?;
        let parts = conjuncts(select.condition.as_ref());
        let mut partitions = parts.iter().find_map(|part| named(part, &partition.name));
        if let Some(partitions) = &mut partitions {
            once(partitions);
            if partitions.len() > MOST_PARTITIONS {
                return Err(Fault::validation(
                    "Too many decomposed read operations for a given query.",
                ));
            }
        }
        let whole = match index {
            Some(index) => reaches_back(table, index, select, partitions.is_some())?,
            None => false,
        };
        let mut plan = Self {
            select,
            index,
            sort: sort.and_then(|sort| sort_condition(sort, &parts)),
            partitions,
            backwards: false,
            whole,
        };
        plan.order((partition, sort))?;
        Ok(plan)
    }

    /// Only keys order, and only within what their conditions name.
    fn order(&mut self, (partition, sort): Single<'_>) -> Result<(), Fault> {
        let order = &self.select.order;
        if order.is_empty() {
            return Ok(());
        }
        let wrong = |message: &str| Err(Fault::validation(message));
        if self.select.condition.is_none() {
            return wrong("Must have WHERE clause in the statement when using ORDER BY clause.");
        }
        let is_key = |name: &str| {
            partition.name == name || sort.is_some_and(|attribute| attribute.name == name)
        };
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
        let by_partition = by(&partition.name);
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
        let by_sort = sort.and_then(|sort| by(&sort.name));
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
                    whole: self.whole,
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
                    whole: self.whole,
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
    /// A token is for its own statement and parameters only.
    fn token(&self, input: &Input) -> String {
        let token = json!({
            "of": input.statement,
            "with": input.parameters,
            "partition": self.partition,
            "after": self.after.as_ref().map(PrintedItem),
        });
        STANDARD.encode(token.to_string())
    }

    fn read(token: &str, input: &Input) -> Result<Self, Fault> {
        let text = STANDARD.decode(token).map_err(|_| wrong_token())?;
        let mut token: Json = serde_json::from_slice(&text).map_err(|_| wrong_token())?;
        let is_same = token["with"].as_array() == Some(&input.parameters);
        if token["of"] != *input.statement || !is_same {
            return Err(Fault::validation("NextToken does not match request"));
        }
        let partition = token["partition"].as_u64().ok_or_else(wrong_token)?;
        let after = match token["after"].take() {
            Json::Null => None,
            after => Some(attribute::item(after, Checks::Older).map_err(|_| wrong_token())?),
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
fn sort_condition(sort: &KeyAttribute, parts: &[&Condition]) -> Option<SortCondition> {
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
