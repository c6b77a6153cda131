//! Tables copied to a bucket and from one, to a backup and from one.
//!
//! Neither engine knows the other, and what a copy in a bucket looks like is this service's own: so it is made here, in
//! the face, by a worker that knows both. What was asked, and what became of it, is kept by the tables' engine in its own
//! transactions, in this face's words, which is why a copy outlives the process: one that was under way is begun anew.
//! No direction minds but one: an export writes under a name of its own and its summary last, an import and a restore put
//! the same items again, a backup removes what it has of the copy first. A table that was to be as another one was at a
//! moment is gone again, because nobody knows that moment any more.

mod backup;
mod csv;
mod export;
mod import;
mod lines;
mod load;
mod overrides;
mod recover;
mod restore;
mod save;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Random, Space, Timestamp};
use objects::Objects;
use parking_lot::Mutex;
use serde_json::{Value as Json, json};
use tables::{Direction, Frozen, State, Tables, Transfer};
use tokio_util::sync::CancellationToken;

use super::error::fault;
use super::{Asked, table};
use crate::moment::seconds;
use crate::protocol::Fault;

pub(super) use backup::{
    create as create_backup, delete as delete_backup, describe as describe_backup,
    list as list_backups,
};
pub(super) use export::{describe as describe_export, export, list as list_exports};
pub(super) use import::{describe as describe_import, import, list as list_imports};
pub(super) use recover::recover;
pub(super) use restore::restore;

/// Copies made at once.
const AT_ONCE: usize = 4;
/// Should the bell be missed, or a copy not be kept because the store was in trouble.
const EVERY: Duration = Duration::from_secs(60);

/// What makes copies. Clones share it.
#[derive(Clone)]
pub(crate) struct Transfers {
    tables: Tables,
    objects: Objects,
    clock: Arc<dyn Clock>,
    random: Random,
    /// Tables as they were when their export or backup was asked for. After a restart there is none, and the table is
    /// copied as it then is, which the copy's description tells.
    frozen: Arc<Mutex<BTreeMap<String, Frozen>>>,
}

/// Why a copy failed, as its description tells it.
#[derive(Debug)]
struct Failure {
    code: &'static str,
    message: String,
}

impl Transfers {
    pub(crate) fn new(
        tables: Tables,
        objects: Objects,
        clock: Arc<dyn Clock>,
        random: Random,
    ) -> Self {
        Self {
            tables,
            objects,
            clock,
            random,
            frozen: Arc::default(),
        }
    }

