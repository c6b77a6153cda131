//! Schedules.

use schedules::{DEFAULT, Listed, Wanted};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Asked;
use super::error::of;
use super::input::{Input, print};
use super::name::schedule_arn;
use super::page::{self, Page};
use super::target::Target;
use crate::moment::seconds;
use crate::protocol::Fault;

pub(super) async fn create(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: Input = asked.call.read()?;
    let settings = input.settings(&asked)?;
    let token = input.client_token.as_deref();
    let (group, name) = (input.group(), input.name.as_str());
    let created = asked
        .schedules
        .create(asked.space(), group, name, &settings, token);
    created.await.map_err(of)?;
    Ok(json!({ "ScheduleArn": schedule_arn(asked.space(), group, name) }))
}

/// What is not said is what it would be in a new one.
pub(super) async fn update(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: Input = asked.call.read()?;
    let settings = input.settings(&asked)?;
    let (group, name) = (input.group(), input.name.as_str());
    let updated = asked
        .schedules
        .update(asked.space(), group, name, &settings);
    updated.await.map_err(of)?;
    Ok(json!({ "ScheduleArn": schedule_arn(asked.space(), group, name) }))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    name: String,
    group_name: Option<String>,
}

impl Named {
    fn group(&self) -> &str {
        self.group_name.as_deref().unwrap_or(DEFAULT)
    }
}

pub(super) fn get(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: Named = asked.call.read()?;
    let found = asked
        .schedules
        .get(asked.space(), input.group(), &input.name);
    let mut printed = print(&found.map_err(of)?);
    printed["Arn"] = schedule_arn(asked.space(), input.group(), &input.name).into();
    printed["GroupName"] = input.group().into();
    printed["Name"] = input.name.into();
    Ok(printed)
}

pub(super) async fn delete(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: Named = asked.call.read()?;
    let deleted = asked
        .schedules
        .delete(asked.space(), input.group(), &input.name);
    deleted.await.map_err(of)?;
    Ok(json!({}))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct List {
    group_name: Option<String>,
    name_prefix: Option<String>,
    state: Option<String>,
    #[serde(flatten)]
    page: Page,
}

pub(super) fn list(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: List = asked.call.read()?;
    let limit = input.page.limit();
    let wanted = Wanted {
        group: input.group_name.clone(),
        prefix: input.name_prefix.clone(),
        enabled: input.state.as_deref().map(|state| state == "ENABLED"),
        after: input.page.after()?,
        limit: limit + 1,
    };
    let mut found = asked.schedules.list(asked.space(), &wanted).map_err(of)?;
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| more);
    let token = last.map(|last| page::token(&last.group, &last.name));
    let printed: Vec<Value> = found.iter().map(|one| summary(&asked, one)).collect();
    let mut answer = json!({ "Schedules": printed });
    if let Some(token) = token {
        answer["NextToken"] = token.into();
    }
    Ok(answer)
}

fn summary(asked: &Asked<'_>, listed: &Listed) -> Value {
    let Listed {
        group,
        name,
        schedule,
    } = listed;
    let target = Target::stored(&schedule.settings.order);
    json!({
        "Arn": schedule_arn(asked.space(), group, name),
        "Name": name,
        "GroupName": group,
        "State": if schedule.settings.enabled { "ENABLED" } else { "DISABLED" },
        "CreationDate": seconds(schedule.created),
        "LastModificationDate": seconds(schedule.modified),
        "Target": { "Arn": target.map(|target| target.arn) },
    })
}
