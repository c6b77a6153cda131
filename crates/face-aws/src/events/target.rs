//! What rules send to.

use std::collections::BTreeMap;
use std::time::Duration;

use base::Space;
use serde::Deserialize;
use serde_json::{Value, json};
use triggers::{
    BadInput, Destination, Input as Sent, Named, NotPut, Place, RequestParts, RetryLimits,
    RuleTarget,
};

use super::error::{invalid, of, of_bus};
use super::{Asked, happening, managed, name, page, without_nulls};
use crate::destination;
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    rule: String,
    event_bus_name: Option<String>,
    #[serde(default)]
    targets: Vec<Target>,
    #[serde(default)]
    ids: Vec<String>,
    #[serde(default)]
    force: bool,
}

/// The members that are obeyed; another is refused by name.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Target {
    id: String,
    arn: String,
    role_arn: Option<String>,
    input: Option<String>,
    input_path: Option<String>,
    input_transformer: Option<Transformer>,
    sqs_parameters: Option<QueueParameters>,
    http_parameters: Option<HttpParameters>,
    dead_letter_config: Option<DeadLetters>,
    retry_policy: Option<RetryPolicy>,
}

const OBEYED: [&str; 10] = [
    "Id",
    "Arn",
    "RoleArn",
    "Input",
    "InputPath",
    "InputTransformer",
    "SqsParameters",
    "HttpParameters",
    "DeadLetterConfig",
    "RetryPolicy",
];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Transformer {
    #[serde(default)]
    input_paths_map: BTreeMap<String, String>,
    input_template: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct QueueParameters {
    message_group_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HttpParameters {
    #[serde(default)]
    path_parameter_values: Vec<String>,
    #[serde(default)]
    header_parameters: BTreeMap<String, String>,
    #[serde(default)]
    query_string_parameters: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeadLetters {
    arn: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RetryPolicy {
    maximum_retry_attempts: Option<u32>,
    maximum_event_age_in_seconds: Option<u64>,
}

pub(super) async fn put(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let mut unbuilt = check_members(&asked).err();
    let input: Input = asked.call.read()?;
    let bus = bus(&asked, input.event_bus_name.as_deref())?;
    managed::refuse(&asked, &bus, &input.rule, false)?;
    // What is wrong is told before what is right but not built.
    let mut targets = Vec::with_capacity(input.targets.len());
    for given in input.targets {
        match target(&asked, given) {
            Ok(target) => targets.push(target),
            Err(fault) if fault.is_not_implemented() => unbuilt = unbuilt.or(Some(fault)),
            Err(fault) => return Err(fault),
        }
    }
    let rule = asked.triggers.rule(asked.space(), &bus, &input.rule);
    rule.map_err(of)?;
    if let Some(fault) = unbuilt {
        return Err(fault);
    }
    let put = asked.triggers.put_targets(
        asked.space(),
        &bus,
        &input.rule,
        &targets,
        &happening::is_placeholder,
    );
    put.await.map_err(of)?.map_err(not_put)?;
    Ok(json!({ "FailedEntryCount": 0, "FailedEntries": [] }))
}

fn bus(asked: &Asked<'_>, named: Option<&str>) -> Result<String, Fault> {
    let bus = name::bus(asked, named)?;
    asked.buses.bus(asked.space(), &bus).map_err(of_bus)?;
    Ok(bus)
}

fn check_members(asked: &Asked<'_>) -> Result<(), Fault> {
    let targets = asked.call.input.get("Targets").and_then(Value::as_array);
    let members = targets
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .flat_map(|target| target.keys());
    for member in members {
        if !OBEYED.contains(&member.as_str()) {
            return Err(asked.call.not_built(&format!("Targets.{member}")));
        }
    }
    Ok(())
}

fn malformed(arn: &str) -> Fault {
    invalid(format!(
        "Parameter {arn} is not valid. Reason: Provided Arn is not in correct format."
    ))
}

fn not_put(why: NotPut) -> Fault {
    match why {
        NotPut::TooMany => Fault::new(
            "LimitExceededException",
            "The requested resource exceeds the maximum number allowed.",
        ),
        NotPut::Input { target, cause } => invalid(match cause {
            BadInput::Path(path) => {
                format!(
                    "Parameter {path} is not valid for target {target}. Reason: it is no JSON path."
                )
            }
            BadInput::Placeholder(name) => {
                format!("InputTemplate for target {target} contains invalid placeholder {name}.")
            }
            BadInput::Json => format!("JSON syntax error in input for target {target}"),
        }),
    }
}

fn target(asked: &Asked<'_>, given: Target) -> Result<RuleTarget, Fault> {
    let to = place(asked, &given)?;
    let group = given
        .sqs_parameters
        .and_then(|parameters| parameters.message_group_id);
    check_group(&to, group.as_deref(), &given.id)?;
    let inputs = [
        given.input.is_some(),
        given.input_path.is_some(),
        given.input_transformer.is_some(),
    ];
    if inputs.into_iter().filter(|given| *given).count() > 1 {
        return Err(invalid(format!(
            "Only one of Input, InputPath, or InputTransformer must be provided for target {}.",
            given.id
        )));
    }
    let input = match (given.input, given.input_path, given.input_transformer) {
        (Some(text), _, _) => Sent::Fixed(text),
        (_, Some(path), _) => Sent::Part(path),
        (_, _, Some(transformer)) => Sent::Template {
            paths: transformer.input_paths_map,
            template: transformer.input_template,
        },
        (None, None, None) => Sent::Whole,
    };
    let dead_letters = given.dead_letter_config.and_then(|letters| letters.arn);
    Ok(RuleTarget {
        id: given.id,
        to,
        named: given.arn,
        role: given.role_arn,
        input,
        retries: given.retry_policy.map(|policy| RetryLimits {
            most: policy.maximum_retry_attempts,
            age: policy.maximum_event_age_in_seconds.map(Duration::from_secs),
        }),
        dead_letters: dead_letters.map(|arn| letters(&arn)).transpose()?,
        group,
        request: given
            .http_parameters
            .map_or_else(RequestParts::default, |parameters| RequestParts {
                fill: parameters.path_parameter_values,
                headers: parameters.header_parameters,
                query: parameters.query_string_parameters,
            }),
    })
}

fn place(asked: &Asked<'_>, given: &Target) -> Result<Place, Fault> {
    let arn = &given.arn;
    if let Some(address) =
        name::local(asked, arn).and_then(|what| what.strip_prefix("api-destination/"))
    {
        let name = address.split('/').next().unwrap_or(address);
        return Ok(Place::Address(name.to_owned()));
    }
    match destination::read(arn) {
        Some(Destination::Bucket(_)) | None => {}
        Some(known) => return Ok(Place::Ours(known)),
    }
    let parts: Vec<&str> = arn.split(':').collect();
    match parts.as_slice() {
        ["arn", _, "logs", region, account, "log-group", group]
        | ["arn", _, "logs", region, account, "log-group", group, "*"] => {
            Ok(Place::Log(log_group(region, account, group)?))
        }
        ["arn", _, service, _, _, _, ..] => Err(Fault::not_implemented(&format!(
            "rules that send to {service} ({arn})"
        ))),
        _ => Err(malformed(arn)),
    }
}

/// It comes to be with its first line.
fn log_group(region: &str, account: &str, name: &str) -> Result<Named, Fault> {
    if !ledger::Group::is_name(name) {
        return Err(invalid(format!(
            "Parameter {name} is not valid. Reason: it is no name of a log group."
        )));
    }
    Ok(Named {
        space: Space::new(&format!("{account}/{region}")),
        name: name.to_owned(),
    })
}

fn check_group(to: &Place, group: Option<&str>, id: &str) -> Result<(), Fault> {
    let is_ordered = match to {
        Place::Ours(Destination::Queue(queue)) => queue.name.ends_with(".fifo"),
        _ => false,
    };
    match group {
        None if is_ordered => Err(invalid(format!(
            "Parameter(s) SqsParameters must be specified for target: {id}."
        ))),
        Some(_) if !is_ordered && !matches!(to, Place::Ours(Destination::Queue(_))) => {
            Err(invalid(format!(
                "Parameter(s) SqsParameters is not supported for target: {id}."
            )))
        }
        _ => Ok(()),
    }
}

/// A queue for dead letters. One that keeps order would refuse them, for they belong to no group.
fn letters(arn: &str) -> Result<Destination, Fault> {
    match destination::read(arn) {
        Some(Destination::Queue(queue)) if queue.name.ends_with(".fifo") => Err(invalid(format!(
            "Parameter {arn} is not valid. Reason: Provided Arn is not that of a standard queue."
        ))),
        Some(queue @ Destination::Queue(_)) => Ok(queue),
        _ => Err(malformed(arn)),
    }
}

pub(super) async fn remove(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: Input = asked.call.read()?;
    let bus = bus(&asked, input.event_bus_name.as_deref())?;
    managed::refuse(&asked, &bus, &input.rule, input.force)?;
    let missing = asked
        .triggers
        .remove_targets(asked.space(), &bus, &input.rule, &input.ids);
    let missing = missing.await.map_err(of)?;
    let failed: Vec<Value> = missing
        .iter()
        .map(|id| {
            let rule = &input.rule;
            json!({
                "TargetId": id,
                "ErrorCode": "ResourceNotFoundException",
                "ErrorMessage": format!("Rule '{rule}' does not have a target with the Id '{id}'."),
            })
        })
        .collect();
    Ok(json!({ "FailedEntryCount": failed.len(), "FailedEntries": failed }))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct List {
    #[serde(default)]
    rule: String,
    #[serde(default)]
    target_arn: String,
    event_bus_name: Option<String>,
    #[serde(flatten)]
    page: page::Asked,
}

pub(super) fn list(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: List = asked.call.read()?;
    let bus = bus(&asked, input.event_bus_name.as_deref())?;
    if let Some(archive) = managed::find(&asked, &bus, &input.rule)? {
        return Ok(json!({ "Targets": [managed::target(&archive)] }));
    }
    let rule = asked.triggers.rule(asked.space(), &bus, &input.rule);
    let mut targets = rule.map_err(of)?.targets;
    targets.sort_by(|a, b| a.id.cmp(&b.id));
    let (targets, next) = input.page.page(targets, |target| &target.id)?;
    let targets: Vec<Value> = targets.iter().map(print).collect();
    Ok(without_nulls(
        json!({ "Targets": targets, "NextToken": next }),
    ))
}

pub(super) fn rules(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: List = asked.call.read()?;
    let bus = bus(&asked, input.event_bus_name.as_deref())?;
    let names = asked
        .triggers
        .rules_of_target(asked.space(), &bus, &input.target_arn);
    let mut names = names.map_err(of)?;
    if input.target_arn == managed::target_arn(asked.space()) {
        names.extend(managed::all(&asked, &bus, "")?.into_keys());
        names.sort_unstable();
    }
    let (names, next) = input.page.page(names, |name| name)?;
    Ok(without_nulls(
        json!({ "RuleNames": names, "NextToken": next }),
    ))
}

fn print(target: &RuleTarget) -> Value {
    let mut printed = json!({
        "Id": target.id,
        "Arn": target.named,
        "RoleArn": target.role,
    });
    match &target.input {
        Sent::Whole => {}
        Sent::Fixed(text) => printed["Input"] = text.clone().into(),
        Sent::Part(path) => printed["InputPath"] = path.clone().into(),
        Sent::Template { paths, template } => {
            printed["InputTransformer"] =
                json!({ "InputPathsMap": paths, "InputTemplate": template });
        }
    }
    if let Some(limits) = &target.retries {
        printed["RetryPolicy"] = without_nulls(json!({
            "MaximumRetryAttempts": limits.most,
            "MaximumEventAgeInSeconds": limits.age.map(|age| age.as_secs()),
        }));
    }
    if let Some(letters) = &target.dead_letters {
        printed["DeadLetterConfig"] = json!({ "Arn": destination::arn(letters) });
    }
    if let Some(group) = &target.group {
        printed["SqsParameters"] = json!({ "MessageGroupId": group });
    }
    let request = &target.request;
    if *request != RequestParts::default() {
        printed["HttpParameters"] = json!({
            "PathParameterValues": request.fill,
            "HeaderParameters": request.headers,
            "QueryStringParameters": request.query,
        });
    }
    without_nulls(printed)
}
