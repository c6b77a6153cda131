//! Carrying statements out.

use std::collections::BTreeSet;

use aws_lc_rs::digest::{SHA256, digest};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use tables::{
    Condition, Error, Item, Once, Path, Step, Table, Transacted, Value, Write, Written, item_size,
};

use super::parse::{Returning, Select, Statement, parse};
use super::read::{conjuncts, equality, read, single};
use crate::dynamodb::attribute::{self, PrintedItem};
use crate::dynamodb::capacity::{Kind, Spent, Wanted};
use crate::dynamodb::checks::Checks;
use crate::dynamodb::error::{cancelled_statements, fault, fault_with_item};
use crate::dynamodb::{Asked, batch, settings};
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    pub(super) statement: String,
    #[serde(default)]
    pub(super) parameters: Vec<Json>,
    #[serde(default)]
    pub(super) consistent_read: bool,
    pub(super) next_token: Option<String>,
    pub(super) limit: Option<usize>,
    #[serde(default)]
    return_consumed_capacity: Wanted,
    #[serde(default)]
    return_values_on_condition_check_failure: Option<String>,
}

impl Input {
    fn parse(&self) -> Result<Statement, Fault> {
        parse(&self.statement, self.values()?)
    }

    fn values(&self) -> Result<Vec<Value>, Fault> {
        let values = self.parameters.iter().cloned().map(attribute::read);
        let values = values.collect::<Result<_, _>>();
        values.map_err(|wrong| Checks::Older.wrong(&wrong))
    }

    /// The statement at a place in a transaction. Its parameters are read before it is looked at, so what is wrong with
    /// them is not told as its fault.
    fn parse_in_transaction(&self, at: usize) -> Result<Statement, Fault> {
        let values = self.values()?;
        let statement = parse(&self.statement, values).and_then(fits_transaction);
        statement.map_err(|fault| of(at, fault))
    }

    fn refusal(&self, statement: &Statement, error: Error) -> Fault {
        if let (Statement::Insert { .. }, Error::ConditionFailed(_)) = (statement, &error) {
            return Fault::new(
                "DuplicateItemException",
                "Duplicate primary key exists in table",
            );
        }
        match self.tells_old() {
            true => fault_with_item(error),
            false => fault(error),
        }
    }

    fn tells_old(&self) -> bool {
        self.return_values_on_condition_check_failure.as_deref() == Some("ALL_OLD")
    }
}

/// `ExecuteStatement`.
pub(in crate::dynamodb) async fn execute(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    const KNOWN: [&str; 7] = [
        "Statement",
        "Parameters",
        "ConsistentRead",
        "NextToken",
        "Limit",
        "ReturnConsumedCapacity",
        "ReturnValuesOnConditionCheckFailure",
    ];
    settings::only(&asked.call, &KNOWN)?;
    let input: Input = asked.call.read()?;
    let statement = input.parse()?;
    let mut output;
    if let Statement::Select(select) = &statement {
        let selected = read(&asked, select, &input)?;
        output = json!({ "Items": printed(select, &selected.items) });
        if let Some(token) = selected.token {
            output["NextToken"] = token.into();
        }
        if let Some(last) = &selected.last {
            output["LastEvaluatedKey"] = json!(PrintedItem(last));
        }
        let consumed = input.return_consumed_capacity;
        if let Some(told) = consumed.tell(&select.table, Kind::Any, || selected.spent) {
            output["ConsumedCapacity"] = json!(told);
        }
    } else {
        let (table, write) = write(&asked, &statement)?;
        let written = asked.tables.write(asked.space(), &write).await;
        let written = written.map_err(|error| input.refusal(&statement, error))?;
        output = json!({ "Items": returned(&statement, &written) });
        let consumed = input.return_consumed_capacity;
        if let Some(told) = consumed.tell(&table, Kind::Any, || Spent::written(&written)) {
            output["ConsumedCapacity"] = json!(told);
        }
    }
    Ok(asked.answer(&output))
}

/// `BatchExecuteStatement`: each statement is about one item, and is by itself.
pub(in crate::dynamodb) async fn batch(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Batch {
        statements: Vec<Input>,
        #[serde(default)]
        return_consumed_capacity: Wanted,
    }
    settings::only(&asked.call, &["Statements", "ReturnConsumedCapacity"])?;
    let batch: Batch = asked.call.read()?;
    // What does not read is an answer of its own, and neither reads nor writes.
    let kinds = batch
        .statements
        .iter()
        .filter_map(|input| input.parse().ok());
    let reads = kinds.map(|statement| matches!(statement, Statement::Select(_)));
    let reads: BTreeSet<bool> = reads.collect();
    if reads.len() > 1 {
        return Err(Fault::validation(
            "Read and write requests together in the same batch is not supported.",
        ));
    }
    let (mut responses, mut spent) = (Vec::new(), Vec::new());
    for input in &batch.statements {
        let statement = match input.parse() {
            Ok(statement) => statement,
            Err(fault) => {
                responses.push(failed(fault, None));
                continue;
            }
        };
        responses.push(match one(&asked, input, &statement).await {
            Ok((done, table, used)) => {
                spent.push((table, used));
                done
            }
            Err(fault) => failed(fault, statement.written()),
        });
    }
    let mut output = json!({ "Responses": responses });
    let told = batch::told(batch.return_consumed_capacity, Kind::Any, || {
        spent.into_iter()
    });
    if let Some(told) = told {
        output["ConsumedCapacity"] = json!(told);
    }
    Ok(asked.answer(&output))
}

