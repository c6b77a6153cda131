//! What is to run, and what it may see and use.

use std::os::fd::OwnedFd;
use std::path::PathBuf;

use base::ByteSize;
use serde::{Deserialize, Serialize};

use crate::seccomp::Instruction;

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
    /// The same until [`crate::Child::settle`]: starting may take more than what follows.
    pub starting_cpu_milli: u32,
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
    /// Nothing but the server, at this port of its own loopback.
    Isolated { port: u16 },
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
    /// Set where no control group counts them.
    pub(crate) pids: Option<u32>,
    pub(crate) network: Network,
    /// The numbers that the passed descriptors are to get, in the order in which they come.
    pub(crate) numbers: Vec<i32>,
    /// Files to write one's own pid into, before anything else is given up.
    pub(crate) cgroups: Vec<PathBuf>,
    /// An empty folder on which the private root is put together.
    pub(crate) stage: PathBuf,
    pub(crate) user: User,
    /// Of system calls.
    pub(crate) filter: Vec<Instruction>,
    /// The server, as its children see it.
    pub(crate) server: u32,
    /// Under this number the program hears of forks; set for a template.
    pub(crate) template: Option<i32>,
    /// How many threads a template may have, if it may have any but its first.
    pub(crate) threads: Option<usize>,
    /// Empty folders on which something is mounted later.
    pub(crate) places: Vec<PathBuf>,
}

/// Who the program is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum User {
    /// Started by root, it becomes this one.
    Number(u32),
    /// Started by anybody else, it stays that one, and a user namespace takes root's place.
    Same,
}

/// Whom a program takes itself for where it stays who it was: the one that hosts call `nobody`, who owns nothing.
const NOBODY: u32 = 65_534;

impl User {
    /// The number that is seen inside.
    pub(crate) fn inside(self) -> u32 {
        match self {
            Self::Number(number) => number,
            Self::Same => NOBODY,
        }
    }
}
