//! The code of a function, and where in it the handler is.

use std::path::Path;

use runtimes::Language;

use super::Reading;
use super::files::{files, normal};
use super::schema::CODE;
use crate::desired::Code;
use crate::diagnostic::Finding;
use crate::template::shape::Fields;
use crate::template::tree::Value;

/// Inline code, as the service takes it.
const MAX_INLINE: usize = 4 << 20;

impl Reading<'_> {
    pub(super) fn code(&self) -> Option<Code> {
        if self.is_plain {
            return self.plain_code();
        }
        match (self.fields.has("CodeUri"), self.fields.has("InlineCode")) {
            (true, true) => {
                self.say(
                    self.error("InlineCode", "both `CodeUri` and `InlineCode` are given")
                        .help("keep one of them"),
                );
                None
            }
            (true, false) => self.code_uri(),
            (false, true) => self.inline(),
            // As the vendor's tools have it, before they package.
            (false, false) => Some(Code::Directory(normal(self.place.dir))),
        }
    }

    fn inline(&self) -> Option<Code> {
        let code = self.fields.required_text("InlineCode")?;
        self.short(code, "InlineCode")
    }

    fn short(&self, code: String, property: &str) -> Option<Code> {
        if code.len() > MAX_INLINE {
            self.say(self.error(property, "inline code is at most 4 MiB long"));
            return None;
        }
        Some(Code::Inline(code))
    }

    fn code_uri(&self) -> Option<Code> {
        files(self.fields, "CodeUri", self.place, self.findings)
    }

    /// A folder's name is what the vendor's command line packages.
    fn plain_code(&self) -> Option<Code> {
        let node = self.fields.required("Code")?;
        if let Value::Map(_) = node.value {
            let place = self.fields.place("Code");
            let code = Fields::open(node, place, "Code", CODE, self.findings)?;
            if code.has("ImageUri") {
                return None;
            }
            if code.has("ZipFile") {
                let text = code.required_text("ZipFile")?;
                return self.short(text, "Code");
            }
        }
        files(self.fields, "Code", self.place, self.findings)
    }

    pub(super) fn check_inline(&self, language: Option<Language>, handler: &str) {
        let (inline, folder) = match self.is_plain {
            true => ("Code", "Code"),
            false => ("InlineCode", "CodeUri"),
        };
        if language == Some(Language::Custom) {
            self.say(
                self.error(inline, "inline code cannot be a custom runtime")
                    .why("a custom runtime is a program")
                    .help(format!(
                        "set `{folder}` to the directory of the program `bootstrap`"
                    )),
            );
        } else if !handler.starts_with("index.") {
            self.say(
                self.error("Handler", "inline code is in the file `index`")
                    .why(format!("`{handler}` names another file"))
                    .help("write `Handler: index.` and the name of what the code exports"),
            );
        }
    }

    pub(super) fn handler(&self, language: Option<Language>) -> Option<String> {
        let handler = self.fields.required_text("Handler")?;
        let wrong = |why: &str| {
            self.say(
                Finding::error(
                    self.fields.place("Handler"),
                    format!("`{handler}` cannot be a handler"),
                )
                .why(why.to_owned())
                .help("the file and what it exports, as in `index.handler` or `src/app.handler`"),
            );
            None
        };
        if handler.len() > 128 || handler.contains(char::is_whitespace) {
            return wrong("at most 128 characters, without white space");
        }
        // What it means in a custom runtime is the runtime's affair.
        if !handler.contains('.') && language != Some(Language::Custom) {
            return wrong("it names no function in a file");
        }
        Some(handler)
    }

    /// Said before the first invocation fails by it. The file may still be built, so it is no error.
    pub(crate) fn look_for_handler(&self, language: Option<Language>, handler: &str, dir: &Path) {
        let (module, _) = handler.rsplit_once('.').unwrap_or((handler, ""));
        let files = match language {
            None | Some(Language::CSharp | Language::Hosted) => return,
            Some(Language::Node) => {
                let file = module_of(handler);
                vec![
                    format!("{file}.js"),
                    format!("{file}.mjs"),
                    format!("{file}.cjs"),
                    file.to_owned(),
                ]
            }
            Some(Language::Python) => {
                let file = module.replace('.', "/");
                vec![format!("{file}.py"), file]
            }
            Some(Language::Custom) => vec!["bootstrap".to_owned()],
        };
        if language == Some(Language::Node) && self.is_typescript(handler, dir) {
            return;
        }
        if !files.iter().any(|file| dir.join(file).exists()) {
            let place = self.fields.place("Handler");
            self.say(
                Finding::notice(
                    place,
                    format!("the handler's file `{}` is not there", files[0]),
                )
                .why(format!("looked in {}", dir.display()))
                .help("build the code before the function is invoked, or correct `Handler`"),
            );
        }
    }
}

/// Where Node looks for a handler: its file without the ending. What follows may be a way through what it exports.
pub(crate) fn module_of(handler: &str) -> &str {
    let (module, _) = handler.rsplit_once('.').unwrap_or((handler, ""));
    let base = module.rfind('/').map_or(0, |slash| slash + 1);
    let end = module[base..]
        .find('.')
        .map_or(module.len(), |dot| base + dot);
    &module[..end]
}
