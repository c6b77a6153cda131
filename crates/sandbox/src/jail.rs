//! Starting a process, confined or not.

use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::process::Stdio;

use tokio::net::unix::pipe;
use tokio::process::Command;

use crate::cgroup::Hierarchy;
use crate::child::{Child, Life};
use crate::confine::{FIRST_PASSED_FD, ORDER_FD, STATUS_FD};
use crate::spec::{Order, PassedFd, Spec};
use crate::{Error, JAIL_COMMAND, Result};

/// Starts processes. One of the few real seams: hosts differ in what they can confine.
pub trait Jail: Send + Sync {
    /// Starts it; that confining it failed shows when it is waited for. Needs a tokio runtime around it.
    fn spawn(&self, spec: Spec) -> Result<Child>;

    /// Where a path outside is found inside: nothing moves where nothing is confined.
    fn confines(&self) -> bool;
}

/// Linux namespaces, a private root and control groups.
#[derive(Debug)]
pub struct NamespaceJail {
    /// An empty folder on which each process puts its root together, in its own mount namespace.
    stage: PathBuf,
    groups: Hierarchy,
}

impl NamespaceJail {
    /// `stage` is made if it is not there, and must be empty.
    pub fn new(stage: PathBuf) -> Result<Self> {
        std::fs::create_dir_all(&stage)
            .map_err(|cause| Error::io("make the folder for private roots", cause))?;
        let groups = Hierarchy::find();
        if let Hierarchy::None(why) = &groups {
            tracing::warn!(%why, "memory, processor and process limits are not enforced on this host");
        }
        Ok(Self { stage, groups })
    }
}

impl Jail for NamespaceJail {
    fn spawn(&self, spec: Spec) -> Result<Child> {
        let group = self
            .groups
            .make(&spec.limits)
            .map_err(|cause| Error::io("make a control group", cause))?;
        let (numbers, passed) = split(spec.fds);
        let order = Order {
            argv: spec.argv,
            env: spec.env,
            cwd: spec.cwd,
            mounts: spec.mounts,
            tmp: spec.tmp,
            files: spec.limits.files,
            network: spec.network,
            fds: (FIRST_PASSED_FD..).zip(numbers).collect(),
            cgroups: group
                .as_ref()
                .map(crate::cgroup::Cgroup::doors)
                .unwrap_or_default(),
            stage: self.stage.clone(),
            root: rustix::process::geteuid().is_root(),
        };
        let (status, said) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)
            .map_err(|cause| Error::io("make a status pipe", cause))?;
        let mut command = Command::new("/proc/self/exe");
        command.arg(JAIL_COMMAND).env_clear();
        let mut places = vec![(said, STATUS_FD), (written(&order)?, ORDER_FD)];
        places.extend(passed.into_iter().zip(FIRST_PASSED_FD..));
        let process = start(command, places)?;
        let status = pipe::Receiver::from_owned_fd(status)
            .map_err(|cause| Error::io("watch the status pipe", cause))?;
        Child::new(process, Life::Confined { status, group })
    }

    fn confines(&self) -> bool {
        true
    }
}

/// Plain processes, for hosts that cannot confine: they see and do what the server may.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoJail;

impl Jail for NoJail {
    fn spawn(&self, spec: Spec) -> Result<Child> {
        let (numbers, passed) = split(spec.fds);
        let mut words = spec.argv.iter();
        let mut command = Command::new(words.next().map_or("", String::as_str));
        command
            .args(words)
            .env_clear()
            .envs(spec.env)
            .current_dir(spec.cwd);
        Child::new(
            start(command, passed.into_iter().zip(numbers).collect())?,
            Life::Plain,
        )
    }

    fn confines(&self) -> bool {
        false
    }
}

fn split(fds: Vec<PassedFd>) -> (Vec<i32>, Vec<OwnedFd>) {
    fds.into_iter()
        .map(|passed| (passed.number, passed.fd))
        .unzip()
}

/// Starts the command with these descriptors under these numbers.
fn start(mut command: Command, places: Vec<(OwnedFd, i32)>) -> Result<tokio::process::Child> {
    let highest = places.iter().map(|(_, number)| *number).max().unwrap_or(2);
    let moves: Vec<(i32, i32)> = places
        .iter()
        .map(|(fd, number)| (fd.as_raw_fd(), *number))
        .collect();
    let place = move || {
        for (from, to) in &moves {
            // SAFETY: between fork and exec only async-signal-safe calls are made: `fcntl` and `dup2`. The copy gets a
            // number above all targets, so no target is overwritten before its own turn.
            unsafe {
                let copy = libc::fcntl(*from, libc::F_DUPFD_CLOEXEC, highest + 1);
                if copy < 0 || libc::dup2(copy, *to) < 0 {
                    return Err(std::io::Error::last_os_error());
                }
            }
        }
        Ok(())
    };
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    // SAFETY: `place` makes only async-signal-safe calls and allocates nothing unless a call fails.
    unsafe { command.pre_exec(place) };
    let started = command
        .spawn()
        .map_err(|cause| Error::io("start a process", cause));
    // Kept open until here: the child has its copies.
    drop(places);
    started
}

/// The order as an open file that exists nowhere else.
fn written(order: &Order) -> Result<OwnedFd> {
    let bytes =
        postcard::to_stdvec(order).expect("an order holds nothing that cannot be serialised");
    let file = rustix::fs::memfd_create("order", rustix::fs::MemfdFlags::CLOEXEC)
        .map_err(|cause| Error::io("make a file in memory", cause))?;
    let mut file = std::fs::File::from(file);
    file.write_all(&bytes)
        .map_err(|cause| Error::io("write the order", cause))?;
    rustix::fs::seek(file.as_fd(), rustix::fs::SeekFrom::Start(0))
        .map_err(|cause| Error::io("rewind the order", cause))?;
    Ok(file.into())
}
