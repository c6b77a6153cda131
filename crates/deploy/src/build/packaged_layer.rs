//! Layers that are made of public packages alone: once for which packages they are, into the server's data folder.

use std::fs;
use std::path::{Path, PathBuf};

use runtimes::Packages;
use serde_json::{Map, Value, json};

use super::made::{Draft, failed};
use super::{npm, pip};
use crate::error::{Error, Result};
use crate::public_layer::Content;

const REQUIREMENTS: &str = "requirements.txt";
const PACKAGE: &str = "package.json";
/// Beside what is installed, npm leaves it.
const LOCK: &str = "package-lock.json";

/// A layer that is to be made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PackagedLayer {
    pub name: String,
    pub(crate) content: Content,
}

/// Makes the layer, unless there is one of the same packages. `tell` gets every line that is printed. Returns whether it
/// was made.
pub async fn make_layer(
    layer: &PackagedLayer,
    packages: &Packages,
    mut tell: impl FnMut(&str),
) -> Result<bool> {
    let place = layer.content.place(packages);
    if place.is_dir() {
        return Ok(false);
    }
    let draft = Draft::begin(&place)?;
    let filled = fill(&layer.content, &draft.code(), &mut tell).await;
    filled.map_err(|cause| Error::Layer {
        layer: layer.name.clone(),
        cause: Box::new(cause),
    })?;
    draft.settle(&place, &layer.content.said())?;
    Ok(true)
}

async fn fill(content: &Content, into: &Path, tell: &mut impl FnMut(&str)) -> Result<()> {
    match content {
        Content::Pip { runtime, packages } => {
            let file = into.join(REQUIREMENTS);
            write(&file, &packages.join("\n"))?;
            let python = pip::python(runtime, into).await?;
            pip::install(&python.path, &file, &into.join("python"), tell).await?;
            remove(&file)
        }
        Content::Npm { packages } => {
            let folder = into.join("nodejs");
            fs::create_dir(&folder).map_err(|cause| failed(&folder, &cause))?;
            let wanted = packages
                .iter()
                .map(|(name, version)| (name.clone(), json!(version)));
            let wanted = Value::from(Map::from_iter(wanted));
            let package = folder.join(PACKAGE);
            write(&package, &json!({ "dependencies": wanted }).to_string())?;
            npm::build(&folder, npm::Wanted::ToRun, &mut *tell).await?;
            for (name, version) in installed(&folder, packages) {
                tell(&format!("{name} {version}"));
            }
            remove(&package)?;
            remove(&folder.join(LOCK))
        }
    }
}

/// Which versions the packages have: npm does not say it.
fn installed<'a>(
    folder: &Path,
    packages: &'a [(String, String)],
) -> impl Iterator<Item = (&'a str, String)> {
    let modules = folder.join("node_modules");
    packages.iter().filter_map(move |(name, _)| {
        let text = fs::read(modules.join(name).join(PACKAGE)).ok()?;
        let package: Value = serde_json::from_slice(&text).ok()?;
        Some((name.as_str(), package["version"].as_str()?.to_owned()))
    })
}

fn write(file: &Path, text: &str) -> Result<()> {
    fs::write(file, text).map_err(|cause| failed(file, &cause))
}

fn remove(file: &Path) -> Result<()> {
    match fs::remove_file(file) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => Err(failed(file, &cause)),
        _ => Ok(()),
    }
}

impl Content {
    /// Where the layer of these packages is, once it is made.
    pub(crate) fn place(&self, packages: &Packages) -> PathBuf {
        let content = serde_json::to_vec(self).expect("it is plain data");
        packages.made(&content).join("code")
    }
}
