//! A running process and its end.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;

use base::ByteSize;
use rustix::process::{Pid, Signal};
use tokio::net::UnixDatagram;
use tokio::process::{ChildStderr, ChildStdout};
use tokio::sync::oneshot;

use crate::cgroup::Cgroup;
use crate::channel::{self, Status};
use crate::freeze::{Freezer, Means};
use crate::network::{Door, Doors};
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
    process: tokio::process::Child,
    life: Life,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
}

pub(crate) enum Life {
    /// The process is the monitor of a confined one.
    Confined(Confined),
    Plain,
}

pub(crate) struct Confined {
    /// Its messages keep their bounds, as a datagram's do.
    channel: UnixDatagram,
    group: Option<Cgroup>,
    /// Of a processor, in thousandths, once it has started.
    cpu_milli: u32,
    /// The last thing that it said; a failure outlasts what follows from it.
    said: Option<Status>,
    doors: Option<Doors>,
    /// On its way to the server.
    door: Option<Door>,
    /// Held as long as this is: dropping it closes the door.
    open: Option<oneshot::Sender<()>>,
}

impl Confined {
    pub(crate) fn new(
        channel: OwnedFd,
        group: Option<Cgroup>,
        cpu_milli: u32,
        doors: Option<Doors>,
    ) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(&channel, true)?;
        Ok(Self {
            channel: UnixDatagram::from_std(channel.into())?,
            group,
            cpu_milli,
            said: None,
            doors,
            door: None,
            open: None,
        })
    }

    /// Listens until all that could speak has ended. May be given up and called again.
    async fn listen(&mut self) {
        loop {
            self.pass_on_the_door().await;
            let heard = self
                .channel
                .async_io(tokio::io::Interest::READABLE, || {
                    channel::receive::<Status>(self.channel.as_fd(), Status::LONGEST)
                })
                .await;
            match heard {
                Ok(Some((Status::Door, fds))) => {
                    self.door = fds.into_iter().next().and_then(|fd| self.door(fd))
                }
                Ok(Some((status, _))) if !matches!(self.said, Some(Status::Failed(_))) => {
                    self.said = Some(status);
                }
                Ok(Some(_)) => {}
                // Words that are not ours are those of something that is broken: it has ended, or will be.
                Ok(None) | Err(_) => return,
            }
        }
    }

    fn door(&mut self, fd: OwnedFd) -> Option<Door> {
        let listener = std::net::TcpListener::from(fd);
        let (open, closed) = oneshot::channel();
        self.open = Some(open);
        listener.set_nonblocking(true).ok()?;
        Some(Door { listener, closed })
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

impl Child {
    pub(crate) fn new(mut process: tokio::process::Child, life: Life) -> Result<Self> {
        let missing = || Error::io("read its output", std::io::ErrorKind::BrokenPipe);
        let stdout = Some(process.stdout.take().ok_or_else(missing)?);
        let stderr = Some(process.stderr.take().ok_or_else(missing)?);
        Ok(Self {
            process,
            life,
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

    /// The process that the server itself started. A confined program's own pid is another.
    pub fn pid(&self) -> Option<u32> {
        self.process.id()
    }

    /// What holds it between times of work. To be let go before it is killed. None if it has ended.
    pub fn freezer(&self) -> Option<Freezer> {
        let pid = Pid::from_raw(i32::try_from(self.pid()?).ok()?)?;
        Some(Freezer::new(match &self.life {
            Life::Plain => Means::Plain(pid),
            Life::Confined(confined) => match &confined.group {
                Some(group) => group.freezing(pid),
                None => Means::Descendants { monitor: pid },
            },
        }))
    }

    /// Waits for its end. Afterwards nothing that it started is left. May be given up and called again.
    pub async fn wait(&mut self) -> Exit {
        let Life::Confined(confined) = &mut self.life else {
            return plain(&self.process.wait().await);
        };
        confined.listen().await;
        // When the monitor has ended, so has everything inside.
        let ended = self.process.wait().await;
        confined.open = None;
        if confined.group.as_ref().is_some_and(Cgroup::out_of_memory) {
            return Exit::OutOfMemory;
        }
        match &confined.said {
            Some(Status::Failed(why)) => Exit::NotConfined(why.clone()),
            Some(Status::Ended(status)) => exit(std::process::ExitStatus::from_raw(*status)),
            // Ended from outside before it could say how.
            Some(Status::Began | Status::Door) | None => match plain(&ended) {
                Exit::Code(_) => Exit::Signal(libc::SIGKILL),
                other => other,
            },
        }
    }

    /// Ends it and everything that it started, at once. Wait for it afterwards.
    pub fn kill(&mut self) {
        match &self.life {
            Life::Plain => {
                // It may have ended by itself.
                let _ = self.process.start_kill();
            }
            Life::Confined(_) => {
                // Not reaped yet, so the pid is still its own.
                if let Some(pid) = self
                    .process
                    .id()
                    .and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?))
                {
                    let _ = rustix::process::kill_process(pid, Signal::TERM);
                }
            }
        }
    }

    /// Ends the time in which it may take more of the processors than its share.
    pub fn settle(&self) {
        if let Life::Confined(confined) = &self.life
            && let Some(group) = &confined.group
            && let Err(cause) = group.limit_cpu(confined.cpu_milli)
        {
            tracing::warn!(%cause, "a process keeps more of the processors than its share");
        }
    }

    /// The most memory that it and what it started have used at once, if the host counts it.
    pub fn peak_memory(&self) -> Option<ByteSize> {
        match &self.life {
            Life::Confined(confined) => confined.group.as_ref().and_then(Cgroup::peak_memory),
            Life::Plain => None,
        }
    }
}

fn plain(ended: &std::io::Result<std::process::ExitStatus>) -> Exit {
    match ended {
        Ok(status) => exit(*status),
        Err(_) => Exit::Signal(libc::SIGKILL),
    }
}

fn exit(status: std::process::ExitStatus) -> Exit {
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, signal) => Exit::Signal(signal.unwrap_or(libc::SIGKILL)),
    }
}
