//! Templates that are nested in others: where their files are, and reading them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cdk::{self, Assets};
use crate::diagnostic::{Finding, Report, Source, Span};
use crate::template::document::{self, Document};
use crate::template::function::normal;
use crate::template::shape::{Schema, Support};
use crate::template::tree::{Node, Value};
use crate::template::{shown, template_in};
use Support::{Notice, Obeyed};

pub(crate) const STACK: Schema = &[
    ("NotificationARNs", UNTOLD),
    ("Parameters", Obeyed),
    ("Tags", UNTAGGED),
    ("TemplateURL", Obeyed),
    ("TimeoutInMinutes", UNTIMED),
];
pub(crate) const APPLICATION: Schema = &[
    ("Location", Obeyed),
    ("NotificationARNs", UNTOLD),
    ("Parameters", Obeyed),
    ("Tags", UNTAGGED),
    ("TimeoutInMinutes", UNTIMED),
];
const UNTOLD: Support = Notice("nobody is told how a deployment goes on");
const UNTAGGED: Support = Notice("resources are not given the tags of their stack");
const UNTIMED: Support = Notice("a deployment takes as long as it takes");

/// The types that nest a template, and the property that says which.
const TYPES: [(&str, &str); 2] = [
    ("AWS::CloudFormation::Stack", "TemplateURL"),
    ("AWS::Serverless::Application", "Location"),
];
/// Each is read within the one that nests it.
const DEEPEST: usize = 16;
const LOCAL: &str = "write the path of a template, relative to this one";

/// A resource that nests a template.
struct Nesting<'a> {
    id: &'a str,
    location: &'a Node,
    property: &'static str,
    metadata: Option<&'a Node>,
}

/// Reads what is nested in a template, each file once.
pub(crate) struct Reader {
    sources: Vec<Source>,
    /// Where the next file starts among the places of all.
    start: usize,
    /// By their true paths; none of what cannot be read, which has been reported.
    known: BTreeMap<PathBuf, Option<Arc<Document>>>,
    /// The files that are being read, each nested in the one before it.
    open: Vec<PathBuf>,
    findings: Vec<Finding>,
}

impl Reader {
    /// Reads what is nested in this file.
    pub(crate) fn new(file: &Path, source: &Source) -> Self {
        Self {
            sources: Vec::new(),
            start: source.end(),
            known: BTreeMap::new(),
            open: vec![canonical(file)],
            findings: Vec::new(),
        }
    }

    /// The files that were read, and what was found in them.
    pub(crate) fn into_parts(self) -> (Vec<Source>, Vec<Finding>) {
        (self.sources, self.findings)
    }

    pub(crate) fn document(&mut self, root: Node, file: &Path, assets: Arc<Assets>) -> Document {
        let dir = file.parent().unwrap_or(Path::new("."));
        let mut nested = BTreeMap::new();
        for nesting in nestings(&root) {
            match nesting.file(dir, &assets) {
                Ok(path) => {
                    let read = self.nested(&path, nesting.location.span, &assets);
                    nested.extend(read.map(|read| (nesting.id.to_owned(), read)));
                }
                Err(finding) => self.findings.push(finding),
            }
        }
        let own = root.get("Resources").and_then(Node::entries);
        let within = nested.values().map(|one| one.resources);
        Document {
            resources: within.fold(own.map_or(0, <[_]>::len), usize::saturating_add),
            file: file.to_owned(),
            assets,
            nested,
            root,
        }
    }

    fn nested(&mut self, path: &Path, at: Span, assets: &Arc<Assets>) -> Option<Arc<Document>> {
        let key = canonical(path);
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        if let Some(from) = self.open.iter().position(|open| *open == key) {
            self.findings.push(circle(&self.open[from..], at));
            return None;
        }
        if self.open.len() > DEEPEST {
            let message = format!("more than {DEEPEST} templates are nested in one another");
            self.findings.push(Finding::error(at, message));
            return None;
        }
        let text = match document::text_of(path) {
            Ok(text) => text,
            Err(finding) => {
                self.findings.push(finding.at_least_at(at));
                return None;
            }
        };
        self.open.push(key.clone());
        let read = self.read(path, text, at, assets).map(Arc::new);
        self.open.pop();
        self.known.insert(key, read.clone());
        read
    }

    fn read(
        &mut self,
        path: &Path,
        text: String,
        at: Span,
        assets: &Arc<Assets>,
    ) -> Option<Document> {
        let start = self.start;
        let source = Source::new(&shown(path), text).starting(start);
        self.start = source.end();
        let dir = path.parent().unwrap_or(Path::new("."));
        let read = document::tree(&source, dir);
        self.sources.push(source);
        let (root, found) = match read {
            Ok((root, noticed)) => (Some(root), noticed),
            Err(wrong) => (None, wrong),
        };
        let found = found.into_iter().map(|one| one.moved(start));
        self.findings.extend(found.map(|one| one.at_least_at(at)));
        let own = cdk::assets_beside(path);
        let assets = match own.is_empty() {
            // Those of a stack are listed with the one that nests it.
            true => assets.clone(),
            false => Arc::new(own),
        };
        Some(self.document(root?.moved(start), path, assets))
    }
}

