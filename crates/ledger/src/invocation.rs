//! Records of invocations.

use base::{Space, Timestamp};
use store::{Key, KeyRange, KeyReader, Tx, View};

use crate::schema::{INVOCATIONS, Invocation};
use crate::{Ledger, Result};

/// How many records over the limit are waited for before the oldest are dropped together.
const SLACK: usize = 1_000;

/// Drops the oldest records, which come last, and returns the first of their keys. Nothing is looked for from `gone` on
/// unless too few come before: a clock that was set back may have left some there.
fn drop_oldest(tx: &mut Tx, range: &KeyRange, gone: Option<&[u8]>) -> Result<Option<Vec<u8>>> {
    let mut old = match gone {
        Some(gone) => store::Read::scan_back(tx, &range.clone().before(gone), SLACK)?,
        None => Vec::new(),
    };
    if old.len() < SLACK {
        old = store::Read::scan_back(tx, range, SLACK)?;
    }
    let first = old.last().map(|(key, _)| key.to_vec());
    for (key, _) in old {
        tx.delete(key);
    }
    Ok(first)
}

impl Ledger {
    /// Writes the record down in the transaction of whatever it belongs to.
    pub fn record(tx: &mut Tx, invocation: &Invocation) {
        INVOCATIONS.put(tx, key(invocation), invocation);
    }

    /// To be called after a transaction that recorded: forgets the function's oldest records if there are too many.
    pub async fn recorded(&self, invocation: &Invocation) -> Result<()> {
        let (space, function) = (&invocation.space, invocation.function.as_str());
        let most = self.limits.invocations + SLACK;
        let range = of_function(space, function).range();
        let count = match self.tallies.grow_function(space, function) {
            Some(count) => count,
            None => {
                let count = store::Read::scan(&self.store.read()?, &range, most)?.len();
                self.tallies.set_function(space, function, count);
                count
            }
        };
        if count < most {
            return Ok(());
        }
        let gone = self.tallies.gone_of_function(space, function);
        let gone = self
            .store
            .write_buffered(|tx| drop_oldest(tx, &range, gone.as_deref()))
            .await?;
        if let Some(gone) = gone {
            self.tallies.note_gone(space, function, gone);
        }
        self.tallies.set_function(space, function, count - SLACK);
        Ok(())
    }

    /// The newest `limit` invocations of one function, or of all of a space, newest first.
    pub fn invocations(
        &self,
        space: &Space,
        function: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Invocation>> {
        let view = self.store.read()?;
        match function {
            Some(function) => newest(&view, &of_function(space, function).range(), limit),
            None => newest_of_all(&view, space, limit),
        }
    }

    /// The attempts of one invocation, oldest first, among the function's newest `within` records.
    pub fn attempts(
        &self,
        space: &Space,
        function: &str,
        request_id: &str,
        within: usize,
    ) -> Result<Vec<Invocation>> {
        let mut attempts = self.invocations(space, Some(function), within)?;
        attempts.retain(|invocation| invocation.request_id == request_id);
        attempts.reverse();
        Ok(attempts)
    }
}

fn of_function(space: &Space, function: &str) -> Key {
    INVOCATIONS.key().str(space.as_str()).str(function)
}

fn key(invocation: &Invocation) -> Key {
    of_function(&invocation.space, &invocation.function)
        .u64(before_the_end(invocation.started))
        .str(&invocation.request_id)
        .u32(invocation.attempt)
}

/// So that the newest sorts first.
fn before_the_end(moment: Timestamp) -> u64 {
    u64::MAX - moment.as_micros()
}

fn newest(view: &View, range: &KeyRange, limit: usize) -> Result<Vec<Invocation>> {
    let found = INVOCATIONS.scan(view, range, limit)?;
    Ok(found
        .into_iter()
        .map(|(_, invocation)| invocation)
        .collect())
}

/// Visits each function that has records once, by jumping over the rest of its records.
fn newest_of_all(view: &View, space: &Space, limit: usize) -> Result<Vec<Invocation>> {
    let whole = INVOCATIONS.key().str(space.as_str()).range();
    let mut rest = whole.clone();
    let mut all = Vec::new();
    while let Some((key, _)) = store::Read::scan(view, &rest, 1)?.pop() {
        let function = function_of(&key)?;
        let range = of_function(space, &function).range();
        all.extend(newest(view, &range, limit)?);
        rest = whole.clone().from(&range.end);
    }
    all.sort_by_key(|invocation| std::cmp::Reverse(invocation.started));
    all.truncate(limit);
    Ok(all)
}

fn function_of(key: &[u8]) -> Result<String> {
    let read = || {
        let mut reader = KeyReader::new(key)?;
        reader.str()?;
        reader.str()
    };
    Ok(read().ok_or_else(|| store::Error::Damaged("an invocation's key does not read".into()))?)
}

#[cfg(test)]
mod tests {
    use base::{ByteSize, Random};
    use store::Store;

