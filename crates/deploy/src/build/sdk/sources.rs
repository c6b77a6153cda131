//! The files of a function that are looked through for what they import.

use std::fs;
use std::path::{Path, PathBuf};

/// How much is looked at. Who has more has bundled more than sources, and is told by the function that something is missing.
const MOST_FILES: usize = 2_000;
pub(super) const LARGEST_FILE: u64 = 8 << 20;
const MOST_BYTES: u64 = 64 << 20;
const DEEPEST: usize = 16;

/// The code's own files in the language, not those of its packages.
pub(super) fn sources(code: &Path, is_source: fn(&Path) -> bool) -> Vec<PathBuf> {
    let mut sources = Vec::new();
    let mut folders = vec![(code.to_owned(), 0)];
    let mut left = MOST_BYTES;
    while let Some((folder, depth)) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let (name, path) = (entry.file_name(), entry.path());
            let Ok(facts) = entry.metadata() else {
                continue;
            };
            let name = name.to_string_lossy();
            if facts.is_dir() {
                if name != "node_modules" && !name.starts_with('.') && depth < DEEPEST {
                    folders.push((path, depth + 1));
                }
                continue;
            }
            if !is_source(&path) || facts.len() > LARGEST_FILE {
                continue;
            }
            if sources.len() == MOST_FILES || facts.len() > left {
                return sources;
            }
            left -= facts.len();
            sources.push(path);
        }
    }
    sources
}
