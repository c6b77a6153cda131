//! What memory a child will need.
//!
//! A child has its template's memory, and each page that it writes to becomes its own by a fault; programs and libraries it
//! finds by faults, too. It has five hundred of them to its first answer, most of an interpreter's own part of a start.
//! So a template makes one child that is never used, the *rehearsal*: it goes an instance's whole way, looks at which
//! pages have become its own, and ends. Every later child is given these pages by its first process, as long as nobody
//! waits for it. A list that is wrong costs memory, and nothing else.

use crate::fork::{
    AT_FDCWD, EINTR, O_CLOEXEC, call, close, for_each_mapping, fork, gather, leave, number,
};

const PAGE: usize = 4096;
const SIGKILL: usize = 9;
/// For how long a rehearsal may say nothing.
const PATIENCE_SECONDS: i64 = 5;

const MADV_POPULATE_READ: usize = 22;
const MADV_POPULATE_WRITE: usize = 23;

/// `Documentation/admin-guide/mm/pagemap.rst`.
const PRESENT: u64 = 1 << 63;
const OF_A_FILE: u64 = 1 << 61;
const EXCLUSIVE: u64 = 1 << 56;

/// Pieces of memory, each as its first page's address, whether it is written to, and how many pages it has.
const MOST: usize = 2048;
const WRITTEN: usize = 1 << 11;
const LONGEST: usize = WRITTEN - 1;
/// So many are given between two looks.
const AT_ONCE: usize = 8;

unsafe extern "C" {
    fn getpagesize() -> i32;
}

static mut PIECES: [usize; MOST] = [0; MOST];
static mut TELL: i32 = -1;

/// Forks the rehearsal. Returns there with zero, and in the template, when it is over, with another number.
///
/// # Safety
/// The process has one thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fulmar_rehearse() -> i32 {
    gather();
    let mut ends = [-1_i32; 2];
    // SAFETY: the numbers outlive the call.
    let made = unsafe {
        call(
            number::PIPE2,
            [ends.as_mut_ptr() as usize, O_CLOEXEC, 0, 0, 0, 0],
        )
    };
    if made < 0 {
        return -1;
    }
    // SAFETY: this process has one thread.
    match unsafe { fork() } {
        0 => {
            close(ends[0]);
            // SAFETY: as above.
            unsafe { TELL = ends[1] };
            0
        }
        child => {
            close(ends[1]);
            hear(ends[0]);
            close(ends[0]);
            end(child);
            1
        }
    }
}

/// In the rehearsal, when it has done what an instance does: tells which pages it has, and ends.
///
/// # Safety
/// The process has one thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fulmar_learn() -> ! {
    // SAFETY: the path ends in a zero.
    let map = unsafe {
        let path = c"/proc/self/pagemap".as_ptr() as usize;
        call(number::OPENAT, [AT_FDCWD, path, O_CLOEXEC, 0, 0, 0])
    };
    // SAFETY: it takes nothing.
    if map >= 0 && unsafe { getpagesize() } as usize == PAGE {
        for_each_mapping(|from, to, rights| match &rights {
            b"rw-p" | b"r-xp" | b"r--p" => look_through(map as usize, from, to),
            _ => {}
        });
    }
    leave(0)
}

/// Gives a child the pages that it will need, until there is something to read: then it takes them as it goes. Kernels
/// that do not know how, and memory that is not there, refuse.
pub fn lay_out(until: i32) {
    // SAFETY: nobody changes the list any more, and what is in the memory stays the same.
    unsafe {
        let pieces = core::slice::from_raw_parts((&raw const PIECES).cast::<usize>(), MOST);
        for (at, piece) in pieces.iter().take_while(|piece| **piece != 0).enumerate() {
            if at % AT_ONCE == 0 && has_something(until, 0) {
                break;
            }
            let advice = match piece & WRITTEN {
                0 => MADV_POPULATE_READ,
                _ => MADV_POPULATE_WRITE,
            };
            let length = (piece & LONGEST) * PAGE;
            call(
                number::MADVISE,
                [piece & !(PAGE - 1), length, advice, 0, 0, 0],
            );
        }
    }
}

