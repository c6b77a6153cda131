//! The inside of [`JAIL_COMMAND`](crate::JAIL_COMMAND): a keeper, a small process with one thread that has entered a
//! private root and, for each instance that it is asked for, makes a child in namespaces of its own, copied from its own.
//!
//! Building the root, and starting as a fresh copy of our binary, is paid once and not by each instance. A keeper has
//! root's rights, and never runs or reads anything of a function's. It ends when the server closes its end of the control
//! socket, which the kernel does however the server ends; and with the keeper ends everything that it has made.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use rustix::process::Signal;

use crate::channel::{self, Status};
use crate::confine::{self, Step, check, exit};
use crate::furnish::furnish;
use crate::networks::{Coming, Networks};
use crate::spec::{Ask, Join, Make, Network, Root, Task, User};
use crate::template::warden;
use crate::tether::Tether;
use crate::{mounts, trees};

/// Above every number that a program is given.
pub(crate) const HIGH_FD: i32 = 100;

/// Keeps a root, or a template, until nobody wants anything of it any more. Only for a process that was started for it.
pub fn jail_main() -> ! {
    // SAFETY: the parent put a socket there (`keeper.rs`), and nothing else in this process uses its standard input.
    let control = unsafe { OwnedFd::from_raw_fd(libc::STDIN_FILENO) };
    // If it fails there is nobody to be told: whoever waits sees the socket close.
    let _ = begin(control);
    exit(1)
}

fn begin(control: OwnedFd) -> Step<()> {
    let (task, fds) = channel::receive_next::<Task>(control.as_fd())
        .map_err(|cause| format!("read what to keep: {cause}"))?;
    // Out of the way of the numbers that programs want, and not for programs to have.
    let high = rustix::io::fcntl_dupfd_cloexec(&control, HIGH_FD)
        .map_err(|cause| format!("move the socket: {cause}"))?;
    drop(control);
    hold_nothing()?;
    // A session of its own, so that no terminal's signals reach it.
    rustix::process::setsid().map_err(|cause| format!("start a session: {cause}"))?;
    match task {
        Task::Keep(root) => keep(&root, fds, high),
        Task::Template(order) => match warden::keep(*order, fds, high.as_fd()) {
            Ok(never) => match never {},
            Err(why) => {
                Status::Failed(why).send(high.as_fd());
                Ok(())
            }
        },
    }
}

fn keep(root: &Root, mut sockets: Vec<OwnedFd>, high: OwnedFd) -> Step<()> {
    let ready = get_ready(root, sockets.pop(), &high);
    let Some(born) = serve(&high, &ready)? else {
        return Ok(());
    };
    // From here on this process is an instance's, and has nothing of its keeper's.
    drop(high);
    let status = born.status.try_clone();
    let status = status.map_err(|cause| format!("copy the channel: {cause}"))?;
    let failed = match confine::init(born, ready?, &root.filter) {
        Ok(never) => match never {},
        Err(why) => why,
    };
    Status::Failed(failed).send(status.as_fd());
    Ok(())
}

/// What an instance begins with.
pub(crate) struct Born {
    pub(crate) make: Make,
    /// Its end of the channel.
    pub(crate) status: OwnedFd,
    /// What it writes itself into.
    pub(crate) groups: Vec<OwnedFd>,
    /// On which its network comes, if its keeper makes that.
    pub(crate) network: Option<Coming>,
}

/// What a keeper has once it has entered its root.
pub(crate) struct Ready {
    pub(crate) tether: Tether,
    /// Its own mount namespace.
    mounts: OwnedFd,
}

/// Does what is asked for. Comes back without anything when nothing more will be, and with what it has been made for in
/// each process that it makes.
fn serve(control: &OwnedFd, ready: &Step<Ready>) -> Step<Option<Born>> {
    let mut networks = None;
    loop {
        let Ok((ask, fds)) = channel::receive_next::<Ask>(control.as_fd()) else {
            return Ok(None);
        };
        let mut fds = fds.into_iter();
        let first = fds.next().ok_or("nothing came with what is asked for")?;
        let ready = match ready {
            Ok(ready) => ready,
            Err(why) => {
                Status::Failed(why.clone()).send(first.as_fd());
                continue;
            }
        };
        match ask {
            Ask::Furnish(order) => furnish(order, &first, fds, &ready.mounts)?,
            Ask::Make { make, groups, now } => {
                let groups: Vec<OwnedFd> = fds.by_ref().take(groups).collect();
                let network = match network_for(&make, &first, &mut networks) {
                    Ok(network) => network,
                    Err(why) => {
                        Status::Failed(why).send(first.as_fd());
                        continue;
                    }
                };
                match bear(&make, &groups) {
                    Ok((Cloned::Child, done_with)) => {
                        return Ok(Some(Born {
                            make,
                            status: first,
                            groups: groups.into_iter().skip(done_with).collect(),
                            network,
                        }));
                    }
                    Ok((Cloned::Parent(child), _)) => {
                        drop(network);
                        hand_out(&child, &first);
                        if let Some(order) = now {
                            furnish(order, &child, fds, &ready.mounts)?;
                        }
                    }
                    Err(why) => Status::Failed(why).send(first.as_fd()),
                }
            }
        }
    }
}

fn hand_out(child: &OwnedFd, status: &OwnedFd) {
    if channel::send(status.as_fd(), &Status::Made, &[child.as_fd()]).is_err() {
        // Nobody wants it any more.
        let _ = rustix::process::pidfd_send_signal(child, Signal::KILL);
    }
}

