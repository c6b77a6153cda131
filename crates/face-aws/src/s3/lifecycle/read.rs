//! Reading rules, and what the real service says of those that are wrong.

use std::collections::{BTreeMap, BTreeSet};

use base::Timestamp;
use objects::{EarlierExpiry, Expiry, LifecycleRule, Scope};
use s3s::dto::{
    ExpirationStatus, LifecycleExpiration, LifecycleRule as RuleDto, LifecycleRuleFilter,
    NoncurrentVersionExpiration, Tag, TimestampFormat,
};

use super::super::fault::{Fault, Result};

const MAX_RULES: usize = 1_000;
const MAX_ID: usize = 255;
const DAY_S: u64 = 24 * 60 * 60;

/// `id` makes one for a rule that has none.
pub(super) fn rules(said: Vec<RuleDto>, id: impl Fn() -> String) -> Result<Vec<LifecycleRule>> {
    if said.is_empty() || said.len() > MAX_RULES {
        return Err(Fault::malformed_xml());
    }
    let rules = said.into_iter().map(|said| rule(said, &id));
    let rules: Vec<LifecycleRule> = rules.collect::<Result<_>>()?;
    let mut known = BTreeSet::new();
    match rules.iter().find(|rule| !known.insert(&rule.id)) {
        None => Ok(rules),
        Some(twice) => {
            let why = "Rule ID must be unique. Found same ID for more than one rule";
            Err(Fault::invalid_argument("ID", &twice.id, why))
        }
    }
}

fn rule(said: RuleDto, id: impl Fn() -> String) -> Result<LifecycleRule> {
    let named = said.id.filter(|id| !id.is_empty());
    if let Some(long) = named.as_ref().filter(|id| id.len() > MAX_ID) {
        let why = "ID length should not exceed allowed limit of 255";
        return Err(Fault::invalid_argument("ID", long, why));
    }
    let enabled = match said.status.as_str() {
        ExpirationStatus::ENABLED => true,
        ExpirationStatus::DISABLED => false,
        _ => return Err(Fault::malformed_xml()),
    };
    let scope = match (said.prefix, said.filter) {
        (Some(prefix), None) => Scope {
            prefix: Some(prefix),
            bare: true,
            ..Scope::default()
        },
        (None, Some(filter)) => scope(filter)?,
        _ => return Err(Fault::malformed_xml()),
    };
    if said.transitions.is_some() || said.noncurrent_version_transitions.is_some() {
        return Err(no_transitions());
    }
    let abort_days = match said.abort_incomplete_multipart_upload {
        None => None,
        Some(abort) => {
            let name = "'DaysAfterInitiation' for AbortIncompleteMultipartUpload action";
            Some(positive(
                abort.days_after_initiation,
                "DaysAfterInitiation",
                name,
            )?)
        }
    };
    let rule = LifecycleRule {
        id: named.unwrap_or_else(id),
        enabled,
        scope,
        expiry: said.expiration.map(expiry).transpose()?,
        earlier: said
            .noncurrent_version_expiration
            .as_ref()
            .map(earlier)
            .transpose()?,
        abort_days,
    };
    check(&rule)?;
    Ok(rule)
}

/// Everything is in one class here, and who reads something is never told to have it restored first.
pub(super) fn no_transitions() -> Fault {
    Fault::not_implemented("The transition to another storage class")
}

fn check(rule: &LifecycleRule) -> Result<()> {
    let invalid = |why: &str| Err(Fault::bad("InvalidRequest", why));
    if rule.expiry.is_none() && rule.earlier.is_none() && rule.abort_days.is_none() {
        return invalid("At least one action needs to be specified in a rule");
    }
    let scope = &rule.scope;
    let by_size = scope.larger_than.is_some() || scope.smaller_than.is_some();
    if rule.abort_days.is_some() {
        if !scope.tags.is_empty() {
            return invalid("AbortIncompleteMultipartUpload cannot be specified with Tags.");
        }
        if by_size {
            return invalid("AbortIncompleteMultipartUpload cannot be specified with Object Size.");
        }
    }
    if rule.expiry == Some(Expiry::LoneMarkers) {
        if !scope.tags.is_empty() {
            return invalid("ExpiredObjectDeleteMarker cannot be specified with Tags.");
        }
        if by_size {
            return invalid("ExpiredObjectDeleteMarker cannot be specified with Object Size.");
        }
    }
    Ok(())
}

