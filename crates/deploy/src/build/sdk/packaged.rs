//! The SDK for code that was not built before it was deployed: packages, and texts in templates. What they ask for is looked
//! up when they first start, so that whoever makes a function does not wait for it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use runtimes::Packages;
use tokio::sync::{Mutex, OnceCell};

use crate::build::Build;
use crate::desired::Cloud;

type Asked = (PathBuf, String);

/// Brings it once for each package and runtime, until the server ends.
#[derive(Debug)]
pub struct Sdk {
    packages: Packages,
    brought: Mutex<HashMap<Asked, Arc<OnceCell<()>>>>,
}

impl Sdk {
    pub fn new(packages: Packages) -> Self {
        Self {
            packages,
            brought: Mutex::default(),
        }
    }

    /// Lets what is unpacked in this folder find what its runtime brings. If that cannot be had, it runs without.
    pub async fn bring(&self, code: &Path, runtime: &str) {
        let asked = (code.to_owned(), runtime.to_owned());
        let once = self.brought.lock().await.entry(asked).or_default().clone();
        once.get_or_init(|| self.look(code, runtime)).await;
    }

    async fn look(&self, code: &Path, runtime: &str) {
        let build = Build {
            folder: code.to_owned(),
            runtime: runtime.to_owned(),
            cloud: Cloud::Aws,
            how: None,
        };
        let tell = |line: &str| match line.strip_prefix("notice: ") {
            Some(notice) => tracing::warn!("{notice}"),
            None => tracing::info!("{line}"),
        };
        if let Err(cause) = super::bring(&build, &self.packages, tell).await {
            tracing::warn!(%cause, "a function will not find what its runtime brings");
        }
    }
}
