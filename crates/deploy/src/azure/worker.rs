//! Programs that run an application's functions in our place: the worker that a build of the isolated model brings along,
//! one of the vendor's that is installed on this host, or a server of the application's own.
//!
//! Which of the vendor's is to be taken is said as on the vendor's own host: the setting
//! `languageWorkers__python__workerDirectory` names the folder in which the worker describes itself.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Language;
use super::found::json;
use crate::diagnostic::Finding;

/// A worker's own description.
pub(super) const DESCRIPTION: &str = "worker.config.json";
/// By which the runtime knows where the worker is, and what runs it.
const FOLDER_VARIABLE: &str = "FULMAR_WORKER";
const PROGRAM_VARIABLE: &str = "FULMAR_PROGRAM";
/// As the vendor calls what a custom handler is in.
const CUSTOM: &str = "custom";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Worker {
    /// As the vendor calls it.
    pub(super) language: String,
    /// Where it is, if that is not the application's own folder.
    folder: Option<PathBuf>,
    /// It says itself which functions there are.
    pub(super) indexes: bool,
    /// As it is said: a mere name, or a path.
    executable: String,
    /// That the folder which the setting names describes none.
    is_missing: bool,
}

impl Worker {
    /// The one that runs this application's functions, if that is not for us to do.
    pub(super) fn of(folder: &Path, language: Language) -> Option<Self> {
        if let Some(own) = described(folder) {
            return Some(own);
        }
        let host = json(&folder.join("host.json")).unwrap_or_default();
        let handler = &host["customHandler"]["description"];
        if let Some(executable) = handler["defaultExecutablePath"].as_str() {
            let place = folder.join(handler["workingDirectory"].as_str().unwrap_or_default());
            return Some(Self {
                language: CUSTOM.into(),
                folder: None,
                indexes: false,
                executable: match place.join(executable).is_file() {
                    true => String::new(),
                    false => executable.to_owned(),
                },
                is_missing: false,
            });
        }
        Self::installed(folder, language)
    }

    fn installed(folder: &Path, language: Language) -> Option<Self> {
        let language = named(language)?;
        let settings = json(&folder.join("local.settings.json"))?;
        let place = setting(
            &settings,
            &format!("languageWorkers__{language}__workerDirectory"),
        )
        .or_else(|| {
            setting(
                &settings,
                &format!("languageWorkers:{language}:workerDirectory"),
            )
        })?;
        let place = folder.join(place);
        let place = place.canonicalize().unwrap_or(place);
        let found = described(&place);
        Some(Self {
            folder: Some(place),
            ..found.unwrap_or_else(|| Self {
                language: language.into(),
                folder: None,
                indexes: false,
                executable: String::new(),
                is_missing: true,
            })
        })
    }

    pub(super) fn is_custom(&self) -> bool {
        self.language == CUSTOM
    }

    /// Why it cannot run, as far as its files tell.
    pub(super) fn refusal(&self) -> Option<Finding> {
        if let (true, Some(folder)) = (self.is_missing, &self.folder) {
            let message = format!("there is no {DESCRIPTION} in {}", folder.display());
            let help = format!(
                "languageWorkers__{}__workerDirectory in local.settings.json names the folder of a worker, which has one",
                self.language
            );
            return Some(Finding::placeless(message).help(help));
        }
        let name = self.mere_name()?;
        self.program().is_none().then(|| {
            Finding::placeless(format!(
                "the functions' worker runs on `{name}`, which this host does not have"
            ))
            .help("install it, or publish the application with its own runtime: dotnet publish --self-contained")
        })
    }

    /// The runtime that it needs itself, in the catalog's words, if the catalog has it.
    pub(super) fn needs(&self) -> Option<Language> {
        match self.language.as_str() {
            "python" => Some(Language::Python),
            "node" => Some(Language::Node),
            _ => None,
        }
    }

    pub(super) fn environment(&self) -> Vec<(String, String)> {
        let folder = self.folder.as_ref();
        let folder = folder.map(|folder| (FOLDER_VARIABLE, folder.display().to_string()));
        let program = self.program();
        let program = program.map(|program| (PROGRAM_VARIABLE, program.display().to_string()));
        let all = folder.into_iter().chain(program);
        all.map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// The executable, if it is to be looked for.
    fn mere_name(&self) -> Option<&str> {
        let is_mere = !self.executable.is_empty() && !self.executable.contains(['/', '{']);
        (is_mere && self.needs().is_none()).then_some(&self.executable)
    }

    fn program(&self) -> Option<PathBuf> {
        if let Some(rest) = self.executable.strip_prefix("%JAVA_HOME%/") {
            let home = std::env::var_os("JAVA_HOME").map(PathBuf::from);
            let program = home.map(|home| home.join(rest));
            return program.or_else(|| in_path("java"));
        }
        in_path(self.mere_name()?)
    }
}

/// The worker that describes itself in this folder.
fn described(folder: &Path) -> Option<Worker> {
    let said = json(&folder.join(DESCRIPTION))?;
    let said = &said["description"];
    let executable = said["defaultExecutablePath"].as_str().unwrap_or_default();
    Some(Worker {
        language: said["language"].as_str()?.to_owned(),
        folder: None,
        indexes: match &said["workerIndexing"] {
            Value::Bool(does) => *does,
            Value::String(does) => does.eq_ignore_ascii_case("true"),
            _ => false,
        },
        executable: match folder.join(executable).is_file() {
            true => String::new(),
            false => executable.to_owned(),
        },
        is_missing: false,
    })
}

fn named(language: Language) -> Option<&'static str> {
    match language {
        Language::Node => Some("node"),
        Language::Python => Some("python"),
        Language::Other("Java") => Some("java"),
        Language::Other("PowerShell") => Some("powershell"),
        Language::CSharp | Language::Hosted | Language::Other(_) => None,
    }
}

/// Whatever its capitals, as the vendor's host reads it.
fn setting<'a>(settings: &'a Value, name: &str) -> Option<&'a str> {
    let values = settings["Values"].as_object()?;
    let found = values
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    found.1.as_str().filter(|value| !value.is_empty())
}

fn in_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut programs = std::env::split_paths(&path).map(|folder| folder.join(name));
    programs.find(|program| program.is_file())
}
