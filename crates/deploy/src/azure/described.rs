//! Functions of the older model: what their `function.json` say.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::Declared;
use super::found::folders;
use crate::diagnostic::{Diagnostics, Finding, Source};

/// In which builds of the isolated model list their functions.
const LIST: &str = "functions.metadata";

pub(super) fn read(folder: &Path) -> Result<Vec<Declared>, Diagnostics> {
    let list = folder.join(LIST);
    match list.is_file() {
        true => json(&list),
        false => folders(folder).map(|folder| one(&folder)).collect(),
    }
}

fn one(folder: &Path) -> Result<Declared, Diagnostics> {
    let declared: Declared = json(&folder.join("function.json"))?;
    let name = folder.file_name().unwrap_or_default();
    Ok(Declared {
        name: name.to_string_lossy().into_owned(),
        ..declared
    })
}

fn json<T: DeserializeOwned>(file: &Path) -> Result<T, Diagnostics> {
    let wrong = |message: String| {
        let source = Arc::new(Source::new(file, String::new()));
        Diagnostics::new(&source, vec![Finding::placeless(message)])
    };
    let text = fs::read_to_string(file)
        .map_err(|why| wrong(format!("cannot read {}: {why}", file.display())))?;
    serde_json::from_str(text.trim_start_matches('\u{feff}'))
        .map_err(|why| wrong(format!("{} does not read: {why}", file.display())))
}
