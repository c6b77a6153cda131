//! Writing behind: what calls leave to be written down together, a moment later.
//!
//! No call should wait, or make the next one wait, for transactions that only put it on record. What comes first after a
//! pause is written at once; what comes meanwhile, and for a moment after, is written together. What waits is bounded:
//! each stream's lines by their size, so that one that floods holds up nobody else, and records by their number.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};

use crate::Ledger;
use crate::lines::{Printed, Stream};
use crate::schema::{Group, Invocation, Line};

/// How long is waited after a transaction for what comes next, unless somebody wants to see it.
const MOMENT: Duration = Duration::from_millis(20);
/// What one stream may have waiting, in bytes. More than a pipe holds.
const LINES_WAITING: usize = 1 << 20;
const RECORDS_WAITING: usize = 10_000;
/// What goes into one transaction at most, in bytes and in things.
const AT_ONCE: usize = 4 << 20;
const MOST_AT_ONCE: usize = 2_000;
/// What is read and kept together of one stream's lines, in bytes.
const TOGETHER: usize = 128 << 10;
/// What a line takes beside its text.
const BESIDE: usize = 32;

#[derive(Debug)]
pub(crate) struct Behind {
    queue: Mutex<Queue>,
    records: Arc<Semaphore>,
    /// Somebody wants to see what waits.
    urged: Notify,
    /// How many things have been written since the beginning.
    written: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Vec<Noted>,
    /// How many things have been put here since the beginning.
    noted: u64,
    /// A task is there that will write them.
    writing: bool,
}

/// Something to be written down, and its room among what waits.
#[derive(Debug)]
enum Noted {
    Lines(Arc<Stream>, Vec<Line>, OwnedSemaphorePermit),
    Record(Box<Invocation>, OwnedSemaphorePermit),
}

/// What goes into one transaction.
#[derive(Debug, Default)]
struct Share {
    printed: Vec<Printed>,
    records: Vec<Invocation>,
    size: usize,
    /// Given back when it is written.
    rooms: Vec<OwnedSemaphorePermit>,
}

/// What one stream prints, on its way into the ledger.
#[derive(Debug)]
pub struct Writer {
    ledger: Ledger,
    stream: Arc<Stream>,
    room: Arc<Semaphore>,
}

impl Default for Behind {
    fn default() -> Self {
        Self {
            queue: Mutex::default(),
            records: Arc::new(Semaphore::new(RECORDS_WAITING)),
            urged: Notify::new(),
            written: watch::Sender::new(0),
        }
    }
}

impl Writer {
    /// Leaves lines to be written; waits only while too much of this stream waits already.
    pub async fn print(&self, lines: Vec<Line>) {
        let size = size_of(&lines).min(LINES_WAITING);
        let room = room(&self.room, size).await;
        let noted = room.map(|room| Noted::Lines(self.stream.clone(), lines, room));
        self.ledger.put_behind(noted);
    }
}

impl Ledger {
    /// For what one stream prints.
    pub fn writer(&self, group: Group, stream: String, function: String) -> Writer {
        Writer {
            ledger: self.clone(),
            stream: Arc::new(Stream {
                group,
                name: stream,
                function,
            }),
            room: Arc::new(Semaphore::new(LINES_WAITING)),
        }
    }

    /// Leaves a record to be written; waits only while very many wait already.
    pub async fn note(&self, invocation: Invocation) {
        let room = room(&self.behind.records, 1).await;
        let noted = room.map(|room| Noted::Record(Box::new(invocation), room));
        self.put_behind(noted);
    }

    /// Waits until what was left to be written before now can be read.
    pub async fn caught_up(&self) {
        let mut written = self.behind.written.subscribe();
        let noted = self.behind.queue.lock().noted;
        self.behind.urged.notify_one();
        // Its sender is in `self`.
        let _ = written.wait_for(|written| *written >= noted).await;
    }

    fn put_behind(&self, noted: Option<Noted>) {
        let mut queue = self.behind.queue.lock();
        queue.noted += noted.iter().len() as u64;
        queue.waiting.extend(noted);
        if !std::mem::replace(&mut queue.writing, true) {
            drop(queue);
            tokio::spawn(self.clone().write_behind());
        }
    }

    /// Writes what waits until nothing has come for a moment.
    async fn write_behind(self) {
        loop {
            let noted = {
                let mut queue = self.behind.queue.lock();
                queue.writing = !queue.waiting.is_empty();
                std::mem::take(&mut queue.waiting)
            };
            if noted.is_empty() {
                return;
            }
            let count = noted.len() as u64;
            self.write_all(noted).await;
            self.behind.written.send_modify(|written| *written += count);
            // The host's time, not the clock's: this is for the machine's sake and has no meaning.
            let _ = tokio::time::timeout(MOMENT, self.behind.urged.notified()).await;
        }
    }

