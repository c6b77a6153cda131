//! The operations that there are. What is not in this list answers, by name, that it is not implemented.

use std::sync::Arc;

use s3s::{S3, S3Error, S3ErrorCode, S3Request, S3Response, S3Result, dto};

use super::call::Call;
use super::fault::Fault;
use super::{
    acl, attributes, barriers, buckets, copy, cors, delete, encryption, facts, get, lifecycle,
    list, multipart, notification, ownership, policy, put, tagging, versioning, versions, website,
};

pub(super) struct Operations(pub(super) Arc<Call>);

impl Operations {
    /// s3s's errors have no room for what ours carry, so ours wait in the call.
    fn answer<T>(&self, done: Result<S3Response<T>, Fault>) -> S3Result<S3Response<T>> {
        done.map_err(|fault| {
            *self.0.fault.lock() = Some(fault);
            S3Error::new(S3ErrorCode::InternalError)
        })
    }
}

macro_rules! operations {
    ($($name:ident($input:ident) -> $output:ident = $module:ident::$function:ident;)*) => {
        #[async_trait::async_trait]
        impl S3 for Operations {$(
            async fn $name(
                &self,
                request: S3Request<dto::$input>,
            ) -> S3Result<S3Response<dto::$output>> {
                self.answer($module::$function(&self.0, request).await)
            }
        )*}
    };
}

