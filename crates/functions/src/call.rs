//! One attempt at running a function, from the permit to the record.

use std::sync::Arc;
use std::time::Duration;

use base::{Stopwatch, Timestamp};
use bytes::Bytes;
use ledger::{Invocation, Phases};

use crate::capture::Capture;
use crate::concurrency::Permit;
use crate::dialect::{CallFacts, Dialect, Ended, Failed, Fault, Happening, Moment, Report};
use crate::event::Event;
use crate::extension::End;
use crate::instance::{InitFailure, Instance, Limits, Started, Why};
use crate::invoke::Answer;
use crate::joint::Seat;
use crate::launch::Start;
use crate::pool::{Busy, Seated, key};
use crate::rest::Rest;
use crate::schema::Function;
use crate::worker::{Handover, Reply, Streaming};
use crate::{Error, Functions, Outcome, Result};

/// What is to be run.
pub(crate) struct Call<'a> {
    pub(crate) function: &'a Function,
    pub(crate) qualifier: Option<&'a str>,
    pub(crate) request_id: &'a str,
    pub(crate) event: &'a Event,
    pub(crate) trigger: &'a str,
    pub(crate) client_context: Option<&'a str>,
    pub(crate) trace: Option<&'a str>,
    /// From 1.
    pub(crate) attempt: u32,
    pub(crate) queued: Duration,
    /// Where the answer goes while it comes, if the caller takes it so.
    pub(crate) streaming: Option<&'a Streaming>,
    /// Where the outcome goes if it is there before the attempt is over.
    pub(crate) answer: Option<&'a Answer>,
    /// Whether the outcome is to have the end of the log, which is not there before the attempt is over.
    pub(crate) with_log: bool,
}

/// What a call takes up while it runs.
struct Taken {
    _permit: Permit,
    _busy: Busy,
}

/// What came of it.
pub(crate) struct Ran {
    pub(crate) outcome: Outcome,
    pub(crate) invocation: Invocation,
}

/// How it ended.
pub(crate) enum Ending {
    Answered(Bytes),
    /// The handler, or the runtime for it, said so.
    Reported(Failed),
    /// The same before the handler could be called.
    Unready(Failed),
    Fault(Failed, Fault),
}

impl Ending {
    fn ended(&self) -> Ended<'_> {
        match self {
            Self::Answered(_) => Ended::Ok,
            Self::Reported(failed) => Ended::Failed(failed),
            Self::Fault(_, Fault::TimedOut(_)) => Ended::TimedOut,
            Self::Unready(failed) => Ended::Unready(failed),
            Self::Fault(failed, fault) => Ended::Crashed(failed, fault),
        }
    }

    fn result(&self) -> std::result::Result<Bytes, Failed> {
        match self {
            Self::Answered(payload) => Ok(payload.clone()),
            Self::Reported(failed) | Self::Unready(failed) | Self::Fault(failed, _) => {
                Err(failed.clone())
            }
        }
    }

    fn length(&self) -> u64 {
        match self {
            Self::Answered(payload) => payload.len() as u64,
            Self::Reported(failed) | Self::Unready(failed) | Self::Fault(failed, _) => {
                failed.payload.len() as u64
            }
        }
    }
}

/// An instance to run it on, or why there is none.
#[expect(
    clippy::large_enum_variant,
    reason = "it is moved once; a box would be an allocation for each call"
)]
enum Found {
    /// One that has other calls too.
    Seat(Seat),
    Instance {
        instance: Instance,
        /// If starting it has used up some of the function's own time.
        deadline: Option<Timestamp>,
    },
    None {
        capture: Capture,
        ending: Ending,
    },
}

