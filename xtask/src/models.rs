//! `cargo xtask models [SOURCE]`: reduces the service models that botocore publishes to what the AWS face reads.
//!
//! Kept: operations, members with their wire names and places, constraints, error codes. Dropped: prose, examples,
//! endpoints, client hints. One line for each operation and shape, so that an update of botocore reads well as a diff.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value, json};

use crate::run::root;

/// Folder in botocore's data and file name of ours.
const SERVICES: &[&str] = &[
    "apigateway",
    "dynamodb",
    "dynamodbstreams",
    "events",
    "lambda",
    "logs",
    "scheduler",
    "sns",
    "sqs",
    "sts",
];

const OUT: &str = "crates/face-aws/models";

/// Prints botocore's version and the newest model of each service, from what is installed, a folder or a wheel.
const EXTRACT: &str = r#"
import gzip, json, os, re, sys, zipfile
source, services = sys.argv[1], sys.argv[2:]
if not source:
    import botocore
    source = os.path.dirname(os.path.dirname(botocore.__file__))
if zipfile.is_zipfile(source):
    wheel = zipfile.ZipFile(source)
    names, read = wheel.namelist(), wheel.read
else:
    names = [os.path.relpath(os.path.join(folder, file), source)
             for folder, _, files in os.walk(os.path.join(source, "botocore")) for file in files]
    read = lambda name: open(os.path.join(source, name), "rb").read()
version = re.search(rb"__version__ = '([^']+)'", read("botocore/__init__.py"))[1].decode()
def model(service):
    found = [n for n in names if re.fullmatch(f"botocore/data/{service}/[^/]+/service-2.json(.gz)?", n)]
    raw = read(max(found))
    return json.loads(gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw)
json.dump({"version": version, "models": {service: model(service) for service in services}}, sys.stdout)
"#;

/// What the `regex` crate cannot read in patterns, and the same said without looking around.
const REWRITTEN: &[(&str, &str)] = &[
    // Not of digits alone.
    (
        r"(?!^[0-9]+$)^[0-9a-zA-Z-_]+$",
        "[0-9]*[a-zA-Z_-][0-9a-zA-Z_-]*",
    ),
    (
        r"(?!^[0-9]+$)([a-zA-Z0-9-_]+)",
        "[0-9]*[a-zA-Z_-][0-9a-zA-Z_-]*",
    ),
    (
        r"(?![0-9]+$)[0-9a-zA-Z-_]+",
        "[0-9]*[a-zA-Z_-][0-9a-zA-Z_-]*",
    ),
    // Not beginning with `system.`.
    (
        r"(^(?!(system\x2e)))(^[_a-zA-Z0-9])([^$]*)",
        "[_a-rt-zA-Z0-9][^$]*|s([^$y][^$]*)?|sy([^$s][^$]*)?|sys([^$t][^$]*)?|syst([^$e][^$]*)?\
         |syste([^$m][^$]*)?|system([^$.][^$]*)?",
    ),
    // Not beginning with `aws.`.
    (
        r"(?=[/\.\-_A-Za-z0-9]+)((?!aws\.).*)",
        r"([/._A-Zb-z0-9-].*|a([^w].*)?|aw([^s].*)?|aws([^.].*)?)",
    ),
    // Not of spaces alone.
    (r"^(?![\t\n\x0B\f\r ]*$).+", r".*[^\t\n\x0B\f\r ].*"),
    // Not ending in a dot.
    (
        r"[0-9A-Za-z\.\-_]*(?<!\.)",
        "([0-9A-Za-z._-]*[0-9A-Za-z_-])?",
    ),
    // Halves of characters, as UTF-16 has them.
    (r"\uD800\uDC00-\uDBFF\uDFFF", r"\x{10000}-\x{10FFFF}"),
    (r"\p{Print}", r"[\x20-\x7E]"),
];

pub(crate) fn reduce(source: &str) -> Result<()> {
    let services = SERVICES.iter().copied();
    let printed = std::process::Command::new("python3")
        .args(["-c", EXTRACT, source])
        .args(services)
        .output()
        .context("python3 did not start")?;
    ensure!(
        printed.status.success(),
        "reading botocore's models: {}",
        String::from_utf8_lossy(&printed.stderr)
    );
    let read: Value = serde_json::from_slice(&printed.stdout)?;
    let out = root().join(OUT);
    for service in SERVICES {
        let reduced = model(&read["models"][service]).with_context(|| (*service).to_owned())?;
        fs::write(out.join(format!("{service}.json")), reduced)?;
    }
    let version = read["version"]
        .as_str()
        .context("botocore names no version")?;
    fs::write(out.join("NOTICE"), notice(version))?;
    Ok(())
}

fn notice(version: &str) -> String {
    format!(
        "The files in this folder are derived from the service models in botocore {version}\n\
         (https://github.com/boto/botocore), reduced by `cargo xtask models`:\n\
         documentation, examples and client hints are removed, patterns rewritten for another engine.\n\n\
         Botocore\n\
         Copyright 2012-2026 Amazon.com, Inc. or its affiliates. All Rights Reserved.\n\n\
         Licensed under the Apache License, Version 2.0: see LICENSE at the root of this repository.\n"
    )
}

