//! The inside of [`JAIL_COMMAND`](crate::JAIL_COMMAND): from a fresh copy of our own binary to the program, in straight
//! lines. Everything here runs in a process with one thread.

use std::ffi::{CString, OsStr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::sync::atomic::{AtomicI32, Ordering};

use rustix::event::{PollFd, PollFlags};
use rustix::process::{Resource, Rlimit, Signal};

use crate::channel::{self, Status};
use crate::spec::{Network, Order, User};
use crate::{mounts, network, paths, seccomp, warden};

/// Above every number that a program is given.
const HIGH_FD: i32 = 100;

pub(crate) type Step<T> = Result<T, String>;

/// Becomes the program that the order names, confined. Only for a process that was started for it.
pub fn jail_main() -> ! {
    // SAFETY: the parent put a socket there (`jail.rs`), and nothing else in this process uses its standard input.
    let channel = unsafe { OwnedFd::from_raw_fd(libc::STDIN_FILENO) };
    // Out of the way of the numbers that the program wants, and not for the program to have.
    let Ok(status) = rustix::io::fcntl_dupfd_cloexec(&channel, HIGH_FD) else {
        exit(1)
    };
    let failed = match begin(channel, status.as_fd()) {
        Ok(never) => match never {},
        Err(why) => why,
    };
    Status::Failed(failed).send(status.as_fd());
    exit(1)
}

pub(crate) enum Never {}

fn begin(channel: OwnedFd, status: BorrowedFd<'_>) -> Step<Never> {
    let (order, passed) = channel::receive_order::<Order>(status)
        .map_err(|cause| format!("read the order: {cause}"))?;
    drop(channel);
    // The lowest number that is free is the standard input's.
    let nothing = rustix::fs::open(
        "/dev/null",
        rustix::fs::OFlags::RDONLY,
        rustix::fs::Mode::empty(),
    );
    // Not ours to close: the program has it.
    std::mem::forget(nothing.map_err(|cause| format!("open /dev/null: {cause}"))?);
    match order.template {
        Some(_) => warden::keep(&order, passed, status),
        None => monitor(&order, &passed, status),
    }
}

/// The first process: gives up what only the host's side can, and waits for the namespace's init.
fn monitor(order: &Order, passed: &[OwnedFd], status: BorrowedFd<'_>) -> Step<Never> {
    // A session of its own, so that no terminal's signals reach it.
    rustix::process::setsid().map_err(|cause| format!("start a session: {cause}"))?;
    die_with_the_server(order)?;
    join(order)?;
    let (uid, gid) = (
        rustix::process::geteuid().as_raw(),
        rustix::process::getegid().as_raw(),
    );
    let mut namespaces =
        libc::CLONE_NEWNS | libc::CLONE_NEWPID | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS;
    if let Network::Isolated { .. } = order.network {
        namespaces |= libc::CLONE_NEWNET;
    }
    if order.user == User::Same {
        namespaces |= libc::CLONE_NEWUSER;
    }
    if let Some(pids) = order.pids {
        // A new user namespace counts its processes by the limit that its maker had.
        limit(Resource::Nproc, u64::from(pids))?;
    }
    // SAFETY: `unshare` takes no pointers; this process has one thread, as user namespaces require.
    check("unshare the namespaces", unsafe {
        libc::unshare(namespaces)
    })?;
    if order.user == User::Same {
        map_user(order.user.inside(), uid, gid)?;
        // Crossing into a new user namespace clears it.
        die_with_the_server(order)?;
    }
    if let Network::Isolated { port } = order.network {
        let door = network::open(port)?;
        channel::send(status, &Status::Door, &[door.as_fd()])
            .map_err(|cause| format!("hand out the door: {cause}"))?;
    }
    let tether = Tether::new()?;
    watch_for_the_order_to_end()?;
    // SAFETY: this process has one thread, so the child may do anything.
    match check("fork the init", unsafe { libc::fork() })? {
        0 => {
            INIT.store(0, Ordering::SeqCst);
            init(order, passed, tether, status).map(|never| match never {})
        }
        init => {
            INIT.store(init, Ordering::SeqCst);
            close_all_but(&[status.as_raw_fd(), tether.ours.as_raw_fd()]);
            wait_for(init);
            exit(0)
        }
    }
}

/// The init's pid as the monitor sees it, for the signal handler.
static INIT: AtomicI32 = AtomicI32::new(0);

pub(crate) fn set_init(pid: i32) {
    INIT.store(pid, Ordering::SeqCst);
}

/// The server ends an instance by asking its monitor, whose pid cannot be somebody else's: the init goes, the kernel
/// kills all that is in its namespace, and only then does the monitor end.
pub(crate) fn watch_for_the_order_to_end() -> Step<()> {
    extern "C" fn end(_: libc::c_int) {
        match INIT.load(Ordering::SeqCst) {
            // SAFETY: both calls are async-signal-safe, and the init is our own child that was not waited for yet.
            0 => unsafe { libc::_exit(0) },
            // SAFETY: as above.
            init => unsafe {
                libc::kill(init, libc::SIGKILL);
            },
        }
    }
    let handler: extern "C" fn(libc::c_int) = end;
    // SAFETY: the handler only makes async-signal-safe calls and reads an atomic.
    let before = unsafe { libc::signal(libc::SIGTERM, handler as libc::sighandler_t) };
    if before == libc::SIG_ERR {
        return Err(format!(
            "handle SIGTERM: {}",
            std::io::Error::last_os_error()
        ));
    }
    Ok(())
}

/// The first process of the new namespaces: puts the private root together, starts the program and reaps.
fn init(order: &Order, passed: &[OwnedFd], tether: Tether, status: BorrowedFd<'_>) -> Step<Never> {
    let tether = tether.hold()?;
    // SAFETY: resetting to the default action takes no handler.
    unsafe { libc::signal(libc::SIGTERM, libc::SIG_DFL) };
    mounts::enter(order)?;
    rustix::system::sethostname(b"sandbox")
        .map_err(|cause| format!("set the host name: {cause}"))?;
    give_up_privileges(order)?;
    // Becoming another user clears it.
    tether.hold()?;
    paths::restrict(order)?;
    // Last, because it also refuses what was done until here. The program cannot make this process do what it may not
    // do itself: it has the same filter, and its memory is closed to others.
    seccomp::install(&order.filter).map_err(|cause| format!("filter the calls: {cause}"))?;
    // SAFETY: this process has one thread, so the child may do anything.
    match check("fork the program", unsafe { libc::fork() })? {
        0 => program(order, passed, &order.numbers, status).map(|never| match never {}),
        program => {
            // The program's own descriptors are its business: a pipe must end when the program ends it.
            close_all_but(&[status.as_raw_fd()]);
            let ended = reap_until(program);
            Status::Ended(ended).send(status);
            exit(0)
        }
    }
}

/// The last steps, in the process that becomes the program.
pub(crate) fn program(
    order: &Order,
    passed: &[OwnedFd],
    numbers: &[i32],
    status: BorrowedFd<'_>,
) -> Step<Never> {
    limit(Resource::Nofile, u64::from(order.files))?;
    limit(Resource::Core, 0)?;
    std::env::set_current_dir(&order.cwd)
        .map_err(|cause| format!("enter {}: {cause}", order.cwd.display()))?;
    let argv = order
        .argv
        .iter()
        .map(|word| c_string(word.as_ref()))
        .collect::<Step<Vec<_>>>()?;
    let env = order
        .env
        .iter()
        .map(|(name, value)| c_string(format!("{name}={value}").as_ref()));
    let env = env.collect::<Step<Vec<_>>>()?;
    place_passed(passed, numbers)?;
    Status::Began.send(status);
    let pointers = |words: &[CString]| {
        words
            .iter()
            .map(|word| word.as_ptr())
            .chain([std::ptr::null()])
            .collect::<Vec<_>>()
    };
    let (argv_pointers, env_pointers) = (pointers(&argv), pointers(&env));
    // SAFETY: both arrays end in a null pointer, and the strings that they point to live in `argv` and `env`.
    unsafe {
        libc::execve(
            argv_pointers[0],
            argv_pointers.as_ptr(),
            env_pointers.as_ptr(),
        )
    };
    Err(format!(
        "execute {}: {}",
        order.argv[0],
        std::io::Error::last_os_error()
    ))
}

/// Gives each passed descriptor its number; whatever else is open closes by itself when the program begins.
fn place_passed(passed: &[OwnedFd], numbers: &[i32]) -> Step<()> {
    // SAFETY: only marks descriptors; nothing is closed yet.
    let marked = unsafe {
        libc::syscall(
            libc::SYS_close_range,
            3,
            u32::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        )
    };
    if marked < 0 {
        return Err(format!(
            "mark the open files: {}",
            std::io::Error::last_os_error()
        ));
    }
    // First out of each other's way.
    let lift = |fd: &OwnedFd| rustix::io::fcntl_dupfd_cloexec(fd, HIGH_FD);
    let lifted = passed
        .iter()
        .map(lift)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|cause| format!("move a descriptor: {cause}"))?;
    for (from, to) in lifted.iter().zip(numbers) {
        // SAFETY: plain numbers; whatever had `to` is ours to close, and is used by nothing from here on.
        check("place a descriptor", unsafe {
            libc::dup2(from.as_raw_fd(), *to)
        })?;
    }
    Ok(())
}

