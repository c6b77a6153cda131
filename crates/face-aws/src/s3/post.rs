//! Forms that browsers post. The signature is over a policy in one of the form's fields, so s3s, which reads the form,
//! checks it; it gathers the file in memory, for which reason such a file has a bound of its own.

use std::sync::Arc;

use access::Access;
use base::ByteSize;
use futures_util::StreamExt;
use http::request::Parts as Head;
use http::{HeaderMap, Method, header};
use objects::{ChangeKind, Condition, Metadata, Put};
use parking_lot::Mutex;
use s3s::auth::{S3Auth, SecretKey};
use s3s::config::{S3Config, StaticConfigProvider};
use s3s::dto::{
    ObjectCannedACL, PostObjectInput, PostObjectOutput, ServerSideEncryption, StorageClass,
};
use s3s::service::S3ServiceBuilder;
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result};
use wire::{Body, Response};

use super::call::{Call, Hosts, describe, finish, is_virtual, source_ip};
use super::fault::{Fault, Result};
use super::operations::Operations;
use super::query::Query;
use super::{Parts, checksum, headers, refuse};

/// The largest file in a form.
const MAX_FILE: ByteSize = ByteSize::mib(64);

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
    let call = Arc::new(Call {
        parts: parts.clone(),
        method: head.method.clone(),
        headers: head.headers.clone(),
        query: Query::default(),
        request_id: request_id.to_owned(),
        principal: String::new(),
        source_ip: source_ip(&head),
        region: String::new(),
        payload: Mutex::new(None),
        fault: Mutex::new(None),
        content: Mutex::new(None),
    });
    let mut config = S3Config::default();
    config.post_object_max_file_size = MAX_FILE.as_bytes();
    let mut builder = S3ServiceBuilder::new(Operations(call.clone()));
    builder.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config))));
    builder.set_auth(Keys(parts.access.clone()));
    if is_virtual(&call.headers, &head.uri) {
        builder.set_host(Hosts);
    }
    let request = http::Request::from_parts(head, s3s::Body::http_body_unsync(body));
    let answered = builder.build().call(request).await;
    finish(&call, answered).await
}

/// The keys that forms may be signed with. A session's token would be in a field that this can't see, so sessions can't
/// sign forms.
struct Keys(Access);

#[async_trait::async_trait]
impl S3Auth for Keys {
    async fn get_secret_key(&self, key_id: &str) -> S3Result<SecretKey> {
        match self.0.credential(key_id, None) {
            Ok(credential) => Ok(SecretKey::from(credential.secret)),
            Err(_) => Err(S3Error::with_message(
                S3ErrorCode::InvalidAccessKeyId,
                "The AWS Access Key Id you provided does not exist in our records.",
            )),
        }
    }
}

pub(super) async fn post_object(
    call: &Call,
    request: S3Request<PostObjectInput>,
) -> Result<S3Response<PostObjectOutput>> {
    let credentials = request.credentials.as_ref();
    let key_id = credentials
        .map(|credentials| credentials.access_key.clone())
        .ok_or_else(|| Fault::denied("Access Denied"))?;
    let input = request.input;
    check(&input)?;
    let mut receiver = call.parts.objects.receive(&[checksum::DEFAULT]);
    if let Some(mut body) = input.body {
        while let Some(piece) = body.next().await {
            receiver
                .write(piece.map_err(|_| Fault::incomplete_body())?)
                .await?;
        }
    }
    let principal = call.parts.access.credential(&key_id, None);
    let put = Put {
        bucket: input.bucket,
        key: input.key,
        metadata: Metadata {
            content_type: input.content_type,
            content_encoding: input.content_encoding,
            content_disposition: input.content_disposition,
            content_language: input.content_language,
            cache_control: input.cache_control,
            expires: None,
            user: input.metadata.into_iter().flatten().collect(),
        },
        condition: Condition::default(),
        checksum: Some(checksum::DEFAULT),
        kind: ChangeKind::Post,
        origin: objects::Origin {
            principal: principal.map_or(key_id, |credential| describe(&credential.principal)),
            ..call.origin()
        },
    };
    let object = call.parts.objects.put(put, receiver.end()).await?;
    let mut fields = HeaderMap::new();
    headers::set(&mut fields, "etag", &headers::quoted(&object.etag));
    headers::set_checksum(&mut fields, &object);
    let output = PostObjectOutput {
        e_tag: Some(s3s::dto::ETag::Strong(object.etag.to_string())),
        ..PostObjectOutput::default()
    };
    Ok(S3Response::with_headers(output, fields))
}

/// A form says in fields what other requests say in headers.
fn check(input: &PostObjectInput) -> Result<()> {
    let mut said = HeaderMap::new();
    let fields = [
        ("x-amz-acl", input.acl.as_ref().map(ObjectCannedACL::as_str)),
        (
            "x-amz-storage-class",
            input.storage_class.as_ref().map(StorageClass::as_str),
        ),
        (
            "x-amz-server-side-encryption",
            input
                .server_side_encryption
                .as_ref()
                .map(ServerSideEncryption::as_str),
        ),
        ("x-amz-tagging", input.tagging.as_deref()),
        (
            "x-amz-website-redirect-location",
            input.website_redirect_location.as_deref(),
        ),
    ];
    for (name, value) in fields {
        if let Some(value) = value {
            headers::set(&mut said, name, value);
        }
    }
    refuse::unsupported(&said)
}
