//! Reading lines.

use std::str::FromStr;

use base::Timestamp;
use ledger::{Group, Ledger, Logged};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::{invalid, no_stream, of};
use super::{Asked, group, pattern, without_nulls};
use crate::protocol::Fault;

/// What one answer has at most, in lines and in bytes.
const MOST: usize = 10_000;
const LARGEST: usize = 1 << 20;

/// Where a line is among those of its group, in the order in which lines are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct At {
    at: Timestamp,
    commit: u64,
    index: u32,
    line: u32,
}

impl At {
    pub(super) fn of(logged: &Logged) -> Self {
        Self {
            at: logged.line.at,
            commit: logged.position.commit(),
            index: logged.position.index(),
            line: logged.index,
        }
    }
}

/// As ids of events are: digits.
impl std::fmt::Display for At {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (at, commit) = (self.at.as_micros(), self.commit);
        write!(f, "{at:020}{commit:020}{:08}{:08}", self.index, self.line)
    }
}

impl FromStr for At {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        fn part<T: FromStr>(text: &str, from: usize, to: usize) -> Result<T, ()> {
            text.get(from..to)
                .and_then(|part| part.parse().ok())
                .ok_or(())
        }
        if text.len() != 56 {
            return Err(());
        }
        Ok(Self {
            at: Timestamp::from_micros(part(text, 0, 20)?),
            commit: part(text, 20, 40)?,
            index: part(text, 40, 48)?,
            line: part(text, 48, 56)?,
        })
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Get {
    log_group_name: Option<String>,
    log_group_identifier: Option<String>,
    log_stream_name: String,
    start_time: Option<u64>,
    end_time: Option<u64>,
    next_token: Option<String>,
    limit: Option<usize>,
    #[serde(default)]
    start_from_head: bool,
}

/// Which part of a stream is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    First,
    Last,
    After(At),
    Before(At),
    /// What was before the first line of a stream that had none.
    Nothing,
}

pub(super) async fn get(mut asked: Asked<'_>) -> Result<Value, Fault> {
    asked.call.only(&[
        "logGroupName",
        "logGroupIdentifier",
        "logStreamName",
        "startTime",
        "endTime",
        "nextToken",
        "limit",
        "startFromHead",
    ])?;
    let input: Get = asked.call.read()?;
    let part = part(input.next_token.as_deref(), input.start_from_head)?;
    let group = group::find(&asked, input.log_group_name, input.log_group_identifier)?;
    let stream = input.log_stream_name;
    // `endTime` itself is left out here, and not when lines are filtered.
    let last = input.end_time.map(|end| end.saturating_sub(1));
    let span = span(&asked, &group, input.start_time, last)?;
    let of_stream = stream.clone();
    let wanted = move |logged: &Logged| logged.stream == of_stream;
    let lines = find(asked.ledger, &group, span, wanted).await?;
    if lines.is_empty() && !asked.ledger.has_stream(&group, &stream).map_err(of)? {
        return Err(no_stream());
    }
    let (lines, backward, forward) = cut(lines, part, input.limit.unwrap_or(MOST).min(MOST));
    let events = lines.iter().map(|(_, logged)| {
        json!({
            "timestamp": logged.line.at.as_millis(),
            "message": logged.line.text,
            "ingestionTime": logged.line.at.as_millis(),
        })
    });
    Ok(json!({
        "events": events.collect::<Vec<_>>(),
        "nextBackwardToken": backward,
        "nextForwardToken": forward,
    }))
}

fn part(token: Option<&str>, from_head: bool) -> Result<Part, Fault> {
    let Some(token) = token else {
        return Ok(if from_head { Part::First } else { Part::Last });
    };
    let read = |at: &str| at.parse().ok();
    let part = match token.split_once('/') {
        Some(("f", "")) => Some(Part::First),
        Some(("b", "")) => Some(Part::Nothing),
        Some(("f", at)) => read(at).map(Part::After),
        Some(("b", at)) => read(at).map(Part::Before),
        _ => None,
    };
    part.ok_or_else(|| invalid("The specified nextToken is invalid."))
}

