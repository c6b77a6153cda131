use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use queues::{Address, Names};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Asked;
use super::error::{self, invalid};
use super::receive::between;
use crate::context::Context;
use crate::protocol::Fault;

const MOST: usize = 1_000;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Url {
    queue_name: String,
    #[serde(rename = "QueueOwnerAWSAccountId")]
    owner: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct List {
    queue_url: Option<String>,
    queue_name_prefix: Option<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

pub(super) fn url(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let given: Url = asked.read()?;
    let space = match &given.owner {
        Some(owner) => Context::space(owner, &asked.context.region),
        None => asked.space().clone(),
    };
    let address = Address::new(&space, given.queue_name);
    asked.queues.get(&address).map_err(error::fault)?;
    Ok(json!({ "QueueUrl": asked.url(&address) }))
}

pub(super) fn list(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let given: List = asked.read()?;
    let prefix = given.queue_name_prefix.clone().unwrap_or_default();
    let (limit, after) = given.page()?;
    let names = asked
        .queues
        .list(asked.space(), &prefix, after.as_deref(), limit)
        .map_err(error::fault)?;
    Ok(printed(
        &asked,
        &names,
        "QueueUrls",
        given.max_results.is_some(),
    ))
}

pub(super) fn sources(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let given: List = asked.read()?;
    let address = asked.queue(given.queue_url.as_deref())?;
    let (limit, after) = given.page()?;
    let names = asked
        .queues
        .sources(&address, after.as_deref(), limit)
        .map_err(error::fault)?;
    let mut output = printed(&asked, &names, "queueUrls", given.max_results.is_some());
    if let Value::Object(members) = &mut output {
        members.entry("queueUrls").or_insert_with(|| json!([]));
    }
    Ok(output)
}

impl List {
    fn page(&self) -> Result<(usize, Option<String>), Fault> {
        let limit = between(
            self.max_results,
            "MaxResults",
            1..=1_000,
            "MaxResults must be an integer between 1 and 1000.",
        )?;
        let limit = limit
            .and_then(|limit| usize::try_from(limit).ok())
            .unwrap_or(MOST);
        let after = self.next_token.as_deref().map(|token| {
            let name = URL_SAFE_NO_PAD.decode(token).ok();
            let name = name.and_then(|name| String::from_utf8(name).ok());
            name.ok_or_else(|| invalid("Invalid or expired next token."))
        });
        Ok((limit, after.transpose()?))
    }
}

/// Without a number of results there is one page and no more, as there.
fn printed(asked: &Asked<'_>, names: &Names, member: &str, paged: bool) -> Value {
    let mut output = Map::new();
    let urls: Vec<String> = names
        .names
        .iter()
        .map(|name| asked.url(&Address::new(asked.space(), name)))
        .collect();
    if let Some(last) = names.names.last().filter(|_| names.more && paged) {
        output.insert("NextToken".into(), URL_SAFE_NO_PAD.encode(last).into());
    }
    if !urls.is_empty() {
        output.insert(member.into(), urls.into());
    }
    Value::Object(output)
}
