//! Connections: how requests to addresses show who asks.

use std::collections::HashMap;
use std::time::Duration;

use base::{Space, Timestamp};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use store::Read;
use wire::Asking;

use crate::outgoing::{Trouble, Web, with_query};
use crate::schema::rule::{
    ADDRESSES, CONNECTIONS, Connection, Extra, Parameter, Proof, connection_key,
};
use crate::{Error, Result, Triggers};

/// How long a server that gives tokens has to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// A token is not used that is about to run out.
const SPARE: Duration = Duration::from_secs(60);
/// How long a token is good for if nobody says.
const USUAL: Duration = Duration::from_secs(3_600);

impl Triggers {
    pub async fn create_connection(&self, connection: &Connection) -> Result<()> {
        let Connection { space, name, .. } = connection;
        self.store
            .write(|tx| {
                let key = connection_key(space, name);
                if CONNECTIONS.get(tx, &key)?.is_some() {
                    return Err(Error::ConnectionExists(name.clone()));
                }
                CONNECTIONS.put(tx, key, connection);
                Ok(())
            })
            .await
    }

    pub fn connection(&self, space: &Space, name: &str) -> Result<Connection> {
        find(&self.store.read()?, space, name)
    }

    /// In the order of their names.
    pub fn connections(&self, space: &Space) -> Result<Vec<Connection>> {
        let range = CONNECTIONS.key().str(space.as_str()).range();
        let found = CONNECTIONS.scan(&self.store.read()?, &range, usize::MAX)?;
        Ok(found
            .into_iter()
            .map(|(_, connection)| connection)
            .collect())
    }

    pub async fn change_connection(
        &self,
        space: &Space,
        name: &str,
        mut change: impl FnMut(&mut Connection),
    ) -> Result<Connection> {
        self.store
            .write(|tx| {
                let mut connection = find(tx, space, name)?;
                change(&mut connection);
                connection.modified = self.clock.now();
                CONNECTIONS.put(tx, connection_key(space, name), &connection);
                Ok(connection)
            })
            .await
    }

    /// One that an address uses is not deleted.
    pub async fn delete_connection(&self, space: &Space, name: &str) -> Result<Connection> {
        self.store
            .write(|tx| {
                let connection = find(tx, space, name)?;
                let range = ADDRESSES.key().str(space.as_str()).range();
                let addresses = ADDRESSES.scan(tx, &range, usize::MAX)?;
                if addresses
                    .iter()
                    .any(|(_, address)| address.connection == name)
                {
                    return Err(Error::ConnectionInUse(name.to_owned()));
                }
                CONNECTIONS.delete(tx, connection_key(space, name));
                Ok(connection)
            })
            .await
    }
}

pub(super) fn find(from: &impl Read, space: &Space, name: &str) -> Result<Connection> {
    let found = CONNECTIONS.get(from, &connection_key(space, name))?;
    found.ok_or_else(|| Error::NoSuchConnection(name.to_owned()))
}

/// Tokens that are good still, by the connections' ids. Whoever needs one that is gone asks again.
#[derive(Debug, Default)]
pub(super) struct Tokens(Mutex<HashMap<String, Token>>);

#[derive(Clone, Debug)]
struct Token {
    value: String,
    until: Timestamp,
    /// Another connection's, although its id is the same.
    modified: Timestamp,
}

#[derive(Deserialize)]
struct Given {
    access_token: String,
    expires_in: Option<u64>,
}

impl Tokens {
    pub(super) fn forget(&self, connection: &Connection) {
        self.0.lock().remove(&connection.id);
    }

    /// What a request's header says about who asks: its name and value.
    pub(super) async fn proof(
        &self,
        connection: &Connection,
        web: &Web,
        now: Timestamp,
    ) -> std::result::Result<(String, String), Trouble> {
        let authorization = |value| ("authorization".to_owned(), value);
        match &connection.proof {
            None => {
                let refused = format!("the connection {} is not authorized", connection.name);
                Err(Trouble::Unauthorized(refused))
            }
            Some(Proof::Password { user, password }) => Ok(authorization(basic(user, password))),
            Some(Proof::Key { header, value }) => Ok((header.clone(), value.clone())),
            Some(Proof::Token { .. }) => {
                let token = self.token(connection, web, now).await?;
                Ok(authorization(format!("Bearer {token}")))
            }
        }
    }

