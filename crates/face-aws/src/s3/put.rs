use base::ByteSize;
use http::HeaderMap;
use objects::{Algorithm, ChangeKind, Object, Put, Received, Receiver};
use s3s::dto::{PutObjectInput, PutObjectOutput};
use s3s::{S3Request, S3Response};

use super::call::Call;
use super::checksum::{self, Promise};
use super::fault::{Fault, Result};
use super::payload::Payload;
use super::{conditions, headers, lifecycle, refuse, tags, version};

/// What may come in one piece.
pub(super) const MAX_PUT: ByteSize = ByteSize::gib(5);

pub(super) async fn put_object(
    call: &Call,
    request: S3Request<PutObjectInput>,
) -> Result<S3Response<PutObjectOutput>> {
    refuse::unsupported(&call.headers)?;
    refuse::object_acl(&call.headers)?;
    let input = request.input;
    let put = Put {
        bucket: input.bucket.clone(),
        key: input.key.clone(),
        metadata: headers::metadata(&call.headers)?,
        tags: tags::in_header(&call.headers)?,
        condition: conditions::of_write(&call.headers)?,
        checksum: None,
        kind: ChangeKind::Put,
        origin: call.origin(),
    };
    let promise = Promise::read(&call.headers)?;
    // Before the body comes: it may be large.
    call.parts.objects.bucket(&put.bucket)?;
    let algorithm = promise.algorithm().unwrap_or(checksum::DEFAULT);
    let receiver = call.parts.objects.receive(&[algorithm]);
    let received = receive(call, &promise, receiver).await?;
    let object = store(call, put, algorithm, received).await?;
    stored(call, (&input.bucket, &input.key), &object)
}

async fn store(call: &Call, put: Put, algorithm: Algorithm, received: Received) -> Result<Object> {
    let put = Put {
        checksum: Some(algorithm),
        ..put
    };
    Ok(call.parts.objects.put(put, received).await?)
}

fn stored(
    call: &Call,
    place: (&str, &str),
    object: &Object,
) -> Result<S3Response<PutObjectOutput>> {
    let mut fields = HeaderMap::new();
    headers::set(&mut fields, "etag", &headers::quoted(&object.etag));
    headers::set_checksum(&mut fields, object);
    headers::set_encryption(&mut fields);
    version::set_stored(&mut fields, object);
    lifecycle::set_expiration(&call.parts, &mut fields, place, object)?;
    let output = PutObjectOutput::default();
    Ok(S3Response::with_headers(output, fields))
}

/// Takes the request's body in, and holds it against everything that was promised of it.
pub(super) async fn receive(
    call: &Call,
    promise: &Promise,
    mut receiver: Receiver,
) -> Result<Received> {
    let mut payload: Payload = call.take_payload()?;
    let announced = payload.announced().ok_or_else(Fault::missing_length)?;
    if announced > MAX_PUT.as_bytes() {
        return Err(Fault::too_large(announced, MAX_PUT));
    }
    while let Some(piece) = payload.next().await? {
        receiver.write(piece).await?;
    }
    let received = receiver.end();
    promise.check(received.digests(), |name| payload.trailer(name))?;
    Ok(received)
}