impl Functions {
    /// Runs it now. An error means that the function did not get to run.
    pub(crate) async fn run(&self, call: &Call<'_>) -> Result<Ran> {
        if self.shared.stopping.is_cancelled() {
            return Err(Error::Stopping);
        }
        let Function { space, name, .. } = call.function;
        let permit = self.shared.permits.acquire(space, name);
        let taken = Taken {
            _permit: permit.map_err(Error::Throttled)?,
            _busy: self.busy(call.function),
        };
        let started = self.shared.clock.now();
        let mut phases = Phases {
            queued: call.queued,
            ..Phases::default()
        };
        let found = self.find_instance(call, &mut phases).await?;
        let start = match &found {
            Found::Instance { instance, .. } if phases.launch.is_some() => Some(instance.start),
            Found::Seat(seat) if phases.launch.is_some() => Some(seat.start()),
            _ => None,
        };
        let (ending, memory, log) = match found {
            Found::Seat(seat) => {
                let (ending, memory) = self.run_seated(call, &seat, &mut phases).await;
                if let Ending::Fault(..) = &ending {
                    let lines = self.last_lines(call, &ending, &phases, memory);
                    seat.capture().end(lines, false).await;
                }
                drop((seat, taken));
                if let Some(answer) = call.answer {
                    let outcome = outcome_of(call, &ending, String::new(), &phases, start);
                    answer.send(Ok(outcome));
                }
                (ending, memory, String::new())
            }
            Found::Instance { instance, deadline } => {
                self.run_on(call, instance, (deadline, taken), &mut phases)
                    .await
            }
            Found::None { capture, ending } => {
                let log = self
                    .conclude(call, &capture, &ending, &phases, None, true)
                    .await;
                (ending, None, log)
            }
        };
        let invocation = self.record_of(call, started, phases, memory, &ending);
        Ok(Ran {
            outcome: outcome_of(call, &ending, log, &phases, start),
            invocation,
        })
    }

    /// Lends an idle instance or starts one.
    async fn find_instance(&self, call: &Call<'_>, phases: &mut Phases) -> Result<Found> {
        let (shared, function) = (&self.shared, call.function);
        let mut opener = None;
        let at_once = shared.dialects.of(&function.space).at_once(function);
        while let Some(at_once) = at_once {
            match shared.pools.sit(self, function) {
                Seated::Here(seat) => return Ok(Found::Seat(seat)),
                Seated::Never => break,
                Seated::Nowhere if opener.is_some() => break,
                Seated::Nowhere => {
                    // Whoever was before us may have started one by now.
                    opener = shared.pools.openings.enter(&key(function), at_once).await;
                }
            }
        }
        if let Some(instance) =
            shared
                .pools
                .lend(function, shared.host.now(), shared.config.longest_life)
        {
            return Ok(self.lent(call, instance).await);
        }
        // In a place of its own: it takes many times the room of a call that finds one, which would be moved about with it.
        Box::pin(self.start_instance(call, phases)).await
    }

    /// One that is there already.
    async fn lent(&self, call: &Call<'_>, instance: Instance) -> Found {
        instance.get_up();
        let lines = self.lines(call, &Moment::Start);
        instance.capture.begin(lines).await;
        Found::Instance {
            instance,
            deadline: None,
        }
    }

    /// Starts one, unless another call gives one back before this is the next to start. When starting fails, it is tried
    /// once more, within the function's time.
    async fn start_instance(&self, call: &Call<'_>, phases: &mut Phases) -> Result<Found> {
        let (shared, function) = (&self.shared, call.function);
        let unique = u128::from_be_bytes(shared.random.bytes());
        self.admit_start(function, shared.host.now())?;
        let dialect = shared.dialects.of(&function.space);
        let stream = dialect.log_stream(shared.clock.now(), function.version, unique);
        let init_timeout = shared.config.init_timeout;
        let why = Why::first(function.initialization());
        let mut other = shared.pools.wait(function);
        let planned = tokio::select! {
            biased;
            instance = other.given() => Err(instance),
            planned = self.plan_start(function, &stream, why) => match other.end() {
                Some(instance) => Err(instance),
                None => Ok(planned?),
            },
        };
        let first = match planned {
            Ok(planned) => {
                self.start_planned(planned, |now| now + init_timeout)
                    .await?
            }
            Err(instance) => return Ok(self.lent(call, *instance).await),
        };
        let (failure, capture, took) = match first {
            Started::Ready {
                instance,
                launch,
                init,
            } => {
                (phases.launch, phases.init) = (Some(launch), Some(init));
                let lines = self.lines(call, &Moment::Start);
                instance.capture.begin(lines).await;
                return Ok(self.found(function, instance, None));
            }
            Started::Failed {
                failure,
                capture,
                init,
                ..
            } => (failure, capture, init),
        };
        let timed_out = matches!(failure, InitFailure::TimedOut);
        let Some(ending) = self.ending_of(call, failure, init_timeout) else {
            return Err(Error::Stopping);
        };
        let failed = self.init_failed(call, &ending, (false, took, timed_out));
        capture.end(failed, true).await;
        self.start_again(call, &stream, phases).await
    }

