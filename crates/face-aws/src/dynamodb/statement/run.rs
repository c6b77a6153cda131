//! Carrying statements out.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value as Json, json};
use tables::{
    Comparison, Condition, Error, Item, KeySchema, Once, Operand, Page, Path, Projection, Query,
    Scan, SortCondition, Table, Value, Write, Written,
};

use super::parse::{Returning, Select, Statement, parse};
use crate::dynamodb::attribute::{self, PrintedItem};
use crate::dynamodb::capacity::{Kind, Spent, Wanted};
use crate::dynamodb::error::{cancelled, fault, fault_with_item};
use crate::dynamodb::{Asked, settings};
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    statement: String,
    #[serde(default)]
    parameters: Vec<Json>,
    #[serde(default)]
    consistent_read: bool,
    next_token: Option<String>,
    limit: Option<usize>,
    #[serde(default)]
    return_consumed_capacity: Wanted,
    #[serde(default)]
    return_values_on_condition_check_failure: Option<String>,
}

impl Input {
    fn parse(&self) -> Result<Statement, Fault> {
        let parameters = self.parameters.iter().cloned().map(attribute::read);
        let parameters = parameters.collect::<Result<_, _>>();
        parse(&self.statement, parameters.map_err(Fault::validation)?)
    }

    fn refusal(&self, statement: &Statement, error: Error) -> Fault {
        if let (Statement::Insert { .. }, Error::ConditionFailed(_)) = (statement, &error) {
            return Fault::new(
                "DuplicateItemException",
                "Duplicate primary key exists in table",
            );
        }
        match self.return_values_on_condition_check_failure.as_deref() {
            Some("ALL_OLD") => fault_with_item(error),
            _ => fault(error),
        }
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
        let (page, spent) = read(&asked, select, &input)?;
        output = json!({ "Items": printed(select, &page) });
        if let Some(last) = &page.last {
            let last = json!(PrintedItem(last));
            output["NextToken"] = STANDARD.encode(last.to_string()).into();
            output["LastEvaluatedKey"] = last;
        }
        let consumed = input.return_consumed_capacity;
        if let Some(told) = consumed.tell(&select.table, Kind::Any, || spent) {
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
    }
    settings::only(&asked.call, &["Statements"])?;
    let batch: Batch = asked.call.read()?;
    let mut responses = Vec::new();
    for input in &batch.statements {
        let done = one(&asked, input).await;
        responses.push(done.unwrap_or_else(|fault| {
            let code = fault.code.trim_end_matches("Exception");
            let code = match code {
                "Validation" => "ValidationError",
                code => code,
            };
            let mut error = json!({ "Code": code, "Message": fault.message });
            for (name, value) in fault.fields {
                error[name] = value;
            }
            json!({ "Error": error })
        }));
    }
    Ok(asked.answer(&json!({ "Responses": responses })))
}

async fn one(asked: &Asked<'_>, input: &Input) -> Result<Json, Fault> {
    let statement = input.parse()?;
    if let Statement::Select(select) = &statement {
        let key = selected_key(asked, select)?;
        let item = asked.tables.get(asked.space(), &select.table, &key);
        return Ok(told(select, item.map_err(fault)?.as_ref()));
    }
    let (table, write) = write(asked, &statement)?;
    let written = asked.tables.write(asked.space(), &write).await;
    let written = written.map_err(|error| input.refusal(&statement, error))?;
    let mut output = json!({ "TableName": table });
    if let Some(item) = returned(&statement, &written).pop() {
        output["Item"] = item;
    }
    Ok(output)
}

/// `ExecuteTransaction`: all read, or all write.
pub(in crate::dynamodb) async fn transaction(
    mut asked: Asked<'_>,
) -> Result<wire::Response, Fault> {
    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Transaction {
        transact_statements: Vec<Input>,
        client_request_token: Option<String>,
    }
    settings::only(&asked.call, &["TransactStatements", "ClientRequestToken"])?;
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
        .map(Input::parse)
        .collect::<Result<_, _>>()?;
    let reads: Vec<&Select> = statements
        .iter()
        .filter_map(|statement| match statement {
            Statement::Select(select) => Some(select),
            _ => None,
        })
        .collect();
    if reads.len() == statements.len() {
        let keys: Vec<Item> = reads
            .iter()
            .map(|select| selected_key(&asked, select))
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
        return Ok(asked.answer(&json!({ "Responses": responses })));
    }
    if !reads.is_empty() {
        return Err(Fault::validation(
            "ExecuteTransaction API does not support both read and write operations in the same request",
        ));
    }
    let writes: Vec<Write> = statements
        .iter()
        .map(|statement| write(&asked, statement).map(|(_, write)| write))
        .collect::<Result<_, _>>()?;
    let once = input.client_request_token.map(|token| Once {
        token,
        digest: digest.as_ref().to_vec(),
    });
    let done = asked.tables.transact(asked.space(), once.as_ref(), &writes);
    done.await.map_err(|error| match error {
        Error::Cancelled(reasons) => cancelled(&reasons, &[]),
        error => fault(error),
    })?;
    let responses = vec![json!({}); statements.len()];
    Ok(asked.answer(&json!({ "Responses": responses })))
}

fn printed(select: &Select, page: &Page) -> Vec<Json> {
    let pick = picked(select);
    let print = |item: &Item| match &pick {
        Some(pick) => json!(PrintedItem(&pick.of(item))),
        None => json!(PrintedItem(item)),
    };
    page.items.iter().map(print).collect()
}

fn picked(select: &Select) -> Option<Projection> {
    let fields = select.fields.as_ref()?;
    Some(fields.iter().cloned().collect())
}

fn told(select: &Select, item: Option<&Item>) -> Json {
    // The rest of the condition still decides.
    let holds = |item: &&Item| {
        let condition = select.condition.as_ref();
        condition.is_none_or(|condition| condition.holds(item))
    };
    let mut told = json!({ "TableName": select.table });
    if let Some(item) = item.filter(holds) {
        told["Item"] = match picked(select) {
            Some(pick) => json!(PrintedItem(&pick.of(item))),
            None => json!(PrintedItem(item)),
        };
    }
    told
}

fn read(asked: &Asked<'_>, select: &Select, input: &Input) -> Result<(Page, Spent), Fault> {
    let table = asked.tables.table(asked.space(), &select.table);
    let table = table.map_err(fault)?;
    let index =
        crate::dynamodb::page::index(&table, select.index.as_deref(), input.consistent_read)?;
    let after = input.next_token.as_deref().map(start).transpose()?;
    let key = index.map_or(&table.key, |index| &index.key);
    let parts = conjuncts(select.condition.as_ref());
    let partition = parts
        .iter()
        .find_map(|part| equality(part, &key.partition.name));
    let page = match partition {
        Some(partition) => {
            let sort = sort_condition(key, &parts);
            asked.tables.query(
                asked.space(),
                &Query {
                    index: select.index.as_deref(),
                    sort: sort.as_ref(),
                    filter: select.condition.as_ref(),
                    limit: input.limit,
                    after: after.as_ref(),
                    backwards: select.backwards,
                    ..Query::of(&select.table, partition)
                },
            )
        }
        None => asked.tables.scan(
            asked.space(),
            &Scan {
                table: &select.table,
                index: select.index.as_deref(),
                filter: select.condition.as_ref(),
                limit: input.limit,
                after: after.as_ref(),
                ..Scan::default()
            },
        ),
    };
    let page = page.map_err(fault)?;
    let spent = match index {
        Some(index) => Spent::read_index(index, page.bytes, &[], input.consistent_read),
        None => Spent::read(page.bytes, input.consistent_read),
    };
    Ok((page, spent))
}

fn start(token: &str) -> Result<Item, Fault> {
    let wrong = || Fault::validation("Invalid NextToken");
    let text = STANDARD.decode(token).map_err(|_| wrong())?;
    let json = serde_json::from_slice(&text).map_err(|_| wrong())?;
    attribute::item(json).map_err(|_| wrong())
}

/// The conditions that all must hold.
fn conjuncts(condition: Option<&Condition>) -> Vec<&Condition> {
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
fn equality<'a>(condition: &'a Condition, name: &str) -> Option<&'a Value> {
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
        _ => None,
    })
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

