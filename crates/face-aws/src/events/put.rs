//! Putting events on buses, and trying a pattern.

use buses::Event;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use triggers::pattern::{Language, Pattern};

use super::error::{invalid, of_bus, pattern};
use super::{Asked, name};
use crate::moment::moment;
use crate::protocol::Fault;

/// What the entries of a request are together, at most.
const LARGEST: usize = 1 << 20;
/// What an entry's time counts for.
const TIME: usize = 14;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    entries: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    time: Option<f64>,
    source: Option<String>,
    #[serde(default)]
    resources: Vec<String>,
    detail_type: Option<String>,
    detail: Option<String>,
    event_bus_name: Option<String>,
    trace_header: Option<String>,
}

impl Entry {
    fn size(&self) -> usize {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let resources: usize = self.resources.iter().map(String::len).sum();
        let time = self.time.map_or(0, |_| TIME);
        time + length(&self.source) + length(&self.detail_type) + length(&self.detail) + resources
    }
}

/// Why one entry was not taken.
struct NotTaken {
    code: &'static str,
    message: String,
}

pub(super) async fn put(mut asked: Asked<'_>) -> Result<Value, Fault> {
    asked.call.only(&["Entries"])?;
    let input: Input = asked.call.read()?;
    let size: usize = input.entries.iter().map(Entry::size).sum();
    if size > LARGEST {
        return Err(invalid(
            "Total size of the entries in the request is over the limit.",
        ));
    }
    let entries = input.entries.into_iter();
    let read: Vec<Result<(String, Event), NotTaken>> =
        entries.map(|entry| event(&asked, entry)).collect();
    let events: Vec<(String, Event)> = read.iter().flatten().cloned().collect();
    let taken = asked.buses.put_alone(asked.space(), &events).await;
    let taken = taken.map_err(of_bus)?;
    for ((bus, _), taken) in events.iter().zip(taken) {
        if !taken {
            // As by the real service, which takes it all the same.
            tracing::warn!(
                bus,
                "an event was put on a bus that does not exist, and goes nowhere"
            );
        }
    }
    let failed = read.iter().filter(|entry| entry.is_err()).count();
    let printed: Vec<Value> = read.iter().map(print).collect();
    Ok(json!({ "FailedEntryCount": failed, "Entries": printed }))
}

fn print(entry: &Result<(String, Event), NotTaken>) -> Value {
    match entry {
        Ok((_, event)) => json!({ "EventId": event.id }),
        Err(NotTaken { code, message }) => json!({ "ErrorCode": code, "ErrorMessage": message }),
    }
}

fn event(asked: &Asked<'_>, entry: Entry) -> Result<(String, Event), NotTaken> {
    let bus = name::bus(asked, entry.event_bus_name.as_deref());
    let bus = bus.map_err(|fault| NotTaken {
        code: "InvalidArgument",
        message: fault.message.unwrap_or_default(),
    })?;
    let source = given("Source", entry.source)?;
    let kind = given("DetailType", entry.detail_type)?;
    let detail = given("Detail", entry.detail)?;
    let is_object: Result<Map<String, Value>, _> = serde_json::from_str(&detail);
    if is_object.is_err() {
        return Err(NotTaken {
            code: "MalformedDetail",
            message: "Detail is malformed.".to_owned(),
        });
    }
    if source.starts_with("aws.") {
        return Err(NotTaken {
            code: "NotAuthorizedForSourceException",
            message: "Not authorized for the source.".to_owned(),
        });
    }
    let now = asked.clock.now();
    let event = Event {
        id: asked.buses.new_id(),
        space: asked.space().clone(),
        source,
        kind,
        resources: entry.resources,
        detail: detail.into(),
        at: entry.time.map_or(now, moment),
        taken: now,
        trace: entry.trace_header,
        passed_on: false,
        replayed: None,
    };
    Ok((bus, event))
}

fn given(name: &str, value: Option<String>) -> Result<String, NotTaken> {
    let value = value.filter(|value| !value.is_empty());
    value.ok_or_else(|| NotTaken {
        code: "InvalidArgument",
        message: format!("Parameter {name} is not valid. Reason: {name} is a required argument."),
    })
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Test {
    event_pattern: String,
    event: String,
}

pub(super) fn test(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: Test = asked.call.read()?;
    let parsed = Pattern::parse_cheap(&input.event_pattern, Language::Whole);
    let parsed = parsed.map_err(|error| pattern(&error))?;
    let event: Map<String, Value> = serde_json::from_str(&input.event)
        .map_err(|_| invalid("Parameter Event is not valid. Reason: it must be a JSON object."))?;
    const NEEDED: [&str; 6] = ["id", "account", "source", "time", "region", "detail-type"];
    if let Some(missing) = NEEDED.iter().find(|name| !event.contains_key(**name)) {
        return Err(invalid(format!(
            "Parameter Event is not valid. Reason: {missing} is a required field."
        )));
    }
    let matches = parsed.matches(&Value::Object(event));
    Ok(json!({ "Result": matches }))
}
