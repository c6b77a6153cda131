//! What keeps everybody out of a bucket, whatever its policy and lists say.

use objects::Barriers;
use s3s::dto::{
    DeletePublicAccessBlockInput, DeletePublicAccessBlockOutput, GetPublicAccessBlockInput,
    GetPublicAccessBlockOutput, PublicAccessBlockConfiguration, PutPublicAccessBlockInput,
    PutPublicAccessBlockOutput,
};
use s3s::{S3Request, S3Response};

use super::call::Call;
use super::fault::{Fault, Result};

pub(super) async fn get(
    call: &Call,
    request: S3Request<GetPublicAccessBlockInput>,
) -> Result<S3Response<GetPublicAccessBlockOutput>> {
    let bucket = &request.input.bucket;
    let access = call.parts.objects.access(bucket)?;
    let barriers = access.barriers.ok_or_else(|| {
        let why = "The public access block configuration was not found";
        Fault::not_set("NoSuchPublicAccessBlockConfiguration", why, bucket)
    })?;
    let configuration = PublicAccessBlockConfiguration {
        block_public_acls: Some(barriers.new_lists),
        block_public_policy: Some(barriers.new_policies),
        ignore_public_acls: Some(barriers.all_lists),
        restrict_public_buckets: Some(barriers.all_policies),
    };
    Ok(S3Response::new(GetPublicAccessBlockOutput {
        public_access_block_configuration: Some(configuration),
    }))
}

pub(super) async fn put(
    call: &Call,
    request: S3Request<PutPublicAccessBlockInput>,
) -> Result<S3Response<PutPublicAccessBlockOutput>> {
    let input = request.input;
    let objects = &call.parts.objects;
    objects.bucket(&input.bucket)?;
    let said = input.public_access_block_configuration;
    if said == PublicAccessBlockConfiguration::default() {
        let why = "Must specify at least one configuration.";
        return Err(Fault::bad("InvalidRequest", why));
    }
    let barriers = Barriers {
        new_lists: said.block_public_acls.unwrap_or_default(),
        all_lists: said.ignore_public_acls.unwrap_or_default(),
        new_policies: said.block_public_policy.unwrap_or_default(),
        all_policies: said.restrict_public_buckets.unwrap_or_default(),
    };
    let set = objects.set_access(&input.bucket, |access| access.barriers = Some(barriers));
    set.await?;
    Ok(S3Response::new(PutPublicAccessBlockOutput {}))
}

pub(super) async fn delete(
    call: &Call,
    request: S3Request<DeletePublicAccessBlockInput>,
) -> Result<S3Response<DeletePublicAccessBlockOutput>> {
    let objects = &call.parts.objects;
    let set = objects.set_access(&request.input.bucket, |access| access.barriers = None);
    set.await?;
    Ok(S3Response::new(DeletePublicAccessBlockOutput {}))
}
