//! What is bound into one instance only: opened where the host's files are in sight, sealed there, and handed to the
//! keeper, which can only put it into its place.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rustix::fs::CWD;
use rustix::mount::{MoveMountFlags, OpenTreeFlags};
use serde::{Deserialize, Serialize};

use crate::channel;
use crate::spec::{Access, Mount};

const EMPTY: &CStr = c"";
/// As `linux/mount.h` has them.
const RDONLY: u64 = 0x1;
const NOSUID: u64 = 0x2;
const NODEV: u64 = 0x4;

/// Who opens them.
#[derive(Debug)]
pub(crate) enum Opener {
    /// Root may do it itself.
    Ourselves,
    /// A process that has root's place in a user namespace.
    Porter(Mutex<OwnedFd>),
}

#[derive(Debug, Serialize, Deserialize)]
struct Wanted {
    source: PathBuf,
    access: Access,
}

/// In the mount namespace that this process is in.
pub(crate) fn open_here(mounts: &[Mount]) -> Result<Vec<OwnedFd>, String> {
    let opened = mounts.iter().map(|mount| {
        open(&Wanted {
            source: mount.source.clone(),
            access: mount.access,
        })
    });
    opened
        .collect::<io::Result<_>>()
        .map_err(|cause| cause.to_string())
}

impl Opener {
    pub(crate) fn open(&self, mounts: &[&Mount]) -> io::Result<Vec<OwnedFd>> {
        let wanted = mounts.iter().map(|mount| Wanted {
            source: mount.source.clone(),
            access: mount.access,
        });
        match self {
            Self::Ourselves => wanted.map(|one| open(&one)).collect(),
            Self::Porter(_) if mounts.is_empty() => Ok(Vec::new()),
            Self::Porter(socket) => ask(socket, &wanted.collect::<Vec<_>>()),
        }
    }
}

fn ask(socket: &Mutex<OwnedFd>, wanted: &[Wanted]) -> io::Result<Vec<OwnedFd>> {
    let socket = socket
        .lock()
        .map_err(|_| io::Error::other("it was given up halfway"))?;
    channel::send(socket.as_fd(), &wanted, &[])?;
    let (opened, trees) = channel::receive_next::<Result<(), String>>(socket.as_fd())?;
    opened.map_err(io::Error::other)?;
    Ok(trees)
}

/// Opens what it is asked for, until nobody asks any more.
pub(crate) fn serve(socket: BorrowedFd<'_>) {
    while let Ok((wanted, _)) = channel::receive_next::<Vec<Wanted>>(socket) {
        let opened: io::Result<Vec<OwnedFd>> = wanted.iter().map(open).collect();
        let (answer, trees) = match opened {
            Ok(trees) => (Ok(()), trees),
            Err(cause) => (Err(cause.to_string()), Vec::new()),
        };
        let trees: Vec<_> = trees.iter().map(AsFd::as_fd).collect();
        if channel::send(socket, &answer, &trees).is_err() {
            return;
        }
    }
}

fn open(wanted: &Wanted) -> io::Result<OwnedFd> {
    let failed = |cause: io::Error| {
        io::Error::new(
            cause.kind(),
            format!("open {}: {cause}", wanted.source.display()),
        )
    };
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_RECURSIVE;
    let tree = rustix::mount::open_tree(CWD, &wanted.source, flags)
        .map_err(|cause| failed(cause.into()))?;
    seal(tree.as_fd(), wanted.access).map_err(failed)?;
    Ok(tree)
}

/// Before anybody can see it: nothing in it gives rights or is a device, and the host's later mounts do not appear in it.
fn seal(tree: BorrowedFd<'_>, access: Access) -> io::Result<()> {
    // SAFETY: all zeroes are a valid request that changes nothing.
    let mut request: libc::mount_attr = unsafe { std::mem::zeroed() };
    request.attr_set = NOSUID | NODEV;
    if access == Access::ReadOnly {
        request.attr_set |= RDONLY;
    }
    request.propagation = libc::MS_PRIVATE;
    // SAFETY: the path is a string that ends in a zero, and the kernel reads as much of the request as its size says; both
    // outlive the call.
    let sealed = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            EMPTY.as_ptr(),
            libc::AT_EMPTY_PATH | libc::AT_RECURSIVE,
            &raw const request,
            size_of::<libc::mount_attr>(),
        )
    };
    if sealed == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Puts it into its place, in the mount namespace that this process is in.
pub(crate) fn place(tree: &OwnedFd, target: &Path) -> Result<(), String> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
    rustix::mount::move_mount(tree, EMPTY, CWD, target, flags)
        .map_err(|cause| format!("bind {}: {cause}", target.display()))
}
