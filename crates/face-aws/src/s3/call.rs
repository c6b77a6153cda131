//! One request on its way: proof, body, operation, answer.

use std::net::IpAddr;
use std::sync::Arc;

use access::Principal;
use base::{Clock, SystemClock};
use bytes::Bytes;
use http::request::Parts as Head;
use http::{HeaderMap, Method, StatusCode, Uri, header};
use http_body_util::BodyExt;
use parking_lot::Mutex;
use s3s::host::{S3Host, VirtualHost};
use s3s::service::S3ServiceBuilder;
use wire::{Body, BodyError, Peer, Request, Response};

use super::checksum::Promise;
use super::fault::{Fault, Result};
use super::ids::Ids;
use super::operations::Operations;
use super::payload::Payload;
use super::preflight::Page;
use super::query::Query;
use super::signature::{self, ChunkSigner, Claim};
use super::target::Target;
use super::{Parts, buckets, headers, host, post, preflight, refuse, signature_v2, translate};
use crate::sts;

/// The longest document: a completion of 10,000 parts with their checksums has some 2.5 MB.
const MAX_DOCUMENT: usize = 8 << 20;

/// What an operation needs to know of the request that it is for, and where it leaves what s3s can't carry.
pub(super) struct Call {
    pub(super) parts: Arc<Parts>,
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    pub(super) query: Query,
    pub(super) target: Target,
    pub(super) request_id: String,
    pub(super) principal: String,
    /// The caller as errors name it.
    pub(super) arn: String,
    pub(super) source_ip: Option<IpAddr>,
    /// The region that the request was signed for.
    pub(super) region: String,
    /// The body, for the operations that take it as it comes.
    pub(super) payload: Mutex<Option<Payload>>,
    /// What the body is otherwise. There may be more in it than s3s reads.
    pub(super) document: Bytes,
    /// What went wrong in the operation.
    pub(super) fault: Mutex<Option<Fault>>,
    /// The answer where s3s has another: its status, and its body if it has one.
    pub(super) content: Mutex<Option<(StatusCode, Body)>>,
}

impl Call {
    pub(super) fn origin(&self) -> objects::Origin {
        objects::Origin {
            request_id: self.request_id.clone(),
            principal: self.principal.clone(),
            source_ip: self.source_ip,
        }
    }

    pub(super) fn take_payload(&self) -> Result<Payload> {
        self.payload.lock().take().ok_or_else(|| {
            tracing::error!("an operation asked for a body that it does not have");
            Fault::internal()
        })
    }
}

pub(super) async fn answer(parts: &Arc<Parts>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let ids = Ids::new(parts);
    let is_head = head.method == Method::HEAD;
    let page = Page::of(&head);
    let mut response = match serve(parts, head, body, page.as_ref(), &ids.request).await {
        Ok(response) => response,
        Err(fault) => print(&fault, is_head, &ids),
    };
    let fields = response.headers_mut();
    if let Some(page) = page {
        page.admit(parts, fields);
    }
    ids.sign(fields);
    response
}

fn print(fault: &Fault, is_head: bool, ids: &Ids) -> Response {
    let without_body = is_head || fault.status == StatusCode::NOT_MODIFIED;
    let mut response = if without_body {
        Response::new(wire::empty())
    } else {
        let mut response = Response::new(wire::full(fault.to_xml(&ids.request, &ids.host)));
        headers::set(response.headers_mut(), "content-type", "application/xml");
        response
    };
    *response.status_mut() = fault.status;
    for (name, value) in &fault.headers {
        response.headers_mut().insert(name.clone(), value.clone());
    }
    response
}

async fn serve(
    parts: &Arc<Parts>,
    head: Head,
    body: Body,
    page: Option<&Page>,
    request_id: &str,
) -> Result<Response> {
    if head.method == Method::OPTIONS {
        return preflight::answer(parts, &head, page);
    }
    let query = Query::parse(head.uri.query().unwrap_or_default()).ok_or_else(invalid_uri)?;
    if post::is_form(&head) {
        return post::serve(parts, head, body, request_id).await;
    }
    let proven = prove(parts, &head, &query)?;
    let mut payload = Payload::new(body, &head.headers, &proven.payload, proven.signer)?;
    let mut call = Call {
        parts: parts.clone(),
        method: head.method.clone(),
        headers: meant_headers(&head.headers, &query),
        query: query.without(is_parameter),
        target: Target::of(&head.headers, &head.uri),
        request_id: request_id.to_owned(),
        principal: describe(&proven.principal),
        arn: sts::arn(&proven.principal),
        source_ip: source_ip(&head),
        region: proven.region,
        payload: Mutex::new(None),
        document: Bytes::new(),
        fault: Mutex::new(None),
        content: Mutex::new(None),
    };
    check_owner(&call)?;
    refuse::setting(&call)?;
    if takes_payload(&call) {
        set_length(&mut call.headers, payload.announced());
        call.payload = Mutex::new(Some(payload));
    } else {
        call.document = read_document(&call, &mut payload).await?;
        let length = call.document.len() as u64;
        set_length(&mut call.headers, Some(length));
    }
    let document = s3s::Body::from(call.document.clone());
    dispatch(Arc::new(call), head.uri, document).await
}

