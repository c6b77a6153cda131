//! Lists of who may do what. What is in a bucket is its owner's, as in the real service since 2023 unless somebody says
//! otherwise, so there is one list that can be read, and none can be set.

use http::HeaderMap;
use s3s::dto::{
    GetBucketAclInput, GetBucketAclOutput, GetObjectAclInput, GetObjectAclOutput, Grant, Grantee,
    Grants, Permission, PutBucketAclInput, PutBucketAclOutput, PutObjectAclInput,
    PutObjectAclOutput, Type,
};
use s3s::{S3Request, S3Response};

use super::call::Call;
use super::fault::Result;
use super::version::{self, Asked};
use super::{list, refuse};

pub(super) async fn of_bucket(
    call: &Call,
    request: S3Request<GetBucketAclInput>,
) -> Result<S3Response<GetBucketAclOutput>> {
    call.parts.objects.bucket(&request.input.bucket)?;
    Ok(S3Response::new(GetBucketAclOutput {
        grants: Some(full_control(call)),
        owner: Some(list::owner(call)),
    }))
}

pub(super) async fn of_object(
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

pub(super) async fn set_of_bucket(
    call: &Call,
    request: S3Request<PutBucketAclInput>,
) -> Result<S3Response<PutBucketAclOutput>> {
    let input = request.input;
    call.parts.objects.bucket(&input.bucket)?;
    refuse::unknown_acl(&call.headers)?;
    Err(refuse::no_acls())
}

pub(super) async fn set_of_object(
    call: &Call,
    request: S3Request<PutObjectAclInput>,
) -> Result<S3Response<PutObjectAclOutput>> {
    let input = request.input;
    let version = input.version_id.as_deref();
    Asked::read(call, &input.bucket, &input.key, version)?.head()?;
    refuse::unknown_acl(&call.headers)?;
    Err(refuse::no_acls())
}
