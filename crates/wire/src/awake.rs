//! What is woken while it runs goes on at once.
//!
//! Whoever takes a piece of a request's body wakes the connection that it came by, and that is what is running: both are
//! one task. A scheduler puts such a task into a queue and wakes an idle thread to look there, which costs more than the
//! request; all there is to do is to look once more.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

/// How often it goes on at once, before others have their turn.
const TURNS: usize = 4;

const WAITING: u8 = 0;
const RUNNING: u8 = 1;
const WOKEN: u8 = 2;

#[derive(Debug, Default)]
struct Bell {
    state: AtomicU8,
    task: AtomicWaker,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.state.swap(WOKEN, Ordering::AcqRel) == WAITING {
            self.task.wake();
        }
    }
}

impl Bell {
    /// One turn of its task.
    fn poll<T>(&self, task: &Context<'_>, mut turn: impl FnMut() -> Poll<T>) -> Poll<T> {
        self.task.register(task.waker());
        for _ in 0..TURNS {
            self.state.swap(RUNNING, Ordering::AcqRel);
            let done = turn();
            let slept =
                self.state
                    .compare_exchange(RUNNING, WAITING, Ordering::AcqRel, Ordering::Acquire);
            if done.is_ready() || slept.is_ok() {
                return done;
            }
        }
        task.waker().wake_by_ref();
        Poll::Pending
    }
}

pub(crate) async fn awake<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let bell = Arc::new(Bell::default());
    let waker = Waker::from(bell.clone());
    poll_fn(|task| {
        bell.poll(task, || {
            future.as_mut().poll(&mut Context::from_waker(&waker))
        })
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[derive(Debug, Default)]
    struct Task(AtomicUsize);

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    impl Task {
        fn wakes(&self) -> usize {
            self.0.load(Ordering::SeqCst)
        }
    }

    /// Wakes itself this often while it runs, and is done when it has been woken `last` times by others.
    async fn restless(itself: usize, turns: &AtomicUsize, outside: &AtomicWaker) {
        let mut left = itself;
        poll_fn(|task| {
            turns.fetch_add(1, Ordering::SeqCst);
            outside.register(task.waker());
            if left > 0 {
                left -= 1;
                task.waker().wake_by_ref();
            }
            Poll::<()>::Pending
        })
        .await;
    }

    fn turns_of(itself: usize) -> (usize, usize) {
        let (task, turns, outside) = (
            Arc::new(Task::default()),
            AtomicUsize::new(0),
            AtomicWaker::new(),
        );
        let waker = Waker::from(task.clone());
        let mut future = pin!(awake(restless(itself, &turns, &outside)));
        assert!(
            future
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
        (turns.load(Ordering::SeqCst), task.wakes())
    }

    #[test]
    fn what_wakes_itself_goes_on_and_nobody_else_hears_of_it() {
        assert_eq!(turns_of(0), (1, 0));
        assert_eq!(turns_of(1), (2, 0));
        assert_eq!(turns_of(TURNS - 1), (TURNS, 0));
    }

    #[test]
    fn what_never_rests_gives_others_their_turn() {
        assert_eq!(turns_of(TURNS), (TURNS, 1));
        assert_eq!(turns_of(1_000), (TURNS, 1));
    }

    #[test]
    fn what_waits_is_woken_by_others_once_until_it_runs_again() {
        let (task, turns, outside) = (
            Arc::new(Task::default()),
            AtomicUsize::new(0),
            AtomicWaker::new(),
        );
        let waker = Waker::from(task.clone());
        let mut task_of = Context::from_waker(&waker);
        let mut future = pin!(awake(restless(1, &turns, &outside)));
        for round in 1..=3 {
            assert!(future.as_mut().poll(&mut task_of).is_pending());
            let bell = outside.take().unwrap();
            bell.wake_by_ref();
            bell.wake();
            assert_eq!(task.wakes(), round);
        }
    }
}
