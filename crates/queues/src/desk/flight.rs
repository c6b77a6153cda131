use std::collections::BTreeMap;

use base::Timestamp;

/// How many messages are in flight, by when each will be visible again.
#[derive(Default)]
pub(crate) struct Flight {
    until: BTreeMap<Timestamp, usize>,
    count: usize,
}

impl Flight {
    pub(crate) fn enter(&mut self, until: Timestamp, now: Timestamp) {
        if until > now {
            *self.until.entry(until).or_default() += 1;
            self.count += 1;
        }
    }

    pub(crate) fn leave(&mut self, until: Timestamp, now: Timestamp) {
        self.land(now);
        let Some(count) = self.until.get_mut(&until) else {
            return;
        };
        *count -= 1;
        self.count -= 1;
        if *count == 0 {
            self.until.remove(&until);
        }
    }

    pub(crate) fn count(&mut self, now: Timestamp) -> usize {
        self.land(now);
        self.count
    }

    /// Forgets those whose time has come.
    fn land(&mut self, now: Timestamp) {
        while let Some(first) = self.until.first_entry()
            && *first.key() <= now
        {
            self.count -= first.remove();
        }
    }
}
