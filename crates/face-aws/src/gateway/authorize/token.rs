//! JWT authorizers: a token that an issuer has signed, for this audience, good now.
//!
//! Which claims count, and in which order, is said in the developer guide's "Control access to HTTP APIs with JWT
//! authorizers"; the challenges are those that the real gateway sends (RFC 6750, section 3). Only algorithms on RSA keys
//! are taken, as there.

use aws_lc_rs::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RsaParameters, RsaPublicKeyComponents,
};
use base::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use functions::{Caller, HttpRequest};
use serde_json::{Map, Value};
use triggers::TokenGuard;

use super::jwks::Key;
use super::{Passed, at};
use crate::gateway::{Gateways, Refusal};

/// A token apart, before its signature has been looked at.
struct Token<'a> {
    signed: &'a str,
    signature: Vec<u8>,
    algorithm: String,
    key: String,
    claims: Map<String, Value>,
}

impl Gateways {
    pub(super) async fn check_token(
        &self,
        guard: &TokenGuard,
        scopes: &[String],
        request: &HttpRequest,
    ) -> Result<Passed, Refusal> {
        let given = at(&guard.source, request);
        let given = given.ok_or_else(|| Refusal::Unauthorized(Some("Bearer".into())))?;
        let invalid = |why: &str| {
            let wanted = scopes.join(" ");
            Refusal::Unauthorized(Some(format!(
                "Bearer scope=\"{wanted}\" error=\"invalid_token\" error_description=\"{why}\""
            )))
        };
        let token = Token::read(bare(&given)).ok_or_else(|| invalid("unable to parse token"))?;
        // Its issuer has the time from elsewhere.
        let now = self.clock.host().now();
        token.check(guard, now).map_err(invalid)?;
        let key = self.issuers.key(&guard.issuer, &token.key).await;
        let key = key.map_err(|why| {
            tracing::warn!(issuer = guard.issuer, why, "an issuer's keys cannot be had");
            invalid("unable to fetch the keys of the issuer")
        })?;
        let key = key.ok_or_else(|| invalid("unable to find a signing key that matches"))?;
        if !token.is_signed_with(&key) {
            return Err(invalid("the token's signature is not valid"));
        }
        let held = token.scopes();
        let fitting: Vec<String> = scopes
            .iter()
            .filter(|one| held.contains(&one.as_str()))
            .cloned()
            .collect();
        if fitting.is_empty() && !scopes.is_empty() {
            return Err(Refusal::Insufficient(format!(
                "Bearer scope=\"{}\" error=\"insufficient_scope\" error_description=\"the token does not have a valid scope\"",
                scopes.join(" ")
            )));
        }
        let claims = token.claims.iter();
        let claims = claims.map(|(name, value)| (name.clone(), Value::String(text(value))));
        Ok(Passed {
            caller: Caller::Token {
                claims: Value::Object(claims.collect()).to_string(),
                scopes: fitting,
            },
            client_key: None,
        })
    }
}

fn bare(token: &str) -> &str {
    let (scheme, rest) = token.split_once(' ').unwrap_or(("", token));
    match scheme.eq_ignore_ascii_case("bearer") {
        true => rest.trim(),
        false => token,
    }
}

impl<'a> Token<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let (signed, signature) = text.rsplit_once('.')?;
        let (head, claims) = signed.split_once('.')?;
        let json = |part: &str| -> Option<Map<String, Value>> {
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
        };
        let head = json(head)?;
        // Whatever it says must be understood is not.
        if head.contains_key("crit") {
            return None;
        }
        Some(Self {
            signed,
            signature: URL_SAFE_NO_PAD.decode(signature).ok()?,
            algorithm: head.get("alg")?.as_str()?.to_owned(),
            key: head.get("kid")?.as_str()?.to_owned(),
            claims: json(claims)?,
        })
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.claims.get(name)?.as_str()
    }

    fn moment(&self, name: &str) -> Option<f64> {
        self.claims.get(name)?.as_f64()
    }

    fn check(&self, guard: &TokenGuard, now: Timestamp) -> Result<(), &'static str> {
        let now = now.as_secs() as f64;
        if self.text("iss") != Some(guard.issuer.as_str()) {
            return Err("the token does not have a valid issuer");
        }
        let audiences = match self.claims.get("aud") {
            Some(Value::String(one)) => vec![one.as_str()],
            Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
            _ => self.text("client_id").into_iter().collect(),
        };
        let ours = |audience: &&str| guard.audiences.iter().any(|known| known == audience);
        if !audiences.iter().any(ours) {
            return Err("the token does not have a valid audience");
        }
        if self.moment("exp").is_none_or(|until| until <= now) {
            return Err("the token has expired");
        }
        let is_later = |name: &str| match self.claims.get(name) {
            None => false,
            Some(value) => value.as_f64().is_none_or(|from| from > now),
        };
        if is_later("nbf") || is_later("iat") {
            return Err("the token is not valid yet");
        }
        Ok(())
    }

    fn is_signed_with(&self, key: &Key) -> bool {
        let parameters: &'static RsaParameters = match self.algorithm.as_str() {
            "RS256" => &RSA_PKCS1_2048_8192_SHA256,
            "RS384" => &RSA_PKCS1_2048_8192_SHA384,
            "RS512" => &RSA_PKCS1_2048_8192_SHA512,
            _ => return false,
        };
        let components = RsaPublicKeyComponents {
            n: key.modulus.as_slice(),
            e: key.exponent.as_slice(),
        };
        let verified = components.verify(parameters, self.signed.as_bytes(), &self.signature);
        verified.is_ok()
            && key
                .algorithm
                .as_ref()
                .is_none_or(|only| *only == self.algorithm)
    }

    /// Kept apart by spaces, or in a list.
    fn scopes(&self) -> Vec<&str> {
        match self.claims.get("scope").or_else(|| self.claims.get("scp")) {
            Some(Value::String(text)) => text.split_whitespace().collect(),
            Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }
}

/// Claims reach functions as text, lists as the gateway prints them.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(text).collect();
            format!("[{}]", items.join(" "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
