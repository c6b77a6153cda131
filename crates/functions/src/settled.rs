//! How asynchronous calls ended, for those of whom it is told somewhere. It is in a log from the moment that the call is
//! settled; sending it on is others' business.

use base::{Space, Timestamp};
use bytes::Bytes;
use ledger::Settlement;
use serde::{Deserialize, Serialize};
use store::{Log, Position, Read, Record};

use crate::backlog::Attempt;
use crate::call::Ran;
use crate::schema::{Function, Job};
use crate::{Functions, Result};

/// A call that is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    pub request_id: String,
    pub space: Space,
    pub function: String,
    pub qualifier: Option<String>,
    /// The version that was called last.
    pub version: Option<u64>,
    pub settlement: Settlement,
    pub at: Timestamp,
    /// How often the function ran.
    pub runs: u32,
    /// What it was called with.
    pub payload: Bytes,
    /// What it answered, if it ran the last time that it should.
    pub answer: Option<Answered>,
    /// Where that is told, as its owner named it.
    pub tell: Option<String>,
    /// Where the payload is kept because the call failed, as its owner named it.
    pub keep: Option<String>,
    pub trace: Option<String>,
}

impl Record for Settled {}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    pub payload: Bytes,
    /// None if it succeeded.
    pub failed: Option<ledger::Failure>,
}

/// An entry of the log.
#[derive(Clone, Debug)]
pub struct LoggedSettled {
    pub position: Position,
    /// A body may be damaged, or written by a newer version.
    pub settled: store::Result<Settled>,
    pub body: Bytes,
}

pub(crate) fn log() -> Log {
    Log::new("functions/settled")
}

impl Functions {
    /// Where it stands how calls ended, in the order of their commits.
    pub fn settled_log(&self) -> Log {
        log()
    }

    /// Up to `limit` entries after `cursor`.
    pub fn settled(
        &self,
        from: &impl Read,
        cursor: Position,
        limit: usize,
    ) -> Result<Vec<LoggedSettled>> {
        let entries = log().read(from, cursor, limit)?;
        let logged = entries.into_iter().map(|entry| LoggedSettled {
            position: entry.position,
            settled: Settled::decode(&entry.body),
            body: entry.body,
        });
        Ok(logged.collect())
    }

    /// What is to be told of a call that is over; none if nobody wants to know.
    pub(crate) fn to_tell(
        &self,
        function: &Function,
        job: &Job,
        settlement: Settlement,
        runs: u32,
        ran: Option<&Ran>,
    ) -> Option<Settled> {
        let succeeded = settlement == Settlement::Success;
        let settings = &function.asynchronous;
        let (tell, keep) = match succeeded {
            true => (&settings.on_success, &None),
            false => (&settings.on_failure, &function.configuration.dead_letters),
        };
        if tell.is_none() && keep.is_none() {
            return None;
        }
        let dialect = self.shared.dialects.of(&job.space);
        Some(Settled {
            request_id: job.request_id.clone(),
            space: job.space.clone(),
            function: job.function.clone(),
            qualifier: job.qualifier.clone(),
            version: function.version,
            settlement,
            at: self.shared.clock.now(),
            runs,
            payload: dialect.render(&job.event),
            answer: ran.map(answered),
            tell: tell.clone(),
            keep: keep.clone(),
            trace: job.trace.clone(),
        })
    }
}

fn answered(ran: &Ran) -> Answered {
    match &ran.outcome.result {
        Ok(payload) => Answered {
            payload: payload.clone(),
            failed: None,
        },
        Err(failed) => Answered {
            payload: failed.payload.clone(),
            failed: Some(ledger::Failure {
                kind: failed.kind.clone(),
                message: failed.message.clone(),
            }),
        },
    }
}

/// How often the function has run, with this attempt.
pub(crate) fn runs(failures: u32, attempt: Attempt) -> u32 {
    match attempt {
        Attempt::Succeeded | Attempt::Failed => failures + 1,
        Attempt::Refused | Attempt::SwitchedOff | Attempt::Looping => failures,
    }
}
