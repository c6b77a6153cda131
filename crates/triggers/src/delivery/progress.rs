//! What is kept of a delivery.

use std::collections::VecDeque;

use base::Timestamp;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::Sequence;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// There is always one at least.
    pub(super) lanes: Vec<LaneProgress>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LaneProgress {
    /// All the lane's records up to this one are dealt with.
    pub(super) done: Sequence,
    /// Batches that were formed, the next one first.
    pub(super) parts: VecDeque<Part>,
    pub(super) window: Option<OpenWindow>,
}

/// The lane's records from the part before, or what is done, up to here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Part {
    pub(super) upto: Sequence,
    /// How often it failed, but for when it was halved because of that.
    pub(super) failures: u32,
    /// How often its records were handed to the function.
    pub(super) invocations: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OpenWindow {
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
    pub(super) state: Option<Bytes>,
    /// Its state is too large to go on with.
    pub(super) ended_early: bool,
    /// How often its last invocation failed.
    pub(super) failures: u32,
}

impl Progress {
    /// Nothing was delivered yet of what comes after `start`.
    pub(crate) fn from(start: Sequence) -> Self {
        let lane = LaneProgress {
            done: start,
            ..LaneProgress::default()
        };
        Self { lanes: vec![lane] }
    }

    /// Nothing of it is before this.
    pub(crate) fn least(&self) -> Sequence {
        let done = self.lanes.iter().map(|lane| lane.done);
        done.min().unwrap_or_default()
    }

    /// Another number of lanes deals the records otherwise, so all go on from where the last of them was; the windows
    /// begin anew.
    pub(super) fn with_lanes(self, count: usize) -> Self {
        if self.lanes.len() == count {
            return self;
        }
        let lane = LaneProgress {
            done: self.least(),
            ..LaneProgress::default()
        };
        Self {
            lanes: vec![lane; count],
        }
    }
}
