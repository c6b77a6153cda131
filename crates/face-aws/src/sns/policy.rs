//! Who else may use a topic. It is kept, and nobody is held to it, as with the policies of functions.

use serde::Deserialize;
use serde_json::{Value, json};
use topics::Topic;

use super::error::{invalid, of_topics};
use super::{Answer, Asked, arn};
use crate::place::Place;
use crate::protocol::Fault;

const ACTIONS: [&str; 8] = [
    "SNS:GetTopicAttributes",
    "SNS:SetTopicAttributes",
    "SNS:AddPermission",
    "SNS:RemovePermission",
    "SNS:DeleteTopic",
    "SNS:Subscribe",
    "SNS:ListSubscriptionsByTopic",
    "SNS:Publish",
];

/// The topic's policy, or the one of those that have none of their own.
pub(super) fn usual(topic: &Topic) -> String {
    if let Some(own) = topic.settings.get("Policy") {
        return own.clone();
    }
    let place = Place::of(&topic.space);
    json!({
        "Version": "2008-10-17",
        "Id": "__default_policy_ID",
        "Statement": [{
            "Sid": "__default_statement_ID",
            "Effect": "Allow",
            "Principal": { "AWS": "*" },
            "Action": ACTIONS,
            "Resource": place.topic_arn(&topic.name),
            "Condition": { "StringEquals": { "AWS:SourceOwner": place.account } },
        }],
    })
    .to_string()
}

#[derive(Debug, Deserialize)]
struct Add {
    #[serde(rename = "TopicArn")]
    topic: String,
    #[serde(rename = "Label")]
    label: String,
    #[serde(rename = "AWSAccountId", default)]
    accounts: Vec<String>,
    #[serde(rename = "ActionName", default)]
    actions: Vec<String>,
}

pub(super) async fn add(mut asked: Asked<'_>) -> Answer {
    let input: Add = asked.call.read()?;
    for action in &input.actions {
        let known = ACTIONS.iter().any(|known| known[4..] == **action);
        if !known {
            return Err(invalid("Policy statement action out of service scope!"));
        }
    }
    let principals: Vec<String> = input
        .accounts
        .iter()
        .map(|account| format!("arn:aws:iam::{account}:root"))
        .collect();
    let actions: Vec<String> = input
        .actions
        .iter()
        .map(|name| format!("SNS:{name}"))
        .collect();
    let statement = |resource: &str| {
        json!({
            "Sid": input.label,
            "Effect": "Allow",
            "Principal": { "AWS": one_or_all(&principals) },
            "Action": one_or_all(&actions),
            "Resource": resource,
        })
    };
    change(&asked, &input.topic, |statements, topic| {
        if statements
            .iter()
            .any(|one| one["Sid"] == input.label.as_str())
        {
            return Err(invalid("Statement already exists"));
        }
        statements.push(statement(topic));
        Ok(())
    })
    .await
}

fn one_or_all(values: &[String]) -> Value {
    match values {
        [one] => one.clone().into(),
        all => all.into(),
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Remove {
    topic_arn: String,
    label: String,
}

/// That there is none is no error.
pub(super) async fn remove(mut asked: Asked<'_>) -> Answer {
    let input: Remove = asked.call.read()?;
    change(&asked, &input.topic_arn, |statements, _| {
        statements.retain(|one| one["Sid"] != input.label.as_str());
        Ok(())
    })
    .await
}

/// What a change of a policy may come to.
enum Refused {
    Topics(topics::Error),
    Fault(Fault),
}

impl From<topics::Error> for Refused {
    fn from(error: topics::Error) -> Self {
        Self::Topics(error)
    }
}

impl From<store::Error> for Refused {
    fn from(error: store::Error) -> Self {
        Self::Topics(error.into())
    }
}

async fn change(
    asked: &Asked<'_>,
    topic: &str,
    edit: impl Fn(&mut Vec<Value>, &str) -> Result<(), Fault>,
) -> Answer {
    let named = arn::topic(topic, "TopicArn")?;
    let changed = asked
        .parts
        .topics
        .change(&named.space, &named.name, |topic| {
            let arn = Place::of(&topic.space).topic_arn(&topic.name);
            let broken = || Refused::Fault(invalid("Policy Error: null"));
            let mut policy: Value = serde_json::from_str(&usual(topic)).map_err(|_| broken())?;
            if let Value::Object(_) = policy["Statement"] {
                policy["Statement"] = json!([policy["Statement"]]);
            }
            let statements = policy["Statement"].as_array_mut().ok_or_else(broken)?;
            edit(statements, &arn).map_err(Refused::Fault)?;
            topic.settings.insert("Policy".into(), policy.to_string());
            Ok(())
        });
    match changed.await {
        Ok(_) => Ok(json!({})),
        Err(Refused::Topics(error)) => Err(of_topics(error)),
        Err(Refused::Fault(fault)) => Err(fault),
    }
}
