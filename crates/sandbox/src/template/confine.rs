//! What only a template's processes do on their way, besides what every instance does.

use rustix::process::Resource;

use super::TemplateOrder;
use crate::confine::{Step, check, die_with_parent, limit};
use crate::keep::map_user;

/// Ties this process' life to the server's, which may have ended before that was done.
pub(super) fn die_with_the_server(order: &TemplateOrder) -> Step<()> {
    die_with_parent()?;
    let parent = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get().unsigned_abs());
    // A server that is the first process of a container has no parent's number to be compared with.
    if parent.is_some_and(|parent| parent != order.server) {
        return Err("the server has ended".into());
    }
    Ok(())
}

/// A user namespace in root's place, for a server that is not root.
pub(super) fn own_user_namespace(order: &TemplateOrder) -> Step<()> {
    let (uid, gid) = (
        rustix::process::geteuid().as_raw(),
        rustix::process::getegid().as_raw(),
    );
    // SAFETY: `unshare` takes no pointers; this process has one thread, as user namespaces require.
    check("unshare the users", unsafe {
        libc::unshare(libc::CLONE_NEWUSER)
    })?;
    map_user(order.make.user.inside(), uid, gid)?;
    if let Some(pids) = order.make.pids {
        // Set before, it would bound all that this user has outside too.
        limit(Resource::Nproc, u64::from(pids))?;
    }
    // Crossing into a new user namespace clears it.
    die_with_the_server(order)
}

/// Joins the control groups. Before the mounts change: afterwards these files are out of sight.
pub(super) fn join(order: &TemplateOrder) -> Step<()> {
    for file in &order.groups {
        std::fs::write(file, "0").map_err(|cause| format!("join {}: {cause}", file.display()))?;
    }
    Ok(())
}

/// Reaps until there is nothing left that could end.
pub(super) fn reap_all() {
    loop {
        // SAFETY: no status is asked for.
        let ended = unsafe { libc::waitpid(-1, std::ptr::null_mut(), 0) };
        if ended < 0 && std::io::Error::last_os_error().kind() != std::io::ErrorKind::Interrupted {
            return;
        }
    }
}

pub(super) fn wait_for(child: i32) {
    loop {
        let mut status = 0;
        // SAFETY: `status` outlives the call.
        let ended = unsafe { libc::waitpid(child, &raw mut status, 0) };
        if ended == child
            || std::io::Error::last_os_error().kind() != std::io::ErrorKind::Interrupted
        {
            return;
        }
    }
}
