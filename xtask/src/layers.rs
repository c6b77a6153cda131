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

/// Files below that all the same use a vendor's words, each with the reason.
const EXEMPT: &[(&str, &str)] = &[
    (
        "crates/functions/src/protocol.rs",
        "the paths and header names of the published worker protocol, which others' runtimes speak",
    ),
    (
        "crates/runtimes/src/bootstrap.rs",
        "the names of the bootstraps' files, each of which behaves as a vendor's framework",
    ),
];

/// Packages that are no part of the product.
const TOOLS: &[&str] = &["benches", "keepalive", "xtask"];

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
    let mut findings = Vec::new();
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
                findings.extend(vendor_words(&file)?);
            }
        }
    }
    faults.extend(judge(&findings, EXEMPT));
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

/// A vendor's word where none should be.
struct Finding {
    /// From the root of the repository.
    file: String,
    line: usize,
    word: String,
}

/// What of the findings is no exemption, and the exemptions that no finding needs: those are to be taken away.
fn judge(findings: &[Finding], exempt: &[(&str, &str)]) -> Vec<String> {
    let is_exempt = |finding: &&Finding| exempt.iter().any(|(file, _)| finding.file == *file);
    let mut faults: Vec<String> = findings
        .iter()
        .filter(|finding| !is_exempt(finding))
        .map(|Finding { file, line, word }| {
            format!("{file}:{line}: \"{word}\" belongs above layer {LAST_NEUTRAL_LAYER}")
        })
        .collect();
    for (file, reason) in exempt {
        if !findings.iter().any(|finding| finding.file == *file) {
            faults.push(format!(
                "{file} is exempt ({reason}), but it is gone or has no vendor's word any more"
            ));
        }
    }
    faults
}

fn vendor_words(file: &Path) -> Result<Vec<Finding>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
    let shown = file.strip_prefix(root()).unwrap_or(file).display();
    let mut findings = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        // The crypto library's name is not the vendor's.
        let line = line
            .to_lowercase()
            .replace("aws_lc_rs", "")
            .replace("aws-lc-rs", "");
        for word in line.split(|letter: char| !letter.is_ascii_alphanumeric()) {
            if VENDORS.contains(&word) {
                findings.push(Finding {
                    file: shown.to_string(),
                    line: number,
                    word: word.to_owned(),
                });
            }
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exemption_covers_its_file_and_ends_with_its_reason() {
        let found = |file: &str| Finding {
            file: file.to_owned(),
            line: 7,
            word: "lambda".to_owned(),
        };
        let exempt = [("a.rs", "it speaks the protocol")];
        assert!(judge(&[found("a.rs")], &exempt).is_empty());
        let faults = judge(&[found("a.rs"), found("b.rs")], &exempt);
        assert_eq!(faults, ["b.rs:7: \"lambda\" belongs above layer 4"]);
        let faults = judge(&[], &exempt);
        assert_eq!(faults.len(), 1);
        assert!(faults[0].starts_with("a.rs is exempt (it speaks the protocol)"));
    }
}