fn selected_key(asked: &Asked<'_>, select: &Select) -> Result<Item, Fault> {
    let table = asked.tables.table(asked.space(), &select.table);
    let table = table.map_err(fault)?;
    let keyed = select
        .condition
        .as_ref()
        .filter(|_| select.index.is_none())
        .and_then(|condition| keyed(&table, condition));
    match keyed {
        Some((key, _)) => Ok(key),
        None => Err(Fault::validation(
            "Select statements within BatchExecuteStatement must specify the primary key in the where clause.",
        )),
    }
}

fn write(asked: &Asked<'_>, statement: &Statement) -> Result<(String, Write), Fault> {
    let find = |name: &str| asked.tables.table(asked.space(), name).map_err(fault);
    let keyed = |table: &Table, condition: &Condition| {
        keyed(table, condition).ok_or_else(|| {
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
        Statement::Insert { table, item } => {
            let absent = Condition::Not(Box::new(exists(&find(table)?)));
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
            let (key, rest) = keyed(&find(table)?, condition)?;
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
        Statement::Select(_) | Statement::Insert { .. } => (None, None),
    };
    let Some(Returning { all, new }) = returning else {
        return Vec::new();
    };
    let item = if new { &written.new } else { &written.old };
    let told = item.as_ref().map(|item| match (&parts, all) {
        (Some(parts), false) => json!(PrintedItem(&parts.of(item))),
        _ => json!(PrintedItem(item)),
    });
    told.into_iter().collect()
}
