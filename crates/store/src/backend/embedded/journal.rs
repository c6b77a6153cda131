//! Syncing the tree's journal from beside the tree.
//!
//! The tree syncs its journal under the lock that every write takes, so nothing could be written meanwhile. A file can be
//! synced through any handle, so we have one of our own. Which file to sync follows from two things that the tree does:
//! its journal is the `.jnl` files of its folder, written in the order of their numbers; and it syncs one of them before it
//! begins the next. So what was written before we look is in the newest file or synced.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

pub(super) struct Journal {
    dir: PathBuf,
    newest: Option<(u64, File)>,
}

impl Journal {
    /// Of the tree in this folder.
    pub(super) fn of(tree: &Path) -> Self {
        Self {
            dir: tree.to_owned(),
            newest: None,
        }
    }

    /// Syncs what the tree wrote before.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        let number = newest(&self.dir)?;
        let file = match self.newest.take() {
            Some((known, file)) if known == number => file,
            _ => File::options()
                .write(true)
                .open(self.dir.join(name(number)))?,
        };
        let (_, file) = self.newest.insert((number, file));
        file.sync_data()
    }
}

pub(super) fn newest(dir: &Path) -> io::Result<u64> {
    let mut newest = None;
    for entry in std::fs::read_dir(dir)? {
        newest = newest.max(number(&entry?.file_name().to_string_lossy()));
    }
    newest.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the tree has no journal"))
}

pub(super) fn name(number: u64) -> String {
    format!("{number}.jnl")
}

fn number(name: &str) -> Option<u64> {
    name.strip_suffix(".jnl")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_file_is_the_one_with_the_greatest_number() {
        let dir = std::env::temp_dir().join(format!("journal-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        assert!(Journal::of(&dir).sync().is_err(), "there is none");
        let mut journal = Journal::of(&dir);
        for (name, expected) in [("9.jnl", 9), ("10.jnl", 10), ("lock", 10), ("2.jnl", 10)] {
            std::fs::write(dir.join(name), "").unwrap();
            journal.sync().unwrap();
            let newest = journal.newest.as_ref().map(|(number, _)| *number);
            assert_eq!(newest, Some(expected), "after {name}");
        }
        std::fs::remove_dir_all(dir).unwrap();
    }
}