    async fn write_all(&self, noted: Vec<Noted>) {
        let mut share = Share::default();
        for one in noted {
            share.add(one);
            if share.is_full() {
                self.write_share(std::mem::take(&mut share)).await;
            }
        }
        self.write_share(share).await;
    }

    async fn write_share(&self, mut share: Share) {
        let written = self.append_all(&mut share.printed, &share.records);
        if let Err(cause) = written.await {
            let (lines, records) = (share.printed.len(), share.records.len());
            tracing::warn!(%cause, lines, records, "what functions did was not kept");
        }
    }
}

impl Share {
    fn add(&mut self, noted: Noted) {
        match noted {
            Noted::Lines(stream, lines, room) => {
                let size = size_of(&lines);
                self.size += size;
                self.rooms.push(room);
                match self.printed.last_mut() {
                    Some(last) if last.goes_on(&stream) && last.size + size <= TOGETHER => {
                        last.lines.extend(lines);
                        last.size += size;
                    }
                    _ => self.printed.push(Printed {
                        stream,
                        lines,
                        size,
                    }),
                }
            }
            Noted::Record(record, room) => {
                self.records.push(*record);
                self.rooms.push(room);
            }
        }
    }

    fn is_full(&self) -> bool {
        self.size >= AT_ONCE || self.printed.len() + self.records.len() >= MOST_AT_ONCE
    }
}

pub(crate) fn size_of(lines: &[Line]) -> usize {
    lines.iter().map(|line| line.text.len() + BESIDE).sum()
}

/// None only if nobody lets any in any more, and that never is so.
async fn room(of: &Arc<Semaphore>, size: usize) -> Option<OwnedSemaphorePermit> {
    let size = u32::try_from(size).unwrap_or(u32::MAX);
    of.clone().acquire_many_owned(size).await.ok()
}

#[cfg(test)]
mod tests {
    use base::{Random, Space, Timestamp};
    use store::Store;

    use super::*;
    use crate::{Limits, Outcome, Phases};

    fn ledger() -> Ledger {
        Ledger::new(Store::ephemeral(Random::seeded(1)), Limits::default())
    }

    fn group() -> Group {
        Group {
            space: Space::new("here"),
            name: "g".into(),
        }
    }

    fn line(text: String) -> Line {
        let at = Timestamp::from_secs(1);
        Line { at, text }
    }

    fn record(second: u64) -> Invocation {
        Invocation {
            request_id: second.to_string(),
            space: Space::new("here"),
            function: "f".into(),
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

    #[tokio::test]
    async fn what_is_left_to_be_written_is_there_in_order_once_one_has_waited_for_it() {
        let ledger = ledger();
        let streams = ["s", "t"].map(|name| ledger.writer(group(), name.into(), "f".into()));
        for n in 0..5_000 {
            streams[n / 3 % 2].print(vec![line(n.to_string())]).await;
            ledger.note(record(n as u64)).await;
        }
        ledger.caught_up().await;
        let lines = ledger.newest_lines(&group(), 9_999).unwrap();
        let texts: Vec<usize> = lines
            .iter()
            .map(|one| one.line.text.parse().unwrap())
            .collect();
        assert_eq!(texts, (0..5_000).collect::<Vec<_>>());
        assert!(lines.iter().all(|one| {
            let n: usize = one.line.text.parse().unwrap();
            one.stream == ["s", "t"][n / 3 % 2]
        }));
        let space = Space::new("here");
        assert_eq!(
            ledger.invocations(&space, Some("f"), 9_999).unwrap().len(),
            5_000
        );
    }

    #[tokio::test]
    async fn the_first_is_written_though_nobody_asks_for_it() {
        let ledger = ledger();
        ledger.note(record(1)).await;
        let mut written = ledger.behind.written.subscribe();
        written.wait_for(|written| *written == 1).await.unwrap();
        let space = Space::new("here");
        assert_eq!(ledger.invocations(&space, None, 9).unwrap().len(), 1);
        // And what comes in the moment after it, too.
        ledger.note(record(2)).await;
        written.wait_for(|written| *written == 2).await.unwrap();
        assert_eq!(ledger.invocations(&space, None, 9).unwrap().len(), 2);
    }

    #[tokio::test]
    async fn a_stream_that_floods_waits_and_others_do_not() {
        let ledger = ledger();
        let [loud, quiet] = ["s", "t"].map(|name| ledger.writer(group(), name.into(), "f".into()));
        // Nothing is written before this test first waits.
        loud.print(vec![line("x".repeat(LINES_WAITING))]).await;
        let more = loud.print(vec![line("y".into())]);
        tokio::pin!(more);
        assert!(futures_util::poll!(&mut more).is_pending());
        assert!(
            futures_util::poll!(std::pin::pin!(quiet.print(vec![line("z".into())]))).is_ready()
        );
        more.await;
        ledger.caught_up().await;
        let lines = ledger.newest_lines(&group(), 9).unwrap();
        assert_eq!(lines.len(), 3);
    }
}
