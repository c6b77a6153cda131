use std::sync::Arc;
use std::time::Duration;

use base::{ManualClock, Random, Space, Timestamp};
use store::{Faults, Simulation};

use crate::{
    Address, Counts, NewMessage, NewQueue, Queues, Receipt, Receive, Received, Redrive, Settings,
};

pub(super) struct World {
    pub(super) disk: Simulation,
    pub(super) clock: ManualClock,
    pub(super) random: Random,
    pub(super) queues: Queues,
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(7, Faults::none())
    }

    pub(super) fn with(seed: u64, faults: Faults) -> Self {
        let random = Random::seeded(seed);
        let disk = Simulation::new(random.clone(), faults);
        let clock = ManualClock::new(Timestamp::from_secs(1_700_000_000));
        let queues = Queues::new(disk.open(), Arc::new(clock.clone()), random.clone());
        Self {
            disk,
            clock,
            random,
            queues,
        }
    }

    /// The process dies and another one takes its place.
    pub(super) fn crash(&mut self) {
        self.disk.crash();
        self.queues = Queues::new(
            self.disk.open(),
            Arc::new(self.clock.clone()),
            self.random.clone(),
        );
    }

    pub(super) fn pass(&self, secs: u64) {
        self.clock.advance(Duration::from_secs(secs));
    }

    pub(super) async fn create(&self, name: &str, ordered: bool, settings: Settings) -> Address {
        let new = NewQueue {
            ordered,
            settings,
            ..NewQueue::default()
        };
        let address = address(name);
        self.queues.create(&address, new, |_| None).await.unwrap();
        address
    }

    pub(super) async fn plain(&self) -> Address {
        self.create("plain", false, Settings::default()).await
    }

    pub(super) async fn ordered(&self) -> Address {
        self.create("ordered", true, by_content()).await
    }

    pub(super) async fn send(&self, to: &Address, body: &str) {
        self.send_message(to, message(body)).await;
    }

    pub(super) async fn send_in(&self, to: &Address, group: &str, body: &str) {
        self.send_message(to, in_group(group, body)).await;
    }

    pub(super) async fn send_message(&self, to: &Address, message: NewMessage) {
        let sent = self.queues.send_all(to, vec![message]).await.unwrap();
        sent.into_iter().next().unwrap().unwrap();
    }

    pub(super) async fn receive(&self, from: &Address, most: usize) -> Vec<Received> {
        let how = Receive {
            most,
            ..Receive::default()
        };
        self.queues.receive(from, how).await.unwrap()
    }

    pub(super) async fn bodies(&self, from: &Address, most: usize) -> Vec<String> {
        bodies(&self.receive(from, most).await)
    }

    pub(super) async fn settle(&self, of: &Address, received: &[Received]) {
        for done in self.queues.settle(of, &receipts(received)).await.unwrap() {
            done.unwrap();
        }
    }

    pub(super) fn counts(&self, of: &Address) -> (u64, u64, u64) {
        let Counts {
            visible,
            in_flight,
            delayed,
        } = self.queues.counts(of).unwrap();
        (visible, in_flight, delayed)
    }
}

pub(super) fn address(name: &str) -> Address {
    Address::new(&Space::new("here"), name)
}

pub(super) fn by_content() -> Settings {
    Settings {
        once_by_content: true,
        ..Settings::default()
    }
}

pub(super) fn redriven(to: &Address, max_receives: u32) -> Settings {
    Settings {
        once_by_content: true,
        redrive: Some(Redrive {
            to: to.clone(),
            max_receives,
        }),
        ..Settings::default()
    }
}

pub(super) fn message(body: &str) -> NewMessage {
    NewMessage {
        body: body.to_owned(),
        ..NewMessage::default()
    }
}

pub(super) fn in_group(group: &str, body: &str) -> NewMessage {
    NewMessage {
        group: Some(group.to_owned()),
        ..message(body)
    }
}

pub(super) fn bodies(received: &[Received]) -> Vec<String> {
    let bodies = received
        .iter()
        .map(|received| received.message.body.clone());
    bodies.collect()
}

pub(super) fn receipts(received: &[Received]) -> Vec<Receipt> {
    received.iter().map(|received| received.receipt).collect()
}
