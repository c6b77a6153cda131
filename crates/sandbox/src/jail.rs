//! Starting a process, confined or not.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::process::{ChildStderr, ChildStdout, Command};

use crate::cgroup::{Cgroup, Hierarchy};
use crate::child::{Child, Confined, Life};
use crate::network::Doors;
use crate::seccomp::{self, Instruction};
use crate::spec::{Order, PassedFd, Spec, User};
use crate::template::{Makes, Template, TemplateSpec};
use crate::{Error, JAIL_COMMAND, Result, channel};

/// Starts processes. One of the few real seams: hosts differ in what they can confine.
pub trait Jail: Send + Sync {
    /// Starts it; that confining it failed shows when it is waited for. Needs a tokio runtime around it.
    fn spawn(&self, spec: Spec) -> Result<Child>;

    /// Starts it as a template, if this jail can fork. Comes with what it prints.
    fn template(&self, spec: Spec, template: TemplateSpec) -> Result<Prepared> {
        let _ = (spec, template);
        Err(Error::Unsafe("nothing is confined here".into()))
    }

    /// Where a path outside is found inside: nothing moves where nothing is confined.
    fn confines(&self) -> bool;
}

/// A template, and what it prints.
#[derive(Debug)]
pub struct Prepared {
    pub template: Template,
    pub stdout: Option<ChildStdout>,
    pub stderr: Option<ChildStderr>,
}

/// Linux namespaces, a private root, control groups, Landlock and a filter of system calls.
#[derive(Debug)]
pub struct NamespaceJail {
    /// An empty folder on which each process puts its root together, in its own mount namespace.
    stage: PathBuf,
    groups: Arc<Hierarchy>,
    users: Arc<Users>,
    filter: Vec<Instruction>,
    doors: Option<Doors>,
}

impl NamespaceJail {
    /// `stage` is made if it is not there, and must be empty.
    pub fn new(stage: PathBuf) -> Result<Self> {
        std::fs::create_dir_all(&stage)
            .map_err(|cause| Error::io("make the folder for private roots", cause))?;
        let groups = Hierarchy::find();
        if let Hierarchy::None(why) = &groups {
            tracing::warn!(%why, "memory and processor limits are not enforced on this host");
        }
        Ok(Self {
            stage,
            groups: Arc::new(groups),
            users: Arc::new(Users::find()),
            filter: seccomp::filter(),
            doors: None,
        })
    }

    /// Where the doors of processes with isolated networks go. Without it they have none.
    pub fn with_doors(self, doors: Doors) -> Self {
        Self {
            doors: Some(doors),
            ..self
        }
    }

    fn order(&self, spec: Spec, group: Option<&Cgroup>) -> (Order, Vec<OwnedFd>) {
        let (numbers, passed) = split(spec.fds);
        let order = Order {
            argv: spec.argv,
            env: spec.env,
            cwd: spec.cwd,
            mounts: spec.mounts,
            tmp: spec.tmp,
            files: spec.limits.files,
            pids: group.is_none().then_some(spec.limits.pids),
            network: spec.network,
            numbers,
            cgroups: group.map(Cgroup::doors).unwrap_or_default(),
            stage: self.stage.clone(),
            user: self.users.next(),
            filter: self.filter.clone(),
            server: std::process::id(),
            template: None,
            threads: None,
            places: Vec::new(),
        };
        (order, passed)
    }
}

impl Jail for NamespaceJail {
    fn spawn(&self, spec: Spec) -> Result<Child> {
        let group = self
            .groups
            .make(&spec.limits)
            .map_err(|cause| Error::io("make a control group", cause))?;
        let cpu_milli = spec.limits.cpu_milli;
        let (order, passed) = self.order(spec, group.as_ref());
        let (ours, theirs) = channel::pair().map_err(|cause| Error::io("make a channel", cause))?;
        let passed: Vec<_> = passed.iter().map(AsFd::as_fd).collect();
        // It waits there until the child reads it.
        channel::send(ours.as_fd(), &order, &passed)
            .map_err(|cause| Error::io("hand over the order", cause))?;
        let mut command = Command::new("/proc/self/exe");
        // With nothing to do between fork and exec, the standard library starts it without copying our page tables.
        command.arg(JAIL_COMMAND).env_clear().stdin(theirs);
        let process = start(command)?;
        let confined = Confined::new(ours, group, cpu_milli, self.doors.clone())
            .map_err(|cause| Error::io("watch the channel", cause))?;
        Child::new(process, Life::Confined(confined))
    }

