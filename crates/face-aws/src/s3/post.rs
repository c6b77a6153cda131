//! Forms that browsers post. The signature is over a policy in one of the form's fields, which says what the others may
//! be; what other requests say in headers is in fields here.

mod form;
mod policy;
mod proof;

use std::collections::BTreeMap;
use std::sync::Arc;

use base::{Clock, SystemClock};
use bytes::Bytes;
use http::request::Parts as Head;
use http::{HeaderValue, Method, StatusCode, header};
use objects::{ChangeKind, Condition, Object, Put};
use quick_xml::escape::escape;
use wire::{Body, Response};

use self::form::{File, Form};
use self::policy::Policy;
use super::call::{describe, refused, source_ip};
use super::checksum::{self, Promise};
use super::fault::{Fault, Result};
use super::put::MAX_PUT;
use super::target::Target;
use super::{Parts, headers, lifecycle, multipart, query, refuse, tags, version};

const MAX_KEY: usize = 1_024;

pub(super) fn is_form(head: &Head) -> bool {
    let content_type = head.headers.get(header::CONTENT_TYPE);
    head.method == Method::POST
        && content_type.is_some_and(|value| {
            let prefix = b"multipart/form-data";
            let value = value.as_bytes();
            value.len() >= prefix.len() && value[..prefix.len()].eq_ignore_ascii_case(prefix)
        })
}

pub(super) async fn serve(
    parts: &Arc<Parts>,
    head: Head,
    body: Body,
    request_id: &str,
) -> Result<Response> {
    let target = Target::of(&head.headers, &head.uri);
    let (Some(bucket), None) = (&target.bucket, &target.key) else {
        return Err(Fault::method_not_allowed(&head.method, &target));
    };
    let (form, file) = form::read(&head.headers, body).await?;
    let now = SystemClock.now();
    let claim = proof::Claim::read(&form)?;
    let found = parts.access.credential(&claim.key_id, claim.token());
    let credential = found.map_err(|error| refused(error, &claim.key_id))?;
    claim.verify(&credential.secret)?;
    let policy = Policy::read(claim.policy())?;
    policy.check(&form, bucket, now)?;
    let origin = objects::Origin {
        request_id: request_id.to_owned(),
        principal: describe(&credential.principal),
        source_ip: source_ip(&head),
    };
    let object = store(parts, &form, bucket, file, &policy, origin).await?;
    let location = multipart::location(&head.headers, &target, key(&form)?);
    let mut response = answer(&form, bucket, &object, &location)?;
    let place = (&**bucket, key(&form)?);
    lifecycle::set_expiration(parts, response.headers_mut(), place, &object)?;
    Ok(response)
}

fn key(form: &Form) -> Result<&str> {
    let key = form.get("key").ok_or_else(|| form::missing("key"))?;
    if key.is_empty() {
        let why = "User key must have a length greater than 0.";
        return Err(Fault::invalid_argument("key", key, why));
    }
    if key.len() > MAX_KEY {
        return Err(Fault::key_too_long());
    }
    Ok(key)
}

async fn store(
    parts: &Parts,
    form: &Form,
    bucket: &str,
    mut file: File,
    policy: &Policy,
    origin: objects::Origin,
) -> Result<Object> {
    let said = form.headers();
    refuse::unsupported(&said)?;
    refuse::object_acl(&said)?;
    let promise = Promise::read(&said)?;
    let algorithm = promise.algorithm().unwrap_or(checksum::DEFAULT);
    let put = Put {
        bucket: bucket.to_owned(),
        key: key(form)?.to_owned(),
        metadata: headers::metadata(&said)?,
        tags: form
            .get("tagging")
            .map_or_else(|| Ok(BTreeMap::new()), tags::in_document)?,
        condition: Condition::default(),
        checksum: Some(algorithm),
        kind: ChangeKind::Post,
        origin,
    };
    parts.objects.bucket(bucket)?;
    let mut receiver = parts.objects.receive(&[algorithm]);
    let (least, most) = policy.sizes();
    let most = most.min(MAX_PUT.as_bytes());
    let mut size = 0;
    while let Some(piece) = file.next().await? {
        size += piece.len() as u64;
        // What is too large is counted to its end, to say how large it is, but not kept.
        if size <= most {
            receiver.write(piece).await?;
        }
    }
    policy::check_size(size, least, most)?;
    let received = receiver.end();
    promise.check(received.digests(), |_| None)?;
    Ok(parts.objects.put(put, received).await?)
}

fn answer(form: &Form, bucket: &str, object: &Object, location: &str) -> Result<Response> {
    let key = key(form)?;
    let etag = headers::quoted(&object.etag);
    let redirect = form.get("success_action_redirect");
    let redirect = redirect.or_else(|| form.get("redirect"));
    let (status, body, location) = match (
        redirect.and_then(absolute),
        form.get("success_action_status"),
    ) {
        (Some(url), _) => {
            let url = redirected(url, bucket, key, &etag);
            (StatusCode::SEE_OTHER, Bytes::new(), url)
        }
        (None, Some("201")) => {
            let xml = document(location, bucket, key, &etag);
            (StatusCode::CREATED, Bytes::from(xml), location.to_owned())
        }
        (None, Some("200")) => (StatusCode::OK, Bytes::new(), location.to_owned()),
        (None, _) => (StatusCode::NO_CONTENT, Bytes::new(), location.to_owned()),
    };
    let is_document = !body.is_empty();
    let mut response = Response::new(wire::full(body));
    *response.status_mut() = status;
    let fields = response.headers_mut();
    if is_document {
        fields.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/xml"),
        );
    }
    headers::set(fields, "etag", &etag);
    headers::set(fields, "location", &location);
    headers::set_checksum(fields, object);
    headers::set_encryption(fields);
    version::set_stored(fields, object);
    Ok(response)
}

/// What is no address is taken as if it were not there.
fn absolute(url: &str) -> Option<&str> {
    let is_absolute = url.starts_with("http://") || url.starts_with("https://");
    is_absolute.then_some(url)
}

fn redirected(url: &str, bucket: &str, key: &str, etag: &str) -> String {
    let mark = if url.contains('?') { '&' } else { '?' };
    format!(
        "{url}{mark}bucket={}&key={}&etag={}",
        query::encode(bucket),
        query::encode(key),
        query::encode(etag)
    )
}

fn document(location: &str, bucket: &str, key: &str, etag: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<PostResponse><Location>{}</Location><Bucket>{}</Bucket><Key>{}</Key><ETag>{}</ETag></PostResponse>",
        escape(location),
        escape(bucket),
        escape(key),
        escape(etag)
    )
}
