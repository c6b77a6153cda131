//! `AWS::Logs::LogGroup`. A group comes to be with its first line, so nothing is made of it but its name.

use crate::diagnostic::Finding;
use crate::template::shape::{Fields, Findings, Schema, Support};
use Support::{Access, Notice, Obeyed, Refused};

pub(crate) const GROUP: Schema = &[
    ("BearerTokenAuthenticationEnabled", LATER),
    ("DataProtectionPolicy", LATER),
    ("DeletionProtectionEnabled", LATER),
    ("FieldIndexPolicies", LATER),
    (
        "KmsKeyId",
        Notice("lines are stored as they are; encrypt the disk"),
    ),
    ("LogGroupClass", Obeyed),
    ("LogGroupName", Obeyed),
    ("ResourcePolicyDocument", Access),
    (
        "RetentionInDays",
        Notice("of each group, the newest 64 MiB are kept"),
    ),
    ("Tags", Notice("nothing tells the tags of log groups")),
];
const LATER: Support = Refused("log groups only keep lines");

pub(crate) const POLICY: Schema = &[("PolicyDocument", Access), ("PolicyName", Obeyed)];

pub(crate) fn check(fields: &Fields<'_>, name: &str, findings: &Findings<'_>) {
    fields.choice(
        "LogGroupClass",
        &["DELIVERY", "INFREQUENT_ACCESS", "STANDARD"],
    );
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/#".contains(&byte);
    if name.is_empty() || name.len() > 512 || !name.bytes().all(plain) {
        let place = fields.place("LogGroupName");
        let message = format!("`{name}` cannot be the name of a log group");
        let why = "1 to 512 letters, digits, and of . _ - / #";
        findings.report.add(Finding::error(place, message).why(why));
    }
}
