use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use store::Tx;

use crate::allow;
use crate::desk::Desk;
use crate::error::{Error, Result};
use crate::schema::{
    Address, Due, GONE, QUEUES, Queue, SOURCES, Settings, TAGS, Tags, gone, row, sources,
};
use crate::{Queues, tags};

/// For how long after a queue was dropped there can be no other of its name.
pub(crate) const NAME_RESTS: Duration = Duration::from_secs(60);

/// A queue to be.
#[derive(Clone, Debug, Default)]
pub struct NewQueue {
    pub ordered: bool,
    pub settings: Settings,
    pub tags: BTreeMap<String, String>,
}

impl Queues {
    /// Makes a queue. If it is there already that is as good, unless `differs` names what is different in it.
    pub async fn create(
        &self,
        address: &Address,
        new: NewQueue,
        differs: impl Fn(&Queue) -> Option<&'static str>,
    ) -> Result<Arc<Queue>> {
        tags::check(address, &new.tags)?;
        let now = self.now();
        let queue = Queue {
            number: self.shared.random.u64(),
            created: now,
            modified: now,
            ordered: new.ordered,
            purged: None,
            settings: new.settings,
        };
        self.store()
            .write(|tx| {
                if let Some(existing) = QUEUES.get(tx, &row(address))? {
                    let address = address.clone();
                    return match differs(&existing) {
                        Some(what) => Err(Error::QueueExists { address, what }),
                        None => Ok(()),
                    };
                }
                if let Some(dropped) = GONE.get(tx, &gone(address))?
                    && dropped.at + NAME_RESTS > now
                {
                    return Err(Error::DroppedJustNow(address.clone()));
                }
                allow::check(tx, address, queue.ordered, queue.settings.redrive.as_ref())?;
                put_source(tx, address, None, Some(&queue.settings));
                QUEUES.put(tx, row(address), &queue);
                if !new.tags.is_empty() {
                    TAGS.put(tx, TAGS.key().u64(queue.number), &Tags(new.tags.clone()));
                }
                Ok(())
            })
            .await?;
        self.get(address)
    }

    /// The queue as it is.
    pub fn get(&self, address: &Address) -> Result<Arc<Queue>> {
        self.desk(address)?.open()
    }

    pub(crate) fn desk(&self, address: &Address) -> Result<Arc<Desk>> {
        let mut desks = self.shared.desks.lock();
        if let Some(desk) = desks.get(address) {
            return Ok(desk.clone());
        }
        let queue = QUEUES.get(&self.store().read()?, &row(address))?;
        let queue = queue.ok_or_else(|| Error::NoSuchQueue(address.clone()))?;
        let desk = Arc::new(Desk::new(address.clone(), queue));
        desks.insert(address.clone(), desk.clone());
        Ok(desk)
    }

    /// Lets the desk know of what was committed.
    pub(crate) fn refresh(&self, address: &Address) -> Result<()> {
        let mut desks = self.shared.desks.lock();
        // Read under the lock, so that of two changes the later one is what stays.
        let queue = QUEUES.get(&self.store().read()?, &row(address))?;
        match (desks.get(address), queue) {
            (Some(desk), Some(queue)) if desk.queue().number == queue.number => {
                desk.changed(queue);
            }
            (Some(desk), _) => {
                desk.close();
                desks.remove(address);
            }
            (None, _) => {}
        }
        Ok(())
    }
}

/// Notes, where a queue gives its dead letters, that it does.
pub(crate) fn put_source(
    tx: &mut Tx,
    from: &Address,
    before: Option<&Settings>,
    after: Option<&Settings>,
) {
    let row = |settings: Option<&Settings>| {
        let redrive = settings?.redrive.as_ref()?;
        let sources = sources(&redrive.to);
        Some(sources.str(from.space.as_str()).str(&from.name))
    };
    let (before, after) = (row(before), row(after));
    if before == after {
        return;
    }
    if let Some(before) = before {
        SOURCES.delete(tx, before);
    }
    if let Some(after) = after {
        SOURCES.put(tx, after, &Due);
    }
}
