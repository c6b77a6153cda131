//! What a template's child finds in its own namespaces, put there from outside: mounts, and its end of the network.

use std::net::TcpListener;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::CWD;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, OpenTreeFlags, fsconfig_create,
    fsconfig_set_string, fsmount, fsopen, move_mount, open_tree,
};
use rustix::thread::ThreadNameSpaceType;

use crate::confine::{Step, check, wait_for};
use crate::mounts::{SHM_SIZE, files};
use crate::network;
use crate::spec::{Access, Mount, Network};
use crate::template::ForkOrder;

/// Of the process that goes inside.
const STACK: usize = 128 << 10;

/// Goes into the child's namespaces, and arranges them.
pub(crate) fn furnish(
    child: BorrowedFd<'_>,
    fork: &ForkOrder,
    network: Network,
) -> Step<Option<TcpListener>> {
    // Seen from here, before what is there is out of sight.
    let trees = fork.mounts.iter().map(tree).collect::<Step<Vec<_>>>()?;
    // Only for what this process starts from here on; before it starts anything else it goes to another child.
    let of_processes = ThreadNameSpaceType::PROCESS_ID;
    rustix::thread::move_into_thread_name_spaces(child, of_processes)
        .map_err(failed("go to the child's processes"))?;
    let mut door = None;
    from_inside(|| {
        let mut namespaces = ThreadNameSpaceType::MOUNT;
        if let Network::Isolated { .. } = network {
            namespaces |= ThreadNameSpaceType::NETWORK;
        }
        rustix::thread::move_into_thread_name_spaces(child, namespaces)
            .map_err(failed("go to the child"))?;
        door = arrange(fork, &trees, network)?;
        Ok(())
    })?;
    Ok(door)
}

fn arrange(fork: &ForkOrder, trees: &[OwnedFd], network: Network) -> Step<Option<TcpListener>> {
    let quiet = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV;
    let silent = quiet | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    attach(&file_system("proc", &[], silent)?, Path::new("/proc"))?;
    let options = [
        ("size", fork.tmp.as_bytes().to_string()),
        ("nr_inodes", files(fork.tmp).to_string()),
        ("mode", "1777".to_owned()),
    ];
    attach(&file_system("tmpfs", &options, quiet)?, Path::new("/tmp"))?;
    let options = [("size", SHM_SIZE.to_owned()), ("mode", "1777".to_owned())];
    attach(
        &file_system("tmpfs", &options, silent)?,
        Path::new("/dev/shm"),
    )?;
    for (tree, mount) in trees.iter().zip(&fork.mounts) {
        attach(tree, &mount.target)?;
    }
    match network {
        Network::Isolated { port } => network::open(port).map(Some),
        Network::Host => Ok(None),
    }
}

/// Does something in a process that is born into the child's pid namespace, for as long as it takes: a `/proc` is of the
/// namespace that whoever mounts it is in, and nobody has to find the way back. It has this process's memory and files,
/// and this process waits for it; it is of a user namespace that is not the child's, and its memory is closed.
fn from_inside(mut what: impl FnMut() -> Step<()>) -> Step<()> {
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
    let mut task = Task {
        what: &mut what,
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

fn file_system(
    kind: &'static str,
    options: &[(&str, String)],
    flags: MountAttrFlags,
) -> Step<OwnedFd> {
    let context =
        fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC).map_err(failed("make a file system"))?;
    for (name, value) in options {
        fsconfig_set_string(&context, *name, value.as_str())
            .map_err(failed("configure a file system"))?;
    }
    fsconfig_create(&context).map_err(failed("make a file system"))?;
    fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, flags).map_err(failed("mount a file system"))
}

/// A copy of what is mounted there, attached to nothing.
fn tree(mount: &Mount) -> Step<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_RECURSIVE;
    let tree = open_tree(CWD, &mount.source, flags)
        .map_err(|cause| format!("bind {}: {cause}", mount.source.display()))?;
    let mut set = libc::MOUNT_ATTR_NOSUID;
    if mount.access == Access::ReadOnly {
        set |= libc::MOUNT_ATTR_RDONLY;
    }
    let attributes = libc::mount_attr {
        attr_set: set,
        attr_clr: 0,
        propagation: 0,
        userns_fd: 0,
    };
    // SAFETY: the path is empty and ends in a zero, and the attributes outlive the call with the size that is said.
    let sealed = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH | libc::AT_RECURSIVE,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    if sealed < 0 {
        let cause = std::io::Error::last_os_error();
        return Err(format!("seal {}: {cause}", mount.source.display()));
    }
    Ok(tree)
}

fn attach(mount: &OwnedFd, to: &Path) -> Step<()> {
    move_mount(mount, "", CWD, to, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
        .map_err(|cause| format!("attach {}: {cause}", to.display()))
}

fn failed(what: &'static str) -> impl FnOnce(rustix::io::Errno) -> String {
    move |cause| format!("{what}: {cause}")
}
