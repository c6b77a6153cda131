//! The template's side of a fork: it waits for the warden's word, clones itself into fresh namespaces, and the child
//! gives up what the new namespaces gave it, and goes on in the interpreter.
//!
//! The child comes in two parts, as every instance does: the first process of its pid namespace, which only waits and
//! reaps, and the program. What a child gives up here the warden looks at from outside: nothing depends on this file
//! being honest but the child's own tidiness.
//!
//! Everything here is bare system calls: after a raw `clone` the C library's own state is that of another process.

use core::arch::asm;

const CLONE_PARENT: usize = 0x8000;
const NAMESPACES: usize = 0x1000_0000 | 0x0002_0000 | 0x2000_0000 | 0x0800_0000 | 0x0400_0000;
const CLONE_NEWNET: usize = 0x4000_0000;
const SIGCHLD: usize = 17;

const MSG_CMSG_CLOEXEC: usize = 0x4000_0000;
const MSG_NOSIGNAL: usize = 0x4000;
const SOL_SOCKET: i32 = 1;
const SCM_RIGHTS: i32 = 1;
const MOST_FDS: usize = 8;
/// Above every number that a program is given.
const HIGH_FD: usize = 100;

const PR_SET_DUMPABLE: usize = 4;
const PR_SET_SECCOMP: usize = 22;
const PR_CAPBSET_DROP: usize = 24;
const AT_FDCWD: usize = -100_isize as usize;
const O_PATH_CLOEXEC: usize = 0x20_0000 | 0x8_0000;
const F_DUPFD_CLOEXEC: usize = 1030;
const EINTR: isize = -4;
const SECCOMP_MODE_FILTER: usize = 2;

#[cfg(target_arch = "x86_64")]
mod number {
    pub const RECVMSG: usize = 47;
    pub const SENDTO: usize = 44;
    pub const CLONE: usize = 56;
    pub const CLOSE: usize = 3;
    pub const FCNTL: usize = 72;
    pub const DUP3: usize = 292;
    pub const WAIT4: usize = 61;
    pub const EXIT_GROUP: usize = 231;
    pub const PRCTL: usize = 157;
    pub const CAPSET: usize = 126;
    pub const SETRESUID: usize = 117;
    pub const SETRESGID: usize = 119;
    pub const CLOSE_RANGE: usize = 436;
    pub const OPENAT: usize = 257;
    #[cfg(interpreter = "node")]
    pub use self::node::*;
    #[cfg(interpreter = "node")]
    mod node {
        pub const READ: usize = 0;
        pub const MADVISE: usize = 28;
        pub const GETPID: usize = 39;
        pub const SOCKETPAIR: usize = 53;
        pub const GETRANDOM: usize = 318;
    }
    pub const ARCHITECTURE: u32 = 0xC000_003E;
}
#[cfg(target_arch = "aarch64")]
mod number {
    pub const RECVMSG: usize = 212;
    pub const SENDTO: usize = 206;
    pub const CLONE: usize = 220;
    pub const CLOSE: usize = 57;
    pub const FCNTL: usize = 25;
    pub const DUP3: usize = 24;
    pub const WAIT4: usize = 260;
    pub const EXIT_GROUP: usize = 94;
    pub const PRCTL: usize = 167;
    pub const CAPSET: usize = 91;
    pub const SETRESUID: usize = 147;
    pub const SETRESGID: usize = 149;
    pub const CLOSE_RANGE: usize = 436;
    pub const OPENAT: usize = 56;
    #[cfg(interpreter = "node")]
    pub use self::node::*;
    #[cfg(interpreter = "node")]
    mod node {
        pub const READ: usize = 63;
        pub const MADVISE: usize = 233;
        pub const GETPID: usize = 172;
        pub const SOCKETPAIR: usize = 199;
        pub const GETRANDOM: usize = 278;
    }
    pub const ARCHITECTURE: u32 = 0xC000_00B7;
}
const LANDLOCK_CREATE_RULESET: usize = 444;
const LANDLOCK_ADD_RULE: usize = 445;
const LANDLOCK_RESTRICT_SELF: usize = 446;

