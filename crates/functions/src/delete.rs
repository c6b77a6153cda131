use base::Space;
use store::Read;

use crate::schema::{
    ALIASES, Alias, FUNCTIONS, VERSIONS, alias_key, aliases_of, function_key, version_key,
    versions_of,
};
use crate::{Error, Functions, Result};

impl Functions {
    /// Removes a function with its versions and aliases. What runs may end; what waits in the backlog is given up when
    /// its turn comes.
    pub async fn delete(&self, space: &Space, name: &str) -> Result<()> {
        let key = function_key(space, name);
        self.shared
            .store
            .write(|tx| {
                let function = FUNCTIONS
                    .get(tx, &key)?
                    .ok_or_else(|| Error::NoSuchFunction(name.to_owned()))?;
                function.drop_code(tx)?;
                FUNCTIONS.delete(tx, key.clone());
                let versions = VERSIONS.scan(tx, &versions_of(space, name).range(), usize::MAX)?;
                for (_, version) in versions {
                    version.drop_code(tx)?;
                    let number = version.version.unwrap_or_default();
                    VERSIONS.delete(tx, version_key(space, name, number));
                }
                for alias in aliases(tx, space, name)? {
                    ALIASES.delete(tx, alias_key(space, name, &alias.name));
                }
                Ok::<_, Error>(())
            })
            .await?;
        self.note_reservation(space, name)?;
        self.shared.pools.remove(space, name);
        self.shared.templates.forget(space, name, None);
        self.learn_provisioned_of(space, name)
    }

    /// Removes one published version, unless an alias names it.
    pub async fn delete_version(&self, space: &Space, name: &str, number: u64) -> Result<()> {
        let key = version_key(space, name, number);
        self.shared
            .store
            .write(|tx| {
                // One that is gone already is as it should be.
                let Some(version) = VERSIONS.get(tx, &key)? else {
                    return Ok(());
                };
                let naming: Vec<String> = aliases(tx, space, name)?
                    .into_iter()
                    .filter(|alias| alias.versions().any(|(named, _)| named == number))
                    .map(|alias| alias.name)
                    .collect();
                if !naming.is_empty() {
                    return Err(Error::VersionInUse(naming));
                }
                version.drop_code(tx)?;
                VERSIONS.delete(tx, key.clone());
                Ok(())
            })
            .await?;
        self.shared.pools.remove_version(space, name, number);
        self.shared.templates.forget_version(space, name, number);
        self.learn_provisioned_of(space, name)
    }
}

pub(crate) fn aliases(from: &impl Read, space: &Space, name: &str) -> Result<Vec<Alias>> {
    let found = ALIASES.scan(from, &aliases_of(space, name).range(), usize::MAX)?;
    Ok(found.into_iter().map(|(_, alias)| alias).collect())
}
