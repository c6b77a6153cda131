//! The keys that issuers of tokens sign with, found as OpenID Connect Discovery says and remembered for a while.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use base::{ByteSize, Clock, Timestamp};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use serde_json::Value;

/// As long as the real gateway keeps them.
const KEPT: Duration = Duration::from_secs(2 * 60 * 60);
/// A token that names an unknown key may come before its issuer's new keys; many such tokens ask only this often.
const ASKED_AGAIN: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(2);
const LARGEST: ByteSize = ByteSize::kib(512);
const MOST_ISSUERS: usize = 1_000;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Key {
    pub(super) id: String,
    /// The only one that it is for; none for any.
    pub(super) algorithm: Option<String>,
    pub(super) modulus: Vec<u8>,
    pub(super) exponent: Vec<u8>,
}

/// What is known of the keys of issuers.
#[derive(Debug)]
pub(crate) struct Issuers {
    known: Mutex<HashMap<String, Known>>,
    clock: Arc<dyn Clock>,
}

#[derive(Clone, Debug)]
struct Known {
    keys: Arc<[Key]>,
    at: Timestamp,
}

impl Issuers {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            known: Mutex::default(),
            clock,
        }
    }

    /// The issuer's key of this id; or why its keys cannot be had.
    pub(super) async fn key(&self, issuer: &str, id: &str) -> Result<Option<Key>, String> {
        let find = |keys: &[Key]| keys.iter().find(|key| key.id == id).cloned();
        let known = self.known.lock().get(issuer).cloned();
        let now = self.clock.host().now();
        if let Some(known) = known {
            let age = now.since(known.at);
            let found = find(&known.keys);
            if age < KEPT && found.is_some() || age < ASKED_AGAIN {
                return Ok(found);
            }
        }
        let keys: Arc<[Key]> = fetch(issuer).await?.into();
        let mut all = self.known.lock();
        if all.len() >= MOST_ISSUERS {
            all.clear();
        }
        let found = find(&keys);
        all.insert(issuer.to_owned(), Known { keys, at: now });
        Ok(found)
    }
}

async fn fetch(issuer: &str) -> Result<Vec<Key>, String> {
    let front = issuer.trim_end_matches('/');
    let about = json(&format!("{front}/.well-known/openid-configuration")).await?;
    let at = about["jwks_uri"]
        .as_str()
        .ok_or("the issuer names no jwks_uri")?;
    Ok(keys(&json(at).await?))
}

async fn json(url: &str) -> Result<Value, String> {
    let fetched = wire::fetch(url, LARGEST, PATIENCE).await;
    let body = fetched.map_err(|error| format!("{url}: {error}"))?;
    serde_json::from_slice(&body).map_err(|cause| format!("{url}: {cause}"))
}

/// The RSA keys for signatures; others are passed over.
fn keys(set: &Value) -> Vec<Key> {
    let all = set["keys"].as_array();
    let all = all.map(Vec::as_slice).unwrap_or_default();
    all.iter().filter_map(key).collect()
}

fn key(value: &Value) -> Option<Key> {
    let text = |name: &str| value[name].as_str();
    let bytes = |name: &str| {
        let mut bytes = URL_SAFE_NO_PAD.decode(text(name)?).ok()?;
        // The verifier wants no zeros in front.
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        bytes.drain(..zeros);
        Some(bytes)
    };
    if text("kty") != Some("RSA") || text("use").is_some_and(|for_| for_ != "sig") {
        return None;
    }
    Some(Key {
        id: text("kid")?.to_owned(),
        algorithm: text("alg").map(str::to_owned),
        modulus: bytes("n")?,
        exponent: bytes("e")?,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_keys_for_signatures_count() {
        let set = json!({ "keys": [
            { "kid": "a", "kty": "RSA", "use": "sig", "alg": "RS256", "n": "AAEC", "e": "AQAB" },
            { "kid": "b", "kty": "RSA", "use": "enc", "n": "AQID", "e": "AQAB" },
            { "kid": "c", "kty": "EC", "crv": "P-256", "x": "", "y": "" },
            { "kid": "d", "kty": "RSA", "n": "AQID", "e": "AQAB" },
        ]});
        let found = keys(&set);
        let ids: Vec<&str> = found.iter().map(|key| key.id.as_str()).collect();
        assert_eq!(ids, ["a", "d"]);
        assert_eq!(
            (found[0].modulus.as_slice(), found[0].exponent.len()),
            (&[1, 2][..], 3)
        );
        assert_eq!(keys(&json!(null)), []);
    }
}
