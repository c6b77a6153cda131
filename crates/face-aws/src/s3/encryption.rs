//! How what is stored is encrypted when nobody says it. Since 2023 the real service does it with its own keys, and so its
//! answers say here; others' keys are refused. Ours are as safe as the disk that they are on.

use s3s::dto::{
    DeleteBucketEncryptionInput, DeleteBucketEncryptionOutput, GetBucketEncryptionInput,
    GetBucketEncryptionOutput, PutBucketEncryptionInput, PutBucketEncryptionOutput,
    ServerSideEncryption, ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration,
    ServerSideEncryptionRule,
};
use s3s::{S3Request, S3Response};

use super::call::Call;
use super::fault::{Fault, Result};
use super::headers;

pub(super) async fn get(
    call: &Call,
    request: S3Request<GetBucketEncryptionInput>,
) -> Result<S3Response<GetBucketEncryptionOutput>> {
    let access = call.parts.objects.access(&request.input.bucket)?;
    let by_default = ServerSideEncryptionByDefault {
        kms_master_key_id: None,
        sse_algorithm: headers::encryption(),
    };
    let rule = ServerSideEncryptionRule {
        apply_server_side_encryption_by_default: Some(by_default),
        bucket_key_enabled: Some(access.bucket_key),
    };
    let configuration = ServerSideEncryptionConfiguration { rules: vec![rule] };
    Ok(S3Response::new(GetBucketEncryptionOutput {
        server_side_encryption_configuration: Some(configuration),
    }))
}

pub(super) async fn put(
    call: &Call,
    request: S3Request<PutBucketEncryptionInput>,
) -> Result<S3Response<PutBucketEncryptionOutput>> {
    let input = request.input;
    let objects = &call.parts.objects;
    objects.bucket(&input.bucket)?;
    let rules = input.server_side_encryption_configuration.rules;
    let [rule] = rules.as_slice() else {
        return Err(Fault::malformed_xml());
    };
    let by_default = rule.apply_server_side_encryption_by_default.as_ref();
    check(by_default.ok_or_else(Fault::malformed_xml)?)?;
    let bucket_key = rule.bucket_key_enabled.unwrap_or_default();
    let set = objects.set_access(&input.bucket, |access| access.bucket_key = bucket_key);
    set.await?;
    Ok(S3Response::new(PutBucketEncryptionOutput {}))
}

fn check(said: &ServerSideEncryptionByDefault) -> Result<()> {
    let key = said.kms_master_key_id.as_deref();
    match (said.sse_algorithm.as_str(), key) {
        (ServerSideEncryption::AES256, None) => Ok(()),
        (ServerSideEncryption::AES256, Some(_)) => Err(Fault::bad(
            "InvalidArgument",
            "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse",
        )
        .with("ArgumentName", "ApplyServerSideEncryptionByDefault")),
        (ServerSideEncryption::AWS_KMS | ServerSideEncryption::AWS_KMS_DSSE, _) => {
            Err(Fault::not_implemented("Encryption with KMS keys"))
        }
        _ => Err(Fault::malformed_xml()),
    }
}

pub(super) async fn delete(
    call: &Call,
    request: S3Request<DeleteBucketEncryptionInput>,
) -> Result<S3Response<DeleteBucketEncryptionOutput>> {
    let objects = &call.parts.objects;
    let set = objects.set_access(&request.input.bucket, |access| access.bucket_key = false);
    set.await?;
    Ok(S3Response::new(DeleteBucketEncryptionOutput {}))
}
