//! Google Cloud Functions: a folder whose code asks for the functions framework. There is no template; what the folder
//! holds is read from its sources, as the vendor's own tools are told it on their command line:
//!
//! - Node: functions that register themselves (`functions.http('name', …)`), the target in `package.json`'s script that
//!   starts the framework, or else what the main file exports;
//! - Python: decorated functions of `main.py`, or else its functions of one argument called `request` (HTTP) or of
//!   `event` or `data` and `context`.
//!
//! `.env.yaml` beside the code holds environment variables, as `gcloud functions deploy --env-vars-file` takes them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use regex::Regex;
use serde_json::Value;

use crate::desired::{
    Architecture, Cloud, Code, Desired, Function, Kind, Logging, OnRemoval, Resource, Retry,
};
use crate::diagnostic::{Diagnostics, Finding, Source, Span};
use crate::template::read_tree;

const FRAMEWORK_NODE: &str = "@google-cloud/functions-framework";
const FRAMEWORK_PYTHON: &str = "functions-framework";
const ENVIRONMENT: &str = ".env.yaml";
/// Longer sources are not looked into for functions.
const MAX_SOURCE: u64 = 4 << 20;

/// What the platform gives a function that says nothing else.
const MEMORY_MB: u32 = 256;
const TIMEOUT_S: u32 = 60;
/// The runtimes for code that does not say which version it wants.
const NODE: &str = "nodejs22.x";
const PYTHON: &str = "python3.12";

