//! What is kept in memory of what is in the tree. The back ends tell it of each commit before anybody can see that.

use bytes::Bytes;

use crate::backend::Version;
use crate::front::Fronts;
use crate::kept::Kept;
use crate::recent::Recent;

#[derive(Default)]
pub(crate) struct Known {
    pub(crate) fronts: Fronts,
    pub(crate) kept: Kept,
    pub(crate) recent: Recent,
}

impl Known {
    /// Tells what commit `version` writes. To be called before any of it can be seen, and for each commit.
    pub(crate) fn written<'a>(
        &self,
        version: Version,
        writes: impl Iterator<Item = (&'a [u8], &'a Option<Bytes>)> + Clone,
    ) {
        self.kept
            .written(version, writes.clone().map(|(key, _)| key));
        self.recent.written(version, writes);
    }
}
