//! Sessions without a table of sessions: the token carries the principal and the end, authenticated with the key's id.

use aws_lc_rs::hmac;
use base::{Random, Timestamp};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::schema::{Master, Principal};
use crate::{Error, Result};

/// A key pair with its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub key_id: String,
    pub secret: String,
    pub token: String,
    pub until: Timestamp,
}

/// How the ids of session keys begin in the cloud whose clients check it; others don't look.
const SESSION_KEY: &str = "ASIA";
const KEY_ID_LEN: usize = 20;
/// RFC 4648's base 32, as key ids are written.
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

#[derive(Serialize, Deserialize)]
struct Claims {
    principal: Principal,
    until: Timestamp,
}

pub(crate) fn is_session_key(id: &str) -> bool {
    id.len() == KEY_ID_LEN && id.starts_with(SESSION_KEY)
}

pub(crate) fn mint(
    master: &Master,
    random: &Random,
    principal: &Principal,
    until: Timestamp,
) -> Session {
    let mut key_id = SESSION_KEY.to_owned();
    let letters = random.bytes::<{ KEY_ID_LEN - SESSION_KEY.len() }>();
    key_id.extend(
        letters
            .iter()
            .map(|byte| char::from(ALPHABET[usize::from(byte % 32)])),
    );
    let claims = Claims {
        principal: principal.clone(),
        until,
    };
    let claims =
        postcard::to_stdvec(&claims).expect("claims hold nothing that cannot be serialised");
    let mut token = tag(master, b"token", &key_id, &claims).as_ref().to_vec();
    token.extend_from_slice(&claims);
    Session {
        secret: secret(master, &key_id),
        key_id,
        token: STANDARD.encode(token),
        until,
    }
}

pub(crate) fn secret(master: &Master, key_id: &str) -> String {
    // 30 bytes are 40 letters, as secrets are long.
    STANDARD_NO_PAD.encode(&tag(master, b"secret", key_id, &[]).as_ref()[..30])
}

pub(crate) fn verify(
    master: &Master,
    key_id: &str,
    token: &str,
    now: Timestamp,
) -> Result<Principal> {
    let token = STANDARD.decode(token).map_err(|_| Error::InvalidToken)?;
    let (tag, claims) = token.split_at_checked(32).ok_or(Error::InvalidToken)?;
    hmac::verify(&key(master), &message(b"token", key_id, claims), tag)
        .map_err(|_| Error::InvalidToken)?;
    let claims: Claims = postcard::from_bytes(claims).map_err(|_| Error::InvalidToken)?;
    if claims.until <= now {
        Err(Error::Expired)
    } else {
        Ok(claims.principal)
    }
}

fn tag(master: &Master, purpose: &[u8], key_id: &str, claims: &[u8]) -> hmac::Tag {
    hmac::sign(&key(master), &message(purpose, key_id, claims))
}

fn key(master: &Master) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, &master.secret)
}

/// Purpose and id cannot run into each other: the one has no zero byte, the other a fixed length.
fn message(purpose: &[u8], key_id: &str, claims: &[u8]) -> Vec<u8> {
    [purpose, &[0], key_id.as_bytes(), claims].concat()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use base::{Clock, ManualClock};
    use store::Store;

    use super::*;
    use crate::{Access, RootKey};

    async fn access(clock: &ManualClock) -> (Access, Store) {
        let store = Store::ephemeral(Random::seeded(1));
        (open(&store, clock).await, store)
    }

    async fn open(store: &Store, clock: &ManualClock) -> Access {
        let roots = vec![RootKey::default()];
        Access::open(
            store,
            "000000000000",
            roots,
            Arc::new(clock.clone()),
            Random::seeded(2),
        )
        .await
        .unwrap()
    }

    fn role() -> Principal {
        Principal::Role {
            account: "000000000000".into(),
            role: "worker".into(),
            session: "f".into(),
        }
    }

    #[tokio::test]
    async fn a_session_is_known_again_after_a_restart_until_it_ends() {
        let clock = ManualClock::new(Timestamp::from_secs(1_000));
        let (first, store) = access(&clock).await;
        let session = first.session(&role(), clock.now() + Duration::from_secs(60));
        let second = open(&store, &clock).await;
        let credential = second
            .credential(&session.key_id, Some(&session.token))
            .unwrap();
        assert_eq!(
            (credential.secret, credential.principal),
            (session.secret.clone(), role())
        );
        clock.advance(Duration::from_secs(60));
        assert!(matches!(
            second.credential(&session.key_id, Some(&session.token)),
            Err(Error::Expired)
        ));
    }

    #[tokio::test]
    async fn a_token_is_good_only_with_its_own_key_and_untouched() {
        let clock = ManualClock::new(Timestamp::from_secs(1_000));
        let (access, _store) = access(&clock).await;
        let until = clock.now() + Duration::from_secs(60);
        let (one, other) = (
            access.session(&role(), until),
            access.session(&role(), until),
        );
        assert!(matches!(
            access.credential(&one.key_id, Some(&other.token)),
            Err(Error::InvalidToken)
        ));
        assert!(matches!(
            access.credential(&one.key_id, None),
            Err(Error::MissingToken)
        ));
        let mut bytes = STANDARD.decode(&one.token).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        assert!(matches!(
            access.credential(&one.key_id, Some(&STANDARD.encode(bytes))),
            Err(Error::InvalidToken)
        ));
        assert!(matches!(
            access.credential("AKIAUNKNOWN", None),
            Err(Error::UnknownKey)
        ));
        assert!(access.credential("test", None).is_ok());
    }
}
