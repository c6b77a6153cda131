//! Provisioned concurrency.

use functions::{Provisioning, ProvisioningState};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::configuration::modified;
use super::error::{fault, invalid};
use super::name::{LATEST, Named};
use super::page::Page;
use super::{Answer, Asked};
use crate::place::Place;
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    function_name: String,
    qualifier: Option<String>,
    provisioned_concurrent_executions: Option<u32>,
    marker: Option<String>,
    max_items: Option<usize>,
}

impl Input {
    fn named(&self, asked: &Asked<'_>) -> Result<Named, Fault> {
        Named::read(asked, &self.function_name, self.qualifier.as_deref())
    }
}

pub(super) async fn put(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Input = asked.call.read()?;
    let named = input.named(&asked)?;
    let instances = input.provisioned_concurrent_executions.unwrap_or(0);
    if named.find(&asked)?.configuration.snapshots {
        return Err(invalid(
            "Provisioned Concurrency is not supported for functions with SnapStart enabled.",
        ));
    }
    let space = &asked.context.space;
    let functions = &asked.parts.functions;
    let provisioned = functions
        .provision(space, &named.name, named.version(), instances)
        .await;
    let provisioning = provisioned.map_err(|error| fault(asked.context, &named, error))?;
    Ok(Answer::Json(print(&provisioning)))
}

pub(super) fn get(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Input = asked.call.read()?;
    let named = input.named(&asked)?;
    Ok(Answer::Json(print(&provisioning(&asked, &named)?)))
}

pub(super) async fn delete(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Input = asked.call.read()?;
    let named = input.named(&asked)?;
    // Without one there is nothing to delete.
    provisioning(&asked, &named)?;
    let space = &asked.context.space;
    let qualifier = named.version().unwrap_or(LATEST);
    let functions = &asked.parts.functions;
    let deleted = functions.unprovision(space, &named.name, qualifier).await;
    deleted.map_err(|error| fault(asked.context, &named, error))?;
    Ok(Answer::Empty(StatusCode::NO_CONTENT))
}

pub(super) fn list(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Input = asked.call.read()?;
    let named = input.named(&asked)?.whole()?;
    named.find(&asked)?;
    let space = &asked.context.space;
    let refused = |error| fault(asked.context, &named, error);
    let functions = &asked.parts.functions;
    let all = functions.provisioned(space, &named.name).map_err(refused)?;
    let printed = all.into_iter().map(|(qualifier, _)| {
        let found = functions.provisioning(space, &named.name, &qualifier);
        let mut output = print(&found.map_err(refused)?);
        let arn = Place::of(space).function_arn(&named.name, Some(&qualifier));
        output["FunctionArn"] = arn.into();
        Ok(output)
    });
    let printed: Result<Vec<Value>, Fault> = printed.collect();
    let page = Page::read(input.marker.as_deref(), input.max_items)?;
    let configs = page.print("ProvisionedConcurrencyConfigs", printed?);
    Ok(Answer::Json(configs))
}

fn provisioning(asked: &Asked<'_>, named: &Named) -> Result<Provisioning, Fault> {
    named.find(asked)?;
    let space = &asked.context.space;
    let refused = |error| fault(asked.context, named, error);
    match named.version() {
        Some(qualifier) => {
            let functions = &asked.parts.functions;
            let found = functions.provisioning(space, &named.name, qualifier);
            found.map_err(refused)
        }
        None => Err(refused(functions::Error::ProvisionsNewest)),
    }
}

fn print(provisioning: &Provisioning) -> Value {
    let (status, reason) = match &provisioning.state {
        ProvisioningState::InProgress => ("IN_PROGRESS", None),
        ProvisioningState::Ready => ("READY", None),
        ProvisioningState::Failed(why) => (
            "FAILED",
            Some(format!("FUNCTION_ERROR_INIT_FAILURE: {why}")),
        ),
    };
    let mut output = json!({
        "RequestedProvisionedConcurrentExecutions": provisioning.wanted.instances,
        "AvailableProvisionedConcurrentExecutions": provisioning.ready,
        "AllocatedProvisionedConcurrentExecutions": provisioning.ready,
        "Status": status,
        "LastModified": modified(provisioning.wanted.modified),
    });
    if let Some(reason) = reason {
        output["StatusReason"] = reason.into();
    }
    output
}
