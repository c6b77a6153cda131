//! Unpacking what somebody else has packed, who may mean harm: nothing gets out of the folder, and no more in than is
//! allowed.

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::io::{self, Cursor, Read, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};

use base::ByteSize;
use zip::ZipArchive;

use crate::PackageError;

/// More entries than any package of allowed size has that is not made to hurt.
const MOST_ENTRIES: usize = 200_000;
/// A symbolic link's target is a path.
const LONGEST_LINK: u64 = 4_096;

pub(super) fn unpack_whole(
    package: &[u8],
    target: &Path,
    limit: ByteSize,
) -> Result<(), PackageError> {
    let mut archive = ZipArchive::new(Cursor::new(package)).map_err(unreadable)?;
    check_archive(&mut archive, package.len() as u64)?;
    fs::create_dir_all(target).map_err(io_error)?;
    let mut budget = limit.as_bytes();
    // Links are made when all files are there, so that no file can be written through one.
    let mut links = BTreeMap::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(unreadable)?;
        let path = inner_path(entry.name_raw())?;
        if path.as_os_str().is_empty() {
            continue;
        }
        let place = target.join(&path);
        if entry.is_dir() {
            fs::create_dir_all(&place).map_err(|cause| clash(&path, cause))?;
        } else if entry.is_symlink() {
            links.insert(path.clone(), link_target(&path, &mut entry)?);
        } else {
            if let Some(parent) = place.parent() {
                fs::create_dir_all(parent).map_err(|cause| clash(&path, cause))?;
            }
            let mode = entry.unix_mode().unwrap_or(0o644);
            let file = File::create(&place).map_err(|cause| clash(&path, cause))?;
            budget -= copy_within(&mut entry, file, budget, limit)?;
            fs::set_permissions(&place, readable(mode)).map_err(io_error)?;
        }
    }
    make_links(target, &links)?;
    sync(target)
}

/// Refuses what only an archive that was made to hurt has: no entries to speak of or far too many, or entries that
/// share their bytes, which is how small archives unpack to gigabytes beyond what compression can do.
fn check_archive(
    archive: &mut ZipArchive<Cursor<&[u8]>>,
    package: u64,
) -> Result<(), PackageError> {
    if archive.is_empty() {
        return Err(PackageError::Empty);
    }
    if archive.len() > MOST_ENTRIES {
        return Err(PackageError::Unsafe(format!("{} entries", archive.len())));
    }
    let mut compressed = 0_u64;
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(unreadable)?;
        compressed = compressed.saturating_add(entry.compressed_size());
    }
    if compressed > package {
        return Err(PackageError::Unsafe(
            "its entries say more than the archive holds".into(),
        ));
    }
    Ok(())
}

/// The entry's place inside the package; refuses names that lead out of it.
fn inner_path(name: &[u8]) -> Result<PathBuf, PackageError> {
    let refused = || PackageError::Unsafe(String::from_utf8_lossy(name).into_owned());
    let name = std::str::from_utf8(name).map_err(|_| refused())?;
    if name.contains('\0') {
        return Err(refused());
    }
    let mut path = PathBuf::new();
    for component in Path::new(name).components() {
        match component {
            Component::Normal(part) => path.push(part),
            Component::CurDir => {}
            Component::RootDir | Component::ParentDir | Component::Prefix(_) => {
                return Err(refused());
            }
        }
    }
    Ok(path)
}

/// Where a link leads, which must be inside the package: up only at its beginning, so that no other link on its way
/// can make a step up lead further than it looks.
fn link_target(path: &Path, entry: &mut impl Read) -> Result<PathBuf, PackageError> {
    let refused = || PackageError::Unsafe(path.display().to_string());
    let mut target = String::new();
    entry
        .take(LONGEST_LINK)
        .read_to_string(&mut target)
        .map_err(|_| refused())?;
    let mut above = path.components().count() - 1;
    let mut downwards = false;
    for component in Path::new(&target).components() {
        match component {
            Component::Normal(_) => downwards = true,
            Component::CurDir => {}
            Component::ParentDir if !downwards => {
                above = above.checked_sub(1).ok_or_else(refused)?;
            }
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                return Err(refused());
            }
        }
    }
    if target.is_empty() || target.contains('\0') {
        return Err(refused());
    }
    Ok(target.into())
}

/// Makes the links, none of them below another: there it would be somewhere else than it looks.
fn make_links(target: &Path, links: &BTreeMap<PathBuf, PathBuf>) -> Result<(), PackageError> {
    for (path, leads_to) in links {
        if path
            .ancestors()
            .skip(1)
            .any(|above| links.contains_key(above))
        {
            return Err(PackageError::Unsafe(path.display().to_string()));
        }
        let place = target.join(path);
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent).map_err(|cause| clash(path, cause))?;
        }
        symlink(leads_to, place).map_err(|cause| clash(path, cause))?;
    }
    Ok(())
}

/// Copies an entry, counting what really comes: what an archive says about its sizes is only what it says.
fn copy_within(
    entry: &mut impl Read,
    mut file: File,
    budget: u64,
    limit: ByteSize,
) -> Result<u64, PackageError> {
    let copied = io::copy(&mut entry.take(budget + 1), &mut file).map_err(unreadable)?;
    if copied > budget {
        return Err(PackageError::TooLarge(limit.as_bytes()));
    }
    file.flush().map_err(io_error)?;
    Ok(copied)
}

/// Readable for whoever runs it, executable if it was, and nothing else of what the archive says.
fn readable(mode: u32) -> Permissions {
    Permissions::from_mode(if mode & 0o111 == 0 { 0o644 } else { 0o755 })
}

/// After this a crash cannot leave files under the final name without their content.
pub(super) fn sync(target: &Path) -> Result<(), PackageError> {
    let folder = File::open(target).map_err(io_error)?;
    rustix::fs::syncfs(folder).map_err(|cause| io_error(cause.into()))
}

fn unreadable(cause: impl std::fmt::Display) -> PackageError {
    PackageError::Unreadable(cause.to_string())
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
pub(super) fn io_error(cause: io::Error) -> PackageError {
    PackageError::Io(cause.to_string())
}

/// The file system refused an entry's name: too long, or a file where another entry needs a folder.
fn clash(path: &Path, cause: io::Error) -> PackageError {
    match cause.kind() {
        io::ErrorKind::StorageFull
        | io::ErrorKind::PermissionDenied
        | io::ErrorKind::QuotaExceeded
        | io::ErrorKind::ReadOnlyFilesystem => io_error(cause),
        _ => PackageError::Unsafe(path.display().to_string()),
    }
}
