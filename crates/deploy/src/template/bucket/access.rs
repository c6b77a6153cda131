//! Who may do what with a bucket: kept and told, not enforced.

use objects::Barriers;

use crate::desired::BucketPolicy;
use crate::diagnostic::Finding;
use crate::template::literal;
use crate::template::shape::{Fields, Findings, Schema, Support};
use Support::{Access, Obeyed};

pub(crate) const POLICY: Schema = &[("Bucket", Obeyed), ("PolicyDocument", Access)];

const BARRIERS: Schema = &[
    ("BlockPublicAcls", Obeyed),
    ("BlockPublicPolicy", Obeyed),
    ("IgnorePublicAcls", Obeyed),
    ("RestrictPublicBuckets", Obeyed),
];
const ENCRYPTION: Schema = &[("ServerSideEncryptionConfiguration", Obeyed)];
const ENCRYPTION_RULE: Schema = &[
    ("BlockedEncryptionTypes", Access),
    ("BucketKeyEnabled", Obeyed),
    ("ServerSideEncryptionByDefault", Obeyed),
];

pub(super) const NO_LOCK: &str = "objects could be deleted in spite of it";

/// That there are no locks may be said.
pub(super) fn check_lock(fields: &Fields<'_>, findings: &Findings<'_>) {
    const PROPERTY: &str = "ObjectLockEnabled";
    if fields.boolean(PROPERTY) == Some(true) {
        let message = format!("`{PROPERTY}` is not supported yet");
        let finding = Finding::error(fields.place(PROPERTY), message).why(NO_LOCK);
        findings.report.add(finding);
    }
}

/// What is not said of them is off, and where nothing is said of any all are on, as in the cloud.
pub(super) fn barriers<'a>(fields: &Fields<'a>, findings: &Findings<'a>) -> Barriers {
    let said = fields.nested("PublicAccessBlockConfiguration", BARRIERS, findings);
    let Some(said) = said else {
        return Barriers::ALL;
    };
    let is_on = |name| said.boolean(name).unwrap_or_default();
    Barriers {
        new_lists: is_on("BlockPublicAcls"),
        all_lists: is_on("IgnorePublicAcls"),
        new_policies: is_on("BlockPublicPolicy"),
        all_policies: is_on("RestrictPublicBuckets"),
    }
}

/// Whether objects are said to share a key of their bucket's. Which key it is makes no difference here: see the notice.
pub(super) fn bucket_key<'a>(fields: &Fields<'a>, findings: &Findings<'a>) -> bool {
    let said = fields.nested("BucketEncryption", ENCRYPTION, findings);
    let rules = said.and_then(|said| said.list("ServerSideEncryptionConfiguration"));
    let mut shared = rules.into_iter().flatten().filter_map(|node| {
        let rule = Fields::open(node, node.span, "rule", ENCRYPTION_RULE, findings)?;
        rule.boolean("BucketKeyEnabled")
    });
    shared.any(|shared| shared)
}

pub(crate) fn policy(fields: &Fields<'_>, findings: &Findings<'_>) -> Option<BucketPolicy> {
    let bucket = fields.required_text("Bucket");
    let document = fields.required("PolicyDocument")?;
    let policy = literal::json(document);
    let statements = match &policy["Statement"] {
        serde_json::Value::Array(statements) => statements.len(),
        other => usize::from(other.is_object()),
    };
    if statements == 0 && !document.is_broken() {
        let place = fields.place("PolicyDocument");
        let finding = Finding::error(place, "a policy needs a `Statement`");
        findings.report.add(finding);
    }
    Some(BucketPolicy {
        bucket: bucket?,
        policy: policy.to_string(),
    })
}
