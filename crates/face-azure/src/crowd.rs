//! How many requests an application has at once: what `maxOutstandingRequests` and `maxConcurrentRequests` in `host.json` say.
//! All its functions share both.

use std::sync::Arc;

use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// As `deploy` writes it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Limits {
    app: String,
    outstanding: Option<u32>,
    at_once: Option<u32>,
}

#[derive(Debug)]
pub(crate) struct Crowd {
    pub(crate) limits: Limits,
    outstanding: Arc<Semaphore>,
    at_once: Arc<Semaphore>,
}

/// A request's place, as long as it is held.
#[derive(Debug)]
pub(crate) struct Place {
    _outstanding: OwnedSemaphorePermit,
    at_once: Arc<Semaphore>,
    turn: Option<OwnedSemaphorePermit>,
}

impl Crowd {
    pub(crate) fn new(limits: Limits) -> Self {
        let places = |limit: Option<u32>| {
            let most = limit.map_or(Semaphore::MAX_PERMITS, |limit| limit as usize);
            Arc::new(Semaphore::new(most))
        };
        Self {
            outstanding: places(limits.outstanding),
            at_once: places(limits.at_once),
            limits,
        }
    }

    /// None if there are too many.
    pub(crate) fn enter(&self) -> Option<Place> {
        let place = self.outstanding.clone().try_acquire_owned();
        place.ok().map(|place| Place {
            _outstanding: place,
            at_once: self.at_once.clone(),
            turn: None,
        })
    }
}

impl Place {
    /// Returns when the request may run. Who came first goes first.
    pub(crate) async fn wait(&mut self) {
        // It is never closed.
        self.turn = self.at_once.clone().acquire_owned().await.ok();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn crowd(outstanding: Option<u32>, at_once: Option<u32>) -> Crowd {
        Crowd::new(Limits {
            app: "a".into(),
            outstanding,
            at_once,
        })
    }

    #[test]
    fn requests_wait_and_then_are_too_many() {
        let crowd = crowd(Some(2), Some(1));
        let (mut first, mut second) = (crowd.enter().unwrap(), crowd.enter().unwrap());
        assert!(crowd.enter().is_none());
        assert!(first.wait().now_or_never().is_some());
        assert!(second.wait().now_or_never().is_none());
        drop(first);
        assert!(second.wait().now_or_never().is_some());
        assert!(crowd.enter().is_some());
    }

    #[test]
    fn without_limits_nobody_waits() {
        let crowd = crowd(None, None);
        let mut all: Vec<Place> = (0..1_000).filter_map(|_| crowd.enter()).collect();
        assert_eq!(all.len(), 1_000);
        assert!(
            all.iter_mut()
                .all(|one| one.wait().now_or_never().is_some())
        );
    }
}
