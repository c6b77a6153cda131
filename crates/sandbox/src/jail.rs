//! Starting a process, confined or not.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, OnceLock, mpsc};

use tokio::process::Command;

use crate::cgroup::Hierarchy;
use crate::child::{Child, Confined, Life};
use crate::chores::Chores;
use crate::instance::Instance;
use crate::keeper::Ordering;
use crate::network::Doors;
use crate::spec::{Access, Mount, Order, PassedFd, Place, Spec};
use crate::stock::{Kind, Stock};
use crate::template::{self, Prepared, TemplateSpec};
use crate::{Error, Result};

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

    /// Whether what it starts is another user than we are, for whom files may be closed that are open to us.
    fn is_another_user(&self) -> bool {
        false
    }
}

/// Linux namespaces, a private root, control groups, Landlock and a filter of system calls.
#[derive(Debug)]
pub struct NamespaceJail {
    stock: Arc<Stock>,
    chores: Chores,
    doors: Option<Doors>,
}

impl NamespaceJail {
    /// `stage` is made if it is not there, and must be empty.
    pub fn new(stage: PathBuf) -> Result<Self> {
        Self::with_stock(stage, |_| {})
    }

    /// With these symbolic links in all roots.
    pub fn with_links(stage: PathBuf, links: &[(&str, &str)]) -> Result<Self> {
        let links = links.iter().map(|(link, to)| (link.into(), to.into()));
        Self::with_stock(stage, |stock| stock.links = links.collect())
    }

    /// Makes nothing ahead: for measuring what that is good for.
    pub fn without_spares(stage: PathBuf) -> Result<Self> {
        Self::with_stock(stage, Stock::without_spares)
    }

    fn with_stock(stage: PathBuf, change: impl FnOnce(&mut Stock)) -> Result<Self> {
        std::fs::create_dir_all(&stage)
            .map_err(|cause| Error::io("make the folder for private roots", cause))?;
        let groups = Hierarchy::find();
        if let Hierarchy::None(why) = &groups {
            tracing::warn!(%why, "memory and processor limits are not enforced on this host");
        }
        let mut stock = Stock::new(stage, groups);
        change(&mut stock);
        let stock = Arc::new(stock);
        Ok(Self {
            chores: Chores::start(stock.clone())?,
            stock,
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

    fn start(&self, spec: &Spec, outputs: &[OwnedFd; 2]) -> Result<Instance> {
        let kind = kind(spec);
        let binds = parents_first(&spec.mounts);
        let passed = spec.fds.iter().map(|passed| &passed.fd);
        let passed: Vec<_> = outputs.iter().chain(passed).map(AsFd::as_fd).collect();
        let start = || {
            let ordering = Ordering {
                binds: &binds,
                order: order(spec),
                passed: &passed,
            };
            self.stock.start(&kind, ordering)
        };
        // A keeper that was killed is found out by asking it; then there is a new one.
        let started = start().or_else(|cause| match cause.is_of_an_end() {
            true => start(),
            false => Err(cause),
        })?;
        self.chores.refill(kind);
        Ok(started)
    }
}

impl Jail for NamespaceJail {
    fn spawn(&self, spec: Spec) -> Result<Child> {
        let failed = |cause| Error::io("make a channel", cause);
        let (stdout, its_stdout) = pipe().map_err(failed)?;
        let (stderr, its_stderr) = pipe().map_err(failed)?;
        let instance = self.start(&spec, &[its_stdout, its_stderr])?;
        let ended = || Error::Confine("it has ended".into());
        let parts = instance.into_parts().ok_or_else(ended)?;
        let (doors, remains) = (self.doors.clone(), self.chores.remains());
        let confined = Confined::new(parts, spec.limits.cpu_milli, doors, remains)
            .map_err(|cause| Error::io("watch the channel", cause))?;
        Child::new(Life::Confined(Box::new(confined)), stdout, stderr)
    }

    fn template(&self, spec: Spec, template: TemplateSpec) -> Result<Prepared> {
        let (doors, remains) = (self.doors.clone(), self.chores.remains());
        template::start(&self.stock, &spec, template, doors, remains)
    }

    fn confines(&self) -> bool {
        true
    }

    fn is_another_user(&self) -> bool {
        !self.stock.is_our_user()
    }
}

pub(crate) fn order(spec: &Spec) -> Order {
    let writable = spec.mounts.iter().filter(|mount| is_writable(mount));
    Order {
        argv: spec.argv.clone(),
        env: spec.env.clone(),
        cwd: spec.cwd.clone(),
        writable: writable.map(|mount| mount.target.clone()).collect(),
        files: spec.limits.files,
        numbers: spec.fds.iter().map(|passed| passed.number).collect(),
    }
}

fn is_writable(mount: &Mount) -> bool {
    mount.access == Access::ReadWrite
}

fn kind(spec: &Spec) -> Kind {
    Kind {
        places: places(spec),
        network: spec.network,
        limits: spec.limits,
        tmp: spec.tmp,
    }
}

pub(crate) fn places(spec: &Spec) -> Vec<Place> {
    let mut places: Vec<Place> = spec
        .mounts
        .iter()
        .map(|mount| Place {
            target: mount.target.clone(),
            is_folder: mount.source.is_dir(),
            is_writable: is_writable(mount),
        })
        .collect();
    places.sort();
    places.dedup();
    places
}

pub(crate) fn parents_first(mounts: &[Mount]) -> Vec<&Mount> {
    let mut mounts: Vec<&Mount> = mounts.iter().collect();
    mounts.sort_by_key(|mount| mount.target.components().count());
    mounts
}

/// For reading, and for writing.
pub(crate) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?)
}

/// Plain processes, for hosts that cannot confine: they see and do what the server may.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoJail;

type Start = Box<dyn FnOnce() + Send>;

/// The one thread that starts plain processes. The kernel ends them with the thread that has started them, and the
/// runtime's threads come and go: this one stays as long as the server.
fn starts() -> io::Result<&'static mpsc::Sender<Start>> {
    static STARTS: OnceLock<mpsc::Sender<Start>> = OnceLock::new();
    if let Some(starts) = STARTS.get() {
        return Ok(starts);
    }
    let (starts, orders) = mpsc::channel::<Start>();
    std::thread::Builder::new()
        .name("plain".into())
        .spawn(move || orders.into_iter().for_each(|start| start()))?;
    // Of two at once, one thread has nobody to hear, and ends before it has started anything.
    Ok(STARTS.get_or_init(|| starts))
}

