//! Layers: files that functions share.

use serde::Serialize;

use super::{Cloud, Code};
use crate::build::{Build, PackagedLayer};
use crate::public_layer::PublicLayer;

/// A layer that a function uses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LayerUse {
    pub name: String,
    /// None for the newest, which is what a layer of the same template is.
    pub version: Option<u64>,
    /// What it is made of, if it is another account's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public: Option<PublicLayer>,
}

impl LayerUse {
    pub(super) fn build(&self) -> Option<PackagedLayer> {
        let public = self.public.as_ref()?;
        Some(PackagedLayer {
            name: self.name.clone(),
            content: public.content.clone(),
        })
    }
}

/// Files that functions share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Layer {
    pub name: String,
    pub description: String,
    pub license: Option<String>,
    pub runtimes: Vec<String>,
    pub architectures: Vec<String>,
    pub code: Code,
}

impl Layer {
    /// Its content is used as it is, unless it must be made first.
    pub(crate) fn build(&self) -> Option<Build> {
        let Code::Made(recipe) = &self.code else {
            return None;
        };
        Some(Build {
            folder: recipe.source.clone(),
            runtime: String::new(),
            cloud: Cloud::Aws,
            how: Some(recipe.how.clone()),
        })
    }
}
