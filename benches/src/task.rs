//! Many things that are under way at once, on one thread: clients are to take as little of the machine as they can.

use anyhow::Result;
use tokio::runtime::Runtime;
use tokio::task::LocalSet;

pub(crate) fn runtime() -> Result<Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?)
}

/// What each of them came to; the first that fails is everybody's failure.
pub(crate) fn all<T: 'static>(
    tasks: impl IntoIterator<Item = impl Future<Output = Result<T>> + 'static>,
) -> Result<Vec<T>> {
    runtime()?.block_on(async {
        let local = LocalSet::new();
        let tasks: Vec<_> = tasks
            .into_iter()
            .map(|task| local.spawn_local(task))
            .collect();
        local
            .run_until(async {
                let mut outcomes = Vec::with_capacity(tasks.len());
                for task in tasks {
                    outcomes.push(task.await??);
                }
                Ok(outcomes)
            })
            .await
    })
}
