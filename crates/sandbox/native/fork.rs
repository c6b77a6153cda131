//! The template's side of a fork: it waits for the warden's word, forks, and the child makes itself fresh namespaces,
//! gives up what these gave it, and goes on in the interpreter. What an interpreter does after any fork it does at once;
//! then it waits to be told what it is for.
//!
//! An instance comes in two parts, as every instance does: the first process of its pid namespace, which only waits and
//! reaps, and the program. Here they share one memory, which is copied from the template's once, by the C library's own
//! `fork`, so that it and whoever has asked to be told know of it. Three processes have to do with that:
//!
//! 1. the *copy*, which comes of that fork. It makes the namespaces, starts the first process in them, and ends: who is to
//!    be in a pid namespace must be born there;
//! 2. the *first*, on a stack of its own. It becomes who the warden says, gives everything up, starts the program, and
//!    then only reaps;
//! 3. the *program*, on the stack that the copy has left, where it was left.
//!
//! What is the kernel's and not the memory's (the number that the C library keeps, its list of locks that are to be let
//! go, its restartable sequences) is arranged for the program as `fork` does it.
//!
//! What an instance gives up here the warden looks at from outside: nothing depends on this file being honest but the
//! instance's own tidiness. Everything here is bare system calls.

use core::arch::{asm, global_asm};

use crate::rehearsal;

const CLONE_VM: usize = 0x100;
const CLONE_CHILD_CLEARTID: usize = 0x20_0000;
const CLONE_CHILD_SETTID: usize = 0x100_0000;
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
/// That somebody waits. It may come to whoever reads next.
const HURRY: u8 = 0xFF;
/// Those that it is given, besides its output.
const COMING: core::ops::Range<usize> = 3..10;

const PR_SET_DUMPABLE: usize = 4;
const PR_GET_TID_ADDRESS: usize = 40;
const PR_SET_SECCOMP: usize = 22;
const PR_CAPBSET_DROP: usize = 24;
pub const AT_FDCWD: usize = -100_isize as usize;
pub const O_CLOEXEC: usize = 0x8_0000;
const O_PATH_CLOEXEC: usize = 0x20_0000 | O_CLOEXEC;
const F_GETFD: usize = 1;
const F_DUPFD_CLOEXEC: usize = 1030;
pub const EINTR: isize = -4;
const EBADF: isize = -9;
const SECCOMP_MODE_FILTER: usize = 2;

#[cfg(target_arch = "x86_64")]
pub mod number {
    pub const RECVMSG: usize = 47;
    pub const SENDTO: usize = 44;
    pub const UNSHARE: usize = 272;
    pub const SET_TID_ADDRESS: usize = 218;
    pub const GET_ROBUST_LIST: usize = 274;
    pub const SET_ROBUST_LIST: usize = 273;
    pub const RSEQ: usize = 334;
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
    pub const SOCKETPAIR: usize = 53;
    pub const READ: usize = 0;
    pub const WRITE: usize = 1;
    pub const MADVISE: usize = 28;
    pub const PREAD64: usize = 17;
    pub const PIPE2: usize = 293;
    pub const PPOLL: usize = 271;
    pub const KILL: usize = 62;
    #[cfg(interpreter = "node")]
    pub use self::node::*;
    #[cfg(interpreter = "node")]
    mod node {
        pub const GETPID: usize = 39;
        pub const MPROTECT: usize = 10;
        pub const GETRANDOM: usize = 318;
    }
    pub const ARCHITECTURE: u32 = 0xC000_003E;
}
#[cfg(target_arch = "aarch64")]
pub mod number {
    pub const RECVMSG: usize = 212;
    pub const SENDTO: usize = 206;
    pub const UNSHARE: usize = 97;
    pub const SET_TID_ADDRESS: usize = 96;
    pub const GET_ROBUST_LIST: usize = 100;
    pub const SET_ROBUST_LIST: usize = 99;
    pub const RSEQ: usize = 293;
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
    pub const SOCKETPAIR: usize = 199;
    pub const READ: usize = 63;
    pub const WRITE: usize = 64;
    pub const MADVISE: usize = 233;
    pub const PREAD64: usize = 67;
    pub const PIPE2: usize = 59;
    pub const PPOLL: usize = 73;
    pub const KILL: usize = 129;
    #[cfg(interpreter = "node")]
    pub use self::node::*;
    #[cfg(interpreter = "node")]
    mod node {
        pub const GETPID: usize = 172;
        pub const MPROTECT: usize = 226;
        pub const GETRANDOM: usize = 278;
    }
    pub const ARCHITECTURE: u32 = 0xC000_00B7;
}
const LANDLOCK_CREATE_RULESET: usize = 444;
const LANDLOCK_ADD_RULE: usize = 445;
const LANDLOCK_RESTRICT_SELF: usize = 446;

