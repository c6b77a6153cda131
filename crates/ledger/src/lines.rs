//! Appending lines, reading the newest, listing and deleting groups.

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
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupFacts {
    pub group: Group,
    pub created: Timestamp,
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
            let first = one.lines.first().map(|first| first.at);
            let (body, group) = (one.take(), &one.stream.group);
            if let Some(first) = first {
                self.open_group(group, first).await?;
            }
            let (sum, due) = self.tallies.grow_group(group, body.len() as u64);
            entries.push((group.log(), body));
            match grown.iter_mut().find(|known| known.group == group) {
                Some(known) => (known.sum, known.due) = (sum, known.due || due),
                None => grown.push(Grown { group, sum, due }),
            }
        }
        self.store
            .write_buffered(|tx| {
                for (log, body) in &entries {
                    log.append(tx, body.clone());
                }
                for Grown { group, sum, due } in &grown {
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
        for Grown { group, sum, .. } in grown {
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
                .write_buffered(|tx| drop_oldest(tx, &group.log(), excess - freed))
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

    /// The groups of a space in order of their names.
    pub fn groups(&self, space: &Space) -> Result<Vec<GroupFacts>> {
        let range = GROUPS.key().str(space.as_str()).range();
        self.groups_in(&range)
    }

    pub(crate) fn every_group(&self) -> Result<Vec<GroupFacts>> {
        self.groups_in(&GROUPS.key().range())
    }

    fn groups_in(&self, range: &store::KeyRange) -> Result<Vec<GroupFacts>> {
        let found = GROUPS.scan(&self.store.read()?, range, usize::MAX)?;
        found
            .into_iter()
            .map(|(key, record)| {
                Ok(GroupFacts {
                    group: read_key(&key)?,
                    created: record.created,
                })
            })
            .collect()
    }

    /// Forgets a group and its lines; says whether it was there.
    pub async fn delete_group(&self, group: &Group) -> Result<bool> {
        let there = self
            .store
            .write(|tx| {
                let there = GROUPS.get(tx, &group.key())?.is_some();
                GROUPS.delete(tx, group.key());
                Ok::<_, crate::Error>(there)
            })
            .await?;
        self.tallies.forget_group(group);
        while self
            .store
            .write_buffered(|tx| drop_oldest(tx, &group.log(), u64::MAX))
            .await?
            > 0
        {}
        Ok(there)
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

/// Removes the oldest entries, a bounded number of them, until `wanted` bytes are free; returns how many are.
fn drop_oldest(tx: &mut Tx, log: &Log, wanted: u64) -> Result<u64> {
    const AT_ONCE: usize = 256;
    let mut freed = 0;
    let mut last = None;
    for entry in log.read(tx, Position::START, AT_ONCE)? {
        if freed >= wanted {
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
    let logged = |line| Logged {
        position: entry.position,
        group: group.clone(),
        stream: batch.stream.clone(),
        function: batch.function.clone(),
        line,
    };
    Ok(batch.lines.into_iter().map(logged).collect())
}

fn read_key(key: &[u8]) -> Result<Group> {
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
