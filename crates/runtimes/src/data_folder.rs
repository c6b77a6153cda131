//! The folder in which a server keeps its data. It may be inside the code of functions that the server runs, but it is no
//! part of that code: it changes with every call, and it holds what is everybody's.

use std::io;
use std::path::Path;

/// A file that only such a folder has, so that whoever walks through code knows it under any name.
const MARK: &str = ".fulmar-data";

/// Lets the folder be known from now on.
pub fn mark_data_folder(folder: &Path) -> io::Result<()> {
    match is_data_folder(folder) {
        true => Ok(()),
        false => std::fs::write(folder.join(MARK), ""),
    }
}

pub fn is_data_folder(folder: &Path) -> bool {
    folder.join(MARK).is_file()
}
