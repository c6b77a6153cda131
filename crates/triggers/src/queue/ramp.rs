//! How many batches of a queue are delivered at once: the real service's ramp. It begins with five, and for as long as
//! there is more than it does it takes on up to 300 more a minute, up to 1,250. When there is nothing to do, it begins
//! again.

use std::time::Duration;

use base::Timestamp;

const FIRST: usize = 5;
const MOST: usize = 1_250;
const EACH: Duration = Duration::from_millis(60_000 / 300);

pub(super) struct Ramp {
    most: usize,
    limit: usize,
    /// Since when it has been doing as much as it may, less what it has been given for that.
    since: Option<Timestamp>,
}

impl Ramp {
    /// `most` is what the user allows; nothing for as many as there are.
    pub(super) fn new(most: u32) -> Self {
        let most = match usize::try_from(most) {
            Ok(0) | Err(_) => MOST,
            Ok(most) => most.min(MOST),
        };
        Self {
            most,
            limit: FIRST.min(most),
            since: None,
        }
    }

    /// How many may run, when so many do.
    pub(super) fn limit(&mut self, now: Timestamp, running: usize) -> usize {
        if running == 0 {
            self.limit = FIRST.min(self.most);
        }
        if running < self.limit {
            self.since = None;
            return self.limit;
        }
        let since = *self.since.get_or_insert(now);
        let steps = now.since(since).as_micros() / EACH.as_micros();
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        if steps > 0 {
            self.since = Some(since + EACH * steps);
            let more = usize::try_from(steps).unwrap_or(usize::MAX);
            self.limit = self.limit.saturating_add(more).min(self.most);
        }
        self.limit
    }

    /// When there may be one more.
    pub(super) fn next(&self, now: Timestamp) -> Option<Timestamp> {
        if self.limit >= self.most {
            return None;
        }
        Some(self.since.unwrap_or(now) + EACH)
    }

    /// The function was not given what it would need: half as many will do.
    pub(super) fn refused(&mut self) {
        self.limit = (self.limit / 2).max(1);
        self.since = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + millis)
    }

    #[test]
    fn there_are_five_at_first_and_three_hundred_more_each_minute() {
        let mut ramp = Ramp::new(0);
        assert_eq!(ramp.limit(at(0), 0), 5);
        assert_eq!(ramp.limit(at(10_000), 4), 5, "it has not been enough yet");
        assert_eq!(ramp.limit(at(10_000), 5), 5);
        assert_eq!(ramp.next(at(10_000)), Some(at(10_200)));
        assert_eq!(ramp.limit(at(10_199), 5), 5);
        assert_eq!(ramp.limit(at(10_200), 5), 6);
        for step in 0..3_000 {
            let running = ramp.limit;
            ramp.limit(at(10_200 + step * 200), running);
            if step == 299 {
                assert_eq!(ramp.limit, 305);
            }
        }
        assert_eq!(ramp.limit, 1_250);
        assert_eq!(ramp.next(at(0)), None);
        assert_eq!(ramp.limit(at(900_000), 0), 5, "it begins again");
    }

    #[test]
    fn the_user_says_how_many_at_most() {
        let mut ramp = Ramp::new(2);
        assert_eq!(ramp.limit(at(0), 2), 2);
        assert_eq!(ramp.limit(at(60_000), 2), 2);
        ramp.refused();
        assert_eq!(ramp.limit(at(60_000), 1), 1);
    }
}
