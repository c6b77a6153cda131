//! Appending lines, reading them, and forgetting the oldest.

use std::sync::Arc;

use base::{Space, Timestamp};
use store::{Entry, Log, Position, Read, Record, Tx};

use crate::behind::size_of;
use crate::schema::{Batch, GROUPS, Group, GroupRecord, Invocation, Line};
use crate::{Ledger, Result};

/// Names each group that got lines, in the order in which it did: what one who follows many groups listens to.
pub(crate) fn news() -> Log {
    Log::new("ledger/news")
}

/// How many entries of the news are kept. One who follows and falls further behind looks at every group instead.
pub(crate) const NEWS_KEPT: usize = 4_096;

/// A line with where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    pub position: Position,
    pub group: Group,
    pub stream: String,
    pub function: String,
    pub line: Line,
    /// Which line of its entry it is.
    pub index: u32,
}

/// Who prints lines, and where they go.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) group: Group,
    pub(crate) name: String,
    pub(crate) function: String,
}

/// What one stream printed.
#[derive(Debug)]
pub(crate) struct Printed {
    pub(crate) stream: Arc<Stream>,
    pub(crate) lines: Vec<Line>,
    pub(crate) size: usize,
}

/// How much of a group there is now.
struct Grown<'a> {
    group: &'a Group,
    /// About when it did.
    at: Timestamp,
    sum: u64,
    /// It is time to write that down.
    due: bool,
}

impl Printed {
    /// Whether this stream's lines may follow in the same entry.
    pub(crate) fn goes_on(&self, stream: &Arc<Stream>) -> bool {
        Arc::ptr_eq(&self.stream, stream)
    }

    /// What is stored of it; the lines are gone from it then.
    fn take(&mut self) -> Vec<u8> {
        let batch = Batch {
            stream: self.stream.name.clone(),
            function: self.stream.function.clone(),
            lines: std::mem::take(&mut self.lines),
        };
        batch.encode()
    }
}