    async fn token(
        &self,
        connection: &Connection,
        web: &Web,
        now: Timestamp,
    ) -> std::result::Result<String, Trouble> {
        let known = self.0.lock().get(&connection.id).cloned();
        let is_good = |token: &Token| token.until > now && token.modified == connection.modified;
        if let Some(token) = known.filter(is_good) {
            return Ok(token.value);
        }
        let given = ask_for_token(connection, web).await?;
        let lasts = given.expires_in.map_or(USUAL, Duration::from_secs);
        let token = Token {
            value: given.access_token.clone(),
            until: now + lasts.saturating_sub(SPARE),
            modified: connection.modified,
        };
        self.0.lock().insert(connection.id.clone(), token);
        Ok(given.access_token)
    }
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// As RFC 6749 has it: the client shows itself by its name and password.
async fn ask_for_token(connection: &Connection, web: &Web) -> std::result::Result<Given, Trouble> {
    let Some(Proof::Token {
        url,
        method,
        client,
        secret,
        extra,
    }) = &connection.proof
    else {
        return Err(Trouble::Unauthorized("no token is needed".to_owned()));
    };
    let unauthorized = |what: String| {
        let connection = &connection.name;
        Trouble::Unauthorized(format!("no token for the connection {connection}: {what}"))
    };
    let malformed = || unauthorized("the request for it is malformed".to_owned());
    let mut headers = headers(&extra.headers).ok_or_else(malformed)?;
    let content = "application/x-www-form-urlencoded";
    headers.insert(
        http::header::CONTENT_TYPE,
        http::HeaderValue::from_static(content),
    );
    let proof = basic(client, secret).parse().map_err(|_| malformed())?;
    headers.insert(http::header::AUTHORIZATION, proof);
    let asking = Asking {
        method: method.parse().map_err(|_| malformed())?,
        url: with_query(url, &pairs(&extra.query)),
        headers,
        body: form(&extra.body).into(),
    };
    let said = web.ask(asking, PATIENCE).await;
    let said = said.map_err(|error| unauthorized(error.to_string()))?;
    if !(200..300).contains(&said.status) {
        return Err(unauthorized(format!(
            "the answer's status was {}",
            said.status
        )));
    }
    let body = said.body.map_err(|error| unauthorized(error.to_string()))?;
    serde_json::from_slice(&body).map_err(|error| unauthorized(error.to_string()))
}

fn form(body: &[Parameter]) -> String {
    let mut pairs = pairs(body);
    if !pairs.iter().any(|(name, _)| name == "grant_type") {
        pairs.push(("grant_type".to_owned(), "client_credentials".to_owned()));
    }
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pairs = pairs.iter();
    let pairs = pairs.map(|(name, value)| format!("{}={}", encode(name), encode(value)));
    pairs.collect::<Vec<_>>().join("&")
}

pub(super) fn pairs(of: &[Parameter]) -> Vec<(String, String)> {
    let pairs = of.iter();
    pairs
        .map(|parameter| (parameter.name.clone(), parameter.value.clone()))
        .collect()
}

fn headers(of: &[Parameter]) -> Option<http::HeaderMap> {
    let mut headers = http::HeaderMap::new();
    for Parameter { name, value, .. } in of {
        let name: http::HeaderName = name.parse().ok()?;
        headers.insert(name, value.parse().ok()?);
    }
    Some(headers)
}

impl Extra {
    /// Adds members to a body that is a JSON object; another stays as it is.
    pub(super) fn complete(&self, body: bytes::Bytes) -> bytes::Bytes {
        if self.body.is_empty() {
            return body;
        }
        let Ok(serde_json::Value::Object(mut members)) = serde_json::from_slice(&body) else {
            return body;
        };
        for Parameter { name, value, .. } in &self.body {
            members.insert(name.clone(), value.clone().into());
        }
        serde_json::Value::Object(members).to_string().into()
    }
}
