//! Versions of functions, the aliases that name them, and how many instances are kept initialised for either.

use functions::{AliasChange, NewAlias};

use super::{Failure, is_there};
use crate::Deployer;
use crate::desired::{Alias, Numbered, Publish, Version};
use crate::schema::{NUMBERS, Number, number_key};

impl Deployer {
    /// Publishes what has changed, and moves the alias there.
    pub(super) async fn publish(&self, name: &str, publish: &Publish) -> Result<(), Failure> {
        let new = functions::Publish {
            description: publish.description.clone(),
            ..functions::Publish::default()
        };
        let functions = &self.engines.functions;
        let version = functions.publish(&self.space(), name, &new).await?.version;
        let alias = NewAlias {
            name: publish.alias.clone(),
            version,
            other: None,
            description: String::new(),
        };
        self.set_alias(name, alias).await?;
        self.set_provisioned(name, &publish.alias, publish.provisioned)
            .await
    }

    pub(super) async fn put_version(&self, version: &Version) -> Result<bool, Failure> {
        let publish = functions::Publish {
            description: version.description.clone(),
            ..functions::Publish::default()
        };
        let functions = &self.engines.functions;
        let space = self.space();
        let published = functions.publish(&space, &version.function, &publish);
        let number = published.await?.version.unwrap_or_default();
        let written = self.engines.store.write(|tx| {
            NUMBERS.put(tx, number_key(&version.name), &Number(number));
            Ok::<_, store::Error>(())
        });
        written.await?;
        self.set_provisioned(&version.function, &number.to_string(), version.provisioned)
            .await?;
        Ok(true)
    }

    pub(super) async fn remove_version(&self, name: &str) -> Result<(), Failure> {
        let (function, _) = parted(name);
        if let Some(number) = self.number_of(name)? {
            let functions = &self.engines.functions;
            functions
                .delete_version(&self.space(), function, number)
                .await?;
        }
        let forgotten = self.engines.store.write(|tx| {
            NUMBERS.delete(tx, number_key(name));
            Ok::<_, store::Error>(())
        });
        Ok(forgotten.await?)
    }

    /// The number of a version that a resource has published; none if it is not there any more.
    pub(super) fn number_of(&self, name: &str) -> Result<Option<u64>, Failure> {
        let view = self.engines.store.read()?;
        let Some(Number(number)) = NUMBERS.get(&view, &number_key(name))? else {
            return Ok(None);
        };
        let (function, _) = parted(name);
        let qualifier = number.to_string();
        let functions = &self.engines.functions;
        let found = functions.resolve(&self.space(), function, Some(&qualifier));
        Ok(is_there(found)?.then_some(number))
    }

    pub(super) async fn put_alias(&self, alias: &Alias) -> Result<bool, Failure> {
        let number = |version: &Numbered| match version {
            Numbered::Latest => Ok(None),
            Numbered::Number(number) => Ok(Some(*number)),
            Numbered::Published(name) => match self.number_of(name)? {
                Some(number) => Ok(Some(number)),
                None => Err(Failure::missing(format!("there is no version {name}"))),
            },
        };
        let other = match &alias.other {
            Some((version, share)) => {
                number(version)?.map(|number| (number, f64::from(*share) / 100_000.0))
            }
            None => None,
        };
        let new = NewAlias {
            name: alias.alias.clone(),
            version: number(&alias.version)?,
            other,
            description: alias.description.clone(),
        };
        self.set_alias(&alias.function, new).await?;
        self.set_provisioned(&alias.function, &alias.alias, alias.provisioned)
            .await?;
        Ok(true)
    }

    /// Makes an alias, or moves the one that is there.
    async fn set_alias(&self, function: &str, alias: NewAlias) -> Result<(), Failure> {
        let (space, functions) = (self.space(), &self.engines.functions);
        let change = AliasChange {
            version: Some(alias.version),
            other: Some(alias.other),
            description: Some(alias.description.clone()),
        };
        let name = alias.name.clone();
        match functions.create_alias(&space, function, alias).await {
            Err(functions::Error::AliasExists(_)) => {
                let updated = functions.update_alias(&space, function, &name, None, &change);
                updated.await?;
                Ok(())
            }
            created => Ok(created.map(drop)?),
        }
    }

    async fn set_provisioned(
        &self,
        function: &str,
        qualifier: &str,
        instances: Option<u32>,
    ) -> Result<(), Failure> {
        let (space, functions) = (self.space(), &self.engines.functions);
        let there = functions.provisioned(&space, function)?;
        let there = there.into_iter().find(|(name, _)| name == qualifier);
        let there = there.map(|(_, there)| there.instances);
        match (instances, there) {
            (Some(wanted), there) if there != Some(wanted) => {
                let named = Some(qualifier);
                functions.provision(&space, function, named, wanted).await?;
            }
            (None, Some(_)) => functions.unprovision(&space, function, qualifier).await?,
            _ => {}
        }
        Ok(())
    }
}

/// A name of something that belongs to a function: `<function>:<its own name>`.
pub(super) fn parted(name: &str) -> (&str, &str) {
    name.split_once(':').unwrap_or((name, ""))
}
