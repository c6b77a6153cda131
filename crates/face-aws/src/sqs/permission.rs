//! Statements of a queue's policy that are added and removed by their label.

use queues::Settings;
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::{self, invalid, invalid_value, missing_parameter};
use super::{Asked, arn};
use crate::protocol::Fault;

/// What others can be permitted to do.
const ACTIONS: &[&str] = &[
    "*",
    "SendMessage",
    "ReceiveMessage",
    "DeleteMessage",
    "ChangeMessageVisibility",
    "GetQueueAttributes",
    "GetQueueUrl",
    "ListDeadLetterSourceQueues",
    "PurgeQueue",
];

/// How many of them in one statement.
const MOST_ACTIONS: usize = 7;

#[derive(Debug, Deserialize)]
struct Given {
    #[serde(rename = "QueueUrl")]
    queue_url: Option<String>,
    #[serde(rename = "Label")]
    label: Option<String>,
    #[serde(rename = "AWSAccountIds", default)]
    accounts: Vec<String>,
    #[serde(rename = "Actions", default)]
    actions: Vec<String>,
}

pub(super) async fn add(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let given: Given = asked.read()?;
    let address = asked.queue(given.queue_url.as_deref())?;
    let queue = asked.queues.get(&address).map_err(error::fault)?;
    let label = given.label()?;
    given.check()?;
    if statements(&queue.settings)
        .iter()
        .any(|statement| statement["Sid"] == label)
    {
        return Err(invalid_value(&label, "Label", "Already exists."));
    }
    let accounts: Vec<String> = given
        .accounts
        .iter()
        .map(|account| format!("arn:aws:iam::{account}:root"))
        .collect();
    let actions: Vec<String> = given
        .actions
        .iter()
        .map(|action| format!("SQS:{action}"))
        .collect();
    let statement = json!({
        "Sid": label,
        "Effect": "Allow",
        "Principal": { "AWS": one_or_all(accounts) },
        "Action": one_or_all(actions),
        "Resource": arn(&address),
    });
    let resource = arn(&address);
    let change = |settings: &mut Settings| {
        let mut statements = statements(settings);
        statements.push(statement.clone());
        put(settings, &resource, statements);
    };
    asked
        .queues
        .change(&address, change)
        .await
        .map_err(error::fault)?;
    Ok(Value::Null)
}

pub(super) async fn remove(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let given: Given = asked.read()?;
    let address = asked.queue(given.queue_url.as_deref())?;
    let queue = asked.queues.get(&address).map_err(error::fault)?;
    let label = given.label()?;
    if !statements(&queue.settings)
        .iter()
        .any(|statement| statement["Sid"] == label)
    {
        let reason = match queue.settings.kept.contains_key("Policy") {
            true => "can't find label on existing policy.",
            false => "can't find label.",
        };
        return Err(invalid_value(&label, "Label", reason));
    }
    let resource = arn(&address);
    let change = |settings: &mut Settings| {
        let mut statements = statements(settings);
        statements.retain(|statement| statement["Sid"] != label);
        put(settings, &resource, statements);
    };
    asked
        .queues
        .change(&address, change)
        .await
        .map_err(error::fault)?;
    Ok(Value::Null)
}

impl Given {
    /// Who is permitted what.
    fn check(&self) -> Result<(), Fault> {
        if self.actions.is_empty() {
            return Err(missing_parameter("Actions"));
        }
        let count = self.actions.len();
        if count > MOST_ACTIONS {
            return Err(Fault::new(
                "OverLimit",
                format!("{count} Actions were found, maximum allowed is {MOST_ACTIONS}."),
            ));
        }
        if self.accounts.is_empty() {
            return Err(invalid_value("[]", "PrincipalId", "Unable to verify."));
        }
        let refused = self
            .actions
            .iter()
            .find(|action| !ACTIONS.contains(&action.as_str()));
        match refused {
            None => Ok(()),
            Some(action) => Err(invalid(format!(
                "Value SQS:{action} for parameter ActionName is invalid. Reason: Only the queue owner is allowed to invoke this action."
            ))),
        }
    }

    fn label(&self) -> Result<String, Fault> {
        let label = self.label.clone().unwrap_or_default();
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if label.is_empty() {
            return Err(missing_parameter("Label"));
        }
        if label.len() > 80 || !label.bytes().all(allowed) {
            return Err(invalid_value(
                &label,
                "Label",
                "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length.",
            ));
        }
        Ok(label)
    }
}

fn policy(settings: &Settings) -> Value {
    let policy = settings.kept.get("Policy");
    policy
        .and_then(|policy| serde_json::from_str(policy).ok())
        .unwrap_or(Value::Null)
}

fn statements(settings: &Settings) -> Vec<Value> {
    match policy(settings)["Statement"].take() {
        Value::Array(statements) => statements,
        Value::Null => Vec::new(),
        one => vec![one],
    }
}

fn put(settings: &mut Settings, resource: &str, statements: Vec<Value>) {
    if statements.is_empty() {
        settings.kept.remove("Policy");
        return;
    }
    let mut policy = policy(settings);
    if !policy.is_object() {
        policy = json!({ "Version": "2008-10-17", "Id": format!("{resource}/SQSDefaultPolicy") });
    }
    policy["Statement"] = statements.into();
    settings.kept.insert("Policy".into(), policy.to_string());
}

fn one_or_all(mut all: Vec<String>) -> Value {
    if all.len() == 1 {
        return all.remove(0).into();
    }
    all.into()
}
