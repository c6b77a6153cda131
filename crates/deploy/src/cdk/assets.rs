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
pub(crate) struct Asset {
    /// With `${AWS::Region}` and the like.
    pub(crate) bucket: String,
    /// A folder that is packed on its way, or a file that goes as it is; none of what a program makes when it is published.
    pub(crate) path: Option<PathBuf>,
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
    bucket_name: String,
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
        let path = listed.source.path.map(|path| folder.join(path));
        for destination in listed.destinations.into_values() {
            let asset = Asset {
                bucket: destination.bucket_name,
                path: path.clone(),
            };
            assets.insert(destination.object_key, asset);
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
        let asset = |path| Asset {
            bucket: "b".into(),
            path,
        };
        let want = [
            ("ab.zip".into(), asset(Some(folder.path().join("asset.ab")))),
            ("cd.zip".into(), asset(None)),
        ];
        assert_eq!(assets, Assets::from(want));
        assert!(beside(&folder.path().join("template.yaml")).is_empty());
    }
}
