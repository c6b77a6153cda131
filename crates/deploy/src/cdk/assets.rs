//! The files that the templates of an assembly find in a bucket in the cloud, and here where they were written.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// What the name of a stack's template ends in, and that of the list of its assets.
const TEMPLATE: &str = ".template.json";
const LIST: &str = ".assets.json";

/// By the keys under which they would be in the bucket.
pub(crate) type Assets = BTreeMap<String, Asset>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asset {
    /// A folder that is packed on its way, or a file that goes as it is.
    At(PathBuf),
    /// What a program makes when it is published.
    Made,
}

#[derive(Deserialize)]
struct List {
    #[serde(default)]
    files: BTreeMap<String, Listed>,
}

#[derive(Deserialize)]
struct Listed {
    source: Source,
    #[serde(default)]
    destinations: BTreeMap<String, Destination>,
}

#[derive(Deserialize)]
struct Source {
    path: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Destination {
    object_key: String,
}

/// Those of the template in this file: none, if no list of them is beside it.
pub(crate) fn beside(template: &Path) -> Assets {
    listed(template).unwrap_or_default()
}

fn listed(template: &Path) -> Option<Assets> {
    let name = template.file_name()?.to_str()?;
    let list = template.with_file_name(format!("{}{LIST}", name.strip_suffix(TEMPLATE)?));
    let list: List = serde_json::from_slice(&fs::read(list).ok()?).ok()?;
    let folder = template.parent()?;
    let mut assets = Assets::new();
    for listed in list.files.into_values() {
        let asset = match listed.source.path {
            Some(path) => Asset::At(folder.join(path)),
            None => Asset::Made,
        };
        for destination in listed.destinations.into_values() {
            assets.insert(destination.object_key, asset.clone());
        }
    }
    Some(assets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assets_are_known_by_their_keys() {
        let folder = tempfile::tempdir().unwrap();
        let list = r#"{"version": "36.0.0", "dockerImages": {}, "files": {
            "ab": {"source": {"path": "asset.ab", "packaging": "zip"},
                   "destinations": {"current": {"bucketName": "b", "objectKey": "ab.zip"}}},
            "cd": {"source": {"executable": ["make"], "packaging": "zip"},
                   "destinations": {"current": {"bucketName": "b", "objectKey": "cd.zip"}}}}}"#;
        fs::write(folder.path().join("Shop.assets.json"), list).unwrap();
        let assets = beside(&folder.path().join("Shop.template.json"));
        let want = [
            ("ab.zip".into(), Asset::At(folder.path().join("asset.ab"))),
            ("cd.zip".into(), Asset::Made),
        ];
        assert_eq!(assets, Assets::from(want));
        assert!(beside(&folder.path().join("template.yaml")).is_empty());
    }
}