impl Ledger {
    /// Adds what one stream printed. Visible on return, durable with the next synced write.
    pub async fn append(
        &self,
        group: &Group,
        stream: &str,
        function: &str,
        lines: Vec<Line>,
    ) -> Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let stream = Arc::new(Stream {
            group: group.clone(),
            name: stream.to_owned(),
            function: function.to_owned(),
        });
        let size = size_of(&lines);
        let printed = Printed {
            stream,
            lines,
            size,
        };
        self.append_all(&mut [printed], &[]).await
    }

    /// Adds what streams printed, and records. Visible on return, durable with the next synced write.
    pub(crate) async fn append_all(
        &self,
        printed: &mut [Printed],
        records: &[Invocation],
    ) -> Result<()> {
        let mut entries = Vec::with_capacity(printed.len());
        let mut grown: Vec<Grown<'_>> = Vec::new();
        for one in printed {
            let at = one.lines.first().map(|first| first.at);
            let (body, group) = (one.take(), &one.stream.group);
            if let Some(first) = at {
                self.open_group(group, first).await?;
            }
            let at = at.unwrap_or_default();
            let (sum, due) = self.tallies.grow_group(group, body.len() as u64);
            entries.push((group.log(), body));
            match grown.iter_mut().find(|known| known.group == group) {
                Some(known) => (known.sum, known.due) = (sum, known.due || due),
                None => grown.push(Grown {
                    group,
                    at,
                    sum,
                    due,
                }),
            }
        }
        self.store
            .write_buffered(|tx| {
                for (log, body) in &entries {
                    log.append(tx, body.clone());
                }
                for Grown {
                    group, sum, due, ..
                } in &grown
                {
                    news().append(tx, encode_news(group));
                    if *due {
                        write_down(tx, group, *sum)?;
                    }
                }
                for record in records {
                    Self::record(tx, record);
                }
                Ok::<_, crate::Error>(())
            })
            .await?;
        self.trim(&grown).await?;
        for record in records {
            self.recorded(record).await?;
        }
        Ok(())
    }

    async fn trim(&self, grown: &[Grown<'_>]) -> Result<()> {
        if grown.iter().any(|group| group.due) {
            self.trim_news().await?;
        }
        for Grown {
            group,
            at,
            sum,
            due,
        } in grown
        {
            if *due && let Some(since) = self.settings(group)?.since(*at) {
                self.forget_before(group, since).await?;
            }
            if *sum > self.limits.group.as_bytes() {
                self.trim_group(group, *sum).await?;
            }
        }
        Ok(())
    }

    /// Sees to it that the group's record exists and its size is known.
    async fn open_group(&self, group: &Group, now: Timestamp) -> Result<()> {
        if self.tallies.knows_group(group) {
            return Ok(());
        }
        let bytes = self
            .store
            .write_buffered(|tx| match GROUPS.get(tx, &group.key())? {
                Some(known) => Ok(known.bytes),
                None => {
                    let record = GroupRecord {
                        created: now,
                        bytes: 0,
                    };
                    GROUPS.put(tx, group.key(), &record);
                    Ok::<_, crate::Error>(0)
                }
            })
            .await?;
        self.tallies.learn_group(group, bytes);
        Ok(())
    }

    /// Removes the group's oldest entries until an eighth of what may be kept is free.
    async fn trim_group(&self, group: &Group, sum: u64) -> Result<()> {
        let excess = sum - self.limits.group.as_bytes() / 8 * 7;
        let mut freed = 0;
        while freed < excess {
            let round = self
                .store
                .write_buffered(|tx| drop_oldest(tx, &group.log(), excess - freed, |_| Ok(true)))
                .await?;
            if round == 0 {
                break;
            }
            freed += round;
        }
        self.tallies.shrink_group(group, freed);
        Ok(())
    }

    async fn trim_news(&self) -> Result<()> {
        let newest = news().read_back(&self.store.read()?, None, NEWS_KEPT + 1)?;
        let Some(first_dropped) = newest.get(NEWS_KEPT) else {
            return Ok(());
        };
        let cursor = first_dropped.position;
        self.store
            .write_buffered(|tx| news().trim(tx, cursor, NEWS_KEPT).map(drop))
            .await
            .map_err(crate::Error::Store)
    }

    /// The last `limit` lines of a group, oldest first.
    pub fn newest_lines(&self, group: &Group, limit: usize) -> Result<Vec<Logged>> {
        const BATCHES: usize = 64;
        let view = self.store.read()?;
        let mut found = Vec::new();
        let mut before = None;
        while found.len() < limit {
            let entries = group.log().read_back(&view, before, BATCHES + 1)?;
            // `before` itself comes again.
            let fresh = usize::from(before.is_some());
            for entry in entries.iter().skip(fresh) {
                found.extend(read_batch(group, entry)?.into_iter().rev());
            }
            match entries.last() {
                Some(last) if entries.len() == BATCHES + 1 => before = Some(last.position),
                _ => break,
            }
        }
        found.truncate(limit);
        found.reverse();
        Ok(found)
    }

    /// Up to `batches` appends of a group after `cursor`, in order, with the cursor of what follows.
    pub fn lines_after(
        &self,
        group: &Group,
        cursor: Position,
        batches: usize,
    ) -> Result<(Vec<Logged>, Position)> {
        read_after(&self.store.read()?, group, cursor, batches)
    }

    /// Every line of a group, in the order of their appends.
    pub fn each_line(&self, group: &Group, mut each: impl FnMut(Logged)) -> Result<()> {
        const BATCHES: usize = 64;
        let view = self.store.read()?;
        let mut cursor = Position::START;
        loop {
            let entries = group.log().read(&view, cursor, BATCHES)?;
            for entry in &entries {
                read_batch(group, entry)?.into_iter().for_each(&mut each);
            }
            match entries.last() {
                Some(last) if entries.len() == BATCHES => cursor = last.position,
                _ => return Ok(()),
            }
        }
    }

    /// Waits until what was appended before now is durable.
    pub async fn sync(&self) -> Result<()> {
        Ok(self.store.sync().await?)
    }

    /// Forgets the oldest lines of a group as far as none of them is from `since` or later.
    pub async fn forget_before(&self, group: &Group, since: Timestamp) -> Result<()> {
        let is_old = |entry: &Entry| {
            let batch = Batch::decode(&entry.body)?;
            Ok(batch.lines.iter().all(|line| line.at < since))
        };
        loop {
            let freed = self
                .store
                .write_buffered(|tx| drop_oldest(tx, &group.log(), u64::MAX, is_old))
                .await?;
            if freed == 0 {
                return Ok(());
            }
            self.tallies.shrink_group(group, freed);
        }
    }

    pub(crate) fn store(&self) -> &store::Store {
        &self.store
    }
}

fn write_down(tx: &mut Tx, group: &Group, bytes: u64) -> Result<()> {
    if let Some(mut record) = GROUPS.get(tx, &group.key())? {
        record.bytes = bytes;
        GROUPS.put(tx, group.key(), &record);
    }
    Ok(())
}

