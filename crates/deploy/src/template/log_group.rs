//! `AWS::Logs::LogGroup`.

use ledger::KEPT_DAYS;

use crate::desired::LogGroup;
use crate::diagnostic::Finding;
use crate::template::bus;
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
    (
        "LogGroupClass",
        Notice("lines of all classes are kept and found alike"),
    ),
    ("LogGroupName", Obeyed),
    ("ResourcePolicyDocument", Access),
    ("RetentionInDays", Obeyed),
    ("Tags", Obeyed),
];
const LATER: Support = Refused("log groups only keep lines");

pub(crate) const POLICY: Schema = &[("PolicyDocument", Access), ("PolicyName", Obeyed)];

pub(crate) fn read(fields: &Fields<'_>, name: String, findings: &Findings<'_>) -> Option<LogGroup> {
    if !ledger::Group::is_name(&name) {
        let place = fields.place("LogGroupName");
        let message = format!("`{name}` cannot be the name of a log group");
        let why = "1 to 512 letters, digits, and of . _ - / #";
        findings.report.add(Finding::error(place, message).why(why));
        return None;
    }
    let classes = &["DELIVERY", "INFREQUENT_ACCESS", "STANDARD"];
    let class = fields.choice("LogGroupClass", classes);
    Some(LogGroup {
        name,
        days: days(fields, findings),
        class: class.map(str::to_owned),
        tags: bus::tags(fields, findings),
    })
}

fn days(fields: &Fields<'_>, findings: &Findings<'_>) -> Option<u32> {
    let days = fields.integer("RetentionInDays", 1..=3653)?;
    if KEPT_DAYS.contains(&days) {
        return Some(days);
    }
    let place = fields.place("RetentionInDays");
    let message = format!("lines are not kept for {days} days");
    let known: Vec<String> = KEPT_DAYS.iter().map(u32::to_string).collect();
    let finding = Finding::error(place, message);
    findings
        .report
        .add(finding.help(format!("it is one of {}", known.join(", "))));
    None
}