    /// Makes what is asked for, until told to stop.
    pub(crate) async fn run(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.make_all() => {}
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.tables.transfers_asked() => {}
                () = self.clock.host().sleep(EVERY) => {}
            }
        }
    }

    /// Makes everything that is to be made.
    pub(super) async fn make_all(&self) {
        loop {
            let unfinished = match self.tables.unfinished(AT_ONCE) {
                Ok(unfinished) if unfinished.is_empty() => return,
                Ok(unfinished) => unfinished,
                Err(cause) => {
                    tracing::warn!(%cause, "copies of tables are not made");
                    return;
                }
            };
            let made = unfinished
                .into_iter()
                .map(|(space, transfer)| self.make(space, transfer));
            if !futures_util::future::join_all(made)
                .await
                .into_iter()
                .all(|kept| kept)
            {
                return;
            }
        }
    }

    /// Makes one and keeps how it ended; says whether that was kept.
    async fn make(&self, space: Space, mut transfer: Transfer) -> bool {
        let made = match transfer.direction {
            Direction::Out => self.save(&space, &mut transfer).await,
            Direction::In => self.load(&space, &mut transfer).await,
            Direction::Aside => self.set_aside(&space, &mut transfer).await,
            Direction::Back => {
                let made = self.tables.bring_back(&space, &mut transfer).await;
                made.map_err(Failure::from)
            }
            Direction::Over => self.bring_over(&space, &mut transfer).await,
        };
        let state = match made {
            Ok(()) => State::Done,
            Err(Failure { code, message }) => State::Failed {
                code: code.into(),
                message,
            },
        };
        transfer.end(state, self.clock.now());
        let kept = self.tables.keep_transfer(&space, &transfer).await;
        if let Err(cause) = &kept {
            tracing::warn!(%cause, id = transfer.id, "how a copy of a table ended was not kept");
        }
        kept.is_ok()
    }

    /// The table as it was when this was asked, if it is still known.
    fn frozen(&self, space: &Space, transfer: &Transfer) -> Result<Frozen, Failure> {
        let frozen = self.frozen.lock().remove(&transfer.id);
        match frozen {
            Some(frozen) => Ok(frozen),
            None => Ok(self.tables.freeze(space, &transfer.table)?),
        }
    }

    /// Keeps that a frozen table is to be copied, and the table until that is done.
    async fn begin(
        &self,
        space: &Space,
        transfer: &Transfer,
        frozen: Frozen,
    ) -> tables::Result<Transfer> {
        let begun = self.tables.begin_transfer(space, transfer);
        self.hold(&transfer.id, frozen, begun).await
    }

    async fn hold(
        &self,
        id: &str,
        frozen: Frozen,
        begun: impl Future<Output = tables::Result<Transfer>>,
    ) -> tables::Result<Transfer> {
        // Before anybody can begin with it.
        self.frozen.lock().insert(id.to_owned(), frozen);
        let begun = begun.await;
        if begun.as_ref().map_or(true, |begun| begun.id != *id) {
            self.frozen.lock().remove(id);
        }
        begun
    }

    /// As if the server had been started anew.
    #[cfg(test)]
    pub(super) fn lose(&self) {
        self.frozen.lock().clear();
    }

    /// The time in milliseconds and something that nobody guesses: ids sort by when they were made.
    fn id(&self) -> String {
        let millis = self.clock.now().as_micros() / 1_000;
        let [a, b, c, d]: [u8; 4] = self.random.bytes();
        format!("{millis:014}-{:08x}", u32::from_be_bytes([a, b, c, d]))
    }
}

impl std::fmt::Debug for Transfers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Transfers")
    }
}

impl Failure {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }
}

impl From<objects::Error> for Failure {
    fn from(error: objects::Error) -> Self {
        match error {
            objects::Error::NoSuchBucket(_) => {
                Self::new("S3NoSuchBucket", "The specified bucket does not exist")
            }
            objects::Error::NoSuchKey { .. } | objects::Error::Deleted { .. } => {
                Self::new("S3NoSuchKey", "The specified key does not exist.")
            }
            error => {
                tracing::error!(%error, "a copy of a table failed");
                Self::new("UNKNOWN", "An internal error occurred")
            }
        }
    }
}

impl From<tables::Error> for Failure {
    fn from(error: tables::Error) -> Self {
        match error {
            tables::Error::NoSuchTable(name) => {
                Self::new("TableNotFound", format!("Table not found: {name}"))
            }
            error => {
                tracing::error!(%error, "a copy of a table failed");
                Self::new("UNKNOWN", "An internal error occurred")
            }
        }
    }
}

