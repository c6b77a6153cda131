//! Which languages there are, and which of what the host has runs them.

use std::path::PathBuf;

use crate::host::{monos, nodes, pythons};
use crate::{Error, Result, Runtimes};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    Node,
    Python,
    CSharp,
    /// The package brings its own program, which speaks its vendor's protocol to a host of ours.
    Hosted,
    /// The package brings its own program, which speaks the worker protocol.
    Custom,
}

impl Language {
    /// Whether programs in it reach us by the cloud's own addresses, because their bootstrap sees to it.
    pub fn is_redirected(self) -> bool {
        match self {
            Self::Node | Self::Python => true,
            Self::CSharp | Self::Hosted | Self::Custom => false,
        }
    }
}

/// A language that this host has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub language: Language,
    /// The program itself, links followed.
    pub path: PathBuf,
    /// As it says it, without a letter before.
    pub version: String,
    /// Where the host keeps packages that every program of this language may use.
    pub packages: Vec<PathBuf>,
}

/// What runs a runtime's id here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolved {
    Host(Found),
    /// Nothing of the host's: what is in the package.
    Package,
    /// A program of its own, behind a host of ours; and what the host has of the language that it is in, if that is one.
    Hosted(Option<Found>),
}

/// What a runtime's id stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wanted {
    language: Language,
    version: Version,
}

/// As far as a runtime's id tells versions apart: Node's second number is always 0.
type Version = (u32, u32);

/// What stands for a program that has a host of ours. After a slash may stand the runtime that it needs itself.
const HOSTED: &str = "hosted";
/// What stands for C# on whatever this host has.
const CSHARP: &str = "csharp";
/// The oldest that the bootstraps run on.
pub(crate) const OLDEST_NODE: Version = (18, 0);
pub(crate) const OLDEST_PYTHON: Version = (3, 9);
const OLDEST_MONO: Version = (6, 0);
/// The newest that there are runtimes for.
pub(crate) const NEWEST_PYTHON: u32 = 15;
/// `go1.x` started the program that the handler names; it is built to be called as the others' are.
const CUSTOM: &[&str] = &["provided", "provided.al2", "provided.al2023", "go1.x"];
/// Other languages' ids, which must be told apart from nonsense.
const NOT_YET: &[&str] = &["java", "dotnet", "ruby", "go", "python2"];

impl Found {
    /// Whether this runs whatever that would.
    pub(crate) fn is_instead_of(&self, other: &Self) -> bool {
        self.path == other.path
            || (self.language, self.version()) == (other.language, other.version())
    }

    fn version(&self) -> Option<Version> {
        let mut numbers = self.version.split('.').map(str::parse);
        let first = numbers.next()?.ok()?;
        match self.language {
            Language::Node => Some((first, 0)),
            Language::Python | Language::CSharp | Language::Hosted | Language::Custom => {
                Some((first, numbers.next()?.ok()?))
            }
        }
    }
}

/// Whether the id names a published runtime that we run, and in which language; if not, why not.
pub fn check(id: &str) -> Result<Language> {
    match wanted(id)?.language {
        // Nobody publishes what this is called here.
        Language::CSharp | Language::Hosted => Err(Error::Unknown(id.to_owned())),
        language => Ok(language),
    }
}

fn wanted(id: &str) -> Result<Wanted> {
    let unknown = || Error::Unknown(id.to_owned());
    if let Some(major) = node_major(id) {
        return Ok(Wanted {
            language: Language::Node,
            version: (major, 0),
        });
    }
    if let Some(minor) = id.strip_prefix("python3.") {
        let minor = minor.parse().map_err(|_| unknown())?;
        if minor > NEWEST_PYTHON {
            return Err(unknown());
        }
        return Ok(Wanted {
            language: Language::Python,
            version: (3, minor),
        });
    }
    if id == CSHARP {
        return Ok(Wanted {
            language: Language::CSharp,
            version: (0, 0),
        });
    }
    if runs_hosted(id).is_some() {
        return Ok(Wanted {
            language: Language::Hosted,
            version: (0, 0),
        });
    }
    if CUSTOM.contains(&id) {
        return Ok(Wanted {
            language: Language::Custom,
            version: (0, 0),
        });
    }
    if NOT_YET.iter().any(|language| id.starts_with(language)) {
        return Err(Error::NotYet(id.to_owned()));
    }
    Err(unknown())
}

