//! What becomes of a bucket's objects with time: how that is set and shown, and what answers say of it. What comes of it is
//! in `objects`.

mod read;

use http::HeaderMap;
use objects::{Expiry, Lifecycle, LifecycleRule, Object, Scope};
use s3s::dto::{
    AbortIncompleteMultipartUpload, DeleteBucketLifecycleInput, DeleteBucketLifecycleOutput,
    ExpirationStatus, GetBucketLifecycleConfigurationInput, GetBucketLifecycleConfigurationOutput,
    LifecycleExpiration, LifecycleRule as RuleDto, LifecycleRuleAndOperator, LifecycleRuleFilter,
    NoncurrentVersionExpiration, PutBucketLifecycleConfigurationInput,
    PutBucketLifecycleConfigurationOutput, Tag, Timestamp, TransitionDefaultMinimumObjectSize,
};
use s3s::{S3Request, S3Response};

use super::call::Call;
use super::fault::{Fault, Result};
use super::{Parts, headers, query};

pub(super) async fn get(
    call: &Call,
    request: S3Request<GetBucketLifecycleConfigurationInput>,
) -> Result<S3Response<GetBucketLifecycleConfigurationOutput>> {
    let bucket = &request.input.bucket;
    let objects = &call.parts.objects;
    objects.bucket(bucket)?;
    let lifecycle = objects.lifecycle(bucket)?.ok_or_else(|| {
        let why = "The lifecycle configuration does not exist";
        Fault::not_set("NoSuchLifecycleConfiguration", why, bucket)
    })?;
    Ok(S3Response::new(GetBucketLifecycleConfigurationOutput {
        rules: Some(lifecycle.rules.iter().map(print).collect()),
        transition_default_minimum_object_size: Some(smallest_moved()),
    }))
}

/// Nothing is moved to other classes here, so there is one answer.
fn smallest_moved() -> TransitionDefaultMinimumObjectSize {
    let everywhere = TransitionDefaultMinimumObjectSize::ALL_STORAGE_CLASSES_128K;
    TransitionDefaultMinimumObjectSize::from_static(everywhere)
}

pub(super) async fn put(
    call: &Call,
    request: S3Request<PutBucketLifecycleConfigurationInput>,
) -> Result<S3Response<PutBucketLifecycleConfigurationOutput>> {
    let input = request.input;
    let objects = &call.parts.objects;
    objects.bucket(&input.bucket)?;
    let smallest = input.transition_default_minimum_object_size;
    if smallest.is_some_and(|size| size != smallest_moved()) {
        return Err(read::no_transitions());
    }
    let said = input.lifecycle_configuration;
    let rules = said.ok_or_else(Fault::malformed_xml)?.rules;
    let rules = read::rules(rules, || {
        crate::signature::hex(&call.parts.random.bytes::<16>())
    })?;
    let lifecycle = Lifecycle { rules };
    objects
        .set_lifecycle(&input.bucket, Some(lifecycle))
        .await?;
    Ok(S3Response::new(PutBucketLifecycleConfigurationOutput {
        transition_default_minimum_object_size: Some(smallest_moved()),
    }))
}

pub(super) async fn delete(
    call: &Call,
    request: S3Request<DeleteBucketLifecycleInput>,
) -> Result<S3Response<DeleteBucketLifecycleOutput>> {
    let objects = &call.parts.objects;
    objects.set_lifecycle(&request.input.bucket, None).await?;
    Ok(S3Response::new(DeleteBucketLifecycleOutput {}))
}

/// When a current object ends and by which rule, as answers say it.
pub(super) fn expiration(
    parts: &Parts,
    bucket: &str,
    key: &str,
    object: &Object,
) -> Result<Option<String>> {
    let lifecycle = parts.objects.lifecycle(bucket)?;
    let end = lifecycle
        .as_ref()
        .and_then(|lifecycle| lifecycle.end(key, object));
    Ok(end.map(|(end, rule)| {
        let (date, id) = (headers::http_date(end), query::encode(&rule.id));
        format!("expiry-date=\"{date}\", rule-id=\"{id}\"")
    }))
}

pub(super) fn set_expiration(
    parts: &Parts,
    fields: &mut HeaderMap,
    (bucket, key): (&str, &str),
    object: &Object,
) -> Result<()> {
    if let Some(expiration) = expiration(parts, bucket, key, object)? {
        headers::set(fields, "x-amz-expiration", &expiration);
    }
    Ok(())
}

/// When an upload in parts is given up and by which rule.
pub(super) fn abortion(
    call: &Call,
    bucket: &str,
    upload: &objects::UploadInfo,
) -> Result<Option<(Timestamp, String)>> {
    let lifecycle = call.parts.objects.lifecycle(bucket)?;
    let end = lifecycle
        .as_ref()
        .and_then(|lifecycle| lifecycle.end_of_upload(&upload.key, upload.begun));
    Ok(end.map(|(end, rule)| (headers::wire_time(end), rule.id.clone())))
}

fn print(rule: &LifecycleRule) -> RuleDto {
    let status = match rule.enabled {
        true => ExpirationStatus::ENABLED,
        false => ExpirationStatus::DISABLED,
    };
    let scope = &rule.scope;
    RuleDto {
        abort_incomplete_multipart_upload: rule.abort_days.map(|days| {
            AbortIncompleteMultipartUpload {
                days_after_initiation: number(days),
            }
        }),
        expiration: rule.expiry.map(print_expiry),
        filter: (!scope.bare).then(|| print_filter(scope)),
        id: Some(rule.id.clone()),
        noncurrent_version_expiration: rule.earlier.map(|earlier| NoncurrentVersionExpiration {
            newer_noncurrent_versions: earlier.kept.and_then(number),
            noncurrent_days: number(earlier.days),
        }),
        noncurrent_version_transitions: None,
        prefix: scope.prefix.clone().filter(|_| scope.bare),
        status: ExpirationStatus::from_static(status),
        transitions: None,
    }
}

fn number(days: u32) -> Option<i32> {
    i32::try_from(days).ok()
}

fn print_expiry(expiry: Expiry) -> LifecycleExpiration {
    let mut printed = LifecycleExpiration::default();
    match expiry {
        Expiry::Days(days) => printed.days = number(days),
        Expiry::On(date) => printed.date = Some(headers::wire_time(date)),
        Expiry::LoneMarkers => printed.expired_object_delete_marker = Some(true),
    }
    printed
}

fn print_filter(scope: &Scope) -> LifecycleRuleFilter {
    let size = |size: Option<u64>| size.and_then(|size| i64::try_from(size).ok());
    let mut tags = scope.tags.iter().map(|(key, value)| Tag {
        key: Some(key.clone()),
        value: Some(value.clone()),
    });
    let (prefix, larger, smaller) = (
        scope.prefix.clone(),
        size(scope.larger_than),
        size(scope.smaller_than),
    );
    let several = usize::from(prefix.is_some())
        + usize::from(larger.is_some())
        + usize::from(smaller.is_some())
        + scope.tags.len();
    if several > 1 {
        return LifecycleRuleFilter {
            and: Some(LifecycleRuleAndOperator {
                object_size_greater_than: larger,
                object_size_less_than: smaller,
                prefix,
                tags: (!scope.tags.is_empty()).then(|| tags.collect()),
            }),
            ..LifecycleRuleFilter::default()
        };
    }
    LifecycleRuleFilter {
        and: None,
        object_size_greater_than: larger,
        object_size_less_than: smaller,
        prefix,
        tag: tags.next(),
    }
}
