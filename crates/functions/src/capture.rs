//! What an instance prints: its two pipes become lines of its log stream, as they come, with the platform's own lines
//! in between.
//!
//! Whoever has the lock reads and keeps the order: a call itself at its beginning and its end, which need not wait for
//! anybody then, and a task at all other times. The ledger writes behind, so that a slow commit delays nobody who only
//! wants to know that everything was read. When it falls far behind, reading stops, the pipes fill and the function waits:
//! nothing is dropped and nothing piles up.
//!
//! A pipe wakes who looked at it last. That must stay the task, so a call looks with the task's waker.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::extension::{Kind, Telemetry};
use base::Clock;
use bytes::{Buf, BytesMut};
use futures_util::FutureExt;
use ledger::{Line, Writer};
use tokio::io::AsyncRead;
use tokio::sync::{Mutex, Notify, OwnedMutexGuard};
use tokio_util::io::poll_read_buf;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

/// The end of an invocation's log that its caller may see.
const TAIL: usize = 4 << 10;
/// A line without an end is cut here.
const LONGEST_LINE: usize = 256 << 10;
/// How our bootstraps write a line break inside a record. No program prints this by itself.
const BREAK: char = '\u{1e}';
const CHUNK: usize = 64 << 10;
/// What is read at most to find the end of what was printed so far. More than both pipes can hold; a function that
/// prints faster than we read must not keep us here.
const DRAIN: usize = 1 << 20;
/// How long a dead process's pipes may stay open: its children may have them.
const LAST_WORDS: Duration = Duration::from_millis(500);

pub(crate) struct Pipes {
    pub(crate) stdout: Box<dyn AsyncRead + Send + Unpin>,
    pub(crate) stderr: Box<dyn AsyncRead + Send + Unpin>,
    /// What is printed by what runs beside the function.
    pub(crate) beside: Option<Box<dyn AsyncRead + Send + Unpin>>,
}

impl Pipes {
    /// Of a process that did not come to be.
    pub(crate) fn empty() -> Self {
        Self {
            stdout: Box::new(tokio::io::empty()),
            stderr: Box::new(tokio::io::empty()),
            beside: None,
        }
    }
}

/// A hold on an instance's log. When the last is dropped, what the pipes still have is read and the tasks end.
#[derive(Clone)]
pub(crate) struct Capture {
    log: Arc<Log>,
    _hold: Arc<DropGuard>,
}

/// The log while one call has it for itself: nobody else's lines come in between.
pub(crate) struct Held {
    log: Arc<Log>,
    reader: OwnedMutexGuard<Reader>,
}

struct Log {
    reader: Arc<Mutex<Reader>>,
    /// The task found the lock taken.
    missed: AtomicBool,
    /// It is to look again.
    look: Notify,
}

/// A place in the log, after everything that was printed before it.
struct Mark {
    lines: Vec<String>,
    /// The tail begins here.
    begins: bool,
    /// The process is dead: read to the pipes' end.
    last: bool,
}

impl Capture {
    pub(crate) fn start(
        pipes: Pipes,
        writer: Writer,
        clock: Arc<dyn Clock>,
        tasks: &TaskTracker,
        telemetry: Option<Telemetry>,
    ) -> Self {
        let reader = Reader {
            stdout: Pipe::new(pipes.stdout),
            stderr: Pipe::new(pipes.stderr),
            beside: Pipe {
                source: pipes.beside,
                pending: BytesMut::new(),
            },
            waker: Waker::noop().clone(),
            writer,
            clock,
            tail: String::new(),
            telemetry,
        };
        let log = Arc::new(Log {
            reader: Arc::new(Mutex::new(reader)),
            missed: AtomicBool::new(false),
            look: Notify::new(),
        });
        let left = CancellationToken::new();
        let hold = Arc::new(left.clone().drop_guard());
        tasks.spawn(log.clone().follow(left));
        Self { log, _hold: hold }
    }

    /// Prints the platform's lines at the beginning of an invocation.
    pub(crate) async fn begin(&self, lines: Vec<String>) {
        let (begins, last) = (true, false);
        let mark = Mark {
            lines,
            begins,
            last,
        };
        self.log.pass(mark).await;
    }

    /// Prints the platform's lines at its end, after everything that the function has printed; returns the tail.
    pub(crate) async fn end(&self, lines: Vec<String>, dead: bool) -> String {
        let (begins, last) = (false, dead);
        let mark = Mark {
            lines,
            begins,
            last,
        };
        self.log.pass(mark).await
    }

    /// Keeps everybody else waiting until the end of an invocation is in it.
    pub(crate) async fn hold(&self) -> Held {
        Held {
            log: self.log.clone(),
            reader: self.log.reader.clone().lock_owned().await,
        }
    }
}

