//! Code on disk: packages are unpacked once for each content, into a folder named after its hash.

mod folder;
mod store;
#[cfg(test)]
mod tests;
mod unpack;

use std::path::PathBuf;

use aws_lc_rs::digest;

use crate::schema::{Code, CodeSource, Function, UsedLayer};
use crate::{Functions, Result};

pub use folder::pack;
pub(crate) use folder::survey;
pub(crate) use store::{CodeStore, Hold};

impl Functions {
    /// The folder with the function's code, unpacking it again if somebody removed it, and what keeps it there.
    pub(crate) async fn code_of(&self, code: &Code) -> Result<(PathBuf, Hold)> {
        let hold = self.shared.code.hold(code.sha256);
        let blob = match &code.source {
            CodeSource::Directory(path) => return Ok((path.clone(), hold)),
            CodeSource::Package(blob) => *blob,
        };
        let path = self.shared.code.path(code.sha256);
        if path.is_dir() {
            return Ok((path, hold));
        }
        let reader = self.shared.store.blobs().open(blob).await?;
        let mut package = Vec::new();
        while (package.len() as u64) < reader.len() {
            let piece = reader.read_at(package.len() as u64, reader.len()).await?;
            package.extend_from_slice(&piece);
        }
        let path = self.shared.code.unpack(code.sha256, package.into()).await?;
        Ok((path, hold))
    }

    /// The folder with the code of a function that is to be started. Who runs a folder has made it ready; a package is made
    /// so here.
    pub(crate) async fn code_to_start(&self, function: &Function) -> Result<(PathBuf, Hold)> {
        let (path, hold) = self.code_of(&function.code).await?;
        if let CodeSource::Package(_) = function.code.source {
            let runtime = &function.configuration.runtime;
            self.shared.launcher.prepare(&path, runtime).await;
        }
        Ok((path, hold))
    }

    /// The folder with these layers laid over one another, if there are any, and what keeps it there.
    pub(crate) async fn layers_of(
        &self,
        layers: &[UsedLayer],
    ) -> Result<(Option<PathBuf>, Vec<Hold>)> {
        let mut folders = Vec::new();
        let mut holds = Vec::new();
        // A folder that somebody works in is used as it is now.
        let mut current = layers.to_vec();
        for layer in &mut current {
            let (folder, hold) = self.code_of(&layer.code).await?;
            if layers.len() > 1 && matches!(layer.code.source, CodeSource::Directory(_)) {
                (layer.code.sha256, _) = survey(&folder).await?;
            }
            folders.push(folder);
            holds.push(hold);
        }
        if folders.len() < 2 {
            return Ok((folders.pop(), holds));
        }
        let name = merged_name(&current);
        holds.push(self.shared.code.hold(name));
        let merged = self.shared.code.merge(name, folders).await?;
        Ok((Some(merged), holds))
    }

    /// Removes unpacked packages that no function uses.
    pub(crate) async fn sweep_code(&self) -> Result<()> {
        let mut kept = Vec::new();
        for function in self.every()?.iter().chain(&self.every_version()?) {
            let layers = &function.configuration.layers;
            kept.push(function.code.sha256);
            kept.extend(layers.iter().map(|layer| layer.code.sha256));
            kept.extend((layers.len() > 1).then(|| merged_name(layers)));
        }
        self.shared.code.sweep(&kept).await;
        Ok(())
    }
}

/// Of layers laid over one another: what they are made of, in this order.
fn merged_name(layers: &[UsedLayer]) -> [u8; 32] {
    let parts: Vec<u8> = layers.iter().flat_map(|layer| layer.code.sha256).collect();
    sha256(&parts)
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let digest = digest::digest(&digest::SHA256, bytes);
    digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
}
