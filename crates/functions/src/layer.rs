//! Layers: files that several functions share, published in versions as functions are.

use base::{ByteSize, Space};
use store::{Blobs, Read};

use crate::schema::{
    Code, LAYER_VERSIONS, LAYERS, LayerVersion, Newest, Permission, UsedLayer, layer_key,
    layer_version_key, layer_versions_of, layers_of,
};
use crate::{Error, Functions, NewCode, Result, code, permission};

/// A layer version that is to be.
#[derive(Clone, Debug)]
pub struct PublishLayer {
    pub space: Space,
    pub name: String,
    /// None for the next one.
    pub version: Option<u64>,
    pub code: NewCode,
    pub description: String,
    pub license: Option<String>,
    pub runtimes: Vec<String>,
    pub architectures: Vec<String>,
}

impl Functions {
    /// Publishes a version of a layer, which need not exist before. One that is there already becomes what is given.
    pub async fn publish_layer(&self, layer: PublishLayer) -> Result<LayerVersion> {
        let (code, _hold) = self.take_in(layer.code).await?;
        let draft = LayerVersion {
            space: layer.space,
            name: layer.name,
            version: 0,
            code,
            description: layer.description,
            license: layer.license,
            runtimes: layer.runtimes,
            architectures: layer.architectures,
            permissions: Vec::new(),
            revision: self.new_revision(),
            created: self.shared.clock.now(),
        };
        self.shared
            .store
            .write(|tx| {
                let (space, name) = (&draft.space, &draft.name);
                let newest = LAYERS.get(tx, &layer_key(space, name))?;
                let newest = newest.map_or(0, |Newest(version)| version);
                let version = layer.version.unwrap_or(newest + 1);
                let key = layer_version_key(space, name, version);
                if let Some(there) = LAYER_VERSIONS.get(tx, &key)? {
                    if there.code == draft.code {
                        return Ok(there);
                    }
                    if let Some(blob) = there.code.blob() {
                        Blobs::drop_name(tx, blob.id)?;
                    }
                }
                let published = LayerVersion {
                    version,
                    ..draft.clone()
                };
                if let Some(blob) = published.code.blob() {
                    Blobs::keep(tx, blob.id)?;
                }
                LAYERS.put(tx, layer_key(space, name), &Newest(version.max(newest)));
                LAYER_VERSIONS.put(tx, key, &published);
                Ok(published)
            })
            .await
    }

    pub fn layer(&self, space: &Space, name: &str, version: u64) -> Result<LayerVersion> {
        let view = self.shared.store.read()?;
        let found = LAYER_VERSIONS.get(&view, &layer_version_key(space, name, version))?;
        found.ok_or_else(|| no_such(name, version))
    }

    /// Every version of a layer, newest first.
    pub fn layer_versions(&self, space: &Space, name: &str) -> Result<Vec<LayerVersion>> {
        let view = self.shared.store.read()?;
        let range = layer_versions_of(space, name).range();
        let found = LAYER_VERSIONS.scan_back(&view, &range, usize::MAX)?;
        Ok(found.into_iter().map(|(_, layer)| layer).collect())
    }

    /// The newest version of each layer of a space that has one, in order of their names.
    pub fn layers(&self, space: &Space) -> Result<Vec<LayerVersion>> {
        let view = self.shared.store.read()?;
        let mut newest = Vec::new();
        for (key, _) in LAYERS.scan(&view, &layers_of(space).range(), usize::MAX)? {
            let mut reader = store::KeyReader::new(&key);
            let name = reader.as_mut().and_then(|reader| {
                reader.str()?;
                reader.str()
            });
            let range = layer_versions_of(space, &name.unwrap_or_default()).range();
            let last = LAYER_VERSIONS.scan_back(&view, &range, 1)?;
            newest.extend(last.into_iter().map(|(_, layer)| layer));
        }
        Ok(newest)
    }