/// Root becomes somebody who owns nothing; a user namespace keeps its one identity. Nothing keeps or gains a capability.
pub(crate) fn give_up_privileges(order: &Order) -> Step<()> {
    // SAFETY: `prctl` with these arguments takes no pointers.
    let drop_bound = |capability: libc::c_ulong| unsafe {
        libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0)
    };
    // Until the kernel knows no such capability.
    for capability in (0..64).take_while(|capability| drop_bound(*capability) == 0) {
        let _: libc::c_ulong = capability;
    }
    // SAFETY: `prctl` with these arguments takes no pointers.
    check("clear the ambient capabilities", unsafe {
        libc::prctl(
            libc::PR_CAP_AMBIENT,
            libc::PR_CAP_AMBIENT_CLEAR_ALL,
            0,
            0,
            0,
        )
    })?;
    if let User::Number(user) = order.user {
        // SAFETY: no groups, so no pointer is followed.
        check("drop the groups", unsafe {
            libc::setgroups(0, std::ptr::null())
        })?;
        // SAFETY: plain numbers.
        check("change the group", unsafe {
            libc::setresgid(user, user, user)
        })?;
        // SAFETY: plain numbers.
        check("change the user", unsafe {
            libc::setresuid(user, user, user)
        })?;
    }
    let none = rustix::thread::CapabilitySets {
        effective: rustix::thread::CapabilitySet::empty(),
        permitted: rustix::thread::CapabilitySet::empty(),
        inheritable: rustix::thread::CapabilitySet::empty(),
    };
    rustix::thread::set_capabilities(None, none)
        .map_err(|cause| format!("drop the capabilities: {cause}"))?;
    rustix::thread::set_no_new_privs(true)
        .map_err(|cause| format!("forbid new privileges: {cause}"))?;
    // The init and the program are the same user: without this, the one's memory would be open to the other.
    close_memory()
}

