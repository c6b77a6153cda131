//! Azure Functions: a folder with a `host.json`, or with functions in one of their models beside it.
//!
//! - *Described*: a folder for each function, in which a `function.json` says what its triggers and bindings are;
//! - *registered*: the code itself says so when it runs (`app.http('name', …)` in JavaScript, decorators in Python,
//!   attributes in C#). It is run once to learn what there is, before anything is made: see [`App::trial`].
//!
//! `host.json` holds the settings of all of them, and `local.settings.json` the environment that the vendor's tools give
//! them on this machine.

mod described;
mod found;
mod neighbours;
mod settings;
mod wiring;
mod worker;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use crate::build::Build;
use crate::desired::{
    Architecture, Cloud, Code, Desired, Function, Kind, Logging, OnRemoval, Resource, Retry,
};
use crate::diagnostic::{Diagnostics, Finding, Source, Span};
use settings::Settings;
use wiring::Wiring;
use worker::Worker;

pub(crate) use found::{in_folder, of_file};

/// What the platform gives a function.
const MEMORY_MB: u32 = 1_536;
/// The runtimes for code that does not say which version it wants.
const NODE: &str = "nodejs22.x";
const PYTHON: &str = "python3.12";
/// The runtime of code that a worker runs, or a handler of its own.
const HOSTED: &str = "hosted";
/// The function's tag with what it answers to, as JSON: see [`Wiring`]. The face reads it.
const WIRING: &str = "azure:http";

/// By which the runtime knows an assembly that lies in the code.
const ASSEMBLY: &str = "FULMAR_ASSEMBLY";

/// An application in a folder.
#[derive(Clone, Debug)]
pub(crate) struct App {
    folder: PathBuf,
    language: Language,
    model: Model,
    /// Of those that run in it.
    worker: Option<Worker>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    Node,
    Python,
    CSharp,
    /// Whatever the worker is in that runs them.
    Hosted,
    /// One that there is no runtime for, by its name.
    Other(&'static str),
}

#[derive(Clone, Debug)]
enum Model {
    Described,
    /// What the code said, if it has been asked.
    Registered(Option<Vec<Declared>>),
}

/// A function, as it is described.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Declared {
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) bindings: Vec<serde_json::Map<String, Value>>,
    #[serde(default)]
    pub(crate) disabled: Value,
}

impl App {
    /// By which the application is named.
    pub(crate) fn file(&self) -> PathBuf {
        let host = self.folder.join("host.json");
        match host.is_file() {
            true => host,
            false => found::witness(&self.folder).unwrap_or(host),
        }
    }

