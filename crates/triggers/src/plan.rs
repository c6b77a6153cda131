//! Keys of callers and the plans that they are in: made, found, removed.

use std::sync::Arc;

use parking_lot::Mutex;
use store::{Read, Store};

use crate::schema::plan::{CLIENT_KEYS, ClientKey, KEY_VALUES, KeyId, PLANS, Plan, USES};
use crate::{Error, Result, Triggers};

/// Of one space; what an account may have.
const MOST_PLANS: usize = 1_000;
const MOST_KEYS: usize = 10_000;

/// All plans, decoded: every request with a key looks through them, and they are seldom written.
#[derive(Debug, Default)]
pub(crate) struct Known(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// Goes up with every write.
    written: u64,
    plans: Option<Arc<Vec<Plan>>>,
}

impl Known {
    pub(crate) fn plans(&self, store: &Store) -> Result<Arc<Vec<Plan>>> {
        let written = {
            let kept = self.0.lock();
            if let Some(plans) = &kept.plans {
                return Ok(plans.clone());
            }
            kept.written
        };
        let plans = Arc::new(plans(&store.read()?)?);
        let mut kept = self.0.lock();
        // What was read before a write is not what is kept after it.
        if kept.written == written {
            kept.plans = Some(plans.clone());
        }
        Ok(plans)
    }

    /// To be told after each write, before whoever wrote is.
    fn forget(&self) {
        let mut kept = self.0.lock();
        kept.written += 1;
        kept.plans = None;
    }
}

impl Triggers {
    /// Makes the key, or makes it what it should be now. Two keys cannot have one value.
    pub async fn set_client_key(&self, key: &ClientKey) -> Result<()> {
        self.store
            .write(|tx| {
                let at = CLIENT_KEYS.key().str(&key.id);
                let by_value = KEY_VALUES.key().str(&key.value);
                if let Some(KeyId(owner)) = KEY_VALUES.get(tx, &by_value)?
                    && owner != key.id
                {
                    return Err(Error::KeyTaken);
                }
                if let Some(old) = CLIENT_KEYS.get(tx, &at)? {
                    KEY_VALUES.delete(tx, KEY_VALUES.key().str(&old.value));
                }
                KEY_VALUES.put(tx, by_value, &KeyId(key.id.clone()));
                CLIENT_KEYS.put(tx, at, key);
                Ok(())
            })
            .await
    }

    pub fn client_key(&self, id: &str) -> Result<Option<ClientKey>> {
        Ok(CLIENT_KEYS.get(&self.store.read()?, &CLIENT_KEYS.key().str(id))?)
    }

    pub fn client_keys(&self) -> Result<Vec<ClientKey>> {
        let range = CLIENT_KEYS.key().range();
        let found = CLIENT_KEYS.scan(&self.store.read()?, &range, MOST_KEYS)?;
        Ok(found.into_iter().map(|(_, key)| key).collect())
    }

    pub async fn remove_client_key(&self, id: &str) -> Result<()> {
        self.store
            .write(|tx| {
                let at = CLIENT_KEYS.key().str(id);
                if let Some(old) = CLIENT_KEYS.get(tx, &at)? {
                    KEY_VALUES.delete(tx, KEY_VALUES.key().str(&old.value));
                }
                CLIENT_KEYS.delete(tx, at);
                Ok(())
            })
            .await
    }

    /// Makes the plan, or makes it what it should be now; what has been used of it stays used.
    pub async fn set_plan(&self, plan: &Plan) -> Result<()> {
        let written = self.store.write(|tx| {
            PLANS.put(tx, PLANS.key().str(&plan.id), plan);
            Ok(())
        });
        let written = written.await;
        self.plans.forget();
        written
    }

    pub fn plan(&self, id: &str) -> Result<Option<Plan>> {
        Ok(PLANS.get(&self.store.read()?, &PLANS.key().str(id))?)
    }

    pub fn plans(&self) -> Result<Vec<Plan>> {
        plans(&self.store.read()?)
    }

    pub async fn remove_plan(&self, id: &str) -> Result<()> {
        let written = self.store.write(|tx| {
            if let Some(plan) = PLANS.get(tx, &PLANS.key().str(id))? {
                for key in &plan.keys {
                    USES.delete(tx, USES.key().str(id).str(key));
                }
            }
            PLANS.delete(tx, PLANS.key().str(id));
            Ok(())
        });
        let written = written.await;
        self.plans.forget();
        written
    }
}

pub(crate) fn plans(from: &impl Read) -> Result<Vec<Plan>> {
    let found = PLANS.scan(from, &PLANS.key().range(), MOST_PLANS)?;
    Ok(found.into_iter().map(|(_, plan)| plan).collect())
}
