//! The template language Velocity, as its version 1.7 has it: text with references (`$order.items[0]`, `${name}`), and
//! statements (`#set`, `#if`, `#foreach`).
//!
//! What a template can refer to is handed in: values, and [`Object`]s, whose methods whoever hands them in writes. What
//! strings, lists and maps can do is here, in the words of the language that Velocity is made in. Statements that reach
//! outside of a template (`#parse`, `#include`, `#evaluate`) and macros are refused when it is read.
//!
//! A reference to nothing is nothing in the output. Must never know: where a template comes from, or what it is for.

mod error;
mod expression;
mod methods;
mod parse;
mod print;
mod reader;
mod render;
mod value;

#[cfg(test)]
mod tests;

pub use error::{Error, Misread};
pub use value::{Object, Value};

use std::collections::BTreeMap;

/// A template that has been read.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    pieces: Vec<parse::Piece>,
}

impl Template {
    pub fn read(text: &str) -> Result<Self, Misread> {
        parse::template(text).map(|pieces| Self { pieces })
    }

    /// What it becomes with these to refer to.
    pub fn render(&self, names: BTreeMap<String, Value>) -> Result<String, Error> {
        render::run(&self.pieces, names)
    }
}
