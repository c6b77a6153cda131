//! The files that a template names: a directory or a zip file beside it, or what was put there for a bucket.

use std::path::{Path, PathBuf};

use crate::cdk::{Asset, Assets};
use crate::desired::Code;
use crate::diagnostic::Finding;
use crate::template::shape::{Fields, Findings};
use crate::template::tree::{Node, Value};

/// Where the files are that a template names.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    /// Where the template is; paths in it are relative to this.
    pub(crate) dir: &'a Path,
    /// What it finds in a bucket.
    pub(crate) assets: &'a Assets,
}

/// The directory or zip file that a property names, relative to the template or as an asset.
pub(crate) fn files(
    fields: &Fields<'_>,
    property: &str,
    place: Place<'_>,
    findings: &Findings<'_>,
) -> Option<Code> {
    let say = |finding| findings.report.add(finding);
    let help = format!("set `{property}` to a directory or a zip file, relative to the template");
    let node = fields.required(property)?;
    if let Value::Map(_) = node.value {
        return match asset(node, place.assets) {
            Some(Asset {
                path: Some(path), ..
            }) => found(node, normal(path), &path.display(), findings),
            Some(_) => {
                say(
                    Finding::error(node.span, "this asset cannot be had before it is published")
                        .why("a program of the application's tools makes it then"),
                );
                None
            }
            None => {
                say(Finding::error(node.span, "code in a bucket is not supported yet").help(help));
                None
            }
        };
    }
    let uri = fields.text(property)?;
    if uri.contains("://") {
        let message = format!("code from `{uri}` is not supported yet");
        say(Finding::error(node.span, message).help(help));
        return None;
    }
    found(node, normal(&place.dir.join(&uri)), &uri, findings)
}

/// What was put beside the template under the key that this place in a bucket has.
fn asset<'a>(place: &Node, assets: &'a Assets) -> Option<&'a Asset> {
    let key = place.get("S3Key").or_else(|| place.get("Key"))?;
    assets.get(key.scalar()?)
}

fn found(
    node: &Node,
    path: PathBuf,
    named: &dyn std::fmt::Display,
    findings: &Findings<'_>,
) -> Option<Code> {
    if path.is_dir() {
        return Some(Code::Directory(path));
    }
    let is_zip = path.extension().is_some_and(|extension| {
        extension.eq_ignore_ascii_case("zip") || extension.eq_ignore_ascii_case("jar")
    });
    if path.is_file() && is_zip {
        return Some(Code::Zip(path));
    }
    let what = match path.exists() {
        true => "is neither a directory nor a zip file",
        false => "does not exist",
    };
    findings.report.add(
        Finding::error(node.span, format!("`{named}` {what}"))
            .why(format!("looked for {}", path.display()))
            .help("the path is relative to the template"),
    );
    None
}

/// The path without `.` and `..`, as far as names alone can say.
pub(crate) fn normal(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if normal.parent().is_some() => {
                normal.pop();
            }
            other => normal.push(other),
        }
    }
    normal
}