/// # Safety
/// The arguments are what the call wants.
unsafe fn call(number: usize, arguments: [usize; 6]) -> isize {
    let [a, b, c, d, e, f] = arguments;
    let result: isize;
    // SAFETY: the caller vouches for the arguments; the kernel keeps every register but those named.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        asm!("syscall", inlateout("rax") number => result, in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d,
            in("r8") e, in("r9") f, lateout("rcx") _, lateout("r11") _)
    };
    // SAFETY: as above.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        asm!("svc 0", in("x8") number, inlateout("x0") a => result, in("x1") b, in("x2") c, in("x3") d, in("x4") e, in("x5") f)
    };
    result
}

#[repr(C)]
struct Piece {
    base: *mut u8,
    len: usize,
}

#[repr(C)]
struct Message {
    name: usize,
    name_len: u32,
    pieces: *mut Piece,
    pieces_len: usize,
    control: *mut Control,
    control_len: usize,
    flags: i32,
}

#[repr(C, align(8))]
struct Control {
    len: usize,
    level: i32,
    kind: i32,
    fds: [i32; MOST_FDS],
}

/// Between the two parts of a child: the socket on which the first tells the warden how the second ended.
static mut STATUS: i32 = -1;

pub fn leave(code: i32) -> ! {
    loop {
        // SAFETY: plain numbers; it does not return.
        unsafe { call(number::EXIT_GROUP, [code as usize, 0, 0, 0, 0, 0]) };
    }
}

fn close(fd: i32) {
    // SAFETY: plain numbers; the callers close what is theirs.
    unsafe { call(number::CLOSE, [fd as usize, 0, 0, 0, 0, 0]) };
}

/// One whole message: how long it is, and how many descriptors came with it.
fn receive(socket: i32, into: *mut u8, room: usize, fds: &mut [i32; MOST_FDS]) -> (isize, usize) {
    let mut piece = Piece {
        base: into,
        len: room,
    };
    let mut control = Control {
        len: 0,
        level: 0,
        kind: 0,
        fds: [-1; MOST_FDS],
    };
    loop {
        let mut message = Message {
            name: 0,
            name_len: 0,
            pieces: &raw mut piece,
            pieces_len: 1,
            control: &raw mut control,
            control_len: size_of::<Control>(),
            flags: 0,
        };
        let words = [
            socket as usize,
            &raw mut message as usize,
            MSG_CMSG_CLOEXEC,
            0,
            0,
            0,
        ];
        // SAFETY: the message and all that it points to outlive the call, with the lengths that are said.
        let length = unsafe { call(number::RECVMSG, words) };
        if length == EINTR {
            continue;
        }
        let header = 16;
        if length < 0
            || message.control_len < header
            || control.level != SOL_SOCKET
            || control.kind != SCM_RIGHTS
        {
            return (length, 0);
        }
        let count = ((control.len - header) / 4).min(MOST_FDS);
        *fds = control.fds;
        return (length, count);
    }
}

fn send(socket: i32, bytes: &[u8]) -> isize {
    let words = [
        socket as usize,
        bytes.as_ptr() as usize,
        bytes.len(),
        MSG_NOSIGNAL,
        0,
        0,
    ];
    // SAFETY: the bytes outlive the call.
    unsafe { call(number::SENDTO, words) }
}

/// Waits on `control` and forks as often as the warden says. Returns only in a child, confined, with the length of what
/// it was told in `into`; a negative number means that it could not be confined. The process ends with its warden.
///
/// # Safety
/// `into` has `room` bytes. The process has one thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fulmar_serve(control: i32, into: *mut u8, room: usize) -> isize {
    loop {
        let mut order = [0_u8; 4];
        let mut fds = [-1; MOST_FDS];
        let (length, count) = receive(control, order.as_mut_ptr(), order.len(), &mut fds);
        if length <= 0 {
            leave(0);
        }
        if count != 1 {
            continue;
        }
        let network = if order[0] == b'n' { CLONE_NEWNET } else { 0 };
        let flags = NAMESPACES | CLONE_PARENT | SIGCHLD | network;
        // SAFETY: without a stack of its own the child has a copy of this one; no pointer is written to.
        let pid = unsafe { call(number::CLONE, [flags, 0, 0, 0, 0, 0]) };
        if pid == 0 {
            close(control);
            return child(fds[0], into, room);
        }
        close(fds[0]);
        send(control, &(pid as i32).to_le_bytes());
    }
}

