//! `BuildMethod: esbuild` and its properties.

use std::collections::BTreeMap;
use std::path::Path;

use crate::diagnostic::Finding;
use crate::recipe::How;
use crate::template::function::{Reading, module_of};
use crate::template::scalar;
use crate::template::tree::{Entry, Node, Value};

/// How a property becomes an option of esbuild's.
#[derive(Clone, Copy)]
enum Shape {
    /// `--minify`
    Flag,
    /// `--target=es2020`
    Value,
    /// `--external:a --external:b`, or `--define:a=b` for names with values.
    Many,
}
use Shape::{Flag, Many, Value as One};

const OPTIONS: &[(&str, &str, Shape)] = &[
    ("Alias", "alias", Many),
    ("Banner", "banner", Many),
    ("Charset", "charset", One),
    ("Conditions", "conditions", One),
    ("Define", "define", Many),
    ("Drop", "drop", Many),
    ("External", "external", Many),
    ("Footer", "footer", Many),
    ("Format", "format", One),
    ("Inject", "inject", Many),
    ("KeepNames", "keep-names", Flag),
    ("LegalComments", "legal-comments", One),
    ("Loader", "loader", Many),
    ("MainFields", "main-fields", One),
    ("Minify", "minify", Flag),
    ("OutExtension", "out-extension", Many),
    ("Packages", "packages", One),
    ("Pure", "pure", Many),
    ("ResolveExtensions", "resolve-extensions", One),
    ("Sourcemap", "sourcemap", Flag),
    ("SourcesContent", "sources-content", One),
    ("Splitting", "splitting", Flag),
    ("Target", "target", One),
    ("TreeShaking", "tree-shaking", One),
    ("Tsconfig", "tsconfig", One),
];
/// What the vendor's command line says where the template does not.
const DEFAULTS: &[(&str, &str)] = &[
    ("Minify", "--minify"),
    ("Target", "--target=es2020"),
    ("Format", "--format=cjs"),
];
const ENTRIES: &str = "EntryPoints";
const NODE_OPTIONS: &str = "NODE_OPTIONS";
const MAPPED: &str = "--enable-source-maps";

pub(super) struct Bundled {
    pub(super) how: How,
    pub(super) handler: String,
}

