//! The function that an instance is for, as a worker is told of it; and all that there are, for whoever deploys them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::message::{Binding, DataType, Direction, Metadata};

/// Where builds list their functions.
const LIST: &str = "functions.metadata";
/// What says of a folder that it is a function.
const DESCRIPTION: &str = "function.json";
/// What a folder's code is called where nothing says it.
const SCRIPTS: [&str; 4] = ["__init__.py", "main.py", "index.js", "run.ps1"];

pub(crate) struct Function {
    /// The binding by which it is called, and the one by which it answers.
    pub(crate) trigger: String,
    pub(crate) output: String,
    /// Nothing but requests come, and nothing but answers go.
    pub(crate) is_plain_http: bool,
    pub(crate) metadata: Metadata,
}

impl Function {
    /// As the application's files describe it.
    pub(crate) fn read(root: &Path, name: &str) -> Result<Self, String> {
        let folder = root.join(name);
        let described = folder.join(DESCRIPTION);
        if described.is_file() {
            let said = json_of(&described)?;
            return Self::of(described_by(name, &folder, &said));
        }
        let listed = json_of(&root.join(LIST))?;
        let mut all = listed.as_array().into_iter().flatten();
        let said = all.find(|one| one["name"].as_str() == Some(name));
        let said = said.ok_or_else(|| format!("{LIST} lists no function {name}"))?;
        Self::of(described_by(name, root, said))
    }

    /// As its worker describes it. What a host says of its bindings is made of the raw ones.
    pub(crate) fn of(mut metadata: Metadata) -> Result<Self, String> {
        let name = &metadata.name;
        let raw = metadata.raw_bindings.iter();
        let bindings: Vec<Value> = raw
            .map(|raw| serde_json::from_str(raw))
            .collect::<Result<_, _>>()
            .map_err(|why| format!("a binding of {name} does not read: {why}"))?;
        let kind = |binding: &Value| text(binding, "type").to_ascii_lowercase();
        let trigger = bindings
            .iter()
            .find(|one| kind(one).ends_with("trigger"))
            .ok_or_else(|| format!("{name} has no trigger"))?;
        let output = bindings.iter().find(|one| kind(one) == "http");
        let function = Self {
            trigger: text(trigger, "name").to_owned(),
            output: output.map_or("$return", |one| text(one, "name")).to_owned(),
            is_plain_http: kind(trigger) == "httptrigger"
                && output.is_some()
                && bindings.len() == 2,
            metadata: Metadata::default(),
        };
        metadata.bindings = bindings.iter().map(binding).collect();
        Ok(Self {
            metadata,
            ..function
        })
    }
}

/// All functions that the application's files describe.
pub(crate) fn all(root: &Path) -> Result<Vec<Metadata>, String> {
    let list = root.join(LIST);
    if list.is_file() {
        let listed = json_of(&list)?;
        let all = listed.as_array().into_iter().flatten();
        return Ok(all
            .map(|said| described_by(text(said, "name"), root, said))
            .collect());
    }
    let entries = fs::read_dir(root).map_err(|why| why.to_string())?;
    let folders = entries.flatten().map(|entry| entry.path());
    let mut folders: Vec<PathBuf> = folders
        .filter(|folder| folder.join(DESCRIPTION).is_file())
        .collect();
    folders.sort();
    let described = folders.iter().map(|folder| {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let said = json_of(&folder.join(DESCRIPTION))?;
        Ok(described_by(&name, folder, &said))
    });
    described.collect()
}

/// What whoever deploys them reads.
pub(crate) fn declared(functions: &[Metadata]) -> Result<Vec<u8>, String> {
    let one = |function: &Metadata| {
        let bindings = function.raw_bindings.iter();
        let bindings: Result<Vec<Value>, _> =
            bindings.map(|raw| serde_json::from_str(raw)).collect();
        let bindings = bindings
            .map_err(|why| format!("a binding of {} does not read: {why}", function.name))?;
        Ok(json!({ "name": function.name, "bindings": bindings }))
    };
    let all: Result<Vec<Value>, String> = functions.iter().map(one).collect();
    Ok(Value::Array(all?).to_string().into_bytes())
}

fn described_by(name: &str, folder: &Path, said: &Value) -> Metadata {
    let script = match said["scriptFile"].as_str() {
        Some(script) => Some(normal(&folder.join(script))),
        None => SCRIPTS
            .iter()
            .map(|script| folder.join(script))
            .find(|script| script.is_file()),
    };
    let bindings = said["bindings"].as_array().into_iter().flatten();
    Metadata {
        directory: folder.display().to_string(),
        script_file: script.map_or_else(String::new, |file| file.display().to_string()),
        entry_point: text(said, "entryPoint").to_owned(),
        name: name.to_owned(),
        language: text(said, "language").to_owned(),
        raw_bindings: bindings.map(ToString::to_string).collect(),
        function_id: format!("fulmar-{name}"),
        ..Metadata::default()
    }
}

fn text<'a>(said: &'a Value, name: &str) -> &'a str {
    said[name].as_str().unwrap_or_default()
}

fn binding(said: &Value) -> (String, Binding) {
    let direction = match text(said, "direction").to_ascii_lowercase().as_str() {
        "out" => Direction::Out,
        "inout" => Direction::Inout,
        _ => Direction::In,
    };
    let data_type = match text(said, "dataType").to_ascii_lowercase().as_str() {
        "string" => DataType::String,
        "binary" => DataType::Binary,
        "stream" => DataType::Stream,
        _ => DataType::Undefined,
    };
    let binding = Binding {
        kind: text(said, "type").to_owned(),
        direction: direction.into(),
        data_type: data_type.into(),
    };
    (text(said, "name").to_owned(), binding)
}

/// Without the steps upwards that builds write.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => drop(normal.pop()),
            part => normal.push(part),
        }
    }
    normal
}

pub(crate) fn json_of(file: &Path) -> Result<Value, String> {
    let shown = file.display();
    let text = fs::read_to_string(file).map_err(|why| format!("cannot read {shown}: {why}"))?;
    let text = text.trim_start_matches('\u{feff}');
    serde_json::from_str(text).map_err(|why| format!("{shown} does not read: {why}"))
}
