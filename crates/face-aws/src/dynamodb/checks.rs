//! How an operation tells what is wrong with its parameters.
//!
//! The real service has two ways to check a request, and moves operations from the older to the newer one, one by one
//! and region by region. What is said here is what us-east-1 said in October 2026.

use super::attribute::Wrong;
use crate::protocol::Fault;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Checks {
    /// Of batches of writes, transactions and statements.
    Older,
    /// Of reads.
    Newer,
    /// Of writes of one item: as of reads, and what is found is counted.
    Counted,
}

impl Checks {
    /// What is wrong with an attribute's value.
    pub(super) fn wrong(self, wrong: &Wrong) -> Fault {
        Fault::validation(wrong.told(self))
    }

    /// What is wrong with the value of a placeholder.
    pub(super) fn wrong_placeholder(self, parameter: &str, key: &str, wrong: &Wrong) -> Fault {
        match self {
            Self::Older => Fault::validation(format!(
                "{parameter} contains invalid value: {} for key {key}",
                wrong.told(self)
            )),
            Self::Newer | Self::Counted => self.wrong(wrong),
        }
    }

    /// What was found in a request before its table was looked at.
    pub(super) fn found(self, fault: Fault) -> Fault {
        match self {
            Self::Older | Self::Newer => fault,
            Self::Counted => fault.counted(),
        }
    }
}
