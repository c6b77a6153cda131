use hyper::ext::ReasonPhrase;

use crate::Response;

/// Sets what stands behind the status, where the protocol has a place for it. What cannot stand there is left out.
pub fn say_reason(response: &mut Response, reason: &str) {
    if let Ok(reason) = ReasonPhrase::try_from(reason.to_owned()) {
        response.extensions_mut().insert(reason);
    }
}
