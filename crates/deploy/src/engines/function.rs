//! Functions.

use std::collections::BTreeSet;
use std::time::Duration;

use base::{ByteSize, Space};
use functions::{AsyncSettings, Configuration, Create, Logging};

use super::{Failure, is_there, unless_missing};
use crate::Deployer;
use crate::desired::{Architecture, Cloud, Function};
use crate::error::Result;
use crate::schema::Noun;

impl Deployer {
    pub(super) async fn put_function(
        &self,
        function: &Function,
        fresh: bool,
    ) -> Result<bool, Failure> {
        if !self.create_or_change(function, fresh).await? {
            return Ok(false);
        }
        let (space, name) = self.placed(&function.name);
        let functions = &self.engines.functions;
        if function.cloud == Cloud::Azure {
            self.make_keys(&space, name).await?;
        }
        let current = functions.get(&space, name)?;
        if current.reserved_concurrency != function.reserved_concurrency {
            let amount = function.reserved_concurrency;
            functions.reserve_concurrency(&space, name, amount).await?;
        }
        let Some(publish) = &function.publish else {
            self.put_retry(&space, function, &current).await?;
            return Ok(true);
        };
        self.publish(&function.name, publish).await?;
        let alias = Some(publish.alias.as_str());
        let published = functions.resolve(&space, &function.name, alias)?;
        self.put_retry(&space, function, &published).await?;
        Ok(true)
    }

    /// Says false, and changes nothing, if it is to be a `fresh` one and is there.
    async fn create_or_change(&self, function: &Function, fresh: bool) -> Result<bool, Failure> {
        let (space, name) = self.placed(&function.name);
        let functions = &self.engines.functions;
        let code = self.engines.package(&function.code, &function.runtime)?;
        let wanted = Configuration {
            layers: self.layers(function).await?,
            ..configuration(function)
        };
        let known = is_there(functions.get(&space, name))?;
        if known && fresh {
            return Ok(false);
        } else if known {
            let edit = |configuration: &mut Configuration| *configuration = wanted.clone();
            functions
                .update_configuration(&space, name, None, edit)
                .await?;
            functions.update_code(&space, name, code.into()).await?;
            let tags = function.tags.clone();
            functions
                .set_tags(&space, name, |set| *set = tags.clone())
                .await?;
        } else {
            let create = Create {
                space: space.clone(),
                name: name.to_owned(),
                configuration: wanted,
                code,
                tags: function.tags.clone(),
            };
            match functions.create(create).await {
                Err(functions::Error::Exists(_)) if fresh => return Ok(false),
                created => created?,
            };
        }
        Ok(true)
    }

    /// By which the function is called: its own, that of all functions, and the one that opens everything.
    async fn make_keys(&self, space: &Space, name: &str) -> Result<(), Failure> {
        let Some(azure) = &self.azure else {
            return Ok(());
        };
        let own = format!("function/{}", name.to_lowercase());
        for (ring, key) in [
            (own.as_str(), "default"),
            ("host", "default"),
            ("master", "_master"),
        ] {
            azure.keys.ensure(space, ring, key).await?;
        }
        Ok(())
    }

    async fn put_retry(
        &self,
        space: &Space,
        function: &Function,
        current: &functions::Function,
    ) -> Result<(), Failure> {
        let qualifier = function.publish.as_ref();
        let qualifier = qualifier.map(|publish| publish.alias.as_str());
        let current = &current.asynchronous;
        let retry = &function.retry;
        let max_age = retry.max_age_s.map(|age| Duration::from_secs(age.into()));
        let tells = retry.on_success.is_some() || retry.on_failure.is_some();
        let is_set = retry.attempts.is_some() || max_age.is_some() || tells;
        let mut wanted = AsyncSettings {
            retries: retry.attempts,
            max_age,
            modified: is_set.then(|| self.clock.now()),
            on_success: retry.on_success.clone(),
            on_failure: retry.on_failure.clone(),
        };
        // When they were set is no setting.
        if wanted.modified.is_some() == current.modified.is_some() {
            let now = std::mem::replace(&mut wanted.modified, current.modified);
            if wanted != *current {
                wanted.modified = now;
            }
        }
        if wanted != *current {
            let name = &function.name;
            self.engines
                .functions
                .set_asynchronous(space, name, qualifier, wanted)
                .await?;
        }
        Ok(())
    }

    /// Lets the functions run their changed code from now on; says which of them had changed. A function that is gone
    /// has nothing to reload.
    pub async fn reload(&self, functions: &BTreeSet<String>) -> Result<Vec<String>> {
        let engine = &self.engines.functions;
        let reload = |space, name: String| async move { engine.reload(&space, &name).await };
        self.those_that(functions, reload).await
    }

    /// Lets the functions run with what their layers are now; says which of them are there.
    pub async fn restart(&self, functions: &BTreeSet<String>) -> Result<Vec<String>> {
        let engine = &self.engines.functions;
        let restart = |space, name: String| async move {
            engine.restart(&space, &name).await?;
            Ok(true)
        };
        self.those_that(functions, restart).await
    }

    /// Does it to each, and says to which something was done. A function that is gone is passed over.
    async fn those_that<F>(
        &self,
        functions: &BTreeSet<String>,
        act: impl Fn(Space, String) -> F,
    ) -> Result<Vec<String>>
    where
        F: Future<Output = functions::Result<bool>>,
    {
        let mut done = Vec::new();
        for name in functions {
            let (space, placed) = self.placed(name);
            let acted = unless_missing(act(space, placed.to_owned()).await)
                .map_err(|cause| cause.of_step("reload", Noun::Function.as_str(), name))?;
            if acted == Some(true) {
                done.push(name.clone());
            }
        }
        Ok(done)
    }
}

pub(crate) fn configuration(function: &Function) -> Configuration {
    Configuration {
        runtime: function.runtime.clone(),
        handler: function.handler.clone(),
        description: function.description.clone(),
        timeout: Duration::from_secs(function.timeout_s.into()),
        memory: ByteSize::mib(function.memory_mb.into()),
        ephemeral: ByteSize::mib(function.scratch_mb.into()),
        environment: Some(function.environment.clone()).filter(|variables| !variables.is_empty()),
        role: function.role.clone(),
        architecture: match function.architecture {
            Architecture::X86 => functions::Architecture::X86,
            Architecture::Arm => functions::Architecture::Arm,
        },
        logging: Logging {
            format: match function.logging.json {
                true => functions::LogFormat::Json,
                false => functions::LogFormat::Text,
            },
            group: function.logging.group.clone(),
            application_level: function.logging.application_level.clone(),
            system_level: function.logging.system_level.clone(),
        },
        layers: Vec::new(),
        snapshots: function.snapshots,
        dead_letters: function.dead_letters.clone(),
    }
}
