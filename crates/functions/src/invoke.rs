//! Running a function while the caller waits.

use std::sync::Arc;
use std::time::Duration;

use base::Space;
use bytes::Bytes;
use ledger::Phases;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::call::Call;
use crate::dialect::{Failed, Looping};
use crate::errand::{Errand, Watch};
use crate::event::Event;
use crate::launch::Start;
use crate::schema::Function;
use crate::worker::Streaming;
use crate::{Error, Functions, Result};

/// A call.
#[derive(Clone, Debug)]
pub struct Invoke {
    pub space: Space,
    pub function: String,
    /// A version or an alias; none for the newest code. For whoever has resolved it already, it is only what the handler
    /// is told.
    pub qualifier: Option<String>,
    pub event: Event,
    /// See [`Functions::new_request_id`].
    pub request_id: String,
    /// What caused it, for the record.
    pub trigger: String,
    pub client_context: Option<String>,
    /// The trace that the call belongs to, if it has one already.
    pub trace: Option<String>,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub request_id: String,
    /// The published version that ran; none if it was the newest code.
    pub version: Option<u64>,
    /// The handler's answer, or how it failed.
    pub result: std::result::Result<Bytes, Failed>,
    /// The last 4 KiB of what was printed, if they were wanted.
    pub log_tail: String,
    /// Where the time went.
    pub phases: Phases,
    /// How the instance came to be, if it is new.
    pub start: Option<Start>,
}

impl Functions {
    /// Runs a function and waits for its outcome. A function that fails is an outcome; an error means that it did not
    /// get to run. It runs to its end even if the caller stops waiting.
    pub async fn invoke(&self, invoke: Invoke) -> Result<Outcome> {
        let qualifier = invoke.qualifier.as_deref();
        let function = self.resolve_call(&invoke.space, &invoke.function, qualifier)?;
        self.invoke_resolved(function, invoke, false).await
    }

    /// The same in a task of its own: for whoever waits for many calls at once.
    pub async fn invoke_apart(&self, invoke: Invoke) -> Result<Outcome> {
        let qualifier = invoke.qualifier.as_deref();
        let function = self.resolve_call(&invoke.space, &invoke.function, qualifier)?;
        let errand = self.errand(function, invoke, false);
        errand.answer_of_another().await.ok_or(Error::Stopping)?
    }

    /// The same as [`Functions::invoke`] for whoever has resolved it already, by [`Functions::resolve_call`]. Whoever wants
    /// its log waits until that is whole.
    pub async fn invoke_resolved(
        &self,
        function: Arc<Function>,
        invoke: Invoke,
        with_log: bool,
    ) -> Result<Outcome> {
        let errand = self.errand(function, invoke, with_log);
        errand.answer().await.ok_or(Error::Stopping)?
    }

    fn errand(
        &self,
        function: Arc<Function>,
        invoke: Invoke,
        with_log: bool,
    ) -> Errand<Result<Outcome>> {
        let (answer, answered) = oneshot::channel();
        let functions = self.clone();
        Errand::new(answered, &self.shared.running, |watch| async move {
            let answer = Answer::new(answer, watch);
            functions
                .invoke_and_record(invoke, function, Heard::AtItsEnd { with_log }, answer)
                .await;
        })
    }

    /// Whether a call in this trace would be refused because its chain has come by the function too often.
    pub fn goes_round(&self, function: &Function, trace: &str) -> bool {
        let dialect = self.shared.dialects.of(&function.space);
        dialect.follow(Some(trace), function).is_err()
    }

    pub(crate) async fn invoke_and_record(
        &self,
        invoke: Invoke,
        function: Arc<Function>,
        heard: Heard<'_>,
        answer: Answer,
    ) {
        let (streaming, with_log) = match heard {
            Heard::AtItsEnd { with_log } => (None, with_log),
            Heard::AsItComes(streaming) => (Some(streaming), true),
        };
        let dialect = self.shared.dialects.of(&function.space);
        let followed = dialect.follow(invoke.trace.as_deref(), &function);
        let call = Call {
            function: &function,
            qualifier: invoke.qualifier.as_deref(),
            request_id: &invoke.request_id,
            event: &invoke.event,
            trigger: &invoke.trigger,
            client_context: invoke.client_context.as_deref(),
            trace: followed.as_ref().ok().and_then(Option::as_deref),
            attempt: 1,
            queued: Duration::ZERO,
            streaming,
            answer: Some(&answer),
            with_log,
        };
        let started = self.shared.clock.now();
        let ran = match &followed {
            Ok(_) => self.run(&call).await,
            Err(Looping) => Err(Error::Looping),
        };
        match ran {
            Ok(ran) => {
                self.shared.ledger.note(ran.invocation).await;
                answer.send(Ok(ran.outcome));
            }
            Err(refused) => {
                let mut record = self.record_of_refusal(&call, started, refused.to_string());
                if let Error::Throttled(throttle) = &refused {
                    record.outcome = ledger::Outcome::Throttled(throttle.to_string());
                }
                self.shared.ledger.note(record).await;
                answer.send(Err(refused));
            }
        }
    }
}

/// How the caller takes the answer.
pub(crate) enum Heard<'a> {
    AtItsEnd { with_log: bool },
    AsItComes(&'a Streaming),
}

/// Where an outcome goes, once.
pub(crate) struct Answer {
    to: Mutex<Option<oneshot::Sender<Result<Outcome>>>>,
    watch: Watch,
}

impl Answer {
    pub(crate) fn new(to: oneshot::Sender<Result<Outcome>>, watch: Watch) -> Self {
        Self {
            to: Mutex::new(Some(to)),
            watch,
        }
    }

    /// Only the first counts.
    pub(crate) fn send(&self, outcome: Result<Outcome>) {
        if let Some(to) = self.to.lock().take() {
            // The caller may have stopped waiting.
            let _ = to.send(outcome);
        }
    }

    /// The same, and whoever waits for it goes on before we do.
    pub(crate) async fn send_first(&self, outcome: Result<Outcome>) {
        self.send(outcome);
        self.watch.step_aside().await;
    }
}
