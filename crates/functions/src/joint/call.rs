//! One call on an instance that has others too.

use std::time::Duration;

use base::Stopwatch;
use bytes::{Bytes, BytesMut};
use ledger::Phases;
use serde::Deserialize;
use tokio::task::unconstrained;

use crate::Functions;
use crate::call::{Call, Ending};
use crate::dialect::Fault;
use crate::worker::Draining;

use super::Seat;
use super::line::{Coming, OnLine, Said};

/// How long we wait to learn how a process ended whose connection is gone.
const EXIT_WAIT: Duration = Duration::from_millis(500);

/// How an answer in pieces broke off.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BrokenOff {
    error_type: Option<String>,
}

/// What a worker answered.
enum Answered {
    Whole(Bytes),
    /// The caller has it.
    Passed,
    /// It broke off, with these words.
    Failed(Bytes),
    TooLarge {
        size: u64,
        limit: u64,
    },
}

/// Nobody is there any more.
struct Gone;

impl Functions {
    pub(crate) async fn run_seated(
        &self,
        call: &Call<'_>,
        seat: &Seat,
        phases: &mut Phases,
    ) -> (Ending, Option<u32>) {
        let timeout = call.function.configuration.timeout;
        let shared = &self.shared;
        let payload = self.dialect(call).render(call.event);
        let deadline = shared.host.now() + timeout;
        let watch = Stopwatch::start();
        let answer = self.answer_of(call, seat, &payload);
        let result = tokio::select! {
            biased;
            answered = answer => match answered {
                Ok(answered) => Ok(answered),
                Err(Gone) => Err(self.how_it_went(seat).await),
            },
            () = unconstrained(shared.host.sleep_until(deadline)) => Err(Fault::TimedOut(timeout)),
            () = unconstrained(shared.stopping.cancelled()) => Err(Fault::Stopped),
        };
        phases.run = watch.elapsed();
        if let Err(fault) = &result {
            seat.close();
            if let Fault::TimedOut(limit) = fault {
                phases.run = *limit;
            }
        }
        let ending = match result {
            Ok(Answered::Whole(payload)) => Ending::Answered(payload),
            Ok(Answered::Passed) => Ending::Answered(Bytes::new()),
            Ok(Answered::Failed(said)) => {
                let broken: Option<BrokenOff> = serde_json::from_slice(&said).ok();
                let kind = broken.and_then(|broken| broken.error_type);
                Ending::Reported(self.dialect(call).reported(said, kind.as_deref()))
            }
            Ok(Answered::TooLarge { size, limit }) => {
                self.fault(call, Fault::ResponseTooLarge { size, limit })
            }
            Err(fault) => self.fault(call, fault),
        };
        (ending, seat.joint.peak_memory_mb())
    }

    async fn answer_of(
        &self,
        call: &Call<'_>,
        seat: &Seat,
        payload: &[u8],
    ) -> Result<Answered, Gone> {
        let mut on_line = seat.joint.line.call().ok_or(Gone)?;
        let handed_over = on_line.hand_over(payload, call.event.held()).await;
        handed_over.map_err(|_| Gone)?;
        match (&mut on_line.said).await.map_err(|_| Gone)? {
            Said::Whole(payload) => Ok(Answered::Whole(payload)),
            Said::Begins(coming) => match call.streaming {
                Some(streaming) => pass_on(&on_line, coming, streaming.begin(None).await).await,
                None => gather(&on_line, coming, self.shared.config.response.as_bytes()).await,
            },
        }
    }

    async fn how_it_went(&self, seat: &Seat) -> Fault {
        let exit = tokio::time::timeout(EXIT_WAIT, seat.process().wait()).await;
        exit.map_or(Fault::BrokeOff, Fault::Exited)
    }
}

/// Passes an answer on as it comes, no faster than it is taken.
async fn pass_on(
    on_line: &OnLine<'_>,
    mut coming: Coming,
    mut draining: Draining,
) -> Result<Answered, Gone> {
    while let Some(piece) = coming.pieces.recv().await {
        if !draining.take(piece.clone()).await {
            return Err(Gone);
        }
        on_line.taken(&piece).await.map_err(|_| Gone)?;
    }
    if let Some((size, limit)) = draining.excess() {
        return Ok(Answered::TooLarge { size, limit });
    }
    ended(coming).await.map(|failed| match failed {
        None => Answered::Passed,
        Some(said) => Answered::Failed(said),
    })
}

/// Takes an answer whole, whose caller wants it so.
async fn gather(on_line: &OnLine<'_>, mut coming: Coming, limit: u64) -> Result<Answered, Gone> {
    let mut whole = BytesMut::new();
    let mut size = 0;
    while let Some(piece) = coming.pieces.recv().await {
        size += piece.len() as u64;
        if size <= limit {
            whole.extend_from_slice(&piece);
        }
        on_line.taken(&piece).await.map_err(|_| Gone)?;
    }
    let failed = ended(coming).await?;
    Ok(match failed {
        Some(said) => Answered::Failed(said),
        None if size > limit => Answered::TooLarge { size, limit },
        None => Answered::Whole(whole.freeze()),
    })
}

/// How it ended; none if all went well.
async fn ended(coming: Coming) -> Result<Option<Bytes>, Gone> {
    let said = coming.ended.await.map_err(|_| Gone)?;
    Ok((!said.is_empty()).then_some(said))
}