/// A statement of a batch that was not carried out. It tells of the table that it would have changed if what was in its
/// way was found there.
fn failed(fault: Fault, table: Option<&str>) -> Json {
    let code = match fault.code.trim_end_matches("Exception") {
        "Validation" => "ValidationError",
        "ConditionalCheckFailed" => "ConditionalCheckFailed",
        "ResourceNotFound" => "ResourceNotFound",
        code => code,
    };
    let mut error = json!({ "Code": code, "Message": fault.message });
    for (name, value) in fault.fields {
        error[name] = value;
    }
    let mut told = json!({ "Error": error });
    if let (Some(table), "ConditionalCheckFailed" | "DuplicateItem") = (table, code) {
        told["TableName"] = table.into();
    }
    told
}

/// What a statement of a batch tells, of which table, and what it used.
async fn one(
    asked: &Asked<'_>,
    input: &Input,
    statement: &Statement,
) -> Result<(Json, String, Spent), Fault> {
    if let Statement::Select(select) = statement {
        let key = selected_key(asked, select, "BatchExecuteStatement")?;
        let item = asked.tables.get(asked.space(), &select.table, &key);
        let item = item.map_err(fault)?;
        let bytes = item.as_ref().map_or(0, item_size);
        let spent = Spent::read(bytes, input.consistent_read);
        return Ok((told(select, item.as_ref()), select.table.clone(), spent));
    }
    let (table, write) = write(asked, statement)?;
    let written = asked.tables.write(asked.space(), &write).await;
    let written = written.map_err(|error| input.refusal(statement, error))?;
    let mut output = json!({ "TableName": table });
    if let Some(item) = returned(statement, &written).pop() {
        output["Item"] = item;
    }
    Ok((output, table, Spent::written(&written)))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Transaction {
    transact_statements: Vec<Input>,
    client_request_token: Option<String>,
    #[serde(default)]
    return_consumed_capacity: Wanted,
}

/// `ExecuteTransaction`: all read, or all write.
pub(in crate::dynamodb) async fn transaction(
    mut asked: Asked<'_>,
) -> Result<wire::Response, Fault> {
    const KNOWN: [&str; 3] = [
        "TransactStatements",
        "ClientRequestToken",
        "ReturnConsumedCapacity",
    ];
    settings::only(&asked.call, &KNOWN)?;
    let digest = digest(
        &SHA256,
        json!(asked.call.input["TransactStatements"])
            .to_string()
            .as_bytes(),
    );
    let input: Transaction = asked.call.read()?;
    let statements: Vec<Statement> = input
        .transact_statements
        .iter()
        .enumerate()
        .map(|(at, input)| input.parse_in_transaction(at))
        .collect::<Result<_, _>>()?;
    let reads: Vec<&Select> = statements
        .iter()
        .filter_map(|statement| match statement {
            Statement::Select(select) => Some(select),
            _ => None,
        })
        .collect();
    if reads.len() == statements.len() {
        return read_all(&asked, &reads, input.return_consumed_capacity);
    }
    if !reads.is_empty() {
        return Err(Fault::validation(
            "ExecuteTransaction API does not support both read and write operations in the same request.",
        ));
    }
    let once = input.client_request_token.clone().map(|token| Once {
        token,
        digest: digest.as_ref().to_vec(),
    });
    write_all(&asked, &input, &statements, once).await
}

fn fits_transaction(statement: Statement) -> Result<Statement, Fault> {
    match &statement {
        Statement::Select(Select { index: Some(_), .. }) => Err(Fault::validation(
            "Reads on indices are not supported within transactions.",
        )),
        Statement::Update {
            returning: Some(_), ..
        }
        | Statement::Delete {
            returning: Some(_), ..
        } => Err(Fault::validation(
            "RETURNING clause is not supported in ExecuteTransaction.",
        )),
        _ => Ok(statement),
    }
}

/// What is wrong with one statement of a transaction, as the transaction tells it.
fn of(at: usize, fault: Fault) -> Fault {
    if fault.code != "ValidationException" {
        return fault;
    }
    let message = fault.message.unwrap_or_default();
    let message = format!("Validation failed in TransactStatements[{at}]: {message}");
    Fault {
        message: Some(message),
        ..fault
    }
}

fn read_all(asked: &Asked<'_>, reads: &[&Select], wanted: Wanted) -> Result<wire::Response, Fault> {
    let keys: Vec<Item> = reads
        .iter()
        .enumerate()
        .map(|(at, select)| {
            let key = selected_key(asked, select, "ExecuteTransaction");
            key.map_err(|fault| of(at, fault))
        })
        .collect::<Result<_, _>>()?;
    let keys = reads.iter().zip(&keys);
    let keys = keys.map(|(select, key)| (select.table.as_str(), key));
    let found = asked.tables.get_many(asked.space(), keys, |_| true);
    let found = found.map_err(fault)?;
    let responses: Vec<Json> = reads
        .iter()
        .zip(&found)
        .map(|(select, item)| {
            let mut told = told(select, item.as_ref());
            if let Some(members) = told.as_object_mut() {
                members.remove("TableName");
            }
            told
        })
        .collect();
    let mut output = json!({ "Responses": responses });
    let told = batch::told(wanted, Kind::Reads, || {
        reads.iter().zip(&found).map(|(select, item)| {
            let bytes = item.as_ref().map_or(0, item_size);
            (select.table.clone(), Spent::read(bytes, true).twice())
        })
    });
    if let Some(told) = told {
        output["ConsumedCapacity"] = json!(told);
    }
    Ok(asked.answer(&output))
}

async fn write_all(
    asked: &Asked<'_>,
    input: &Transaction,
    statements: &[Statement],
    once: Option<Once>,
) -> Result<wire::Response, Fault> {
    let (mut tables, mut writes) = (Vec::new(), Vec::new());
    for (at, statement) in statements.iter().enumerate() {
        let part = match statement {
            Statement::Exists(select) => check(asked, select),
            statement => write(asked, statement),
        };
        let (table, write) = part.map_err(|fault| of(at, fault))?;
        tables.push(table);
        writes.push(write);
    }
    let done = asked.tables.transact(asked.space(), once.as_ref(), &writes);
    let done = done.await.map_err(|error| match error {
        Error::Cancelled(reasons) => {
            let inputs = input.transact_statements.iter();
            let tell: Vec<bool> = inputs.map(Input::tells_old).collect();
            let inserts = |statement: &Statement| matches!(statement, Statement::Insert { .. });
            let inserts: Vec<bool> = statements.iter().map(inserts).collect();
            cancelled_statements(&reasons, &tell, &inserts)
        }
        error => fault(error),
    })?;
    // There is none for a write.
    let mut output = json!({ "Responses": [] });
    let told = match &done {
        Transacted::Done(written) => {
            batch::told(input.return_consumed_capacity, Kind::Writes, || {
                let each = tables.iter().zip(written);
                each.map(|(table, written)| (table.clone(), Spent::written(written).twice()))
            })
        }
        // What was done before is only looked at, at the price of the least.
        Transacted::Before => batch::told(input.return_consumed_capacity, Kind::Reads, || {
            let each = tables.iter();
            each.map(|table| (table.clone(), Spent::read(0, true).twice()))
        }),
    };
    if let Some(told) = told {
        output["ConsumedCapacity"] = json!(told);
    }
    Ok(asked.answer(&output))
}

fn printed(select: &Select, items: &[Item]) -> Vec<Json> {
    items.iter().map(|item| picked(select, item)).collect()
}

/// What is selected of an item, each by the last name on the way to it.
fn picked(select: &Select, item: &Item) -> Json {
    let Some(fields) = &select.fields else {
        return json!(PrintedItem(item));
    };
    let picked = fields.iter().filter_map(|path| {
        let value = path.find(item)?;
        Some((called(path), value.clone()))
    });
    json!(PrintedItem(&picked.collect()))
}

/// The last name of a path, with the places in lists that follow it.
fn called(path: &Path) -> String {
    let mut called = path.name.clone();
    for step in &path.steps {
        match step {
            Step::Name(name) => called.clone_from(name),
            Step::Index(index) => called.push_str(&format!("[{index}]")),
        }
    }
    called
}

fn told(select: &Select, item: Option<&Item>) -> Json {
    let mut told = json!({ "TableName": select.table });
    if let Some(item) = item {
        told["Item"] = picked(select, item);
    }
    told
}

/// The key of the one item that a condition is about, and what else it says.
fn keyed(table: &Table, condition: &Condition) -> Option<(Item, Option<Condition>)> {
    let mut parts = conjuncts(Some(condition));
    let mut key = Item::new();
    for attribute in table.key.attributes() {
        let at = parts
            .iter()
            .position(|part| equality(part, &attribute.name).is_some())?;
        let value = equality(parts.remove(at), &attribute.name)?;
        key.insert(attribute.name.clone(), value.clone());
    }
    let rest: Vec<Condition> = parts.into_iter().cloned().collect();
    let rest = (!rest.is_empty()).then_some(Condition::All(rest));
    Some((key, rest))
}

fn selected_key(asked: &Asked<'_>, select: &Select, within: &str) -> Result<Item, Fault> {
    let table = asked.tables.table(asked.space(), &select.table);
    let table = table.map_err(fault)?;
    let index = select.index.as_deref().and_then(|name| table.index(name));
    if let Some(index) = index {
        single(index.key.parts())?;
    }
    let keyed = select
        .condition
        .as_ref()
        .filter(|_| select.index.is_none())
        .and_then(|condition| keyed(&table, condition));
    // The item is read by its key, so the condition must say nothing else; it may say the same again.
    let again = |key: &Item, rest: &Option<Condition>| {
        let mut rest = conjuncts(rest.as_ref()).into_iter();
        rest.all(|part| {
            let mut key = key.iter();
            key.any(|(name, value)| equality(part, name) == Some(value))
        })
    };
    match keyed {
        Some((key, rest)) if again(&key, &rest) => Ok(key),
        _ => Err(Fault::validation(format!(
            "Select statements within {within} must specify the primary key in the where clause."
        ))),
    }
}

/// A part of a transaction that only sees to it that something is so: of one item, and more than that it is there.
fn check(asked: &Asked<'_>, select: &Select) -> Result<(String, Write), Fault> {
    if select.index.is_some() {
        return Err(Fault::validation(
            "Operations on indices are not supported in transactions",
        ));
    }
    let table = asked.tables.table(asked.space(), &select.table);
    let table = table.map_err(fault)?;
    let condition = select.condition.as_ref();
    let Some((key, Some(rest))) = condition.and_then(|condition| keyed(&table, condition)) else {
        return Err(Fault::validation(
            "EXISTS() must contain a single item read with additional condition",
        ));
    };
    let there = Condition::Exists(Path::attribute(table.key.partition.name.clone()));
    let write = Write::check(&select.table, key);
    let condition = Condition::All(vec![there, rest]);
    Ok((select.table.clone(), write.when(Some(condition))))
}

fn write(asked: &Asked<'_>, statement: &Statement) -> Result<(String, Write), Fault> {
    let find = |name: &str| asked.tables.table(asked.space(), name).map_err(fault);
    let keyed = |table: &Table, condition: &Option<Condition>| {
        let condition = condition.as_ref();
        let keyed = condition.and_then(|condition| keyed(table, condition));
        keyed.ok_or_else(|| {
            Fault::validation(
                "Where clause does not contain a mandatory equality on all key attributes",
            )
        })
    };
    let exists =
        |table: &Table| Condition::Exists(Path::attribute(table.key.partition.name.clone()));
    match statement {
        Statement::Select(select) => Err(Fault::validation(format!(
            "Unsupported operation: SELECT from {}",
            select.table
        ))),
        Statement::Exists(_) => Err(Fault::validation(
            "EXISTS can only be used in ExecuteTransaction write requests.",
        )),
        Statement::Insert { table, item } => {
            let absent = Condition::Not(Box::new(exists(&*find(table)?)));
            let write = Write::put(table, item.clone()).when(Some(absent));
            Ok((table.clone(), write))
        }
        Statement::Update {
            table,
            update,
            condition,
            ..
        } => {
            let found = find(table)?;
            let (key, rest) = keyed(&found, condition)?;
            let mut all = vec![exists(&found)];
            all.extend(rest);
            let write = Write::update(table, key, update.clone());
            Ok((table.clone(), write.when(Some(Condition::All(all)))))
        }
        Statement::Delete {
            table, condition, ..
        } => {
            let (key, rest) = keyed(&*find(table)?, condition)?;
            Ok((table.clone(), Write::delete(table, key).when(rest)))
        }
    }
}

/// What a write returns of its item: one item, or nothing.
fn returned(statement: &Statement, written: &Written) -> Vec<Json> {
    let (returning, parts) = match statement {
        Statement::Update {
            update, returning, ..
        } => (*returning, Some(update.parts())),
        Statement::Delete { returning, .. } => (*returning, None),
        Statement::Select(_) | Statement::Exists(_) | Statement::Insert { .. } => (None, None),
    };
    let Some(Returning { all, new }) = returning else {
        return Vec::new();
    };
    let item = if new { &written.new } else { &written.old };
    let told = item.as_ref().map(|item| match (&parts, all) {
        (Some(parts), false) => parts.of(item),
        _ => item.clone(),
    });
    // Of what was only removed, nothing is left to tell.
    let told = told.filter(|item| !item.is_empty());
    told.iter().map(|item| json!(PrintedItem(item))).collect()
}
