//! A running process and its end.

use std::os::unix::process::ExitStatusExt;

use base::ByteSize;
use rustix::process::{Pid, Signal};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::process::{ChildStderr, ChildStdout};

use crate::cgroup::Cgroup;
use crate::status::Status;
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
    Confined {
        status: pipe::Receiver,
        group: Option<Cgroup>,
    },
    Plain,
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

    /// Waits for its end. Afterwards nothing that it started is left. May be given up and called again.
    pub async fn wait(&mut self) -> Exit {
        let Life::Confined { status, group } = &mut self.life else {
            return plain(&self.process.wait().await);
        };
        let said = last_words(status).await;
        // When the monitor has ended, so has everything inside.
        let ended = self.process.wait().await;
        if group.as_ref().is_some_and(Cgroup::out_of_memory) {
            return Exit::OutOfMemory;
        }
        match said {
            Some(Status::Failed(why)) => Exit::NotConfined(why),
            Some(Status::Ended(status)) => exit(std::process::ExitStatus::from_raw(status)),
            // Ended from outside before it could say how.
            Some(Status::Began) | None => match plain(&ended) {
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
            Life::Confined { .. } => {
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

    /// The most memory that it and what it started have used at once, if the host counts it.
    pub fn peak_memory(&self) -> Option<ByteSize> {
        match &self.life {
            Life::Confined { group, .. } => group.as_ref().and_then(Cgroup::peak_memory),
            Life::Plain => None,
        }
    }
}

/// The last thing that is said before the pipe ends; a failure outlasts what follows from it.
async fn last_words(pipe: &mut pipe::Receiver) -> Option<Status> {
    let (mut heard, mut last) = (Vec::new(), None);
    while let Ok(1..) = pipe.read_buf(&mut heard).await {
        while let Some((status, len)) = Status::parse(&heard) {
            heard.drain(..len);
            if !matches!(last, Some(Status::Failed(_))) {
                last = Some(status);
            }
        }
    }
    last
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