/// The first number of the version of Node that an id names. The first runtimes named the second one too.
pub fn node_major(id: &str) -> Option<u32> {
    let version = id.strip_prefix("nodejs")?;
    match version {
        "4.3" => Some(4),
        "6.10" => Some(6),
        "8.10" => Some(8),
        _ => version.strip_suffix(".x")?.parse().ok(),
    }
}

/// Of a program behind a host of ours, the runtime that it needs: empty if it needs none that the catalog has.
fn runs_hosted(id: &str) -> Option<&str> {
    match id.strip_prefix(HOSTED)? {
        "" => Some(""),
        rest => rest.strip_prefix('/'),
    }
}

impl Runtimes {
    async fn resolve_hosted(&self, id: &str) -> Result<(Resolved, Option<String>)> {
        let needed = runs_hosted(id).unwrap_or_default();
        if needed.is_empty() || runs_hosted(needed).is_some() {
            return Ok((Resolved::Hosted(None), None));
        }
        let (needed, notice) = Box::pin(self.resolve(needed)).await?;
        let found = match needed {
            Resolved::Host(found) => Some(found),
            Resolved::Package | Resolved::Hosted(_) => None,
        };
        Ok((Resolved::Hosted(found), notice))
    }

    /// What this host runs `id` on, and what is to be said about it if that is another version.
    pub async fn resolve(&self, id: &str) -> Result<(Resolved, Option<String>)> {
        let wanted = wanted(id)?;
        let found = match wanted.language {
            Language::Custom => return Ok((Resolved::Package, None)),
            Language::Hosted => return self.resolve_hosted(id).await,
            Language::Node => self.shared.nodes.get_or_init(nodes).await,
            Language::Python => self.shared.pythons.get_or_init(pythons).await,
            Language::CSharp => self.shared.monos.get_or_init(monos).await,
        };
        let chosen = choose(found, wanted)?;
        let notice = notice(id, wanted, chosen);
        Ok((Resolved::Host(chosen.clone()), notice))
    }

    /// What is to be said about running `id` on another version than it names, if the host has not that one.
    pub async fn instead(&self, id: &str) -> Option<String> {
        let (_, notice) = self.resolve(id).await.ok()?;
        notice
    }

    /// The version of the host's program that runs `id`, if that is what runs it.
    pub async fn runs_on(&self, id: &str) -> Option<String> {
        match self.resolve(id).await {
            Ok((Resolved::Host(found), _)) => Some(found.version),
            Ok((Resolved::Package | Resolved::Hosted(_), _)) | Err(_) => None,
        }
    }
}

/// The Python that a runtime's id runs on, for whoever installs packages for it.
pub async fn python_of(id: &str) -> Result<Found> {
    let wanted = wanted(id)?;
    choose(&pythons().await, wanted).cloned()
}

/// The version itself, or else the nearest newer one, or else the newest.
fn choose(found: &[Found], wanted: Wanted) -> Result<&Found> {
    let (oldest, missing) = match wanted.language {
        Language::Node => (OLDEST_NODE, "Node 18 or newer"),
        Language::CSharp => (
            OLDEST_MONO,
            "Mono 6 with mcs and Newtonsoft.Json (mono-runtime, mono-mcs, libnewtonsoft-json5.0-cil)",
        ),
        Language::Python | Language::Hosted | Language::Custom => {
            (OLDEST_PYTHON, "Python 3.9 or newer")
        }
    };
    let fit = found
        .iter()
        .filter(|found| found.language == wanted.language)
        .filter_map(|found| Some((found.version()?, found)))
        .filter(|(version, _)| *version >= oldest);
    let newer = |version: &Version| *version >= wanted.version;
    let (newer, older): (Vec<_>, Vec<_>) = fit.partition(|(version, _)| newer(version));
    let nearest = newer.into_iter().min_by_key(|(version, _)| *version);
    let chosen = nearest.or_else(|| older.into_iter().max_by_key(|(version, _)| *version));
    let (_, chosen) = chosen.ok_or(Error::NotInstalled(missing))?;
    Ok(chosen)
}

