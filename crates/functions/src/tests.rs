//! The engine against workers that speak the protocol but are no processes, on a clock that is moved by hand.

mod asynchronous;
mod deploy;
pub(crate) mod fake;
mod joint;
mod keeping;
mod synchronous;
mod versions;