pub(crate) fn close_memory() -> Step<()> {
    // SAFETY: `prctl` with these arguments takes no pointers.
    check("close its memory to others", unsafe {
        libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0)
    })
    .map(drop)
}

/// Joins the control groups. Before the mounts change: afterwards these files are out of sight.
pub(crate) fn join(order: &Order) -> Step<()> {
    for file in &order.cgroups {
        std::fs::write(file, "0").map_err(|cause| format!("join {}: {cause}", file.display()))?;
    }
    Ok(())
}

/// A user namespace in root's place, for a server that is not root.
pub(crate) fn own_user_namespace(order: &Order) -> Step<()> {
    let (uid, gid) = (
        rustix::process::geteuid().as_raw(),
        rustix::process::getegid().as_raw(),
    );
    if let Some(pids) = order.pids {
        // A new user namespace counts its processes by the limit that its maker had.
        limit(Resource::Nproc, u64::from(pids))?;
    }
    // SAFETY: `unshare` takes no pointers; this process has one thread, as user namespaces require.
    check("unshare the users", unsafe {
        libc::unshare(libc::CLONE_NEWUSER)
    })?;
    map_user(order.user.inside(), uid, gid)?;
    // Crossing into a new user namespace clears it.
    die_with_the_server(order)
}

/// One user, who has no rights outside, stands for all.
fn map_user(inside: u32, uid: u32, gid: u32) -> Step<()> {
    let write = |file: &str, text: String| {
        std::fs::write(file, text).map_err(|cause| format!("write {file}: {cause}"))
    };
    write("/proc/self/setgroups", "deny".into())?;
    write("/proc/self/uid_map", format!("{inside} {uid} 1"))?;
    write("/proc/self/gid_map", format!("{inside} {gid} 1"))
}

