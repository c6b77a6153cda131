//! Buses.

use std::collections::BTreeMap;

use buses::{Bus, BusChange, DEFAULT};
use serde::Deserialize;
use serde_json::{Value, json};
use triggers::Destination;

use super::error::{invalid, of, of_bus};
use super::{Asked, name, page, permission, without_nulls};
use crate::destination;
use crate::moment::seconds;
use crate::protocol::Fault;
use crate::tags::{self, Tag};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    name: Option<String>,
    description: Option<String>,
    dead_letter_config: Option<DeadLetters>,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeadLetters {
    arn: Option<String>,
}

/// What the service sends there is what it could not encrypt or decrypt. Nothing is encrypted here, so it is kept and
/// told.
fn given(letters: Option<DeadLetters>) -> Result<Option<String>, Fault> {
    let Some(arn) = letters.and_then(|letters| letters.arn) else {
        return Ok(None);
    };
    match destination::read(&arn) {
        Some(Destination::Queue(queue)) if !queue.name.ends_with(".fifo") => Ok(Some(arn)),
        _ => Err(invalid(format!(
            "Parameter {arn} is not valid. Reason: Provided Arn is not that of a standard queue."
        ))),
    }
}

pub(super) async fn create(mut asked: Asked<'_>) -> Result<Value, Fault> {
    asked
        .call
        .only(&["Name", "Description", "DeadLetterConfig", "Tags"])?;
    let input: Input = asked.call.read()?;
    let name = input.name.unwrap_or_default();
    if name.contains('/') {
        return Err(invalid("Event bus name must not contain '/'."));
    }
    let change = BusChange {
        description: Some(input.description),
        dead_letters: Some(given(input.dead_letter_config)?),
    };
    let tags: BTreeMap<_, _> = tags::map(input.tags);
    let bus = asked.buses.create(asked.space(), &name, change, tags).await;
    let bus = bus.map_err(of_bus)?;
    Ok(without_nulls(json!({
        "EventBusArn": name::bus_arn(asked.space(), &name),
        "Description": bus.description,
        "DeadLetterConfig": dead_letters(&bus),
    })))
}

pub(super) async fn update(mut asked: Asked<'_>) -> Result<Value, Fault> {
    asked
        .call
        .only(&["Name", "Description", "DeadLetterConfig"])?;
    let input: Input = asked.call.read()?;
    let name = name::bus(&asked, input.name.as_deref())?;
    let change = BusChange {
        description: input.description.map(Some),
        dead_letters: match input.dead_letter_config {
            None => None,
            letters => Some(given(letters)?),
        },
    };
    let bus = asked.buses.update(asked.space(), &name, change).await;
    let bus = bus.map_err(of_bus)?;
    Ok(without_nulls(json!({
        "Arn": name::bus_arn(asked.space(), &name),
        "Name": name,
        "Description": bus.description,
        "DeadLetterConfig": dead_letters(&bus),
    })))
}

pub(super) fn describe(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: Input = asked.call.read()?;
    let name = name::bus(&asked, input.name.as_deref())?;
    let bus = asked.buses.bus(asked.space(), &name).map_err(of_bus)?;
    let mut printed = print(&asked, &bus);
    printed["DeadLetterConfig"] = dead_letters(&bus);
    Ok(without_nulls(printed))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct List {
    #[serde(default)]
    name_prefix: String,
    #[serde(flatten)]
    page: page::Asked,
}

pub(super) fn list(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: List = asked.call.read()?;
    let mut all = asked.buses.list(asked.space()).map_err(of_bus)?;
    all.retain(|bus| bus.name.starts_with(&input.name_prefix));
    let (buses, next) = input.page.page(all, |bus| &bus.name)?;
    let buses = buses.iter().map(|bus| without_nulls(print(&asked, bus)));
    Ok(without_nulls(json!({
        "EventBuses": buses.collect::<Vec<_>>(),
        "NextToken": next,
    })))
}

/// One that is not there is gone already.
pub(super) async fn delete(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: Input = asked.call.read()?;
    let name = name::bus(&asked, input.name.as_deref())?;
    if name == DEFAULT {
        return Err(invalid("Cannot delete event bus default."));
    }
    let deleted = asked.triggers.delete_bus(asked.space(), &name).await;
    deleted.map_err(of)?;
    Ok(json!({}))
}

fn print(asked: &Asked<'_>, bus: &Bus) -> Value {
    json!({
        "Name": bus.name,
        "Arn": name::bus_arn(asked.space(), &bus.name),
        "Description": bus.description,
        "Policy": permission::print(bus),
        "CreationTime": seconds(bus.created),
        "LastModifiedTime": seconds(bus.modified),
    })
}

fn dead_letters(bus: &Bus) -> Value {
    let letters = bus.dead_letters.as_ref();
    letters.map_or(Value::Null, |arn| json!({ "Arn": arn }))
}