/// A moment as manifests have it.
fn iso(at: Timestamp) -> String {
    let micros = i64::try_from(at.as_micros()).unwrap_or(i64::MAX);
    let at = jiff::Timestamp::from_microsecond(micros).unwrap_or(jiff::Timestamp::MAX);
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// The copy that an ARN names: after its table's, the path and the id.
fn named(
    asked: &Asked<'_>,
    direction: Direction,
    path: &str,
    arn: &str,
) -> Result<Option<Transfer>, Fault> {
    let Some((table, id)) = arn.split_once(path) else {
        return Ok(None);
    };
    check_account(asked, arn)?;
    let found = asked.tables.transfer(asked.space(), direction, id);
    let found = found.map_err(fault)?;
    Ok(found.filter(|found| table::arn(asked.context, &found.table) == table))
}

/// A token stands for another copy of that kind that is to be made.
fn conflict(kind: &str) -> Fault {
    let message =
        format!("{kind} conflict: Duplicate request detected with conflicting parameters");
    Fault::new(format!("{kind}ConflictException"), message)
}

/// Only a table for which that is wanted is copied as it was at a moment.
fn check_recoverable(frozen: &Frozen) -> Result<(), Fault> {
    if frozen.description.settings.recovery.is_some() {
        return Ok(());
    }
    let name = &frozen.description.table.name;
    Err(Fault::new(
        "PointInTimeRecoveryUnavailableException",
        format!("Point in time recovery is not enabled for table '{name}'"),
    ))
}

/// What an ARN names must be this account's.
fn check_account(asked: &Asked<'_>, arn: &str) -> Result<(), Fault> {
    match arn.split(':').nth(4) == Some(&asked.context.account) {
        true => Ok(()),
        false => Err(Fault::new("AccessDeniedException", "Access is denied")),
    }
}

/// What every description tells of what became of a copy.
fn outcome(printed: &mut Json, status: &str, transfer: &Transfer) {
    printed[status] = export::status(&transfer.state).into();
    printed["StartTime"] = seconds(transfer.started).into();
    printed["TableId"] = transfer.table_id.to_string().into();
    if let Some(ended) = transfer.ended {
        printed["EndTime"] = seconds(ended).into();
    }
    if let Some(token) = &transfer.token {
        printed["ClientToken"] = token.as_str().into();
    }
    if let State::Failed { code, message } = &transfer.state {
        printed["FailureCode"] = code.as_str().into();
        printed["FailureMessage"] = message.as_str().into();
    }
}

/// Summaries of copies, the latest first, and where the next ones begin.
struct Listed {
    summaries: Vec<Json>,
    next: Option<String>,
}

impl Listed {
    fn printed(self, name: &str) -> Json {
        let mut printed = json!({ name: self.summaries });
        if let Some(next) = self.next {
            printed["NextToken"] = next.into();
        }
        printed
    }
}

/// How many copies are looked through for those of one table.
const LOOKED_THROUGH: usize = 1_000;
/// A page unless the caller wants another, and the largest.
const PAGE: u64 = 10;
const LARGEST_PAGE: u64 = 25;

fn list(
    asked: &mut Asked<'_>,
    direction: Direction,
    most: &str,
    summary: impl Fn(&Transfer) -> Json,
) -> Result<Listed, Fault> {
    let text = |name: &str| asked.call.input.get(name).and_then(Json::as_str);
    let most = asked.call.input.get(most).and_then(Json::as_u64);
    let most = usize::try_from(most.unwrap_or(PAGE).min(LARGEST_PAGE)).unwrap_or(usize::MAX);
    let of = match text("TableArn") {
        Some(arn) => Some(table::name(asked.context, arn)?.to_owned()),
        None => None,
    };
    // Exports are listed of the table that there is, not of another that had its name; imports are not of one.
    let table = of.as_ref().filter(|_| direction == Direction::Out);
    let table = table.map(|of| {
        asked
            .tables
            .table(asked.space(), of)
            .map(|table| table.id)
            .ok()
    });
    let before = text("NextToken");
    if let Some(token) = before.filter(|token| !is_id(token)) {
        return Err(Fault::validation(format!(
            "Invalid Request: Provided nextToken is invalid: {token}"
        )));
    }
    let found = asked
        .tables
        .transfers(asked.space(), direction, before, LOOKED_THROUGH);
    let found = found.map_err(fault)?;
    let found = found
        .iter()
        .filter(|found| of.as_ref().is_none_or(|of| *of == found.table))
        .filter(|found| table.is_none_or(|id| id == Some(found.table_id)));
    let (page, more) = first(found, most);
    let last = page.last().filter(|_| more);
    Ok(Listed {
        next: last.map(|last| last.id.clone()),
        summaries: page.into_iter().map(summary).collect(),
    })
}

/// Whether it could be an id of a copy's.
fn is_id(text: &str) -> bool {
    let digits = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let parts = text.split_once('-');
    parts.is_some_and(|(millis, rest)| digits(millis, 14) && digits(rest, 8))
}

/// As many as there may be in a page, and whether there are more.
fn first<'a>(
    mut found: impl Iterator<Item = &'a Transfer>,
    most: usize,
) -> (Vec<&'a Transfer>, bool) {
    let page = found.by_ref().take(most).collect();
    (page, found.next().is_some())
}