/// The part, and what leads on from both of its ends. At an end the token is the one that led there.
fn cut(
    mut lines: Vec<(At, Logged)>,
    part: Part,
    limit: usize,
) -> (Vec<(At, Logged)>, String, String) {
    let (from_end, at) = match part {
        Part::First => (false, None),
        Part::Last => (true, None),
        Part::After(at) => {
            lines.retain(|(one, _)| *one > at);
            (false, Some(at))
        }
        Part::Before(at) => {
            lines.retain(|(one, _)| *one < at);
            (true, Some(at))
        }
        Part::Nothing => {
            lines.clear();
            (true, None)
        }
    };
    if from_end {
        let kept = fitting(lines.iter().rev(), limit);
        lines.drain(..lines.len() - kept);
    } else {
        lines.truncate(fitting(lines.iter(), limit));
    }
    let token = |kind: char, one: Option<At>| {
        let at = one.or(at).map(|at| at.to_string());
        format!("{kind}/{}", at.unwrap_or_default())
    };
    let backward = token('b', lines.first().map(|(at, _)| *at));
    let forward = token('f', lines.last().map(|(at, _)| *at));
    (lines, backward, forward)
}

/// How many of them one answer has; one that alone is too large is told alone.
fn fitting<'a>(lines: impl Iterator<Item = &'a (At, Logged)>, limit: usize) -> usize {
    let mut bytes = 0;
    let fitting = lines.take(limit).take_while(|(_, logged)| {
        let is_first = bytes == 0;
        bytes += logged.line.text.len();
        is_first || bytes <= LARGEST
    });
    fitting.count()
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    log_group_name: Option<String>,
    log_group_identifier: Option<String>,
    #[serde(default)]
    log_stream_names: Vec<String>,
    log_stream_name_prefix: Option<String>,
    start_time: Option<u64>,
    end_time: Option<u64>,
    #[serde(default)]
    filter_pattern: String,
    next_token: Option<String>,
    limit: Option<usize>,
}

pub(super) async fn filter(mut asked: Asked<'_>) -> Result<Value, Fault> {
    asked.call.only(&[
        "logGroupName",
        "logGroupIdentifier",
        "logStreamNames",
        "logStreamNamePrefix",
        "startTime",
        "endTime",
        "filterPattern",
        "nextToken",
        "limit",
        // They always are.
        "interleaved",
    ])?;
    let input: Filter = asked.call.read()?;
    if input.log_stream_name_prefix.is_some() && !input.log_stream_names.is_empty() {
        return Err(invalid(
            "LogStream name prefix and LogStream names are mutually exclusive parameters.",
        ));
    }
    let pattern = pattern(&input.filter_pattern)?;
    let after: Option<At> = match &input.next_token {
        None => None,
        Some(token) => {
            let at = token.parse();
            Some(at.map_err(|()| invalid("The specified nextToken is invalid."))?)
        }
    };
    let group = group::find(&asked, input.log_group_name, input.log_group_identifier)?;
    for stream in &input.log_stream_names {
        if !asked.ledger.has_stream(&group, stream).map_err(of)? {
            return Err(no_stream());
        }
    }
    let span = span(&asked, &group, input.start_time, input.end_time)?;
    let (names, prefix) = (input.log_stream_names, input.log_stream_name_prefix);
    let wanted = move |logged: &Logged| {
        let prefix = prefix.as_deref().unwrap_or_default();
        (names.is_empty() || names.contains(&logged.stream))
            && logged.stream.starts_with(prefix)
            && after.is_none_or(|after| At::of(logged) > after)
            && pattern.matches(&logged.line.text)
    };
    let mut lines = find(asked.ledger, &group, span, wanted).await?;
    let count = fitting(lines.iter(), input.limit.unwrap_or(MOST).min(MOST));
    let more = count < lines.len();
    lines.truncate(count);
    let next = lines.last().filter(|_| more).map(|(at, _)| at.to_string());
    let events = lines.iter().map(|(at, logged)| {
        json!({
            "logStreamName": logged.stream,
            "timestamp": logged.line.at.as_millis(),
            "message": logged.line.text,
            "ingestionTime": logged.line.at.as_millis(),
            "eventId": at.to_string(),
        })
    });
    Ok(without_nulls(json!({
        "events": events.collect::<Vec<_>>(),
        "searchedLogStreams": [],
        "nextToken": next,
    })))
}

