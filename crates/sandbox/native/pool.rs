//! How many helper threads the interpreter's engine is told of: none.
//!
//! The interpreter starts one at least, which no fork has. The engine gives it work in large collections of garbage, and
//! other work besides; which of its options prevent that differs from version to version, and none prevents all of it.
//! The thread that waits for such work does it itself, but what it gave away stays in a queue, and who waits for the
//! queue, as each thread of a program's own does at its end, would wait for ever. To an engine that knows of no threads
//! this cannot happen: it gives nothing away.

use core::ffi::{c_int, c_void};

use crate::fork::{call, for_each_mapping, number};

unsafe extern "C" {
    /// The interpreter's table of what its engine may ask it; its first words are not functions.
    #[link_name = "_ZTVN4node12NodePlatformE"]
    static ANSWERS: [usize; MOST];
    #[link_name = "_ZN4node12NodePlatform21NumberOfWorkerThreadsEv"]
    fn how_many(platform: *mut c_void) -> c_int;
    fn getpagesize() -> c_int;
}

/// The table has some thirty answers, and the one that is looked for is among the first ten.
const MOST: usize = 64;

const READ: usize = 1;
const WRITE: usize = 2;
const EXECUTE: usize = 4;

unsafe extern "C" fn none(_: *mut c_void) -> c_int {
    0
}

/// From here on the engine is told that there are no helper threads. False where that cannot be.
///
/// # Safety
/// No other thread is asking.
pub unsafe fn has_no_threads() -> bool {
    let first = (&raw const ANSWERS).cast::<usize>().cast_mut();
    let is_it = |slot: &*mut usize| {
        // SAFETY: the table ends no sooner than where the answer is found.
        unsafe { slot.read() == how_many as *const () as usize }
    };
    let mut slots = (0..MOST).map(|at| first.wrapping_add(at));
    let Some(slot) = slots.find(is_it) else {
        return false;
    };
    // SAFETY: it is a word of the table's, for a function of the same kind.
    unsafe { replace(slot, none as *const () as usize) }
}

/// # Safety
/// The slot holds a word which nobody else uses meanwhile.
unsafe fn replace(slot: *mut usize, word: usize) -> bool {
    // SAFETY: it takes nothing.
    let size = unsafe { getpagesize() } as usize;
    let page = slot as usize & !(size - 1);
    let mut allowed = 0;
    for_each_mapping(|from, to, rights| {
        if (from..to).contains(&page) {
            let of = |at: usize, right: usize| if rights[at] == b'-' { 0 } else { right };
            allowed = of(0, READ) | of(1, WRITE) | of(2, EXECUTE);
        }
    });
    // SAFETY: the page is there, has what it had besides, and is what it was afterwards.
    unsafe {
        let allow = |rights| call(number::MPROTECT, [page, size, rights, 0, 0, 0]) == 0;
        if !allow(allowed | WRITE) {
            return false;
        }
        slot.write(word);
        allow(allowed)
    }
}
