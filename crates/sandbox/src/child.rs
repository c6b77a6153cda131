//! A running process and its end.

use std::io;
use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;

use base::ByteSize;
use rustix::process::Pid;
use tokio::net::UnixDatagram;
use tokio::process::{ChildStderr, ChildStdout};
use tokio::sync::oneshot;

use crate::cgroup::Cgroup;
use crate::channel::{self, Status};
use crate::chores::{Left, Remains};
use crate::freeze::{Freezer, Means};
use crate::gauge::Gauge;
use crate::held::{self, Held};
use crate::instance::Parts;
use crate::keeper::Keeper;
use crate::network::{Door, Doors};
use crate::template::Forked;
use crate::{Error, Result};

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    Code(i32),
    Signal(i32),
    /// It, or something that it started, wanted more memory than its limit.
    OutOfMemory,
    /// It never began: confining it failed, for this reason.
    NotConfined(String),
}

/// A process. Dropping it kills it, with everything that it started.
pub struct Child {
    life: Life,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
}

pub(crate) enum Life {
    Confined(Box<Confined>),
    /// It came of a template.
    Forked(Box<Forked>),
    Plain(tokio::process::Child),
}

pub(crate) struct Confined {
    /// Its messages keep their bounds, as a datagram's do.
    channel: UnixDatagram,
    /// On its first process, once its keeper has made it.
    held: Option<Held>,
    killed: bool,
    /// Its mount namespace. Whoever lets go of it last waits for the kernel to take it apart.
    mounts: Option<OwnedFd>,
    group: Option<Cgroup>,
    /// Of a processor, in thousandths, once it has started.
    cpu_milli: u32,
    /// The last thing that it said; a failure outlasts what follows from it.
    said: Option<Status>,
    doors: Option<Doors>,
    /// On its way to the server.
    door: Option<Door>,
    /// The instance's own listener, for whoever has started it.
    own: Option<TcpListener>,
    /// Held as long as this is: dropping it closes the door.
    open: Option<oneshot::Sender<()>>,
    /// As long as it lives, so does its keeper.
    keeper: Option<Arc<Keeper>>,
    chores: Remains,
}

impl Confined {
    pub(crate) fn new(
        parts: Parts,
        cpu_milli: u32,
        doors: Option<Doors>,
        chores: Remains,
    ) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(&parts.channel, true)?;
        let mut confined = Self {
            channel: UnixDatagram::from_std(parts.channel.into())?,
            held: parts.held,
            killed: false,
            mounts: parts.mounts,
            group: parts.group,
            cpu_milli,
            said: None,
            doors,
            door: None,
            own: None,
            open: None,
            keeper: Some(parts.keeper),
            chores,
        };
        confined.door(parts.doors);
        Ok(confined)
    }

    /// Listens until all that could speak has ended. May be given up and called again.
    async fn listen(&mut self) {
        while self.hear().await {}
    }

    /// Hears one thing, unless all that could speak has ended.
    async fn hear(&mut self) -> bool {
        self.pass_on_the_door().await;
        let heard = self
            .channel
            .async_io(tokio::io::Interest::READABLE, || {
                channel::receive::<Status>(self.channel.as_fd(), Status::LONGEST)
            })
            .await;
        match heard {
            Ok(Some((Status::Made, fds))) => self.made(fds),
            Ok(Some((Status::Ready, fds))) => self.mounts = fds.into_iter().next(),
            Ok(Some((Status::Door, fds))) => self.door(fds),
            Ok(Some((status, _))) if !matches!(self.said, Some(Status::Failed(_))) => {
                // Whoever wants to be spoken to there has taken it before.
                self.own = None;
                self.said = Some(status);
            }
            Ok(Some(_)) => {}
            // Words that are not ours are those of something that is broken: it has ended, or will be.
            Ok(None) | Err(_) => return false,
        }
        true
    }

    /// Waits for the instance's own listener; none if it has none, or ends before.
    async fn listener(&mut self) -> Option<TcpListener> {
        while self.own.is_none() && !matches!(self.said, Some(Status::Began)) && self.hear().await {
        }
        self.own.take()
    }

    fn made(&mut self, fds: Vec<OwnedFd>) {
        self.held = fds.into_iter().next().map(Held::new);
        if self.killed {
            self.kill();
        }
    }

    fn kill(&mut self) {
        self.killed = true;
        if let Some(held) = &self.held {
            held.kill();
        }
    }

    /// Waits until nothing of it is left, and says how the program ended.
    async fn wait(&mut self) -> Exit {
        self.listen().await;
        if let Some(held) = &self.held
            && let Err(cause) = held.ended().await
        {
            tracing::warn!(%cause, "it could not be seen whether an instance has ended");
        }
        self.open = None;
        self.own = None;
        if self.group.as_ref().is_some_and(Cgroup::out_of_memory) {
            return Exit::OutOfMemory;
        }
        match &self.said {
            Some(Status::Failed(why)) => Exit::NotConfined(why.clone()),
            Some(Status::Ended(status)) => exit(std::process::ExitStatus::from_raw(*status)),
            // Ended from outside before it could say how.
            _ if self.held.is_some() || self.killed => Exit::Signal(libc::SIGKILL),
            _ => Exit::NotConfined("its keeper has ended".into()),
        }
    }

    fn door(&mut self, fds: Vec<OwnedFd>) {
        let mut listeners = fds.into_iter().map(TcpListener::from);
        let Some(listener) = listeners.next() else {
            return;
        };
        self.own = listeners.next();
        let (open, closed) = oneshot::channel();
        self.open = Some(open);
        if listener.set_nonblocking(true).is_ok() {
            self.door = Some(Door { listener, closed });
        }
    }

    async fn pass_on_the_door(&mut self) {
        if let Some(doors) = &self.doors
            && self.door.is_some()
            // If nobody serves doors any more, the server is ending.
            && let Ok(place) = doors.reserve().await
            && let Some(door) = self.door.take()
        {
            place.send(door);
        }
    }
}

