//! A process that is started once, and from which others are forked: each confined as if it had been started itself.
//!
//! This is the server's side. The other sides are `warden.rs`, which sees to it from outside, and `native/`, which the
//! program loads to take part.

use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;

use base::ByteSize;
use serde::{Deserialize, Serialize};
use tokio::io::Interest;
use tokio::net::UnixDatagram;
use tokio::process::{ChildStderr, ChildStdout};

use crate::cgroup::Cgroup;
use crate::channel::{self, Status};
use crate::child::{Child, Forked, Life};
use crate::network::{Door, Doors};
use crate::spec::Mount;
use crate::{Error, Limits, PassedFd, Result};

/// The library that a program loads to be a template. Empty where it could not be compiled.
pub const LIBRARY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/plain.so"));
/// The same for an interpreter that wants an interface of its own.
pub const NODE_LIBRARY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/node.so"));

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
    Fork(ForkOrder),
    /// A child is to be made ahead, for the next fork.
    Spare(Birth),
    /// The template is to end; what came of it stays.
    Retire,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ForkOrder {
    pub(crate) id: u64,
    /// It goes on with the child that was made ahead.
    pub(crate) uses_spare: bool,
    /// If it does not.
    pub(crate) birth: Birth,
    pub(crate) mounts: Vec<Mount>,
    pub(crate) tmp: ByteSize,
    /// Set where no control group counts them.
    pub(crate) pids: Option<u32>,
    pub(crate) numbers: Vec<u8>,
    pub(crate) message: Vec<u8>,
}

/// Who a child is.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Birth {
    /// Whom it takes itself for is its template's user; outside it is this one.
    pub(crate) user: Option<u32>,
    pub(crate) cgroups: Vec<PathBuf>,
}

impl ForkOrder {
    /// As `native/fork.rs` reads it.
    pub(crate) fn message(&self, user: u32) -> Vec<u8> {
        let mut message = user.to_le_bytes().to_vec();
        message.push(u8::try_from(self.numbers.len()).expect("few descriptors are passed"));
        message.extend(&self.numbers);
        message.extend(&self.message);
        message
    }
}

/// A program that has been started to be forked. Dropping it ends the program, and nothing that came of it.
pub struct Template {
    channel: tokio::sync::Mutex<Channel>,
    group: Option<Arc<Cgroup>>,
    makes: Makes,
}

type MakeGroup = dyn Fn(&Limits) -> std::io::Result<Option<Cgroup>> + Send + Sync;

/// What a jail has for each fork.
pub(crate) struct Makes {
    pub(crate) group: Box<MakeGroup>,
    pub(crate) user: Box<dyn Fn() -> Option<u32> + Send + Sync>,
    pub(crate) doors: Option<Doors>,
}

struct Channel {
    socket: UnixDatagram,
    count: u64,
    /// The groups of the child that was made ahead, if one was.
    spare: Option<Option<Cgroup>>,
    /// The warden. It ends by itself, when the last child has.
    _process: tokio::process::Child,
    /// Of the template's own network.
    door: Option<tokio::sync::oneshot::Sender<()>>,
}

impl Template {
    pub(crate) fn new(
        channel: OwnedFd,
        process: tokio::process::Child,
        group: Option<Cgroup>,
        makes: Makes,
    ) -> Result<(Self, Option<ChildStdout>, Option<ChildStderr>)> {
        let watch = |cause| Error::io("watch the channel", cause);
        rustix::io::ioctl_fionbio(&channel, true).map_err(|cause| watch(cause.into()))?;
        let socket = UnixDatagram::from_std(channel.into()).map_err(watch)?;
        let mut process = process;
        let (stdout, stderr) = (process.stdout.take(), process.stderr.take());
        let template = Self {
            channel: tokio::sync::Mutex::new(Channel {
                socket,
                count: 0,
                spare: None,
                _process: process,
                door: None,
            }),
            group: group.map(Arc::new),
            makes,
        };
        Ok((template, stdout, stderr))
    }

