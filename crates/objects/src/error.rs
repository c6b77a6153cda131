use base::{ErrorKind, Space, Timestamp};

use crate::checksum::Algorithm;
use crate::version::VersionId;

pub type Result<T> = std::result::Result<T, Error>;

#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no bucket {0}")]
    NoSuchBucket(String),
    /// Bucket names are taken once and for all spaces; `space` is where this one is.
    #[error("the bucket {bucket} exists in {space}")]
    BucketExists { bucket: String, space: Space },
    /// `versioned` if it is not enough to delete what is seen.
    #[error("the bucket {bucket} is not empty")]
    BucketNotEmpty { bucket: String, versioned: bool },
    #[error("there is no object {key} in bucket {bucket}")]
    NoSuchKey { bucket: String, key: String },
    /// The key's newest version is this marker.
    #[error("{key} was deleted")]
    Deleted { key: String, marker: VersionId },
    #[error("there is no such version of {key}")]
    NoSuchVersion { key: String, version: VersionId },
    /// The version that was asked for only says that the key was deleted.
    #[error("a version of {key} is no object but says that it was deleted")]
    IsMarker {
        key: String,
        version: VersionId,
        at: Timestamp,
    },
    /// The object as it is does not meet the named condition.
    #[error("the condition {0} does not hold")]
    ConditionFailed(&'static str),
    #[error("there is no upload {0}")]
    NoSuchUpload(String),
    /// A part that the completion names was never uploaded, or has another tag or checksum.
    #[error("part {number} of {upload} is not there, or not the one that was named")]
    InvalidPart {
        upload: String,
        number: u32,
        /// As the completion has it.
        etag: String,
    },
    #[error("the parts of {0} are not in ascending order")]
    InvalidPartOrder(String),
    /// The object's checksum is to be made of the parts' ones, and the completion must say them.
    #[error("the completion does not say the {algorithm:?} checksum of part {number}")]
    MissingPartChecksum { algorithm: Algorithm, number: u32 },
    /// The completion takes the object's checksum to be made in another way than the upload was begun for.
    #[error("the upload was begun for another kind of checksum")]
    OtherCoverage { composite: bool },
    /// A part other than the last is smaller than the least size that the completion asks for.
    #[error("part {number} has {size} bytes, and {least} are the least")]
    PartTooSmall {
        number: u32,
        etag: String,
        size: u64,
        least: u64,
    },
    /// The finished object is not of the size that the completion asks for.
    #[error("the object has {actual} bytes and {expected} were announced")]
    WrongSize { expected: u64, actual: u64 },
    #[error("the {0:?} checksum of what was received is another")]
    ChecksumMismatch(Algorithm),
    /// A checksum over the whole object can't be made from the parts' ones with this algorithm.
    #[error("{0:?} checksums of parts do not combine")]
    DoesNotCombine(Algorithm),
    /// The process is ending.
    #[error("the server is stopping")]
    Stopped,
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Error {
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NoSuchBucket(_)
            | Self::NoSuchKey { .. }
            | Self::Deleted { .. }
            | Self::NoSuchVersion { .. }
            | Self::NoSuchUpload(_) => ErrorKind::Missing,
            Self::BucketExists { .. } | Self::BucketNotEmpty { .. } | Self::ConditionFailed(_) => {
                ErrorKind::Conflict
            }
            Self::InvalidPart { .. }
            | Self::InvalidPartOrder(_)
            | Self::MissingPartChecksum { .. }
            | Self::OtherCoverage { .. }
            | Self::PartTooSmall { .. }
            | Self::WrongSize { .. }
            | Self::ChecksumMismatch(_)
            | Self::IsMarker { .. }
            | Self::DoesNotCombine(_) => ErrorKind::Invalid,
            Self::Stopped => ErrorKind::Unavailable,
            Self::Store(error) => error.kind(),
        }
    }
}