impl Reading<'_> {
    /// None if something is wrong, which has been said.
    pub(super) fn bundled(
        &self,
        at: &Node,
        handler: &str,
        dir: &Path,
        environment: &mut BTreeMap<String, String>,
    ) -> Option<Bundled> {
        let properties = self.metadata?.get("BuildProperties");
        let properties = properties.and_then(Node::entries).unwrap_or_default();
        let entries = self.entries(at, properties, dir)?;
        let mut options = Vec::new();
        for property in properties.iter().filter(|property| property.key != ENTRIES) {
            self.option(property, &mut options);
        }
        let given = |name: &str| properties.iter().any(|property| property.key == name);
        let defaults = DEFAULTS.iter().filter(|(name, _)| !given(name));
        options.extend(defaults.map(|(_, option)| (*option).to_owned()));
        map_sources(given("Sourcemap"), &mut options, environment);
        let handler = self.bundled_handler(handler, &entries)?;
        let how = How::Bundle { entries, options };
        Some(Bundled { how, handler })
    }

    /// The entry points, as files that are there.
    fn entries(&self, at: &Node, properties: &[Entry], dir: &Path) -> Option<Vec<String>> {
        let Some(entry) = properties.iter().find(|property| property.key == ENTRIES) else {
            self.say(
                Finding::error(at.span, format!("`{ENTRIES}` is missing"))
                    .why("esbuild must be told what to bundle")
                    .help("for example `BuildProperties: {EntryPoints: [app.ts]}`"),
            );
            return None;
        };
        let items = match &entry.value.value {
            Value::List(items) if !items.is_empty() => items,
            Value::Broken => return None,
            _ => {
                let message = format!("`{ENTRIES}` must be a list of files");
                self.say(Finding::error(entry.value.span, message));
                return None;
            }
        };
        let files = items.iter().map(|item| self.entry(item, dir));
        // Each is looked for, so that all that are missing are told.
        files.collect::<Vec<_>>().into_iter().collect()
    }

    /// Whether any of what is to be bundled is there: what the vendor's command line has built says still how.
    pub(super) fn has_sources(&self, dir: &Path) -> bool {
        let properties = self
            .metadata
            .and_then(|metadata| metadata.get("BuildProperties"));
        let entries = properties.and_then(|properties| properties.get(ENTRIES));
        let Some(Value::List(items)) = entries.map(|entries| &entries.value) else {
            return true;
        };
        let mut names = items.iter().filter_map(Node::scalar);
        names.any(|name| source(name, dir).is_some())
    }

    fn entry(&self, item: &Node, dir: &Path) -> Option<String> {
        let text = scalar::text(item, self.findings.report)?;
        let found = source(&text, dir);
        if found.is_none() {
            self.say(
                Finding::error(
                    item.span,
                    format!("the entry point `{text}` does not exist"),
                )
                .why(format!("looked in {}", dir.display()))
                .help("it is relative to `CodeUri`"),
            );
        }
        found
    }

    fn option(&self, property: &Entry, options: &mut Vec<String>) {
        let (key, value) = (property.key.as_str(), &property.value);
        let Some((_, option, shape)) = OPTIONS.iter().find(|(name, ..)| *name == key) else {
            let message = format!("`{key}` has no effect here");
            let finding = Finding::notice(property.key_span, message);
            self.say(finding.why("it is none of the properties of esbuild that are passed on"));
            return;
        };
        let texts = |node: &Node| -> Option<Vec<String>> {
            let report = self.findings.report;
            match &node.value {
                Value::List(items) => items
                    .iter()
                    .map(|item| scalar::text(item, report))
                    .collect(),
                Value::Map(entries) => entries
                    .iter()
                    .map(|entry| {
                        Some(format!(
                            "{}={}",
                            entry.key,
                            scalar::text(&entry.value, report)?
                        ))
                    })
                    .collect(),
                _ => Some(vec![scalar::text(node, report)?]),
            }
        };
        let read = match shape {
            Flag => {
                scalar::boolean(value).map(|on| Vec::from_iter(on.then(|| format!("--{option}"))))
            }
            One => texts(value).map(|texts| vec![format!("--{option}={}", texts.join(","))]),
            Many => texts(value).map(|texts| {
                let many = texts.iter().map(|text| format!("--{option}:{text}"));
                many.collect()
            }),
        };
        let wanted = match shape {
            Flag => "true or false",
            One => "a string",
            Many => "a list of strings",
        };
        let read = read.or_else(|| self.fields.wrong(key, value, wanted));
        options.extend(read.unwrap_or_default());
    }

    /// What comes of the sources has no folders that all entry points are in, so a handler that names them is found without.
    fn bundled_handler(&self, handler: &str, entries: &[String]) -> Option<String> {
        let outputs = outputs(entries);
        let bare = handler.rsplit('/').next().unwrap_or(handler);
        let found = [handler, bare].into_iter().find(|handler| {
            let module = module_of(handler).trim_start_matches("./");
            outputs.iter().any(|output| output == module)
        });
        if found.is_none() {
            let list = Vec::from_iter(outputs.iter().map(|output| format!("`{output}.js`")));
            self.say(
                self.error(
                    "Handler",
                    format!(
                        "no entry point makes the handler's file `{}.js`",
                        module_of(handler)
                    ),
                )
                .why(format!("they make {}", list.join(", "))),
            );
        }
        found.map(str::to_owned)
    }
}

/// The file that an entry point means.
fn source(entry: &str, dir: &Path) -> Option<String> {
    let name = entry.trim_start_matches("./").to_owned();
    let candidates = match Path::new(&name).extension() {
        Some(_) => vec![name],
        None => ["ts", "js"].map(|ending| format!("{name}.{ending}")).into(),
    };
    candidates.into_iter().find(|file| dir.join(file).is_file())
}

/// The files that come of entry points, without their endings: below the folder that all are in.
fn outputs(entries: &[String]) -> Vec<String> {
    let folders = |entry: &String| -> Vec<String> {
        let mut parts: Vec<_> = entry.split('/').map(str::to_owned).collect();
        parts.pop();
        parts
    };
    let mut shared = entries.first().map(folders).unwrap_or_default();
    for entry in entries {
        let other = folders(entry);
        let same = shared.iter().zip(&other).take_while(|(a, b)| a == b);
        shared.truncate(same.count());
    }
    let below = |entry: &String| {
        let inner: Vec<&str> = entry.split('/').skip(shared.len()).collect();
        let inner = inner.join("/");
        match inner.rsplit_once('.') {
            Some((module, _)) => module.to_owned(),
            None => inner,
        }
    };
    entries.iter().map(below).collect()
}

/// A map of the sources is made where Node is told to read it, and read where it is made.
fn map_sources(said: bool, options: &mut Vec<String>, environment: &mut BTreeMap<String, String>) {
    let asked = environment.get(NODE_OPTIONS).cloned().unwrap_or_default();
    let read = asked.split_whitespace().any(|option| option == MAPPED);
    let made = options.iter().any(|option| option == "--sourcemap");
    if made && !read {
        let with = format!("{asked} {MAPPED}");
        environment.insert(NODE_OPTIONS.to_owned(), with.trim().to_owned());
    } else if read && !said {
        options.push("--sourcemap".to_owned());
    }
}
