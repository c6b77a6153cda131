//! Expressions: from their text to the engine's conditions, updates and projections.
//!
//! Each is read by hand, token by token, because what counts is what is said about a wrong one: `reader.rs` has what
//! they have in common, and a file for each kind of expression has its grammar.
//!
//! The real service reads all of an expression before it says what is wrong with it, and then says one thing, by a rank
//! of its own: that a function does not exist before that a name is reserved, wherever the two are. So a reader goes on
//! after a [`Trouble`](reader::Rank), and what ranks first is told at the end. Only what cannot be read at all is told
//! at once.

mod condition;
mod keys;
mod projection;
mod reader;
mod reserved;
mod split;
mod token;
mod update;

#[cfg(test)]
mod tests;

pub(super) use condition::{TYPES, condition, only};
pub(super) use keys::{Conditions, key_condition};
pub(super) use projection::projection;
pub(super) use split::split;
pub(super) use update::update;
