//! Who has signed a request whose body is there whole.

use access::{Access, Principal};
use http::HeaderName;
use http::request::Parts as Head;

use crate::signature::{self, Claim, Expected, Hex};

// As text, its name would be looked at letter by letter for each request.
static CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");

/// Why it is not known who has signed.
pub(crate) enum Refused {
    Signature(signature::Error),
    /// The key could not be looked up, which has been logged.
    NotKnown,
}

/// What the request claims, and whose key it is signed with.
pub(crate) fn who<'a>(
    access: &Access,
    head: &'a Head,
    body: &[u8],
    expected: &Expected<'_>,
) -> Result<(Claim<'a>, Principal), Refused> {
    let mut failed = None;
    let verified = signature::verify(head, hashed(head, body).as_str(), expected, |id, token| {
        let found = access.credential(id, token);
        let credential = found.map_err(|error| refused(error, &mut failed))?;
        Ok((credential.secret, credential.principal))
    });
    if let Some(error) = failed {
        tracing::error!(%error, "a key could not be looked up");
        return Err(Refused::NotKnown);
    }
    verified.map_err(Refused::Signature)
}

/// What is signed in the body's place.
enum Hashed {
    Unsigned,
    Body(Hex),
}

impl Hashed {
    const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

    fn as_str(&self) -> &str {
        match self {
            Self::Unsigned => Self::UNSIGNED,
            Self::Body(hex) => hex.as_str(),
        }
    }
}

fn hashed(head: &Head, body: &[u8]) -> Hashed {
    match head.headers.get(&CONTENT_SHA256) {
        Some(value) if value == Hashed::UNSIGNED => Hashed::Unsigned,
        _ => Hashed::Body(signature::sha256(body)),
    }
}

fn refused(error: access::Error, failed: &mut Option<store::Error>) -> signature::Error {
    use access::Error;
    match error {
        Error::UnknownKey | Error::MissingToken | Error::InvalidToken => {
            signature::Error::UnknownKey
        }
        Error::Expired => signature::Error::ExpiredToken,
        Error::Store(error) => {
            *failed = Some(error);
            signature::Error::UnknownKey
        }
    }
}