/// The first process of the new namespaces. What it is told: who it is, how many descriptors come, their numbers, and
/// then what is for the program.
fn child(status: i32, into: *mut u8, room: usize) -> isize {
    // SAFETY: this process has one thread.
    unsafe { STATUS = lift(status) };
    close(status);
    // SAFETY: as above.
    let status = unsafe { STATUS };
    send(status, b"here");
    let mut fds = [-1; MOST_FDS];
    let (length, count) = receive(status, into, room, &mut fds);
    if length < 8 {
        leave(1);
    }
    // SAFETY: so many bytes were received into it.
    let told = unsafe { core::slice::from_raw_parts_mut(into, length as usize) };
    let user = u32::from_le_bytes([told[0], told[1], told[2], told[3]]) as usize;
    let numbers = told[4] as usize;
    if numbers != count || told.len() < 5 + numbers {
        leave(1);
    }
    for fd in &mut fds[..count] {
        let lifted = lift(*fd);
        close(*fd);
        *fd = lifted;
    }
    for (fd, number) in fds[..count].iter().zip(&told[5..5 + numbers]) {
        // SAFETY: plain numbers; whatever had the number is of the template, and not for the child.
        unsafe { call(number::DUP3, [*fd as usize, *number as usize, 0, 0, 0, 0]) };
        close(*fd);
    }
    if !give_up(user) {
        return -1;
    }
    let rest = told.len() - 5 - numbers;
    told.copy_within(5 + numbers.., 0);
    rest as isize
}

fn lift(fd: i32) -> i32 {
    // SAFETY: plain numbers.
    unsafe {
        call(
            number::FCNTL,
            [fd as usize, F_DUPFD_CLOEXEC, HIGH_FD, 0, 0, 0],
        ) as i32
    }
}

/// Becomes the user that the warden has made for it, and lets go of everything that a new user namespace gives.
fn give_up(user: usize) -> bool {
    // SAFETY: plain numbers.
    let changed = unsafe {
        call(number::SETRESGID, [user, user, user, 0, 0, 0]) == 0
            && call(number::SETRESUID, [user, user, user, 0, 0, 0]) == 0
    };
    // SAFETY: `prctl` with these arguments takes no pointers. It fails at the first that the kernel does not know.
    while_some(64, |capability| unsafe {
        call(number::PRCTL, [PR_CAPBSET_DROP, capability, 0, 0, 0, 0]) == 0
    });
    // `_LINUX_CAPABILITY_VERSION_3`, this process; nothing in any set.
    let header: [u32; 2] = [0x2008_0522, 0];
    let none = [0_u32; 6];
    // SAFETY: both outlive the call and have the sizes of this version.
    let dropped = unsafe {
        call(
            number::CAPSET,
            [header.as_ptr() as usize, none.as_ptr() as usize, 0, 0, 0, 0],
        ) == 0
    };
    fence();
    // SAFETY: no pointers.
    unsafe { call(number::PRCTL, [PR_SET_DUMPABLE, 0, 0, 0, 0, 0]) };
    changed && dropped && close_the_way()
}

fn while_some(most: usize, mut step: impl FnMut(usize) -> bool) {
    for at in 0..most {
        if !step(at) {
            return;
        }
    }
}

