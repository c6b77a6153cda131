use base::{ByteSize, ErrorKind};

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no function {0}")]
    NoSuchFunction(String),
    #[error("function {function} has no version or alias {qualifier}")]
    NoSuchQualifier { function: String, qualifier: String },
    #[error("there is an alias {0} already")]
    AliasExists(String),
    /// These aliases name the version that is to be removed.
    #[error("the version is named by {}", .0.join(", "))]
    VersionInUse(Vec<String>),
    /// The caller's idea of the newest code is out of date.
    #[error("the newest code is not the one that is meant")]
    OtherCode { given: [u8; 32], current: [u8; 32] },
    #[error("there is no layer {name} with a version {version}")]
    NoSuchLayer { name: String, version: u64 },
    /// The code and the layers together.
    #[error("the code has {} bytes with its layers, more than {}", size.as_bytes(), limit.as_bytes())]
    LayersTooLarge { size: ByteSize, limit: ByteSize },
    /// Only what does not change is kept initialised.
    #[error("the newest code cannot be provisioned")]
    ProvisionsNewest,
    /// More instances than the function has reserved.
    #[error("a function cannot provision more than the {0} that it has reserved")]
    ProvisionsMoreThanReserved(u32),
    #[error("provisioning this much leaves less than {least} unreserved")]
    ProvisionsTooMuch { least: u32 },
    /// The alias' version is provisioned itself.
    #[error("the version that the alias names is provisioned itself")]
    VersionProvisioned,
    /// An alias for the version is provisioned.
    #[error("an alias for the version is provisioned")]
    AliasProvisioned,
    #[error("nothing is provisioned")]
    NotProvisioned,
    /// Less than the function has provisioned.
    #[error("a function cannot reserve less than the {provisioned} that it has provisioned")]
    ReservesLessThanProvisioned { reserved: u32, provisioned: u32 },
    #[error("there is a function {0} already")]
    Exists(String),
    /// The caller's idea of the function is out of date.
    #[error("function {0} has changed meanwhile")]
    RevisionMismatch(String),
    #[error(transparent)]
    Package(#[from] PackageError),
    #[error("the function's folder {path} does not read: {cause}")]
    Folder { path: String, cause: String },
    #[error("{0}")]
    Throttled(Throttle),
    /// The chain of calls that this one belongs to has come by the function too often.
    #[error("the chain of calls goes round and round")]
    Looping,
    /// Reserving this much would leave less than `least` for the functions that reserve nothing.
    #[error("reserving this much leaves less than {least} unreserved")]
    ReservesTooMuch { least: u32 },
    #[error("there is a permission {0} already")]
    PermissionExists(String),
    #[error("there is no permission {0}")]
    NoSuchPermission(String),
    /// No process could be made for it.
    #[error("no instance could be started: {0}")]
    Launch(String),
    /// The server is shutting down.
    #[error("the server is stopping")]
    Stopping,
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// Which limit was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Throttle {
    #[error("the function already runs as often as it has reserved")]
    Reserved,
    #[error("the account's functions already run as often as they may")]
    Account,
    /// Instances were started too fast.
    #[error("the function already starts instances as fast as it may")]
    Scaling {
        /// It has reserved concurrency.
        reserved: bool,
    },
}

/// Why a package cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    #[error("the package is not a zip archive that can be read: {0}")]
    Unreadable(String),
    #[error("the package is empty")]
    Empty,
    #[error("the package unpacks to more than {0} bytes")]
    TooLarge(u64),
    /// It leads out of the package, or says more than the archive holds.
    #[error("the package holds an entry that is not safe to unpack: {0}")]
    Unsafe(String),
    /// The file system refused.
    #[error("the package could not be unpacked: {0}")]
    Io(String),
}

impl Error {
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NoSuchFunction(_)
            | Self::NoSuchQualifier { .. }
            | Self::NoSuchLayer { .. }
            | Self::NotProvisioned
            | Self::NoSuchPermission(_) => ErrorKind::Missing,
            Self::Exists(_)
            | Self::AliasExists(_)
            | Self::VersionInUse(_)
            | Self::VersionProvisioned
            | Self::AliasProvisioned
            | Self::RevisionMismatch(_)
            | Self::PermissionExists(_) => ErrorKind::Conflict,
            Self::Package(PackageError::Io(_)) => ErrorKind::Unavailable,
            Self::Package(_)
            | Self::Folder { .. }
            | Self::OtherCode { .. }
            | Self::LayersTooLarge { .. }
            | Self::ProvisionsNewest
            | Self::ProvisionsMoreThanReserved(_)
            | Self::ProvisionsTooMuch { .. }
            | Self::ReservesLessThanProvisioned { .. }
            | Self::ReservesTooMuch { .. }
            | Self::Looping => ErrorKind::Invalid,
            Self::Throttled(_) => ErrorKind::Throttled,
            Self::Launch(_) | Self::Stopping => ErrorKind::Unavailable,
            Self::Ledger(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }
}
