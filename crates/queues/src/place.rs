//! Where a message is within its queue.

use base::Timestamp;
use store::{Key, KeyReader, Position};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Place {
    /// In the queue's log, or in an ordered queue in its group's.
    Log(Position),
    /// By itself: it was sent to be seen later, and so belongs to no order of commits.
    Apart { at: Timestamp, chance: u64 },
}

const LOG: u8 = 0;
const APART: u8 = 1;

impl Place {
    pub(crate) fn put(self, key: Key) -> Key {
        match self {
            Self::Log(position) => key.u8(LOG).u64(position.commit()).u32(position.index()),
            Self::Apart { at, chance } => key.u8(APART).u64(at.as_micros()).u64(chance),
        }
    }

    pub(crate) fn read(reader: &mut KeyReader<'_>) -> Option<Self> {
        match reader.u8()? {
            LOG => Some(Self::Log(Position::new(reader.u64()?, reader.u32()?))),
            APART => Some(Self::Apart {
                at: Timestamp::from_micros(reader.u64()?),
                chance: reader.u64()?,
            }),
            _ => None,
        }
    }
}
