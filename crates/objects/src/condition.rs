use crate::error::{Error, Result};
use crate::etag::ETag;

/// What must hold of the object as it is, decided inside the transaction that changes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    pub if_match: Option<Tags>,
    pub if_none_match: Option<Tags>,
}

/// Tags without their quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tags {
    /// Whatever there is, so long as there is something.
    Any,
    List(Vec<String>),
}

impl Tags {
    pub fn hold(&self, tag: &ETag) -> bool {
        match self {
            Self::Any => true,
            Self::List(tags) => tags.contains(&tag.to_string()),
        }
    }
}

impl Condition {
    /// `missing` is the answer when a tag must match and there is no object.
    pub(crate) fn check(
        &self,
        current: Option<&ETag>,
        missing: impl FnOnce() -> Error,
    ) -> Result<()> {
        if let Some(tags) = &self.if_match {
            let current = current.ok_or_else(missing)?;
            if !tags.hold(current) {
                return Err(Error::ConditionFailed("If-Match"));
            }
        }
        match (&self.if_none_match, current) {
            (Some(tags), Some(current)) if tags.hold(current) => {
                Err(Error::ConditionFailed("If-None-Match"))
            }
            _ => Ok(()),
        }
    }
}
