//! What is asked of a bucket by tools that only look, answered by what is the case: it was never set up.

use s3s::dto::*;
use s3s::{S3Request, S3Response};

use super::call::Call;
use super::fault::{Fault, Result};

pub(super) async fn request_payment(
    call: &Call,
    request: S3Request<GetBucketRequestPaymentInput>,
) -> Result<S3Response<GetBucketRequestPaymentOutput>> {
    call.parts.objects.bucket(&request.input.bucket)?;
    Ok(S3Response::new(GetBucketRequestPaymentOutput {
        payer: Some(Payer::from_static(Payer::BUCKET_OWNER)),
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
    replication: GetBucketReplicationInput -> GetBucketReplicationOutput
        = "ReplicationConfigurationNotFoundError", "The replication configuration was not found";
    object_lock: GetObjectLockConfigurationInput -> GetObjectLockConfigurationOutput
        = "ObjectLockConfigurationNotFoundError",
          "Object Lock configuration does not exist for this bucket";
}