/// # Safety
/// The arguments are what the call wants.
pub unsafe fn call(number: usize, arguments: [usize; 6]) -> isize {
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

/// What the three processes of a fork have in common. Of a template there is one fork at a time.
struct Fork {
    /// The socket on which the first tells the warden of itself, and of the program's end; on which the program is told
    /// what it is for.
    status: i32,
    namespaces: usize,
    /// A bit for each number that is kept for a descriptor that may come.
    kept: u32,
    /// Where the copy has left its stack.
    stack: usize,
    /// Where the C library keeps the number of the thread that there is.
    number: usize,
    /// Its list of locks that are to be let go, and the list's size.
    locks: [usize; 2],
}

static mut FORK: Fork = Fork {
    status: -1,
    namespaces: 0,
    kept: 0,
    stack: 0,
    number: 0,
    locks: [0; 2],
};

/// Of the first process, which outlives what else there is.
#[repr(align(16))]
struct Stack([u8; 32 << 10]);
static mut STACK: Stack = Stack([0; 32 << 10]);

unsafe extern "C" {
    /// Leaves the stack as it is, its place in `stack`, and has `first` go on in a process of its own on another stack,
    /// which ends at `top`. Ends this process. It returns, for the program, by `fulmar_resume`.
    fn fulmar_part(top: *mut u8, stack: *mut usize, first: extern "C" fn() -> !);
    /// Starts a process that goes on where the stack was left; returns its number, or why there is none.
    fn fulmar_resume(flags: usize, stack: usize, none: usize, number: usize) -> isize;
    /// Where the C library keeps what the kernel knows of the sequence that runs, or nothing.
    fn fulmar_sequences() -> usize;
}

// Registers that belong to a caller are kept on the stack that is left: the process that comes back to it is cloned from
// another one, and gets the registers of that.
#[cfg(target_arch = "x86_64")]
global_asm!(
    ".weak __rseq_offset",
    ".globl fulmar_part",
    ".hidden fulmar_part",
    "fulmar_part:",
    "push rbp",
    "push rbx",
    "push r12",
    "push r13",
    "push r14",
    "push r15",
    "mov [rsi], rsp",
    "mov r12, rdx",
    "mov rsi, rdi",
    "mov edi, 0x111", // CLONE_VM | SIGCHLD
    "xor edx, edx",
    "xor r10d, r10d",
    "xor r8d, r8d",
    "mov eax, 56",
    "syscall",
    "test rax, rax",
    "jz 2f",
    // The copy: from here on the stack is not its own.
    "mov rdi, rax",
    "shr rdi, 63",
    "mov eax, 231",
    "syscall",
    "ud2",
    "2:",
    "xor ebp, ebp",
    "call r12",
    "ud2",
    ".globl fulmar_resume",
    ".hidden fulmar_resume",
    "fulmar_resume:",
    "mov r10, rcx",
    "xor r8d, r8d",
    "mov eax, 56",
    "syscall",
    "test rax, rax",
    "jz 3f",
    "ret",
    "3:",
    "pop r15",
    "pop r14",
    "pop r13",
    "pop r12",
    "pop rbx",
    "pop rbp",
    "ret",
    ".globl fulmar_sequences",
    ".hidden fulmar_sequences",
    "fulmar_sequences:",
    "mov rax, [rip + __rseq_offset@GOTPCREL]",
    "test rax, rax",
    "jz 4f",
    "mov rax, [rax]",
    "add rax, fs:0",
    "4:",
    "ret",
);
#[cfg(target_arch = "aarch64")]
global_asm!(
    ".weak __rseq_offset",
    ".globl fulmar_part",
    ".hidden fulmar_part",
    "fulmar_part:",
    "sub sp, sp, #160",
    "stp x19, x20, [sp]",
    "stp x21, x22, [sp, #16]",
    "stp x23, x24, [sp, #32]",
    "stp x25, x26, [sp, #48]",
    "stp x27, x28, [sp, #64]",
    "stp x29, x30, [sp, #80]",
    "stp d8, d9, [sp, #96]",
    "stp d10, d11, [sp, #112]",
    "stp d12, d13, [sp, #128]",
    "stp d14, d15, [sp, #144]",
    "mov x9, sp",
    "str x9, [x1]",
    "mov x19, x2",
    "mov x1, x0",
    "mov x0, #0x111", // CLONE_VM | SIGCHLD
    "mov x2, #0",
    "mov x3, #0",
    "mov x4, #0",
    "mov x8, #220",
    "svc #0",
    "cbz x0, 2f",
    // The copy: from here on the stack is not its own.
    "lsr x0, x0, #63",
    "mov x8, #94",
    "svc #0",
    "brk #0",
    "2:",
    "mov x29, #0",
    "mov x30, #0",
    "blr x19",
    "brk #0",
    ".globl fulmar_resume",
    ".hidden fulmar_resume",
    "fulmar_resume:",
    // The kernel takes the thread's area before the number's place here, and without a flag for it looks at neither.
    "mov x4, x3",
    "mov x3, #0",
    "mov x8, #220",
    "svc #0",
    "cbz x0, 3f",
    "ret",
    "3:",
    "ldp x19, x20, [sp]",
    "ldp x21, x22, [sp, #16]",
    "ldp x23, x24, [sp, #32]",
    "ldp x25, x26, [sp, #48]",
    "ldp x27, x28, [sp, #64]",
    "ldp x29, x30, [sp, #80]",
    "ldp d8, d9, [sp, #96]",
    "ldp d10, d11, [sp, #112]",
    "ldp d12, d13, [sp, #128]",
    "ldp d14, d15, [sp, #144]",
    "add sp, sp, #160",
    "ret",
    ".globl fulmar_sequences",
    ".hidden fulmar_sequences",
    "fulmar_sequences:",
    "adrp x0, :got:__rseq_offset",
    "ldr x0, [x0, :got_lo12:__rseq_offset]",
    "cbz x0, 4f",
    "ldr x0, [x0]",
    "mrs x1, tpidr_el0",
    "add x0, x0, x1",
    "4:",
    "ret",
);

pub fn leave(code: i32) -> ! {
    loop {
        // SAFETY: plain numbers; it does not return.
        unsafe { call(number::EXIT_GROUP, [code as usize, 0, 0, 0, 0, 0]) };
    }
}

pub fn close(fd: i32) {
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

unsafe extern "C" {
    /// The C library's own, so that it and whoever has asked to be told know of it.
    pub fn fork() -> i32;
}

/// Waits on `control` and forks as often as the warden says. Returns only in a program that came of it, confined: it does
/// what there is to do after a fork, and then asks what it is for (`fulmar_told`). The process ends with its warden. Here
/// nothing of the interpreter's is touched, for what is touched would no longer be the same memory for all.
///
/// # Safety
/// The process has one thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fulmar_serve(control: i32) {
    loop {
        wait_for_word(control);
        // SAFETY: this process has one thread.
        match unsafe { fork() } {
            0 => break,
            copy => tell(control, copy),
        }
    }
    // SAFETY: this process has one thread.
    unsafe { enter(control) }
}

/// In a program that came of a fork: says that it is there, and waits until it is told what it is for. Returns how long
/// that is. What it is told begins with how many descriptors come, and their numbers.
///
/// # Safety
/// `into` has `room` bytes. The process has one thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fulmar_told(into: *mut u8, room: usize) -> isize {
    // SAFETY: this process has one thread.
    let status = unsafe { FORK.status };
    send(status, b"here");
    let mut fds = [-1; MOST_FDS];
    let (length, count) = loop {
        let (length, count) = receive(status, into, room, &mut fds);
        // SAFETY: a byte was received into it.
        if length != 1 || unsafe { *into } != HURRY {
            break (length, count);
        }
    };
    close(status);
    if length < 1 {
        leave(1);
    }
    // SAFETY: so many bytes were received into it.
    let told = unsafe { core::slice::from_raw_parts_mut(into, length as usize) };
    let numbers = told[0] as usize;
    if numbers != count || told.len() < 1 + numbers {
        leave(1);
    }
    for fd in &mut fds[..count] {
        let lifted = lift(*fd);
        close(*fd);
        *fd = lifted;
    }
    free_numbers();
    for (fd, number) in fds[..count].iter().zip(&told[1..1 + numbers]) {
        // SAFETY: plain numbers; whatever had the number is of the template, and not for the child.
        unsafe { call(number::DUP3, [*fd as usize, *number as usize, 0, 0, 0, 0]) };
        close(*fd);
    }
    let rest = told.len() - 1 - numbers;
    told.copy_within(1 + numbers.., 0);
    rest as isize
}

