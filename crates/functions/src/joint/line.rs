//! What is said to a worker that serves several calls at once, and what it says.
//!
//! A frame is its length (what follows it, 4 bytes), its kind (1 byte), the number of a call (4 bytes) and what it carries;
//! numbers are little-endian. To the worker: a call (`CALL`, with the event), and how much of an answer in pieces has been
//! taken (`TAKEN`, 4 bytes). From it: an answer that is there whole (`ANSWER`), or its begin, its pieces and its end
//! (`BEGINS`, `PIECE`, `ENDS`, of which the last carries an error if the answer broke off); and that it is about to end
//! (`LEAVES`), so that whoever hears its last answers and asks again is not seated there.
//!
//! A worker has at most [`WINDOW`] bytes of one answer on the way that were not taken, for each piece [`PIECE_COSTS`] more,
//! so a caller that reads slowly keeps neither the others waiting nor much of our memory. All of it is hostile input: what
//! is longer than may be, or out of turn, ends the connection.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use parking_lot::Mutex;
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};
use wire::HeldFile;

const CALL: u8 = 1;
const TAKEN: u8 = 2;

const ANSWER: u8 = 1;
const BEGINS: u8 = 2;
const PIECE: u8 = 3;
const ENDS: u8 = 4;
const LEAVES: u8 = 5;

/// Of a frame: its length, its kind and its call.
const HEAD: usize = 4 + 1 + 4;
/// What a worker may send of one answer before it hears that something was taken.
const WINDOW: usize = 256 << 10;
/// What a piece counts for beyond its length: it has to be kept somewhere.
const PIECE_COSTS: usize = 64;
/// How much is asked for at once.
const CHUNK: usize = 16 << 10;
/// Events up to this length are copied behind their frame's head.
const SMALL: usize = 64 << 10;

/// The calls on one connection, and our side of it.
pub(crate) struct Line {
    writer: tokio::sync::Mutex<OwnedWriteHalf>,
    outbox: Mutex<Outbox>,
    calls: Mutex<Calls>,
    /// Nobody else is to call on it.
    broken: AtomicBool,
}

/// Small frames that are to be sent together.
#[derive(Default)]
struct Outbox {
    frames: Vec<u8>,
    /// Somebody is about to send them.
    is_attended: bool,
}

#[derive(Default)]
struct Calls {
    next: u32,
    waiting: HashMap<u32, Waiting>,
    over: bool,
}

/// Who waits for what.
enum Waiting {
    Answer(oneshot::Sender<Said>),
    Pieces {
        to: mpsc::UnboundedSender<Bytes>,
        /// What was sent and not taken.
        open: usize,
        ended: oneshot::Sender<Bytes>,
    },
}

/// How an answer comes.
pub(super) enum Said {
    Whole(Bytes),
    Begins(Coming),
}

/// An answer in pieces. What it was that ended it is empty if all went well.
pub(super) struct Coming {
    pub(super) pieces: mpsc::UnboundedReceiver<Bytes>,
    pub(super) ended: oneshot::Receiver<Bytes>,
}

/// One call on a line; when it is dropped, nobody waits for its answer any more.
pub(super) struct OnLine<'a> {
    line: &'a Line,
    id: u32,
    pub(super) said: oneshot::Receiver<Said>,
}

impl Line {
    /// With what is to be given to [`hear`].
    pub(super) fn new(stream: UnixStream) -> (Arc<Self>, OwnedReadHalf) {
        let (reader, writer) = stream.into_split();
        let line = Self {
            writer: tokio::sync::Mutex::new(writer),
            outbox: Mutex::default(),
            calls: Mutex::default(),
            broken: AtomicBool::new(false),
        };
        (Arc::new(line), reader)
    }

    pub(super) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    /// Takes a number for a call; none if nobody is there to hear it.
    pub(super) fn call(&self) -> Option<OnLine<'_>> {
        let (to, said) = oneshot::channel();
        let mut calls = self.calls.lock();
        if calls.over {
            return None;
        }
        let mut id = calls.next;
        while calls.waiting.contains_key(&id) {
            id = id.wrapping_add(1);
        }
        calls.next = id.wrapping_add(1);
        calls.waiting.insert(id, Waiting::Answer(to));
        let line = self;
        Some(OnLine { line, id, said })
    }

    /// Sends a frame of these parts; of what is held, no more than a piece is in memory. Who stops waiting in the middle
    /// leaves a connection behind that means nothing any more.
    async fn send(
        &self,
        kind: u8,
        id: u32,
        payload: &[u8],
        held: Option<&HeldFile>,
    ) -> io::Result<()> {
        let follows = 1 + 4 + payload.len() as u64 + held.map_or(0, HeldFile::length);
        let follows = u32::try_from(follows).map_err(io::Error::other)?;
        let mut head = [0; HEAD];
        let mut put = &mut head[..];
        put.put_u32_le(follows);
        put.put_u8(kind);
        put.put_u32_le(id);
        if held.is_none() && payload.len() <= SMALL {
            return self.send_with_others(&head, payload).await;
        }
        let writer = self.writer.lock().await;
        let unfinished = Unfinished(self);
        write_all(&writer, &head).await?;
        write_all(&writer, payload).await?;
        if let Some(held) = held {
            let mut at = 0;
            while at < held.length() {
                let piece = held.piece(at).await?;
                at += piece.len() as u64;
                write_all(&writer, &piece).await?;
            }
        }
        unfinished.finish();
        Ok(())
    }

    /// Requests that come together go to the worker together, as each time costs as much as reading one: the first of
    /// them lets the others that can run put theirs beside it. If it cannot be sent, nobody waits for an answer any more.
    async fn send_with_others(&self, head: &[u8], payload: &[u8]) -> io::Result<()> {
        {
            let mut outbox = self.outbox.lock();
            outbox.frames.extend_from_slice(head);
            outbox.frames.extend_from_slice(payload);
            if std::mem::replace(&mut outbox.is_attended, true) {
                return Ok(());
            }
        }
        let unfinished = Unfinished(self);
        if self.has_several() {
            tokio::task::yield_now().await;
        }
        let writer = self.writer.lock().await;
        while let Some(frames) = self.next_frames() {
            write_all(&writer, &frames).await?;
        }
        unfinished.finish();
        Ok(())
    }

    /// None if there is nothing to send, which nobody attends to any more.
    fn next_frames(&self) -> Option<Vec<u8>> {
        let mut outbox = self.outbox.lock();
        outbox.is_attended = !outbox.frames.is_empty();
        let is_attended = outbox.is_attended;
        is_attended.then(|| std::mem::take(&mut outbox.frames))
    }

    fn has_several(&self) -> bool {
        self.calls.lock().waiting.len() > 1
    }

    fn end(&self) {
        self.broken.store(true, Ordering::Relaxed);
        let mut calls = self.calls.lock();
        calls.over = true;
        calls.waiting.clear();
    }
}

