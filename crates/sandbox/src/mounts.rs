//! The private root: put together on an empty folder in a keeper's mount namespace and made its root there, once. Each
//! instance gets a copy of that namespace, and adds what is its own.

use std::ffi::CString;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use base::ByteSize;
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind_recursive, mount_change,
    mount_remount, unmount,
};

use crate::spec::{Access, Make, Mount, Place, Root};

type Step<T> = Result<T, String>;

/// What every program sees of the host's system, read-only.
const SYSTEM: &[&str] = &[
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32",
];

/// What of `/etc` is about the system and not about the host's secrets.
const SETTINGS: &[&str] = &[
    "alternatives",
    "ca-certificates",
    "crypto-policies",
    "gai.conf",
    "host.conf",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "nsswitch.conf",
    "pki",
    "protocols",
    "resolv.conf",
    "services",
    "ssl",
];

const DEVICES: &[&str] = &["null", "zero", "full", "random", "urandom"];

const QUIET: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV);

/// Shared memory is memory: it counts against the limit, this only bounds it further.
const SHM: &str = "size=64m,mode=1777";

/// Empty files take memory too: there may be as many as on a disk of this size.
const BYTES_PER_FILE: u64 = 4_096;
const FEWEST_FILES: u64 = 1_024;

/// The host's names of addresses, and those that programs inside have for where they are.
const HOSTS: &str = "/etc/hosts";
const HERE: &str = "\n127.0.0.1 sandbox.localdomain sandbox\n";
/// Longer lists, by which some hosts keep others out, are shown as they are: they would not fit into the root.
const LONGEST_HOSTS: usize = 256 << 10;

/// Where an instance has its own part of the settings.
const OWN: &str = "/etc/.own";
const OWN_SIZE: &str = "size=64k,nr_inodes=16,mode=755";

/// Puts the private root together and enters it. Afterwards nothing of the host's file system is in sight but what was
/// bound; what is an instance's own comes when there is one.
pub(crate) fn prepare(wanted: &Root) -> Step<()> {
    let root = &wanted.stage;
    keep_to_ourselves()?;
    tmpfs(root, QUIET, "size=1m,mode=755")?;
    for folder in SYSTEM {
        system(root, Path::new(folder))?;
    }
    etc(root)?;
    dev(root)?;
    make_folder(&inside(root, Path::new("/proc")))?;
    if wanted.user_namespace {
        // The kernel lets an instance have its own only where one is in sight already. The instance's covers it.
        processes(&inside(root, Path::new("/proc")))?;
    }
    make_folder(&inside(root, Path::new("/tmp")))?;
    // Parents before what is inside them.
    let mut places: Vec<&Place> = wanted.places.iter().collect();
    places.sort_by_key(|place| place.target.components().count());
    for place in places {
        make_place(&inside(root, &place.target), place.is_folder)?;
    }
    for (link, to) in &wanted.links {
        make_link(&inside(root, link), to)?;
    }
    pivot(root)
}

pub(crate) fn keep_to_ourselves() -> Step<()> {
    mount_change(
        "/",
        MountPropagationFlags::PRIVATE | MountPropagationFlags::REC,
    )
    .map_err(failed("keep our mounts to ourselves", Path::new("/")))
}

/// Mounts what each instance has for itself: its processes, its temporary folders, its user's name.
pub(crate) fn own(make: &Make) -> Step<()> {
    fresh(make.tmp)?;
    tmpfs(Path::new(OWN), QUIET | MountFlags::NOEXEC, OWN_SIZE)?;
    let user = make.user.inside();
    let write = |name: &str, text: String| {
        fs::write(Path::new(OWN).join(name), text)
            .map_err(|cause| format!("write /etc/{name}: {cause}"))
    };
    write(
        "passwd",
        format!("root:x:0:0::/:/sbin/nologin\nsandbox:x:{user}:{user}::/tmp:/sbin/nologin\n"),
    )?;
    write("group", format!("root:x:0:\nsandbox:x:{user}:\n"))?;
    mount_remount(OWN, QUIET | MountFlags::NOEXEC | MountFlags::RDONLY, "")
        .map_err(failed("seal", Path::new(OWN)))
}

