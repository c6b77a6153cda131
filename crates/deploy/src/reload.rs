//! What a changed file means for what is deployed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::Template;
use crate::build::{Build, is_source};
use crate::desired::{Code, Desired, Function, Layer};
use crate::recipe::Recipe;

/// What is to be done after files have changed. Everything may be empty: most files mean nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reload {
    /// The template itself: load it again, plan and apply.
    pub template: bool,
    /// Code whose packages must be looked at: see [`crate::build`].
    pub packages: BTreeSet<Build>,
    /// Physical names of functions whose instances run old code.
    pub functions: BTreeSet<String>,
    /// Physical names of functions whose instances have loaded layers that are others now.
    pub layered: BTreeSet<String>,
    /// Zip files: their functions are updated by planning and applying again.
    pub archives: bool,
}

impl Reload {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Which functions use the changed files, and what else they mean. Paths must be absolute.
pub fn affected<'a>(
    template: &Template,
    desired: &Desired,
    changed: impl IntoIterator<Item = &'a Path>,
) -> Reload {
    let mut reload = Reload::default();
    for path in changed {
        reload.template |= template.reads(path);
        for function in desired.functions() {
            reload.note(path, function);
        }
        for layer in desired.layers() {
            reload.note_layer(path, layer, desired);
        }
    }
    reload
}

impl Reload {
    fn note(&mut self, changed: &Path, function: &Function) {
        match &function.code {
            Code::Directory(dir) | Code::Made(Recipe { source: dir, .. }) => {
                let Some(inner) = changed
                    .strip_prefix(dir)
                    .ok()
                    .filter(|inner| counts(dir, inner))
                else {
                    return;
                };
                match function.publish {
                    // Planning finds that its code has changed, and applying publishes it.
                    Some(_) => self.archives = true,
                    None => _ = self.functions.insert(function.name.clone()),
                }
                // Of sources, any may be among what the code is made of.
                let is_made = matches!(function.code, Code::Made(_));
                if is_made || is_package_file(inner) || is_source(inner) {
                    self.packages.extend(function.build());
                }
            }
            Code::Zip(file) => self.archives |= changed == file,
            Code::Inline(_) => {}
        }
    }

    /// A layer that is a directory is used where it is, but instances have loaded what was there.
    fn note_layer(&mut self, changed: &Path, layer: &Layer, desired: &Desired) {
        match &layer.code {
            Code::Zip(file) => self.archives |= changed == file,
            Code::Directory(dir) | Code::Made(Recipe { source: dir, .. })
                if changed.starts_with(dir) =>
            {
                self.packages.extend(layer.build());
                let uses = |function: &&Function| {
                    function.layers.iter().any(|used| used.name == layer.name)
                };
                let using = desired.functions().filter(uses);
                self.layered
                    .extend(using.map(|function| function.name.clone()));
            }
            Code::Directory(_) | Code::Made(_) | Code::Inline(_) => {}
        }
    }
}

/// Directories to be watched for changes, each once.
pub fn watched(template: &Template, desired: &Desired) -> BTreeSet<PathBuf> {
    let mut watched = desired.code_folders();
    let others = desired.codes().filter_map(|code| match code {
        Code::Zip(file) => file.parent(),
        Code::Directory(dir) | Code::Made(Recipe { source: dir, .. }) => Some(dir.as_path()),
        Code::Inline(_) => None,
    });
    watched.extend(others.map(Path::to_owned));
    let files = template.files().into_iter();
    watched.extend(files.filter_map(Path::parent).map(Path::to_owned));
    watched
}

/// Not what the server itself writes, nor what editors and package managers leave lying about. Packages in `node_modules` are code, but they change by the
/// thousand while they are installed, and `package.json` or the lock file changes with them.
fn counts(folder: &Path, inner: &Path) -> bool {
    let noise = |name: &str| {
        matches!(name, "node_modules" | "__pycache__" | ".git" | ".fulmar")
            || name.ends_with('~')
            || name.ends_with(".swp")
            || name.ends_with(".swx")
            || name.starts_with(".#")
            || name == "4913"
    };
    let is_data =
        |part: &Path| !part.as_os_str().is_empty() && runtimes::is_data_folder(&folder.join(part));
    !inner
        .components()
        .any(|part| noise(&part.as_os_str().to_string_lossy()))
        && !inner.ancestors().any(is_data)
}

fn is_package_file(inner: &Path) -> bool {
    let files = [
        "package.json",
        "package-lock.json",
        "npm-shrinkwrap.json",
        "requirements.txt",
    ];
    files.iter().any(|name| inner == Path::new(name))
}

#[cfg(test)]
mod tests;
