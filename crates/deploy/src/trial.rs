//! Running an application's code to learn what it asks for.

use std::time::Duration;

use functions::{Event, Trial};

use crate::desired::Function;
use crate::engines::{Failure, configuration};
use crate::error::Result;
use crate::{Deployer, Template};

/// How long code may take to say what it has.
const PATIENCE: Duration = Duration::from_secs(60);

impl Deployer {
    /// The template with all that it asks for known.
    pub(crate) async fn tried(&self, template: &Template) -> Result<Template> {
        let Some(function) = template.trial()? else {
            return Ok(template.clone());
        };
        let said = self.try_out(&function).await?;
        let said = said.as_ref().map(|said| &said[..]);
        Ok(template.with_said(said.map_err(String::as_str))?)
    }

    /// What the code says, or why it does not.
    async fn try_out(&self, function: &Function) -> Result<Result<bytes::Bytes, String>> {
        let failed =
            |cause: Failure| cause.of_step("run the code of", "application", &function.name);
        let (space, name) = self.placed(&function.name);
        let code = self
            .engines
            .package(&function.code, &function.runtime)
            .map_err(failed)?;
        let trial = Trial {
            space,
            name: name.to_owned(),
            configuration: configuration(function),
            code,
            event: Event::Raw(bytes::Bytes::new()),
            patience: PATIENCE,
        };
        let said = self.engines.functions.try_out(trial).await;
        let said = said.map_err(|cause| failed(cause.into()))?;
        Ok(said.map_err(|failed| failed.message))
    }
}
