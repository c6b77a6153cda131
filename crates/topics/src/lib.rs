//! Topics: what is published once and goes to whoever has subscribed.
//!
//! Publishing appends a message to one log, in one transaction that may be the caller's. Who has subscribed is not known
//! here: `triggers` follows the log. A topic may be *ordered*: then the messages of one group stay in their order, and what
//! is published twice within five minutes counts once.
//!
//! Beside them are the *devices* that people carry, which are published to by name, and the *outbox*: mail, text messages
//! and notices to devices, which nobody carries any further. Whoever wants to know what people would have got looks there.
//!
//! Must never know: wire protocols, which names a cloud allows, who subscribes, or who may do what.

mod create;
mod device;
mod error;
mod number;
mod outbox;
mod publish;
mod repeat;
mod schema;
mod settings;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use base::{Clock, Random};
use store::Store;

pub use create::NewTopic;
pub use device::{NewApp, NewDevice};
pub use error::{Error, Result};
pub use outbox::Sent;
pub use publish::{Draft, Logged, Published};
pub use schema::{
    App, Attribute, AttributeValue, Device, Kind, Message, Number, Ordering, Parcel, Topic, TopicId,
};

/// A handle on the topics. Clones share it.
#[derive(Clone)]
pub struct Topics {
    store: Store,
    clock: Arc<dyn Clock>,
    random: Random,
}

impl Topics {
    pub fn new(store: Store, clock: Arc<dyn Clock>, random: Random) -> Self {
        Self {
            store,
            clock,
            random,
        }
    }
}

impl std::fmt::Debug for Topics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Topics")
    }
}
