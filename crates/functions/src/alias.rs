//! Aliases: names for versions that can be moved.

use std::sync::Arc;

use base::Space;
use store::Read;

use crate::delete::aliases;
use crate::schema::{
    ALIASES, Alias, AsyncSettings, FUNCTIONS, Function, Permission, Provisioned, VERSIONS,
    alias_key, function_key, version_key,
};
use crate::update::check_revision;
use crate::{Error, Functions, Result};

/// An alias that is to be.
#[derive(Clone, Debug)]
pub struct NewAlias {
    pub name: String,
    pub version: Option<u64>,
    pub other: Option<(u64, f64)>,
    pub description: String,
}

/// What is to be different about an alias; none leaves it as it is.
#[derive(Clone, Debug, Default)]
pub struct AliasChange {
    pub version: Option<Option<u64>>,
    pub other: Option<Option<(u64, f64)>>,
    pub description: Option<String>,
}

/// What belongs to a function, a version or an alias, whichever a qualifier names.
pub(crate) struct Attached<'a> {
    pub(crate) permissions: &'a mut Vec<Permission>,
    pub(crate) asynchronous: &'a mut AsyncSettings,
    pub(crate) provisioned: &'a mut Option<Provisioned>,
}

/// A qualifier's two forms: versions are numbers, aliases are not.
pub(crate) fn number(qualifier: &str) -> Option<u64> {
    let digits = qualifier.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| qualifier.parse().ok()).flatten()
}

impl Functions {
    pub async fn create_alias(
        &self,
        space: &Space,
        function: &str,
        new: NewAlias,
    ) -> Result<Alias> {
        let alias = Alias {
            space: space.clone(),
            function: function.to_owned(),
            name: new.name,
            version: new.version,
            other: new.other,
            description: new.description,
            asynchronous: AsyncSettings::default(),
            permissions: Vec::new(),
            provisioned: None,
            revision: self.new_revision(),
        };
        let key = alias_key(space, function, &alias.name);
        self.shared
            .store
            .write(|tx| {
                if FUNCTIONS.get(tx, &function_key(space, function))?.is_none() {
                    return Err(Error::NoSuchFunction(function.to_owned()));
                }
                if ALIASES.get(tx, &key)?.is_some() {
                    return Err(Error::AliasExists(alias.name.clone()));
                }
                check_versions(tx, &alias)?;
                ALIASES.put(tx, key.clone(), &alias);
                Ok(alias.clone())
            })
            .await
    }

    pub async fn update_alias(
        &self,
        space: &Space,
        function: &str,
        name: &str,
        revision: Option<&str>,
        change: &AliasChange,
    ) -> Result<Alias> {
        let new_revision = self.new_revision();
        let key = alias_key(space, function, name);
        let updated = self
            .shared
            .store
            .write(|tx| {
                let mut alias = ALIASES
                    .get(tx, &key)?
                    .ok_or_else(|| no_such(function, name))?;
                check_alias_revision(&alias, revision)?;
                if let Some(version) = change.version {
                    alias.version = version;
                }
                if let Some(other) = change.other {
                    alias.other = other;
                }
                if let Some(description) = &change.description {
                    alias.description.clone_from(description);
                }
                alias.revision.clone_from(&new_revision);
                check_versions(tx, &alias)?;
                ALIASES.put(tx, key.clone(), &alias);
                Ok::<_, Error>(alias)
            })
            .await?;
        self.learn_provisioned_of(space, function)?;
        Ok(updated)
    }

    /// Removes an alias; one that is not there is as it should be.
    pub async fn delete_alias(&self, space: &Space, function: &str, name: &str) -> Result<()> {
        let key = alias_key(space, function, name);
        self.shared
            .store
            .write(|tx| {
                ALIASES.delete(tx, key.clone());
                Ok::<_, Error>(())
            })
            .await?;
        self.learn_provisioned_of(space, function)
    }

    pub fn alias(&self, space: &Space, function: &str, name: &str) -> Result<Alias> {
        let view = self.shared.store.read()?;
        let found = ALIASES.get(&view, &alias_key(space, function, name))?;
        found.ok_or_else(|| no_such(function, name))
    }

    /// Every alias of a function, in order of their names.
    pub fn aliases(&self, space: &Space, function: &str) -> Result<Vec<Alias>> {
        aliases(&self.shared.store.read()?, space, function)
    }

    /// The alias that a qualifier names; none if it names a version, or the newest code.
    pub(crate) fn alias_named(
        &self,
        space: &Space,
        function: &str,
        qualifier: Option<&str>,
    ) -> Result<Option<Alias>> {
        match qualifier.filter(|qualifier| number(qualifier).is_none()) {
            Some(name) => self.alias(space, function, name).map(Some),
            None => Ok(None),
        }
    }

    /// Finds what a name and a qualifier stand for: of an alias for two versions, the first.
    pub fn resolve(&self, space: &Space, name: &str, qualifier: Option<&str>) -> Result<Function> {
        let found = self.resolve_by(space, name, qualifier, |alias| alias.version)?;
        Ok(Arc::unwrap_or_clone(found))
    }

