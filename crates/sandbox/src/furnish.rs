//! A keeper brings an instance what is bound into it, and then its order.
//!
//! It goes there for a moment, into the instance's mount namespace, because the instance is confined already: nothing that
//! is in it may change its mounts any more.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use crate::channel;
use crate::confine::{Step, check};
use crate::spec::{Furnish, Order};
use crate::{mounts, trees};

/// Fails only if the way back is lost, and with it the keeper.
pub(crate) fn furnish(
    furnish: Furnish,
    instance: &OwnedFd,
    mut fds: impl Iterator<Item = OwnedFd>,
    home: &OwnedFd,
) -> Step<()> {
    let channel = fds.next().ok_or("an order without a channel")?;
    let trees: Vec<OwnedFd> = fds.by_ref().take(furnish.binds.len()).collect();
    let passed: Vec<OwnedFd> = fds.collect();
    let done = enter(instance).and_then(|()| bring(&furnish, &trees));
    enter(home)?;
    // What has its place is held by it; and without a place it ends here.
    drop(trees);
    let order: Step<Order> = done.map(|()| furnish.order);
    let passed: Vec<BorrowedFd<'_>> = passed.iter().map(AsFd::as_fd).collect();
    // The server has seen that it ends, or will.
    let _ = channel::send(channel.as_fd(), &order, &passed);
    Ok(())
}

/// Of a process, or one that is held open.
fn enter(mounts: &OwnedFd) -> Step<()> {
    // SAFETY: `setns` takes no pointers; this process has one thread, as mount namespaces require.
    check("enter the mounts", unsafe {
        libc::setns(mounts.as_raw_fd(), libc::CLONE_NEWNS)
    })
    .map(drop)
}

fn bring(furnish: &Furnish, trees: &[OwnedFd]) -> Step<()> {
    if trees.len() != furnish.binds.len() {
        return Err("what is bound did not come".into());
    }
    for (target, tree) in furnish.binds.iter().zip(trees) {
        trees::place(tree, target)?;
    }
    furnish.tmp.map_or(Ok(()), mounts::resize_tmp)
}