fn notice(id: &str, wanted: Wanted, found: &Found) -> Option<String> {
    let name = match found.language {
        // It asks for no version.
        Language::CSharp => return None,
        Language::Node => "Node",
        Language::Python | Language::Hosted | Language::Custom => "Python",
    };
    (found.version() != Some(wanted.version)).then(|| {
        format!(
            "{id} runs on {name} {}, which is what this host has",
            found.version
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(language: Language, version: &str) -> Found {
        Found {
            language,
            path: format!("/bin/{version}").into(),
            version: version.into(),
            packages: Vec::new(),
        }
    }

    #[test]
    fn ids_are_told_apart() {
        assert_eq!(wanted("nodejs22.x").unwrap().version, (22, 0));
        assert_eq!(wanted("nodejs8.10").unwrap().version, (8, 0));
        assert_eq!(wanted("python3.12").unwrap().version, (3, 12));
        assert_eq!(check("provided.al2023").unwrap(), Language::Custom);
        assert_eq!(check("provided").unwrap(), Language::Custom);
        assert_eq!(check("go1.x").unwrap(), Language::Custom);
        assert_eq!(wanted("csharp").unwrap().language, Language::CSharp);
        assert!(matches!(check("csharp"), Err(Error::Unknown(_))));
        for not_yet in ["java21", "dotnet10", "ruby3.4", "go2.x", "python2.7"] {
            assert!(
                matches!(wanted(not_yet), Err(Error::NotYet(_))),
                "{not_yet}"
            );
        }
        for unknown in [
            "nodejs.x",
            "nodejs8.1",
            "cobol",
            "python3.",
            "python3.99",
            "provided.al3",
        ] {
            assert!(
                matches!(wanted(unknown), Err(Error::Unknown(_))),
                "{unknown}"
            );
        }
    }

    #[test]
    fn the_version_itself_runs_or_the_nearest_newer_one_or_the_newest() {
        let host = [
            found(Language::Node, "20.1.0"),
            found(Language::Python, "3.11.7"),
            found(Language::Python, "3.8.1"),
            found(Language::Python, "3.13.0"),
        ];
        for (id, runs_on) in [
            ("nodejs20.x", "20.1.0"),
            ("nodejs26.x", "20.1.0"),
            ("python3.9", "3.11.7"),
            ("python3.11", "3.11.7"),
            ("python3.12", "3.13.0"),
            ("python3.15", "3.13.0"),
        ] {
            assert_eq!(
                choose(&host, wanted(id).unwrap()).unwrap().version,
                runs_on,
                "{id}"
            );
        }
        let missing = choose(&host[..1], wanted("python3.12").unwrap());
        assert!(matches!(missing, Err(Error::NotInstalled(_))));
        let old = choose(&host[2..3], wanted("python3.8").unwrap());
        assert!(matches!(old, Err(Error::NotInstalled(_))));
    }

    #[test]
    fn another_version_is_said() {
        let node = found(Language::Node, "20.1.0");
        assert_eq!(
            notice("nodejs20.x", wanted("nodejs20.x").unwrap(), &node),
            None
        );
        let said = notice("nodejs18.x", wanted("nodejs18.x").unwrap(), &node).unwrap();
        assert!(
            said.contains("nodejs18.x") && said.contains("20.1.0"),
            "{said}"
        );
        let python = found(Language::Python, "3.11.7");
        assert_eq!(
            notice("python3.11", wanted("python3.11").unwrap(), &python),
            None
        );
        assert!(notice("python3.12", wanted("python3.12").unwrap(), &python).is_some());
    }

    #[tokio::test]
    async fn a_hosts_python_is_the_program_itself() {
        let Ok(python) = python_of("python3.12").await else {
            return;
        };
        let answer = tokio::process::Command::new(&python.path)
            .arg("--version")
            .output()
            .await
            .unwrap();
        let said = String::from_utf8(answer.stdout).unwrap();
        assert_eq!(said.trim(), format!("Python {}", python.version));
    }
}
