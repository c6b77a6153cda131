//! What is said in headers and would have to be obeyed later, and is not: refused, by name, before anything is stored.

use http::HeaderMap;

use super::fault::{Fault, Result};
use super::headers;

/// Headers that no value makes acceptable.
const REFUSED: [(&str, &str); 18] = [
    ("x-amz-tagging", "Tagging"),
    ("x-amz-website-redirect-location", "Website redirection"),
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
    (
        "x-amz-grant-full-control",
        "Granting by access control lists",
    ),
    ("x-amz-grant-read", "Granting by access control lists"),
    ("x-amz-grant-write", "Granting by access control lists"),
    ("x-amz-grant-read-acp", "Granting by access control lists"),
    ("x-amz-grant-write-acp", "Granting by access control lists"),
    ("x-amz-write-offset-bytes", "Appending to objects"),
    ("x-amz-mfa", "Deletion with multi-factor authentication"),
    ("x-amz-rename-source", "Renaming"),
];

/// Headers with a value that says what is the case anyway. Every object of the real service has been encrypted with
/// its own keys (`AES256`) since 2023 whether asked for or not, and no client can tell; ours are as safe as the disk
/// that they are on, so asking is accepted, and no answer claims it.
const ACCEPTED: [(&str, &[&str], &str); 5] = [
    (
        "x-amz-acl",
        &["private", "bucket-owner-full-control"],
        "The access control list",
    ),
    ("x-amz-storage-class", &["STANDARD"], "The storage class"),
    (
        "x-amz-server-side-encryption",
        &["AES256"],
        "The encryption",
    ),
    (
        "x-amz-server-side-encryption-bucket-key-enabled",
        &["false"],
        "A bucket key",
    ),
    (
        "x-amz-bucket-object-lock-enabled",
        &["false"],
        "Object Lock",
    ),
];

pub(super) fn unsupported(fields: &HeaderMap) -> Result<()> {
    for (name, what) in REFUSED {
        if fields.contains_key(name) {
            return Err(Fault::not_implemented(what).with("Header", name));
        }
    }
    for (name, accepted, what) in ACCEPTED {
        match headers::text(fields, name)? {
            Some(value) if !accepted.iter().any(|each| each.eq_ignore_ascii_case(value)) => {
                return Err(Fault::not_implemented(&format!("{what} {value}")).with("Header", name));
            }
            _ => {}
        }
    }
    Ok(())
}

/// There are no versions, so the only one that can be meant is the null version.
pub(super) fn version(id: Option<&str>) -> Result<()> {
    match id {
        None | Some("null") => Ok(()),
        Some(id) => Err(Fault::invalid_argument(
            "versionId",
            id,
            "Invalid version id specified",
        )),
    }
}