/// From and to when, inclusive, in milliseconds.
fn span(
    asked: &Asked<'_>,
    group: &Group,
    start: Option<u64>,
    end: Option<u64>,
) -> Result<(u64, u64), Fault> {
    let kept = asked.ledger.settings(group).map_err(of)?.since(asked.now);
    let kept = kept.map_or(0, Timestamp::as_millis);
    Ok((start.unwrap_or(0).max(kept), end.unwrap_or(u64::MAX)))
}

/// The lines that are wanted, in the order of their times and then of their coming.
async fn find(
    ledger: &Ledger,
    group: &Group,
    (from, to): (u64, u64),
    wanted: impl Fn(&Logged) -> bool + Send + 'static,
) -> Result<Vec<(At, Logged)>, Fault> {
    let (ledger, group) = (ledger.clone(), group.clone());
    aside(move || {
        let mut found = Vec::new();
        ledger.each_line(&group, |logged| {
            let at = logged.line.at.as_millis();
            if (from..=to).contains(&at) && wanted(&logged) {
                found.push((At::of(&logged), logged));
            }
        })?;
        found.sort_by_key(|(at, _)| *at);
        Ok(found)
    })
    .await
}

/// A look at all that a group holds takes too long for others to wait for it.
pub(super) async fn aside<T: Send + 'static>(
    look: impl FnOnce() -> ledger::Result<T> + Send + 'static,
) -> Result<T, Fault> {
    let looked = tokio::task::spawn_blocking(look).await;
    looked
        .map_err(|cause| {
            tracing::error!(%cause, "a look at log lines broke off");
            Fault::internal("ServiceUnavailableException")
        })?
        .map_err(of)
}

#[cfg(test)]
mod tests {
    use base::Space;
    use ledger::Line;

    use super::*;

    fn lines(count: u64) -> Vec<(At, Logged)> {
        let line = |n| {
            let logged = Logged {
                position: store::Position::new(n, 0),
                group: Group {
                    space: Space::new("here"),
                    name: "g".into(),
                },
                stream: "s".into(),
                function: "f".into(),
                line: Line {
                    at: Timestamp::from_millis(n),
                    text: n.to_string(),
                },
                index: 3,
            };
            (At::of(&logged), logged)
        };
        (1..=count).map(line).collect()
    }

    fn told(lines: &[(At, Logged)]) -> Vec<u64> {
        lines.iter().map(|(at, _)| at.at.as_millis()).collect()
    }

    #[test]
    fn tokens_lead_forward_and_back_until_they_lead_to_themselves() {
        let all = lines(7);
        let (last, backward, forward) = cut(all.clone(), Part::Last, 3);
        assert_eq!(told(&last), [5, 6, 7]);
        let back = part(Some(&backward), false).unwrap();
        let (earlier, backward, again) = cut(all.clone(), back, 3);
        assert_eq!(told(&earlier), [2, 3, 4]);
        let on = part(Some(&again), false).unwrap();
        assert_eq!(told(&cut(all.clone(), on, 3).0), [5, 6, 7]);
        let back = part(Some(&backward), false).unwrap();
        let (first, backward, _) = cut(all.clone(), back, 3);
        assert_eq!(told(&first), [1]);
        let back = part(Some(&backward), false).unwrap();
        let (none, same, _) = cut(all.clone(), back, 3);
        assert!(none.is_empty() && same == backward);
        let on = part(Some(&forward), false).unwrap();
        let (none, _, same) = cut(all, on, 3);
        assert!(none.is_empty() && same == forward);
    }

    #[test]
    fn behind_an_empty_stream_come_its_first_lines() {
        let (none, backward, forward) = cut(Vec::new(), Part::Last, 3);
        assert!(none.is_empty());
        let on = part(Some(&forward), false).unwrap();
        assert_eq!(told(&cut(lines(4), on, 3).0), [1, 2, 3]);
        let back = part(Some(&backward), false).unwrap();
        assert!(cut(lines(4), back, 3).0.is_empty());
        for bad in ["", "f", "f/1", "x/1", &format!("f/{}", "9".repeat(56))] {
            assert!(part(Some(bad), true).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_answer_has_no_more_than_a_megabyte_but_always_a_line() {
        let mut all = lines(4);
        all[0].1.line.text = "x".repeat(2 * LARGEST);
        assert_eq!(fitting(all.iter(), 9), 1);
        assert_eq!(fitting(all.iter().rev(), 9), 3);
        assert_eq!(fitting(all.iter().rev(), 2), 2);
    }
}
