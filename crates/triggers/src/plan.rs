//! Keys of callers and the plans that they are in: made, found, removed.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use store::{Read, Store, Tx};

use crate::schema::plan::{CLIENT_KEYS, ClientKey, KEY_VALUES, KeyId, PLANS, Plan, USES};
use crate::{Error, Result, Triggers};

/// Of one space; what an account may have.
const MOST_PLANS: usize = 1_000;
const MOST_KEYS: usize = 10_000;

/// A key that callers have, and the plans that it is in.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) key: Arc<ClientKey>,
    pub(crate) plans: Vec<Arc<Plan>>,
}

/// All plans and the keys that were asked for, decoded: every request with a key looks for it, and they are seldom written.
#[derive(Debug, Default)]
pub(crate) struct Known(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// Goes up with every write.
    written: u64,
    plans: Option<Arc<Vec<Arc<Plan>>>>,
    /// By what the caller sends. No more than there are keys: what is unknown is not kept.
    held: HashMap<String, Arc<Held>>,
}

impl Known {
    /// The key of this value, if there is one.
    pub(crate) fn held(&self, store: &Store, value: &str) -> Result<Option<Arc<Held>>> {
        let (written, plans) = {
            let kept = self.0.lock();
            if let Some(held) = kept.held.get(value) {
                return Ok(Some(held.clone()));
            }
            (kept.written, kept.plans.clone())
        };
        let view = store.read()?;
        let Some(KeyId(id)) = KEY_VALUES.get(&view, &KEY_VALUES.key().str(value))? else {
            return Ok(None);
        };
        let Some(key) = CLIENT_KEYS.get(&view, &CLIENT_KEYS.key().str(&id))? else {
            return Ok(None);
        };
        let plans = match plans {
            Some(plans) => plans,
            None => Arc::new(plans_in(&view)?.into_iter().map(Arc::new).collect()),
        };
        let is_in = |plan: &&Arc<Plan>| plan.keys.contains(&key.id);
        let held = Arc::new(Held {
            plans: plans.iter().filter(is_in).cloned().collect(),
            key: Arc::new(key),
        });
        let mut kept = self.0.lock();
        // What was read before a write is not what is kept after it.
        if kept.written == written {
            kept.plans = Some(plans);
            kept.held.insert(value.to_owned(), held.clone());
        }
        Ok(Some(held))
    }

    /// Writes keys or plans, and forgets what was known of them before whoever wrote goes on. It runs to its end although
    /// nobody may wait for it: what is written and not forgotten would let in who has no key any more.
    async fn write(
        self: Arc<Self>,
        store: Store,
        mut decide: impl FnMut(&mut Tx) -> Result<()> + Send + 'static,
    ) -> Result<()> {
        let writing = tokio::spawn(async move {
            let written = store.write(&mut decide).await;
            self.forget();
            written
        });
        match writing.await {
            Ok(written) => written,
            Err(stopped) if stopped.is_panic() => std::panic::resume_unwind(stopped.into_panic()),
            Err(_) => Err(Error::Stopped),
        }
    }

    fn forget(&self) {
        let mut kept = self.0.lock();
        kept.written += 1;
        kept.plans = None;
        kept.held.clear();
    }
}

impl Triggers {
    async fn write_known(
        &self,
        decide: impl FnMut(&mut Tx) -> Result<()> + Send + 'static,
    ) -> Result<()> {
        self.plans.clone().write(self.store.clone(), decide).await
    }

    /// Makes the key, or makes it what it should be now. Two keys cannot have one value.
    pub async fn set_client_key(&self, key: ClientKey) -> Result<()> {
        let put = move |tx: &mut Tx| {
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
            CLIENT_KEYS.put(tx, at, &key);
            Ok(())
        };
        self.write_known(put).await
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
        let at = CLIENT_KEYS.key().str(id);
        let remove = move |tx: &mut Tx| {
            if let Some(old) = CLIENT_KEYS.get(tx, &at)? {
                KEY_VALUES.delete(tx, KEY_VALUES.key().str(&old.value));
            }
            CLIENT_KEYS.delete(tx, at.clone());
            Ok(())
        };
        self.write_known(remove).await
    }

    /// Makes the plan, or makes it what it should be now; what has been used of it stays used.
    pub async fn set_plan(&self, plan: Plan) -> Result<()> {
        let put = move |tx: &mut Tx| {
            PLANS.put(tx, PLANS.key().str(&plan.id), &plan);
            Ok(())
        };
        self.write_known(put).await
    }

    pub fn plan(&self, id: &str) -> Result<Option<Plan>> {
        Ok(PLANS.get(&self.store.read()?, &PLANS.key().str(id))?)
    }

    pub fn plans(&self) -> Result<Vec<Plan>> {
        plans_in(&self.store.read()?)
    }

    pub async fn remove_plan(&self, id: &str) -> Result<()> {
        let id = id.to_owned();
        let remove = move |tx: &mut Tx| {
            if let Some(plan) = PLANS.get(tx, &PLANS.key().str(&id))? {
                for key in &plan.keys {
                    USES.delete(tx, USES.key().str(&id).str(key));
                }
            }
            PLANS.delete(tx, PLANS.key().str(&id));
            Ok(())
        };
        self.write_known(remove).await
    }
}

fn plans_in(from: &impl Read) -> Result<Vec<Plan>> {
    let found = PLANS.scan(from, &PLANS.key().range(), MOST_PLANS)?;
    Ok(found.into_iter().map(|(_, plan)| plan).collect())
}

#[cfg(test)]
mod tests {
    use base::{Random, Space};
    use futures_util::poll;
    use store::{Faults, Simulation};

    use super::*;

    fn key(enabled: bool) -> ClientKey {
        ClientKey {
            id: "k".into(),
            space: Space::new("here"),
            name: "a key".into(),
            value: "what is sent".into(),
            enabled,
        }
    }

    fn put(key: ClientKey) -> impl FnMut(&mut Tx) -> Result<()> + Send + 'static {
        move |tx| {
            KEY_VALUES.put(tx, KEY_VALUES.key().str(&key.value), &KeyId(key.id.clone()));
            CLIENT_KEYS.put(tx, CLIENT_KEYS.key().str(&key.id), &key);
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_key_is_known_as_it_is_although_nobody_waited_for_its_change() {
        let store = Simulation::new(Random::seeded(1), Faults::none()).open();
        let known = Arc::new(Known::default());
        let is_enabled = |value| {
            let held = known.held(&store, value).unwrap();
            held.map(|held| held.key.enabled)
        };
        assert_eq!(is_enabled("what is sent"), None);
        let written = known.clone().write(store.clone(), put(key(true)));
        written.await.unwrap();
        assert_eq!(is_enabled("what is sent"), Some(true));
        assert_eq!(is_enabled("something else"), None);
        assert_eq!(known.0.lock().held.len(), 1);
        let mut changing = Box::pin(known.clone().write(store.clone(), put(key(false))));
        assert!(poll!(&mut changing).is_pending());
        drop(changing);
        while is_enabled("what is sent") == Some(true) {
            tokio::task::yield_now().await;
        }
        assert_eq!(is_enabled("what is sent"), Some(false));
    }
}
