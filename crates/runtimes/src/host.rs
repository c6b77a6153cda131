//! What this host has of each language.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::catalog::{Found, Language, NEWEST_PYTHON, OLDEST_PYTHON};
use crate::managed;

const NODE: &str = "node";
const PYTHON: &str = "python3";
const MONO: &str = "mono";
const MONOS_COMPILER: &str = "mcs";
/// Where a distribution keeps the library that programs in C# read JSON with.
const MONOS_LIBRARIES: &str = "/usr/lib/cli";
const JSON_LIBRARY: &str = "Newtonsoft.Json.dll";
/// What Python says about itself: its version, the program behind whatever was called (which may be a version manager's
/// script, or in a virtual environment), and where it looks for installed packages.
const ABOUT_PYTHON: &str = "import os, site, sys
print('%d.%d.%d' % sys.version_info[:3])
print(os.path.realpath(getattr(sys, '_base_executable', None) or sys.executable))
sys.prefix = sys.exec_prefix = sys.base_prefix
print('\\n'.join(site.getsitepackages([sys.base_prefix])))";

/// Asks this host what it has.
pub async fn languages() -> Vec<Found> {
    let (mut found, pythons, monos) = tokio::join!(nodes(), pythons(), monos());
    found.extend(pythons);
    found.extend(monos);
    found
}

/// The host's Nodes: the one that a shell finds, and of other versions what is kept beside it.
pub(crate) async fn nodes() -> Vec<Found> {
    let usual = in_path(NODE).into_iter();
    each(usual.chain(managed::nodes()), node).await
}

/// The host's Mono, if it has one with all that is needed.
pub(crate) async fn monos() -> Vec<Found> {
    let libraries: Vec<PathBuf> = std::fs::read_dir(MONOS_LIBRARIES)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|folder| folder.join(JSON_LIBRARY).is_file())
        .collect();
    let program = in_path(MONO).and_then(|program| program.canonicalize().ok());
    let (Some(path), Some(_), [library, ..]) = (program, in_path(MONOS_COMPILER), &libraries[..])
    else {
        return Vec::new();
    };
    let said = said(&path, &["--version"]).await;
    // "Mono JIT compiler version 6.8.0.105 (Debian …)"
    let version = said.as_deref().and_then(|said| {
        let mut words = said.split_whitespace();
        words
            .find(|word| *word == "version")
            .and_then(|_| words.next())
    });
    let mono = version.map(|version| Found {
        language: Language::CSharp,
        path: path.clone(),
        version: version.to_owned(),
        packages: vec![library.clone()],
    });
    mono.into_iter().collect()
}

/// The host's Pythons; the one that is called just that comes first.
pub(crate) async fn pythons() -> Vec<Found> {
    let others = (OLDEST_PYTHON.1..=NEWEST_PYTHON).map(|minor| format!("python3.{minor}"));
    let names = std::iter::once(PYTHON.to_owned()).chain(others);
    let usual = names.filter_map(|name| in_path(&name));
    each(usual.chain(managed::pythons()), python).await
}

/// Asks all at once. Of several of one version only the first counts.
async fn each<A>(programs: impl Iterator<Item = PathBuf>, ask: impl Fn(PathBuf) -> A) -> Vec<Found>
where
    A: Future<Output = Option<Found>> + Send + 'static,
{
    let asked: Vec<_> = programs.map(|program| tokio::spawn(ask(program))).collect();
    let mut found: Vec<Found> = Vec::new();
    for answer in asked {
        if let Ok(Some(answer)) = answer.await
            && !found.iter().any(|other| other.is_instead_of(&answer))
        {
            found.push(answer);
        }
    }
    found
}

/// The program of this name, as a shell would find it.
fn in_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut programs = std::env::split_paths(&path).map(|folder| folder.join(name));
    programs.find(|program| program.is_file())
}

async fn node(program: PathBuf) -> Option<Found> {
    let path = program.canonicalize().ok()?;
    let text = said(&path, &["--version"]).await?;
    let version = text.trim().trim_start_matches('v');
    (!version.is_empty()).then(|| Found {
        language: Language::Node,
        version: version.to_owned(),
        path,
        packages: Vec::new(),
    })
}

async fn python(program: PathBuf) -> Option<Found> {
    let text = said(&program, &["-I", "-S", "-c", ABOUT_PYTHON]).await?;
    let mut lines = text.lines().map(str::trim);
    Some(Found {
        language: Language::Python,
        version: lines.next()?.to_owned(),
        path: lines.next()?.into(),
        packages: lines
            .map(PathBuf::from)
            .filter(|path| path.is_dir())
            .collect(),
    })
}

async fn said(program: &Path, arguments: &[&str]) -> Option<String> {
    let answer = Command::new(program).args(arguments).output().await.ok()?;
    let text = String::from_utf8(answer.stdout).ok()?;
    answer.status.success().then_some(text)
}
