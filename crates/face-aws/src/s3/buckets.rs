use base::Space;
use http::{HeaderMap, StatusCode};
use objects::{Bucket, NewBucket, Versioning};
use s3s::dto::{
    Bucket as BucketDto, BucketLocationConstraint, CreateBucketInput, CreateBucketOutput,
    DeleteBucketInput, DeleteBucketOutput, GetBucketLocationInput, GetBucketLocationOutput,
    HeadBucketInput, HeadBucketOutput, ListBucketsInput, ListBucketsOutput,
};
use s3s::{S3Request, S3Response};

use super::call::Call;
use super::fault::{Fault, Result};
use super::{headers, list, ownership, refuse, tags};

/// The region that buckets are in when nobody says where, and that has rules of its own.
pub(super) const CLASSIC: &str = "us-east-1";

pub(super) async fn create_bucket(
    call: &Call,
    request: S3Request<CreateBucketInput>,
) -> Result<S3Response<CreateBucketOutput>> {
    refuse::unsupported(&call.headers)?;
    refuse::bucket_acl(&call.headers)?;
    check_ownership(call)?;
    let input = request.input;
    check_name(&input.bucket)?;
    let constraint = input
        .create_bucket_configuration
        .as_ref()
        .and_then(|configuration| configuration.location_constraint.as_ref())
        .map(BucketLocationConstraint::as_str)
        .filter(|constraint| !constraint.is_empty());
    let region = region_of(&call.region, constraint)?;
    let space = space(call.parts.access.account(), &region);
    let new = NewBucket {
        name: input.bucket.clone(),
        space: space.clone(),
        tags: tags::of_new_bucket(&call.document)?,
        versioning: Versioning::Never,
    };
    match call.parts.objects.create_bucket(new).await {
        Ok(_) => {}
        Err(objects::Error::BucketExists { space: theirs, .. }) => {
            again(call, &input.bucket, &theirs)?;
        }
        Err(error) => return Err(error.into()),
    }
    Ok(S3Response::new(CreateBucketOutput {
        location: Some(format!("/{}", input.bucket)),
    }))
}

/// Names that read well and that the service keeps for itself.
fn check_name(name: &str) -> Result<()> {
    let begins = ["xn--", "sthree-", "amzn-s3-demo-"];
    let ends = ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"];
    let holds = [".-", "-."];
    let is_reserved = begins.iter().any(|each| name.starts_with(each))
        || ends.iter().any(|each| name.ends_with(each))
        || holds.iter().any(|each| name.contains(each));
    if is_reserved {
        return Err(Fault::invalid_bucket_name(name));
    }
    Ok(())
}

fn check_ownership(call: &Call) -> Result<()> {
    let name = "x-amz-object-ownership";
    match headers::text(&call.headers, name)? {
        None => Ok(()),
        Some(said) => match ownership::is_built(said) {
            Some(Ok(())) => Ok(()),
            Some(Err(fault)) => Err(fault.with("Header", name)),
            None => Err(Fault::bad(
                "InvalidArgument",
                format!("Invalid x-amz-object-ownership header: {said}"),
            )
            .with("ArgumentName", name)),
        },
    }
}

/// Making one's own bucket again succeeds in the oldest region and nowhere else.
fn again(call: &Call, bucket: &str, theirs: &Space) -> Result<()> {
    if !is_ours(call.parts.access.account(), theirs) {
        return Err(objects::Error::BucketExists {
            bucket: bucket.to_owned(),
            space: theirs.clone(),
        }
        .into());
    }
    if call.region == CLASSIC && region(theirs) == CLASSIC {
        return Ok(());
    }
    Err(Fault::new(
        StatusCode::CONFLICT,
        "BucketAlreadyOwnedByYou",
        "Your previous request to create the named bucket succeeded and you already own it.",
    )
    .with("BucketName", bucket))
}

/// The endpoint's region is the one that the request was signed for.
fn region_of(endpoint: &str, constraint: Option<&str>) -> Result<String> {
    match constraint {
        None if endpoint == CLASSIC => Ok(CLASSIC.to_owned()),
        None => Err(illegal_location("unspecified")),
        Some(other) if other == CLASSIC && endpoint == CLASSIC || !is_region(other) => {
            Err(Fault::bad(
                "InvalidLocationConstraint",
                "The specified location-constraint is not valid",
            )
            .with("LocationConstraint", other))
        }
        Some("EU") if endpoint == CLASSIC || endpoint == "eu-west-1" => Ok("eu-west-1".into()),
        Some(region) if endpoint == CLASSIC || endpoint == region => Ok(region.to_owned()),
        Some(other) => Err(illegal_location(other)),
    }
}