    /// Removes a version of a layer. Functions that use it keep it.
    pub async fn delete_layer(&self, space: &Space, name: &str, version: u64) -> Result<()> {
        let key = layer_version_key(space, name, version);
        self.shared
            .store
            .write(|tx| {
                let Some(layer) = LAYER_VERSIONS.get(tx, &key)? else {
                    return Ok(());
                };
                if let Some(blob) = layer.code.blob() {
                    Blobs::drop_name(tx, blob.id)?;
                }
                LAYER_VERSIONS.delete(tx, key.clone());
                Ok(())
            })
            .await
    }

    pub async fn add_layer_permission(
        &self,
        layer: (&Space, &str, u64),
        revision: Option<&str>,
        permission: Permission,
    ) -> Result<LayerVersion> {
        self.change_layer(layer, revision, |layer| {
            permission::add(&mut layer.permissions, &permission)
        })
        .await
    }

    pub async fn remove_layer_permission(
        &self,
        layer: (&Space, &str, u64),
        revision: Option<&str>,
        id: &str,
    ) -> Result<LayerVersion> {
        self.change_layer(layer, revision, |layer| {
            permission::remove(&mut layer.permissions, id)
        })
        .await
    }

    async fn change_layer(
        &self,
        (space, name, version): (&Space, &str, u64),
        revision: Option<&str>,
        edit: impl Fn(&mut LayerVersion) -> Result<()>,
    ) -> Result<LayerVersion> {
        let key = layer_version_key(space, name, version);
        let new_revision = self.new_revision();
        self.shared
            .store
            .write(|tx| {
                let found = LAYER_VERSIONS.get(tx, &key)?;
                let mut layer = found.ok_or_else(|| no_such(name, version))?;
                if revision.is_some_and(|revision| revision != layer.revision) {
                    return Err(Error::RevisionMismatch(name.to_owned()));
                }
                edit(&mut layer)?;
                layer.revision.clone_from(&new_revision);
                LAYER_VERSIONS.put(tx, key.clone(), &layer);
                Ok(layer)
            })
            .await
    }

    /// Refuses code that is too large together with its layers.
    pub(crate) async fn check_size(&self, code: &Code, layers: &[UsedLayer]) -> Result<()> {
        if layers.is_empty() {
            return Ok(());
        }
        let mut sum = 0;
        for part in layers.iter().map(|layer| &layer.code).chain([code]) {
            let (path, _hold) = self.code_of(part).await?;
            let (_, size) = code::survey(&path).await?;
            sum += size.as_bytes();
        }
        let limit = self.shared.config.unpacked;
        if sum > limit.as_bytes() {
            return Err(Error::LayersTooLarge {
                size: ByteSize::bytes(sum),
                limit,
            });
        }
        Ok(())
    }

    /// The package of a layer; none if it is a folder.
    pub async fn layer_package(&self, layer: &LayerVersion) -> Result<Option<store::BlobReader>> {
        match layer.code.blob() {
            Some(blob) => Ok(Some(self.shared.store.blobs().open(blob).await?)),
            None => Ok(None),
        }
    }
}

impl From<LayerVersion> for UsedLayer {
    fn from(layer: LayerVersion) -> Self {
        Self {
            space: layer.space,
            name: layer.name,
            version: layer.version,
            code: layer.code,
        }
    }
}

/// Refuses layers that were not used before and have been deleted meanwhile: their code may go at any moment.
pub(crate) fn check_there(
    from: &impl Read,
    before: &[UsedLayer],
    after: &[UsedLayer],
) -> Result<()> {
    for layer in after.iter().filter(|layer| !before.contains(layer)) {
        let key = layer_version_key(&layer.space, &layer.name, layer.version);
        if LAYER_VERSIONS.get(from, &key)?.is_none() {
            return Err(no_such(&layer.name, layer.version));
        }
    }
    Ok(())
}

fn no_such(name: &str, version: u64) -> Error {
    Error::NoSuchLayer {
        name: name.to_owned(),
        version,
    }
}
