//! What functions print.

use bytes::Bytes;
use functions::Function;
use futures_util::{Stream, StreamExt, stream};
use http::{HeaderValue, header};
use ledger::{Filter, Follow, Logged};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use wire::{BodyError, Response};

use crate::query::Query;
use crate::{Parts, Problem, name, shown};

const USUAL: usize = 1_000;
const MOST: usize = 100_000;

/// One thing that was printed; it may hold line breaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub at: String,
    pub function: String,
    pub group: String,
    pub stream: String,
    pub text: String,
}

impl From<Logged> for Line {
    fn from(logged: Logged) -> Self {
        Self {
            at: shown(logged.line.at),
            function: logged.function,
            group: logged.group.name,
            stream: logged.stream,
            text: logged.line.text,
        }
    }
}

pub(crate) async fn get(parts: &Parts, query: &Query<'_>) -> Result<Response, Problem> {
    let asked = query.text("function");
    let last = query.parse("last")?.unwrap_or(USUAL).min(MOST);
    let (function, filter) = match asked {
        None => (None, Filter::Everything),
        Some(name) => of_name(parts, &name)?,
    };
    parts.ledger.caught_up().await;
    let (lines, end) = parts.ledger.newest(&filter, last)?;
    let function = function.map(|function| function.name);
    let newest = print(lines, function.as_deref());
    let body = if query.flag("follow")? {
        let follow = parts.ledger.follow(filter, end);
        let rest = following(follow, function, parts.stop.clone());
        wire::stream(stream::iter([Ok(newest)]).chain(rest))
    } else {
        wire::full(newest)
    };
    let mut response = Response::new(body);
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/x-ndjson"),
    );
    Ok(response)
}

/// A log group, or what a function prints. Both may have a slash: functions that are nested in a stack have.
fn of_name(parts: &Parts, name: &str) -> Result<(Option<Function>, Filter), Problem> {
    if name.contains('/') {
        let there = parts.ledger.groups(&parts.space)?;
        let mut there = there.into_iter().map(|facts| facts.group);
        if let Some(group) = there.find(|group| group.name == name) {
            return Ok((None, Filter::Group(group)));
        }
    }
    if name.starts_with('/') {
        let message = format!("nothing was written to a log group {name}");
        return Err(Problem::missing(message));
    }
    let function = name::find(parts, name)?;
    let group = parts.functions.log_group(&function);
    Ok((Some(function), Filter::Group(group)))
}

fn following(
    follow: Follow,
    function: Option<String>,
    stop: CancellationToken,
) -> impl Stream<Item = Result<Bytes, BodyError>> + Send {
    let step = async |(mut follow, function, stop): (Follow, Option<String>, CancellationToken)| {
        let lines = stop.run_until_cancelled(follow.next()).await?;
        let lines = lines
            .map(|lines| print(lines, function.as_deref()))
            .map_err(|error| BodyError::Source(Box::new(error)));
        Some((lines, (follow, function, stop)))
    };
    stream::unfold((follow, function, stop), step)
}

/// Several functions may print to one group.
fn print(lines: Vec<Logged>, function: Option<&str>) -> Bytes {
    let mut text = String::new();
    for logged in lines {
        if function.is_none_or(|name| name == logged.function) {
            let line = Line::from(logged);
            text += &serde_json::to_string(&line).expect("a line is a plain struct");
            text.push('\n');
        }
    }
    text.into()
}