operations! {
    create_bucket(CreateBucketInput) -> CreateBucketOutput = buckets::create_bucket;
    head_bucket(HeadBucketInput) -> HeadBucketOutput = buckets::head_bucket;
    delete_bucket(DeleteBucketInput) -> DeleteBucketOutput = buckets::delete_bucket;
    list_buckets(ListBucketsInput) -> ListBucketsOutput = buckets::list_buckets;
    get_bucket_location(GetBucketLocationInput) -> GetBucketLocationOutput
        = buckets::get_bucket_location;

    put_object(PutObjectInput) -> PutObjectOutput = put::put_object;
    get_object(GetObjectInput) -> GetObjectOutput = get::get_object;
    head_object(HeadObjectInput) -> HeadObjectOutput = get::head_object;
    get_object_attributes(GetObjectAttributesInput) -> GetObjectAttributesOutput
        = attributes::get;
    delete_object(DeleteObjectInput) -> DeleteObjectOutput = delete::delete_object;
    delete_objects(DeleteObjectsInput) -> DeleteObjectsOutput = delete::delete_objects;
    copy_object(CopyObjectInput) -> CopyObjectOutput = copy::copy_object;
    list_objects(ListObjectsInput) -> ListObjectsOutput = list::list_objects;
    list_object_versions(ListObjectVersionsInput) -> ListObjectVersionsOutput = versions::list;
    list_objects_v2(ListObjectsV2Input) -> ListObjectsV2Output = list::list_objects_v2;

    create_multipart_upload(CreateMultipartUploadInput) -> CreateMultipartUploadOutput
        = multipart::create;
    upload_part(UploadPartInput) -> UploadPartOutput = multipart::upload_part;
    upload_part_copy(UploadPartCopyInput) -> UploadPartCopyOutput = copy::upload_part_copy;
    list_parts(ListPartsInput) -> ListPartsOutput = multipart::list_parts;
    list_multipart_uploads(ListMultipartUploadsInput) -> ListMultipartUploadsOutput
        = multipart::list_uploads;
    complete_multipart_upload(CompleteMultipartUploadInput) -> CompleteMultipartUploadOutput
        = multipart::complete;
    abort_multipart_upload(AbortMultipartUploadInput) -> AbortMultipartUploadOutput
        = multipart::abort;

    put_bucket_notification_configuration(PutBucketNotificationConfigurationInput)
        -> PutBucketNotificationConfigurationOutput = notification::put;
    get_bucket_notification_configuration(GetBucketNotificationConfigurationInput)
        -> GetBucketNotificationConfigurationOutput = notification::get;

    get_object_tagging(GetObjectTaggingInput) -> GetObjectTaggingOutput = tagging::of_object;
    put_object_tagging(PutObjectTaggingInput) -> PutObjectTaggingOutput = tagging::tag_object;
    delete_object_tagging(DeleteObjectTaggingInput) -> DeleteObjectTaggingOutput
        = tagging::untag_object;
    get_bucket_tagging(GetBucketTaggingInput) -> GetBucketTaggingOutput = tagging::of_bucket;
    put_bucket_tagging(PutBucketTaggingInput) -> PutBucketTaggingOutput = tagging::tag_bucket;
    delete_bucket_tagging(DeleteBucketTaggingInput) -> DeleteBucketTaggingOutput
        = tagging::untag_bucket;

    get_bucket_cors(GetBucketCorsInput) -> GetBucketCorsOutput = cors::get;
    put_bucket_cors(PutBucketCorsInput) -> PutBucketCorsOutput = cors::put;
    delete_bucket_cors(DeleteBucketCorsInput) -> DeleteBucketCorsOutput = cors::delete;

    get_bucket_website(GetBucketWebsiteInput) -> GetBucketWebsiteOutput = website::get;
    put_bucket_website(PutBucketWebsiteInput) -> PutBucketWebsiteOutput = website::put;
    delete_bucket_website(DeleteBucketWebsiteInput) -> DeleteBucketWebsiteOutput
        = website::delete;

    get_bucket_acl(GetBucketAclInput) -> GetBucketAclOutput = acl::of_bucket;
    put_bucket_acl(PutBucketAclInput) -> PutBucketAclOutput = acl::set_of_bucket;
    get_object_acl(GetObjectAclInput) -> GetObjectAclOutput = acl::of_object;
    put_object_acl(PutObjectAclInput) -> PutObjectAclOutput = acl::set_of_object;
    get_bucket_versioning(GetBucketVersioningInput) -> GetBucketVersioningOutput
        = versioning::get;
    put_bucket_versioning(PutBucketVersioningInput) -> PutBucketVersioningOutput
        = versioning::put;
    get_bucket_logging(GetBucketLoggingInput) -> GetBucketLoggingOutput = facts::logging;
    get_bucket_accelerate_configuration(GetBucketAccelerateConfigurationInput)
        -> GetBucketAccelerateConfigurationOutput = facts::acceleration;
    get_bucket_request_payment(GetBucketRequestPaymentInput) -> GetBucketRequestPaymentOutput
        = facts::request_payment;
    get_bucket_policy(GetBucketPolicyInput) -> GetBucketPolicyOutput = policy::get;
    put_bucket_policy(PutBucketPolicyInput) -> PutBucketPolicyOutput = policy::put;
    delete_bucket_policy(DeleteBucketPolicyInput) -> DeleteBucketPolicyOutput = policy::delete;
    get_bucket_policy_status(GetBucketPolicyStatusInput) -> GetBucketPolicyStatusOutput
        = policy::status;
    get_public_access_block(GetPublicAccessBlockInput) -> GetPublicAccessBlockOutput
        = barriers::get;
    put_public_access_block(PutPublicAccessBlockInput) -> PutPublicAccessBlockOutput
        = barriers::put;
    delete_public_access_block(DeletePublicAccessBlockInput) -> DeletePublicAccessBlockOutput
        = barriers::delete;
    get_bucket_ownership_controls(GetBucketOwnershipControlsInput)
        -> GetBucketOwnershipControlsOutput = ownership::get;
    put_bucket_ownership_controls(PutBucketOwnershipControlsInput)
        -> PutBucketOwnershipControlsOutput = ownership::put;
    delete_bucket_ownership_controls(DeleteBucketOwnershipControlsInput)
        -> DeleteBucketOwnershipControlsOutput = ownership::delete;
    get_bucket_encryption(GetBucketEncryptionInput) -> GetBucketEncryptionOutput
        = encryption::get;
    put_bucket_encryption(PutBucketEncryptionInput) -> PutBucketEncryptionOutput
        = encryption::put;
    delete_bucket_encryption(DeleteBucketEncryptionInput) -> DeleteBucketEncryptionOutput
        = encryption::delete;
    get_bucket_lifecycle_configuration(GetBucketLifecycleConfigurationInput)
        -> GetBucketLifecycleConfigurationOutput = lifecycle::get;
    put_bucket_lifecycle_configuration(PutBucketLifecycleConfigurationInput)
        -> PutBucketLifecycleConfigurationOutput = lifecycle::put;
    delete_bucket_lifecycle(DeleteBucketLifecycleInput) -> DeleteBucketLifecycleOutput
        = lifecycle::delete;
    get_bucket_replication(GetBucketReplicationInput) -> GetBucketReplicationOutput
        = facts::replication;
    get_object_lock_configuration(GetObjectLockConfigurationInput)
        -> GetObjectLockConfigurationOutput = facts::object_lock;
}
