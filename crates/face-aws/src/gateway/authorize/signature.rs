//! Requests that must be signed with one of the account's keys. What the key's holder may do is not looked at: policies
//! are not enforced yet.

use access::Principal;
use functions::{Caller, GatewayKind, HttpRequest};
use http::request::Parts as Head;
use triggers::Gateway;

use super::Passed;
use crate::gateway::{Gateways, Refusal};
use crate::signature::{Error, Expected, PathStyle};
use crate::signed::{self, Refused};
use crate::sts;

impl Gateways {
    pub(in crate::gateway) fn check_signature(
        &self,
        gateway: &Gateway,
        head: &Head,
        request: &HttpRequest,
    ) -> Result<Passed, Refusal> {
        let expected = Expected {
            now: self.clock.host().now(),
            service: match gateway.kind {
                GatewayKind::Direct => "lambda",
                GatewayKind::Classic | GatewayKind::Simple | GatewayKind::Socket => "execute-api",
            },
            path: PathStyle::Normalized,
            keys: &self.signing_keys,
        };
        let signed = signed::who(&self.access, head, &request.body, &expected);
        let (claim, principal) = signed.map_err(|refused| match refused {
            Refused::NotKnown => Refusal::Broken,
            Refused::Signature(error) => match error {
                Error::Missing => Refusal::unsigned(&head.headers, Refusal::Unsigned),
                Error::Incomplete(message) => Refusal::NoSignature(message),
                Error::Invalid(message) => Refusal::BadSignature(message),
                Error::UnknownKey => Refusal::UnknownSigner,
                Error::ExpiredToken => Refusal::ExpiredSession,
            },
        })?;
        let (Principal::Owner { account } | Principal::Role { account, .. }) = &principal;
        Ok(Passed {
            caller: Caller::Signed {
                key: claim.key_id.into_owned(),
                account: account.clone(),
                name: sts::arn(&principal),
                id: sts::id(&principal),
            },
            client_key: None,
        })
    }
}