fn scope(filter: LifecycleRuleFilter) -> Result<Scope> {
    let alone = usize::from(filter.and.is_some())
        + usize::from(filter.prefix.is_some())
        + usize::from(filter.tag.is_some())
        + usize::from(filter.object_size_greater_than.is_some())
        + usize::from(filter.object_size_less_than.is_some());
    if alone > 1 {
        return Err(Fault::malformed_xml());
    }
    let (prefix, tags, larger, smaller) = match filter.and {
        Some(and) => (
            and.prefix,
            and.tags.unwrap_or_default(),
            and.object_size_greater_than,
            and.object_size_less_than,
        ),
        None => (
            filter.prefix,
            filter.tag.into_iter().collect(),
            filter.object_size_greater_than,
            filter.object_size_less_than,
        ),
    };
    let size = |size: Option<i64>| {
        let size = size.map(u64::try_from).transpose();
        size.map_err(|_| Fault::malformed_xml())
    };
    let scope = Scope {
        prefix,
        tags: read_tags(tags)?,
        larger_than: size(larger)?,
        smaller_than: size(smaller)?,
        bare: false,
    };
    match (scope.larger_than, scope.smaller_than) {
        (Some(larger), Some(smaller)) if larger >= smaller => Err(Fault::bad(
            "InvalidRequest",
            "'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'",
        )),
        _ => Ok(scope),
    }
}

fn read_tags(said: Vec<Tag>) -> Result<BTreeMap<String, String>> {
    let mut tags = BTreeMap::new();
    for tag in said {
        let (Some(key), Some(value)) = (tag.key, tag.value) else {
            return Err(Fault::malformed_xml());
        };
        if tags.insert(key, value).is_some() {
            let why = "Duplicate Tag Keys are not allowed.";
            return Err(Fault::bad("InvalidRequest", why));
        }
    }
    Ok(tags)
}

fn expiry(said: LifecycleExpiration) -> Result<Expiry> {
    match (said.days, said.date, said.expired_object_delete_marker) {
        (Some(days), None, None | Some(false)) => {
            let name = "'Days' for Expiration action";
            Ok(Expiry::Days(positive(Some(days), "Days", name)?))
        }
        (None, Some(date), None | Some(false)) => on(&date),
        (None, None, Some(true)) => Ok(Expiry::LoneMarkers),
        _ => Err(Fault::malformed_xml()),
    }
}

fn on(date: &s3s::dto::Timestamp) -> Result<Expiry> {
    let mut text = Vec::new();
    let written = date.format(TimestampFormat::DateTime, &mut text);
    written.map_err(|_| Fault::malformed_xml())?;
    let text = String::from_utf8(text).unwrap_or_default();
    let time: jiff::Timestamp = text.parse().map_err(|_| Fault::malformed_xml())?;
    let seconds = u64::try_from(time.as_second()).unwrap_or_default();
    if time.subsec_nanosecond() != 0 || !seconds.is_multiple_of(DAY_S) {
        let why = "'Date' must be at midnight GMT";
        return Err(Fault::invalid_argument("Date", &text, why));
    }
    Ok(Expiry::On(Timestamp::from_secs(seconds)))
}

fn earlier(said: &NoncurrentVersionExpiration) -> Result<EarlierExpiry> {
    const MOST_KEPT: u32 = 100;
    let name = "'NoncurrentDays' for NoncurrentVersionExpiration action";
    let days = positive(said.noncurrent_days, "NoncurrentDays", name)?;
    let kept = match said.newer_noncurrent_versions {
        None => None,
        Some(kept) => {
            let name = "'NewerNoncurrentVersions' for NoncurrentVersionExpiration action";
            Some(positive(Some(kept), "NewerNoncurrentVersions", name)?)
        }
    };
    if kept.is_some_and(|kept| kept > MOST_KEPT) {
        return Err(Fault::malformed_xml());
    }
    Ok(EarlierExpiry { days, kept })
}

fn positive(said: Option<i32>, argument: &str, name: &str) -> Result<u32> {
    let said = said.ok_or_else(Fault::malformed_xml)?;
    match u32::try_from(said) {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(Fault::invalid_argument(
            argument,
            &said.to_string(),
            format!("{name} must be a positive integer"),
        )),
    }
}
