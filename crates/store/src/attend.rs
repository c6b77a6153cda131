//! The loop of whoever does what comes due: timers say when, and this waits for it.

use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use base::{Clock, Timestamp};
use tokio::sync::watch::Receiver;

/// After a failure, which may pass; whether the store has failed for good is for others to see.
const PAUSE: Duration = Duration::from_secs(1);

/// Does some of what is due, again and again, until `stop`.
///
/// `some` says when there will be something to do, if there is nothing now: the end of time if nothing is known of. The
/// bells ring when it may be sooner ([`Store::timer_bell`](crate::Store::timer_bell)). What fails is told by `some` itself,
/// and tried again after a while of the host's. What it has begun is not broken off.
pub async fn attend<E, F>(
    bells: &mut [Receiver<u64>],
    clock: &dyn Clock,
    stop: impl Future<Output = ()>,
    mut some: impl FnMut() -> F,
) where
    F: Future<Output = Result<Option<Timestamp>, E>>,
{
    let mut stop = pin!(stop);
    let mut found = Ok(None);
    loop {
        tokio::select! {
            biased;
            () = &mut stop => return,
            () = until_more(&found, bells, clock) => {}
        }
        for bell in &mut *bells {
            bell.borrow_and_update();
        }
        found = some().await;
    }
}

async fn until_more<E>(
    found: &Result<Option<Timestamp>, E>,
    bells: &mut [Receiver<u64>],
    clock: &dyn Clock,
) {
    match found {
        Ok(None) => {}
        Ok(Some(next)) => tokio::select! {
            () = any_rings(bells) => {}
            () = sleep_until(clock, *next) => {}
        },
        Err(_) => clock.host().sleep(PAUSE).await,
    }
}

async fn any_rings(bells: &mut [Receiver<u64>]) {
    let rings = bells.iter_mut().map(|bell| Box::pin(bell.changed()));
    let mut rings: Vec<_> = rings.collect();
    poll_fn(|context| {
        match rings
            .iter_mut()
            .any(|ring| ring.as_mut().poll(context).is_ready())
        {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
}

/// Nothing is due at the end of time.
async fn sleep_until(clock: &dyn Clock, at: Timestamp) {
    if at == Timestamp::MAX {
        pending::<()>().await;
    }
    clock.sleep_until(at).await;
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::VecDeque;

    use base::ManualClock;
    use tokio::sync::watch;

    use super::*;

    const START: Timestamp = Timestamp::from_secs(1_000);

    type Event<'a> = &'a dyn Fn(&ManualClock, &[watch::Sender<u64>]);

    /// Polls the loop as far as it goes by itself, again after each of `events`, and says how often it looked each time.
    fn looks(answers: Vec<Result<Option<Timestamp>, ()>>, events: &[Event<'_>]) -> Vec<usize> {
        let clock = ManualClock::new(START);
        let (first, one) = watch::channel(0);
        let (second, other) = watch::channel(0);
        let rings = [first, second];
        let answers = RefCell::new(VecDeque::from(answers));
        let looked = RefCell::new(0);
        let some = || async {
            *looked.borrow_mut() += 1;
            let answer = answers.borrow_mut().pop_front();
            answer.unwrap_or(Ok(Some(Timestamp::MAX)))
        };
        let mut bells = [one, other];
        let mut attended = pin!(attend(&mut bells, &clock, pending(), some));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let mut looks = Vec::new();
        let begin = |_: &ManualClock, _: &[watch::Sender<u64>]| {};
        let events = events.iter().copied();
        for event in std::iter::once::<Event<'_>>(&begin).chain(events) {
            event(&clock, &rings);
            assert!(attended.as_mut().poll(&mut context).is_pending());
            looks.push(looked.take());
        }
        looks
    }

    #[test]
    fn it_is_looked_when_there_is_more_when_something_is_due_and_when_a_bell_rings() {
        let (second, later) = (Duration::from_secs(1), Some(START + Duration::from_secs(2)));
        let on = |clock: &ManualClock, _: &[watch::Sender<u64>]| clock.advance(second);
        let first =
            |_: &ManualClock, bells: &[watch::Sender<u64>]| bells[0].send_modify(|n| *n += 1);
        let other =
            |_: &ManualClock, bells: &[watch::Sender<u64>]| bells[1].send_modify(|n| *n += 1);

        // Twice there is more at once; then nothing for two seconds; then nothing at all, until somebody rings.
        let answers = vec![Ok(None), Ok(None), Ok(later)];
        let looked = looks(answers, &[&on, &on, &on, &first, &other]);
        assert_eq!(looked, [3, 0, 1, 0, 1, 1]);

        // After a failure only time helps.
        assert_eq!(looks(vec![Err(())], &[&first, &on, &on]), [1, 0, 1, 0]);
    }

    #[tokio::test]
    async fn nothing_is_begun_after_the_end() {
        let clock = ManualClock::new(START);
        let some = || async { panic!("it was over before") };
        attend::<(), _>(&mut [], &clock, std::future::ready(()), some).await;
    }
}