/// Ties the monitor's life to the server's, which may have ended before that was done.
pub(crate) fn die_with_the_server(order: &Order) -> Step<()> {
    die_with_parent()?;
    let parent = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get().unsigned_abs());
    // A server that is the first process of a container has no parent's number to be compared with.
    if parent.is_some_and(|parent| parent != order.server) {
        return Err("the server has ended".into());
    }
    Ok(())
}

/// Ties the init's life to the monitor's. The init cannot ask who its parent is, which is outside its namespace; so the
/// monitor holds one end of a pipe as long as it lives.
pub(crate) struct Tether {
    ours: OwnedFd,
    theirs: OwnedFd,
}

/// The init's end.
pub(crate) struct Held(OwnedFd);

impl Tether {
    pub(crate) fn new() -> Step<Self> {
        let (theirs, ours) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)
            .map_err(|cause| format!("make a pipe: {cause}"))?;
        Ok(Self { ours, theirs })
    }

    pub(crate) fn hold(self) -> Step<Held> {
        drop(self.ours);
        let held = Held(self.theirs);
        held.hold()?;
        Ok(held)
    }
}

impl Held {
    pub(crate) fn hold(&self) -> Step<()> {
        die_with_parent()?;
        let mut ends = [PollFd::new(&self.0, PollFlags::empty())];
        let now = rustix::time::Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        match rustix::event::poll(&mut ends, Some(&now)) {
            Ok(0) => Ok(()),
            _ => Err("the server has ended".into()),
        }
    }
}

fn limit(resource: Resource, to: u64) -> Step<()> {
    let limit = Rlimit {
        current: Some(to),
        maximum: Some(to),
    };
    rustix::process::setrlimit(resource, limit).map_err(|cause| format!("set a limit: {cause}"))
}

fn die_with_parent() -> Step<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|cause| format!("tie its life to the parent's: {cause}"))
}

/// Reaps whatever ends until `program` does.
pub(crate) fn reap_until(program: i32) -> i32 {
    loop {
        let mut status = 0;
        // SAFETY: `status` outlives the call.
        let ended = unsafe { libc::waitpid(-1, &raw mut status, 0) };
        if ended == program {
            return status;
        }
        if ended < 0 && std::io::Error::last_os_error().kind() != std::io::ErrorKind::Interrupted {
            // Nothing is left to wait for, although the program was not seen to end.
            return libc::SIGKILL;
        }
    }
}

/// Reaps until there is nothing left that could end.
pub(crate) fn reap_all() {
    loop {
        // SAFETY: no status is asked for.
        let ended = unsafe { libc::waitpid(-1, std::ptr::null_mut(), 0) };
        if ended < 0 && std::io::Error::last_os_error().kind() != std::io::ErrorKind::Interrupted {
            return;
        }
    }
}

pub(crate) fn wait_for(child: i32) {
    loop {
        let mut status = 0;
        // SAFETY: `status` outlives the call.
        let ended = unsafe { libc::waitpid(child, &raw mut status, 0) };
        if ended == child
            || std::io::Error::last_os_error().kind() != std::io::ErrorKind::Interrupted
        {
            return;
        }
    }
}

pub(crate) fn close_all_but(kept: &[i32]) {
    let mut from = 0;
    let mut kept: Vec<u32> = kept
        .iter()
        .filter_map(|fd| u32::try_from(*fd).ok())
        .collect();
    kept.sort_unstable();
    let close = |first: u32, last: u32| {
        // SAFETY: nothing in this process uses a descriptor but the kept ones any more.
        unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
    };
    for fd in kept {
        if from < fd {
            close(from, fd - 1);
        }
        from = fd + 1;
    }
    close(from, u32::MAX);
}

fn c_string(text: &OsStr) -> Step<CString> {
    CString::new(text.as_bytes()).map_err(|_| format!("{text:?} has a zero byte"))
}

pub(crate) fn check(what: &str, result: i32) -> Step<i32> {
    if result < 0 {
        Err(format!("{what}: {}", std::io::Error::last_os_error()))
    } else {
        Ok(result)
    }
}

pub(crate) fn exit(code: i32) -> ! {
    // SAFETY: ends the process at once; there are no other threads and nothing to flush.
    unsafe { libc::_exit(code) }
}
