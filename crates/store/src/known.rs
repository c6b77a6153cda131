//! What is kept in memory of what is in the tree. The back ends tell it of each commit before anybody can see that.

use crate::front::Fronts;
use crate::kept::Kept;

#[derive(Default)]
pub(crate) struct Known {
    pub(crate) fronts: Fronts,
    pub(crate) kept: Kept,
}
