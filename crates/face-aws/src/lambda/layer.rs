//! Layers.

use std::collections::BTreeMap;

use functions::{LayerVersion, Permission, PublishLayer, UsedLayer};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::code::Source;
use super::configuration::modified;
use super::error::{denied, fault, invalid, missing};
use super::name::Named;
use super::page::Page;
use super::permission::{policy, principal};
use super::{Answer, Asked, package, runtime};
use crate::context::Context;
use crate::place::Place;
use crate::protocol::Fault;

const MOST_LAYERS: usize = 5;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Publish {
    layer_name: String,
    content: Source,
    description: Option<String>,
    license_info: Option<String>,
    #[serde(default)]
    compatible_runtimes: Vec<String>,
    #[serde(default)]
    compatible_architectures: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Which {
    layer_name: String,
    version_number: u64,
    revision_id: Option<String>,
    #[serde(default)]
    statement_id: String,
    #[serde(default)]
    action: String,
    #[serde(default)]
    principal: String,
    organization_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct List {
    layer_name: Option<String>,
    compatible_runtime: Option<String>,
    compatible_architecture: Option<String>,
    marker: Option<String>,
    max_items: Option<usize>,
}

pub(super) async fn publish(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Publish = asked.call.read()?;
    runtime::check_compatible(&input.compatible_runtimes)?;
    let name = layer_name(&asked, &input.layer_name)?;
    let layer = PublishLayer {
        space: asked.context.space.clone(),
        name: name.clone(),
        version: None,
        code: input.content.read(&asked).await?,
        description: input.description.unwrap_or_default(),
        license: input.license_info,
        runtimes: input.compatible_runtimes,
        architectures: input.compatible_architectures,
    };
    let published = asked.parts.functions.publish_layer(layer).await;
    let layer = published.map_err(|error| refused(&asked, &name, error))?;
    Ok(Answer::Json(print_whole(&asked, &layer)))
}

pub(super) fn get(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Which = asked.call.read()?;
    input.check_version()?;
    let name = layer_name(&asked, &input.layer_name)?;
    let layer = find(&asked, &name, input.version_number)?;
    Ok(Answer::Json(print_whole(&asked, &layer)))
}

pub(super) fn get_by_arn(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct ByArn {
        arn: String,
    }
    let input: ByArn = asked.call.read()?;
    let layer = match read_arn(&asked, &input.arn)? {
        Wherever::Here(name, version) => find(&asked, &name, version)?,
        Wherever::Elsewhere(layer) => *layer,
    };
    Ok(Answer::Json(print_whole(&asked, &layer)))
}

pub(super) async fn delete(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Which = asked.call.read()?;
    input.check_version()?;
    let name = layer_name(&asked, &input.layer_name)?;
    let space = &asked.context.space;
    let functions = &asked.parts.functions;
    let deleted = functions
        .delete_layer(space, &name, input.version_number)
        .await;
    deleted.map_err(|error| refused(&asked, &name, error))?;
    Ok(Answer::Empty(StatusCode::NO_CONTENT))
}

impl Which {
    fn check_version(&self) -> Result<(), Fault> {
        match self.version_number {
            0 => Err(invalid("Layer Version Cannot be less than 1")),
            _ => Ok(()),
        }
    }
}

impl List {
    fn lets(&self, layer: &LayerVersion) -> bool {
        let fits = |wanted: &Option<String>, said: &[String]| match wanted {
            Some(wanted) => said.contains(wanted),
            None => true,
        };
        fits(&self.compatible_runtime, &layer.runtimes)
            && fits(&self.compatible_architecture, &layer.architectures)
    }
}

pub(super) fn versions(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: List = asked.call.read()?;
    runtime::check_wanted(input.compatible_runtime.as_deref())?;
    let name = layer_name(&asked, input.layer_name.as_deref().unwrap_or_default())?;
    let space = &asked.context.space;
    let all = asked.parts.functions.layer_versions(space, &name);
    let all = all.map_err(|error| refused(&asked, &name, error))?;
    let fitting = all.iter().filter(|layer| input.lets(layer));
    let page = Page::read(input.marker.as_deref(), input.max_items)?;
    let printed = page.print("LayerVersions", fitting.map(print).collect());
    Ok(Answer::Json(printed))
}

/// Each layer with the newest of its versions that fits what was asked for.
pub(super) fn layers(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: List = asked.call.read()?;
    runtime::check_wanted(input.compatible_runtime.as_deref())?;
    let space = &asked.context.space;
    let functions = &asked.parts.functions;
    let all = functions.layers(space);
    let all = all.map_err(|error| refused(&asked, "", error))?;
    let mut printed = Vec::new();
    for newest in all {
        let versions = functions.layer_versions(space, &newest.name);
        let versions = versions.map_err(|error| refused(&asked, &newest.name, error))?;
        if let Some(layer) = versions.iter().find(|layer| input.lets(layer)) {
            printed.push(json!({
                "LayerName": layer.name,
                "LayerArn": Place::of(space).layer_arn(&layer.name, None),
                "LatestMatchingVersion": print(layer),
            }));
        }
    }
    let page = Page::read(input.marker.as_deref(), input.max_items)?;
    Ok(Answer::Json(page.print("Layers", printed)))
}

pub(super) async fn add_permission(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Which = asked.call.read()?;
    let name = layer_name(&asked, &input.layer_name)?;
    find(&asked, &name, input.version_number)?;
    let space = &asked.context.space;
    let mut statement = json!({
        "Sid": input.statement_id,
        "Effect": "Allow",
        "Principal": principal(&input.principal),
        "Action": input.action,
        "Resource": Place::of(space).layer_arn(&name, Some(input.version_number)),
    });
    if let Some(organization) = &input.organization_id {
        statement["Condition"]["StringEquals"]["aws:PrincipalOrgID"] = json!(organization);
    }
    let statement = statement.to_string();
    let permission = Permission {
        id: input.statement_id,
        statement: statement.clone(),
    };
    let functions = &asked.parts.functions;
    let layer = (space, name.as_str(), input.version_number);
    let revision = input.revision_id.as_deref();
    let added = functions
        .add_layer_permission(layer, revision, permission)
        .await;
    let layer = added.map_err(|error| policy_refused(&asked, &name, error))?;
    Ok(Answer::Json(json!({
        "Statement": statement,
        "RevisionId": layer.revision,
    })))
}

pub(super) async fn remove_permission(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Which = asked.call.read()?;
    let name = layer_name(&asked, &input.layer_name)?;
    find(&asked, &name, input.version_number)?;
    let functions = &asked.parts.functions;
    let layer = (&asked.context.space, name.as_str(), input.version_number);
    let revision = input.revision_id.as_deref();
    let removed = functions
        .remove_layer_permission(layer, revision, &input.statement_id)
        .await;
    removed.map_err(|error| policy_refused(&asked, &name, error))?;
    Ok(Answer::Empty(StatusCode::NO_CONTENT))
}

pub(super) fn get_policy(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Which = asked.call.read()?;
    let name = layer_name(&asked, &input.layer_name)?;
    let layer = find(&asked, &name, input.version_number)?;
    if layer.permissions.is_empty() {
        return Err(missing("No policy is associated with the given resource."));
    }
    Ok(Answer::Json(json!({
        "Policy": policy(&layer.permissions),
        "RevisionId": layer.revision,
    })))
}

/// The layers that a function is to use, as their ARNs name them.
pub(super) fn used(asked: &Asked<'_>, arns: &[String]) -> Result<Vec<UsedLayer>, Fault> {
    if arns.len() > MOST_LAYERS {
        return Err(invalid("Cannot reference more than 5 layers."));
    }
    let mut names = BTreeMap::new();
    let mut used = Vec::new();
    for arn in arns {
        let whole = arn
            .rsplit_once(':')
            .map_or(arn.as_str(), |(whole, _)| whole);
        let found = read_arn(asked, arn)?;
        if let Some(other) = names.insert(whole, arn) {
            return Err(invalid(format!(
                "Two different versions of the same layer are not allowed to be referenced in the same function. {arn} and {other}."
            )));
        }
        let layer = match found {
            Wherever::Elsewhere(layer) => *layer,
            Wherever::Here(name, version) => {
                let functions = &asked.parts.functions;
                let layer = functions.layer(&asked.context.space, &name, version);
                layer.map_err(|error| refused(asked, &name, error))?
            }
        };
        used.push(layer.into());
    }
    Ok(used)
}

fn find(asked: &Asked<'_>, name: &str, version: u64) -> Result<LayerVersion, Fault> {
    let found = asked
        .parts
        .functions
        .layer(&asked.context.space, name, version);
    found.map_err(|error| match error {
        functions::Error::NoSuchLayer { .. } => {
            missing("The resource you requested does not exist.")
        }
        error => refused(asked, name, error),
    })
}

fn refused(asked: &Asked<'_>, name: &str, error: functions::Error) -> Fault {
    let named = Named {
        name: name.to_owned(),
        qualifier: None,
    };
    fault(asked.context, &named, error)
}

fn policy_refused(asked: &Asked<'_>, name: &str, error: functions::Error) -> Fault {
    match error {
        functions::Error::RevisionMismatch(_) => Fault::new(
            "PreconditionFailedException",
            "The Revision Id provided does not match the latest Revision Id. Call the GetLayerPolicy API to retrieve the latest Revision Id",
        ),
        error => refused(asked, name, error),
    }
}

/// Layers are named by their name or their ARN, without a version.
fn layer_name(asked: &Asked<'_>, given: &str) -> Result<String, Fault> {
    if !given.starts_with("arn:") {
        return Ok(given.to_owned());
    }
    let parts: Vec<&str> = given.split(':').collect();
    match parts.as_slice() {
        ["arn", _, "lambda", region, account, "layer", name] => {
            check_place(asked, asked.call.operation.name, (region, account), given)?;
            Ok((*name).to_owned())
        }
        _ => Err(invalid(format!("Invalid layer name: {given}"))),
    }
}

/// What the ARN of a version names.
enum Wherever {
    /// A name and a version of the caller's own account.
    Here(String, u64),
    /// A public layer of another account that was made here.
    Elsewhere(Box<LayerVersion>),
}

fn read_arn(asked: &Asked<'_>, arn: &str) -> Result<Wherever, Fault> {
    let parts: Vec<&str> = arn.split(':').collect();
    let ["arn", _, "lambda", region, account, "layer", name, version] = parts.as_slice() else {
        return Err(invalid(format!("Invalid layer version ARN: {arn}")));
    };
    let version = version
        .parse()
        .map_err(|_| invalid(format!("Invalid layer version ARN: {arn}")))?;
    if *account != asked.context.account {
        let space = Context::space(account, region);
        if let Ok(layer) = asked.parts.functions.layer(&space, name, version) {
            return Ok(Wherever::Elsewhere(Box::new(layer)));
        }
    }
    check_place(asked, "GetLayerVersion", (region, account), arn)?;
    Ok(Wherever::Here((*name).to_owned(), version))
}

fn check_place(
    asked: &Asked<'_>,
    action: &str,
    (region, account): (&str, &str),
    arn: &str,
) -> Result<(), Fault> {
    let ours = &asked.context.region;
    if region != ours {
        return Err(invalid(format!(
            "Layers are not in the same region as the function. Layers are expected to be in region {ours}."
        )));
    }
    if account != asked.context.account {
        return Err(denied(asked.context, action, arn));
    }
    Ok(())
}

/// As lists have it: they do not tell that there is no description.
fn print(layer: &LayerVersion) -> Value {
    let arn = Place::of(&layer.space).layer_arn(&layer.name, Some(layer.version));
    let mut output = json!({
        "LayerVersionArn": arn,
        "Version": layer.version,
        "CreatedDate": modified(layer.created),
    });
    if !layer.description.is_empty() {
        output["Description"] = layer.description.as_str().into();
    }
    if !layer.runtimes.is_empty() {
        output["CompatibleRuntimes"] = json!(layer.runtimes);
    }
    if !layer.architectures.is_empty() {
        output["CompatibleArchitectures"] = json!(layer.architectures);
    }
    if let Some(license) = &layer.license {
        output["LicenseInfo"] = license.as_str().into();
    }
    output
}

fn print_whole(asked: &Asked<'_>, layer: &LayerVersion) -> Value {
    let mut output = print(layer);
    output["Description"] = layer.description.as_str().into();
    output["LayerArn"] = Place::of(&layer.space).layer_arn(&layer.name, None).into();
    output["Content"] = json!({
        "CodeSha256": STANDARD.encode(layer.code.sha256),
        "CodeSize": layer.code.size.as_bytes(),
    });
    if let Some(address) = package::layer_address(asked, layer) {
        output["Content"]["Location"] = address.into();
    }
    output
}
