//! How many calls a second an ordered queue takes: 300 of each action, where a batch counts as one call. Whose throughput
//! is promised for each group takes as many sends for each group, which is what a partition of the service does; of
//! its receives and deletions it takes more than can be made here.
//!
//! It is the machine's seconds that count: callers live in those.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use base::Clock;
use parking_lot::Mutex;
use queues::{Address, Queue};

use crate::protocol::Fault;

const MOST: u32 = 300;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Action {
    Send,
    Receive,
    Delete,
    Hold,
}

/// The calls of this second.
#[derive(Debug)]
pub(crate) struct Pace {
    clock: Arc<dyn Clock>,
    second: Mutex<Second>,
}

#[derive(Debug, Default)]
struct Second {
    number: u64,
    calls: HashMap<(Address, Action, Option<String>), u32>,
}

impl Pace {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            second: Mutex::default(),
        }
    }

    /// Counts a call, or refuses it.
    pub(super) fn call(
        &self,
        address: &Address,
        queue: &Queue,
        action: Action,
    ) -> Result<(), Fault> {
        match queue.ordered && !queue.settings.throughput_per_group {
            true => self.count(address, action, [None]),
            false => Ok(()),
        }
    }

    /// Counts a send to these groups, or refuses it.
    pub(super) fn send<'a>(
        &self,
        address: &Address,
        queue: &Queue,
        groups: impl Iterator<Item = Option<&'a str>>,
    ) -> Result<(), Fault> {
        if !queue.ordered || !queue.settings.throughput_per_group {
            return self.call(address, queue, Action::Send);
        }
        let groups: HashSet<&str> = groups.flatten().collect();
        let groups = groups.into_iter().map(|group| Some(group.to_owned()));
        self.count(address, Action::Send, groups)
    }

    fn count(
        &self,
        address: &Address,
        action: Action,
        groups: impl IntoIterator<Item = Option<String>>,
    ) -> Result<(), Fault> {
        let now = self.clock.host().now().as_secs();
        let mut second = self.second.lock();
        if second.number != now {
            second.number = now;
            second.calls.clear();
        }
        for group in groups {
            let calls = second.calls.entry((address.clone(), action, group));
            let calls = calls.or_default();
            if *calls >= MOST {
                return Err(Fault::new("ThrottlingException", "Rate exceeded"));
            }
            *calls += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use base::{ManualClock, Random, Space, Timestamp};
    use queues::{NewQueue, Queues, Settings};
    use store::Store;

    use super::*;

    struct World {
        clock: Arc<ManualClock>,
        queues: Queues,
        pace: Pace,
    }

    impl World {
        fn new() -> Self {
            let random = Random::seeded(1);
            let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_000)));
            let store = Store::ephemeral(random.clone());
            Self {
                queues: Queues::new(store, clock.clone(), random),
                pace: Pace::new(clock.clone()),
                clock,
            }
        }

        async fn queue(&self, name: &str, per_group: bool) -> (Address, Arc<Queue>) {
            let address = Address::new(&Space::new("here"), name);
            let new = NewQueue {
                ordered: name.ends_with(".fifo"),
                settings: Settings {
                    throughput_per_group: per_group,
                    once_per_group: per_group,
                    ..Settings::default()
                },
                ..NewQueue::default()
            };
            let created = self.queues.create(&address, new, |_| None).await;
            created.unwrap();
            let queue = self.queues.get(&address).unwrap();
            (address, queue)
        }
    }

    #[tokio::test]
    async fn an_ordered_queue_takes_three_hundred_calls_of_each_action_a_second() {
        let world = World::new();
        let (address, queue) = world.queue("q.fifo", false).await;
        let (other, _) = world.queue("other.fifo", false).await;
        let call = |address, action| world.pace.call(address, &queue, action);
        for _ in 0..300 {
            call(&address, Action::Receive).unwrap();
        }
        let fault = call(&address, Action::Receive).unwrap_err();
        assert_eq!(fault.code, "ThrottlingException");
        call(&address, Action::Delete).unwrap();
        call(&other, Action::Receive).unwrap();
        world.clock.advance(Duration::from_secs(1));
        call(&address, Action::Receive).unwrap();
    }

    #[tokio::test]
    async fn where_a_group_is_promised_its_own_only_its_sends_are_counted() {
        let world = World::new();
        let (address, queue) = world.queue("q.fifo", true).await;
        let send = |groups: &[&str]| {
            let groups = groups.iter().map(|group| Some(*group));
            world.pace.send(&address, &queue, groups)
        };
        for _ in 0..300 {
            send(&["a", "a", "b"]).unwrap();
        }
        assert!(send(&["a"]).is_err());
        send(&["c"]).unwrap();
        for _ in 0..1_000 {
            world.pace.call(&address, &queue, Action::Receive).unwrap();
        }
    }

    #[tokio::test]
    async fn a_queue_without_order_takes_any_number() {
        let world = World::new();
        let (address, queue) = world.queue("q", false).await;
        for _ in 0..1_000 {
            let groups = std::iter::once(Some("a"));
            world.pace.send(&address, &queue, groups).unwrap();
        }
    }
}
