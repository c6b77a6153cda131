//! What differs between the clouds about running a function. A face implements this once.

use std::time::Duration;

use base::Timestamp;
use bytes::Bytes;
use ledger::Phases;

use crate::event::Event;
use crate::extension::{Broken, Kind};
use crate::schema::Function;

/// How one cloud speaks with its functions.
pub trait Dialect: Send + Sync {
    /// Where the function's lines go, unless its configuration says otherwise.
    fn log_group(&self, function: &Function) -> String;

    /// Where one instance's lines go; `unique` is different for each instance.
    fn log_stream(&self, started: Timestamp, version: Option<u64>, unique: u128) -> String;

    /// The environment that the platform gives an instance, before the function's own.
    fn environment(&self, instance: &InstanceFacts<'_>) -> Vec<(String, String)>;

    /// The platform's line at the very beginning of an instance's log, if this cloud has one; `runs_on` is the version of
    /// the host's program for its runtime, if that is the host's.
    fn first_line(
        &self,
        _now: Timestamp,
        _instance: &InstanceFacts<'_>,
        _runs_on: Option<&str>,
    ) -> Option<String> {
        None
    }

    /// What the handler gets.
    fn render(&self, event: &Event) -> Bytes;

    /// The full name of what was called.
    fn invoked_name(&self, function: &Function, qualifier: Option<&str>) -> String;

    /// A new trace's header.
    fn trace(&self, now: Timestamp, chance: [u8; 20]) -> String;

    /// The trace to be handed to the function that is called in the one that is given, or that the chain of calls has come
    /// by this function too often.
    fn follow(&self, trace: Option<&str>, _function: &Function) -> Result<Option<String>, Looping> {
        Ok(trace.map(str::to_owned))
    }

    /// How an invocation that ended without the handler's own answer is told to its caller.
    fn fault(&self, request_id: &str, fault: &Fault) -> Failed;

    /// Reads what a runtime said about a failure; `kind` is what it said beside the payload.
    fn reported(&self, payload: Bytes, kind: Option<&str>) -> Failed;

    /// The platform's own lines around an invocation, none if this cloud or the function's configuration has none.
    fn log_lines(&self, call: &CallFacts<'_>, moment: &Moment<'_>) -> Vec<String>;

    /// What happens around a function, as those hear of it that have subscribed: one JSON value. None in a cloud where
    /// nobody can.
    fn telemetry(&self, _at: Timestamp, _what: &Happening<'_>) -> Option<String> {
        None
    }

    /// The account that a function belongs to, as it is told to what runs beside it.
    fn account(&self, _function: &Function) -> String {
        String::new()
    }

    /// How a version is named.
    fn version_name(&self, version: Option<u64>) -> String {
        version.map(|number| number.to_string()).unwrap_or_default()
    }

    /// How many calls an instance may be given at once, where that is more than one after the other as they are asked for.
    fn at_once(&self, _function: &Function) -> Option<u32> {
        None
    }

    /// What is charged for one attempt, in whole milliseconds.
    fn billed_ms(&self, phases: &Phases) -> u64;
}

/// A chain of calls that goes round and round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Looping;

/// An instance that is about to start.
#[derive(Clone, Copy, Debug)]
pub struct InstanceFacts<'a> {
    pub function: &'a Function,
    pub version: Option<u64>,
    pub log_group: &'a str,
    pub log_stream: &'a str,
    pub initialization: Initialization,
    /// Its like could not be initialised: this is in the call's own time.
    pub again: bool,
}

/// Why an instance is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Initialization {
    /// An invocation waits for it.
    OnDemand,
    /// It is to be at hand before one comes.
    Provisioned,
    /// An invocation waits for it, and its code is told of snapshots.
    Snapshot,
}

/// An invocation.
#[derive(Clone, Copy, Debug)]
pub struct CallFacts<'a> {
    pub function: &'a Function,
    pub version: Option<u64>,
    pub request_id: &'a str,
    pub now: Timestamp,
}

/// A point in an invocation at which the platform may print.
#[derive(Debug)]
pub enum Moment<'a> {
    Start,
    /// Starting an instance failed; the first time, it is tried once more.
    InitFailed {
        again: bool,
        took: Duration,
        failed: &'a Failed,
        timed_out: bool,
    },
    /// The invocation ends without the handler's own answer.
    Fault(&'a Failed, &'a Fault),
    End,
    Report(Report<'a>),
}

/// Something that happens around a function.
#[derive(Clone, Copy, Debug)]
pub enum Happening<'a> {
    InitStart {
        instance: InstanceFacts<'a>,
        /// The version of the host's program for its runtime, if that is the host's.
        runs_on: Option<&'a str>,
    },
    /// The function is ready for its first call, or is not, for this kind of reason.
    InitDone {
        /// In the call's own time.
        again: bool,
        initialization: Initialization,
        failed: Option<&'a str>,
    },
    InitReport {
        /// In the call's own time.
        again: bool,
        initialization: Initialization,
        failed: Option<&'a str>,
        timed_out: bool,
        took: Duration,
    },
    Start {
        request_id: &'a str,
        version: Option<u64>,
        trace: Option<&'a str>,
    },
    /// The function has answered; what runs beside it may go on.
    RuntimeDone {
        request_id: &'a str,
        took: Duration,
        /// How long its answer is, where that is told.
        bytes: Option<u64>,
        ended: Ended<'a>,
    },
    Report {
        request_id: &'a str,
        report: Report<'a>,
    },
    Registered {
        name: &'a str,
        events: &'a [String],
    },
    Subscribed {
        name: &'a str,
        kinds: &'a [Kind],
        /// In the older form.
        is_logs: bool,
    },
    Printed {
        kind: Kind,
        text: &'a str,
    },
    /// A subscriber did not take so much in time.
    Dropped {
        records: u64,
        bytes: u64,
    },
}

#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    pub phases: &'a Phases,
    pub billed_ms: u64,
    pub memory_mb: u32,
    pub max_memory_mb: Option<u32>,
    pub ended: Ended<'a>,
}

#[derive(Clone, Copy, Debug)]
pub enum Ended<'a> {
    Ok,
    Failed(&'a Failed),
    /// The runtime said so before the handler could be called.
    Unready(&'a Failed),
    TimedOut,
    Crashed(&'a Failed, &'a Fault),
}

/// How an attempt ended without the handler's own answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    TimedOut(Duration),
    /// The code has nothing that could be started, for this reason.
    NoEntrypoint(String),
    Exited(Exit),
    /// It went on running but spoke no more, or not in words that we know.
    BrokeOff,
    ResponseTooLarge {
        size: u64,
        limit: u64,
    },
    /// What runs beside it cannot go on.
    Extension(Broken),
    /// The server stopped.
    Stopped,
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    Code(i32),
    Signal(i32),
    /// It wanted more memory than it may have.
    OutOfMemory,
    /// It never began, for this reason.
    NotStarted(String),
}

/// A failure in the words of the cloud.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    pub kind: String,
    pub message: String,
    /// What the caller gets.
    pub payload: Bytes,
}
