//! When everything that a moment brings has been done.
//!
//! Nobody says so: what is done when something falls due wakes others, and these others again, through the store's bells
//! and channels of all kinds. But all of it runs on the runtime's threads. When each of them is parked, nobody has
//! anything to do until something comes from outside; and what may still come from outside is counted, as open writes of
//! the store and as whatever else is held ([`base::Clock::hold`]): functions that run, requests under way.
//!
//! A server that strangers keep busy is never quite still. After a while in which nothing was held, that is good enough.

use std::time::Duration;

use base::Stopwatch;
use tokio::runtime::RuntimeMetrics;

/// For so long everybody has to have been parked without a break: a thread takes a moment from being woken to saying so.
const STILL: Duration = Duration::from_micros(200);
/// For so long nothing has to have been held where it never is still.
const LOADED: Duration = Duration::from_millis(250);
const BETWEEN_LOOKS: Duration = Duration::from_micros(40);

/// Waits, on a thread that is not the runtime's, until all is quiet, and at most for `patience`. An error is what it
/// still waits for.
#[expect(
    clippy::disallowed_methods,
    reason = "it looks at the machine's threads from one of its own, in no time that anybody could move"
)]
pub(crate) fn settle(
    runtime: &RuntimeMetrics,
    under_way: impl Fn() -> usize,
    patience: Duration,
) -> Result<(), usize> {
    let whole = Stopwatch::start();
    let mut free = Stopwatch::start();
    let mut still: Option<(u64, Stopwatch)> = None;
    loop {
        let held = under_way();
        let parked = parked(runtime).filter(|_| held == 0);
        if held > 0 {
            free = Stopwatch::start();
        }
        still = match (parked, still) {
            (Some(count), Some((seen, since))) if count == seen => Some((seen, since)),
            (Some(count), _) => Some((count, Stopwatch::start())),
            (None, _) => None,
        };
        let is_still = still.is_some_and(|(_, since)| since.elapsed() >= STILL);
        if is_still || held == 0 && free.elapsed() >= LOADED {
            return Ok(());
        }
        if whole.elapsed() >= patience {
            return Err(held);
        }
        std::thread::sleep(BETWEEN_LOOKS);
    }
}

/// How often the runtime's threads were parked and woken, if all of them are parked and nothing waits for one.
fn parked(runtime: &RuntimeMetrics) -> Option<u64> {
    if runtime.global_queue_depth() > 0 {
        return None;
    }
    let mut counts = (0..runtime.num_workers()).map(|one| runtime.worker_park_unpark_count(one));
    counts.try_fold(0, |sum, count| (count % 2 == 1).then_some(sum + count))
}
