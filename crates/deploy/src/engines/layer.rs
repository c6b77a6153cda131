//! Layers, and what functions use of them.

use functions::{PublishLayer, UsedLayer};

use super::Failure;
use crate::Deployer;
use crate::desired::{Function, Layer, LayerUse};

impl Deployer {
    pub(super) fn layers(&self, function: &Function) -> Result<Vec<UsedLayer>, Failure> {
        let (space, functions) = (self.space(), &self.engines.functions);
        let one = |used: &LayerUse| {
            let layer = match used.version {
                Some(version) => functions.layer(&space, &used.name, version)?,
                None => {
                    let versions = functions.layer_versions(&space, &used.name)?;
                    let newest = versions.into_iter().next();
                    newest.ok_or_else(|| {
                        Failure::missing(format!("there is no layer {}", used.name))
                    })?
                }
            };
            Ok(layer.into())
        };
        function.layers.iter().map(one).collect()
    }

    pub(super) async fn put_layer(&self, layer: &Layer) -> Result<bool, Failure> {
        let publish = PublishLayer {
            space: self.space(),
            name: layer.name.clone(),
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