/// `eu-central-1` and what is named like it; there are new ones every year.
fn is_region(name: &str) -> bool {
    let parts: Vec<&str> = name.split('-').collect();
    let (Some(number), 3..=4) = (parts.last(), parts.len()) else {
        return name == "EU";
    };
    let is_word = |part: &&str| part.len() > 1 && part.bytes().all(|b| b.is_ascii_lowercase());
    parts[..parts.len() - 1].iter().all(is_word)
        && number.len() == 1
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

fn illegal_location(constraint: &str) -> Fault {
    Fault::bad(
        "IllegalLocationConstraintException",
        format!(
            "The {constraint} location constraint is incompatible for the region specific endpoint this request was sent to."
        ),
    )
}

pub(super) fn space(account: &str, region: &str) -> Space {
    Space::new(&format!("{account}/{region}"))
}

fn is_ours(account: &str, space: &Space) -> bool {
    space
        .as_str()
        .split_once('/')
        .is_some_and(|(owner, _)| owner == account)
}

fn region(space: &Space) -> &str {
    space
        .as_str()
        .split_once('/')
        .map_or(CLASSIC, |(_, region)| region)
}

pub(super) async fn head_bucket(
    call: &Call,
    request: S3Request<HeadBucketInput>,
) -> Result<S3Response<HeadBucketOutput>> {
    let bucket = call.parts.objects.bucket(&request.input.bucket)?;
    let mut fields = HeaderMap::new();
    headers::set(&mut fields, "x-amz-bucket-region", region(&bucket.space));
    headers::set(&mut fields, "x-amz-access-point-alias", "false");
    headers::set(&mut fields, "content-type", "application/xml");
    Ok(S3Response::with_headers(
        HeadBucketOutput::default(),
        fields,
    ))
}

pub(super) async fn get_bucket_location(
    call: &Call,
    request: S3Request<GetBucketLocationInput>,
) -> Result<S3Response<GetBucketLocationOutput>> {
    let bucket = call.parts.objects.bucket(&request.input.bucket)?;
    let region = region(&bucket.space).to_owned();
    Ok(S3Response::new(GetBucketLocationOutput {
        // The oldest region has no name here.
        location_constraint: (region != CLASSIC).then(|| region.into()),
    }))
}

pub(super) async fn delete_bucket(
    call: &Call,
    request: S3Request<DeleteBucketInput>,
) -> Result<S3Response<DeleteBucketOutput>> {
    call.parts
        .objects
        .delete_bucket(&request.input.bucket)
        .await?;
    Ok(S3Response::new(DeleteBucketOutput {}))
}

pub(super) async fn list_buckets(
    call: &Call,
    request: S3Request<ListBucketsInput>,
) -> Result<S3Response<ListBucketsOutput>> {
    let input = request.input;
    let account = call.parts.access.account();
    let token = input.continuation_token.as_deref();
    let after = token.map(read_token).transpose()?.unwrap_or_default();
    let wanted = |bucket: &Bucket| {
        let prefix = input.prefix.as_deref().unwrap_or_default();
        let in_region = input
            .bucket_region
            .as_deref()
            .is_none_or(|wanted| wanted == region(&bucket.space));
        bucket.name > after && bucket.name.starts_with(prefix) && in_region
    };
    let most = most_buckets(input.max_buckets)?;
    let mut buckets = call
        .parts
        .objects
        .buckets(|space| is_ours(account, space))?;
    buckets.retain(wanted);
    let more = buckets.len() > most;
    buckets.truncate(most);
    let token = buckets
        .last()
        .filter(|_| more)
        .map(|bucket| list::write_token(&format!("{TOKEN}{}", bucket.name)));
    Ok(S3Response::new(ListBucketsOutput {
        buckets: Some(buckets.iter().map(describe).collect()),
        owner: Some(list::owner(call)),
        continuation_token: token,
        prefix: input.prefix,
    }))
}

/// What a token begins with, so that not everything reads as one.
const TOKEN: &str = "after/";

fn read_token(token: &str) -> Result<String> {
    let text = list::read_token(token)?;
    text.strip_prefix(TOKEN)
        .map(str::to_owned)
        .ok_or_else(|| list::invalid_token(token))
}

fn most_buckets(asked: Option<i32>) -> Result<usize> {
    match asked {
        None => Ok(usize::MAX),
        Some(most @ 1..=10_000) => Ok(list::size(most)),
        Some(other) => Err(Fault::invalid_argument(
            "max-buckets",
            &other.to_string(),
            "Argument max-buckets must be an integer between 1 and 10000",
        )),
    }
}

fn describe(bucket: &Bucket) -> BucketDto {
    BucketDto {
        name: Some(bucket.name.clone()),
        creation_date: Some(headers::wire_time(bucket.created)),
        bucket_region: Some(region(&bucket.space).to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::region_of;

    #[test]
    fn where_a_bucket_may_be_made_depends_on_who_is_asked() {
        const ILLEGAL: &str = "IllegalLocationConstraintException";
        for (endpoint, constraint, made) in [
            ("us-east-1", None, Ok("us-east-1")),
            ("us-east-1", Some("eu-west-1"), Ok("eu-west-1")),
            (
                "us-east-1",
                Some("us-east-1"),
                Err("InvalidLocationConstraint"),
            ),
            ("us-west-2", Some("us-west-2"), Ok("us-west-2")),
            ("us-west-2", Some("us-east-1"), Err(ILLEGAL)),
            ("us-west-2", Some("eu-west-1"), Err(ILLEGAL)),
            ("us-west-2", None, Err(ILLEGAL)),
            ("us-west-2", Some("mars"), Err("InvalidLocationConstraint")),
        ] {
            let region = region_of(endpoint, constraint);
            let region = region.as_deref().map_err(|fault| fault.code.as_str());
            assert_eq!(region, made, "{endpoint}: {constraint:?}");
        }
    }
}
