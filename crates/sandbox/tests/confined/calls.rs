//! What runs inside to try one call of each class.

#![expect(clippy::print_stdout, reason = "its output is its answer")]

use libc::{c_long, *};

pub(crate) const PROGRAM: &str = "__calls";

/// One of each class that is refused, by the error that says so.
const REFUSED: &[(c_long, i32)] = &[
    (SYS_unshare, EPERM),
    (SYS_setns, EPERM),
    (SYS_clone3, ENOSYS),
    (SYS_chroot, EPERM),
    (SYS_pivot_root, EPERM),
    (SYS_mount, EPERM),
    (SYS_umount2, EPERM),
    (SYS_open_tree, EPERM),
    (SYS_fsopen, EPERM),
    (SYS_swapon, EPERM),
    (SYS_ptrace, EPERM),
    (SYS_process_vm_readv, EPERM),
    (SYS_pidfd_getfd, EPERM),
    (SYS_bpf, EPERM),
    (SYS_init_module, EPERM),
    (SYS_finit_module, EPERM),
    (SYS_kexec_load, EPERM),
    (SYS_add_key, EPERM),
    (SYS_keyctl, EPERM),
    (SYS_io_uring_setup, EPERM),
    (SYS_userfaultfd, EPERM),
    (SYS_perf_event_open, EPERM),
    (SYS_fanotify_init, EPERM),
    (SYS_syslog, EPERM),
    (SYS_open_by_handle_at, EPERM),
    (SYS_settimeofday, EPERM),
    (SYS_clock_settime, EPERM),
    (SYS_sethostname, EPERM),
    (SYS_reboot, EPERM),
    (SYS_acct, EPERM),
    (SYS_mbind, EPERM),
    (SYS_move_pages, EPERM),
    (SYS_sync, EPERM),
    // In no list.
    (SYS_seccomp, ENOSYS),
    (SYS_landlock_create_ruleset, ENOSYS),
    (1_000, ENOSYS),
];

/// Allowed ones, with arguments that do no harm.
const ALLOWED: &[(c_long, [c_long; 3])] = &[
    (SYS_getpid, [0, 0, 0]),
    (SYS_getuid, [0, 0, 0]),
    (SYS_sched_yield, [0, 0, 0]),
    (SYS_eventfd2, [0, 0, 0]),
    (SYS_epoll_create1, [0, 0, 0]),
    (SYS_inotify_init1, [0, 0, 0]),
    (SYS_umask, [0o022, 0, 0]),
    (SYS_dup, [1, 0, 0]),
    (SYS_socket, [AF_UNIX as c_long, SOCK_STREAM as c_long, 0]),
    (SYS_socket, [AF_INET as c_long, SOCK_STREAM as c_long, 0]),
    (SYS_socket, [AF_INET6 as c_long, SOCK_DGRAM as c_long, 0]),
    (SYS_socket, [AF_NETLINK as c_long, SOCK_RAW as c_long, 0]),
    (SYS_personality, [0xFFFF_FFFF, 0, 0]),
    (SYS_pidfd_open, [1, 0, 0]),
];

/// Calls that are refused for their arguments.
const ARGUMENTS: &[(c_long, [c_long; 3], i32)] = &[
    (
        SYS_clone,
        [(CLONE_NEWUSER | SIGCHLD) as c_long, 0, 0],
        EPERM,
    ),
    (SYS_clone, [(CLONE_NEWPID | SIGCHLD) as c_long, 0, 0], EPERM),
    (SYS_ioctl, [0, 0x5412, 0], EPERM),
    (
        SYS_socket,
        [AF_PACKET as c_long, SOCK_RAW as c_long, 0],
        EAFNOSUPPORT,
    ),
    (
        SYS_socket,
        [AF_VSOCK as c_long, SOCK_STREAM as c_long, 0],
        EAFNOSUPPORT,
    ),
    (
        SYS_socket,
        [AF_ALG as c_long, SOCK_SEQPACKET as c_long, 0],
        EAFNOSUPPORT,
    ),
    (
        SYS_socket,
        [
            AF_NETLINK as c_long,
            SOCK_RAW as c_long,
            NETLINK_KOBJECT_UEVENT as c_long,
        ],
        EPROTONOSUPPORT,
    ),
    (SYS_personality, [0x0040_0000, 0, 0], EPERM),
];

fn answer(call: c_long, [first, second, third]: [c_long; 3]) -> i32 {
    // SAFETY: no argument is a pointer, and every call that would take one gets a null, which the kernel checks.
    let result = unsafe { syscall(call, first, second, third, 0, 0, 0) };
    if result >= 0 {
        return 0;
    }
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

pub(crate) fn try_all() {
    let refused = REFUSED.iter().map(|(call, errno)| (*call, [0; 3], *errno));
    let allowed = ALLOWED.iter().map(|(call, words)| (*call, *words, 0));
    let all = refused.chain(allowed).chain(ARGUMENTS.iter().copied());
    let wrong: Vec<_> = all
        .map(|(call, words, wanted)| (call, words, wanted, answer(call, words)))
        .filter(|(_, _, wanted, got)| wanted != got)
        .collect();
    if wrong.is_empty() {
        println!("all as they should be");
    } else {
        println!("(call, arguments, wanted, got): {wrong:?}");
    }
}
