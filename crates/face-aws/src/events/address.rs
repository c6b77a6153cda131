//! API destinations: places outside that take requests.

use serde::Deserialize;
use serde_json::{Value, json};
use triggers::Address;

use super::error::{invalid, missing, of};
use super::{Asked, connection, name, page, without_nulls};
use crate::moment::seconds;
use crate::protocol::Fault;

/// Requests a second, if nobody says.
const RATE: u32 = 300;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    name: String,
    description: Option<String>,
    connection_arn: Option<String>,
    invocation_endpoint: Option<String>,
    http_method: Option<String>,
    invocation_rate_limit_per_second: Option<u32>,
}

pub(super) async fn create(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: Input = asked.call.read()?;
    let now = asked.clock.now();
    let address = Address {
        space: asked.space().clone(),
        id: asked.random.uuid().to_string(),
        connection: connection_of(&asked, &input.connection_arn.unwrap_or_default())?,
        url: endpoint(input.invocation_endpoint.unwrap_or_default())?,
        method: input.http_method.unwrap_or_default(),
        name: input.name,
        description: input.description,
        rate: input.invocation_rate_limit_per_second.unwrap_or(RATE),
        created: now,
        modified: now,
    };
    asked.triggers.create_address(&address).await.map_err(of)?;
    Ok(summary(&address))
}

fn connection_of(asked: &Asked<'_>, arn: &str) -> Result<String, Fault> {
    let what = name::local(asked, arn).and_then(|what| what.strip_prefix("connection/"));
    let name = what.and_then(|what| what.split('/').next());
    name.map(str::to_owned).ok_or_else(|| {
        invalid("Parameter ConnectionArn is not valid. Reason: Must contain a connection ARN.")
    })
}

/// The real service wants `https`; what stands in for it on this machine seldom has a certificate.
fn endpoint(url: String) -> Result<String, Fault> {
    if url.starts_with("https://") || url.starts_with("http://") {
        return Ok(url);
    }
    Err(invalid(
        "Parameter InvocationEndpoint is not valid. Reason: it must be an HTTPS URL.",
    ))
}

pub(super) async fn update(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: Input = asked.call.read()?;
    find(&asked, &input.name)?;
    let connection = input.connection_arn.as_deref();
    let connection = connection
        .map(|arn| connection_of(&asked, arn))
        .transpose()?;
    let url = input.invocation_endpoint.map(endpoint).transpose()?;
    let changed = asked
        .triggers
        .change_address(asked.space(), &input.name, |address| {
            if let Some(description) = &input.description {
                address.description = Some(description.clone());
            }
            if let Some(connection) = &connection {
                address.connection.clone_from(connection);
            }
            if let Some(url) = &url {
                address.url.clone_from(url);
            }
            if let Some(method) = &input.http_method {
                address.method.clone_from(method);
            }
            if let Some(rate) = input.invocation_rate_limit_per_second {
                address.rate = rate;
            }
        });
    Ok(summary(&changed.await.map_err(of)?))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    name: String,
}

pub(super) fn describe(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: Named = asked.call.read()?;
    let address = find(&asked, &input.name)?;
    let mut printed = print(&asked, &address)?;
    printed["Description"] = address.description.clone().into();
    Ok(without_nulls(printed))
}

pub(super) async fn delete(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: Named = asked.call.read()?;
    find(&asked, &input.name)?;
    let deleted = asked.triggers.delete_address(asked.space(), &input.name);
    deleted.await.map_err(of)?;
    Ok(json!({}))
}

fn find(asked: &Asked<'_>, name: &str) -> Result<Address, Fault> {
    match asked.triggers.address(asked.space(), name) {
        Err(triggers::Error::NoSuchAddress(name)) => Err(missing(format!(
            "Failed to describe the api-destination(s). An api-destination '{name}' does not exist."
        ))),
        found => found.map_err(of),
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct List {
    #[serde(default)]
    name_prefix: String,
    connection_arn: Option<String>,
    #[serde(flatten)]
    page: page::Asked,
}

pub(super) fn list(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: List = asked.call.read()?;
    let connection = input.connection_arn.as_deref();
    let connection = connection
        .map(|arn| connection_of(&asked, arn))
        .transpose()?;
    let mut all = asked.triggers.addresses(asked.space()).map_err(of)?;
    all.retain(|address| {
        let wanted = connection.as_ref();
        address.name.starts_with(&input.name_prefix)
            && wanted.is_none_or(|wanted| *wanted == address.connection)
    });
    let (addresses, next) = input.page.page(all, |address| &address.name)?;
    let addresses = addresses.iter().map(|address| print(&asked, address));
    let addresses = addresses.collect::<Result<Vec<_>, _>>()?;
    Ok(without_nulls(
        json!({ "ApiDestinations": addresses, "NextToken": next }),
    ))
}

pub(super) fn arn(address: &Address) -> String {
    let Address {
        space, name, id, ..
    } = address;
    name::arn(space, &format!("api-destination/{name}/{id}"))
}

fn summary(address: &Address) -> Value {
    json!({
        "ApiDestinationArn": arn(address),
        "ApiDestinationState": "ACTIVE",
        "CreationTime": seconds(address.created),
        "LastModifiedTime": seconds(address.modified),
    })
}

fn print(asked: &Asked<'_>, address: &Address) -> Result<Value, Fault> {
    let connection = asked
        .triggers
        .connection(&address.space, &address.connection);
    let mut printed = summary(address);
    printed["Name"] = address.name.clone().into();
    printed["ConnectionArn"] = connection::arn(&connection.map_err(of)?).into();
    printed["InvocationEndpoint"] = address.url.clone().into();
    printed["HttpMethod"] = address.method.clone().into();
    printed["InvocationRateLimitPerSecond"] = address.rate.into();
    Ok(printed)
}
