//! `Metadata` by which the vendor's command line knows how the code of a function or a layer is built.

mod bundle;
mod compiled;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use runtimes::Language;

use crate::desired::{Code, Layer};
use crate::diagnostic::{Finding, Report};
use crate::recipe::{How, Recipe};
use crate::template::declared::Declared;
use crate::template::function::{Reading, module_of};
use crate::template::scalar;
use crate::template::scope::Scope;
use crate::template::tree::{Node, Value};
use bundle::Bundled;

/// All else in it is for other tools.
const READ: &[&str] = &[
    "BuildMethod",
    "BuildProperties",
    "ProjectRootDirectory",
    "SkipBuild",
    "WorkingDirectory",
];
const MAKEFILE: &str = "Makefile";
const OF_NODE: &[&str] = &["js", "mjs", "cjs"];
const OF_TYPESCRIPT: &[&str] = &["ts", "tsx", "mts", "cts"];

/// What it says of that, with values in place of references.
pub(crate) fn of(one: &Declared, scope: &Scope<'_>) -> Option<Node> {
    let metadata = one.metadata.as_ref()?;
    let entries = metadata.entries()?.iter();
    let read = entries.filter(|entry| READ.contains(&entry.key.as_str()));
    let own = Node::new(metadata.span, Value::Map(read.cloned().collect()));
    Some(scope.on_behalf(&one.id, || scope.eval(&own)))
}

/// The method that is named, and where.
fn method(metadata: &Node) -> Option<(&str, &Node)> {
    let skipped = metadata.get("SkipBuild").and_then(scalar::boolean);
    let method = metadata.get("BuildMethod")?;
    (skipped != Some(true)).then_some((method.scalar()?, method))
}

impl Reading<'_> {
    /// The handler and the code as they are when it is built.
    pub(crate) fn built(
        &self,
        handler: String,
        dir: PathBuf,
        language: Option<Language>,
        environment: &mut BTreeMap<String, String>,
    ) -> Option<(String, Code)> {
        match self.metadata.and_then(method) {
            Some(("esbuild", _))
                if language == Some(Language::Node)
                    && !self.has_sources(&dir)
                    && has_handler(language, &handler, &dir) =>
            {
                // It is built already.
            }
            Some(("esbuild", at)) => {
                if language.is_some_and(|language| language != Language::Node) {
                    self.refuse(at, "esbuild", "it builds code for Node");
                    return None;
                }
                let Bundled { how, handler } = self.bundled(at, &handler, &dir, environment)?;
                return Some((handler, made(dir, how)));
            }
            Some(("makefile", at)) if !is_built_by_make(language, &handler, &dir) => {
                let how = by_makefile(self.metadata?, at, self.id, &dir, self.findings.report)?;
                return Some((handler, made(dir, how)));
            }
            Some((compiled::CARGO, at)) if !has_handler(language, &handler, &dir) => {
                let how = self.cargo(at, language)?;
                return Some((handler, made(dir, how)));
            }
            Some((compiled::GO, at)) if !has_handler(language, &handler, &dir) => {
                return Some((handler, self.go(Some(at), language, &dir)?));
            }
            // Its program has the handler's name, which nothing here would start.
            None if self.is_go() && !has_handler(language, &handler, &dir) => {
                return Some((handler, self.go(None, language, &dir)?));
            }
            Some((other, at)) => self.check_method(other, at, language, &dir),
            None => {}
        }
        self.look_for_handler(language, &handler, &dir);
        Some((handler, Code::Directory(dir)))
    }

    /// What the language's own tool does anyway needs no method; what it would take another for is not built.
    fn check_method(&self, method: &str, at: &Node, language: Option<Language>, dir: &Path) {
        let usual = match language {
            None | Some(Language::CSharp | Language::Hosted) => true,
            Some(Language::Node) => method.starts_with("nodejs"),
            Some(Language::Python) => method.starts_with("python3"),
            Some(Language::Custom) => false,
        };
        if usual || method == "makefile" {
            return;
        }
        if language == Some(Language::Custom) && dir.join("bootstrap").exists() {
            self.say(
                Finding::notice(
                    at.span,
                    format!("`BuildMethod: {method}` has no effect here"),
                )
                .why("the program `bootstrap` that is there is run as it is"),
            );
            return;
        }
        self.refuse(at, method, "code is not built in this way");
    }

    fn refuse(&self, at: &Node, method: &str, why: &str) {
        refuse(at, method, why, self.findings.report);
    }

    /// Whether there is only what must be compiled first, which is refused: each call would fail.
    pub(crate) fn is_typescript(&self, handler: &str, dir: &Path) -> bool {
        let module = module_of(handler);
        let file = |ending: &&str| format!("{module}.{ending}");
        let there = |file: &String| dir.join(file).is_file();
        if OF_NODE.iter().map(file).any(|file| there(&file)) {
            return false;
        }
        let Some(source) = OF_TYPESCRIPT.iter().map(file).find(there) else {
            return false;
        };
        self.say(
            self.error("Handler", format!("the handler's file `{source}` is TypeScript"))
                .why("it must be made JavaScript before it can run")
                .help(format!(
                    "add `Metadata: {{BuildMethod: esbuild, BuildProperties: {{EntryPoints: [{source}]}}}}` to the function, or compile it and let `CodeUri` name what comes of it"
                )),
        );
        true
    }
}

