//! What a template's child finds in its own namespaces, put there from outside: mounts, and its end of the network.

use std::net::TcpListener;
use std::os::fd::BorrowedFd;

use rustix::thread::ThreadNameSpaceType;

use base::ByteSize;

use super::ForkOrder;
use super::confine::wait_for;
use crate::confine::{Step, check};
use crate::spec::Network;
use crate::{mounts, network, trees};

/// Of the process that goes inside.
const STACK: usize = 128 << 10;

/// Arranges what every child has of its own. Returns its end of the network, if it has one.
pub(crate) fn furnish(
    child: BorrowedFd<'_>,
    tmp: ByteSize,
    network: Network,
) -> Step<Option<TcpListener>> {
    let namespaces = match network {
        Network::Isolated { .. } => ThreadNameSpaceType::MOUNT | ThreadNameSpaceType::NETWORK,
        Network::Host => ThreadNameSpaceType::MOUNT,
    };
    let mut door = None;
    from_inside(child, namespaces, || {
        mounts::fresh(tmp)?;
        door = match network {
            // What is forked has nobody of its own to listen for.
            Network::Isolated { port } => network::open(port).map(|[door, _]| Some(door))?,
            Network::Host => None,
        };
        Ok(())
    })?;
    Ok(door)
}

/// Brings what this one is to see besides.
pub(crate) fn bring(child: BorrowedFd<'_>, fork: &ForkOrder) -> Step<()> {
    if fork.mounts.is_empty() && fork.tmp.is_none() {
        return Ok(());
    }
    // Seen from here, before what is there is out of sight.
    let trees = trees::open_here(&fork.mounts)?;
    from_inside(child, ThreadNameSpaceType::MOUNT, || {
        if let Some(tmp) = fork.tmp {
            mounts::resize_tmp(tmp)?;
        }
        for (tree, mount) in trees.iter().zip(&fork.mounts) {
            trees::place(tree, &mount.target)?;
        }
        Ok(())
    })
}

/// Does something in a process that is born into the child's pid namespace and goes to its others, for as long as it takes: a `/proc` is of the
/// namespace that whoever mounts it is in, and nobody has to find the way back. It has this process's memory and files,
/// and this process waits for it; it is of a user namespace that is not the child's, and its memory is closed.
fn from_inside(
    child: BorrowedFd<'_>,
    namespaces: ThreadNameSpaceType,
    mut what: impl FnMut() -> Step<()>,
) -> Step<()> {
    struct Task<'a> {
        what: &'a mut dyn FnMut() -> Step<()>,
        done: Step<()>,
    }
    extern "C" fn run(task: *mut libc::c_void) -> libc::c_int {
        // SAFETY: it is the task below, which outlives this process: its parent waits for it.
        let task = unsafe { &mut *task.cast::<Task<'_>>() };
        task.done = (task.what)();
        0
    }
    // Only for what this process starts from here on; before it starts anything else it goes to another child.
    rustix::thread::move_into_thread_name_spaces(child, ThreadNameSpaceType::PROCESS_ID)
        .map_err(failed("go to the child's processes"))?;
    let mut inside = || {
        rustix::thread::move_into_thread_name_spaces(child, namespaces)
            .map_err(failed("go to the child"))?;
        what()
    };
    let mut task = Task {
        what: &mut inside,
        done: Err("nobody went inside".into()),
    };
    let mut stack = vec![0_u128; STACK / size_of::<u128>()];
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_FILES | libc::SIGCHLD;
    // SAFETY: the stack's end is aligned, and it and the task outlive the process, since `CLONE_VFORK` has this one wait
    // until that one has ended. Nothing else runs in this memory meanwhile.
    let pid = unsafe {
        libc::clone(
            run,
            stack.as_mut_ptr_range().end.cast(),
            flags,
            (&raw mut task).cast(),
        )
    };
    check("go inside", pid)?;
    wait_for(pid);
    task.done
}

fn failed(what: &'static str) -> impl FnOnce(rustix::io::Errno) -> String {
    move |cause| format!("{what}: {cause}")
}
