//! What is said in headers and would have to be obeyed later, and is not: refused, by name, before anything is stored.

use http::{HeaderMap, Method};

use super::call::Call;
use super::fault::{Fault, Result};
use super::headers;

/// Headers that no value makes acceptable.
const REFUSED: [(&str, &str); 11] = [
    ("x-amz-object-lock-mode", "Object Lock"),
    ("x-amz-object-lock-retain-until-date", "Object Lock"),
    ("x-amz-object-lock-legal-hold", "Object Lock"),
    (
        "x-amz-server-side-encryption-aws-kms-key-id",
        "Encryption with KMS keys",
    ),
    (
        "x-amz-server-side-encryption-context",
        "Encryption with KMS keys",
    ),
    (
        "x-amz-server-side-encryption-customer-algorithm",
        "Encryption with customers' keys",
    ),
    (
        "x-amz-server-side-encryption-customer-key",
        "Encryption with customers' keys",
    ),
    (
        "x-amz-copy-source-server-side-encryption-customer-algorithm",
        "Encryption with customers' keys",
    ),
    ("x-amz-write-offset-bytes", "Appending to objects"),
    ("x-amz-mfa", "Deletion with multi-factor authentication"),
    ("x-amz-rename-source", "Renaming"),
];

/// Headers whose values the service knows, of which only some say what is the case here.
struct Choice {
    header: &'static str,
    what: &'static str,
    accepted: &'static [&'static str],
    /// Values of the real service that are not built.
    known: &'static [&'static str],
    unknown: fn(&str) -> Fault,
}

const CHOICES: [Choice; 4] = [
    Choice {
        header: "x-amz-storage-class",
        what: "The storage class",
        accepted: &["STANDARD"],
        known: &[
            "DEEP_ARCHIVE",
            "EXPRESS_ONEZONE",
            "GLACIER",
            "GLACIER_IR",
            "INTELLIGENT_TIERING",
            "ONEZONE_IA",
            "OUTPOSTS",
            "REDUCED_REDUNDANCY",
            "SNOW",
            "STANDARD_IA",
        ],
        unknown: |value| {
            Fault::bad(
                "InvalidStorageClass",
                "The storage class you specified is not valid",
            )
            .with("StorageClassRequested", value)
        },
    },
    Choice {
        header: SSE,
        what: "The encryption",
        accepted: &[AES256],
        known: &["aws:kms", "aws:kms:dsse", "aws:fsx"],
        unknown: |value| {
            let why = "The encryption method specified is not supported";
            Fault::invalid_argument(SSE, value, why)
        },
    },
    Choice {
        header: "x-amz-server-side-encryption-bucket-key-enabled",
        what: "A bucket key",
        accepted: &["false"],
        known: &["true"],
        unknown: |value| {
            let name = "x-amz-server-side-encryption-bucket-key-enabled";
            Fault::invalid_argument(name, value, "")
        },
    },
    Choice {
        header: "x-amz-bucket-object-lock-enabled",
        what: "Object Lock",
        accepted: &["false"],
        known: &["true"],
        unknown: |value| Fault::invalid_argument("x-amz-bucket-object-lock-enabled", value, ""),
    },
];

/// Every object of the real service has been encrypted with the service's own keys since 2023, whether asked for or not,
/// and its answers say so. Ours are as safe as the disk that they are on.
pub(super) const SSE: &str = "x-amz-server-side-encryption";
pub(super) const AES256: &str = "AES256";

pub(super) fn unsupported(fields: &HeaderMap) -> Result<()> {
    for (name, what) in REFUSED {
        if fields.contains_key(name) {
            return Err(Fault::not_implemented(what).with("Header", name));
        }
    }
    for choice in &CHOICES {
        if let Some(value) = headers::text(fields, choice.header)? {
            choice.check(value)?;
        }
    }
    Ok(())
}

impl Choice {
    fn check(&self, value: &str) -> Result<()> {
        let is_in = |values: &[&str]| values.iter().any(|each| each.eq_ignore_ascii_case(value));
        if is_in(self.accepted) {
            Ok(())
        } else if is_in(self.known) {
            let fault = Fault::not_implemented(&format!("{} {value}", self.what));
            Err(fault.with("Header", self.header))
        } else {
            Err((self.unknown)(value))
        }
    }
}

/// Settings of buckets that are not built, by their names in the query. Their documents are not read: what is new in
/// them would be refused as malformed.
const SETTINGS: [(&str, &str); 9] = [
    ("accelerate", "PutBucketAccelerateConfiguration"),
    ("analytics", "PutBucketAnalyticsConfiguration"),
    (
        "intelligent-tiering",
        "PutBucketIntelligentTieringConfiguration",
    ),
    ("inventory", "PutBucketInventoryConfiguration"),
    ("logging", "PutBucketLogging"),
    ("metrics", "PutBucketMetricsConfiguration"),
    ("object-lock", "PutObjectLockConfiguration"),
    ("replication", "PutBucketReplication"),
    ("requestPayment", "PutBucketRequestPayment"),
];

pub(super) fn setting(call: &Call) -> Result<()> {
    if call.method != Method::PUT || call.target.kind() != "BUCKET" {
        return Ok(());
    }
    match SETTINGS.iter().find(|(name, _)| call.query.has(name)) {
        None => Ok(()),
        Some((_, operation)) => Err(Fault::not_implemented(&format!(
            "The operation {operation}"
        ))),
    }
}

const ACL: &str = "x-amz-acl";
const CANNED: [&str; 7] = [
    "private",
    "public-read",
    "public-read-write",
    "aws-exec-read",
    "authenticated-read",
    "bucket-owner-read",
    "bucket-owner-full-control",
];
const GRANTS: [&str; 5] = [
    "x-amz-grant-full-control",
    "x-amz-grant-read",
    "x-amz-grant-write",
    "x-amz-grant-read-acp",
    "x-amz-grant-write-acp",
];

/// Every bucket here is as the real service makes them: what is in it is its owner's, and no list says otherwise.
pub(super) fn object_acl(fields: &HeaderMap) -> Result<()> {
    let accepted = ["private", "bucket-owner-full-control"];
    check_acl(fields, &accepted, no_acls)
}

pub(super) fn no_acls() -> Fault {
    let why = "The bucket does not allow ACLs";
    Fault::bad("AccessControlListNotSupported", why)
}

/// Where no list can be set: what is wrong with one, whatever would become of it.
pub(super) fn unknown_acl(fields: &HeaderMap) -> Result<()> {
    match headers::text(fields, ACL)? {
        Some(acl) if !CANNED.contains(&acl) => Err(Fault::invalid_argument(ACL, acl, "")),
        _ => Ok(()),
    }
}

pub(super) fn bucket_acl(fields: &HeaderMap) -> Result<()> {
    check_acl(fields, &["private"], || {
        Fault::bad(
            "InvalidBucketAclWithObjectOwnership",
            "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
        )
    })
}

fn check_acl(fields: &HeaderMap, accepted: &[&str], refused: impl Fn() -> Fault) -> Result<()> {
    if GRANTS.iter().any(|name| fields.contains_key(*name)) {
        return Err(refused());
    }
    unknown_acl(fields)?;
    match headers::text(fields, ACL)? {
        Some(acl) if !accepted.contains(&acl) => Err(refused()),
        _ => Ok(()),
    }
}
