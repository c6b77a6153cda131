use store::{Key, KeyReader, Keyspace};

use crate::error::{Error, Result};
use crate::place::Place;
use crate::schema::Queue;

/// What whoever received a message has to show to settle it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Receipt {
    pub(crate) queue: u64,
    pub(crate) place: Place,
    pub(crate) token: u64,
}

impl Receipt {
    pub fn to_bytes(self) -> Vec<u8> {
        let key = Key::new(Keyspace::Queues, 0).u64(self.queue);
        self.place.put(key).u64(self.token).into_vec()
    }

    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut reader = KeyReader::new(bytes)?;
        let receipt = Self {
            queue: reader.u64()?,
            place: Place::read(&mut reader)?,
            token: reader.u64()?,
        };
        reader.raw().is_empty().then_some(receipt)
    }

    pub(crate) fn check(self, queue: &Queue) -> Result<()> {
        if self.queue == queue.number {
            Ok(())
        } else {
            Err(Error::NoReceipt)
        }
    }
}