/// Starts it, to end with the server however that ends.
fn start_tied(command: Command, places: Vec<(OwnedFd, i32)>) -> Result<tokio::process::Child> {
    let failed = |cause| Error::io("start a process", cause);
    let ended = || failed(io::ErrorKind::BrokenPipe.into());
    let (started, outcome) = mpsc::sync_channel(1);
    let runtime = tokio::runtime::Handle::current();
    let start = move || {
        let _entered = runtime.enter();
        // Whoever ordered it waits.
        let _ = started.send(start_with(command, places));
    };
    let starts = starts().map_err(failed)?;
    starts.send(Box::new(start)).map_err(|_| ended())?;
    outcome.recv().map_err(|_| ended())?
}

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
        Child::plain(start_tied(command, places)?)
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

/// Starts the command with these descriptors under these numbers, to end with the thread that this is called on.
fn start_with(mut command: Command, places: Vec<(OwnedFd, i32)>) -> Result<tokio::process::Child> {
    let highest = places.iter().map(|(_, number)| *number).max().unwrap_or(2);
    let moves: Vec<(i32, i32)> = places
        .iter()
        .map(|(fd, number)| (fd.as_raw_fd(), *number))
        .collect();
    let server = std::process::id();
    let place = move || {
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
        // The server may have ended before that.
        // SAFETY: `getppid` takes nothing and cannot fail.
        if unsafe { libc::getppid() }.cast_unsigned() != server {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
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
    // SAFETY: `place` makes only async-signal-safe calls (`prctl` and `getppid` too), and allocates nothing unless a call
    // fails.
    unsafe { command.pre_exec(place) };
    let started = start(command);
    // Kept open until here: the child has its copies.
    drop(places);
    started
}
