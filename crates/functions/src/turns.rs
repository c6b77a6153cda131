//! Turns at starting an instance: so many at once that the processors are busy, and no more. Functions that want more wait,
//! and take turns with each other, so that one that is flooded does not keep a quiet one waiting.
//!
//! A turn ends when the instance asks for work, or after a while: what waits for something else while it initialises does
//! not keep the processors busy. A call that waits for its turn takes an instance that another gives back meanwhile, so a
//! burst of short calls starts as many as it needs, and not one for each.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use base::Space;
use parking_lot::Mutex;
use tokio::sync::oneshot;

type Key = (Space, String);

/// For each processor.
const AT_ONCE: usize = 8;
/// What a turn takes at most.
pub(crate) const LONGEST_TURN: Duration = Duration::from_millis(100);

/// Clones share the count.
#[derive(Clone)]
pub(crate) struct Turns {
    state: Arc<Mutex<State>>,
}

struct State {
    free: usize,
    /// Each function once, with those that wait for it; the one that is next comes first. How many wait is bounded by how
    /// many may run at once.
    waiting: VecDeque<(Key, VecDeque<oneshot::Sender<Turn>>)>,
}

/// A turn, passed on when it is dropped.
pub(crate) struct Turn(Option<Turns>);

impl Default for Turns {
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self::new(AT_ONCE * processors)
    }
}

impl Turns {
    fn new(at_once: usize) -> Self {
        let state = State {
            free: at_once,
            waiting: VecDeque::new(),
        };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// Waits until it is this function's turn.
    pub(crate) async fn take(&self, space: &Space, name: &str) -> Turn {
        let waiting = {
            let mut state = self.state.lock();
            if state.free > 0 {
                state.free -= 1;
                None
            } else {
                Some(state.wait((space.clone(), name.to_owned())))
            }
        };
        match waiting {
            None => Turn(Some(self.clone())),
            // Nobody forgets one that waits; if it were so, it would go on.
            Some(turn) => turn.await.unwrap_or(Turn(None)),
        }
    }

    /// All that nobody has.
    #[cfg(test)]
    pub(crate) fn take_all(&self) -> Vec<Turn> {
        let free = std::mem::take(&mut self.state.lock().free);
        (0..free).map(|_| Turn(Some(self.clone()))).collect()
    }

    /// Gives a turn to whoever is next.
    fn pass_on(&self) {
        loop {
            let next = {
                let mut state = self.state.lock();
                let next = state.next();
                if next.is_none() {
                    state.free += 1;
                }
                next
            };
            let Some(next) = next else {
                return;
            };
            match next.send(Turn(Some(self.clone()))) {
                Ok(()) => return,
                // It waits no more: somebody else is next.
                Err(mut turn) => turn.0 = None,
            }
        }
    }
}

impl State {
    fn wait(&mut self, key: Key) -> oneshot::Receiver<Turn> {
        let (turn, waiting) = oneshot::channel();
        match self.waiting.iter_mut().find(|(other, _)| *other == key) {
            Some((_, queue)) => queue.push_back(turn),
            None => self.waiting.push_back((key, VecDeque::from([turn]))),
        }
        waiting
    }

    /// The first of the function that is next, which then comes last.
    fn next(&mut self) -> Option<oneshot::Sender<Turn>> {
        let (key, mut queue) = self.waiting.pop_front()?;
        let next = queue.pop_front();
        if !queue.is_empty() {
            self.waiting.push_back((key, queue));
        }
        next
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(turns) = self.0.take() {
            turns.pass_on();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use futures_util::poll;

    use super::*;
    use crate::tests::fake::space;

    #[tokio::test]
    async fn one_that_is_flooded_does_not_keep_another_waiting() {
        let turns = Turns::new(2);
        let space = space();
        let first = turns.take(&space, "flooded").await;
        let second = turns.take(&space, "flooded").await;
        let mut flood: Vec<_> = (0..100)
            .map(|_| Box::pin(turns.take(&space, "flooded")))
            .collect();
        for one in &mut flood {
            assert!(poll!(one).is_pending());
        }
        let mut quiet = Box::pin(turns.take(&space, "quiet"));
        assert!(poll!(&mut quiet).is_pending());
        // One of the flood came first; then it is the other's turn, however many still wait.
        drop(first);
        let third = poll!(&mut flood[0]);
        assert!(third.is_ready() && poll!(&mut quiet).is_pending());
        drop(second);
        let fourth = poll!(&mut quiet);
        assert!(fourth.is_ready() && poll!(&mut flood[1]).is_pending());
        // Those that wait no more are passed over, and no turn is lost.
        drop(flood.drain(1..99).collect::<Vec<_>>());
        drop((third, fourth));
        let Poll::Ready(_last) = poll!(flood.last_mut().unwrap()) else {
            panic!("it is its turn")
        };
        assert_eq!(turns.state.lock().free, 1);
    }
}