/// An application in a folder.
#[derive(Clone, Debug)]
pub(crate) struct App {
    folder: PathBuf,
    language: Language,
    /// With the functions in it.
    main: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Language {
    Node,
    Python,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Found {
    name: String,
    signature: &'static str,
}

/// The application that this file belongs to as its first: what [`App::file`] says of it.
pub(crate) fn of_file(file: &Path) -> Option<App> {
    let app = in_folder(file.parent()?)?;
    (app.file() == file).then_some(app)
}

/// The application in this folder, if it is one of ours.
pub(crate) fn in_folder(folder: &Path) -> Option<App> {
    let app = |language, main| App {
        folder: folder.to_owned(),
        language,
        main,
    };
    if let Some(manifest) = manifest(folder)
        && ["dependencies", "devDependencies"]
            .iter()
            .any(|kind| manifest[kind][FRAMEWORK_NODE].is_string())
    {
        let main = manifest["main"].as_str().map(|main| folder.join(main));
        let usual = ["index.js", "index.mjs", "function.js"];
        let main = main.or_else(|| {
            let mut usual = usual.iter().map(|name| folder.join(name));
            usual.find(|file| file.is_file())
        })?;
        return Some(app(Language::Node, main));
    }
    let main = folder.join("main.py");
    let asks = fs::read_to_string(folder.join("requirements.txt"))
        .is_ok_and(|text| text.lines().any(|line| line.starts_with(FRAMEWORK_PYTHON)));
    let imports = || text(&main).is_some_and(|text| text.contains("import functions_framework"));
    (main.is_file() && (asks || imports())).then(|| app(Language::Python, main))
}

fn manifest(folder: &Path) -> Option<Value> {
    serde_json::from_slice(&fs::read(folder.join("package.json")).ok()?).ok()
}

fn text(file: &Path) -> Option<String> {
    let length = fs::metadata(file).ok()?.len();
    (length <= MAX_SOURCE).then(|| fs::read_to_string(file).ok())?
}

impl App {
    /// By which the application is named.
    pub(crate) fn file(&self) -> PathBuf {
        match self.language {
            Language::Node => self.folder.join("package.json"),
            Language::Python => self.main.clone(),
        }
    }

    /// Whether a change of this file may change what the application asks for.
    pub(crate) fn reads(&self, file: &Path) -> bool {
        file == self.main || file == self.file() || file == self.folder.join(ENVIRONMENT)
    }

    pub(crate) fn resolve(&self, stack: &str) -> Result<Desired, Diagnostics> {
        let source = Arc::new(Source::new(&self.main, String::new()));
        let wrong = |finding| Diagnostics::new(&source, vec![finding]);
        let Some(code) = text(&self.main) else {
            let message = format!("cannot read {}", self.main.display());
            return Err(wrong(Finding::placeless(message)));
        };
        let found = match self.language {
            Language::Node => in_node(&code, manifest(&self.folder).as_ref()),
            Language::Python => in_python(&code),
        };
        if found.is_empty() {
            let message = format!("there is no function in {}", self.main.display());
            return Err(wrong(Finding::placeless(message).help(
                match self.language {
                    Language::Node => {
                        "register one: functions.http('name', (req, res) => …), or export one"
                    }
                    Language::Python => {
                        "write one: @functions_framework.http above def name(request)"
                    }
                },
            )));
        }
        let environment = self.environment()?;
        let place = source.place(Span::new(0, 0));
        let resources = found.into_iter().map(|found| Resource {
            logical_id: found.name.clone(),
            kind: Kind::Function(Box::new(self.function(found, &environment))),
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
            notices: Diagnostics::new(&source, Vec::new()),
            unanswered: crate::desired::Unanswered::default(),
        })
    }

    fn function(&self, found: Found, environment: &BTreeMap<String, String>) -> Function {
        let mut environment = environment.clone();
        environment.insert("FUNCTION_SIGNATURE_TYPE".into(), found.signature.into());
        Function {
            name: Cloud::Google.physical(&found.name),
            cloud: Cloud::Google,
            description: String::new(),
            runtime: self.runtime(),
            handler: found.name,
            code: Code::Directory(self.folder.clone()),
            timeout_s: TIMEOUT_S,
            memory_mb: MEMORY_MB,
            scratch_mb: 512,
            environment,
            architecture: Architecture::X86,
            reserved_concurrency: None,
            role: String::new(),
            retry: Retry::default(),
            tags: BTreeMap::new(),
            layers: Vec::new(),
            logging: Logging::default(),
            snapshots: false,
            dead_letters: None,
            publish: None,
        }
    }

    /// In the catalog's words: the version that the code asks for, if it does.
    fn runtime(&self) -> String {
        match self.language {
            Language::Node => {
                let asked = manifest(&self.folder)
                    .and_then(|manifest| manifest["engines"]["node"].as_str().and_then(number));
                asked.map_or_else(|| NODE.into(), |major| format!("nodejs{major}.x"))
            }
            Language::Python => {
                let asked = fs::read_to_string(self.folder.join(".python-version")).ok();
                let minor = asked
                    .as_deref()
                    .and_then(|text| text.trim().strip_prefix("3."))
                    .and_then(number);
                minor.map_or_else(|| PYTHON.into(), |minor| format!("python3.{minor}"))
            }
        }
    }

    fn environment(&self) -> Result<BTreeMap<String, String>, Diagnostics> {
        let file = self.folder.join(ENVIRONMENT);
        let Some(text) = text(&file) else {
            return Ok(BTreeMap::new());
        };
        let source = Arc::new(Source::new(&file, text));
        let mut findings = Vec::new();
        let tree = read_tree(&source, &mut findings)
            .map_err(|findings| Diagnostics::new(&source, findings))?;
        let mut environment = BTreeMap::new();
        for entry in tree.entries().unwrap_or_default() {
            match entry.value.scalar() {
                Some(value) => _ = environment.insert(entry.key.clone(), value.to_owned()),
                None => findings.push(Finding::error(
                    entry.value.span,
                    format!("{} must be a text, not {}", entry.key, entry.value.kind()),
                )),
            }
        }
        match findings.is_empty() {
            true => Ok(environment),
            false => Err(Diagnostics::new(&source, findings)),
        }
    }
}

/// The first number in a version or a range of them.
pub(crate) fn number(text: &str) -> Option<u32> {
    let digits = text.trim_start_matches(|letter: char| !letter.is_ascii_digit());
    let end = digits.find(|letter: char| !letter.is_ascii_digit());
    digits[..end.unwrap_or(digits.len())].parse().ok()
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("it is a constant")
}

static REGISTERED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"\b(http|cloudEvent)\(\s*['"`]([A-Za-z](?:[-_A-Za-z0-9]{0,61}[A-Za-z0-9])?)['"`]\s*,"#,
    )
});
static EXPORTED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?m)^\s*(?:(?:module\.)?exports\.([A-Za-z_$][\w$]*)\s*=|export\s+(?:async\s+)?(?:function|const)\s+([A-Za-z_$][\w$]*))",
    )
});
static TARGET: LazyLock<Regex> = LazyLock::new(|| pattern(r"--target[= ]([\w$.-]+)"));
static SIGNATURE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"--signature-type[= ](http|event|cloudevent)\b"));
static DEFINED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?m)^((?:@[^\n]+\n)*)(?:async\s+)?def\s+([A-Za-z]\w*)\s*\(([^)]*)\)")
});
static DECORATOR: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?m)^@(?:\w+\.)*(http|cloud_event|typed)\b"));

fn in_node(code: &str, manifest: Option<&Value>) -> Vec<Found> {
    let registered = REGISTERED.captures_iter(code).map(|found| Found {
        name: found[2].to_owned(),
        signature: match &found[1] {
            "cloudEvent" => "cloudevent",
            _ => "http",
        },
    });
    let registered = each_once(registered);
    if !registered.is_empty() {
        return registered;
    }
    let started = manifest
        .and_then(|manifest| manifest["scripts"].as_object())
        .and_then(|scripts| {
            let mut commands = scripts.values().filter_map(Value::as_str);
            commands.find(|command| command.contains("functions-framework"))
        });
    let signature = started
        .and_then(|command| SIGNATURE.captures(command))
        .map_or("http", |found| {
            signature(found.get(1).map_or("", |text| text.as_str()))
        });
    if let Some(target) = started.and_then(|command| TARGET.captures(command)) {
        let name = target[1].to_owned();
        return vec![Found { name, signature }];
    }
    each_once(EXPORTED.captures_iter(code).filter_map(|found| {
        let name = found.get(1).or_else(|| found.get(2))?;
        Some(Found {
            name: name.as_str().to_owned(),
            signature,
        })
    }))
}

