use std::collections::BTreeMap;

use http::StatusCode;
use s3s::dto::{
    DeleteBucketTaggingInput, DeleteBucketTaggingOutput, DeleteObjectTaggingInput,
    DeleteObjectTaggingOutput, GetBucketTaggingInput, GetBucketTaggingOutput,
    GetObjectTaggingInput, GetObjectTaggingOutput, PutBucketTaggingInput, PutBucketTaggingOutput,
    PutObjectTaggingInput, PutObjectTaggingOutput,
};
use s3s::{S3Request, S3Response};

use super::call::Call;
use super::fault::{Fault, Result};
use super::tags::{self, On};
use super::version::{self, Asked};

pub(super) async fn of_bucket(
    call: &Call,
    request: S3Request<GetBucketTaggingInput>,
) -> Result<S3Response<GetBucketTaggingOutput>> {
    let bucket = &request.input.bucket;
    let tags = call.parts.objects.bucket_tags(bucket)?;
    if tags.is_empty() {
        let why = "The TagSet does not exist";
        return Err(Fault::not_set("NoSuchTagSet", why, bucket));
    }
    Ok(S3Response::new(GetBucketTaggingOutput {
        tag_set: tags::print(tags),
    }))
}

pub(super) async fn tag_bucket(
    call: &Call,
    request: S3Request<PutBucketTaggingInput>,
) -> Result<S3Response<PutBucketTaggingOutput>> {
    let input = request.input;
    let objects = &call.parts.objects;
    objects.bucket(&input.bucket)?;
    let tags = tags::read(input.tagging.tag_set, On::Bucket)?;
    objects.tag_bucket(&input.bucket, tags).await?;
    // s3s has another status.
    *call.content.lock() = Some((StatusCode::NO_CONTENT, wire::empty()));
    Ok(S3Response::new(PutBucketTaggingOutput {}))
}

pub(super) async fn untag_bucket(
    call: &Call,
    request: S3Request<DeleteBucketTaggingInput>,
) -> Result<S3Response<DeleteBucketTaggingOutput>> {
    let objects = &call.parts.objects;
    objects
        .tag_bucket(&request.input.bucket, BTreeMap::new())
        .await?;
    Ok(S3Response::new(DeleteBucketTaggingOutput {}))
}

pub(super) async fn of_object(
    call: &Call,
    request: S3Request<GetObjectTaggingInput>,
) -> Result<S3Response<GetObjectTaggingOutput>> {
    let input = request.input;
    let asked = Asked::read(call, &input.bucket, &input.key, input.version_id.as_deref())?;
    let found = call
        .parts
        .objects
        .head(asked.bucket, asked.key, asked.version);
    let object = found.map_err(|error| match error {
        // This operation alone says the key so.
        objects::Error::NoSuchKey { bucket, key } => objects::Error::NoSuchKey {
            key: format!("{bucket}/{key}"),
            bucket,
        },
        error => error,
    });
    let object = object.map_err(|error| asked.fault(error))?;
    Ok(S3Response::new(GetObjectTaggingOutput {
        version_id: version::text(&object),
        tag_set: tags::print(object.tags),
    }))
}

pub(super) async fn tag_object(
    call: &Call,
    request: S3Request<PutObjectTaggingInput>,
) -> Result<S3Response<PutObjectTaggingOutput>> {
    let input = request.input;
    let asked = Asked::read(call, &input.bucket, &input.key, input.version_id.as_deref())?;
    let objects = &call.parts.objects;
    objects.bucket(asked.bucket)?;
    let tags = tags::read(input.tagging.tag_set, On::Object)?;
    let tagged = objects
        .tag(asked.bucket, asked.key, asked.version, tags, call.origin())
        .await;
    let object = tagged.map_err(|error| asked.fault(error))?;
    Ok(S3Response::new(PutObjectTaggingOutput {
        version_id: version::text(&object),
    }))
}

pub(super) async fn untag_object(
    call: &Call,
    request: S3Request<DeleteObjectTaggingInput>,
) -> Result<S3Response<DeleteObjectTaggingOutput>> {
    let input = request.input;
    let asked = Asked::read(call, &input.bucket, &input.key, input.version_id.as_deref())?;
    let objects = &call.parts.objects;
    let untagged = objects
        .untag(asked.bucket, asked.key, asked.version, call.origin())
        .await;
    let object = untagged.map_err(|error| asked.fault(error))?;
    Ok(S3Response::new(DeleteObjectTaggingOutput {
        version_id: version::text(&object),
    }))
}
