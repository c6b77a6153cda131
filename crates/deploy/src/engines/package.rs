//! The code of functions and layers, as the engine takes it.

use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use functions::NewCode;
use runtimes::Language;

use super::{Engines, Failure};
use crate::custom;
use crate::desired::Code;
use crate::recipe::Recipe;

/// The largest zip file that is read.
const MAX_PACKAGE: u64 = 256 << 20;

impl Engines {
    /// `runtime` tells what the only file is called where the code is a text.
    pub(crate) fn package(&self, code: &Code, runtime: &str) -> Result<NewCode, Failure> {
        match code {
            Code::Directory(dir) => Ok(NewCode::Directory(dir.clone())),
            Code::Made(recipe) => self.made(recipe).map(NewCode::Directory),
            Code::Zip(path) => read_package(path).map(NewCode::Package),
            Code::Inline(text) => {
                let language = runtimes::check(runtime).ok();
                let file = match language {
                    Some(Language::Python) => "index.py",
                    _ => "index.js",
                };
                let beside = custom::beside(language, text);
                let files = std::iter::once((file, text.as_str())).chain(beside);
                Ok(NewCode::Package(zipped(files)))
            }
        }
    }

    /// It is made by whoever deploys, before they do.
    fn made(&self, recipe: &Recipe) -> Result<PathBuf, Failure> {
        let place = recipe.place(&self.packages);
        match place.is_dir() {
            true => Ok(place),
            false => {
                let source = recipe.source.display();
                Err(Failure::invalid(format!(
                    "the code of {source} was not built"
                )))
            }
        }
    }
}

fn read_package(path: &Path) -> Result<Bytes, Failure> {
    let invalid = |text: String| Failure::invalid(format!("{}: {text}", path.display()));
    let length = fs::metadata(path)
        .map_err(|error| invalid(error.to_string()))?
        .len();
    if length > MAX_PACKAGE {
        return Err(invalid(format!("it is longer than {MAX_PACKAGE} bytes")));
    }
    let package = fs::read(path).map_err(|error| invalid(error.to_string()))?;
    Ok(package.into())
}

/// An archive of files. The same texts make the same archive.
pub(crate) fn zipped<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Bytes {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().unix_permissions(0o644);
    let options = options.last_modified_time(zip::DateTime::default());
    for (name, text) in files {
        writer
            .start_file(name, options)
            .and_then(|()| Ok(writer.write_all(text.as_bytes())?))
            .expect("memory takes everything");
    }
    let archive = writer.finish().expect("memory takes everything");
    archive.into_inner().into()
}
