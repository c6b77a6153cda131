//! Event source mappings.
//!
//! Streams of tables and queues are the sources that there are. What the real service has besides is refused by name, before
//! anything is made.

mod print;
mod settings;
mod source;

use std::collections::BTreeMap;

use base::Space;
use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use triggers::{Error, Mapping, MappingSettings, MappingSource, NewMapping, Starting, Target};

use super::error::{conflict, invalid, missing};
use super::name::Named;
use super::page::Page;
use super::{Answer, Asked};
use crate::protocol::Fault;

use print::print;
use settings::Settings;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    #[serde(rename = "UUID")]
    uuid: Option<String>,
    event_source_arn: Option<String>,
    function_name: Option<String>,
    enabled: Option<bool>,
    starting_position: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    marker: Option<String>,
    max_items: Option<usize>,
    #[serde(flatten)]
    settings: Settings,
}

impl Input {
    fn id(&self) -> &str {
        self.uuid.as_deref().unwrap_or_default()
    }

    fn target(&self, asked: &Asked<'_>) -> Result<Option<Target>, Fault> {
        let Some(name) = &self.function_name else {
            return Ok(None);
        };
        let named = Named::read(asked, name, None)?;
        Ok(Some(Target {
            space: asked.context.space.clone(),
            qualifier: named.version().map(str::to_owned),
            function: named.name,
        }))
    }
}

pub(super) async fn create(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let of_queue = is_queue(asked.call.input.get("EventSourceArn"));
    settings::refuse_unbuilt(&asked.call, of_queue)?;
    let input: Input = asked.call.read()?;
    let target = input.target(&asked)?;
    let target = target.ok_or_else(|| invalid("The function name is missing."))?;
    let given = input.event_source_arn.as_deref();
    let source = source::read(asked.context, given)?;
    let starting = match input.starting_position.as_deref() {
        // What is in a queue is delivered from its front.
        None if of_queue => Starting::Oldest,
        Some("TRIM_HORIZON") => Starting::Oldest,
        Some("LATEST") => Starting::Newest,
        Some(_) => {
            let arn = given.unwrap_or_default();
            let message = format!("Unsupported starting position for arn type: {arn}");
            return Err(invalid(message));
        }
        None => {
            return Err(invalid(
                "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null.",
            ));
        }
    };
    let mut settings = if of_queue {
        settings::defaults_of_queue()
    } else {
        settings::defaults()
    };
    input.settings.apply(&mut settings)?;
    check_queue(&source, &settings)?;
    let new = NewMapping {
        space: asked.context.space.clone(),
        source,
        target,
        settings,
        starting,
        enabled: input.enabled.unwrap_or(true),
        tags: input.tags,
    };
    let created = asked.parts.triggers.create_mapping(new).await;
    let mapping = created.map_err(|error| fault(error, "create", given))?;
    answer(&asked, &mapping)
}

pub(super) async fn update(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let id = asked.call.input.get("UUID").and_then(Value::as_str);
    let current = find(&asked, id.unwrap_or_default())?;
    let of_queue = matches!(current.source, MappingSource::Queue { .. });
    settings::refuse_unbuilt(&asked.call, of_queue)?;
    let input: Input = asked.call.read()?;
    let (space, triggers) = (&asked.context.space, &asked.parts.triggers);
    let target = input.target(&asked)?;
    let applied = |settings: &MappingSettings| {
        let mut settings = settings.clone();
        input.settings.apply(&mut settings)?;
        check_queue(&current.source, &settings)?;
        Ok::<_, Fault>(settings)
    };
    applied(&current.settings)?;
    let updated = triggers
        .update_mapping(space, input.id(), |change| {
            if let Some(target) = &target {
                change.target = target.clone();
            }
            if let Some(enabled) = input.enabled {
                change.enabled = enabled;
            }
            if let Ok(settings) = applied(&change.settings) {
                change.settings = settings;
            }
        })
        .await;
    let mapping = updated.map_err(|error| fault(error, "update", None))?;
    answer(&asked, &mapping)
}

pub(super) fn get(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Input = asked.call.read()?;
    let mapping = find(&asked, input.id())?;
    answer(&asked, &mapping)
}

pub(super) async fn delete(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Input = asked.call.read()?;
    let (space, triggers) = (&asked.context.space, &asked.parts.triggers);
    // Before it is gone, with what came of it.
    let result = triggers
        .mapping(space, input.id())
        .and_then(|mapping| triggers.mapping_result(&mapping));
    let deleted = triggers.delete_mapping(space, input.id()).await;
    let mapping = deleted.map_err(|error| fault(error, "delete", None))?;
    Ok(Answer::Json(print(&mapping, result.unwrap_or_default())))
}

