//! Which system calls a program may make: data, each group with its reason.
//!
//! What is in no list is answered with `ENOSYS`, as by a kernel that does not have it: libraries then do what they did
//! before it existed. What is refused is answered with `EPERM`, which is what a program without the privilege expects.

use libc::*;

/// Calls that are there for one reason.
pub(super) struct Group {
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers, and for the tests' messages"))]
    pub(super) reason: &'static str,
    pub(super) calls: &'static [c_long],
}

/// A call that is allowed unless a rule refuses its arguments.
pub(super) struct Checked {
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers, and for the tests' messages"))]
    pub(super) reason: &'static str,
    pub(super) call: c_long,
    pub(super) rules: &'static [Rule],
}

/// Refuses a call for what an argument is. Only an argument's low half is looked at: the kernel takes each of those
/// below as 32 bits itself.
pub(super) struct Rule {
    /// It is for calls in which this argument has this value.
    pub(super) when: Option<(u8, u32)>,
    pub(super) argument: u8,
    pub(super) refused: Test,
    pub(super) errno: i32,
}

pub(super) enum Test {
    AnyBit(u32),
    /// Under the mask it is one of these.
    Masked(u32, &'static [u32]),
    NoneOf(&'static [u32]),
}

pub(super) const ALLOWED: &[Group] = &[
    Group {
        reason: "reading and writing what is open",
        calls: &[
            SYS_read, SYS_write, SYS_readv, SYS_writev, SYS_pread64, SYS_pwrite64, SYS_preadv, SYS_pwritev, SYS_preadv2,
            SYS_pwritev2, SYS_lseek, SYS_sendfile, SYS_splice, SYS_tee, SYS_vmsplice, SYS_copy_file_range, SYS_readahead,
            SYS_fadvise64, SYS_fsync, SYS_fdatasync, SYNC_FILE_RANGE, SYS_ftruncate, SYS_truncate, SYS_fallocate, SYS_flock,
            SYS_fcntl, SYS_close, SYS_close_range, SYS_dup, SYS_dup3, SYS_pipe2,
        ],
    },
    Group {
        reason: "files, within what the private root and Landlock show",
        calls: &[
            SYS_openat, SYS_openat2, SYS_faccessat, SYS_faccessat2, SYS_newfstatat, SYS_fstat, SYS_statx, SYS_statfs,
            SYS_fstatfs, SYS_getdents64, SYS_readlinkat, SYS_getcwd, SYS_chdir, SYS_fchdir, SYS_mkdirat, SYS_unlinkat,
            RENAMEAT, SYS_renameat2, SYS_linkat, SYS_symlinkat, SYS_fchmod, SYS_fchmodat, FCHMODAT2, SYS_fchown,
            SYS_fchownat, SYS_utimensat, SYS_umask, SYS_setxattr, SYS_lsetxattr, SYS_fsetxattr, SYS_getxattr, SYS_lgetxattr,
            SYS_fgetxattr, SYS_listxattr, SYS_llistxattr, SYS_flistxattr, SYS_removexattr, SYS_lremovexattr,
            SYS_fremovexattr, CACHESTAT, SYS_inotify_init1, SYS_inotify_add_watch, SYS_inotify_rm_watch,
        ],
    },
    Group {
        reason: "a program's own memory; runtimes make code in it",
        calls: &[
            SYS_brk, SYS_mmap, SYS_munmap, SYS_mremap, SYS_mprotect, SYS_madvise, SYS_mincore, SYS_msync, SYS_mlock,
            SYS_mlock2, SYS_munlock, SYS_mlockall, SYS_munlockall, SYS_memfd_create, SYS_pkey_alloc, SYS_pkey_free,
            SYS_pkey_mprotect, SYS_mseal, MAP_SHADOW_STACK, SYS_membarrier,
        ],
    },
    Group {
        reason: "processes and threads: the control group limits how many, the pid namespace which are seen",
        calls: &[
            SYS_execve, SYS_execveat, SYS_exit, SYS_exit_group, SYS_wait4, SYS_waitid, SYS_set_tid_address,
            SYS_set_robust_list, SYS_get_robust_list, SYS_rseq, SYS_gettid, SYS_getpid, SYS_getppid, SYS_getpgid,
            SYS_setpgid, SYS_getsid, SYS_setsid, SYS_prctl, SYS_getcpu, SYS_pidfd_open, SYS_pidfd_send_signal,
            SYS_process_mrelease, SYS_getrusage, SYS_times, SYS_prlimit64, OLD_GETRLIMIT, OLD_SETRLIMIT,
        ],
    },
    Group {
        reason: "scheduling: processor time is bounded by the control group, and raising a priority needs a capability",
        calls: &[
            SYS_sched_yield, SYS_sched_getaffinity, SYS_sched_setaffinity, SYS_sched_getparam, SYS_sched_setparam,
            SYS_sched_getscheduler, SYS_sched_setscheduler, SYS_sched_getattr, SYS_sched_setattr,
            SYS_sched_get_priority_max, SYS_sched_get_priority_min, SYS_sched_rr_get_interval, SYS_getpriority,
            SYS_setpriority, SYS_ioprio_get, SYS_ioprio_set,
        ],
    },
    Group {
        reason: "signals, to what the pid namespace shows",
        calls: &[
            SYS_kill, SYS_tkill, SYS_tgkill, SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigpending, SYS_rt_sigreturn,
            SYS_rt_sigsuspend, SYS_rt_sigtimedwait, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo, SYS_sigaltstack,
            SYS_restart_syscall,
        ],
    },
    Group {
        reason: "waiting and being woken",
        calls: &[
            SYS_futex, SYS_futex_waitv, FUTEX_WAKE, FUTEX_WAIT, FUTEX_REQUEUE, SYS_ppoll, SYS_pselect6, SYS_epoll_create1,
            SYS_epoll_ctl, SYS_epoll_pwait, SYS_epoll_pwait2, SYS_eventfd2, SYS_signalfd4, SYS_timerfd_create,
            SYS_timerfd_settime, SYS_timerfd_gettime,
        ],
    },
    Group {
        reason: "telling the time and sleeping; setting the clock is refused below",
        calls: &[
            SYS_clock_gettime, SYS_clock_getres, SYS_clock_nanosleep, SYS_nanosleep, SYS_gettimeofday, SYS_getitimer,
            SYS_setitimer, SYS_timer_create, SYS_timer_settime, SYS_timer_gettime, SYS_timer_getoverrun, SYS_timer_delete,
        ],
    },
    Group {
        reason: "sockets that are there already; which kinds can be made is checked below",
        calls: &[
            SYS_connect, SYS_bind, SYS_listen, SYS_accept, SYS_accept4, SYS_shutdown, SYS_getsockname, SYS_getpeername,
            SYS_getsockopt, SYS_setsockopt, SYS_sendto, SYS_recvfrom, SYS_sendmsg, SYS_recvmsg, SYS_sendmmsg, SYS_recvmmsg,
        ],
    },
    Group {
        reason: "who it is: it may ask, and may become what it already is",
        calls: &[
            SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid, SYS_getgroups, SYS_getresuid, SYS_getresgid, SYS_setuid,
            SYS_setgid, SYS_setreuid, SYS_setregid, SYS_setresuid, SYS_setresgid, SYS_setfsuid, SYS_setfsgid, SYS_setgroups,
            SYS_capget, SYS_capset,
        ],
    },
    Group {
        reason: "what the machine is, and chance",
        calls: &[
            SYS_uname, SYS_sysinfo, SYS_getrandom,
        ],
    },
    Group {
        reason: "System V and POSIX queues, semaphores and memory, in an ipc namespace of its own",
        calls: &[
            SYS_shmget, SYS_shmat, SYS_shmdt, SYS_shmctl, SYS_semget, SYS_semop, SYS_semtimedop, SYS_semctl, SYS_msgget,
            SYS_msgsnd, SYS_msgrcv, SYS_msgctl, SYS_mq_open, SYS_mq_unlink, SYS_mq_timedsend, SYS_mq_timedreceive,
            SYS_mq_notify, SYS_mq_getsetattr,
        ],
    },
    Group {
        reason: "what this architecture had before the calls above",
        calls: OLD,
    },
];

pub(super) const REFUSED: &[Group] = &[
    Group {
        reason: "leaving a namespace or making one, where it would have all capabilities again: most local root exploits begin so",
        calls: &[
            SYS_unshare, SYS_setns,
        ],
    },
    Group {
        reason: "another root, another file system, and everything that changes what is mounted",
        calls: &[
            SYS_chroot, SYS_pivot_root, SYS_mount, SYS_umount2, SYS_mount_setattr, SYS_open_tree, SYS_move_mount,
            SYS_fsopen, SYS_fsconfig, SYS_fsmount, SYS_fspick, SYS_swapon, SYS_swapoff, SYS_quotactl, SYS_quotactl_fd,
        ],
    },
    Group {
        reason: "looking into other processes and changing them",
        calls: &[
            SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_process_madvise, SYS_pidfd_getfd, SYS_kcmp,
        ],
    },
    Group {
        reason: "code in the kernel, or another kernel",
        calls: &[
            SYS_bpf, SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_kexec_load, SYS_kexec_file_load,
        ],
    },
    Group {
        reason: "keys that are kept by user and not by namespace",
        calls: &[
            SYS_add_key, SYS_request_key, SYS_keyctl,
        ],
    },
    Group {
        reason: "does what other calls do, out of this list's sight, and has had the most holes",
        calls: &[
            SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register,
        ],
    },
    Group {
        reason: "makes races in the kernel easy to win",
        calls: &[
            SYS_userfaultfd,
        ],
    },
    Group {
        reason: "sees what other processes do",
        calls: &[
            SYS_perf_event_open, SYS_fanotify_init, SYS_fanotify_mark, SYS_lookup_dcookie, SYS_syslog,
        ],
    },
    Group {
        reason: "files by number instead of by path: around every private root",
        calls: &[
            SYS_open_by_handle_at, SYS_name_to_handle_at,
        ],
    },
    Group {
        reason: "the whole machine's clock, name, power and accounting",
        calls: &[
            SYS_settimeofday, SYS_clock_settime, SYS_clock_adjtime, SYS_adjtimex, SYS_sethostname, SYS_setdomainname,
            SYS_reboot, SYS_acct, SYS_vhangup,
        ],
    },
    Group {
        reason: "memory that is placed, or hidden, where the kernel sees to it",
        calls: &[
            SYS_mbind, SYS_set_mempolicy, SYS_migrate_pages, SYS_move_pages, SYS_memfd_secret, SYS_remap_file_pages,
        ],
    },
    Group {
        reason: "every file system of the host would be flushed for one program's sake",
        calls: &[
            SYS_sync, SYS_syncfs,
        ],
    },
    Group {
        reason: "ports of the hardware, and old calls that only emulators use",
        calls: HARDWARE,
    },
];

// `clone3` is in no list on purpose: its flags are behind a pointer, where a filter cannot see them. Libraries that are
// told that there is none use `clone`.

pub(super) const CHECKED: &[Checked] = &[
    Checked {
        reason: "processes and threads, in no namespaces but those they are born into",
        call: SYS_clone,
        rules: &[Rule { when: None, argument: 0, refused: Test::AnyBit(NAMESPACES), errno: EPERM }],
    },
    Checked {
        reason: "files and terminals have settings; pushing input into a terminal would be typing into its owner's shell",
        call: SYS_ioctl,
        rules: &[Rule { when: None, argument: 1, refused: Test::Masked(u32::MAX, TYPING), errno: EPERM }],
    },
    Checked {
        reason: "talking to the local machine and the internet; other families are drivers, rarely used and rarely right, \
                 and one of them (vsock) reaches the hypervisor",
        call: SYS_socket,
        rules: SOCKETS,
    },
    Checked {
        reason: "as for `socket`",
        call: SYS_socketpair,
        rules: SOCKETS,
    },
    Checked {
        reason: "named pipes and plain files, but no devices",
        call: SYS_mknodat,
        rules: &[Rule { when: None, argument: 2, refused: Test::Masked(S_IFMT, &[S_IFCHR, S_IFBLK]), errno: EPERM }],
    },
    Checked {
        reason: "asking for it, and the usual one; others turn off the kernel's protections or use its oldest code",
        call: SYS_personality,
        rules: &[Rule { when: None, argument: 0, refused: Test::NoneOf(&[0, u32::MAX]), errno: EPERM }],
    },
];

/// The kind of process that the kernel makes with these starts outside what it was confined to.
const NAMESPACES: u32 = (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET) as u32;

/// `TIOCSTI` and `TIOCLINUX`, the same on both architectures.
const TYPING: &[u32] = &[0x5412, 0x541C];

const UNIX: u32 = AF_UNIX as u32;
const IPV4: u32 = AF_INET as u32;
const IPV6: u32 = AF_INET6 as u32;
const NETLINK: u32 = AF_NETLINK as u32;

const SOCKETS: &[Rule] = &[
    Rule { when: None, argument: 0, refused: Test::NoneOf(&[UNIX, IPV4, IPV6, NETLINK]), errno: EAFNOSUPPORT },
    // Addresses and routes, which is how a program lists its network interfaces; the others talk to drivers.
    Rule { when: Some((0, NETLINK)), argument: 2, refused: Test::NoneOf(&[NETLINK_ROUTE as u32]), errno: EPROTONOSUPPORT },
];

// Newer than the `libc` crate knows; numbers from 424 on are the same everywhere.
const CACHESTAT: c_long = 451;
const FCHMODAT2: c_long = 452;
const MAP_SHADOW_STACK: c_long = 453;
const FUTEX_WAKE: c_long = 454;
const FUTEX_WAIT: c_long = 455;
const FUTEX_REQUEUE: c_long = 456;

#[cfg(target_arch = "x86_64")]
pub(super) use x86_64::*;
#[cfg(target_arch = "aarch64")]
pub(super) use aarch64::*;

#[cfg(target_arch = "x86_64")]
mod x86_64 {
    use super::*;

    /// `AUDIT_ARCH_X86_64`
    pub(in super::super) const ARCHITECTURE: u32 = 0xC000_003E;
    /// Numbers from here on are of the x32 convention: the same calls in another guise.
    pub(in super::super) const GUISE: Option<u32> = Some(0x4000_0000);

    pub(super) const RENAMEAT: c_long = SYS_renameat;
    pub(super) const SYNC_FILE_RANGE: c_long = SYS_sync_file_range;
    pub(super) const OLD_GETRLIMIT: c_long = SYS_getrlimit;
    pub(super) const OLD_SETRLIMIT: c_long = SYS_setrlimit;

    pub(super) const OLD: &[c_long] = &[
        SYS_open, SYS_creat, SYS_stat, SYS_lstat, SYS_access, SYS_readlink, SYS_getdents, SYS_rename, SYS_link,
        SYS_symlink, SYS_unlink, SYS_mkdir, SYS_rmdir, SYS_chmod, SYS_chown, SYS_lchown, SYS_utime, SYS_utimes,
        SYS_futimesat, SYS_pipe, SYS_dup2, SYS_poll, SYS_select, SYS_epoll_create, SYS_epoll_wait, SYS_eventfd,
        SYS_signalfd, SYS_inotify_init, SYS_fork, SYS_vfork, SYS_getpgrp, SYS_pause, SYS_alarm, SYS_time,
        SYS_arch_prctl,
    ];
    pub(super) const HARDWARE: &[c_long] = &[
        SYS_iopl, SYS_ioperm, SYS_modify_ldt, SYS_uselib, SYS_ustat, SYS_sysfs,
    ];
    pub(in super::super) const CHECKED_OLD: &[Checked] = &[Checked {
        reason: "as for `mknodat`",
        call: SYS_mknod,
        rules: &[Rule { when: None, argument: 1, refused: Test::Masked(S_IFMT, &[S_IFCHR, S_IFBLK]), errno: EPERM }],
    }];
}

#[cfg(target_arch = "aarch64")]
mod aarch64 {
    use super::*;

    /// `AUDIT_ARCH_AARCH64`
    pub(in super::super) const ARCHITECTURE: u32 = 0xC000_00B7;
    pub(in super::super) const GUISE: Option<u32> = None;

    // The kernel has them; the `libc` crate does not.
    pub(super) const RENAMEAT: c_long = 38;
    pub(super) const SYNC_FILE_RANGE: c_long = 84;
    pub(super) const OLD_GETRLIMIT: c_long = 163;
    pub(super) const OLD_SETRLIMIT: c_long = 164;

    pub(super) const OLD: &[c_long] = &[];
    pub(super) const HARDWARE: &[c_long] = &[];
    pub(in super::super) const CHECKED_OLD: &[Checked] = &[];
}
