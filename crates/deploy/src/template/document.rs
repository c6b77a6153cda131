//! A template's file, read but not yet understood, and those that are nested in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cdk::Assets;
use crate::diagnostic::{Finding, Report, Source};
use crate::template::function::Place;
use crate::template::tree::Node;
use crate::template::{include, read, shown};

/// A file, and the templates that its resources nest.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub(crate) root: Node,
    /// As an absolute path if it was loaded.
    pub(crate) file: PathBuf,
    pub(crate) assets: Arc<Assets>,
    /// By the logical ids of the resources that nest them.
    pub(crate) nested: BTreeMap<String, Arc<Self>>,
    /// How many resources it declares, each template in it counted as often as it is nested.
    pub(crate) resources: usize,
}

impl Document {
    /// What paths in it are relative to.
    pub(crate) fn dir(&self) -> &Path {
        self.file.parent().unwrap_or(Path::new("."))
    }

    /// Where the files are that it names.
    pub(crate) fn place(&self) -> Place<'_> {
        Place {
            dir: self.dir(),
            assets: &self.assets,
        }
    }

    /// As a person in the current directory would write its file.
    pub(crate) fn shown(&self) -> String {
        shown(&self.file).display().to_string()
    }

    /// This one and all that are nested in it, each once.
    pub(crate) fn all(&self) -> Vec<&Self> {
        let mut seen = BTreeSet::new();
        let mut all = Vec::new();
        let mut open = vec![self];
        while let Some(one) = open.pop() {
            if seen.insert(&one.file) {
                all.push(one);
                open.extend(one.nested.values().map(AsRef::as_ref));
            }
        }
        all
    }

    /// The same with other trees, of what is nested in it too.
    pub(crate) fn rewritten(&self, rewrite: &impl Fn(&mut Node)) -> Self {
        self.rewritten_once(rewrite, &mut BTreeMap::new())
    }

    /// What is nested several times is rewritten once.
    fn rewritten_once(
        &self,
        rewrite: &impl Fn(&mut Node),
        done: &mut BTreeMap<PathBuf, Arc<Self>>,
    ) -> Self {
        let mut root = self.root.clone();
        rewrite(&mut root);
        let mut nested = BTreeMap::new();
        for (id, one) in &self.nested {
            let known = done.get(&one.file).cloned();
            let one = known.unwrap_or_else(|| {
                let made = Arc::new(one.rewritten_once(rewrite, done));
                done.insert(made.file.clone(), made.clone());
                made
            });
            nested.insert(id.clone(), one);
        }
        Self {
            root,
            nested,
            ..self.clone()
        }
    }
}

/// The text of a template's file, or why it cannot be had.
pub(crate) fn text_of(file: &Path) -> Result<String, Finding> {
    // Longer than what is read is refused with its place, but not read first.
    let length = fs::metadata(file).map_or(0, |metadata| metadata.len());
    if length > 4 * read::MAX_BYTES as u64 {
        return Err(Finding::placeless("the template is too long").help("split it"));
    }
    let bytes = fs::read(file).map_err(|error| {
        Finding::placeless(format!("cannot read {}: {error}", file.display()))
            .help("check that it is there and may be read")
    })?;
    let text = String::from_utf8(bytes).map_err(|_| {
        Finding::placeless(format!("{} is not UTF-8 text", file.display())).help("save it as UTF-8")
    })?;
    Ok(without_mark(text))
}

/// Without the mark of the order of its bytes, which is no text.
pub(crate) fn without_mark(text: String) -> String {
    match text.strip_prefix('\u{feff}') {
        Some(text) => text.to_owned(),
        None => text,
    }
}

/// The tree of a file with all that it includes, and what is only worth a notice; or what is wrong with it.
pub(crate) fn tree(source: &Source, dir: &Path) -> Result<(Node, Vec<Finding>), Vec<Finding>> {
    let mut noticed = Vec::new();
    let root = read::read(source, &mut noticed)?;
    let report = Report::default();
    let root = include::expand(&root, dir, &report);
    if report.has_errors() {
        return Err(report.into_findings());
    }
    noticed.extend(report.into_findings());
    Ok((root, noticed))
}
