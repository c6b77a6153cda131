//! Rules: which of a bus' events go where, and in which form.
//!
//! The buses' log is followed by one worker, which has the rules of all buses in memory, filed by what their patterns
//! look for (`wiring`). For each event it finds the rules that want it, says what each of their targets gets (`input`),
//! and sends that in the transaction that moves its cursor (`follow`, `send`). The log also says when a rule was changed: what
//! was put before that was sent, an event that is put afterwards meets the rule as it is then.

mod address;
mod connection;
mod follow;
mod input;
mod path;
mod rule;
mod send;
mod target;
mod wiring;

pub(crate) use address::{Turn, Turns};
pub use follow::BusFollower;
pub use input::BadInput;
pub use rule::{NewRule, Page};
pub use target::NotPut;