/// Removes the oldest entries, a bounded number of them and none behind one that stays, until `wanted` bytes are free;
/// returns how many are.
pub(crate) fn drop_oldest(
    tx: &mut Tx,
    log: &Log,
    wanted: u64,
    goes: impl Fn(&Entry) -> Result<bool>,
) -> Result<u64> {
    const AT_ONCE: usize = 256;
    let mut freed = 0;
    let mut last = None;
    for entry in log.read(tx, Position::START, AT_ONCE)? {
        if freed >= wanted || !goes(&entry)? {
            break;
        }
        freed += entry.body.len() as u64;
        last = Some(entry.position);
    }
    if let Some(last) = last {
        log.trim(tx, last, AT_ONCE)?;
    }
    Ok(freed)
}

pub(crate) fn read_after(
    from: &impl Read,
    group: &Group,
    cursor: Position,
    batches: usize,
) -> Result<(Vec<Logged>, Position)> {
    let entries = group.log().read(from, cursor, batches)?;
    let next = entries.last().map_or(cursor, |entry| entry.position);
    let mut lines = Vec::new();
    for entry in &entries {
        lines.extend(read_batch(group, entry)?);
    }
    Ok((lines, next))
}

fn read_batch(group: &Group, entry: &Entry) -> Result<Vec<Logged>> {
    let batch = Batch::decode(&entry.body)?;
    let logged = |(index, line)| Logged {
        position: entry.position,
        group: group.clone(),
        stream: batch.stream.clone(),
        function: batch.function.clone(),
        line,
        index,
    };
    Ok((0..).zip(batch.lines).map(logged).collect())
}

pub(crate) fn read_key(key: &[u8]) -> Result<Group> {
    let read = || {
        let mut reader = store::KeyReader::new(key)?;
        Some(Group {
            space: Space::new(&reader.str()?),
            name: reader.str()?,
        })
    };
    Ok(read().ok_or_else(|| store::Error::Damaged("a group's key does not read".into()))?)
}

fn encode_news(group: &Group) -> Vec<u8> {
    group.key().into_vec()
}

pub(crate) fn decode_news(body: &[u8]) -> Result<Group> {
    read_key(body)
}

#[cfg(test)]
mod tests {
    use base::{ByteSize, Random};
    use store::Store;

    use super::*;
    use crate::Limits;

    fn group(name: &str) -> Group {
        Group {
            space: Space::new("here"),
            name: name.into(),
        }
    }

    fn line(text: impl Into<String>) -> Line {
        Line {
            at: Timestamp::from_secs(1),
            text: text.into(),
        }
    }

    async fn print(ledger: &Ledger, lines: Vec<Line>) {
        let writer = ledger.writer(group("g"), "s".into(), "f".into());
        writer.print(lines).await;
        ledger.caught_up().await;
    }

    fn texts(lines: &[Logged]) -> Vec<&str> {
        lines
            .iter()
            .map(|logged| logged.line.text.as_str())
            .collect()
    }

    #[tokio::test]
    async fn the_newest_lines_come_in_the_order_in_which_they_were_printed() {
        let ledger = Ledger::new(Store::ephemeral(Random::seeded(1)), Limits::default());
        for n in 0..200 {
            let lines = vec![line(format!("{n} a")), line(format!("{n} b"))];
            print(&ledger, lines).await;
        }
        let newest = ledger.newest_lines(&group("g"), 3).unwrap();
        assert_eq!(texts(&newest), ["198 b", "199 a", "199 b"]);
        assert_eq!(ledger.newest_lines(&group("g"), 999).unwrap().len(), 400);
        assert!(ledger.newest_lines(&group("other"), 9).unwrap().is_empty());
        assert!(ledger.delete_group(&group("g")).await.unwrap());
        assert!(ledger.newest_lines(&group("g"), 9).unwrap().is_empty());
        assert!(ledger.groups(&Space::new("here")).unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_group_keeps_a_bounded_amount_and_drops_its_oldest_lines() {
        let limits = Limits {
            group: ByteSize::kib(64),
            ..Limits::default()
        };
        let store = Store::ephemeral(Random::seeded(1));
        let ledger = Ledger::new(store.clone(), limits);
        let text = "x".repeat(1_000);
        for n in 0..300 {
            let lines = vec![line(format!("{n} {text}"))];
            print(&ledger, lines).await;
        }
        let kept = ledger.newest_lines(&group("g"), 1_000).unwrap();
        assert!((50..=65).contains(&kept.len()), "{} lines", kept.len());
        assert!(kept.last().unwrap().line.text.starts_with("299 "));
    }
}