/// How a layer's content is built, where it is not what is there.
pub(crate) fn of_layer(metadata: &Node, id: &str, layer: &mut Layer, report: &Report) {
    let (Some((method, at)), Code::Directory(dir)) = (method(metadata), &layer.code) else {
        return;
    };
    // As after somebody else has built it.
    if dir.join("python").is_dir() || dir.join("nodejs").is_dir() {
        return;
    }
    let how = match (method, runtimes::check(method)) {
        ("makefile", _) => by_makefile(metadata, at, id, dir, report),
        (_, Ok(Language::Node | Language::Python)) => Some(How::Layer {
            runtime: method.to_owned(),
        }),
        _ => {
            refuse(at, method, "layers are not built in this way", report);
            None
        }
    };
    if let Some(how) = how {
        layer.code = made(dir.clone(), how);
    }
}

fn is_built_by_make(language: Option<Language>, handler: &str, dir: &Path) -> bool {
    !dir.join(MAKEFILE).is_file() && has_handler(language, handler, dir)
}

/// What has a tool run somewhere else than where the code is.
fn elsewhere(metadata: &Node) -> Option<&'static str> {
    let keys = ["WorkingDirectory", "ProjectRootDirectory"];
    keys.into_iter().find(|key| metadata.get(key).is_some())
}

/// None if it cannot be, which has been said.
fn by_makefile(metadata: &Node, at: &Node, id: &str, dir: &Path, report: &Report) -> Option<How> {
    let why = match elsewhere(metadata) {
        Some(key) => format!("`{key}` is not supported yet: make runs where the code is"),
        None if !dir.join(MAKEFILE).is_file() => {
            format!("there is no {MAKEFILE} in {}", dir.display())
        }
        None => {
            let target = format!("build-{id}");
            return Some(How::Make { target });
        }
    };
    refuse(at, "makefile", &why, report);
    None
}

fn refuse(at: &Node, method: &str, why: &str, report: &Report) {
    let message = format!("`BuildMethod: {method}` cannot be obeyed");
    report.add(Finding::error(at.span, message).why(why.to_owned()).help(
        "build it with `sam build` and deploy .aws-sam/build, or remove `BuildMethod` where the code is built already",
    ));
}

fn made(source: PathBuf, how: How) -> Code {
    Code::Made(Recipe { source, how })
}

/// Whether the code is there as it is to run, as after somebody else has built it.
fn has_handler(language: Option<Language>, handler: &str, dir: &Path) -> bool {
    let module = module_of(handler);
    let there = |file: String| dir.join(file).is_file();
    match language {
        Some(Language::Node) => OF_NODE
            .iter()
            .any(|ending| there(format!("{module}.{ending}"))),
        Some(Language::Python) => {
            let (module, _) = handler.rsplit_once('.').unwrap_or((handler, ""));
            there(format!("{}.py", module.replace('.', "/")))
        }
        Some(Language::Custom) => there("bootstrap".to_owned()),
        None | Some(Language::CSharp | Language::Hosted) => true,
    }
}
