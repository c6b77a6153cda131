//! From a copy of its keeper to a confined program, in straight lines and in the order that the kernel needs. Everything
//! here runs in a process with one thread.

use std::ffi::{CString, OsStr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use rustix::process::{Resource, Rlimit, Signal};

use crate::channel::{self, Status};
use crate::keep::{Born, HIGH_FD, Ready, map_user};
use crate::seccomp::Instruction;
use crate::spec::{Make, Network, Order, User};
use crate::{mounts, network, paths, seccomp};

pub(crate) type Step<T> = Result<T, String>;

pub(crate) enum Never {}

/// The first process of the new namespaces: makes everything ready, waits for its order, starts the program and reaps.
pub(crate) fn init(born: Born, ready: Ready, filter: &[Instruction]) -> Step<Never> {
    let Born {
        make,
        status,
        groups,
        network,
    } = born;
    // The way back to its keeper's mounts closes with the rest.
    let tether = ready.tether.hold()?;
    // Signals for all of a group are for what is inside only.
    rustix::process::setsid().map_err(|cause| format!("start a session: {cause}"))?;
    // SAFETY: resetting to the default action takes no handler.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
    for group in groups {
        rustix::io::write(&group, b"0").map_err(|cause| format!("join a group: {cause}"))?;
    }
    if make.user == User::Same {
        let inside = make.user.inside();
        map_user(inside, inside, inside)?;
        // Crossing into a new user namespace clears it, and fills what was given up.
        tether.hold()?;
        give_up_what_no_instance_has()?;
    }
    if network.is_none() {
        open_network(&make, status.as_fd())?;
    }
    mounts::own(&make)?;
    let rules = paths::Rules::usual()?;
    let mounts = own_mounts()?;
    // What is bound writable must be there when the paths are restricted.
    let order = make.is_late.then(|| wait_for_order(status.as_fd()));
    let order = order.transpose()?;
    if let Some(network) = &network {
        network.enter()?;
    }
    give_up_privileges(make.user)?;
    // Becoming another user clears it.
    tether.hold()?;
    let writable = order.as_ref().map_or(&[][..], |(order, _)| &order.writable);
    rules.restrict(writable)?;
    // Last, because it also refuses what was done until here. The program cannot make this process do what it may not
    // do itself: it has the same filter, and its memory is closed to others.
    seccomp::install(filter).map_err(|cause| format!("filter the calls: {cause}"))?;
    let program = in_this_memory(|| {
        drop(tether);
        let _ = channel::send(status.as_fd(), &Status::Ready, &[mounts.as_fd()]);
        drop(mounts);
        let ordered = order.map_or_else(|| wait_for_order(status.as_fd()), Ok);
        let begun = ordered.and_then(|(order, fds)| {
            network.map_or(Ok(()), |network| network.wait_until_ready())?;
            program(&order, &make, &fds, status.as_fd())
        });
        match begun {
            Ok(never) => match never {},
            Err(why) => Status::Failed(why).send(status.as_fd()),
        }
    })?;
    // The program's own descriptors are its business: a pipe must end when the program ends it.
    close_all_but(status.as_raw_fd());
    let ended = reap_until(program);
    Status::Ended(ended).send(status.as_fd());
    exit(0)
}

/// Does this in a child that has the same memory until it has become a program: a copy would be made for nothing, and taken
/// down again. Until then this process may do nothing but call the kernel: what is allocated, and what went wrong with the last
/// call, is kept in one place for both.
fn in_this_memory<F: FnOnce()>(what: F) -> Step<i32> {
    const STACK: usize = 256 << 10;
    extern "C" fn run<F: FnOnce()>(what: *mut libc::c_void) -> libc::c_int {
        // SAFETY: it is the option below, which stays, and which nobody else looks at.
        let what = unsafe { &mut *what.cast::<Option<F>>() };
        if let Some(what) = what.take() {
            what();
        }
        1
    }
    // It is not told when the child needs neither any more; this process has no other use for memory.
    let what = Box::leak(Box::new(Some(what)));
    let stack = vec![0_u128; STACK / size_of::<u128>()].leak();
    // SAFETY: the stack's end is aligned, and it and what is done stay. What this process does meanwhile is said above.
    let child = unsafe {
        libc::clone(
            run::<F>,
            stack.as_mut_ptr_range().end.cast(),
            libc::CLONE_VM | libc::SIGCHLD,
            (&raw mut *what).cast(),
        )
    };
    check("start the program", child)
}

/// Held by the server for as long as it takes to let go of it elsewhere: for the last that has it, that takes long.
pub(crate) fn own_mounts() -> Step<OwnedFd> {
    let own = std::fs::File::open("/proc/self/ns/mnt");
    own.map(OwnedFd::from)
        .map_err(|cause| format!("open its mounts: {cause}"))
}

type Ordered = (Order, Vec<OwnedFd>);

fn wait_for_order(status: BorrowedFd<'_>) -> Step<Ordered> {
    let (order, fds) = channel::receive_next::<Step<Order>>(status)
        .map_err(|cause| format!("read the order: {cause}"))?;
    let order = order?;
    if fds.len() != OUTPUTS.len() + order.numbers.len() {
        return Err("the order came without its descriptors".into());
    }
    Ok((order, fds))
}

fn open_network(make: &Make, status: BorrowedFd<'_>) -> Step<()> {
    let Network::Isolated { port } = make.network else {
        return Ok(());
    };
    network::fresh()?;
    let [door, own] = network::open(port)?;
    channel::send(status, &Status::Door, &[door.as_fd(), own.as_fd()])
        .map_err(|cause| format!("hand out the door: {cause}"))
}

/// A program's output and its errors come first among its descriptors.
const OUTPUTS: [i32; 2] = [1, 2];

/// The last steps, in the process that becomes the program.
pub(crate) fn program(
    order: &Order,
    make: &Make,
    passed: &[OwnedFd],
    status: BorrowedFd<'_>,
) -> Step<Never> {
    if let Some(pids) = make.pids {
        // Of a user namespace's own processes. What the namespace's maker was limited to would count all that it has made.
        limit(Resource::Nproc, u64::from(pids))?;
    }
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
    let numbers: Vec<i32> = OUTPUTS.iter().chain(&order.numbers).copied().collect();
    let high = lift(status)?;
    let begun = begin(passed, &numbers, order.files, high.as_fd());
    begun.and_then(|()| execute(&argv, &env)).inspect_err(|_| {
        // What has its number now was for a program that there will not be.
        // SAFETY: plain numbers.
        unsafe { libc::dup2(high.as_raw_fd(), status.as_raw_fd()) };
    })
}

fn begin(passed: &[OwnedFd], numbers: &[i32], files: u32, status: BorrowedFd<'_>) -> Step<()> {
    place_passed(passed, numbers)?;
    // Only now: on their way to their numbers they are higher than it may allow.
    limit(Resource::Nofile, u64::from(files))?;
    // Whoever ordered it and went away again would never end it.
    Status::Began
        .try_send(status)
        .map_err(|cause| format!("say that it begins: {cause}"))
}

fn execute(argv: &[CString], env: &[CString]) -> Step<Never> {
    let pointers = |words: &[CString]| {
        words
            .iter()
            .map(|word| word.as_ptr())
            .chain([std::ptr::null()])
            .collect::<Vec<_>>()
    };
    let (argv_pointers, env_pointers) = (pointers(argv), pointers(env));
    // SAFETY: both arrays end in a null pointer, and the strings that they point to live in `argv` and `env`.
    unsafe {
        libc::execve(
            argv_pointers[0],
            argv_pointers.as_ptr(),
            env_pointers.as_ptr(),
        )
    };
    let cause = std::io::Error::last_os_error();
    Err(format!("execute {}: {cause}", argv[0].to_string_lossy()))
}

/// Out of the way of the numbers that are a program's.
fn lift(fd: impl AsFd) -> Step<OwnedFd> {
    rustix::io::fcntl_dupfd_cloexec(fd, HIGH_FD)
        .map_err(|cause| format!("move a descriptor: {cause}"))
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
    let lifted = passed.iter().map(lift).collect::<Step<Vec<_>>>()?;
    for (from, to) in lifted.iter().zip(numbers) {
        // SAFETY: plain numbers; whatever had `to` is ours to close, and is used by nothing from here on.
        check("place a descriptor", unsafe {
            libc::dup2(from.as_raw_fd(), *to)
        })?;
    }
    Ok(())
}

/// What neither a keeper nor anything that comes of it needs: rights that programs would gain.
pub(crate) fn give_up_what_no_instance_has() -> Step<()> {
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
    rustix::thread::set_no_new_privs(true)
        .map_err(|cause| format!("forbid new privileges: {cause}"))
}

/// Root becomes somebody who owns nothing; a user namespace keeps its one identity. Nothing keeps a capability.
pub(crate) fn give_up_privileges(user: User) -> Step<()> {
    if let User::Number(number) = user {
        // SAFETY: no groups, so no pointer is followed.
        check("drop the groups", unsafe {
            libc::setgroups(0, std::ptr::null())
        })?;
        // SAFETY: plain numbers.
        check("change the group", unsafe {
            libc::setresgid(number, number, number)
        })?;
        // SAFETY: plain numbers.
        check("change the user", unsafe {
            libc::setresuid(number, number, number)
        })?;
    }
    let none = rustix::thread::CapabilitySets {
        effective: rustix::thread::CapabilitySet::empty(),
        permitted: rustix::thread::CapabilitySet::empty(),
        inheritable: rustix::thread::CapabilitySet::empty(),
    };
    rustix::thread::set_capabilities(None, none)
        .map_err(|cause| format!("drop the capabilities: {cause}"))?;
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

/// Where less is allowed already, it stays: only root may raise it.
pub(crate) fn limit(resource: Resource, to: u64) -> Step<()> {
    let allowed = rustix::process::getrlimit(resource).maximum;
    let to = allowed.map_or(to, |allowed| to.min(allowed));
    let limit = Rlimit {
        current: Some(to),
        maximum: Some(to),
    };
    rustix::process::setrlimit(resource, limit).map_err(|cause| format!("set a limit: {cause}"))
}

pub(crate) fn die_with_parent() -> Step<()> {
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

pub(crate) fn close_all_but(kept: i32) {
    let kept = u32::try_from(kept).unwrap_or(u32::MAX);
    // SAFETY: nothing in this process uses a descriptor but the kept one any more.
    let close =
        |first: u32, last: u32| unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
    if let Some(last) = kept.checked_sub(1) {
        close(0, last);
    }
    if let Some(first) = kept.checked_add(1) {
        close(first, u32::MAX);
    }
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
