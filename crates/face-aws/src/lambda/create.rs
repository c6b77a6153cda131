use std::collections::BTreeMap;

use functions::{Create, Publish};
use serde::Deserialize;

use super::code::Source;
use super::error::{fault, invalid};
use super::name::Named;
use super::settings::{Settings, refuse_unbuilt};
use super::{Answer, Asked, configuration, runtime, tags, version};
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    function_name: String,
    code: Source,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    #[serde(default)]
    publish: bool,
    #[serde(flatten)]
    settings: Settings,
}

const LONGEST_NAME: usize = 64;

pub(super) async fn create(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    refuse_unbuilt(&asked.call)?;
    let mut input: Input = asked.call.read()?;
    let named = Named::read(&asked, &input.function_name, None)?.whole()?;
    if named.name.len() > LONGEST_NAME {
        return Err(Fault::validation(format!(
            "1 validation error detected: Value '{}' at 'functionName' failed to satisfy constraint: Member must have length less than or equal to {LONGEST_NAME}",
            named.name
        )));
    }
    let settings = &input.settings;
    let (Some(runtime), Some(_)) = (&settings.runtime, &settings.handler) else {
        return Err(invalid(
            "Runtime and Handler are mandatory parameters for functions created with deployment packages.",
        ));
    };
    settings.check()?;
    tags::check(&input.tags, input.tags.len())?;
    runtime::check(runtime)?;
    input.settings.find_layers(&asked)?;
    input.settings.check_dead_letters(&asked)?;
    let code = input.code.read(&asked).await?;
    let mut configuration = Settings::defaults();
    input.settings.check_together(&configuration)?;
    input.settings.apply(&mut configuration);
    let create = Create {
        space: asked.context.space.clone(),
        name: named.name.clone(),
        configuration,
        code,
        tags: input.tags,
    };
    let created = asked.parts.functions.create(create).await;
    let mut function = created.map_err(|error| fault(asked.context, &named, error))?;
    if input.publish {
        function = version::published(&asked, &named, &Publish::default()).await?;
    }
    let printed = configuration::print(&asked, &function, None).await;
    Ok(Answer::Json(printed))
}
