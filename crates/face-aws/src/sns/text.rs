//! Text messages: how they are set, and whose numbers they may go to.
//!
//! They go to the outbox. Nobody can answer them, so nobody can opt out; and as they reach nobody, they may go to any
//! number, as those of an account that has left the service's sandbox.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use topics::{AttributeValue, Draft};

use super::error::{invalid, of_topics};
use super::{Answer, Asked};
use crate::protocol::Fault;

/// Who a text is from, unless it says so itself.
const SENDER: &str = "DefaultSenderID";
/// The attribute by which it does.
const OWN_SENDER: &str = "AWS.SNS.SMS.SenderID";
/// What is kept. Nothing is paid for texts, and all are delivered alike.
const KEPT: [&str; 3] = ["MonthlySpendLimit", SENDER, "DefaultSMSType"];
/// Reports, of which none are made.
const REPORTS: [&str; 3] = [
    "DeliveryStatusIAMRole",
    "DeliveryStatusSuccessSamplingRate",
    "UsageReportS3Bucket",
];

/// Whom a text is from.
pub(super) fn sender(asked: &Asked<'_>, draft: &Draft) -> Result<Option<String>, Fault> {
    if let Some(AttributeValue::Text(own)) = draft.attributes.get(OWN_SENDER).map(|own| &own.value)
    {
        return Ok(Some(own.clone()));
    }
    let set = asked.parts.topics.texting(&asked.context.space);
    Ok(set.map_err(of_topics)?.remove(SENDER))
}

/// E.164: a plus and up to fifteen digits. Spaces, points and hyphens within are let through, as by the service.
pub(super) fn is_number(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('+') else {
        return false;
    };
    let digits = rest.bytes().filter(u8::is_ascii_digit).count();
    (3..=15).contains(&digits)
        && rest
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b" .-()".contains(&byte))
}

#[derive(Debug, Deserialize)]
struct Get {
    #[serde(default)]
    attributes: Vec<String>,
}

pub(super) fn get(mut asked: Asked<'_>) -> Answer {
    let input: Get = asked.call.read()?;
    let set = asked.parts.topics.texting(&asked.context.space);
    let mut set = set.map_err(of_topics)?;
    if !input.attributes.is_empty() {
        set.retain(|name, _| input.attributes.contains(name));
    }
    Ok(json!({ "attributes": set }))
}

#[derive(Debug, Deserialize)]
struct Set {
    attributes: BTreeMap<String, String>,
}

pub(super) async fn set(mut asked: Asked<'_>) -> Answer {
    let input: Set = asked.call.read()?;
    for (name, value) in &input.attributes {
        if REPORTS.contains(&name.as_str()) {
            return Err(asked.call.not_built(name));
        }
        if !KEPT.contains(&name.as_str()) {
            return Err(invalid(format!("{name} is not a valid attribute")));
        }
        if name == "DefaultSMSType" && !["Promotional", "Transactional"].contains(&value.as_str()) {
            return Err(invalid(format!("{value} is not a valid value for {name}")));
        }
    }
    let all: Vec<_> = input.attributes.into_iter().collect();
    let set = asked.parts.topics.set_texting(&asked.context.space, &all);
    set.await.map_err(of_topics)?;
    Ok(json!({}))
}

#[derive(Debug, Deserialize)]
struct OptedOut {
    #[serde(rename = "phoneNumber")]
    number: String,
}

pub(super) fn is_opted_out(mut asked: Asked<'_>) -> Answer {
    let input: OptedOut = asked.call.read()?;
    match is_number(&input.number) {
        true => Ok(json!({ "isOptedOut": false })),
        false => Err(invalid(format!(
            "PhoneNumber Reason: {} is not valid",
            input.number
        ))),
    }
}

pub(super) fn opted_out() -> Value {
    json!({ "phoneNumbers": [] })
}

/// There are no numbers to text from.
pub(super) fn origins() -> Value {
    json!({ "PhoneNumbers": [] })
}

pub(super) fn sandbox() -> Value {
    json!({ "IsInSandbox": false })
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Number {
    phone_number: String,
    one_time_password: Option<String>,
}

pub(super) async fn add_number(mut asked: Asked<'_>) -> Answer {
    // The language is that of the text around the code.
    let input: Number = asked.call.read()?;
    if !is_number(&input.phone_number) {
        return Err(invalid("PhoneNumber"));
    }
    let say = |code: &str| format!("Your verification code is {code}.");
    let space = &asked.context.space;
    let added = asked
        .parts
        .topics
        .add_number(space, &input.phone_number, say);
    added.await.map_err(of_topics)?;
    Ok(json!({}))
}

pub(super) async fn prove_number(mut asked: Asked<'_>) -> Answer {
    let input: Number = asked.call.read()?;
    let code = input.one_time_password.unwrap_or_default();
    let space = &asked.context.space;
    let proven = asked
        .parts
        .topics
        .prove_number(space, &input.phone_number, &code);
    proven.await.map_err(of_topics)?;
    Ok(json!({}))
}

pub(super) async fn delete_number(mut asked: Asked<'_>) -> Answer {
    let input: Number = asked.call.read()?;
    let space = &asked.context.space;
    let deleted = asked.parts.topics.delete_number(space, &input.phone_number);
    deleted.await.map_err(of_topics)?;
    Ok(json!({}))
}

pub(super) fn numbers(asked: &Asked<'_>) -> Answer {
    let numbers = asked.parts.topics.numbers(&asked.context.space);
    let printed: Vec<Value> = numbers
        .map_err(of_topics)?
        .into_iter()
        .map(|one| {
            json!({
                "PhoneNumber": one.number,
                "Status": if one.proven { "Verified" } else { "Pending" },
            })
        })
        .collect();
    Ok(json!({ "PhoneNumbers": printed }))
}