/// What nobody shares, not even with whom it was copied from.
pub(crate) fn fresh(tmp: ByteSize) -> Step<()> {
    processes(Path::new("/proc"))?;
    tmpfs(Path::new("/tmp"), QUIET, &tmp_options(tmp))?;
    tmpfs(Path::new("/dev/shm"), QUIET | MountFlags::NOEXEC, SHM)
}

/// The order may want another size than was guessed.
pub(crate) fn resize_tmp(size: ByteSize) -> Step<()> {
    let options = CString::new(tmp_options(size)).expect("options have no zero byte");
    mount_remount("/tmp", QUIET, options.as_c_str()).map_err(failed("resize", Path::new("/tmp")))
}

fn tmp_options(size: ByteSize) -> String {
    format!(
        "size={},nr_inodes={},mode=1777",
        size.as_bytes(),
        size.as_bytes() / BYTES_PER_FILE + FEWEST_FILES
    )
}

fn processes(target: &Path) -> Step<()> {
    mount("proc", target, "proc", QUIET | MountFlags::NOEXEC, None).map_err(failed("mount", target))
}

/// Makes `root` the root and lets go of the old one.
fn pivot(root: &Path) -> Step<()> {
    std::env::set_current_dir(root)
        .map_err(|cause| format!("enter {}: {cause}", root.display()))?;
    // With both the same, the old root comes to lie under the new one and can be let go without a folder for it.
    rustix::process::pivot_root(".", ".").map_err(|cause| format!("pivot the root: {cause}"))?;
    unmount(".", UnmountFlags::DETACH)
        .map_err(|cause| format!("let go of the old root: {cause}"))?;
    let flags = MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV;
    mount_remount("/", flags, "").map_err(failed("seal", Path::new("/")))?;
    std::env::set_current_dir("/").map_err(|cause| format!("enter the new root: {cause}"))
}

/// A folder of the system, or the link that stands for it.
fn system(root: &Path, folder: &Path) -> Step<()> {
    match fs::symlink_metadata(folder) {
        Ok(found) if found.is_symlink() => {
            let target = fs::read_link(folder)
                .map_err(|cause| format!("read {}: {cause}", folder.display()))?;
            symlink(target, inside(root, folder))
                .map_err(|cause| format!("link {}: {cause}", folder.display()))
        }
        Ok(found) if found.is_dir() => place(root, &read_only(folder, folder)),
        // Not every host has each of them.
        _ => Ok(()),
    }
}

fn etc(root: &Path) -> Step<()> {
    let etc = Path::new("/etc");
    make_folder(&inside(root, etc))?;
    for name in SETTINGS {
        let source = etc.join(name);
        if source.exists() {
            // Some are links into places that are not in sight: what they lead to is bound.
            let real = source
                .canonicalize()
                .map_err(|cause| format!("find {}: {cause}", source.display()))?;
            place(root, &read_only(&real, &source))?;
        }
    }
    hosts(root)?;
    let own = Path::new(OWN);
    make_folder(&inside(root, own))?;
    for name in ["passwd", "group"] {
        symlink(own.join(name), inside(root, &etc.join(name)))
            .map_err(|cause| format!("link /etc/{name}: {cause}"))?;
    }
    Ok(())
}

fn hosts(root: &Path) -> Step<()> {
    let source = Path::new(HOSTS);
    let mut text = fs::read(source).unwrap_or_default();
    if text.len() > LONGEST_HOSTS {
        return place(root, &read_only(source, source));
    }
    text.extend_from_slice(HERE.as_bytes());
    let target = inside(root, source);
    fs::write(&target, text)
        .and_then(|()| fs::set_permissions(&target, Permissions::from_mode(0o644)))
        .map_err(|cause| format!("write {HOSTS}: {cause}"))
}

