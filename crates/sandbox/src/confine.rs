//! The inside of [`JAIL_COMMAND`](crate::JAIL_COMMAND): from a fresh copy of our own binary to the program, in straight
//! lines. Everything here runs in a process with one thread.

use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::sync::atomic::{AtomicI32, Ordering};

use rustix::process::{Resource, Rlimit, Signal};

use crate::mounts;
use crate::spec::{Network, Order};
use crate::status::Status;

/// Where the parent puts what we need: the status pipe and the order.
pub(crate) const STATUS_FD: i32 = 3;
pub(crate) const ORDER_FD: i32 = 4;
/// Passed descriptors arrive from this number on.
pub(crate) const FIRST_PASSED_FD: i32 = 5;
/// Above every number that a program is given.
const HIGH_FD: i32 = 100;

/// Inside, the program is this user, who owns nothing: the one that hosts call `nobody`.
pub(crate) const INNER_ID: u32 = 65_534;

type Step<T> = Result<T, String>;

/// Becomes the program that the order names, confined. Only for a process that was started for it.
pub fn jail_main() -> ! {
    // SAFETY: the parent put these two descriptors here (`jail.rs`), and nothing else in this process knows them.
    let (status, order) = unsafe {
        (
            OwnedFd::from_raw_fd(STATUS_FD),
            OwnedFd::from_raw_fd(ORDER_FD),
        )
    };
    // Out of the way of the numbers that the program wants, and not for the program to have.
    let Ok(status) = rustix::io::fcntl_dupfd_cloexec(&status, HIGH_FD) else {
        exit(1)
    };
    let failed = match read_order(order).and_then(|order| monitor(&order, status.as_fd())) {
        Ok(never) => match never {},
        Err(why) => why,
    };
    Status::Failed(failed).send(status.as_fd());
    exit(1)
}

enum Never {}

fn read_order(order: OwnedFd) -> Step<Order> {
    let mut bytes = Vec::new();
    File::from(order)
        .read_to_end(&mut bytes)
        .map_err(|cause| format!("read the order: {cause}"))?;
    postcard::from_bytes(&bytes).map_err(|cause| format!("read the order: {cause}"))
}

/// The first process: gives up what only the host's side can, and waits for the namespace's init.
fn monitor(order: &Order, status: BorrowedFd<'_>) -> Step<Never> {
    // A session of its own, so that no terminal's signals reach it.
    rustix::process::setsid().map_err(|cause| format!("start a session: {cause}"))?;
    die_with_parent()?;
    // Before the mounts change: afterwards these files are out of sight.
    for file in &order.cgroups {
        std::fs::write(file, "0").map_err(|cause| format!("join {}: {cause}", file.display()))?;
    }
    let (uid, gid) = (
        rustix::process::geteuid().as_raw(),
        rustix::process::getegid().as_raw(),
    );
    let mut namespaces =
        libc::CLONE_NEWNS | libc::CLONE_NEWPID | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS;
    match order.network {
        Network::Host => {}
    }
    if !order.root {
        namespaces |= libc::CLONE_NEWUSER;
    }
    // SAFETY: `unshare` takes no pointers; this process has one thread, as user namespaces require.
    check("unshare the namespaces", unsafe {
        libc::unshare(namespaces)
    })?;
    if !order.root {
        map_user(uid, gid)?;
        // Crossing into a new user namespace clears it.
        die_with_parent()?;
    }
    watch_for_the_order_to_end()?;
    // SAFETY: this process has one thread, so the child may do anything.
    match check("fork the init", unsafe { libc::fork() })? {
        0 => {
            INIT.store(0, Ordering::SeqCst);
            init(order, status).map(|never| match never {})
        }
        init => {
            INIT.store(init, Ordering::SeqCst);
            wait_for(init);
            exit(0)
        }
    }
}

/// The init's pid as the monitor sees it, for the signal handler.
static INIT: AtomicI32 = AtomicI32::new(0);

