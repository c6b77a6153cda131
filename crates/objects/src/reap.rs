use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::Objects;

/// Bodies removed before looking at the token again.
const BATCH: usize = 256;
/// Other engines drop bodies too, and ring no bell of ours.
const EVERY: Duration = Duration::from_secs(30);

impl Objects {
    /// Removes bodies that no record names any more, whoever dropped them, until told to stop.
    pub async fn run_reaper(&self, stop: CancellationToken) {
        match self.store.blobs().sweep(&self.store).await {
            Ok(0) => {}
            Ok(swept) => tracing::info!(swept, "bodies that a killed run left behind were removed"),
            Err(cause) => tracing::warn!(%cause, "bodies of killed runs were not looked for"),
        }
        while !stop.is_cancelled() {
            match self.store.blobs().reap(&self.store, BATCH).await {
                Ok(BATCH) => continue,
                Ok(_) => {}
                Err(cause) => tracing::warn!(%cause, "bodies without a name were not removed"),
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.dropped.notified() => {}
                () = self.clock.host().sleep(EVERY) => {}
            }
        }
    }
}
