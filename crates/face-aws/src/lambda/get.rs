use serde::Deserialize;
use serde_json::json;

use super::name::Named;
use super::{Answer, Asked, configuration, package};
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Which {
    function_name: String,
    qualifier: Option<String>,
}

impl Which {
    pub(super) fn named(&self, asked: &Asked<'_>) -> Result<Named, Fault> {
        Named::read(asked, &self.function_name, self.qualifier.as_deref())
    }
}

pub(super) async fn function(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Which = asked.call.read()?;
    let named = input.named(&asked)?;
    let function = named.find(&asked)?;
    let qualifier = named.qualifier.as_deref();
    let printed = configuration::print(&asked, &function, qualifier).await;
    let mut output = json!({ "Configuration": printed, "Code": { "RepositoryType": "S3" } });
    if let Some(address) = package::address(&asked, &function, qualifier) {
        output["Code"]["Location"] = address.into();
    }
    if !function.tags.is_empty() {
        output["Tags"] = json!(function.tags);
    }
    if let Some(amount) = function.reserved_concurrency {
        output["Concurrency"] = json!({ "ReservedConcurrentExecutions": amount });
    }
    Ok(Answer::Json(output))
}

pub(super) async fn configuration(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Which = asked.call.read()?;
    let named = input.named(&asked)?;
    let function = named.find(&asked)?;
    let qualifier = named.qualifier.as_deref();
    let printed = configuration::print(&asked, &function, qualifier).await;
    Ok(Answer::Json(printed))
}
