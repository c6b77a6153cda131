//! Which pages from elsewhere a bucket lets in: how the rules are set and shown. What comes of them is in `preflight`.

use objects::OriginRule;
use s3s::dto::{
    CORSRule, DeleteBucketCorsInput, DeleteBucketCorsOutput, GetBucketCorsInput,
    GetBucketCorsOutput, PutBucketCorsInput, PutBucketCorsOutput,
};
use s3s::{S3Request, S3Response};

use super::call::Call;
use super::fault::{Fault, Result};

const MAX_RULES: usize = 100;
const MAX_ID: usize = 255;
const METHODS: [&str; 5] = ["GET", "PUT", "HEAD", "POST", "DELETE"];

pub(super) async fn get(
    call: &Call,
    request: S3Request<GetBucketCorsInput>,
) -> Result<S3Response<GetBucketCorsOutput>> {
    let bucket = &request.input.bucket;
    let rules = call.parts.objects.origin_rules(bucket)?;
    if rules.is_empty() {
        let why = "The CORS configuration does not exist";
        return Err(Fault::not_set("NoSuchCORSConfiguration", why, bucket));
    }
    Ok(S3Response::new(GetBucketCorsOutput {
        cors_rules: Some(rules.into_iter().map(print).collect()),
    }))
}

pub(super) async fn put(
    call: &Call,
    request: S3Request<PutBucketCorsInput>,
) -> Result<S3Response<PutBucketCorsOutput>> {
    let input = request.input;
    let objects = &call.parts.objects;
    objects.bucket(&input.bucket)?;
    let rules = input.cors_configuration.cors_rules;
    if rules.is_empty() || rules.len() > MAX_RULES {
        return Err(Fault::malformed_xml());
    }
    let rules = rules.into_iter().map(read).collect::<Result<_>>()?;
    objects.set_origin_rules(&input.bucket, rules).await?;
    Ok(S3Response::new(PutBucketCorsOutput {}))
}

pub(super) async fn delete(
    call: &Call,
    request: S3Request<DeleteBucketCorsInput>,
) -> Result<S3Response<DeleteBucketCorsOutput>> {
    let objects = &call.parts.objects;
    objects
        .set_origin_rules(&request.input.bucket, Vec::new())
        .await?;
    Ok(S3Response::new(DeleteBucketCorsOutput {}))
}

fn read(rule: CORSRule) -> Result<OriginRule> {
    let unknown = |method: &&String| !METHODS.contains(&method.as_str());
    if let Some(method) = rule.allowed_methods.iter().find(unknown) {
        return Err(Fault::bad(
            "InvalidRequest",
            format!("Found unsupported HTTP method in CORS config. Unsupported method is {method}"),
        ));
    }
    let headers = rule.allowed_headers.unwrap_or_default();
    check_stars("AllowedOrigin", &rule.allowed_origins)?;
    check_stars("AllowedHeader", &headers)?;
    if rule.id.as_ref().is_some_and(|id| id.len() > MAX_ID) {
        return Err(Fault::malformed_xml());
    }
    let age = rule.max_age_seconds.map(u32::try_from).transpose();
    Ok(OriginRule {
        id: rule.id,
        origins: rule.allowed_origins,
        methods: rule.allowed_methods,
        headers,
        exposed: rule.expose_headers.unwrap_or_default(),
        max_age_s: age.map_err(|_| Fault::malformed_xml())?,
    })
}

fn check_stars(name: &str, patterns: &[String]) -> Result<()> {
    let excess = |pattern: &&String| pattern.matches('*').count() > 1;
    match patterns.iter().find(excess) {
        None => Ok(()),
        Some(pattern) => Err(Fault::bad(
            "InvalidRequest",
            format!("{name} \"{pattern}\" can not have more than one wildcard."),
        )),
    }
}

fn print(rule: OriginRule) -> CORSRule {
    let some = |list: Vec<String>| (!list.is_empty()).then_some(list);
    CORSRule {
        allowed_headers: some(rule.headers),
        allowed_methods: rule.methods,
        allowed_origins: rule.origins,
        expose_headers: some(rule.exposed),
        id: rule.id,
        max_age_seconds: rule.max_age_s.and_then(|age| i32::try_from(age).ok()),
    }
}
