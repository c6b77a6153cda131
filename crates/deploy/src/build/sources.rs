//! Copies of sources, for tools that write beside them.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// All but what is no source.
pub(super) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        fs::create_dir_all(to.join(&folder))?;
        for entry in fs::read_dir(from.join(&folder))? {
            let entry = entry?;
            let inner = folder.join(entry.file_name());
            let kind = entry.file_type()?;
            if kind.is_dir() {
                let is_other = matches!(entry.file_name().to_str(), Some(".git" | ".aws-sam"));
                if !is_other && !runtimes::is_data_folder(&entry.path()) {
                    folders.push(inner);
                }
            } else if kind.is_symlink() {
                symlink(fs::read_link(entry.path())?, to.join(inner))?;
            } else {
                fs::copy(entry.path(), to.join(inner))?;
            }
        }
    }
    Ok(())
}
