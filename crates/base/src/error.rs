use serde::{Deserialize, Serialize};

/// What a caller should do about a failure; each crate's error says which it is by `kind()`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ErrorKind {
    /// The request itself is wrong; sending it again changes nothing.
    Invalid,
    /// What it names is not there.
    Missing,
    /// It contradicts the state as it is: already exists, changed meanwhile, in use.
    Conflict,
    /// The caller may not.
    Denied,
    /// Too much at once; later it will do.
    Throttled,
    /// Something that is needed is out of reach for now.
    Unavailable,
    /// Our fault.
    Internal,
}
