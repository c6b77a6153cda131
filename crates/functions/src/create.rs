use std::collections::BTreeMap;
use std::path::PathBuf;

use base::Space;
use bytes::Bytes;

use crate::code::{self, Hold};
use crate::layer;
use crate::schema::{
    AsyncSettings, Code, CodeSource, Configuration, FUNCTIONS, Function, Generation, Recursion,
    function_key,
};
use crate::{Error, Functions, Result};

/// A function that is to be.
#[derive(Clone, Debug)]
pub struct Create {
    pub space: Space,
    pub name: String,
    pub configuration: Configuration,
    pub code: NewCode,
    pub tags: BTreeMap<String, String>,
}

/// Code that is to be deployed.
#[derive(Clone, Debug)]
pub enum NewCode {
    /// A zip archive.
    Package(Bytes),
    /// A folder that is used where it is, read-only. See [`Functions::reload`].
    Directory(PathBuf),
}

impl Functions {
    /// Deploys a new function. It can be called when this returns.
    pub async fn create(&self, create: Create) -> Result<Function> {
        if self.find(&create.space, &create.name)?.is_some() {
            // Spares a large package the way to the disk. What decides is the look inside the transaction.
            return Err(Error::Exists(create.name));
        }
        let (code, _hold) = self.take_in(create.code).await?;
        let now = self.shared.clock.now();
        let function = Function {
            space: create.space,
            name: create.name,
            version: None,
            configuration: create.configuration,
            code,
            asynchronous: AsyncSettings::default(),
            reserved_concurrency: None,
            tags: create.tags,
            permissions: Vec::new(),
            created: now,
            modified: now,
            revision: self.new_revision(),
            generation: self.new_generation(),
            published: 0,
            provisioned: None,
            recursion: Recursion::default(),
        };
        self.check_size(&function.code, &function.configuration.layers)
            .await?;
        self.shared
            .store
            .write(|tx| {
                let key = function_key(&function.space, &function.name);
                if FUNCTIONS.get(tx, &key)?.is_some() {
                    return Err(Error::Exists(function.name.clone()));
                }
                layer::check_there(tx, &[], &function.configuration.layers)?;
                function.keep_code(tx)?;
                FUNCTIONS.put(tx, key, &function);
                Ok(())
            })
            .await?;
        Ok(function)
    }

    /// Checks code and makes it ready to run; the caller's transaction is to name it, before the hold is let go.
    pub(crate) async fn take_in(&self, code: NewCode) -> Result<(Code, Option<Hold>)> {
        match code {
            NewCode::Package(package) => self.take_in_package(package).await,
            NewCode::Directory(path) => {
                let (sha256, size) = code::survey(&path).await?;
                let source = CodeSource::Directory(path);
                let code = Code {
                    source,
                    sha256,
                    size,
                };
                Ok((code, None))
            }
        }
    }

    async fn take_in_package(&self, package: Bytes) -> Result<(Code, Option<Hold>)> {
        let sha256 = code::sha256(&package);
        let size = base::ByteSize::bytes(package.len() as u64);
        let hold = self.shared.code.hold(sha256);
        self.shared.code.unpack(sha256, package.clone()).await?;
        let mut writer = self.shared.store.blobs().create().await?;
        writer.write(package).await?;
        let source = CodeSource::Package(writer.finish().await?);
        let code = Code {
            source,
            sha256,
            size,
        };
        Ok((code, Some(hold)))
    }

    pub(crate) fn new_revision(&self) -> String {
        self.shared.random.uuid().to_string()
    }

    pub(crate) fn new_generation(&self) -> Generation {
        Generation(self.shared.random.bytes())
    }
}