fn nestings(root: &Node) -> impl Iterator<Item = Nesting<'_>> {
    let resources = root.get("Resources").and_then(Node::entries);
    resources.unwrap_or_default().iter().filter_map(|entry| {
        let of = entry.value.get("Type")?.scalar()?;
        let (_, property) = TYPES.iter().find(|(known, _)| *known == of)?;
        Some(Nesting {
            id: &entry.key,
            location: entry.value.get("Properties")?.get(property)?,
            property,
            metadata: entry.value.get("Metadata"),
        })
    })
}

/// Refuses what loops nest: files are read before anything is evaluated.
pub(crate) fn refuse_loops(written: &Node, looped: &Node, report: &Report) {
    let known: BTreeSet<&str> = nestings(written).map(|nesting| nesting.id).collect();
    for nesting in nestings(looped).filter(|nesting| !known.contains(nesting.id)) {
        report.add(
            Finding::error(
                nesting.location.span,
                "a stack that a loop writes out is not nested",
            )
            .help("declare each by itself"),
        );
    }
}

impl Nesting<'_> {
    /// The template's file, or why there is none.
    fn file(&self, dir: &Path, assets: &Assets) -> Result<PathBuf, Finding> {
        let error = |message: String| Finding::error(self.location.span, message);
        if let Some(path) = self.asset(self.location, assets) {
            return path.map(normal).ok_or_else(|| {
                error("this asset cannot be had before it is published".to_owned())
                    .why("a program of the application's tools makes it then")
            });
        }
        if let Some(path) = self.told_to_tools() {
            return self.existing(dir, path);
        }
        if let Some(application) = self.location.get("ApplicationId") {
            let named = application.scalar().unwrap_or("an application");
            let message = format!("`{named}` of the Serverless Application Repository is not here");
            return Err(error(message).help(LOCAL));
        }
        let Some(place) = self.written() else {
            let message = format!("`{}` must be written out", self.property);
            let what = self.location.kind();
            return Err(error(message).why(format!("this is {what}")).help(LOCAL));
        };
        match place.strip_prefix("file://") {
            Some(path) => self.existing(dir, path),
            None if place.contains("://") => {
                let message = format!("a template from `{place}` is not supported");
                Err(error(message).why("only files are read").help(LOCAL))
            }
            None => self.existing(dir, place),
        }
    }

    /// As it stands there, if that says where it is or at least what it cannot be.
    fn written(&self) -> Option<&str> {
        let Value::Call(call) = &self.location.value else {
            return self.location.scalar();
        };
        let text = call.argument.scalar().filter(|_| call.name == "Fn::Sub")?;
        (text.contains("://") || !text.contains("${")).then_some(text)
    }

    /// The file of the asset whose key is in the address, which may be put together of several texts.
    fn asset<'a>(&self, address: &Node, assets: &'a Assets) -> Option<Option<&'a Path>> {
        match &address.value {
            Value::Text(text) => {
                let (_, asset) = assets.iter().find(|(key, _)| text.ends_with(&**key))?;
                Some(asset.path.as_deref())
            }
            Value::List(items) => items.iter().find_map(|item| self.asset(item, assets)),
            Value::Call(call) => self.asset(&call.argument, assets),
            _ => None,
        }
    }

    /// The CDK says so of what it packages in a way of its own.
    fn told_to_tools(&self) -> Option<&str> {
        let said = |name| self.metadata?.get(name)?.scalar();
        let is_of_it = said("aws:asset:property") == Some(self.property);
        said("aws:asset:path").filter(|_| is_of_it)
    }

    fn existing(&self, dir: &Path, named: &str) -> Result<PathBuf, Finding> {
        let path = normal(&dir.join(named));
        let found = match path.is_dir() {
            true => template_in(&path),
            false => Some(path.clone()).filter(|path| path.is_file()),
        };
        found.ok_or_else(|| {
            let what = match path.is_dir() {
                true => "has no template",
                false => "does not exist",
            };
            Finding::error(self.location.span, format!("`{named}` {what}"))
                .why(format!("looked for {}", path.display()))
                .help("the path is relative to the template")
        })
    }
}

fn circle(files: &[PathBuf], at: Span) -> Finding {
    let first = files.first();
    let names = files.iter().chain(first).map(|file| {
        let file = shown(file);
        file.display().to_string()
    });
    let names: Vec<String> = names.collect();
    Finding::error(at, format!("`{}` nests itself", names[0])).why(names.join(" → "))
}

fn canonical(file: &Path) -> PathBuf {
    fs::canonicalize(file).unwrap_or_else(|_| file.to_owned())
}
