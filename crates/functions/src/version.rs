//! Published versions: the newest code and configuration, kept as they are under a number.

use base::Space;

use crate::schema::{
    Code, CodeSource, Configuration, FUNCTIONS, Function, VERSIONS, function_key, version_key,
    versions_of,
};
use crate::update::check_revision;
use crate::{AsyncSettings, Error, Functions, NewCode, Result};

/// What a publication is to look like, and what must be true for it.
#[derive(Clone, Debug, Default)]
pub struct Publish {
    /// None for the function's own.
    pub description: Option<String>,
    /// The newest code's hash, if the caller cares.
    pub sha256: Option<[u8; 32]>,
    pub revision: Option<String>,
}

impl Functions {
    /// Publishes the newest code and configuration. If nothing has changed since the last time, that version is returned.
    pub async fn publish(&self, space: &Space, name: &str, publish: &Publish) -> Result<Function> {
        loop {
            let latest = self.get(space, name)?;
            check_revision(&latest, publish.revision.as_deref())?;
            if let Some(given) = publish.sha256
                && given != latest.code.sha256
            {
                let current = latest.code.sha256;
                return Err(Error::OtherCode { given, current });
            }
            if let Some(published) = self.publish_unless_changed(&latest, publish).await? {
                self.take_snapshot(&published);
                return Ok(published);
            }
        }
    }

    /// None if the function has changed meanwhile.
    async fn publish_unless_changed(
        &self,
        latest: &Function,
        publish: &Publish,
    ) -> Result<Option<Function>> {
        let Function { space, name, .. } = latest;
        let mut holds = Vec::new();
        let mut frozen = latest.clone();
        let folders = frozen.configuration.layers.iter_mut();
        let folders = folders.map(|layer| &mut layer.code);
        for code in folders.chain([&mut frozen.code]) {
            if let CodeSource::Directory(path) = &code.source {
                let package = crate::code::pack(path).await?;
                let (packed, hold) = self.take_in(NewCode::Package(package)).await?;
                *code = packed;
                holds.push(hold);
            }
        }
        let (key, now) = (function_key(space, name), self.shared.clock.now());
        // Publishing changes what the newest code is known as, too.
        let (revision, own_revision) = (self.new_revision(), self.new_revision());
        self.shared
            .store
            .write(|tx| {
                let mut current = FUNCTIONS
                    .get(tx, &key)?
                    .ok_or_else(|| Error::NoSuchFunction(name.clone()))?;
                if current.generation != latest.generation {
                    return Ok(None);
                }
                let last = version_key(space, name, current.published);
                if let Some(last) = VERSIONS.get(tx, &last)?
                    && is_same(&last, &frozen)
                {
                    return Ok(Some(last));
                }
                current.published += 1;
                current.revision.clone_from(&own_revision);
                let mut version = Function {
                    version: Some(current.published),
                    asynchronous: AsyncSettings::default(),
                    permissions: Vec::new(),
                    reserved_concurrency: None,
                    created: now,
                    modified: now,
                    revision: revision.clone(),
                    ..frozen.clone()
                };
                if let Some(description) = &publish.description {
                    version.configuration.description.clone_from(description);
                }
                version.keep_code(tx)?;
                VERSIONS.put(tx, version_key(space, name, current.published), &version);
                FUNCTIONS.put(tx, key.clone(), &current);
                Ok(Some(version))
            })
            .await
    }

    /// Up to `limit` published versions after the number `after`, in order.
    pub fn versions(
        &self,
        space: &Space,
        name: &str,
        after: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Function>> {
        let mut range = versions_of(space, name).range();
        if let Some(after) = after {
            range = range.after(version_key(space, name, after).as_slice());
        }
        let found = VERSIONS.scan(&self.shared.store.read()?, &range, limit)?;
        Ok(found.into_iter().map(|(_, version)| version).collect())
    }
}

/// A version's description may be its own.
fn is_same(version: &Function, latest: &Function) -> bool {
    let described = |configuration: &Configuration| Configuration {
        description: String::new(),
        ..configuration.clone()
    };
    let layers = |function: &Function| -> Vec<[u8; 32]> {
        let layers = function.configuration.layers.iter();
        layers.map(|layer| layer.code.sha256).collect()
    };
    let plain = |function: &Function| Configuration {
        layers: Vec::new(),
        ..described(&function.configuration)
    };
    let same_code = |one: &Code, other: &Code| one.sha256 == other.sha256;
    same_code(&version.code, &latest.code)
        && layers(version) == layers(latest)
        && plain(version) == plain(latest)
}
