//! What the tests of this crate share.

pub(crate) mod mute;
pub(crate) mod plain;