fn wait_for_word(control: i32) {
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
        let status = lift(fds[0]);
        close(fds[0]);
        // SAFETY: this process has one thread.
        unsafe {
            FORK.status = status;
            FORK.namespaces = NAMESPACES | network;
        }
        return;
    }
}

/// Waits for the copy's end, and tells the warden of it.
fn tell(control: i32, copy: i32) {
    const EAGAIN: i32 = 11;
    // SAFETY: this process has one thread.
    close(unsafe { FORK.status });
    let mut ended = 1_i32;
    let words = [copy as usize, &raw mut ended as usize, 0, 0, 0, 0];
    // SAFETY: `ended` outlives the call.
    while copy > 0 && unsafe { call(number::WAIT4, words) } == EINTR {}
    // How it ended says enough: the first process tells the warden of itself.
    let word = if ended == 0 { copy } else { -EAGAIN };
    send(control, &word.to_le_bytes());
}

/// In the copy. Returns in the program.
///
/// # Safety
/// As `fulmar_serve`.
unsafe fn enter(control: i32) {
    close(control);
    // SAFETY: this process has one thread.
    keep_numbers(unsafe { FORK.status });
    // SAFETY: this process has one thread; each call writes to what is said and outlives it.
    unsafe {
        let unshared = call(number::UNSHARE, [FORK.namespaces, 0, 0, 0, 0, 0]);
        let number = &raw mut FORK.number as usize;
        let kept = call(number::PRCTL, [PR_GET_TID_ADDRESS, number, 0, 0, 0, 0]);
        if unshared < 0 || kept < 0 || FORK.number == 0 {
            leave(1);
        }
        let locks = &raw mut FORK.locks as usize;
        call(
            number::GET_ROBUST_LIST,
            [0, locks, locks + size_of::<usize>(), 0, 0, 0],
        );
        // Else this process' end would be taken for the thread's.
        call(number::SET_TID_ADDRESS, [0; 6]);
        fulmar_part((&raw mut STACK.0).add(1).cast(), &raw mut FORK.stack, first);
        begin();
    }
}

