use std::fmt;

use serde::{Deserialize, Serialize};

/// Changes whenever a body does: the MD5 of the body, or of its parts' MD5s and then with their number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ETag {
    pub md5: [u8; 16],
    pub parts: Option<u32>,
}

impl ETag {
    pub fn of(md5: [u8; 16]) -> Self {
        Self { md5, parts: None }
    }
}

/// Without the quotes that a header puts around it.
impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.md5))?;
        match self.parts {
            Some(parts) => write!(f, "-{parts}"),
            None => Ok(()),
        }
    }
}
