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
use super::refuse;
use super::tags::{self, On};

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
    refuse::version(input.version_id.as_deref())?;
    let found = call.parts.objects.head(&input.bucket, &input.key);
    let object = found.map_err(|error| match error {
        // This operation alone says the key so.
        objects::Error::NoSuchKey { bucket, key } => objects::Error::NoSuchKey {
            key: format!("{bucket}/{key}"),
            bucket,
        },
        error => error,
    })?;
    Ok(S3Response::new(GetObjectTaggingOutput {
        tag_set: tags::print(object.tags),
        version_id: None,
    }))
}

pub(super) async fn tag_object(
    call: &Call,
    request: S3Request<PutObjectTaggingInput>,
) -> Result<S3Response<PutObjectTaggingOutput>> {
    let input = request.input;
    refuse::version(input.version_id.as_deref())?;
    let objects = &call.parts.objects;
    objects.bucket(&input.bucket)?;
    let tags = tags::read(input.tagging.tag_set, On::Object)?;
    objects
        .tag(&input.bucket, &input.key, tags, call.origin())
        .await?;
    Ok(S3Response::new(PutObjectTaggingOutput::default()))
}

pub(super) async fn untag_object(
    call: &Call,
    request: S3Request<DeleteObjectTaggingInput>,
) -> Result<S3Response<DeleteObjectTaggingOutput>> {
    let input = request.input;
    refuse::version(input.version_id.as_deref())?;
    call.parts
        .objects
        .untag(&input.bucket, &input.key, call.origin())
        .await?;
    Ok(S3Response::new(DeleteObjectTaggingOutput::default()))
}
