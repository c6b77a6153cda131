//! What is asked of a bucket by tools that only look, answered by what is the case: the owner has full control,
//! what the real service gives every bucket is there, and nothing of the rest was ever set up.

use http::HeaderMap;
use s3s::dto::*;
use s3s::{S3Request, S3Response};

use super::call::Call;
use super::fault::{Fault, Result};
use super::version::{self, Asked};
use super::{headers, list};

pub(super) async fn bucket_acl(
    call: &Call,
    request: S3Request<GetBucketAclInput>,
) -> Result<S3Response<GetBucketAclOutput>> {
    call.parts.objects.bucket(&request.input.bucket)?;
    Ok(S3Response::new(GetBucketAclOutput {
        grants: Some(full_control(call)),
        owner: Some(list::owner(call)),
    }))
}

pub(super) async fn object_acl(
    call: &Call,
    request: S3Request<GetObjectAclInput>,
) -> Result<S3Response<GetObjectAclOutput>> {
    let input = request.input;
    let version = input.version_id.as_deref();
    let object = Asked::read(call, &input.bucket, &input.key, version)?.head()?;
    let mut fields = HeaderMap::new();
    version::set(&mut fields, &object);
    let acl = GetObjectAclOutput {
        grants: Some(full_control(call)),
        owner: Some(list::owner(call)),
        request_charged: None,
    };
    Ok(S3Response::with_headers(acl, fields))
}

fn full_control(call: &Call) -> Grants {
    let grantee = Grantee {
        id: list::owner(call).id,
        display_name: None,
        email_address: None,
        type_: Type::from_static(Type::CANONICAL_USER),
        uri: None,
    };
    vec![Grant {
        grantee: Some(grantee),
        permission: Some(Permission::from_static(Permission::FULL_CONTROL)),
    }]
}

pub(super) async fn request_payment(
    call: &Call,
    request: S3Request<GetBucketRequestPaymentInput>,
) -> Result<S3Response<GetBucketRequestPaymentOutput>> {
    call.parts.objects.bucket(&request.input.bucket)?;
    Ok(S3Response::new(GetBucketRequestPaymentOutput {
        payer: Some(Payer::from_static(Payer::BUCKET_OWNER)),
    }))
}

/// What the real service has given every bucket since 2023.
pub(super) async fn encryption(
    call: &Call,
    request: S3Request<GetBucketEncryptionInput>,
) -> Result<S3Response<GetBucketEncryptionOutput>> {
    call.parts.objects.bucket(&request.input.bucket)?;
    let by_default = ServerSideEncryptionByDefault {
        kms_master_key_id: None,
        sse_algorithm: headers::encryption(),
    };
    let rule = ServerSideEncryptionRule {
        apply_server_side_encryption_by_default: Some(by_default),
        bucket_key_enabled: Some(false),
    };
    let configuration = ServerSideEncryptionConfiguration { rules: vec![rule] };
    Ok(S3Response::new(GetBucketEncryptionOutput {
        server_side_encryption_configuration: Some(configuration),
    }))
}

/// Nobody but the owner gets at anything here.
pub(super) async fn public_access(
    call: &Call,
    request: S3Request<GetPublicAccessBlockInput>,
) -> Result<S3Response<GetPublicAccessBlockOutput>> {
    call.parts.objects.bucket(&request.input.bucket)?;
    let configuration = PublicAccessBlockConfiguration {
        block_public_acls: Some(true),
        block_public_policy: Some(true),
        ignore_public_acls: Some(true),
        restrict_public_buckets: Some(true),
    };
    Ok(S3Response::new(GetPublicAccessBlockOutput {
        public_access_block_configuration: Some(configuration),
    }))
}

pub(super) async fn ownership(
    call: &Call,
    request: S3Request<GetBucketOwnershipControlsInput>,
) -> Result<S3Response<GetBucketOwnershipControlsOutput>> {
    call.parts.objects.bucket(&request.input.bucket)?;
    let rule = OwnershipControlsRule {
        object_ownership: ObjectOwnership::from_static(ObjectOwnership::BUCKET_OWNER_ENFORCED),
    };
    Ok(S3Response::new(GetBucketOwnershipControlsOutput {
        ownership_controls: Some(OwnershipControls { rules: vec![rule] }),
    }))
}

/// Settings whose answer is empty when they were never made.
macro_rules! empty {
    ($($name:ident: $input:ident -> $output:ident;)*) => {$(
        pub(super) async fn $name(
            call: &Call,
            request: S3Request<$input>,
        ) -> Result<S3Response<$output>> {
            call.parts.objects.bucket(&request.input.bucket)?;
            Ok(S3Response::new($output::default()))
        }
    )*};
}

empty! {
    logging: GetBucketLoggingInput -> GetBucketLoggingOutput;
    acceleration: GetBucketAccelerateConfigurationInput -> GetBucketAccelerateConfigurationOutput;
}

/// Settings whose answer is an error when they were never made.
macro_rules! never_set {
    ($($name:ident: $input:ident -> $output:ident = $code:literal, $message:literal;)*) => {$(
        pub(super) async fn $name(
            call: &Call,
            request: S3Request<$input>,
        ) -> Result<S3Response<$output>> {
            let bucket = call.parts.objects.bucket(&request.input.bucket)?;
            Err(Fault::not_set($code, $message, &bucket.name))
        }
    )*};
}

never_set! {
    policy: GetBucketPolicyInput -> GetBucketPolicyOutput
        = "NoSuchBucketPolicy", "The bucket policy does not exist";
    policy_status: GetBucketPolicyStatusInput -> GetBucketPolicyStatusOutput
        = "NoSuchBucketPolicy", "The bucket policy does not exist";
    lifecycle: GetBucketLifecycleConfigurationInput -> GetBucketLifecycleConfigurationOutput
        = "NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist";
    replication: GetBucketReplicationInput -> GetBucketReplicationOutput
        = "ReplicationConfigurationNotFoundError", "The replication configuration was not found";
    object_lock: GetObjectLockConfigurationInput -> GetObjectLockConfigurationOutput
        = "ObjectLockConfigurationNotFoundError",
          "Object Lock configuration does not exist for this bucket";
}