    /// One that was started for a call; if it takes several, others may be seated on it too.
    fn found(
        &self,
        function: &Function,
        instance: Box<Instance>,
        deadline: Option<Timestamp>,
    ) -> Found {
        let pools = &self.shared.pools;
        let joint = match self.seated(instance) {
            Ok(joint) => joint,
            Err(instance) => {
                pools.is_alone(function);
                return Found::Instance {
                    instance: *instance,
                    deadline,
                };
            }
        };
        let seat = joint.sit(self).expect("nobody else has it yet");
        pools.open(function, joint);
        Found::Seat(seat)
    }

    async fn start_again(
        &self,
        call: &Call<'_>,
        stream: &str,
        phases: &mut Phases,
    ) -> Result<Found> {
        let timeout = call.function.configuration.timeout;
        let deadline = self.shared.host.now() + timeout;
        let why = Why {
            initialization: call.function.initialization(),
            again: true,
        };
        match self.start(call.function, stream, why, |_| deadline).await? {
            Started::Ready {
                instance,
                launch,
                init,
            } => {
                (phases.launch, phases.init) = (Some(launch), Some(init));
                let lines = self.lines(call, &Moment::Start);
                instance.capture.begin(lines).await;
                Ok(self.found(call.function, instance, Some(deadline)))
            }
            Started::Failed {
                failure,
                capture,
                launch,
                init,
            } => {
                let timed_out = matches!(failure, InitFailure::TimedOut);
                phases.launch = Some(launch);
                phases.run = if timed_out { timeout } else { init };
                let Some(ending) = self.ending_of(call, failure, timeout) else {
                    return Err(Error::Stopping);
                };
                // What it printed is what the caller wants to see: it is in the end of the log that it may ask for.
                let mut lines = self.init_failed(call, &ending, (true, phases.run, timed_out));
                lines.extend(self.lines(call, &Moment::Start));
                capture.end(lines, true).await;
                Ok(Found::None { capture, ending })
            }
        }
    }

    fn init_failed(
        &self,
        call: &Call<'_>,
        ending: &Ending,
        (again, took, timed_out): (bool, Duration, bool),
    ) -> Vec<String> {
        let (Ending::Reported(failed) | Ending::Unready(failed) | Ending::Fault(failed, _)) =
            ending
        else {
            return Vec::new();
        };
        let moment = Moment::InitFailed {
            again,
            took,
            failed,
            timed_out,
        };
        self.lines(call, &moment)
    }

    /// None if the server is stopping, which says nothing about the function.
    fn ending_of(&self, call: &Call<'_>, failure: InitFailure, limit: Duration) -> Option<Ending> {
        let fault = match failure {
            InitFailure::Reported(failed) => return Some(Ending::Unready(failed)),
            InitFailure::NoEntrypoint(why) => Fault::NoEntrypoint(why),
            InitFailure::Exited(exit) => Fault::Exited(exit),
            InitFailure::Extension(broken) => Fault::Extension(broken),
            InitFailure::BrokeOff => Fault::BrokeOff,
            InitFailure::TimedOut => Fault::TimedOut(limit),
            InitFailure::Stopped => return None,
        };
        Some(self.fault(call, fault))
    }

    pub(crate) fn fault(&self, call: &Call<'_>, fault: Fault) -> Ending {
        let failed = self.dialect(call).fault(call.request_id, &fault);
        Ending::Fault(failed, fault)
    }