/// The second wall around the file system (`paths.rs`), which a template cannot put up for its children: rules are for
/// what is there. Sockets with abstract names and signals of its siblings, who come of the same template, are not for it
/// either. Older kernels are asked for less, and the oldest for nothing.
fn fence() {
    const READ: u64 = 0b1101;
    const DEVICE: u64 = 0b0110;
    const ALL: u64 = u64::MAX;
    const BENEATH: usize = 1;
    /// Rights for files, rights for the network, and what is scoped; what each needs, the newest first.
    const KNOWN: [([u64; 3], usize); 4] = [
        ([0x7FFF, 0, 3], 24),
        ([0x7FFF, 0, 0], 8),
        ([0x3FFF, 0, 0], 8),
        ([0x1FFF, 0, 0], 8),
    ];
    const PLACES: [(&[u8], u64); 8] = [
        (b"/\0", READ),
        (b"/tmp\0", ALL),
        (b"/dev/shm\0", ALL),
        (b"/dev/null\0", DEVICE),
        (b"/dev/zero\0", DEVICE),
        (b"/dev/full\0", DEVICE),
        (b"/dev/random\0", DEVICE),
        (b"/dev/urandom\0", DEVICE),
    ];
    #[repr(C, packed)]
    struct Rule {
        allowed: u64,
        place: i32,
    }
    let made = KNOWN.iter().find_map(|(rights, size)| {
        // SAFETY: the attributes outlive the call and have at least the size that is said.
        let rules = unsafe {
            call(
                LANDLOCK_CREATE_RULESET,
                [rights.as_ptr() as usize, *size, 0, 0, 0, 0],
            )
        };
        (rules >= 0).then_some((rules as usize, rights[0]))
    });
    let Some((rules, handled)) = made else {
        return;
    };
    for (path, allowed) in PLACES {
        // SAFETY: the path ends in a zero.
        let place = unsafe {
            call(
                number::OPENAT,
                [AT_FDCWD, path.as_ptr() as usize, O_PATH_CLOEXEC, 0, 0, 0],
            )
        };
        if place >= 0 {
            let rule = Rule {
                allowed: allowed & handled,
                place: place as i32,
            };
            // SAFETY: the rule outlives the call.
            unsafe {
                call(
                    LANDLOCK_ADD_RULE,
                    [rules, BENEATH, &raw const rule as usize, 0, 0, 0],
                )
            };
            close(place as i32);
        }
    }
    // SAFETY: plain numbers.
    unsafe { call(LANDLOCK_RESTRICT_SELF, [rules, 0, 0, 0, 0, 0]) };
    close(rules as i32);
}

/// A filter on top of the template's: from here on a clone with namespaces is refused without the warden being asked.
fn close_the_way() -> bool {
    #[repr(C)]
    struct Instruction(u16, u8, u8, u32);
    #[repr(C)]
    struct Program {
        len: u16,
        filter: *const Instruction,
    }
    const ALLOW: u32 = 0x7FFF_0000;
    const EPERM: u32 = 0x0005_0001;
    let filter = [
        Instruction(0x20, 0, 0, 4),
        Instruction(0x15, 0, 5, number::ARCHITECTURE),
        Instruction(0x20, 0, 0, 0),
        Instruction(0x15, 0, 3, number::CLONE as u32),
        Instruction(0x20, 0, 0, 16),
        Instruction(0x45, 0, 1, (NAMESPACES | CLONE_NEWNET | 0x0200_0000) as u32),
        Instruction(0x06, 0, 0, EPERM),
        Instruction(0x06, 0, 0, ALLOW),
    ];
    let program = Program {
        len: filter.len() as u16,
        filter: filter.as_ptr(),
    };
    // SAFETY: the kernel copies the program, which outlives the call.
    unsafe {
        call(
            number::PRCTL,
            [
                PR_SET_SECCOMP,
                SECCOMP_MODE_FILTER,
                &raw const program as usize,
                0,
                0,
                0,
            ],
        ) == 0
    }
}

/// The first part's rest of life: it says that the program is there, waits for its end and tells it.
///
/// # Safety
/// For the process that `fulmar_serve` returned in, after it has forked `program`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fulmar_reap(program: i32) -> ! {
    // SAFETY: this process has one thread.
    let status = unsafe { STATUS };
    // The program's own descriptors are its business: a pipe must end when the program ends it.
    // SAFETY: nothing here uses any other descriptor any more.
    unsafe {
        call(number::CLOSE_RANGE, [0, status as usize - 1, 0, 0, 0, 0]);
        call(
            number::CLOSE_RANGE,
            [status as usize + 1, u32::MAX as usize, 0, 0, 0, 0],
        );
    }
    send(status, if program > 0 { b"went" } else { b"fail" });
    loop {
        let mut ended = 0_i32;
        // SAFETY: `ended` outlives the call.
        let pid = unsafe {
            call(
                number::WAIT4,
                [usize::MAX, &raw mut ended as usize, 0, 0, 0, 0],
            )
        };
        if pid == program as isize {
            send(status, &ended.to_le_bytes());
            // Until the warden has looked at this process, it must be there to be looked at.
            let (mut word, mut none) = ([0_u8; 4], [-1; MOST_FDS]);
            receive(status, word.as_mut_ptr(), word.len(), &mut none);
            leave(0);
        }
        if pid < 0 && pid != EINTR {
            leave(1);
        }
    }
}

