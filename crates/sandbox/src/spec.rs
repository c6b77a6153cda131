//! What is to run, and what it may see and use.

use std::os::fd::OwnedFd;
use std::path::PathBuf;

use base::ByteSize;
use serde::{Deserialize, Serialize};

use crate::seccomp::Instruction;
use crate::template::TemplateOrder;

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

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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

/// What a fresh copy of our binary is for.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Task {
    /// Comes with the porter's end of its channel, if there is to be one.
    Keep(Root),
    /// Comes with what the program's order comes with.
    Template(Box<TemplateOrder>),
}

/// What a keeper is to have ready: all that is the same for every instance that it makes.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Root {
    /// An empty folder on which it is put together.
    pub(crate) stage: PathBuf,
    /// Where instances get something of their own bound.
    pub(crate) places: Vec<Place>,
    /// Symbolic links, and where they lead inside: there need not be anything.
    pub(crate) links: Vec<(PathBuf, PathBuf)>,
    /// Whether a user namespace takes root's place.
    pub(crate) user_namespace: bool,
    /// Of system calls.
    pub(crate) filter: Vec<Instruction>,
}

/// Where something will be bound: it must be there before the root is sealed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) target: PathBuf,
    pub(crate) is_folder: bool,
    pub(crate) is_writable: bool,
}

/// What a keeper is asked for.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Ask {
    /// An instance, which then waits for its order, unless that is here already. Comes with its end of the channel, with
    /// what it joins its control groups by, and with what the order comes with.
    Make {
        make: Make,
        /// How many descriptors are for the groups.
        groups: usize,
        now: Option<Furnish>,
    },
    /// An order for an instance that waits. Comes with its mount namespace, and with what the order comes with.
    Furnish(Furnish),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Make {
    pub(crate) user: User,
    pub(crate) network: Network,
    /// As the order will probably say.
    pub(crate) tmp: ByteSize,
    /// Set where no control group counts them.
    pub(crate) pids: Option<u32>,
    pub(crate) join: Join,
    /// Whether it waits for its order before it is confined: because what is bound writable must be there for that, or
    /// because the order comes at once and its keeper must still be let in.
    pub(crate) is_late: bool,
}

/// What a keeper does in an instance's mount namespace before it passes the order on. Comes with the server's end of the
/// channel, with what is bound, and with what goes with the order.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Furnish {
    /// Parents before what is inside them.
    pub(crate) binds: Vec<PathBuf>,
    /// If it is not as it was guessed.
    pub(crate) tmp: Option<ByteSize>,
    pub(crate) order: Order,
}

/// How an instance comes into its control groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Join {
    /// It has none.
    None,
    /// It is born there: the descriptor is the group's folder.
    Born,
    /// It writes itself into each of these files.
    Write,
}

/// What a waiting instance becomes. Comes with its output and its errors, and then with what is passed on.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) argv: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) cwd: PathBuf,
    /// What of it is bound writable.
    pub(crate) writable: Vec<PathBuf>,
    pub(crate) files: u32,
    /// The numbers that the passed descriptors are to get, in the order in which they come.
    pub(crate) numbers: Vec<i32>,
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
