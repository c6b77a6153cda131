//! Functions that are programs, from their sources in Go and Rust.

use std::path::Path;

use runtimes::Language;

use super::{elsewhere, made};
use crate::desired::Code;
use crate::diagnostic::Finding;
use crate::recipe::How;
use crate::template::function::Reading;
use crate::template::shape::{Fields, Schema, Support};
use crate::template::tree::Node;
use Support::Obeyed;

/// The method, and the runtime whose programs are always built by it.
pub(super) const GO: &str = "go1.x";
pub(super) const CARGO: &str = "rust-cargolambda";
const OF_CARGO: Schema = &[("Binary", Obeyed)];
const OF_GO: Schema = &[];
const MODULE: &str = "go.mod";

impl Reading<'_> {
    pub(super) fn is_go(&self) -> bool {
        self.fields.text("Runtime").as_deref() == Some(GO)
    }

    /// The program of a package is made of its whole module, which may begin above it.
    pub(super) fn go(
        &self,
        method: Option<&Node>,
        language: Option<Language>,
        dir: &Path,
    ) -> Option<Code> {
        if let Some(at) = method {
            self.check(at, GO, language, OF_GO)?;
        }
        if !has_go(dir) {
            let finding = Finding::error(
                self.fields.place("Runtime"),
                format!("there are no sources in Go in {}", dir.display()),
            );
            let why = "programs are started that are called `bootstrap`, and others are built";
            self.say(
                finding
                    .why(why)
                    .help("let `CodeUri` name the sources, or call the program `bootstrap`"),
            );
            return None;
        }
        let root = dir.ancestors().find(|dir| dir.join(MODULE).is_file());
        let root = root.unwrap_or(dir).to_owned();
        let below = dir.strip_prefix(&root).unwrap_or(Path::new(""));
        let package = format!("./{}", below.display());
        Some(made(root, How::Go { package }))
    }

    pub(super) fn cargo(&self, at: &Node, language: Option<Language>) -> Option<How> {
        let binary = self.check(at, CARGO, language, OF_CARGO)?;
        Some(How::Cargo { binary })
    }

    /// What its `BuildProperties` call the program; none where it cannot be built, which has been said.
    fn check(
        &self,
        at: &Node,
        method: &'static str,
        language: Option<Language>,
        schema: Schema,
    ) -> Option<Option<String>> {
        let metadata = self.metadata?;
        if language != Some(Language::Custom) {
            self.refuse(at, method, "it makes a program, which is a custom runtime");
            return None;
        }
        if let Some(key) = elsewhere(metadata) {
            let why = format!("`{key}` is not supported yet: it is built where the code is");
            self.refuse(at, method, &why);
            return None;
        }
        let Some(properties) = metadata.get("BuildProperties") else {
            return Some(None);
        };
        let owner = "BuildProperties";
        let fields = Fields::open(properties, properties.span, owner, schema, self.findings)?;
        Some(fields.text("Binary"))
    }
}

fn has_go(dir: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return false;
    };
    let mut names = entries.flatten().map(|entry| entry.path());
    names.any(|path| path.extension().is_some_and(|ending| ending == "go"))
}