/// The first process of the new namespaces.
extern "C" fn first() -> ! {
    // SAFETY: only this process runs: the copy ends, and the program has not begun.
    let status = unsafe { FORK.status };
    send(status, b"born");
    let [user @ .., is_ahead] = join(status);
    if is_ahead != 0 {
        rehearsal::lay_out(status);
    }
    if !give_up(u32::from_le_bytes(user) as usize) {
        leave(1);
    }
    let flags = CLONE_VM | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD;
    // SAFETY: the stack was left by the copy, which has ended: nobody else is on it.
    let program = unsafe { fulmar_resume(flags, FORK.stack, 0, FORK.number) };
    reap(status, program)
}

/// Is told who it is, and whether nobody waits for it yet. Moves itself into the control groups that it is given, if it is
/// given any.
fn join(status: i32) -> [u8; 5] {
    let (mut word, mut entrances) = ([0_u8; 5], [-1; MOST_FDS]);
    let (length, count) = receive(status, word.as_mut_ptr(), word.len(), &mut entrances);
    if length as usize != word.len() {
        leave(1);
    }
    for entrance in &entrances[..count] {
        // SAFETY: the letter outlives the call. Whether it has moved is looked at from outside.
        unsafe {
            call(
                number::WRITE,
                [*entrance as usize, b"0".as_ptr() as usize, 1, 0, 0, 0],
            )
        };
        close(*entrance);
    }
    word
}