impl Held {
    /// As [`Capture::end`] while the process lives.
    pub(crate) async fn end(mut self, lines: Vec<String>) -> String {
        let (begins, last) = (false, false);
        let mark = Mark {
            lines,
            begins,
            last,
        };
        let tail = self.reader.pass(mark).await;
        drop(self.reader);
        self.log.given_back(last);
        tail
    }
}

impl Log {
    /// Returns the tail.
    async fn pass(&self, mark: Mark) -> String {
        let last = mark.last;
        let tail = self.reader.lock().await.pass(mark).await;
        self.given_back(last);
        tail
    }

    /// After the lock was given back: who has found it taken looks once more.
    fn given_back(&self, last: bool) {
        if self.missed.swap(false, Ordering::SeqCst) || last {
            self.look.notify_one();
        }
    }

    /// Prints what comes, until nobody has a hold on the log any more.
    async fn follow(self: Arc<Self>, left: CancellationToken) {
        loop {
            tokio::select! {
                biased;
                () = left.cancelled() => break,
                () = self.look.notified() => {}
                () = std::future::poll_fn(|cx| self.poll_read(cx)) => {
                    self.reader.lock().await.print_whole_lines().await;
                }
            }
        }
        self.reader.lock().await.conclude().await;
    }

    /// Reads what has come, if anything has.
    fn poll_read(&self, cx: &mut Context<'_>) -> Poll<()> {
        let reader = self.reader.try_lock().or_else(|_| {
            self.missed.store(true, Ordering::SeqCst);
            // Whoever had it may have given it back before it could see that.
            self.reader.try_lock()
        });
        let Ok(mut reader) = reader else {
            return Poll::Pending;
        };
        reader.waker.clone_from(cx.waker());
        match reader.poll_read(cx) {
            0 => Poll::Pending,
            _ => Poll::Ready(()),
        }
    }
}

struct Reader {
    stdout: Pipe,
    stderr: Pipe,
    beside: Pipe,
    /// Of the task.
    waker: Waker,
    writer: Writer,
    clock: Arc<dyn Clock>,
    tail: String,
    telemetry: Option<Telemetry>,
}

struct Pipe {
    source: Option<Box<dyn AsyncRead + Send + Unpin>>,
    pending: BytesMut,
}

impl Reader {
    /// Nobody has a hold on it any more.
    async fn conclude(&mut self) {
        self.read_to_the_end().await;
        // What runs beside a function may outlive it.
        let beside = async {
            while !self.beside.is_closed() {
                self.beside.read().await;
                self.print_whole_lines().await;
            }
        };
        // As in `read_to_the_end`.
        let _ = tokio::time::timeout(LAST_WORDS, beside).await;
        self.print_what_is_left().await;
    }

    async fn pass(&mut self, mark: Mark) -> String {
        if mark.last {
            self.read_to_the_end().await;
        } else {
            self.drain().await;
        }
        self.print_what_is_left().await;
        if mark.begins {
            self.tail.clear();
        }
        self.print(mark.lines).await;
        match mark.begins {
            true => String::new(),
            false => self.tail.clone(),
        }
    }

    /// Reads what was printed so far.
    async fn drain(&mut self) {
        let mut read = 0;
        while read < DRAIN {
            let now = self.read_now();
            if now == 0 {
                break;
            }
            read += now;
            self.print_whole_lines().await;
        }
    }

