//! Who else may put events on a bus: recorded and told, and asked by nobody, for there is one account.

use buses::{Bus, Statement};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::{invalid, missing, of_bus};
use super::{Asked, name};
use crate::protocol::Fault;

/// The longest policy.
const LARGEST: usize = 10_240;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    event_bus_name: Option<String>,
    action: Option<String>,
    principal: Option<String>,
    statement_id: Option<String>,
    condition: Option<Condition>,
    policy: Option<String>,
    #[serde(default)]
    remove_all_permissions: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Condition {
    #[serde(rename = "Type")]
    kind: String,
    key: String,
    value: String,
}

pub(super) async fn put(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: Input = asked.call.read()?;
    let bus = name::bus(&asked, input.event_bus_name.as_deref())?;
    if let Some(policy) = &input.policy {
        let policy = whole(policy)?;
        let set = asked.buses.set_policy(asked.space(), &bus, policy).await;
        set.map_err(of_bus)?;
        return Ok(json!({}));
    }
    let statement = statement(&asked, &bus, input)?;
    let known = asked.buses.bus(asked.space(), &bus).map_err(of_bus)?;
    let size: usize = known.policy.iter().map(|known| known.text.len()).sum();
    if size + statement.text.len() > LARGEST {
        return Err(Fault::new(
            "PolicyLengthExceededException",
            "Policy length exceeds the maximum allowed length.",
        ));
    }
    let put = asked.buses.permit(asked.space(), &bus, statement).await;
    put.map_err(of_bus)?;
    Ok(json!({}))
}

fn statement(asked: &Asked<'_>, bus: &str, input: Input) -> Result<Statement, Fault> {
    let (Some(action), Some(principal), Some(id)) =
        (input.action, input.principal, input.statement_id)
    else {
        return Err(invalid(
            "Parameters Action, Principal and StatementId, or Policy, must be specified.",
        ));
    };
    if action != "events:PutEvents" {
        return Err(invalid(
            "Provided value in parameter 'action' is not supported.",
        ));
    }
    let who = if principal == "*" {
        json!("*")
    } else {
        json!({ "AWS": format!("arn:aws:iam::{principal}:root") })
    };
    let mut text = json!({
        "Sid": id,
        "Effect": "Allow",
        "Principal": who,
        "Action": action,
        "Resource": name::bus_arn(asked.space(), bus),
    });
    if let Some(Condition { kind, key, value }) = input.condition {
        text["Condition"] = json!({ kind: { key: value } });
    }
    Ok(Statement {
        id,
        text: text.to_string(),
    })
}

/// The statements of a policy that is set as a whole.
fn whole(policy: &str) -> Result<Vec<Statement>, Fault> {
    let malformed =
        || invalid("Parameter Policy is not valid: it must be a policy document in JSON.");
    let read: Value = serde_json::from_str(policy).map_err(|_| malformed())?;
    let statements = match &read["Statement"] {
        Value::Array(statements) => statements.clone(),
        one @ Value::Object(_) => vec![one.clone()],
        _ => return Err(malformed()),
    };
    let numbered = statements.into_iter().enumerate();
    let statements = numbered.map(|(number, statement)| Statement {
        id: statement["Sid"]
            .as_str()
            .map_or_else(|| number.to_string(), str::to_owned),
        text: statement.to_string(),
    });
    Ok(statements.collect())
}

pub(super) async fn remove(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: Input = asked.call.read()?;
    let bus = name::bus(&asked, input.event_bus_name.as_deref())?;
    if input.remove_all_permissions {
        let set = asked
            .buses
            .set_policy(asked.space(), &bus, Vec::new())
            .await;
        set.map_err(of_bus)?;
        return Ok(json!({}));
    }
    let id = input.statement_id.unwrap_or_default();
    let known = asked.buses.bus(asked.space(), &bus).map_err(of_bus)?;
    if known.policy.is_empty() {
        return Err(missing("EventBus does not have a policy."));
    }
    match asked.buses.forbid(asked.space(), &bus, &id).await {
        Err(buses::Error::NoSuchStatement(_)) => {
            Err(missing("Statement with the provided id does not exist."))
        }
        removed => removed.map(|_| json!({})).map_err(of_bus),
    }
}

/// The bus' policy as a document, if it has one.
pub(super) fn print(bus: &Bus) -> Option<String> {
    if bus.policy.is_empty() {
        return None;
    }
    let statements = bus.policy.iter();
    let statements: Vec<Value> = statements
        .filter_map(|statement| serde_json::from_str(&statement.text).ok())
        .collect();
    Some(json!({ "Version": "2012-10-17", "Statement": statements }).to_string())
}
