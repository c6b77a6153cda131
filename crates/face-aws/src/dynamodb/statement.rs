//! PartiQL: statements that read and write items.
//!
//! `parse.rs` turns a statement into the engine's conditions and updates; here they are carried out. What a statement
//! says of keys is found in its condition: an equality on each key attribute names an item, one on the partition key a
//! partition to query, and anything else is a scan with a filter, as in the real service.

mod parse;
mod read;
mod run;

pub(super) use run::{batch, execute, transaction};
