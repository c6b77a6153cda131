//! Addresses: places outside that take requests, at a rate.

use std::collections::HashMap;
use std::time::Duration;

use base::{Space, Timestamp};
use parking_lot::Mutex;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use store::Read;

use super::connection::{self, Tokens, pairs};
use crate::outgoing::{Post, Trouble, Web};
use crate::schema::rule::{ADDRESSES, Address, Connection, address_key};
use crate::target::{Named, Refusal};
use crate::{Error, Result, Triggers};

/// What may stand in a path as it is.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

impl Triggers {
    pub async fn create_address(&self, address: &Address) -> Result<()> {
        let Address { space, name, .. } = address;
        self.store
            .write(|tx| {
                let key = address_key(space, name);
                if ADDRESSES.get(tx, &key)?.is_some() {
                    return Err(Error::AddressExists(name.clone()));
                }
                connection::find(tx, space, &address.connection)?;
                ADDRESSES.put(tx, key, address);
                Ok(())
            })
            .await
    }

    pub fn address(&self, space: &Space, name: &str) -> Result<Address> {
        find(&self.store.read()?, space, name)
    }

    /// In the order of their names.
    pub fn addresses(&self, space: &Space) -> Result<Vec<Address>> {
        let range = ADDRESSES.key().str(space.as_str()).range();
        let found = ADDRESSES.scan(&self.store.read()?, &range, usize::MAX)?;
        Ok(found.into_iter().map(|(_, address)| address).collect())
    }

    pub async fn change_address(
        &self,
        space: &Space,
        name: &str,
        mut change: impl FnMut(&mut Address),
    ) -> Result<Address> {
        self.store
            .write(|tx| {
                let mut address = find(tx, space, name)?;
                change(&mut address);
                connection::find(tx, space, &address.connection)?;
                address.modified = self.clock.now();
                ADDRESSES.put(tx, address_key(space, name), &address);
                Ok(address)
            })
            .await
    }

    pub async fn delete_address(&self, space: &Space, name: &str) -> Result<()> {
        self.store
            .write(|tx| {
                find(tx, space, name)?;
                ADDRESSES.delete(tx, address_key(space, name));
                Ok(())
            })
            .await
    }
}

fn find(from: &impl Read, space: &Space, name: &str) -> Result<Address> {
    let found = ADDRESSES.get(from, &address_key(space, name))?;
    found.ok_or_else(|| Error::NoSuchAddress(name.to_owned()))
}

/// When each address may be asked next, and the tokens for it.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    next: Mutex<HashMap<Named, Timestamp>>,
    tokens: Tokens,
}

/// What is to be done with a request to an address.
pub(crate) enum Turn {
    /// It may go, so completed.
    Now(Box<Post>, Box<Connection>),
    NotBefore(Timestamp),
    Trouble {
        why: Trouble,
        again: bool,
    },
}

impl Turns {
    /// `has_waited` says that the request was given its turn before.
    pub(crate) async fn take(
        &self,
        triggers: &Triggers,
        web: &Web,
        post: &Post,
        to: &Named,
        has_waited: bool,
    ) -> Result<Turn> {
        let view = triggers.store.read()?;
        let looked_up = find(&view, &to.space, &to.name).and_then(|address| {
            let connection = connection::find(&view, &to.space, &address.connection)?;
            Ok((address, connection))
        });
        let (address, connection) = match looked_up {
            Ok(found) => found,
            Err(error @ (Error::NoSuchAddress(_) | Error::NoSuchConnection(_))) => {
                let why = Refusal::Missing(error.to_string()).into();
                return Ok(Turn::Trouble { why, again: false });
            }
            Err(error) => return Err(error),
        };
        let now = triggers.clock.now();
        if !has_waited {
            let turn = self.turn(to, address.rate, now);
            if turn > now {
                return Ok(Turn::NotBefore(turn));
            }
        }
        match self.tokens.proof(&connection, web, now).await {
            Ok(proof) => {
                let post = complete(post, &address, &connection, proof);
                Ok(Turn::Now(Box::new(post), Box::new(connection)))
            }
            Err(why) => Ok(Turn::Trouble { why, again: true }),
        }
    }

    /// A token that was refused is asked for anew.
    pub(crate) fn refused(&self, connection: &Connection) {
        self.tokens.forget(connection);
    }

    fn turn(&self, address: &Named, rate: u32, now: Timestamp) -> Timestamp {
        let mut all = self.next.lock();
        // Whose turn has come by now does not matter.
        all.retain(|_, next| *next > now);
        let next = all.entry(address.clone()).or_insert(now);
        let turn = *next;
        *next = turn + Duration::from_secs(1) / rate.max(1);
        turn
    }
}

/// A target's words count before the connection's, which are there to be added where something is missing.
fn complete(
    post: &Post,
    address: &Address,
    connection: &Connection,
    (header, value): (String, String),
) -> Post {
    let extra = &connection.extra;
    let mut headers = post.headers.clone();
    headers.extend(pairs(&extra.headers));
    headers.push((header, value));
    let mut query = post.query.clone();
    query.extend(pairs(&extra.query));
    Post {
        method: address.method.clone(),
        url: filled(&address.url, &post.fill),
        headers,
        query,
        body: extra.complete(post.body.clone()),
        through: None,
        ..post.clone()
    }
}

fn filled(url: &str, fill: &[String]) -> String {
    let mut fill = fill.iter();
    let mut filled = String::with_capacity(url.len());
    for piece in url.split_inclusive('*') {
        let Some(before) = piece.strip_suffix('*') else {
            filled.push_str(piece);
            continue;
        };
        filled.push_str(before);
        match fill.next() {
            Some(value) => filled.extend(utf8_percent_encode(value, IN_PATH)),
            None => filled.push('*'),
        }
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_are_filled_in_one_after_the_other() {
        let fill = ["a b".to_owned(), "c/d".to_owned()];
        let url = "https://x/*/y/*/z";
        assert_eq!(filled(url, &fill), "https://x/a%20b/y/c%2Fd/z");
        assert_eq!(filled(url, &fill[..1]), "https://x/a%20b/y/*/z");
    }

    #[test]
    fn turns_are_as_far_apart_as_the_rate_says() {
        let turns = Turns::default();
        let to = Named {
            space: Space::new("s"),
            name: "a".into(),
        };
        let now = Timestamp::from_secs(100);
        assert_eq!(turns.turn(&to, 2, now), now);
        assert_eq!(turns.turn(&to, 2, now), now + Duration::from_millis(500));
        assert_eq!(turns.turn(&to, 2, now), now + Duration::from_secs(1));
        let later = now + Duration::from_secs(9);
        assert_eq!(turns.turn(&to, 2, later), later);
    }
}