/// Frames that are being sent. If that breaks off, the worker cannot tell what is a frame any more.
struct Unfinished<'a>(&'a Line);

impl Unfinished<'_> {
    fn finish(self) {
        std::mem::forget(self);
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Mostly at once: it is tried before anybody waits.
async fn write_all(writer: &OwnedWriteHalf, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match writer.try_write(bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => writer.writable().await?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

impl OnLine<'_> {
    pub(super) async fn hand_over(&self, event: &[u8], held: Option<&HeldFile>) -> io::Result<()> {
        self.line.send(CALL, self.id, event, held).await
    }

    /// Lets the worker send on.
    pub(super) async fn taken(&self, piece: &Bytes) -> io::Result<()> {
        let cost = piece.len() + PIECE_COSTS;
        if let Some(Waiting::Pieces { open, .. }) = self.line.calls.lock().waiting.get_mut(&self.id)
        {
            *open = open.saturating_sub(cost);
        }
        let cost = u32::try_from(cost).map_err(io::Error::other)?;
        self.line
            .send(TAKEN, self.id, &cost.to_le_bytes(), None)
            .await
    }
}

impl Drop for OnLine<'_> {
    fn drop(&mut self) {
        self.line.calls.lock().waiting.remove(&self.id);
    }
}

/// Hears what a worker says until it is gone; then nobody waits for it any more.
pub(crate) async fn hear(line: Arc<Line>, mut reader: OwnedReadHalf, largest: u64) {
    let mut buffer = BytesMut::with_capacity(CHUNK);
    loop {
        let heard = frames(&line, &mut buffer, largest);
        let read = match heard {
            Ok(()) => reader.read_buf(&mut buffer).await,
            Err(why) => Err(io::Error::other(why)),
        };
        match read {
            Ok(read) if read > 0 => {}
            Ok(_) => break,
            Err(cause) => {
                tracing::debug!(%cause, "an instance's connection ended");
                break;
            }
        }
    }
    line.end();
}

/// Passes on every frame that is there whole, and makes room for what is still to come.
fn frames(line: &Line, buffer: &mut BytesMut, largest: u64) -> Result<(), &'static str> {
    while let Some(follows) = buffer.first_chunk::<4>() {
        let follows = u32::from_le_bytes(*follows);
        if u64::from(follows) > largest + HEAD as u64 {
            return Err("a frame is too long");
        }
        let follows = follows as usize;
        if follows < HEAD - 4 {
            return Err("a frame is too short");
        }
        if buffer.len() < 4 + follows {
            buffer.reserve(4 + follows - buffer.len());
            return Ok(());
        }
        let mut frame = buffer.split_to(4 + follows);
        frame.advance(4);
        let (kind, id) = (frame.get_u8(), frame.get_u32_le());
        pass(line, kind, id, frame.freeze())?;
    }
    buffer.reserve(CHUNK);
    Ok(())
}

fn pass(line: &Line, kind: u8, id: u32, payload: Bytes) -> Result<(), &'static str> {
    if kind == LEAVES {
        line.broken.store(true, Ordering::Relaxed);
        return Ok(());
    }
    let mut calls = line.calls.lock();
    // Nobody waits any more for what came too late.
    let Some(waiting) = calls.waiting.remove(&id) else {
        return Ok(());
    };
    match (kind, waiting) {
        (ANSWER, Waiting::Answer(to)) => drop(to.send(Said::Whole(payload))),
        (BEGINS, Waiting::Answer(to)) => {
            let (pieces, coming) = mpsc::unbounded_channel();
            let (ended, end) = oneshot::channel();
            let open = payload.len() + PIECE_COSTS;
            // An open channel takes it.
            let _ = pieces.send(payload);
            let begun = Waiting::Pieces {
                to: pieces,
                open,
                ended,
            };
            calls.waiting.insert(id, begun);
            let coming = Coming {
                pieces: coming,
                ended: end,
            };
            drop(to.send(Said::Begins(coming)));
        }
        (PIECE, Waiting::Pieces { to, open, ended }) => {
            let open = open + payload.len() + PIECE_COSTS;
            // What it began with was not counted on the other side.
            if open > 2 * WINDOW {
                return Err("more was sent than may be");
            }
            let _ = to.send(payload);
            calls
                .waiting
                .insert(id, Waiting::Pieces { to, open, ended });
        }
        (ENDS, Waiting::Pieces { ended, .. }) => drop(ended.send(payload)),
        _ => return Err("a frame is out of turn"),
    }
    Ok(())
}