/// A caller whose signature is good.
struct Proven {
    principal: Principal,
    region: String,
    /// What is signed in place of the body.
    payload: String,
    signer: Option<ChunkSigner>,
}

fn prove(parts: &Parts, head: &Head, query: &Query) -> Result<Proven> {
    // Freshness is about the clocks of clients, which nobody moves when they move ours.
    let now = SystemClock.now();
    let credential = |key_id: &str, token: Option<&str>| {
        let found = parts.access.credential(key_id, token);
        found.map_err(|error| refused(error, key_id))
    };
    if let Some(claim) = signature_v2::Claim::read(query)? {
        let credential = credential(&claim.key_id, claim.token.as_deref())?;
        claim.verify(head, query, &credential.secret, now)?;
        return Ok(Proven {
            principal: credential.principal,
            region: buckets::CLASSIC.to_owned(),
            payload: "UNSIGNED-PAYLOAD".to_owned(),
            signer: None,
        });
    }
    let claim = Claim::read(head, query)?.ok_or_else(|| Fault::denied("Access Denied"))?;
    let credential = credential(&claim.key_id, claim.token.as_deref())?;
    let signer = claim.verify(head, query, &credential.secret, now)?;
    Ok(Proven {
        principal: credential.principal,
        region: claim.region().to_owned(),
        payload: claim.payload,
        signer: Some(signer),
    })
}

/// Part of the proof, and not of what is asked for.
fn is_parameter(name: &str) -> bool {
    signature::is_parameter(name) || signature_v2::is_parameter(name)
}

/// Headers that the operations read themselves, more as the service does: s3s refuses what the service ignores.
const READ_HERE: [&str; 11] = [
    "authorization",
    "expires",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-unmodified-since",
    "range",
    "x-amz-copy-source-if-match",
    "x-amz-copy-source-if-modified-since",
    "x-amz-copy-source-if-none-match",
    "x-amz-copy-source-if-unmodified-since",
];

/// Lets s3s find the operation and read its input, as of an anonymous request.
async fn dispatch(call: Arc<Call>, uri: Uri, body: s3s::Body) -> Result<Response> {
    let mut request = http::Request::new(body);
    *request.method_mut() = call.method.clone();
    *request.uri_mut() = without_signature(&uri)?;
    *request.headers_mut() = call.headers.clone();
    for name in READ_HERE {
        request.headers_mut().remove(name);
    }
    let mut builder = S3ServiceBuilder::new(Operations(call.clone()));
    if call.target.is_virtual {
        builder.set_host(Hosts);
    }
    let answered = builder.build().call(request).await;
    finish(&call, answered).await
}

async fn finish(
    call: &Call,
    answered: std::result::Result<s3s::HttpResponse, s3s::HttpError>,
) -> Result<Response> {
    if let Some(fault) = call.fault.lock().take() {
        return Err(fault);
    }
    let response = answered.map_err(|error| {
        tracing::error!(?error, "an answer could not be made");
        Fault::internal()
    })?;
    if response.status().is_client_error() || response.status().is_server_error() {
        return Err(translate::fault(response, call).await);
    }
    let response = response.map(|body| body.map_err(BodyError::Source).boxed_unsync());
    let Some((status, body)) = call.content.lock().take() else {
        return Ok(response);
    };
    let mut response = response.map(|_| body);
    *response.status_mut() = status;
    Ok(response)
}

struct Hosts;

impl S3Host for Hosts {
    fn parse_host_header<'a>(&'a self, host: &'a str) -> s3s::S3Result<VirtualHost<'a>> {
        let found = VirtualHost::new(host);
        Ok(match host::bucket(host) {
            Some(bucket) => found.with_bucket(bucket.to_ascii_lowercase()),
            None => found,
        })
    }
}

pub(super) fn host_of<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> &'a str {
    headers
        .get(header::HOST)
        .and_then(|value| value.to_str().ok())
        .or_else(|| uri.authority().map(http::uri::Authority::as_str))
        .unwrap_or_default()
}

