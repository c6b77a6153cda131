//! Who a form is from: a signature over its policy, of the present form or of the old one.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;

use super::form::{self, Form};
use crate::s3::fault::{Fault, Result};
use crate::s3::signature;

pub(super) struct Claim<'a> {
    pub(super) key_id: String,
    token: Option<&'a str>,
    /// As it is in the form: what is signed.
    policy: &'a str,
    signature: &'a str,
    /// None for the old form.
    scope: Option<signature::Scope>,
}

const PRESENT: [&str; 4] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Signature",
];
const OLD: [&str; 2] = ["AWSAccessKeyId", "Signature"];

impl<'a> Claim<'a> {
    pub(super) fn read(form: &'a Form) -> Result<Self> {
        let has = |names: &[&str]| names.iter().any(|name| form.get(name).is_some());
        let is_present = has(&PRESENT);
        if !is_present && !has(&OLD) {
            return Err(Fault::denied("Access Denied"));
        }
        let field = |name: &str| form.get(name).ok_or_else(|| form::missing(name));
        let names: &[&str] = if is_present { &PRESENT } else { &OLD };
        names.iter().try_for_each(|name| field(name).map(drop))?;
        field("key")?;
        let (key_id, scope) = if is_present {
            let text = field("X-Amz-Credential")?;
            let fault = |why: &str| Fault::invalid_argument("X-Amz-Credential", text, why);
            let (key_id, scope) = signature::credential(text, fault)?;
            (key_id, Some(scope))
        } else {
            (field("AWSAccessKeyId")?.to_owned(), None)
        };
        Ok(Self {
            key_id,
            token: form.get("x-amz-security-token"),
            policy: field("Policy")?,
            signature: field(names[names.len() - 1])?,
            scope,
        })
    }

    pub(super) fn token(&self) -> Option<&str> {
        self.token
    }

    pub(super) fn policy(&self) -> &str {
        self.policy
    }

    pub(super) fn verify(&self, secret: &str) -> Result<()> {
        let is_good = match &self.scope {
            Some(scope) => {
                let key = signature::signing_key(secret, scope);
                signature::is_signature(&key, self.policy, self.signature)
            }
            None => {
                let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
                let expected = STANDARD.encode(hmac::sign(&key, self.policy.as_bytes()));
                verify_slices_are_equal(expected.as_bytes(), self.signature.as_bytes()).is_ok()
            }
        };
        if is_good {
            return Ok(());
        }
        let bytes = self.policy.bytes().map(|byte| format!("{byte:02x}"));
        Err(Fault::new(
            StatusCode::FORBIDDEN,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
        )
        .with("AWSAccessKeyId", self.key_id.as_str())
        .with("StringToSign", self.policy)
        .with("SignatureProvided", self.signature)
        .with("StringToSignBytes", bytes.collect::<Vec<_>>().join(" ")))
    }
}