/// What the interpreter opens before it is told what it is for is not to have a number that something comes with.
fn keep_numbers(status: i32) {
    let mut kept = 0;
    for number in COMING {
        // SAFETY: plain numbers; only a number that nobody has is taken.
        let is_free = unsafe { call(number::FCNTL, [number, F_GETFD, 0, 0, 0, 0]) } == EBADF;
        if is_free {
            // SAFETY: as above.
            unsafe { call(number::DUP3, [status as usize, number, O_CLOEXEC, 0, 0, 0]) };
            kept |= 1 << number;
        }
    }
    // SAFETY: this process has one thread.
    unsafe { FORK.kept = kept };
}

fn free_numbers() {
    // SAFETY: this process has one thread.
    let kept = unsafe { FORK.kept };
    for number in COMING.filter(|number| kept & 1 << number != 0) {
        close(number as i32);
    }
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
    const PLACES: [(&[u8], u64); 4] = [
        (b"/\0", READ),
        (b"/tmp\0", ALL),
        (b"/dev/shm\0", ALL),
        (b"/dev\0", DEVICE),
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

/// A filter on top of the template's: from here on namespaces are refused without the warden being asked.
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
        Instruction(0x15, 0, 3, number::ARCHITECTURE),
        Instruction(0x20, 0, 0, 0),
        Instruction(0x15, 0, 1, number::UNSHARE as u32),
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

/// The first process' rest of life: it waits for the program's end and tells it.
fn reap(status: i32, program: isize) -> ! {
    // The program's own descriptors are its business: a pipe must end when the program ends it.
    // SAFETY: nothing here uses any other descriptor any more.
    unsafe {
        call(number::CLOSE_RANGE, [0, status as usize - 1, 0, 0, 0, 0]);
        call(
            number::CLOSE_RANGE,
            [status as usize + 1, u32::MAX as usize, 0, 0, 0, 0],
        );
    }
    if program <= 0 {
        leave(1);
    }
    loop {
        let mut ended = 0_i32;
        // SAFETY: `ended` outlives the call.
        let pid = unsafe {
            call(
                number::WAIT4,
                [usize::MAX, &raw mut ended as usize, 0, 0, 0, 0],
            )
        };
        if pid == program {
            send(status, &ended.to_le_bytes());
            leave(0);
        }
        if pid < 0 && pid != EINTR {
            leave(1);
        }
    }
}

/// The program's beginning: what is the first one's is not for it, its memory is its own to open, and the kernel is told
/// what the C library tells it in a new process.
fn begin() {
    const AREA: usize = 32;
    #[cfg(target_arch = "x86_64")]
    const SIGNATURE: usize = 0x5305_3053;
    #[cfg(target_arch = "aarch64")]
    const SIGNATURE: usize = 0xD428_BC00;
    // SAFETY: this process has one thread; what the calls are told of is the C library's own.
    unsafe {
        call(number::PRCTL, [PR_SET_DUMPABLE, 1, 0, 0, 0, 0]);
        let [list, size] = FORK.locks;
        if list != 0 {
            call(number::SET_ROBUST_LIST, [list, size, 0, 0, 0, 0]);
        }
        let sequences = fulmar_sequences();
        if sequences != 0 {
            call(number::RSEQ, [sequences, AREA, 0, SIGNATURE, 0, 0]);
        }
    }
}

/// Has the kernel keep memory of this process' own in large pages, where it can: a fork copies an entry for each, and an
/// interpreter has thousands of small ones. A child's copies are small all the same.
pub fn gather() {
    const MADV_COLLAPSE: usize = 25;
    const LARGE: usize = 2 << 20;
    for_each_mapping(|from, to, rights| {
        let (from, to) = (from.next_multiple_of(LARGE), to & !(LARGE - 1));
        if from < to && rights == *b"rw-p" {
            // SAFETY: what is in the memory stays the same. Some of it, and older kernels, refuse.
            unsafe { call(number::MADVISE, [from, to - from, MADV_COLLAPSE, 0, 0, 0]) };
        }
    });
}

/// Undoes what a process has said of its memory: that it is not for children.
#[cfg(interpreter = "node")]
pub fn share_all_with_children() {
    const MADV_DOFORK: usize = 11;
    for_each_mapping(|from, to, _| {
        // SAFETY: it only says what becomes of the memory at a fork. Some of the kernel's own refuses.
        unsafe { call(number::MADVISE, [from, to - from, MADV_DOFORK, 0, 0, 0]) };
    });
}

/// Where each piece of this process' memory begins and ends, and what may be done with it.
pub fn for_each_mapping(mut see: impl FnMut(usize, usize, [u8; 4])) {
    let words = [
        AT_FDCWD,
        c"/proc/self/maps".as_ptr() as usize,
        0x8_0000,
        0,
        0,
        0,
    ];
    // SAFETY: the path ends in a zero.
    let maps = unsafe { call(number::OPENAT, words) };
    if maps < 0 {
        return;
    }
    // Each line begins with two numbers and four letters, `from-to rwxp `.
    let (mut numbers, mut rights, mut stage) = ([0_usize; 2], [0_u8; 4], 0);
    let mut some = [0_u8; 4096];
    loop {
        let words = [
            maps as usize,
            some.as_mut_ptr() as usize,
            some.len(),
            0,
            0,
            0,
        ];
        // SAFETY: the buffer outlives the call and has the size that is said.
        let length = unsafe { call(number::READ, words) };
        if length <= 0 {
            break;
        }
        for letter in &some[..length as usize] {
            let digit = match letter {
                b'0'..=b'9' => Some(letter - b'0'),
                b'a'..=b'f' => Some(letter - b'a' + 10),
                _ => None,
            };
            match (stage, digit, letter) {
                (0..2, Some(digit), _) => numbers[stage] = numbers[stage] << 4 | digit as usize,
                (0..2, None, _) => stage += 1,
                (2..6, _, letter) => {
                    rights[stage - 2] = *letter;
                    stage += 1;
                }
                (6, _, b'\n') => {
                    see(numbers[0], numbers[1], rights);
                    (numbers, stage) = ([0; 2], 0);
                }
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
#[unsafe(no_mangle)]
pub extern "C" fn fulmar_pair() -> i32 {
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