    pub(crate) fn describe(&self) -> &'static str {
        match self.language {
            Language::Node => "Azure functions in JavaScript",
            Language::Python => "Azure functions in Python",
            Language::CSharp => "Azure functions in C#",
            Language::Hosted => match &self.worker {
                Some(worker) if worker.is_custom() => "Azure functions with a custom handler",
                _ => "Azure functions with their vendor's worker",
            },
            Language::Other(_) => "Azure functions",
        }
    }

    /// Whether a change of this file may change what the application asks for.
    pub(crate) fn reads(&self, file: &Path) -> bool {
        let Ok(inner) = file.strip_prefix(&self.folder) else {
            return false;
        };
        let is_own = |part: std::path::Component<'_>| {
            let name = part.as_os_str().to_string_lossy();
            name != "node_modules"
                && name != "__pycache__"
                && name != "obj"
                && !name.starts_with('.')
        };
        let name = inner.file_name().unwrap_or_default().to_string_lossy();
        let describes = [
            "host.json",
            "local.settings.json",
            "function.json",
            "package.json",
            "functions.metadata",
            worker::DESCRIPTION,
        ];
        let is_code = [".js", ".mjs", ".cjs", ".py", ".cs", ".dll"];
        let registers = matches!(self.model, Model::Registered(_));
        // Of a folder that comes or goes with its files at once, often nothing but the folder is told.
        let describes_one = matches!(self.model, Model::Described)
            && inner.components().count() == 1
            && (file.is_dir() || !file.exists());
        inner.components().all(is_own)
            && (describes_one
                || describes.contains(&&*name)
                || registers && is_code.iter().any(|ending| name.ends_with(ending)))
    }

    pub(crate) fn build(&self) -> Build {
        let hosted = self.worker.as_ref().and_then(Worker::needs);
        Build {
            folder: self.folder.clone(),
            runtime: self.runtime_of(hosted.unwrap_or(self.language)),
            cloud: Cloud::Azure,
            how: None,
        }
    }

    /// What is to be run, if the code must be run to learn what functions it has.
    pub(crate) fn trial(&self, stack: &str) -> Result<Option<Function>, Diagnostics> {
        self.check()?;
        if !matches!(self.model, Model::Registered(None)) {
            return Ok(None);
        }
        let settings = Settings::read(&self.folder, &self.worker())?;
        Ok(Some(self.function("", &settings).named(stack)))
    }

    /// The application with what its code said that it has.
    pub(crate) fn with_declared(&self, said: &[u8]) -> Result<Self, Diagnostics> {
        let declared: Vec<Declared> = serde_json::from_slice(said)
            .map_err(|why| self.wrong(format!("what the code registers cannot be read: {why}")))?;
        Ok(Self {
            model: Model::Registered(Some(declared)),
            ..self.clone()
        })
    }

    /// That the code did not say it, for this reason.
    pub(crate) fn not_declared(&self, why: &str) -> Diagnostics {
        let message = format!(
            "the code in {} does not start: {why}",
            self.folder.display()
        );
        self.wrong_with(
            Finding::placeless(message).help("it is run to learn which functions it registers"),
        )
    }

    pub(crate) fn resolve(&self, stack: &str) -> Result<Desired, Diagnostics> {
        self.check()?;
        let settings = Settings::read(&self.folder, &self.worker())?;
        let declared = match &self.model {
            Model::Described => described::read(&self.folder)?,
            Model::Registered(declared) => declared.clone().unwrap_or_default(),
        };
        let source = self.source();
        let mut findings = Vec::new();
        let mut notices: Vec<Finding> = settings.notices.clone();
        let mut wired: Vec<(String, Wiring)> = Vec::new();
        for one in &declared {
            if settings.disables(one) {
                let message = format!("{} is disabled, and so is not deployed", one.name);
                notices.push(Finding::notice(Span::new(0, 0), message));
                continue;
            }
            match Wiring::of(stack, one, &settings) {
                Ok(wiring) => wired.push((one.name.clone(), wiring)),
                Err(wrong) => findings.extend(wrong),
            }
        }
        findings.extend(wiring::conflicts(&wired));
        if findings.is_empty() && wired.is_empty() {
            findings.push(self.nothing());
        }
        if !findings.is_empty() {
            return Err(Diagnostics::new(&source, findings));
        }
        let place = source.place(Span::new(0, 0));
        let resources = wired.into_iter().map(|(name, wiring)| Resource {
            kind: Kind::Function(Box::new(self.function(&name, &settings).wired(&wiring))),
            logical_id: name,
            depends_on: Vec::new(),
            on_delete: OnRemoval::Delete,
            on_replace: OnRemoval::Delete,
            place: place.clone(),
            span: Span::new(0, 0),
        });
        Ok(Desired {
            stack: stack.to_owned(),
            resources: resources.collect(),
            outputs: Vec::new(),
            exports: BTreeMap::new(),
            imports: BTreeSet::new(),
            notices: Diagnostics::new(&source, notices),
            unanswered: crate::desired::Unanswered::default(),
        })
    }

    fn nothing(&self) -> Finding {
        let message = format!("there is no function in {}", self.folder.display());
        Finding::placeless(message).help(match (&self.model, self.language) {
            (Model::Described, _) => "make a folder for it, with a function.json and its code",
            (_, Language::CSharp) => {
                "write one: [FunctionName(\"Hello\")] above a public method with an [HttpTrigger]"
            }
            (_, Language::Python) => "write one: @app.route(route=\"hello\") above def hello(req)",
            _ => "register one: app.http('hello', { handler: async (request, context) => … })",
        })
    }

    fn check(&self) -> Result<(), Diagnostics> {
        if let Some(why) = self.worker.as_ref().and_then(Worker::refusal) {
            return Err(self.wrong_with(why));
        }
        match self.language {
            Language::Other(found::ISOLATED) => Err(self.wrong_with(
                Finding::placeless(format!(
                    "{} holds the sources of an application in the isolated model, which are not compiled here",
                    self.folder.display()
                ))
                .help("publish it, and deploy the folder that has its worker.config.json: dotnet publish -o out; fulmar up out"),
            )),
            Language::Other(name) => Err(self.wrong(format!(
                "{} is an application of Azure Functions in {name}, which has no runtime here yet",
                self.folder.display()
            ))),
            Language::Node | Language::Python | Language::CSharp | Language::Hosted => Ok(()),
        }
    }

    fn source(&self) -> Arc<Source> {
        Arc::new(Source::new(&self.file(), String::new()))
    }

    fn wrong(&self, message: String) -> Diagnostics {
        self.wrong_with(Finding::placeless(message))
    }

    fn wrong_with(&self, finding: Finding) -> Diagnostics {
        Diagnostics::new(&self.source(), vec![finding])
    }

    /// As the vendor calls the language.
    fn worker(&self) -> String {
        match self.language {
            Language::Node => "node".into(),
            Language::Python => "python".into(),
            Language::CSharp => "dotnet".into(),
            Language::Hosted => {
                let worker = self.worker.as_ref();
                worker.map_or_else(String::new, |worker| worker.language.clone())
            }
            Language::Other(name) => name.into(),
        }
    }

    fn function(&self, name: &str, settings: &Settings) -> Function {
        let mut environment = settings.environment.clone();
        // What is built elsewhere is not compiled.
        if let (Language::CSharp, Some(built)) = (self.language, found::built(&self.folder)) {
            environment.insert(ASSEMBLY.into(), built);
        }
        environment.extend(self.worker.iter().flat_map(Worker::environment));
        Function {
            name: Cloud::Azure.physical(name),
            cloud: Cloud::Azure,
            description: String::new(),
            runtime: self.runtime(),
            handler: name.to_owned(),
            code: Code::Directory(self.folder.clone()),
            timeout_s: settings.timeout_s,
            memory_mb: MEMORY_MB,
            scratch_mb: 512,
            environment,
            architecture: Architecture::X86,
            reserved_concurrency: None,
            role: String::new(),
            retry: Retry::default(),
            dead_letters: None,
            tags: BTreeMap::new(),
            layers: Vec::new(),
            logging: Logging::default(),
            snapshots: false,
            publish: None,
        }
    }

    /// In the catalog's words: the version that the code asks for, if it does.
    fn runtime(&self) -> String {
        match self.worker.as_ref().map(Worker::needs) {
            Some(Some(needed)) => format!("{HOSTED}/{}", self.runtime_of(needed)),
            _ => self.runtime_of(self.language),
        }
    }

    fn runtime_of(&self, language: Language) -> String {
        match language {
            Language::Node => {
                let asked = found::manifest(&self.folder).and_then(|manifest| {
                    crate::google::number(manifest["engines"]["node"].as_str()?)
                });
                asked.map_or_else(|| NODE.into(), |major| format!("nodejs{major}.x"))
            }
            Language::Python => {
                let asked = fs::read_to_string(self.folder.join(".python-version")).ok();
                let minor = asked
                    .as_deref()
                    .and_then(|text| crate::google::number(text.trim().strip_prefix("3.")?));
                minor.map_or_else(|| PYTHON.into(), |minor| format!("python3.{minor}"))
            }
            Language::CSharp => "csharp".into(),
            Language::Hosted => HOSTED.into(),
            Language::Other(name) => name.to_owned(),
        }
    }
}

impl Function {
    fn named(self, name: &str) -> Self {
        Self {
            name: Cloud::Azure.physical(name),
            ..self
        }
    }

    fn wired(self, wiring: &Wiring) -> Self {
        let text = serde_json::to_string(wiring).expect("it is plain");
        Self {
            tags: BTreeMap::from([(WIRING.to_owned(), text)]),
            ..self
        }
    }

    /// Where it is reached, and how, if it is one of this cloud's.
    pub(crate) fn azure_route(&self) -> Option<(String, String)> {
        let wiring: Wiring = serde_json::from_str(self.tags.get(WIRING)?).ok()?;
        let methods = match wiring.methods.is_empty() {
            true => "ANY".to_owned(),
            false => wiring.methods.join(","),
        };
        let key = match wiring.auth.as_str() {
            "anonymous" => "",
            "admin" => ", with the master key",
            _ => ", with a key",
        };
        Some((wiring.path, format!("{methods}{key}")))
    }
}
