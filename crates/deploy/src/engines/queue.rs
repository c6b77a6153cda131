//! Queues.

use queues::{Address, Allow, Error, NewQueue, Redrive, Settings};

use super::Failure;
use crate::Deployer;
use crate::desired::Queue;

impl Deployer {
    pub(super) fn queue_address(&self, name: &str) -> Address {
        Address::new(&self.space(), name)
    }

    pub(super) async fn put_queue(&self, queue: &Queue, fresh: bool) -> Result<bool, Failure> {
        let address = self.queue_address(&queue.name);
        let queues = &self.engines.queues;
        let wanted = self.queue_settings(queue);
        match queues.get(&address) {
            Ok(_) if fresh => return Ok(false),
            Ok(known) => {
                let change = |settings: &mut Settings| {
                    // What was set besides by others is theirs.
                    let policy = settings.kept.get("Policy").cloned();
                    settings.clone_from(&wanted);
                    settings
                        .kept
                        .extend(policy.map(|policy| ("Policy".to_owned(), policy)));
                };
                let mut changed = known.settings.clone();
                change(&mut changed);
                if changed != known.settings {
                    queues.change(&address, change).await?;
                }
                let tags = |set: &mut _| Clone::clone_from(set, &queue.tags);
                queues.tag(&address, tags).await?;
            }
            Err(Error::NoSuchQueue(_)) => {
                let new = NewQueue {
                    ordered: queue.ordered,
                    settings: wanted,
                    tags: queue.tags.clone(),
                };
                queues.create(&address, new, |_| None).await?;
            }
            Err(error) => return Err(error.into()),
        }
        Ok(true)
    }

    fn queue_settings(&self, queue: &Queue) -> Settings {
        let named = |name: &String| self.queue_address(name);
        Settings {
            visibility_s: queue.visibility_s,
            delay_s: queue.delay_s,
            retention_s: queue.retention_s,
            max_bytes: queue.max_bytes,
            wait_s: queue.wait_s,
            redrive: queue.redrive.as_ref().map(|redrive| Redrive {
                to: named(&redrive.to),
                max_receives: redrive.max_receives,
            }),
            allow: match &queue.sources {
                None => Allow::All,
                Some(sources) if sources.is_empty() => Allow::Nobody,
                Some(sources) => Allow::Only(sources.iter().map(named).collect()),
            },
            once_by_content: queue.once_by_content,
            once_per_group: queue.once_per_group,
            throughput_per_group: queue.throughput_per_group,
            kept: queue.kept.clone(),
        }
    }
}