fn dev(root: &Path) -> Step<()> {
    let dev = Path::new("/dev");
    make_folder(&inside(root, dev))?;
    for name in DEVICES {
        let device = dev.join(name);
        place(
            root,
            &Mount {
                source: device.clone(),
                target: device,
                access: Access::ReadWrite,
            },
        )?;
    }
    let links = [
        ("fd", "/proc/self/fd"),
        ("stdin", "fd/0"),
        ("stdout", "fd/1"),
        ("stderr", "fd/2"),
    ];
    for (name, target) in links {
        symlink(target, inside(root, &dev.join(name)))
            .map_err(|cause| format!("link /dev/{name}: {cause}"))?;
    }
    make_folder(&inside(root, Path::new("/dev/shm")))
}

fn read_only(source: &Path, target: &Path) -> Mount {
    Mount {
        source: source.to_owned(),
        target: target.to_owned(),
        access: Access::ReadOnly,
    }
}

/// Binds a file or a folder into the new root.
fn place(root: &Path, mount: &Mount) -> Step<()> {
    let target = inside(root, &mount.target);
    make_place(&target, mount.source.is_dir())?;
    mount_bind_recursive(&mount.source, &target).map_err(failed("bind", &mount.source))?;
    if mount.access == Access::ReadOnly {
        seal(&target, &mount.source)?;
    }
    Ok(())
}

fn make_place(target: &Path, is_folder: bool) -> Step<()> {
    if is_folder {
        return make_folder(target);
    }
    if let Some(folder) = target.parent() {
        make_folder(folder)?;
    }
    if !target.exists() {
        fs::write(target, "").map_err(|cause| format!("make {}: {cause}", target.display()))?;
    }
    Ok(())
}

/// What is in its place already goes before it.
fn make_link(link: &Path, to: &Path) -> Step<()> {
    if let Some(folder) = link.parent() {
        make_folder(folder)?;
    }
    match symlink(to, link) {
        Err(cause) if cause.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(format!("link {}: {cause}", link.display()))
        }
        _ => Ok(()),
    }
}

/// Makes a bind read-only. A user namespace must keep the flags that the host gave the file system.
fn seal(target: &Path, shown: &Path) -> Step<()> {
    let stat = rustix::fs::statvfs(target).map_err(failed("look at", shown))?;
    let keep = [
        (rustix::fs::StatVfsMountFlags::NODEV, MountFlags::NODEV),
        (rustix::fs::StatVfsMountFlags::NOEXEC, MountFlags::NOEXEC),
        (rustix::fs::StatVfsMountFlags::NOATIME, MountFlags::NOATIME),
        (
            rustix::fs::StatVfsMountFlags::NODIRATIME,
            MountFlags::NODIRATIME,
        ),
        (
            rustix::fs::StatVfsMountFlags::RELATIME,
            MountFlags::RELATIME,
        ),
    ];
    let kept = keep
        .iter()
        .filter(|(had, _)| stat.f_flag.contains(*had))
        .fold(MountFlags::empty(), |all, (_, flag)| all | *flag);
    mount_remount(
        target,
        kept | MountFlags::BIND | MountFlags::RDONLY | MountFlags::NOSUID,
        "",
    )
    .map_err(failed("seal", shown))
}

fn tmpfs(target: &Path, flags: MountFlags, options: &str) -> Step<()> {
    let options = CString::new(options).expect("options have no zero byte");
    mount("tmpfs", target, "tmpfs", flags, Some(options.as_c_str()))
        .map_err(failed("mount a tmpfs on", target))
}

fn make_folder(folder: &Path) -> Step<()> {
    fs::create_dir_all(folder).map_err(|cause| format!("make {}: {cause}", folder.display()))
}

fn inside(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

fn failed(verb: &'static str, path: &Path) -> impl FnOnce(rustix::io::Errno) -> String {
    let path = path.display().to_string();
    move |cause| format!("{verb} {path}: {cause}")
}