    /// Waits until it can be forked. An error says why it cannot be, ever.
    pub async fn ready(&self) -> Result<()> {
        let mut channel = self.channel.lock().await;
        loop {
            let (status, fds) = channel.hear().await?;
            match status {
                Status::Ready(verdict) => return verdict.map_err(Error::Unsafe),
                Status::Door => {
                    let door = fds.into_iter().next();
                    channel.door = door.and_then(|door| open(door, self.makes.doors.as_ref()));
                }
                Status::Began => {}
                other => return Err(Error::Unsafe(ended(other))),
            }
        }
    }

    /// A new process, confined, that goes on where the template is.
    pub async fn fork(&self, fork: Fork) -> Result<Child> {
        let failed = |step| move |cause: std::io::Error| Error::io(step, cause);
        let limits = fork.limits;
        let pipe = || std::io::pipe().map_err(failed("make a pipe"));
        let ((stdout, out), (stderr, err)) = (pipe()?, pipe()?);
        let mut numbers = vec![1, 2];
        numbers.extend(
            fork.fds
                .iter()
                .filter_map(|passed| u8::try_from(passed.number).ok()),
        );
        let mut passed = vec![out.as_fd(), err.as_fd()];
        passed.extend(fork.fds.iter().map(|passed| passed.fd.as_fd()));
        let mut channel = self.channel.lock().await;
        let uses_spare = channel.spare.is_some();
        let (group, birth) = match channel.spare.take() {
            Some(group) => {
                if let Some(group) = &group {
                    group
                        .limit(&fork.limits)
                        .map_err(failed("set the limits"))?;
                }
                (group, Birth::default())
            }
            None => self.birth(&fork.limits)?,
        };
        channel.count += 1;
        let id = channel.count;
        let request = Request::Fork(ForkOrder {
            id,
            uses_spare,
            birth,
            mounts: fork.mounts,
            tmp: fork.tmp,
            pids: group.is_none().then_some(fork.limits.pids),
            numbers,
            message: fork.message,
        });
        channel::send(channel.socket.as_fd(), &request, &passed)
            .map_err(failed("ask for a fork"))?;
        let (pid, fds) = channel.answer(id).await?;
        drop(channel);
        drop((out, err));
        let mut fds = fds.into_iter();
        let (Some(pidfd), Some(talk)) = (fds.next(), fds.next()) else {
            return Err(Error::Unsafe("its child did not come along".into()));
        };
        let mut forked = Forked::new(pid, pidfd, talk, group, limits, self.group.clone())
            .map_err(failed("watch a child"))?;
        if let Some(door) = fds.next() {
            forked.open = open(door, self.makes.doors.as_ref());
        }
        let stdout = ChildStdout::from_std(OwnedFd::from(stdout).into());
        let stderr = ChildStderr::from_std(OwnedFd::from(stderr).into());
        Ok(Child::forked(
            Life::Forked(forked),
            stdout.map_err(failed("read its output"))?,
            stderr.map_err(failed("read its output"))?,
        ))
    }

    fn birth(&self, limits: &Limits) -> Result<(Option<Cgroup>, Birth)> {
        let group = (self.makes.group)(limits);
        let group = group.map_err(|cause| Error::io("make a control group", cause))?;
        let birth = Birth {
            user: (self.makes.user)(),
            cgroups: group.as_ref().map(Cgroup::doors).unwrap_or_default(),
        };
        Ok((group, birth))
    }

    /// Makes a child ahead for the next fork, if there is none: joining control groups can take longer than everything
    /// else. Its limits are those of a usual one until it is used.
    pub async fn make_ahead(&self, limits: &Limits) -> Result<()> {
        let mut channel = self.channel.lock().await;
        if channel.spare.is_none() {
            let (group, birth) = self.birth(limits)?;
            channel::send(channel.socket.as_fd(), &Request::Spare(birth), &[])
                .map_err(|cause| Error::io("ask for a child", cause))?;
            channel.spare = Some(group);
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
        let _ = channel::send(self.channel.get_mut().socket.as_fd(), &Request::Retire, &[]);
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
    async fn answer(&self, id: u64) -> Result<(u32, Vec<OwnedFd>)> {
        loop {
            match self.hear().await? {
                (Status::Forked(of, pid), fds) if of == id => return Ok((pid, fds)),
                (Status::Forked(..), fds) => {
                    if let Some(pidfd) = fds.first() {
                        let _ = rustix::process::pidfd_send_signal(
                            pidfd,
                            rustix::process::Signal::KILL,
                        );
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
