//! Instances that are being started: calls that could share one wait for it, and do not each start their own.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::pool::Key;

/// What is being started for whom. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Openings(Arc<Mutex<HashMap<Key, Opening>>>);

struct Opening {
    over: watch::Receiver<()>,
    waiting: u32,
}

/// Whoever starts an instance. When it is dropped, the others look again.
pub(crate) struct Opener {
    openings: Openings,
    key: Key,
    _over: watch::Sender<()>,
}

impl Openings {
    /// Waits until the instance is there, or is not to be, that somebody else is starting for up to `most` calls; or makes
    /// the caller the one who starts it.
    pub(crate) async fn enter(&self, key: &Key, most: u32) -> Option<Opener> {
        let mut over = {
            let mut all = self.0.lock();
            match all.get_mut(key) {
                Some(opening) if opening.waiting + 1 < most => {
                    opening.waiting += 1;
                    opening.over.clone()
                }
                _ => return Some(self.open(&mut all, key)),
            }
        };
        // The sender says nothing: it goes.
        let _ = over.changed().await;
        None
    }

    fn open(&self, all: &mut HashMap<Key, Opening>, key: &Key) -> Opener {
        let (sender, over) = watch::channel(());
        all.insert(key.clone(), Opening { over, waiting: 0 });
        Opener {
            openings: self.clone(),
            key: key.clone(),
            _over: sender,
        }
    }
}

impl Drop for Opener {
    fn drop(&mut self) {
        let mut all = self.openings.0.lock();
        // Another may be starting one for those that this one had no seats for.
        if all
            .get(&self.key)
            .is_some_and(|opening| opening.over.same_channel(&self._over.subscribe()))
        {
            all.remove(&self.key);
        }
    }
}
