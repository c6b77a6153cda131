//! Replays of archives.

use buses::{DEFAULT, NewReplay, Replay, ReplayState};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::{invalid, of_bus};
use super::{Asked, name, page, without_nulls};
use crate::moment::{moment, seconds};
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    replay_name: String,
    description: Option<String>,
    event_source_arn: String,
    event_start_time: f64,
    event_end_time: f64,
    destination: Destination,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Destination {
    arn: String,
    #[serde(default)]
    filter_arns: Vec<String>,
}

pub(super) async fn start(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: Input = asked.call.read()?;
    let new = new(&asked, input)?;
    let started = match asked.buses.start_replay(&new).await {
        Err(buses::Error::NoSuchArchive(name)) => Err(invalid(format!(
            "Parameter EventSourceArn is not valid. Reason: Archive {name} does not exist."
        ))),
        started => started.map_err(of_bus),
    };
    let replay = started?;
    Ok(json!({
        "ReplayArn": arn(&replay),
        "State": state(replay.state),
        "ReplayStartTime": seconds(replay.began),
    }))
}

fn new(asked: &Asked<'_>, input: Input) -> Result<NewReplay, Fault> {
    if input.event_start_time >= input.event_end_time {
        return Err(invalid(
            "Parameter EventEndTime is not valid. Reason: EventStartTime must be before EventEndTime.",
        ));
    }
    let part = |arn: &str, kind: &str, parameter: &str| {
        let what = name::local(asked, arn).and_then(|what| what.strip_prefix(kind));
        what.map(str::to_owned).ok_or_else(|| {
            let what = if kind == "archive/" {
                "an archive"
            } else {
                "an event bus"
            };
            invalid(format!(
                "Parameter {parameter} is not valid. Reason: Must contain {what} ARN."
            ))
        })
    };
    let bus = part(&input.destination.arn, "event-bus/", "Destination.Arn")?;
    asked.buses.bus(asked.space(), &bus).map_err(of_bus)?;
    let rules = input.destination.filter_arns.iter().map(|arn| {
        let rule = part(arn, "rule/", "Destination.FilterArns")?;
        let (on, rule) = rule.rsplit_once('/').unwrap_or((DEFAULT, &rule));
        if on == bus {
            return Ok(rule.to_owned());
        }
        Err(invalid(
            "Parameter Destination.FilterArns is not valid. Reason: Rules must be on the bus of the replay.",
        ))
    });
    Ok(NewReplay {
        space: asked.space().clone(),
        name: input.replay_name,
        description: input.description,
        archive: part(&input.event_source_arn, "archive/", "EventSourceArn")?,
        rules: rules.collect::<Result<_, _>>()?,
        bus,
        from: moment(input.event_start_time),
        to: moment(input.event_end_time),
    })
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    replay_name: String,
}

pub(super) async fn cancel(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: Named = asked.call.read()?;
    let cancelled = asked.buses.cancel_replay(asked.space(), &input.replay_name);
    let replay = cancelled.await.map_err(of_bus)?;
    Ok(json!({ "ReplayArn": arn(&replay), "State": state(replay.state) }))
}

pub(super) fn describe(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: Named = asked.call.read()?;
    let replay = asked.buses.replay(asked.space(), &input.replay_name);
    let replay = replay.map_err(of_bus)?;
    let rules = replay.rules.iter().map(|rule| {
        let on = if replay.bus == DEFAULT {
            String::new()
        } else {
            format!("{}/", replay.bus)
        };
        name::arn(&replay.space, &format!("rule/{on}{rule}"))
    });
    let rules: Vec<String> = rules.collect();
    let mut printed = print(&replay);
    printed["ReplayArn"] = arn(&replay).into();
    printed["Description"] = replay.description.clone().into();
    printed["Destination"] = json!({
        "Arn": name::bus_arn(&replay.space, &replay.bus),
        "FilterArns": rules,
    });
    Ok(without_nulls(printed))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct List {
    #[serde(default)]
    name_prefix: String,
    state: Option<String>,
    event_source_arn: Option<String>,
    #[serde(flatten)]
    page: page::Asked,
}

pub(super) fn list(mut asked: Asked<'_>) -> Result<Value, Fault> {
    page::one_filter(&asked.call)?;
    let input: List = asked.call.read()?;
    let mut all = asked.buses.replays(asked.space()).map_err(of_bus)?;
    all.retain(|replay| {
        let is = |wanted: &Option<String>, given: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == given)
        };
        replay.name.starts_with(&input.name_prefix)
            && is(&input.state, state(replay.state))
            && is(&input.event_source_arn, &archive_arn(replay))
    });
    let (replays, next) = input.page.page(all, |replay| &replay.name)?;
    let replays = replays.iter().map(|replay| without_nulls(print(replay)));
    Ok(without_nulls(json!({
        "Replays": replays.collect::<Vec<_>>(),
        "NextToken": next,
    })))
}

fn print(replay: &Replay) -> Value {
    json!({
        "ReplayName": replay.name,
        "EventSourceArn": archive_arn(replay),
        "State": state(replay.state),
        "EventStartTime": seconds(replay.from),
        "EventEndTime": seconds(replay.to),
        "EventLastReplayedTime": replay.last.map(seconds),
        "ReplayStartTime": seconds(replay.began),
        "ReplayEndTime": replay.ended.map(seconds),
    })
}

fn arn(replay: &Replay) -> String {
    name::arn(&replay.space, &format!("replay/{}", replay.name))
}

fn archive_arn(replay: &Replay) -> String {
    name::arn(&replay.space, &format!("archive/{}", replay.archive))
}

fn state(state: ReplayState) -> &'static str {
    match state {
        ReplayState::Starting => "STARTING",
        ReplayState::Running => "RUNNING",
        ReplayState::Cancelling => "CANCELLING",
        ReplayState::Completed => "COMPLETED",
        ReplayState::Cancelled => "CANCELLED",
        ReplayState::Failed => "FAILED",
    }
}