    fn template(&self, spec: Spec, template: TemplateSpec) -> Result<Prepared> {
        let group = self
            .groups
            .make(&spec.limits)
            .map_err(|cause| Error::io("make a control group", cause))?;
        let (mut order, passed) = self.order(spec, group.as_ref());
        order.filter = seccomp::listened(order.network);
        order.template = Some(template.control);
        order.threads = Some(template.threads);
        order.places = template.places;
        // Where they are counted by user, its children's count as its own too; each has its own limit besides.
        order.pids = order.pids.map(|pids| pids.saturating_mul(FAMILY));
        let (ours, theirs) = channel::pair().map_err(|cause| Error::io("make a channel", cause))?;
        let passed: Vec<_> = passed.iter().map(AsFd::as_fd).collect();
        channel::send(ours.as_fd(), &order, &passed)
            .map_err(|cause| Error::io("hand over the order", cause))?;
        let mut command = Command::new("/proc/self/exe");
        command.arg(JAIL_COMMAND).env_clear().stdin(theirs);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let process = command
            .spawn()
            .map_err(|cause| Error::io("start a process", cause))?;
        let (groups, users) = (self.groups.clone(), self.users.clone());
        let makes = Makes {
            group: Box::new(move |limits| groups.make(limits)),
            user: Box::new(move || match users.next() {
                User::Number(number) => Some(number),
                User::Same => None,
            }),
            doors: self.doors.clone(),
        };
        let (template, stdout, stderr) = Template::new(ours, process, group, makes)?;
        Ok(Prepared {
            template,
            stdout,
            stderr,
        })
    }

    fn confines(&self) -> bool {
        true
    }
}

/// Whom programs run as. Where we are root, each is somebody else: what the kernel counts by user (watches, locked
/// memory, keys) one cannot use up for another.
#[derive(Debug)]
enum Users {
    Many(AtomicU32),
    One(User),
}

/// How many children with all their processes a template may have where nothing but their number is limited.
const FAMILY: u32 = 64;

/// Far above what hosts give to people, services and containers.
const FIRST_USER: u32 = 2_000_000_000;
const USERS: u32 = 100_000_000;
/// What hosts call `nobody`.
const NOBODY: u32 = 65_534;

impl Users {
    fn find() -> Self {
        if !rustix::process::geteuid().is_root() {
            return Self::One(User::Same);
        }
        // Root of a container, who has not all numbers?
        let numbers = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
        let all = numbers.split_whitespace().eq(["0", "0", "4294967295"]);
        if all {
            Self::Many(AtomicU32::new(0))
        } else {
            Self::One(User::Number(NOBODY))
        }
    }

    fn next(&self) -> User {
        match self {
            Self::One(user) => *user,
            Self::Many(count) => {
                User::Number(FIRST_USER + count.fetch_add(1, Ordering::Relaxed) % USERS)
            }
        }
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
        command.stdin(Stdio::null());
        let places = passed.into_iter().zip(numbers).collect();
        Child::new(start_with(command, places)?, Life::Plain)
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

fn start(mut command: Command) -> Result<tokio::process::Child> {
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
        .spawn()
        .map_err(|cause| Error::io("start a process", cause))
}

/// Starts the command with these descriptors under these numbers.
fn start_with(mut command: Command, places: Vec<(OwnedFd, i32)>) -> Result<tokio::process::Child> {
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
    // SAFETY: `place` makes only async-signal-safe calls and allocates nothing unless a call fails.
    unsafe { command.pre_exec(place) };
    let started = start(command);
    // Kept open until here: the child has its copies.
    drop(places);
    started
}
