//! Connections: how requests to API destinations show who asks. What is secret is told to nobody.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use triggers::{Connection, Extra, Parameter, Proof};

use super::error::{invalid, missing, of};
use super::{Asked, name, page, without_nulls};
use crate::moment::seconds;
use crate::protocol::Fault;

const MEMBERS: [&str; 4] = ["Name", "Description", "AuthorizationType", "AuthParameters"];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    name: String,
    description: Option<String>,
    authorization_type: Option<String>,
    auth_parameters: Option<Parameters>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameters {
    basic_auth_parameters: Option<Basic>,
    #[serde(rename = "OAuthParameters")]
    oauth_parameters: Option<OAuth>,
    api_key_auth_parameters: Option<ApiKey>,
    invocation_http_parameters: Option<Http>,
    connectivity_parameters: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Basic {
    username: Option<String>,
    password: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ApiKey {
    api_key_name: Option<String>,
    api_key_value: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OAuth {
    client_parameters: Option<Client>,
    authorization_endpoint: Option<String>,
    http_method: Option<String>,
    #[serde(rename = "OAuthHttpParameters")]
    http: Option<Http>,
}

#[derive(Debug, Deserialize)]
struct Client {
    #[serde(rename = "ClientID")]
    id: Option<String>,
    #[serde(rename = "ClientSecret")]
    secret: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Http {
    #[serde(default)]
    header_parameters: Vec<Pair>,
    #[serde(default)]
    query_string_parameters: Vec<Pair>,
    #[serde(default)]
    body_parameters: Vec<Pair>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Pair {
    #[serde(default)]
    key: String,
    #[serde(default)]
    value: String,
    #[serde(default)]
    is_value_secret: bool,
}

pub(super) async fn create(mut asked: Asked<'_>) -> Result<Value, Fault> {
    asked.call.only(&MEMBERS)?;
    let input: Input = asked.call.read()?;
    let now = asked.clock.now();
    let mut connection = Connection {
        space: asked.space().clone(),
        name: input.name,
        id: asked.random.uuid().to_string(),
        description: input.description,
        proof: None,
        extra: Extra::default(),
        created: now,
        modified: now,
        authorized: Some(now),
    };
    let wanted = input.authorization_type.unwrap_or_default();
    let parameters = input
        .auth_parameters
        .ok_or_else(|| lacking("AuthParameters"))?;
    set(&asked, &mut connection, Some(&wanted), parameters)?;
    let created = asked.triggers.create_connection(&connection).await;
    created.map_err(of)?;
    Ok(summary(&connection))
}

pub(super) async fn update(mut asked: Asked<'_>) -> Result<Value, Fault> {
    asked.call.only(&MEMBERS)?;
    let input: Input = asked.call.read()?;
    let mut wanted = find(&asked, &input.name)?;
    if let Some(description) = input.description {
        wanted.description = Some(description);
    }
    if let Some(parameters) = input.auth_parameters {
        let kind = input.authorization_type.as_deref();
        set(&asked, &mut wanted, kind, parameters)?;
        wanted.authorized = Some(asked.clock.now());
    }
    let updated = asked
        .triggers
        .change_connection(asked.space(), &input.name, |known| *known = wanted.clone());
    Ok(summary(&updated.await.map_err(of)?))
}

/// What is not given stays as it was.
fn set(
    asked: &Asked<'_>,
    connection: &mut Connection,
    kind: Option<&str>,
    given: Parameters,
) -> Result<(), Fault> {
    if given.connectivity_parameters.is_some() {
        return Err(asked
            .call
            .not_built("AuthParameters.ConnectivityParameters"));
    }
    if let Some(http) = given.invocation_http_parameters {
        connection.extra = extra(http);
    }
    let known = connection.proof.take();
    let kind = kind.or_else(|| known.as_ref().map(kind_of));
    connection.proof = match kind {
        Some("BASIC") => Some(basic(given.basic_auth_parameters, known)?),
        Some("API_KEY") => Some(key(given.api_key_auth_parameters, known)?),
        Some("OAUTH_CLIENT_CREDENTIALS") => Some(token(given.oauth_parameters, known)?),
        _ => return Err(lacking("AuthorizationType")),
    };
    Ok(())
}

fn lacking(parameter: &str) -> Fault {
    invalid(format!(
        "Parameter {parameter} is not valid. Reason: it must be specified for this authorization type."
    ))
}

fn basic(given: Option<Basic>, known: Option<Proof>) -> Result<Proof, Fault> {
    let (old_user, old_password) = match known {
        Some(Proof::Password { user, password }) => (Some(user), Some(password)),
        _ => (None, None),
    };
    let (user, password) = given.map_or((None, None), |given| (given.username, given.password));
    let lacking = || lacking("AuthParameters.BasicAuthParameters");
    Ok(Proof::Password {
        user: user.or(old_user).ok_or_else(lacking)?,
        password: password.or(old_password).ok_or_else(lacking)?,
    })
}

fn key(given: Option<ApiKey>, known: Option<Proof>) -> Result<Proof, Fault> {
    let (old_name, old_value) = match known {
        Some(Proof::Key { header, value }) => (Some(header), Some(value)),
        _ => (None, None),
    };
    let (name, value) = given.map_or((None, None), |given| {
        (given.api_key_name, given.api_key_value)
    });
    let lacking = || lacking("AuthParameters.ApiKeyAuthParameters");
    Ok(Proof::Key {
        header: name.or(old_name).ok_or_else(lacking)?,
        value: value.or(old_value).ok_or_else(lacking)?,
    })
}

fn token(given: Option<OAuth>, known: Option<Proof>) -> Result<Proof, Fault> {
    let given = given.ok_or_else(|| lacking("AuthParameters.OAuthParameters"))?;
    let (mut url, mut method, mut client, mut secret, mut more) = match known {
        Some(Proof::Token {
            url,
            method,
            client,
            secret,
            extra,
        }) => (Some(url), Some(method), Some(client), Some(secret), extra),
        _ => (None, None, None, None, Extra::default()),
    };
    url = given.authorization_endpoint.or(url);
    method = given.http_method.or(method);
    if let Some(parameters) = given.client_parameters {
        client = parameters.id.or(client);
        secret = parameters.secret.or(secret);
    }
    if let Some(http) = given.http {
        more = extra(http);
    }
    let lacking = || lacking("AuthParameters.OAuthParameters");
    Ok(Proof::Token {
        url: url.ok_or_else(lacking)?,
        method: method.ok_or_else(lacking)?,
        client: client.ok_or_else(lacking)?,
        secret: secret.ok_or_else(lacking)?,
        extra: more,
    })
}

fn extra(http: Http) -> Extra {
    let parameters = |pairs: Vec<Pair>| {
        let pairs = pairs.into_iter();
        pairs
            .map(|pair| Parameter {
                name: pair.key,
                value: pair.value,
                is_secret: pair.is_value_secret,
            })
            .collect()
    };
    Extra {
        headers: parameters(http.header_parameters),
        query: parameters(http.query_string_parameters),
        body: parameters(http.body_parameters),
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    name: String,
}

pub(super) async fn deauthorize(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: Named = asked.call.read()?;
    find(&asked, &input.name)?;
    let changed = asked
        .triggers
        .change_connection(asked.space(), &input.name, |known| {
            known.proof = None;
            known.extra = Extra::default();
        });
    Ok(summary(&changed.await.map_err(of)?))
}

pub(super) async fn delete(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: Named = asked.call.read()?;
    find(&asked, &input.name)?;
    let deleted = asked.triggers.delete_connection(asked.space(), &input.name);
    Ok(summary(&deleted.await.map_err(of)?))
}

fn find(asked: &Asked<'_>, name: &str) -> Result<Connection, Fault> {
    match asked.triggers.connection(asked.space(), name) {
        Err(triggers::Error::NoSuchConnection(name)) => Err(missing(format!(
            "Failed to describe the connection(s). Connection '{name}' does not exist."
        ))),
        found => found.map_err(of),
    }
}

pub(super) fn describe(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: Named = asked.call.read()?;
    let connection = find(&asked, &input.name)?;
    let mut printed = print(&connection);
    printed["Description"] = connection.description.clone().into();
    printed["AuthParameters"] = parameters(&connection);
    Ok(without_nulls(printed))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct List {
    #[serde(default)]
    name_prefix: String,
    connection_state: Option<String>,
    #[serde(flatten)]
    page: page::Asked,
}

pub(super) fn list(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: List = asked.call.read()?;
    let mut all = asked.triggers.connections(asked.space()).map_err(of)?;
    all.retain(|connection| {
        let wanted = input.connection_state.as_deref();
        connection.name.starts_with(&input.name_prefix)
            && wanted.is_none_or(|wanted| wanted == state(connection))
    });
    let (connections, next) = input.page.page(all, |connection| &connection.name)?;
    let connections = connections.iter().map(|known| without_nulls(print(known)));
    Ok(without_nulls(json!({
        "Connections": connections.collect::<Vec<_>>(),
        "NextToken": next,
    })))
}

pub(super) fn arn(connection: &Connection) -> String {
    let Connection {
        space, name, id, ..
    } = connection;
    name::arn(space, &format!("connection/{name}/{id}"))
}

fn state(connection: &Connection) -> &'static str {
    match connection.proof {
        Some(_) => "AUTHORIZED",
        None => "DEAUTHORIZED",
    }
}

fn kind_of(proof: &Proof) -> &'static str {
    match proof {
        Proof::Password { .. } => "BASIC",
        Proof::Key { .. } => "API_KEY",
        Proof::Token { .. } => "OAUTH_CLIENT_CREDENTIALS",
    }
}

fn summary(connection: &Connection) -> Value {
    without_nulls(json!({
        "ConnectionArn": arn(connection),
        "ConnectionState": state(connection),
        "CreationTime": seconds(connection.created),
        "LastModifiedTime": seconds(connection.modified),
        "LastAuthorizedTime": connection.authorized.map(seconds),
    }))
}

fn print(connection: &Connection) -> Value {
    let mut printed = summary(connection);
    printed["Name"] = connection.name.clone().into();
    printed["AuthorizationType"] = connection.proof.as_ref().map(kind_of).into();
    printed
}

fn parameters(connection: &Connection) -> Value {
    let mut printed = match &connection.proof {
        None => json!({}),
        Some(Proof::Password { user, .. }) => {
            json!({ "BasicAuthParameters": { "Username": user } })
        }
        Some(Proof::Key { header, .. }) => {
            json!({ "ApiKeyAuthParameters": { "ApiKeyName": header } })
        }
        Some(Proof::Token {
            url,
            method,
            client,
            extra,
            ..
        }) => json!({ "OAuthParameters": without_nulls(json!({
            "ClientParameters": { "ClientID": client },
            "AuthorizationEndpoint": url,
            "HttpMethod": method,
            "OAuthHttpParameters": http(extra),
        })) }),
    };
    if let Some(http) = http(&connection.extra) {
        printed["InvocationHttpParameters"] = http;
    }
    printed
}

fn http(extra: &Extra) -> Option<Value> {
    let mut printed = Map::new();
    for (name, parameters) in [
        ("HeaderParameters", &extra.headers),
        ("QueryStringParameters", &extra.query),
        ("BodyParameters", &extra.body),
    ] {
        let parameters = parameters.iter().map(|parameter| {
            let value = (!parameter.is_secret).then_some(&parameter.value);
            without_nulls(json!({
                "Key": parameter.name,
                "Value": value,
                "IsValueSecret": parameter.is_secret,
            }))
        });
        let parameters: Vec<Value> = parameters.collect();
        if !parameters.is_empty() {
            printed.insert(name.to_owned(), parameters.into());
        }
    }
    (!printed.is_empty()).then_some(Value::Object(printed))
}