/// The server ends an instance by asking its monitor, whose pid cannot be somebody else's: the init goes, the kernel
/// kills all that is in its namespace, and only then does the monitor end.
fn watch_for_the_order_to_end() -> Step<()> {
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
fn init(order: &Order, status: BorrowedFd<'_>) -> Step<Never> {
    die_with_parent()?;
    // SAFETY: resetting to the default action takes no handler.
    unsafe { libc::signal(libc::SIGTERM, libc::SIG_DFL) };
    mounts::enter(order)?;
    rustix::system::sethostname(b"sandbox")
        .map_err(|cause| format!("set the host name: {cause}"))?;
    give_up_privileges(order)?;
    // SAFETY: this process has one thread, so the child may do anything.
    match check("fork the program", unsafe { libc::fork() })? {
        0 => program(order, status).map(|never| match never {}),
        program => {
            // The program's own descriptors are its business: a pipe must end when the program ends it.
            close_all_but(status.as_raw_fd());
            let ended = reap_until(program);
            Status::Ended(ended).send(status);
            exit(0)
        }
    }
}

/// The last steps, in the process that becomes the program.
fn program(order: &Order, status: BorrowedFd<'_>) -> Step<Never> {
    let files = Some(u64::from(order.files));
    let limit = |resource, current, maximum| {
        rustix::process::setrlimit(resource, Rlimit { current, maximum })
            .map_err(|cause| format!("set a limit: {cause}"))
    };
    limit(Resource::Nofile, files, files)?;
    limit(Resource::Core, Some(0), Some(0))?;
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
    place_passed(order)?;
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
fn place_passed(order: &Order) -> Step<()> {
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
    let lift = |(from, to): &(i32, i32)| {
        // SAFETY: `from` is a descriptor of ours; the copy gets a number that nothing has.
        let copy = unsafe { libc::fcntl(*from, libc::F_DUPFD_CLOEXEC, HIGH_FD) };
        Ok((check("move a descriptor", copy)?, *to))
    };
    for (from, to) in order.fds.iter().map(lift).collect::<Step<Vec<_>>>()? {
        // SAFETY: both are plain numbers below the status pipe's; whatever had `to` is ours to close.
        check("place a descriptor", unsafe { libc::dup2(from, to) })?;
    }
    Ok(())
}

/// Root becomes nobody; a user namespace's root keeps its one identity. Nothing keeps or gains a capability.
fn give_up_privileges(order: &Order) -> Step<()> {
    // SAFETY: `prctl` with these arguments takes no pointers.
    let drop_bound = |capability: libc::c_ulong| unsafe {
        libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0)
    };
    // Until the kernel knows no such capability.
    for capability in (0..64).take_while(|capability| drop_bound(*capability) == 0) {
        let _: libc::c_ulong = capability;
    }
    if order.root {
        // SAFETY: no groups, so no pointer is followed.
        check("drop the groups", unsafe {
            libc::setgroups(0, std::ptr::null())
        })?;
        // SAFETY: plain numbers.
        check("become nobody", unsafe {
            libc::setresgid(INNER_ID, INNER_ID, INNER_ID)
        })?;
        // SAFETY: plain numbers.
        check("become nobody", unsafe {
            libc::setresuid(INNER_ID, INNER_ID, INNER_ID)
        })?;
        // Changing the user clears it.
        die_with_parent()?;
    }
    let none = rustix::thread::CapabilitySets {
        effective: rustix::thread::CapabilitySet::empty(),
        permitted: rustix::thread::CapabilitySet::empty(),
        inheritable: rustix::thread::CapabilitySet::empty(),
    };
    rustix::thread::set_capabilities(None, none)
        .map_err(|cause| format!("drop the capabilities: {cause}"))?;
    rustix::thread::set_no_new_privs(true)
        .map_err(|cause| format!("forbid new privileges: {cause}"))
}

/// One user, who has no rights outside, stands for all.
fn map_user(uid: u32, gid: u32) -> Step<()> {
    let write = |file: &str, text: String| {
        std::fs::write(file, text).map_err(|cause| format!("write {file}: {cause}"))
    };
    write("/proc/self/setgroups", "deny".into())?;
    write("/proc/self/uid_map", format!("{INNER_ID} {uid} 1"))?;
    write("/proc/self/gid_map", format!("{INNER_ID} {gid} 1"))
}

fn die_with_parent() -> Step<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|cause| format!("tie its life to the parent's: {cause}"))
}

/// Reaps whatever ends until `program` does.
fn reap_until(program: i32) -> i32 {
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

fn wait_for(child: i32) {
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

fn close_all_but(kept: i32) {
    let range = |from: i32, to: u32| {
        if let Ok(from) = u32::try_from(from)
            && from <= to
        {
            // SAFETY: nothing in this process uses a descriptor but `kept` any more.
            unsafe { libc::syscall(libc::SYS_close_range, from, to, 0) };
        }
    };
    range(0, u32::try_from(kept - 1).unwrap_or(0));
    range(kept + 1, u32::MAX);
}

fn c_string(text: &OsStr) -> Step<CString> {
    CString::new(text.as_bytes()).map_err(|_| format!("{text:?} has a zero byte"))
}

fn check(what: &str, result: i32) -> Step<i32> {
    if result < 0 {
        Err(format!("{what}: {}", std::io::Error::last_os_error()))
    } else {
        Ok(result)
    }
}

fn exit(code: i32) -> ! {
    // SAFETY: ends the process at once; there are no other threads and nothing to flush.
    unsafe { libc::_exit(code) }
}
