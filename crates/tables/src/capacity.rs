//! What is remembered of how tables and their global indexes were provisioned, and what they are ready for because of
//! that. Nothing is throttled by it.

use base::Timestamp;

use crate::error::{Error, Result};
use crate::schema::{Provisioning, Settings, Throughput};

/// What is ready at once where requests are paid one by one.
const PER_REQUEST: Throughput = Throughput {
    read: 12_000,
    write: 4_000,
};
const DAY_S: u64 = 86_400;

/// What is to be ready, in units per second. What is not said stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ready {
    pub read: Option<u64>,
    pub write: Option<u64>,
}

impl Throughput {
    /// What is ready at the least of what is provisioned like this, or with none is paid per request.
    pub fn least_ready(provisioned: Option<Self>) -> Self {
        provisioned.unwrap_or(PER_REQUEST)
    }

    fn larger(self, other: Self) -> Self {
        Self {
            read: self.read.max(other.read),
            write: self.write.max(other.write),
        }
    }

    fn is_more_anywhere(self, than: Self) -> bool {
        self.read > than.read || self.write > than.write
    }
}

impl Provisioning {
    /// How often it was provisioned with less on the day of this moment.
    pub fn decreases_on(&self, at: Timestamp) -> u32 {
        let day = |at: Timestamp| at.as_secs() / DAY_S;
        match self.decreased {
            Some(last) if day(last) == day(at) => self.decreases,
            _ => 0,
        }
    }
}

impl Settings {
    /// How a table (none) or an index of it, by name, was provisioned until now.
    pub fn provisioning(&self, index: Option<&str>) -> Provisioning {
        let known = self.provisionings.get(index.unwrap_or_default());
        known.copied().unwrap_or_default()
    }

    /// What a table (none) or an index of it is ready for that is provisioned like this.
    pub fn ready(&self, index: Option<&str>, provisioned: Option<Throughput>) -> Throughput {
        let least = Throughput::least_ready(provisioned);
        let known = self.provisioning(index).ready;
        known.map_or(least, |known| known.larger(least))
    }

    /// Makes it ready for more. What is ready is never made less.
    pub(crate) fn make_ready(
        &mut self,
        index: Option<&str>,
        provisioned: Option<Throughput>,
        wanted: Ready,
    ) -> Result<()> {
        let known = self.ready(index, provisioned);
        let wanted = Throughput {
            read: wanted.read.unwrap_or(known.read),
            write: wanted.write.unwrap_or(known.write),
        };
        if known.is_more_anywhere(wanted) {
            return Err(Error::LessReady {
                index: index.map(str::to_owned),
                reads: wanted.read < known.read,
            });
        }
        if wanted != known {
            self.provisioning_mut(index).ready = Some(wanted);
        }
        Ok(())
    }

    /// Remembers that it is provisioned otherwise; none is paid per request.
    pub(crate) fn provision(
        &mut self,
        index: Option<&str>,
        old: Option<Throughput>,
        new: Option<Throughput>,
        now: Timestamp,
    ) {
        let ready = self.ready(index, old).larger(self.ready(index, new));
        let known = self.provisioning_mut(index);
        known.ready = Some(ready);
        let (Some(old), Some(new)) = (old, new) else {
            return;
        };
        if new.is_more_anywhere(old) {
            known.increased = Some(now);
        }
        if old.is_more_anywhere(new) {
            known.decreases = known.decreases_on(now) + 1;
            known.decreased = Some(now);
        }
    }

    fn provisioning_mut(&mut self, index: Option<&str>) -> &mut Provisioning {
        let name = index.unwrap_or_default().to_owned();
        self.provisionings.entry(name).or_default()
    }
}
