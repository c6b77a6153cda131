//! What the program of an application has written: which stacks there are, and in which order they are deployed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::environment::Environment;

const MANIFEST: &str = "manifest.json";

/// The stacks of an assembly, and those of the assemblies in it. Each comes after those that it depends on.
#[derive(Debug, Default)]
pub(crate) struct Assembly {
    pub(crate) members: Vec<Member>,
    /// What the program would have to know of an account to write the real thing.
    pub(crate) missing: Vec<String>,
}

/// A stack of an assembly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) stack: String,
    pub(crate) template: PathBuf,
    pub(crate) environment: Environment,
}

#[derive(Deserialize)]
struct Manifest {
    /// Of the format; each has one.
    #[serde(rename = "version")]
    _version: String,
    artifacts: BTreeMap<String, Artifact>,
    #[serde(default)]
    missing: Vec<Missing>,
}

#[derive(Deserialize)]
struct Missing {
    key: String,
}

#[derive(Deserialize)]
struct Artifact {
    r#type: String,
    #[serde(default)]
    environment: String,
    #[serde(default)]
    properties: Properties,
    #[serde(default)]
    dependencies: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Properties {
    template_file: Option<PathBuf>,
    stack_name: Option<String>,
    directory_name: Option<PathBuf>,
}

impl Assembly {
    /// The one that is in this folder, if it is one.
    pub(crate) fn in_folder(folder: &Path) -> Option<Self> {
        let mut assembly = Self::default();
        assembly.read(folder)?;
        Some(assembly)
    }

    fn read(&mut self, folder: &Path) -> Option<()> {
        let text = fs::read(folder.join(MANIFEST)).ok()?;
        let manifest: Manifest = serde_json::from_slice(&text).ok()?;
        let missing = manifest.missing.iter().map(|missing| missing.key.clone());
        self.missing.extend(missing);
        for id in in_order(&manifest.artifacts) {
            self.members
                .extend(member(id, &manifest.artifacts[id], folder));
        }
        // Stacks of a stage depend on none outside of it.
        for artifact in manifest.artifacts.values() {
            if let ("cdk:cloud-assembly", Some(inner)) = (
                artifact.r#type.as_str(),
                &artifact.properties.directory_name,
            ) {
                self.read(&folder.join(inner));
            }
        }
        Some(())
    }
}

impl Member {
    /// The stack that is made by this template, if it is one of an assembly.
    pub(crate) fn of(template: &Path) -> Option<Self> {
        let members = Assembly::in_folder(template.parent()?)?.members;
        members.into_iter().find(|one| one.template == template)
    }
}

/// The folder of the application whose assembly, or a template of it, is at `path`; of others, `path`.
pub fn application_of(path: &Path) -> &Path {
    let folder = match path.is_dir() {
        true => Some(path),
        false => path.parent(),
    };
    // Those of stages are in another one.
    let around = folder.into_iter().flat_map(Path::ancestors);
    let assemblies = around.take_while(|folder| Assembly::in_folder(folder).is_some());
    assemblies.last().and_then(Path::parent).unwrap_or(path)
}

fn member(id: &str, artifact: &Artifact, folder: &Path) -> Option<Member> {
    if artifact.r#type != "aws:cloudformation:stack" {
        return None;
    }
    let named = artifact.properties.stack_name.clone();
    Some(Member {
        stack: named.unwrap_or_else(|| id.to_owned()),
        template: folder.join(artifact.properties.template_file.as_ref()?),
        environment: Environment::parse(&artifact.environment),
    })
}

/// Whatever an artifact depends on comes before it.
fn in_order(artifacts: &BTreeMap<String, Artifact>) -> Vec<&String> {
    let mut order = Vec::new();
    let mut seen = BTreeSet::new();
    for id in artifacts.keys() {
        visit(id, artifacts, &mut seen, &mut order);
    }
    order
}

fn visit<'a>(
    id: &'a String,
    artifacts: &'a BTreeMap<String, Artifact>,
    seen: &mut BTreeSet<&'a String>,
    order: &mut Vec<&'a String>,
) {
    let Some(artifact) = artifacts.get(id) else {
        return;
    };
    if !seen.insert(id) {
        return;
    }
    for other in &artifact.dependencies {
        visit(other, artifacts, seen, order);
    }
    order.push(id);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, text: &str) {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join(MANIFEST), text).unwrap();
    }

    fn assembly() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        write(
            &folder.path().join("cdk.out"),
            r#"{"version": "36.0.0", "artifacts": {
                "Api": {"type": "aws:cloudformation:stack", "environment": "aws://unknown-account/unknown-region",
                        "properties": {"templateFile": "Api.template.json", "stackName": "shop-api"},
                        "dependencies": ["Data", "Api.assets"]},
                "Api.assets": {"type": "cdk:asset-manifest", "properties": {"file": "Api.assets.json"}},
                "Data": {"type": "aws:cloudformation:stack", "environment": "aws://123456789012/eu-west-1",
                         "properties": {"templateFile": "Data.template.json"}},
                "Tree": {"type": "cdk:tree", "properties": {"file": "tree.json"}},
                "assembly-Prod": {"type": "cdk:cloud-assembly", "properties": {"directoryName": "assembly-Prod"}}},
                "missing": [{"key": "vpc:x", "provider": "vpc-provider", "props": {}}]}"#,
        );
        write(
            &folder.path().join("cdk.out/assembly-Prod"),
            r#"{"version": "36.0.0", "artifacts": {
                "ProdInner": {"type": "aws:cloudformation:stack",
                              "properties": {"templateFile": "ProdInner.template.json", "stackName": "Prod-Inner"}}}}"#,
        );
        folder
    }

    #[test]
    fn stacks_come_after_those_that_they_depend_on() {
        let folder = assembly();
        let folder = folder.path().join("cdk.out");
        let assembly = Assembly::in_folder(&folder).unwrap();
        let stacks = assembly.members.iter().map(|one| one.stack.as_str());
        assert_eq!(
            stacks.collect::<Vec<_>>(),
            ["Data", "shop-api", "Prod-Inner"]
        );
        assert_eq!(assembly.missing, ["vpc:x"]);
        let inner = folder.join("assembly-Prod/ProdInner.template.json");
        assert_eq!(Member::of(&inner).unwrap().stack, "Prod-Inner");
        assert_eq!(Member::of(&folder.join("other.template.json")), None);
    }

    #[test]
    fn an_assembly_belongs_to_the_application_around_it() {
        let folder = assembly();
        let out = folder.path().join("cdk.out");
        assert_eq!(application_of(&out), folder.path());
        let template = out.join("Data.template.json");
        assert_eq!(application_of(&template), folder.path());
        assert_eq!(application_of(&out.join("assembly-Prod")), folder.path());
        assert_eq!(application_of(folder.path()), folder.path());
    }
}
