//! What is to run, and what it may see and use.

use std::os::fd::OwnedFd;
use std::path::PathBuf;

use base::ByteSize;
use serde::{Deserialize, Serialize};

/// A program and its world.
#[derive(Debug)]
pub struct Spec {
    /// The program, as a path inside, and its arguments.
    pub argv: Vec<String>,
    /// All of its environment.
    pub env: Vec<(String, String)>,
    /// Where it starts, as a path inside.
    pub cwd: PathBuf,
    /// What it sees besides the read-only system, `/proc`, a minimal `/dev` and an empty `/tmp`.
    pub mounts: Vec<Mount>,
    /// How much it may write to `/tmp`.
    pub tmp: ByteSize,
    pub limits: Limits,
    pub network: Network,
    /// Open descriptors that it gets, under these numbers. Everything else is closed.
    pub fds: Vec<PassedFd>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Mount {
    /// Outside.
    pub source: PathBuf,
    /// Inside; absolute.
    pub target: PathBuf,
    pub access: Access,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Access {
    ReadOnly,
    ReadWrite,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Limits {
    pub memory: ByteSize,
    /// Thousandths of a processor.
    pub cpu_milli: u32,
    /// Processes and threads together.
    pub pids: u32,
    /// Open files of one process.
    pub files: u32,
}

/// What it reaches over the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Network {
    /// All that the host does.
    Host,
}

#[derive(Debug)]
pub struct PassedFd {
    pub fd: OwnedFd,
    /// Its number inside; at least 3.
    pub number: i32,
}

/// What the child needs of it, as it is handed over.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) argv: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) cwd: PathBuf,
    pub(crate) mounts: Vec<Mount>,
    pub(crate) tmp: ByteSize,
    pub(crate) files: u32,
    pub(crate) network: Network,
    /// The numbers under which passed descriptors arrive, and those that they are to get.
    pub(crate) fds: Vec<(i32, i32)>,
    /// Files to write one's own pid into, before anything else is given up.
    pub(crate) cgroups: Vec<PathBuf>,
    /// An empty folder on which the private root is put together.
    pub(crate) stage: PathBuf,
    /// Starting as root, it becomes this user; otherwise the user namespace takes root's place.
    pub(crate) root: bool,
}
