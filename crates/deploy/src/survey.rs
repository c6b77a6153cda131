//! What a folder looks like, by which it is seen that something in it has changed.

use std::path::Path;
use std::time::UNIX_EPOCH;
use std::{fs, io};

/// Names, sizes and times of all that is in a folder.
pub(crate) fn survey(folder: &Path, facts: &mut Vec<u8>) -> io::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let metadata = entry.metadata()?;
        if metadata.is_dir() && runtimes::is_data_folder(&entry.path()) {
            continue;
        }
        let modified = metadata.modified()?.duration_since(UNIX_EPOCH);
        let modified = modified.map_or(0, |since| since.as_nanos());
        facts.extend_from_slice(entry.path().as_os_str().as_encoded_bytes());
        facts.push(0);
        if metadata.is_dir() {
            survey(&entry.path(), facts)?;
        } else {
            facts.extend_from_slice(&metadata.len().to_be_bytes());
            facts.extend_from_slice(&modified.to_be_bytes());
        }
    }
    Ok(())
}
