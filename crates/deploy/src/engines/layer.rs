//! Layers: those of stacks, and those of other accounts that functions name.

use base::Space;
use functions::{NewCode, PublishLayer, UsedLayer};

use super::Failure;
use crate::Deployer;
use crate::desired::{Function, Layer, LayerUse};
use crate::public_layer::PublicLayer;

impl Deployer {
    pub(super) async fn layers(&self, function: &Function) -> Result<Vec<UsedLayer>, Failure> {
        let mut layers = Vec::new();
        for used in &function.layers {
            layers.push(match (&used.public, used.version) {
                (Some(public), Some(version)) => {
                    self.public_layer(public, &used.name, version).await?
                }
                _ => self.own_layer(used)?,
            });
        }
        Ok(layers)
    }

    fn own_layer(&self, used: &LayerUse) -> Result<UsedLayer, Failure> {
        let (space, functions) = (self.space(), &self.engines.functions);
        if let Some(version) = used.version {
            return Ok(functions.layer(&space, &used.name, version)?.into());
        }
        let versions = functions.layer_versions(&space, &used.name)?;
        let newest = versions
            .into_iter()
            .next()
            .ok_or_else(|| Failure::missing(format!("there is no layer {}", used.name)))?;
        Ok(newest.into())
    }

    /// It belongs to no stack: whoever names it finds it from then on.
    async fn public_layer(
        &self,
        layer: &PublicLayer,
        name: &str,
        version: u64,
    ) -> Result<UsedLayer, Failure> {
        let place = layer.content.place(&self.engines.packages);
        if !place.is_dir() {
            return Err(Failure::invalid(format!("the layer {name} was not made")));
        }
        let publish = PublishLayer {
            space: Space::new(&format!("{}/{}", layer.account, self.region)),
            name: name.to_owned(),
            version: Some(version),
            code: NewCode::Directory(place),
            description: layer.content.said(),
            license: None,
            runtimes: Vec::new(),
            architectures: Vec::new(),
        };
        Ok(self.engines.functions.publish_layer(publish).await?.into())
    }

    pub(super) async fn put_layer(&self, layer: &Layer) -> Result<bool, Failure> {
        let publish = PublishLayer {
            space: self.space(),
            name: layer.name.clone(),
            version: None,
            // A layer has no text of its own to be named after a language.
            code: self.engines.package(&layer.code, "")?,
            description: layer.description.clone(),
            license: layer.license.clone(),
            runtimes: layer.runtimes.clone(),
            architectures: layer.architectures.clone(),
        };
        self.engines.functions.publish_layer(publish).await?;
        Ok(true)
    }

    pub(super) async fn remove_layer(&self, name: &str) -> Result<(), Failure> {
        let (space, functions) = (self.space(), &self.engines.functions);
        for layer in functions.layer_versions(&space, name)? {
            functions.delete_layer(&space, name, layer.version).await?;
        }
        Ok(())
    }
}
