//! A process that is started once, and from which others are forked: each confined as if it had been started itself.
//!
//! This is the server's side. The other sides are `warden.rs`, which sees to it from outside, and `native/`, which the
//! program loads to take part.

mod confine;
mod forked;
mod furnish;
mod start;
pub(crate) mod warden;

use std::collections::VecDeque;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base::ByteSize;
use serde::{Deserialize, Serialize};
use tokio::io::Interest;
use tokio::net::UnixDatagram;
use tokio::process::{ChildStderr, ChildStdout};

use crate::cgroup::Cgroup;
use crate::channel::{self, Status};
use crate::child::{Child, Life};
use crate::chores::{Left, Remains};
use crate::held::Held;
use crate::jail::pipe;
use crate::network::{Door, Doors};
use crate::spec::{Make, Mount, Order, Root, User};
use crate::stock::Stock;
use crate::{Error, Limits, PassedFd, Result};

pub(crate) use forked::Forked;
pub(crate) use start::start;

/// The library that a program loads to be a template. Empty where it could not be compiled.
pub const LIBRARY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/plain.so"));
/// The same for an interpreter that wants an interface of its own.
pub const NODE_LIBRARY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/node.so"));

/// So many children are made ahead while others wait for theirs.
const MOST_AHEAD: usize = 2;

/// What makes a program a template.
#[derive(Clone, Debug)]
pub struct TemplateSpec {
    /// Under this number it has the socket on which it says that it is ready, and hears of forks.
    pub control: i32,
    /// How many threads it may have when it is ready.
    pub threads: usize,
    /// Empty folders, for what its children are given.
    pub places: Vec<PathBuf>,
}

/// A template, and what it prints.
#[derive(Debug)]
pub struct Prepared {
    pub template: Template,
    pub stdout: Option<ChildStdout>,
    pub stderr: Option<ChildStderr>,
}

/// What the warden needs. Comes with the program's output and its errors, and then with what is passed on.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct TemplateOrder {
    pub(crate) order: Order,
    pub(crate) make: Make,
    /// The filter is the one with a door.
    pub(crate) root: Root,
    pub(crate) mounts: Vec<Mount>,
    /// Files to write one's own pid into, before anything else is given up.
    pub(crate) groups: Vec<PathBuf>,
    /// The server, as its children see it.
    pub(crate) server: u32,
    /// Under this number the program hears of forks.
    pub(crate) control: i32,
    /// How many threads it may have.
    pub(crate) threads: usize,
}

/// A child that is wanted.
#[derive(Debug)]
pub struct Fork {
    /// Besides what the template sees.
    pub mounts: Vec<Mount>,
    pub tmp: ByteSize,
    pub limits: Limits,
    /// Besides the standard ones.
    pub fds: Vec<PassedFd>,
    /// For the program: what it is to go on with.
    pub message: Vec<u8>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Request {
    Fork(Box<ForkOrder>),
    /// A child is to be made ahead, for the next fork.
    Spare(Birth),
    /// The template is to end; what came of it stays.
    Retire,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ForkOrder {
    pub(crate) id: u64,
    /// Who else is to be made. The first one that was ever wanted and is still there is the one that this is for.
    pub(crate) births: Vec<Birth>,
    pub(crate) mounts: Vec<Mount>,
    /// If it is to be another than it was made with.
    pub(crate) tmp: Option<ByteSize>,
    /// Set where no control group counts them.
    pub(crate) pids: Option<u32>,
    pub(crate) numbers: Vec<u8>,
    pub(crate) message: Vec<u8>,
}

/// Who a child is.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Birth {
    /// Whom it takes itself for is its template's user; outside it is this one.
    pub(crate) user: Option<u32>,
    /// The files by which one comes into its groups.
    pub(crate) groups: Vec<PathBuf>,
    /// Whether it moves itself into them.
    pub(crate) joins: bool,
    pub(crate) tmp: ByteSize,
    /// Nobody waits for it yet: it is given all the memory that it may need.
    pub(crate) is_ahead: bool,
}

impl ForkOrder {
    /// As `native/fork.rs` reads it.
    pub(crate) fn message(&self) -> Vec<u8> {
        let mut message =
            vec![u8::try_from(self.numbers.len()).expect("few descriptors are passed")];
        message.extend(&self.numbers);
        message.extend(&self.message);
        message
    }
}

/// A program that has been started to be forked. Dropping it ends the program, and nothing that came of it.
pub struct Template {
    channel: tokio::sync::Mutex<Channel>,
    /// How many wait for it.
    waiting: AtomicUsize,
    group: Option<Arc<Cgroup>>,
    makes: Makes,
}

/// What a jail has for each fork.
pub(crate) struct Makes {
    pub(crate) stock: Arc<Stock>,
    pub(crate) doors: Option<Doors>,
    pub(crate) remains: Remains,
}

struct Channel {
    socket: UnixDatagram,
    count: u64,
    /// Of the children that were wanted ahead, in that order.
    spares: VecDeque<Spare>,
    /// The warden. It ends by itself, when the last child has.
    process: tokio::process::Child,
    /// Of the template's own network.
    door: Option<tokio::sync::oneshot::Sender<()>>,
}

struct Spare {
    group: Option<Cgroup>,
    tmp: ByteSize,
}

impl Template {
    pub(crate) fn new(
        channel: OwnedFd,
        process: tokio::process::Child,
        group: Option<Cgroup>,
        makes: Makes,
    ) -> Result<Self> {
        let watch = |cause| Error::io("watch the channel", cause);
        rustix::io::ioctl_fionbio(&channel, true).map_err(|cause| watch(cause.into()))?;
        let socket = UnixDatagram::from_std(channel.into()).map_err(watch)?;
        Ok(Self {
            channel: tokio::sync::Mutex::new(Channel {
                socket,
                count: 0,
                spares: VecDeque::new(),
                process,
                door: None,
            }),
            waiting: AtomicUsize::new(0),
            group: group.map(Arc::new),
            makes,
        })
    }

