//! Folders as they are: packed, looked over for changes, and laid over one another.

use std::fs::{self, File};
use std::io::{self, Cursor};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::UNIX_EPOCH;

use base::ByteSize;
use bytes::Bytes;
use runtimes::is_data_folder;
use tokio::task::spawn_blocking;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::sha256;
use crate::{Error, Result};

/// A folder as a package. The same files make the same package, whenever they were written.
pub async fn pack(path: &Path) -> Result<Bytes> {
    let root = path.to_owned();
    let packed = spawn_blocking(move || {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        pack_folder(&root, &root, &mut writer)?;
        Ok::<_, io::Error>(writer.finish()?.into_inner().into())
    });
    let cause = match packed.await {
        Ok(Ok(package)) => return Ok(package),
        Ok(Err(cause)) => cause.to_string(),
        Err(stopped) => stopped.to_string(),
    };
    Err(Error::Folder {
        path: path.display().to_string(),
        cause,
    })
}

fn pack_folder(
    root: &Path,
    folder: &Path,
    writer: &mut ZipWriter<Cursor<Vec<u8>>>,
) -> io::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let name = path.strip_prefix(root).unwrap_or(&path);
        let metadata = entry.metadata()?;
        if is_data_folder(&path) {
            continue;
        }
        let options = SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Stored)
            .last_modified_time(zip::DateTime::default())
            .unix_permissions(metadata.permissions().mode() & 0o777);
        if metadata.is_dir() {
            writer.add_directory_from_path(name, options)?;
            pack_folder(root, &path, writer)?;
        } else if metadata.is_symlink() {
            writer.add_symlink_from_path(name, fs::read_link(&path)?, options)?;
        } else if metadata.is_file() {
            writer.start_file_from_path(name, options)?;
            io::copy(&mut File::open(&path)?, writer)?;
        }
    }
    Ok(())
}

/// A hash over the names, sizes and times of a folder's files, and the sum of their sizes. Cheap enough to be asked
/// after every change of a file, which hashing `node_modules` is not.
pub(crate) async fn survey(path: &Path) -> Result<([u8; 32], ByteSize)> {
    let folder = |cause: String| Error::Folder {
        path: path.display().to_string(),
        cause,
    };
    let root = path.to_owned();
    let surveyed = spawn_blocking(move || {
        let mut facts = Vec::new();
        let size = survey_folder(&root, &mut facts)?;
        Ok::<_, io::Error>((sha256(&facts), ByteSize::bytes(size)))
    });
    match surveyed.await {
        Ok(surveyed) => surveyed.map_err(|cause| folder(cause.to_string())),
        Err(stopped) => Err(folder(stopped.to_string())),
    }
}

fn survey_folder(folder: &Path, facts: &mut Vec<u8>) -> io::Result<u64> {
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    let mut size = 0;
    for entry in entries {
        // Not followed: a link's own time changes when it is replaced.
        let metadata = match entry.metadata() {
            // Editors make and remove files at any moment.
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => continue,
            metadata => metadata?,
        };
        if metadata.is_dir() && is_data_folder(&entry.path()) {
            continue;
        }
        facts.extend_from_slice(entry.path().as_os_str().as_encoded_bytes());
        facts.push(0);
        if metadata.is_dir() {
            size += survey_folder(&entry.path(), facts)?;
        } else {
            let modified = metadata.modified()?.duration_since(UNIX_EPOCH);
            let modified = modified.map_or(0, |since| since.as_nanos());
            facts.extend_from_slice(&metadata.len().to_be_bytes());
            facts.extend_from_slice(&modified.to_be_bytes());
            size += metadata.len();
        }
    }
    Ok(size)
}

/// Copies what is in `from` into `to`. Where both have something, `from` wins; two folders become one.
pub(super) fn lay_over(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        if is_data_folder(&source) {
            continue;
        }
        let there = fs::symlink_metadata(&target).ok();
        if let Some(there) = there
            && !(kind.is_dir() && there.is_dir())
        {
            match there.is_dir() {
                true => fs::remove_dir_all(&target)?,
                false => fs::remove_file(&target)?,
            }
        }
        if kind.is_dir() {
            lay_over(&source, &target)?;
        } else if kind.is_symlink() {
            symlink(fs::read_link(&source)?, &target)?;
        } else if kind.is_file() {
            fs::copy(&source, &target)?;
        }
    }
    Ok(())
}