    async fn run_on(
        &self,
        call: &Call<'_>,
        mut instance: Instance,
        (deadline, taken): (Option<Timestamp>, Taken),
        phases: &mut Phases,
    ) -> (Ending, Option<u32>, String) {
        let (shared, function) = (&self.shared, call.function);
        let timeout = function.configuration.timeout;
        let dialect = shared.dialects.of(&function.space);
        let payload = dialect.render(call.event);
        let invoked_name = dialect.invoked_name(function, call.qualifier);
        let now = shared.host.now();
        let deadline = deadline.unwrap_or(now + timeout);
        let own_trace = match call.trace {
            Some(_) => String::new(),
            None => dialect.trace(now, shared.random.bytes()),
        };
        let work = Handover {
            request_id: call.request_id,
            deadline_ms: deadline.as_millis(),
            invoked_name: &invoked_name,
            trace: call.trace.unwrap_or(&own_trace),
            client_context: call.client_context,
            payload: &payload,
            held: call.event.held(),
            streaming: call.streaming,
        };
        let limits = Limits {
            clock: shared.host.as_ref(),
            deadline,
            timeout,
            stopping: &shared.stopping,
        };
        instance.tell(&Happening::Start {
            request_id: call.request_id,
            version: function.version,
            trace: Some(work.trace),
        });
        let watch = Stopwatch::start();
        let result = instance.exchange(&work, &limits).await;
        phases.run = watch.elapsed();
        let answered = result.is_ok();
        let memory = instance.peak_memory_mb();
        let ending = match result {
            Ok(Reply::Response(payload)) => Ending::Answered(payload),
            Ok(Reply::Error { kind, payload }) => {
                Ending::Reported(dialect.reported(payload, kind.as_deref()))
            }
            // Its caller has it.
            Ok(Reply::Passed) => Ending::Answered(Bytes::new()),
            Ok(Reply::TooLarge { size, limit }) => {
                self.fault(call, Fault::ResponseTooLarge { size, limit })
            }
            Err(fault) => {
                if let Fault::TimedOut(limit) = fault {
                    phases.run = limit;
                }
                self.fault(call, fault)
            }
        };
        instance.tell(&Happening::RuntimeDone {
            request_id: call.request_id,
            took: phases.run,
            bytes: Some(ending.length()),
            ended: ending.ended(),
        });
        if instance.has_company() {
            self.answer_early(call, (&instance.capture, instance.start), &ending, phases)
                .await;
        }
        let reusable = answered && instance.asks_for_more(&limits).await;
        if instance.has_company() && answered {
            // What runs beside the function is charged too.
            phases.run = watch.elapsed();
        }
        instance.tell(&Happening::Report {
            request_id: call.request_id,
            report: self.report(call, phases, memory, &ending),
        });
        if !reusable {
            instance.end(match ending {
                Ending::Fault(_, Fault::TimedOut(_)) => End::TimedOut,
                _ => End::Failed,
            });
        }
        if reusable && !call.with_log {
            let log = instance.capture.hold().await;
            let start = phases.launch.map(|_| instance.start);
            let laid_down = self.give_back(function, instance, taken);
            if let Some(answer) = call.answer {
                let outcome = outcome_of(call, &ending, String::new(), phases, start);
                answer.send_first(Ok(outcome)).await;
            }
            self.watch(laid_down);
            let lines = self.last_lines(call, &ending, phases, memory);
            return (ending, memory, log.end(lines).await);
        }
        let dead = !reusable;
        let log = self
            .conclude(call, &instance.capture, &ending, phases, memory, dead)
            .await;
        if reusable {
            self.watch(self.give_back(function, instance, taken));
        }
        (ending, memory, log)
    }

    /// From here on others may have it.
    fn give_back(
        &self,
        function: &Function,
        instance: Instance,
        taken: Taken,
    ) -> Option<Arc<Rest>> {
        let laid_down = self.lay_down(instance.process());
        let (pools, now) = (&self.shared.pools, self.shared.host.now());
        pools.take_back(function, instance, now);
        drop(taken);
        laid_down
    }

    /// Prints the platform's last lines; returns the log's tail.
    async fn conclude(
        &self,
        call: &Call<'_>,
        capture: &Capture,
        ending: &Ending,
        phases: &Phases,
        max_memory_mb: Option<u32>,
        dead: bool,
    ) -> String {
        let lines = self.last_lines(call, ending, phases, max_memory_mb);
        capture.end(lines, dead).await
    }