    /// Waits until it can be forked. An error says why it cannot be, ever.
    pub async fn ready(&self) -> Result<()> {
        let mut channel = self.channel.lock().await;
        loop {
            let (status, fds) = channel.hear().await?;
            match status {
                Status::Forkable(verdict) => return verdict.map_err(Error::Unsafe),
                Status::Door => {
                    let door = fds.into_iter().next();
                    channel.door = door.and_then(|door| open(door, self.makes.doors.as_ref()));
                }
                // What it has said before its end is still on its way.
                Status::Began | Status::Ended(_) => {}
                other => return Err(Error::Unsafe(ended(other))),
            }
        }
    }

    /// A new process, confined, that goes on where the template is.
    pub async fn fork(&self, fork: Fork) -> Result<Child> {
        let failed = |step| move |cause: std::io::Error| Error::io(step, cause);
        let limits = fork.limits;
        let (stdout, out) = pipe().map_err(failed("make a pipe"))?;
        let (stderr, err) = pipe().map_err(failed("make a pipe"))?;
        let mut numbers = vec![1, 2];
        numbers.extend(
            fork.fds
                .iter()
                .filter_map(|passed| u8::try_from(passed.number).ok()),
        );
        let mut passed = vec![out.as_fd(), err.as_fd()];
        passed.extend(fork.fds.iter().map(|passed| passed.fd.as_fd()));
        let mut channel = self.turn().await;
        let ahead = self.waiting.load(Ordering::Relaxed).min(MOST_AHEAD);
        let mut births = Vec::new();
        while channel.spares.len() <= ahead {
            let (spare, birth) = self.birth(&fork.limits, fork.tmp, false)?;
            channel.spares.push_back(spare);
            births.push(birth);
        }
        let spare = channel.spares.pop_front().expect("there is one at least");
        let Spare { mut group, tmp } = spare;
        if let Some(group) = &mut group {
            group
                .limit(&fork.limits)
                .map_err(failed("set the limits"))?;
        }
        channel.count += 1;
        let id = channel.count;
        let request = Request::Fork(Box::new(ForkOrder {
            id,
            births,
            mounts: fork.mounts,
            tmp: (tmp != fork.tmp).then_some(fork.tmp),
            pids: group.is_none().then_some(fork.limits.pids),
            numbers,
            message: fork.message,
        }));
        channel::send(channel.socket.as_fd(), &request, &passed)
            .map_err(failed("ask for a fork"))?;
        let fds = channel.answer(id).await?;
        drop(channel);
        drop((out, err));
        let mut fds = fds.into_iter();
        let (Some(held), Some(talk)) = (fds.next().map(Held::new), fds.next()) else {
            return Err(Error::Unsafe("its child did not come along".into()));
        };
        let (template, remains) = (self.group.clone(), self.makes.remains.clone());
        let mut forked = Forked::new(held, talk, group, limits, template, remains)
            .map_err(failed("watch a child"))?;
        if let Some(door) = fds.next() {
            forked.open = open(door, self.makes.doors.as_ref());
        }
        Child::new(Life::Forked(Box::new(forked)), stdout, stderr)
    }

