//! Requests to object storage. It verifies its own signatures, so they are signed as an address that its owner hands out.

use std::sync::Arc;
use std::time::Duration;

use access::Access;
use base::Clock;
use bytes::Bytes;
use http::Method;

use crate::presign::Presign;
use crate::protocol::Fault;
use crate::s3::S3;

const HERE: &str = "127.0.0.1";
/// The request is made at once.
const GOOD_FOR: Duration = Duration::from_secs(900);

/// A request that is not signed yet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Asking {
    pub(crate) method: Method,
    /// Not encoded.
    pub(crate) path: String,
    /// By small names.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

/// Whoever answers such requests, and what signs them.
#[derive(Clone)]
pub(crate) struct Objects {
    pub(crate) s3: S3,
    pub(crate) access: Access,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Objects {
    pub(crate) async fn ask(&self, region: &str, asking: Asking) -> Result<wire::Response, Fault> {
        let root = self.access.root();
        let root = root.ok_or_else(|| Fault::not_implemented("calls without an owner"))?;
        let presign = Presign {
            key: root,
            service: "s3",
            region,
            method: asking.method.as_str(),
            host: HERE,
            headers: &asking.headers,
            path: &asking.path,
            // Whoever checks it goes by the clocks of clients.
            now: self.clock.host().now(),
            good_for: GOOD_FOR,
        };
        let mut request = http::Request::builder()
            .method(asking.method.clone())
            .uri(presign.target())
            .header(http::header::HOST, HERE)
            .header(http::header::CONTENT_LENGTH, asking.body.len());
        for (name, value) in &asking.headers {
            request = request.header(name, value);
        }
        let request = request.body(wire::full(asking.body));
        let request = request
            .map_err(|cause| Fault::validation(format!("Provided Input is not valid: {cause}")))?;
        Ok(Box::pin(self.s3.call(request)).await)
    }
}

impl std::fmt::Debug for Objects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Objects")
    }
}