    /// Reads once what is there, without waiting.
    fn read_now(&mut self) -> usize {
        let waker = self.waker.clone();
        let read =
            std::future::poll_fn(|_| Poll::Ready(self.poll_read(&mut Context::from_waker(&waker))));
        // A task's budget must not look like an empty pipe.
        let read = tokio::task::unconstrained(read).now_or_never();
        read.unwrap_or(0)
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> usize {
        let pipes = [&mut self.stdout, &mut self.stderr, &mut self.beside];
        let read = pipes.map(|pipe| match pipe.poll_read(cx) {
            Poll::Ready(read) => read,
            Poll::Pending => 0,
        });
        read.into_iter().sum()
    }

    async fn read_to_the_end(&mut self) {
        let all = async {
            while !(self.stdout.is_closed() && self.stderr.is_closed()) {
                tokio::select! {
                    _ = self.stdout.read() => {}
                    _ = self.stderr.read() => {}
                }
                self.print_whole_lines().await;
            }
        };
        // The host's time, not the clock's: this waits for a kernel, not for a moment.
        let _ = tokio::time::timeout(LAST_WORDS, all).await;
    }

    async fn print_whole_lines(&mut self) {
        let mut lines = self.stdout.whole_lines();
        lines.extend(self.stderr.whole_lines());
        self.tell(Kind::Function, &lines);
        let beside = self.beside.whole_lines();
        self.tell(Kind::Extension, &beside);
        lines.extend(beside);
        self.print(lines).await;
    }

    fn tell(&self, kind: Kind, lines: &[String]) {
        if let Some(telemetry) = &self.telemetry {
            for line in lines {
                telemetry.printed(kind, line);
            }
        }
    }

    async fn print_what_is_left(&mut self) {
        let left = [self.stdout.rest(), self.stderr.rest()];
        let mut left: Vec<String> = left.into_iter().flatten().collect();
        self.tell(Kind::Function, &left);
        let beside: Vec<String> = self.beside.rest().into_iter().collect();
        self.tell(Kind::Extension, &beside);
        left.extend(beside);
        self.print(left).await;
    }

    async fn print(&mut self, texts: Vec<String>) {
        if texts.is_empty() {
            return;
        }
        let at = self.clock.now();
        for text in &texts {
            push_tail(&mut self.tail, text);
        }
        let lines = texts.into_iter().map(|text| Line { at, text }).collect();
        self.writer.print(lines).await;
    }
}

impl Pipe {
    fn new(source: Box<dyn AsyncRead + Send + Unpin>) -> Self {
        Self {
            source: Some(source),
            pending: BytesMut::new(),
        }
    }

    fn is_closed(&self) -> bool {
        self.source.is_none()
    }

    /// Reads once; never returns when the pipe is closed.
    async fn read(&mut self) -> usize {
        std::future::poll_fn(|cx| self.poll_read(cx)).await
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<usize> {
        let Some(source) = &mut self.source else {
            return Poll::Pending;
        };
        self.pending.reserve(CHUNK.min(8 << 10));
        match poll_read_buf(Pin::new(source), cx, &mut self.pending) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(read)) if read > 0 => Poll::Ready(read),
            // An error on a pipe means that it is of no more use, like its end.
            Poll::Ready(_) => {
                self.source = None;
                Poll::Ready(0)
            }
        }
    }

    fn whole_lines(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let end = self.pending.iter().position(|byte| *byte == b'\n');
            match end {
                Some(end) if end <= LONGEST_LINE => {
                    let line = self.pending.split_to(end);
                    self.pending.advance(1);
                    lines.push(text(&line));
                }
                _ if self.pending.len() > LONGEST_LINE => {
                    let piece = self.pending.split_to(LONGEST_LINE);
                    lines.push(text(&piece));
                }
                _ => return lines,
            }
        }
    }

    /// What was printed without an end of line.
    fn rest(&mut self) -> Option<String> {
        let rest = self.pending.split();
        (!rest.is_empty()).then(|| text(&rest))
    }
}

fn text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    match text.contains(BREAK) {
        true => text.replace(BREAK, "\n"),
        false => text.into_owned(),
    }
}

fn push_tail(tail: &mut String, text: &str) {
    tail.push_str(text);
    tail.push('\n');
    if tail.len() > TAIL {
        let mut cut = tail.len() - TAIL;
        while !tail.is_char_boundary(cut) {
            cut += 1;
        }
        tail.drain(..cut);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_cut_between_characters() {
        let mut tail = String::new();
        push_tail(&mut tail, &"ä".repeat(3_000));
        assert!(tail.len() <= TAIL);
        assert!(tail.starts_with('ä') && tail.ends_with("ä\n"));
    }

    #[test]
    fn lines_are_split_at_their_ends_and_cut_when_they_have_none() {
        let mut pipe = Pipe::new(Box::new(tokio::io::empty()));
        pipe.pending.extend_from_slice(b"one\n\ntwo\nthr\xffee");
        assert_eq!(pipe.whole_lines(), ["one", "", "two"]);
        assert_eq!(pipe.rest().as_deref(), Some("thr\u{fffd}ee"));
        pipe.pending
            .extend_from_slice(&vec![b'x'; LONGEST_LINE + 10]);
        assert_eq!(pipe.whole_lines().len(), 1);
        assert_eq!(pipe.rest().map(|rest| rest.len()), Some(10));
    }

    #[test]
    fn a_record_of_several_lines_is_one() {
        let mut pipe = Pipe::new(Box::new(tokio::io::empty()));
        pipe.pending
            .extend_from_slice("one\u{1e}and two\nan own\rstays\nleft\u{1e}over".as_bytes());
        assert_eq!(pipe.whole_lines(), ["one\nand two", "an own\rstays"]);
        assert_eq!(pipe.rest().as_deref(), Some("left\nover"));
    }
}
