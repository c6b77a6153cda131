//! Answers to requests, as they come.

use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base::Clock;
use bytes::Bytes;
use store::Store;
use tokio::sync::watch;

use super::record::{ASKED, asked_key};

/// Where answers are taken and waited for. Clones share them.
#[derive(Clone)]
pub struct Answers {
    store: Store,
    clock: Arc<dyn Clock>,
    /// Rings when one has come.
    bell: Arc<watch::Sender<u64>>,
}

/// Why an answer does not count.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    /// It was never asked for, or nobody waits for it any more.
    #[error("there is no request that this answers")]
    Unknown,
    #[error("the signature is not the one that was given for this answer")]
    WrongSignature,
    #[error("the time to answer is over")]
    Late,
    #[error("the request has been answered before")]
    Answered,
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Answers {
    pub(crate) fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            clock,
            bell: Arc::default(),
        }
    }

    /// Takes the answer to a request from whoever has its secret, in time and once.
    pub async fn take(&self, id: &str, signature: &str, answer: Bytes) -> Result<(), NotTaken> {
        let now = self.clock.now();
        let kept = self.store.write(|tx| {
            let key = asked_key(id);
            let mut asked = ASKED.get(tx, &key)?.ok_or(NotTaken::Unknown)?;
            let (shown, wanted) = (signature.as_bytes(), asked.secret.as_bytes());
            if verify_slices_are_equal(shown, wanted).is_err() {
                return Err(NotTaken::WrongSignature);
            }
            if asked.answer.is_some() {
                return Err(NotTaken::Answered);
            }
            if now >= asked.deadline {
                return Err(NotTaken::Late);
            }
            asked.answer = Some(answer.clone());
            ASKED.put(tx, key, &asked);
            Ok(())
        });
        kept.await?;
        self.bell.send_modify(|answers| *answers += 1);
        Ok(())
    }

    /// The answer when it is there; none if it does not come in time.
    pub(super) async fn wait(&self, id: &str) -> store::Result<Option<Bytes>> {
        let mut bell = self.bell.subscribe();
        loop {
            bell.borrow_and_update();
            let Some(asked) = ASKED.get(&self.store.read()?, &asked_key(id))? else {
                return Ok(None);
            };
            if asked.answer.is_some() || self.clock.now() >= asked.deadline {
                return Ok(asked.answer);
            }
            tokio::select! {
                _ = bell.changed() => {}
                () = self.clock.sleep_until(asked.deadline) => {}
            }
        }
    }
}

impl std::fmt::Debug for Answers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Answers")
    }
}