fn look_through(map: usize, from: usize, to: usize) {
    let mut some = [0_u64; 512];
    let mut page = from / PAGE;
    let mut piece = Piece::default();
    let mut around = 0;
    while page < to / PAGE {
        let wanted = some.len().min(to / PAGE - page);
        let words = [map, some.as_mut_ptr() as usize, wanted * 8, page * 8, 0, 0];
        // SAFETY: the buffer outlives the call and has the size that is said.
        let length = unsafe { call(number::PREAD64, words) };
        if length < 8 {
            break;
        }
        for entry in &some[..length as usize / 8] {
            let kind = match entry & (PRESENT | OF_A_FILE | EXCLUSIVE) {
                // What is exclusive of a file is still the file's.
                kind if kind & PRESENT == 0 => None,
                kind if kind & OF_A_FILE != 0 => {
                    let is_new = page / AROUND + 1 > around;
                    around = page / AROUND + 1;
                    is_new.then_some(0)
                }
                kind if kind & EXCLUSIVE != 0 => Some(WRITTEN),
                _ => None,
            };
            piece.add(page, kind);
            page += 1;
        }
    }
    piece.tell();
}

/// The kernel gives a file's pages by so many, if it has them: one of each is asked for.
const AROUND: usize = 16;

#[derive(Default)]
struct Piece {
    first: usize,
    pages: usize,
    kind: usize,
}

impl Piece {
    fn add(&mut self, page: usize, kind: Option<usize>) {
        let goes_on = kind == Some(self.kind) && self.pages > 0 && self.pages < LONGEST;
        if goes_on {
            self.pages += 1;
            return;
        }
        self.tell();
        if let Some(kind) = kind {
            *self = Self {
                first: page,
                pages: 1,
                kind,
            };
        }
    }

    fn tell(&mut self) {
        if self.pages == 0 {
            return;
        }
        let word = (self.first * PAGE) | self.kind | self.pages;
        self.pages = 0;
        // SAFETY: the word outlives the call; only this thread is here.
        unsafe {
            call(
                number::WRITE,
                [TELL as usize, &raw const word as usize, 8, 0, 0, 0],
            )
        };
    }
}

/// Until it ends, or says nothing for too long.
fn hear(from: i32) {
    let mut have = 0;
    // The last one stays empty: it is the list's end.
    let room = (MOST - 1) * size_of::<usize>();
    loop {
        if !has_something(from, PATIENCE_SECONDS) {
            break;
        }
        // SAFETY: there is so much room left behind what came before; this process has one thread.
        let length = unsafe {
            let into = (&raw mut PIECES).cast::<u8>().add(have);
            call(
                number::READ,
                [from as usize, into as usize, room - have, 0, 0, 0],
            )
        };
        match length {
            EINTR => {}
            length if length <= 0 => break,
            length => have += length as usize,
        }
    }
}

/// Whether there is something to read, or nobody writes any more.
pub fn has_something(from: i32, seconds: i64) -> bool {
    #[repr(C)]
    struct Polled(i32, i16, i16);
    const POLLIN: i16 = 1;
    loop {
        let mut polled = Polled(from, POLLIN, 0);
        let patience = [seconds, 0];
        let words = [
            &raw mut polled as usize,
            1,
            patience.as_ptr() as usize,
            0,
            0,
            0,
        ];
        // SAFETY: all of it outlives the call.
        match unsafe { call(number::PPOLL, words) } {
            EINTR => {}
            ready => return ready > 0,
        }
    }
}

fn end(child: i32) {
    // SAFETY: plain numbers. It is not waited for yet, so the number is its own.
    unsafe {
        call(number::KILL, [child as usize, SIGKILL, 0, 0, 0, 0]);
        let words = [child as usize, 0, 0, 0, 0, 0];
        while child > 0 && call(number::WAIT4, words) == EINTR {}
    }
}