    fn last_lines(
        &self,
        call: &Call<'_>,
        ending: &Ending,
        phases: &Phases,
        max_memory_mb: Option<u32>,
    ) -> Vec<String> {
        let mut lines = Vec::new();
        if let Ending::Fault(failed, fault) = ending {
            lines.extend(self.lines(call, &Moment::Fault(failed, fault)));
        }
        lines.extend(self.lines(call, &Moment::End));
        let report = self.report(call, phases, max_memory_mb, ending);
        lines.extend(self.lines(call, &Moment::Report(report)));
        lines
    }

    fn report<'a>(
        &self,
        call: &Call<'_>,
        phases: &'a Phases,
        max_memory_mb: Option<u32>,
        ending: &'a Ending,
    ) -> Report<'a> {
        Report {
            phases,
            billed_ms: self.dialect(call).billed_ms(phases),
            memory_mb: memory_mb(call.function),
            max_memory_mb,
            ended: ending.ended(),
        }
    }

    /// The caller need not wait for what runs beside the function.
    async fn answer_early(
        &self,
        call: &Call<'_>,
        (capture, start): (&Capture, Start),
        ending: &Ending,
        phases: &Phases,
    ) {
        let Some(answer) = call.answer else {
            return;
        };
        let log_tail = capture.end(Vec::new(), false).await;
        let start = phases.launch.map(|_| start);
        answer.send(Ok(outcome_of(call, ending, log_tail, phases, start)));
    }

    pub(crate) fn dialect(&self, call: &Call<'_>) -> &dyn Dialect {
        &**self.shared.dialects.of(&call.function.space)
    }

    fn lines(&self, call: &Call<'_>, moment: &Moment<'_>) -> Vec<String> {
        let facts = CallFacts {
            function: call.function,
            version: call.function.version,
            request_id: call.request_id,
            now: self.shared.clock.now(),
        };
        self.dialect(call).log_lines(&facts, moment)
    }

    fn record_of(
        &self,
        call: &Call<'_>,
        started: Timestamp,
        phases: Phases,
        max_memory_mb: Option<u32>,
        ending: &Ending,
    ) -> Invocation {
        let failure = |failed: &Failed| ledger::Failure {
            kind: failed.kind.clone(),
            message: failed.message.clone(),
        };
        Invocation {
            phases,
            billed_ms: self.dialect(call).billed_ms(&phases),
            max_memory_mb,
            outcome: match ending {
                Ending::Answered(_) => ledger::Outcome::Ok,
                Ending::Reported(failed) | Ending::Unready(failed) => {
                    ledger::Outcome::Failed(failure(failed))
                }
                Ending::Fault(failed, Fault::ResponseTooLarge { .. }) => {
                    ledger::Outcome::Failed(failure(failed))
                }
                Ending::Fault(failed, Fault::TimedOut(_)) => {
                    ledger::Outcome::TimedOut(failure(failed))
                }
                Ending::Fault(failed, _) => ledger::Outcome::Crashed(failure(failed)),
            },
            ..self.record_of_refusal(call, started, String::new())
        }
    }

    /// The record of an attempt that did not get to run.
    pub(crate) fn record_of_refusal(
        &self,
        call: &Call<'_>,
        started: Timestamp,
        why: String,
    ) -> Invocation {
        Invocation {
            request_id: call.request_id.to_owned(),
            space: call.function.space.clone(),
            function: call.function.name.clone(),
            version: call.function.version,
            trigger: call.trigger.to_owned(),
            started,
            phases: Phases {
                queued: call.queued,
                ..Phases::default()
            },
            billed_ms: 0,
            memory_mb: memory_mb(call.function),
            max_memory_mb: None,
            outcome: ledger::Outcome::Unavailable(why),
            attempt: call.attempt,
            next_attempt: None,
            settlement: None,
        }
    }
}

fn outcome_of(
    call: &Call<'_>,
    ending: &Ending,
    log_tail: String,
    phases: &Phases,
    start: Option<Start>,
) -> Outcome {
    Outcome {
        request_id: call.request_id.to_owned(),
        version: call.function.version,
        result: ending.result(),
        log_tail,
        phases: *phases,
        start,
    }
}

fn memory_mb(function: &Function) -> u32 {
    u32::try_from(function.configuration.memory.as_mib()).unwrap_or(u32::MAX)
}
