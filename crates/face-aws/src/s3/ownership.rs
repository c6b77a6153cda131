//! Whose objects are that others store: here always the bucket's owner's.

use s3s::dto::{
    DeleteBucketOwnershipControlsInput, DeleteBucketOwnershipControlsOutput,
    GetBucketOwnershipControlsInput, GetBucketOwnershipControlsOutput, ObjectOwnership,
    OwnershipControls, OwnershipControlsRule, PutBucketOwnershipControlsInput,
    PutBucketOwnershipControlsOutput,
};
use s3s::{S3Request, S3Response};

use super::call::Call;
use super::fault::{Fault, Result};

/// None if there is no such ownership.
pub(super) fn is_built(said: &str) -> Option<Result<()>> {
    match said {
        ObjectOwnership::BUCKET_OWNER_ENFORCED => Some(Ok(())),
        // With these there are lists, and somebody would have to obey them.
        ObjectOwnership::BUCKET_OWNER_PREFERRED | ObjectOwnership::OBJECT_WRITER => Some(Err(
            Fault::not_implemented(&format!("The object ownership {said}")),
        )),
        _ => None,
    }
}

pub(super) async fn get(
    call: &Call,
    request: S3Request<GetBucketOwnershipControlsInput>,
) -> Result<S3Response<GetBucketOwnershipControlsOutput>> {
    let bucket = &request.input.bucket;
    if !call.parts.objects.access(bucket)?.owned {
        let why = "The bucket ownership controls were not found";
        return Err(Fault::not_set(
            "OwnershipControlsNotFoundError",
            why,
            bucket,
        ));
    }
    let rule = OwnershipControlsRule {
        object_ownership: ObjectOwnership::from_static(ObjectOwnership::BUCKET_OWNER_ENFORCED),
    };
    Ok(S3Response::new(GetBucketOwnershipControlsOutput {
        ownership_controls: Some(OwnershipControls { rules: vec![rule] }),
    }))
}

pub(super) async fn put(
    call: &Call,
    request: S3Request<PutBucketOwnershipControlsInput>,
) -> Result<S3Response<PutBucketOwnershipControlsOutput>> {
    let input = request.input;
    let objects = &call.parts.objects;
    objects.bucket(&input.bucket)?;
    let [rule] = input.ownership_controls.rules.as_slice() else {
        return Err(Fault::malformed_xml());
    };
    let built = is_built(rule.object_ownership.as_str());
    built.ok_or_else(Fault::malformed_xml)??;
    let set = objects.set_access(&input.bucket, |access| access.owned = true);
    set.await?;
    Ok(S3Response::new(PutBucketOwnershipControlsOutput {}))
}

pub(super) async fn delete(
    call: &Call,
    request: S3Request<DeleteBucketOwnershipControlsInput>,
) -> Result<S3Response<DeleteBucketOwnershipControlsOutput>> {
    let objects = &call.parts.objects;
    let set = objects.set_access(&request.input.bucket, |access| access.owned = false);
    set.await?;
    Ok(S3Response::new(DeleteBucketOwnershipControlsOutput {}))
}
