//! What an application of the CDK is written in, by which it is seen that it must run again.

use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;
use std::{fs, io};

use super::assembly::Assembly;

/// Longer files are told apart by their times.
const MOST_BYTES: u64 = 1 << 20;

/// The folders that hold sources: not what is hidden, installed, or written by the application itself.
pub(super) fn folders(folder: &Path, output: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_owned()];
    let mut at = 0;
    while let Some(folder) = found.get(at).cloned() {
        at += 1;
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        let paths = folders.map(|entry| entry.path());
        found.extend(paths.filter(|path| path != output && is_source(path)));
    }
    found
}

fn is_source(folder: &Path) -> bool {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let is_installed =
        matches!(&*name, "node_modules" | "__pycache__") || folder.join("pyvenv.cfg").exists();
    !name.starts_with('.')
        && !is_installed
        && !runtimes::is_data_folder(folder)
        && Assembly::in_folder(folder).is_none()
}

/// What is in those folders. Compilers write the same again, with another time: that is no change.
pub(super) fn content(folders: &[PathBuf]) -> io::Result<Vec<u8>> {
    let mut facts = Vec::new();
    for folder in folders {
        let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            // Editors leave such, and whoever keeps what we print.
            let is_scratch = name.starts_with('.') || name.ends_with('~') || name.ends_with(".log");
            // What has gone meanwhile is told by the next change.
            let Some(metadata) = entry.metadata().ok().filter(fs::Metadata::is_file) else {
                continue;
            };
            if is_scratch {
                continue;
            }
            facts.extend_from_slice(entry.path().as_os_str().as_encoded_bytes());
            facts.push(0);
            match metadata.len() > MOST_BYTES {
                true => {
                    let modified = metadata.modified()?.duration_since(UNIX_EPOCH);
                    let modified = modified.map_or(0, |since| since.as_nanos());
                    facts.extend_from_slice(&modified.to_be_bytes());
                }
                false => facts.extend(fs::read(entry.path()).unwrap_or_default()),
            }
            facts.push(0);
        }
    }
    Ok(facts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_or_installed_is_no_source() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        for file in [
            "app.py",
            "lambda/index.js",
            "node_modules/a/index.js",
            "env/pyvenv.cfg",
            "out/x.json",
            ".git/HEAD",
        ] {
            let file = folder.join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "1").unwrap();
        }
        let found = folders(folder, &folder.join("out"));
        assert_eq!(found, [folder.to_owned(), folder.join("lambda")]);
        let before = content(&found).unwrap();
        // As compilers do.
        fs::write(folder.join("app.py"), "1").unwrap();
        fs::write(folder.join("app.py~"), "1").unwrap();
        fs::write(folder.join("up.log"), "1").unwrap();
        assert_eq!(content(&found).unwrap(), before);
        fs::write(folder.join("lambda/index.js"), "2").unwrap();
        assert_ne!(content(&found).unwrap(), before);
    }
}
