//! Running code that is no function yet, once: some code says only when it runs which functions it has.

use std::collections::BTreeMap;
use std::time::Duration;

use base::Space;
use bytes::Bytes;

use crate::create::NewCode;
use crate::dialect::{Failed, Initialization};
use crate::event::Event;
use crate::instance::{InitFailure, Instance, Limits, Started, Why};
use crate::schema::{AsyncSettings, Configuration, Function, Recursion};
use crate::worker::{Handover, Reply};
use crate::{Error, Functions, Result};

/// Code, and what it is asked.
#[derive(Clone, Debug)]
pub struct Trial {
    pub space: Space,
    /// Under which its lines are logged.
    pub name: String,
    pub configuration: Configuration,
    pub code: NewCode,
    pub event: Event,
    /// For its start and for its answer, each.
    pub patience: Duration,
}

impl Functions {
    /// Starts the code, asks it, and ends it. Says what it answered, or how it failed; an error means that it did not
    /// get to run.
    pub async fn try_out(&self, trial: Trial) -> Result<std::result::Result<Bytes, Failed>> {
        let shared = &self.shared;
        let (event, patience) = (trial.event.clone(), trial.patience);
        let function = self.on_trial(trial).await?;
        let unique = u128::from_be_bytes(shared.random.bytes());
        let dialect = shared.dialects.of(&function.space);
        let stream = dialect.log_stream(shared.clock.now(), None, unique);
        let why = Why::first(Initialization::OnDemand);
        let started = self
            .start(&function, &stream, why, |now| now + patience)
            .await?;
        match started {
            Started::Ready { instance, .. } => {
                self.ask(*instance, &function, &event, patience).await
            }
            Started::Failed {
                failure, capture, ..
            } => {
                capture.end(Vec::new(), true).await;
                Ok(Err(match failure {
                    InitFailure::Reported(failed) => failed,
                    InitFailure::Stopped => return Err(Error::Stopping),
                    other => Failed {
                        kind: String::new(),
                        message: other.to_string(),
                        payload: Bytes::new(),
                    },
                }))
            }
        }
    }

    async fn on_trial(&self, trial: Trial) -> Result<Function> {
        let now = self.shared.clock.now();
        let (code, _hold) = self.take_in(trial.code).await?;
        Ok(Function {
            space: trial.space,
            name: trial.name,
            version: None,
            configuration: trial.configuration,
            code,
            asynchronous: AsyncSettings::default(),
            reserved_concurrency: None,
            tags: BTreeMap::new(),
            permissions: Vec::new(),
            created: now,
            modified: now,
            revision: String::new(),
            generation: self.new_generation(),
            published: 0,
            provisioned: None,
            recursion: Recursion::default(),
        })
    }

    async fn ask(
        &self,
        mut instance: Instance,
        function: &Function,
        event: &Event,
        patience: Duration,
    ) -> Result<std::result::Result<Bytes, Failed>> {
        let shared = &self.shared;
        let dialect = shared.dialects.of(&function.space);
        let deadline = shared.host.now() + patience;
        let (request_id, payload) = (self.new_request_id(), dialect.render(event));
        let work = Handover {
            request_id: &request_id,
            deadline_ms: deadline.as_millis(),
            invoked_name: &dialect.invoked_name(function, None),
            trace: "",
            client_context: None,
            payload: &payload,
            held: None,
            streaming: None,
        };
        let limits = Limits {
            clock: shared.host.as_ref(),
            deadline,
            timeout: patience,
            stopping: &shared.stopping,
        };
        let reply = instance.exchange(&work, &limits).await;
        instance.capture.end(Vec::new(), true).await;
        Ok(match reply {
            Ok(Reply::Response(payload)) => Ok(payload),
            // Nobody waits for pieces.
            Ok(Reply::Passed) => Ok(Bytes::new()),
            Ok(Reply::Error { kind, payload }) => Err(dialect.reported(payload, kind.as_deref())),
            Ok(Reply::TooLarge { size, limit }) => {
                let fault = crate::Fault::ResponseTooLarge { size, limit };
                Err(dialect.fault(&request_id, &fault))
            }
            Err(fault) => Err(dialect.fault(&request_id, &fault)),
        })
    }
}
