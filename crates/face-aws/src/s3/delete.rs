use objects::{Condition, Deleted, Deletion, Removal, Tags};
use s3s::dto::{
    DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject,
    Error, ObjectIdentifier,
};
use s3s::{S3Request, S3Response};

use super::call::Call;
use super::fault::{Fault, Result};
use super::{conditions, refuse, version};

/// The most that one request may delete.
const MAX_DELETE: usize = 1_000;

pub(super) async fn delete_object(
    call: &Call,
    request: S3Request<DeleteObjectInput>,
) -> Result<S3Response<DeleteObjectOutput>> {
    refuse::unsupported(&call.headers)?;
    let input = request.input;
    let version = version::read(input.version_id.as_deref())?;
    if input.if_match_last_modified_time.is_some() || input.if_match_size.is_some() {
        return Err(Fault::not_implemented("Deleting by size or time"));
    }
    let deletion = Deletion {
        key: input.key,
        version,
        condition: conditions::of_delete(&call.headers)?,
    };
    let objects = &call.parts.objects;
    let removal = objects
        .delete(&input.bucket, deletion, call.origin())
        .await?;
    Ok(S3Response::new(DeleteObjectOutput {
        delete_marker: removal.marker.then_some(true),
        version_id: removal.version.map(|version| version.to_string()),
        ..DeleteObjectOutput::default()
    }))
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
    let mut deletions = Vec::new();
    for object in objects {
        match deletion(&object) {
            Ok(deletion) => deletions.push(deletion),
            Err(fault) => refused.push(Error {
                version_id: object.version_id,
                ..failure(object.key, fault)
            }),
        }
    }
    let outcomes = call
        .parts
        .objects
        .delete_many(&input.bucket, deletions, call.origin())
        .await?;
    let mut deleted = Vec::new();
    for Deleted {
        key,
        version,
        outcome,
    } in outcomes
    {
        match outcome {
            Ok(removal) => deleted.push(done(key, version.is_some(), removal)),
            Err(error) => refused.push(Error {
                version_id: version.map(|version| version.to_string()),
                ..failure(key, error.into())
            }),
        }
    }
    let quiet = input.delete.quiet == Some(true);
    Ok(S3Response::new(DeleteObjectsOutput {
        deleted: (!quiet).then_some(deleted),
        errors: Some(refused),
        request_charged: None,
    }))
}

fn done(key: String, named: bool, removal: Removal) -> DeletedObject {
    let version = removal.version.map(|version| version.to_string());
    DeletedObject {
        key: Some(key),
        delete_marker: removal.marker.then_some(true),
        delete_marker_version_id: version.clone().filter(|_| removal.marker),
        version_id: version.filter(|_| named),
    }
}

fn deletion(object: &ObjectIdentifier) -> Result<Deletion> {
    let version = version::read(object.version_id.as_deref());
    // One among many is not called invalid.
    let version = version.map_err(|_| Fault::no_such_version())?;
    if object.last_modified_time.is_some() || object.size.is_some() {
        return Err(Fault::not_implemented("Deleting by size or time"));
    }
    let tag = object.e_tag.as_ref().map(|tag| match tag.value() {
        "*" => Tags::Any,
        value => Tags::List(vec![value.to_owned()]),
    });
    Ok(Deletion {
        key: object.key.clone(),
        version,
        condition: Condition {
            if_match: tag,
            if_none_match: None,
        },
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