    /// In turn. Who is in it sees that others wait.
    async fn turn(&self) -> tokio::sync::MutexGuard<'_, Channel> {
        /// Who waits may lose patience.
        struct Waits<'a>(&'a AtomicUsize);
        impl Drop for Waits<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
        }
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let waits = Waits(&self.waiting);
        let channel = self.channel.lock().await;
        drop(waits);
        channel
    }

    fn birth(&self, limits: &Limits, tmp: ByteSize, is_ahead: bool) -> Result<(Spare, Birth)> {
        let group = self.makes.stock.group(limits);
        let group = group.map_err(|cause| Error::io("make a control group", cause))?;
        let birth = Birth {
            user: match self.makes.stock.user() {
                User::Number(number) => Some(number),
                User::Same => None,
            },
            groups: group.as_ref().map(Cgroup::members).unwrap_or_default(),
            joins: group.as_ref().is_some_and(Cgroup::is_joined_from_inside),
            tmp,
            is_ahead,
        };
        Ok((Spare { group, tmp }, birth))
    }

    /// Makes a child ahead for the next fork, if there is none. Its limits, and the size of its temporary folder, are those
    /// of a usual one until it is used.
    pub async fn make_ahead(&self, limits: &Limits, tmp: ByteSize) -> Result<()> {
        let mut channel = self.channel.lock().await;
        if channel.spares.is_empty() {
            let (spare, birth) = self.birth(limits, tmp, true)?;
            channel::send(channel.socket.as_fd(), &Request::Spare(birth), &[])
                .map_err(|cause| Error::io("ask for a child", cause))?;
            channel.spares.push_back(spare);
        }
        Ok(())
    }

    /// How much memory it uses, with what it shares with its children, if the host counts it.
    pub fn memory(&self) -> Option<ByteSize> {
        self.group.as_ref().and_then(|group| group.memory())
    }
}

impl Drop for Template {
    fn drop(&mut self) {
        // One that does not hear it has ended already.
        let channel = self.channel.get_mut();
        let _ = channel::send(channel.socket.as_fd(), &Request::Retire, &[]);
        // The warden waits for its children, and so for what has to be gone before the groups are.
        let is_alone = self
            .group
            .as_ref()
            .is_none_or(|group| Arc::strong_count(group) == 1);
        let warden = channel.process.id().filter(|_| is_alone);
        let spares = channel.spares.drain(..).map(|spare| spare.group);
        let group = self.group.take().and_then(Arc::into_inner);
        let mut held = warden.and_then(hold);
        for group in spares.chain([group]) {
            self.makes.remains.leave(Left {
                held: held.take(),
                mounts: None,
                group,
                keeper: None,
            });
        }
    }
}

impl std::fmt::Debug for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Template")
    }
}

impl Channel {
    async fn hear(&self) -> Result<(Status, Vec<OwnedFd>)> {
        let heard = self
            .socket
            .async_io(Interest::READABLE, || {
                channel::receive::<Status>(self.socket.as_fd(), Status::LONGEST)
            })
            .await;
        heard
            .map_err(|cause| Error::io("hear the warden", cause))?
            .ok_or_else(|| Error::Unsafe("it has ended".into()))
    }

    /// The answer to this request. Those to others, whose askers have lost patience, come first.
    async fn answer(&self, id: u64) -> Result<Vec<OwnedFd>> {
        loop {
            match self.hear().await? {
                (Status::Forked(of), fds) if of == id => return Ok(fds),
                (Status::Forked(_), fds) => {
                    if let Some(held) = fds.into_iter().next() {
                        Held::new(held).kill();
                    }
                }
                (Status::NotForked(of, why), _) if of == id => return Err(Error::Unsafe(why)),
                (Status::Ended(_) | Status::Failed(_), _) => {
                    return Err(Error::Unsafe("it has ended".into()));
                }
                _ => {}
            }
        }
    }
}

/// Not waited for yet, so the number is its own.
fn hold(process: u32) -> Option<Held> {
    let pid = rustix::process::Pid::from_raw(process.try_into().ok()?)?;
    let held = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty());
    held.ok().map(Held::new)
}

/// Hands a door to whoever serves them; what is returned keeps it open. One for which there is no room stays closed.
fn open(listener: OwnedFd, doors: Option<&Doors>) -> Option<tokio::sync::oneshot::Sender<()>> {
    let listener = std::net::TcpListener::from(listener);
    listener.set_nonblocking(true).ok()?;
    let (open, closed) = tokio::sync::oneshot::channel();
    doors?.try_send(Door { listener, closed }).ok()?;
    Some(open)
}

fn ended(status: Status) -> String {
    match status {
        Status::Failed(why) => why,
        other => format!("it ended: {other:?}"),
    }
}
