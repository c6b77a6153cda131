//! What runs as long as the server does.

use std::sync::{Arc, OnceLock};

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Long-running work, each with a name, all ended by one token.
pub(super) struct Workers {
    pub(super) stop: CancellationToken,
    pub(super) tasks: TaskTracker,
    /// Why the server ended by itself, if it did.
    pub(super) failed: Arc<OnceLock<String>>,
}

impl Workers {
    /// A worker that ends by itself, however it does, takes the server with it: half a server helps nobody, and
    /// whoever watches over it starts it again.
    pub(super) fn start(
        &self,
        name: &'static str,
        work: impl Future<Output = Result<(), String>> + Send + 'static,
    ) {
        let (stop, failed) = (self.stop.clone(), self.failed.clone());
        let running = self.tasks.spawn(work);
        self.tasks.spawn(async move {
            let why = match running.await {
                Ok(Ok(())) => "it ended".to_owned(),
                Ok(Err(cause)) => cause,
                Err(cause) => cause.to_string(),
            };
            if !stop.is_cancelled() {
                tracing::error!(
                    worker = name,
                    why,
                    "a worker failed, and so does the server"
                );
                // The first is the reason of all others.
                let _ = failed.set(format!("the server's {name} failed: {why}"));
                stop.cancel();
            }
        });
    }
}
