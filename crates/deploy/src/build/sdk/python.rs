//! boto3 and what it brings itself, installed by pip.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::bytes::Regex;
use runtimes::Packages;

use super::sources::sources;
use super::{Missing, Tool};
use crate::build::made::failed;
use crate::build::whole::whole;
use crate::build::{Build, pip};
use crate::error::Result;

/// The package that all the others come with.
const PACKAGE: &str = "boto3";
/// What pip was asked for.
const LIST: &str = ".asked.txt";

/// A line that imports one of the modules which the real runtimes have.
static IMPORT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?-u)(?m)^[ \t]*(?:from[ \t]+|import[ \t]+(?:[\w.]+(?:[ \t]+as[ \t]+\w+)?[ \t]*,[ \t]*)*)(boto3|botocore|s3transfer|jmespath|dateutil|urllib3|six)\b",
    )
    .expect("it is one")
});

/// What the host's own interpreter has is not missing: it is found by all code.
pub(super) async fn missing(build: &Build, packages: &Packages) -> Option<Missing> {
    let python = runtimes::python_of(&build.runtime).await.ok()?;
    let mut places = vec![build.folder.clone()];
    places.extend(packages.place(&build.folder, &python));
    places.extend(python.packages.iter().cloned());
    let names = match lacks(&build.folder, &places) {
        true => BTreeSet::from([PACKAGE.to_owned()]),
        false => BTreeSet::new(),
    };
    Some(Missing {
        place: packages.python_modules(&names, &python),
        names,
        tool: Tool::Pip(python.path),
    })
}

/// Whether the code imports anything that is in none of these places.
fn lacks(code: &Path, places: &[PathBuf]) -> bool {
    let is_there = |module: &str| {
        let mut there = places
            .iter()
            .flat_map(|place| [place.join(module), place.join(format!("{module}.py"))]);
        there.any(|path| path.exists())
    };
    sources(code, is_source).iter().any(|file| {
        let text = fs::read(file).unwrap_or_default();
        IMPORT
            .captures_iter(&text)
            .filter_map(|found| found.get(1))
            .any(|module| !is_there(&String::from_utf8_lossy(module.as_bytes())))
    })
}

fn is_source(file: &Path) -> bool {
    file.extension().is_some_and(|ending| ending == "py")
}

pub(super) async fn install(
    python: &Path,
    names: &BTreeSet<String>,
    place: &Path,
    tell: &mut impl FnMut(&str),
) -> Result<()> {
    whole(place, async |draft| {
        let list = draft.join(LIST);
        let written = fs::create_dir_all(draft).and_then(|()| {
            let names: String = names.iter().map(|name| format!("{name}\n")).collect();
            fs::write(&list, names)
        });
        written.map_err(|cause| failed(&list, &cause))?;
        // Where that list is does not matter to anybody.
        let tell = |line: &str| tell(line.split(" (from -r ").next().unwrap_or(line));
        pip::install(python, &list, draft, tell).await
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(source: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("app.py"), source).unwrap();
        dir
    }

    #[test]
    fn what_is_imported_is_found_however_it_is_written() {
        for source in [
            "import boto3\n",
            "import os, json as j, boto3\n",
            "from botocore.exceptions import ClientError",
            "try:\n\timport urllib3\nexcept ImportError: pass\n",
            "def f():\n    from dateutil import parser\n",
            "from six.moves import urllib",
        ] {
            let code = code(source);
            let places = [code.path().to_owned()];
            assert!(lacks(code.path(), &places), "{source}");
        }
        for nothing in [
            "# import boto3\n",
            "import boto3_mock\n",
            "import json\nboto3 = None\n",
            "from .boto3 import x\n",
            "import sixpack\n",
        ] {
            let code = code(nothing);
            assert!(!lacks(code.path(), &[]), "{nothing}");
        }
    }

    #[test]
    fn what_is_in_a_place_where_code_finds_it_is_not_missing() {
        let code = code("import boto3, six\n");
        let place = tempfile::tempdir().unwrap();
        fs::create_dir(place.path().join("boto3")).unwrap();
        let places = [code.path().to_owned(), place.path().to_owned()];
        assert!(lacks(code.path(), &places));
        fs::write(code.path().join("six.py"), "").unwrap();
        assert!(!lacks(code.path(), &places));
    }
}
