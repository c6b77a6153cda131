//! Being told to stop.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::failure::{Failure, Result};

/// Cancels the token at the first signal to end; a second one ends at once.
pub(crate) fn on_signal() -> Result<CancellationToken> {
    let watch = |kind| {
        signal(kind).map_err(|cause| Failure::internal(format!("cannot watch signals: {cause}")))
    };
    let mut interrupt = watch(SignalKind::interrupt())?;
    let mut terminate = watch(SignalKind::terminate())?;
    let stop = CancellationToken::new();
    let told = stop.clone();
    tokio::spawn(async move {
        let mut next = async || {
            tokio::select! {
                _ = interrupt.recv() => 2,
                _ = terminate.recv() => 15,
            }
        };
        next().await;
        told.cancel();
        let number = next().await;
        // What was acknowledged is on the disk already; only what runs is lost.
        std::process::exit(128 + number);
    });
    Ok(stop)
}