fn signature(text: &str) -> &'static str {
    match text {
        "event" => "event",
        "cloudevent" => "cloudevent",
        _ => "http",
    }
}

fn in_python(code: &str) -> Vec<Found> {
    let decorated = DEFINED.captures_iter(code).filter_map(|found| {
        let decorator = DECORATOR.captures(&found[1])?;
        Some(Found {
            name: found[2].to_owned(),
            signature: match &decorator[1] {
                "cloud_event" => "cloudevent",
                "typed" => "typed",
                _ => "http",
            },
        })
    });
    let decorated = each_once(decorated);
    if !decorated.is_empty() {
        return decorated;
    }
    each_once(DEFINED.captures_iter(code).filter_map(|found| {
        let names = found[3].split(',').map(|argument| {
            let name = argument.split([':', '=']).next().unwrap_or_default();
            name.trim()
        });
        let names: Vec<&str> = names.filter(|name| !name.is_empty()).collect();
        let signature = match names.as_slice() {
            ["request" | "req"] => "http",
            ["event" | "data", "context"] => "event",
            _ => return None,
        };
        Some(Found {
            name: found[2].to_owned(),
            signature,
        })
    }))
}

fn each_once(found: impl Iterator<Item = Found>) -> Vec<Found> {
    let mut all: Vec<Found> = Vec::new();
    for one in found {
        if !all.iter().any(|other| other.name == one.name) {
            all.push(one);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(found: &[Found]) -> Vec<(&str, &str)> {
        found
            .iter()
            .map(|found| (found.name.as_str(), found.signature))
            .collect()
    }

    #[test]
    fn functions_in_node_are_registered_or_started_or_exported() {
        let code = "const functions = require('x');
            functions.http('hello', (req, res) => res.send('x'));
            functions.cloudEvent(\"on-upload\", (event) => {});
            http.get('http://x', () => {});";
        let found = in_node(code, None);
        assert_eq!(
            names(&found),
            [("hello", "http"), ("on-upload", "cloudevent")]
        );
        let code = "exports.first = () => {};\nmodule.exports.second = () => {};";
        assert_eq!(
            names(&in_node(code, None)),
            [("first", "http"), ("second", "http")]
        );
        let manifest = serde_json::json!({ "scripts": {
            "start": "functions-framework --target=second --signature-type=event"
        }});
        assert_eq!(
            names(&in_node(code, Some(&manifest))),
            [("second", "event")]
        );
    }

    #[test]
    fn functions_in_python_are_decorated_or_have_the_usual_arguments() {
        let code = "import functions_framework

@functions_framework.http
def hello(request):
    pass

@functions_framework.cloud_event
def changed(event):
    pass

def helper(request):
    pass
";
        assert_eq!(
            names(&in_python(code)),
            [("hello", "http"), ("changed", "cloudevent")]
        );
        let code = "def hello_world(request: flask.Request):\n    pass\n\ndef old(event, context):\n    pass\n\ndef other(x):\n    pass\n";
        assert_eq!(
            names(&in_python(code)),
            [("hello_world", "http"), ("old", "event")]
        );
    }

    #[test]
    fn a_folder_is_told_by_its_files() {
        let folder = tempfile::tempdir().unwrap();
        assert!(in_folder(folder.path()).is_none());
        let package = r#"{"dependencies": {"@google-cloud/functions-framework": "5"}, "engines": {"node": ">=20"}}"#;
        fs::write(folder.path().join("package.json"), package).unwrap();
        fs::write(folder.path().join("index.js"), "exports.f = () => {}").unwrap();
        fs::write(folder.path().join(".env.yaml"), "NAME: Ann\n").unwrap();
        let app = in_folder(folder.path()).unwrap();
        let desired = app.resolve("s").unwrap();
        let Kind::Function(function) = &desired.resources[0].kind else {
            panic!("it is a function");
        };
        assert_eq!(function.name, "google/f");
        assert_eq!(function.runtime, "nodejs20.x");
        assert_eq!(function.environment["NAME"], "Ann");
        assert!(of_file(&folder.path().join("package.json")).is_some());
        assert!(of_file(&folder.path().join("index.js")).is_none());
    }

    #[test]
    fn a_folder_without_functions_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(
            folder.path().join("requirements.txt"),
            "functions-framework>=3\n",
        )
        .unwrap();
        fs::write(folder.path().join("main.py"), "x = 1\n").unwrap();
        let app = in_folder(folder.path()).unwrap();
        let said = app.resolve("s").unwrap_err().render(false);
        assert!(said.contains("there is no function in"), "{said}");
        assert!(said.contains("@functions_framework.http"), "{said}");
    }
}
