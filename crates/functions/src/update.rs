//! Changing a function. What affects its instances gives it a new generation: idle ones are retired at once, busy ones
//! when they are done.

use std::collections::BTreeMap;

use base::Space;
use store::Tx;

use crate::code;
use crate::create::NewCode;
use crate::layer;
use crate::schema::{
    Architecture, AsyncSettings, Code, CodeSource, Configuration, FUNCTIONS, Function, Generation,
    Recursion, function_key,
};
use crate::{Error, Functions, Result};

/// Other code for a function, and what goes with it.
#[derive(Debug)]
pub struct UpdateCode<'a> {
    pub code: NewCode,
    /// What it is for, unless that stays.
    pub architecture: Option<Architecture>,
    /// Only if the function still has it.
    pub revision: Option<&'a str>,
}

impl From<NewCode> for UpdateCode<'_> {
    fn from(code: NewCode) -> Self {
        Self {
            code,
            architecture: None,
            revision: None,
        }
    }
}

impl Functions {
    /// Deploys other code.
    pub async fn update_code(
        &self,
        space: &Space,
        name: &str,
        update: UpdateCode<'_>,
    ) -> Result<Function> {
        let UpdateCode {
            code,
            architecture,
            revision,
        } = update;
        check_revision(&self.get(space, name)?, revision)?;
        let (code, _hold) = self.take_in(code).await?;
        self.check_size(&code, &self.get(space, name)?.configuration.layers)
            .await?;
        let generation = self.new_generation();
        let function = self
            .change(space, name, revision, |_, function| {
                function.code = code.clone();
                let before = function.configuration.architecture;
                function.configuration.architecture = architecture.unwrap_or(before);
                function.generation = generation;
                Ok(())
            })
            .await?;
        self.replace_instances(&function);
        Ok(function)
    }

    /// Changes how it runs. `edit` may run several times.
    pub async fn update_configuration(
        &self,
        space: &Space,
        name: &str,
        revision: Option<&str>,
        edit: impl Fn(&mut Configuration),
    ) -> Result<Function> {
        let mut wanted = self.get(space, name)?;
        edit(&mut wanted.configuration);
        self.check_size(&wanted.code, &wanted.configuration.layers)
            .await?;
        let generation = self.new_generation();
        let function = self
            .change(space, name, revision, |_, function| {
                edit(&mut function.configuration);
                function.generation = generation;
                Ok(())
            })
            .await?;
        self.replace_instances(&function);
        Ok(function)
    }

    /// Sets how asynchronous calls of what the qualifier names are treated.
    pub async fn set_asynchronous(
        &self,
        space: &Space,
        name: &str,
        qualifier: Option<&str>,
        settings: AsyncSettings,
    ) -> Result<()> {
        self.change_attached(space, name, qualifier, None, |attached| {
            *attached.asynchronous = settings.clone();
            Ok(())
        })
        .await
    }

    pub async fn set_recursion(
        &self,
        space: &Space,
        name: &str,
        recursion: Recursion,
    ) -> Result<Function> {
        self.change(space, name, None, |_, function| {
            function.recursion = recursion;
            Ok(())
        })
        .await
    }

    /// Changes the tags. `edit` may run several times.
    pub async fn set_tags(
        &self,
        space: &Space,
        name: &str,
        edit: impl Fn(&mut BTreeMap<String, String>),
    ) -> Result<Function> {
        self.change(space, name, None, |_, function| {
            edit(&mut function.tags);
            Ok(())
        })
        .await
    }

    /// Looks whether the function's folder has changed, and if so replaces its instances; says whether it had.
    pub async fn reload(&self, space: &Space, name: &str) -> Result<bool> {
        let function = self.get(space, name)?;
        let CodeSource::Directory(path) = &function.code.source else {
            return Ok(false);
        };
        let (sha256, size) = code::survey(path).await?;
        if sha256 == function.code.sha256 {
            return Ok(false);
        }
        let surveyed = Code {
            source: function.code.source,
            sha256,
            size,
        };
        self.reloaded(space, name, surveyed).await
    }

    /// Replaces the function's instances: what they have loaded from elsewhere than its own code is another by now.
    pub async fn restart(&self, space: &Space, name: &str) -> Result<()> {
        let generation = self.new_generation();
        let changed = self.change(space, name, None, |_, function| {
            function.generation = generation;
            Ok(())
        });
        self.replace_instances(&changed.await?);
        Ok(())
    }

    /// Lets a function run from its folder as that was found to be now, unless it has got other code meanwhile.
    async fn reloaded(&self, space: &Space, name: &str, surveyed: Code) -> Result<bool> {
        let generation = self.new_generation();
        let changed = self
            .change(space, name, None, |_, function| {
                if function.code.source != surveyed.source {
                    return Err(Error::RevisionMismatch(name.to_owned()));
                }
                function.code = surveyed.clone();
                function.generation = generation;
                Ok(())
            })
            .await;
        match changed {
            Ok(function) => {
                self.replace_instances(&function);
                Ok(true)
            }
            Err(Error::RevisionMismatch(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn change(
        &self,
        space: &Space,
        name: &str,
        revision: Option<&str>,
        edit: impl Fn(&mut Tx, &mut Function) -> Result<()>,
    ) -> Result<Function> {
        let key = function_key(space, name);
        let new_revision = self.new_revision();
        let now = self.shared.clock.now();
        self.shared
            .store
            .write(|tx| {
                let mut function = FUNCTIONS
                    .get(tx, &key)?
                    .ok_or_else(|| Error::NoSuchFunction(name.to_owned()))?;
                check_revision(&function, revision)?;
                let before = function.clone();
                edit(tx, &mut function)?;
                if function.generation != before.generation {
                    layer::check_there(
                        tx,
                        &before.configuration.layers,
                        &function.configuration.layers,
                    )?;
                    // In this order: what both name is never without a name.
                    function.keep_code(tx)?;
                    before.drop_code(tx)?;
                    function.modified = now;
                }
                function.revision.clone_from(&new_revision);
                FUNCTIONS.put(tx, key.clone(), &function);
                Ok(function)
            })
            .await
    }

    fn replace_instances(&self, function: &Function) {
        let Function {
            space,
            name,
            generation,
            ..
        } = function;
        let generation: Generation = *generation;
        self.shared.pools.replace(space, name, generation);
        let current = Some(generation);
        self.shared.templates.forget(space, name, current);
    }
}

pub(crate) fn check_revision(function: &Function, revision: Option<&str>) -> Result<()> {
    match revision {
        Some(revision) if revision != function.revision => {
            Err(Error::RevisionMismatch(function.name.clone()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use base::ByteSize;

    use super::*;
    use crate::tests::fake::{World, space};

    #[tokio::test]
    async fn a_package_that_came_while_a_folder_was_looked_at_keeps_its_own_hash() {
        let world = World::new();
        let function = world.deploy("echo").await;
        let surveyed = Code {
            source: CodeSource::Directory("/old".into()),
            sha256: [7; 32],
            size: ByteSize::bytes(7),
        };
        let reloaded = world.functions.reloaded(&space(), "f", surveyed).await;
        assert!(!reloaded.unwrap());
        assert_eq!(world.functions.get(&space(), "f").unwrap(), function);
    }
}