impl Drop for Confined {
    fn drop(&mut self) {
        if self.held.is_none() {
            held::end(self.channel.as_fd(), None);
        }
        self.kill();
        self.chores.leave(Left {
            held: self.held.take(),
            mounts: self.mounts.take(),
            group: self.group.take(),
            keeper: self.keeper.take(),
        });
    }
}

impl Child {
    pub(crate) fn new(life: Life, stdout: OwnedFd, stderr: OwnedFd) -> Result<Self> {
        let failed = |cause| Error::io("read its output", cause);
        let stdout = std::process::ChildStdout::from(stdout);
        let stderr = std::process::ChildStderr::from(stderr);
        Ok(Self {
            life,
            stdout: Some(ChildStdout::from_std(stdout).map_err(failed)?),
            stderr: Some(ChildStderr::from_std(stderr).map_err(failed)?),
        })
    }

    pub(crate) fn plain(mut process: tokio::process::Child) -> Result<Self> {
        let missing = || Error::io("read its output", std::io::ErrorKind::BrokenPipe);
        let stdout = Some(process.stdout.take().ok_or_else(missing)?);
        let stderr = Some(process.stderr.take().ok_or_else(missing)?);
        Ok(Self {
            life: Life::Plain(process),
            stdout,
            stderr,
        })
    }

    /// What it prints; can be taken once.
    pub fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.stdout.take()
    }

    /// What it prints as errors; can be taken once.
    pub fn take_stderr(&mut self) -> Option<ChildStderr> {
        self.stderr.take()
    }

    /// A socket that listens at [`own_port`](crate::own_port()) of its own network, for nobody but whoever is inside; can be
    /// taken once. None where it has no network of its own, or ends before it has.
    pub async fn listener(&mut self) -> Option<TcpListener> {
        match &mut self.life {
            Life::Confined(confined) => confined.listener().await,
            Life::Forked(_) | Life::Plain(_) => None,
        }
    }

    /// The number of its first process among the host's, for whoever looks at it: as long as there is one.
    pub fn pid(&self) -> Option<u32> {
        let held = match &self.life {
            Life::Plain(process) => return process.id(),
            Life::Confined(confined) => confined.held.as_ref(),
            Life::Forked(forked) => forked.held(),
        };
        Some(held?.pid()?.as_raw_nonzero().get().unsigned_abs())
    }

    /// What holds it between times of work. To be let go before it is killed. None if it has ended, or nothing of the
    /// host's tells what is inside.
    pub fn freezer(&self) -> Option<Freezer> {
        let means = match &self.life {
            Life::Plain(process) => Means::Tree(Pid::from_raw(i32::try_from(process.id()?).ok()?)?),
            Life::Forked(forked) => forked.freezing()?,
            Life::Confined(confined) => match (&confined.group, &confined.held) {
                (Some(group), _) => group.freezing(),
                (None, Some(held)) => Means::Tree(held.pid()?),
                (None, None) => return None,
            },
        };
        Some(Freezer::new(means))
    }

    /// Waits for its end. Afterwards nothing that it started is left. May be given up and called again.
    pub async fn wait(&mut self) -> Exit {
        match &mut self.life {
            Life::Confined(confined) => confined.wait().await,
            Life::Forked(forked) => forked.wait().await,
            Life::Plain(process) => plain(&process.wait().await),
        }
    }

    /// Ends it and everything that it started, at once. Wait for it afterwards.
    pub fn kill(&mut self) {
        match &mut self.life {
            // It may have ended by itself.
            Life::Plain(process) => drop(process.start_kill()),
            Life::Confined(confined) => confined.kill(),
            Life::Forked(forked) => forked.kill(),
        }
    }

    /// Ends the time in which it may take more of the processors than its share.
    pub fn settle(&self) {
        let (group, cpu_milli) = match &self.life {
            Life::Confined(confined) => (&confined.group, confined.cpu_milli),
            Life::Forked(forked) => (&forked.group, forked.limits.cpu_milli),
            Life::Plain(_) => return,
        };
        if let Some(group) = group
            && let Err(cause) = group.limit_cpu(cpu_milli)
        {
            tracing::warn!(%cause, "a process keeps more of the processors than its share");
        }
    }

    /// The most memory that it and what it started have used at once, if the host counts it.
    pub fn peak_memory(&self) -> Option<ByteSize> {
        self.gauge()?.peak()
    }

    /// Tells the same, as long as it lives.
    pub fn gauge(&self) -> Option<Gauge> {
        match &self.life {
            Life::Confined(confined) => confined.group.as_ref().map(Cgroup::gauge),
            Life::Forked(forked) => forked.gauge(),
            Life::Plain(_) => None,
        }
    }
}

fn plain(ended: &std::io::Result<std::process::ExitStatus>) -> Exit {
    match ended {
        Ok(status) => exit(*status),
        Err(_) => Exit::Signal(libc::SIGKILL),
    }
}

pub(crate) fn exit(status: std::process::ExitStatus) -> Exit {
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, signal) => Exit::Signal(signal.unwrap_or(libc::SIGKILL)),
    }
}
