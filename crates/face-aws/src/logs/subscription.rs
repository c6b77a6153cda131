//! What is fed with a group's lines. Only functions are.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ledger::{Group, Logged};
use serde::Deserialize;
use serde_json::{Value, json};
use triggers::{Destination, LineSubscription, Message, Target};

use super::error::{invalid, missing, of_triggers};
use super::event::At;
use super::page::Page;
use super::{Asked, group, pattern, without_nulls};
use crate::destination;
use crate::place::Place;
use crate::protocol::{Fault, gzip};

const ROLE: &str = "roleArn";
const DISTRIBUTION: &str = "distribution";
/// Streams of records and other accounts' destinations.
const OTHERS: [&str; 4] = ["kinesis", "firehose", "logs", "es"];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Put {
    log_group_name: String,
    filter_name: String,
    filter_pattern: String,
    destination_arn: String,
    role_arn: Option<String>,
    distribution: Option<String>,
    #[serde(default)]
    apply_on_transformed_logs: bool,
}

pub(super) async fn put(mut asked: Asked<'_>) -> Result<Value, Fault> {
    asked.call.only(&[
        "logGroupName",
        "filterName",
        "filterPattern",
        "destinationArn",
        ROLE,
        DISTRIBUTION,
        "applyOnTransformedLogs",
    ])?;
    let not_built = asked.call.not_built("applyOnTransformedLogs");
    let input: Put = asked.call.read()?;
    if input.apply_on_transformed_logs {
        return Err(not_built);
    }
    pattern(&input.filter_pattern)?;
    let group = group::find(&asked, Some(input.log_group_name), None)?;
    let target = function(&input.destination_arn)?;
    if group.name == format!("/aws/lambda/{}", target.function) {
        return Err(invalid(
            "The log group provided is reserved for the function logs of the destination function.",
        ));
    }
    if asked
        .triggers
        .takes(&Destination::Function(target.clone()))
        .is_err()
    {
        return Err(invalid(
            "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to execute your function.",
        ));
    }
    let others = [(ROLE, input.role_arn), (DISTRIBUTION, input.distribution)];
    let others = others
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let new = LineSubscription {
        group,
        name: input.filter_name,
        pattern: input.filter_pattern,
        target,
        created: asked.now,
        others: others.collect::<BTreeMap<_, _>>(),
    };
    let put = asked.triggers.put_line_subscription(&new).await;
    put.map_err(of_triggers)?;
    Ok(json!({}))
}

