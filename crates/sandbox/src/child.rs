//! A running process and its end.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;

use base::ByteSize;
use rustix::process::{Pid, Signal};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::UnixDatagram;
use tokio::process::{ChildStderr, ChildStdout};
use tokio::sync::oneshot;

use crate::cgroup::Cgroup;
use crate::channel::{self, Status};
use crate::network::{Door, Doors};
use crate::{Error, Limits, Result};

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
    /// None of one that was forked: it is not ours to wait for.
    process: Option<tokio::process::Child>,
    life: Life,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
}

pub(crate) enum Life {
    /// The process is the monitor of a confined one.
    Confined(Confined),
    /// It came of a template.
    Forked(Forked),
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

/// One that came of a template. Dropping it kills it.
pub(crate) struct Forked {
    pid: u32,
    pidfd: AsyncFd<OwnedFd>,
    /// On which the first process of its namespace tells how the program ended.
    talk: UnixDatagram,
    said: Option<i32>,
    group: Option<Cgroup>,
    limits: Limits,
    /// What it shares with its template, which is counted there.
    shared: Option<ByteSize>,
    /// Its limits; kept because the template's init, which reaps this one, is in them.
    _template: Option<Arc<Cgroup>>,
    /// Held as long as its door is open.
    pub(crate) open: Option<oneshot::Sender<()>>,
}

impl Forked {
    pub(crate) fn new(
        pid: u32,
        pidfd: OwnedFd,
        talk: OwnedFd,
        group: Option<Cgroup>,
        limits: Limits,
        template: Option<Arc<Cgroup>>,
    ) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(&talk, true)?;
        Ok(Self {
            pid,
            // SAFETY: the descriptor is owned by what is registered, and is closed with it.
            pidfd: unsafe { AsyncFd::register_with_interest(pidfd, Interest::READABLE)? },
            talk: UnixDatagram::from_std(talk.into())?,
            said: None,
            group,
            limits,
            shared: template.as_ref().and_then(|group| group.memory()),
            _template: template,
            open: None,
        })
    }

    /// May be given up and called again.
    async fn wait(&mut self) -> Exit {
        let mut word = [0; 8];
        // It speaks once, and then ends; if it ends without, it was killed.
        while let Ok(length) = self.talk.recv(&mut word).await
            && length > 0
        {
            if let Ok(status) = <[u8; 4]>::try_from(&word[..length]) {
                self.said = Some(i32::from_le_bytes(status));
            }
        }
        // Readable when it has ended, and with it, as the first of its namespace, all that it started.
        let _ = self.pidfd.readable().await;
        self.open = None;
        if self.group.as_ref().is_some_and(Cgroup::out_of_memory) {
            return Exit::OutOfMemory;
        }
        match self.said {
            Some(status) => exit(std::process::ExitStatus::from_raw(status)),
            None => Exit::Signal(libc::SIGKILL),
        }
    }

    fn kill(&self) {
        // It may have ended by itself; a hold on it is never on somebody else.
        let _ = rustix::process::pidfd_send_signal(&self.pidfd, Signal::KILL);
    }

    /// With what it shares: as much as it would have used, had it been started itself.
    fn peak_memory(&self) -> Option<ByteSize> {
        let own = self.group.as_ref()?.peak_memory()?;
        let shared = self.shared.unwrap_or(ByteSize::bytes(0));
        let all = own.as_bytes() + shared.as_bytes();
        Some(ByteSize::bytes(all.min(self.limits.memory.as_bytes())))
    }
}

impl Drop for Forked {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Child {
    pub(crate) fn new(mut process: tokio::process::Child, life: Life) -> Result<Self> {
        let missing = || Error::io("read its output", std::io::ErrorKind::BrokenPipe);
        let stdout = Some(process.stdout.take().ok_or_else(missing)?);
        let stderr = Some(process.stderr.take().ok_or_else(missing)?);
        Ok(Self {
            process: Some(process),
            life,
            stdout,
            stderr,
        })
    }

    pub(crate) fn forked(life: Life, stdout: ChildStdout, stderr: ChildStderr) -> Self {
        Self {
            process: None,
            life,
            stdout: Some(stdout),
            stderr: Some(stderr),
        }
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
        match &self.life {
            Life::Forked(forked) => Some(forked.pid),
            Life::Confined(_) | Life::Plain => self.process.as_ref()?.id(),
        }
    }

    /// Waits for its end. Afterwards nothing that it started is left. May be given up and called again.
    pub async fn wait(&mut self) -> Exit {
        let confined = match &mut self.life {
            Life::Forked(forked) => return forked.wait().await,
            Life::Plain => return plain(&end_of(self.process.as_mut()).await),
            Life::Confined(confined) => confined,
        };
        confined.listen().await;
        // When the monitor has ended, so has everything inside.
        let ended = end_of(self.process.as_mut()).await;
        confined.open = None;
        if confined.group.as_ref().is_some_and(Cgroup::out_of_memory) {
            return Exit::OutOfMemory;
        }
        match &confined.said {
            Some(Status::Failed(why)) => Exit::NotConfined(why.clone()),
            Some(Status::Ended(status)) => exit(std::process::ExitStatus::from_raw(*status)),
            // Ended from outside before it could say how.
            Some(_) | None => match plain(&ended) {
                Exit::Code(_) => Exit::Signal(libc::SIGKILL),
                other => other,
            },
        }
    }

    /// Ends it and everything that it started, at once. Wait for it afterwards.
    pub fn kill(&mut self) {
        match &self.life {
            Life::Forked(forked) => forked.kill(),
            Life::Plain => {
                // It may have ended by itself.
                let _ = self.process.as_mut().map(tokio::process::Child::start_kill);
            }
            Life::Confined(_) => {
                // Not reaped yet, so the pid is still its own.
                if let Some(pid) = self
                    .process
                    .as_ref()
                    .and_then(tokio::process::Child::id)
                    .and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?))
                {
                    let _ = rustix::process::kill_process(pid, Signal::TERM);
                }
            }
        }
    }

    /// Ends the time in which it may take more of the processors than its share.
    pub fn settle(&self) {
        let (group, cpu_milli) = match &self.life {
            Life::Confined(confined) => (&confined.group, confined.cpu_milli),
            Life::Forked(forked) => (&forked.group, forked.limits.cpu_milli),
            Life::Plain => return,
        };
        if let Some(group) = group
            && let Err(cause) = group.limit_cpu(cpu_milli)
        {
            tracing::warn!(%cause, "a process keeps more of the processors than its share");
        }
    }

    /// The most memory that it and what it started have used at once, if the host counts it.
    pub fn peak_memory(&self) -> Option<ByteSize> {
        match &self.life {
            Life::Confined(confined) => confined.group.as_ref().and_then(Cgroup::peak_memory),
            Life::Forked(forked) => forked.peak_memory(),
            Life::Plain => None,
        }
    }
}

/// How the process that the server started ended.
async fn end_of(
    process: Option<&mut tokio::process::Child>,
) -> io::Result<std::process::ExitStatus> {
    match process {
        Some(process) => process.wait().await,
        None => Err(io::ErrorKind::NotFound.into()),
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
