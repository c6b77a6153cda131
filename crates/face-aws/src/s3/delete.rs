use http::StatusCode;
use objects::{Condition, Deleted, Tags};
use s3s::dto::{
    DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject,
    Error, ObjectIdentifier,
};
use s3s::{S3Request, S3Response};

use super::call::Call;
use super::fault::{Fault, Result};
use super::{conditions, refuse};

/// The most that one request may delete.
const MAX_DELETE: usize = 1_000;

pub(super) async fn delete_object(
    call: &Call,
    request: S3Request<DeleteObjectInput>,
) -> Result<S3Response<DeleteObjectOutput>> {
    refuse::unsupported(&call.headers)?;
    let input = request.input;
    refuse::version(input.version_id.as_deref())?;
    if input.if_match_last_modified_time.is_some() || input.if_match_size.is_some() {
        return Err(Fault::not_implemented("Deleting by size or time"));
    }
    let condition = conditions::of_delete(&call.headers)?;
    call.parts
        .objects
        .delete(&input.bucket, &input.key, condition, call.origin())
        .await?;
    Ok(S3Response::new(DeleteObjectOutput::default()))
}

pub(super) async fn delete_objects(
    call: &Call,
    request: S3Request<DeleteObjectsInput>,
) -> Result<S3Response<DeleteObjectsOutput>> {
    refuse::unsupported(&call.headers)?;
    let input = request.input;
    let objects = input.delete.objects;
    if objects.is_empty() || objects.len() > MAX_DELETE {
        return Err(Fault::malformed_xml());
    }
    let mut refused = Vec::new();
    let mut keys = Vec::new();
    for object in objects {
        match condition_of(&object) {
            Ok(condition) => keys.push((object.key, condition)),
            Err(fault) => refused.push(Error {
                version_id: object.version_id,
                ..failure(object.key, fault)
            }),
        }
    }
    let outcomes = call
        .parts
        .objects
        .delete_many(&input.bucket, keys, call.origin())
        .await?;
    let mut deleted = Vec::new();
    for Deleted { key, outcome } in outcomes {
        match outcome {
            Ok(()) => deleted.push(DeletedObject {
                key: Some(key),
                ..DeletedObject::default()
            }),
            Err(error) => refused.push(failure(key, error.into())),
        }
    }
    let quiet = input.delete.quiet == Some(true);
    Ok(S3Response::new(DeleteObjectsOutput {
        deleted: (!quiet).then_some(deleted),
        errors: Some(refused),
        request_charged: None,
    }))
}

fn condition_of(object: &ObjectIdentifier) -> Result<Condition> {
    if refuse::version(object.version_id.as_deref()).is_err() {
        return Err(Fault::new(
            StatusCode::NOT_FOUND,
            "NoSuchVersion",
            "The specified version does not exist.",
        ));
    }
    if object.last_modified_time.is_some() || object.size.is_some() {
        return Err(Fault::not_implemented("Deleting by size or time"));
    }
    let tag = object.e_tag.as_ref().map(|tag| match tag.value() {
        "*" => Tags::Any,
        value => Tags::List(vec![value.to_owned()]),
    });
    Ok(Condition {
        if_match: tag,
        if_none_match: None,
    })
}

fn failure(key: String, fault: Fault) -> Error {
    Error {
        key: Some(key),
        code: Some(fault.code),
        message: Some(fault.message),
        version_id: None,
    }
}
