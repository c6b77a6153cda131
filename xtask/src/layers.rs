//! The architecture as a test: every dependency of ours points downwards, and the engines speak no vendor's language.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use cargo_metadata::MetadataCommand;

use crate::run::root;

/// Words that belong to a cloud's face, to template readers or to bootstraps.
const VENDORS: &[&str] = &[
    "aws",
    "amazon",
    "lambda",
    "s3",
    "dynamodb",
    "sqs",
    "sns",
    "eventbridge",
    "azure",
    "cosmos",
    "gcp",
    "firestore",
    "pubsub",
];

/// Packages that are no part of the product.
const TOOLS: &[&str] = &["benches", "xtask"];

/// Layers above this may speak of vendors.
const LAST_NEUTRAL_LAYER: u64 = 4;

pub(crate) fn check() -> Result<()> {
    let metadata = MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .exec()?;
    let mut layers = BTreeMap::new();
    for package in metadata.workspace_packages() {
        if let Some(layer) = package.metadata["fulmar"]["layer"].as_u64() {
            layers.insert(package.name.to_string(), layer);
        } else if !TOOLS.contains(&package.name.as_str()) {
            bail!(
                "crate {} names no layer in [package.metadata.fulmar]",
                package.name
            );
        }
    }
    let mut faults = Vec::new();
    for package in metadata.workspace_packages() {
        let Some(&layer) = layers.get(package.name.as_str()) else {
            continue;
        };
        for dependency in &package.dependencies {
            if let Some(&below) = layers.get(dependency.name.as_str())
                && below >= layer
            {
                faults.push(format!(
                    "{} (layer {layer}) must not depend on {} (layer {below})",
                    package.name, dependency.name
                ));
            }
        }
        if layer <= LAST_NEUTRAL_LAYER {
            let folder = package
                .manifest_path
                .parent()
                .context("a manifest is in a folder")?;
            for file in rust_files(&folder.join("src").into_std_path_buf())? {
                faults.extend(vendor_words(&file)?);
            }
        }
    }
    if !faults.is_empty() {
        bail!("the layers are broken:\n  {}", faults.join("\n  "));
    }
    eprintln!("{} crates, every dependency points downwards", layers.len());
    Ok(())
}

fn rust_files(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(files)
}

fn vendor_words(file: &Path) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
    let mut faults = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        // The crypto library's name is not the vendor's.
        let line = line
            .to_lowercase()
            .replace("aws_lc_rs", "")
            .replace("aws-lc-rs", "");
        for word in line.split(|letter: char| !letter.is_ascii_alphanumeric()) {
            if VENDORS.contains(&word) {
                let shown = file.strip_prefix(root()).unwrap_or(file).display();
                faults.push(format!(
                    "{shown}:{number}: \"{word}\" belongs above layer {LAST_NEUTRAL_LAYER}"
                ));
            }
        }
    }
    Ok(faults)
}