fn function(arn: &str) -> Result<Target, Fault> {
    if let Some(Destination::Function(target)) = destination::read(arn) {
        return Ok(target);
    }
    let service = arn.split(':').nth(2).unwrap_or_default();
    if OTHERS.contains(&service) {
        let what = format!("subscription filters that send to {service}; they send to functions");
        return Err(Fault::not_implemented(&what));
    }
    Err(invalid(format!(
        "PutSubscriptionFilter operation cannot work with destinationArn for vendor {service}"
    )))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Describe {
    log_group_name: String,
    filter_name_prefix: Option<String>,
    #[serde(flatten)]
    page: Page,
}

pub(super) fn describe(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: Describe = asked.call.read()?;
    let group = group::find(&asked, Some(input.log_group_name), None)?;
    let mut all = of_group(&asked, &group)?;
    let prefix = input.filter_name_prefix.unwrap_or_default();
    all.retain(|one| one.name.starts_with(&prefix));
    let (all, next) = input.page.of(all, |one| &one.name)?;
    Ok(without_nulls(json!({
        "subscriptionFilters": all.iter().map(print).collect::<Vec<_>>(),
        "nextToken": next,
    })))
}

fn of_group(asked: &Asked<'_>, group: &Group) -> Result<Vec<LineSubscription>, Fault> {
    asked
        .triggers
        .line_subscriptions(group)
        .map_err(of_triggers)
}

fn print(one: &LineSubscription) -> Value {
    let distribution = one.others.get(DISTRIBUTION);
    without_nulls(json!({
        "filterName": one.name,
        "logGroupName": one.group.name,
        "filterPattern": one.pattern,
        "destinationArn": destination::arn(&Destination::Function(one.target.clone())),
        "roleArn": one.others.get(ROLE),
        "distribution": distribution.map_or("ByLogStream", String::as_str),
        "applyOnTransformedLogs": false,
        "creationTime": one.created.as_millis(),
    }))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Delete {
    log_group_name: String,
    filter_name: String,
}

pub(super) async fn delete(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: Delete = asked.call.read()?;
    let group = group::find(&asked, Some(input.log_group_name), None)?;
    let name = &input.filter_name;
    let removed = asked.triggers.remove_line_subscription(&group, name).await;
    match removed.map_err(of_triggers)? {
        true => Ok(json!({})),
        false => Err(missing("The specified subscription filter does not exist.")),
    }
}

/// Lines of one stream, as a function gets them.
pub(crate) fn event(to: &LineSubscription, lines: &[Logged]) -> Message {
    let events = lines.iter().map(|logged| {
        json!({
            "id": At::of(logged).to_string(),
            "timestamp": logged.line.at.as_millis(),
            "message": logged.line.text,
        })
    });
    let data = json!({
        "messageType": "DATA_MESSAGE",
        "owner": Place::of(&to.group.space).account,
        "logGroup": to.group.name,
        "logStream": lines.first().map(|logged| &logged.stream),
        "subscriptionFilters": [to.name],
        "logEvents": events.collect::<Vec<_>>(),
    });
    let data = STANDARD.encode(gzip(data.to_string().as_bytes()));
    Message {
        body: json!({ "awslogs": { "data": data } }).to_string().into(),
        trigger: "log group".to_owned(),
        ..Message::default()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use base::{Space, Timestamp};
    use ledger::Line;

    use super::*;

    fn fed() -> LineSubscription {
        LineSubscription {
            group: Group {
                space: Space::new("000000000000/us-east-1"),
                name: "/own/group".into(),
            },
            name: "errors".into(),
            pattern: String::new(),
            target: function("arn:aws:lambda:us-east-1:000000000000:function:f").unwrap(),
            created: Timestamp::from_secs(1),
            others: BTreeMap::new(),
        }
    }

    #[test]
    fn a_function_gets_lines_as_the_service_packs_them() {
        let to = fed();
        let logged = Logged {
            position: store::Position::new(7, 0),
            group: to.group.clone(),
            stream: "s".into(),
            function: "g".into(),
            line: Line {
                at: Timestamp::from_millis(1_234),
                text: "a \"line\"\n".into(),
            },
            index: 0,
        };
        let id = At::of(&logged).to_string();
        let message = event(&to, &[logged]);
        let body: Value = serde_json::from_slice(&message.body).unwrap();
        let data = STANDARD.decode(body["awslogs"]["data"].as_str().unwrap());
        let mut text = String::new();
        let data = data.unwrap();
        let mut plain = flate2::read::GzDecoder::new(data.as_slice());
        plain.read_to_string(&mut text).unwrap();
        let expected = json!({
            "messageType": "DATA_MESSAGE",
            "owner": "000000000000",
            "logGroup": "/own/group",
            "logStream": "s",
            "subscriptionFilters": ["errors"],
            "logEvents": [{ "id": id, "timestamp": 1_234, "message": "a \"line\"\n" }],
        });
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
        assert_eq!(id.len(), 56);
    }

    #[test]
    fn only_functions_are_fed() {
        for (arn, code) in [
            (
                "arn:aws:kinesis:us-east-1:000000000000:stream/s",
                "NotImplementedException",
            ),
            (
                "arn:aws:firehose:us-east-1:000000000000:deliverystream/s",
                "NotImplementedException",
            ),
            (
                "arn:aws:logs:us-east-1:000000000000:destination:d",
                "NotImplementedException",
            ),
            (
                "arn:aws:sqs:us-east-1:000000000000:q",
                "InvalidParameterException",
            ),
            ("nothing", "InvalidParameterException"),
        ] {
            assert_eq!(function(arn).unwrap_err().code, code, "{arn}");
        }
    }
}