pub(super) fn list(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Input = asked.call.read()?;
    let target = input.target(&asked)?;
    let wanted = |mapping: &Mapping| {
        let arn = input.event_source_arn.as_deref();
        arn.is_none_or(|arn| source::arn(&mapping.space, &mapping.source) == arn)
            && target
                .as_ref()
                .is_none_or(|target| *target == mapping.target)
    };
    let all = mappings(&asked, &asked.context.space)?;
    let printed = all
        .iter()
        .filter(|mapping| wanted(mapping))
        .map(|mapping| printed(&asked, mapping))
        .collect::<Result<_, _>>()?;
    let page = Page::read(input.marker.as_deref(), input.max_items)?;
    Ok(Answer::Json(page.print("EventSourceMappings", printed)))
}

pub(super) fn list_tags(asked: &Asked<'_>, id: &str) -> Result<BTreeMap<String, String>, Fault> {
    Ok(find(asked, id)?.tags)
}

pub(super) async fn change_tags(
    asked: &Asked<'_>,
    id: &str,
    edit: impl Fn(&mut BTreeMap<String, String>),
) -> Result<Answer, Fault> {
    let space = &asked.context.space;
    let set = asked.parts.triggers.set_mapping_tags(space, id, edit).await;
    set.map_err(|error| fault(error, "update", None))?;
    Ok(Answer::Empty(StatusCode::NO_CONTENT))
}

fn is_queue(arn: Option<&Value>) -> bool {
    let arn = arn.and_then(Value::as_str).unwrap_or_default();
    arn.split(':').nth(2) == Some("sqs")
}

/// Queues that keep order have names that say so.
fn check_queue(source: &MappingSource, settings: &MappingSettings) -> Result<(), Fault> {
    match source {
        MappingSource::Table { .. } => Ok(()),
        MappingSource::Queue { queue } => settings::check_queue(settings, queue.ends_with(".fifo")),
    }
}

/// The id in a mapping's ARN.
pub(super) fn id_in(arn: &str) -> Option<&str> {
    arn.split_once(":event-source-mapping:").map(|(_, id)| id)
}

fn mappings(asked: &Asked<'_>, space: &Space) -> Result<Vec<Mapping>, Fault> {
    let found = asked.parts.triggers.mappings(space);
    found.map_err(|error| fault(error, "list", None))
}

fn find(asked: &Asked<'_>, id: &str) -> Result<Mapping, Fault> {
    let found = asked.parts.triggers.mapping(&asked.context.space, id);
    found.map_err(|error| fault(error, "get", None))
}

fn answer(asked: &Asked<'_>, mapping: &Mapping) -> Result<Answer, Fault> {
    Ok(Answer::Json(printed(asked, mapping)?))
}

fn printed(asked: &Asked<'_>, mapping: &Mapping) -> Result<Value, Fault> {
    let result = asked.parts.triggers.mapping_result(mapping);
    let result = result.map_err(|error| fault(error, "get", None))?;
    Ok(print(mapping, result))
}

/// `source` is the ARN that the caller gave.
fn fault(error: Error, verb: &str, source: Option<&str>) -> Fault {
    match error {
        Error::NoSuchMapping(_) => missing("The resource you requested does not exist."),
        Error::MappingExists { id, function } => {
            // The blanks are the real service's.
            let source = source.unwrap_or_default();
            conflict(format!(
                "The event source arn (\" {source} \") and function (\" {function} \") provided mapping already exists. Please update or delete the existing mapping with UUID {id}"
            ))
        }
        Error::MappingBusy(_) => Fault::new(
            "ResourceInUseException",
            format!("Cannot {verb} the event source mapping because it is in use."),
        ),
        Error::Pattern(_) => invalid("Invalid filter pattern definition."),
        Error::VisibilityTooShort {
            visibility_s,
            timeout_s,
        } => invalid(format!(
            "Invalid request provided: Queue visibility timeout: {visibility_s} seconds is less than Function timeout: {timeout_s} seconds"
        )),
        Error::Queues(queues::Error::NoSuchQueue(_)) => source::no_queue(),
        Error::Tables(tables::Error::NoSuchFeed(_)) => {
            invalid(format!("Stream not found: {}", source.unwrap_or_default()))
        }
        Error::Functions(
            functions::Error::NoSuchFunction(_) | functions::Error::NoSuchQualifier { .. },
        ) => invalid("Function does not exist"),
        Error::Objects(objects::Error::NoSuchBucket(bucket)) => invalid(format!(
            "The destination bucket does not exist: arn:aws:s3:::{bucket}"
        )),
        Error::Refused(refusal) => invalid(refusal.to_string()),
        // What nobody can help who asks.
        error => {
            tracing::error!(%error, "an event source mapping failed");
            Fault::internal("ServiceException")
        }
    }
}
