//! What an interpreter loads to become a template: a library of our own, in bare system calls, so that it fits every C
//! library. It is compiled by `build.rs` and carried by the binary as bytes.
#![no_std]
#![allow(clippy::all)]

#[cfg(interpreter = "node")]
mod empty;
mod fork;
#[cfg(interpreter = "node")]
mod node;
#[cfg(interpreter = "node")]
mod pool;
mod rehearsal;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    fork::leave(134)
}

/// Code that was compiled for unwinding names it; nothing here unwinds.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}