    /// As [`Functions::resolve`], for one call: chance decides between two versions.
    pub fn resolve_call(
        &self,
        space: &Space,
        name: &str,
        qualifier: Option<&str>,
    ) -> Result<Arc<Function>> {
        self.resolve_by(space, name, qualifier, |alias| match alias.other {
            Some((other, weight)) if self.shared.random.chance(weight) => Some(other),
            _ => alias.version,
        })
    }

    fn resolve_by(
        &self,
        space: &Space,
        name: &str,
        qualifier: Option<&str>,
        choose: impl FnOnce(&Alias) -> Option<u64>,
    ) -> Result<Arc<Function>> {
        let view = self.shared.store.read()?;
        let latest = FUNCTIONS.shared(&view, &function_key(space, name))?;
        let latest = latest.ok_or_else(|| Error::NoSuchFunction(name.to_owned()))?;
        let Some(qualifier) = qualifier else {
            return Ok(latest);
        };
        let latest = Function::clone(&latest);
        let (chosen, alias) = match number(qualifier) {
            Some(number) => (Some(number), None),
            None => {
                let alias = ALIASES.get(&view, &alias_key(space, name, qualifier))?;
                let alias = alias.ok_or_else(|| no_such(name, qualifier))?;
                (choose(&alias), Some(alias))
            }
        };
        let mut found = match chosen {
            None => latest,
            Some(number) => {
                let version = VERSIONS.get(&view, &version_key(space, name, number))?;
                let version = version.ok_or_else(|| no_such(name, qualifier))?;
                // These are the whole function's, and change while a version does not.
                Function {
                    reserved_concurrency: latest.reserved_concurrency,
                    tags: latest.tags,
                    recursion: latest.recursion,
                    ..version
                }
            }
        };
        if let Some(alias) = alias {
            found.asynchronous = alias.asynchronous;
        }
        Ok(Arc::new(found))
    }

    /// Changes what belongs to what the qualifier names. `edit` may run several times.
    pub(crate) async fn change_attached(
        &self,
        space: &Space,
        name: &str,
        qualifier: Option<&str>,
        revision: Option<&str>,
        edit: impl Fn(Attached<'_>) -> Result<()>,
    ) -> Result<()> {
        let new_revision = self.new_revision();
        self.shared
            .store
            .write(|tx| {
                let Some(alias_name) = qualifier.filter(|named| number(named).is_none()) else {
                    let (table, key) = match qualifier.and_then(number) {
                        Some(number) => (VERSIONS, version_key(space, name, number)),
                        None => (FUNCTIONS, function_key(space, name)),
                    };
                    let found = table.get(tx, &key)?;
                    let mut function = found.ok_or_else(|| match qualifier {
                        Some(qualifier) => no_such(name, qualifier),
                        None => Error::NoSuchFunction(name.to_owned()),
                    })?;
                    check_revision(&function, revision)?;
                    edit(Attached {
                        permissions: &mut function.permissions,
                        asynchronous: &mut function.asynchronous,
                        provisioned: &mut function.provisioned,
                    })?;
                    function.revision.clone_from(&new_revision);
                    table.put(tx, key, &function);
                    return Ok(());
                };
                let key = alias_key(space, name, alias_name);
                let found = ALIASES.get(tx, &key)?;
                let mut alias = found.ok_or_else(|| no_such(name, alias_name))?;
                check_alias_revision(&alias, revision)?;
                edit(Attached {
                    permissions: &mut alias.permissions,
                    asynchronous: &mut alias.asynchronous,
                    provisioned: &mut alias.provisioned,
                })?;
                alias.revision.clone_from(&new_revision);
                ALIASES.put(tx, key, &alias);
                Ok(())
            })
            .await
    }
}

impl Alias {
    /// The published versions that it names, each with the share of calls that goes there.
    pub(crate) fn versions(&self) -> impl Iterator<Item = (u64, f64)> {
        let other = self.other;
        let rest = 1.0 - other.map_or(0.0, |(_, weight)| weight);
        let first = self.version.map(|version| (version, rest));
        first.into_iter().chain(other)
    }
}

fn check_versions(from: &impl Read, alias: &Alias) -> Result<()> {
    for (number, _) in alias.versions() {
        let key = version_key(&alias.space, &alias.function, number);
        if VERSIONS.get(from, &key)?.is_none() {
            return Err(no_such(&alias.function, &number.to_string()));
        }
    }
    Ok(())
}

fn check_alias_revision(alias: &Alias, revision: Option<&str>) -> Result<()> {
    match revision {
        Some(revision) if revision != alias.revision => {
            Err(Error::RevisionMismatch(alias.name.clone()))
        }
        _ => Ok(()),
    }
}

fn no_such(function: &str, qualifier: &str) -> Error {
    Error::NoSuchQualifier {
        function: function.to_owned(),
        qualifier: qualifier.to_owned(),
    }
}