/// An object's or a part's body may be of any size, and is taken as it comes. Everything else is a document.
fn takes_payload(call: &Call) -> bool {
    const DOCUMENTS: [&str; 7] = [
        "acl",
        "annotation",
        "encryption",
        "legal-hold",
        "renameObject",
        "retention",
        "tagging",
    ];
    call.method == Method::PUT
        && call.headers.get("x-amz-copy-source").is_none()
        && !DOCUMENTS.iter().any(|name| call.query.has(name))
        && call.target.key.is_some()
}

async fn read_document(call: &Call, payload: &mut Payload) -> Result<Bytes> {
    // There the checksum is the object's, and not the document's.
    if call.query.has("uploadId") {
        return payload.collect(MAX_DOCUMENT).await;
    }
    let promise = Promise::read(&call.headers)?;
    if call.method == Method::POST && call.query.has("delete") && promise.is_empty() {
        return Err(Fault::bad(
            "InvalidRequest",
            "Missing required header for this request: Content-MD5 OR x-amz-checksum-*",
        ));
    }
    let document = payload.collect(MAX_DOCUMENT).await?;
    if !promise.is_empty() {
        let algorithms: Vec<_> = promise.algorithm().into_iter().collect();
        let mut receiver = call.parts.objects.receive(&algorithms);
        receiver.write(document.clone()).await?;
        promise.check(receiver.end().digests(), |name| payload.trailer(name))?;
    }
    Ok(document)
}

/// What a presigned URL's query says in place of headers, put back into the headers. Who presigns does not know the body,
/// so an algorithm that it names comes without a checksum.
fn meant_headers(headers: &HeaderMap, query: &Query) -> HeaderMap {
    let mut meant = headers.clone();
    for (name, value) in query.without(is_parameter).iter() {
        let name = name.to_ascii_lowercase();
        let is_meant = name.starts_with("x-amz-") && name != "x-amz-sdk-checksum-algorithm";
        if is_meant && !meant.contains_key(&name) {
            headers::set(&mut meant, &name, value);
        }
    }
    meant
}

fn set_length(headers: &mut HeaderMap, length: Option<u64>) {
    match length {
        Some(length) => headers::set(headers, "content-length", &length.to_string()),
        None => {
            headers.remove(header::CONTENT_LENGTH);
        }
    }
}

/// A plus is a space here, as in forms; in what is signed it is itself.
fn without_signature(uri: &Uri) -> Result<Uri> {
    let raw = uri.query().unwrap_or_default().replace('+', "%20");
    let query = Query::parse(&raw).ok_or_else(invalid_uri)?;
    let raw = query.without(is_parameter).to_raw();
    let target = if raw.is_empty() {
        uri.path().to_owned()
    } else {
        format!("{}?{raw}", uri.path())
    };
    target.parse().map_err(|_| invalid_uri())
}

pub(super) fn invalid_uri() -> Fault {
    Fault::bad("InvalidURI", "Couldn't parse the specified URI.")
}

pub(super) fn refused(error: access::Error, key_id: &str) -> Fault {
    use access::Error;
    match error {
        Error::UnknownKey | Error::MissingToken => Fault::new(
            StatusCode::FORBIDDEN,
            "InvalidAccessKeyId",
            "The AWS Access Key Id you provided does not exist in our records.",
        )
        .with("AWSAccessKeyId", key_id),
        Error::InvalidToken => Fault::bad(
            "InvalidToken",
            "The provided token is malformed or otherwise invalid.",
        ),
        Error::Expired => Fault::bad("ExpiredToken", "The provided token has expired."),
        Error::Store(error) => {
            tracing::error!(%error, "a key could not be looked up");
            Fault::internal()
        }
    }
}

pub(super) fn describe(principal: &Principal) -> String {
    match principal {
        Principal::Owner { account } => account.clone(),
        Principal::Role { role, session, .. } => format!("{role}:{session}"),
    }
}

pub(super) fn source_ip(head: &Head) -> Option<IpAddr> {
    head.extensions.get::<Peer>().map(|peer| peer.0.ip())
}

/// A caller may say whose bucket it thinks that it talks to.
fn check_owner(call: &Call) -> Result<()> {
    let account = call.parts.access.account();
    for name in [
        "x-amz-expected-bucket-owner",
        "x-amz-source-expected-bucket-owner",
    ] {
        if headers::text(&call.headers, name)?.is_some_and(|owner| owner != account) {
            return Err(Fault::denied("Access Denied"));
        }
    }
    Ok(())
}
