//! Which languages there are, and which of them this host has.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::{Error, Result, Runtimes};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    Node,
}

/// A language that this host has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub language: &'static str,
    /// The program itself, links followed.
    pub path: PathBuf,
    /// As it says it, without a letter before.
    pub version: String,
}

/// What a runtime's id stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wanted {
    language: Language,
    major: u32,
}

pub(crate) const NODE: &str = "node";
/// The oldest that the bootstrap runs on.
const OLDEST_NODE: u32 = 18;
/// Other languages' ids, which must be told apart from nonsense.
const NOT_YET: &[&str] = &["python", "java", "dotnet", "ruby", "provided", "go"];

/// Asks this host what it has.
pub async fn languages() -> Vec<Found> {
    let mut found = Vec::new();
    if let Some(path) = in_path(NODE)
        && let Some(version) = version_of(&path).await
    {
        found.push(Found {
            language: NODE,
            path,
            version,
        });
    }
    found
}

/// The program of this name, as a shell would find it, with links followed: inside, the link may not be there.
fn in_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let programs = std::env::split_paths(&path).map(|folder| folder.join(name));
    programs
        .filter_map(|program| program.canonicalize().ok())
        .find(|program| program.is_file())
}

async fn version_of(program: &Path) -> Option<String> {
    let answer = Command::new(program).arg("--version").output().await.ok()?;
    let text = String::from_utf8(answer.stdout).ok()?;
    let version = text.trim().trim_start_matches('v');
    (answer.status.success() && !version.is_empty()).then(|| version.to_owned())
}

impl Found {
    pub(crate) fn major(&self) -> Option<u32> {
        self.version.split('.').next()?.parse().ok()
    }
}

/// Whether the id names a runtime that we run; if not, why not.
pub fn check(id: &str) -> Result<()> {
    wanted(id).map(drop)
}

fn wanted(id: &str) -> Result<Wanted> {
    if let Some(version) = id
        .strip_prefix("nodejs")
        .and_then(|rest| rest.strip_suffix(".x"))
    {
        let major = version.parse().map_err(|_| Error::Unknown(id.to_owned()))?;
        return Ok(Wanted {
            language: Language::Node,
            major,
        });
    }
    if NOT_YET.iter().any(|language| id.starts_with(language)) {
        return Err(Error::NotYet(id.to_owned()));
    }
    Err(Error::Unknown(id.to_owned()))
}

impl Runtimes {
    /// What this host runs `id` on, and what is to be said about it if that is another version.
    pub async fn resolve(&self, id: &str) -> Result<(Found, Option<String>)> {
        let wanted = wanted(id)?;
        let found = self.shared.languages.get_or_init(languages).await;
        let Language::Node = wanted.language;
        let node = found.iter().find(|found| found.language == NODE);
        let node = node.ok_or(Error::NotInstalled(NODE))?;
        if node.major().is_some_and(|major| major < OLDEST_NODE) {
            return Err(Error::NotInstalled("Node 18 or newer"));
        }
        Ok((node.clone(), notice(id, &wanted, node)))
    }
}

fn notice(id: &str, wanted: &Wanted, found: &Found) -> Option<String> {
    (found.major() != Some(wanted.major)).then(|| {
        format!(
            "{id} runs on Node {}, which is what this host has",
            found.version
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_told_apart() {
        assert_eq!(wanted("nodejs22.x").unwrap().major, 22);
        assert!(matches!(wanted("python3.12"), Err(Error::NotYet(_))));
        assert!(matches!(wanted("provided.al2023"), Err(Error::NotYet(_))));
        assert!(matches!(wanted("nodejs.x"), Err(Error::Unknown(_))));
        assert!(matches!(wanted("cobol"), Err(Error::Unknown(_))));
    }

    #[test]
    fn another_version_is_said() {
        let found = Found {
            language: NODE,
            path: "/node".into(),
            version: "20.1.0".into(),
        };
        assert_eq!(
            notice("nodejs20.x", &wanted("nodejs20.x").unwrap(), &found),
            None
        );
        let said = notice("nodejs18.x", &wanted("nodejs18.x").unwrap(), &found).unwrap();
        assert!(
            said.contains("nodejs18.x") && said.contains("20.1.0"),
            "{said}"
        );
    }
}
