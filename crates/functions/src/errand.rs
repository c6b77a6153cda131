//! Work that goes on when whoever waits for its answer stops waiting.
//!
//! While somebody waits, it is part of the task that waits: a task of its own would cost a way through the scheduler and
//! back, which is as much as the rest of a short call, and on an idle machine another thread that is woken for it. What is
//! left when the answer is there, or when nobody waits any more, becomes a task of its own.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Work, and where its answer comes out.
pub(crate) struct Errand<T> {
    work: Option<Work>,
    answer: Option<oneshot::Receiver<T>>,
    watch: Watch,
    tasks: TaskTracker,
    /// Whoever waits for all tasks waits for this one too.
    _counted: TaskTrackerToken,
}

/// Whether whoever waits for the answer is who does the work.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watch(Arc<AtomicBool>);

impl Watch {
    /// Lets who waits have the answer that has just been sent, before the work goes on.
    pub(crate) async fn step_aside(&self) {
        let mut stays = !self.0.load(Ordering::Relaxed);
        // Nobody has to be woken: who waits looks for the answer whenever the work pauses, and then begins it anew.
        poll_fn(|_| match std::mem::replace(&mut stays, true) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
    }
}

impl<T> Errand<T> {
    pub(crate) fn new<W>(
        answer: oneshot::Receiver<T>,
        tasks: &TaskTracker,
        work: impl FnOnce(Watch) -> W,
    ) -> Self
    where
        W: Future<Output = ()> + Send + 'static,
    {
        let watch = Watch::default();
        Self {
            work: Some(Box::pin(work(watch.clone()))),
            answer: Some(answer),
            watch,
            _counted: tasks.token(),
            tasks: tasks.clone(),
        }
    }

    /// Does the work until the answer is there; none if it ends without.
    pub(crate) async fn answer(mut self) -> Option<T> {
        self.watch.0.store(true, Ordering::Relaxed);
        poll_fn(|task| self.poll(task)).await
    }

    /// Has it done by a task of its own from the beginning: for whoever waits for many at once.
    pub(crate) async fn answer_of_another(mut self) -> Option<T> {
        let answer = self.answer.take();
        drop(self);
        answer?.await.ok()
    }

    fn poll(&mut self, task: &mut Context<'_>) -> Poll<Option<T>> {
        if let Some(work) = &mut self.work
            && work.as_mut().poll(task).is_ready()
        {
            self.work = None;
        }
        let Some(answer) = &mut self.answer else {
            return Poll::Ready(None);
        };
        Pin::new(answer).poll(task).map(Result::ok)
    }
}

impl<T> Drop for Errand<T> {
    fn drop(&mut self) {
        self.watch.0.store(false, Ordering::Relaxed);
        self.answer = None;
        // Without a runtime everything ends.
        if let (Some(work), Ok(runtime)) = (self.work.take(), Handle::try_current()) {
            self.tasks.spawn_on(work, &runtime);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn what_is_left_when_the_answer_is_there_goes_on_without_its_caller() {
        let (tasks, done) = (TaskTracker::new(), Arc::new(Notify::new()));
        let (answer, answered) = oneshot::channel();
        let (done_too, caller) = (done.clone(), tokio::task::try_id());
        let errand = Errand::new(answered, &tasks, |watch| async move {
            assert_eq!(tokio::task::try_id(), caller);
            answer.send(7).unwrap();
            watch.step_aside().await;
            assert_ne!(tokio::task::try_id(), caller);
            watch.step_aside().await;
            done_too.notify_one();
        });
        assert_eq!(errand.answer().await, Some(7));
        done.notified().await;
        tasks.close();
        tasks.wait().await;
    }

    #[tokio::test]
    async fn work_of_another_task_is_not_held_up_by_who_waits() {
        let (answer, answered) = oneshot::channel();
        let caller = tokio::task::try_id();
        let errand = Errand::new(answered, &TaskTracker::new(), |watch| async move {
            assert_ne!(tokio::task::try_id(), caller);
            watch.step_aside().await;
            answer.send(7).unwrap();
        });
        assert_eq!(errand.answer_of_another().await, Some(7));
    }

    #[tokio::test]
    async fn work_goes_on_when_its_caller_stops_waiting() {
        let (tasks, go, done) = (
            TaskTracker::new(),
            Arc::new(Notify::new()),
            Arc::new(Notify::new()),
        );
        let (answer, answered) = oneshot::channel();
        let (gone, done_too) = (go.clone(), done.clone());
        let errand = Errand::new(answered, &tasks, |watch| async move {
            gone.notified().await;
            assert!(answer.send(7).is_err());
            watch.step_aside().await;
            done_too.notify_one();
        });
        let mut waiting = Box::pin(errand.answer());
        assert!(futures_util::poll!(&mut waiting).is_pending());
        tasks.close();
        assert!(futures_util::poll!(std::pin::pin!(tasks.wait())).is_pending());
        drop(waiting);
        go.notify_one();
        done.notified().await;
        tasks.wait().await;
    }

    #[tokio::test]
    async fn work_that_ends_without_an_answer_leaves_nobody_waiting() {
        let (answer, answered) = oneshot::channel::<()>();
        let errand = Errand::new(
            answered,
            &TaskTracker::new(),
            |_| async move { drop(answer) },
        );
        assert_eq!(errand.answer().await, None);
    }
}
