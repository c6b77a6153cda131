//! Telling an application by its files.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::worker::Worker;
use super::{App, Language, Model};

/// Sources for a worker that is still to be built.
pub(super) const ISOLATED: &str = "C# (isolated)";

/// The application that this file belongs to as its first: what [`App::file`] says of it.
pub(crate) fn of_file(file: &Path) -> Option<App> {
    let app = in_folder(file.parent()?)?;
    (app.file() == file).then_some(app)
}

/// The application in this folder, if it is one of ours.
pub(crate) fn in_folder(folder: &Path) -> Option<App> {
    let has_host = json(&folder.join("host.json")).is_some_and(|host| host["version"].is_string());
    let witness = witness(folder);
    if !has_host && witness.is_none() {
        return None;
    }
    let model = match witness {
        Some(file) if file.ends_with("function.json") => Model::Described,
        _ => Model::Registered(None),
    };
    let language = language(folder, &model);
    if let Some(worker) = Worker::of(folder, language) {
        return Some(App {
            folder: folder.to_owned(),
            language: Language::Hosted,
            model: match worker.indexes {
                true => Model::Registered(None),
                false => Model::Described,
            },
            worker: Some(worker),
        });
    }
    Some(App {
        language,
        folder: folder.to_owned(),
        worker: None,
        // A build describes what the assembly says itself.
        model: match language {
            Language::CSharp => Model::Registered(None),
            _ => model,
        },
    })
}

/// A file that is there only where there are functions: of the newer model of Python, or the first that is described.
pub(super) fn witness(folder: &Path) -> Option<PathBuf> {
    let newer = folder.join("function_app.py");
    if newer.is_file() {
        return Some(newer);
    }
    folders(folder)
        .map(|folder| folder.join("function.json"))
        .find(|file| json(file).is_some_and(|described| described["bindings"].is_array()))
}

/// Those in which functions are described, by name.
pub(super) fn folders(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.join("function.json").is_file())
        .collect();
    folders.sort();
    folders.into_iter()
}

/// The assembly that a build's descriptions name, relative to the folder.
pub(super) fn built(folder: &Path) -> Option<String> {
    let described = folders(folder).find_map(|inner| {
        let described = json(&inner.join("function.json"))?;
        let script = described["scriptFile"].as_str()?.to_owned();
        script.ends_with(".dll").then_some((inner, script))
    });
    let (inner, script) = described?;
    // `../bin/App.dll`, as builds write it.
    match script.strip_prefix("../") {
        Some(script) => Some(script.to_owned()),
        None => Some(format!("{}/{script}", inner.file_name()?.to_string_lossy())),
    }
}

/// Whether a project is of the model in which functions run in a program of their own.
fn isolated(folder: &Path) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut projects = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "csproj"));
    projects.any(|project| {
        fs::read_to_string(project)
            .is_ok_and(|text| text.contains("Microsoft.Azure.Functions.Worker"))
    })
}

pub(super) fn manifest(folder: &Path) -> Option<Value> {
    json(&folder.join("package.json"))
}

pub(super) fn json(file: &Path) -> Option<Value> {
    let text = fs::read_to_string(file).ok()?;
    serde_json::from_str(text.trim_start_matches('\u{feff}')).ok()
}

/// What the settings say, or else what the files are.
fn language(folder: &Path, model: &Model) -> Language {
    let settings = json(&folder.join("local.settings.json")).unwrap_or_default();
    match settings["Values"]["FUNCTIONS_WORKER_RUNTIME"].as_str() {
        Some("node") => return Language::Node,
        Some("python") => return Language::Python,
        Some("dotnet") => return Language::CSharp,
        Some("dotnet-isolated") => return Language::Other(ISOLATED),
        Some("java") => return Language::Other("Java"),
        Some("powershell") => return Language::Other("PowerShell"),
        Some("custom") => return Language::Other("a custom handler"),
        _ => {}
    }
    let has = |folder: &Path, endings: &[&str]| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.into_iter().any(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            endings.iter().any(|ending| name.ends_with(ending))
        })
    };
    if let Model::Described = model {
        let script = witness(folder).and_then(|file| {
            let described = json(&file)?;
            let script = described["scriptFile"].as_str().unwrap_or_default();
            Some((file.parent()?.to_owned(), script.to_owned()))
        });
        let (of_first, script) = script.unwrap_or_default();
        let is = |ending: &str| {
            script.ends_with(ending) || script.is_empty() && has(&of_first, &[ending])
        };
        return match () {
            () if is(".py") => Language::Python,
            () if is(".dll") => Language::CSharp,
            () if is(".csx") => Language::Other("C# script"),
            () if is(".ps1") => Language::Other("PowerShell"),
            () if is(".jar") => Language::Other("Java"),
            () => Language::Node,
        };
    }
    match () {
        () if folder.join("function_app.py").is_file() => Language::Python,
        () if isolated(folder) => Language::Other(ISOLATED),
        () if has(folder, &[".cs", ".csproj"]) => Language::CSharp,
        () if folder.join("pom.xml").is_file() => Language::Other("Java"),
        () => Language::Node,
    }
}