fn model(full: &Value) -> Result<String> {
    let metadata = &full["metadata"];
    let mut head = Map::new();
    head.insert("service".into(), metadata["serviceId"].clone());
    head.insert("version".into(), metadata["apiVersion"].clone());
    for key in ["protocol", "jsonVersion", "targetPrefix", "xmlNamespace"] {
        keep(metadata, key, &mut head);
    }
    let mut text = String::from("{\n");
    for (key, value) in &head {
        writeln!(text, "{}:{value},", json!(key))?;
    }
    section(&mut text, "operations", &full["operations"], operation)?;
    text.push_str(",\n");
    section(&mut text, "shapes", &full["shapes"], shape)?;
    text.push_str("\n}\n");
    Ok(text)
}

fn section(
    text: &mut String,
    name: &str,
    entries: &Value,
    reduce: impl Fn(&Value) -> Result<Map<String, Value>>,
) -> Result<()> {
    let entries = entries.as_object().with_context(|| format!("no {name}"))?;
    let mut lines = Vec::new();
    for (key, entry) in entries {
        let reduced = reduce(entry).with_context(|| key.clone())?;
        lines.push(format!("{}:{}", json!(key), Value::Object(reduced)));
    }
    lines.sort();
    write!(text, "{}:{{\n{}\n}}", json!(name), lines.join(",\n"))?;
    Ok(())
}

fn operation(full: &Value) -> Result<Map<String, Value>> {
    let mut kept = Map::new();
    kept.insert("method".into(), full["http"]["method"].clone());
    kept.insert("path".into(), full["http"]["requestUri"].clone());
    if let Some(status) = full["http"].get("responseCode") {
        kept.insert("status".into(), status.clone());
    }
    for side in ["input", "output"] {
        if let Some(shape) = full[side].get("shape") {
            kept.insert(side.into(), shape.clone());
        }
    }
    keep(&full["output"], "resultWrapper", &mut kept);
    Ok(kept)
}

fn shape(full: &Value) -> Result<Map<String, Value>> {
    let mut kept = Map::new();
    for key in [
        "type",
        "min",
        "max",
        "enum",
        "payload",
        "streaming",
        "eventstream",
        "timestampFormat",
        "flattened",
    ] {
        keep(full, key, &mut kept);
    }
    if let Some(pattern) = full.get("pattern").and_then(Value::as_str) {
        kept.extend(patterns(pattern)?);
    }
    if full["exception"] == true {
        let code = full["error"].get("code").unwrap_or(&Value::Null);
        let unsaid = if full["fault"] == true { 500 } else { 400 };
        let status = full["error"]["httpStatusCode"].as_u64().unwrap_or(unsaid);
        kept.insert("error".into(), json!({"code": code, "status": status}));
    }
    if let Some(members) = full.get("members").and_then(Value::as_object) {
        let required = full["required"].as_array().cloned().unwrap_or_default();
        let members = members.iter().map(|(name, member)| {
            (
                name.clone(),
                placed(member, required.contains(&json!(name))),
            )
        });
        kept.insert("members".into(), Value::Object(members.collect()));
    }
    for side in ["member", "key", "value"] {
        if let Some(part) = full.get(side) {
            kept.insert(side.into(), placed(part, false));
        }
    }
    Ok(kept)
}

/// A reference to a shape, and where on the wire its value is.
fn placed(member: &Value, required: bool) -> Value {
    let mut kept = Map::new();
    keep(member, "shape", &mut kept);
    for (theirs, ours) in [("location", "in"), ("locationName", "name")] {
        if let Some(value) = member.get(theirs) {
            kept.insert(ours.into(), value.clone());
        }
    }
    for flag in ["flattened", "timestampFormat", "jsonvalue"] {
        keep(member, flag, &mut kept);
    }
    if required {
        kept.insert("required".into(), true.into());
    }
    Value::Object(kept)
}

fn keep(from: &Value, key: &str, into: &mut Map<String, Value>) {
    if let Some(value) = from.get(key) {
        into.insert(key.into(), value.clone());
    }
}

/// The pattern as messages quote it, and as `test` what we compile, where that is written differently.
fn patterns(pattern: &str) -> Result<Map<String, Value>> {
    let mut test = ascii_classes(pattern);
    for (theirs, ours) in REWRITTEN {
        test = test.replace(theirs, ours);
    }
    if let Err(cause) = regex::Regex::new(&format!(r"\A(?:{test})\z")) {
        bail!("give the pattern {pattern} a line in REWRITTEN: {cause}");
    }
    let mut kept = Map::new();
    kept.insert("pattern".into(), pattern.into());
    if test != pattern {
        kept.insert("test".into(), test.into());
    }
    Ok(kept)
}

/// The models' engine means ASCII by `\d`, `\w` and `\s`; the `regex` crate means Unicode.
fn ascii_classes(pattern: &str) -> String {
    let mut out = String::new();
    let mut chars = pattern.chars();
    while let Some(char) = chars.next() {
        if char != '\\' {
            out.push(char);
            continue;
        }
        match chars.next() {
            Some('d') => out.push_str("[0-9]"),
            Some('w') => out.push_str("[0-9A-Za-z_]"),
            Some('s') => out.push_str(r"[\t\n\x0B\f\r ]"),
            Some('S') => out.push_str(r"[^\t\n\x0B\f\r ]"),
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
    out
}
