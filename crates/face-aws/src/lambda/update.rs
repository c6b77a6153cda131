use functions::{Function, Publish, UpdateCode};
use serde::Deserialize;

use super::code::Source;
use super::error::fault;
use super::name::Named;
use super::settings::{Settings, architecture, refuse_unbuilt};
use super::{Answer, Asked, configuration as printed, runtime, version};
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Code {
    function_name: String,
    revision_id: Option<String>,
    #[serde(default)]
    dry_run: bool,
    #[serde(default)]
    publish: bool,
    architectures: Option<Vec<String>>,
    #[serde(flatten)]
    source: Source,
}

pub(super) async fn code(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    refuse_unbuilt(&asked.call)?;
    let input: Code = asked.call.read()?;
    let named = Named::read(&asked, &input.function_name, None)?.whole()?;
    let mut before = named.find(&asked)?;
    let code = input.source.read(&asked).await?;
    let architecture = architecture(input.architectures.as_deref());
    if input.dry_run {
        let is = &mut before.configuration.architecture;
        *is = architecture.unwrap_or(*is);
        return Ok(Answer::Json(printed::print(&asked, &before, None).await));
    }
    let space = &asked.context.space;
    let revision = input.revision_id.as_deref();
    let functions = &asked.parts.functions;
    let update = UpdateCode {
        code,
        architecture,
        revision,
    };
    let updated = functions.update_code(space, &named.name, update).await;
    if input.publish && updated.is_ok() {
        let published = version::published(&asked, &named, &Publish::default()).await?;
        let printed = printed::print_version(&asked, &published).await;
        return Ok(Answer::Json(printed));
    }
    print(&asked, &named, updated).await
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Configuration {
    function_name: String,
    revision_id: Option<String>,
    #[serde(flatten)]
    settings: Settings,
}

pub(super) async fn configuration(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    refuse_unbuilt(&asked.call)?;
    let mut input: Configuration = asked.call.read()?;
    let named = Named::read(&asked, &input.function_name, None)?.whole()?;
    let before = named.find(&asked)?;
    input.settings.check()?;
    input.settings.check_together(&before.configuration)?;
    if let Some(runtime) = &input.settings.runtime {
        runtime::check(runtime)?;
    }
    input.settings.find_layers(&asked)?;
    input.settings.check_dead_letters(&asked)?;
    let space = &asked.context.space;
    let revision = input.revision_id.as_deref();
    let apply = |configuration: &mut functions::Configuration| input.settings.apply(configuration);
    let functions = &asked.parts.functions;
    let updated = functions
        .update_configuration(space, &named.name, revision, apply)
        .await;
    print(&asked, &named, updated).await
}

async fn print(
    asked: &Asked<'_>,
    named: &Named,
    updated: functions::Result<Function>,
) -> Result<Answer, Fault> {
    let function = updated.map_err(|error| fault(asked.context, named, error))?;
    let printed = printed::print(asked, &function, None).await;
    Ok(Answer::Json(printed))
}