/// Has a network made for it meanwhile. One that belongs to a user namespace of its own is for the instance to make.
fn network_for(
    make: &Make,
    status: &OwnedFd,
    networks: &mut Option<Networks>,
) -> Step<Option<Coming>> {
    let port = match make.network {
        Network::Isolated { port } if make.user != User::Same => port,
        Network::Isolated { .. } | Network::Host => return Ok(None),
    };
    if let Some(networks) = networks
        && let Ok(coming) = networks.begin(port, status.as_fd())
    {
        return Ok(Some(coming));
    }
    // The first that is wanted, or somebody has ended who makes them.
    let networks = networks.insert(Networks::start()?);
    networks.begin(port, status.as_fd()).map(Some)
}

/// Clones the first process of an instance, and says how many of the groups' descriptors it has no use for any more.
fn bear(make: &Make, groups: &[OwnedFd]) -> Step<(Cloned, usize)> {
    let mut namespaces =
        libc::CLONE_NEWNS | libc::CLONE_NEWPID | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS;
    if make.user == User::Same {
        namespaces |= libc::CLONE_NEWUSER;
    }
    match (make.join, groups) {
        (Join::Born, [folder, ..]) => clone(namespaces, Some(folder.as_fd()))
            .map(|cloned| (cloned, groups.len()))
            // Where none may be born, one may still move.
            .or_else(|_| Ok((clone(namespaces, None)?, 1))),
        _ => clone(namespaces, None).map(|cloned| (cloned, 0)),
    }
}

/// The lowest number that is free is the standard input's: programs find it empty.
fn hold_nothing() -> Step<()> {
    let nothing = rustix::fs::open(
        "/dev/null",
        rustix::fs::OFlags::RDONLY,
        rustix::fs::Mode::empty(),
    );
    // Not ours to close: programs have it.
    std::mem::forget(nothing.map_err(|cause| format!("open /dev/null: {cause}"))?);
    Ok(())
}

/// Enters the root. With a user namespace, this process stays behind in sight of the host's files, and its child keeps.
fn get_ready(root: &Root, porter: Option<OwnedFd>, control: &OwnedFd) -> Step<Ready> {
    if let Some(porter) = porter {
        enter_user_namespace()?;
        if let Cloned::Parent(_child) = clone(libc::CLONE_NEWPID | libc::CLONE_NEWNS, None)? {
            // SAFETY: a number that is ours; this process uses it no more.
            unsafe { libc::close(control.as_raw_fd()) };
            trees::serve(porter.as_fd());
            exit(0)
        }
        // Both live as long as the server does. This is for when somebody kills the other.
        confine::die_with_parent()?;
    }
    // SAFETY: `unshare` takes no pointers.
    check("unshare the root", unsafe {
        libc::unshare(libc::CLONE_NEWNS | libc::CLONE_NEWUTS)
    })?;
    // Afterwards it is out of sight.
    let mounts = confine::own_mounts()?;
    mounts::prepare(root)?;
    rustix::system::sethostname(b"sandbox")
        .map_err(|cause| format!("set the host name: {cause}"))?;
    confine::give_up_what_no_instance_has()?;
    // The kernel buries the children: whoever waits for one has a descriptor of it.
    // SAFETY: ignoring a signal takes no handler.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
    Ok(Ready {
        tether: Tether::new()?,
        mounts,
    })
}

/// One user, who has no rights outside, stands for all.
fn enter_user_namespace() -> Step<()> {
    let (uid, gid) = (
        rustix::process::geteuid().as_raw(),
        rustix::process::getegid().as_raw(),
    );
    // SAFETY: `unshare` takes no pointers; this process has one thread, as user namespaces require.
    check("unshare the users", unsafe {
        libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNS)
    })?;
    map_user(User::Same.inside(), uid, gid)
}

pub(crate) fn map_user(inside: u32, uid: u32, gid: u32) -> Step<()> {
    let write = |file: &str, text: String| {
        std::fs::write(file, text).map_err(|cause| format!("write {file}: {cause}"))
    };
    write("/proc/self/setgroups", "deny".into())?;
    write("/proc/self/uid_map", format!("{inside} {uid} 1"))?;
    write("/proc/self/gid_map", format!("{inside} {gid} 1"))
}

/// As `linux/sched.h` has it, up to where groups came to it.
#[repr(C, align(8))]
#[derive(Default)]
struct CloneArgs {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

enum Cloned {
    Child,
    /// In the parent, with a hold on the child.
    Parent(OwnedFd),
}

/// Forks into new namespaces, and into a group if there is one.
fn clone(namespaces: i32, group: Option<BorrowedFd<'_>>) -> Step<Cloned> {
    let number = |number: i32| u64::from(number.cast_unsigned());
    let mut child: i32 = -1;
    let args = CloneArgs {
        flags: number(namespaces | libc::CLONE_PIDFD) | group.map_or(0, |_| CLONE_INTO_CGROUP),
        pidfd: (&raw mut child).expose_provenance() as u64,
        exit_signal: number(libc::SIGCHLD),
        cgroup: group.map_or(0, |group| number(group.as_raw_fd())),
        ..CloneArgs::default()
    };
    // SAFETY: without a stack and without shared memory this is a fork, and this process has one thread, so the child may
    // do anything. The kernel reads as many bytes as it is told, and writes one descriptor to `child`, in the parent.
    let pid = unsafe { libc::syscall(libc::SYS_clone3, &raw const args, size_of::<CloneArgs>()) };
    match pid {
        0 => Ok(Cloned::Child),
        // SAFETY: the kernel has just opened it for us.
        1.. => Ok(Cloned::Parent(unsafe { OwnedFd::from_raw_fd(child) })),
        _ => Err(format!(
            "make the namespaces: {}",
            std::io::Error::last_os_error()
        )),
    }
}
