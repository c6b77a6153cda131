//! Groups.

use schedules::Group;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Asked;
use super::error::of;
use super::name::group_arn;
use super::page::{self, Page};
use super::tags;
use crate::moment::seconds;
use crate::protocol::Fault;
use crate::tags::Tag;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    name: String,
    #[serde(default)]
    tags: Vec<Tag>,
    client_token: Option<String>,
}

pub(super) async fn create(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: Input = asked.call.read()?;
    let (tags, token) = (tags::map(input.tags)?, input.client_token.as_deref());
    let created = asked
        .schedules
        .create_group(asked.space(), &input.name, &tags, token);
    created.await.map_err(of)?;
    Ok(json!({ "ScheduleGroupArn": group_arn(asked.space(), &input.name) }))
}

pub(super) async fn get(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: Input = asked.call.read()?;
    let group = asked.schedules.group(asked.space(), &input.name).await;
    Ok(print(&asked, &input.name, &group.map_err(of)?))
}

pub(super) async fn delete(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: Input = asked.call.read()?;
    let deleted = asked.schedules.delete_group(asked.space(), &input.name);
    deleted.await.map_err(of)?;
    Ok(json!({}))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct List {
    #[serde(default)]
    name_prefix: String,
    #[serde(flatten)]
    page: Page,
}

pub(super) async fn list(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: List = asked.call.read()?;
    let after = input.page.after()?.map(|(name, _)| name);
    let limit = input.page.limit();
    let found = asked.schedules.groups(
        asked.space(),
        &input.name_prefix,
        after.as_deref(),
        limit + 1,
    );
    let mut found = found.await.map_err(of)?;
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| more);
    let token = last.map(|(name, _)| page::token(name, ""));
    let groups: Vec<Value> = found
        .iter()
        .map(|(name, group)| print(&asked, name, group))
        .collect();
    let mut answer = json!({ "ScheduleGroups": groups });
    if let Some(token) = token {
        answer["NextToken"] = token.into();
    }
    Ok(answer)
}

fn print(asked: &Asked<'_>, name: &str, group: &Group) -> Value {
    json!({
        "Arn": group_arn(asked.space(), name),
        "Name": name,
        "State": if group.ends { "DELETING" } else { "ACTIVE" },
        "CreationDate": seconds(group.created),
        "LastModificationDate": seconds(group.modified),
    })
}
