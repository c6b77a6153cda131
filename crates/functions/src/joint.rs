//! One process that serves several invocations at once.
//!
//! Some clouds send an instance one request after another, others as many at once as it can take. A worker of theirs that
//! can take several says so instead of asking for work (`protocol::TOGETHER`): from then on its connection carries frames
//! ([`line`]), and every call on it has a *seat*. Calls fill the seats of the instance that has the most of them taken, so
//! that few processes serve many.
//!
//! What such an instance prints belongs to nobody's call alone, so a call waits for no log. One that runs out of time has
//! its answer, but the instance may be stuck in it: it takes nobody else and goes when the others have left.

mod call;
mod line;
mod opening;

use std::sync::Arc;
use std::time::Duration;

use base::{Stopwatch, Timestamp};
use parking_lot::Mutex;

use crate::Functions;
use crate::capture::Capture;
use crate::instance::Instance;
use crate::launch::{Process, Start};
use crate::schema::Generation;

use self::line::Line;
pub(crate) use self::line::hear;
pub(crate) use self::opening::Openings;

/// How often the memory of an instance is looked at, at most, however many calls end.
const GLANCE: Duration = Duration::from_millis(500);

/// An instance and its seats. Dropping it kills the process.
pub(crate) struct Joint {
    process: Arc<Process>,
    capture: Capture,
    start: Start,
    generation: Generation,
    started: Timestamp,
    line: Arc<Line>,
    seats: Mutex<Seats>,
    memory: Mutex<Option<(Stopwatch, Option<u32>)>>,
    /// For its end alone.
    _instance: Mutex<Instance>,
}

struct Seats {
    most: u32,
    taken: u32,
    idle_since: Timestamp,
    /// Nobody else is seated.
    closed: bool,
}

/// A place on an instance, given back when it is dropped.
pub(crate) struct Seat {
    joint: Arc<Joint>,
    functions: Functions,
}

impl Joint {
    pub(crate) fn new(instance: Instance, line: Arc<Line>, most: u32, now: Timestamp) -> Arc<Self> {
        Arc::new(Self {
            process: instance.process().clone(),
            capture: instance.capture.clone(),
            start: instance.start,
            generation: instance.generation,
            started: instance.started,
            line,
            seats: Mutex::new(Seats {
                most,
                taken: 0,
                idle_since: now,
                closed: false,
            }),
            memory: Mutex::new(None),
            _instance: Mutex::new(instance),
        })
    }

    /// Takes a seat, if there is one.
    pub(crate) fn sit(self: &Arc<Self>, functions: &Functions) -> Option<Seat> {
        let mut seats = self.seats.lock();
        if seats.closed || seats.taken >= seats.most {
            return None;
        }
        seats.taken += 1;
        if seats.taken == 1 {
            self.process.rest().get_up();
        }
        drop(seats);
        Some(Seat {
            joint: self.clone(),
            functions: functions.clone(),
        })
    }

    pub(crate) fn taken(&self) -> u32 {
        self.seats.lock().taken
    }

    /// Since when nobody has had a seat; none while somebody has.
    pub(crate) fn idle_since(&self) -> Option<Timestamp> {
        let seats = self.seats.lock();
        (seats.taken == 0).then_some(seats.idle_since)
    }

    pub(crate) fn generation(&self) -> Generation {
        self.generation
    }

    /// False if it is of no more use: dead, too old, or stuck.
    pub(crate) fn is_fit(&self, now: Timestamp, longest_life: Duration) -> bool {
        !self.seats.lock().closed
            && !self.line.is_broken()
            && !self.process.has_exited()
            && now.since(self.started) < longest_life
    }

    pub(crate) fn too_old_at(&self, longest_life: Duration) -> Timestamp {
        self.started + longest_life
    }

    /// The most memory that it has used until a moment ago, in whole MiB.
    fn peak_memory_mb(&self) -> Option<u32> {
        let mut known = self.memory.lock();
        match &*known {
            Some((since, peak)) if since.elapsed() < GLANCE => *peak,
            _ => {
                let peak = self.process.peak_memory();
                let peak = peak.and_then(|peak| u32::try_from(peak.as_mib()).ok());
                *known = Some((Stopwatch::start(), peak));
                peak
            }
        }
    }
}

impl Seat {
    pub(crate) fn capture(&self) -> &Capture {
        &self.joint.capture
    }

    pub(crate) fn start(&self) -> Start {
        self.joint.start
    }

    fn process(&self) -> &Process {
        &self.joint.process
    }

    /// Has nobody else seated beside this call.
    fn close(&self) {
        self.joint.seats.lock().closed = true;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.joint.seats.lock();
        seats.taken -= 1;
        match (seats.taken, seats.closed) {
            (0, true) => self.joint.process.kill(),
            (0, false) => {
                seats.idle_since = self.functions.shared.host.now();
                let functions = &self.functions;
                functions.watch(functions.lay_down(&self.joint.process));
            }
            _ => {}
        }
    }
}

impl Functions {
    /// Makes an instance whose worker takes several calls one that has seats; gives back any other.
    pub(crate) fn seated(&self, mut instance: Box<Instance>) -> Result<Arc<Joint>, Box<Instance>> {
        let Some((stream, most)) = instance.take_line() else {
            return Err(instance);
        };
        let shared = &self.shared;
        let (line, heard) = Line::new(stream);
        shared
            .running
            .spawn(hear(line.clone(), heard, shared.config.response.as_bytes()));
        Ok(Joint::new(*instance, line, most, shared.host.now()))
    }
}