    use super::*;
    use crate::{Limits, Outcome, Phases};

    fn invocation(function: &str, second: u64) -> Invocation {
        Invocation {
            request_id: format!("{second}"),
            space: Space::new("here"),
            function: function.into(),
            version: None,
            trigger: "direct".into(),
            started: Timestamp::from_secs(second),
            phases: Phases::default(),
            billed_ms: 1,
            memory_mb: 128,
            max_memory_mb: None,
            outcome: Outcome::Ok,
            attempt: 1,
            next_attempt: None,
            settlement: None,
        }
    }

    fn seconds(found: &[Invocation]) -> Vec<u64> {
        found.iter().map(|found| found.started.as_secs()).collect()
    }

    #[tokio::test]
    async fn invocations_are_listed_newest_first_of_one_function_and_of_all() {
        let ledger = Ledger::new(Store::ephemeral(Random::seeded(1)), Limits::default());
        for (function, second) in [("a", 1), ("b", 2), ("a", 3), ("ab", 4), ("b", 5)] {
            ledger.note(invocation(function, second)).await;
        }
        ledger.caught_up().await;
        let here = Space::new("here");
        let of = |function, limit| seconds(&ledger.invocations(&here, function, limit).unwrap());
        assert_eq!(of(Some("a"), 9), [3, 1]);
        assert_eq!(of(None, 9), [5, 4, 3, 2, 1]);
        assert_eq!(of(None, 2), [5, 4]);
        assert!(of(Some("c"), 9).is_empty());
    }

    const FEW: Limits = Limits {
        group: ByteSize::mib(64),
        invocations: 100,
    };

    async fn kept_of(ledger: &Ledger, seconds_of_all: impl Iterator<Item = u64>) -> Vec<u64> {
        for second in seconds_of_all {
            ledger.note(invocation("f", second)).await;
        }
        ledger.caught_up().await;
        let kept = ledger.invocations(&Space::new("here"), Some("f"), 9_999);
        seconds(&kept.unwrap())
    }

    #[tokio::test]
    async fn the_oldest_records_are_dropped() {
        let ledger = Ledger::new(Store::ephemeral(Random::seeded(1)), FEW);
        let kept = kept_of(&ledger, 0..5_500).await;
        assert!(kept.len() >= 100 && kept.len() < 1_100, "{}", kept.len());
        let newest = (0..5_500).rev().take(kept.len());
        assert_eq!(kept, newest.collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn records_that_are_older_than_what_was_dropped_are_dropped_too() {
        let ledger = Ledger::new(Store::ephemeral(Random::seeded(1)), FEW);
        kept_of(&ledger, 1_000..3_500).await;
        let kept = kept_of(&ledger, 0..1_000).await;
        assert!(kept.len() >= 100 && kept.len() < 1_100, "{}", kept.len());
        assert_eq!(kept[0], 3_499);
    }
}