/// The second part's beginning: what was the first one's is not for the program, and its memory is its own to open.
///
/// # Safety
/// For the process that came of the fork after `fulmar_serve` returned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fulmar_begin() {
    // SAFETY: this process has one thread.
    close(unsafe { STATUS });
    // SAFETY: no pointers.
    unsafe { call(number::PRCTL, [PR_SET_DUMPABLE, 1, 0, 0, 0, 0]) };
}

/// Undoes what a process has said of its memory: that it is not for children.
#[cfg(interpreter = "node")]
pub fn share_all_with_children() {
    const MADV_DOFORK: usize = 11;
    // SAFETY: the path ends in a zero.
    let maps = unsafe {
        call(
            number::OPENAT,
            [
                AT_FDCWD,
                c"/proc/self/maps".as_ptr() as usize,
                0x8_0000,
                0,
                0,
                0,
            ],
        )
    };
    if maps < 0 {
        return;
    }
    let (mut from, mut to, mut stage) = (0_usize, 0_usize, 0);
    let mut some = [0_u8; 4096];
    loop {
        // SAFETY: the buffer outlives the call and has the size that is said.
        let length = unsafe {
            call(
                number::READ,
                [
                    maps as usize,
                    some.as_mut_ptr() as usize,
                    some.len(),
                    0,
                    0,
                    0,
                ],
            )
        };
        if length <= 0 {
            break;
        }
        // Each line begins with two numbers, `from-to `.
        for letter in &some[..length as usize] {
            let digit = match letter {
                b'0'..=b'9' => Some(letter - b'0'),
                b'a'..=b'f' => Some(letter - b'a' + 10),
                _ => None,
            };
            match (stage, digit, letter) {
                (0, Some(digit), _) => from = from << 4 | digit as usize,
                (1, Some(digit), _) => to = to << 4 | digit as usize,
                (0, None, b'-') => stage = 1,
                (1, None, _) => {
                    // SAFETY: it only says what becomes of the memory at a fork. Some of the kernel's own refuses.
                    unsafe { call(number::MADVISE, [from, to - from, MADV_DOFORK, 0, 0, 0]) };
                    stage = 2;
                }
                (2, _, b'\n') => (from, to, stage) = (0, 0, 0),
                _ => {}
            }
        }
    }
    close(maps as i32);
}

#[cfg(interpreter = "node")]
pub fn chance(into: &mut [u8]) {
    // SAFETY: the buffer outlives the call and has the size that is said.
    unsafe {
        call(
            number::GETRANDOM,
            [into.as_mut_ptr() as usize, into.len(), 0, 0, 0, 0],
        )
    };
}

#[cfg(interpreter = "node")]
pub fn pid() -> i32 {
    // SAFETY: it takes nothing.
    unsafe { call(number::GETPID, [0; 6]) as i32 }
}

/// Two connected sockets with numbers that follow one another; returns the first, or none.
#[cfg(interpreter = "node")]
pub fn socket_pair() -> i32 {
    let mut fds = [0_i32; 2];
    // A stream between processes, closed for programs that are started.
    let words = [1, 1 | 0x8_0000, 0, fds.as_mut_ptr() as usize, 0, 0];
    // SAFETY: the numbers outlive the call.
    let made = unsafe { call(number::SOCKETPAIR, words) };
    if made < 0 || fds[1] != fds[0] + 1 {
        -1
    } else {
        fds[0]
    }
}
